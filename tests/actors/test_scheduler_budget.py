"""The scheduler with few calls: what it asks for, when, and what it says of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from market_actors.domain.budget import Stake
from market_actors.domain.polling import Holder
from market_actors.errors import ErrorKind
from market_actors.messages import (
    DemandChanged,
    GetSchedule,
    HoldersChanged,
    QuotaChanged,
    Refresh,
    RulesChanged,
    StakesChanged,
)
from persistence.records import ScheduledPoll
from tests.actors.orders import setting
from tests.actors.scheduling import NOON, USER, World, error

SYMBOLS = tuple(f"S{number:02}.AX" for number in range(20))
HOUR = timedelta(hours=1)
START = 11  # minutes after which a start is forgotten


def polled(symbol, hours=1.0):
    """A row of the last run, which is due."""
    return ScheduledPoll(symbol, "yahoo", NOON - hours * HOUR, NOON, 900, 0)


def stakes(**shares):
    return StakesChanged({f"{name}.AX": Stake(share) for name, share in shares.items()})


def make(start, *, left, used=10, symbols=SYMBOLS, **options):
    """A world in which a start is forgotten, all symbols are due and yahoo has *left* calls for scheduled polls."""
    world = World(start, saved=[polled(symbol) for symbol in symbols], **options)
    world.tell(QuotaChanged({"yahoo": 0, "alpha_vantage": 0}, {"yahoo": 0, "alpha_vantage": 0}))
    world.tick(START * 60)
    reserve = max(1, (used + left) // 9)
    world.left = lambda calls: world.tell(
        QuotaChanged({"yahoo": used + left - calls}, {"yahoo": calls + reserve, "alpha_vantage": 0})
    )
    return world


@pytest.fixture
def world(start):
    return make(start, left=20)


def test_enough_calls_are_made_as_they_fall_due(start):
    world = make(start, left=20_000)
    world.left(20_000)
    world.hold(*SYMBOLS)
    for _ in SYMBOLS:
        world.answer(world.yahoo)
    assert sorted(symbol for symbols in world.polls(world.yahoo) for symbol in symbols) == sorted(SYMBOLS)


def test_few_calls_are_spread_and_the_next_update_says_when(world):
    world.left(20)
    world.hold(*SYMBOLS)
    assert len(world.polls(world.yahoo)) == 1
    world.left(19)
    world.answer(world.yahoo)
    assert len(world.polls(world.yahoo)) == 1

    wait = world.updates().next_update - world.now
    assert timedelta(minutes=5) < wait < timedelta(minutes=40)
    world.tick(wait.total_seconds() - 2)
    assert len(world.polls(world.yahoo)) == 1
    world.tick(2)
    assert len(world.polls(world.yahoo)) == 2


def test_the_symbol_on_which_most_hangs_goes_first(world):
    world.tell(stakes(S00=0.1, S07=0.4, S13=0.2))
    world.left(20)
    world.hold(*SYMBOLS)
    assert world.polls(world.yahoo) == [("S07.AX",)]


def test_who_watches_a_symbol_by_name_counts(world):
    world.tell(stakes(**{symbol.removesuffix(".AX"): 0.05 for symbol in SYMBOLS}))
    viewers = tuple(Holder(None, UUID(int=number)) for number in (1, 2))
    world.tell(HoldersChanged("watched", {"S11.AX": viewers}, {}))
    world.left(20)
    world.hold(*SYMBOLS)
    assert world.polls(world.yahoo) == [("S11.AX",)]


def test_a_newly_held_symbol_does_not_wait_for_the_pace(world):
    world.left(20)
    world.hold(*SYMBOLS)
    world.left(19)
    world.answer(world.yahoo)
    world.hold(*SYMBOLS, "NEW.AX")
    assert world.polls(world.yahoo)[-1] == ("NEW.AX",)


def test_a_refresh_does_not_wait_for_the_pace(world):
    world.left(20)
    world.hold(*SYMBOLS)
    world.left(19)
    world.answer(world.yahoo)
    world.ask(Refresh(USER, ("S05.AX",)))
    assert world.polls(world.yahoo)[-1] == ("S05.AX",)


def test_the_schedule_lists_the_calls_that_are_left_with_their_reasons(world):
    world.tell(stakes(S00=0.1, S07=0.4, S13=0.2))
    world.left(20)
    world.hold(*SYMBOLS)
    world.left(19)
    world.answer(world.yahoo)
    calls = world.ask(GetSchedule())

    assert len(calls) <= 19
    assert calls[0].symbols == ("S13.AX",)
    assert "28.6 % of the value held" in calls[0].reason
    assert abs(calls[0].at - world.updates().next_update) < timedelta(seconds=2)
    assert [call.at for call in calls] == sorted(call.at for call in calls)
    assert {call.provider for call in calls} == {"yahoo"}


def test_a_shorter_interval_is_seen_at_once_though_calls_are_few(start):
    world = make(start, left=400, used=10)
    world.left(400)
    world.hold(*SYMBOLS)
    world.answer(world.yahoo)
    assert len(world.polls(world.yahoo)) == 1
    world.tell(RulesChanged((), (setting(1, begins=world.now),)))
    for _ in range(5):
        world.answer(world.yahoo)
    assert len(world.polls(world.yahoo)) >= 6


def test_an_end_of_day_source_rests_once_it_had_the_closing_price(start):
    evening = datetime(2026, 1, 5, 23, 0, tzinfo=UTC)
    row = ScheduledPoll("SHOP.TO", "alpha_vantage", evening - HOUR / 4, evening, 3600, 0)
    world = World(start, now=evening, saved=[row], dates_only=True)
    world.tell(QuotaChanged({"alpha_vantage": 1}, {"alpha_vantage": 1000}))
    world.tell(DemandChanged("held", frozenset({"SHOP.TO"})))
    world.tick(45 * 60)
    assert world.polls(world.alpha_vantage) == []
    assert world.updates().next_update == datetime(2026, 1, 6, 14, 30, tzinfo=UTC)


def test_an_end_of_day_source_takes_over_from_one_that_fails_at_any_hour(start):
    evening = datetime(2026, 1, 5, 23, 0, tzinfo=UTC)
    row = ScheduledPoll("AAPL", "yahoo", evening - HOUR / 4, evening, 3600, 0)
    world = World(start, now=evening, saved=[row], dates_only=True)
    world.tell(QuotaChanged({"alpha_vantage": 1}, {"alpha_vantage": 1000}))
    world.tell(DemandChanged("held", frozenset({"AAPL"})))
    world.tick(45 * 60)
    world.answer(world.yahoo, failure=error(ErrorKind.NETWORK))
    assert world.polls(world.alpha_vantage) == [("AAPL",)]
