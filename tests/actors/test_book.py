"""The portfolio book and its valuations: who is told what, and answered what."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from market_actors import book as book_module
from market_actors import valuation as valuation_module
from market_actors.book import IDLE, LAG, RETELL, PortfolioBook
from market_actors.domain.polling import Holder
from market_actors.domain.valuation import Valuation, revalued
from market_actors.errors import Unavailable, UnknownPortfolio
from market_actors.messages import (
    DemandChanged,
    DropValuations,
    Follow,
    GetValuation,
    HoldersChanged,
    Message,
    PortfolioRemoved,
    PortfolioValued,
    PositionsChanged,
    PositionsUnavailable,
    PricesWithdrawn,
    QuotesChanged,
    RecallValuation,
    SendBook,
    SendPrices,
    StakesChanged,
    Tick,
    ValuationRecalled,
)
from tests.actors.portfolios import NOW, USER, World, a_price


@pytest.fixture
def world():
    made = World()
    yield made
    made.book.stop().get(timeout=5)


@pytest.fixture
def cached():
    made = World(with_cache=True)
    yield made
    made.book.stop().get(timeout=5)


def test_what_is_held_is_wanted_with_the_rates_it_needs(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10", AAPL="1")
    world.load(portfolio_id)

    assert world.scheduler.all(DemandChanged)[-1] == DemandChanged("held", frozenset({"CBA.AX", "AAPL", "USDAUD=X"}))


def test_a_quote_in_an_unexpected_currency_adds_its_rate(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10")
    world.load(portfolio_id)

    world.prices(CBA_AX=("100", "NZD"))

    assert world.scheduler.all(DemandChanged)[-1].symbols == {"CBA.AX", "NZDAUD=X"}


def test_a_portfolio_is_valued_when_asked_for(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10")
    world.load(portfolio_id)
    world.prices(CBA_AX="101.25")

    assert world.value(portfolio_id).total_value == Decimal("1012.50")


def test_nothing_is_valued_before_the_last_good_prices_are_known():
    world = World(prices_known=False)
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10")
    world.load(portfolio_id)
    reply = world.ask(portfolio_id)
    world.answer_for_the_store()
    assert not reply.outcome.done()

    world.prices(CBA_AX="101.25")

    assert reply.get(timeout=5).total_value == Decimal("1012.50")
    world.book.stop().get(timeout=5)


def test_a_portfolio_that_is_gone_is_unknown(world):
    with pytest.raises(UnknownPortfolio):
        world.value(uuid4())


def test_a_batch_of_prices_values_a_portfolio_once_and_only_those_that_hold_one(world):
    mine, other = uuid4(), uuid4()
    world.hold(mine, CBA_AX="10", BHP_AX="10")
    world.hold(other, CSL_AX="1")
    world.load(mine, other)
    world.prices(CBA_AX="1", BHP_AX="1", CSL_AX="1")
    world.value(mine), world.value(other)
    world.connections.messages.clear()

    world.prices(CBA_AX="2", BHP_AX="3")
    assert world.value(mine).total_value == 50

    (told,) = world.connections.all(PortfolioValued)
    assert told.valuation.portfolio_id == mine
    assert told.changed == {"CBA.AX", "BHP.AX"}


def test_a_changed_holding_is_valued_at_once_and_its_symbol_wanted(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10")
    world.load(portfolio_id)
    world.prices(CBA_AX="1", BHP_AX="5")
    world.value(portfolio_id)

    world.tell(PositionsChanged((world.hold(portfolio_id, version=2, CBA_AX="10", BHP_AX="2"),)))

    assert world.value(portfolio_id).total_value == 20
    assert "BHP.AX" in world.scheduler.all(DemandChanged)[-1].symbols


def test_positions_that_come_late_do_not_undo_newer_ones(world):
    portfolio_id = uuid4()
    old = world.hold(portfolio_id, version=1, CBA_AX="10")
    new = world.hold(portfolio_id, version=2, CBA_AX="20")
    world.load(portfolio_id)
    world.prices(CBA_AX="1")
    assert world.value(portfolio_id).total_value == 20

    world.tell(PositionsChanged((old,)))

    assert world.positions[portfolio_id] == new
    assert world.value(portfolio_id).total_value == 20


def test_a_removed_portfolio_is_wanted_no_more(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10")
    world.load(portfolio_id)
    world.tell(PortfolioRemoved(portfolio_id))
    assert world.scheduler.all(DemandChanged)[-1].symbols == frozenset()


def test_demand_is_told_again_for_a_scheduler_that_was_restarted(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10")
    world.load(portfolio_id)
    count = len(world.scheduler.all(DemandChanged))
    world.tick(6)
    assert len(world.scheduler.all(DemandChanged)) == count + 1


def test_a_kept_valuation_that_still_holds_is_answered_without_the_store(cached):
    portfolio_id = uuid4()
    cached.hold(portfolio_id, CBA_AX="10")
    cached.load(portfolio_id)
    cached.prices(CBA_AX="1.5")
    made = _computed(cached, portfolio_id)

    reply = cached.ask(portfolio_id)
    assert len(cached.cache.all(RecallValuation)) == 2
    cached.tell(ValuationRecalled(portfolio_id, made))

    assert reply.get(timeout=5) == made
    assert cached.answer_for_the_store() == []


@pytest.mark.parametrize("how", ["price", "version", "nothing kept"])
def test_a_kept_valuation_that_no_longer_holds_is_made_anew(cached, how):
    portfolio_id = uuid4()
    cached.hold(portfolio_id, CBA_AX="10")
    cached.load(portfolio_id)
    cached.prices(CBA_AX="1.5")
    made: Valuation | None = _computed(cached, portfolio_id)
    match how:
        case "price":
            cached.prices(CBA_AX="2")
            assert cached.cache.all(DropValuations)[-1] == DropValuations((portfolio_id,))
        case "version":
            cached.tell(PositionsChanged((cached.hold(portfolio_id, version=2, CBA_AX="20"),)))
        case _:
            made = None

    reply = cached.ask(portfolio_id)
    cached.tell(ValuationRecalled(portfolio_id, made))
    assert cached.answer_for_the_store() == [portfolio_id]

    assert reply.get(timeout=5).total_value == {"price": 20, "version": 30, "nothing kept": 15}[how]


def test_nobody_waits_for_a_cache_that_does_not_answer(cached):
    portfolio_id = uuid4()
    cached.hold(portfolio_id, CBA_AX="10")
    cached.load(portfolio_id)
    cached.prices(CBA_AX="1.5")

    reply = cached.ask(portfolio_id)
    cached.tick(1)
    assert portfolio_id in cached.answer_for_the_store()

    assert reply.get(timeout=5).total_value == 15


def test_without_a_database_nobody_waits_and_afterwards_all_goes_on(world):
    watched, changed, asked = uuid4(), uuid4(), uuid4()
    for portfolio_id in (watched, changed, asked):
        world.hold(portfolio_id, CBA_AX="10")
    world.load(watched, changed, asked)
    world.prices(CBA_AX="1.5")
    assert world.value(changed).total_value == 15
    world.hold(changed, version=2, CBA_AX="20")

    world.tell(Follow(frozenset({watched})))
    reply = world.ask(asked)
    world.store.messages.clear()
    world.tell(PositionsUnavailable((watched, changed, asked)))

    with pytest.raises(Unavailable):
        reply.get(timeout=5)
    world.tick(1)
    assert set(world.answer_for_the_store()) == {watched, changed, asked}
    world.connections.wait_until(
        lambda: any(valued.valuation.portfolio_id == watched for valued in world.connections.all(PortfolioValued))
    )
    assert world.value(changed).total_value == 30
    assert world.value(asked).total_value == 15


def _computed(world: World, portfolio_id: UUID) -> Valuation:
    """Value the portfolio, then let its actor retire."""
    reply = world.ask(portfolio_id)
    world.tell(ValuationRecalled(portfolio_id, None))
    world.answer_for_the_store()
    made = reply.get(timeout=5)
    world.tick(IDLE + 1)
    world.answer_for_the_store()
    world.tick(IDLE + 1)
    return made


def test_what_was_lost_with_an_inbox_is_asked_for_again(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, A_AX="1")
    reply = world.ask(portfolio_id)
    world.store.messages.clear()  # as when the store crashed before it came to it

    world.tick(RETELL + 1)

    assert world.store.all(SendBook)
    assert world.answer_for_the_store() == [portfolio_id]
    assert reply.get(timeout=5).portfolio_id == portfolio_id
    world.load(portfolio_id)
    world.store.messages.clear()
    world.tick(RETELL + 1)
    assert world.store.messages == []


def test_last_prices_are_asked_for_until_they_come():
    world = World(prices_known=False)
    world.quotes.messages.clear()
    world.tick(RETELL + 1)
    assert world.quotes.all(SendPrices)
    world.prices()
    world.quotes.messages.clear()
    world.tick(RETELL + 1)
    assert world.quotes.messages == []
    world.book.stop().get(timeout=5)


def test_a_portfolio_that_lags_is_told_the_latest_prices_not_each_of_them(world, monkeypatch):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="2")
    world.load(portfolio_id)
    world.tell(Follow((portfolio_id,)))
    world.answer_for_the_store()
    begun, go_on, totals = threading.Event(), threading.Event(), []

    def slow_value(before, holdings, prices, touched):
        begun.set()
        go_on.wait(5)
        valuation = revalued(before, holdings, prices, touched)
        totals.append(valuation.total_value)
        return valuation

    monkeypatch.setattr(valuation_module, "revalued", slow_value)
    world.prices(CBA_AX="1")
    assert begun.wait(5)
    for price in range(2, 101):
        world.prices(CBA_AX=str(price))
    for price in range(101, 121):
        world.prices(CBA_AX=str(price))
        world.tick(1)
    go_on.set()
    world.value(portfolio_id)
    world.tick(1)

    assert world.value(portfolio_id).total_value == 240
    assert len(totals) <= LAG + 2


@pytest.fixture
def crowd(world, monkeypatch):
    """Twenty followed portfolios of two CBA.AX at 1, of which the book tells one at a time; with whom it told."""
    monkeypatch.setattr(book_module, "HANDED", 1)
    told = []
    revalue = PortfolioBook._revalue
    many = [uuid4() for _ in range(20)]
    for portfolio_id in many:
        world.hold(portfolio_id, CBA_AX="2")
    world.hold(other := uuid4(), BHP_AX="3")
    world.load(*many, other)
    world.prices(CBA_AX="1", BHP_AX="1")
    world.value(other)
    world.tell(Follow(tuple(many)))
    world.answer_for_the_store()
    world.connections.wait_for(PortfolioValued, 21)
    world.connections.forget()
    monkeypatch.setattr(PortfolioBook, "_revalue", lambda *given: (told.append(given[1]), revalue(*given)))
    return many, other, told


@contextmanager
def held_up(world: World) -> Iterator[None]:
    """What the book is told in here, it looks at afterwards."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(_message: Message) -> None:
        begun.set()
        go_on.wait(5)

    world.scheduler.answer = hold
    world.book.tell(Tick(NOW + timedelta(minutes=1), world.monotonic + 60))
    assert begun.wait(5)
    world.scheduler.answer = None
    yield
    go_on.set()


