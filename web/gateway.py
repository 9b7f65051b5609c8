"""The only bridge from the event loop to the actors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeVar

import pykka

from market_actors.actor import Address
from market_actors.calendars import Calendars
from market_actors.errors import ActorDown, ActorTimeout, ShuttingDown, Unavailable
from market_actors.messages import Request
from market_actors.system import ActorSystem

T = TypeVar("T")

TIMEOUT = 2.0  # seconds
_waiting: dict[asyncio.Timeout, asyncio.AbstractEventLoop] = {}
FULL = 20_000  # messages waiting at an actor that is asked no more: twice what ten thousand portfolios say at once


async def ask(actor: Address, question: Request[T], timeout: float = TIMEOUT) -> T:
    """Ask an actor without blocking the loop; *timeout* in seconds.

    Raises ActorTimeout, ActorDown, Unavailable when too many wait already, ShuttingDown when stop_waiting() is called
    meanwhile, and whatever the actor raised on purpose.
    """
    if actor.inbox_size >= FULL:
        raise Unavailable(f"{actor.name} has too much to do")
    limit = asyncio.timeout(timeout)
    try:
        async with limit:
            _waiting[limit] = asyncio.get_running_loop()
            answer: T = await asyncio.wrap_future(actor.ask(question).outcome)
    except TimeoutError:
        if limit not in _waiting:
            raise ShuttingDown() from None
        raise ActorTimeout(f"{actor.name} did not answer within {timeout:g} s") from None
    except pykka.ActorDeadError:
        raise ActorDown(f"{actor.name} is being restarted", retry_after=1) from None
    finally:
        _waiting.pop(limit, None)
    return answer


def stop_waiting() -> None:
    """Let nobody wait for an actor on the running loop any longer: what was asked fails with ShuttingDown."""
    loop = asyncio.get_running_loop()
    for limit in [limit for limit, its in _waiting.items() if its is loop and not limit.expired()]:
        del _waiting[limit]
        limit.reschedule(loop.time())


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
