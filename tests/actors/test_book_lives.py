"""The lives of valuations: started when, started anew, retired; and the history of portfolios that nobody watches."""

from __future__ import annotations

from contextlib import suppress
from threading import Semaphore
from uuid import UUID, uuid4

import pytest
from pykka import ActorDeadError, ActorRegistry

from market_actors import book as book_module
from market_actors.actor import Address
from market_actors.book import IDLE, VALUE_EVERY
from market_actors.messages import (
    DemandChanged,
    Follow,
    GetValuation,
    PortfolioRemoved,
    PortfolioValued,
    RecordValuations,
    SendPositions,
    Unfollow,
)
from market_actors.valuation import ValuationActor
from tests.actors.portfolios import World

NOBODY = UUID(int=0)


@pytest.fixture
def world():
    made = World()
    yield made
    made.book.stop().get(timeout=5)


@pytest.fixture
def crash(monkeypatch):
    """Have the valuations of these portfolios fail, and wait until the book has been told."""
    crashed, on_failure = Semaphore(0), ValuationActor.on_failure
    monkeypatch.setattr(ValuationActor, "on_failure", lambda *args: (on_failure(*args), crashed.release()))

    def crash(*portfolio_ids: UUID) -> None:
        for ref in ActorRegistry.get_by_class(ValuationActor):
            with suppress(ActorDeadError):  # of a test before this one
                if ref.ask(GetValuation(NOBODY)).portfolio_id in portfolio_ids:
                    ref.tell("what it cannot be told")
        assert all(crashed.acquire(timeout=5) for _ in portfolio_ids)

    return crash


