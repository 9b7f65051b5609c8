"""A pool of threads that runs thousands of actors, each only while its inbox has messages.

An inbox is queued on the pool at most once, and run by at most one thread at a time, for at
most `turn` messages before the others get theirs. Pykka's own loop handles the messages:
an inbox with nothing more to give raises _Pause out of Actor._actor_loop_running().
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import pykka

if TYPE_CHECKING:
    from pykka._envelope import Envelope

STARTING = -1
TO_THE_END = 1 << 62


class _Pause(BaseException):
    """The inbox is empty, or the actor's turn is over; BaseException, so that no handler takes it for a failure."""


class Dispatcher:
    """A fixed number of threads for actors that never wait."""

    def __init__(self, threads: int = 2, turn: int = 64) -> None:
        self.turn = turn
        self._threads = threads
        self._started = 0
        self._lock = threading.Lock()
        self._ready: queue.SimpleQueue[PooledInbox] = queue.SimpleQueue()
        self.schedule = self._ready.put

    def ensure_threads(self) -> None:
        if self._started == self._threads:
            return
        with self._lock:
            while self._started < self._threads:
                self._started += 1
                threading.Thread(target=self._work, name=f"pool-{self._started}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._ready.get().run()


class PooledInbox:
    """An inbox that queues its actor on the pool when a message comes."""

    __slots__ = ("_actor", "_budget", "_closed", "_dispatcher", "_messages", "_scheduled")

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._messages: deque[Envelope[Any]] = deque()
        self._scheduled = threading.Lock()  # held while queued or running: never twice at once
        self._scheduled.acquire()  # until the actor is started
        self._actor: Any = None
        self._closed = False
        self._budget = 0
        self._dispatcher = dispatcher

    def put(self, envelope: Envelope[Any], /) -> None:
        self._messages.append(envelope)
        if self._scheduled.acquire(blocking=False):
            self._dispatcher.schedule(self)
        elif self._closed:  # told after the end: nobody else would answer
            self._reject()

    def get(self) -> Envelope[Any]:
        if self._budget <= 0 or not self._messages:
            raise _Pause
        self._budget -= 1
        return self._messages.popleft()

    def empty(self) -> bool:
        return not self._messages

    def qsize(self) -> int:
        return len(self._messages)

    def start(self, actor: Any) -> None:
        self._actor = actor
        self._budget = STARTING
        self._dispatcher.schedule(self)

    def run(self) -> None:
        """Give the actor a turn; called by the pool's threads only."""
        actor = self._actor
        first, self._budget = self._budget == STARTING, self._dispatcher.turn
        if first:
            actor._actor_loop_setup()
        try:
            actor._actor_loop_running()
        except _Pause:
            if self._messages:
                self._dispatcher.schedule(self)
                return
            self._scheduled.release()
            if self._messages and self._scheduled.acquire(blocking=False):  # one came in between
                self._dispatcher.schedule(self)
            return
        self._budget = TO_THE_END
        actor._actor_loop_teardown()
        self._closed = True
        self._actor = None
        self._reject()

    def _reject(self) -> None:
        while True:
            try:
                envelope = self._messages.popleft()
            except IndexError:
                return
            if envelope.reply_to is not None:
                error = pykka.ActorDeadError("the actor stopped before it handled the message")
                envelope.reply_to.set_exception((type(error), error, None))
