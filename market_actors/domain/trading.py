"""Time as exchanges count it: how long they trade between two moments, and when they close for the day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate, chain

from market_actors.domain.sessions import Session, Span, final_close


class Trading:
    """When exchanges trade. Times are aware.

    sessions: by exchange, in order, reaching some days to both sides of what is asked.
    """

    def __init__(self, sessions: Mapping[str, Sequence[Session]]) -> None:
        self._spans = {
            exchange: tuple(chain.from_iterable(session.spans for session in held))
            for exchange, held in sessions.items()
        }
        self._before = {
            exchange: tuple(accumulate(((end - start).total_seconds() for start, end in spans), initial=0.0))
            for exchange, spans in self._spans.items()
        }
        self._closes = {
            exchange: tuple(sorted({final_close(held, session) for session in held}))
            for exchange, held in sessions.items()
        }

    def seconds(self, exchange: str, start: datetime, end: datetime) -> float:
        """Return for how many seconds it trades from *start* to *end*; 0 where the end is not after the start."""
        return max(self._seconds_until(exchange, end) - self._seconds_until(exchange, start), 0.0)

    def seconds_of_any(self, exchanges: Iterable[str], start: datetime, end: datetime) -> float:
        """Return for how many seconds at least one of them trades from *start* to *end*."""
        total, reached = 0.0, start
        for opens, closes in sorted(span for exchange in exchanges for span in self._between(exchange, start, end)):
            total += max((closes - max(opens, reached)).total_seconds(), 0.0)
            reached = max(reached, closes)
        return total

    def is_open(self, exchange: str, now: datetime) -> bool:
        place = self._place(exchange, now)
        return place >= 0 and now < self._spans[exchange][place][1]

    def next_open(self, exchange: str, now: datetime) -> datetime | None:
        """Return when it begins to trade after *now*, breaks included; None where that is not known."""
        spans = self._spans[exchange]
        place = self._place(exchange, now) + 1
        return spans[place][0] if place < len(spans) else None

    def last_close(self, exchange: str, now: datetime) -> datetime | None:
        """Return when its trading last ended for a day, at *now* or before; of days without a gap the last's end."""
        closes = self._closes[exchange]
        place = bisect_right(closes, now)
        return closes[place - 1] if place else None

    def next_close(self, exchange: str, now: datetime) -> datetime | None:
        """Return when its trading ends for a day after *now*."""
        closes = self._closes[exchange]
        place = bisect_right(closes, now)
        return closes[place] if place < len(closes) else None

    def _place(self, exchange: str, moment: datetime) -> int:
        """Return which span was the last to begin at *moment*; -1 before the first."""
        return bisect_right(self._spans[exchange], moment, key=lambda span: span[0]) - 1

    def _seconds_until(self, exchange: str, moment: datetime) -> float:
        place = self._place(exchange, moment)
        if place < 0:
            return 0.0
        opens, closes = self._spans[exchange][place]
        return self._before[exchange][place] + (min(moment, closes) - opens).total_seconds()

    def _between(self, exchange: str, start: datetime, end: datetime) -> list[Span]:
        spans = self._spans[exchange]
        first, last = max(self._place(exchange, start), 0), self._place(exchange, end)
        clipped = ((max(opens, start), min(closes, end)) for opens, closes in spans[first : last + 1])
        return [(opens, closes) for opens, closes in clipped if opens < closes]
