"""What a portfolio holds; every change raises the portfolio's version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from peewee import Field

from persistence.database import fetch, fetch_as, insert_many, replacing, writing
from persistence.errors import RowNotFound
from persistence.models import Holding
from persistence.queries.portfolios import get_portfolio, load_positions, touch
from persistence.records import Holding as HoldingRecord
from persistence.records import HoldingRow, HoldingWritten, Imported, Page

_KEY: list[Field[Any]] = [Holding.portfolio, Holding.symbol]
_CONTENT: list[Field[Any]] = [Holding.quantity, Holding.average_cost, Holding.currency, Holding.updated_at]


def list_holdings(user_id: UUID, portfolio_id: UUID, limit: int | None, offset: int) -> Page[HoldingRecord]:
    """A portfolio's holdings by symbol; limit None: all. Raises RowNotFound."""
    total = get_portfolio(user_id, portfolio_id).holding_count
    query = Holding.select(*_KEY, *_CONTENT).where(Holding.portfolio == portfolio_id).order_by(Holding.symbol)
    if limit is not None:
        query = query.limit(limit).offset(offset)
    return Page(fetch_as(HoldingRecord, query), total)


def put_holding(
    user_id: UUID,
    portfolio_id: UUID,
    symbol: str,
    quantity: Decimal,
    average_cost: Decimal,
    currency: str,
    now: datetime,
) -> HoldingWritten:
    """Create or replace one holding. Raises RowNotFound without the portfolio."""
    written = import_holdings(
        user_id,
        portfolio_id,
        [HoldingRow(symbol, quantity, average_cost, currency)],
        replace=False,
        dry_run=False,
        now=now,
    )
    holding = next(held for held in written.positions.holdings if held.symbol == symbol)
    return HoldingWritten(holding, bool(written.created), written.positions)


def delete_holding(user_id: UUID, portfolio_id: UUID, symbol: str, now: datetime) -> None:
    """Remove one holding. Raises RowNotFound when it is not held."""
    with writing():
        touch(user_id, portfolio_id, now)
        if not Holding.delete().where(Holding.portfolio == portfolio_id, Holding.symbol == symbol).execute():
            raise RowNotFound(f"{symbol} is not held")


def import_holdings(
    user_id: UUID,
    portfolio_id: UUID,
    rows: Sequence[HoldingRow],
    replace: bool,
    dry_run: bool,
    now: datetime,
) -> Imported:
    """Write all rows or none; replace: what is not among them is removed; dry_run: only count.

    Raises RowNotFound without the portfolio.
    """
    symbols = {row.symbol for row in rows}
    with writing():
        if dry_run:
            get_portfolio(user_id, portfolio_id)
        else:
            touch(user_id, portfolio_id, now)
        there = Holding.select(Holding.symbol).where(Holding.portfolio == portfolio_id)
        held = {symbol for (symbol,) in fetch(there)}
        if not dry_run:
            if replace:
                Holding.delete().where(Holding.portfolio == portfolio_id).execute()
            values = [(portfolio_id, row.symbol, row.quantity, row.average_cost, row.currency, now) for row in rows]
            insert_many([*_KEY, *_CONTENT], values, replacing(_KEY, _CONTENT))
        positions = load_positions([portfolio_id])[0]
    return Imported(len(rows), len(symbols - held), len(symbols & held), positions)
