"""What the planner makes of few calls, against a round robin with as many: staleness and error of a portfolio's value.

python -m tests.performance.budget [CALLS A DAY ...]

Sixty symbols are 60 windows of 20 trading days each of real daily bars (tests/recordings/daily_bars.csv), set side by
side; within a day a price goes from the open by way of low and high to the close. Half of the value is in few of them.
The round robin spends the same calls one symbol after another, evenly over the time that the exchange is open.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import exp, log
from pathlib import Path
from statistics import mean

from market_actors.calendars import Calendars
from market_actors.domain.budget import Allowance, Candidate, Stake, Wait, next_call
from market_actors.domain.quota import Limits, QuotaWindows
from market_actors.domain.trading import Trading
from market_actors.domain.volatility import USUAL, per_day, updated

BARS = Path(__file__).parent.parent / "recordings" / "daily_bars.csv"
EXCHANGE = "XNYS"
START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 20
MINUTE = timedelta(minutes=1)
INTERVAL, RESTING = timedelta(minutes=15), timedelta(hours=1)
SETTLED = timedelta(minutes=90)  # after a close, when the day's value is compared


@dataclass
class Symbol:
    """A path of real bars, and what was last seen of it."""

    bars: list[tuple[float, float, float, float]]
    quantity: float = 0.0
    seen: float = 0.0
    seen_at: datetime = START
    variance: float = USUAL**2

    def price(self, day: int, part: float) -> float:
        """Return the price after this part (0 to 1) of a day's session."""
        opens, high, low, close = self.bars[day]
        path = (opens, low, high, close) if close >= opens else (opens, high, low, close)
        leg = min(int(part * 3), 2)
        start, end = log(path[leg]), log(path[leg + 1])
        return exp(start + (end - start) * (part * 3 - leg))

    def see(self, price: float, now: datetime) -> None:
        self.variance = updated(self.variance, self.seen, price, (now - self.seen_at) / timedelta(days=1))
        self.seen, self.seen_at = price, now


@dataclass
class Outcome:
    """Means over every minute of trading; error in basis points of the value. calls: made in all.

    staleness: hours of trading, weighted by value. holdings: the errors of the holdings without regard to sign.
    total: the error of the portfolio's value; close: the same after each close.
    """

    staleness: list[float] = field(default_factory=list)
    holdings: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)
    calls: int = 0
    oldest: float = 0.0


def symbols(seed: int) -> list[Symbol]:
    """Return sixty symbols whose values fall off as 1/rank, dealt out at random."""
    by_name: dict[str, list[tuple[float, float, float, float]]] = {}
    with BARS.open() as file:
        for row in csv.DictReader(file):
            bar = (float(row["open"]), float(row["high"]), float(row["low"]), float(row["close"]))
            by_name.setdefault(row["symbol"], []).append(bar)
    found = [Symbol(bars[at : at + DAYS]) for bars in by_name.values() for at in range(0, len(bars), DAYS)]
    random.Random(seed).shuffle(found)
    for rank, symbol in enumerate(found, 1):
        symbol.seen = symbol.bars[0][0]
        symbol.quantity = 1 / rank / symbol.seen
    return found


class Planned:
    """Asks for what next_call says."""

    def __init__(self, held: list[Symbol], calls: int) -> None:
        self.held = held
        self.limits = Limits(per_day=calls, reset_timezone="America/New_York")
        self.windows = QuotaWindows(Limits(reset_timezone=self.limits.reset_timezone))
        self.last_call: datetime | None = None
        self.wakes = START

    def pick(self, now: datetime, trading: Trading) -> Iterator[int]:
        while self.wakes <= now:
            step = next_call(now, self._allowance(now), self._candidates(now), trading)
            if isinstance(step, Wait):
                self.wakes = step.until
                return
            self.windows.record(now)
            self.last_call = now
            yield from map(int, step.symbols)

    def _allowance(self, now: datetime) -> Allowance:
        assert self.limits.per_day is not None
        used = self.windows.used_today(now)
        left = self.limits.per_day - used
        return Allowance(left, used, self.limits.per_day, self.windows.resets_at(now), last_call=self.last_call)

    def _candidates(self, now: datetime) -> list[Candidate]:
        values = [each.quantity * each.seen for each in self.held]
        total = sum(values)
        return [
            Candidate(
                str(place),
                EXCHANGE,
                Stake(value / total, 0, per_day(each.variance)),
                each.seen_at,
                each.seen_at + INTERVAL,
                INTERVAL,
                RESTING,
            )
            for place, (each, value) in enumerate(zip(self.held, values, strict=True))
        ]


