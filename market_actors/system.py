"""Starts actors, restarts the crashed, and stops them in order.

Sinks are added first and sources last; they are stopped the other way round, so that
what a source has said is still heard. A thing that crashes restarts at once, then after
1, 2, 4 ... 60 s; more than five restarts within a minute make the system degraded.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pykka

from market_actors.actor import Address
from market_actors.messages import Tick

logger = logging.getLogger(__name__)

MAX_WAIT = 60.0  # seconds between two restarts
CALM = 60.0  # seconds after which a crash is forgotten
TOO_OFTEN = 5  # restarts within CALM
LAG = 1000  # messages waiting at an actor above which it is not told of the seconds


@dataclass
class Supervised:
    """One actor's name, how to start it, and its crashes (monotonic seconds)."""

    address: Address
    start: Callable[[], pykka.ActorRef[Any]]
    crashes: list[float] = field(default_factory=list)
    restarts: int = 0
    skipped: int = 0
    last_error: str | None = None
    retry_at: float | None = None


@dataclass(frozen=True, slots=True)
class ActorState:
    """What an operator is shown of an actor. state: running or down; skipped: ticks it was not told while it lagged.

    last_error: why it last crashed.
    """

    name: str
    state: str
    restarts: int
    inbox: int
    skipped: int
    last_error: str | None = None


class ActorSystem:
    """The actors of this process, by name, in the order they were added."""

    def __init__(self) -> None:
        self._actors: dict[str, Supervised] = {}
        self._addresses: dict[str, Address] = {}
        self._stopping = False

    def address(self, name: str) -> Address:
        """Return where an actor is or will be; what is told before it is added is lost."""
        return self._addresses.setdefault(name, Address(name))

    def add(self, name: str, start: Callable[[], pykka.ActorRef[Any]]) -> Address:
        """Start an actor and return its address, which stays valid when it is restarted."""
        address = self.address(name)
        address.bind(start())
        self._actors[name] = Supervised(address, start)
        return address

    def tick(self, tick: Tick) -> None:
        """Tell every actor that a second has passed, save those which lag so far that they have enough to do."""
        for actor in self._actors.values():
            if actor.address.inbox_size < LAG:
                actor.address.tell(tick)
            else:
                actor.skipped += 1

    def supervise(self, monotonic: float) -> None:
        """Restart what is down; to be called a few times a second. Never waits."""
        if self._stopping:
            return
        for name, actor in self._actors.items():
            if actor.address.is_alive:
                continue
            if actor.retry_at is None:
                actor.crashes = [crash for crash in actor.crashes if crash > monotonic - CALM]
                actor.retry_at = monotonic + (min(2.0 ** (len(actor.crashes) - 1), MAX_WAIT) if actor.crashes else 0)
                actor.crashes.append(monotonic)
                actor.last_error = actor.address.last_error
            if monotonic >= actor.retry_at:
                actor.restarts += 1
                actor.retry_at = None
                logger.warning("%s crashed; restart %d", name, actor.restarts)
                actor.address.bind(actor.start())

    def is_degraded(self, monotonic: float) -> bool:
        """Is an actor down, or did one restart too often within the last minute?"""
        return any(
            not actor.address.is_alive or sum(crash > monotonic - CALM for crash in actor.crashes) > TOO_OFTEN
            for actor in self._actors.values()
        )

    def states(self) -> list[ActorState]:
        return [
            ActorState(
                name=name,
                state="running" if actor.address.is_alive else "down",
                restarts=actor.restarts,
                inbox=actor.address.inbox_size,
                skipped=actor.skipped,
                last_error=actor.address.last_error or actor.last_error,
            )
            for name, actor in self._actors.items()
        ]

    def stop(self, seconds: float = 10.0) -> list[str]:
        """Stop all, sources first, each when it has handled its inbox; return the names of those that did not end.

        seconds: for all together; each gets its share of what is left, so that those that hang leave some for the
                 store, which is last.
        Blocks; not for the event loop.
        """
        self._stopping = True
        late = []
        deadline = time.monotonic() + seconds
        for left, (name, actor) in zip(range(len(self._actors), 0, -1), reversed(self._actors.items()), strict=True):
            share = max(deadline - time.monotonic(), 0.0) / left
            try:
                actor.address.stop().get(timeout=share)
            except (TimeoutError, pykka.ActorDeadError):
                if actor.address.is_alive:
                    logger.error("%s did not stop within %.1f s", name, share)
                    late.append(name)
        return late
