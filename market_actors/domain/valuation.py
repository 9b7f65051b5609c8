"""What a portfolio is worth, from what it holds and the prices of now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from market_actors.domain.money import EXACT, ZERO, fx_symbol, percent
from market_actors.domain.position import Holdings, Position
from market_actors.domain.quote import Price, StreamPosition

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class HoldingValue:
    """One holding at its price; all amounts but *price* are in the portfolio's currency, at the present rate.

    daily_change: None where the previous close is unknown.
    """

    symbol: str
    quantity: Decimal
    price: Decimal
    currency: str
    market_value: Decimal
    cost_basis: Decimal
    daily_change: Decimal | None
    unrealized_gain_loss: Decimal
    is_stale: bool
    source: str
    last_updated: datetime


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A holding that counts in no total: it has no price, or no rate into the portfolio's currency."""

    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class Valuation:
    """A portfolio at the prices of now.

    total_value, total_cost_basis, unrealized_gain_loss, daily_change: exact, in *currency*, of priced holdings.
    daily_change_percent: of the value at the previous close; None where that is unknown.
    last_updated:  the newest time of a price in it; None without any.
    oldest_update: the oldest such time.
    inputs:        the prices it was made of: the position of each, to tell whether a kept copy still holds.
    """

    portfolio_id: UUID
    user_id: UUID
    version: int
    currency: str
    total_value: Decimal
    total_cost_basis: Decimal
    unrealized_gain_loss: Decimal
    daily_change: Decimal | None
    daily_change_percent: Decimal | None
    last_updated: datetime | None
    oldest_update: datetime | None
    stale_price_count: int
    fresh_percent: float
    partial: bool
    holdings: tuple[HoldingValue, ...]
    unpriced: tuple[Unpriced, ...]
    inputs: Mapping[str, StreamPosition]


def value(holdings: Holdings, prices: Mapping[str, Price]) -> Valuation:
    """Return the valuation of *holdings* at *prices*, which hold FX quotes beside those of the symbols.

    A holding without a price, or without a rate, counts in no total and is named in ``unpriced``.
    """
    valued: list[HoldingValue] = []
    unpriced: list[Unpriced] = []
    used: dict[str, Price] = {}
    for position in holdings.positions:
        found = _value_of(position, holdings.base_currency, prices)
        if isinstance(found, Unpriced):
            unpriced.append(found)
        else:
            holding, inputs = found
            valued.append(holding)
            used |= inputs
    total = _sum(holding.market_value for holding in valued)
    cost = _sum(holding.cost_basis for holding in valued)
    known = [holding for holding in valued if holding.daily_change is not None]
    change = _sum(holding.daily_change for holding in known if holding.daily_change is not None)
    before = EXACT.subtract(_sum(holding.market_value for holding in known), change)
    times = [holding.last_updated for holding in valued]
    stale = sum(holding.is_stale for holding in valued)
    fresh = len(valued) - stale
    count = len(holdings.positions)
    return Valuation(
        portfolio_id=holdings.portfolio_id,
        user_id=holdings.user_id,
        version=holdings.version,
        currency=holdings.base_currency,
        total_value=total,
        total_cost_basis=cost,
        unrealized_gain_loss=EXACT.subtract(total, cost),
        daily_change=change if known or not valued else None,
        daily_change_percent=percent(change, before) if known else None,
        last_updated=max(times, default=None),
        oldest_update=min(times, default=None),
        stale_price_count=stale,
        fresh_percent=round(100 * fresh / count, 1) if count else 100.0,
        partial=bool(unpriced),
        holdings=tuple(valued),
        unpriced=tuple(unpriced),
        inputs={symbol: price.position for symbol, price in used.items()},
    )


def _value_of(
    position: Position, base: str, prices: Mapping[str, Price]
) -> tuple[HoldingValue, dict[str, Price]] | Unpriced:
    price = prices.get(position.symbol)
    if price is None:
        return Unpriced(position.symbol, "no_price")
    inputs = {position.symbol: price}
    rates = []
    for currency in (price.currency, position.currency):
        if currency == base:
            rates.append(ONE)
            continue
        fx = prices.get(fx_symbol(currency, base))
        if fx is None or fx.currency != base:
            return Unpriced(position.symbol, "no_rate")
        inputs[fx.symbol] = fx
        rates.append(fx.value)
    rate, cost_rate = rates
    worth = _product(position.quantity, price.value, rate)
    cost = _product(position.quantity, position.average_cost, cost_rate)
    change = None if price.change is None else _product(position.quantity, price.change, rate)
    holding = HoldingValue(
        symbol=position.symbol,
        quantity=position.quantity,
        price=price.value,
        currency=price.currency,
        market_value=worth,
        cost_basis=cost,
        daily_change=change,
        unrealized_gain_loss=EXACT.subtract(worth, cost),
        is_stale=any(part.is_stale for part in inputs.values()),
        source=price.source,
        last_updated=price.quote.quote_time,
    )
    return holding, inputs


def _product(quantity: Decimal, amount: Decimal, rate: Decimal) -> Decimal:
    product = EXACT.multiply(quantity, amount)
    return product if rate is ONE else EXACT.multiply(product, rate)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
