"""UsageTracker: calls are reserved here before they are made, so that no limit is passed, across restarts too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from market_actors.actor import MarketActor
from market_actors.domain.quota import Denied, Limits, QuotaWindows
from market_actors.messages import (
    Address,
    CallRecorded,
    CallsLoaded,
    FinishCall,
    Message,
    ProviderCalled,
    ProviderConfigured,
    ProvidersConfigured,
    QuotaChanged,
    QuotaDenied,
    QuotaGranted,
    RecordCall,
    Reserve,
    SendCalls,
    SendProviders,
    Tick,
    WatchQuota,
)
from market_actors.scheduling.lanes import is_limited
from persistence.records import Call

logger = logging.getLogger(__name__)

TWO_DAYS = timedelta(days=2)  # whatever the time zone, today began within them
TWO_MONTHS = timedelta(days=62)
ASK_AGAIN = 5.0  # seconds after which the store is asked again for the calls made before
UNDER_WAY = timedelta(seconds=1)  # how long after its reservation a call of the last run may have gone out
FORGET = 60.0  # seconds after which a reservation that was never committed is forgotten; it stays counted


class UsageTracker(MarketActor):
    """Counts every call against its provider's limits. *limits* by provider; None of a source without any.

    clock: tells the present, aware, UTC. Ticks would not do: two calls may follow each other between two of them.
    """

    def __init__(self, limits: Mapping[str, Limits | None], store: Address, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._set = limits
        self._limits: Mapping[str, Limits | None] | None = None
        self._windows = {name: QuotaWindows(limit or Limits()) for name, limit in limits.items()}
        self._limited = frozenset(name for name, limit in limits.items() if limit is not None)
        self._store = store
        self._clock = clock
        self._is_loaded = False
        self._since: datetime | None = None
        self._waiting: list[Reserve] = []
        self._committing: dict[object, tuple[Reserve, float]] = {}
        self._latest: dict[str, tuple[object, datetime]] = {}
        self._watcher: Address | None = None
        self._told: QuotaChanged | None = None
        self._monotonic = self._asked_at = 0.0

    def on_start(self) -> None:
        self._ask()

    def on_receive(self, message: Message) -> None:
        match message:
            case Reserve():
                self._reserve(message)
            case CallRecorded(call_id):
                self._recorded(call_id)
            case ProviderCalled(call_id, provider, outcome, latency_ms):
                if provider in self._limited:
                    self._ended(provider, call_id)
                    self._store.tell(FinishCall(call_id, outcome, latency_ms))
            case CallsLoaded(calls, since):
                self._load(calls, since)
            case ProvidersConfigured(rows):
                self._configure(rows)
            case WatchQuota(reply_to):
                self._watcher, self._told = reply_to, None
            case Tick(_, monotonic):
                self._pass_time(monotonic)
            case _:
                raise TypeError(f"not a message for the usage tracker: {message!r}")
        self._tell_watcher()

    def _reserve(self, request: Reserve) -> None:
        """Commit first, then grant: a call that nobody knows of after a crash could be one too many."""
        if not self._is_loaded:
            self._waiting.append(request)
            return
        now = self._clock()
        windows = self._windows[request.provider]
        answer = windows.may_call(now, manual=request.kind == "manual")
        if isinstance(answer, Denied):
            request.reply_to.tell(QuotaDenied(request.call_id, answer.window, answer.until))
            return
        windows.record(now)
        if request.provider not in self._limited:
            request.reply_to.tell(QuotaGranted(request.call_id))
            return
        self._latest[request.provider] = (request.call_id, now)
        self._committing[request.call_id] = (request, self._monotonic)
        call = Call(request.call_id, request.provider, request.kind, request.symbols, now, request.user_id)
        self._store.tell(RecordCall(call, self.address))

    def _recorded(self, call_id: object) -> None:
        request, _ = self._committing.pop(call_id, (None, 0.0))
        if request is not None:
            request.reply_to.tell(QuotaGranted(request.call_id))

    def _ended(self, provider: str, call_id: object) -> None:
        """A call reaches its provider some time after it was reserved: only its end is surely not too early."""
        latest_id, reserved_at = self._latest.get(provider, (None, None))
        if latest_id == call_id and reserved_at is not None:
            self._windows[provider].ended(reserved_at, self._clock())

    def _configure(self, rows: Iterable[ProviderConfigured]) -> None:
        """Go by what administrators set; where that is other than before, the calls made are counted anew.

        They are those in the database: windows of other lengths, or days of another zone, need more of them than
        was kept. Meanwhile nothing is granted.
        """
        by_name = {row.name: row for row in rows}
        limits = {name: limits_of(limit, by_name.get(name)) for name, limit in self._set.items()}
        if limits == self._limits:
            return
        self._limits = limits
        self._windows = {name: QuotaWindows(limit or Limits()) for name, limit in limits.items()}
        self._limited = frozenset(name for name, limit in limits.items() if limit is not None)
        self._is_loaded = not self._limited
        self._told = None
        if self._is_loaded:
            self._reserve_waiting()
        self._ask()

    def _load(self, calls: Iterable[tuple[str, datetime]], since: datetime) -> None:
        """What was asked for before the limits changed may lack the calls made since."""
        if self._is_loaded or since != self._since:
            return
        self._is_loaded = True
        before = [(self._windows[name], reserved_at) for name, reserved_at in calls if name in self._limited]
        for windows, reserved_at in before:
            windows.record(reserved_at)
        for windows, reserved_at in before:
            windows.ended(reserved_at, min(reserved_at + UNDER_WAY, self._clock()))
        self._reserve_waiting()

    def _reserve_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            self._reserve(request)

    def _ask(self) -> None:
        """Ask for the limits that administrators set, then for the calls that count against them."""
        self._asked_at = self._monotonic
        if self._limits is None:
            self._store.tell(SendProviders(self.address))
        elif not self._is_loaded:
            by_month = any(windows.limits.per_month is not None for windows in self._windows.values())
            self._since = self._clock() - (TWO_MONTHS if by_month else TWO_DAYS)
            self._store.tell(SendCalls(self._since, self.address))

    def _pass_time(self, monotonic: float) -> None:
        self._monotonic = monotonic
        if monotonic - self._asked_at >= ASK_AGAIN:
            self._ask()
        for call_id, (request, since) in list(self._committing.items()):
            if monotonic - since > FORGET:
                logger.warning("%s: a reservation was never committed; its call is not made", request.provider)
                del self._committing[call_id]

    def _tell_watcher(self) -> None:
        """Tell whoever watches, when the counts are other than told; days pass without a message."""
        if self._watcher is None or not self._is_loaded:
            return
        now = self._clock()
        counts = QuotaChanged(
            {name: windows.used_today(now) for name, windows in self._windows.items()},
            {name: windows.remaining_today(now) for name, windows in self._windows.items()},
        )
        if counts != self._told:
            self._told = counts
            self._watcher.tell(counts)


def limits_of(limits: Limits | None, row: ProviderConfigured | None) -> Limits | None:
    """Return a provider's limits: those of the settings, where an administrator set no other."""
    if row is None or (limits is None and not is_limited(row)):
        return limits
    base = limits or Limits()
    return replace(
        base,
        per_second=base.per_second if row.calls_per_second is None else row.calls_per_second,
        per_minute=base.per_minute if row.calls_per_minute is None else row.calls_per_minute,
        per_day=base.per_day if row.calls_per_day is None else row.calls_per_day,
        reset_timezone=row.reset_timezone or base.reset_timezone,
    )
