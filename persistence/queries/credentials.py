"""Tokens and cookie sessions: made, found by the digest of their secret, and ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import IntegrityError, ModelSelect

from persistence.database import fetch, writing
from persistence.errors import RowNotFound
from persistence.models import Portfolio, PortfolioLink, Session, Token, User
from persistence.queries.users import user_record
from persistence.records import Credential, Page, Revoked
from persistence.records import Token as TokenRecord


def authenticate(kind: str, digest: str, now: datetime) -> Credential | None:
    """Whose is the secret with this SHA-256? None when it was never made, has ended, or its user is inactive.

    kind: token, session or link. The scope is what the user's role allows now.
    """
    match kind:
        case "token":
            return token_credential(Token.digest == digest, now)
        case "session":
            return session_credential(Session.digest == digest, now)
        case "link":
            return _link_credential(digest, now)
    raise ValueError(f"not a kind of credential: {kind}")


def token_credential(condition: Any, now: datetime) -> Credential | None:
    query = Token.select(Token, User).join(User).where(condition, User.is_active, _token_is_good(now))
    token = query.get_or_none()
    if token is None:
        return None
    scope = "write" if token.scope == "admin" and token.user.role != "admin" else token.scope
    return Credential(token.id, "token", user_record(token.user), scope, token.expires_at)


def session_credential(condition: Any, now: datetime) -> Credential | None:
    query = Session.select(Session, User).join(User).where(condition, User.is_active)
    session = query.where(Session.ended_at.is_null(), Session.expires_at > now).get_or_none()
    if session is None:
        return None
    scope = "admin" if session.user.role == "admin" else "write"
    return Credential(session.id, "session", user_record(session.user), scope, session.expires_at)


def _link_credential(digest: str, now: datetime) -> Credential | None:
    query = PortfolioLink.select(PortfolioLink, Portfolio, User).join(Portfolio).join(User)
    good = PortfolioLink.ended_at.is_null() & (PortfolioLink.expires_at > now)
    link = query.where(PortfolioLink.digest == digest, User.is_active, good).get_or_none()
    if link is None:
        return None
    owner = user_record(link.portfolio.user)
    return Credential(link.id, "link", owner, "read", link.expires_at, portfolio_id=link.portfolio.id)


def create_token(
    user_id: UUID,
    name: str,
    scope: str,
    digest: str,
    expires_at: datetime | None,
    now: datetime,
    signs_in: bool = False,
) -> TokenRecord:
    """Store a token's digest; signs_in: note the sign-in. Raises RowNotFound without such a user."""
    try:
        with writing():
            if signs_in:
                User.update(last_sign_in_at=now).where(User.id == user_id).execute()
            token = Token.create(
                user=user_id, name=name, scope=scope, digest=digest, created_at=now, expires_at=expires_at
            )
    except IntegrityError as error:
        raise RowNotFound(f"no user {user_id}") from error
    return _token_record(token)


def list_tokens(user_id: UUID, limit: int, offset: int, now: datetime) -> Page[TokenRecord]:
    """The user's tokens that have neither been revoked nor expired, newest first."""
    query = Token.select().where(Token.user == user_id, _token_is_good(now))
    rows = query.order_by(Token.created_at.desc(), Token.id).limit(limit).offset(offset)
    return Page(tuple(map(_token_record, rows)), query.count())


def revoke_token(user_id: UUID | None, token_id: UUID, now: datetime) -> None:
    """End a token. Raises RowNotFound when it has ended or is not the user's (None: anybody's)."""
    with writing():
        query = Token.update(revoked_at=now).where(Token.id == token_id, _token_is_good(now))
        if user_id is not None:
            query = query.where(Token.user == user_id)
        if not query.execute():
            raise RowNotFound(f"no token {token_id}")


def create_session(
    user_id: UUID, digest: str, expires_at: datetime, ip_address: str, user_agent: str, now: datetime
) -> UUID:
    """Begin a cookie session and note the sign-in. Raises RowNotFound without such an active user."""
    with writing():
        if not User.update(last_sign_in_at=now).where(User.id == user_id, User.is_active).execute():
            raise RowNotFound(f"no user {user_id}")
        session = Session.create(
            user=user_id,
            digest=digest,
            ip_address=ip_address,
            user_agent=user_agent,
            created_at=now,
            expires_at=expires_at,
        )
        return UUID(str(session.id))


def end_session(digest: str, now: datetime) -> None:
    """End a cookie session, if there is one."""
    with writing():
        Session.update(ended_at=now).where(Session.digest == digest, Session.ended_at.is_null()).execute()


def revoked_since(moment: datetime) -> Revoked:
    """Tokens, sessions and links that were ended at *moment* or later, and users who lost rights since."""
    ended = (
        *_ids(Token.select(Token.id).where(Token.revoked_at >= moment)),
        *_ids(Session.select(Session.id).where(Session.ended_at >= moment)),
        *_ids(PortfolioLink.select(PortfolioLink.id).where(PortfolioLink.ended_at >= moment)),
    )
    losses = fetch(User.select(User.id, User.rights_changed_at).where(User.rights_changed_at >= moment))
    return Revoked(frozenset(ended), frozenset(losses))


def _token_is_good(now: datetime) -> Any:
    return Token.revoked_at.is_null() & (Token.expires_at.is_null() | (Token.expires_at > now))


def _token_record(row: Token) -> TokenRecord:
    return TokenRecord(row.id, row.user_id, row.name, row.scope, row.created_at, row.expires_at)


def _ids(query: ModelSelect[Any]) -> list[UUID]:
    return [key for (key,) in fetch(query)]
