"""What was published in a time, to be played again."""

from __future__ import annotations

from datetime import datetime

from peewee import ModelSelect, fn

from persistence import models
from persistence.database import fetch, fetch_as, writing
from persistence.models import Instrument, RealtimePriceHistory
from persistence.queries.prices import OVERRIDE
from persistence.records import RecordedPrice


def newest_recorded() -> datetime | None:
    """When the last price came, or None where none ever did."""
    newest = RealtimePriceHistory.select(fn.MAX(RealtimePriceHistory.received_at)).scalar()
    return RealtimePriceHistory.received_at.python_value(newest)


def list_recorded(start: datetime, end: datetime) -> tuple[RecordedPrice, ...]:
    """The prices that came from *start* to *end*, in their order, each once; none that an administrator set."""
    history = RealtimePriceHistory
    query = _recorded().where(history.received_at.between(start, end))
    return fetch_as(RecordedPrice, query.order_by(history.received_at, history.epoch, history.number))


def list_last_recorded(before: datetime) -> tuple[RecordedPrice, ...]:
    """What each symbol stood at then, as far as it had a price."""
    history = RealtimePriceHistory
    newest_first = [field.desc() for field in (history.timestamp, history.epoch, history.number)]
    rows: list[RecordedPrice] = []
    for (symbol,) in fetch(Instrument.select(Instrument.symbol)):
        of_symbol = _recorded().where(history.symbol == symbol, history.received_at < before)
        rows.extend(fetch_as(RecordedPrice, of_symbol.order_by(*newest_first).limit(1)))
    return tuple(rows)


def _recorded() -> ModelSelect[RealtimePriceHistory]:
    history = RealtimePriceHistory
    return (
        history.select(
            history.symbol,
            Instrument.name,
            Instrument.exchange,
            history.currency,
            history.price,
            history.previous_close,
            history.volume,
            history.received_at,
        )
        .join(Instrument, on=(history.symbol == Instrument.symbol))
        .where(~history.is_restated, history.source != OVERRIDE)
    )


def forget_market() -> None:
    """Remove all prices and values, and what administrators ordered about them; accounts and holdings stay."""
    with writing():
        for model in (
            models.PortfolioValuation,
            models.PriceUpdateSchedule,
            models.Instrument,  # and its prices with it
            models.MarketDataProvider,
            models.AdministrativeOverride,
            models.PollIntervalConfiguration,
        ):
            model.delete().execute()
