"""The audit log: appended to in the transaction of the change, and checked link by link."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from persistence.database import fetch, fetch_as, lock_until_commit, writing
from persistence.fields import canonical
from persistence.models import AuditHead, AuditLog
from persistence.records import AuditEntry, Page

LOCK = 7_305_002  # of PostgreSQL's advisory locks: the chain has one end
PAGE = 1_000  # entries fetched at once

_COLUMNS = [
    AuditLog.id,
    AuditLog.at,
    AuditLog.actor,
    AuditLog.action,
    AuditLog.target_type,
    AuditLog.target_id,
    AuditLog.reason,
    AuditLog.before,
    AuditLog.after,
    AuditLog.hash,
]


def append_audit(
    actor: str,
    action: str,
    target_type: str,
    target_id: str | UUID | None,
    reason: str | None,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    now: datetime,
) -> AuditEntry:
    """Add an entry at the end of the chain, within the transaction of the caller if there is one."""
    with writing():
        lock_until_commit(LOCK)
        # Not the newest entry: were it deleted, its place would be taken, and the log look whole again.
        number, previous = next(iter(fetch(AuditHead.select(AuditHead.number, AuditHead.hash))), (0, ""))
        entry = {
            "id": uuid4(),
            "at": now,
            "actor": actor,
            "action": action,
            "target_type": target_type,
            "target_id": str(target_id) if target_id is not None else None,
            "reason": reason,
            "before": before,
            "after": after,
        }
        link = _link(number + 1, previous, entry)
        AuditLog.insert(number=number + 1, hash=link, **entry).execute()
        head = {AuditHead.number: number + 1, AuditHead.hash: link}
        AuditHead.insert({AuditHead.id: 1, **head}).on_conflict(conflict_target=[AuditHead.id], update=head).execute()
        return fetch_as(AuditEntry, AuditLog.select(*_COLUMNS).where(AuditLog.id == entry["id"]))[0]


def list_audit(
    limit: int,
    offset: int,
    actor: str | None = None,
    action: str | None = None,
    target_id: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Page[AuditEntry]:
    """The log, newest first; of what is not None only the entries that have it, from *start* to before *end*."""
    query = AuditLog.select(*_COLUMNS)
    for column, value in ((AuditLog.actor, actor), (AuditLog.action, action), (AuditLog.target_id, target_id)):
        if value is not None:
            query = query.where(column == value)
    if start is not None:
        query = query.where(AuditLog.at >= start)
    if end is not None:
        query = query.where(AuditLog.at < end)
    page = query.order_by(AuditLog.number.desc()).limit(limit).offset(offset)
    return Page(fetch_as(AuditEntry, page), query.count())


def check_audit() -> AuditEntry | None:
    """Return the first entry that was altered, or before which one is missing; None if the chain is whole."""
    previous = ""
    for number, (number_found, entry) in enumerate(_walk(), 1):
        fields = {name: getattr(entry, name) for name in AuditEntry.__slots__ if name != "hash"}
        if number_found != number or entry.hash != _link(number, previous, fields):
            return entry
        previous = entry.hash
    return None


def audit_lacks_its_end() -> bool:
    """Return whether the newest entries are missing, or all."""
    newest = AuditLog.select(AuditLog.number, AuditLog.hash).order_by(AuditLog.number.desc()).limit(1)
    return list(fetch(newest)) != list(fetch(AuditHead.select(AuditHead.number, AuditHead.hash)))


def _walk() -> Iterator[tuple[int, AuditEntry]]:
    query = AuditLog.select(AuditLog.number, *_COLUMNS).order_by(AuditLog.number).limit(PAGE)
    page = fetch(query)
    while page:
        for number, *columns in page:
            yield number, AuditEntry(*columns)
        page = fetch(query.where(AuditLog.number > page[-1][0]))


def _link(number: int, previous: str, fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{previous}{number}{canonical(fields)}".encode()).hexdigest()
