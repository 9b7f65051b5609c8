"""The actor system: restarts with growing waits, and an ordered stop."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import pykka
import pytest

from market_actors.actor import MarketActor
from market_actors.messages import Message, Ping, Request, Tick
from market_actors.system import LAG, ActorSystem


@dataclass(frozen=True, slots=True)
class Crash(Message):
    """Raises what nobody expected."""


@dataclass(frozen=True, slots=True)
class Hang(Message):
    """Blocks until the event is set."""

    event: threading.Event


@dataclass(frozen=True, slots=True)
class Life(Request[int]):
    """Which incarnation is this?"""


class Mortal(MarketActor):
    """Dies when told to; notes its end."""

    lives = 0

    def __init__(self, name: str, ends: list[str], fails_to_start: bool = False) -> None:
        super().__init__()
        self.name, self.ends, self.fails_to_start = name, ends, fails_to_start
        type(self).lives += 1
        self.life = type(self).lives

    def on_start(self) -> None:
        if self.fails_to_start:
            raise RuntimeError("no")

    def on_stop(self) -> None:
        self.ends.append(self.name)

    def on_receive(self, message: Message) -> int | None:
        match message:
            case Crash():
                raise ZeroDivisionError
            case Hang(event):
                event.wait(10)
            case Life():
                return self.life
        return None


@pytest.fixture
def ends():
    return []


@pytest.fixture
def system():
    made = ActorSystem()
    yield made
    made.stop()


def crash(address) -> None:
    address.tell(Crash())
    with pytest.raises(pykka.ActorDeadError):
        address.ask(Life()).get(timeout=5)


def test_a_crashed_actor_is_back_at_once_under_the_same_address(system, ends):
    address = system.add("mortal", lambda: Mortal.start("mortal", ends))
    first = address.ask(Life()).get(timeout=5)
    crash(address)

    system.supervise(0.0)

    assert address.ask(Life()).get(timeout=5) == first + 1
    assert system.states()[0].restarts == 1


def test_waits_between_restarts_double_and_calm_forgives(system, ends):
    address = system.add("mortal", lambda: Mortal.start("mortal", ends))
    alive_at = []
    now = 0.0
    for _ in range(4):
        crash(address)
        while not address.is_alive:
            system.supervise(now)
            now += 0.5
        alive_at.append(now - 0.5)
    waits = [later - earlier - 0.5 for earlier, later in pairwise(alive_at)]
    assert waits == [1.0, 2.0, 4.0]

    now += 100
    crash(address)
    system.supervise(now)
    assert address.is_alive


def test_an_actor_that_fails_to_start_is_tried_again_and_the_rest_goes_on(system, ends):
    healthy = system.add("healthy", lambda: Mortal.start("healthy", ends))
    broken = [True]
    address = system.add("broken", lambda: Mortal.start("broken", ends, fails_to_start=broken[0]))
    with pytest.raises(pykka.ActorDeadError):
        address.ask(Life()).get(timeout=5)

    broken[0] = False
    system.supervise(0.0)

    assert address.ask(Ping()).get(timeout=5)
    assert healthy.ask(Ping()).get(timeout=5)


def test_more_than_five_restarts_in_a_minute_are_a_degraded_system(system, ends):
    address = system.add("mortal", lambda: Mortal.start("mortal", ends))
    now = 0.0
    for _ in range(5):
        crash(address)
        while not address.is_alive:
            system.supervise(now)
            now += 1
    assert not system.is_degraded(now)
    crash(address)
    while not address.is_alive:
        system.supervise(now)
        now += 1
    assert system.is_degraded(now)
    assert not system.is_degraded(now + 120)


def test_sources_stop_before_sinks_and_what_they_said_is_heard(system, ends):
    for name in ("store", "quotes", "scheduler"):
        system.add(name, lambda name=name: Mortal.start(name, ends))

    assert system.stop() == []

    assert ends == ["scheduler", "quotes", "store"]


def test_one_that_hangs_is_named_and_does_not_keep_the_others(system, ends):
    event = threading.Event()
    system.add("store", lambda: Mortal.start("store", ends))
    stuck = system.add("stuck", lambda: Mortal.start("stuck", ends))
    stuck.tell(Hang(event))

    assert system.stop(seconds=0.2) == ["stuck"]

    assert ends == ["store"]
    event.set()


def test_an_actor_that_lags_is_not_told_of_the_seconds_and_that_is_counted(system, ends):
    address = system.add("mortal", lambda: Mortal.start("mortal", ends))
    go_on = threading.Event()
    address.tell(Hang(go_on))
    for _ in range(LAG + 1):
        address.tell(Message())

    for second in range(3):
        system.tick(Tick(datetime(2026, 3, 2, tzinfo=UTC), float(second)))
    (state,) = system.states()
    go_on.set()

    assert state.skipped == 3
    assert state.inbox <= LAG + 2  # what hangs may not have begun


def test_those_that_hang_leave_time_for_the_store(system, ends):
    written, never = threading.Event(), threading.Event()
    system.add("store", lambda: Mortal.start("store", ends)).tell(Hang(written))
    for number in range(4):
        name = f"fetcher/{number}"
        system.add(name, lambda name=name: Mortal.start(name, ends)).tell(Hang(never))
    threading.Timer(0.45, written.set).start()  # the store needs this long to write what it was told

    late = system.stop(seconds=1.0)

    assert "store" not in late
    assert ends == ["store"]
    never.set()
