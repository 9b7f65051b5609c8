"""How to spend few calls: which symbols the next call asks for, and when it is made, where the quota allows fewer
calls of a day than the poll intervals wish for.

Everything here is a pure function of its arguments. Times are aware UTC; ages are seconds of trading.

The next call goes where it removes most staleness. What a price of age *a* is expected to be off by grows with the
square root of its age, so that its cost is c·√a, where c is the value that hangs on it times its volatility. Of
policies that may ask for one symbol at a time, the one that takes the largest c·a^1.5 is close to the best: that is
the Whittle index of this cost (V. Tripathi and E. Modiano, "A Whittle Index Approach to Minimizing Functions of Age
of Information", Allerton 2019: of a cost f it is a·f(a) less the integral of f up to a).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil, sqrt

from market_actors.domain.freshness import SETTLED_AFTER
from market_actors.domain.polling import SETTLE
from market_actors.domain.trading import Trading
from market_actors.domain.volatility import USUAL

CLOSE_PERCENT = 15  # of a day's calls, kept for the prices after the closes
EAGER_PERCENT = 10  # of a day's calls, up to which they are made as they fall due after a start or a change of orders
TAKE_OVER_PERCENT = 50  # of a day's calls, up to which symbols of a provider that fails are taken over at once
FLOOR = 3  # rounds of a round robin after which a symbol goes first, whatever hangs on it
LEAST_SHARE = 0.0005  # of a portfolio's value: what a symbol that nobody holds counts as
PER_VIEWER = 0.5  # by how much each viewer adds to the weight of a symbol
SESSION = 23_400.0  # seconds, 6.5 h: what ages are counted in
WEEK = timedelta(days=7)
LOOK_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stake:
    """What hangs on a symbol.

    share:      of the value of each portfolio that holds it, added up over the portfolios: currencies do not matter.
    viewers:    pages that show it now.
    volatility: relative standard deviation of a day's return.
    """

    share: float = 0.0
    viewers: int = 0
    volatility: float = USUAL

    @property
    def weight(self) -> float:
        return max(self.share, LEAST_SHARE) * (1 + PER_VIEWER * self.viewers) * self.volatility


@dataclass(frozen=True, slots=True)
class Candidate:
    """A symbol that a provider is asked for.

    last_poll: when its price was last asked for; None: it has no price yet.
    due:       from when on its poll interval allows the next poll.
    interval:  the least time between two polls; resting: the same while its exchange is closed.
    is_moved:  its last price came from another provider, which fails.
    """

    symbol: str
    exchange: str
    stake: Stake
    last_poll: datetime | None
    due: datetime
    interval: timedelta
    resting: timedelta
    is_moved: bool = False


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a provider's quota leaves for scheduled polls.

    calls:      until *resets_at*, without what is kept for people.
    per_day:    of a whole day; used: of this day, those made for people included.
    last_call:  None where none is known.
    delay:      by which its prices lag their exchange.
    dates_only: an end-of-day source: it gives a closing price some time after the close.
    """

    calls: int
    used: int
    per_day: int
    resets_at: datetime
    batch_size: int = 1
    last_call: datetime | None = None
    delay: timedelta = timedelta(0)
    dates_only: bool = False
    eager_until: datetime | None = None

    def is_eager(self, now: datetime) -> bool:
        """Return whether calls are made as they fall due, for now."""
        if self.eager_until is None or now >= self.eager_until:
            return False
        return self.used < self.per_day * EAGER_PERCENT // 100

    @property
    def settles_after(self) -> timedelta:
        """How long after a close the closing price can be had."""
        return SETTLED_AFTER if self.dates_only else SETTLE


@dataclass(frozen=True, slots=True)
class Spend:
    """Ask for these now."""

    symbols: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask for nothing before *until*."""

    until: datetime
    reason: str


def wished_calls(now: datetime, allowance: Allowance, candidates: Iterable[Candidate], trading: Trading) -> float:
    """Return how many calls the poll intervals wish for until the quota's reset."""
    rest = max((allowance.resets_at - now).total_seconds(), 0.0)
    open_for: dict[str, float] = {}
    wished = 0.0
    for each in candidates:
        if each.exchange not in open_for:
            open_for[each.exchange] = trading.seconds(each.exchange, now, allowance.resets_at)
        trades = open_for[each.exchange]
        wished += trades / each.interval.total_seconds() + (rest - trades) / each.resting.total_seconds()
    return wished / allowance.batch_size


