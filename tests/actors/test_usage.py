"""The usage tracker: no limit is ever passed, and nothing is granted that is not committed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from market_actors.domain.quota import Limits
from market_actors.messages import (
    CallRecorded,
    CallsLoaded,
    FinishCall,
    Message,
    Ping,
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
from market_actors.usage import UsageTracker
from tests.domain.samples import NOON
from tests.doubles import Remembered

LIMITS = {"alpha_vantage": Limits(1, 5, 25, reset_timezone="America/New_York"), "simulated": None}


class World:
    """A tracker with a clock that the test moves; the store commits at once unless *commits* is false."""

    def __init__(self, start, *, earlier=(), is_loaded=True, limits=LIMITS) -> None:
        self.now, self.monotonic = NOON, 1000.0
        self.commits = True
        self.store, self.scheduler = Remembered(self._commit), Remembered()
        self.usage = start(UsageTracker, limits, self.store, clock=lambda: self.now)
        self.store.wait_until(lambda: bool(self.store.all(SendProviders)))
        self.usage.ask(Ping()).get(timeout=5)
        if is_loaded:
            self.load(earlier)

    def _commit(self, message: Message) -> None:
        if isinstance(message, RecordCall) and self.commits:
            message.reply_to.tell(CallRecorded(message.call.id))
        elif isinstance(message, SendProviders):
            message.reply_to.tell(ProvidersConfigured(()))

    def load(self, calls=()) -> None:
        """Answer the last question for the calls of before."""
        asked = self.store.all(SendCalls)
        self.tell(CallsLoaded(tuple(calls), asked[-1].since if asked else self.now))

    def tell(self, message: Message) -> None:
        self.usage.tell(message)
        for _ in range(2):
            self.usage.ask(Ping()).get(timeout=5)

    def reserve(self, provider: str = "alpha_vantage", kind: str = "scheduled") -> UUID:
        call_id = uuid4()
        self.tell(Reserve(call_id, provider, kind, ("CBA.AX",), None, self.scheduler))
        return call_id

    def is_granted(self, kind: str = "scheduled") -> bool:
        before = len(self.scheduler.all(QuotaGranted))
        self.reserve(kind=kind)
        return len(self.scheduler.all(QuotaGranted)) > before

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds
        self.tell(Tick(self.now, self.monotonic))


@pytest.fixture
def world(start):
    return World(start)


def test_a_call_is_granted_after_it_is_committed_and_not_before(world):
    world.commits = False
    call_id = world.reserve()
    recorded = world.store.last(RecordCall).call
    assert (recorded.id, recorded.provider, recorded.symbols) == (call_id, "alpha_vantage", ("CBA.AX",))
    assert recorded.reserved_at == NOON
    assert world.scheduler.all(QuotaGranted) == []

    world.tell(CallRecorded(call_id))
    assert world.scheduler.last(QuotaGranted) == QuotaGranted(call_id)


def test_a_second_call_within_the_second_is_denied_until_it_is_over(world):
    world.reserve()
    denied = world.reserve()

    assert world.scheduler.last(QuotaDenied) == QuotaDenied(denied, "second", NOON + timedelta(seconds=1))
    world.pass_time(1)
    assert world.is_granted()


def test_a_call_counts_from_its_end_so_that_no_two_reach_the_provider_within_the_second(world):
    slow = world.reserve()
    world.pass_time(0.5)
    world.tell(ProviderCalled(slow, "alpha_vantage", "ok", 400))
    world.pass_time(0.5)
    denied = world.reserve()

    assert world.scheduler.last(QuotaDenied) == QuotaDenied(denied, "second", NOON + timedelta(seconds=1.5))
    world.pass_time(0.5)
    assert world.is_granted()


def test_what_is_not_granted_is_not_recorded(world):
    world.reserve()
    world.reserve()

    assert len(world.store.all(RecordCall)) == 1


def test_a_sixth_call_within_a_minute_is_denied(world):
    for _ in range(5):
        assert world.is_granted()
        world.pass_time(2)

    assert not world.is_granted()
    assert world.scheduler.last(QuotaDenied).window == "minute"


def test_calls_made_before_a_restart_count(start):
    earlier = [("alpha_vantage", NOON - timedelta(minutes=minutes)) for minutes in range(120, 97, -1)]
    world = World(start, earlier=earlier)

    assert not world.is_granted()
    assert world.scheduler.last(QuotaDenied).window == "day"
    assert world.is_granted("manual")
    world.pass_time(1)
    assert world.is_granted("manual")
    world.pass_time(1)
    assert not world.is_granted("manual")


def test_a_call_of_before_the_start_may_have_reached_the_provider_after_its_reservation(start):
    earlier = [("alpha_vantage", NOON - timedelta(seconds=seconds)) for seconds in (59, 58, 57, 56, 55)]
    world = World(start, earlier=earlier)

    denied = world.reserve()
    assert world.scheduler.last(QuotaDenied) == QuotaDenied(denied, "minute", NOON + timedelta(seconds=2))
    world.pass_time(2)
    assert world.is_granted()


def test_reservations_wait_until_the_calls_of_before_are_known(start):
    world = World(start, is_loaded=False)
    call_id = world.reserve()
    assert world.scheduler.messages == []

    world.load()
    world.tell(Tick(NOON, 1.0))
    assert world.scheduler.last(QuotaGranted) == QuotaGranted(call_id)


def test_the_calls_of_before_are_asked_for_until_they_come(start):
    world = World(start, is_loaded=False)
    assert world.store.last(SendCalls).since <= NOON - timedelta(hours=25)

    world.pass_time(6)
    assert len(world.store.all(SendCalls)) == 2
    world.load()
    world.pass_time(6)
    assert len(world.store.all(SendCalls)) == 2


def test_calls_that_come_twice_count_once(start):
    earlier = [("alpha_vantage", NOON - timedelta(hours=1))] * 13
    world = World(start, earlier=earlier)
    world.load(earlier)

    assert world.is_granted()


def test_a_source_without_limits_is_granted_at_once_and_leaves_no_row(world):
    for _ in range(3):
        call_id = world.reserve("simulated")
    world.tell(ProviderCalled(call_id, "simulated", "ok", 1))

    assert len(world.scheduler.all(QuotaGranted)) == 3
    assert world.store.all(RecordCall) == []
    assert world.store.all(FinishCall) == []


def test_how_a_call_ended_is_kept(world):
    call_id = world.reserve()
    world.tell(ProviderCalled(call_id, "alpha_vantage", "throttled", 120))

    assert world.store.last(FinishCall) == FinishCall(call_id, "throttled", 120)


def test_whoever_watches_hears_the_counts_now_and_when_they_change(world):
    world.tell(WatchQuota(world.scheduler))
    assert world.scheduler.last(QuotaChanged) == QuotaChanged(
        {"alpha_vantage": 0, "simulated": 0}, {"alpha_vantage": 25, "simulated": None}
    )

    world.reserve()
    world.reserve("simulated")
    assert world.scheduler.last(QuotaChanged) == QuotaChanged(
        {"alpha_vantage": 1, "simulated": 1}, {"alpha_vantage": 24, "simulated": None}
    )
    told = len(world.scheduler.all(QuotaChanged))
    world.pass_time(1)
    assert len(world.scheduler.all(QuotaChanged)) == told


def test_the_counts_begin_anew_at_the_providers_midnight(world):
    world.tell(WatchQuota(world.scheduler))
    world.reserve()
    world.pass_time(3 * 3600)
    assert world.scheduler.last(QuotaChanged).remaining["alpha_vantage"] == 24

    world.pass_time(3600)
    assert world.scheduler.last(QuotaChanged).remaining["alpha_vantage"] == 25


def test_a_reservation_that_is_never_committed_is_never_granted_and_stays_counted(world):
    world.tell(WatchQuota(world.scheduler))
    world.commits = False
    call_id = world.reserve()
    world.pass_time(61)
    world.tell(CallRecorded(call_id))

    assert world.scheduler.all(QuotaGranted) == []
    assert world.scheduler.last(QuotaChanged).remaining["alpha_vantage"] == 24


# -- What administrators set ---------------------------------------------------------------------


def configured(per_minute=None, per_day=None, timezone=None, name="alpha_vantage"):
    return ProvidersConfigured((ProviderConfigured(name, True, None, None, per_minute, per_day, timezone),))


def test_a_lower_limit_counts_the_calls_that_were_made_before_it(world):
    made = []
    for _ in range(3):
        assert world.is_granted()
        made.append(("alpha_vantage", world.now))
        world.pass_time(2)
    world.tell(configured(per_day=3))
    call_id = world.reserve()
    assert world.scheduler.all(QuotaDenied) == []

    world.load(made)
    denied = world.scheduler.last(QuotaDenied)
    assert (denied.call_id, denied.window) == (call_id, "day")
    assert world.store.last(SendCalls).since <= NOON - timedelta(hours=25)


def test_the_calls_that_were_asked_for_before_the_limits_changed_are_not_taken_for_all(world):
    stale = world.store.last(SendCalls)
    assert world.is_granted()
    world.pass_time(2)
    world.tell(configured(per_day=1))
    world.tell(CallsLoaded((), stale.since))
    assert not world.is_granted(kind="manual")

    world.load([("alpha_vantage", NOON)])
    assert world.scheduler.last(QuotaDenied).window == "day"


def test_the_same_limits_told_again_change_nothing(world):
    asked = len(world.store.all(SendCalls))
    world.tell(ProvidersConfigured(()))

    assert len(world.store.all(SendCalls)) == asked
    assert world.is_granted()


def test_a_source_without_limits_can_be_given_one_and_lose_it_again(world):
    world.tell(configured(per_minute=1, name="simulated"))
    world.load()
    world.reserve("simulated")
    world.reserve("simulated")
    assert world.scheduler.last(QuotaDenied).window == "minute"

    world.tell(ProvidersConfigured(()))
    world.load()
    granted = len(world.scheduler.all(QuotaGranted))
    world.reserve("simulated")
    assert len(world.scheduler.all(QuotaGranted)) == granted + 1


def test_nothing_is_granted_before_it_is_known_what_administrators_set(start):
    world = World(start, is_loaded=False)
    world.usage = start(UsageTracker, LIMITS, Remembered(), clock=lambda: NOON)
    world.reserve("simulated")

    assert world.scheduler.messages == []
