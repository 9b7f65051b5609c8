"""ConnectionRegistry: the open streams, what each may hear, and the frames that go out to them.

Every frame is encoded here once, in the order in which it is numbered, and handed to the
*outlet* in batches; what an outlet cannot deliver in time it asks for again with Resync.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from market_actors.actor import MarketActor
from market_actors.domain.quote import Price, StreamPosition
from market_actors.domain.valuation import Valuation
from market_actors.errors import NotFound, ShuttingDown, TooManyStreams
from market_actors.messages import (
    AccessRevoked,
    Address,
    CloseConnection,
    CloseStreams,
    CountStreams,
    DemandChanged,
    Follow,
    Followed,
    HoldersChanged,
    ListConnections,
    Message,
    PortfolioValued,
    PricesWithdrawn,
    QuotesChanged,
    RecordConnections,
    Resync,
    SendPrices,
    SendRevoked,
    Subscribe,
    Subscriber,
    Tick,
    Unfollow,
    Unsubscribe,
    Updates,
    UpdatesChanged,
)
from market_actors.streams import Stream, StreamTable, Wheel
from persistence.records import StreamConnection

logger = logging.getLogger(__name__)

COMMENT_SECONDS = 15  # proxies cut a silent connection after 30 s
RECHECK_SECONDS = 2.0  # how often ended credentials are looked for; they must be noticed within 5 s
RECHECK_OVERLAP = timedelta(seconds=30)  # a commit may be seen later than its time says
RETELL_SECONDS = 5.0  # how often demand is told again, for actors that were restarted

STATUS = ""  # the key of connection_status: no symbol is empty
Key = str | UUID | None


class Frame(NamedTuple):
    """One encoded event. *key* is the symbol or portfolio whose newer event may stand for it; None: none may.

    position: that of a price.
    """

    key: Key
    data: bytes
    position: StreamPosition | None = None


class Delivery(NamedTuple):
    """Frames for these connections, in order. close: they are the last.

    merged: when they answer a Resync, how many events they say were merged.
    """

    connection_ids: tuple[UUID, ...]
    frames: tuple[Frame, ...]
    merged: int | None = None
    close: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """What a stream has carried."""

    events_sent: int
    bytes_sent: int
    conflated_events: int


class Outlet(Protocol):
    """Takes frames to the sockets; called on the registry's thread, must not wait."""

    def deliver(self, deliveries: Sequence[Delivery]) -> None: ...

    def figures(self) -> Mapping[UUID, Figures]:
        """Return what the open connections have carried until now."""

    def reset(self) -> None:
        """Close every connection: nobody knows them any more."""


class Wire(Protocol):
    """Encodes events; see web.sse."""

    def connection_status(
        self, sequence: int, updates: Updates | None, recovered: bool | None, conflated: int
    ) -> bytes: ...

    def price_update(self, sequence: int, price: Price) -> bytes: ...

    def portfolio_update(
        self, sequence: int, valuation: Valuation, changed: frozenset[str] | None, position: StreamPosition | None
    ) -> bytes: ...

    def heartbeat(self, sequence: int, updates: Updates | None) -> bytes: ...

    def error(self, sequence: int, code: str, message: str) -> bytes: ...

    def closing(self, sequence: int) -> bytes: ...

    def comment(self) -> bytes: ...


