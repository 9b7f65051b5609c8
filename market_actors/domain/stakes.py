"""What hangs on each symbol: its shares of the portfolios that hold it, who looks at them, how much its price moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from market_actors.domain.budget import Stake
from market_actors.domain.money import fx_symbol
from market_actors.domain.quote import Price
from market_actors.domain.volatility import USUAL, per_day, updated

AT_ONCE = 200  # portfolios counted without a pause
DAY = 86_400.0  # seconds


class Held(NamedTuple):
    """A holding as weights need it: what one cost is in *currency* (ISO 4217)."""

    symbol: str
    currency: str
    quantity: float


def shares(held: Iterable[Held], base_currency: str, prices: Mapping[str, Price]) -> dict[str, float]:
    """Return the part (0 to 1) of a portfolio's value that hangs on each symbol, rates among them.

    What has no price, or no rate, counts nothing.
    """
    values: dict[str, float] = {}
    total = 0.0
    for symbol, _, quantity in held:
        price = prices.get(symbol)
        if price is None:
            continue
        value = quantity * float(price.value)
        if price.currency != base_currency:
            pair = fx_symbol(price.currency, base_currency)
            rate = prices.get(pair)
            if rate is None:
                continue
            value *= float(rate.value)
            values[pair] = values.get(pair, 0.0) + value
        values[symbol] = value
        total += value
    return {symbol: value / total for symbol, value in values.items()} if total else {}


class StakeCount:
    """Counts the stakes, some portfolios at a time: ten thousand of them at once would keep others waiting."""

    def __init__(self) -> None:
        self._variances: dict[str, float] = {}
        self._waiting: list[UUID] = []
        self._shares: dict[str, float] = {}
        self._viewers: dict[str, int] = {}

    @property
    def is_counting(self) -> bool:
        return bool(self._waiting)

    def moved(self, before: Mapping[str, Price], after: Mapping[str, Price]) -> None:
        """Learn from prices that have changed how much they move."""
        for symbol, price in after.items():
            known = before.get(symbol)
            variance = self._variances.get(symbol, USUAL**2)
            close = price.quote.previous_close
            if known is not None and known.currency == price.currency:
                days = (price.quote.quote_time - known.quote.quote_time).total_seconds() / DAY
                if days > 0:
                    self._variances[symbol] = updated(variance, float(known.value), float(price.value), days)
            elif close is not None and close > 0:
                self._variances[symbol] = updated(variance, float(close), float(price.value), 1.0)

    def begin(self, portfolio_ids: Iterable[UUID]) -> None:
        """Begin a new count of these."""
        self._waiting = list(portfolio_ids)
        self._shares, self._viewers = {}, {}

    def take(self) -> list[UUID]:
        """Return those to count next."""
        taken, self._waiting = self._waiting[-AT_ONCE:], self._waiting[:-AT_ONCE]
        return taken

    def count(self, held: Iterable[Held], base_currency: str, prices: Mapping[str, Price], is_followed: bool) -> None:
        for symbol, share in shares(held, base_currency, prices).items():
            self._shares[symbol] = self._shares.get(symbol, 0.0) + share
            if is_followed:
                self._viewers[symbol] = self._viewers.get(symbol, 0) + 1

    def counted(self) -> dict[str, Stake]:
        return {
            symbol: Stake(share, self._viewers.get(symbol, 0), per_day(self._variances.get(symbol, USUAL**2)))
            for symbol, share in self._shares.items()
        }
