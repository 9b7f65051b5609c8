"""When each symbol in demand is polled next: the scheduler's table, without its messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from market_actors.messages import Tick

HALF_A_TICK = 0.5  # seconds; what is due within it would else wait for a whole second more


@dataclass(slots=True)
class Row:
    """One symbol in demand.

    due:      monotonic seconds.
    interval: between two polls, where nothing fails.
    failures: rounds in a row in which no provider had a quote.
    tried:    providers that failed in this round.
    manual:   a person waits for it; user_id is who.
    planned_from: when the poll began from which the wait for the next one counts.
    is_barred: nobody who wants it may be updated: it is not polled, whatever is due.
    """

    symbol: str
    exchange: str
    due: float
    interval: timedelta = timedelta(0)
    provider: str | None = None
    last_poll_at: datetime | None = None
    failures: int = 0
    tried: set[str] = field(default_factory=set)
    manual: bool = False
    user_id: UUID | None = None
    planned_from: Tick | None = None
    is_barred: bool = False

    @property
    def kind(self) -> str:
        return "manual" if self.manual else "scheduled"

    def close_round(self) -> None:
        """Forget who failed and who waited: the next poll begins with the first provider again."""
        self.tried.clear()
        self.manual = False
        self.user_id = None


class Timetable:
    """The rows of all that is held, watched, or was asked for within the last hour.

    polling: symbols in a call that is under way, wanted still or not.
    """

    def __init__(self) -> None:
        self._demand: Mapping[str, frozenset[str]] = {}
        self._visits: dict[str, float] = {}
        self._rows: dict[str, Row] = {}
        self.symbols: frozenset[str] = frozenset()
        self.polling: set[str] = set()

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    @property
    def visits(self) -> int:
        """How many symbols are tracked because somebody asked for them once."""
        return len(self._visits)

    def get(self, symbol: str) -> Row | None:
        return self._rows.get(symbol)

    def put(self, row: Row) -> None:
        self._rows[row.symbol] = row

    def demand(self, source: str, symbols: frozenset[str]) -> frozenset[str]:
        """Note what *source* wants; return what has no row yet."""
        if self._demand.get(source) == symbols:
            return frozenset()
        self._demand = {**self._demand, source: symbols}
        return self._settle()

    def visit(self, symbols: Iterable[str], until: float) -> frozenset[str]:
        """Track these until then (monotonic), demand or not; return what has no row yet."""
        self._visits |= dict.fromkeys(symbols, until)
        return self._settle()

    def leave(self, symbol: str) -> None:
        """End a visit before its time."""
        if self._visits.pop(symbol, None) is not None:
            self._settle()

    def end_visits(self, monotonic: float) -> None:
        over = [symbol for symbol, until in self._visits.items() if until <= monotonic]
        if over:
            for symbol in over:
                del self._visits[symbol]
            self._settle()

    def due(self, monotonic: float) -> list[Row]:
        """Return what is to be polled now: those that a person waits for first, then the longest overdue."""
        limit = monotonic + HALF_A_TICK
        due = [
            row
            for row in self._rows.values()
            if row.due <= limit and not row.is_barred and row.symbol not in self.polling
        ]
        return sorted(due, key=lambda row: (not row.manual, row.due))

    def _settle(self) -> frozenset[str]:
        self.symbols = frozenset(self._visits).union(*self._demand.values())
        for symbol in self._rows.keys() - self.symbols:
            del self._rows[symbol]
        return self.symbols - self._rows.keys()
