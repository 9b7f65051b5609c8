"""Event streams that are or were open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from persistence.database import insert_many, replacing, writing
from persistence.models import SseConnection
from persistence.records import StreamConnection

_FIELDS = {
    SseConnection.user if name == "user_id" else getattr(SseConnection, name): name
    for name in StreamConnection.__slots__
}
_CHANGING = [
    SseConnection.last_heartbeat,
    SseConnection.events_sent,
    SseConnection.bytes_sent,
    SseConnection.conflated_events,
    SseConnection.closed_at,
]


def open_connections(rows: Sequence[StreamConnection]) -> None:
    """Note streams that were opened; also brings the figures of open ones up to date."""
    with writing():
        values = ([getattr(row, name) for name in _FIELDS.values()] for row in rows)
        insert_many(list(_FIELDS), values, replacing([SseConnection.id], _CHANGING))


def close_connections(rows: Sequence[StreamConnection]) -> None:
    """Note streams that were closed, with what they carried, whether or not their opening was noted."""
    open_connections(rows)


def close_stale_connections(node: str, now: datetime) -> None:
    """Close what *node* left open when it last ended, however it ended."""
    with writing():
        query = SseConnection.update(closed_at=now)
        query.where(SseConnection.node == node, SseConnection.closed_at.is_null()).execute()