def all_worth(world: World, portfolio_ids: list[UUID], total: int) -> bool:
    valued = [message.valuation for message in world.connections.all(PortfolioValued)]
    return {each.portfolio_id for each in valued if each.total_value == total} == set(portfolio_ids)


def test_who_asks_while_many_are_told_of_a_price_is_answered_before_the_last_of_them(world, crowd, monkeypatch):
    many, other, told = crowd
    told_when_asked = []
    answer_of = PortfolioBook._answer
    monkeypatch.setattr(
        PortfolioBook, "_answer", lambda *given: (told_when_asked.append(len(told)), answer_of(*given))[1]
    )
    with held_up(world):
        world.book.tell(QuotesChanged({"CBA.AX": a_price("CBA.AX", "5", 500)}))
        answer = world.book.ask(GetValuation(other))
        world.book.tell(PortfolioRemoved(many[0]))
        world.book.tell(QuotesChanged({"CBA.AX": a_price("CBA.AX", "7", 501)}))

    assert answer.get(timeout=5).total_value == 3
    world.connections.wait_until(lambda: all_worth(world, many[1:], 14))
    assert told_when_asked[0] < len(many)


def test_a_value_is_never_of_prices_older_than_one_that_was_told_before_it_was_asked_for(world, crowd):
    many, _, _ = crowd
    with held_up(world):
        world.book.tell(QuotesChanged({"CBA.AX": a_price("CBA.AX", "5", 500)}))
        world.book.tell(QuotesChanged({"CBA.AX": a_price("CBA.AX", "7", 501)}))
        answers = [world.book.ask(GetValuation(portfolio_id)) for portfolio_id in many]

    assert {answer.get(timeout=5).total_value for answer in answers} == {14}


