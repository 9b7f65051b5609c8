"""A server's life: it listens, beats, and stops in an order that loses nothing it accepted."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import signal
import socket
import threading
from contextlib import suppress
from os import _exit

from tornado.httpserver import HTTPServer

from market_actors.errors import MarketError
from market_actors.messages import CloseStreams
from web.app import SERVER_OPTIONS, MarketApplication
from web.fanout import Fanout
from web.gateway import Market, ask, stop_waiting
from web.pulse import Pulse

logger = logging.getLogger(__name__)

LAST_WORDS = 2.0  # seconds for requests under way to end, and for streams to take what they are owed
ACTORS_LAST = 5.0  # seconds for all actors to handle what they were told
GRACE = 0.5  # seconds for the last of them to say so, and for requests that are told to come back


class Server:
    """The actors, the application in front of them, and the sockets it listens on."""

    def __init__(self, market: Market, application: MarketApplication, fanout: Fanout) -> None:
        self.market = market
        self.application = application
        self.fanout = fanout
        self._pulse = Pulse(market.system, fanout, application.metrics.saw_lag)
        self._http = HTTPServer(application, **SERVER_OPTIONS)
        fanout.give_way_to(lambda: application.under_way)

    def start(self, sockets: list[socket.socket]) -> None:
        """Begin to serve on *sockets*; call it on the loop."""
        self._pulse.start()
        self._http.add_sockets(sockets)

    async def stop(self) -> bool:
        """Take no more connections, say closing to the streams, end what is under way, write what was accepted.

        Takes 9 s at the most. False when what was accepted may not all be written.
        """
        self._http.stop()
        self._http.conn_params.no_keep_alive = True  # a connection ends with the request that comes on it next
        await asyncio.gather(self._close_streams(), self._end_requests(LAST_WORDS))
        await self._end_requests(GRACE)  # which came while streams took what they are owed
        await self._http.close_all_connections()
        self.application.close()
        self._pulse.stop()
        return await self._stop_actors()

    async def _close_streams(self) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS):
                count = await ask(self.market.connections, CloseStreams(), timeout=1.0)
                await self.fanout.drained()
            logger.info("closed %d streams", count)
        except (MarketError, TimeoutError) as error:
            logger.warning("not every stream took what it was owed: %s", error)

    async def _end_requests(self, seconds: float) -> None:
        """Wait so long for those under way, and then until they are told to come back."""
        try:
            await asyncio.wait_for(self.application.idle(), seconds)
        except TimeoutError:
            logger.warning("%d requests are told to come back: they wait for too long", self.application.under_way)
            stop_waiting(GRACE / 2)  # a healthy actor may be answering just now
            with suppress(TimeoutError):
                await asyncio.wait_for(self.application.idle(), GRACE)

    async def _stop_actors(self) -> bool:
        """On a daemon thread: one that hangs must not keep the process from ending."""
        late: concurrent.futures.Future[list[str]] = concurrent.futures.Future()
        threading.Thread(
            target=lambda: late.set_result(self.market.system.stop(ACTORS_LAST)), name="stop", daemon=True
        ).start()
        try:
            return self.market.store.name not in await asyncio.wait_for(asyncio.wrap_future(late), ACTORS_LAST + GRACE)
        except TimeoutError:
            return False


def stop_signal(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stopping = asyncio.Event()

    def on_signal(number: int) -> None:
        if stopping.is_set():
            _exit(128 + number)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stopping
