"""The usage tracker: every call is recorded with what it costs and whom it serves, also where nothing limits it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from market_actors.accounting.backlog import FULL
from market_actors.domain.costs import Tariff
from market_actors.domain.polling import Holder
from market_actors.domain.quota import Limits
from market_actors.errors import Unavailable
from market_actors.messages import (
    CallRecorded,
    CallsLoaded,
    CallsRecorded,
    FinishCall,
    GetQuotas,
    Message,
    Ping,
    ProviderCalled,
    ProviderConfigured,
    ProvidersConfigured,
    QuotaChanged,
    QuotaDenied,
    QuotaGranted,
    RecordCall,
    RecordCalls,
    RecordPlans,
    Reserve,
    SendCalls,
    SendProviders,
    Tick,
    WatchQuota,
)
from market_actors.usage import UsageTracker
from persistence.records import Share
from tests.domain.samples import NOON
from tests.doubles import Remembered

ANN, BOB, SAVINGS, FUND = (UUID(int=number) for number in (1, 2, 11, 12))
WHOLE = 10**12
HELD = ((Holder(SAVINGS, ANN), Holder(FUND, BOB)),)
LIMITS = {"alpha_vantage": Limits(5, 50, 25, 60), "simulated": None}
TARIFFS = {"alpha_vantage": Tariff(Decimal("0.010"), Decimal("49.99"))}


class World:
    """A tracker with a clock that the test moves; the store commits at once unless *commits* is false."""

    def __init__(self, start, *, earlier=(), is_loaded=True) -> None:
        self.now, self.monotonic, self.commits = NOON, 1000.0, True
        self.store, self.scheduler = Remembered(self._answer), Remembered()
        self.usage = start(UsageTracker, LIMITS, self.store, clock=lambda: self.now, tariffs=TARIFFS)
        self.store.wait_until(lambda: bool(self.store.all(SendProviders)))
        self.settle()
        if is_loaded:
            self.tell(CallsLoaded(tuple(earlier), self.store.last(SendCalls).since))

    def _answer(self, message: Message) -> None:
        match message:
            case RecordCall(call, reply_to) if self.commits:
                reply_to.tell(CallRecorded(call.id))
            case RecordCalls(calls, reply_to) if self.commits:
                reply_to.tell(CallsRecorded(tuple(call.id for call in calls)))
            case SendProviders(reply_to):
                reply_to.tell(ProvidersConfigured(()))

    def settle(self) -> None:
        for _ in range(2):
            self.usage.ask(Ping()).get(timeout=5)

    def tell(self, message: Message) -> None:
        self.usage.tell(message)
        self.settle()

    def reserve(self, provider="simulated", kind="scheduled", user_id=None, holders=HELD, symbols=("CBA.AX",)) -> UUID:
        call_id = uuid4()
        self.tell(Reserve(call_id, provider, kind, symbols, user_id, self.scheduler, holders))
        return call_id

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds
        self.tell(Tick(self.now, self.monotonic))

    def granted(self) -> list[UUID]:
        return [message.call_id for message in self.scheduler.all(QuotaGranted)]

    def batches(self) -> list[list[UUID]]:
        return [[call.id for call in batch.calls] for batch in self.store.all(RecordCalls)]

    def quota(self, name: str):
        return next(quota for quota in self.usage.ask(GetQuotas()).get(timeout=5) if quota.name == name)


@pytest.fixture
def world(start):
    return World(start)


# -- Whom a call serves, and what it costs -------------------------------------------------


def test_a_call_is_recorded_with_whom_it_serves_and_what_it_costs(world):
    world.reserve("alpha_vantage")

    call = world.store.last(RecordCall).call
    assert call.cost == Decimal("0.010")
    assert call.audience.shares == (Share(ANN, SAVINGS, WHOLE // 2), Share(BOB, FUND, WHOLE // 2))


def test_calls_that_serve_the_same_have_one_audience_and_others_another(world):
    for holders in (HELD, HELD, (HELD[0][:1],), ((*reversed(HELD[0]),),)):
        world.reserve("alpha_vantage", holders=holders)

    first, again, other, reversed_ = (message.call.audience.id for message in world.store.all(RecordCall))
    assert first == again == reversed_ != other


def test_a_call_that_somebody_asked_for_is_theirs_and_a_probe_is_nobodys(world):
    world.reserve("alpha_vantage", "manual", BOB)
    world.reserve("alpha_vantage", "manual", BOB, (), ())
    world.reserve("alpha_vantage", "probe")

    shares = [each.call.audience and each.call.audience.shares for each in world.store.all(RecordCall)]
    assert shares == [(Share(BOB, FUND, WHOLE),), (Share(BOB, None, WHOLE),), None]


def test_a_new_price_counts_for_the_calls_after_it(world):
    world.reserve("alpha_vantage")
    priced = ProviderConfigured("alpha_vantage", True, None, None, None, None, None, cost_per_call=Decimal("0.5"))
    world.tell(ProvidersConfigured((priced,)))
    world.reserve("alpha_vantage")

    assert [message.call.cost for message in world.store.all(RecordCall)] == [Decimal("0.010"), Decimal("0.5")]


def test_what_the_plans_cost_is_told_at_the_start_when_it_changes_and_with_each_month(world):
    month = NOON.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    told = world.store.all(RecordPlans)
    assert told == [RecordPlans(month, {"alpha_vantage": Decimal("49.99"), "simulated": None})]

    dearer = ProviderConfigured("simulated", True, None, None, None, None, None, monthly_cost=Decimal(3))
    world.tell(ProvidersConfigured((dearer,)))
    assert world.store.last(RecordPlans).costs == {"alpha_vantage": Decimal("49.99"), "simulated": Decimal(3)}

    world.pass_time(1)
    told = len(world.store.all(RecordPlans))
    world.now = datetime(month.year, month.month + 1, 1, tzinfo=UTC)
    world.pass_time(1)
    assert world.store.last(RecordPlans).month == datetime(month.year, month.month + 1, 1, tzinfo=UTC)
    assert len(world.store.all(RecordPlans)) == told + 1


# -- Calls without limits ------------------------------------------------------------------


def test_calls_without_limits_are_granted_at_once_and_recorded_together(world):
    world.pass_time(6)
    reserved = [world.reserve() for _ in range(3)]
    assert world.granted() == reserved
    assert world.batches() == []

    world.tell(ProviderCalled(reserved[0], "simulated", "network", 7))
    world.pass_time(6)

    assert world.batches() == [reserved]
    ended = world.store.last(RecordCalls).calls[0]
    assert (ended.outcome, ended.latency_ms) == ("network", 7)
    assert world.store.all(FinishCall) == []
    world.pass_time(6)
    assert len(world.batches()) == 1


def test_a_batch_that_is_not_confirmed_is_told_again_with_what_came_after_it(world):
    world.commits = False
    first = world.reserve()
    world.pass_time(6)
    second = world.reserve()
    world.tell(ProviderCalled(first, "simulated", "ok", 7))
    assert world.store.last(FinishCall) == FinishCall(first, "ok", 7)

    world.commits = True
    world.pass_time(6)

    assert world.batches() == [[first], [first, second]]
    assert [call.outcome for call in world.store.last(RecordCalls).calls] == ["ok", None]
    world.pass_time(6)
    assert len(world.batches()) == 2


def test_while_too_many_calls_wait_to_be_recorded_no_more_are_made(world):
    world.commits = False
    for _ in range(FULL):
        world.usage.tell(Reserve(uuid4(), "simulated", "scheduled", ("CBA.AX",), None, world.scheduler, HELD))
    world.settle()
    assert len(world.granted()) == FULL
    refused = world.reserve()
    assert world.scheduler.last(QuotaDenied) == QuotaDenied(refused, "second", NOON + timedelta(seconds=5))

    world.commits = True
    world.pass_time(6)
    assert world.reserve() in world.granted()


def test_what_is_not_yet_recorded_is_told_at_the_end(world):
    world.pass_time(6)
    reserved = world.reserve()

    world.usage.stop().get(timeout=5)

    assert world.batches() == [[reserved]]


def test_calls_are_told_before_they_are_counted_for_a_limit_that_is_new(world):
    world.pass_time(6)
    reserved = world.reserve()
    world.tell(ProvidersConfigured((ProviderConfigured("simulated", True, None, None, None, 1, None),)))

    kinds = [type(message) for message in world.store.messages]
    assert world.batches() == [[reserved]]
    assert kinds.index(RecordCalls) < len(kinds) - 1 - kinds[::-1].index(SendCalls)
    assert set(world.store.last(SendCalls).providers) == {"alpha_vantage", "simulated"}


# -- How much is left ----------------------------------------------------------------------


def test_a_month_is_limited_by_the_calls_of_before_the_start(start):
    first = NOON.replace(day=1, hour=1)
    world = World(start, earlier=[("alpha_vantage", first + timedelta(minutes=n)) for n in range(60)])
    assert world.store.last(SendCalls).since <= NOON - timedelta(days=31)

    world.reserve("alpha_vantage", "manual", ANN)

    assert world.granted() == []
    assert world.scheduler.last(QuotaDenied).window == "month"
    assert world.quota("alpha_vantage").remaining == 0


def test_the_quotas_tell_what_is_left_and_until_when(world):
    for _ in range(3):
        world.reserve("alpha_vantage")
    quota, unlimited = world.quota("alpha_vantage"), world.quota("simulated")

    midnight = NOON.replace(hour=0, minute=0, second=0, microsecond=0)
    assert (quota.limits, quota.remaining) == (LIMITS["alpha_vantage"], 22)
    assert (quota.began_at, quota.resets_at) == (midnight, midnight + timedelta(days=1))
    assert (unlimited.limits, unlimited.remaining, unlimited.exhausts_at) == (None, None, None)


@pytest.mark.parametrize("limits", [(), (ProviderConfigured("alpha_vantage", True, None, None, 9, None, None),)])
def test_what_was_used_of_a_source_without_limits_is_counted_too(start, limits):
    """After a start, and after any limit was changed."""
    world = World(start, is_loaded=False)
    world.tell(WatchQuota(world.scheduler))
    world.tell(ProvidersConfigured(limits))
    earlier = tuple(("simulated", NOON - timedelta(minutes=minutes)) for minutes in (3, 2, 1))
    world.tell(CallsLoaded(earlier, world.store.last(SendCalls).since))
    world.reserve()

    assert world.scheduler.last(QuotaChanged).requests_today["simulated"] == 4


def test_before_the_calls_of_before_are_known_nobody_is_told_what_is_left(start):
    world = World(start, is_loaded=False)

    with pytest.raises(Unavailable):
        world.quota("alpha_vantage")


def test_a_reservation_that_nobody_waits_for_any_more_spends_nothing(start):
    world = World(start, is_loaded=False)
    world.reserve("alpha_vantage")
    world.pass_time(1)
    waited_for = world.reserve("alpha_vantage")
    world.pass_time(8)
    world.pass_time(4)

    world.tell(CallsLoaded((), world.store.last(SendCalls).since))

    assert world.granted() == [waited_for]
    assert [message.call.id for message in world.store.all(RecordCall)] == [waited_for]