def test_prices_that_come_faster_than_they_can_be_told_are_told_together(world, crowd):
    many, other, told = crowd
    with held_up(world):
        for number in range(2, 102):
            world.book.tell(QuotesChanged({"CBA.AX": a_price("CBA.AX", str(number), 500 + number)}))
        world.book.tell(QuotesChanged({"BHP.AX": a_price("BHP.AX", "4", 700)}))

    world.connections.wait_until(lambda: all_worth(world, many, 202) and all_worth(world, [other], 12))
    world.book.stop().get(timeout=5)
    assert len(told) <= 3 * len(many)


def test_the_scheduler_is_told_who_holds_what_before_it_is_told_of_the_demand(world):
    first, second, empty = uuid4(), uuid4(), uuid4()
    world.hold(first, CBA_AX="10")
    world.hold(second, CBA_AX="1", BHP_AX="2")
    world.hold(empty)
    world.load(first, second, empty)
    told = [type(message) for message in world.scheduler.messages]
    holders = world.scheduler.all(HoldersChanged)[-1]

    assert told.index(HoldersChanged) < len(told) - 1 - told[::-1].index(DemandChanged)
    assert set(holders.holders["CBA.AX"]) == {Holder(first, USER), Holder(second, USER)}
    assert holders.holders["BHP.AX"] == (Holder(second, USER),)
    assert holders.portfolios == dict.fromkeys((first, second, empty), USER)


