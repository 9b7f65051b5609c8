"""The scheduler: what is polled when, and never twice at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from market_actors.domain.polling import Holder, Intervals
from market_actors.messages import (
    DemandChanged,
    HoldersChanged,
    Poll,
    PollFinished,
    Prune,
    QuotaChanged,
    QuotaGranted,
    Refresh,
    Reserve,
    SaveSchedule,
    ScheduleLoaded,
    SendSchedule,
    UpdatesChanged,
    WatchQuota,
)
from persistence.records import ProviderState, ScheduledPoll
from tests.actors.scheduling import NOON, USER, World


@pytest.fixture
def world(start):
    return World(start)


def test_a_newly_held_symbol_is_polled_at_once(world):
    world.hold("CBA.AX")

    assert world.polls(world.yahoo) == [("CBA.AX",)]
    assert world.yahoo.last(Poll).kind == "scheduled"
    assert world.yahoo.last(Poll).fallbacks == frozenset()


def test_a_call_is_reserved_before_it_is_made(world):
    world.grants = False
    world.hold("CBA.AX")

    reserved = world.usage.last(Reserve)
    assert reserved.symbols == ("CBA.AX",)
    assert world.polls(world.yahoo) == []

    world.tell(QuotaGranted(reserved.call_id))
    assert world.yahoo.last(Poll).call_id == reserved.call_id


def test_a_reservation_says_who_wants_the_symbols(world):
    held, watched = Holder(UUID(int=1), USER), Holder(None, USER)
    world.tell(HoldersChanged("held", {"CBA.AX": (held,)}, {UUID(int=1): USER}))
    world.tell(HoldersChanged("watched", {"CBA.AX": (watched,)}, {}))
    world.hold("CBA.AX")

    assert world.usage.last(Reserve).holders == ((held, watched),)


def test_a_symbol_is_polled_again_after_its_interval_and_not_before(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo)

    world.tick(898)
    assert len(world.polls(world.yahoo)) == 1
    world.tick(2)
    assert len(world.polls(world.yahoo)) == 2


def test_an_interval_of_a_second_is_kept_by_ticks_that_are_a_little_early(start):
    second = timedelta(seconds=1)
    world = World(start, intervals=Intervals(second, second, second))
    world.hold("CBA.AX")
    for count in range(2, 6):
        world.answer(world.yahoo)
        world.tick(0.99)
        assert len(world.polls(world.yahoo)) == count


def test_at_a_weekend_a_symbol_waits_for_the_next_opening(start):
    world = World(start, now=datetime(2026, 1, 3, 1, 0, tzinfo=UTC))
    world.hold("CBA.AX")
    world.answer(world.yahoo)

    assert world.updates().next_update == datetime(2026, 1, 4, 1, 0, tzinfo=UTC)


def test_no_symbol_is_in_two_calls_at_once(world):
    world.hold("CBA.AX")
    world.tick(5)
    world.tell(DemandChanged("watched", frozenset({"CBA.AX"})))
    world.tell(DemandChanged("watched", frozenset()))
    world.hold()
    world.hold("CBA.AX")

    assert world.polls(world.yahoo) == [("CBA.AX",)]
    assert world.polls(world.alpha_vantage) == []


def test_a_provider_has_one_call_at_a_time(world):
    world.hold("BHP.AX", "CBA.AX")
    assert len(world.polls(world.yahoo)) == 1

    world.answer(world.yahoo)
    assert sorted(world.polls(world.yahoo)) == [("BHP.AX",), ("CBA.AX",)]


def test_due_symbols_share_a_call_up_to_the_batch_size(start):
    world = World(start, batch_size=3)
    world.hold("A", "B", "C", "D")
    assert [len(symbols) for symbols in world.polls(world.yahoo)] == [3]

    world.answer(world.yahoo)
    assert sorted(symbol for symbols in world.polls(world.yahoo) for symbol in symbols) == ["A", "B", "C", "D"]


def test_a_symbol_goes_to_the_first_provider_that_covers_its_exchange(world):
    world.hold("SHOP.TO")

    assert world.polls(world.yahoo) == []
    assert world.polls(world.alpha_vantage) == [("SHOP.TO",)]
    assert world.alpha_vantage.last(Poll).fallbacks == frozenset()


def test_what_nobody_wants_any_more_is_not_polled(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo)
    world.hold()
    world.tick(5000)

    assert len(world.polls(world.yahoo)) == 1
    assert world.updates().next_update is None
    assert world.updates().tracked == frozenset()


def test_what_is_held_and_what_is_watched_is_tracked(world):
    world.hold("CBA.AX")
    world.tell(DemandChanged("watched", frozenset({"BHP.AX"})))

    assert world.updates().tracked == {"CBA.AX", "BHP.AX"}


def test_nothing_is_polled_before_the_last_schedule_is_known_and_it_is_asked_for_again(start):
    world = World(start, is_resumed=False)
    world.hold("CBA.AX")
    world.tick(4)
    assert len(world.store.all(SendSchedule)) == 1
    assert world.polls(world.yahoo) == []

    world.tick(1)
    assert len(world.store.all(SendSchedule)) == 2
    world.tell(ScheduleLoaded((), ()))
    world.tell(world.rules)
    assert world.polls(world.yahoo) == []

    world.tell(world.providers)
    assert world.polls(world.yahoo) == [("CBA.AX",)]


def test_a_restart_repeats_no_poll(start):
    polled = ScheduledPoll("CBA.AX", "yahoo", NOON - timedelta(minutes=5), NOON + timedelta(minutes=10), 900, 0)
    world = World(start, saved=[polled])
    world.hold("CBA.AX", "BHP.AX")
    assert world.polls(world.yahoo) == [("BHP.AX",)]

    world.answer(world.yahoo)
    world.tick(600)
    assert world.polls(world.yahoo)[1:] == [("CBA.AX",)]


def test_a_restart_with_shorter_intervals_does_not_wait_for_the_longer_ones(start):
    polled = ScheduledPoll("CBA.AX", "yahoo", NOON, NOON + timedelta(days=1), 86400, 0)
    minute = timedelta(minutes=1)
    world = World(start, saved=[polled], intervals=Intervals(minute, minute, minute))
    world.hold("CBA.AX")
    world.tick(60)

    assert world.polls(world.yahoo) == [("CBA.AX",)]


def test_a_symbol_that_another_provider_served_is_polled_anew_after_a_restart(start):
    polled = ScheduledPoll("CBA.AX", "simulated", NOON, NOON + timedelta(minutes=10), 900, 0)
    world = World(start, saved=[polled])
    world.hold("CBA.AX")

    assert world.polls(world.yahoo) == [("CBA.AX",)]


def test_a_provider_whose_quota_was_spent_is_left_alone_after_a_restart(start):
    state = a_state("yahoo", "rate_limited", "quota_day: enough", NOON + timedelta(hours=2))
    world = World(start, states=[state])
    world.hold("CBA.AX")

    assert world.polls(world.yahoo) == []
    assert world.polls(world.alpha_vantage) == [("CBA.AX",)]
    assert world.status("yahoo").next_try == NOON + timedelta(hours=2)


@pytest.mark.parametrize("window", ["day", "month"])
def test_what_our_own_count_denied_is_asked_of_it_again_after_a_restart(start, window):
    """The reserve for people is not lost, and a quota that was raised meanwhile counts."""
    state = a_state("yahoo", "rate_limited", f"the quota of the {window} is spent", NOON + timedelta(hours=2))
    world = World(start, states=[state])
    world.denial = lambda reserve: None if reserve.kind == "manual" else (window, NOON + timedelta(hours=2))
    world.hold("CBA.AX")
    assert world.status("yahoo").status == "rate_limited"

    assert world.ask(Refresh(USER, ("CBA.AX",))).provider_calls == 1
    world.answer(world.yahoo)
    assert world.polls(world.yahoo) == [("CBA.AX",)]


def test_a_provider_that_refused_the_key_is_tried_after_a_restart(start):
    world = World(start, states=[a_state("yahoo", "error", "auth: bad key", NOON + timedelta(hours=1))])
    world.hold("CBA.AX")

    assert world.polls(world.yahoo) == [("CBA.AX",)]


def test_a_wall_clock_set_forward_makes_nothing_late(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo)
    world.tick(1, jump=timedelta(hours=10))
    world.tick(900)

    assert len(world.polls(world.yahoo)) == 2


def test_a_wall_clock_set_back_makes_nothing_late(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo)
    world.tick(1, jump=-timedelta(days=30))
    world.tick(900)

    assert len(world.polls(world.yahoo)) == 2


def test_a_clock_that_is_put_right_ends_a_wait_that_went_by_the_wrong_day(start):
    world = World(start, now=datetime(2026, 1, 3, 1, 0, tzinfo=UTC))
    world.hold("CBA.AX")
    world.answer(world.yahoo)
    world.tick(1, jump=timedelta(days=2))
    assert world.updates().next_update == world.now + timedelta(minutes=15)


def test_a_quota_denied_by_the_wrong_clock_is_asked_for_again(world):
    world.denial = lambda _: ("minute", NOON + timedelta(seconds=40))
    world.hold("CBA.AX")
    world.denial = lambda _: None
    world.tick(1, jump=-timedelta(days=30))

    assert world.polls(world.yahoo) == [("CBA.AX",)]


def test_the_schedule_is_saved_every_minute_and_what_is_old_pruned_every_hour(start):
    world = World(start, now=datetime.now(UTC))
    world.hold("BTC-USD")
    world.answer(world.yahoo)
    world.store.forget()

    world.tick(61)
    (row,) = world.store.last(SaveSchedule).rows
    assert (row.symbol, row.provider, row.failures) == ("BTC-USD", "yahoo", 0)
    assert world.store.all(Prune) == []

    world.tick(3600)
    assert world.store.last(Prune).now == world.now


def test_the_schedule_is_saved_when_the_server_stops(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo)
    world.scheduler.stop().get(timeout=5)

    (row,) = world.store.last(SaveSchedule).rows
    assert row.next_poll_at == NOON + timedelta(minutes=15)


def test_the_first_state_of_the_updates_is_told_at_the_start(world):
    updates = world.connections.last(UpdatesChanged).updates

    assert [(provider.name, provider.status) for provider in updates.providers] == [
        ("yahoo", "active"),
        ("alpha_vantage", "active"),
    ]
    assert updates.next_update is None


def test_the_time_of_the_next_update_is_told_when_it_changes(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo)

    updates = world.connections.last(UpdatesChanged).updates
    assert updates.next_update == NOON + timedelta(minutes=15)
    assert updates.last_update == NOON


def test_nothing_is_told_while_nothing_changes(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo)
    world.connections.forget()
    for _ in range(3):
        world.tick()

    assert world.connections.all(UpdatesChanged) == []


def test_neighbours_that_were_restarted_hear_it_all_again(world):
    world.usage.forget()
    world.connections.forget()
    world.tick(5)

    assert world.usage.last(WatchQuota).reply_to is not None
    assert world.connections.last(UpdatesChanged)


def test_the_counts_of_calls_are_shown_with_each_provider(world):
    world.tell(QuotaChanged({"yahoo": 3, "alpha_vantage": 0}, {"yahoo": 1997, "alpha_vantage": None}))

    assert (world.status("yahoo").requests_today, world.status("yahoo").rate_limit_remaining) == (3, 1997)
    assert world.status("alpha_vantage").rate_limit_remaining is None


def test_an_answer_that_was_given_up_on_changes_nothing(world):
    world.hold("CBA.AX")
    poll = world.yahoo.last(Poll)
    world.answer(world.yahoo)
    world.tell(PollFinished(poll, frozenset(), {}, None, 1))

    assert world.status("yahoo").status == "active"


def test_a_reservation_that_is_never_answered_is_made_anew(world):
    world.grants = False
    world.hold("CBA.AX")
    world.tick(11)
    world.grants = True
    world.tick(11)

    assert world.polls(world.yahoo) == [("CBA.AX",)]


def a_state(name, status, reason, next_try):
    return ProviderState(name, True, None, None, None, None, None, None, None, status, reason, next_try)


def test_updates_of_the_last_hour_are_counted_and_older_ones_forgotten(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo)
    world.tick(900)
    world.answer(world.yahoo)
    assert world.updates().updates_last_hour == 2

    world.tick(2700)
    assert world.updates().updates_last_hour == 1
