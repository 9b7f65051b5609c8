"""What all our actors share: the reply an event loop can await, addresses that outlive a crash, two kinds of actor.

A :class:`MarketActor` has a thread of its own; a :class:`PooledActor` shares the threads of
market_actors.pool with thousands of others. Both handle one message at a time, in order.
"""

from __future__ import annotations

import concurrent.futures
import logging
import queue
import sys
from types import TracebackType
from typing import Any, TypeVar

import pykka

from market_actors import pool
from market_actors.messages import Message, Ping, Request

logger = logging.getLogger(__name__)

T = TypeVar("T")

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class Reply(pykka.Future[Any]):
    """An answer to come. Completes *outcome*, which a thread can wait for and an event loop can wrap.

    An actor that answers later returns a Reply of its own, keeps it, and sets it when it knows.
    Unlike Pykka's, it may be set twice: the first wins, as when a timeout meets a late answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outcome: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def set(self, value: Any = None) -> None:
        if isinstance(value, Reply):
            value.outcome.add_done_callback(self._follow)
        else:
            self._complete(value, None)

    def fail(self, error: BaseException) -> None:
        """Answer with an exception, which is raised where the question was asked."""
        self._complete(None, error)

    def set_exception(self, exc_info: ExcInfo | None = None) -> None:
        error = (exc_info or sys.exc_info())[1]
        self.fail(error if error is not None else pykka.ActorDeadError("the actor stopped"))

    def get(self, *, timeout: float | None = None) -> Any:
        """Block until answered; never on an event loop. Raises TimeoutError, or what was failed with."""
        return self.outcome.result(timeout)

    def _follow(self, other: concurrent.futures.Future[Any]) -> None:
        error = other.exception()
        self._complete(None if error else other.result(), error)

    def _complete(self, value: Any, error: BaseException | None) -> None:
        try:
            if error is None:
                self.outcome.set_result(value)
            else:
                self.outcome.set_exception(error)
        except concurrent.futures.InvalidStateError:
            logger.debug("a reply was no longer waited for")


class Address:
    """Where an actor's messages go. Stays valid when the actor is restarted: the system binds it anew."""

    def __init__(self, name: str, ref: pykka.ActorRef[Any] | None = None) -> None:
        self.name = name
        self._ref = ref

    def __repr__(self) -> str:
        return f"<Address {self.name}>"

    def bind(self, ref: pykka.ActorRef[Any]) -> None:
        self._ref = ref

    @property
    def is_alive(self) -> bool:
        return self._ref is not None and self._ref.is_alive()

    @property
    def last_error(self) -> str | None:
        """What ended the actor that is behind this address now, if it crashed."""
        return getattr(self._ref, "last_error", None)

    @property
    def inbox_size(self) -> int:
        """Messages that wait; an estimate, as in any queue that others use."""
        inbox = self._ref.actor_inbox if self._ref else None
        return inbox.qsize() if inbox is not None else 0  # type: ignore[attr-defined]

    def tell(self, message: Message) -> None:
        """Send and forget. What is told to a dead actor is lost: it restarts from the database."""
        try:
            if self._ref is not None:
                self._ref.tell(message)
        except pykka.ActorDeadError:
            logger.debug("%s is down; lost %s", self.name, type(message).__name__)

    def ask(self, message: Request[T]) -> Reply:
        """Send, and return where the answer will be; fails with ActorDeadError when the actor is down."""
        if self._ref is None:
            reply = Reply()
            reply.fail(pykka.ActorDeadError(f"{self.name} is not started"))
            return reply
        future = self._ref.ask(message, block=False)
        assert isinstance(future, Reply)
        return future

    def stop(self) -> Reply:
        """Let the actor handle what it was told so far, then end it."""
        reply = Reply()
        if self._ref is None or not self._ref.is_alive():
            reply.set(None)
            return reply
        stopped = self._ref.ask(pykka.messages._ActorStop(), block=False)
        assert isinstance(stopped, Reply)
        return stopped


class MarketActor(pykka.ThreadingActor):
    """An actor on a thread of its own. *address* is that of this incarnation."""

    use_daemon_thread = True  # a call that hangs must not keep the process alive

    def __init__(self) -> None:
        super().__init__()
        self.address = Address(type(self).__name__, self.actor_ref)

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave what went wrong where the system finds it when the actor is gone; runs on the actor's thread."""
        if exception_type is not None:
            self.actor_ref.last_error = f"{exception_type.__name__}: {exception_value}"  # type: ignore[attr-defined]

    @staticmethod
    def _create_actor_inbox() -> queue.SimpleQueue[Any]:
        return queue.SimpleQueue()  # Pykka's queue.Queue takes three locks a message

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return Reply()

    def on_handled(self, message: Any) -> None:
        """Called after each message, before it is answered."""

    def _handle_receive(self, message: Any) -> Any:
        try:
            return True if isinstance(message, Ping) else super()._handle_receive(message)
        finally:
            self.on_handled(message)
            if not self.actor_inbox.empty():  # else it waits at once, with its answer given
                pool.give_way()


class PooledActor(pykka.Actor):
    """An actor without a thread: run by the pool while it has messages."""

    dispatcher = pool.Dispatcher()

    def __init__(self) -> None:
        super().__init__()
        self.actor_stopped = self.actor_ref.actor_stopped = pool.Flag()  # type: ignore[assignment]

    @classmethod
    def _create_actor_inbox(cls) -> pool.PooledInbox:
        return pool.PooledInbox(cls.dispatcher)

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return Reply()

    def _start_actor_loop(self) -> None:
        self.dispatcher.ensure_threads()
        inbox = self.actor_inbox
        assert isinstance(inbox, pool.PooledInbox)
        inbox.start(self)

    def _handle_receive(self, message: Any) -> Any:
        if isinstance(message, Ping):
            return True
        return super()._handle_receive(message)