def test_a_further_holder_of_the_same_symbol_is_told_within_a_second(world):
    first, second = uuid4(), uuid4()
    world.hold(first, CBA_AX="10")
    world.load(first)
    same = world.scheduler.all(HoldersChanged)[-1].holders["CBA.AX"]
    world.tick(6)
    assert world.scheduler.all(HoldersChanged)[-1].holders["CBA.AX"] is same

    world.hold(second, CBA_AX="10")
    world.load(second)
    world.tick(1)
    assert len(world.scheduler.all(HoldersChanged)[-1].holders["CBA.AX"]) == 2
    world.tell(PortfolioRemoved(second))
    world.tick(1)
    assert world.scheduler.all(HoldersChanged)[-1].portfolios == {first: USER}


def test_a_price_that_is_withdrawn_counts_no_more(world):
    portfolio_id = uuid4()
    world.hold(portfolio_id, CBA_AX="10", BHP_AX="1")
    world.load(portfolio_id)
    world.prices(CBA_AX="101.25", BHP_AX="40")
    world.tell(Follow((portfolio_id,)))
    world.answer_for_the_store()
    world.tell(PricesWithdrawn(frozenset({"CBA.AX"})))
    world.answer_for_the_store()

    assert world.value(portfolio_id).total_value == 40
    assert [unpriced.symbol for unpriced in world.value(portfolio_id).unpriced] == ["CBA.AX"]


def test_what_hangs_on_each_symbol_is_told_from_time_to_time(world):
    portfolio_id, other = uuid4(), uuid4()
    world.hold(portfolio_id, CBA_AX="10", BHP_AX="10")
    world.hold(other, CBA_AX="1")
    world.load(portfolio_id, other)
    world.prices(CBA_AX="75", BHP_AX="25")
    world.tell(Follow((portfolio_id,)))
    world.tick(21)
    stakes = world.scheduler.last(StakesChanged).stakes
    assert {symbol: (stake.share, stake.viewers) for symbol, stake in stakes.items()} == {
        "CBA.AX": (1.75, 1),
        "BHP.AX": (0.25, 1),
    }
