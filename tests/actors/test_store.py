"""The store on real databases: answers after commits, tells others afterwards, outlives a lost database."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from market_actors.actor import Address
from market_actors.errors import Conflict, NotFound, Unavailable, UnknownPortfolio
from market_actors.messages import (
    AccessRevoked,
    CallRecorded,
    CallsLoaded,
    CallsRecorded,
    LastPricesLoaded,
    PortfolioRemoved,
    PositionsChanged,
    QuotesRecorded,
    RecordCall,
    RecordCalls,
    RecordPlans,
    RecordQuotes,
    RecordValuations,
    SendCalls,
    SendLastPrices,
    SendPositions,
    SendRevoked,
    Tick,
)
from market_actors.store import ANSWERS, POINTS_A_TICK, Store
from market_actors.stored import (
    Authenticate,
    CountUsers,
    CreatePortfolio,
    CreateToken,
    CreateUser,
    DeletePortfolio,
    GetPortfolio,
    ImportHoldings,
    ListPortfolios,
    ListValuationPoints,
    PutHolding,
    ReadUsage,
    RevokeToken,
)
from persistence import queries
from persistence.database import open_database, proxy
from persistence.migrate import migrate
from persistence.records import Call, HoldingRow, LastPrice, ValuationPoint
from tests.doubles import Remembered
from tests.servers import PostgresServer

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class World:
    """A store on a fresh database, with one user."""

    def __init__(self, url: str) -> None:
        database = open_database(url)
        migrate(database)
        database.close()
        self.book, self.connections, self.me = Remembered(), Remembered(), Remembered()
        self.scheduler, self.quotes, self.usage = Remembered(), Remembered(), Remembered()
        self.store = Address(
            "store", Store.start(self.book, self.connections, self.scheduler, self.quotes, self.usage, lambda: NOW)
        )
        self.user = self.ask(CreateUser("a@example.org", "user", None, "test", None, NOW)).id

    def ask(self, question):
        return self.store.ask(question).get(timeout=10)

    def portfolio(self):
        return self.ask(CreatePortfolio(self.user, "P", "AUD", NOW)).id

    def hold(self, portfolio_id, symbol="CBA.AX", quantity="1.50"):
        return self.ask(PutHolding(self.user, portfolio_id, symbol, Decimal(quantity), Decimal(2), "AUD", NOW))


@pytest.fixture
def world(database_url):
    made = World(database_url)
    yield made
    made.store.stop().get(timeout=10)


def a_last_price(symbol="CBA.AX", price="101.2500", number=1):
    return LastPrice(
        symbol=symbol,
        name="Commonwealth Bank",
        exchange="XASX",
        currency="AUD",
        price=Decimal(price),
        previous_close=None,
        volume=5,
        provider="yahoo",
        source="yahoo",
        quote_time=NOW,
        received_at=NOW,
        delay_seconds=1200,
        end_of_day=False,
        confirmation="intraday",
        is_market_hours=True,
        epoch=1,
        number=number,
    )


def test_every_question_to_the_store_has_its_query():
    assert len(ANSWERS) > 25
    assert all(callable(query) for query in ANSWERS.values())


def test_a_written_holding_is_told_to_the_book_with_its_exact_quantity(world):
    portfolio_id = world.portfolio()
    written = world.hold(portfolio_id)

    (holdings,) = world.book.last(PositionsChanged).holdings
    assert written.created
    assert holdings.version == written.positions.version
    assert str(holdings.positions[0].quantity) == "1.50"


def test_a_dry_run_tells_nobody_and_keeps_nothing(world):
    portfolio_id = world.portfolio()
    world.book.forget()
    rows = (HoldingRow("CBA.AX", Decimal(1), Decimal(1), "AUD"),)
    assert world.ask(ImportHoldings(world.user, portfolio_id, rows, False, True, NOW)).created == 1

    assert world.book.messages == []
    assert world.ask(GetPortfolio(world.user, portfolio_id)).holding_count == 0


def test_somebody_elses_portfolio_is_as_unknown_as_none(world):
    portfolio_id = world.portfolio()
    answers = set()
    for question in (GetPortfolio(uuid4(), portfolio_id), GetPortfolio(world.user, uuid4())):
        with pytest.raises(UnknownPortfolio) as error:
            world.ask(question)
        answers.add(str(error.value).replace(str(question.portfolio_id), "..."))
    assert len(answers) == 1


def test_a_deleted_portfolio_ends_its_streams_and_leaves_the_book(world):
    portfolio_id = world.portfolio()
    world.ask(DeletePortfolio(world.user, portfolio_id, NOW))
    assert world.connections.last(AccessRevoked).portfolio_ids == {portfolio_id}
    assert world.book.last(PortfolioRemoved) == PortfolioRemoved(portfolio_id)


def test_a_taken_address_is_a_conflict(world):
    with pytest.raises(Conflict):
        world.ask(CreateUser("A@example.org", "user", None, "test", None, NOW))
    assert world.ask(CountUsers()) == 1


def test_a_revoked_token_opens_nothing_and_is_told_to_the_streams(world):
    token = world.ask(CreateToken(world.user, "t", "read", "digest", None, NOW))
    assert world.ask(Authenticate("token", "digest", NOW)).id == token.id

    world.ask(RevokeToken(world.user, token.id, NOW))

    assert world.ask(Authenticate("token", "digest", NOW)) is None
    assert world.connections.last(AccessRevoked).credential_ids == {token.id}
    world.store.tell(SendRevoked(NOW - timedelta(seconds=1), world.me))
    assert world.me.wait_for(AccessRevoked)[0].credential_ids == {token.id}
    with pytest.raises(NotFound):
        world.ask(RevokeToken(world.user, token.id, NOW))


def test_last_prices_come_back_digit_by_digit(world):
    world.store.tell(RecordQuotes((a_last_price(),)))
    world.store.tell(RecordQuotes((a_last_price(price="101.30", number=2), a_last_price("BHP.AX", "41.5", 3))))
    world.store.tell(SendLastPrices(world.me))

    loaded = {price.symbol: price for price in world.me.wait_for(LastPricesLoaded)[0].prices}
    assert loaded["CBA.AX"] == a_last_price(price="101.30", number=2)
    assert str(loaded["CBA.AX"].price) == "101.30"


def test_a_batch_of_prices_is_answered_for_when_it_is_kept_and_streams_can_be_resumed_from_it(world):
    restated = a_last_price("BHP.AX", number=2)
    world.store.tell(RecordQuotes((a_last_price(),), restated=(restated,), reply_to=world.me, batch=6))

    assert world.me.wait_for(QuotesRecorded) == [QuotesRecorded(6)]
    assert queries.newest_forgotten(NOW, 2) is None
    assert queries.newest_forgotten(NOW + timedelta(seconds=1), 2) == (1, 2)
    proxy.close()


def test_what_a_power_failure_may_take_back_are_the_prices_of_a_second(tmp_path, monkeypatch):
    world = World(f"sqlite:///{tmp_path / 'market.db'}")
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    world.store.tell(Tick(NOW, 1.0))  # one that was here before may have kept prices
    for number in (1, 2):
        world.store.tell(RecordQuotes((a_last_price(number=number),)))
    assert world.ask(CountUsers()) == 1 and len(synced) == 1

    for second in (2.0, 3.0):
        world.store.tell(Tick(NOW, second))
    assert world.ask(CountUsers()) == 1 and len(synced) == 2
    world.store.stop().get(timeout=10)


def test_a_disk_that_fails_to_catch_up_keeps_nothing_else_and_is_asked_again(tmp_path, monkeypatch):
    world = World(f"sqlite:///{tmp_path / 'market.db'}")
    portfolio_id = world.portfolio()
    tried = []

    def fail(descriptor):
        tried.append(descriptor)
        raise OSError("Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    world.store.tell(RecordQuotes((a_last_price(),)))
    world.store.tell(RecordValuations((ValuationPoint(portfolio_id, NOW, Decimal(1), Decimal(1), None, "AUD"),)))
    for second in (1.0, 2.0):
        world.store.tell(Tick(NOW, second))

    end = NOW + timedelta(seconds=1)
    assert len(world.ask(ListValuationPoints(world.user, portfolio_id, NOW, end, "raw", 10))) == 1
    assert len(tried) == 2
    world.store.stop().get(timeout=10)


def test_values_are_written_in_batches_the_last_of_a_portfolio_counting(world):
    portfolio_id = world.portfolio()
    for total in ("1", "2"):
        point = ValuationPoint(portfolio_id, NOW, Decimal(total), Decimal(1), None, "AUD")
        world.store.tell(RecordValuations((point,)))
    world.store.tell(Tick(NOW, 1.0))

    end = NOW + timedelta(seconds=1)
    points = world.ask(ListValuationPoints(world.user, portfolio_id, NOW, end, "raw", 10))
    assert [point.total_value for point in points] == [2]


def test_the_values_of_very_many_portfolios_are_written_some_at_a_tick_and_all_at_the_end(world, monkeypatch):
    written = []
    monkeypatch.setattr(queries, "record_valuations", lambda points: written.append(len(points)))
    points = [ValuationPoint(uuid4(), NOW, Decimal(1), Decimal(1), None, "AUD") for _ in range(POINTS_A_TICK + 100)]
    world.store.tell(RecordValuations(tuple(points)))
    world.store.tell(Tick(NOW, 1.0))
    world.ask(ListPortfolios(world.user, 1, 0))
    assert written == [POINTS_A_TICK]

    world.store.stop().get(timeout=5)

    assert written == [POINTS_A_TICK, 100]


def test_a_reserved_call_is_committed_before_it_is_granted(world):
    call = Call(uuid4(), "yahoo", "scheduled", ("CBA.AX",), NOW)
    world.store.tell(RecordCall(call, world.me))
    assert world.me.wait_for(CallRecorded) == [CallRecorded(call.id)]
    world.store.tell(SendCalls(NOW - timedelta(days=1), world.me))
    assert world.me.wait_for(CallsLoaded)[0].calls == (("yahoo", NOW),)


def test_calls_that_were_granted_before_are_confirmed_when_they_are_committed(world):
    calls = tuple(Call(uuid4(), "simulated", "scheduled", ("CBA.AX",), NOW) for _ in range(2))
    world.store.tell(RecordCalls(calls, world.me))
    assert world.me.wait_for(CallsRecorded) == [CallsRecorded(tuple(call.id for call in calls))]
    world.store.tell(RecordPlans(NOW.replace(day=1, hour=0), {"simulated": Decimal("3.10")}))

    rows = world.ask(ReadUsage(NOW.date(), NOW.date(), None, None, None))
    assert [cell.requests for cell in rows.cells] == [2]
    assert [plan.cost for plan in rows.plans] == [Decimal("3.10")]
    world.store.tell(SendCalls(NOW, world.me, ("yahoo",)))
    assert world.me.wait_for(CallsLoaded)[0].calls == ()


def test_positions_of_what_is_gone_are_told_as_removed(world):
    portfolio_id, gone = world.portfolio(), uuid4()
    world.store.tell(SendPositions((portfolio_id, gone), world.me))
    assert world.me.wait_for(PortfolioRemoved) == [PortfolioRemoved(gone)]
    assert [h.portfolio_id for h in world.me.last(PositionsChanged).holdings] == [portfolio_id]


def test_holdings_that_somebody_else_wrote_are_told_to_the_book_once(world):
    portfolio_id = world.portfolio()
    world.store.tell(Tick(NOW, 1.0))
    world.ask(CountUsers())
    world.book.forget()

    rows = (HoldingRow("CBA.AX", Decimal("1.50"), Decimal(2), "AUD"),)
    queries.import_holdings(world.user, portfolio_id, rows, replace=False, dry_run=False, now=NOW)
    proxy.close()
    for second in (5.0, 10.0):
        world.store.tell(Tick(NOW + timedelta(seconds=second), second))
    world.ask(CountUsers())

    (told,) = world.book.all(PositionsChanged)
    assert [(held.portfolio_id, held.version, len(held.positions)) for held in told.holdings] == [(portfolio_id, 2, 1)]


@pytest.mark.postgres
def test_a_restarted_database_is_found_again_and_costs_a_503_at_most():
    with PostgresServer() as server:
        world = World(server.url)
        server.stop()
        with pytest.raises(Unavailable):
            world.ask(CountUsers())
        world.store.tell(RecordQuotes((a_last_price(),), reply_to=world.me, batch=6))
        assert world.me.wait_for(QuotesRecorded) == [QuotesRecorded(6, is_kept=False)]
        server.start()

        assert world.ask(CountUsers()) == 1
        world.store.stop().get(timeout=10)
