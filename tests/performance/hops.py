"""Hops: how often a thread is answered by an actor while four others compute, all on one core.

python -m tests.performance.hops

As it is, and with actors that never give way between two messages.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from market_actors import pool
from market_actors.actor import Address, MarketActor
from market_actors.messages import Message, Ping, Tick
from tests.performance.load import middle, table

BUSY = 4
ROUNDS = 3
SECONDS = 0.5
NEVER = float("inf")
TICK = Tick(datetime(2026, 3, 2, tzinfo=UTC), 0.0)


class Busy(MarketActor):
    """Has always a next message, each as much work as a valuation."""

    def on_receive(self, message: Message) -> None:
        sum(range(2000))
        self.address.tell(message)


class Idle(MarketActor):
    def on_receive(self, message: Message) -> None:
        pass


def measure() -> dict[str, float]:
    """Return the answers a second, as it is and without giving way."""
    found: dict[str, list[float]] = {"giving way": [], "never": []}
    for _ in range(ROUNDS):
        found["giving way"].append(_answers(pool.TURN_SECONDS))
        found["never"].append(_answers(NEVER))
    return {name: middle(figures) for name, figures in found.items()}


def _answers(turn_seconds: float) -> float:
    before, pool.TURN_SECONDS = pool.TURN_SECONDS, turn_seconds
    try:
        with _on_one_core(), _actors() as asked:
            count, began = 0, time.perf_counter()
            while time.perf_counter() - began < SECONDS:
                asked.ask(Ping()).get(timeout=30)
                count += 1
            return count / (time.perf_counter() - began)
    finally:
        pool.TURN_SECONDS = before


@contextmanager
def _on_one_core() -> Iterator[None]:
    """Run this thread, and those that it starts, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def _actors() -> Iterator[Address]:
    idle, *busy = [Address("actor", made.start()) for made in (Idle, *[Busy] * BUSY)]
    for actor in busy:
        actor.tell(TICK)
    try:
        yield idle
    finally:
        for actor in (idle, *busy):
            actor.stop().get(timeout=30)


if __name__ == "__main__":
    print(table([measure()]))
