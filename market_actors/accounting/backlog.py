"""Calls that were granted before they are recorded: those of sources without limits, which nothing is lost by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from persistence.records import Call

FULL = 1_000  # calls; while as many wait to be recorded, no more are granted


class Backlog:
    """They are told to the store together, again and again until it confirms them."""

    def __init__(self) -> None:
        self._calls: dict[UUID, Call] = {}
        self._told: set[UUID] = set()

    @property
    def is_full(self) -> bool:
        return len(self._calls) >= FULL

    def add(self, call: Call) -> None:
        self._calls[call.id] = call

    def finish(self, call_id: UUID, outcome: str, latency_ms: int) -> bool:
        """Note how a call ended; return whether the store is still to be told of all of it together."""
        call = self._calls.get(call_id)
        if call is not None:
            self._calls[call_id] = replace(call, outcome=outcome, latency_ms=latency_ms)
        return call is not None and call_id not in self._told

    def batch(self) -> tuple[Call, ...]:
        """Return all that is to be told."""
        self._told.update(self._calls)
        return tuple(self._calls.values())

    def recorded(self, call_ids: Iterable[UUID]) -> None:
        for call_id in call_ids:
            self._calls.pop(call_id, None)
            self._told.discard(call_id)