class RoundRobin:
    """Asks for one symbol after another, evenly spread over the time of trading."""

    def __init__(self, held: list[Symbol], calls: int) -> None:
        self.count = len(held)
        self.calls = calls
        self.made = 0

    def pick(self, day: int, part: float) -> Iterator[int]:
        wanted = day * self.calls + round(part * (self.calls - 1)) + 1
        while self.made < wanted:
            yield self.made % self.count
            self.made += 1


def replay(calls: int, seed: int, planned: bool) -> Outcome:
    """Return what comes of a policy over all days."""
    held = symbols(seed)
    calendars = Calendars()
    sessions = [each for each in calendars.sessions(EXCHANGE, START + timedelta(days=25)) if each.opens > START][:DAYS]
    trading = Trading({EXCHANGE: calendars.sessions(EXCHANGE, START + timedelta(days=14))})
    found = Outcome()
    planner, robin = Planned(held, calls), RoundRobin(held, calls)
    for day, session in enumerate(sessions):
        length = session.closes - session.opens
        now = session.opens
        while now <= session.closes + SETTLED:
            part = min((now - session.opens) / length, 1.0)
            asked = planner.pick(now, trading) if planned else robin.pick(day, part)
            for place in asked:
                held[place].see(held[place].price(day, part), now)
                found.calls += 1
            if now < session.closes:
                _note(found, held, day, part, now, trading)
            now += MINUTE
        found.close.append(_error(held, day, 1.0)[0])
    return found


def _note(found: Outcome, held: list[Symbol], day: int, part: float, now: datetime, trading: Trading) -> None:
    total, holdings, value = _error(held, day, part)
    ages = [trading.seconds(EXCHANGE, each.seen_at, now) / 3600 for each in held]
    found.total.append(total)
    found.holdings.append(holdings)
    found.staleness.append(sum(age * each.quantity * each.seen for age, each in zip(ages, held, strict=True)) / value)
    found.oldest = max(found.oldest, *ages)


def _error(held: list[Symbol], day: int, part: float) -> tuple[float, float, float]:
    """Return the error of the total and of the holdings (basis points), and the true value."""
    true = [each.quantity * each.price(day, part) for each in held]
    off = [each.quantity * each.seen - value for each, value in zip(held, true, strict=True)]
    value = sum(true)
    return 1e4 * abs(sum(off)) / value, 1e4 * sum(map(abs, off)) / value, value


def compare(calls: int, seeds: int = 5) -> dict[str, tuple[float, float]]:
    """Return (planner, round robin) of each figure, as means over *seeds* portfolios."""
    pairs = [(replay(calls, seed, True), replay(calls, seed, False)) for seed in range(seeds)]
    figures = {
        name: tuple(mean(mean(getattr(run, name)) for run in runs) for runs in zip(*pairs, strict=True))
        for name in ("staleness", "holdings", "total", "close")
    }
    figures["oldest"] = tuple(max(run.oldest for run in runs) for runs in zip(*pairs, strict=True))
    figures["calls"] = tuple(mean(run.calls for run in runs) for runs in zip(*pairs, strict=True))
    return figures  # type: ignore[return-value]


def main() -> None:
    for calls in [int(each) for each in sys.argv[1:]] or [25, 200]:
        print(f"{calls} calls a day, 60 symbols, {DAYS} days, 5 portfolios")
        for name, (planned, robin) in compare(calls).items():
            print(f"  {name:10} planner {planned:8.2f}   round robin {robin:8.2f}   ratio {planned / robin:.2f}")


if __name__ == "__main__":
    main()
