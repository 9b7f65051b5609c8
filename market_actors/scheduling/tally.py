"""How many prices came within the last hour."""

from __future__ import annotations

from collections import deque

HOUR = 3600.0  # seconds


class Tally:
    """Counts over a sliding hour; times are monotonic seconds."""

    def __init__(self) -> None:
        self._counted: deque[tuple[float, int]] = deque()
        self._total = 0

    def add(self, monotonic: float, count: int) -> None:
        self._counted.append((monotonic, count))
        self._total += count

    def total(self, monotonic: float) -> int:
        while self._counted and self._counted[0][0] <= monotonic - HOUR:
            self._total -= self._counted.popleft()[1]
        return self._total
