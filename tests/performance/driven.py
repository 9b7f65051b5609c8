"""The shipped server, driven at full speed: run.py's own composition beside which somebody tells prices.

It takes run.py's settings from the environment, and commands a line each on standard input:

    pace SYMBOLS PERIOD   publish a price of so many symbols each PERIOD ms; 0: again when the former batch has left;
                          -1: no more. A negative number of symbols: always the same, not the next ones
    batch SYMBOLS         publish once; prints when that was, in ns of the monotonic clock
    memory                collect garbage, and print how many bytes are in use then
    busy                  start an actor that computes without end

A published price bears that clock in its volume, where a load client finds it.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import run
from market_actors import logs
from market_actors.actor import MarketActor
from market_actors.commands.configuration import load
from market_actors.commands.databases import served
from market_actors.domain.quote import Quote
from market_actors.messages import Message, Ping, QuotesFetched
from market_actors.providers import registry
from market_actors.providers.base import Fetched, Provider
from persistence.records import Instrument
from tests.performance.audience import SYMBOLS
from web.server import Server, stop_signal

NAME = "driven"
PATIENCE = 1.0  # seconds for a batch to leave


class Silent(Provider):
    """A source that knows one price of each symbol; what moves is told by the Driver."""

    name = NAME
    quota = None
    batch_size = 500

    def covers(self, exchange: str) -> bool:
        return True

    def fetch(self, symbols: Sequence[str]) -> Fetched:
        return Fetched(tuple(quote(symbol, Decimal("100.00"), 0) for symbol in symbols), {})

    def search(self, text: str) -> tuple[Instrument, ...]:
        return ()


class Busy(MarketActor):
    """Computes until the process ends."""

    def on_receive(self, message: Message) -> None:
        while True:
            sum(range(1000))


def quote(symbol: str, price: Decimal, volume: int) -> Quote:
    now = datetime.now(UTC)
    return Quote(symbol, NAME, price, "AUD", now, now, previous_close=Decimal("99.50"), volume=volume)


class MallInfo(ctypes.Structure):
    """What glibc's mallinfo2() tells of its main arena; MALLOC_ARENA_MAX=1 makes that the only one."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    ]


def bytes_in_use() -> int:
    """Return what is allocated, where PYTHONMALLOC=malloc: resident memory has what a former load left free in it."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = MallInfo
    told = mallinfo()
    return int(told.uordblks + told.hblkhd)


class Driver:
    """Tells the quote cache of prices, at the pace that was asked for; lives on the loop."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._numbers = count(1)
        self._pacing: asyncio.Task[None] | None = None
        self._again: int | None = None  # how many symbols to publish when the former batch has left
        self._awaited = 0  # events that have been sent by then
        self._notice()

    def start(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            self._loop.call_soon_threadsafe(self._obey, line.split())

    def _obey(self, words: list[str]) -> None:
        match words:
            case ["pace", symbols, period]:
                if self._pacing is not None:
                    self._pacing.cancel()
                self._pacing, self._again = None, int(symbols) if float(period) == 0 else None
                if self._again is not None:
                    self._pacing = self._loop.create_task(self._go_on())
                elif float(period) > 0:
                    self._pacing = self._loop.create_task(self._publish(int(symbols), float(period) / 1000))
            case ["batch", symbols]:
                print(self._tell(int(symbols)), flush=True)
            case ["busy"]:
                Busy.start().tell(Ping)
            case ["memory"]:
                gc.collect()
                print(bytes_in_use(), flush=True)

    def _tell(self, symbols: int) -> int:
        number, now = next(self._numbers), time.monotonic_ns()
        start = number * symbols if symbols > 1 else 0
        names = [SYMBOLS[(start + step) % len(SYMBOLS)] for step in range(abs(symbols))]
        price = Decimal(10_000 + number % 1000) / 100
        quotes = tuple(quote(symbol, price.quantize(Decimal("0.01")), now) for symbol in names)
        self._server.market.quotes.tell(QuotesFetched(NAME, quotes, frozenset()))
        return now

    async def _publish(self, symbols: int, period: float) -> None:
        due = self._loop.time()
        while True:
            self._tell(symbols)
            due += period
            await asyncio.sleep(max(due - self._loop.time(), 0))

    async def _go_on(self) -> None:
        """Publish the first batch, and the next where one does not leave: somebody has gone meanwhile."""
        awaited = self._awaited
        while True:
            if awaited == self._awaited:
                self._tell_again()
            awaited = self._awaited
            await asyncio.sleep(PATIENCE)

    def _tell_again(self) -> None:
        fanout = self._server.fanout
        self._awaited = fanout.events_sent + len(fanout)
        self._tell(self._again)

    def _notice(self) -> None:
        """Hear of each turn that the fan-out has: what asks it again and again takes time from it."""
        fanout = self._server.fanout
        work = fanout._work

        def work_and_tell() -> None:
            work()
            if self._again is not None and fanout.events_sent >= self._awaited:
                self._tell_again()

        fanout._work = work_and_tell  # type: ignore[method-assign]


async def serve(settings, sockets) -> int:
    stopping = stop_signal(asyncio.get_running_loop())
    server = run.build(settings)
    server.start(sockets)
    Driver(server).start()
    await stopping.wait()
    return 0 if await server.stop() else 1


def main() -> int:
    run.tune()
    registry.PROVIDERS[NAME] = lambda _settings, _around: Silent()
    settings = load(os.environ, {}, None, False)
    logs.configure(settings.log_level, settings.log_format)
    with served(settings):
        sockets = run._listen(settings)
        return asyncio.run(serve(settings.bound_to(sockets[0].getsockname()[1]), sockets))


if __name__ == "__main__":
    sys.exit(main())
