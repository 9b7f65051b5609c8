from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.breaker import Breaker
from tests.domain.samples import NOON

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def broken(now=NOON):
    breaker = Breaker()
    for _ in range(5):
        breaker = breaker.failed(now, "connection refused")
    return breaker


def probe_fails(breaker, now):
    return breaker.calling(now).failed(now, "still refused")


def test_four_failures_are_forgiven_and_a_success_forgets_them():
    breaker = Breaker()
    for _ in range(4):
        breaker = breaker.failed(NOON, "timed out")

    assert breaker.may_call(NOON)
    assert (breaker.status(NOON), breaker.failures) == ("active", 4)
    assert breaker.succeeded(NOON).failures == 0


def test_the_fifth_failure_in_a_row_opens_it_for_a_minute():
    breaker = broken()

    assert not breaker.may_call(NOON + 59 * SECOND)
    assert breaker.may_call(NOON + MINUTE)
    assert breaker.status(NOON) == "error"
    assert breaker.reason(NOON) == "connection refused"
    assert breaker.next_try(NOON) == NOON + MINUTE


def test_only_one_probe_is_under_way():
    breaker = broken()

    assert breaker.is_probe(NOON + MINUTE)
    probing = breaker.calling(NOON + MINUTE)
    assert not probing.may_call(NOON + MINUTE)
    assert not probing.may_call(NOON + MINUTE + 59 * SECOND)


def test_a_probe_that_was_lost_is_repeated():
    assert broken().calling(NOON + MINUTE).may_call(NOON + 2 * MINUTE)


def test_each_probe_that_fails_doubles_the_wait_up_to_a_quarter_of_an_hour():
    breaker, now, waits = broken(), NOON, []
    for _ in range(6):
        now = breaker.next_try(now)
        breaker = probe_fails(breaker, now)
        waits.append((breaker.next_try(now) - now) / MINUTE)

    assert waits == [2, 4, 8, 15, 15, 15]


def test_a_probe_that_succeeds_closes_it_and_the_next_opening_is_short_again():
    closed = probe_fails(broken(), NOON + MINUTE).succeeded(NOON + 5 * MINUTE)

    assert closed == Breaker()
    assert (closed.status(NOON), closed.reason(NOON), closed.next_try(NOON)) == ("active", None, None)


def test_late_failures_of_calls_made_before_do_not_prolong_the_wait():
    breaker = broken().failed(NOON + 30 * SECOND, "timed out")

    assert breaker.next_try(NOON + 30 * SECOND) == NOON + MINUTE
    assert breaker.failures == 6


def test_a_parked_provider_rests_until_its_quota_is_back_whatever_else_succeeds():
    reset = NOON + timedelta(hours=5)
    parked = Breaker().park(NOON, reset, "25 calls a day are spent").succeeded(NOON + MINUTE)

    assert not parked.may_call(reset - SECOND)
    assert parked.status(NOON + MINUTE) == "rate_limited"
    assert parked.reason(NOON + MINUTE) == "25 calls a day are spent"
    assert parked.next_try(NOON + MINUTE) == reset
    assert parked.may_call(reset)
    assert (parked.status(reset), parked.reason(reset)) == ("active", None)
    assert parked.succeeded(reset) == Breaker()


def test_a_parking_does_not_shorten_a_longer_one():
    reset = NOON + timedelta(hours=5)
    parked = Breaker().park(NOON, reset, "quota").park(NOON + SECOND, NOON + MINUTE, "throttled")

    assert parked.next_try(NOON + MINUTE) == reset


def test_while_open_and_parked_the_later_of_both_counts():
    both = broken().park(NOON, NOON + timedelta(hours=1), "throttled")

    assert both.next_try(NOON) == NOON + timedelta(hours=1)
    assert not both.may_call(NOON + 30 * MINUTE)


def test_a_clock_set_back_does_not_leave_a_parking_for_longer_than_it_was():
    parked = Breaker().park(NOON, NOON + timedelta(hours=5), "quota")

    assert parked.may_call(NOON - timedelta(days=400))


@given(st.integers(-(10**6), 10**6), st.integers(0, 8))
def test_wherever_the_clock_is_set_it_is_open_for_a_quarter_of_an_hour_at_most(seconds, probes):
    breaker, now = broken(), NOON
    for _ in range(probes):
        now = breaker.next_try(now)
        breaker = probe_fails(breaker, now)
    now += seconds * SECOND

    assert breaker.may_call(now) or breaker.may_call(now + 15 * MINUTE)


@given(st.lists(st.tuples(st.sampled_from(["ok", "failed", "call"]), st.integers(0, 2000)), max_size=40))
def test_a_breaker_that_may_not_be_called_says_from_when_on_it_may(events):
    breaker, now = Breaker(), NOON
    for event, seconds in events:
        now += seconds * SECOND
        if event == "call" and breaker.may_call(now):
            breaker = breaker.calling(now)
        elif event == "ok":
            breaker = breaker.succeeded(now)
        elif event == "failed":
            breaker = breaker.failed(now, "down")
        if breaker.probe_at is None and not breaker.may_call(now):
            assert breaker.next_try(now) > now
            assert breaker.may_call(breaker.next_try(now))
