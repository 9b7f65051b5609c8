"""Streams on their way from where they were lost to the present, a page at a time.

A stream is live when it has got everything up to the newest price. Until then it gets no news: what is news meanwhile
is among what it will be sent. So nothing falls between, and the order holds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from market_actors.domain.quote import Price, StreamPosition
from market_actors.messages import (
    Address,
    FindPosition,
    MissedLoaded,
    PositionFound,
    Retained,
    SendMissed,
    SendRetained,
)
from market_actors.recent import Recent
from market_actors.streams import Stream

PAGE = 100  # prices; less than what the fan-out joins into one write
LOOK_UP_SECONDS = 10.0  # how often it is asked what can still be resumed from
ASK_AGAIN = 5.0  # seconds after which a question is repeated: who was asked may have been restarted


@dataclass(slots=True)
class Replay:
    """One stream on its way; all that it hears up to *cursor* has been sent or is *pending*.

    cursor:       None while it is not known where the stream goes on.
    asked_at:     when the history was asked (monotonic); None: it owes no answer.
    is_elsewhere: the prices of now may be other ones than those the reader has.
    is_greeted:   it has got its first connection_status.
    is_taken:     its kernel has taken the last page.
    """

    cursor: StreamPosition | None = None
    pending: deque[Price] = field(default_factory=deque)
    asked_at: float | None = None
    is_elsewhere: bool = False
    is_greeted: bool = False
    is_taken: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """The next page of a stream. is_last: it is live from now on; is_lost: what follows is forgotten by now."""

    prices: Sequence[Price] = ()
    is_last: bool = False
    is_lost: bool = False


class Replays:
    """The streams that are not live. *events*: how many a stream can be resumed over at the most."""

    def __init__(self, history: Address, reply_to: Address, events: int) -> None:
        self._history = history
        self._reply_to = reply_to
        self._events = events
        self._replays: dict[UUID, Replay] = {}
        self.changes = 0  # grows whenever a stream is live that was not, or the other way round
        self._recent: Recent | None = None
        self._retained: Retained | None = None
        self._looked_up_at = 0.0
        self._monotonic = 0.0

    def __contains__(self, connection_id: UUID) -> bool:
        return connection_id in self._replays

    def __getitem__(self, connection_id: UUID) -> Replay:
        return self._replays[connection_id]

    def __iter__(self) -> Iterator[UUID]:
        return iter(tuple(self._replays))

    @property
    def head(self) -> StreamPosition | None:
        """Position of the newest price; None while it is not known."""
        return self._recent.head if self._recent else None

    def is_greeted(self, connection_id: UUID) -> bool:
        replay = self._replays.get(connection_id)
        return replay is None or replay.is_greeted

    # -- The streams -------------------------------------------------------------------------

    def add(self, stream: Stream) -> None:
        self._replays[stream.subscriber.connection_id] = Replay()
        self.changes += 1

    def remove(self, connection_id: UUID) -> None:
        self._replays.pop(connection_id, None)
        self.changes += 1

    def get(self, connection_id: UUID) -> Replay | None:
        return self._replays.get(connection_id)

    def rejoin(self, stream: Stream, cursor: StreamPosition) -> None:
        """Send a live stream on its way again: what came after *cursor* did not come by us."""
        self._replays[stream.subscriber.connection_id] = Replay(cursor, is_greeted=True)
        self.changes += 1

    def locate(self, stream: Stream) -> bool:
        """Find where the stream goes on, and whether it is recovered; False while that is not known."""
        replay = self._replays[stream.subscriber.connection_id]
        if replay.cursor is not None:
            return True
        last = stream.subscriber.last_event_id
        position = StreamPosition.parse(last) if last else None
        if self._recent is None or (position and self._retained is None):
            return False
        if position is None:
            stream.recovered = False if last else None
            replay.cursor = self._recent.head
        elif position.epoch == self._recent.head.epoch:
            self._resume(stream, replay, position)
        elif replay.asked_at is None:
            replay.asked_at = self._monotonic
            self._history.tell(FindPosition(stream.subscriber.connection_id, position, self._reply_to))
        return replay.cursor is not None

    def found(self, stream: Stream, message: PositionFound) -> None:
        replay = self._replays.get(message.connection_id)
        if replay is not None and replay.cursor is None:
            replay.asked_at = None
            replay.is_elsewhere = message.is_elsewhere
            self._resume(stream, replay, message.position)

    def _resume(self, stream: Stream, replay: Replay, position: StreamPosition | None) -> None:
        assert self._recent
        head = self._recent.head
        stream.recovered = position is not None and position <= head and not self._is_forgotten(position)
        replay.cursor = position if stream.recovered else head

    def _is_forgotten(self, position: StreamPosition) -> bool:
        assert self._recent
        head = self._recent.head
        if position.epoch == head.epoch and position.number < head.number - self._events:
            return True
        floor = self._retained.floor if self._retained else None
        return floor is not None and position < floor

    def loaded(self, message: MissedLoaded) -> None:
        replay = self._replays.get(message.connection_id)
        if replay is not None and replay.asked_at is not None and replay.cursor == message.after:
            replay.asked_at = None
            replay.cursor = message.until
            replay.pending.extend(message.prices)

    def step(self, stream: Stream, symbols: frozenset[str], prices: Mapping[str, Price]) -> Step | None:
        """Return what the stream gets next of its *symbols*; None while it waits. *prices*: the newest."""
        connection_id = stream.subscriber.connection_id
        replay = self._replays[connection_id]
        assert self._recent and replay.cursor
        if replay.asked_at is not None or not replay.is_taken:
            return None
        if replay.is_elsewhere:
            replay.is_elsewhere = False
            replay.pending.extend(_standing_at(replay.cursor, symbols, prices))
        if not replay.pending and not symbols:
            replay.cursor = self._recent.head
        if not replay.pending and replay.cursor < self._recent.floor:
            if self._is_forgotten(replay.cursor):
                return Step(is_lost=True)
            replay.asked_at = self._monotonic
            self._history.tell(
                SendMissed(connection_id, replay.cursor, self._recent.floor, symbols, PAGE, self._reply_to)
            )
            return None
        if not replay.pending:
            found, replay.cursor = self._recent.after(replay.cursor, symbols, PAGE)
            replay.pending.extend(found)
        page = [replay.pending.popleft() for _ in range(min(PAGE, len(replay.pending)))]
        is_last = not replay.pending and replay.cursor == self._recent.head
        if is_last:
            self.remove(connection_id)
        replay.is_taken = False
        return Step(page, is_last)

    # -- What is published, and what time forgets --------------------------------------------

    def begin(self, position: StreamPosition) -> None:
        """The newest price stands there; later ones will be told."""
        if self._recent is None:
            self._recent = Recent(position)

    def publish(self, prices: Sequence[Price]) -> None:
        """Keep what is published, in order."""
        assert self._recent
        self._recent.append(prices)

    def retained(self, message: Retained) -> None:
        self._retained = message

    def look_up(self) -> None:
        """Ask what can be resumed from by now."""
        self._looked_up_at = self._monotonic
        self._history.tell(SendRetained(self._reply_to))

    def pass_time(self, monotonic: float) -> None:
        self._monotonic = monotonic
        if monotonic - self._looked_up_at >= (LOOK_UP_SECONDS if self._retained else ASK_AGAIN):
            self.look_up()
        for replay in self._replays.values():
            if replay.asked_at is not None and monotonic - replay.asked_at > ASK_AGAIN:
                replay.asked_at = None


def _standing_at(position: StreamPosition, symbols: frozenset[str], prices: Mapping[str, Price]) -> list[Price]:
    """Return the newest prices of these symbols that are not after a position, in order."""
    standing = (prices[symbol] for symbol in symbols if symbol in prices)
    return sorted((each for each in standing if each.position <= position), key=lambda each: each.position)
