"""Which open stream hears what: the tables of the connection registry, without its messages."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from market_actors.domain.polling import Holder
from market_actors.messages import Subscriber

K = TypeVar("K")
V = TypeVar("V")

SWEEP = 100  # expiries of streams that have gone which may be kept


@dataclass(slots=True)
class Stream:
    """One open stream; opened_at in monotonic seconds.

    recovered: whether it went on where it was lost; None for a first connection.
    awaited:   portfolios whose value is not known yet: so it is not known what it hears.
    """

    subscriber: Subscriber
    opened_at: float
    recovered: bool | None = None
    awaited: set[UUID] = field(default_factory=set)


class StreamTable:
    """Open streams by connection, user, portfolio and symbol.

    A stream hears of the symbols it asked for, and of those held in its portfolios.
    """

    def __init__(self) -> None:
        self._streams: dict[UUID, Stream] = {}
        self._by_user: dict[UUID, set[UUID]] = {}
        self._by_portfolio: dict[UUID, set[UUID]] = {}
        self._by_symbol: dict[str, set[UUID]] = {}
        self._held: dict[UUID, tuple[str, ...]] = {}
        self._holders: dict[str, set[UUID]] = {}
        self._expiries: list[tuple[datetime, UUID]] = []
        self._watchers: dict[str, tuple[Holder, ...]] = {}
        self._changed: set[str] = set()
        self.changes = 0  # grows whenever a stream hears something else than before

    def __len__(self) -> int:
        return len(self._streams)

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._streams)

    def __getitem__(self, connection_id: UUID) -> Stream:
        return self._streams[connection_id]

    def get(self, connection_id: UUID) -> Stream | None:
        return self._streams.get(connection_id)

    def count_of(self, user_id: UUID) -> int:
        return len(self._by_user.get(user_id, ()))

    @property
    def portfolios(self) -> frozenset[UUID]:
        return frozenset(self._by_portfolio)

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that streams asked for by name."""
        return frozenset(self._by_symbol)

    @property
    def has_new_watchers(self) -> bool:
        """Have streams that ask for symbols come or gone since watchers() was called?"""
        return bool(self._changed)

    def watchers(self) -> dict[str, tuple[Holder, ...]]:
        """Return who asked for which symbol by name; of symbols whose watchers are the same, the same tuple again."""
        for symbol in self._changed:
            users = {
                self._streams[connection_id].subscriber.user_id for connection_id in self._by_symbol.get(symbol, ())
            }
            if users:
                self._watchers[symbol] = tuple(Holder(None, user_id) for user_id in users)
            else:
                self._watchers.pop(symbol, None)
        self._changed.clear()
        return dict(self._watchers)

    def add(self, stream: Stream) -> list[UUID]:
        """Enter a stream; return those of its portfolios that nobody watched before."""
        subscriber = stream.subscriber
        connection_id = subscriber.connection_id
        self.changes += 1
        self._streams[connection_id] = stream
        self._by_user.setdefault(subscriber.user_id, set()).add(connection_id)
        fresh = [portfolio_id for portfolio_id in subscriber.portfolio_ids if portfolio_id not in self._by_portfolio]
        for portfolio_id in subscriber.portfolio_ids:
            self._by_portfolio.setdefault(portfolio_id, set()).add(connection_id)
        self._changed.update(subscriber.symbols)
        for symbol in subscriber.symbols:
            self._by_symbol.setdefault(symbol, set()).add(connection_id)
        if subscriber.expires_at is not None:
            self._note_expiry(subscriber.expires_at, connection_id)
        return fresh

    def _note_expiry(self, expires_at: datetime, connection_id: UUID) -> None:
        """Credentials last for weeks and streams for minutes: those that have gone are swept out."""
        if len(self._expiries) > 2 * len(self._streams) + SWEEP:
            self._expiries = [entry for entry in self._expiries if entry[1] in self._streams]
            heapq.heapify(self._expiries)
        heapq.heappush(self._expiries, (expires_at, connection_id))

    def remove(self, connection_id: UUID) -> list[UUID]:
        """Forget a stream; return those of its portfolios that nobody watches any more."""
        stream = self._streams.pop(connection_id, None)
        if stream is None:
            return []
        self.changes += 1
        subscriber = stream.subscriber
        _discard(self._by_user, subscriber.user_id, connection_id)
        self._changed.update(subscriber.symbols)
        for symbol in subscriber.symbols:
            _discard(self._by_symbol, symbol, connection_id)
        left = [
            portfolio_id
            for portfolio_id in subscriber.portfolio_ids
            if _discard(self._by_portfolio, portfolio_id, connection_id)
        ]
        for portfolio_id in left:
            self.set_held(portfolio_id, ())
        return left

    def watching(self, portfolio_id: UUID) -> tuple[UUID, ...]:
        return tuple(self._by_portfolio.get(portfolio_id, ()))

    def hearing(self, symbol: str) -> set[UUID]:
        """The streams that get this symbol's price."""
        found = set(self._by_symbol.get(symbol, ()))
        for portfolio_id in self._holders.get(symbol, ()):
            found |= self._by_portfolio.get(portfolio_id, set())
        return found

    def heard_by(self, stream: Stream) -> frozenset[str]:
        """The symbols whose prices a stream gets."""
        held = (self._held.get(portfolio_id, ()) for portfolio_id in stream.subscriber.portfolio_ids)
        return frozenset(stream.subscriber.symbols).union(*held)

    def set_held(self, portfolio_id: UUID, symbols: tuple[str, ...]) -> None:
        """Note what a watched portfolio holds now."""
        self.changes += 1
        before = self._held.pop(portfolio_id, ())
        if symbols:
            self._held[portfolio_id] = symbols
        for symbol in set(before).difference(symbols):
            _discard(self._holders, symbol, portfolio_id)
        for symbol in set(symbols).difference(before):
            self._holders.setdefault(symbol, set()).add(portfolio_id)

    def expired(self, now: datetime) -> list[UUID]:
        """Return, once, the streams whose credential has run out."""
        found = []
        while self._expiries and self._expiries[0][0] <= now:
            connection_id = heapq.heappop(self._expiries)[1]
            if connection_id in self._streams:
                found.append(connection_id)
        return found

    def opened_by(
        self, credential_ids: Iterable[UUID], user_ids: Iterable[UUID], portfolio_ids: Iterable[UUID]
    ) -> set[UUID]:
        """Return the streams of any of these credentials, users or portfolios."""
        found: set[UUID] = set()
        for user_id in user_ids:
            found |= self._by_user.get(user_id, set())
        for portfolio_id in portfolio_ids:
            found |= self._by_portfolio.get(portfolio_id, set())
        wanted = frozenset(credential_ids)
        if wanted:
            found |= {
                connection_id
                for connection_id, stream in self._streams.items()
                if stream.subscriber.credential_id in wanted
            }
        return found


def _discard(table: dict[K, set[V]], key: K, member: V) -> bool:
    """Take *member* out of a set in *table*; True when that was the last of it."""
    members = table.get(key)
    if members is None:
        return False
    members.discard(member)
    if members:
        return False
    del table[key]
    return True


class Wheel:
    """Says once every *period* seconds that a stream is due, spread by when it was opened."""

    def __init__(self, period: int) -> None:
        self.period = period
        self._slots: list[set[UUID]] = [set() for _ in range(period)]
        self._turned_to: int | None = None

    def add(self, connection_id: UUID, monotonic: float) -> None:
        self._slots[int(monotonic) % self.period].add(connection_id)

    def remove(self, connection_id: UUID, opened_at: float) -> None:
        self._slots[int(opened_at) % self.period].discard(connection_id)

    def due(self, monotonic: float) -> tuple[UUID, ...]:
        """Return the streams whose turn came since the last call; each at most once, however late the call is."""
        second = int(monotonic)
        last = second - 1 if self._turned_to is None else self._turned_to
        self._turned_to = second
        slots = range(max(last + 1, second - self.period + 1), second + 1)
        return tuple(connection_id for slot in slots for connection_id in self._slots[slot % self.period])
