"""ConnectionRegistry: the open streams, what each may hear, and the frames that go out to them.

Every frame is encoded here once, in the order in which it is numbered, and handed to the
*outlet* in batches; what an outlet cannot deliver in time it asks for again with Resync.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
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
    HistoryUnavailable,
    HoldersChanged,
    ListConnections,
    Message,
    MissedLoaded,
    PageTaken,
    PortfolioValued,
    PositionFound,
    PricesPublished,
    PricesWithdrawn,
    PublishedLoaded,
    Resync,
    Retained,
    SendPublished,
    SendRevoked,
    Subscribe,
    Subscriber,
    Tick,
    Unfollow,
    Unsubscribe,
    Updates,
    UpdatesChanged,
)
from market_actors.outlet import STATUS, Delivery, Frame, Outlet, Wire
from market_actors.pool import give_way
from market_actors.replays import Replays
from market_actors.stream_records import StreamRecords
from market_actors.streams import Stream, StreamTable, Wheel
from persistence.records import StreamConnection

logger = logging.getLogger(__name__)

COMMENT_SECONDS = 15  # proxies cut a silent connection after 30 s
RECHECK_SECONDS = 2.0  # how often ended credentials are looked for; they must be noticed within 5 s
RECHECK_OVERLAP = timedelta(seconds=30)  # a commit may be seen later than its time says
HANDED = 64  # deliveries that may wait for others, to go to the outlet at once
AUDIENCES, GROUPS = 32, 32  # batches whose hearers are remembered, and in how many groups they may be
RETELL_SECONDS = 5.0  # how often demand is told again, for actors that were restarted


class ConnectionRegistry(MarketActor):
    """Keeps the open streams. Upstream addresses (book, quotes, scheduler) are where demand is told."""

    def __init__(
        self,
        outlet: Outlet,
        wire: Wire,
        store: Address,
        history: Address,
        book: Address,
        quotes: Address,
        scheduler: Address,
        *,
        history_events: int,
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
        self._sequence = itertools.count(1)
        self._table = StreamTable()
        self._audiences: dict[tuple[str, ...], Mapping[tuple[int, ...], tuple[UUID, ...]]] = {}  # see _audiences_of()
        self._audiences_at = (0, 0)
        self._prices: dict[str, Price] = {}
        self._valuations: dict[UUID, Valuation] = {}
        self._replays = Replays(history, self.address, history_events)
        self._updates: Updates | None = None
        self._heartbeats = Wheel(heartbeat_seconds)
        self._comments = Wheel(COMMENT_SECONDS)
        self._records = StreamRecords(node)
        self._now: datetime | None = None
        self._monotonic = 0.0
        self._checked_at = self._told_at = float("-inf")
        self._told_symbols: frozenset[str] = frozenset()
        self._draining = False
        self._outgoing: list[Delivery] = []

    def on_start(self) -> None:
        self._outlet.reset()
        self._replays.look_up()
        self._quotes.tell(SendPublished(self.address))

    def on_receive(self, message: Message) -> int | tuple[StreamConnection, ...] | None:
        match message:
            case PricesPublished(prices):
                self._publish_prices(prices)
            case PublishedLoaded(prices, position):
                self._begin(prices, position)
            case PortfolioValued(valuation, changed):
                self._publish_valuation(valuation, changed)
            case Subscribe(subscriber):
                self._subscribe(subscriber)
            case Unsubscribe():
                self._unsubscribe(message)
            case Resync():
                self._resync(message)
            case PageTaken() | PositionFound() | MissedLoaded():
                self._go_on(message)
            case Retained():
                self._replays.retained(message)
                self._advance_all()
            case HistoryUnavailable(connection_id):
                if connection_id in self._replays:
                    self._end((connection_id,), "history_unavailable", "what was missed cannot be read now")
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
                return self._records.list(self._outlet.figures())
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

    def on_handled(self, message: Message) -> None:
        """Hand over what is to be sent; values wait for those that come right after them."""
        waits = isinstance(message, PortfolioValued) and len(self._outgoing) < HANDED and not self.actor_inbox.empty()
        if self._outgoing and not waits:
            outgoing, self._outgoing = self._outgoing, []
            self._outlet.deliver(outgoing)

    # -- Subscribers -----------------------------------------------------------------------

    def _subscribe(self, subscriber: Subscriber) -> None:
        if self._draining:
            raise ShuttingDown()
        if self._table.count_of(subscriber.user_id) >= self._streams_per_user:
            raise TooManyStreams(self._streams_per_user)
        stream = Stream(subscriber, self._monotonic)
        stream.awaited.update(key for key in subscriber.portfolio_ids if key not in self._valuations)
        fresh = self._table.add(stream)
        (self._heartbeats if subscriber.heartbeat else self._comments).add(subscriber.connection_id, self._monotonic)
        if subscriber.heartbeat:
            self._comments.add(subscriber.connection_id, self._monotonic)
        if fresh:
            self._book.tell(Follow(tuple(fresh)))
        self._tell_watched()
        self._replays.add(stream)
        self._advance(stream)
        self._records.opened(subscriber, self._now)

    def _advance(self, stream: Stream) -> None:
        """Take a stream that is not live as far on its way as can be now.

        It is greeted, gets in order what it missed, and last the snapshot.
        """
        connection_id = stream.subscriber.connection_id
        if not self._replays.locate(stream):
            return
        frames = self._greeting(stream)
        step = None if stream.awaited else self._replays.step(stream, self._table.heard_by(stream), self._prices)
        if step is None:
            self._send((connection_id,), frames)
        elif step.is_lost:
            self._send((connection_id,), frames)
            self._end((connection_id,), "too_slow", "what was missed is forgotten by now")
        else:
            if step.prices:
                self._send((connection_id,), frames)
                page = tuple(map(self._price, step.prices))
                self._outgoing.append(Delivery((connection_id,), page, is_page=True))
                frames = []
            if step.is_last:
                frames += self._snapshots(stream, stream.subscriber.portfolio_ids, self._position_of(stream))
            self._send((connection_id,), frames)

    def _greeting(self, stream: Stream) -> list[Frame]:
        """The status, and of one that is not resumed the prices of its symbols; empty when it has them."""
        replay = self._replays[stream.subscriber.connection_id]
        if replay.is_greeted:
            return []
        replay.is_greeted = True
        known = (
            [] if stream.recovered else [p for symbol in stream.subscriber.symbols if (p := self._prices.get(symbol))]
        )
        return [self._status(stream.recovered), *map(self._price, sorted(known, key=lambda price: price.position))]

    def _go_on(self, message: PageTaken | PositionFound | MissedLoaded) -> None:
        stream = self._table.get(message.connection_id)
        if stream is None or message.connection_id not in self._replays:
            return
        match message:
            case PageTaken(connection_id):
                self._replays[connection_id].is_taken = True
            case PositionFound():
                self._replays.found(stream, message)
            case MissedLoaded():
                self._replays.loaded(message)
        self._advance(stream)

    def _advance_all(self) -> None:
        for connection_id in self._replays:
            self._advance(self._table[connection_id])

    def _unsubscribe(self, message: Unsubscribe) -> None:
        stream = self._table.get(message.connection_id)
        if stream is None:
            return
        for wheel in (self._heartbeats, self._comments):
            wheel.remove(message.connection_id, stream.opened_at)
        self._replays.remove(message.connection_id)
        left = self._table.remove(message.connection_id)
        for portfolio_id in left:
            self._valuations.pop(portfolio_id, None)
        if left:
            self._book.tell(Unfollow(tuple(left)))
        self._tell_watched()
        self._records.closed(message, self._now)

    def _end(self, connection_ids: Iterable[UUID], code: str, reason: str) -> None:
        ended = tuple(connection_ids)
        if ended:
            frame = Frame(None, self._wire.error(next(self._sequence), code, reason))
            self._outgoing.append(Delivery(ended, (frame,), close=True))

    def _close_all(self) -> int:
        self._draining = True
        count = len(self._table)
        # One frame a stream: each is told to come back at a moment of its own.
        self._outgoing.extend(
            [
                Delivery((connection_id,), (Frame(None, self._wire.closing(next(self._sequence))),), close=True)
                for connection_id in self._table
            ]
        )
        self._tell_records()
        return count

    # -- News --------------------------------------------------------------------------------

    def _begin(self, prices: Mapping[str, Price], position: StreamPosition) -> None:
        for symbol, price in prices.items():
            if symbol not in self._prices or self._prices[symbol].position < price.position:
                self._prices[symbol] = price
        self._replays.begin(position)
        self._advance_all()

    def _publish_prices(self, prices: Sequence[Price]) -> None:
        """Send each price to whoever hears its symbol: encoded once, and all of a batch in one write a stream."""
        head = self._replays.head
        if head is None:
            return  # what is published before we know where to begin is among what we begin with
        news = [price for price in prices if price.position > head]
        self._prices |= {price.symbol: price for price in news}
        self._replays.publish(news)
        if news and not news[0].position.follows(head):
            self._catch_up(head)
            return
        audiences = self._audiences_of(tuple([price.symbol for price in news]))
        heard = sorted({place for places in audiences for place in places})
        frames = {place: self._price(news[place]) for place in heard}
        if frames:
            self._outgoing.extend(
                [Delivery(ids, tuple([frames[place] for place in places])) for places, ids in audiences.items()]
            )

    def _audiences_of(self, symbols: tuple[str, ...]) -> Mapping[tuple[int, ...], tuple[UUID, ...]]:
        """Return the live streams that hear any of a batch, by which of its places they hear.

        While nobody comes, goes or hears something else, the answer to the same batch is the same.
        """
        state = self._table.changes, self._replays.changes
        if state != self._audiences_at or len(self._audiences) >= AUDIENCES:
            self._audiences.clear()
            self._audiences_at = state
        known = self._audiences.get(symbols)
        if known is None:
            by_hearers: dict[frozenset[UUID], list[int]] = {}  # most symbols of a batch often have the same
            for place, symbol in enumerate(symbols):
                give_way()  # thousands of streams take tens of milliseconds
                hearers = frozenset(self._table.hearing(symbol).difference(self._replays))
                by_hearers.setdefault(hearers, []).append(place)
            heard: dict[UUID, list[int]] = {}
            for hearers, places in by_hearers.items():
                for connection_id in hearers:
                    heard.setdefault(connection_id, []).extend(places)
            groups: dict[tuple[int, ...], list[UUID]] = {}
            for connection_id, places in heard.items():
                groups.setdefault(tuple(sorted(places)), []).append(connection_id)
            known = {places: tuple(ids) for places, ids in groups.items()}
            if len(known) <= GROUPS:
                self._audiences[symbols] = known
        return known

    def _catch_up(self, head: StreamPosition) -> None:
        """Prices after *head* were kept but not told to us: let every stream have them from the history."""
        for connection_id in self._table:
            if connection_id not in self._replays:
                self._replays.rejoin(self._table[connection_id], head)
                self._advance(self._table[connection_id])

    def _publish_valuation(self, valuation: Valuation, changed: frozenset[str]) -> None:
        portfolio_id = valuation.portfolio_id
        watching = self._table.watching(portfolio_id)
        if not watching:
            return
        before = self._valuations.get(portfolio_id)
        self._valuations[portfolio_id] = valuation
        held = valuation.symbols
        if before is None or before.symbols != held:
            self._table.set_held(portfolio_id, held)
        following = []
        for connection_id in watching:
            stream = self._table[connection_id]
            if portfolio_id in stream.awaited:
                stream.awaited.discard(portfolio_id)
                self._advance(stream)
            elif connection_id not in self._replays and stream.subscriber.user_id == valuation.user_id:
                following.append(connection_id)
        if following:
            data = self._wire.portfolio_update(next(self._sequence), valuation, changed, None)
            self._send(following, [Frame(portfolio_id, data)])

    def _resync(self, message: Resync) -> None:
        """Answer a slow reader that has caught up with the newest of all it missed, and how many were merged.

        Prices that were on their way while it asked are withheld as well. So they are sent from a position on,
        whatever their symbol: ids must rise, and no price may come after a later one.
        """
        stream = self._table.get(message.connection_id)
        if stream is None:
            return
        prices = [] if message.since is None else self._prices_since(message.since, stream)
        # Without a position: a price may have been withheld since it asked, which a value must not run ahead of.
        snapshots = self._snapshots(stream, message.portfolio_ids, None)
        merged = max(message.withheld - len(prices) - len(snapshots), 0)
        frames = [self._status(stream.recovered, merged), *map(self._price, prices), *snapshots]
        self._outgoing.append(Delivery((message.connection_id,), tuple(frames), merged=merged))

    def _prices_since(self, since: StreamPosition, stream: Stream) -> list[Price]:
        """Return the prices a stream hears that stand at a position or after it, in order.

        What it has still to be sent on its way is not among them.
        """
        replay = self._replays.get(stream.subscriber.connection_id)
        until = replay.cursor if replay else None
        heard = (self._prices.get(symbol) for symbol in self._table.heard_by(stream))
        found = (price for price in heard if price is not None and price.position >= since)
        return sorted((p for p in found if until is None or p.position <= until), key=lambda price: price.position)

    def _updates_changed(self, updates: Updates) -> None:
        before, self._updates = self._updates, updates
        if _weather(before) != _weather(updates):
            by_recovered: dict[bool | None, list[UUID]] = {}
            for connection_id in filter(self._replays.is_greeted, self._table):
                by_recovered.setdefault(self._table[connection_id].recovered, []).append(connection_id)
            for recovered, connection_ids in by_recovered.items():
                self._send(connection_ids, [self._status(recovered)])

    # -- Time --------------------------------------------------------------------------------

    def _tick(self, now: datetime, monotonic: float) -> None:
        self._now, self._monotonic = now, monotonic
        if due := tuple(filter(self._replays.is_greeted, self._heartbeats.due(monotonic))):
            self._send(due, [Frame(None, self._wire.heartbeat(next(self._sequence), self._updates))])
            self._records.heartbeat(due, now)
        if due := self._comments.due(monotonic):
            self._send(due, [Frame(None, self._wire.comment())])
            self._records.heartbeat(due, now)
        if self._replays.head is None:
            self._quotes.tell(SendPublished(self.address))
        self._replays.pass_time(monotonic)
        self._advance_all()
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
        self._tell_records()

    def _tell_records(self) -> None:
        told = self._records.flush()
        if told is not None:
            self._store.tell(told)

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
        if connection_ids and frames:
            self._outgoing.append(Delivery(tuple(connection_ids), tuple(frames)))

    def _price(self, price: Price) -> Frame:
        return Frame(price.symbol, self._wire.price_update(next(self._sequence), price), price.position)

    def _snapshots(self, stream: Stream, portfolio_ids: Iterable[UUID], position: StreamPosition | None) -> list[Frame]:
        """The present values, those that the stream's user may see."""
        frames = []
        for portfolio_id in portfolio_ids:
            valuation = self._valuations.get(portfolio_id)
            if valuation is not None and valuation.user_id == stream.subscriber.user_id:
                data = self._wire.portfolio_update(next(self._sequence), valuation, None, position)
                frames.append(Frame(portfolio_id, data))
        return frames

    def _position_of(self, stream: Stream) -> StreamPosition | None:
        """Up to where a stream has got what it hears."""
        replay = self._replays.get(stream.subscriber.connection_id)
        return replay.cursor if replay else self._replays.head

    def _status(self, recovered: bool | None, conflated: int = 0) -> Frame:
        data = self._wire.connection_status(next(self._sequence), self._updates, recovered, conflated)
        return Frame(STATUS, data)


def _weather(updates: Updates | None) -> object:
    """What of the updates' state is worth a connection_status: not the next update's time, unless it was ordered.

    Fair until it is known.
    """
    if updates is None:
        return (0, None, None, ())
    troubled = tuple((provider.name, provider.status) for provider in updates.providers if provider.is_lost)
    return (updates.orders, updates.paused_reason, updates.paused_until, troubled)
