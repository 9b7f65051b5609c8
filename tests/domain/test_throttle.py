from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain import throttle
from market_actors.domain.throttle import Throttle

ANN, HERE, THERE = "ann@example.org", "192.0.2.1", "192.0.2.2"
QUARTER = 900.0


def guess(guard, times, account=ANN, address=HERE, now=0.0):
    return [guard.attempt(account, address, now) for _ in range(times)]


def test_five_wrong_tries_are_free_and_the_next_waits_a_second():
    guard = Throttle()

    assert guess(guard, 6) == [0, 0, 0, 0, 0, 1.0]
    assert guard.attempt(ANN, HERE, 1.0) == 0


def test_each_further_wrong_try_doubles_the_wait_up_to_a_quarter_of_an_hour():
    guard, now, waits = Throttle(), 0.0, []
    guess(guard, 5)
    for _ in range(12):
        waits.append(guard.attempt(ANN, HERE, now))
        now += waits[-1]
        assert guard.attempt(ANN, HERE, now) == 0

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_a_refused_try_does_not_lengthen_the_wait():
    guard = Throttle()
    guess(guard, 5)

    assert guess(guard, 50, now=0.5) == [0.5] * 50
    assert guard.attempt(ANN, HERE, 1.0) == 0


def test_tries_that_are_a_quarter_of_an_hour_apart_do_not_add_up():
    guard = Throttle()

    assert [guard.attempt(ANN, HERE, now) for now in (0, 200, 400, 800, 901, 1000)] == [0, 0, 0, 0, 0, 0]
    assert guard.attempt(ANN, HERE, 1000) == 1.0


def test_the_count_is_forgotten_a_quarter_of_an_hour_after_the_wait():
    guard = Throttle()
    guess(guard, 5)

    assert guess(guard, 6, now=1 + QUARTER) == [0, 0, 0, 0, 0, 1.0]


def test_shortly_before_that_it_is_remembered():
    guard = Throttle()
    guess(guard, 5)
    guard.attempt(ANN, HERE, QUARTER)

    assert guard.attempt(ANN, HERE, QUARTER) == 2.0


def test_a_right_try_forgets_the_wrong_ones():
    guard = Throttle()
    guess(guard, 4)
    guard.attempt(ANN, HERE, 1.0)
    guard.right(ANN, HERE)

    assert guess(guard, 6, now=1.0) == [0, 0, 0, 0, 0, 1.0]


def test_an_account_is_not_locked_for_its_owner_elsewhere():
    guard = Throttle()
    guess(guard, 9)

    assert guard.attempt(ANN, THERE, 0.0) == 0
    assert guard.attempt("bob@example.org", HERE, 0.0) == 0


def test_the_case_of_an_account_buys_no_tries():
    guard = Throttle()
    guess(guard, 5)

    assert guard.attempt(ANN.upper(), HERE, 0.0) == 1.0


def test_a_hundred_wrong_tries_an_hour_refuse_an_address_for_every_account():
    guard = Throttle()
    for n in range(100):
        assert guard.attempt(f"user{n}", HERE, n) == 0

    assert guard.attempt("another", HERE, 100) == 3500
    assert guard.attempt("another", THERE, 100) == 0
    assert guard.attempt("another", HERE, 3600) == 0


def test_tries_that_are_over_are_forgotten_even_behind_somebody_who_waits_for_long():
    guard, now = Throttle(), 0.0
    for _ in range(27):
        now += guard.attempt("mallory", THERE, now)
    guess(guard, 5, now=now)

    assert guard.attempt("mallory", THERE, now) == QUARTER
    assert guess(guard, 6, now=now + 1 + QUARTER) == [0, 0, 0, 0, 0, 1.0]


def test_an_address_is_refused_in_the_second_hour_as_in_the_first():
    guard = Throttle()
    for n in range(100):
        guard.attempt(f"user{n}", HERE, float(n))

    assert guard.attempt("another", HERE, 3600.0) == 0
    assert guard.attempt("another", HERE, 3600.0) == 1.0


def test_right_tries_do_not_count_against_an_address():
    guard = Throttle()
    for n in range(300):
        assert guard.attempt(f"user{n}", HERE, 0.0) == 0
        guard.right(f"user{n}", HERE)


def test_its_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(throttle, "KEPT", 10)
    guard = Throttle()
    for n in range(100):
        guard.attempt(f"user{n}", f"192.0.2.{n}", float(n))

    assert (len(guard._tries), len(guard._addresses)) == (10, 10)


@given(st.lists(st.floats(0, 2000), max_size=150))
def test_whoever_waits_as_told_may_try_then(pauses):
    guard, now = Throttle(), 0.0
    for pause in pauses:
        now += pause
        wait = guard.attempt(ANN, HERE, now)
        assert 0 <= wait <= 3600
        if wait:
            now += wait + 0.001
            assert guard.attempt(ANN, HERE, now) == 0
