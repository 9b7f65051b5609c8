"""Holdings, in and out of a portfolio that is called by its name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from market_actors.commands.accounts import existing_user
from market_actors.domain.exchanges import CURRENCIES
from market_actors.errors import Conflict, NotFound
from persistence import queries
from persistence.records import Holding, HoldingRow, Portfolio, User

LONGEST_NAME = 200


def import_holdings(
    email: str, name: str, rows: Sequence[HoldingRow], currency: str, replace: bool, dry_run: bool
) -> tuple[int, int]:
    """Write all rows into the account's portfolio of that name, which is made when it is missing; return new, changed.

    currency: of a portfolio that is made, ISO 4217.
    Raises NotFound without such an account, Conflict for an impossible name or currency.
    """
    now = datetime.now(UTC)
    user = existing_user(email)
    portfolio = _portfolio(user, name)
    if portfolio is None:
        _check(name, currency)
        if dry_run:
            return len(rows), 0
        portfolio = queries.create_portfolio(user_id=user.id, name=name, base_currency=currency, now=now)
    done = queries.import_holdings(
        user_id=user.id, portfolio_id=portfolio.id, rows=rows, replace=replace, dry_run=dry_run, now=now
    )
    return done.created, done.updated


def _check(name: str, currency: str) -> None:
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Conflict(f"a portfolio's name has 1 to {LONGEST_NAME} characters and no control characters")
    if currency not in CURRENCIES:
        raise Conflict(f"no currency {currency!r}; they look like AUD")


def held_in(email: str, name: str) -> tuple[Holding, ...]:
    """Return the holdings of the account's portfolio of that name, by symbol. Raises NotFound."""
    user = existing_user(email)
    portfolio = _portfolio(user, name)
    if portfolio is None:
        raise NotFound(f"{email} has no portfolio {name!r}")
    return queries.list_holdings(user_id=user.id, portfolio_id=portfolio.id, limit=None, offset=0).rows


def _portfolio(user: User, name: str) -> Portfolio | None:
    """The oldest portfolio of that name: names need not be unique."""
    offset = 0
    while page := queries.list_portfolios(user_id=user.id, limit=500, offset=offset, oldest_first=True).rows:
        for portfolio in page:
            if portfolio.name == name:
                return portfolio
        offset += len(page)
    return None
