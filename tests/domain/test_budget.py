"""Few calls: what is asked for first, how they last the day, and what is kept for the close."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_actors.domain.budget import (
    Allowance,
    Candidate,
    Spend,
    Stake,
    Wait,
    has_settled,
    next_call,
    outlook,
    wished_calls,
)
from market_actors.domain.sessions import Session
from market_actors.domain.trading import Trading
from tests.domain.samples import at

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAYS = tuple(
    Session(date(2026, 1, day), at(10, day=day), at(16, day=day))
    for day in range(1, 28)
    if date(2026, 1, day).weekday() < 5
)
TRADING = Trading({"XASX": DAYS, "REST": ()})
ELEVEN, NOON, DUE = at(11), at(12), at(0)
ALLOWANCE = Allowance(calls=20, used=5, per_day=25, resets_at=at(24), last_call=at(10))


def candidate(symbol, *, share=0.1, viewers=0, volatility=0.02, last_poll=ELEVEN, due=DUE, exchange="XASX"):
    stake = Stake(share, viewers, volatility)
    return Candidate(symbol, exchange, stake, last_poll, due, 15 * MINUTE, HOUR)


def asked(now, *candidates, **changes):
    """The symbols of the next call; None while there is none."""
    step = next_call(now, replace(ALLOWANCE, **changes), candidates, TRADING)
    return step.symbols if isinstance(step, Spend) else None


PLAIN = candidate("BASE.AX")


@pytest.mark.parametrize(
    "dearer",
    [
        candidate("DEAR.AX", share=0.2),
        candidate("DEAR.AX", viewers=3),
        candidate("DEAR.AX", volatility=0.04),
        candidate("DEAR.AX", last_poll=at(10, 30)),
    ],
    ids=["more value", "more viewers", "more volatile", "older"],
)
def test_the_call_goes_where_most_staleness_is(dearer):
    assert asked(NOON, PLAIN, dearer) == asked(NOON, dearer, PLAIN) == ("DEAR.AX",)


def test_age_counts_in_time_of_trading():
    """Asked for yesterday at 15:55, ten minutes after the open it is older than what was asked for at the open."""
    monday, tuesday = at(15, 55), at(10, day=6)
    rows = candidate("OLD.AX", last_poll=monday, share=0.1), candidate("NEW.AX", last_poll=tuesday, share=0.18)
    allowance = {"resets_at": at(24, day=6), "last_call": None}
    assert asked(at(10, 10, day=6), *rows, **allowance) == ("OLD.AX",)
    assert asked(at(13, day=6), *rows, **allowance) == ("NEW.AX",)


def test_a_symbol_without_a_price_goes_before_all_others():
    new = candidate("NEW.AX", share=0, last_poll=None)
    assert asked(NOON, PLAIN, new) == ("NEW.AX",)
    assert asked(at(3), PLAIN, new, last_call=at(2, 59)) == ("NEW.AX",)


def test_what_another_provider_fails_to_give_is_taken_over_at_once_until_half_of_the_day_is_spent():
    moved = replace(candidate("MOVED.AX", share=0.01, last_poll=NOON), is_moved=True)
    night = at(22)
    assert asked(NOON, PLAIN, moved, used=11, last_call=NOON) == ("MOVED.AX",)
    assert asked(night, moved, used=11, last_call=night) == ("MOVED.AX",)
    assert asked(NOON, PLAIN, moved, used=12, last_call=NOON) is None
    settled = candidate("A.AX", last_poll=at(20))
    assert has_settled(night, settled, replace(ALLOWANCE, dates_only=True), TRADING)
    assert not has_settled(night, replace(settled, is_moved=True), replace(ALLOWANCE, dates_only=True), TRADING)


def test_a_call_takes_as_many_as_it_can():
    rows = [candidate(f"{share}.AX", share=share / 100) for share in (3, 1, 4, 2)]
    assert asked(NOON, *rows, batch_size=3) == ("4.AX", "3.AX", "2.AX")


def test_calls_are_spread_over_the_time_that_is_left_of_trading():
    """One of 20 is kept for the close: 4 h for 19 calls are 758 s each."""
    step = next_call(NOON, replace(ALLOWANCE, last_call=NOON), (PLAIN,), TRADING)
    assert isinstance(step, Wait)
    assert step.until == NOON + timedelta(hours=4) / 19
    assert asked(step.until, PLAIN, last_call=NOON) == ("BASE.AX",)


def test_after_a_start_a_tenth_of_the_day_is_spent_as_it_falls_due_whatever_the_hour():
    for now in (NOON, at(22)):
        soon = {"last_call": now, "eager_until": now + MINUTE, "per_day": 250}
        asleep = replace(PLAIN, last_poll=now - MINUTE, due=now - MINUTE)
        overdue = replace(candidate("LATE.AX", share=0, last_poll=now - MINUTE), due=now - 2 * MINUTE)
        assert asked(now, asleep, overdue, used=24, **soon) == ("LATE.AX",)
        assert asked(now, asleep, overdue, used=25, **soon) is None
        assert asked(now, asleep, overdue, used=24, **soon | {"eager_until": now}) is None


def test_what_is_not_due_is_not_asked_for():
    later = candidate("LATER.AX", share=0.9, due=NOON + MINUTE)
    assert asked(NOON, PLAIN, later) == ("BASE.AX",)
    assert asked(NOON, later) is None


def test_a_symbol_that_waits_too_long_goes_first_whatever_hangs_on_it():
    friday = at(12, day=9)
    rows = [candidate(f"{place}.AX", share=0.5, volatility=0.5, last_poll=at(11, day=9)) for place in range(9)]
    for monday_or_thursday, first in ((5, "SMALL.AX"), (8, "0.AX")):
        small = candidate("SMALL.AX", share=0, last_poll=at(12, day=monday_or_thursday))
        assert asked(friday, *rows, small, resets_at=at(24, day=9)) == (first,)


def test_when_the_calls_are_spent_nothing_is_asked_for_before_the_reset():
    step = next_call(NOON, replace(ALLOWANCE, calls=0), (PLAIN,), TRADING)
    assert isinstance(step, Wait)
    assert step.until == ALLOWANCE.resets_at


def test_after_the_close_all_that_is_left_fetches_closing_prices():
    evening = at(16, 35)
    assert asked(evening, PLAIN, last_call=evening) == ("BASE.AX",)
    assert asked(at(16, 30), PLAIN, last_call=at(16, 10)) is None
    assert asked(evening, replace(PLAIN, last_poll=evening)) is None


def test_where_something_opens_again_before_the_reset_only_the_calls_kept_for_the_close_are_spent():
    rows = [candidate(f"{place}.AX") for place in range(20)]
    left = {"resets_at": at(12, day=6), "last_call": at(16), "per_day": 20}
    fetched = [replace(row, last_poll=at(16, 40)) for row in rows[:3]]
    assert asked(at(16, 45), *fetched[:2], *rows[2:], **left) == ("10.AX",)
    assert asked(at(16, 45), *fetched, *rows[3:], **left) is None


def test_calls_for_the_close_are_kept_while_it_is_open():
    rows = [candidate(f"{place}.AX") for place in range(20)]
    assert asked(at(15), *rows, calls=4, last_call=at(10)) is None
    assert asked(at(15), *rows, calls=5, last_call=at(10)) == ("0.AX",)


def test_a_source_that_lags_is_not_asked_before_it_can_show_the_opening():
    lag = {"delay": 20 * MINUTE, "resets_at": at(24, day=6), "last_call": None}
    row = candidate("SLOW.AX", last_poll=at(17))
    assert asked(at(10, 15, day=6), row, **lag) is None
    assert asked(at(10, 25, day=6), row, **lag) == ("SLOW.AX",)
    step = next_call(at(9, day=6), replace(ALLOWANCE, **lag), (row,), TRADING)
    assert isinstance(step, Wait)
    assert step.until <= at(10, 21, day=6)


def test_an_end_of_day_source_is_not_asked_again_once_it_had_the_close():
    dates = replace(ALLOWANCE, dates_only=True)
    assert not has_settled(at(20), candidate("A.AX", last_poll=at(17)), dates, TRADING)
    assert has_settled(at(20), candidate("A.AX", last_poll=at(17, 30)), dates, TRADING)
    assert not has_settled(at(10, day=6), candidate("A.AX", last_poll=at(17, 30)), dates, TRADING)
    assert not has_settled(at(20), candidate("A.AX", last_poll=None), dates, TRADING)


def test_the_wish_is_what_the_intervals_ask_for_until_the_reset():
    """Four hours at 15 minutes and eight at an hour."""
    assert wished_calls(NOON, ALLOWANCE, [PLAIN, PLAIN], TRADING) == 2 * (4 * 4 + 8)
    assert wished_calls(NOON, replace(ALLOWANCE, batch_size=4), [PLAIN, PLAIN], TRADING) == 2 * (4 * 4 + 8) / 4


def test_each_choice_says_why():
    step = next_call(NOON, ALLOWANCE, (candidate("A.AX", share=0.3, viewers=2), PLAIN), TRADING)
    assert step.reason == (
        "20 calls are left; 75.0 % of the value held, 2 viewers, 1.0 h of trading old, moves 2.0 % a day"
    )


rows = st.lists(
    st.builds(
        candidate,
        st.integers(0, 99).map(lambda number: f"{number}.AX"),
        share=st.floats(0, 1),
        viewers=st.integers(0, 5),
        volatility=st.floats(0.001, 0.2),
        last_poll=st.none() | st.integers(0, 100).map(lambda hours: NOON - hours * HOUR),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row.symbol,
)


@settings(deadline=None)
@given(rows, st.integers(0, 30), st.integers(1, 5), st.randoms())
def test_a_day_never_takes_more_calls_than_are_left_and_the_order_of_the_rows_does_not_matter(
    rows, calls, size, random
):
    allowance = replace(ALLOWANCE, calls=calls, used=25 - min(calls, 25), batch_size=size)
    planned = outlook(NOON, allowance, rows, TRADING, 100)
    assert len(planned) <= calls
    assert all(NOON <= at < allowance.resets_at for at, _ in planned)
    assert [at for at, _ in planned] == sorted(at for at, _ in planned)
    random.shuffle(rows)
    assert outlook(NOON, allowance, rows, TRADING, 100) == planned


@settings(deadline=None)
@given(rows, st.sampled_from([1, 4]))
def test_a_round_of_days_reaches_every_symbol(rows, size):
    held = {row.symbol: replace(row, last_poll=row.last_poll or NOON - HOUR) for row in rows}
    reached = set()
    for day in (5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 19, 20, 21, 22, 23):
        allowance = Allowance(10, 0, 10, at(24, day=day), batch_size=size, last_call=None)
        for moment, spend in outlook(at(0, day=day), allowance, tuple(held.values()), TRADING, 100):
            reached.update(spend.symbols)
            for symbol in spend.symbols:
                held[symbol] = replace(held[symbol], last_poll=moment)
    assert reached == held.keys()
