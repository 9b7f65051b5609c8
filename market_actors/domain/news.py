"""New prices on their way to the portfolios that need them, a few portfolios at a time."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(slots=True)
class _News:
    """Symbols whose price is new, and the portfolios that have still to be told."""

    touched: frozenset[str]
    portfolio_ids: set[UUID]


class NewsQueue:
    """What is being handed out, and after it all that came since, put together: the latest price of a symbol is enough."""

    def __init__(self) -> None:
        self._news: list[_News] = []

    def __len__(self) -> int:
        """Return 2 at the most: what is being handed out, and all that came since."""
        return len(self._news)

    def put(self, touched: frozenset[str], portfolio_ids: set[UUID]) -> None:
        if len(self._news) < 2:
            self._news.append(_News(touched, portfolio_ids))
        else:
            self._news[-1].touched |= touched
            self._news[-1].portfolio_ids |= portfolio_ids

    def take(self, most: int) -> tuple[frozenset[str], list[UUID]]:
        """Return the oldest news, and some of those whom they concern; it must not be empty."""
        oldest = self._news[0]
        chosen = [oldest.portfolio_ids.pop() for _ in range(min(most, len(oldest.portfolio_ids)))]
        if not oldest.portfolio_ids:
            del self._news[0]
        return oldest.touched, chosen

    def take_of(self, portfolio_id: UUID) -> frozenset[str]:
        """Return all the symbols that one portfolio has still to be told of, which is then to be told at once."""
        touched = frozenset[str]()
        for news in self._news:
            if portfolio_id in news.portfolio_ids:
                touched |= news.touched
                news.portfolio_ids.discard(portfolio_id)
        return touched