def has_settled(now: datetime, each: Candidate, allowance: Allowance, trading: Trading) -> bool:
    """Return whether nothing can have changed since the last poll: that brought the closing price of a closed exchange."""
    if each.last_poll is None or each.is_moved or allowance.is_eager(now) or trading.is_open(each.exchange, now):
        return False
    close = trading.last_close(each.exchange, now)
    return close is not None and each.last_poll >= close + allowance.settles_after


def next_call(now: datetime, allowance: Allowance, candidates: Sequence[Candidate], trading: Trading) -> Spend | Wait:
    """Return what the next call asks for, or until when there is none.

    candidates: all that this provider is asked for; those that are not due count for the pace alone.

    A symbol without a price goes first, then what another provider fails to give. After its close, an exchange's part of the calls that are kept for closes
    fetches closing prices, and all calls do if nothing opens again before the quota's reset. While exchanges are open the
    other calls are spread over the time that they trade; each asks for what has the greatest index, but a symbol that
    a round robin would have reached three times since goes before it. What cannot have changed is not asked for.
    """
    if allowance.calls <= 0:
        return Wait(allowance.resets_at, "the calls of the day are spent")
    due = [each for each in candidates if each.due <= now]
    new = [each for each in due if each.last_poll is None]
    if new:
        return _spend(new, allowance, lambda each: each.stake.weight, "it has no price yet")
    desk = _Desk(now, allowance, candidates, trading)
    moved = [each for each in due if each.is_moved]
    if moved and allowance.used < allowance.per_day * TAKE_OVER_PERCENT // 100:
        return _spend(moved, allowance, lambda each: each.stake.weight, "another source fails", desk.describe)
    if due and allowance.is_eager(now):
        return _spend(due, allowance, lambda each: (now - each.due).total_seconds(), "it is due", desk.describe)
    closing = desk.closing(due)
    if closing:
        return _spend(closing, allowance, desk.index, f"the close: {allowance.calls} calls are left", desk.describe)
    changing = [each for each in due if trading.is_open(each.exchange, desk.shown) and desk.age(each) > 0]
    slot = desk.slot()
    if not changing or slot > now:
        # The close is worth a look whatever the pace; what falls due before the slot has to wait for it.
        moments = [slot] if changing else [now + LOOK_AGAIN, *(each.due for each in candidates)]
        until = min(moment for moment in (*moments, allowance.resets_at, *desk.awaited()) if moment > now)
        return Wait(
            until, "the pace of the calls that are left" if changing else "nothing that is due can have changed"
        )
    starving = [each for each in changing if desk.age(each) > desk.floor(each.exchange)]
    if starving:
        return _spend(starving, allowance, desk.age, "it has waited longest", desk.describe)
    return _spend(changing, allowance, desk.index, f"{allowance.calls} calls are left", desk.describe)


def outlook(
    now: datetime, allowance: Allowance, candidates: Sequence[Candidate], trading: Trading, most: int
) -> list[tuple[datetime, Spend]]:
    """Return the next calls until the quota's reset, at most *most* of them, as they will be if nothing changes."""
    found: list[tuple[datetime, Spend]] = []
    rows = {each.symbol: each for each in candidates}
    while len(found) < most and now < allowance.resets_at:
        step = next_call(now, allowance, tuple(rows.values()), trading)
        if isinstance(step, Wait):
            now = step.until
            continue
        found.append((now, step))
        allowance = replace(allowance, calls=allowance.calls - 1, used=allowance.used + 1, last_call=now)
        for symbol in step.symbols:
            each = rows[symbol]
            rows[symbol] = replace(each, last_poll=now, due=now + each.interval, is_moved=False)
    return found


