"""How many calls a provider allows in a second, a minute, a day and a month, and how many are left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
RESERVED_SHARE = 10  # percent of a day's calls that are kept for people
RESERVE_FROM = 5  # calls a day; of fewer none is kept back
KEPT_DAYS = 62  # two months


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls allowed; None: as many as wanted. Days and months begin at midnight in *reset_timezone* (IANA name)."""

    per_second: int | None = None
    per_minute: int | None = None
    per_day: int | None = None
    per_month: int | None = None
    reset_timezone: str = "UTC"

    @property
    def reserve(self) -> int:
        """How many of the day's calls are kept back from scheduled polls."""
        if self.per_day is None or self.per_day < RESERVE_FROM:
            return 0
        return max(1, self.per_day * RESERVED_SHARE // 100)


@dataclass(frozen=True, slots=True)
class Grant:
    """The call may be made."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The call may not be made before *until*; window is second, minute, day or month."""

    window: str
    until: datetime


@dataclass(slots=True)
class QuotaWindows:
    """The calls made to one provider, counted in windows. Times are aware.

    Seconds and minutes slide: in no 60 s are there more calls than a minute allows. Days and months are the
    calendar's in the provider's zone. When the clock is set back, calls made "later" count again from then on:
    that can deny a call that was due, and never grants one too many.
    """

    limits: Limits
    _recent: list[datetime] = field(default_factory=list)
    _days: dict[date, int] = field(default_factory=dict)
    _latest: datetime | None = None

    def may_call(self, now: datetime, manual: bool = False) -> Grant | Denied:
        """Return whether a call may be made; if not, the window that keeps it waiting the longest.

        manual: a person asked for it: it may use the reserve too.
        """
        self._notice(now)
        denials = [
            *self._sliding("second", now, SECOND, self.limits.per_second),
            *self._sliding("minute", now, MINUTE, self.limits.per_minute),
        ]
        per_day, per_month = self.limits.per_day, self.limits.per_month
        if per_day is not None and self.used_today(now) >= per_day - (0 if manual else self.limits.reserve):
            denials.append(Denied("day", self.resets_at(now)))
        if per_month is not None and self.used_this_month(now) >= per_month:
            first = (self._day(now).replace(day=1) + 31 * DAY).replace(day=1)
            denials.append(Denied("month", self._midnight(first)))
        return max(denials, key=lambda denied: denied.until, default=Grant())

    def record(self, now: datetime) -> None:
        """Count a call; after a restart those of before, oldest first."""
        self._notice(now)
        today = self._day(now)
        self._days[today] = self._days.get(today, 0) + 1
        self._keep([*self._recent, now], now)
        for day in sorted(self._days)[:-KEPT_DAYS]:
            del self._days[day]

    def ended(self, recorded_at: datetime, now: datetime) -> None:
        """Let seconds and minutes count a recorded call as made *now*, when it is over: it went out before."""
        if recorded_at < now and recorded_at in self._recent:
            self._recent.remove(recorded_at)
            self._keep([*self._recent, now], now)

    def used_today(self, now: datetime) -> int:
        return self._days.get(self._day(now), 0)

    def used_this_month(self, now: datetime) -> int:
        today = self._day(now)
        return sum(n for day, n in self._days.items() if (day.year, day.month) == (today.year, today.month))

    def remaining_today(self, now: datetime) -> int | None:
        """Return the calls left of the day, the reserve among them, and no more than the month has; None without a limit."""
        per_day, per_month = self.limits.per_day, self.limits.per_month
        left = [] if per_day is None else [per_day - self.used_today(now)]
        left += [] if per_month is None else [per_month - self.used_this_month(now)]
        return max(min(left), 0) if left else None

    def began_at(self, now: datetime) -> datetime:
        """Return when the day of *now* began for the provider, in UTC."""
        return self._midnight(self._day(now))

    def exhausts_at(self, now: datetime) -> datetime | None:
        """Return when the day's calls will be spent at the pace of the day so far; None when not before its reset."""
        remaining, used = self.remaining_today(now), self.used_today(now)
        if remaining == 0:
            return now
        if remaining is None or used == 0:
            return None
        wait = (now - self.began_at(now)).total_seconds() * remaining / used
        left = (self.resets_at(now) - now).total_seconds()
        return now + timedelta(seconds=wait) if wait < left else None

    def resets_at(self, now: datetime) -> datetime:
        """Return when the day after *now* begins for the provider, in UTC."""
        return self._midnight(self._day(now) + DAY)

    def _sliding(self, window: str, now: datetime, length: timedelta, limit: int | None) -> list[Denied]:
        if limit is None:
            return []
        inside = [moment for moment in self._recent if now - length < moment <= now]
        if len(inside) < limit:
            return []
        return [Denied(window, inside[-limit] + length if limit else now + length)]

    def _notice(self, now: datetime) -> None:
        """Where the clock was set back, let what it now calls the future count as made now as well."""
        if self._latest is not None and now < self._latest:
            ahead = sum(moment > now for moment in self._recent)
            self._keep([*self._recent, *[now] * ahead], now)
            today = self._day(now)
            later = sum(n for day, n in self._days.items() if day > today)
            if later:
                self._days[today] = self._days.get(today, 0) + later
        self._latest = now

    def _keep(self, calls: list[datetime], now: datetime) -> None:
        """Keep as many of the newest calls, before and after *now*, as the limits of seconds and minutes need."""
        needed = max(self.limits.per_second or 0, self.limits.per_minute or 0, 1)
        made = sorted(moment for moment in calls if now - MINUTE < moment <= now)
        ahead = sorted(moment for moment in calls if moment > now)
        self._recent = made[-needed:] + ahead[-needed:]

    def _day(self, now: datetime) -> date:
        return now.astimezone(ZoneInfo(self.limits.reset_timezone)).date()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(0), tzinfo=ZoneInfo(self.limits.reset_timezone)).astimezone(UTC)
