"""Cuts time into bars: quarters of an hour and hours of UTC, days of a time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

STEPS = {"15m": timedelta(minutes=15), "1h": timedelta(hours=1)}
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)


def beginning(interval: str, timezone: str) -> Callable[[datetime], datetime]:
    """Return the function that says when the interval around a time begins; both in UTC.

    interval: 15m, 1h or 1d.
    Raises ValueError for another one, ZoneInfoNotFoundError for an unknown time zone.
    """
    if interval == "1d":
        return lambda moment: day_of(moment, ZoneInfo(timezone))
    if interval not in STEPS:
        raise ValueError(f"not an interval: {interval}")
    step = STEPS[interval]
    return lambda moment: moment - (moment - _ORIGIN) % step


def day_of(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return when the day around *moment* began in *zone*, in UTC; days are 23 to 25 hours long there."""
    midnight = moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return midnight.astimezone(UTC)
