"""What a portfolio is worth, from what it holds and the prices of now.

:func:`value` counts everything; :func:`revalued` goes on from a former valuation and counts what has changed alone. Both
come to the same, digit by digit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from market_actors.domain.money import EXACT, ZERO, fx_symbol, percent
from market_actors.domain.position import Holdings, Position
from market_actors.domain.priced import (
    Basis,
    HoldingValue,
    PricedHoldings,
    PriceInputs,
    Unpriced,
    product,
)
from market_actors.domain.quote import Price, StreamPosition

__all__ = ["HoldingValue", "Unpriced", "Valuation", "changed_symbols", "revalued", "value"]


class Valuation(NamedTuple):
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
    holdings: Sequence[HoldingValue]
    unpriced: tuple[Unpriced, ...]
    inputs: Mapping[str, StreamPosition]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Of all that it holds, priced or not."""
        if isinstance(self.holdings, PricedHoldings):
            return self.holdings.basis.symbols
        named: tuple[HoldingValue | Unpriced, ...] = (*self.holdings, *self.unpriced)
        return tuple(holding.symbol for holding in named)

    def holdings_of(self, symbols: Collection[str]) -> Iterable[HoldingValue]:
        """Return the holdings of these symbols that have a value."""
        if isinstance(self.holdings, PricedHoldings):
            return self.holdings.of(symbols)
        return [holding for holding in self.holdings if holding.symbol in symbols]


def value(holdings: Holdings, prices: Mapping[str, Price]) -> Valuation:
    """Return the valuation of *holdings* at *prices*, which hold FX quotes beside those of the symbols.

    A holding without a price, or without a rate, counts in no total and is named in ``unpriced``.
    """
    symbols = tuple(position.symbol for position in holdings.positions)
    found = tuple(map(prices.get, symbols))
    basis = Basis(holdings.base_currency, holdings.positions, symbols, found, _rates(holdings, found, prices), False)
    total = cost = change = known = ZERO
    unpriced, stale, unknown = [], 0, 0
    for position, price in zip(holdings.positions, found, strict=True):
        amounts = None if price is None else basis.amounts(position, price)
        if price is None or amounts is None:
            unpriced.append(Unpriced(position.symbol, "no_rate" if price else "no_price"))
            continue
        total = EXACT.add(total, amounts.market_value)
        cost = EXACT.add(cost, basis.cost(position, price))
        stale += amounts.is_stale
        if amounts.daily_change is None:
            unknown += 1
        else:
            change = EXACT.add(change, amounts.daily_change)
            known = EXACT.add(known, amounts.market_value)
    are_known = unknown < len(symbols) - len(unpriced)
    return _valuation(
        holdings,
        basis._replace(is_complete=not unpriced and not unknown),
        total,
        cost,
        change if are_known or len(unpriced) == len(symbols) else None,
        known if are_known else None,
        stale,
        tuple(unpriced),
    )


def revalued(
    before: Valuation | None, holdings: Holdings, prices: Mapping[str, Price], touched: AbstractSet[str]
) -> Valuation:
    """Return what value() returns, where of *prices* only those *touched* are others than when *before* was made.

    before: made in this process, of the same holdings.
    """
    basis = _basis_of(before)
    if before is None or before.daily_change is None or basis is None:
        return value(holdings, prices)
    if not basis.is_complete or not touched.isdisjoint(basis.rates):
        return value(holdings, prices)
    fresh, places = list(basis.prices), [place for place, symbol in enumerate(basis.symbols) if symbol in touched]
    total, change, stale = before.total_value, before.daily_change, before.stale_price_count
    for place in places:
        position, old, new = basis.positions[place], basis.prices[place], prices.get(basis.symbols[place])
        step = None if old is None or new is None else _step(basis, position, old, new)
        if step is None or old is None or new is None:
            return value(holdings, prices)
        total = EXACT.add(total, step)
        change = EXACT.add(change, step)
        stale += new.is_stale - old.is_stale
        fresh[place] = new
    basis = Basis(basis.base, basis.positions, basis.symbols, tuple(fresh), basis.rates, True)
    return _valuation(holdings, basis, total, before.total_cost_basis, change, total, stale, ())


