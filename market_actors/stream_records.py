"""What is kept on record of each stream: who opened it, until when it lived, what it carried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from market_actors.messages import RecordConnections, Subscriber, Unsubscribe
from market_actors.outlet import Figures
from persistence.records import StreamConnection

NOTHING = Figures(0, 0, 0)


class StreamRecords:
    """The open streams of *node*, and what of them the store has not been told."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._opened: list[StreamConnection] = []
        self._closed: list[StreamConnection] = []
        self._open: dict[UUID, StreamConnection] = {}

    def opened(self, subscriber: Subscriber, now: datetime | None) -> None:
        if now is None:
            return
        record = StreamConnection(
            id=subscriber.connection_id,
            user_id=subscriber.user_id,
            ip_address=subscriber.ip_address,
            user_agent=subscriber.user_agent,
            connected_at=now,
            last_heartbeat=now,
            portfolio_ids=subscriber.portfolio_ids,
            symbols=subscriber.symbols,
            events_sent=0,
            bytes_sent=0,
            conflated_events=0,
            node=self._node,
        )
        self._open[record.id] = record
        self._opened.append(record)

    def heartbeat(self, connection_ids: Iterable[UUID], now: datetime) -> None:
        for connection_id in connection_ids:
            record = self._open.get(connection_id)
            if record is not None:
                self._open[connection_id] = replace(record, last_heartbeat=now)

    def list(self, figures: Mapping[UUID, Figures]) -> tuple[StreamConnection, ...]:
        """The open streams with what they have carried until now, newest first."""
        found = [_with(record, figures.get(record.id, NOTHING)) for record in self._open.values()]
        return tuple(sorted(found, key=lambda record: record.connected_at, reverse=True))

    def closed(self, message: Unsubscribe, now: datetime | None) -> None:
        record = self._open.pop(message.connection_id, None)
        if record is not None:
            carried = Figures(message.events_sent, message.bytes_sent, message.conflated_events)
            self._closed.append(replace(_with(record, carried), closed_at=now))

    def flush(self) -> RecordConnections | None:
        """Return what the store is to be told since the last time."""
        if not (self._opened or self._closed):
            return None
        told = RecordConnections(tuple(self._opened), tuple(self._closed))
        self._opened, self._closed = [], []
        return told


def _with(record: StreamConnection, carried: Figures) -> StreamConnection:
    return replace(
        record,
        events_sent=carried.events_sent,
        bytes_sent=carried.bytes_sent,
        conflated_events=carried.conflated_events,
    )
