"""Trading calendars: sessions, early closes, breaks and holidays, as plain values.

The only module that imports exchange_calendars (and pandas with it), and only when first asked: that takes
half a second, and a new exchange some 50 ms, so it is never asked on the event loop. Where its calendars end, weekdays at the usual hours are assumed.
"""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from math import isnan
from typing import Any
from zoneinfo import ZoneInfo

from market_actors.domain.exchanges import CRYPTO, EXCHANGES, FX, UNKNOWN, timezone_of
from market_actors.domain.sessions import MarketPhase, Session, Span, phase

CHUNK = 30  # days; sessions are made for the chunk of a date, the one before and the one after
KEPT = 500  # chunks
FIRST, LAST = date(2010, 1, 1), date(2100, 1, 1)  # asked for days further out, the sessions of these are given
USUAL_SINCE = date(2026, 2, 1)  # the hours since then are the usual ones
DAY = timedelta(days=1)
FX_TURN = time(17)  # New York: the currency markets' day, and week, end then


class Calendars:
    """Sessions of all exchanges; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chunks: OrderedDict[tuple[str, int], tuple[Session, ...]] = OrderedDict()

    def is_known(self, exchange: str) -> bool:
        """Return whether it has a calendar; another one is taken to trade on all weekdays, around the clock."""
        return exchange in EXCHANGES and exchange != UNKNOWN

    def sessions(self, exchange: str, around: datetime) -> tuple[Session, ...]:
        """Return the sessions of at least 30 days before and after *around* (aware), in order."""
        chunk = min(max(around.date(), FIRST), LAST).toordinal() // CHUNK
        key = (exchange, chunk)
        with self._lock:
            if key not in self._chunks:
                days = range((chunk - 1) * CHUNK - 1, (chunk + 2) * CHUNK + 2)
                self._chunks[key] = _make(exchange, [date.fromordinal(day) for day in days])
                if len(self._chunks) > KEPT:
                    self._chunks.popitem(last=False)
            self._chunks.move_to_end(key)
            return self._chunks[key]

    def phase(self, exchange: str, now: datetime) -> MarketPhase:
        """Return where *now* (aware) stands in the day of *exchange*."""
        found = phase(self.sessions(exchange, now), now, timezone_of(exchange))
        return replace(found, next_open=None, next_close=None) if exchange == CRYPTO else found

    def close_of(self, exchange: str, day: date) -> datetime | None:
        """Return when the session of *day*, the exchange's date, closes; None where it has none."""
        noon = datetime.combine(day, time(12), tzinfo=UTC)
        return next((session.closes for session in self.sessions(exchange, noon) if session.date == day), None)


def _make(exchange: str, days: list[date]) -> tuple[Session, ...]:
    weekdays = [day for day in days if day.weekday() < 5]
    if exchange == FX:
        return tuple(_around_the_clock(weekdays, FX_TURN, timezone_of(FX), before=DAY))
    if exchange == CRYPTO:
        return tuple(_around_the_clock(days, time(0), "UTC", after=DAY))
    if exchange == UNKNOWN or exchange not in EXCHANGES:
        return tuple(_around_the_clock(weekdays, time(0), "UTC", after=DAY))
    return _scheduled(exchange, days)


def _around_the_clock(
    days: Iterable[date], turn: time, timezone: str, before: timedelta = timedelta(0), after: timedelta = timedelta(0)
) -> Iterable[Session]:
    for day in days:
        yield Session(day, _utc(day - before, turn, timezone), _utc(day + after, turn, timezone))


def _scheduled(exchange: str, days: list[date]) -> tuple[Session, ...]:
    import exchange_calendars

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns of slow holiday rules
        try:
            calendar = exchange_calendars.get_calendar(exchange, start=days[0], end=days[-1])
        except ValueError:  # outside the years whose holidays are known
            usual = exchange_calendars.get_calendar(exchange, start=USUAL_SINCE)
            return tuple(_usual(usual, day) for day in days if usual.weekmask[day.weekday()] == "1")
    return tuple(
        Session(row.Index.date(), _plain(row.open), _plain(row.close), _breaks(row.break_start, row.break_end))
        for row in calendar.schedule.itertuples()
    )


def _breaks(start: Any, end: Any) -> tuple[Span, ...]:
    return ((_plain(start), _plain(end)),) if not isnan(start.year) else ()  # of no time the year is no number


def _usual(calendar: Any, day: date) -> Session:
    def at(times: Any, offset: int = 0) -> datetime | None:
        usual = times[-1][1] if times else None
        return _utc(day + DAY * offset, usual, calendar.tz.key) if usual else None

    opens, closes = at(calendar.open_times, calendar.open_offset), at(calendar.close_times, calendar.close_offset)
    assert opens is not None and closes is not None
    start, end = at(calendar.break_start_times), at(calendar.break_end_times)
    return Session(day, opens, closes, ((start, end),) if start and end else ())


def _utc(day: date, at: time, timezone: str) -> datetime:
    return datetime.combine(day, at, tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def _plain(stamp: Any) -> datetime:
    moment: datetime = stamp.to_pydatetime()
    return moment.astimezone(UTC)
