from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.overrides import (
    IntervalSetting,
    Override,
    OverrideType,
    Scope,
    rules_at,
)
from market_actors.domain.polling import (
    Holder,
    Intervals,
    default_interval,
    effective_interval,
    next_poll,
)
from market_actors.domain.quote import MarketStatus
from market_actors.domain.sessions import phase
from tests.domain.samples import NOON, TRADING_DAY, at

MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
PORTFOLIOS = [UUID(int=n) for n in (1, 2, 3)]
USERS = [UUID(int=n) for n in (11, 12)]


@pytest.mark.parametrize(
    ("status", "is_trading_day", "expected"),
    [
        (MarketStatus.OPEN, True, timedelta(minutes=15)),
        (MarketStatus.PRE_MARKET, True, timedelta(hours=1)),
        (MarketStatus.AFTER_HOURS, True, timedelta(hours=1)),
        (MarketStatus.CLOSED, False, timedelta(days=1)),
    ],
)
def test_the_schedule_goes_by_the_state_of_the_exchange(status, is_trading_day, expected):
    assert default_interval(status, is_trading_day, Intervals()) == expected


def poll_after(now, interval=timedelta(hours=1), failures=0):
    return next_poll(now, interval, phase([TRADING_DAY], now, "Australia/Sydney"), failures)


def test_a_poll_is_not_slept_past_the_open():
    assert poll_after(at(9, 30)) == at(10)
    assert poll_after(at(8)) == at(9)


def test_after_the_close_the_closing_price_is_fetched_once_it_has_come_through():
    assert poll_after(at(15, 50)) == at(16, 35)
    assert poll_after(at(16, 5)) == at(16, 35)
    assert poll_after(at(16, 35)) == at(17, 35)


def test_nothing_shortens_an_interval_that_somebody_ordered():
    assert next_poll(at(9, 30), timedelta(days=1), None, 0) == at(9, 30, day=6)


def test_a_failing_symbol_is_tried_again_after_half_a_minute_and_ever_less_often():
    waits = [(next_poll(NOON, timedelta(days=1), None, failures) - NOON).total_seconds() for failures in range(1, 9)]

    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


@given(
    st.integers(1, 86400).map(lambda seconds: timedelta(seconds=seconds)),
    st.integers(-2880, 2880),
    st.integers(0, 10**9),
)
def test_a_poll_is_always_ahead_and_never_later_than_the_interval(interval, minutes, failures):
    now = NOON + minutes * MINUTE

    due = poll_after(now, interval, failures)

    assert now < due <= now + interval
    if failures:
        assert due - now <= QUARTER


# -- The interval in force -----------------------------------------------------------------


def force(scope, target, minutes):
    return Override(
        OverrideType.FORCE_INTERVAL,
        scope,
        target,
        "forced",
        NOON,
        interval=None if minutes is None else minutes * MINUTE,
    )


def disable(scope, target=None):
    return Override(OverrideType.DISABLE_UPDATES, scope, target, "disabled", NOON)


def setting(scope, target, minutes):
    return IntervalSetting(scope, target, minutes * MINUTE, "configured", NOON, NOON)


ONE_HOLDER = (Holder(PORTFOLIOS[0], USERS[0]),)


def effective(*orders, holders=ONE_HOLDER):
    overrides = [order for order in orders if isinstance(order, Override)]
    settings = [order for order in orders if isinstance(order, IntervalSetting)]
    return effective_interval("CBA.AX", holders, rules_at(NOON, overrides, settings), QUARTER)


PORTFOLIO, USER = str(PORTFOLIOS[0]), str(USERS[0])
IN_ORDER = [
    (force(Scope.SYMBOL, "CBA.AX", 1), "override"),
    (force(Scope.PORTFOLIO, PORTFOLIO, 2), "override"),
    (force(Scope.USER, USER, 3), "override"),
    (force(Scope.GLOBAL, None, 4), "override"),
    (setting(Scope.PORTFOLIO, PORTFOLIO, 5), "portfolio"),
    (setting(Scope.USER, USER, 6), "user"),
    (setting(Scope.GLOBAL, None, 7), "global"),
]


@pytest.mark.parametrize("first", range(len(IN_ORDER)))
def test_the_more_particular_order_wins_over_all_that_come_after_it(first):
    found = effective(*(order for order, _ in IN_ORDER[first:]))

    assert (found.interval_seconds, found.source) == ((first + 1) * 60, IN_ORDER[first][1])
    assert [rule.applies for rule in found.rules] == [False] * first + [True]


def test_without_any_order_the_schedule_counts_and_every_rule_was_looked_at():
    found = effective()

    assert (found.interval_seconds, found.source) == (900, "schedule")
    assert [rule.rule for rule in found.rules] == [
        "override on symbol CBA.AX",
        f"override on portfolio {PORTFOLIO}",
        f"override on user {USER}",
        "override on everything",
        f"configuration of portfolio {PORTFOLIO}",
        f"configuration of user {USER}",
        "configuration of everything",
        "schedule",
    ]