def test_a_followed_portfolio_stays_and_an_idle_one_is_retired_and_comes_back(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10")
    world.load(portfolio_id)
    world.prices(CBA_AX="1")
    world.tell(Follow((portfolio_id,)))
    assert world.answer_for_the_store() == [portfolio_id]
    world.tick(IDLE * 10)
    world.ask(portfolio_id).get(timeout=5)
    assert world.answer_for_the_store() == []

    world.tell(Unfollow((portfolio_id,)))
    world.tick(IDLE + 1)
    world.ask(portfolio_id)
    assert world.answer_for_the_store() == [portfolio_id]


def test_a_portfolio_that_was_valued_before_anybody_watched_is_announced_to_who_does(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10")
    world.load(portfolio_id)
    world.prices(CBA_AX="1.5")
    world.value(portfolio_id)
    world.connections.messages.clear()

    world.tell(Follow((portfolio_id,)))
    world.ask(portfolio_id).get(timeout=5)

    (told,) = world.connections.all(PortfolioValued)
    assert (told.valuation.total_value, told.changed) == (15, {"CBA.AX"})


def test_a_portfolio_that_nobody_watches_still_gets_its_history(world):
    portfolio_id, other = uuid4(), uuid4()
    world.hold(portfolio_id, CBA_AX="10")
    world.hold(other, BHP_AX="10")
    world.load(portfolio_id, other)
    world.prices(CBA_AX="1")
    world.tick(1)
    assert world.answer_for_the_store() == [portfolio_id]
    world.value(portfolio_id)
    assert len(world.store.all(RecordValuations)) == 1
    world.tick(IDLE + 1)

    world.prices(CBA_AX="2")
    world.tick(1)
    assert world.answer_for_the_store() == []
    world.tick(VALUE_EVERY)
    world.prices(CBA_AX="3")
    world.tick(1)
    assert world.answer_for_the_store() == [portfolio_id]
    world.tick(VALUE_EVERY - 110)

    world.value(other)
    world.tick(100)
    world.value(portfolio_id)
    world.tick(IDLE + 1)
    world.prices(CBA_AX="4")
    world.tick(1)
    assert world.answer_for_the_store() == []  # since then it has not been long
    world.tick(VALUE_EVERY - 100)
    world.prices(CBA_AX="5", BHP_AX="1")
    world.tick(1)
    assert world.answer_for_the_store() == [other]


def test_those_who_are_watched_do_not_stand_before_those_who_wait_for_their_history(world, monkeypatch):
    monkeypatch.setattr("market_actors.book.CHUNK", 1)
    watched, other = [uuid4() for _ in range(5)], uuid4()
    for portfolio_id in (*watched, other):
        world.hold(portfolio_id, CBA_AX="10")
    world.load(*watched, other)
    world.tell(Follow(tuple(watched)))
    world.answer_for_the_store()
    world.tick(VALUE_EVERY)

    world.prices(CBA_AX="1")
    world.tick(1)
    assert world.answer_for_the_store() == [other]


def test_a_portfolio_that_was_valued_for_its_history_alone_is_not_kept_up(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10")
    world.load(portfolio_id)
    world.prices(CBA_AX="1")
    world.tick(1)
    world.answer_for_the_store()
    world.tick(1)

    world.ask(portfolio_id)
    assert world.answer_for_the_store() == [portfolio_id]


def test_a_valuation_that_crashed_is_answered_by_a_new_one(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, A_AX="1")
    world.prices(A_AX="100")
    before = world.value(portfolio_id)
    _crash_all()

    assert world.value(portfolio_id) == before


def test_a_valuation_that_crashes_under_its_viewers_starts_anew_within_a_second(world, monkeypatch, crash):
    monkeypatch.setattr(book_module, "LOOKED_AFTER", 1)
    watched = [uuid4() for _ in range(5)]
    for portfolio_id in watched:
        world.hold(portfolio_id, A_AX="1")
        world.load(portfolio_id)
        world.tell(Follow((portfolio_id,)))
        world.answer_for_the_store()
    for portfolio_id in watched:
        crash(portfolio_id)
        world.tick(1)
        assert world.answer_for_the_store() == [portfolio_id]


@pytest.mark.parametrize("is_told", [True, False])
def test_each_of_many_valuations_that_crashed_under_its_viewers_starts_anew(world, monkeypatch, crash, is_told):
    monkeypatch.setattr(book_module, "LOOKED_AFTER", 2)
    watched = [uuid4() for _ in range(5)]
    for portfolio_id in watched:
        world.hold(portfolio_id, A_AX="1")
    world.load(*watched)
    world.tell(Follow(tuple(watched)))
    world.answer_for_the_store()
    if is_told:
        crash(*watched)
    else:
        _crash_all()

    asked = []
    for number in range(1, 4):
        world.tick(1)
        assert len(world.store.all(SendPositions)) == 1
        asked += world.answer_for_the_store()
        assert len(asked) == min(2 * number, 5)  # a part of them at a tick: they are thousands

    assert sorted(asked) == sorted(watched)


def test_a_valuation_that_crashed_starts_anew_while_others_are_valued_for_their_history(world):
    watched, resting = uuid4(), [uuid4() for _ in range(5)]
    world.hold(watched, A_AX="1")
    for number, portfolio_id in enumerate(resting):
        world.hold(portfolio_id, **{f"R{number}_AX": "1"})
    world.load(watched, *resting)
    world.tell(Follow((watched,)))
    world.answer_for_the_store()
    asked = []
    for number in range(5):
        if number == 2:
            _crash_all()
        world.prices(**{f"R{number}_AX": "1"})
        world.tick(1)
        asked += world.answer_for_the_store()

    assert asked.count(watched) == 1
    assert set(asked) == {watched, *resting}


def test_who_comes_to_a_portfolio_whose_valuation_crashed_gets_a_value_at_once(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, A_AX="1")
    world.prices(A_AX="100")
    world.value(portfolio_id)
    _crash_all()
    world.connections.messages.clear()

    world.tell(Follow((portfolio_id,)))

    assert world.answer_for_the_store() == [portfolio_id]
    assert world.connections.wait_for(PortfolioValued)[0].valuation.total_value == 100


def test_a_portfolio_that_was_removed_leaves_nothing_behind(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, A_AX="1")
    for _ in range(2):
        world.load(portfolio_id)
        world.prices(A_AX="1")
        world.tick(1)
        assert world.answer_for_the_store() == [portfolio_id]  # for its first point
        world.tell(PortfolioRemoved(portfolio_id))
        assert world.scheduler.all(DemandChanged)[-1].symbols == frozenset()


def _crash_all() -> None:
    for ref in ActorRegistry.get_by_class(ValuationActor):
        Address("valuation", ref).stop().get(timeout=5)


def test_what_is_valued_for_its_history_alone_is_not_kept_until_all_others_were_looked_after(world, monkeypatch):
    monkeypatch.setattr(book_module, "LOOKED_AFTER", 2)
    watched, resting = [uuid4() for _ in range(9)], uuid4()
    for portfolio_id in (*watched, resting):
        world.hold(portfolio_id, A_AX="1")
    world.load(*watched, resting)
    world.tell(Follow(tuple(watched)))
    world.answer_for_the_store()
    world.tick(1)

    world.prices(A_AX="2")
    world.tick(1)
    assert world.answer_for_the_store() == [resting]
    world.tick(1)
    world.ask(resting)
    assert world.answer_for_the_store() == [resting]
