"""The fan-out on real sockets: order, slow readers, stalled readers, peers that go."""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import random
import select
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID, uuid4

import pytest

from market_actors.domain.quote import StreamPosition
from market_actors.messages import Message, PageTaken, Resync, Unsubscribe
from market_actors.outlet import STATUS, Delivery, Figures, Frame
from tests.sockets import KINDS, sender_of, socket_pair
from web import fanout as fanout_module
from web.fanout import CLOSING_SECONDS, STALLED_SECONDS, Connection, Fanout
from web.sending import send_each

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
SIOCOUTQNSD = 0x894B  # of linux/sockios.h: bytes that are not sent


class Registry:
    """Remembers what the fan-out tells the registry, and lets a test wait for it."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Message] = asyncio.Queue()

    def tell(self, message: Message) -> None:
        self.told.put_nowait(message)

    async def next(self) -> Message:
        return await asyncio.wait_for(self.told.get(), 5)


def price(symbol: str, number: int, data: bytes) -> Frame:
    return Frame(symbol, data, StreamPosition(1, number))


@asynccontextmanager
async def opened(fanout: Fanout, head: bytes = HEAD) -> AsyncIterator[tuple[UUID, socket.socket]]:
    """A connection of the fan-out, and the reader's end of it with a small buffer."""
    server, reader = socket_pair()
    connection_id = uuid4()
    fanout.expect(connection_id)
    fanout.open(connection_id, server, head)
    try:
        yield connection_id, reader
    finally:
        reader.close()
        fanout._close_all()


