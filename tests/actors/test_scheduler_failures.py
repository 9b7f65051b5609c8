"""The scheduler when providers fail: who is asked next, who is left alone, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from market_actors.errors import ErrorKind
from market_actors.messages import (
    FetchNow,
    Poll,
    PollFinished,
    RecordProviderState,
    Reserve,
    UpdatesChanged,
)
from tests.actors.scheduling import NOON, USER, World, error


@pytest.fixture
def world(start):
    return World(start)


def fail_yahoo(world, kind, message="no", retry_after=None):
    world.answer(world.yahoo, failure=error(kind, message, retry_after))


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind is not ErrorKind.NO_DATA_RANGE])
def test_whatever_fails_the_symbol_goes_to_the_next_provider_at_once(world, kind):
    world.hold("CBA.AX")
    fail_yahoo(world, kind)

    assert world.polls(world.alpha_vantage) == [("CBA.AX",)]
    assert world.alpha_vantage.last(Poll).fallbacks == {"CBA.AX"}


def test_the_status_says_why_a_provider_failed_from_the_first_failure_on(world):
    world.hold("CBA.AX")
    fail_yahoo(world, ErrorKind.NETWORK, "connection refused")

    status = world.status("yahoo")
    assert (status.status, status.reason, status.error_count) == ("error", "network: connection refused", 1)
    told = world.connections.last(UpdatesChanged).updates.providers[0]
    assert (told.status, told.reason) == ("error", "network: connection refused")
    assert world.store.last(RecordProviderState) == RecordProviderState(
        "yahoo", "error", "network: connection refused", None
    )


def test_a_provider_that_answers_again_is_active_again(world):
    world.hold("CBA.AX")
    fail_yahoo(world, ErrorKind.NETWORK)
    world.answer(world.alpha_vantage)
    world.tick(900)
    world.answer(world.yahoo)

    assert world.status("yahoo").status == "active"
    assert world.store.last(RecordProviderState) == RecordProviderState("yahoo", "active", None, None)


def test_five_failures_in_a_row_open_the_breaker_and_a_minute_later_one_probe_goes_out(start):
    world = World(start)
    world.hold(*(f"{letter}.AX" for letter in "ABCDEFG"))
    for _ in range(5):
        fail_yahoo(world, ErrorKind.UPSTREAM, "HTTP 500")
    assert world.status("yahoo").next_try == NOON + timedelta(seconds=60)
    assert len(world.polls(world.yahoo)) == 5

    for _ in range(7):
        world.answer(world.alpha_vantage)
    world.tick(900)
    probes = world.yahoo.all(Poll)[5:]
    assert [poll.kind for poll in probes] == ["probe"]
    assert len(world.polls(world.alpha_vantage)) == 8

    world.answer(world.yahoo)
    assert world.status("yahoo").status == "active"


def test_while_a_probe_is_out_its_symbol_is_asked_nowhere_else_and_all_others_are(start):
    world = World(start)
    world.hold(*(f"{letter}.AX" for letter in "ABCDE"))
    for _ in range(5):
        fail_yahoo(world, ErrorKind.NETWORK)
    for _ in range(5):
        world.answer(world.alpha_vantage)
    world.tick(900)
    (probed,) = world.yahoo.last(Poll).symbols
    for _ in range(4):
        world.answer(world.alpha_vantage)

    elsewhere = {symbol for symbols in world.polls(world.alpha_vantage)[5:] for symbol in symbols}
    assert elsewhere == {f"{letter}.AX" for letter in "ABCDE"} - {probed}


def test_nobody_waits_for_a_probe_that_is_not_even_reserved(start):
    world = World(start)
    world.hold(*(f"{letter}.AX" for letter in "ABCDE"))
    for _ in range(5):
        fail_yahoo(world, ErrorKind.NETWORK)
    for _ in range(5):
        world.answer(world.alpha_vantage)
    world.grants = False
    world.usage.forget()
    world.tick(900)
    world.tick()

    assert {reserve.provider for reserve in world.usage.all(Reserve)} == {"yahoo", "alpha_vantage"}


def test_a_failed_probe_doubles_the_wait_and_its_symbol_goes_elsewhere(world):
    world.hold(*(f"{letter}.AX" for letter in "ABCDE"))
    for _ in range(5):
        fail_yahoo(world, ErrorKind.NETWORK)
    for _ in range(5):
        world.answer(world.alpha_vantage)
    world.tick(900)
    probed = world.yahoo.last(Poll).symbols
    fail_yahoo(world, ErrorKind.NETWORK)
    for _ in range(5):
        world.answer(world.alpha_vantage)

    assert world.status("yahoo").next_try == world.now + timedelta(seconds=120)
    assert probed in world.polls(world.alpha_vantage)[5:]


@pytest.mark.parametrize(("retry_after", "wait"), [(None, 60), (1800, 1800)])
def test_a_throttled_provider_is_left_alone_as_long_as_it_says(world, retry_after, wait):
    world.hold("CBA.AX")
    fail_yahoo(world, ErrorKind.THROTTLED, retry_after=retry_after)

    status = world.status("yahoo")
    assert (status.status, status.next_try) == ("rate_limited", NOON + timedelta(seconds=wait))


def test_a_provider_whose_day_is_spent_is_parked_until_its_reset(world):
    world.hold("CBA.AX")
    fail_yahoo(world, ErrorKind.QUOTA_DAY, "25 requests per day")
    world.answer(world.alpha_vantage)

    status = world.status("yahoo")
    assert (status.status, status.reason) == ("rate_limited", "quota_day: 25 requests per day")
    assert status.next_try == NOON.replace(hour=0) + timedelta(days=1)

    world.tick(900)
    assert len(world.polls(world.alpha_vantage)) == 2


@pytest.mark.parametrize("kind", [ErrorKind.AUTH, ErrorKind.ENTITLEMENT])
def test_a_provider_that_refuses_us_is_tried_again_in_an_hour(world, kind):
    world.hold("CBA.AX")
    fail_yahoo(world, kind)

    status = world.status("yahoo")
    assert (status.status, status.next_try) == ("error", NOON + timedelta(hours=1))


@pytest.mark.parametrize("kind", [ErrorKind.UNKNOWN_SYMBOL, ErrorKind.UNSUPPORTED_EXCHANGE])
def test_a_symbols_error_touches_that_symbol_only(start, kind):
    world = World(start, batch_size=2)
    world.hold("CBA.AX", "NOPE.AX")
    world.answer(world.yahoo, failures={"NOPE.AX": error(kind)})
    world.answer(world.alpha_vantage)

    assert world.polls(world.alpha_vantage) == [("NOPE.AX",)]
    assert world.status("yahoo").status == "active"
    assert world.status("yahoo").error_count == 0


def test_a_provider_is_not_asked_for_an_hour_for_a_symbol_it_does_not_know(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo, failures={"CBA.AX": error(ErrorKind.UNKNOWN_SYMBOL)})
    for _ in range(3):
        world.answer(world.alpha_vantage)
        world.tick(901)
    assert len(world.polls(world.yahoo)) == 1

    world.answer(world.alpha_vantage)
    world.tick(901)
    assert len(world.polls(world.yahoo)) == 2


def test_a_symbol_that_a_provider_had_a_moment_ago_is_soon_asked_of_it_again_and_then_more_rarely(world):
    world.hold("GC=F")
    world.answer(world.yahoo)
    world.tick(900)
    waits = []
    for _ in range(8):
        world.answer(world.yahoo, failures={"GC=F": error(ErrorKind.UNKNOWN_SYMBOL)})
        waits.append((world.updates().next_update - world.now).total_seconds())
        world.tick(waits[-1])

    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    assert len(world.polls(world.yahoo)) == 10
    world.answer(world.yahoo)
    assert world.status("yahoo").status == "active"
    assert world.updates().next_update == world.now + timedelta(seconds=900)


def test_a_symbol_somebody_asked_for_stays_tracked_when_it_is_once_unknown(world):
    reply = world.start_asking(FetchNow(USER, "GC=F"))
    world.answer(world.yahoo)
    assert reply.get(timeout=5)
    world.tick(900)
    world.answer(world.yahoo, failures={"GC=F": error(ErrorKind.UNKNOWN_SYMBOL)})

    assert world.updates().tracked == {"GC=F"}


def test_the_second_time_it_is_not_asked_for_two_hours(world):
    world.hold("BTC-USD")
    world.answer(world.yahoo, failures={"BTC-USD": error(ErrorKind.UNKNOWN_SYMBOL)})
    for _ in range(4):
        world.answer(world.alpha_vantage)
        world.tick(901)
    world.answer(world.yahoo, failures={"BTC-USD": error(ErrorKind.UNKNOWN_SYMBOL)})
    for _ in range(7):
        world.answer(world.alpha_vantage)
        world.tick(901)
    assert len(world.polls(world.yahoo)) == 2

    world.answer(world.alpha_vantage)
    world.tick(901)
    assert len(world.polls(world.yahoo)) == 3


def test_a_symbol_that_failed_everywhere_is_tried_again_soon_and_then_more_rarely(world):
    world.hold("CBA.AX")
    fail_yahoo(world, ErrorKind.NETWORK)
    world.answer(world.alpha_vantage, failure=error(ErrorKind.NETWORK))
    assert world.updates().next_update == NOON + timedelta(seconds=30)

    world.tick(30)
    fail_yahoo(world, ErrorKind.NETWORK)
    world.answer(world.alpha_vantage, failure=error(ErrorKind.NETWORK))
    assert world.updates().next_update == world.now + timedelta(seconds=60)


def test_while_every_provider_is_left_alone_nothing_is_polled_until_one_may_be_called(world):
    world.hold("CBA.AX")
    fail_yahoo(world, ErrorKind.THROTTLED, retry_after=100)
    world.answer(world.alpha_vantage, failure=error(ErrorKind.AUTH))
    world.tick(50)
    assert len(world.polls(world.yahoo)) == 1

    world.tick(50)
    assert len(world.polls(world.yahoo)) == 2


def test_a_symbol_that_its_only_provider_does_not_have_waits_an_hour(start):
    world = World(start)
    world.hold("GC=F")
    world.answer(world.yahoo, failures={"GC=F": error(ErrorKind.UNSUPPORTED_EXCHANGE)})

    assert world.polls(world.alpha_vantage) == []
    assert world.updates().next_update == NOON + timedelta(hours=1)


def test_a_fetcher_that_never_answers_counts_as_a_network_failure(world):
    world.hold("CBA.AX")
    world.tick(20)
    assert world.polls(world.alpha_vantage) == []

    world.tick(1)
    assert world.polls(world.alpha_vantage) == [("CBA.AX",)]
    assert world.status("yahoo").reason.startswith("network: ")


def test_an_answer_that_says_nothing_of_any_symbol_was_not_understood(start):
    world = World(start)
    world.hold("CBA.AX")
    poll = world.yahoo.last(Poll)
    world.tell(poll_finished(poll))

    assert world.status("yahoo").reason.startswith("malformed: ")
    assert world.polls(world.alpha_vantage) == [("CBA.AX",)]


def test_a_symbol_that_a_call_left_out_is_polled_next(start):
    world = World(start, batch_size=2)
    world.hold("A", "B")
    poll = world.yahoo.last(Poll)
    world.tell(poll_finished(poll, answered={"A"}))

    assert world.polls(world.yahoo)[1:] == [("B",)]
    assert world.polls(world.alpha_vantage) == []


# -- Quota -----------------------------------------------------------------------------------


@pytest.mark.parametrize("window", ["second", "minute"])
def test_a_call_too_many_for_the_minute_is_made_when_the_quota_allows(world, window):
    world.denial = lambda _: (window, NOON + timedelta(seconds=3))
    world.hold("CBA.AX")
    world.tick(2)
    assert len(world.usage.all(Reserve)) == 1

    world.denial = lambda _: None
    world.tick(1)
    assert world.polls(world.yahoo) == [("CBA.AX",)]
    assert world.polls(world.alpha_vantage) == []
    assert world.status("yahoo").status == "active"


@pytest.mark.parametrize("window", ["day", "month"])
def test_a_spent_day_parks_the_provider_and_its_symbols_move_on(world, window):
    reset = NOON + timedelta(hours=5)
    world.denial = lambda reserve: (window, reset) if reserve.provider == "yahoo" else None
    world.hold("CBA.AX", "BHP.AX")
    world.answer(world.alpha_vantage)

    assert world.polls(world.yahoo) == []
    assert len(world.polls(world.alpha_vantage)) == 2
    status = world.status("yahoo")
    assert (status.status, status.next_try) == ("rate_limited", reset)
    assert len([reserve for reserve in world.usage.all(Reserve) if reserve.provider == "yahoo"]) == 1


def poll_finished(poll, answered=()):
    return PollFinished(poll, frozenset(answered), {}, None, 20)


def test_a_provider_that_cannot_be_reached_is_lost_from_the_first_failure_until_it_answers(world):
    world.hold("CBA.AX")
    fail_yahoo(world, ErrorKind.NETWORK)
    assert world.status("yahoo").is_lost

    world.answer(world.alpha_vantage)
    world.tick(900)
    world.answer(world.yahoo)
    assert not world.status("yahoo").is_lost


def test_an_answer_that_cannot_be_read_is_told_as_an_error_but_loses_no_provider(world):
    world.hold("CBA.AX")
    fail_yahoo(world, ErrorKind.MALFORMED)
    (yahoo, _) = world.updates().providers
    assert (yahoo.status, yahoo.is_lost) == ("error", False)

    for number in range(4):
        world.hold(f"S{number}.AX")
        fail_yahoo(world, ErrorKind.MALFORMED)
    (yahoo, _) = world.updates().providers
    assert (yahoo.status, yahoo.is_lost) == ("error", True)
    world.tick(61)
    assert world.updates().providers[0].is_lost


def test_what_is_wrong_with_symbols_alone_does_not_take_their_provider_from_others(world):
    for number in range(8):
        world.hold(f"DEAD{number}.AX")
        fail_yahoo(world, ErrorKind.NO_DATA_RANGE)

    assert world.status("yahoo").status == "active"
