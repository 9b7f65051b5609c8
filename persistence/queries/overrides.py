"""Overrides: ordered, replaced, removed; and all orders together, as the actors obey them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from persistence.database import fetch, lock_until_commit, writing
from persistence.errors import RowGone, RowNotFound
from persistence.models import AdministrativeOverride as Override
from persistence.models import Instrument
from persistence.queries import audit
from persistence.queries.intervals import load_spans
from persistence.queries.targets import check_target
from persistence.records import AdministrativeOverride, Orders, Page

REPLACED = "replaced by another one"


def create_override(
    override_type: str,
    scope: str,
    target_id: UUID | None,
    provider_id: str | None,
    symbol: str | None,
    interval_minutes: int | None,
    price: Decimal | None,
    duration_minutes: int | None,
    is_tracked: bool,
    actor: str,
    reason: str,
    now: datetime,
) -> AdministrativeOverride:
    """Order an override, which removes the active one of its type and target.

    duration_minutes: None until it is removed. is_tracked: the symbol is known, though nobody holds it.

    Raises RowNotFound without such a user, portfolio or symbol.
    """
    with writing():
        lock_until_commit(audit.LOCK)
        check_target(scope, target_id, symbol, is_tracked)
        before = _remove_active(override_type, scope, target_id, provider_id, symbol, actor, now)
        row = Override.create(
            override_type=override_type,
            scope=scope,
            target_id=target_id,
            provider_id=provider_id,
            symbol=symbol,
            override_value=interval_minutes,
            override_price=price,
            previous_price=_last_good_price(symbol) if price is not None and symbol is not None else None,
            effective_time=now,
            expires_at=None if duration_minutes is None else now + timedelta(minutes=duration_minutes),
            reason=reason,
            admin_user=actor,
            created_at=now,
        )
        after = _record(row, now)
        was = asdict(before) if before else None
        audit.append_audit(actor, "override.create", "override", row.id, reason, was, asdict(after), now)
        return after


def get_override(override_id: UUID, now: datetime) -> AdministrativeOverride:
    """Raises RowNotFound."""
    row = Override.get_or_none(Override.id == override_id)
    if row is None:
        raise RowNotFound(f"no override {override_id}")
    return _record(row, now)


def list_overrides(
    active: bool | None, scope: str | None, limit: int, offset: int, now: datetime
) -> Page[AdministrativeOverride]:
    """Overrides, newest first."""
    query = Override.select()
    if active is not None:
        query = query.where(_is_active(now) if active else ~_is_active(now))
    if scope is not None:
        query = query.where(Override.scope == scope)
    rows = query.order_by(Override.created_at.desc(), Override.id).limit(limit).offset(offset)
    return Page(tuple(_record(row, now) for row in rows), query.count())


def remove_override(override_id: UUID, actor: str, reason: str | None, now: datetime) -> AdministrativeOverride:
    """End an override. Raises RowNotFound, RowGone when it has expired or was removed."""
    with writing():
        lock_until_commit(audit.LOCK)
        before = get_override(override_id, now)
        if before.status != "active":
            raise RowGone(f"override {override_id}: {before.status}")
        _remove(override_id, actor, reason, now)
        after = get_override(override_id, now)
        audit.append_audit(
            actor, "override.remove", "override", override_id, reason, asdict(before), asdict(after), now
        )
        return after


def load_orders(now: datetime) -> Orders:
    """All orders that are not over, the first that was given first."""
    rows = Override.select().where(_is_active(now)).order_by(Override.effective_time, Override.id)
    return Orders(tuple(_record(row, now) for row in rows), load_spans(now))


def _remove_active(
    override_type: str,
    scope: str,
    target_id: UUID | None,
    provider_id: str | None,
    symbol: str | None,
    actor: str,
    now: datetime,
) -> AdministrativeOverride | None:
    """Remove what is active of this type and target; return what it was."""
    query = Override.select().where(Override.override_type == override_type, Override.scope == scope, _is_active(now))
    same: list[tuple[Any, Any]] = [
        (Override.target_id, target_id),
        (Override.provider_id, provider_id),
        (Override.symbol, symbol),
    ]
    for column, value in same:
        query = query.where(column.is_null() if value is None else column == value)
    row = query.get_or_none()
    if row is None:
        return None
    before = _record(row, now)
    _remove(row.id, actor, REPLACED, now)
    return before


def _remove(override_id: UUID, actor: str, reason: str | None, now: datetime) -> None:
    removed = Override.update(removed_at=now, removed_by=actor, removed_reason=reason)
    removed.where(Override.id == override_id).execute()


def _last_good_price(symbol: str) -> Decimal | None:
    """The price that providers gave last: an earlier override is none."""
    given = (Instrument.symbol == symbol) & (Instrument.source != "override")
    last = fetch(Instrument.select(Instrument.price).where(given))
    return last[0][0] if last else None


def _is_active(now: datetime) -> Any:
    return Override.removed_at.is_null() & (Override.expires_at.is_null() | (Override.expires_at > now))


def _status(row: Override, now: datetime) -> str:
    if row.removed_at is not None:
        return "removed"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "active"


def _record(row: Override, now: datetime) -> AdministrativeOverride:
    stored = {name: getattr(row, name) for name in AdministrativeOverride.__slots__ if name != "status"}
    return AdministrativeOverride(status=_status(row, now), **stored)
