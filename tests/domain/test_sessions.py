from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.quote import MarketStatus
from market_actors.domain.sessions import Session, final_close, phase, session_at
from tests.domain.samples import TRADING_DAY, at

SYDNEY = "Australia/Sydney"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LUNCH = Session(TRADING_DAY.date, at(10), at(16), ((at(12), at(13)),))
FOREX = [
    Session(date(2026, 1, day), datetime(2026, 1, day - 1, 22, tzinfo=UTC), datetime(2026, 1, day, 22, tzinfo=UTC))
    for day in (5, 6, 7, 8, 9, 12, 13)
]


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (at(0), MarketStatus.PRE_MARKET),
        (at(9, 59), MarketStatus.PRE_MARKET),
        (at(10), MarketStatus.OPEN),
        (at(15, 59), MarketStatus.OPEN),
        (at(16), MarketStatus.AFTER_HOURS),
        (at(23, 59), MarketStatus.AFTER_HOURS),
        (at(24), MarketStatus.CLOSED),
        (at(12, day=4), MarketStatus.CLOSED),
    ],
)
def test_a_trading_day_goes_from_before_the_open_to_after_hours(now, status):
    assert phase([TRADING_DAY], now, SYDNEY).status is status


def test_a_lunch_break_is_after_hours_and_ends_at_the_next_open():
    at_lunch = phase([LUNCH], at(12, 30), SYDNEY)

    assert at_lunch.status is MarketStatus.AFTER_HOURS
    assert at_lunch.is_trading_day
    assert (at_lunch.next_open, at_lunch.next_close) == (at(13), at(16))
    assert at_lunch.session_close == at(16)
    assert phase([LUNCH], at(11), SYDNEY).next_close == at(12)


def test_currencies_close_on_friday_only():
    on_tuesday = phase(FOREX, datetime(2026, 1, 6, 22, tzinfo=UTC), "America/New_York")

    assert on_tuesday.is_open
    assert on_tuesday.next_close == datetime(2026, 1, 9, 22, tzinfo=UTC)
    assert on_tuesday.next_open == datetime(2026, 1, 11, 22, tzinfo=UTC)


def test_a_session_that_opens_on_the_evening_before_makes_it_a_trading_day():
    on_sunday_evening = phase(FOREX, datetime(2026, 1, 11, 23, tzinfo=UTC), "America/New_York")

    assert on_sunday_evening.is_open
    assert on_sunday_evening.is_trading_day


def test_a_naive_time_is_refused():
    with pytest.raises(ValueError, match="naive"):
        phase([TRADING_DAY], datetime(2026, 1, 5), SYDNEY)


@given(st.integers(-3 * 1440, 8 * 1440))
def test_the_next_boundaries_are_ahead_and_the_status_changes_at_the_first(minutes):
    sessions = [
        Session(TRADING_DAY.date + n * DAY, at(10) + n * DAY, at(16) + n * DAY, ((at(12) + n * DAY, at(13) + n * DAY),))
        for n in (0, 1, 2, 3)
    ]
    now = at(0) + timedelta(minutes=minutes)
    found = phase(sessions, now, SYDNEY)
    boundaries = [moment for moment in (found.next_open, found.next_close) if moment]

    assert all(moment > now for moment in boundaries)
    assert found.is_trading_day == (found.status is not MarketStatus.CLOSED)
    if boundaries:
        assert phase(sessions, min(boundaries), SYDNEY).is_open != found.is_open


def test_the_session_at_a_moment_is_the_last_that_had_opened():
    assert session_at([TRADING_DAY], at(9)) is None
    assert session_at([TRADING_DAY], at(22)) is TRADING_DAY


def test_the_final_close_of_sessions_without_a_gap_is_the_last_ones():
    assert final_close(FOREX, FOREX[0]) == FOREX[4].closes
    assert final_close([LUNCH], LUNCH) == LUNCH.closes