async def read_until(reader: socket.socket, end: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while not data.endswith(end):
        part = await asyncio.wait_for(loop.sock_recv(reader, 65536), 5)
        assert part, f"closed after {data[-200:]!r}"
        data += part
    return data


def deliver(fanout: Fanout, connection_id: UUID, *frames: Frame, **how: bool) -> None:
    fanout.deliver([Delivery((connection_id,), frames, **how)])


@pytest.fixture(params=KINDS)
def fanout_of(request):
    def make(registry: Registry) -> Fanout:
        fanout = Fanout(asyncio.get_running_loop(), registry)
        fanout._sender = sender_of(request.param, fanout_module.SLICE)
        return fanout

    return make


async def test_frames_arrive_in_the_order_they_were_delivered(fanout_of):
    fanout = fanout_of(Registry())
    async with opened(fanout) as (connection_id, reader):
        deliver(fanout, connection_id, Frame("A", b"one "), Frame("B", b"two "))
        deliver(fanout, connection_id, Frame("A", b"three."))

        assert await read_until(reader, b".") == HEAD + b"one two three."


async def test_frames_that_come_before_the_socket_wait_for_it(fanout_of):
    fanout = fanout_of(Registry())
    server, reader = socket_pair()
    connection_id = uuid4()
    fanout.expect(connection_id)
    deliver(fanout, connection_id, Frame(None, b"early."))
    await asyncio.sleep(0)

    fanout.open(connection_id, server, HEAD)

    assert await read_until(reader, b".") == HEAD + b"early."
    reader.close()
    fanout._close_all()


async def test_a_slow_reader_gets_the_present_state_of_what_it_missed(fanout_of):
    registry = Registry()
    fanout = fanout_of(registry)
    async with opened(fanout) as (connection_id, reader):
        big = b"x" * 2_000_000
        deliver(fanout, connection_id, Frame("BIG", big))
        portfolio_id = uuid4()
        deliver(fanout, connection_id, price("A", 1, b"a1"), price("B", 2, b"b1"), Frame(portfolio_id, b"p1"))
        deliver(fanout, connection_id, price("A", 3, b"a2"), Frame(STATUS, b"status"), Frame(None, b"heartbeat"))

        received = await read_until(reader, b"x" * 1000)
        while len(received) < len(HEAD) + len(big):
            received += await read_until(reader, b"x")
        resync = await registry.next()

        assert received == HEAD + big
        assert resync == Resync(connection_id, StreamPosition(1, 1), frozenset({portfolio_id}), 4)
        deliver(fanout, connection_id, price("A", 4, b"a3: older than the answer, and part of it"))
        answer = (Frame(STATUS, b"status "), price("A", 4, b"a3 "), price("B", 2, b"b1 "), Frame(portfolio_id, b"p1."))
        deliver(fanout, connection_id, *answer, merged=1)
        assert await read_until(reader, b"p1.") == b"status a3 b1 p1."
        assert await registry.next() == Resync(connection_id, None, frozenset(), 1), "one more was merged meanwhile"
        deliver(fanout, connection_id, Frame(STATUS, b"status "), merged=1)
        deliver(fanout, connection_id, price("B", 5, b"b2."))
        assert await read_until(reader, b"b2.") == b"status b2."


async def test_what_comes_while_a_slow_reader_asks_is_not_lost(fanout_of):
    registry = Registry()
    fanout = fanout_of(registry)
    async with opened(fanout) as (connection_id, reader):
        early, late = uuid4(), uuid4()
        deliver(fanout, connection_id, Frame("BIG", b"x" * 2_000_000), Frame(early, b"p1"))
        received = await read_until(reader, b"x" * 1000)
        while len(received) < len(HEAD) + 2_000_000:
            received += await read_until(reader, b"x")
        assert await registry.next() == Resync(connection_id, None, frozenset({early}), 1)

        deliver(fanout, connection_id, price("C", 7, b"c1"), Frame(late, b"p1"))
        deliver(fanout, connection_id, Frame(STATUS, b"status "), Frame(early, b"p1."), merged=0)

        assert await registry.next() == Resync(connection_id, StreamPosition(1, 7), frozenset({late}), 2)
        assert await read_until(reader, b"p1.") == b"status p1."


async def test_of_a_page_nothing_is_left_out_and_the_next_is_asked_for_when_it_is_taken(fanout_of):
    registry = Registry()
    fanout = fanout_of(registry)
    async with opened(fanout) as (connection_id, reader):
        big = b"x" * 2_000_000
        deliver(fanout, connection_id, Frame("BIG", big))
        page = [price("A", number, b"a%d " % number) for number in range(1, 4)]
        deliver(fanout, connection_id, *page, is_page=True)
        deliver(fanout, connection_id, price("A", 4, b"a4"))

        assert await read_until(reader, b"a3 ") == HEAD + big + b"a1 a2 a3 "
        assert await registry.next() == PageTaken(connection_id)
        assert await registry.next() == Resync(connection_id, StreamPosition(1, 4), frozenset(), 1)
        deliver(fanout, connection_id, Frame(STATUS, b"status "), price("A", 4, b"a4."), merged=0)
        assert await read_until(reader, b".") == b"status a4."


async def test_the_next_page_is_asked_for_at_once_when_the_kernel_takes_the_whole(fanout_of):
    registry = Registry()
    fanout = fanout_of(registry)
    async with opened(fanout) as (connection_id, reader):
        deliver(fanout, connection_id, price("A", 1, b"page."), is_page=True)

        assert await registry.next() == PageTaken(connection_id)
        assert await read_until(reader, b"page.") == HEAD + b"page."


async def test_a_page_waits_for_the_answer_of_one_who_fell_behind(fanout_of):
    registry = Registry()
    fanout = fanout_of(registry)
    async with opened(fanout) as (connection_id, reader):
        deliver(fanout, connection_id, Frame("BIG", b"x" * 2_000_000), Frame(STATUS, b"status"))
        received = b""
        while len(received) < len(HEAD) + 2_000_000:
            received += await read_until(reader, b"x")
        assert await registry.next() == Resync(connection_id, None, frozenset(), 0)

        deliver(fanout, connection_id, price("A", 1, b"a1."), is_page=True)
        deliver(fanout, connection_id, Frame(STATUS, b"status "), merged=0)

        assert await read_until(reader, b".") == b"status a1."
        assert await registry.next() == PageTaken(connection_id)


async def test_a_page_that_waits_is_dropped_with_a_stream_that_is_closed(fanout_of):
    fanout = fanout_of(Registry())
    async with opened(fanout) as (connection_id, reader):
        big = b"x" * 2_000_000
        deliver(fanout, connection_id, Frame("BIG", big))
        deliver(fanout, connection_id, price("A", 1, b"a1"), is_page=True)
        deliver(fanout, connection_id, Frame(None, b"closing."), close=True)

        received = b""
        while part := await asyncio.get_running_loop().sock_recv(reader, 65536):
            received += part
        assert received == HEAD + big


async def test_one_whose_right_has_ended_has_a_second_to_read_what_it_was_sent_before(fanout_of):
    fanout = fanout_of(Registry())
    async with opened(fanout) as (connection_id, _):
        deliver(fanout, connection_id, Frame("BIG", b"x" * 20_000_000))
        deliver(fanout, connection_id, Frame(None, b"revoked"), close=True)
        while not fanout._busy or fanout._todo:
            await asyncio.sleep(0)

        fanout.check(time.monotonic() + 0.5)
        assert len(fanout) == 1
        fanout.check(time.monotonic() + CLOSING_SECONDS + 0.1)
        assert len(fanout) == 0


async def test_a_reader_that_waits_for_the_present_state_still_hears_why_it_is_closed(fanout_of):
    registry = Registry()
    fanout = fanout_of(registry)
    async with opened(fanout) as (connection_id, reader):
        deliver(fanout, connection_id, Frame("BIG", b"x" * 2_000_000), price("A", 1, b"a1"))
        received = b""
        while len(received) < len(HEAD) + 2_000_000:
            received += await read_until(reader, b"x")
        assert isinstance(await registry.next(), Resync)

        deliver(fanout, connection_id, Frame(None, b"closing."), close=True)

        assert await read_until(reader, b"closing.") == b"closing."


async def test_a_socket_that_comes_after_a_reset_is_closed_because_nobody_knows_it(fanout_of):
    fanout = fanout_of(Registry())
    ours, theirs = socket_pair()
    connection_id = uuid4()
    fanout.expect(connection_id)
    fanout.reset()
    await asyncio.sleep(0)

    fanout.open(connection_id, ours, HEAD)

    assert await read_until(theirs, HEAD) == HEAD
    assert await asyncio.get_running_loop().sock_recv(theirs, 10) == b""
    assert len(fanout) == 0
    theirs.close()


async def test_what_a_slow_reader_keeps_waiting_is_bounded(fanout_of):
    fanout = fanout_of(Registry())
    async with opened(fanout) as (connection_id, _):
        for number in range(2_000):
            deliver(fanout, connection_id, *(Frame(f"S{n}", b"%d" % number * 500) for n in range(20)))
        await asyncio.sleep(0.05)
        while fanout._todo:
            await asyncio.sleep(0)

        connection = fanout._connections[connection_id]
        assert len(connection.rest) <= 256 * 1024
        assert connection.missed == set()


async def test_a_reader_that_takes_nothing_for_ten_seconds_is_closed(fanout_of):
    registry = Registry()
    fanout = fanout_of(registry)
    async with opened(fanout) as (connection_id, _):
        deliver(fanout, connection_id, Frame("BIG", b"x" * 20_000_000))
        while not fanout._busy:
            await asyncio.sleep(0)

        fanout.check(time.monotonic() + STALLED_SECONDS - 1)
        assert len(fanout) == 1
        fanout.check(time.monotonic() + STALLED_SECONDS + 1)

        gone = await registry.next()
        assert isinstance(gone, Unsubscribe)
        assert gone.connection_id == connection_id
        assert len(fanout) == 0


async def test_many_readers_that_take_nothing_are_closed_a_few_at_a_time(fanout_of, monkeypatch):
    monkeypatch.setattr(fanout_module, "SINGLE_WRITES", 2)
    fanout = fanout_of(Registry())
    async with audience(fanout, 5) as readers:
        for connection_id in readers:
            deliver(fanout, connection_id, Frame("BIG", b"x" * 20_000_000))
        while len(fanout._busy) < len(readers):
            await asyncio.sleep(0)

        fanout.check(time.monotonic() + STALLED_SECONDS + 1)
        assert len(fanout) == 3
        while len(fanout):
            await asyncio.sleep(0)


async def test_a_peer_that_goes_is_unsubscribed(fanout_of):
    registry = Registry()
    fanout = fanout_of(registry)
    async with opened(fanout) as (connection_id, reader):
        deliver(fanout, connection_id, Frame(None, b"hello."))
        await read_until(reader, b"hello.")
        reader.close()

        gone = await registry.next()

        assert gone == Unsubscribe(connection_id, 1, len(HEAD) + len(b"hello."), 0)


async def test_the_last_frames_arrive_before_the_close(fanout_of):
    fanout = fanout_of(Registry())
    async with opened(fanout) as (connection_id, reader):
        deliver(fanout, connection_id, Frame(None, b"closing."), close=True)

        assert await read_until(reader, b"closing.") == HEAD + b"closing."
        assert await asyncio.get_running_loop().sock_recv(reader, 10) == b""


async def test_a_busy_connection_is_closed_only_when_it_has_taken_what_it_was_sent(fanout_of):
    fanout = fanout_of(Registry())
    async with opened(fanout) as (connection_id, reader):
        big = b"x" * 2_000_000
        deliver(fanout, connection_id, Frame("BIG", big))
        deliver(fanout, connection_id, Frame(None, b"closing."), close=True)

        received = b""
        while part := await asyncio.get_running_loop().sock_recv(reader, 65536):
            received += part
        assert received == HEAD + big


async def test_many_connections_are_served_in_slices_and_none_is_left_out(fanout_of):
    registry = Registry()
    fanout = fanout_of(registry)
    pairs = {}
    for _ in range(450):
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        theirs.setblocking(False)
        pairs[uuid4()] = (ours, theirs)
    for connection_id, (ours, _) in pairs.items():
        fanout._connections[connection_id] = Connection(connection_id, ours)
    fanout.deliver([Delivery(tuple(pairs), (Frame(None, b"one."),)), Delivery(tuple(pairs), (Frame(None, b"two."),))])

    for _, theirs in pairs.values():
        assert await read_until(theirs, b"two.") == b"one.two."
    for ours, theirs in pairs.values():
        ours.close()
        theirs.close()


async def test_the_figures_of_an_open_connection_are_those_of_now(fanout_of):
    fanout = fanout_of(Registry())
    async with opened(fanout) as (connection_id, reader):
        deliver(fanout, connection_id, Frame("A", b"one "), Frame("B", b"two."))
        await read_until(reader, b".")

        assert fanout.figures() == {connection_id: Figures(2, len(HEAD) + 8, 0)}


async def test_what_waits_for_a_stream_leaves_in_one_write(fanout_of, monkeypatch):
    sent = []

    def noted(fds, writes):
        sent.extend(writes)
        return send_each(fds, writes)

    fanout = fanout_of(Registry())
    async with opened(fanout) as (connection_id, reader):
        await read_until(reader, HEAD)
        monkeypatch.setattr(fanout_module, "send_each", noted)
        deliver(fanout, connection_id, Frame("A", b"one "), Frame("B", b"two "))
        deliver(fanout, connection_id, Frame("A", b"three."))

        assert await read_until(reader, b".") == b"one two three."
        assert sent == [b"one two three."]


async def test_a_reset_closes_those_who_were_there_before_it_and_none_that_came_after(fanout_of):
    fanout = fanout_of(Registry())
    async with opened(fanout) as (_, former):
        fanout.reset()
        ours, theirs = socket_pair()
        connection_id = uuid4()
        await asyncio.sleep(0)
        fanout.expect(connection_id)
        deliver(fanout, connection_id, Frame(None, b"hello."))
        await asyncio.sleep(0)
        fanout.open(connection_id, ours, HEAD)

        assert await read_until(theirs, b".") == HEAD + b"hello."
        await read_until(former, HEAD)
        assert await asyncio.get_running_loop().sock_recv(former, 10) == b""
        theirs.close()


@asynccontextmanager
async def audience(fanout: Fanout, count: int) -> AsyncIterator[dict[UUID, socket.socket]]:
    """So many connections, each with the reader's end of it."""
    async with AsyncExitStack() as stack:
        yield dict([await stack.enter_async_context(opened(fanout)) for _ in range(count)])


@pytest.mark.parametrize("of_many", [False, True], ids=["single", "many"])
async def test_after_a_failure_all_come_back_and_are_served(fanout_of, monkeypatch, of_many):
    monkeypatch.setattr(fanout_module, "MANY", 3)
    registry = Registry()
    fanout = fanout_of(registry)
    async with opened(fanout) as (one, reader), opened(fanout) as (_, other):
        ids = (one, *(uuid4() for _ in range(3))) if of_many else (one,)
        fanout.deliver([Delivery(ids, (Frame("A", None),))])  # what no encoder makes

        for each in (reader, other):
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(each, 100), 5) == HEAD
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(each, 100), 5) == b""
        assert {type(await registry.next()) for _ in range(2)} == {Unsubscribe}
    async with opened(fanout) as (back, reader):
        deliver(fanout, back, Frame("A", b"one."))
        assert await read_until(reader, b".") == HEAD + b"one."


