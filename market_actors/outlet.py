"""What the connection registry hands to the sockets, and what it needs to encode it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from market_actors.domain.quote import Price, StreamPosition
from market_actors.domain.valuation import Valuation
from market_actors.messages import Updates

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

    merged:  when they answer a Resync, how many events they say were merged.
    is_page: none may be left out, however slow the reader is; the registry sends the next when it is told PageTaken.
    """

    connection_ids: tuple[UUID, ...]
    frames: tuple[Frame, ...]
    merged: int | None = None
    close: bool = False
    is_page: bool = False


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
