"""Accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import chunked

from persistence.database import fetch, lock_until_commit, writing
from persistence.errors import RowConflict, RowNotFound
from persistence.models import Session, SignInLink, User
from persistence.queries import audit
from persistence.records import Page
from persistence.records import User as UserRecord

AT_ONCE = 500  # ids in one query, below the limits of both databases
USER_COLUMNS = (
    User.id,
    User.email,
    User.role,
    User.is_active,
    User.created_at,
    User.last_sign_in_at,
    User.password_hash,
)
"""Those of a UserRecord, in its order."""


def count_users() -> int:
    return User.select().count()


def find_user(email: str) -> UserRecord | None:
    """The account of an address, compared without regard to case; also an inactive one."""
    row = User.get_or_none(User.email_key == _key(email))
    return user_record(row) if row else None


def create_user(
    email: str,
    role: str,
    password_hash: str | None,
    actor: str,
    reason: str | None,
    now: datetime,
    first: bool = False,
) -> UserRecord:
    """Make an account. Raises RowConflict when the address is taken, or when *first* and there is one already."""
    with writing():
        lock_until_commit(audit.LOCK)  # so that of two first administrators one is refused
        if first and count_users():
            raise RowConflict("there is an account already")
        if find_user(email):
            raise RowConflict(f"there is an account of {email} already")
        user = User.create(
            email=email.strip(),
            email_key=_key(email),
            password_hash=password_hash,
            role=role,
            is_active=True,
            created_at=now,
        )
        after = {"email": user.email, "role": role, "is_active": True}
        audit.append_audit(actor, "user.create", "user", user.id, reason, None, after, now)
        return user_record(user)


def invite_user(
    email: str, role: str, actor: str, reason: str | None, digest: str, expires_at: datetime, now: datetime
) -> UserRecord:
    """Make an account without a password, and the one-time link that opens it. Raises RowConflict as create_user."""
    with writing():
        user = create_user(email, role, None, actor, reason, now)
        SignInLink.create(purpose="user", user=user.id, digest=digest, created_at=now, expires_at=expires_at)
        return user


def get_user(user_id: UUID) -> UserRecord:
    """Raises RowNotFound."""
    row = User.get_or_none(User.id == user_id)
    if row is None:
        raise RowNotFound(f"no user {user_id}")
    return user_record(row)


def find_emails(user_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The addresses of these users."""
    found: dict[UUID, str] = {}
    for some in chunked(user_ids, AT_ONCE):
        found |= dict(fetch(User.select(User.id, User.email).where(User.id.in_(some))))
    return found


def update_user(
    user_id: UUID,
    role: str | None,
    is_active: bool | None,
    password_hash: str | None,
    actor: str,
    reason: str,
    now: datetime,
) -> UserRecord:
    """Change what is not None. A new password ends the account's sessions and the links that sign in to it.

    Raises RowNotFound, RowConflict for the last active administrator.
    """
    with writing():
        lock_until_commit(audit.LOCK)
        before = get_user(user_id)
        changes: dict[str, Any] = {"role": role, "is_active": is_active, "password_hash": password_hash}
        changes = {name: value for name, value in changes.items() if value is not None}
        is_admin = before.role == "admin" and before.is_active
        if is_admin and not _has_another_administrator(user_id) and (role == "user" or is_active is False):
            raise RowConflict(f"{before.email} is the last administrator")
        if (before.role == "admin" and role == "user") or (before.is_active and is_active is False):
            changes["rights_changed_at"] = now
        if changes:
            User.update(changes).where(User.id == user_id).execute()
        if password_hash is not None:
            Session.update(ended_at=now).where(Session.user == user_id, Session.ended_at.is_null()).execute()
            SignInLink.delete().where(SignInLink.user == user_id).execute()
        after = get_user(user_id)
        is_new = password_hash is not None
        told = {**_shown(after), "password": "changed"} if is_new else _shown(after)
        audit.append_audit(actor, "user.update", "user", user_id, reason, _shown(before), told, now)
        return after


def _has_another_administrator(than: UUID) -> bool:
    return User.select().where(User.role == "admin", User.is_active, User.id != than).exists()


def _shown(user: UserRecord) -> dict[str, Any]:
    return {"email": user.email, "role": user.role, "is_active": user.is_active}


def foremost_user() -> UserRecord | None:
    """The active account that was made first, of an administrator where there is one."""
    row = User.select().where(User.is_active).order_by(User.role == "user", User.created_at, User.id).first()
    return user_record(row) if row else None


def list_users(limit: int, offset: int) -> Page[UserRecord]:
    """Accounts, newest first."""
    query = User.select().order_by(User.created_at.desc(), User.id).limit(limit).offset(offset)
    return Page(tuple(map(user_record, query)), count_users())


def user_record(row: User) -> UserRecord:
    return UserRecord(
        row.id, row.email, row.role, row.is_active, row.created_at, row.last_sign_in_at, row.password_hash
    )


def _key(email: str) -> str:
    return email.strip().casefold()
