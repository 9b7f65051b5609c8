"""Stand-ins for what a test does not start: addresses that remember what they were told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from market_actors.messages import Message

M = TypeVar("M", bound=Message)

PATIENCE = 5.0  # seconds a test waits for what must come


class Remembered:
    """An address that remembers; *answer*, if given, is called with each message on the teller's thread."""

    def __init__(self, answer: Callable[[Message], None] | None = None) -> None:
        self.messages: list[Message] = []
        self.answer = answer
        self._changed = threading.Condition()

    def tell(self, message: Message) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()
        if self.answer is not None:
            self.answer(message)

    def all(self, kind: type[M]) -> list[M]:
        """All messages of that kind, oldest first."""
        with self._changed:
            return [message for message in self.messages if isinstance(message, kind)]

    def last(self, kind: type[M]) -> M:
        """The newest message of that kind; fails the test when there is none."""
        found = self.all(kind)
        assert found, f"no {kind.__name__} among {[type(message).__name__ for message in self.messages]}"
        return found[-1]

    def wait_for(self, kind: type[M], count: int = 1) -> list[M]:
        """Wait until *count* messages of that kind have come and return them all."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.all(kind)) >= count, PATIENCE)
        found = self.all(kind)
        assert came, f"{len(found)} of {count} {kind.__name__} came in {PATIENCE} s"
        return found

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; it is looked at whenever a message comes."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), f"it did not come true in {PATIENCE} s"

    def forget(self) -> None:
        """Forget all that was told so far."""
        with self._changed:
            self.messages.clear()