async def test_a_stream_that_cannot_be_served_is_closed_and_no_other(fanout_of):
    registry, loop = Registry(), asyncio.get_running_loop()
    fanout = fanout_of(registry)
    bad = Frame("A", None)  # what no encoder makes
    async with opened(fanout) as (good, others):
        ours, early = socket_pair()
        connection_id = uuid4()
        fanout.expect(connection_id)
        deliver(fanout, connection_id, bad)
        await asyncio.sleep(0)
        fanout.open(connection_id, ours, HEAD)
        assert await read_until(early, HEAD) == HEAD
        assert await asyncio.wait_for(loop.sock_recv(early, 100), 5) == b""
        early.close()

        ours, busy = socket_pair()
        connection_id = uuid4()
        fanout.expect(connection_id)
        fanout.open(connection_id, ours, HEAD)
        deliver(fanout, connection_id, Frame("A", b"x" * 2_000_000))
        deliver(fanout, connection_id, bad, is_page=True)
        while await asyncio.wait_for(loop.sock_recv(busy, 1_000_000), 5):
            pass
        busy.close()

        assert [type(await registry.next()) for _ in range(2)] == [Unsubscribe, Unsubscribe]
        deliver(fanout, good, Frame("A", b"one."))
        assert await read_until(others, b".") == HEAD + b"one."


