"""Tokens and cookie sessions: made, found by the digest of their secret, and ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from peewee import Field, IntegrityError, ModelSelect

from persistence.database import fetch, writing
from persistence.errors import RowNotFound
from persistence.models import Portfolio, PortfolioLink, Session, Token, User
from persistence.prepared import Prepared, given
from persistence.queries.users import USER_COLUMNS, user_record
from persistence.records import Credential, Page, Revoked
from persistence.records import Token as TokenRecord
from persistence.records import User as UserRecord


def authenticate(kind: str, digest: str, now: datetime) -> Credential | None:
    """Whose is the secret with this SHA-256? None when it was never made, has ended, or its user is inactive.

    kind: token, session or link. The scope is what the user's role allows now.
    """
    match kind:
        case "token":
            return _token_credential(_TOKEN_BY_DIGEST.fetch(key=digest, now=now))
        case "session":
            return _session_credential(_SESSION_BY_DIGEST.fetch(key=digest, now=now))
        case "link":
            return _link_credential(digest, now)
    raise ValueError(f"not a kind of credential: {kind}")


def credential_of_token(token_id: UUID, now: datetime) -> Credential | None:
    """What authenticate() says of the token's secret."""
    return _token_credential(_TOKEN_BY_ID.fetch(key=token_id, now=now))


def credential_of_session(session_id: UUID, now: datetime) -> Credential | None:
    """What authenticate() says of the session's secret."""
    return _session_credential(_SESSION_BY_ID.fetch(key=session_id, now=now))


def _token_credential(rows: Sequence[tuple[Any, ...]]) -> Credential | None:
    if not rows:
        return None
    token_id, own_scope, expires_at, *columns = rows[0]
    user = UserRecord(*columns)
    scope = "write" if own_scope == "admin" and user.role != "admin" else own_scope
    return Credential(token_id, "token", user, scope, expires_at)


def _session_credential(rows: Sequence[tuple[Any, ...]]) -> Credential | None:
    if not rows:
        return None
    session_id, expires_at, *columns = rows[0]
    user = UserRecord(*columns)
    return Credential(session_id, "session", user, "admin" if user.role == "admin" else "write", expires_at)


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


def _token_is_good(now: Any) -> Any:
    return Token.revoked_at.is_null() & (Token.expires_at.is_null() | (Token.expires_at > now))


def _token_record(row: Token) -> TokenRecord:
    return TokenRecord(row.id, row.user_id, row.name, row.scope, row.created_at, row.expires_at)


def _ids(query: ModelSelect[Any]) -> list[UUID]:
    return [key for (key,) in fetch(query)]


def _good_token(key: Field[Any]) -> ModelSelect[Token]:
    query = Token.select(Token.id, Token.scope, Token.expires_at, *USER_COLUMNS).join(User)
    now = given("now", Token.expires_at)
    return query.where(key == given("key", key), User.is_active, _token_is_good(now))


def _good_session(key: Field[Any]) -> ModelSelect[Session]:
    query = Session.select(Session.id, Session.expires_at, *USER_COLUMNS).join(User)
    now = given("now", Session.expires_at)
    return query.where(key == given("key", key), User.is_active, Session.ended_at.is_null(), Session.expires_at > now)


_TOKEN_BY_DIGEST, _TOKEN_BY_ID = (Prepared(partial(_good_token, key)) for key in (Token.digest, Token.id))
_SESSION_BY_DIGEST, _SESSION_BY_ID = (Prepared(partial(_good_session, key)) for key in (Session.digest, Session.id))
