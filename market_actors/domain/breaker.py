"""The circuit breaker of a provider: when it is left alone after failures, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LOST = timedelta(seconds=60)  # a probe that nobody heard of for so long does not hold up the next
NEVER_LONGER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Pause:
    """A time without calls. *since* and *until* are aware UTC; *status* is rate_limited or error."""

    since: datetime
    until: datetime
    status: str
    reason: str

    def lasts(self, now: datetime) -> bool:
        """Return whether it still holds; a clock that was set back does not prolong it beyond its limit."""
        longest = max(self.until - self.since, NEVER_LONGER)
        return now < self.until and self.until - now <= longest


@dataclass(frozen=True, slots=True)
class Breaker:
    """Opens after *threshold* failures in a row, for *first_wait*; each failed probe doubles that, up to 15 min.

    When the wait is over one call may be made, the probe; its success closes the breaker. A parked provider
    (its daily quota is spent, it said when to come back) is left alone until then, whatever else succeeds.
    Every change gives a new breaker.

    failures: in a row.
    wait:     of the present or last opening.
    opening:  since the breaker opened, until a success.
    parking:  kept until it is over.
    probe_at: when the probe under way was sent.
    """

    threshold: int = 5
    first_wait: timedelta = timedelta(seconds=60)
    failures: int = 0
    wait: timedelta = timedelta(0)
    opening: Pause | None = None
    parking: Pause | None = None
    probe_at: datetime | None = None

    def may_call(self, now: datetime) -> bool:
        """Return whether a call may be made at *now*; if :meth:`is_probe`, only one, told by :meth:`calling`."""
        if self._parked(now) or (self.opening is not None and self.opening.lasts(now)):
            return False
        return self.probe_at is None or not timedelta(0) <= now - self.probe_at < LOST

    def is_probe(self, now: datetime) -> bool:
        """Return whether a call at *now* would be the one that finds out if the provider is back."""
        return self.opening is not None and self.may_call(now)

    def calling(self, now: datetime) -> Breaker:
        """A call is made at *now*."""
        return replace(self, probe_at=now) if self.opening is not None else self

    def succeeded(self, now: datetime) -> Breaker:
        """A call had an answer: the breaker closes. A parking that is not over stays."""
        parking = self.parking if self._parked(now) else None
        return Breaker(self.threshold, self.first_wait, parking=parking)

    def failed(self, now: datetime, reason: str) -> Breaker:
        """A call failed; *reason* is for people. Late failures of calls made before it opened change nothing."""
        failures = self.failures + 1
        if self.opening is None:
            if failures < self.threshold:
                return replace(self, failures=failures)
            return self._open(now, failures, self.first_wait, reason)
        if self.opening.lasts(now):
            return replace(self, failures=failures)
        return self._open(now, failures, self.wait * 2, reason)

    def park(self, now: datetime, until: datetime, reason: str, status: str = "rate_limited") -> Breaker:
        """Leave the provider alone from *now* until then; a parking that ends later stays."""
        if self.parking is not None and self._parked(now) and self.parking.until >= until:
            return replace(self, probe_at=None)
        return replace(self, parking=Pause(now, until, status, reason), probe_at=None)

    def status(self, now: datetime) -> str:
        """Return active, rate_limited or error; error lasts until a probe succeeds."""
        if self.opening is not None:
            return self.opening.status
        return self.parking.status if self.parking is not None and self._parked(now) else "active"

    def reason(self, now: datetime) -> str | None:
        """Return why it is not active; None when it is."""
        if self.opening is not None:
            return self.opening.reason
        return self.parking.reason if self.parking is not None and self._parked(now) else None

    def next_try(self, now: datetime) -> datetime | None:
        """Return when the next call may be made, *now* at the earliest; None while active."""
        if self.status(now) == "active":
            return None
        pauses = [pause for pause in (self.opening, self.parking) if pause is not None and pause.lasts(now)]
        return max((pause.until for pause in pauses), default=now)

    def _parked(self, now: datetime) -> bool:
        return self.parking is not None and self.parking.lasts(now)

    def _open(self, now: datetime, failures: int, wait: timedelta, reason: str) -> Breaker:
        wait = min(wait, NEVER_LONGER)
        return replace(
            self, failures=failures, wait=wait, opening=Pause(now, now + wait, "error", reason), probe_at=None
        )
