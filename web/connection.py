"""What the fan-out knows of an open stream, and of many that get the same."""

from __future__ import annotations

import socket
from array import array
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from market_actors.domain.quote import StreamPosition
from market_actors.outlet import STATUS, Delivery, Frame


class Connection:
    """One open stream on its socket.

    fd:      the socket's number; -1 when it is closed.
    waiting: what was delivered and not yet looked at.
    rest:    what the kernel has not taken of the last write; empty when the connection is ready.
    behind:  frames are withheld until the registry has answered a Resync.
    since:   position of the first price that was withheld; asked: that of the Resync under way.
    missed:  portfolios of which a value was withheld.
    withheld: events that it did not get and was not told of; owed: is there anything to ask for?
    page:    frames that wait until the kernel has taken the rest; is_page_out: the registry waits for PageTaken.
    closing: when the last frame was handed over (monotonic).
    events_sent, bytes_sent: without what its Audiences have not yet added.
    """

    __slots__ = (
        "asked",
        "behind",
        "bytes_sent",
        "closing",
        "conflated",
        "events_sent",
        "fd",
        "id",
        "is_page_out",
        "missed",
        "owed",
        "page",
        "progressed_at",
        "rest",
        "since",
        "sock",
        "waiting",
        "withheld",
    )

    def __init__(self, connection_id: UUID, sock: socket.socket) -> None:
        self.id = connection_id
        self.sock = sock
        self.fd = sock.fileno()
        self.waiting: list[Delivery] = []
        self.rest: bytes = b""
        self.behind = False
        self.since: StreamPosition | None = None
        self.asked: StreamPosition | None = None
        self.missed: set[UUID] = set()
        self.withheld = 0
        self.owed = False
        self.page: tuple[Frame, ...] = ()
        self.is_page_out = False
        self.progressed_at = 0.0
        self.closing: float | None = None
        self.events_sent = self.bytes_sent = self.conflated = 0

    def withhold(self, withheld: Withheld) -> None:
        self.owed = self.owed or withheld.is_owed
        self.since = self.since or withheld.since
        self.missed |= withheld.missed
        self.withheld += withheld.events

    def uncount(self, events: int, size: int) -> None:
        """Take off what its audience will add though it was not sent that."""
        self.events_sent -= events
        self.bytes_sent -= size


class Audience:
    """Connections that get the same again and again; what all of them were sent is added to each when that is due.

    opening: the ids of those that have no socket yet.
    fds:     the sockets' numbers, while they are sure to be open; else empty.
    """

    __slots__ = ("bytes_sent", "connection_ids", "connections", "events_sent", "fds", "opening")

    def __init__(
        self, connection_ids: Sequence[UUID], connections: Sequence[Connection], opening: Sequence[UUID]
    ) -> None:
        self.connection_ids = connection_ids
        self.connections = connections
        self.opening = opening
        self.fds: array[int] = array("i")
        self.events_sent = self.bytes_sent = 0

    def remember(self) -> None:
        """Note the sockets' numbers; settle() must be called before one of them is closed."""
        self.fds = array("i", [connection.fd for connection in self.connections])

    def count(self, events: int, size: int) -> None:
        self.events_sent += events
        self.bytes_sent += size

    def settle(self) -> None:
        """Add what all were sent to what each was sent, and forget their sockets."""
        self.fds = array("i")
        for connection in self.connections:
            connection.events_sent += self.events_sent
            connection.bytes_sent += self.bytes_sent
        self.events_sent = self.bytes_sent = 0


class Broadcast:
    """One write that a whole audience gets; those before *place* have been sent to, but for those that are slow.

    short:    of whom the kernel took less, and how many bytes; negative when it took none.
    hindered: those that were behind before.
    """

    __slots__ = ("audience", "data", "delivery", "hindered", "place", "short")

    def __init__(self, delivery: Delivery, data: bytes, audience: Audience) -> None:
        self.delivery = delivery
        self.data = data
        self.audience = audience
        self.place = 0
        self.short: list[tuple[Connection, int]] = []
        self.hindered: list[Connection] = []

    @property
    def is_sent(self) -> bool:
        """Are only those left that are slow?"""
        return self.place >= len(self.audience.connections)

    @property
    def is_done(self) -> bool:
        return self.is_sent and not self.short and not self.hindered

    def count(self) -> None:
        """Add it to what the audience was sent; of the slow ones each write is counted for itself."""
        events, size = len(self.delivery.frames), len(self.data)
        self.audience.count(events, size)
        for connection, _ in self.short:
            connection.uncount(0, size)
        for connection in self.hindered:
            connection.uncount(events, size)


class Withheld(NamedTuple):
    """What is kept of frames that a slow reader is not sent.

    events: how many it has to be told of; since: position of the first price; missed: portfolios with a value.
    """

    events: int
    since: StreamPosition | None
    missed: frozenset[UUID]
    is_owed: bool

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> Withheld:
        kept = [frame for frame in frames if frame.key is not None]
        positions = [frame.position for frame in kept if frame.position is not None]
        return cls(
            sum(frame.key != STATUS for frame in kept),
            positions[0] if positions else None,
            frozenset(frame.key for frame in kept if isinstance(frame.key, UUID)),
            bool(kept),
        )
