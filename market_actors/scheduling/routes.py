"""Which provider is asked for a symbol: the first in order that covers it, may be called and has not lately failed it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf

from market_actors.domain.exchanges import exchange_of
from market_actors.errors import (
    ErrorKind,
    MarketError,
    ProviderError,
    QuotaExhausted,
    Unavailable,
    UnknownSymbol,
    seconds_until,
)
from market_actors.messages import Tick
from market_actors.scheduling.lanes import Lane
from market_actors.scheduling.timetable import Row

FIRST_WAIT = timedelta(hours=1).total_seconds()
FIRST_WAIT_HAD_IT = 5.0  # seconds; what was there a moment ago is rarely gone for good
RETRY = 30.0  # seconds after which a provider that failed is tried again before one that is to be spared
LONGEST_WAIT = timedelta(hours=24).total_seconds()
NOBODY = 60.0  # seconds after which who was refused may ask again, where no provider will be back by itself
PATIENCE = timedelta(minutes=15).total_seconds()  # how long a person's question is answered from memory

REMEMBERED_KINDS = frozenset(
    {
        ErrorKind.UNKNOWN_SYMBOL,
        ErrorKind.UNSUPPORTED_EXCHANGE,
        ErrorKind.NO_DATA_RANGE,
        ErrorKind.ENTITLEMENT,
    }
)
"""What a provider says of a symbol and would say again."""


@dataclass(slots=True)
class Refusal:
    """A provider did not have a symbol at this moment (monotonic), and is not asked for it for *wait* seconds."""

    at: float
    wait: float


class Routes:
    """The lanes in their order, and which symbols each refused."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes
        self._refusals: dict[tuple[str, str], Refusal] = {}

    def choose(self, row: Row, tick: Tick) -> Lane | None:
        """Return the lane to wait for, busy or not; None when no provider can be asked in this round."""
        for lane in self.covering(row.exchange):
            if lane.name not in row.tried and lane.is_open(row.kind, tick.now) and not self._refuses(lane, row, tick):
                return lane
        return None

    def covering(self, exchange: str) -> Iterable[Lane]:
        return (lane for lane in self._lanes if lane.source.covers(exchange))

    def back_at(self, lane: Lane, row: Row, tick: Tick) -> float:
        """Return when (monotonic) a provider before *lane* in order may be tried again; infinity where there is none."""
        best = inf
        for ahead in self.covering(row.exchange):
            if ahead is lane:
                break
            if not ahead.is_disabled:
                best = min(best, (ahead.opens_at(row.kind, tick.now) - tick.now).total_seconds())
        return tick.monotonic + max(best, RETRY)

    def is_fallback(self, lane: Lane, exchange: str) -> bool:
        """Does a provider of higher priority cover the exchange too? One that is switched off has none."""
        return next((each for each in self.covering(exchange) if each.is_enabled or each is lane), lane) is not lane

    def refused(self, lane: Lane, symbol: str, error: ProviderError, tick: Tick, had_it: bool) -> None:
        """Remember that a provider does not have a symbol; each time for twice as long.

        had_it: the last price of the symbol came from it.
        """
        if error.kind in REMEMBERED_KINDS:
            known = self._refusals.get((lane.name, symbol))
            first = FIRST_WAIT_HAD_IT if had_it else FIRST_WAIT
            wait = min(known.wait * 2, LONGEST_WAIT) if known else first
            self._refusals[lane.name, symbol] = Refusal(tick.monotonic, wait)

    def answered(self, lane: Lane, symbol: str) -> None:
        self._refusals.pop((lane.name, symbol), None)

    def is_unknown(self, symbol: str, tick: Tick) -> bool:
        """Is there no provider for it, or did every one say within the last 15 min that it does not have it?"""
        refusals = (self._refusals.get((lane.name, symbol)) for lane in self.covering(exchange_of(symbol)))
        return all(refusal is not None and tick.monotonic - refusal.at < PATIENCE for refusal in refusals)

    def next_chance(self, row: Row, tick: Tick) -> tuple[float, Lane | None]:
        """Return from when on (monotonic) a provider can be asked for the symbol, and which; never: infinity."""
        best: tuple[float, Lane | None] = inf, None
        for lane in self.covering(row.exchange):
            if lane.is_disabled:
                continue
            refusal = self._refusals.get((lane.name, row.symbol))
            allowed = refusal.at + refusal.wait if refusal else tick.monotonic
            opens = tick.monotonic + (lane.opens_at(row.kind, tick.now) - tick.now).total_seconds()
            if max(allowed, opens) < best[0]:
                best = max(allowed, opens), lane
        return best

    def reach(self, symbol: str, tick: Tick) -> Lane:
        """Return who is asked for it when a person wants it. Raises UnknownSymbol, Unavailable."""
        lane = self._reach(symbol, tick)
        if lane is None:
            raise self.why_not(symbol, tick)
        return lane

    def reach_all(self, symbols: Iterable[str], tick: Tick) -> dict[Lane, list[str]]:
        """Return who is asked for what when a person wants these; what no provider has is left out.

        Raises Unavailable or QuotaExhausted when nobody can be asked for any of them.
        """
        reached: dict[Lane, list[str]] = {}
        missed = []
        for symbol in symbols:
            lane = self._reach(symbol, tick)
            if lane is not None:
                reached.setdefault(lane, []).append(symbol)
            elif not self.is_unknown(symbol, tick):
                missed.append(symbol)
        if missed and not reached:
            raise self._closed(missed, tick)
        return reached

    def why_not(self, symbol: str, tick: Tick) -> MarketError:
        """Return why nobody can be asked for a symbol at a person's request."""
        if self.is_unknown(symbol, tick):
            return UnknownSymbol(f"no provider knows {symbol}")
        return Unavailable(f"no provider has a price of {symbol} at present", self._opens_in([symbol], tick))

    def _closed(self, symbols: Sequence[str], tick: Tick) -> MarketError:
        lanes = {lane for symbol in symbols for lane in self.covering(exchange_of(symbol))}
        wait = self._opens_in(symbols, tick)
        if all(lane.is_spent("manual", tick.now) and not lane.is_disabled for lane in lanes):
            return QuotaExhausted("no provider has calls left", wait)
        return Unavailable("no provider can be asked at present", wait)

    def _opens_in(self, symbols: Iterable[str], tick: Tick) -> float:
        lanes = {lane for symbol in symbols for lane in self.covering(exchange_of(symbol))}
        lanes = {lane for lane in lanes if not lane.is_disabled}
        opens = (seconds_until(lane.opens_at("manual", tick.now), tick.now) for lane in lanes)
        return max(min(opens, default=NOBODY), 1.0)

    def _reach(self, symbol: str, tick: Tick) -> Lane | None:
        return self.choose(Row(symbol, exchange_of(symbol), due=tick.monotonic, manual=True), tick)

    def forget_old(self, tick: Tick) -> None:
        """Drop refusals that are long over."""
        self._refusals = {
            key: refusal
            for key, refusal in self._refusals.items()
            if tick.monotonic - refusal.at < refusal.wait + LONGEST_WAIT
        }

    def _refuses(self, lane: Lane, row: Row, tick: Tick) -> bool:
        refusal = self._refusals.get((lane.name, row.symbol))
        if refusal is None:
            return False
        return tick.monotonic - refusal.at < (min(refusal.wait, PATIENCE) if row.manual else refusal.wait)
