"""Prices: the last good one of each instrument, and all that were published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from peewee import Case, Field, ModelSelect, Tuple

from persistence.database import fetch, fetch_as, insert_many, writing_ahead
from persistence.fields import to_text
from persistence.models import Instrument, RealtimePriceHistory
from persistence.records import Instrument as InstrumentRecord
from persistence.records import LastPrice, PricePoint

OVERRIDE = "override"  # the source of a price that an administrator set
PAGE = 5_000  # rows of the history fetched at once

_LAST = [getattr(Instrument, name) for name in LastPrice.__slots__]
_HISTORY: dict[Field[Any], str] = {
    RealtimePriceHistory.epoch: "epoch",
    RealtimePriceHistory.number: "number",
    RealtimePriceHistory.symbol: "symbol",
    RealtimePriceHistory.timestamp: "quote_time",
    RealtimePriceHistory.received_at: "received_at",
    RealtimePriceHistory.price: "price",
    RealtimePriceHistory.previous_close: "previous_close",
    RealtimePriceHistory.currency: "currency",
    RealtimePriceHistory.volume: "volume",
    RealtimePriceHistory.provider: "provider",
    RealtimePriceHistory.source: "source",
    RealtimePriceHistory.confirmation: "confirmation",
    RealtimePriceHistory.is_market_hours: "is_market_hours",
    RealtimePriceHistory.market_status: "market_status",
    RealtimePriceHistory.stale_reason: "stale_reason",
}
"""The columns of the history, and what of a LastPrice each takes."""
_last_of, _history_of = attrgetter(*LastPrice.__slots__), attrgetter(*_HISTORY.values())

_updates = ", ".join(
    f'"{field.column_name}" = EXCLUDED."{field.column_name}"'
    for field in _LAST
    if field.name not in ("symbol", "name")  # == of fields makes SQL
)
_UPSERT = f"""
    ON CONFLICT (symbol) DO UPDATE SET {_updates}, name = COALESCE(EXCLUDED.name, instrument.name)
    WHERE (EXCLUDED.epoch, EXCLUDED.number) >= (instrument.epoch, instrument.number)"""


def record_prices(
    rows: Sequence[LastPrice],
    hidden: Sequence[LastPrice] = (),
    restated: Sequence[LastPrice] = (),
    now: datetime | None = None,
) -> None:
    """Keep these as the last good prices, unless later ones are kept already, and in the history.

    hidden:   kept as last good prices only. What somebody set in place of a price is in the history only, and is
              an instrument's price where it has no other.
    restated: in the history for streams only.
    now:      from when on streams can be resumed from these; None: they cannot.

    Nobody waits for the disk, which has them after the next database.catch_up().
    """
    published = (*rows, *restated)
    good = [row for row in (*published, *hidden) if row.source != OVERRIDE]
    set_by_hand = [row for row in published if row.source == OVERRIDE]
    with writing_ahead():
        insert_many(_LAST, map(_last_of, good), _UPSERT)
        insert_many(_LAST, map(_last_of, set_by_hand), "ON CONFLICT DO NOTHING")
        history = ((*_history_of(row), number >= len(rows), now) for number, row in enumerate(published))
        columns = [*_HISTORY, RealtimePriceHistory.is_restated, RealtimePriceHistory.recorded_at]
        insert_many(columns, history, "ON CONFLICT DO NOTHING")


def load_last_prices() -> tuple[LastPrice, ...]:
    """The last good price of every instrument."""
    return fetch_as(LastPrice, Instrument.select(*_LAST).order_by(Instrument.symbol))


def search_instruments(text: str, limit: int) -> tuple[InstrumentRecord, ...]:
    """Instruments whose symbol or name contains *text*; those whose symbol begins with it first."""
    query = (
        Instrument.select(Instrument.symbol, Instrument.name, Instrument.exchange, Instrument.currency)
        .where(Instrument.symbol.contains(text) | Instrument.name.contains(text))
        .order_by(Case(None, [(Instrument.symbol.startswith(text), 0)], 1), Instrument.symbol)
        .limit(limit)
    )
    return fetch_as(InstrumentRecord, query)


def list_price_points(symbol: str, start: datetime, end: datetime, limit: int) -> tuple[PricePoint, ...]:
    """A symbol's prices from *start* to before *end*: the newest *limit* of them, oldest first."""
    query = _history(symbol, start, end).limit(limit)
    return tuple(PricePoint(*row[:-2]) for row in reversed(fetch(query)))


def newest_first(symbol: str, start: datetime, end: datetime) -> Iterator[PricePoint]:
    """A symbol's prices from *start* to before *end*, fetched page by page as they are taken."""
    pages = _history(symbol, start, end).limit(PAGE)
    rows = fetch(pages)
    while rows:
        yield from (PricePoint(*row[:-2]) for row in rows)
        timestamp, *_, epoch, number = rows[-1]
        rows = fetch(pages.where(Tuple(*_POSITION) < Tuple(to_text(timestamp), epoch, number)))


_POSITION = [RealtimePriceHistory.timestamp, RealtimePriceHistory.epoch, RealtimePriceHistory.number]


def _history(symbol: str, start: datetime, end: datetime) -> ModelSelect[RealtimePriceHistory]:
    timestamp = RealtimePriceHistory.timestamp
    return (
        RealtimePriceHistory.select(
            timestamp,
            RealtimePriceHistory.price,
            RealtimePriceHistory.volume,
            RealtimePriceHistory.source,
            RealtimePriceHistory.is_market_hours,
            *_POSITION[1:],
        )
        .where(
            RealtimePriceHistory.symbol == symbol,
            timestamp >= start,
            timestamp < end,
            ~RealtimePriceHistory.is_restated,
        )
        .order_by(*(field.desc() for field in _POSITION))
    )
