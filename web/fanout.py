"""The way of frames from the connection registry to the sockets.

A stream's socket is taken from Tornado once the head is written. A ready connection is sent
to directly; the kernel's buffer is the queue, a short one. When it takes only a part, the rest of
that write is kept, and of everything that follows only from which position on prices were
withheld, and of which portfolios values: when the rest has gone, the registry is asked for
the present state of just that. So a slow reader costs at most one write and a few names.
Of a page of what a stream had missed nothing is withheld: it waits, and the registry sends no
other before it is told that this one was taken.

Whatever the registry hands over is put with what already waits for the same stream, and goes
in one write. What many streams get alike is joined once and goes past that, a Broadcast, a slice of
the streams at once (web.sending).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar
from uuid import UUID

from market_actors.messages import Address, PageTaken, Resync, Unsubscribe
from market_actors.outlet import STATUS, Delivery, Figures, Frame
from web.connection import Audience, Broadcast, Connection, Withheld
from web.sending import TRY_AGAIN, Sender, send, send_each

logger = logging.getLogger(__name__)

T = TypeVar("T")

SLICE = 500  # connections served with the same before other handlers of the loop get their turn
SHORT_SLICE = 100  # the same, while somebody waits for an answer: a request takes a dozen turns
SINGLE_WRITES = 20  # the same, where each gets something else
ACCEPTED = 100  # connections whose deliveries are put in their places before other handlers get theirs
MANY = 50  # connections of one delivery from which on it is a Broadcast
AUDIENCES = 16  # remembered
WRITE = 64 * 1024  # bytes joined into one write at the most; what is left over of one is kept for a slow reader
UNSENT = 32 * 1024  # bytes that the kernel may keep for a reader beyond what is on its way; newer values are better
STALLED_SECONDS = 10.0  # a reader that takes nothing for so long is closed
CLOSING_SECONDS = 1.0  # how long one whose right has ended may take to read what it was sent before
USER_TIMEOUT_MS = 45_000  # the kernel gives up a peer that acknowledges nothing for so long


class Fanout:
    """The open connections; an outlet of the connection registry. All but deliver(), figures() and reset() run on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, registry: Address) -> None:
        self._loop = loop
        self._registry = registry
        self._connections: dict[UUID, Connection] = {}
        self._opening: dict[UUID, list[Delivery]] = {}
        self._handed: deque[Delivery | None] = deque()  # by the registry; None: close all
        self._is_called = self._is_working = False
        self._broadcasts: deque[Broadcast] = deque()  # all of them before what is to do for single connections
        self._todo: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._hindered: set[Connection] = set()  # those that are busy or behind
        self._audiences: dict[int, Audience] = {}  # by the id() of their ids; see _audience_of()
        self._waiting: Callable[[], int] = lambda: 0
        self._sender = Sender(SLICE)
        self.events_sent = 0

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def is_idle(self) -> bool:
        """Has everything that was delivered been handed on?"""
        return not (self._handed or self._broadcasts or self._todo)

    def give_way_to(self, waiting: Callable[[], int]) -> None:
        """Serve fewer at once while *waiting* counts requests that wait for their answers."""
        self._waiting = waiting

    # -- Called on the registry's thread ---------------------------------------------------

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        self._hand(deliveries)

    def figures(self) -> Mapping[UUID, Figures]:
        connections = list(self._connections.values())  # in one step, whatever the loop does meanwhile
        events, sizes = Counter[UUID](), Counter[UUID]()
        for audience in list(self._audiences.values()):
            for connection in audience.connections:
                events[connection.id] += audience.events_sent
                sizes[connection.id] += audience.bytes_sent
        return {
            each.id: Figures(each.events_sent + events[each.id], each.bytes_sent + sizes[each.id], each.conflated)
            for each in connections
        }

    def reset(self) -> None:
        self._hand([None])

    def _hand(self, what: Sequence[Delivery | None]) -> None:
        """Leave it to the loop, which is called once for all that comes until it looks."""
        self._handed.extend(what)
        if not self._is_called:
            self._is_called = True
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is connected
                self._loop.call_soon_threadsafe(self._accept)

    # -- Connections -------------------------------------------------------------------------

    def expect(self, connection_id: UUID) -> None:
        """Keep what comes for a connection until it is opened or forgotten."""
        self._opening[connection_id] = []

    def forget(self, connection_id: UUID) -> None:
        self._opening.pop(connection_id, None)

    def open(self, connection_id: UUID, sock: socket.socket, head: bytes) -> None:
        """Take over a non-blocking socket; write the head of the answer, then what came meanwhile."""
        is_expected = connection_id in self._opening
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WRITE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        connection = self._connections[connection_id] = Connection(connection_id, sock)
        self._loop.add_reader(sock, self._readable, connection)
        with self._comes_back_if_it_fails(connection):
            self._write(connection, head)
            for delivery in self._opening.pop(connection_id, ()):
                self._deliver_to(connection, delivery)
        if not is_expected:
            self.close(connection)  # the registry that knew it has crashed since: let the client come back

    def close(self, connection: Connection) -> None:
        """Close now; its number may belong to another socket as soon as this returns."""
        if self._connections.pop(connection.id, None) is None:
            return
        self._busy.discard(connection)
        self._hindered.discard(connection)
        connection.fd = -1
        self._settle()
        connection.waiting = []
        try:
            self._loop.remove_reader(connection.sock)
            if connection.rest:
                self._loop.remove_writer(connection.sock)
            connection.sock.close()
        except OSError:
            logger.exception("stream %s: its socket was not closed in order", connection.id)
        self._registry.tell(
            Unsubscribe(connection.id, connection.events_sent, connection.bytes_sent, connection.conflated)
        )

    async def drained(self) -> None:
        """Wait until every frame handed over so far is with the kernel or its connection is closed."""
        while self._busy or not self.is_idle:
            await asyncio.sleep(0.01)

    def check(self, now: float) -> None:
        """Close readers that have taken nothing of what waits for them; to be called each second (monotonic)."""
        self._close_some(
            [
                each
                for each in self._busy
                if now - each.progressed_at > STALLED_SECONDS
                or (each.closing is not None and now - each.closing > CLOSING_SECONDS)
            ]
        )

    def _close_some(self, due: list[Connection]) -> None:
        """Close them a few at a time: hundreds at once would keep the others waiting."""
        for connection in due[:SINGLE_WRITES]:
            if connection.closing is None:
                logger.info("stream %s: closed, nothing was read for %s s", connection.id, STALLED_SECONDS)
            self.close(connection)
        if due[SINGLE_WRITES:]:
            self._loop.call_soon(self._close_some, due[SINGLE_WRITES:])

    def _close_all(self) -> None:
        self._opening.clear()
        for connection in list(self._connections.values()):
            self.close(connection)

    def _readable(self, connection: Connection) -> None:
        try:
            gone = not connection.sock.recv(4096)  # a stream's client has nothing to say
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            gone = True
        if gone:
            self.close(connection)

    @contextlib.contextmanager
    def _comes_back_if_it_fails(self, connection: Connection) -> Iterator[None]:
        """Close a stream that cannot be served: it gets what it missed when it comes back, and else nothing more."""
        try:
            yield
        except Exception:
            logger.exception("stream %s: closed, as it cannot be served", connection.id)
            self.close(connection)

    @contextlib.contextmanager
    def _all_come_back_if_it_fails(self) -> Iterator[None]:
        """The same for all, where it is not known whose turn it was that failed."""
        try:
            yield
        except Exception:
            logger.exception("streams: a turn failed; all are closed, and come back")
            self._broadcasts.clear()
            self._todo.clear()
            self._close_all()

    # -- Frames ------------------------------------------------------------------------------

    def _accept(self) -> None:
        """Put some of what was handed over where it belongs, in its order, and come back for the rest."""
        self._is_called = False
        accepted = 0
        with self._all_come_back_if_it_fails():
            while self._handed and accepted < ACCEPTED:
                delivery = self._handed.popleft()
                if delivery is None:
                    self._close_all()
                    continue
                accepted += len(delivery.connection_ids)
                if len(delivery.connection_ids) < MANY or not self._broadcast(delivery):
                    self._accept_singly(delivery)
        if self._handed:
            self._is_called = True
            self._loop.call_soon(self._accept)
        if not self._is_working:
            self._work()

    def _accept_singly(self, delivery: Delivery) -> None:
        for connection_id in delivery.connection_ids:
            connection = self._connections.get(connection_id)
            if connection is not None:
                if not connection.waiting:
                    self._todo.append(connection)
                connection.waiting.append(delivery)
            elif (opening := self._opening.get(connection_id)) is not None:
                opening.append(delivery)

    def _broadcast(self, delivery: Delivery) -> bool:
        """Have it sent to all at once; False when it is not that simple.

        Nothing may wait for single connections: what comes later for one of them would be put with that.
        """
        if self._todo or delivery.close or delivery.is_page or delivery.merged is not None:
            return False
        data = b"".join([frame.data for frame in delivery.frames])
        if len(data) > WRITE:
            return False
        audience = self._audience_of(delivery.connection_ids)
        for connection_id in audience.opening:
            self._opening[connection_id].append(delivery)
        self._broadcasts.append(Broadcast(delivery, data, audience))
        return True

    def _audience_of(self, connection_ids: Sequence[UUID]) -> Audience:
        """Return the connections of these ids.

        The registry hands over the same tuple again while nobody comes or goes: it is looked up once. Whom it names it
        knows, so that nobody who is open later is missed.
        """
        known = self._audiences.get(id(connection_ids))
        if known is None:
            connections = [each for key in connection_ids if (each := self._connections.get(key)) is not None]
            opening = [key for key in connection_ids if key in self._opening]
            known = Audience(connection_ids, connections, opening)
            if not opening:
                if len(self._audiences) == AUDIENCES:
                    self._settle()
                self._audiences[id(connection_ids)] = known
                known.remember()
        return known

    def _settle(self) -> None:
        """Have each connection count what it was sent, and look up the audiences anew."""
        for audience in self._audiences.values():
            audience.settle()
        self._audiences.clear()

    def _work(self) -> None:
        """Serve one slice of connections, and come back for the rest."""
        with self._all_come_back_if_it_fails():
            if self._broadcasts:
                self._send_broadcast(self._broadcasts[0])
            else:
                self._send_waiting()
        self._is_working = bool(self._broadcasts or self._todo)
        if self._is_working:
            self._loop.call_soon(self._work)

    def _send_broadcast(self, broadcast: Broadcast) -> None:
        if broadcast.is_sent:
            self._serve_slow(broadcast)
        else:
            self._send_slice(broadcast)
        if broadcast.is_done:
            self._broadcasts.popleft()

    def _send_slice(self, broadcast: Broadcast) -> None:
        start = broadcast.place
        broadcast.place += SHORT_SLICE if self._waiting() else SLICE
        audience, data = broadcast.audience, broadcast.data
        connections = audience.connections[start : broadcast.place]
        fds = audience.fds[start : broadcast.place]
        if self._hindered:
            broadcast.hindered += [each for each in connections if each in self._hindered]
            connections = [each for each in connections if each not in self._hindered]
        if len(fds) != len(connections):
            fds = array("i", [each.fd for each in connections])
        broadcast.short += [(connections[place], taken) for place, taken in self._sender.send(fds, data)]
        self.events_sent += len(broadcast.delivery.frames) * len(connections)
        if broadcast.is_sent:
            broadcast.count()
            if self._audiences.get(id(audience.connection_ids)) is not audience:
                audience.settle()

    def _serve_slow(self, broadcast: Broadcast) -> None:
        """Last, and a few at a time, for it takes longer: those who read what they get do not wait for those who do not."""
        for connection, sent in _few(broadcast.short):
            self._took(connection, broadcast.data, sent)
        withheld = Withheld.of(broadcast.delivery.frames) if broadcast.hindered else None
        for connection in _few(broadcast.hindered):
            with self._comes_back_if_it_fails(connection):
                self._deliver_to(connection, broadcast.delivery, withheld)

    def _send_waiting(self) -> None:
        connections, writes, counts = [], [], []
        joined: dict[int, tuple[bytes, int, Delivery]] = {}  # by id, of deliveries that many get
        for _ in range(min(SINGLE_WRITES, len(self._todo))):
            connection = self._todo.popleft()
            waiting, connection.waiting = connection.waiting, []
            plain = self._plain(connection, waiting, joined)
            if plain is None:
                with self._comes_back_if_it_fails(connection):
                    for delivery in waiting:
                        self._deliver_to(connection, delivery)
            else:
                connections.append(connection)
                writes.append(plain[0])
                counts.append(plain[1])
        fds = [connection.fd for connection in connections]
        for connection, data, events, sent in zip(connections, writes, counts, send_each(fds, writes), strict=True):
            connection.events_sent += events
            if sent == len(data):
                connection.bytes_sent += sent
            else:
                self._took(connection, data, sent)
        self.events_sent += sum(counts)

    @staticmethod
    def _plain(
        connection: Connection, waiting: Sequence[Delivery], joined: dict[int, tuple[bytes, int, Delivery]]
    ) -> tuple[bytes, int] | None:
        """Return what goes out in one write, and the events in it; None when there is more to be done about it."""
        if connection.rest or connection.behind or connection.closing is not None or connection.fd < 0:
            return None
        if len(waiting) == 1 and (known := joined.get(id(waiting[0]))):
            return known[:2]
        for delivery in waiting:
            if delivery.close or delivery.is_page or delivery.merged is not None:
                return None
        if len(waiting) == 1 and len(waiting[0].frames) == 1:
            return waiting[0].frames[0].data, 1
        frames = list(chain.from_iterable([delivery.frames for delivery in waiting]))
        data = b"".join([frame.data for frame in frames])
        if len(data) > WRITE:
            return None
        if len(waiting) == 1:
            joined[id(waiting[0])] = data, len(frames), waiting[0]
        return data, len(frames)

    def _deliver_to(self, connection: Connection, delivery: Delivery, withheld: Withheld | None = None) -> None:
        """Send it, or keep of it what is withheld, which is made of its frames where it is not given."""
        if connection.closing is not None:
            return
        if delivery.merged is not None:
            self._catch_up(connection, delivery.frames, delivery.merged)
        elif delivery.is_page:
            connection.page, connection.is_page_out = delivery.frames, True
            self._go_on(connection)
        elif connection.rest or (connection.behind and not delivery.close):
            connection.withhold(withheld or Withheld.of(delivery.frames))
        else:
            self._send_frames(connection, delivery.frames)
        if delivery.close:
            connection.closing = time.monotonic()
            if not connection.rest:
                self.close(connection)

    def _catch_up(self, connection: Connection, frames: Sequence[Frame], merged: int) -> None:
        """What was withheld while the registry was asked is in its answer if that concerns it; else it is asked again."""
        events = sum(frame.key != STATUS for frame in frames)
        connection.conflated += merged
        connection.withheld = max(connection.withheld - events - merged, 0)
        connection.missed -= {frame.key for frame in frames if isinstance(frame.key, UUID)}
        if connection.asked is not None:
            connection.since = None
        connection.behind, connection.owed = False, connection.withheld > 0
        self._send_frames(connection, frames)
        self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        """Send the page that waits, and ask for what was withheld, where the kernel has taken what came before."""
        if connection.page and not connection.rest and not connection.behind:
            page, connection.page = connection.page, ()
            self._write(connection, b"".join(frame.data for frame in page))
            connection.events_sent += len(page)
            self.events_sent += len(page)
        if connection.is_page_out and not connection.page and not connection.rest:
            connection.is_page_out = False
            self._registry.tell(PageTaken(connection.id))
        if connection.owed and not connection.rest and not connection.behind:
            self._ask_for_the_rest(connection)
        if not connection.rest and not connection.behind:
            self._hindered.discard(connection)

    def _send_frames(self, connection: Connection, frames: Sequence[Frame]) -> None:
        start = 0
        while start < len(frames):
            end, size = start, 0
            while end < len(frames) and (end == start or size + len(frames[end].data) <= WRITE):
                size += len(frames[end].data)
                end += 1
            self._write(connection, b"".join(frame.data for frame in frames[start:end]))
            connection.events_sent += end - start
            self.events_sent += end - start
            start = end
            if connection.rest:
                connection.withhold(Withheld.of(frames[start:]))
                return

    def _write(self, connection: Connection, data: bytes) -> None:
        sent = send(connection.fd, data)
        if sent < 0 and sent not in TRY_AGAIN:
            self._loop.call_soon(self.close, connection)
            return
        sent = max(sent, 0)
        connection.bytes_sent += sent
        if sent == len(data):
            return
        connection.rest = data[sent:]
        connection.progressed_at = time.monotonic()
        self._busy.add(connection)
        self._hindered.add(connection)
        self._loop.add_writer(connection.sock, self._writable, connection)

    def _took(self, connection: Connection, data: bytes, sent: int) -> None:
        """Note what a slice's send has taken, and try once more: only then the kernel's reason is known."""
        taken = max(sent, 0)
        connection.bytes_sent += taken
        self._write(connection, data[taken:])

    def _writable(self, connection: Connection) -> None:
        data = connection.rest
        sent = send(connection.fd, data)
        if sent < 0:
            if sent not in TRY_AGAIN:
                self.close(connection)
            return
        connection.bytes_sent += sent
        connection.progressed_at = time.monotonic()
        if sent < len(data):
            connection.rest = data[sent:]
            return
        self._loop.remove_writer(connection.sock)
        connection.rest = b""
        self._busy.discard(connection)
        if connection.closing is not None:
            self.close(connection)
            return
        with self._comes_back_if_it_fails(connection):
            self._go_on(connection)

    def _ask_for_the_rest(self, connection: Connection) -> None:
        connection.behind, connection.asked = True, connection.since
        self._registry.tell(Resync(connection.id, connection.since, frozenset(connection.missed), connection.withheld))
        connection.missed.clear()


def _few(waiting: list[T]) -> list[T]:
    """Take some of what waits."""
    taken, waiting[:SINGLE_WRITES] = waiting[:SINGLE_WRITES], []
    return taken