class _Desk:
    """What next_call looks at, at one moment. shown: the moment whose prices the provider shows *now*."""

    def __init__(self, now: datetime, allowance: Allowance, candidates: Sequence[Candidate], trading: Trading) -> None:
        self._now = now
        self._allowance = allowance
        self._trading = trading
        self._rows: dict[str, list[Candidate]] = {}
        for each in candidates:
            self._rows.setdefault(each.exchange, []).append(each)
        self._count = len(candidates)
        self._share = sum(each.stake.share for each in candidates)
        self.shown = now - allowance.delay
        self._floors: dict[str, float] = {}

    def age(self, each: Candidate) -> float:
        if each.last_poll is None:
            return 0.0
        return self._trading.seconds(each.exchange, each.last_poll - self._allowance.delay, self.shown)

    def index(self, each: Candidate) -> float:
        sessions = self.age(each) / SESSION
        return each.stake.weight * sessions * sqrt(sessions)

    def floor(self, exchange: str) -> float:
        """The age after which a symbol goes first."""
        if exchange not in self._floors:
            per_day = self._trading.seconds(exchange, self.shown - WEEK, self.shown) / WEEK.days
            days = self._count / (self._allowance.batch_size * max(self._allowance.per_day, 1))
            self._floors[exchange] = FLOOR * max(days, 1.0) * per_day
        return self._floors[exchange]

    def describe(self, each: Candidate) -> str:
        share = 100 * each.stake.share / self._share if self._share else 0.0
        return (
            f"{share:.1f} % of the value held, {each.stake.viewers} viewers, {self.age(each) / 3600:.1f} h of trading"
            f" old, moves {100 * each.stake.volatility:.1f} % a day"
        )

    # -- The close -------------------------------------------------------------------------

    def closing(self, due: Iterable[Candidate]) -> list[Candidate]:
        """Return what may be asked for its closing price."""
        ready = [each for each in due if self._lacks_close(each)]
        if ready and self._trading.seconds_of_any(self._rows, self._now, self._allowance.resets_at) > 0:
            exchanges = {exchange for exchange in self._rows if self._closing_calls(exchange) > 0}
            ready = [each for each in ready if each.exchange in exchanges]
        return ready

    def _lacks_close(self, each: Candidate) -> bool:
        close = self._settled_close(each.exchange)
        if close is None or each.last_poll is None or each.last_poll >= close:
            return False
        return self._trading.seconds(each.exchange, each.last_poll - self._allowance.delay, self._now) > 0

    def _settled_close(self, exchange: str) -> datetime | None:
        """From when on its last closing price could be had; None while that is not yet, or it trades again."""
        close = self._trading.last_close(exchange, self._now)
        if close is None or self._trading.is_open(exchange, self._now):
            return None
        settled = close + self._allowance.settles_after
        return settled if settled <= self._now else None

    def _closing_calls(self, exchange: str) -> int:
        """How many of its calls for closing prices are left."""
        close = self._settled_close(exchange)
        if close is None:
            return 0
        done = sum(each.last_poll is not None and each.last_poll >= close for each in self._rows[exchange])
        return self._kept(exchange) - ceil(done / self._allowance.batch_size)

    def _kept(self, exchange: str) -> int:
        """How many calls are kept for its close."""
        held = len(self._rows[exchange])
        part = self._allowance.per_day * CLOSE_PERCENT / 100 * held / self._count
        return min(ceil(part), ceil(held / self._allowance.batch_size))

    # -- The pace --------------------------------------------------------------------------

    def slot(self) -> datetime:
        """When the next call may be made while exchanges are open."""
        allowance = self._allowance
        kept = sum(self._kept(exchange) for exchange in self._rows if self._closes_before_reset(exchange))
        spread = allowance.calls - kept
        if spread <= 0:
            return allowance.resets_at
        left = self._trading.seconds_of_any(self._rows, self.shown, allowance.resets_at - allowance.delay)
        last = allowance.last_call
        return self._now if last is None else max(last + timedelta(seconds=left / spread), self._now)

    def _closes_before_reset(self, exchange: str) -> bool:
        close = self._trading.next_close(exchange, self._now - self._allowance.settles_after)
        return close is not None and self._now < close + self._allowance.settles_after < self._allowance.resets_at

    def awaited(self) -> list[datetime]:
        """When closing prices can be had next, and when the provider next shows prices of an opening."""
        closes = (self._trading.next_close(each, self._now - self._allowance.settles_after) for each in self._rows)
        opens = (self._trading.next_open(each, self.shown) for each in self._rows)
        found = [close + self._allowance.settles_after for close in closes if close is not None]
        return found + [moment + self._allowance.delay + timedelta(seconds=1) for moment in opens if moment is not None]


def _spend(
    ready: Iterable[Candidate],
    allowance: Allowance,
    worth: Callable[[Candidate], float],
    reason: str,
    describe: Callable[[Candidate], str] | None = None,
) -> Spend:
    """Fill a call with those that are worth most."""
    ranked = sorted(ready, key=lambda each: (-worth(each), each.symbol))[: allowance.batch_size]
    return Spend(tuple(each.symbol for each in ranked), f"{reason}; {describe(ranked[0])}" if describe else reason)
