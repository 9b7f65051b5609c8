"""Resuming on a real server: what a client says, what it gets, on either database, however slowly it reads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from market_actors.actor import Address
from market_actors.connections import ConnectionRegistry
from market_actors.domain.quote import Price, StreamPosition
from market_actors.messages import (
    FindPosition,
    Message,
    MissedLoaded,
    Ping,
    PositionFound,
    PublishedLoaded,
    Retained,
    SendMissed,
    SendRetained,
    Subscribe,
    Tick,
)
from market_actors.settings import Settings
from tests.actors.test_connections import NOW, a_price, a_subscriber, updates
from tests.doubles import Remembered
from tests.web.conftest import Client
from tests.web.test_fanout import socket_pair
from tests.web.test_stream import PORTFOLIOS, Reader, hold, listening, make
from web.fanout import Fanout
from web.gateway import ask
from web.sse import StreamEncoder

PRICES = 100_000


@pytest.fixture
def kept_in(database_url: str) -> str:
    return database_url


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, history_events=5_000, heartbeat_seconds=1)


@pytest.fixture
def start() -> Iterator[Any]:
    """Starts an actor, and ends it after the test."""
    started: list[Address] = []

    def start(kind: type[ConnectionRegistry], *arguments: Any, **named: Any) -> Address:
        started.append(Address(kind.__name__, kind.start(*arguments, **named)))
        return started[-1]

    yield start
    for address in started:
        address.stop().get(timeout=5)


async def prices_of(stream: Reader, count: int) -> list[tuple[int, int]]:
    """The positions of the next prices; nothing else may carry an id before them."""
    positions: list[tuple[int, int]] = []
    while len(positions) < count:
        event = await stream.next()
        assert event is not None
        if event.name == "price_update" and event.id:
            epoch, number = event.id.split("-")
            positions.append((int(epoch), int(number)))
    return positions


async def first_id(user: Client, query: str) -> str:
    async with listening(user, query) as stream:
        return str((await stream.until("price_update")).id)


async def test_a_stream_goes_on_where_it_was_lost(jo, server):
    async with listening(jo, "?symbols=CBA.AX,BHP.AX") as watcher:
        seen = await prices_of(watcher, 4)
        lost = "{}-{}".format(*seen[-1])
        missed = await prices_of(watcher, 4)
        async with listening(jo, f"?symbols=BHP.AX,CBA.AX&last_event_id={lost}") as back:
            assert (await back.next()).data["recovered"] is True
            assert (await prices_of(back, 4)) == missed


async def test_the_header_wins_over_the_query(jo):
    last = await first_id(jo, "?symbols=CBA.AX")
    for query, header, recovered in (("x", last, True), (last, "x", False), (last, "", None)):
        async with listening(jo, f"?symbols=CBA.AX&last_event_id={query}", Last_Event_ID=header) as stream:
            assert (await stream.next()).data["recovered"] is recovered


async def test_after_a_portfolio_changed_what_it_holds_now_is_sent(jo):
    portfolio_id = await make(jo, "CBA.AX")
    async with listening(jo) as stream:
        last = (await stream.until("price_update", symbol="CBA.AX")).id
    assert (await hold(jo, portfolio_id, "BHP.AX", "3")).status == 201
    async with listening(jo, "?symbols=BHP.AX") as stream:
        bhp = (await stream.until("price_update", symbol="BHP.AX")).id
    assert (await jo("DELETE", f"{PORTFOLIOS}/{portfolio_id}/holdings/CBA.AX")).status == 204

    async with listening(jo, Last_Event_ID=str(last)) as stream:
        assert (await stream.next()).data["recovered"] is True
        events = [await stream.next()]
        while events[-1].name != "portfolio_update":
            events.append(await stream.next())
    got = [event for event in events if event.name == "price_update"]
    assert {event.data["symbol"] for event in got} == {"BHP.AX"}
    assert bhp in [event.id for event in got]


class Published(Remembered):
    """A history of prices of one symbol, at positions 1 to PRICES of an earlier epoch."""

    def __init__(self, price: Price) -> None:
        super().__init__(self._tell)
        self.price = price

    def _tell(self, message: Message) -> None:
        match message:
            case SendRetained(reply_to):
                reply_to.tell(Retained(None))
            case FindPosition(connection_id, position, reply_to):
                reply_to.tell(PositionFound(connection_id, position))
            case SendMissed(connection_id, after, until, _, limit, reply_to):
                last = min(after.number + limit, PRICES)
                prices = tuple(self.at(number) for number in range(after.number + 1, last + 1))
                reached = until if last == PRICES else StreamPosition(after.epoch, last)
                reply_to.tell(MissedLoaded(connection_id, prices, after, reached))

    def at(self, number: int) -> Price:
        return replace(self.price, position=StreamPosition(6, number))


async def test_a_hundred_thousand_prices_to_one_who_reads_slowly_are_all_sent_and_few_wait(start):
    registry = Address("connections")
    fanout = Fanout(asyncio.get_running_loop(), registry)
    history = Published(a_price("A.AX", "1.50", 0))
    others = [Remembered() for _ in range(3)]
    named = {"history_events": PRICES, "streams_per_user": 5, "heartbeat_seconds": 1, "node": "here"}
    actor = start(ConnectionRegistry, fanout, StreamEncoder(), Remembered(), history, *others, **named)
    registry.bind(actor._ref)
    registry.tell(PublishedLoaded({}, StreamPosition(7, 0)))
    subscriber = replace(a_subscriber(), symbols=("A.AX",), last_event_id="6-0")
    await ask(registry, Ping())  # its start has closed whatever was open
    ours, theirs = socket_pair()
    fanout.expect(subscriber.connection_id)
    await ask(registry, Subscribe(subscriber))
    fanout.open(subscriber.connection_id, ours, b"HTTP/1.1 200 OK\r\n\r\n")

    loop = asyncio.get_running_loop()
    received, ids, most, second = b"", [], 0, 1
    (one,) = fanout._connections.values()
    async with asyncio.timeout(60):
        while len(ids) < PRICES:
            while not one.rest and one.events_sent < PRICES:
                await asyncio.sleep(0)  # so slow that the kernel has always taken all it can
            received += await loop.sock_recv(theirs, 8192)
            whole, _, received = received.rpartition(b"\n\n")
            ids += re.findall(rb"^id: 6-(\d+)", whole, re.MULTILINE)
            assert not re.search(rb'"conflated_events":[1-9]', whole)
            most = max(most, len(one.rest) + sum(len(frame.data) for frame in one.page))
            assert not one.withheld
            if len(ids) > second * PRICES // 20:  # the weather changes, and hearts beat, while it is behind
                second += 1
                registry.tell(Tick(NOW, 1000.0 + second))
                registry.tell(updates(paused=str(second)))

    assert list(map(int, ids)) == list(range(1, PRICES + 1))
    assert 16 * 1024 < most <= 128 * 1024
    theirs.close()
    fanout._close_all()
