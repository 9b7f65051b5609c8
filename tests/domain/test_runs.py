"""Runs of polls, against a plain walk from poll to poll."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.polling import Intervals, next_poll
from market_actors.domain.runs import DAY, Run, Wish, polls, stretches
from market_actors.domain.sessions import phase
from tests.domain.samples import NOON, TRADING_DAY, at

MINUTE = timedelta(minutes=1)
SYDNEY = "Australia/Sydney"
SCHEDULE = Intervals()


def phase_at(moment):
    return phase([TRADING_DAY], moment, SYDNEY)


def day_from(start, intervals=SCHEDULE):
    return stretches(phase_at, SYDNEY, intervals, start, start + DAY)


def moments(wishes, start=NOON, intervals=SCHEDULE):
    """When the polls come, one by one."""
    found = polls(wishes, day_from(start, intervals), start + DAY)
    return [run.first + number * run.interval for run, _ in found for number in range(run.polls)]


def wish(minutes=None, *, begins=NOON, by_schedule=False, sources=("yahoo",)):
    return Wish(begins, None if minutes is None else minutes * MINUTE, by_schedule, sources)


def test_a_day_is_cut_where_the_exchange_opens_closes_and_settles_and_at_its_midnight():
    day = day_from(at(9))

    assert [stretch.begins for stretch in day] == [at(9), at(10), at(16), at(16, 35), at(24)]
    assert [stretch.schedule / MINUTE for stretch in day] == [60, 15, 60, 60, 1440]
    assert day[-1].ends == at(33)


def test_the_schedule_is_followed_past_the_close_and_the_closing_price_is_fetched():
    found = moments([wish(by_schedule=True, begins=at(15, 20))], start=at(15, 20))

    assert found[:4] == [at(15, 35), at(15, 50), at(16, 5), at(16, 35)]
    assert found[4:] == [at(17, 35) + timedelta(hours=n) for n in range(8)]


def test_an_ordered_interval_goes_through_the_night():
    assert moments([wish(60)]) == [NOON + timedelta(hours=n) for n in range(1, 25)]


def test_the_longest_interval_fits_into_a_day_once():
    assert moments([wish(1440)]) == [NOON + DAY]


def test_who_goes_by_the_schedule_is_served_beside_who_ordered_a_longer_interval():
    assert moments([wish(1440, by_schedule=True)])[0] == NOON + 15 * MINUTE


@pytest.mark.parametrize("idle", [wish(), wish(5, sources=())])
def test_without_anybody_to_update_or_to_ask_nothing_is_polled(idle):
    assert moments([idle]) == []


def test_when_another_wish_begins_the_time_since_the_last_poll_counts():
    later = NOON + 50 * MINUTE

    assert moments([wish(60), wish(20, begins=later)])[:3] == [later, later + 20 * MINUTE, later + 40 * MINUTE]
    assert moments([wish(60), wish(55, begins=later)])[0] == NOON + 55 * MINUTE
    assert moments([wish(), wish(20, begins=later)])[0] == later


def walk(wishes, start, intervals):
    """The polls of the scheduler's rules, a poll at a time."""
    found, polled = [], start
    for number, each in enumerate(wishes):
        until = wishes[number + 1].begins if number + 1 < len(wishes) else start + DAY + timedelta.resolution
        while each.sources:
            now = phase_at(polled)
            schedule = next(s.schedule for s in reversed(day_from(start, intervals)) if s.begins <= polled)
            due = [polled + each.ordered] if each.ordered else []
            due += [next_poll(polled, schedule, now, 0)] if each.by_schedule else []
            if not due or max(min(due), each.begins) >= until:
                break
            polled = max(min(due), each.begins)
            found.append(polled)
    return found


@st.composite
def wish_lists(draw, start):
    begins = sorted({0, *draw(st.lists(st.integers(1, 1439), max_size=3))})
    return [
        wish(
            draw(st.none() | st.integers(7, 1440)),
            begins=start + minutes * MINUTE,
            by_schedule=draw(st.booleans()),
            sources=draw(st.sampled_from([("yahoo",), ()])) if draw(st.booleans()) else ("yahoo",),
        )
        for minutes in begins
    ]


@given(st.data(), st.integers(-1440, 1440), st.tuples(*[st.integers(7, 1440)] * 3))
def test_runs_hold_the_polls_of_a_walk_from_poll_to_poll(data, minutes, lengths):
    start = NOON + minutes * MINUTE + timedelta(microseconds=17)
    intervals = Intervals(*(length * MINUTE for length in lengths))
    wishes = data.draw(wish_lists(start))

    assert moments(wishes, start, intervals) == walk(wishes, start, intervals)


@given(st.integers(1, 500), st.integers(1, 50), st.integers(-100, 30_000))
def test_a_run_is_split_without_losing_a_poll(seconds, count, at_second):
    run = Run(NOON, timedelta(seconds=seconds), count)
    moment = NOON + timedelta(seconds=at_second)

    early, later = run.split(moment)

    assert sum(part.polls for part in (early, later) if part is not None) == count
    assert early is None or (early.first == run.first and early.last < moment)
    assert later is None or (later.last == run.last and later.first >= moment)
    assert run.until(moment) == sum(NOON + n * run.interval <= moment for n in range(count))