def _step(basis: Basis, position: Position, old: Price, new: Price) -> Decimal | None:
    """Return by how much a holding's value, and with it its daily change, has moved.

    None where these are not the same, or the new price has other decimals than the old one: a sum shows the decimals of
    that part which has the most, and how many the others have is not known here.
    """
    was, now = old.quote, new.quote
    rates = basis.rates_of(position, new)
    if (
        rates is None
        or rates.is_stale
        or was.currency != now.currency
        or was.previous_close is None
        or now.previous_close is None
        or was.previous_close.compare_total(now.previous_close)
        or not was.price.same_quantum(now.price)
    ):
        return None
    return product(position.quantity, EXACT.subtract(now.price, was.price), rates.quoted)


def changed_symbols(before: Valuation | None, after: Valuation) -> frozenset[str]:
    """Return the symbols whose holding is not what it was; of a first valuation all."""
    was, now = _basis_of(before), _basis_of(after)
    if was and now and was.positions is now.positions and was.rates is now.rates:
        pairs = zip(now.symbols, was.prices, now.prices, strict=True)
        return frozenset(symbol for symbol, old, new in pairs if old is not new and _shown(old) != _shown(new))
    known = {holding.symbol: holding for holding in before.holdings} if before else {}
    return frozenset(holding.symbol for holding in after.holdings if known.get(holding.symbol) != holding)


def _basis_of(valuation: Valuation | None) -> Basis | None:
    """Return what a valuation was made of; None of one that was read from a cache."""
    holdings = valuation.holdings if valuation else None
    return holdings.basis if isinstance(holdings, PricedHoldings) else None


def _shown(price: Price | None) -> object:
    """What of a price is seen in a holding."""
    if price is None:
        return None
    quote = price.quote
    return (quote.price, quote.previous_close, quote.currency, quote.quote_time, price.source, price.is_stale)


def _rates(holdings: Holdings, found: Iterable[Price | None], prices: Mapping[str, Price]) -> Mapping[str, Price]:
    base = holdings.base_currency
    currencies = {position.currency for position in holdings.positions}
    currencies |= {price.currency for price in found if price is not None}
    wanted = (fx_symbol(currency, base) for currency in currencies - {base})
    return {symbol: rate for symbol in wanted if (rate := prices.get(symbol)) and rate.currency == base}


def _valuation(
    holdings: Holdings,
    basis: Basis,
    total: Decimal,
    cost: Decimal,
    change: Decimal | None,
    known: Decimal | None,
    stale: int,
    unpriced: tuple[Unpriced, ...],
) -> Valuation:
    """known: the value of those holdings whose daily change is known; None when it is of none."""
    counted = basis.prices
    if unpriced:
        without = {each.symbol for each in unpriced}
        counted = tuple(price for price in counted if price is not None and price.symbol not in without)
    times = [price.quote.quote_time for price in counted if price is not None]
    count = len(basis.symbols)
    before = None if known is None or change is None else EXACT.subtract(known, change)
    return Valuation(
        portfolio_id=holdings.portfolio_id,
        user_id=holdings.user_id,
        version=holdings.version,
        currency=holdings.base_currency,
        total_value=total,
        total_cost_basis=cost,
        unrealized_gain_loss=EXACT.subtract(total, cost),
        daily_change=change,
        daily_change_percent=None if before is None or change is None else percent(change, before),
        last_updated=max(times, default=None),
        oldest_update=min(times, default=None),
        stale_price_count=stale,
        fresh_percent=round(100 * (count - len(unpriced) - stale) / count, 1) if count else 100.0,
        partial=bool(unpriced),
        holdings=PricedHoldings(basis),
        unpriced=unpriced,
        inputs=PriceInputs(basis),
    )
