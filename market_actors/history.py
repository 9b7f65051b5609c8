"""History: reads what may take seconds, on a thread and a connection of its own: years of prices, what streams missed.

The store would let everybody wait meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from market_actors.actor import MarketActor
from market_actors.domain.quote import StreamPosition
from market_actors.last_prices import published
from market_actors.messages import (
    FindPosition,
    HistoryUnavailable,
    Message,
    MissedLoaded,
    PositionFound,
    Retained,
    SendMissed,
    SendRetained,
    Tick,
)
from market_actors.store import answer
from persistence import database, errors, queries

logger = logging.getLogger(__name__)


class History(MarketActor):
    """Answers what stored.py asks, tells streams what they missed, and changes nothing.

    epoch:         of this server.
    kept, events:  for how long, and among how many, a price can be resumed from.
    clock:         the wall clock, aware.
    """

    def __init__(self, *, epoch: int, kept: timedelta, events: int, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._epoch = epoch
        self._kept = kept
        self._events = events
        self._clock = clock

    def on_stop(self) -> None:
        database.proxy.close()

    def on_receive(self, message: Message) -> Any:
        match message:
            case Tick():
                return None
            case FindPosition() | SendMissed() | SendRetained():
                return self._tell(message)
            case _:
                return answer(message)

    def _tell(self, message: FindPosition | SendMissed | SendRetained) -> None:
        try:
            message.reply_to.tell(self._found(message))
        except errors.UNREACHABLE as error:
            logger.error("history: %s failed: %s", type(message).__name__, error)
            if not isinstance(message, SendRetained):
                message.reply_to.tell(HistoryUnavailable(message.connection_id))

    def _found(self, message: FindPosition | SendMissed | SendRetained) -> Message:
        match message:
            case SendRetained():
                floor = queries.newest_forgotten(self._clock() - self._kept, self._events)
                return Retained(StreamPosition(*floor) if floor else None)
            case FindPosition(connection_id, position):
                found = queries.find_position(position.epoch, position.number, self._epoch)
                if found is None:
                    return PositionFound(connection_id, None)
                return PositionFound(connection_id, StreamPosition(found.epoch, found.number), found.is_elsewhere)
            case SendMissed(connection_id, after, until, symbols, limit):
                rows = queries.list_events(_key(after), _key(until), self._epoch, symbols, limit)
                prices = tuple(map(published, rows))
                reached = prices[-1].position if len(prices) == limit else until
                return MissedLoaded(connection_id, prices, after, reached)


def _key(position: StreamPosition) -> tuple[int, int]:
    return position.epoch, position.number
