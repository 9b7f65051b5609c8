from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from market_actors.calendars import Calendars
from market_actors.domain.exchanges import EXCHANGES, UNKNOWN
from market_actors.domain.quote import MarketStatus


@pytest.fixture(scope="module")
def calendars() -> Calendars:
    return Calendars()


def utc(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)


def test_the_asx_closes_early_on_the_last_day_before_christmas(calendars):
    assert calendars.close_of("XASX", date(2026, 12, 24)) == utc(2026, 12, 24, 3, 10)
    assert calendars.close_of("XASX", date(2026, 12, 23)) == utc(2026, 12, 23, 5, 0)


@pytest.mark.parametrize(
    "day", [date(2026, 1, 1), date(2026, 1, 26), date(2026, 4, 3), date(2026, 6, 8), date(2026, 12, 28)]
)
def test_the_asx_has_no_session_on_a_holiday(calendars, day):
    assert calendars.close_of("XASX", day) is None
    noon = calendars.phase("XASX", utc(day.year, day.month, day.day, 1))
    assert (noon.status, noon.is_trading_day) == (MarketStatus.CLOSED, False)


def test_summer_time_moves_the_open(calendars):
    assert calendars.phase("XASX", utc(2026, 4, 2, 23, 30)).is_open is False  # Good Friday
    assert calendars.phase("XASX", utc(2026, 4, 1, 23, 30)).is_open  # 10:30, summer time
    assert calendars.phase("XASX", utc(2026, 4, 7, 23, 30)).status is MarketStatus.PRE_MARKET  # 9:30


def test_a_weekend_ends_at_mondays_open(calendars):
    saturday = calendars.phase("XASX", utc(2026, 11, 21, 3))

    assert saturday.status is MarketStatus.CLOSED
    assert saturday.next_open == utc(2026, 11, 22, 23)
    assert saturday.next_close == utc(2026, 11, 23, 5)
    assert saturday.session_close is None


def test_tokyo_rests_at_lunch(calendars):
    lunch = calendars.phase("XTKS", utc(2026, 11, 24, 3))

    assert lunch.status is MarketStatus.AFTER_HOURS
    assert lunch.next_open == utc(2026, 11, 24, 3, 30)


def test_currencies_trade_from_sunday_to_friday_evening_in_new_york(calendars):
    assert calendars.phase("FX", utc(2026, 11, 20, 21, 59)).is_open
    friday_evening = calendars.phase("FX", utc(2026, 11, 20, 22))
    assert not friday_evening.is_open
    assert friday_evening.next_open == utc(2026, 11, 22, 22)
    assert calendars.phase("FX", utc(2026, 11, 22, 22)).next_close == utc(2026, 11, 27, 22)
    assert calendars.phase("FX", utc(2026, 7, 17, 20, 59)).next_close == utc(2026, 7, 17, 21)


def test_coins_trade_always(calendars):
    sunday = calendars.phase("CRYPTO", utc(2026, 11, 22, 3))

    assert sunday.is_open
    assert (sunday.next_open, sunday.next_close) == (None, None)


@pytest.mark.parametrize("exchange", [UNKNOWN, "XXXX"])
def test_an_exchange_that_is_not_known_counts_as_open_on_weekdays(calendars, exchange):
    assert not calendars.is_known(exchange)
    assert calendars.phase(exchange, utc(2026, 11, 23, 3)).is_open
    assert not calendars.phase(exchange, utc(2026, 11, 22, 3)).is_open


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_exchange_has_sessions_around_a_day_in_order(calendars, exchange):
    now = utc(2026, 11, 23, 12)
    sessions = calendars.sessions(exchange, now)

    assert sessions[0].opens <= now - timedelta(days=25)
    assert sessions[-1].closes >= now + timedelta(days=25)
    assert all(before.closes <= after.opens for before, after in pairwise(sessions))
    assert all(moment.tzinfo is UTC for session in sessions for span in session.spans for moment in span)
    assert all(type(moment) is datetime for session in sessions for span in session.spans for moment in span)


@pytest.mark.parametrize("exchange", ["XASX", "XSHG", "XTAE", "CMES"])
def test_beyond_the_known_holidays_weekdays_at_the_usual_hours_are_taken(calendars, exchange):
    usual = calendars.phase(exchange, utc(2026, 11, 18, 8))
    beyond = calendars.phase(exchange, utc(2095, 11, 16, 8))

    assert beyond.status is usual.status
    assert beyond.session_close.time() == usual.session_close.time()


@pytest.mark.parametrize(
    "moment", [utc(1970, 1, 1), datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
def test_no_time_is_too_far_away_to_ask_about(calendars, moment):
    assert calendars.sessions("XASX", moment)
    assert calendars.close_of("XASX", moment.date()) is None


def test_any_thread_may_ask():
    fresh = Calendars()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fresh.phase("XNYS", utc(2026, 11, 23, 15)), range(16)))

    assert len(set(answers)) == 1


def test_pandas_is_loaded_only_when_a_calendar_is_asked_for():
    code = "import sys, market_actors.calendars; sys.exit('pandas' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
