"""What portfolios were worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from uuid import UUID

from peewee import chunked

from persistence.database import fetch, fetch_as, insert_many, replacing, writing
from persistence.intervals import beginning
from persistence.models import Portfolio, PortfolioValuation
from persistence.queries.portfolios import AT_ONCE, get_portfolio
from persistence.records import Portfolio as PortfolioRecord
from persistence.records import ValuationPoint

PAGE = 5_000  # rows fetched at once

_COLUMNS = [getattr(PortfolioValuation, name.removesuffix("_id")) for name in ValuationPoint.__slots__]
_KEY, _AMOUNTS = _COLUMNS[:2], _COLUMNS[2:]


def record_valuations(rows: Sequence[ValuationPoint]) -> None:
    """Keep these values; those of portfolios that have been deleted meanwhile are left out."""
    with writing():
        there: set[UUID] = set()
        for ids in chunked({row.portfolio_id for row in rows}, AT_ONCE):
            there.update(key for (key,) in fetch(Portfolio.select(Portfolio.id).where(Portfolio.id.in_(ids))))
        values = (
            [getattr(row, name) for name in ValuationPoint.__slots__] for row in rows if row.portfolio_id in there
        )
        insert_many(_COLUMNS, values, replacing(_KEY, _AMOUNTS))


def list_valuation_points(
    user_id: UUID, portfolio_id: UUID, start: datetime, end: datetime, interval: str, limit: int
) -> tuple[ValuationPoint, ...]:
    """A portfolio's values from *start* to before *end*: the newest *limit*, oldest first. Raises RowNotFound.

    Only values in its present currency: they could not be compared with others.

    interval: raw (all), or the last value of each 15m, 1h or 1d (a day of UTC).
    """
    portfolio = get_portfolio(user_id, portfolio_id)
    points = _newest_first(portfolio, start, end)
    if interval != "raw":
        begins = beginning(interval, "UTC")
        points = (next(group) for _, group in groupby(points, key=lambda point: begins(point.timestamp)))
    return tuple(reversed(list(islice(points, limit))))


def _newest_first(portfolio: PortfolioRecord, start: datetime, end: datetime) -> Iterator[ValuationPoint]:
    timestamp = PortfolioValuation.timestamp
    query = PortfolioValuation.select(*_COLUMNS).where(
        PortfolioValuation.portfolio == portfolio.id,
        PortfolioValuation.currency == portfolio.base_currency,
        timestamp >= start,
    )
    query = query.order_by(timestamp.desc()).limit(PAGE)
    while True:
        page = fetch_as(ValuationPoint, query.where(timestamp < end))
        if not page:
            return
        yield from page
        end = page[-1].timestamp
