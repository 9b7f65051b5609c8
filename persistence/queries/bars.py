"""Bars, made of the recorded prices, newest first, so that no more is read than is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby, islice
from zoneinfo import ZoneInfo

from persistence.intervals import beginning, day_of
from persistence.queries.prices import newest_first
from persistence.records import Bar, PricePoint

MOST = 10_000


def list_bars(symbol: str, start: datetime, end: datetime, interval: str, limit: int, timezone: str) -> tuple[Bar, ...]:
    """A symbol's bars of the prices from *start* to before *end*: the newest *limit* (at most 10,000), oldest first.

    interval: 15m, 1h or 1d, which is a day in *timezone*.
    """
    zone = ZoneInfo(timezone)
    begins = beginning(interval, timezone)
    points = newest_first(symbol, min(start, day_of(start, zone)), end)
    bars = _bars(groupby(points, key=lambda point: begins(point.timestamp)), start, zone)
    return tuple(reversed(list(islice(bars, min(limit, MOST)))))


def _bars(groups: Iterable[tuple[datetime, Iterator[PricePoint]]], start: datetime, zone: ZoneInfo) -> Iterator[Bar]:
    """Make a bar of each group when the next, older one is there: volumes count from the beginning of the day."""
    waiting: tuple[datetime, list[PricePoint]] | None = None
    for timestamp, group in groups:
        points = list(group)
        if waiting:
            yield _bar(*waiting, points[0], zone)
        waiting = None
        wanted = [point for point in points if point.timestamp >= start]
        if not wanted:
            return
        if len(wanted) < len(points):
            yield _bar(timestamp, wanted, points[len(wanted)], zone)
            return
        waiting = timestamp, points
    if waiting:
        yield _bar(*waiting, None, zone)


def _bar(timestamp: datetime, points: list[PricePoint], before: PricePoint | None, zone: ZoneInfo) -> Bar:
    """Make the bar of *points*, newest first; *before* is the last price before them."""
    prices = [point.price for point in points]
    close = points[0]
    same_day = before is not None and day_of(before.timestamp, zone) == day_of(close.timestamp, zone)
    volume = _traded(close.volume, before.volume if before is not None and same_day else 0)
    return Bar(timestamp, prices[-1], max(prices), min(prices), prices[0], volume)


def _traded(until_now: int | None, until_then: int | None) -> int | None:
    """Return what was traded between two volumes of a day; None where either is unknown or the count began anew."""
    if until_now is None or until_then is None or until_now < until_then:
        return None
    return until_now - until_then
