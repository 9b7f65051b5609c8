"""Values that several tests need."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from persistence.records import LastPrice

NOW = datetime(2026, 3, 2, 1, 30, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_PRICE = LastPrice(
    symbol="CBA.AX",
    name="Commonwealth Bank",
    exchange="XASX",
    currency="AUD",
    price=Decimal("123.4500"),
    previous_close=Decimal("122.10"),
    volume=1_000,
    provider="yahoo",
    source="yahoo",
    quote_time=NOW,
    received_at=NOW + SECOND,
    delay_seconds=900,
    end_of_day=False,
    confirmation="intraday",
    is_market_hours=True,
    epoch=1,
    number=1,
)


def price(**changes: Any) -> LastPrice:
    """A last price; each differs from the next only by *changes*."""
    return replace(_PRICE, **changes)
