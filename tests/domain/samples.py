"""Quotes, prices and sessions to judge by."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from market_actors.domain.exchanges import currency_of, exchange_of
from market_actors.domain.position import Holdings, Position
from market_actors.domain.quote import (
    Confirmation,
    MarketStatus,
    Price,
    Quote,
    StreamPosition,
)
from market_actors.domain.sessions import Session

NOON = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
"""Noon of a Monday in Sydney."""

TRADING_DAY = Session(date(2026, 1, 5), datetime(2026, 1, 4, 23, 0, tzinfo=UTC), datetime(2026, 1, 5, 5, 0, tzinfo=UTC))
"""10:00 to 16:00 of that Monday."""


def at(hour: int, minute: int = 0, day: int = 5) -> datetime:
    """Return a time of the day in Sydney, in January 2026."""
    return datetime(2026, 1, day, tzinfo=UTC) + timedelta(hours=hour - 11, minutes=minute)


def quote(
    symbol: str = "CBA.AX",
    price: str = "100",
    *,
    provider: str = "yahoo",
    currency: str | None = None,
    quote_time: datetime = NOON,
    received_at: datetime | None = None,
    previous_close: str | None = None,
    volume: int | None = None,
    delay_seconds: int = 0,
    exchange: str | None = None,
) -> Quote:
    return Quote(
        symbol=symbol,
        provider=provider,
        price=Decimal(price),
        currency=currency or currency_of(symbol) or "USD",
        quote_time=quote_time,
        received_at=received_at or quote_time,
        previous_close=None if previous_close is None else Decimal(previous_close),
        volume=volume,
        delay_seconds=delay_seconds,
        exchange=exchange,
    )


def price_of(told: Quote, *, is_stale: bool = False, number: int = 1) -> Price:
    return Price(
        quote=told,
        source=told.provider,
        exchange=exchange_of(told.symbol),
        market_status=MarketStatus.OPEN,
        confirmation=Confirmation.INTRADAY,
        is_stale=is_stale,
        stale_reason="age" if is_stale else None,
        position=StreamPosition(1, number),
    )


def holdings(*positions: Position, base_currency: str = "AUD") -> Holdings:
    return Holdings(UUID(int=1), UUID(int=2), base_currency, 1, positions)


def position(symbol: str, quantity: str = "1", average_cost: str = "0", currency: str | None = None) -> Position:
    return Position(symbol, Decimal(quantity), Decimal(average_cost), currency or currency_of(symbol) or "USD")
