"""UsageTracker: calls are reserved here before they are made, so that no limit is passed, across restarts too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from market_actors.accounting.audiences import Audiences
from market_actors.accounting.backlog import Backlog
from market_actors.accounting.plans import Plans
from market_actors.accounting.terms import limits_of, quota_of, tariff_of
from market_actors.actor import MarketActor
from market_actors.domain.costs import Tariff
from market_actors.domain.quota import Denied, Limits, QuotaWindows
from market_actors.errors import Unavailable
from market_actors.messages import (
    Address,
    CallRecorded,
    CallsLoaded,
    CallsRecorded,
    FinishCall,
    GetQuotas,
    Message,
    ProviderCalled,
    ProviderConfigured,
    ProviderQuota,
    ProvidersConfigured,
    QuotaChanged,
    QuotaDenied,
    QuotaGranted,
    RecordCall,
    RecordCalls,
    Reserve,
    SendCalls,
    SendProviders,
    Tick,
    WatchQuota,
)
from persistence.records import Call

logger = logging.getLogger(__name__)

TWO_DAYS = timedelta(days=2)  # whatever the time zone, today began within them
TWO_MONTHS = timedelta(days=62)
ASK_AGAIN = 5.0  # seconds after which the store is asked again for the calls made before
UNDER_WAY = timedelta(seconds=1)  # how long after its reservation a call of the last run may have gone out
FORGET = 60.0  # seconds after which a reservation that was never committed is forgotten; it stays counted
GIVEN_UP = 10.0  # seconds after which nobody waits for the answer to a reservation any more
BATCH = 5.0  # seconds between two batches of calls that were granted without limits


class UsageTracker(MarketActor):
    """Counts every call against its provider's limits. *limits* by provider; None of a source without any.

    clock:   tells the present, aware, UTC. Ticks would not do: two calls may follow each other between two of them.
    tariffs: what the settings say that providers charge.
    """

    def __init__(
        self,
        limits: Mapping[str, Limits | None],
        store: Address,
        clock: Callable[[], datetime],
        tariffs: Mapping[str, Tariff] | None = None,
    ) -> None:
        super().__init__()
        self._set = limits
        self._limits: Mapping[str, Limits | None] | None = None
        self._windows = {name: QuotaWindows(limit or Limits()) for name, limit in limits.items()}
        self._limited = frozenset(name for name, limit in limits.items() if limit is not None)
        self._tariffs_set = {name: (tariffs or {}).get(name, Tariff()) for name in limits}
        self._tariffs = self._tariffs_set
        self._store = store
        self._clock = clock
        self._is_loaded = False
        self._since: datetime | None = None
        self._waiting: dict[UUID, tuple[Reserve, float | None]] = {}
        self._committing: dict[UUID, tuple[Reserve, float]] = {}
        self._backlog = Backlog()
        self._audiences = Audiences()
        self._latest: dict[str, tuple[UUID, datetime]] = {}
        self._plans = Plans(store, clock)
        self._watcher: Address | None = None
        self._told: QuotaChanged | None = None
        self._monotonic = self._asked_at = self._batch_at = 0.0

    def on_start(self) -> None:
        self._ask()

    def on_stop(self) -> None:
        self._tell_batch()

    def on_receive(self, message: Message) -> Any:
        match message:
            case GetQuotas():
                return self._quotas()
            case Reserve():
                self._reserve(message)
            case CallRecorded(call_id):
                self._recorded(call_id)
            case CallsRecorded(call_ids):
                self._backlog.recorded(call_ids)
            case ProviderCalled():
                self._finish(message)
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
        return None

    # -- Reservations ------------------------------------------------------------------------

    def _reserve(self, request: Reserve) -> None:
        """Commit first, then grant: a call that nobody knows of after a crash could be one too many."""
        if not self._is_loaded:
            self._waiting[request.call_id] = request, None
            return
        now = self._clock()
        is_limited = request.provider in self._limited
        windows = self._windows[request.provider]
        answer = windows.may_call(now, manual=request.kind == "manual")
        if not is_limited and self._backlog.is_full:
            answer = Denied("second", now + timedelta(seconds=BATCH))
        if isinstance(answer, Denied):
            request.reply_to.tell(QuotaDenied(request.call_id, answer.window, answer.until))
            return
        windows.record(now)
        call = Call(
            request.call_id,
            request.provider,
            request.kind,
            request.symbols,
            now,
            request.user_id,
            cost=self._tariffs[request.provider].per_call,
            audience=self._audiences.of(request),
        )
        if is_limited:
            self._latest[request.provider] = (request.call_id, now)
            self._committing[request.call_id] = (request, self._monotonic)
            self._store.tell(RecordCall(call, self.address))
        else:
            self._backlog.add(call)
            request.reply_to.tell(QuotaGranted(request.call_id))

    def _recorded(self, call_id: UUID) -> None:
        request, _ = self._committing.pop(call_id, (None, 0.0))
        if request is not None:
            request.reply_to.tell(QuotaGranted(request.call_id))

    def _finish(self, called: ProviderCalled) -> None:
        """A call reaches its provider some time after it was reserved: only its end is surely not too early."""
        latest_id, reserved_at = self._latest.get(called.provider, (None, None))
        if latest_id == called.call_id and reserved_at is not None:
            self._windows[called.provider].ended(reserved_at, self._clock())
        if not self._backlog.finish(called.call_id, called.outcome, called.latency_ms):
            self._store.tell(FinishCall(called.call_id, called.outcome, called.latency_ms))

    def _tell_batch(self) -> None:
        self._batch_at = self._monotonic
        if batch := self._backlog.batch():
            self._store.tell(RecordCalls(batch, self.address))

    def _reserve_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for request, _ in waiting.values():
            self._reserve(request)

    # -- What is in force, and what was used of it -------------------------------------------

    def _configure(self, rows: Iterable[ProviderConfigured]) -> None:
        """Go by what administrators set; where that is other than before, the calls made are counted anew.

        They are those in the database: windows of other lengths, or days of another zone, need more of them than
        was kept. Meanwhile nothing is granted.
        """
        by_name = {row.name: row for row in rows}
        self._tariffs = {name: tariff_of(each, by_name.get(name)) for name, each in self._tariffs_set.items()}
        limits = {name: limits_of(limit, by_name.get(name)) for name, limit in self._set.items()}
        self._plans.tell(self._tariffs, self._monotonic)
        if limits == self._limits:
            return
        self._limits = limits
        self._windows = {name: QuotaWindows(limit or Limits()) for name, limit in limits.items()}
        self._limited = frozenset(name for name, limit in limits.items() if limit is not None)
        self._is_loaded = False
        self._told = None
        self._tell_batch()
        self._ask()

    def _load(self, calls: Iterable[tuple[str, datetime]], since: datetime) -> None:
        """What was asked for before the limits changed may lack the calls made since."""
        if self._is_loaded or since != self._since:
            return
        self._is_loaded = True
        before = [(self._windows[name], reserved_at) for name, reserved_at in calls]
        for windows, reserved_at in before:
            windows.record(reserved_at)
        for windows, reserved_at in before:
            windows.ended(reserved_at, min(reserved_at + UNDER_WAY, self._clock()))
        self._reserve_waiting()

    def _ask(self) -> None:
        """Ask for the limits that administrators set, then for the calls that count against them."""
        self._asked_at = self._monotonic
        if self._limits is None:
            self._store.tell(SendProviders(self.address))
        elif not self._is_loaded:
            by_month = any(windows.limits.per_month is not None for windows in self._windows.values())
            self._since = self._clock() - (TWO_MONTHS if by_month else TWO_DAYS)
            self._store.tell(SendCalls(self._since, self.address, tuple(self._windows)))

    def _quotas(self) -> tuple[ProviderQuota, ...]:
        if not self._is_loaded:
            raise Unavailable("the calls made before are being counted", retry_after=1)
        now = self._clock()
        return tuple(quota_of(name, each, name in self._limited, now) for name, each in self._windows.items())

    # -- Time --------------------------------------------------------------------------------

    def _pass_time(self, monotonic: float) -> None:
        self._monotonic = monotonic
        if monotonic - self._asked_at >= ASK_AGAIN:
            self._ask()
        if monotonic - self._batch_at >= BATCH:
            self._tell_batch()
        self._plans.pass_time(self._tariffs, monotonic)
        self._waiting = {
            call_id: (request, monotonic if since is None else since)
            for call_id, (request, since) in self._waiting.items()
            if since is None or monotonic - since <= GIVEN_UP
        }
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
