"""One provider as the scheduler sees it: the call that is under way, whether another may follow, and why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from market_actors.domain.breaker import Breaker
from market_actors.domain.budget import Allowance
from market_actors.domain.overrides import Override
from market_actors.domain.quota import Limits, QuotaWindows
from market_actors.errors import BREAKER_KINDS, ErrorKind, ProviderError, seconds_until
from market_actors.messages import Address, ProviderConfigured, ProviderStatus, Tick
from persistence.records import ProviderState

THROTTLED_WAIT = 60.0  # seconds, where the provider does not say
LONGEST_WAIT = 86400.0
REFUSED_WAIT = timedelta(hours=1)  # a key or a plan that does not serve: somebody must look
KINDS = ("scheduled", "probe", "manual")
SPENT = {window: f"the quota of the {window} is spent" for window in ("day", "month")}
SWITCHED_OFF = "switched off by an administrator"


@dataclass(frozen=True, slots=True)
class Source:
    """A provider, for whoever calls it by messages.

    covers:     does it have the instruments of this exchange?
    batch_size: symbols in one call.
    resets_at:  when its daily quota is full again, after a moment; None where it has no limits.
    fetcher:    who calls it.
    delay:      by which its prices lag.
    dates_only: it is an end-of-day source.
    """

    name: str
    covers: Callable[[str], bool]
    batch_size: int
    resets_at: Callable[[datetime], datetime] | None
    fetcher: Address
    delay: timedelta = timedelta(0)
    dates_only: bool = False

    @property
    def has_limits(self) -> bool:
        return self.resets_at is not None


@dataclass(slots=True)
class Call:
    """A call that is being reserved or made (is_made); a look-up has a text in place of symbols.

    is_void: its answer is not wanted any more.
    """

    id: UUID
    kind: str
    symbols: tuple[str, ...]
    began: Tick
    look_up: str | None = None
    is_made: bool = False
    is_void: bool = False


class Lane:
    """What is known of one provider; at most one call is under way. Times are aware UTC.

    place:      in the order in which providers are tried, from 1.
    is_enabled: an administrator has not switched it off.
    barred_by:  the override that disables it.

    kind: scheduled, probe, or manual; manual calls may use what the daily quota keeps in reserve.
    """

    def __init__(self, source: Source, breaker: Breaker, place: int) -> None:
        self.source = source
        self.place = place
        self.is_enabled = True
        self.barred_by: Override | None = None
        self._as_set = source, place
        self.call: Call | None = None
        self._breaker = breaker
        self._waits_until: datetime | None = None
        self._spent_until: dict[str, datetime] = {}
        self._spent_reason = SPENT["day"]
        self._remaining: int | None = None
        self._counts_end: datetime | None = None
        self._configured: ProviderConfigured | None = None
        self._requests_today = 0
        self._last_request: datetime | None = None
        self._last_error: str | None = None
        self._is_out_of_reach = False
        self._errors = 0

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def is_disabled(self) -> bool:
        return not self.is_enabled or self.barred_by is not None

    def configure(self, row: ProviderConfigured | None) -> None:
        """Go by what an administrator set, or by the settings where that is None."""
        if row == self._configured:
            return
        self._configured = row
        source, place = self._as_set
        self.is_enabled = row is None or row.enabled
        self.place = place if row is None or row.priority is None else row.priority
        if row is None:
            self.source = source
        elif row.reset_timezone is not None or (not source.has_limits and is_limited(row)):
            limits = Limits(reset_timezone=row.reset_timezone or "UTC")
            resets_at = QuotaWindows(limits).resets_at if source.has_limits or is_limited(row) else None
            self.source = replace(source, resets_at=resets_at)
        else:
            self.source = source
        if row is not None and row.exchanges is not None:
            self.source = replace(self.source, covers=row.exchanges.__contains__)
        self.clock_jumped()

    # -- May it be called? -----------------------------------------------------------------

    def is_open(self, kind: str, now: datetime) -> bool:
        """May calls of this kind be made, when those before are over?"""
        if self.is_disabled:
            return False
        return self._breaker.may_call(now) and not self.is_spent(kind, now) and not self._is_tried_out(now)

    def is_idle(self, now: datetime) -> bool:
        """Can a call be reserved at once?"""
        return self.call is None and (self._waits_until is None or self._waits_until <= now)

    def is_on_trial(self, now: datetime) -> bool:
        """Would the next call be the one that finds out if the provider is back?"""
        return self._breaker.is_probe(now)

    def is_spent(self, kind: str, now: datetime) -> bool:
        """Is the daily quota spent, so far as calls of this kind may use it?"""
        until = self._spent_until.get(kind)
        return self._is_counted_out(kind, now) or (until is not None and now < until)

    def _is_counted_out(self, kind: str, now: datetime) -> bool:
        left = self._left(now)
        return left is not None and left <= (0 if kind == "manual" else self._reserve)

    def _left(self, now: datetime) -> int | None:
        """What was counted for a day that is over says nothing of this one: then whoever counts decides."""
        return None if self._counts_end is not None and now >= self._counts_end else self._remaining

    @property
    def _reserve(self) -> int:
        return Limits(per_day=self._requests_today + (self._remaining or 0)).reserve

    def allowance(self, eager_until: datetime, now: datetime) -> Allowance | None:
        """Return what is left for scheduled polls; None where the day has no limit, or the count is not known yet."""
        left = self._left(now)
        if left is None or self.source.resets_at is None:
            return None
        per_day = self._requests_today + left
        return Allowance(
            calls=max(left - self._reserve, 0),
            used=self._requests_today,
            per_day=per_day,
            resets_at=self.source.resets_at(now),
            batch_size=self.source.batch_size,
            last_call=self._last_request,
            delay=self.source.delay,
            dates_only=self.source.dates_only,
            eager_until=eager_until,
        )

    def waits_for(self, now: datetime) -> float:
        """Return the seconds until the quota of the second or minute allows another call."""
        return seconds_until(self._waits_until, now) if self._waits_until is not None else 0.0

    def opens_at(self, kind: str, now: datetime) -> datetime:
        """Return when calls of this kind may be made again, *now* at the earliest."""
        opens = max(self._breaker.next_try(now) or now, self._spent_until.get(kind, now), now)
        return max(opens, self._reset(now)) if self._is_counted_out(kind, now) else opens

    def _is_tried_out(self, now: datetime) -> bool:
        """Is the one call that may find out if the provider is back under way already?"""
        return self.call is not None and self._breaker.is_probe(now)

    def _reset(self, now: datetime) -> datetime:
        return self.source.resets_at(now) if self.source.resets_at is not None else now + REFUSED_WAIT

    # -- What happened ---------------------------------------------------------------------

    def make_call(self, tick: Tick) -> Call:
        """Its reservation is granted: the call goes out."""
        assert self.call is not None
        self.call.is_made = True
        self.call.began = tick
        self._breaker = self._breaker.calling(tick.now)
        self._last_request = tick.now
        return self.call

    def deny(self, kind: str, window: str, until: datetime) -> None:
        """The quota refused a call: of the second or the minute it soon comes back."""
        if window in ("second", "minute"):
            self._waits_until = until
        else:
            self._spend(KINDS if kind == "manual" else KINDS[:2], until, SPENT[window])

    def _spend(self, kinds: tuple[str, ...], until: datetime, reason: str) -> None:
        self._spent_until |= dict.fromkeys(kinds, until)
        self._spent_reason = reason

    def counted(self, requests_today: int, remaining: int | None, now: datetime) -> bool:
        """Note what is left of the day; return whether that is more than was known."""
        before, self._remaining = self._remaining, remaining
        self._requests_today = requests_today
        self._counts_end = None if self.source.resets_at is None else self.source.resets_at(now)
        return before is not None and (remaining is None or remaining > before)

    def succeeded(self, now: datetime) -> None:
        self._breaker = self._breaker.succeeded(now)
        self._last_error = None
        self._is_out_of_reach = False

    def failed(self, error: ProviderError, now: datetime) -> None:
        """A whole call failed: what follows depends on its kind."""
        self._errors += 1
        self._last_error = reason = f"{error.kind.value}: {error}"
        self._is_out_of_reach = error.kind in (ErrorKind.NETWORK, ErrorKind.UPSTREAM)
        if error.kind in BREAKER_KINDS:
            self._breaker = self._breaker.failed(now, reason)
        if error.kind is ErrorKind.THROTTLED:
            wait = min(max(error.retry_after or THROTTLED_WAIT, 1.0), LONGEST_WAIT)
            self._breaker = self._breaker.park(now, now + timedelta(seconds=wait), reason)
        elif error.kind is ErrorKind.QUOTA_DAY:
            self._spend(KINDS, self._reset(now), reason)
        elif error.kind in (ErrorKind.AUTH, ErrorKind.ENTITLEMENT):
            self._breaker = self._breaker.park(now, now + REFUSED_WAIT, reason, status="error")

    def restore(self, state: ProviderState, now: datetime) -> None:
        """Stay parked as the provider said before the restart; a fault may have been mended by it and is tried again.

        What our own count denied is not taken over: whoever counts has kept it, the reserve for people included.
        """
        if state.reason in SPENT.values():
            return
        if state.status == "rate_limited" and state.next_try is not None and state.next_try > now:
            self._spend(KINDS, state.next_try, state.reason or SPENT["day"])

    def clock_jumped(self) -> None:
        """Ask for quota again rather than to trust times that were set by another clock."""
        self._waits_until = None
        self._spent_until.clear()

    # -- What is shown -----------------------------------------------------------------------

    def status(self, now: datetime) -> ProviderStatus:
        status, reason, next_try = self._state(now)
        return ProviderStatus(
            name=self.name,
            status=status,
            reason=reason,
            next_try=next_try,
            last_request=self._last_request,
            error_count=self._errors,
            requests_today=self._requests_today,
            rate_limit_remaining=self._remaining,
            is_lost=self._is_lost(now),
        )

    def _is_lost(self, now: datetime) -> bool:
        if self.is_disabled or self._is_out_of_reach or self.is_spent("scheduled", now):
            return True
        return self._breaker.status(now) != "active"

    def _state(self, now: datetime) -> tuple[str, str | None, datetime | None]:
        if not self.is_enabled:
            return "disabled", SWITCHED_OFF, None
        if self.barred_by is not None:
            return "disabled", self.barred_by.reason, self.barred_by.expires_at
        status = self._breaker.status(now)
        if status != "active":
            until = self._breaker.next_try(now)
            # A time that is over is not shown, or it would change with every second.
            return status, self._breaker.reason(now), until if until is not None and until > now else None
        if self.is_spent("scheduled", now):
            return "rate_limited", self._spent_reason, self.opens_at("scheduled", now)
        if self._last_error is not None:
            return "error", self._last_error, None
        return "active", None, None


def is_limited(row: ProviderConfigured) -> bool:
    """Return whether an administrator set any limit."""
    return not (row.calls_per_second is None and row.calls_per_minute is None and row.calls_per_day is None)
