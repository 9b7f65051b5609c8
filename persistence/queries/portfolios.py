"""Portfolios, and the index of who holds what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from peewee import JOIN, IntegrityError, ModelSelect, chunked, fn

from persistence.database import fetch, fetch_as, writing
from persistence.errors import RowNotFound
from persistence.models import Holding, Portfolio
from persistence.prepared import Prepared, given
from persistence.queries.names import keep_name
from persistence.records import BookEntry, Page, Positions
from persistence.records import Holding as HoldingRecord
from persistence.records import Portfolio as PortfolioRecord

AT_ONCE = 500  # ids in one query, below the limits of both databases


def create_portfolio(user_id: UUID, name: str, base_currency: str, now: datetime) -> PortfolioRecord:
    """Make an empty portfolio. Raises RowNotFound without such a user."""
    try:
        with writing():
            row = Portfolio.create(
                user=user_id, name=name, base_currency=base_currency, version=1, created_at=now, updated_at=now
            )
            return get_portfolio(user_id, row.id)
    except IntegrityError as error:
        raise RowNotFound(f"no user {user_id}") from error


def list_portfolios(user_id: UUID, limit: int, offset: int, oldest_first: bool = False) -> Page[PortfolioRecord]:
    """The user's portfolios, newest first unless told otherwise."""
    made = Portfolio.created_at if oldest_first else Portfolio.created_at.desc()
    query = _counted().where(Portfolio.user == user_id).order_by(made, Portfolio.id).limit(limit).offset(offset)
    total = Portfolio.select().where(Portfolio.user == user_id).count()
    return Page(fetch_as(PortfolioRecord, query), total)


def count_portfolios() -> int:
    return Portfolio.select().count()


def get_portfolio(user_id: UUID, portfolio_id: UUID) -> PortfolioRecord:
    """Raises RowNotFound."""
    found = _PORTFOLIO.fetch(user_id=user_id, portfolio_id=portfolio_id)
    if not found:
        raise not_found(portfolio_id)
    return PortfolioRecord(*found[0])


def portfolio_owner(portfolio_id: UUID) -> UUID:
    """Whose it is. Raises RowNotFound."""
    found = fetch(Portfolio.select(Portfolio.user).where(Portfolio.id == portfolio_id))
    if not found:
        raise not_found(portfolio_id)
    return UUID(str(found[0][0]))


def update_portfolio(
    user_id: UUID, portfolio_id: UUID, name: str | None, base_currency: str | None, now: datetime
) -> PortfolioRecord:
    """Change what is not None; the version rises with the currency. Raises RowNotFound."""
    changes: dict[Any, Any] = {Portfolio.updated_at: now}
    if name is not None:
        changes[Portfolio.name] = name
    if base_currency is not None:
        changes |= {Portfolio.base_currency: base_currency, Portfolio.version: Portfolio.version + 1}
    with writing():
        if not Portfolio.update(changes).where(Portfolio.id == portfolio_id, Portfolio.user == user_id).execute():
            raise not_found(portfolio_id)
        return get_portfolio(user_id, portfolio_id)


def delete_portfolio(user_id: UUID, portfolio_id: UUID, now: datetime) -> None:
    """Remove a portfolio with its holdings, links and history. Raises RowNotFound."""
    with writing():
        keep_name(portfolio_id)
        if not Portfolio.delete().where(Portfolio.id == portfolio_id, Portfolio.user == user_id).execute():
            raise not_found(portfolio_id)


def touch(user_id: UUID, portfolio_id: UUID, now: datetime) -> None:
    """Raise the version of a portfolio, which keeps others from changing it until the transaction ends.

    Raises RowNotFound.
    """
    query = Portfolio.update(version=Portfolio.version + 1, updated_at=now)
    if not query.where(Portfolio.id == portfolio_id, Portfolio.user == user_id).execute():
        raise not_found(portfolio_id)


def load_book() -> tuple[BookEntry, ...]:
    """Who holds what: every portfolio, with the symbol, the currency of the cost and the quantity of each holding."""
    query = (
        Portfolio.select(
            Portfolio.id,
            Portfolio.user,
            Portfolio.base_currency,
            Portfolio.version,
            Holding.symbol,
            Holding.currency,
            Holding.quantity,
        )
        .join(Holding, JOIN.LEFT_OUTER)
        .order_by(Portfolio.id, Holding.symbol)
    )
    return tuple(
        BookEntry(
            portfolio_id,
            user_id,
            base_currency,
            version,
            tuple(row[4:] for row in rows if row[4] is not None),
        )
        for (portfolio_id, user_id, base_currency, version), rows in groupby(fetch(query), itemgetter(0, 1, 2, 3))
    )


def load_positions(portfolio_ids: Sequence[UUID]) -> tuple[Positions, ...]:
    """What each of these portfolios holds, by symbol, at one moment; those that do not exist are left out."""
    if len(portfolio_ids) == 1:
        return _positions_of(_HELD.fetch(portfolio_id=portfolio_ids[0]))
    return tuple(
        found for ids in chunked(portfolio_ids, AT_ONCE) for found in _positions_of(fetch(_held(Portfolio.id.in_(ids))))
    )


def _held(condition: Any) -> ModelSelect[Portfolio]:
    """One statement, for what is read after a version may be gone already, or of a later one."""
    query = Portfolio.select(
        Portfolio.id,
        Portfolio.user,
        Portfolio.base_currency,
        Portfolio.version,
        Holding.symbol,
        Holding.quantity,
        Holding.average_cost,
        Holding.currency,
        Holding.updated_at,
    )
    return query.join(Holding, JOIN.LEFT_OUTER).where(condition).order_by(Portfolio.id, Holding.symbol)


def _positions_of(rows: list[tuple[Any, ...]]) -> tuple[Positions, ...]:
    return tuple(
        Positions(
            portfolio_id,
            user_id,
            base_currency,
            version,
            tuple(HoldingRecord(portfolio_id, *row[4:]) for row in held if row[4] is not None),
        )
        for (portfolio_id, user_id, base_currency, version), held in groupby(rows, itemgetter(0, 1, 2, 3))
    )


def versions_since(moment: datetime) -> dict[UUID, int]:
    """The versions of the portfolios that were changed at *moment* or later."""
    query = Portfolio.select(Portfolio.id, Portfolio.version).where(Portfolio.updated_at >= moment)
    return dict(fetch(query))


def not_found(portfolio_id: UUID) -> RowNotFound:
    return RowNotFound(f"no portfolio {portfolio_id}")


def _counted() -> ModelSelect[Portfolio]:
    query = Portfolio.select(
        Portfolio.id,
        Portfolio.user,
        Portfolio.name,
        Portfolio.base_currency,
        Portfolio.version,
        Portfolio.created_at,
        Portfolio.updated_at,
        fn.COUNT(Holding.symbol),
    )
    return query.join(Holding, JOIN.LEFT_OUTER).group_by(Portfolio.id)


_PORTFOLIO = Prepared(
    lambda: _counted().where(
        Portfolio.id == given("portfolio_id", Portfolio.id), Portfolio.user == given("user_id", Portfolio.user)
    )
)
_HELD = Prepared(lambda: _held(Portfolio.id == given("portfolio_id", Portfolio.id)))