class ConnectionRegistry(MarketActor):
    """Keeps the open streams. Upstream addresses (book, quotes, scheduler) are where demand is told."""

    def __init__(
        self,
        outlet: Outlet,
        wire: Wire,
        store: Address,
        book: Address,
        quotes: Address,
        scheduler: Address,
        *,
        epoch: int,
        streams_per_user: int,
        heartbeat_seconds: int,
        node: str,
    ) -> None:
        super().__init__()
        self._outlet = outlet
        self._wire = wire
        self._store = store
        self._book = book
        self._quotes = quotes
        self._scheduler = scheduler
        self._streams_per_user = streams_per_user
        self._node = node
        self._position = StreamPosition(epoch, 0)
        self._sequence = itertools.count(1)
        self._table = StreamTable()
        self._prices: dict[str, Price] = {}
        self._valuations: dict[UUID, Valuation] = {}
        self._updates: Updates | None = None
        self._heartbeats = Wheel(heartbeat_seconds)
        self._comments = Wheel(COMMENT_SECONDS)
        self._opened: list[StreamConnection] = []
        self._closed: list[StreamConnection] = []
        self._records: dict[UUID, StreamConnection] = {}
        self._now: datetime | None = None
        self._monotonic = 0.0
        self._checked_at = self._told_at = float("-inf")
        self._told_symbols: frozenset[str] = frozenset()
        self._draining = False

    def on_start(self) -> None:
        self._outlet.reset()
        self._quotes.tell(SendPrices(self.address))

    def on_receive(self, message: Message) -> int | tuple[StreamConnection, ...] | None:
        match message:
            case QuotesChanged(prices):
                self._publish_prices(prices)
            case PortfolioValued(valuation, changed):
                self._publish_valuation(valuation, changed)
            case Subscribe(subscriber):
                self._subscribe(subscriber)
            case Unsubscribe():
                self._unsubscribe(message)
            case Resync():
                self._resync(message)
            case UpdatesChanged(updates):
                self._updates_changed(updates)
            case AccessRevoked(credential_ids, user_ids, portfolio_ids):
                ended = self._table.opened_by(credential_ids, user_ids, portfolio_ids)
                self._end(ended, "access_revoked", "the right to this stream has ended")
            case Tick(now, monotonic):
                self._tick(now, monotonic)
            case CountStreams():
                return len(self._table)
            case CloseStreams():
                return self._close_all()
            case ListConnections():
                return self._list()
            case CloseConnection(connection_id):
                if self._table.get(connection_id) is None:
                    raise NotFound(f"no connection {connection_id}")
                self._end((connection_id,), "closed", "an administrator closed this stream")
            case PricesWithdrawn(symbols):
                for symbol in symbols:
                    self._prices.pop(symbol, None)
            case _:
                raise TypeError(f"not a message for the connection registry: {message!r}")
        return None

    # -- Subscribers -----------------------------------------------------------------------

    def _subscribe(self, subscriber: Subscriber) -> None:
        if self._draining:
            raise ShuttingDown()
        if self._table.count_of(subscriber.user_id) >= self._streams_per_user:
            raise TooManyStreams(self._streams_per_user)
        last = subscriber.last_event_id
        stream = Stream(
            subscriber, self._monotonic, self._position, recovered=last == str(self._position) if last else None
        )
        fresh = self._table.add(stream)
        (self._heartbeats if subscriber.heartbeat else self._comments).add(subscriber.connection_id, self._monotonic)
        if subscriber.heartbeat:
            self._comments.add(subscriber.connection_id, self._monotonic)
        if fresh:
            self._book.tell(Follow(tuple(fresh)))
        self._tell_watched()
        self._greet(stream)
        self._record_opened(subscriber)

    def _greet(self, stream: Stream) -> None:
        """Send the status, the symbols' prices, and what is known of the portfolios; the rest follows when valued."""
        subscriber = stream.subscriber
        frames = [self._status(stream.recovered)]
        if not stream.recovered:
            known = [price for symbol in subscriber.symbols if (price := self._prices.get(symbol))]
            frames += map(self._price, sorted(known, key=lambda price: price.position))
        for portfolio_id in subscriber.portfolio_ids:
            valuation = self._valuations.get(portfolio_id)
            if valuation is None:
                stream.awaited.add(portfolio_id)
            elif valuation.user_id == subscriber.user_id:
                frames.append(self._snapshot(valuation))
        self._send((subscriber.connection_id,), frames)

    def _unsubscribe(self, message: Unsubscribe) -> None:
        stream = self._table.get(message.connection_id)
        if stream is None:
            return
        for wheel in (self._heartbeats, self._comments):
            wheel.remove(message.connection_id, stream.opened_at)
        left = self._table.remove(message.connection_id)
        for portfolio_id in left:
            self._valuations.pop(portfolio_id, None)
        if left:
            self._book.tell(Unfollow(tuple(left)))
        self._tell_watched()
        self._record_closed(message)

    def _end(self, connection_ids: Iterable[UUID], code: str, reason: str) -> None:
        ended = tuple(connection_ids)
        if ended:
            frame = Frame(None, self._wire.error(next(self._sequence), code, reason))
            self._outlet.deliver([Delivery(ended, (frame,), close=True)])

    def _close_all(self) -> int:
        self._draining = True
        count = len(self._table)
        # One frame a stream: each is told to come back at a moment of its own.
        self._outlet.deliver(
            [
                Delivery((connection_id,), (Frame(None, self._wire.closing(next(self._sequence))),), close=True)
                for connection_id in self._table
            ]
        )
        self._flush_records()
        return count

    # -- News --------------------------------------------------------------------------------

    def _publish_prices(self, prices: Mapping[str, Price]) -> None:
        """Send each price to whoever hears its symbol: encoded once, and all of a batch in one write a stream."""
        news = sorted((price for price in prices.values() if self._is_news(price)), key=lambda price: price.position)
        self._prices |= prices
        frames: list[Frame] = []
        heard: dict[UUID, int] = {}  # by connection, which of the frames: a bit for each
        for price in news:
            self._position = max(self._position, price.position)
            hearing = self._table.hearing(price.symbol)
            if hearing:
                bit = 1 << len(frames)
                frames.append(self._price(price))
                for connection_id in hearing:
                    heard[connection_id] = heard.get(connection_id, 0) | bit
        groups: dict[int, list[UUID]] = {}
        for connection_id, bits in heard.items():
            groups.setdefault(bits, []).append(connection_id)
        if groups:
            self._outlet.deliver(
                [
                    Delivery(tuple(ids), tuple(frame for place, frame in enumerate(frames) if bits >> place & 1))
                    for bits, ids in groups.items()
                ]
            )

    def _is_news(self, price: Price) -> bool:
        known = self._prices.get(price.symbol)
        return known is None or known.position < price.position

    def _publish_valuation(self, valuation: Valuation, changed: frozenset[str]) -> None:
        portfolio_id = valuation.portfolio_id
        if not self._table.is_watched(portfolio_id):
            return
        before = self._valuations.get(portfolio_id)
        self._valuations[portfolio_id] = valuation
        held = valuation.symbols
        unheard: Mapping[UUID, Sequence[Price]] = {}
        if before is None or before.symbols != held:
            unheard = self._unheard(portfolio_id, held)
            self._table.set_held(portfolio_id, held)
        awaiting, following = [], []
        for connection_id in self._table.watching(portfolio_id):
            stream = self._table.get(connection_id)
            if stream is None or stream.subscriber.user_id != valuation.user_id:
                continue
            if stream.awaited and portfolio_id in stream.awaited:
                stream.awaited.discard(portfolio_id)
                awaiting.append(connection_id)
            else:
                following.append(connection_id)
        for connection_id in unheard.keys() & set(awaiting) if unheard else ():
            self._send((connection_id,), [self._price(price) for price in unheard[connection_id]])
        if awaiting:
            self._send(awaiting, [self._snapshot(valuation)])
        if following:
            data = self._wire.portfolio_update(next(self._sequence), valuation, changed, None)
            self._send(following, [Frame(portfolio_id, data)])

    def _unheard(self, portfolio_id: UUID, held: Iterable[str]) -> Mapping[UUID, Sequence[Price]]:
        """Return, by stream that awaits the portfolio, the prices it missed since it opened.

        Until now nobody knew that these symbols are held in it.
        """
        prices = sorted(
            (self._prices[symbol] for symbol in held if symbol in self._prices), key=lambda each: each.position
        )
        found: dict[UUID, list[Price]] = {}
        for connection_id in self._table.watching(portfolio_id):
            stream = self._table.get(connection_id)
            if stream is None or portfolio_id not in stream.awaited:
                continue
            for price in prices:
                if price.position > stream.since and connection_id not in self._table.hearing(price.symbol):
                    found.setdefault(connection_id, []).append(price)
        return found

    def _resync(self, message: Resync) -> None:
        """Answer a slow reader that has caught up with the newest of all it missed, and how many were merged.

        Prices that were on their way while it asked are withheld as well. So they are sent from a position on,
        whatever their symbol: ids must rise, and no price may come after a later one.
        """
        stream = self._table.get(message.connection_id)
        if stream is None:
            return
        prices = [] if message.since is None else self._prices_since(message.since, stream)
        valuations = [
            valuation
            for portfolio_id in message.portfolio_ids
            if (valuation := self._valuations.get(portfolio_id)) and valuation.user_id == stream.subscriber.user_id
        ]
        merged = max(message.withheld - len(prices) - len(valuations), 0)
        frames = [self._status(stream.recovered, merged)]
        frames += map(self._price, prices)
        frames += map(self._snapshot, valuations)
        self._outlet.deliver([Delivery((message.connection_id,), tuple(frames), merged=merged)])

    def _prices_since(self, since: StreamPosition, stream: Stream) -> list[Price]:
        """Return the prices a stream hears that stand at a position or after it, in order."""
        heard = (self._prices.get(symbol) for symbol in self._table.heard_by(stream))
        return sorted((p for p in heard if p is not None and p.position >= since), key=lambda price: price.position)

    def _updates_changed(self, updates: Updates) -> None:
        before, self._updates = self._updates, updates
        if _weather(before) != _weather(updates):
            by_recovered: dict[bool | None, list[UUID]] = {}
            for connection_id in self._table:
                by_recovered.setdefault(self._table[connection_id].recovered, []).append(connection_id)
            for recovered, connection_ids in by_recovered.items():
                self._send(connection_ids, [self._status(recovered)])

    # -- Time --------------------------------------------------------------------------------

    def _tick(self, now: datetime, monotonic: float) -> None:
        self._now, self._monotonic = now, monotonic
        if due := self._heartbeats.due(monotonic):
            self._send(due, [Frame(None, self._wire.heartbeat(next(self._sequence), self._updates))])
            self._note_heartbeat(due, now)
        if due := self._comments.due(monotonic):
            self._send(due, [Frame(None, self._wire.comment())])
            self._note_heartbeat(due, now)
        self._end(self._table.expired(now), "expired", "the credential of this stream has expired")
        if monotonic - self._checked_at >= RECHECK_SECONDS:
            self._checked_at = monotonic
            if len(self._table):
                self._store.tell(SendRevoked(now - RECHECK_OVERLAP, self.address))
        if monotonic - self._told_at >= RETELL_SECONDS:
            self._told_at = monotonic
            self._book.tell(Followed(self._table.portfolios))
            self._tell_watchers()
            self._scheduler.tell(DemandChanged("watched", self._told_symbols))
        elif self._table.has_new_watchers:
            self._tell_watchers()
        self._flush_records()

    def _tell_watched(self) -> None:
        symbols = self._table.symbols
        if symbols != self._told_symbols:
            self._told_symbols = symbols
            self._tell_watchers()
            self._scheduler.tell(DemandChanged("watched", symbols))

    def _tell_watchers(self) -> None:
        self._scheduler.tell(HoldersChanged("watched", self._table.watchers(), {}))

    # -- Frames ------------------------------------------------------------------------------

    def _send(self, connection_ids: Sequence[UUID], frames: Sequence[Frame]) -> None:
        if connection_ids:
            self._outlet.deliver([Delivery(tuple(connection_ids), tuple(frames))])

    def _price(self, price: Price) -> Frame:
        return Frame(price.symbol, self._wire.price_update(next(self._sequence), price), price.position)

    def _snapshot(self, valuation: Valuation) -> Frame:
        data = self._wire.portfolio_update(next(self._sequence), valuation, None, self._position)
        return Frame(valuation.portfolio_id, data)

    def _status(self, recovered: bool | None, conflated: int = 0) -> Frame:
        data = self._wire.connection_status(next(self._sequence), self._updates, recovered, conflated)
        return Frame(STATUS, data)

    # -- Records -----------------------------------------------------------------------------

    def _record_opened(self, subscriber: Subscriber) -> None:
        if self._now is None:
            return
        record = StreamConnection(
            id=subscriber.connection_id,
            user_id=subscriber.user_id,
            ip_address=subscriber.ip_address,
            user_agent=subscriber.user_agent,
            connected_at=self._now,
            last_heartbeat=self._now,
            portfolio_ids=subscriber.portfolio_ids,
            symbols=subscriber.symbols,
            events_sent=0,
            bytes_sent=0,
            conflated_events=0,
            node=self._node,
        )
        self._records[record.id] = record
        self._opened.append(record)

    def _note_heartbeat(self, connection_ids: Iterable[UUID], now: datetime) -> None:
        for connection_id in connection_ids:
            record = self._records.get(connection_id)
            if record is not None:
                self._records[connection_id] = replace(record, last_heartbeat=now)

    def _list(self) -> tuple[StreamConnection, ...]:
        """The open streams with what they have carried until now, newest first."""
        figures = self._outlet.figures()
        nothing = Figures(0, 0, 0)
        found = [
            replace(
                record,
                events_sent=carried.events_sent,
                bytes_sent=carried.bytes_sent,
                conflated_events=carried.conflated_events,
            )
            for record in self._records.values()
            for carried in [figures.get(record.id, nothing)]
        ]
        return tuple(sorted(found, key=lambda record: record.connected_at, reverse=True))

    def _record_closed(self, message: Unsubscribe) -> None:
        record = self._records.pop(message.connection_id, None)
        if record is not None:
            self._closed.append(
                replace(
                    record,
                    events_sent=message.events_sent,
                    bytes_sent=message.bytes_sent,
                    conflated_events=message.conflated_events,
                    closed_at=self._now,
                )
            )

    def _flush_records(self) -> None:
        if self._opened or self._closed:
            self._store.tell(RecordConnections(tuple(self._opened), tuple(self._closed)))
            self._opened, self._closed = [], []


def _weather(updates: Updates | None) -> object:
    """What of the updates' state is worth a connection_status: not the next update's time, unless it was ordered.

    Fair until it is known.
    """
    if updates is None:
        return (0, None, None, ())
    troubled = tuple((provider.name, provider.status) for provider in updates.providers if provider.is_lost)
    return (updates.orders, updates.paused_reason, updates.paused_until, troubled)
