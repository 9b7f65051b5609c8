from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.quota import Denied, Grant, Limits, QuotaWindows
from tests.domain.samples import NOON

NEW_YORK = ZoneInfo("America/New_York")
SECOND = timedelta(seconds=1)


def take(windows, now, manual=False):
    """Make a call if it is allowed; return whether it was."""
    granted = isinstance(windows.may_call(now, manual), Grant)
    if granted:
        windows.record(now)
    return granted


def test_a_minute_allows_no_more_calls_than_it_should_wherever_it_begins():
    windows = QuotaWindows(Limits(per_minute=2))

    assert [take(windows, NOON + n * SECOND) for n in (0, 50, 59)] == [True, True, False]
    assert windows.may_call(NOON + 59 * SECOND) == Denied("minute", NOON + 60 * SECOND)
    assert [take(windows, NOON + n * SECOND) for n in (60, 61, 110)] == [True, False, True]


def test_the_window_that_takes_longest_is_the_one_to_wait_for():
    windows = QuotaWindows(Limits(per_second=1, per_minute=1))
    take(windows, NOON)

    assert windows.may_call(NOON) == Denied("minute", NOON + 60 * SECOND)


def test_a_part_of_the_day_is_kept_for_people():
    windows = QuotaWindows(Limits(per_day=25))

    scheduled = sum(take(windows, NOON + n * SECOND) for n in range(30))
    manual = sum(take(windows, NOON + n * SECOND, manual=True) for n in range(30, 60))

    assert (scheduled, manual) == (23, 2)
    assert windows.remaining_today(NOON + 60 * SECOND) == 0


@pytest.mark.parametrize(("per_day", "reserve"), [(None, 0), (4, 0), (5, 1), (25, 2), (2000, 200)])
def test_the_reserve_is_a_tenth_of_the_day_and_at_least_one_call_of_five(per_day, reserve):
    assert Limits(per_day=per_day).reserve == reserve