async def test_what_many_get_keeps_its_place_among_what_single_ones_get(fanout_of, monkeypatch):
    monkeypatch.setattr(fanout_module, "MANY", 3)
    monkeypatch.setattr(fanout_module, "SLICE", 2)
    choose = random.Random(7)
    registry = Registry()
    fanout = fanout_of(registry)
    async with audience(fanout, 5) as readers:
        everybody, due = tuple(readers), dict.fromkeys(readers, HEAD)
        for number in range(300):
            ids = everybody if choose.random() < 0.5 else tuple(choose.sample(everybody, choose.randint(1, 4)))
            data = b"%d " % number
            fanout.deliver([Delivery(ids, (Frame(None, data),))])
            for connection_id in ids:
                due[connection_id] += data
            if choose.random() < 0.5:
                await asyncio.sleep(0)
        fanout.deliver([Delivery(everybody, (Frame(None, b"."),))])

        for connection_id, reader in readers.items():
            assert await read_until(reader, b".") == due[connection_id] + b"."
        counted = {key: Figures(data.count(b" ", len(HEAD)) + 1, len(data) + 1, 0) for key, data in due.items()}
        assert fanout.figures() == counted
        assert fanout.events_sent == sum(figures.events_sent for figures in counted.values())

        gone, *_ = everybody
        readers[gone].close()
        while not isinstance(told := await registry.next(), Unsubscribe):
            pass
        assert Figures(told.events_sent, told.bytes_sent, told.conflated_events) == counted.pop(gone)
        assert fanout.figures() == counted


