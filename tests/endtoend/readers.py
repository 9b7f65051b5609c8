"""Readers that lose their streams at random and come back, and a judge of whether they got everything."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

Position = tuple[int, int]

RESET = struct.pack("ii", 1, 0)  # of SO_LINGER: a close sends RST
PATIENCE = 60.0  # seconds for what must happen


@dataclass(frozen=True)
class Note:
    """What a reader saw.

    kind: of an event "price" or "snapshot", with its position; of a status "first", "recovered", "lost" or "merged".
    """

    kind: str
    position: Position | None = None


@dataclass
class Crowd:
    """What all readers of one server share. *newest*: the newest position that anybody has seen."""

    port: int
    token: str
    window: int
    target: int
    newest: Position = (0, 0)
    lost: Counter[str] = field(default_factory=Counter)
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def is_done(self) -> bool:
        return self.lost.total() >= self.target

    async def saw(self, position: Position) -> None:
        if position > self.newest:
            async with self.moved:
                self.newest = position
                self.moved.notify_all()

    async def count(self, kind: str) -> None:
        async with self.moved:
            self.lost[kind] += 1
            self.moved.notify_all()

    async def passed(self, position: Position, events: int) -> None:
        """Wait until so many prices were published after a position, or all is done."""
        async with self.moved, asyncio.timeout(PATIENCE):
            await self.moved.wait_for(lambda: self.is_done or _passed(self.newest, position) >= events)

    async def reached(self, disconnections: int) -> None:
        """Wait until so many streams were lost in all."""
        async with self.moved, asyncio.timeout(10 * PATIENCE):
            await self.moved.wait_for(lambda: self.lost.total() >= disconnections)


def _passed(newest: Position, position: Position) -> int:
    return newest[1] - position[1] if newest[0] == position[0] else newest[1]


class Reader:
    """Opens a stream again and again from the last id it saw; *symbols* are all that it hears.

    leaves: it goes itself, at random; else it stays until it is cut off.
    """

    def __init__(self, crowd: Crowd, query: str, asked: Sequence[str], symbols: Sequence[str], seed: int) -> None:
        self.crowd = crowd
        self.query = query
        self.asked = asked
        self.symbols = frozenset(symbols)
        self.random = random.Random(seed)
        self.leaves = True
        self.last_id = ""
        self.notes: list[Note] = []

    @property
    def last(self) -> Position:
        return position_of(self.last_id) if self.last_id else (0, 0)

    async def run(self) -> None:
        while not self.crowd.is_done:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._connect()

    async def _connect(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.crowd.port)
        lines = [
            f"GET /api/v1/market-data/stream{self.query} HTTP/1.1",
            "Host: a",
            f"Authorization: Bearer {self.crowd.token}",
            *([f"Last-Event-ID: {self.last_id}"] if self.last_id else []),
        ]
        try:
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            if b" 200 " in head.split(b"\r\n")[0]:
                await self._read(reader, writer)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wanted = self.random.randint(0, len(self.symbols)) if self.leaves else 10**9
        try:
            while wanted > 0 and not self.crowd.is_done:
                wanted -= await self._event(reader)
        except (OSError, asyncio.IncompleteReadError):
            await self.crowd.count("killed")
            return
        if self.crowd.is_done:
            return
        is_away_long = self.random.random() < 0.3
        if self.random.random() < 0.5:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
            await self.crowd.count("reset")
        else:
            writer.close()
            await self.crowd.count("clean")
        away = self.crowd.window * 3 // 2 if is_away_long else self.random.choice([0, 0, 5, self.crowd.window // 3])
        await self.crowd.passed(self.last, away)

    async def _event(self, reader: asyncio.StreamReader) -> int:
        """Read one event and note it; return how many prices it was."""
        text = (await asyncio.wait_for(reader.readuntil(b"\n\n"), PATIENCE)).decode()
        fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        name, event_id = fields.get("event"), fields.get("id")
        if name == "connection_status":
            data = json.loads(fields["data"])["data"]
            if data["conflated_events"]:
                self.notes.append(Note("merged"))
            elif not self.notes or data["recovered"] is not None:
                self.notes.append(Note({None: "first", True: "recovered", False: "lost"}[data["recovered"]]))
        if event_id:
            self.last_id = event_id
            self.notes.append(Note("price" if name == "price_update" else "snapshot", self.last))
            await self.crowd.saw(self.last)
        return name == "price_update"


def position_of(event_id: str) -> Position:
    epoch, number = event_id.split("-")
    return int(epoch), int(number)


@dataclass
class Verdict:
    """Counts over all readers; *false_alarms*: losses announced although nothing was beyond the window."""

    received: int = 0
    missed: int = 0
    twice_or_out_of_order: int = 0
    recovered: int = 0
    announced: int = 0
    merged: int = 0
    false_alarms: int = 0


def judge(reader: Reader, published: Sequence[tuple[Position, str]], window: int, verdict: Verdict) -> None:
    """Compare what a reader got with all that was published, in order.

    Where a stream begins or something was announced as lost, the present state comes first: a price of each symbol it
    asked for, and values which stand for what was published of the others until then.
    """
    heard = [position for position, symbol in published if symbol in reader.symbols]
    positions = [position for position, _ in published]
    at: Position | None = None
    present = 0  # prices of the present state that are still to come
    may_jump = False
    for index, note in enumerate(reader.notes):
        if note.position is None:
            verdict.announced += note.kind == "lost"
            verdict.recovered += note.kind == "recovered"
            verdict.merged += note.kind == "merged"
            if note.kind == "lost" and at is not None:
                end = _after_the_present(reader, index)
                if end is not None:
                    verdict.false_alarms += bisect_right(positions, end) - bisect_right(positions, at) <= window
            if note.kind in ("first", "lost"):
                at, present, may_jump = None, len(reader.asked), len(reader.symbols) > len(reader.asked)
            else:
                present, may_jump = 0, False
            continue
        is_price = note.kind == "price"
        verdict.received += is_price
        if at is not None:
            verdict.twice_or_out_of_order += note.position <= at if is_price else note.position < at
            between = bisect_right(heard, note.position) - bisect_right(heard, at) - is_price
            if not present and not may_jump:
                verdict.missed += max(between, 0)
        may_jump = may_jump and present > 0
        present = max(present - 1, 0) if is_price else 0
        at = note.position


def _after_the_present(reader: Reader, index: int) -> Position | None:
    """Return the last position of the stream that a note begins, which is not before the newest at its time.

    None where it ended too early to tell.
    """
    seen: list[Position] = []
    for note in reader.notes[index + 1 :]:
        if note.position is None:
            break
        seen.append(note.position)
    return seen[-1] if len(seen) > len(reader.asked) else None
