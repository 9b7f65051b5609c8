"""Which portfolios' histories want a new point, that is, a value."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Set as AbstractSet
from uuid import UUID


class PointsDue:
    """The portfolios whose last value, where there is one, is too old for their history; times are monotonic seconds.

    every: seconds between two points.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._due: set[UUID] = set()
        self._valued: OrderedDict[UUID, float] = OrderedDict()  # when the others were, or were to be; longest ago first

    def add(self, portfolio_id: UUID) -> None:
        """Enter a portfolio that has no value yet; one that is known stays as it is."""
        if portfolio_id not in self._valued:
            self._due.add(portfolio_id)

    def remove(self, portfolio_id: UUID) -> None:
        self._due.discard(portfolio_id)
        self._valued.pop(portfolio_id, None)

    def note(self, portfolio_id: UUID, monotonic: float) -> None:
        """It is valued now, or will be soon."""
        self._due.discard(portfolio_id)
        self._valued[portfolio_id] = monotonic
        self._valued.move_to_end(portfolio_id)

    def among(self, portfolio_ids: AbstractSet[UUID]) -> set[UUID]:
        """Return those of these that are due."""
        return self._due & portfolio_ids

    def pass_time(self, monotonic: float) -> None:
        while self._valued and monotonic - next(iter(self._valued.values())) >= self._every:
            self._due.add(self._valued.popitem(last=False)[0])