@pytest.mark.parametrize(("waiting", "at_once"), [(0, 4), (1, 2)])
async def test_fewer_are_served_at_once_while_somebody_waits_for_an_answer(fanout_of, monkeypatch, waiting, at_once):
    for name, number in {"MANY": 3, "SLICE": 4, "SHORT_SLICE": 2}.items():
        monkeypatch.setattr(fanout_module, name, number)
    fanout = fanout_of(Registry())
    fanout.give_way_to(lambda: waiting)
    async with audience(fanout, 4) as readers:
        fanout.deliver([Delivery(tuple(readers), (Frame(None, b"."),))])
        while not fanout.events_sent:
            await asyncio.sleep(0)

        assert fanout.events_sent == at_once
        for reader in readers.values():
            assert await read_until(reader, b".") == HEAD + b"."


async def test_those_who_read_are_served_before_those_of_whom_the_kernel_takes_no_more(fanout_of, monkeypatch):
    for name, number in {"MANY": 3, "SLICE": 2, "SINGLE_WRITES": 1}.items():
        monkeypatch.setattr(fanout_module, name, number)
    fanout = fanout_of(Registry())
    async with audience(fanout, 6) as readers:
        everybody, (*slow, last) = tuple(readers), readers
        data = b"x" * 1_500
        await read_until(readers[last], HEAD)
        while not fanout._busy:
            fanout.deliver([Delivery(everybody, (price("A", 1, data),))])
            while not select.select([readers[last]], [], [], 0)[0]:
                await asyncio.sleep(0)
            assert readers[last].recv(65536) == data

            assert sum(bool(fanout._connections[key].rest) for key in slow) <= 2
            while not fanout.is_idle:
                await asyncio.sleep(0)
        assert {connection.id for connection in fanout._busy} == set(slow)


