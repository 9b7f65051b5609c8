"""Actors of both kinds: order, answers, crashes, and asking from an event loop."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

import pykka
import pytest

from market_actors import pool
from market_actors.actor import Address, MarketActor, PooledActor, Reply
from market_actors.errors import ActorDown, ActorTimeout, ShuttingDown, Unavailable, UnknownSymbol
from market_actors.messages import Message, Ping, Request
from web import gateway
from web.gateway import ask, stop_waiting


@dataclass(frozen=True, slots=True)
class Note(Message):
    """Remember this."""

    sender: int
    number: int


@dataclass(frozen=True, slots=True)
class Recite(Request[tuple[Note, ...]]):
    """What was noted?"""


@dataclass(frozen=True, slots=True)
class Promise(Request[str]):
    """Answered when the reply is fulfilled from outside."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Block(Request[None]):
    """Answered when the event is set."""

    event: threading.Event


@dataclass(frozen=True, slots=True)
class Fail(Request[None]):
    """Raises on purpose."""


@dataclass(frozen=True, slots=True)
class Crash(Message):
    """Raises what nobody expected."""


class Behaviour:
    """What both kinds of actor do in these tests."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[Note] = []
        self.inside = threading.Lock()

    def on_receive(self, message: Message) -> object:
        assert self.inside.acquire(blocking=False), "two messages at once"
        try:
            match message:
                case Note():
                    self.notes.append(message)
                case Recite():
                    return tuple(self.notes)
                case Promise(reply):
                    return reply
                case Block(event):
                    event.wait(5)
                case Fail():
                    raise UnknownSymbol("NOPE")
                case Crash():
                    raise ZeroDivisionError
            return None
        finally:
            self.inside.release()


class Threaded(Behaviour, MarketActor):
    """With a thread of its own."""


class Pooled(Behaviour, PooledActor):
    """On the pool."""


@pytest.fixture(params=[Threaded, Pooled])
def actor(request):
    address = Address("actor", request.param.start())
    yield address
    address.stop().get(timeout=5)


async def test_notes_of_each_sender_arrive_in_order_and_one_at_a_time(actor):
    def send(sender: int) -> None:
        for number in range(2000):
            actor.tell(Note(sender, number))

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for thread in senders:
        thread.start()
    for thread in senders:
        await asyncio.to_thread(thread.join)

    notes = await ask(actor, Recite())
    assert len(notes) == 8000
    for sender in range(4):
        assert [note.number for note in notes if note.sender == sender] == list(range(2000))


async def test_an_answer_may_come_later_from_somewhere_else(actor):
    promise = Reply()
    asked = asyncio.ensure_future(ask(actor, Promise(promise)))
    assert await ask(actor, Ping())

    promise.set("kept")

    assert await asked == "kept"


async def test_a_later_failure_reaches_the_asker(actor):
    promise = Reply()
    asked = asyncio.ensure_future(ask(actor, Promise(promise)))
    promise.fail(UnknownSymbol("NOPE"))
    with pytest.raises(UnknownSymbol):
        await asked


async def test_what_is_raised_on_purpose_reaches_the_asker_and_the_actor_lives_on(actor):
    with pytest.raises(UnknownSymbol, match="NOPE"):
        await ask(actor, Fail())
    assert await ask(actor, Ping())


async def test_an_actor_that_has_too_much_to_do_is_asked_no_more(actor, monkeypatch):
    monkeypatch.setattr(gateway, "FULL", 10)
    event = threading.Event()
    stuck = asyncio.ensure_future(ask(actor, Block(event), timeout=5))
    await asyncio.sleep(0)  # the question is on its way
    for number in range(11):
        actor.tell(Note(0, number))

    with pytest.raises(Unavailable):
        await ask(actor, Ping())

    event.set()
    await stuck
    await asyncio.wrap_future(actor.ask(Ping()).outcome)  # it has done what waited
    assert await ask(actor, Ping())


async def test_when_a_server_stops_a_healthy_actor_may_still_answer_and_who_waits_for_another_is_told(actor):
    late, healthy = Reply(), Reply()
    waiting = asyncio.ensure_future(ask(actor, Promise(late), timeout=60))
    answered = asyncio.ensure_future(ask(actor, Promise(healthy), timeout=60))
    await asyncio.sleep(0)  # the questions are on their way

    stop_waiting(0.2)
    healthy.set("well")

    assert await answered == "well"
    with pytest.raises(ShuttingDown):
        await waiting
    with pytest.raises(ShuttingDown):
        await ask(actor, Promise(Reply()), timeout=60)


async def test_one_stuck_actor_delays_nobody_else(actor):
    event = threading.Event()
    healthy = Address("healthy", Threaded.start())
    stuck = asyncio.ensure_future(ask(actor, Block(event), timeout=0.05))

    assert await ask(healthy, Ping(), timeout=1)
    with pytest.raises(ActorTimeout):
        await stuck

    event.set()
    assert await ask(actor, Ping())
    healthy.stop().get(timeout=5)


async def test_a_crash_ends_the_actor_and_asking_it_fails_at_once(actor):
    actor.tell(Crash())
    with pytest.raises(ActorDown):
        await ask(actor, Recite())
    actor.tell(Note(0, 0))
    assert not actor.is_alive


async def test_an_address_stays_valid_when_the_actor_behind_it_is_replaced(actor):
    actor.tell(Crash())
    with pytest.raises(ActorDown):
        await ask(actor, Recite())

    actor.bind(Threaded.start())
    actor.tell(Note(1, 1))

    assert await ask(actor, Recite()) == (Note(1, 1),)


def test_asking_while_an_actor_is_stopped_never_waits_for_ever():
    for _ in range(200):
        address = Address("pooled", Pooled.start())
        stopper = threading.Thread(target=address.stop)
        stopper.start()
        replies = [address.ask(Ping()) for _ in range(10)]
        stopper.join()
        for reply in replies:
            try:
                assert reply.get(timeout=5) is True
            except pykka.ActorDeadError:
                pass


def test_who_is_asked_goes_before_those_who_were_told():
    order: list[str] = []
    is_running = threading.Event()

    class Noting(PooledActor):
        dispatcher = pool.Dispatcher(threads=1)

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_receive(self, message: Message) -> None:
            order.append(self.name)
            if isinstance(message, Block):
                is_running.set()
                message.event.wait(5)

    begun, told, asked, idle = (Address(name, Noting.start(name)) for name in ("begun", "told", "asked", "idle"))
    for address in (begun, told, asked, idle):
        address.ask(Ping()).get(timeout=5)
    event = threading.Event()
    begun.tell(Block(event))
    assert is_running.wait(5)
    for address in (told, asked):
        address.tell(Note(0, 0))
    replies = [asked.ask(Recite()), idle.ask(Recite())]
    told.tell(Note(0, 1))
    event.set()

    for reply in replies:
        reply.get(timeout=5)
    told.ask(Ping()).get(timeout=5)
    assert order == ["begun", "asked", "asked", "idle", "told", "told"]
    for address in (begun, told, asked, idle):
        address.stop().get(timeout=5)


def test_ten_thousand_pooled_actors_share_a_few_threads():
    before = threading.active_count()
    addresses = [Address("pooled", Pooled.start()) for _ in range(10_000)]
    for address in addresses:
        address.tell(Note(0, 0))
    assert all(len(address.ask(Recite()).get(timeout=20)) == 1 for address in addresses)
    assert threading.active_count() <= before + 2
    for reply in [address.stop() for address in addresses]:
        reply.get(timeout=20)
