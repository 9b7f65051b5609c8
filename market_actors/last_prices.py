"""Prices as they are stored, and what of a price its readers see."""

from __future__ import annotations

from collections.abc import Sequence

from market_actors.domain.exchanges import exchange_of
from market_actors.domain.quote import Confirmation, MarketStatus, Price, Quote, StreamPosition
from market_actors.domain.sessions import Session, session_at
from persistence.records import LastPrice, PriceEvent

OVERRIDE = "override"  # the source of a price that an administrator set


def shown(price: Price) -> tuple[object, ...]:
    """Return what readers see of a price, but for its age: where none of it has changed, there is no news."""
    quote = price.quote
    return (
        quote.price,
        quote.previous_close,
        quote.volume,
        quote.currency,
        quote.quote_time,
        price.source,
        price.market_status,
        price.stale_reason,
    )


def row_of(price: Price, sessions: Sequence[Session]) -> LastPrice:
    """Return the price as it is stored; *sessions* are those of its exchange around its time."""
    quote = price.quote
    session = session_at(sessions, quote.quote_time)
    return LastPrice(
        symbol=quote.symbol,
        name=quote.name,
        exchange=price.exchange,
        currency=quote.currency,
        price=quote.price,
        previous_close=quote.previous_close,
        volume=quote.volume,
        provider=quote.provider,
        source=price.source,
        quote_time=quote.quote_time,
        received_at=quote.received_at,
        delay_seconds=quote.delay_seconds,
        end_of_day=quote.end_of_day,
        confirmation=price.confirmation.value,
        is_market_hours=session is not None and any(start <= quote.quote_time <= end for start, end in session.spans),
        epoch=price.position.epoch,
        number=price.position.number,
        market_status=price.market_status.value,
        stale_reason=price.stale_reason,
    )


def quote_of(row: LastPrice) -> Quote:
    """Return the quote that a stored price was made of."""
    return Quote(
        symbol=row.symbol,
        provider=row.provider,
        price=row.price,
        currency=row.currency,
        quote_time=row.quote_time,
        received_at=row.received_at,
        previous_close=row.previous_close,
        volume=row.volume,
        delay_seconds=row.delay_seconds,
        end_of_day=row.end_of_day,
        exchange=row.exchange,
        name=row.name,
    )


def published(event: PriceEvent) -> Price:
    """Return a price as it was published; what streams do not tell of it is missing."""
    quote = Quote(
        symbol=event.symbol,
        provider=event.provider,
        price=event.price,
        currency=event.currency,
        quote_time=event.quote_time,
        received_at=event.received_at,
        previous_close=event.previous_close,
        volume=event.volume,
    )
    return Price(
        quote=quote,
        source=event.source,
        exchange=exchange_of(event.symbol),
        market_status=MarketStatus(event.market_status),
        confirmation=Confirmation(event.confirmation),
        is_stale=event.stale_reason is not None,
        stale_reason=event.stale_reason,
        position=StreamPosition(event.epoch, event.number),
    )
