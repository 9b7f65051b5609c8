"""The only bridge from the event loop to the actors."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakKeyDictionary

import pykka

from market_actors.actor import Address
from market_actors.calendars import Calendars
from market_actors.errors import ActorDown, ActorTimeout, ShuttingDown, Unavailable
from market_actors.messages import Request
from market_actors.system import ActorSystem

T = TypeVar("T")

TIMEOUT = 2.0  # seconds
FULL = 20_000  # messages waiting at an actor that is asked no more: twice what ten thousand portfolios say at once


@dataclass(slots=True, weakref_slot=True)
class _Asked:
    """What is waited for on one loop, and until when at the latest (of the loop's clock)."""

    limits: set[asyncio.Timeout] = field(default_factory=set)
    until: float = math.inf


_asked: WeakKeyDictionary[asyncio.AbstractEventLoop, _Asked] = WeakKeyDictionary()


def _asked_on(loop: asyncio.AbstractEventLoop) -> _Asked:
    found = _asked.get(loop)
    if found is None:
        found = _asked[loop] = _Asked()
    return found


async def ask(actor: Address, question: Request[T], timeout: float = TIMEOUT) -> T:
    """Ask an actor without blocking the loop; *timeout* in seconds.

    Raises ActorTimeout, ActorDown, Unavailable when too many wait already, ShuttingDown when stop_waiting() has set an
    earlier end, and whatever the actor raised on purpose.
    """
    if actor.inbox_size >= FULL:
        raise Unavailable(f"{actor.name} has too much to do")
    loop = asyncio.get_running_loop()
    asked = _asked_on(loop)
    limit = asyncio.timeout_at(min(loop.time() + timeout, asked.until))
    try:
        async with limit:
            asked.limits.add(limit)
            answer: T = await asyncio.wrap_future(actor.ask(question).outcome)
    except TimeoutError:
        if loop.time() >= asked.until:
            raise ShuttingDown() from None
        raise ActorTimeout(f"{actor.name} did not answer within {timeout:g} s") from None
    except pykka.ActorDeadError:
        raise ActorDown(f"{actor.name} is being restarted", retry_after=1) from None
    finally:
        asked.limits.discard(limit)
    return answer


def stop_waiting(seconds: float) -> None:
    """Let nobody wait for an actor on the running loop for longer than that: what is asked then fails with ShuttingDown."""
    loop = asyncio.get_running_loop()
    asked = _asked_on(loop)
    asked.until = loop.time() + seconds
    for limit in asked.limits:
        if not limit.expired() and (limit.when() or math.inf) > asked.until:
            limit.reschedule(asked.until)


@dataclass(frozen=True, slots=True)
class Market:
    """The actors that handlers ask, and the trading calendars they read."""

    store: Address
    history: Address
    quotes: Address
    book: Address
    connections: Address
    scheduler: Address
    usage: Address
    cache: Address | None
    calendars: Calendars
    system: ActorSystem
