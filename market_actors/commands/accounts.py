"""Accounts and tokens from the command line; whoever may open the database may make them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from market_actors.credentials import digest, hash_password, new_secret
from market_actors.errors import Conflict, NotFound
from market_actors.settings import Settings
from persistence import queries
from persistence.records import HoldingRow, User

ACTOR = "command line"
SIGN_IN_LASTS = timedelta(minutes=30)

SAMPLE_EMAIL = "demo@example.com"
SAMPLE_PORTFOLIO = "Sample portfolio"
SAMPLE_HOLDINGS = (
    HoldingRow("CBA.AX", Decimal(120), Decimal("98.40"), "AUD"),
    HoldingRow("BHP.AX", Decimal(300), Decimal("41.15"), "AUD"),
    HoldingRow("CSL.AX", Decimal(25), Decimal("281.90"), "AUD"),
    HoldingRow("WES.AX", Decimal(80), Decimal("52.75"), "AUD"),
    HoldingRow("AAPL", Decimal(40), Decimal("164.20"), "USD"),
    HoldingRow("MSFT", Decimal(15), Decimal("312.05"), "USD"),
)


def add_user(email: str, role: str, password: str | None) -> User:
    """Make an account; without a password it is entered by a one-time link.

    Raises Conflict when the address is no e-mail address or the password is too short, RowConflict when it is taken.
    """
    name, _, host = email.partition("@")
    if not name or not host or any(letter.isspace() for letter in email):
        raise Conflict(f"{email!r} is no e-mail address")
    try:
        password_hash = None if password is None else hash_password(password)
    except ValueError as error:
        raise Conflict(str(error)) from None
    return queries.create_user(
        email=email, role=role, password_hash=password_hash, actor=ACTOR, reason=None, now=datetime.now(UTC)
    )


def list_users() -> list[str]:
    """Return a line for each account: address, role, whether it is active, and its last sign-in."""
    lines = []
    offset = 0
    while page := queries.list_users(limit=500, offset=offset).rows:
        offset += len(page)
        for user in page:
            seen = user.last_sign_in_at.isoformat(timespec="seconds") if user.last_sign_in_at else "never"
            lines.append(f"{user.email}\t{user.role}\t{'active' if user.is_active else 'inactive'}\t{seen}")
    return lines


def create_token(email: str, scope: str, expires_in_days: int | None) -> str:
    """Return a new bearer token of the account; it is shown this once.

    Raises NotFound without such an account, Conflict when the scope is above its role.
    """
    now = datetime.now(UTC)
    user = existing_user(email)
    if scope == "admin" and user.role != "admin":
        raise Conflict(f"{email} is no administrator; its tokens have the scope read or write")
    secret = new_secret()
    queries.create_token(
        user_id=user.id,
        name=ACTOR,
        scope=scope,
        digest=digest(secret),
        expires_at=now + timedelta(days=expires_in_days) if expires_in_days else None,
        now=now,
    )
    return secret


def revoke_token(token_id: UUID) -> None:
    """End anybody's token; its streams end within 5 s. Raises RowNotFound."""
    queries.revoke_token(user_id=None, token_id=token_id, now=datetime.now(UTC))


def existing_user(email: str) -> User:
    """Return the account; raises NotFound."""
    user = queries.find_user(email=email)
    if user is None:
        raise NotFound(f"no account {email}")
    return user


def sign_in_path(purpose: str, user: User | None) -> str:
    """Return the path of a new one-time link, good for half an hour."""
    now = datetime.now(UTC)
    secret = new_secret()
    queries.create_sign_in(
        purpose=purpose,
        user_id=user.id if user else None,
        digest=digest(secret),
        expires_at=now + SIGN_IN_LASTS,
        now=now,
    )
    return f"/sign-in?token={secret}"


def first_sign_in(settings: Settings, demo: bool) -> str | None:
    """Return the link that a starting server prints: for the sample user, or to make the first administrator."""
    if demo:
        return settings.origin + sign_in_path("user", sample_user())
    if queries.count_users() == 0:
        return settings.origin + sign_in_path("setup", None)
    return None


def foremost_sign_in(settings: Settings) -> str | None:
    """Return a link that signs somebody in, an administrator if there is one; None where nobody may come in."""
    user = queries.foremost_user()
    return settings.origin + sign_in_path("user", user) if user else None


def sample_user() -> User:
    """Return the sample user, an administrator without a password, made with a portfolio when missing."""
    known = queries.find_user(email=SAMPLE_EMAIL)
    if known is not None:
        return known
    now = datetime.now(UTC)
    user = add_user(SAMPLE_EMAIL, "admin", None)
    portfolio = queries.create_portfolio(user_id=user.id, name=SAMPLE_PORTFOLIO, base_currency="AUD", now=now)
    queries.import_holdings(
        user_id=user.id, portfolio_id=portfolio.id, rows=SAMPLE_HOLDINGS, replace=False, dry_run=False, now=now
    )
    return user
