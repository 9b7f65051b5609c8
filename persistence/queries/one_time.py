"""Secrets that are good once: stream tickets and sign-in links. Spending one deletes it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from peewee import IntegrityError

from persistence.database import writing
from persistence.errors import RowNotFound
from persistence.models import SignInLink, StreamTicket
from persistence.queries.credentials import credential_of_session, credential_of_token
from persistence.records import Credential, SignIn


def create_ticket(credential_kind: str, credential_id: UUID, digest: str, expires_at: datetime, now: datetime) -> None:
    """Store a stream ticket made by a token or a session. Raises RowNotFound when that is gone."""
    maker = {credential_kind: credential_id}
    try:
        with writing():
            StreamTicket.create(
                digest=digest,
                token=maker.get("token"),
                session=maker.get("session"),
                created_at=now,
                expires_at=expires_at,
            )
    except IntegrityError as error:
        raise RowNotFound(f"no {credential_kind} {credential_id} that may make a ticket") from error


def redeem_ticket(digest: str, now: datetime) -> Credential | None:
    """Spend a ticket; return the credential that made it, with its rights of now, or None if either is no longer good."""
    with writing():
        ticket = StreamTicket.get_or_none(StreamTicket.digest == digest)
        if ticket is None or not StreamTicket.delete().where(StreamTicket.id == ticket.id).execute():
            return None
        if ticket.expires_at <= now:
            return None
        if ticket.token_id is not None:
            return credential_of_token(ticket.token_id, now)
        return credential_of_session(ticket.session_id, now) if ticket.session_id is not None else None


def create_sign_in(purpose: str, user_id: UUID | None, digest: str, expires_at: datetime, now: datetime) -> SignIn:
    """Store a one-time sign-in link: for "setup" without a user, for "user" with one."""
    with writing():
        row = SignInLink.create(purpose=purpose, user=user_id, digest=digest, created_at=now, expires_at=expires_at)
        return _record(row)


def find_sign_in(digest: str, now: datetime) -> SignIn | None:
    """The link if it is still good; does not spend it."""
    row = SignInLink.get_or_none(SignInLink.digest == digest, SignInLink.expires_at > now)
    return _record(row) if row else None


def redeem_sign_in(digest: str, now: datetime) -> SignIn | None:
    """Spend a link; None when it was spent, has expired or was never made."""
    with writing():
        found = find_sign_in(digest, now)
        spent = SignInLink.delete().where(SignInLink.digest == digest).execute()
        return found if spent else None


def _record(row: SignInLink) -> SignIn:
    return SignIn(row.id, row.purpose, row.user_id, row.expires_at)