def test_ten_thousand_portfolios_without_orders_of_their_own_are_looked_at_once():
    found = effective(holders=[Holder(UUID(int=n), USERS[0]) for n in range(10_000)])

    assert found.interval_seconds == 900
    assert len(found.rules) == 8


def test_the_portfolio_that_wants_it_most_often_decides():
    found = effective(
        setting(Scope.PORTFOLIO, str(PORTFOLIOS[0]), 30),
        setting(Scope.PORTFOLIO, str(PORTFOLIOS[1]), 5),
        holders=[Holder(PORTFOLIOS[0], USERS[0]), Holder(PORTFOLIOS[1], USERS[1])],
    )

    assert (found.interval_seconds, found.source) == (300, "portfolio")


def test_where_one_portfolio_is_disabled_the_other_is_still_updated():
    both = [Holder(PORTFOLIOS[0], USERS[0]), Holder(PORTFOLIOS[1], USERS[1])]

    assert effective(disable(Scope.PORTFOLIO, PORTFOLIO), holders=both).interval_seconds == 900
    assert effective(disable(Scope.PORTFOLIO, PORTFOLIO), holders=both[:1]).interval_seconds is None
    assert effective(disable(Scope.GLOBAL), holders=both).interval_seconds is None


def test_an_order_on_the_symbol_comes_before_a_general_stop_of_updates_but_not_before_an_emergency():
    forced = force(Scope.SYMBOL, "CBA.AX", 1)
    emergency = Override(OverrideType.EMERGENCY_STOP, Scope.GLOBAL, None, "fire", NOON)

    assert effective(forced, disable(Scope.GLOBAL)).interval_seconds == 60
    assert effective(forced, disable(Scope.SYMBOL, "CBA.AX")).interval_seconds is None
    assert effective(forced, emergency).interval_seconds is None


def test_a_provider_that_is_disabled_changes_no_interval():
    assert effective(disable(Scope.PROVIDER, "yahoo")).interval_seconds == 900


targets = st.one_of(
    st.just((Scope.GLOBAL, None)),
    st.just((Scope.SYMBOL, "CBA.AX")),
    st.sampled_from(PORTFOLIOS).map(lambda each: (Scope.PORTFOLIO, str(each))),
    st.sampled_from(USERS).map(lambda each: (Scope.USER, str(each))),
)
forces = st.tuples(targets, st.integers(1, 1440)).map(lambda pair: force(*pair[0], pair[1]))
disables = targets.map(lambda target: disable(*target))
settings = st.tuples(targets.filter(lambda target: target[0] is not Scope.SYMBOL), st.integers(1, 1440)).map(
    lambda pair: setting(*pair[0], pair[1])
)
holder = st.builds(Holder, st.sampled_from([*PORTFOLIOS, None]), st.sampled_from(USERS))
orders = st.lists(st.one_of(forces, disables, settings), max_size=8)


def by_the_book(orders, holders):
    """The contract's paragraph, word by word; the last of two orders of one kind and target counts."""
    disabled = {(o.scope, o.target) for o in orders if isinstance(o, Override) and o.interval is None}
    forced = {(o.scope, o.target): o.interval for o in orders if isinstance(o, Override) and o.interval is not None}
    set_to = {(o.scope, o.target): o.interval for o in orders if isinstance(o, IntervalSetting)}

    def first(targets):
        for target in targets:
            if target in disabled:
                return None
            if target in forced:
                return forced[target]
        return next((set_to[target] for target in targets if target in set_to), QUARTER)

    symbol = (Scope.SYMBOL, "CBA.AX")
    if symbol in disabled or symbol in forced:
        return first([symbol])
    found = [
        first([(Scope.PORTFOLIO, str(h.portfolio_id)), (Scope.USER, str(h.user_id)), (Scope.GLOBAL, None)])
        for h in holders
    ]
    return min((interval for interval in found if interval is not None), default=None)


@given(orders, st.lists(holder, min_size=1, max_size=5))
def test_the_interval_in_force_is_what_the_contract_says(orders, holders):
    found = effective(*orders, holders=holders)

    expected = by_the_book(orders, holders)
    assert found.interval_seconds == (None if expected is None else expected.total_seconds())
    assert sum(rule.applies for rule in found.rules) == 1
    assert next(rule for rule in found.rules if rule.applies).interval_seconds == found.interval_seconds


@given(orders, st.lists(holder, min_size=1, max_size=5), st.randoms())
def test_the_order_of_the_holders_changes_no_interval(orders, holders, random):
    shuffled = random.sample(holders, len(holders))

    assert effective(*orders, holders=holders).interval_seconds == effective(*orders, holders=shuffled).interval_seconds
