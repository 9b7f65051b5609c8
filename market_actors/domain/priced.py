"""Holdings and their prices side by side, from which every amount of a valuation can be made again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, overload

from market_actors.domain.money import EXACT, fx_symbol
from market_actors.domain.position import Position
from market_actors.domain.quote import Price, StreamPosition

ONE = Decimal(1)


class HoldingValue(NamedTuple):
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


class Amounts(NamedTuple):
    """What one holding adds to the totals, in the portfolio's currency."""

    market_value: Decimal
    daily_change: Decimal | None
    is_stale: bool


class Rates(NamedTuple):
    """How much of the portfolio's currency one is of what a holding is quoted in, and of what was paid for it."""

    quoted: Decimal
    paid: Decimal
    is_stale: bool


class Basis(NamedTuple):
    """What a valuation is made of.

    base:        the portfolio's currency.
    symbols:     of the positions, in turn; prices: likewise, None where there is none.
    rates:       the rates into *base* that the positions need and there are, by symbol.
    is_complete: has every position a value, and a daily change?
    """

    base: str
    positions: tuple[Position, ...]
    symbols: tuple[str, ...]
    prices: tuple[Price | None, ...]
    rates: Mapping[str, Price]
    is_complete: bool

    def amounts(self, position: Position, price: Price) -> Amounts | None:
        """Return what *position* is worth at *price*; None without a rate."""
        rates = self.rates_of(position, price)
        if rates is None:
            return None
        quantity, change = position.quantity, price.change
        return Amounts(
            product(quantity, price.value, rates.quoted),
            None if change is None else product(quantity, change, rates.quoted),
            price.is_stale or rates.is_stale,
        )

    def cost(self, position: Position, price: Price) -> Decimal:
        """Return what was paid for *position*, at the rate of now; there is one."""
        rates = self.rates_of(position, price)
        assert rates is not None
        return product(position.quantity, position.average_cost, rates.paid)

    def rates_of(self, position: Position, price: Price) -> Rates | None:
        """Return the rates of a holding; None when one is missing."""
        base = self.base
        if price.quote.currency == base == position.currency:
            return NO_RATES
        found = []
        for currency in (price.currency, position.currency):
            rate = self.rates.get(fx_symbol(currency, base))
            if currency != base and rate is None:
                return None
            found.append((ONE, False) if currency == base or rate is None else (rate.value, rate.is_stale))
        (quoted, quoted_stale), (paid, paid_stale) = found
        return Rates(quoted, paid, quoted_stale or paid_stale)

    def holding(self, position: Position, price: Price | None) -> HoldingValue | None:
        """Return the holding at its price; None when it has no value."""
        rates = None if price is None else self.rates_of(position, price)
        if price is None or rates is None:
            return None
        quote, quantity, change = price.quote, position.quantity, price.change
        worth = product(quantity, quote.price, rates.quoted)
        cost = product(quantity, position.average_cost, rates.paid)
        return HoldingValue(
            position.symbol,
            quantity,
            quote.price,
            quote.currency,
            worth,
            cost,
            None if change is None else product(quantity, change, rates.quoted),
            EXACT.subtract(worth, cost),
            price.is_stale or rates.is_stale,
            price.source,
            quote.quote_time,
        )


class PricedHoldings(Sequence[HoldingValue]):
    """The holdings that have a value. Each is made when it is looked at: kept, twenty of them would take 11 KiB."""

    __slots__ = ("basis",)

    def __init__(self, basis: Basis) -> None:
        self.basis = basis

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> HoldingValue: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[HoldingValue]: ...
    def __getitem__(self, index: int | slice) -> HoldingValue | Sequence[HoldingValue]:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[HoldingValue]:
        return self._made(self.basis.symbols)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Sequence) and tuple(self) == tuple(other))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def of(self, symbols: Collection[str]) -> Iterator[HoldingValue]:
        """Return those of these symbols."""
        return self._made(symbols)

    def _made(self, symbols: Collection[str]) -> Iterator[HoldingValue]:
        basis = self.basis
        for place, symbol in enumerate(basis.symbols):
            if symbol in symbols:
                holding = basis.holding(basis.positions[place], basis.prices[place])
                if holding is not None:
                    yield holding


class PriceInputs(Mapping[str, StreamPosition]):
    """The position of each price that counts in a valuation, rates among them."""

    __slots__ = ("_basis",)

    def __init__(self, basis: Basis) -> None:
        self._basis = basis

    def __len__(self) -> int:
        return len(self._made())

    def __iter__(self) -> Iterator[str]:
        return iter(self._made())

    def __getitem__(self, symbol: str) -> StreamPosition:
        return self._made()[symbol]

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Mapping) and self._made() == dict(other))

    __hash__ = None  # type: ignore[assignment]  # as of any mapping

    def _made(self) -> dict[str, StreamPosition]:
        basis, made = self._basis, {}
        for position, price in zip(basis.positions, basis.prices, strict=True):
            if price is None or basis.rates_of(position, price) is None:
                continue
            made[position.symbol] = price.position
            for currency in {price.currency, position.currency} - {basis.base}:
                symbol = fx_symbol(currency, basis.base)
                made[symbol] = basis.rates[symbol].position
        return made


NO_RATES = Rates(ONE, ONE, False)


def product(quantity: Decimal, amount: Decimal, rate: Decimal) -> Decimal:
    worth = EXACT.multiply(quantity, amount)
    return worth if rate is ONE else EXACT.multiply(worth, rate)
