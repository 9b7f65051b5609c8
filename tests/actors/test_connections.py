"""The connection registry: who hears what, in which order, and what is told of slow readers and lost rights."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from market_actors.actor import Address
from market_actors.connections import ConnectionRegistry
from market_actors.domain.polling import Holder
from market_actors.domain.quote import Confirmation, MarketStatus, Price, Quote, StreamPosition
from market_actors.domain.valuation import HoldingValue, Valuation
from market_actors.errors import NotFound, ShuttingDown, TooManyStreams
from market_actors.messages import (
    AccessRevoked,
    CloseConnection,
    CloseStreams,
    CountStreams,
    DemandChanged,
    Follow,
    HoldersChanged,
    ListConnections,
    Message,
    MissedLoaded,
    PageTaken,
    Ping,
    PortfolioValued,
    PricesPublished,
    PricesWithdrawn,
    ProviderStatus,
    PublishedLoaded,
    RecordConnections,
    Resync,
    Retained,
    SendMissed,
    SendRevoked,
    Subscribe,
    Subscriber,
    Tick,
    Unfollow,
    Unsubscribe,
    Updates,
    UpdatesChanged,
)
from market_actors.outlet import Delivery, Figures
from market_actors.streams import Stream, StreamTable
from tests.doubles import Remembered
from web.sse import StreamEncoder

USER = UUID(int=1)
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class Sockets:
    """An outlet that keeps, by connection, what a reader would have got."""

    def __init__(self) -> None:
        self.received: dict[UUID, list[str]] = {}
        self.closed: list[UUID] = []
        self.batches: list[list[Delivery]] = []

    def deliver(self, deliveries: list[Delivery]) -> None:
        self.batches.append(list(deliveries))
        for delivery in deliveries:
            for connection_id in delivery.connection_ids:
                self.received.setdefault(connection_id, []).extend(frame.data.decode() for frame in delivery.frames)
                if delivery.close:
                    self.closed.append(connection_id)

    def figures(self) -> dict[UUID, Figures]:
        return {connection_id: Figures(len(frames), 7, 1) for connection_id, frames in self.received.items()}

    def reset(self) -> None:
        self.closed.extend(self.received)

    def events(self, connection_id: UUID) -> list[dict]:
        """Each event as its JSON, with its id where it has one."""
        found = []
        for frame in self.received.get(connection_id, []):
            fields = dict(line.split(": ", 1) for line in frame.strip().splitlines() if not line.startswith(":"))
            if "data" in fields:
                found.append(json.loads(fields["data"]) | {"id": fields.get("id")})
        return found

    def types(self, connection_id: UUID) -> list[str]:
        return [event["type"] for event in self.events(connection_id)]


class World:
    """A registry among remembering neighbours."""

    def __init__(self, streams_per_user: int = 3, history_events: int = 1000, is_primed: bool = True) -> None:
        self.outlet, self.store, self.history, self.book, self.quotes, self.scheduler = (
            Sockets(),
            Remembered(),
            Remembered(),
            Remembered(),
            Remembered(),
            Remembered(),
        )
        ref = ConnectionRegistry.start(
            self.outlet,
            StreamEncoder(),
            self.store,
            self.history,
            self.book,
            self.quotes,
            self.scheduler,
            history_events=history_events,
            streams_per_user=streams_per_user,
            heartbeat_seconds=30,
            node="here",
        )
        self.registry = Address("connections", ref)
        self.tell(Tick(NOW, 1000.0))
        if is_primed:
            self.tell(Retained(None), PublishedLoaded({}, StreamPosition(7, 0)))

    def tell(self, *messages: Message) -> None:
        for message in messages:
            self.registry.tell(message)
        self.registry.ask(Ping()).get(timeout=5)

    def subscribe(self, **fields: object) -> UUID:
        subscriber = replace(a_subscriber(), **fields)
        self.registry.ask(Subscribe(subscriber)).get(timeout=5)
        return subscriber.connection_id


@pytest.fixture
def world():
    made = World()
    yield made
    made.registry.stop().get(timeout=5)


def a_subscriber() -> Subscriber:
    return Subscriber(
        connection_id=uuid4(),
        user_id=UUID(int=1),
        user_email="a@example.org",
        credential_id=UUID(int=2),
        expires_at=None,
        ip_address="127.0.0.1",
        user_agent="test",
        portfolio_ids=(),
        symbols=(),
        heartbeat=True,
        last_event_id=None,
    )


def a_price(symbol: str, price: str, number: int) -> Price:
    quote = Quote(symbol, "yahoo", Decimal(price), "AUD", NOW, NOW, previous_close=Decimal(100))
    position = StreamPosition(7, number)
    return Price(quote, "yahoo", "XASX", MarketStatus.OPEN, Confirmation.INTRADAY, False, None, position)


def prices(*all_prices: Price) -> PricesPublished:
    return PricesPublished(tuple(sorted(all_prices, key=lambda price: price.position)))


def a_valuation(portfolio_id: UUID, total: str, *symbols: str, user_id: UUID = USER) -> Valuation:
    value = Decimal(total)
    holdings = tuple(
        HoldingValue(symbol, Decimal(1), value, "AUD", value, value, Decimal(0), Decimal(0), False, "yahoo", NOW)
        for symbol in symbols
    )
    return Valuation(
        portfolio_id=portfolio_id,
        user_id=user_id,
        version=1,
        currency="AUD",
        total_value=value,
        total_cost_basis=value,
        unrealized_gain_loss=Decimal(0),
        daily_change=Decimal(0),
        daily_change_percent=Decimal(0),
        last_updated=NOW,
        oldest_update=NOW,
        stale_price_count=0,
        fresh_percent=100.0,
        partial=False,
        holdings=holdings,
        unpriced=(),
        inputs={},
    )


def valued(valuation: Valuation, *changed: str) -> PortfolioValued:
    return PortfolioValued(valuation, frozenset(changed or (h.symbol for h in valuation.holdings)))


def updates(status: str = "active", next_update: datetime | None = None, paused: str | None = None) -> UpdatesChanged:
    provider = ProviderStatus("yahoo", status, None, None, None, 0, 0, None, status != "active")
    return UpdatesChanged(Updates((provider,), next_update, None, frozenset({"CBA.AX"}), paused))


def test_a_value_that_nothing_follows_is_handed_over_at_once(world):
    portfolio_id = uuid4()
    world.subscribe(portfolio_ids=(portfolio_id,))
    world.tell(valued(a_valuation(portfolio_id, "1", "CBA.AX")))
    deliver, came = world.outlet.deliver, threading.Event()

    def notice(deliveries):
        deliver(deliveries)
        came.set()

    world.outlet.deliver = notice
    world.registry.tell(valued(a_valuation(portfolio_id, "2", "CBA.AX")))
    assert came.wait(5)


def test_values_that_come_together_are_handed_over_together_and_all_before_anything_else_is_answered(world):
    portfolio_ids = tuple(uuid4() for _ in range(5))
    mine = world.subscribe(portfolio_ids=portfolio_ids)
    world.tell(*(valued(a_valuation(portfolio_id, "1", "CBA.AX")) for portfolio_id in portfolio_ids))
    begun, go_on = threading.Event(), threading.Event()

    def hold_the_registry(_message):
        begun.set()
        go_on.wait(5)

    world.scheduler.answer = hold_the_registry
    world.registry.tell(Tick(NOW, 1010.0))
    assert begun.wait(5)
    world.scheduler.answer = None
    before = len(world.outlet.batches)
    for portfolio_id in portfolio_ids:
        world.registry.tell(valued(a_valuation(portfolio_id, "2", "CBA.AX")))
    answer = world.registry.ask(Ping())
    go_on.set()
    answer.get(timeout=5)

    (batch,) = world.outlet.batches[before:]
    assert [delivery.frames[0].key for delivery in batch] == list(portfolio_ids)
    assert [event["data"]["total_value"] for event in world.outlet.events(mine)[-5:]] == ["2"] * 5


def test_a_stream_begins_with_its_status_then_the_symbols_it_asked_for(world):
    world.tell(prices(a_price("CBA.AX", "101.25", 1), a_price("BHP.AX", "41.5", 2)))

    stream = world.subscribe(symbols=("BHP.AX", "CBA.AX", "NONE.AX"))

    status, first, second = world.outlet.events(stream)
    assert (status["type"], status["data"]["status"], status["data"]["recovered"]) == (
        "connection_status",
        "connected",
        None,
    )
    assert (first["id"], first["data"]["symbol"], first["data"]["price"]) == ("7-1", "CBA.AX", "101.25")
    assert (second["id"], second["data"]["symbol"]) == ("7-2", "BHP.AX")


def test_a_new_portfolio_is_followed_and_its_first_value_is_a_snapshot_with_the_position(world):
    portfolio_id = uuid4()
    world.tell(prices(*(a_price("CBA.AX", "101.25", number) for number in range(1, 10))))
    stream = world.subscribe(portfolio_ids=(portfolio_id,))
    assert world.outlet.types(stream) == ["connection_status"]
    assert world.book.all(Follow) == [Follow((portfolio_id,))]

    world.tell(valued(a_valuation(portfolio_id, "101.25", "CBA.AX", "BHP.AX")))

    snapshot = world.outlet.events(stream)[-1]
    assert (snapshot["type"], snapshot["id"]) == ("portfolio_update", "7-9")
    assert [holding["symbol"] for holding in snapshot["data"]["holdings"]] == ["CBA.AX", "BHP.AX"]


def test_a_price_that_comes_before_the_first_value_is_not_lost(world):
    portfolio_id = uuid4()
    world.tell(prices(a_price("OLD.AX", "1", 1)))
    early = world.subscribe(portfolio_ids=(portfolio_id,))
    world.tell(prices(a_price("CBA.AX", "101.25", 2), a_price("OTHER.AX", "5", 3)))
    late = world.subscribe(portfolio_ids=(portfolio_id,))

    world.tell(valued(a_valuation(portfolio_id, "101.25", "CBA.AX", "OLD.AX")))

    assert world.outlet.types(early) == ["connection_status", "price_update", "portfolio_update"]
    assert [event["id"] for event in world.outlet.events(early)] == [None, "7-2", "7-3"]
    assert world.outlet.types(late) == ["connection_status", "portfolio_update"]


def test_a_later_value_carries_no_id_and_only_what_changed(world):
    portfolio_id = uuid4()
    stream = world.subscribe(portfolio_ids=(portfolio_id,))
    world.tell(valued(a_valuation(portfolio_id, "100", "CBA.AX", "BHP.AX")))

    world.tell(valued(a_valuation(portfolio_id, "101", "CBA.AX", "BHP.AX"), "BHP.AX"))

    change = world.outlet.events(stream)[-1]
    assert change["id"] is None
    assert change["data"]["total_value"] == "101"
    assert [holding["symbol"] for holding in change["data"]["holdings"]] == ["BHP.AX"]


def test_a_second_viewer_gets_the_snapshot_at_once(world):
    portfolio_id = uuid4()
    world.subscribe(portfolio_ids=(portfolio_id,))
    world.tell(valued(a_valuation(portfolio_id, "100", "CBA.AX")))

    second = world.subscribe(portfolio_ids=(portfolio_id,))

    assert world.outlet.types(second) == ["connection_status", "portfolio_update"]


def test_prices_of_held_and_of_named_symbols_are_heard_and_no_others(world):
    portfolio_id = uuid4()
    holder = world.subscribe(portfolio_ids=(portfolio_id,))
    asker = world.subscribe(symbols=("BHP.AX",))
    world.tell(valued(a_valuation(portfolio_id, "100", "CBA.AX")))

    world.tell(prices(a_price("CBA.AX", "1", 1), a_price("BHP.AX", "2", 2), a_price("CSL.AX", "3", 3)))

    heard = {
        stream: [e["data"]["symbol"] for e in world.outlet.events(stream) if e["type"] == "price_update"]
        for stream in (holder, asker)
    }
    assert heard == {holder: ["CBA.AX"], asker: ["BHP.AX"]}


def test_a_batch_goes_out_in_one_delivery_and_the_same_bytes_to_all(world):
    streams = [world.subscribe(symbols=("A.AX", "B.AX")) for _ in range(3)]
    world.outlet.batches.clear()

    world.tell(prices(a_price("B.AX", "2", 2), a_price("A.AX", "1", 1)))

    ((delivery,),) = world.outlet.batches
    assert set(delivery.connection_ids) == set(streams)
    assert [frame.key for frame in delivery.frames] == ["A.AX", "B.AX"]


def test_who_hears_the_same_batch_changes_with_those_who_come_wait_hold_and_go(world):
    portfolio_id, number = uuid4(), iter(range(1, 100))

    def hearing() -> dict[str, set[UUID]]:
        """Publish both prices; return who got which of them at once."""
        world.outlet.batches.clear()
        world.tell(prices(a_price("A.AX", "1", next(number)), a_price("B.AX", "1", next(number))))
        heard: dict[str, set[UUID]] = {"A.AX": set(), "B.AX": set()}
        for delivery in itertools.chain.from_iterable(world.outlet.batches):
            for frame in delivery.frames:
                heard[frame.key].update(delivery.connection_ids)
        return heard

    assert hearing() == {"A.AX": set(), "B.AX": set()}
    asker = world.subscribe(symbols=("A.AX",))
    assert hearing() == {"A.AX": {asker}, "B.AX": set()}
    holder = world.subscribe(portfolio_ids=(portfolio_id,), symbols=("A.AX",))
    assert hearing() == {"A.AX": {asker}, "B.AX": set()}
    world.tell(valued(a_valuation(portfolio_id, "100", "C.AX")))
    assert hearing() == {"A.AX": {asker, holder}, "B.AX": set()}
    world.tell(valued(a_valuation(portfolio_id, "100", "B.AX")))
    assert hearing() == {"A.AX": {asker, holder}, "B.AX": {holder}}
    next(number)  # is kept, but not told
    assert hearing() == {"A.AX": set(), "B.AX": set()}
    assert hearing() == {"A.AX": set(), "B.AX": set()}
    asked = world.history.all(SendMissed)
    assert {message.connection_id for message in asked} == {asker, holder}
    for each in asked:
        world.tell(MissedLoaded(each.connection_id, (), each.after, each.until))
    for stream in (asker, holder):
        world.tell(PageTaken(stream))
    assert hearing() == {"A.AX": {asker, holder}, "B.AX": {holder}}
    world.tell(Unsubscribe(asker, 0, 0, 0))
    assert hearing() == {"A.AX": {holder}, "B.AX": {holder}}


def test_sequence_rises_on_every_connection_and_ids_never_go_back(world):
    portfolio_id = uuid4()
    stream = world.subscribe(portfolio_ids=(portfolio_id,), symbols=("A.AX",))
    for number in range(1, 6):
        world.tell(prices(a_price("A.AX", str(number), number)))
        world.tell(valued(a_valuation(portfolio_id, str(number), "A.AX")))
    world.tell(Tick(NOW, 1030.0))

    events = world.outlet.events(stream)
    sequences = [event["sequence"] for event in events]
    numbers = [int(event["id"].split("-")[1]) for event in events if event["id"]]
    assert sequences == sorted(set(sequences))
    assert numbers == sorted(numbers)


def test_the_same_price_told_again_is_no_news(world):
    stream = world.subscribe(symbols=("A.AX",))
    world.tell(prices(a_price("A.AX", "1", 1)))
    world.tell(prices(a_price("A.AX", "1", 1)))

    assert world.outlet.types(stream).count("price_update") == 1


def test_nobody_gets_the_value_of_somebody_elses_portfolio(world):
    portfolio_id = uuid4()
    stream = world.subscribe(portfolio_ids=(portfolio_id,))

    world.tell(valued(a_valuation(portfolio_id, "100", "CBA.AX", user_id=UUID(int=99))))

    assert world.outlet.types(stream) == ["connection_status"]


def test_the_stream_after_the_last_allowed_is_refused_until_one_closes(world):
    first, *_ = [world.subscribe() for _ in range(3)]
    with pytest.raises(TooManyStreams):
        world.subscribe()
    world.subscribe(user_id=UUID(int=5))

    world.tell(Unsubscribe(first, 0, 0, 0))

    world.subscribe()
    assert world.registry.ask(CountStreams()).get(timeout=5) == 4


def test_a_portfolio_that_nobody_watches_any_more_is_unfollowed(world):
    portfolio_id = uuid4()
    streams = [world.subscribe(portfolio_ids=(portfolio_id,)) for _ in range(2)]
    world.tell(Unsubscribe(streams[0], 0, 0, 0))
    assert world.book.all(Unfollow) == []
    world.tell(Unsubscribe(streams[1], 0, 0, 0))
    assert world.book.all(Unfollow) == [Unfollow((portfolio_id,))]


def test_watched_symbols_are_told_to_the_scheduler(world):
    stream = world.subscribe(symbols=("A.AX", "B.AX"))
    world.tell(Unsubscribe(stream, 0, 0, 0))

    told = [message.symbols for message in world.scheduler.all(DemandChanged)]
    assert told[-2:] == [frozenset({"A.AX", "B.AX"}), frozenset()]


def test_heartbeats_come_every_thirty_seconds_and_comments_every_fifteen(world):
    loud = world.subscribe()
    quiet = world.subscribe(heartbeat=False)
    for second in range(1, 61):
        world.tell(Tick(NOW + timedelta(seconds=second), 1000.0 + second))

    assert world.outlet.types(loud).count("heartbeat") == 2
    assert world.outlet.types(quiet) == ["connection_status"]
    for stream in (loud, quiet):
        assert sum(frame.startswith(":") for frame in world.outlet.received[stream]) == 4


def test_a_late_tick_makes_up_for_the_seconds_it_missed_once(world):
    stream = world.subscribe()
    world.tell(Tick(NOW, 1001.0))
    world.tell(Tick(NOW, 1200.0))
    assert world.outlet.types(stream).count("heartbeat") == 1


def test_a_lost_provider_is_told_to_every_stream_but_the_next_updates_time_is_not(world):
    world.tell(updates(next_update=NOW))
    stream = world.subscribe()
    world.tell(updates(next_update=NOW + timedelta(seconds=9)))
    assert world.outlet.types(stream) == ["connection_status"]

    world.tell(updates("error"))

    assert [event["data"]["status"] for event in world.outlet.events(stream)] == ["connected", "reconnecting"]


def test_paused_updates_are_told_with_the_reason(world):
    stream = world.subscribe()
    world.tell(updates())
    world.tell(updates(paused="maintenance"))

    status = world.outlet.events(stream)[-1]["data"]
    assert status["paused"] == {"reason": "maintenance", "until": None}
    assert status["next_update_in"] is None


def test_a_slow_reader_gets_the_newest_and_is_told_how_many_were_merged(world):
    portfolio_id = uuid4()
    stream = world.subscribe(portfolio_ids=(portfolio_id,), symbols=("A.AX",))
    world.tell(valued(a_valuation(portfolio_id, "1", "A.AX")))
    for number in range(1, 6):
        world.tell(prices(a_price("A.AX", str(number), number)))
    world.outlet.received.clear()

    world.tell(Resync(stream, StreamPosition(7, 2), frozenset({portfolio_id}), 6))

    status, price, snapshot = world.outlet.events(stream)
    assert status["data"]["conflated_events"] == 4
    assert price["data"]["price"] == "5"
    assert snapshot["id"] is None
    assert world.outlet.batches[-1][0].merged == 4


def test_a_slow_reader_gets_every_price_from_where_it_fell_behind_in_order(world):
    stream = world.subscribe(symbols=("A.AX", "B.AX", "C.AX"))
    world.subscribe(symbols=("D.AX",))
    for number, symbol in enumerate(("A.AX", "C.AX", "B.AX", "C.AX", "A.AX", "D.AX"), 1):
        world.tell(prices(a_price(symbol, str(number), number)))
    world.outlet.received.clear()

    world.tell(Resync(stream, StreamPosition(7, 4), frozenset(), 2))

    assert [event["id"] for event in world.outlet.events(stream)] == [None, "7-4", "7-5"]


def test_a_status_says_on_each_stream_whether_that_one_recovered(world):
    world.tell(updates())
    first, lost = world.subscribe(), world.subscribe(last_event_id="7-1")

    world.tell(updates(paused="stopped"))

    for stream, recovered in ((first, None), (lost, False)):
        assert [event["data"]["recovered"] for event in world.outlet.events(stream)] == [recovered, recovered]


@pytest.mark.parametrize("right", ["credential_ids", "user_ids", "portfolio_ids"])
def test_a_lost_right_ends_its_streams_and_no_others(world, right):
    portfolio_id = uuid4()
    mine = world.subscribe(portfolio_ids=(portfolio_id,))
    other = world.subscribe(user_id=UUID(int=8), credential_id=UUID(int=9))
    lost = {"credential_ids": UUID(int=2), "user_ids": UUID(int=1), "portfolio_ids": portfolio_id}[right]

    world.tell(AccessRevoked(**{right: frozenset({lost})}))

    assert world.outlet.closed == [mine]
    assert world.outlet.events(mine)[-1]["data"]["error_code"] == "access_revoked"
    assert world.outlet.types(other) == ["connection_status"]


def test_a_stream_that_began_before_the_weather_was_known_is_told_of_bad_weather_only(world):
    stream = world.subscribe()
    world.tell(updates())
    assert len(world.outlet.events(stream)) == 1

    fresh = World()
    stream = fresh.subscribe()
    fresh.tell(updates(paused="stopped"))
    assert [event["data"]["paused"] for event in fresh.outlet.events(stream)] == [
        None,
        {"reason": "stopped", "until": None},
    ]
    fresh.registry.stop().get(timeout=5)


def test_expiries_of_streams_that_have_gone_are_not_kept():
    table = StreamTable()
    later = NOW + timedelta(days=14)
    stay = replace(a_subscriber(), expires_at=NOW)
    table.add(Stream(stay, 0.0))
    for _ in range(1000):
        passing = replace(a_subscriber(), expires_at=later)
        table.add(Stream(passing, 0.0))
        table.remove(passing.connection_id)
    assert len(table._expiries) < 200
    assert table.expired(NOW) == [stay.connection_id]


def test_an_expired_credential_ends_its_stream(world):
    stream = world.subscribe(expires_at=NOW + timedelta(seconds=3))
    world.tell(Tick(NOW + timedelta(seconds=2), 1002.0))
    assert world.outlet.closed == []
    world.tell(Tick(NOW + timedelta(seconds=3), 1003.0))
    assert world.outlet.closed == [stream]


def test_ended_credentials_are_looked_for_every_two_seconds_while_somebody_listens(world):
    world.tell(Tick(NOW, 1010.0))
    assert world.store.all(SendRevoked) == []
    world.subscribe()
    for second in range(11, 17):
        world.tell(Tick(NOW, 1000.0 + second))
    assert len(world.store.all(SendRevoked)) == 3


def test_at_the_end_everybody_is_told_when_to_come_back_and_nobody_is_let_in(world):
    streams = [world.subscribe() for _ in range(3)]

    assert world.registry.ask(CloseStreams()).get(timeout=5) == 3

    retries = {world.outlet.received[stream][-1].splitlines()[0] for stream in streams}
    assert all(retry.startswith("retry: ") for retry in retries)
    assert world.outlet.closed == streams
    with pytest.raises(ShuttingDown):
        world.subscribe()


def test_opened_and_closed_streams_are_kept_on_record(world):
    stream = world.subscribe()
    world.tell(Tick(NOW, 1001.0))
    world.tell(Unsubscribe(stream, 5, 100, 2), Tick(NOW, 1002.0))

    opening, closing = world.store.all(RecordConnections)
    assert [record.id for record in opening.opened] == [stream]
    (closed,) = closing.closed
    assert (closed.events_sent, closed.bytes_sent, closed.conflated_events, closed.closed_at) == (5, 100, 2, NOW)


# -- Administration ------------------------------------------------------------------------------


def test_the_open_streams_are_listed_with_what_they_have_carried_until_now(world):
    first = world.subscribe(symbols=("CBA.AX",))
    world.tell(Tick(NOW + timedelta(seconds=30), 1030.0))
    second = world.subscribe(user_id=UUID(int=2))
    listed = world.registry.ask(ListConnections()).get(timeout=5)

    assert [row.id for row in listed] == [second, first]
    assert listed[1].last_heartbeat == NOW + timedelta(seconds=30)
    assert (listed[1].events_sent, listed[1].bytes_sent) == (len(world.outlet.received[first]), 7)
    assert (listed[1].symbols, listed[1].conflated_events, listed[1].node) == (("CBA.AX",), 1, "here")


def test_a_stream_that_is_closed_by_an_administrator_is_told_so(world):
    connection_id, other = world.subscribe(), world.subscribe()
    world.registry.ask(CloseConnection(connection_id)).get(timeout=5)

    assert world.outlet.closed == [connection_id]
    assert world.outlet.events(connection_id)[-1]["data"]["error_code"] == "closed"
    assert "error" not in world.outlet.types(other)
    with pytest.raises(NotFound):
        world.registry.ask(CloseConnection(uuid4())).get(timeout=5)


def test_a_next_update_that_was_ordered_is_told_at_once_and_one_that_follows_a_poll_is_not(world):
    world.tell(UpdatesChanged(Updates((), NOW, None, frozenset(), orders=1)))
    stream = world.subscribe()
    world.tell(UpdatesChanged(Updates((), NOW + timedelta(minutes=5), None, frozenset(), orders=1)))
    assert world.outlet.types(stream) == ["connection_status"]

    world.tell(UpdatesChanged(Updates((), NOW, None, frozenset(), orders=2)))
    assert world.outlet.types(stream) == ["connection_status"] * 2


def test_who_watches_a_symbol_is_told_the_scheduler(world):
    world.subscribe(symbols=("CBA.AX",))
    assert world.scheduler.all(HoldersChanged)[-1].holders == {"CBA.AX": (Holder(None, USER),)}

    other = world.subscribe(symbols=("CBA.AX",), user_id=UUID(int=2))
    world.tell(Tick(NOW, 1001.0))
    assert len(world.scheduler.all(HoldersChanged)[-1].holders["CBA.AX"]) == 2
    world.tell(Unsubscribe(other, 0, 0, 0), Tick(NOW, 1002.0))
    assert world.scheduler.all(HoldersChanged)[-1].holders == {"CBA.AX": (Holder(None, USER),)}


def test_a_price_that_is_withdrawn_greets_nobody(world):
    world.tell(prices(a_price("CBA.AX", "101.25", 1)))
    world.tell(PricesWithdrawn(frozenset({"CBA.AX"})))

    assert world.outlet.types(world.subscribe(symbols=("CBA.AX",))) == ["connection_status"]
