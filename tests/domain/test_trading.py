from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.sessions import Session
from market_actors.domain.trading import Trading
from tests.domain.samples import TRADING_DAY, at

LUNCH = Session(TRADING_DAY.date, at(10), at(16), ((at(12), at(13)),))
NEXT_DAY = Session((TRADING_DAY.date + timedelta(days=1)), at(34), at(40))
NIGHT = Session(TRADING_DAY.date, at(15), at(20))
TRADING = Trading({"LUNCH": (LUNCH, NEXT_DAY), "NIGHT": (NIGHT,), "NEVER": ()})


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (at(9), at(10), 0),
        (at(9), at(11), 1),
        (at(11), at(14), 2),
        (at(15), at(33), 1),
        (at(15), at(35), 2),
        (at(14), at(11), 0),
        (at(0), at(60), 11),
    ],
)
def test_only_time_in_which_it_trades_counts(start, end, hours):
    assert TRADING.seconds("LUNCH", start, end) == hours * 3600


def test_time_in_which_two_exchanges_trade_counts_once():
    assert TRADING.seconds_of_any(["LUNCH", "NIGHT"], at(14), at(18)) == 4 * 3600
    assert TRADING.seconds_of_any(["LUNCH", "NIGHT", "NEVER"], at(0), at(24)) == 9 * 3600


def test_opens_and_closes_are_found_from_any_moment():
    assert TRADING.next_open("LUNCH", at(11)) == at(13)
    assert TRADING.next_open("LUNCH", at(13)) == at(34)
    assert TRADING.next_open("LUNCH", at(35)) is None
    assert TRADING.last_close("LUNCH", at(15, 59)) is None
    assert TRADING.last_close("LUNCH", at(16)) == at(16)
    assert TRADING.next_close("LUNCH", at(16)) == at(40)
    assert TRADING.next_close("NEVER", at(16)) is None
    assert [TRADING.is_open("LUNCH", at(hour)) for hour in (9, 10, 12, 13, 16)] == [False, True, False, True, False]


moments = st.integers(0, 60 * 60).map(lambda minutes: at(0) + timedelta(minutes=minutes))


@given(moments, moments, moments)
def test_parts_of_a_time_add_up_to_the_whole(one, two, three):
    first, middle, last = sorted((one, two, three))
    parts = TRADING.seconds("LUNCH", first, middle) + TRADING.seconds("LUNCH", middle, last)
    assert parts == TRADING.seconds("LUNCH", first, last) <= (last - first).total_seconds()
    assert TRADING.seconds_of_any(["LUNCH"], first, last) == TRADING.seconds("LUNCH", first, last)


def test_a_session_before_all_that_are_known_counts_nothing():
    assert TRADING.seconds("LUNCH", datetime(2000, 1, 1, tzinfo=UTC), at(9)) == 0