async def test_what_slow_ones_among_many_were_sent_is_right_at_every_moment(fanout_of, monkeypatch):
    for name, number in {"MANY": 3, "SLICE": 2, "SINGLE_WRITES": 1}.items():
        monkeypatch.setattr(fanout_module, name, number)
    registry = Registry()
    fanout = fanout_of(registry)
    async with AsyncExitStack() as stack:
        opened_all = [await stack.enter_async_context(opened(fanout, b"x" * 400_000)) for _ in range(6)]
        everybody = tuple(key for key, _ in opened_all)
        before = dict(fanout.figures())
        assert len(fanout._busy) == 6

        fanout.deliver([Delivery(everybody, (price("A", 1, b"one."), price("B", 2, b"two.")))])
        while not (fanout._broadcasts and fanout._broadcasts[0].is_sent):
            await asyncio.sleep(0)
        assert fanout.figures() == before
        fanout.close(fanout._connections[everybody[-1]])
        told = await registry.next()
        assert isinstance(told, Unsubscribe)
        assert Figures(told.events_sent, told.bytes_sent, 0) == before.pop(everybody[-1])
        while not fanout.is_idle:
            await asyncio.sleep(0)
        assert fanout.figures() == before


async def test_what_a_reader_does_not_take_is_kept_by_nobody(fanout_of):
    fanout = fanout_of(Registry())
    async with opened(fanout) as (connection_id, _reader):
        frame = price("A", 1, b"x" * 999 + b"\n")
        while not fanout._busy:
            deliver(fanout, connection_id, frame)
            await asyncio.sleep(0)

        unsent = array.array("i", [0])
        fcntl.ioctl(fanout._connections[connection_id].sock, SIOCOUTQNSD, unsent)
        assert unsent[0] <= fanout_module.UNSENT + len(frame.data)


@pytest.mark.parametrize(("of_a_slice", "at_once"), [(500, 20), (2, 1)])
async def test_a_slow_reader_among_many_gets_the_present_state_and_holds_nobody_up(
    fanout_of, monkeypatch, of_a_slice, at_once
):
    for name, number in {"MANY": 3, "SLICE": of_a_slice, "SINGLE_WRITES": at_once}.items():
        monkeypatch.setattr(fanout_module, name, number)
    registry = Registry()
    fanout = fanout_of(registry)
    async with audience(fanout, 4) as readers:
        everybody, (slow, *others) = tuple(readers), readers.values()
        big = b"x" * 60_000 + b"\n"
        for number in range(1, 40):
            fanout.deliver([Delivery(everybody, (price("A", number, big),))])
            for reader in others:
                await read_until(reader, big)
        fanout.deliver([Delivery(everybody, (price("A", 40, b"last."),))])
        for reader in others:
            assert await read_until(reader, b".") == b"last."

        received = len(await read_until(slow, b"\n"))
        while registry.told.empty():
            received += len(await asyncio.get_running_loop().sock_recv(slow, 65536))
        asked = await registry.next()
        assert isinstance(asked, Resync)
        assert (received - len(HEAD)) // len(big) + asked.withheld == 40
        fanout.deliver([Delivery((asked.connection_id,), (price("A", 40, b"now"),), merged=asked.withheld - 1)])
        fanout.deliver([Delivery(everybody, (price("A", 41, b" later."),))])
        for reader in others:
            assert await read_until(reader, b".") == b" later."
        assert (await read_until(slow, b"later."))[-11:] == b"now later."
        taken = (received - len(HEAD)) // len(big)
        figures = fanout.figures()
        assert [figures[each].events_sent for each in everybody] == [taken + 2, 41, 41, 41]
        assert figures[everybody[0]].bytes_sent == received + len(b"now later.")
        assert figures[everybody[1]].bytes_sent == len(HEAD) + 39 * len(big) + len(b"last. later.")


