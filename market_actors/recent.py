"""The newest prices that were published, in memory: most streams that come back have missed no others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from market_actors.domain.quote import Price, StreamPosition

EVENTS = 10_000  # kept at the most
BYTES = 8 * 1024 * 1024  # of memory for them, about
WEIGHT = 1_000  # bytes of a price without its name, about


class Recent:
    """All prices after *floor* up to *head*, without a gap; what came before stands in the database."""

    def __init__(self, head: StreamPosition, events: int = EVENTS, size: int = BYTES) -> None:
        self.floor = self.head = head
        self._events = events
        self._size = size
        self._prices: list[Price] = []
        self._weight = 0

    def append(self, prices: Sequence[Price]) -> None:
        """Add prices, each of which follows the last; where the first does not, only they are kept."""
        for price in prices:
            if not price.position.follows(self.head):
                self._prices, self._weight = [], 0
                self.floor = StreamPosition(price.position.epoch, price.position.number - 1)
            self._prices.append(price)
            self._weight += _weight(price)
            self.head = price.position
        if len(self._prices) > self._events or self._weight > self._size:
            self._forget()

    def _forget(self) -> None:
        """Drop a tenth more than is needed: a list loses its beginning no faster for one than for many."""
        count = max(len(self._prices) - self._events, 0) + self._events // 10
        while sum(map(_weight, self._prices[count:])) > self._size:
            count += self._events // 10 + 1
        dropped, self._prices = self._prices[:count], self._prices[count:]
        self._weight -= sum(map(_weight, dropped))
        if dropped:
            self.floor = dropped[-1].position

    def after(
        self, position: StreamPosition, symbols: Collection[str], most: int
    ) -> tuple[list[Price], StreamPosition]:
        """Return the first *most* prices of these symbols after a position, which is not below the floor.

        With them comes the position up to which there are no others.
        """
        start = position.number - self.floor.number
        found: list[Price] = []
        for index in range(start, len(self._prices)):
            price = self._prices[index]
            if price.symbol in symbols:
                found.append(price)
                if len(found) == most:
                    return found, price.position
        return found, self.head


def _weight(price: Price) -> int:
    return WEIGHT + len(price.quote.name or "")
