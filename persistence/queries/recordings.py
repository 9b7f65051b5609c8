"""What was published in a time, to be played again."""

from __future__ import annotations

from datetime import datetime

from peewee import fn

from persistence import models
from persistence.database import fetch_as, writing
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
    query = (
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
        .where(
            history.received_at.between(start, end),
            ~history.is_restated,
            history.source != OVERRIDE,
        )
        .order_by(history.received_at, history.epoch, history.number)
    )
    return fetch_as(RecordedPrice, query)


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
