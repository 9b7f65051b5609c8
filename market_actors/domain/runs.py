"""When a symbol is polled in the time ahead: runs of polls at equal distances, however long or many they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from market_actors.domain.polling import SETTLE, Intervals, default_interval, next_poll
from market_actors.domain.sessions import MarketPhase

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Run:
    """One or more polls at equal distances; *first* is aware."""

    first: datetime
    interval: timedelta
    polls: int = 1

    @property
    def last(self) -> datetime:
        return self.first + (self.polls - 1) * self.interval

    def until(self, moment: datetime) -> int:
        """Return how many of the polls come until *moment*, itself included."""
        return min(max((moment - self.first) // self.interval + 1, 0), self.polls)

    def split(self, moment: datetime) -> tuple[Run | None, Run | None]:
        """Return the polls before *moment*, and those from then on."""
        early = self.until(moment - timedelta.resolution)
        if early in (0, self.polls):
            return (self, None) if early else (None, self)
        later = Run(self.first + early * self.interval, self.interval, self.polls - early)
        return Run(self.first, self.interval, early), later


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which an exchange's state stays what it is; *schedule* is the default interval then."""

    begins: datetime
    ends: datetime
    phase: MarketPhase
    schedule: timedelta


@dataclass(frozen=True, slots=True)
class Wish:
    """How often a symbol is wanted from a moment on, until the next wish begins.

    ordered:     the shortest interval that somebody ordered; None where nobody did.
    by_schedule: somebody who wants it goes by the schedule. Without either nobody may be updated.
    sources:     the providers that may be asked, in their order.
    """

    begins: datetime
    ordered: timedelta | None
    by_schedule: bool
    sources: tuple[str, ...] = ()

    def interval(self, schedule: timedelta) -> timedelta | None:
        """Return the interval in force; None while nobody may be updated."""
        found = (self.ordered, schedule if self.by_schedule else None)
        return min((each for each in found if each is not None), default=None)


def stretches(
    phase_at: Callable[[datetime], MarketPhase], timezone: str, intervals: Intervals, start: datetime, end: datetime
) -> tuple[Stretch, ...]:
    """Cut the time from *start* to *end* (aware) where the exchange's state changes or its closing price is due.

    timezone: IANA name; at its midnight a trading day may end or begin.
    """
    found = []
    begins = start
    while begins < end:
        phase = phase_at(begins)
        midnight = datetime.combine(begins.astimezone(ZoneInfo(timezone)).date() + DAY, time(0), ZoneInfo(timezone))
        closes = [close for close in (phase.session_close, phase.next_close) if close is not None]
        moments = [phase.next_open, *closes, *(close + SETTLE for close in closes), midnight.astimezone(start.tzinfo)]
        ends = min([end, *(moment for moment in moments if moment is not None and moment > begins)])
        schedule = default_interval(phase.status, phase.is_trading_day, intervals)
        found.append(Stretch(begins, ends, phase, schedule))
        begins = ends
    return tuple(found)


def polls(wishes: Sequence[Wish], day: Sequence[Stretch], end: datetime) -> Iterator[tuple[Run, tuple[str, ...]]]:
    """Yield the polls until *end*, itself included, and whom they may be asked of, where none fails.

    wishes: in the order in which they begin; the symbol counts as polled when the first begins.
    day:    the stretches of its exchange, from the first wish on.

    When another wish begins, the time since the last poll counts: what is overdue by it is polled at once.
    """
    polled = wishes[0].begins
    beginnings = [stretch.begins for stretch in day]
    for wish, until in zip(wishes, (*(wish.begins for wish in wishes[1:]), end + timedelta.resolution), strict=True):
        while wish.sources:
            due = _due(polled, wish, day[bisect_right(beginnings, polled) - 1])
            if due is None or max(due, wish.begins) >= until:
                break
            first = max(due, wish.begins)
            stretch = day[bisect_right(beginnings, first) - 1]
            interval = wish.interval(stretch.schedule)
            assert interval is not None
            horizon = until if stretch is day[-1] else min(until, stretch.ends)
            run = Run(first, interval, -((first - horizon) // interval))
            yield run, wish.sources
            polled = run.last


def _due(polled: datetime, wish: Wish, stretch: Stretch) -> datetime | None:
    due = [] if wish.ordered is None else [polled + wish.ordered]
    if wish.by_schedule:
        due.append(next_poll(polled, stretch.schedule, stretch.phase, 0))
    return min(due, default=None)