@pytest.mark.parametrize(
    ("now", "resets_at"),
    [
        (datetime(2026, 3, 7, 12, tzinfo=NEW_YORK), datetime(2026, 3, 8, 5, tzinfo=UTC)),
        (datetime(2026, 3, 8, 12, tzinfo=NEW_YORK), datetime(2026, 3, 9, 4, tzinfo=UTC)),
        (datetime(2026, 11, 1, 12, tzinfo=NEW_YORK), datetime(2026, 11, 2, 5, tzinfo=UTC)),
        (datetime(2026, 3, 9, 4, tzinfo=UTC), datetime(2026, 3, 10, 4, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_midnight_in_the_providers_zone_in_summer_and_winter(now, resets_at):
    assert QuotaWindows(Limits(reset_timezone="America/New_York")).resets_at(now) == resets_at


def test_a_month_ends_on_the_first_of_the_next():
    windows = QuotaWindows(Limits(per_month=1))
    december = datetime(2026, 12, 31, 23, tzinfo=UTC)
    take(windows, december)

    assert windows.may_call(december) == Denied("month", datetime(2027, 1, 1, tzinfo=UTC))
    assert take(windows, datetime(2027, 1, 1, tzinfo=UTC))


def test_calls_made_before_a_restart_count():
    windows = QuotaWindows(Limits(per_minute=2, per_day=4))
    windows.record(NOON - 90 * SECOND)
    windows.record(NOON - 30 * SECOND)

    assert (windows.used_today(NOON), windows.remaining_today(NOON)) == (2, 2)
    assert [take(windows, NOON), take(windows, NOON + SECOND)] == [True, False]


def test_without_limits_every_call_may_be_made():
    windows = QuotaWindows(Limits())

    assert all(take(windows, NOON) for _ in range(100))
    assert windows.remaining_today(NOON) is None
    assert windows.used_today(NOON) == 100


def test_a_clock_that_was_years_ahead_blocks_nothing_for_long():
    windows = QuotaWindows(Limits(per_minute=1, per_day=5))
    take(windows, NOON + timedelta(days=2000))

    assert windows.may_call(NOON) == Denied("minute", NOON + 60 * SECOND)
    assert windows.used_today(NOON) == 1
    assert windows.used_today(NOON + timedelta(days=1)) == 0
    assert take(windows, NOON + timedelta(days=1))


def test_a_clock_that_goes_back_over_midnight_and_forth_again_forgets_no_call():
    windows = QuotaWindows(Limits(per_day=2))
    tomorrow = NOON + timedelta(days=1)
    take(windows, tomorrow)

    assert [take(windows, NOON), take(windows, NOON)] == [True, False]
    assert [take(windows, tomorrow), take(windows, tomorrow)] == [True, False]


limits = st.builds(
    Limits,
    per_second=st.none() | st.integers(1, 3),
    per_minute=st.none() | st.integers(1, 6),
    per_day=st.none() | st.integers(1, 12),
    per_month=st.none() | st.integers(1, 20),
    reset_timezone=st.sampled_from(["UTC", "America/New_York", "Australia/Sydney"]),
)
steps = st.lists(
    st.tuples(st.sampled_from([0, 0.3, 1, 7, 61, 3600, 86400, 20 * 86400]), st.booleans()), min_size=1, max_size=60
)


def assert_within(limits, calls):
    zone = ZoneInfo(limits.reset_timezone)
    for length, limit in ((1, limits.per_second), (60, limits.per_minute)):
        for first in calls:
            inside = [call for call in calls if first <= call < first + length * SECOND]
            assert limit is None or len(inside) <= limit
    for form, limit in (("%Y-%m-%d", limits.per_day), ("%Y-%m", limits.per_month)):
        counts = Counter(call.astimezone(zone).strftime(form) for call in calls)
        assert limit is None or max(counts.values(), default=0) <= limit


@given(limits, steps)
def test_no_limit_is_ever_passed(limits, steps):
    windows, now, calls = QuotaWindows(limits), NOON, []
    for seconds, manual in steps:
        now += timedelta(seconds=seconds)
        if take(windows, now, manual):
            calls.append(now)

    assert_within(limits, calls)


@given(limits, steps, st.integers(0, 60), st.sampled_from([0.5, 30, 90, 4000, 90000]))
def test_a_clock_set_back_never_gives_a_call_more(limits, steps, when, back):
    """Counted by the true time; the clock shows less from a moment on."""
    windows, true, calls = QuotaWindows(limits), NOON, []
    for n, (seconds, manual) in enumerate(steps):
        true += timedelta(seconds=seconds)
        if take(windows, true - timedelta(seconds=back if n >= when else 0), manual):
            calls.append(true)

    by_second_and_minute = Limits(limits.per_second, limits.per_minute)
    assert_within(by_second_and_minute, calls)


@given(limits, st.lists(st.tuples(st.integers(-100000, 100000), st.booleans()), max_size=60))
def test_no_day_by_the_clock_has_too_many_calls_however_it_jumps(limits, steps):
    windows, now, calls = QuotaWindows(limits), NOON, []
    for seconds, manual in steps:
        now += timedelta(seconds=seconds)
        if take(windows, now, manual):
            calls.append(now)

    assert_within(Limits(per_day=limits.per_day, reset_timezone=limits.reset_timezone), calls)


@given(limits, steps)
def test_whoever_waits_as_told_may_call_then(limits, steps):
    windows, now = QuotaWindows(limits), NOON
    for seconds, _ in steps:
        now += timedelta(seconds=seconds)
        while isinstance(denied := windows.may_call(now, manual=True), Denied):
            assert denied.until > now
            now = denied.until
        windows.record(now)


def test_what_is_left_of_the_day_is_no_more_than_the_month_has():
    windows = QuotaWindows(Limits(per_day=10, per_month=12))
    first = datetime(2026, 4, 1, 12, tzinfo=UTC)
    for n in range(10):
        windows.record(first + n * SECOND)

    tomorrow = first + timedelta(days=1)
    assert windows.remaining_today(tomorrow) == 2
    assert QuotaWindows(Limits(per_month=3)).remaining_today(tomorrow) == 3


@pytest.mark.parametrize(
    ("used", "hours", "spent_after"),
    [(10, 5, 12.5), (12, 12, None), (13, 12, 12 * 25 / 13), (0, 12, None), (25, 3, 3), (24, 24, None)],
)
def test_the_day_is_spent_at_the_pace_of_the_day_so_far_or_lasts(used, hours, spent_after):
    windows = QuotaWindows(Limits(per_day=25, reset_timezone="America/New_York"))
    began = datetime(2026, 1, 5, 5, tzinfo=UTC)
    for n in range(used):
        windows.record(began + n * SECOND)
    now = began + timedelta(hours=hours) - (SECOND if hours == 24 else timedelta(0))

    assert windows.began_at(now) == began
    at = windows.exhausts_at(now)
    assert at == (None if spent_after is None else pytest.approx(began + timedelta(hours=spent_after), abs=SECOND))


def test_a_month_that_is_spent_leaves_nothing_of_a_day_without_calls():
    windows = QuotaWindows(Limits(per_day=25, per_month=1))
    windows.record(datetime(2026, 4, 1, tzinfo=UTC))

    assert windows.exhausts_at(datetime(2026, 4, 9, 7, tzinfo=UTC)) == datetime(2026, 4, 9, 7, tzinfo=UTC)


def test_without_a_limit_nothing_is_ever_spent():
    windows = QuotaWindows(Limits())
    windows.record(NOON)

    assert windows.exhausts_at(NOON + SECOND) is None


def test_a_limit_beyond_all_measure_is_not_spent_today():
    windows = QuotaWindows(Limits(per_day=10**9))
    windows.record(NOON)

    assert windows.exhausts_at(NOON + timedelta(hours=1)) is None


@given(
    st.lists(st.tuples(st.integers(0, 5 * 3600), st.booleans()), max_size=60),
    st.sampled_from([datetime(2026, 3, 7, 20, tzinfo=UTC), datetime(2026, 10, 31, 20, tzinfo=UTC)]),
)
def test_no_day_of_a_zone_that_changes_its_clock_has_more_calls_than_it_should_nor_has_the_month(steps, begin):
    windows = QuotaWindows(Limits(per_day=3, per_month=9, reset_timezone="America/New_York"))
    made, now = Counter(), begin
    for seconds, manual in steps:
        now += seconds * SECOND
        if take(windows, now, manual):
            made[now.astimezone(NEW_YORK).date()] += 1

    assert max(made.values(), default=0) <= 3
    assert max(Counter((day.year, day.month) for day in made.elements()).values(), default=0) <= 9
