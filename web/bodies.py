"""Prices and valuations as JSON, the same in REST answers and on the stream.

Decimals are strings with the digits they were given; ages are of the moment of the answer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from market_actors.domain.money import percent, plain
from market_actors.domain.quote import Price
from market_actors.domain.valuation import HoldingValue, Valuation


def timestamp(moment: datetime) -> str:
    """Return ISO 8601 in UTC with Z."""
    return utc(moment).isoformat()[:-6] + "Z"  # without +00:00


def utc(moment: datetime) -> datetime:
    """Return the moment as JSON has it with Z."""
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def optional(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def price_body(price: Price, now: datetime) -> dict[str, Any]:
    """A price as GET /market-data/prices answers it."""
    quote = price.quote
    return {
        "symbol": quote.symbol,
        "name": quote.name,
        "currency": quote.currency,
        "current_price": plain(quote.price),
        "previous_close": optional(quote.previous_close),
        "daily_change": optional(price.change),
        "daily_change_percent": optional(change_percent(price)),
        "volume": quote.volume,
        "market_status": price.market_status.value,
        "source": price.source,
        "last_updated": timestamp(quote.quote_time),
        "fetched_at": timestamp(quote.received_at),
        "delay_seconds": quote.delay_seconds,
        "age_seconds": int(price.age(now).total_seconds()),
        "is_stale": price.is_stale,
        "stale_reason": price.stale_reason,
        "confirmation": price.confirmation.value,
    }


def price_event_body(price: Price) -> dict[str, Any]:
    """A price as price_update carries it."""
    quote = price.quote
    return {
        "symbol": quote.symbol,
        "price": plain(quote.price),
        "previous_close": optional(quote.previous_close),
        "change": optional(price.change),
        "change_percent": optional(change_percent(price)),
        "volume": quote.volume,
        "currency": quote.currency,
        "market_status": price.market_status.value,
        "source": price.source,
        "last_updated": timestamp(quote.quote_time),
        "is_stale": price.is_stale,
    }


def change_percent(price: Price) -> Decimal | None:
    """The change since the previous close in percent of it; None where either is unknown."""
    change, close = price.change, price.quote.previous_close
    return None if change is None or close is None else percent(change, close)


def holding_body(holding: HoldingValue) -> dict[str, Any]:
    return {
        "symbol": holding.symbol,
        "quantity": plain(holding.quantity),
        "price": plain(holding.price),
        "currency": holding.currency,
        "market_value": plain(holding.market_value),
        "daily_change": optional(holding.daily_change),
        "unrealized_gain_loss": plain(holding.unrealized_gain_loss),
        "is_stale": holding.is_stale,
        "source": holding.source,
        "last_updated": utc(holding.last_updated),
    }


def valuation_body(valuation: Valuation, now: datetime) -> dict[str, Any]:
    """A valuation as GET /portfolios/{id}/valuation answers it: all holdings, and those without a price."""
    unpriced = [{"symbol": unpriced.symbol, "reason": unpriced.reason} for unpriced in valuation.unpriced]
    return portfolio_event_body(valuation, None, now) | {"unpriced": unpriced}


def portfolio_event_body(valuation: Valuation, changed: frozenset[str] | None, now: datetime) -> dict[str, Any]:
    """A valuation as portfolio_update carries it: with the *changed* holdings; with None, all of them."""
    oldest = valuation.oldest_update
    return {
        "portfolio_id": valuation.portfolio_id,
        "currency": valuation.currency,
        "total_value": plain(valuation.total_value),
        "total_cost_basis": plain(valuation.total_cost_basis),
        "unrealized_gain_loss": plain(valuation.unrealized_gain_loss),
        "daily_change": optional(valuation.daily_change),
        "daily_change_percent": optional(valuation.daily_change_percent),
        "last_updated": utc(valuation.last_updated) if valuation.last_updated else None,
        "stale_price_count": valuation.stale_price_count,
        "fresh_percent": valuation.fresh_percent,
        "oldest_price_age_seconds": max(int((now - oldest).total_seconds()), 0) if oldest else None,
        "partial": valuation.partial,
        "holdings": list(map(holding_body, valuation.holdings if changed is None else valuation.holdings_of(changed))),
    }
