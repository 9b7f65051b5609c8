"""A pool of threads that runs thousands of actors, each only while its inbox has messages.

An inbox is queued on the pool at most once, and run by at most one thread at a time, for at
most `turn` messages before the others get theirs; one that is asked something goes before all
that were only told, for somebody waits. Pykka's own loop handles the messages: an inbox with
nothing more to give raises _Pause out of Actor._actor_loop_running().
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import pykka

if TYPE_CHECKING:
    from pykka._envelope import Envelope

STARTING = -1
TO_THE_END = 1 << 62
TAKEN: list[PooledInbox] = []  # the ticket of all that are not queued


TURN_SECONDS = 0.0001


class _Turn(threading.local):
    """When the turn of a thread began."""

    began = 0.0


_turn = _Turn()


def give_way() -> None:
    """Let another thread go on where this one has had its turn; to be called between two messages, or two parts of one.

    On one core the interpreter's own way is too slow: a thread that waits for its lock must run to ask for it, and while
    this one computes the kernel lets it do so at its next tick only, 4 ms later. With five busy threads a request, which
    passes through many, took 150 ms.
    """
    if time.perf_counter() - _turn.began >= TURN_SECONDS:
        os.sched_yield()
        _turn.began = time.perf_counter()


class _Pause(BaseException):
    """The inbox is empty, or the actor's turn is over; BaseException, so that no handler takes it for a failure."""


class Dispatcher:
    """A fixed number of threads for actors that never wait."""

    def __init__(self, threads: int = 2, turn: int = 64) -> None:
        self.turn = turn
        self._threads = threads
        self._started = 0
        self._lock = threading.Lock()
        self._ready: queue.SimpleQueue[list[PooledInbox]] = queue.SimpleQueue()
        self._asked: deque[list[PooledInbox]] = deque()

    def schedule(self, inbox: PooledInbox) -> list[PooledInbox]:
        """Queue an inbox; return its ticket, from which whoever runs it takes it."""
        ticket = [inbox]
        self._ready.put(ticket)
        return ticket

    def hurry(self, ticket: list[PooledInbox]) -> None:
        """Let a queued inbox go before the others."""
        self._asked.append(ticket)

    def ensure_threads(self) -> None:
        if self._started == self._threads:
            return
        with self._lock:
            while self._started < self._threads:
                self._started += 1
                threading.Thread(target=self._work, name=f"pool-{self._started}", daemon=True).start()

    def _work(self) -> None:
        while True:
            ticket = self._ready.get()
            while self._asked:
                try:
                    inbox = self._asked.popleft().pop()
                except IndexError:  # another thread was quicker
                    continue
                inbox.run()
            try:
                inbox = ticket.pop()
            except IndexError:  # it was asked something, and has had its turn
                continue
            inbox.run()
            give_way()


class Flag:
    """Stands where Pykka has an Event that an actor has stopped: an Event is for waiting, and takes a kilobyte."""

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set


class PooledInbox:
    """An inbox that queues its actor on the pool when a message comes."""

    __slots__ = ("_actor", "_budget", "_closed", "_dispatcher", "_messages", "_scheduled", "_ticket")

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._messages: queue.SimpleQueue[Envelope[Any]] = queue.SimpleQueue()  # an eighth of a deque's memory
        self._scheduled = threading.Lock()  # held while queued or running: never twice at once
        self._scheduled.acquire()  # until the actor is started
        self._actor: Any = None
        self._closed = False
        self._budget = 0
        self._dispatcher = dispatcher
        self._ticket = TAKEN  # while it is queued, what it is taken by

    def put(self, envelope: Envelope[Any], /) -> None:
        self._messages.put(envelope)
        if self._scheduled.acquire(blocking=False):
            self._ticket = self._dispatcher.schedule(self)
        elif self._closed:  # told after the end: nobody else would answer
            self._reject()
        if envelope.reply_to is not None and self._ticket:
            self._dispatcher.hurry(self._ticket)

    def get(self) -> Envelope[Any]:
        if self._budget <= 0 or self._messages.empty():
            raise _Pause
        self._budget -= 1
        return self._messages.get_nowait()

    def empty(self) -> bool:
        return self._messages.empty()

    def qsize(self) -> int:
        return self._messages.qsize()

    def start(self, actor: Any) -> None:
        self._actor = actor
        self._budget = STARTING
        self._ticket = self._dispatcher.schedule(self)

    def run(self) -> None:
        """Give the actor a turn; called by the pool's threads only."""
        actor = self._actor
        self._ticket = TAKEN
        first, self._budget = self._budget == STARTING, self._dispatcher.turn
        if first:
            actor._actor_loop_setup()
        try:
            actor._actor_loop_running()
        except _Pause:
            if not self._messages.empty():
                self._ticket = self._dispatcher.schedule(self)
                return
            self._scheduled.release()
            if not self._messages.empty() and self._scheduled.acquire(blocking=False):  # one came in between
                self._ticket = self._dispatcher.schedule(self)
            return
        self._budget = TO_THE_END
        actor._actor_loop_teardown()
        self._closed = True
        self._actor = None
        self._reject()

    def _reject(self) -> None:
        while True:
            try:
                envelope = self._messages.get_nowait()
            except queue.Empty:
                return
            if envelope.reply_to is not None:
                error = pykka.ActorDeadError("the actor stopped before it handled the message")
                envelope.reply_to.set_exception((type(error), error, None))
