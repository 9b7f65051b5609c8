"""The outlook of a day, against a plain day that is played second by second."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.outlook import Group, Provider, Tariff, outlook
from market_actors.domain.polling import Intervals
from market_actors.domain.runs import DAY, Wish, polls, stretches
from market_actors.domain.sessions import phase
from tests.domain.samples import NOON, TRADING_DAY, at

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
YAHOO, SECOND = ("yahoo",), ("yahoo", "second")
OPEN_DAY = stretches(lambda moment: phase([TRADING_DAY], moment, "Australia/Sydney"), "Australia/Sydney", Intervals(), NOON, NOON + DAY)  # fmt: skip
SHUT_DAY = stretches(lambda moment: phase([], moment, "UTC"), "UTC", Intervals(), NOON, NOON + DAY)


def group(minutes, symbols=1, *, sources=YAHOO, day=SHUT_DAY, by_schedule=False, begins=NOON):
    interval = None if minutes is None else minutes * MINUTE
    return Group(symbols, (Wish(begins, interval, by_schedule, sources),), day)


def yahoo(per_day=None, *, batch_size=1, left=None, resets=(), name="yahoo", per_call=None, monthly=None):
    """*per_day* with the reserve for people, *left* without it."""
    tariff = Tariff(per_day, per_call, monthly)
    return Provider(name, batch_size, tariff, per_day if left is None else left, resets)


def test_nothing_tracked_has_no_age_and_needs_no_call():
    found = outlook([], [yahoo(4)], NOON)

    assert (found.calls_per_day, found.quota_exhausted_at, found.expected_age_seconds) == (0, None, None)


def test_an_hourly_price_is_half_an_hour_old_on_average():
    found = outlook([group(60)], [yahoo()], NOON)

    assert (found.calls_per_day, found.expected_age_seconds) == (24, 1800)


def test_while_the_exchange_is_open_counts_and_the_night_does_not():
    found = outlook([group(None, by_schedule=True, day=OPEN_DAY)], [yahoo()], NOON)

    assert found.expected_age_seconds == 450
    assert found.calls_per_day == 16 + 1 + 8  # until the close, when it is settled, and hourly until half past midnight


def test_only_symbols_whose_exchange_opens_count_where_any_does():
    found = outlook([group(60, day=OPEN_DAY), group(600, day=SHUT_DAY)], [yahoo()], NOON)

    assert found.expected_age_seconds == 1800


def test_every_symbol_counts_the_same():
    found = outlook([group(60, 3), group(120, 1)], [yahoo()], NOON)

    assert found.expected_age_seconds == (3 * 1800 + 3600) / 4


def test_what_is_never_updated_grows_a_day_old():
    found = outlook([group(None)], [yahoo(4)], NOON)

    assert (found.calls_per_day, found.quota_exhausted_at) == (0, None)
    assert found.expected_age_seconds == DAY.total_seconds() / 2


def test_symbols_that_are_polled_together_share_calls():
    assert outlook([group(60, 7), group(60, 4)], [yahoo(batch_size=5)], NOON).calls_per_day == 3 * 24
    assert outlook([group(60, 7), group(50, 4)], [yahoo(batch_size=5)], NOON).calls_per_day == 2 * 24 + 28


def test_the_quota_is_spent_by_its_last_call_and_prices_only_grow_older_then():
    found = outlook([group(60)], [yahoo(4)], NOON)

    assert found.calls_per_day == 24
    assert found.quota_exhausted_at == NOON + 4 * HOUR
    assert found.expected_age_seconds == pytest.approx((4 * 0.5 + 20 * 10) * 3600 / 24)


def test_a_quota_that_suffices_is_not_exhausted():
    assert outlook([group(60)], [yahoo(25)], NOON).quota_exhausted_at is None


def test_what_is_left_today_counts_until_the_reset_and_a_whole_quota_after_it():
    resets = (NOON + 150 * MINUTE,)

    spent_today = outlook([group(60)], [yahoo(30, left=2, resets=resets)], NOON)
    spent_tomorrow = outlook([group(60)], [yahoo(3, left=3, resets=resets)], NOON)

    assert spent_today.quota_exhausted_at == NOON + 2 * HOUR
    assert spent_today.expected_age_seconds == 1800
    assert spent_tomorrow.quota_exhausted_at == NOON + 5 * HOUR


def test_after_the_reset_people_keep_their_reserve_of_the_new_quota():
    found = outlook([group(60)], [yahoo(20, left=3, resets=(NOON + 150 * MINUTE,))], NOON)

    assert found.quota_exhausted_at == NOON + 20 * HOUR


def test_a_quota_that_is_spent_already_is_so_now():
    found = outlook([group(60)], [yahoo(30, left=0, resets=(NOON + 12 * HOUR,))], NOON)

    assert found.quota_exhausted_at == NOON
    assert found.expected_age_seconds == pytest.approx((12 * 6 + 12 * 0.5) * 3600 / 24)


def test_who_has_no_limit_of_ours_but_is_spent_serves_all_again_from_its_reset_on():
    found = outlook([group(60)], [yahoo(left=0, resets=(NOON + 150 * MINUTE,))], NOON)

    assert found.quota_exhausted_at == NOON
    assert found.expected_age_seconds == pytest.approx((3 * 1.5 + 21 * 0.5) * 3600 / 24)


def test_the_next_provider_takes_over_what_the_first_has_no_calls_for():
    found = outlook([group(60, sources=SECOND)], [yahoo(4), yahoo(10, name="second")], NOON)

    assert (found.calls_per_day, found.quota_exhausted_at) == (24, NOON + 4 * HOUR)
    assert found.expected_age_seconds == pytest.approx((14 * 0.5 + 10 * 5) * 3600 / 24)


def test_calls_that_suffice_for_some_of_the_symbols_are_spent_on_them():
    found = outlook([group(720, 60)], [yahoo(75)], NOON)

    assert found.quota_exhausted_at == NOON + DAY
    assert found.expected_age_seconds == 6 * 3600
    half = outlook([group(480, 60)], [yahoo(75)], NOON)
    mean_after_the_second_poll = 8 * (1 - 15 / 60)
    assert half.expected_age_seconds == pytest.approx((4 + 4 + mean_after_the_second_poll + 4) / 3 * 3600)


def test_the_rest_of_a_poll_that_a_quota_cuts_short_goes_to_the_next_provider_at_once():
    found = outlook([group(720, 60, sources=SECOND)], [yahoo(25), yahoo(name="second")], NOON)

    assert found.expected_age_seconds == 6 * 3600


def test_a_month_costs_the_calls_that_the_quota_allows_or_the_plan():
    hourly = [group(60)]

    assert outlook(hourly, [yahoo(per_call=Decimal("0.010"))], NOON).cost_per_month == Decimal("7.20")
    assert outlook(hourly, [yahoo(4, per_call=Decimal("0.010"))], NOON).cost_per_month == Decimal("1.20")
    assert outlook(hourly, [yahoo(4, left=0, per_call=Decimal("0.010"))], NOON).cost_per_month == Decimal("1.20")
    plan = yahoo(per_call=Decimal("0.010"), monthly=Decimal("49.90"))
    assert outlook(hourly, [plan, yahoo(name="idle", per_call=Decimal(1))], NOON).cost_per_month == Decimal("49.90")
    assert outlook(hourly, [yahoo()], NOON).cost_per_month == 0


def test_people_keep_their_reserve_of_a_quota():
    assert (Tariff(25).for_polls, Tariff(4).for_polls, Tariff(None).for_polls) == (23, 4, None)


def test_a_poll_a_second_of_two_thousand_symbols_is_not_played_poll_by_poll():
    every_second = Group(2000, (Wish(NOON, timedelta(seconds=1), False, YAHOO),), SHUT_DAY)

    found = outlook([every_second], [yahoo(2_000_000, left=1_000_000, resets=(NOON + 20 * HOUR,))], NOON)

    assert found.calls_per_day == 2000 * 86_400
    assert found.quota_exhausted_at == NOON + timedelta(seconds=500)


# -- Properties ----------------------------------------------------------------------------

minutes = st.integers(5, 1440)
groups = st.lists(
    st.builds(
        group,
        minutes,
        st.integers(1, 9),
        sources=st.sampled_from([YAHOO, SECOND, ("second",)]),
        day=st.sampled_from([OPEN_DAY, SHUT_DAY]),
        by_schedule=st.booleans(),
    ),
    min_size=1,
    max_size=4,
)
reset_lists = st.lists(st.integers(1, 1439), max_size=1).map(
    lambda found: tuple(NOON + each * MINUTE for each in found)
)
providers = st.tuples(
    *[
        st.builds(yahoo, st.integers(0, 4), left=st.integers(0, 30), resets=reset_lists, name=st.just(name))
        for name in SECOND
    ]
)


def play(asked, sources):
    """Poll by poll, symbol by symbol: which are made, and when the first quota is spent."""
    left = {each.name: each.left for each in sources}
    resets = sorted((reset, each.name, each.tariff.for_polls) for each in sources for reset in each.resets)
    events = sorted(
        (run.first + number * run.interval, place, names)
        for place, each in enumerate(asked)
        for run, names in polls(each.wishes, each.day, NOON + DAY)
        for number in range(run.polls)
    )
    made = [{} for _ in asked]
    exhausted_at = None
    for moment, place, names in events:
        while resets and resets[0][0] <= moment:
            _, name, calls = resets.pop(0)
            left[name] = calls
        for _ in range(asked[place].symbols):
            name = next((name for name in names if left[name] > 0), None)
            if name is not None:
                left[name] -= 1
                exhausted_at = exhausted_at or (moment if left[name] == 0 else None)
                made[place][moment] = made[place].get(moment, 0) + 1
    return made, exhausted_at


def played_age(asked, made):
    """The mean age by adding minutes up; polls come at whole minutes."""
    total = weight = 0.0
    any_open = any(stretch.phase.is_open for each in asked for stretch in each.day)
    for each, polled in zip(asked, made, strict=True):
        age = area = length = 0.0
        for minute in range(1440):
            moment = NOON + minute * MINUTE
            age *= 1 - polled.get(moment, 0) / each.symbols
            if not any_open or next(s for s in reversed(each.day) if s.begins <= moment).phase.is_open:
                area += 60 * (age + 30)
                length += 60
            age += 60
        if length:
            total += each.symbols * area / length
            weight += each.symbols
    return total / weight


@given(groups, providers)
def test_quota_and_age_are_those_of_a_day_that_is_played_poll_by_poll(asked, sources):
    found = outlook(asked, sources, NOON)

    made, exhausted_at = play(asked, sources)
    if all(each.left > 0 and each.tariff.for_polls > 0 for each in sources):
        assert found.quota_exhausted_at == exhausted_at
    assert found.expected_age_seconds == pytest.approx(played_age(asked, made))
    assert found.calls_per_day == sum(
        run.polls * each.symbols for each in asked for run, _ in polls(each.wishes, each.day, NOON + DAY)
    )


@given(groups, minutes, minutes)
def test_a_shorter_interval_never_lowers_calls(asked, one, other):
    short, long = sorted((one, other))
    after, before = (
        outlook([group(each, 3, day=OPEN_DAY), *asked], [yahoo(), yahoo(name="second")], NOON) for each in (short, long)
    )

    assert after.calls_per_day >= before.calls_per_day


@given(groups, st.integers(0, 40), st.integers(0, 40))
def test_a_larger_quota_is_spent_later_and_keeps_prices_fresher(asked, one, other):
    small, large = (outlook(asked, [yahoo(each), yahoo(0, name="second")], NOON) for each in sorted((one, other)))

    assert large.calls_per_day == small.calls_per_day
    assert large.expected_age_seconds <= small.expected_age_seconds + 1e-6


def test_samples_are_as_they_seem():
    assert OPEN_DAY[0].phase.is_open
    assert OPEN_DAY[0].ends == at(16)
    assert not any(stretch.phase.is_open for stretch in SHUT_DAY)