async def test_one_that_comes_or_goes_amid_what_many_get(fanout_of, monkeypatch):
    monkeypatch.setattr(fanout_module, "MANY", 3)
    monkeypatch.setattr(fanout_module, "SLICE", 2)
    fanout = fanout_of(Registry())
    async with audience(fanout, 5) as readers:
        server, late = socket_pair()
        coming, (*_, going) = uuid4(), readers
        fanout.expect(coming)
        everybody = (*readers, coming)
        fanout.deliver([Delivery(everybody, (Frame(None, b"one "),))])
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # a slice has been sent
        fanout.close(fanout._connections[going])
        other, stranger = socket_pair()  # gets the number of the socket that was closed
        fanout.deliver([Delivery(everybody, (Frame(None, b"two "),))])
        await asyncio.sleep(0)
        fanout.open(coming, server, HEAD)
        fanout.deliver([Delivery(everybody, (Frame(None, b"three."),))])

        staying = [reader for key, reader in readers.items() if key != going]
        for reader in (*staying, late):
            assert await read_until(reader, b".") == HEAD + b"one two three."
        other.send(b"nothing.")
        assert await read_until(stranger, b".") == b"nothing."
        for sock in (other, stranger, late):
            sock.close()


async def test_what_a_known_audience_gets_never_goes_to_another_socket_of_the_same_number(fanout_of, monkeypatch):
    monkeypatch.setattr(fanout_module, "MANY", 3)
    monkeypatch.setattr(fanout_module, "SLICE", 2)
    fanout = fanout_of(Registry())
    async with audience(fanout, 5) as readers:
        everybody = tuple(readers)
        fanout.deliver([Delivery(everybody, (Frame(None, b"one."),))])
        for reader in readers.values():
            await read_until(reader, b".")
        fanout.deliver([Delivery(everybody, (Frame(None, b"two."),))])
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # a slice has been sent
        other, stranger = socket.socketpair()
        number = fanout._connections[everybody[-1]].fd
        fanout.close(fanout._connections[everybody[-1]])
        os.dup2(other.fileno(), number)
        stranger.setblocking(False)
        for key in everybody[:-1]:
            assert await read_until(readers[key], b".") == b"two."
        other.send(b"nothing.")
        assert await read_until(stranger, b".") == b"nothing."
        for sock in (other, stranger):
            sock.close()
        os.close(number)


async def test_what_is_put_in_its_place_bit_by_bit_stays_in_its_order(fanout_of, monkeypatch):
    monkeypatch.setattr(fanout_module, "ACCEPTED", 1)
    fanout = fanout_of(Registry())
    async with opened(fanout) as (connection_id, reader):
        numbers = [b"%d " % number for number in range(20)]
        fanout.deliver([Delivery((connection_id,), (Frame(None, number),)) for number in numbers])
        deliver(fanout, connection_id, Frame(None, b"last."))

        assert await read_until(reader, b".") == HEAD + b"".join(numbers) + b"last."


async def test_what_many_were_sent_is_counted_once_when_one_of_them_goes_amid(fanout_of, monkeypatch):
    monkeypatch.setattr(fanout_module, "MANY", 3)
    monkeypatch.setattr(fanout_module, "SLICE", 2)
    fanout = fanout_of(Registry())
    async with audience(fanout, 5) as readers:
        everybody, (going, *staying) = tuple(readers), readers
        fanout.deliver([Delivery(everybody, (Frame(None, b"one."),))])
        for reader in readers.values():
            await read_until(reader, b".")
        fanout.deliver([Delivery(everybody, (Frame(None, b"two."),))])
        while not fanout._broadcasts:
            await asyncio.sleep(0)
        fanout.close(fanout._connections[going])

        for key in staying:
            await read_until(readers[key], b".")
        assert fanout.figures() == dict.fromkeys(staying, Figures(2, len(HEAD) + 8, 0))
