"""The wire format of the event stream: an event's name, one line of JSON, a blank line.

Each event is encoded once for all who get it. Decimals are strings, as everywhere; *sequence*
numbers all events in the order in which they are sent, the id of a price_update is its position.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from market_actors.domain.quote import Price, StreamPosition
from market_actors.domain.valuation import Valuation
from market_actors.errors import ErrorKind, seconds_until
from market_actors.messages import ProviderStatus, Updates
from web.bodies import portfolio_event_body, price_event_body, timestamp

_encode = msgspec.json.Encoder().encode

FOR_GOOD = (ErrorKind.AUTH.value, ErrorKind.ENTITLEMENT.value)

RETRY_MS = (2_000, 5_000)  # after a lost connection
CLOSING_RETRY_MS = (1_000, 10_000)  # after a shutdown: spread, or all come back at once


def head(extra: Mapping[str, str]) -> bytes:
    """Return the head of a stream's answer, and its first line: when to come back after a loss."""
    fields = {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-cache",
        "X-Accel-Buffering": "no",  # or nginx holds the frames back
        "Connection": "close",
        **extra,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\nretry: {random.randint(*RETRY_MS)}\n\n".encode("latin-1")


def event(
    name: str, data: Mapping[str, Any], sequence: int, now: datetime, position: StreamPosition | None = None
) -> bytes:
    """Return one event; *position* becomes its id."""
    body = _encode({"type": name, "data": data, "timestamp": now, "sequence": sequence})
    mark = f"id: {position}\n".encode() if position else b""
    return b"%sevent: %s\ndata: %s\n\n" % (mark, name.encode(), body)


class StreamEncoder:
    """Encodes what the connection registry sends; its clock is the wall clock."""

    def connection_status(
        self, sequence: int, updates: Updates | None, recovered: bool | None, conflated: int
    ) -> bytes:
        now = datetime.now(UTC)
        paused = None
        if updates is not None and updates.paused_reason is not None:
            until = updates.paused_until
            paused = {"reason": updates.paused_reason, "until": timestamp(until) if until else None}
        data = {
            "status": status_of(updates),
            "server_time": timestamp(now),
            "next_update_in": next_update_in(updates, now),
            "recovered": recovered,
            "paused": paused,
            "conflated_events": conflated,
        }
        return event("connection_status", data, sequence, now)

    def price_update(self, sequence: int, price: Price) -> bytes:
        return event("price_update", price_event_body(price), sequence, datetime.now(UTC), price.position)

    def portfolio_update(
        self, sequence: int, valuation: Valuation, changed: frozenset[str] | None, position: StreamPosition | None
    ) -> bytes:
        """Encode a change with the *changed* holdings, or a snapshot (None) with all."""
        now = datetime.now(UTC)
        return event("portfolio_update", portfolio_event_body(valuation, changed, now), sequence, now, position)

    def heartbeat(self, sequence: int, updates: Updates | None) -> bytes:
        now = datetime.now(UTC)
        data = {
            "status": status_of(updates),
            "server_time": timestamp(now),
            "next_update_in": next_update_in(updates, now),
        }
        return event("heartbeat", data, sequence, now)

    def error(self, sequence: int, code: str, message: str) -> bytes:
        return event("error", {"error_code": code, "message": message}, sequence, datetime.now(UTC))

    def closing(self, sequence: int) -> bytes:
        wait = random.randint(*CLOSING_RETRY_MS)
        frame = event("closing", {"retry": wait}, sequence, datetime.now(UTC))
        return b"retry: %d\n" % wait + frame

    def comment(self) -> bytes:
        return b": keep-alive\n\n"


def status_of(updates: Updates | None) -> str:
    """Return connected; reconnecting while no provider can be called but one will be tried again; error when none will."""
    if updates is None or not updates.providers:
        return "connected"
    if not all(provider.is_lost for provider in updates.providers):
        return "connected"
    return "reconnecting" if any(map(_comes_back, updates.providers)) else "error"


def _comes_back(provider: ProviderStatus) -> bool:
    """A key or a plan that does not serve will not serve at the next try either."""
    return provider.status != "disabled" and not (provider.reason or "").startswith(FOR_GOOD)


def next_update_in(updates: Updates | None, now: datetime) -> int | None:
    """Return the seconds until the next update; None while paused or when nothing is tracked."""
    if updates is None or updates.next_update is None or updates.paused_reason is not None:
        return None
    return round(seconds_until(updates.next_update, now))
