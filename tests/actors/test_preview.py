"""Previews of orders: they come true when the order is given, and say who notices."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from market_actors.domain.breaker import Breaker
from market_actors.domain.outlook import Affected, Tariff
from market_actors.domain.overrides import ALLOWED, OverrideType, Scope, with_order
from market_actors.domain.polling import Holder, Intervals
from market_actors.errors import ErrorKind, Unavailable
from market_actors.messages import (
    DemandChanged,
    GetEffective,
    HoldersChanged,
    Poll,
    PollFinished,
    PreviewOrder,
    ProviderConfigured,
    ProvidersConfigured,
    QuotaChanged,
    RulesChanged,
)
from market_actors.scheduling.lanes import Lane, Source
from market_actors.scheduling.orders import Orders
from market_actors.scheduling.preview import preview
from tests.actors.orders import override, setting, stop
from tests.actors.scheduling import CALENDARS, NOON, World, error
from tests.doubles import Remembered

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST, SECOND, EMPTY = UUID(int=21), UUID(int=22), UUID(int=23)
ANN, BOB, EVE = UUID(int=31), UUID(int=32), UUID(int=33)
OWNERS = {FIRST: ANN, SECOND: BOB, EMPTY: BOB}
HELD = {"BHP.AX": (FIRST, SECOND), "CBA.AX": (FIRST,), "MSFT": (SECOND,)}
HOLDERS = {symbol: tuple(Holder(each, OWNERS[each]) for each in held) for symbol, held in HELD.items()}
WATCHERS = {"MSFT": (Holder(None, EVE),)}
NOBODY = Affected(0, 0, 0)


def made(start, batch_size):
    """All that is held has just been polled; whatever is asked is answered at once."""
    world = World(start, batch_size=batch_size)
    world.yahoo.answer = world.alpha_vantage.answer = answer
    world.tell(HoldersChanged("held", HOLDERS, OWNERS))
    world.tell(HoldersChanged("watched", WATCHERS, {}))
    world.tell(DemandChanged("held", frozenset(HELD)))
    settle(world)
    return world


@pytest.fixture
def world(start):
    return made(start, batch_size=2)


@pytest.fixture
def one_by_one(start):
    return made(start, batch_size=1)


def answer(message):
    if isinstance(message, Poll):
        message.reply_to.tell(PollFinished(message, frozenset(message.symbols), {}, None, 20))


def settle(world):
    """Wait until each of the calls that follow one another is over."""
    for _ in HELD:
        world.settle()


def order(world, *orders):
    overrides = tuple(each for each in orders if hasattr(each, "override_type"))
    world.tell(RulesChanged(overrides, tuple(each for each in orders if each not in overrides)))


def ask(world, wanted, **tariffs):
    return world.ask(PreviewOrder(wanted, {name: Tariff(calls) for name, calls in tariffs.items()}))


def calls_of_a_day(world):
    """Let a day pass, minute by minute; return how many calls were made."""
    before = made_in(world)
    for _ in range(1440):
        known = made_in(world)
        world.tick(60)
        if made_in(world) > known:
            settle(world)
    return made_in(world) - before


def made_in(world):
    return len(world.yahoo.messages) + len(world.alpha_vantage.messages)


@pytest.mark.parametrize(
    "wanted",
    [
        setting(7, "portfolio", FIRST),
        override("force_interval", "symbol", "MSFT", minutes=25, lasts=20_000),
        override("disable_updates", "user", ANN, lasts=4000),
        stop(lasts=3000),
    ],
    ids=lambda each: getattr(each, "override_type", f"{each.scope} interval"),
)
def test_a_preview_comes_true_when_the_order_is_given(one_by_one, wanted):
    expected = ask(one_by_one, wanted)
    order(one_by_one, wanted)

    assert calls_of_a_day(one_by_one) == expected.after.calls_per_day


def test_another_provider_packs_its_calls_otherwise(world):
    wanted = override("disable_updates", "provider", "yahoo", lasts=5000)
    expected = ask(world, wanted)
    order(world, wanted)

    assert calls_of_a_day(world) == expected.after.calls_per_day > expected.before.calls_per_day


def test_the_present_comes_true_when_no_order_is_given(world):
    expected = ask(world, setting(5))

    assert calls_of_a_day(world) == expected.before.calls_per_day


def test_calls_that_only_now_and_then_could_be_shared_are_counted_each(world):
    wanted = setting(7, "portfolio", FIRST)
    expected = ask(world, wanted).after.calls_per_day
    order(world, wanted)

    assert 0.95 * expected < calls_of_a_day(world) < expected


def test_a_preview_changes_nothing(world):
    updates, told = world.updates(), len(world.store.messages)
    ask(world, stop())

    assert world.updates() == updates
    assert world.ask(GetEffective("MSFT", None)).source == "schedule"
    assert len(world.store.messages) == told


def test_what_is_left_of_todays_quota_says_when_it_is_spent(world):
    world.tell(QuotaChanged({"yahoo": 16, "alpha_vantage": 0}, {"yahoo": 9, "alpha_vantage": 25}))
    expected = ask(world, setting(30), yahoo=25, alpha_vantage=25)

    assert expected.after.calls_per_day == 2 * 48
    assert expected.after.quota_exhausted_at == NOON + 4 * 30 * MINUTE  # two are kept for people
    assert expected.before.quota_exhausted_at == NOON + 7 * 15 * MINUTE  # in New York it is Sunday
    assert expected.after.expected_age_seconds > 900


def test_a_quota_that_was_denied_is_spent_now(world):
    world.denial = lambda reserve: ("day", NOON + HOUR) if reserve.provider == "yahoo" else None
    world.tick(900)

    expected = ask(world, setting(30), yahoo=25).after
    assert expected.quota_exhausted_at == world.now
    assert expected.expected_age_seconds == 900  # the other provider takes over


def test_who_was_parked_by_the_provider_itself_is_asked_again_when_it_may_be(start):
    world = made(start, batch_size=2)
    world.yahoo.answer = None
    world.tell(ProvidersConfigured((ProviderConfigured("alpha_vantage", False, None, None, None, None, None),)))
    world.tick(900)
    world.answer(world.yahoo, failure=error(ErrorKind.QUOTA_DAY))
    expected, never = ask(world, setting(30)).after, ask(world, stop()).after

    assert expected.quota_exhausted_at == world.now
    assert 3600 < expected.expected_age_seconds < never.expected_age_seconds


def test_a_provider_without_a_quota_is_never_spent(world):
    assert ask(world, setting(1)).after.quota_exhausted_at is None


def test_a_provider_that_is_switched_off_gets_no_calls(world):
    switched_off = ProviderConfigured("yahoo", False, None, None, None, None, None)
    world.tell(ProvidersConfigured((switched_off,)))

    assert ask(world, setting(60)).after.calls_per_day == 3 * 24


def test_costs_are_those_of_the_tariffs(world):
    tariffs = {"yahoo": Tariff(None, Decimal("0.002")), "alpha_vantage": Tariff(25, None, Decimal("49.99"))}
    costs = world.ask(PreviewOrder(setting(60), tariffs))

    assert costs.after.cost_per_month == Decimal("0.002") * 2 * 24 * 30 + Decimal("49.99")


def test_before_the_rules_are_known_nothing_can_be_said(start):
    world = World(start, is_resumed=False)

    with pytest.raises(Unavailable):
        ask(world, stop())


# -- Who is affected -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "users", "portfolios", "symbols"),
    [
        (setting(5), 3, 3, 3),
        (setting(5, "portfolio", FIRST), 2, 2, 2),
        (setting(600, "portfolio", EMPTY), 1, 1, 0),
        (setting(5, "user", EVE), 2, 1, 1),
        (setting(1440, "user", BOB), 1, 2, 0),
        (override("force_interval", "symbol", "CBA.AX", minutes=5), 1, 1, 1),
        (override("disable_updates", "global"), 3, 3, 3),
        (override("disable_updates", "symbol", "MSFT"), 2, 1, 1),
        (override("disable_updates", "portfolio", FIRST), 1, 1, 1),
        (override("price", "symbol", "MSFT", price="400"), 2, 1, 1),
        (override("price", "symbol", "MSFT", price="400", lasts=0), 0, 0, 0),
        (override("disable_updates", "provider", "yahoo"), 0, 0, 0),
        (stop(lasts=60), 3, 3, 3),
        (stop(lasts=0), 0, 0, 0),
        (setting(5, begins=NOON + 25 * HOUR), 0, 0, 0),
    ],
)
def test_those_are_counted_who_have_another_interval_or_price(world, wanted, users, portfolios, symbols):
    assert ask(world, wanted).affected == Affected(users, portfolios, symbols)


def test_a_portfolio_counts_whose_own_interval_alone_is_another_one_at_an_exchange_of_its(world):
    order(world, setting(1, "portfolio", FIRST), setting(1, "user", EVE))

    assert ask(world, setting(15, "portfolio", SECOND)).affected == Affected(1, 1, 0)
    assert ask(world, setting(15, "portfolio", EMPTY)).affected == NOBODY


def test_another_price_in_place_of_one_affects_and_the_same_does_not(world):
    order(world, override("price", "symbol", "MSFT", price="400"))

    assert ask(world, override("price", "symbol", "MSFT", price="401")).affected == Affected(2, 1, 1)
    assert ask(world, override("price", "symbol", "MSFT", price="400.0")).affected == NOBODY


def test_who_loses_the_last_provider_is_affected(world):
    off = override("disable_updates", "provider", "alpha_vantage")
    order(world, off)
    expected = ask(world, override("disable_updates", "provider", "yahoo"))

    assert expected.affected == Affected(3, 2, 3)
    assert expected.after.calls_per_day == 0


def test_an_override_replaces_the_one_of_its_type_and_target_even_by_one_that_is_over(world):
    order(world, override("force_interval", "global", minutes=5))
    over = ask(world, override("force_interval", "global", minutes=5, lasts=0))
    same = ask(world, override("force_interval", "global", minutes=5, lasts=86_400))

    assert over.before.calls_per_day == 2 * 288 > over.after.calls_per_day
    assert over.affected == Affected(3, 3, 3)
    assert (same.before, same.affected) == (same.after, NOBODY)


def test_the_end_of_an_order_that_would_be_replaced_is_seen(world):
    order(world, override("force_interval", "global", minutes=5, lasts=3600))
    longer = ask(world, override("force_interval", "global", minutes=5))

    assert longer.before.calls_per_day < 200
    assert longer.after.calls_per_day == 2 * 288


def test_a_provider_is_asked_only_for_what_it_covers(world):
    world.tell(DemandChanged("watched", frozenset({"RY.TO"})))
    expected = ask(world, override("disable_updates", "provider", "alpha_vantage"))

    assert expected.affected == Affected(0, 0, 1)
    assert expected.after.calls_per_day < expected.before.calls_per_day


def test_an_order_dated_after_the_last_tick_is_looked_at_from_its_beginning(world):
    world.denial = lambda reserve: ("day", NOON + HOUR)
    world.tick(900)
    given_at = world.now + timedelta(milliseconds=900)

    assert ask(world, setting(5, begins=given_at)).before.quota_exhausted_at == given_at


# -- Properties ------------------------------------------------------------------------------

TARGETS = {
    Scope.GLOBAL: (None,),
    Scope.USER: (ANN, BOB, EVE),
    Scope.PORTFOLIO: tuple(OWNERS),
    Scope.PROVIDER: ("yahoo", "alpha_vantage"),
    Scope.SYMBOL: tuple(HELD),
}
PAIRS = [(kind, scope) for kind in OverrideType for scope in sorted(ALLOWED[kind])]


@st.composite
def overrides(draw):
    kind, scope = draw(st.sampled_from(PAIRS))
    target, minutes, lasts = draw(
        st.tuples(st.sampled_from(TARGETS[scope]), st.integers(1, 1440), st.none() | st.integers(0, 100_000))
    )
    is_forced, is_price = kind is OverrideType.FORCE_INTERVAL, kind is OverrideType.PRICE
    price = "5" if is_price else None
    return override(kind, scope, target, minutes=minutes if is_forced else None, price=price, lasts=lasts)


@st.composite
def intervals(draw):
    scope = draw(st.sampled_from([Scope.GLOBAL, Scope.USER, Scope.PORTFOLIO]))
    begins = NOON + draw(st.integers(0, 2000)) * MINUTE
    lasts = draw(st.none() | st.integers(1, 100_000))
    return setting(draw(st.integers(1, 1440)), scope, draw(st.sampled_from(TARGETS[scope])), begins=begins, lasts=lasts)


def orders_of(given):
    """The orders as they are when these have been given one after another."""
    made = (), ()
    for each in given:
        made = with_order(each, *made)
    orders = Orders(NOON)
    orders.change(*made, NOON)
    orders.want("held", HOLDERS, OWNERS)
    orders.want("watched", WATCHERS, {})
    return orders


def previewed(wanted, given):
    breaker = Breaker(5, MINUTE)
    lanes = [
        Lane(Source(name, lambda _: True, size, lambda now: now + 5 * HOUR, Remembered()), breaker, size)
        for size, name in enumerate(("yahoo", "alpha_vantage"), 1)
    ]
    tariffs = {"yahoo": Tariff(30, Decimal("0.01")), "alpha_vantage": Tariff(25)}
    return preview(wanted, tariffs, frozenset(HELD), orders_of(given), lanes, CALENDARS, Intervals(), NOON)


all_orders = overrides() | intervals()
NO_ORDER = setting(5, begins=NOON + 10 * DAY)


@how(max_examples=40, deadline=None)
@given(st.lists(all_orders, max_size=4), all_orders)
def test_what_a_preview_expects_is_how_things_are_once_the_order_is_given(given_before, wanted):
    expected = previewed(wanted, given_before)
    nothing = previewed(NO_ORDER, [*given_before, wanted])

    assert nothing.before == nothing.after == expected.after
    assert nothing.affected == NOBODY


@how(max_examples=20, deadline=None)
@given(st.lists(all_orders, max_size=3), st.integers(1, 719))
def test_a_shorter_interval_for_everything_never_lowers_calls(given_before, minutes):
    short, long = (
        previewed(override("force_interval", "global", minutes=each), given_before) for each in (minutes, 2 * minutes)
    )

    assert short.after.calls_per_day >= long.after.calls_per_day
    assert short.before == long.before
