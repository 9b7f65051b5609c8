"""Alpha Vantage and Yahoo on 127.0.0.1: real servers that speak their wire formats, with prices and failures at will."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from typing import Any, Self, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from tests import standin_data as data
from tests.standin_data import SCENARIOS, Listing, Wire

KEY = "K3Y/+%of the stand-in"
"""A key that looks different in an address, so that a test can see whether each form of it is kept quiet."""


@dataclass(frozen=True)
class Call:
    """A request that arrived; *at* is monotonic."""

    symbols: tuple[str, ...]
    path: str
    params: Mapping[str, str]
    at: float = field(default_factory=time.monotonic)


@dataclass
class Failure:
    """A failure that is switched on: for these symbols (None: all), this many times (None: until healed)."""

    wire: Wire
    symbols: Collection[str] | None
    times: int | None


class Standin:
    """Both providers, each on a port of its own; a context manager.

    >>> with Standin() as standin:
    ...     standin.set_price("CBA.AX", "101.25")
    ...     standin.fail("yahoo", "429")
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._listings: dict[str, Listing] = {}
        self._playing: dict[str, int] = {}
        self._endpoints = {
            "yahoo": Endpoint(self._changed, self._yahoo),
            "alpha_vantage": Endpoint(self._changed, self._alpha_vantage),
        }

    def __enter__(self) -> Self:
        for name in self._endpoints:
            self.start(name)
        return self

    def __exit__(self, *_error: object) -> None:
        for name in self._endpoints:
            self.stop(name)

    def url(self, provider: str) -> str:
        return self._endpoints[provider].url

    def start(self, provider: str) -> None:
        """Listen, on the same port as before."""
        self._endpoints[provider].start()

    def stop(self, provider: str) -> None:
        """Break all connections and refuse new ones."""
        self._endpoints[provider].stop()

    def set_price(
        self,
        symbol: str,
        price: str,
        currency: str | None = None,
        previous_close: str | None = None,
        volume: int = 1000,
        at: int | None = None,
        name: str | None = None,
    ) -> None:
        """List a symbol as Yahoo writes it, or change its price.

        currency: the unit as Yahoo writes it (GBp); by default that of the symbol's exchange.
        at:       the quote's time in epoch seconds; by default now, and always after the last one.
        """
        with self._changed:
            last = self._listings.get(symbol)
            time_of_quote = at if at is not None else max(int(time.time()), last.quote_time + 1 if last else 0)
            fresh = Listing(symbol, price, "", previous_close, volume, time_of_quote, name or f"{symbol} Limited")
            unit = currency or (last.unit if last else None) or fresh.home.unit or symbol[3:6]
            before = previous_close or (last.previous_close if last else None)
            self._listings[symbol] = Listing(symbol, price, unit, before, volume, time_of_quote, fresh.name)

    def remove(self, symbol: str) -> None:
        """Make a symbol unknown."""
        with self._changed:
            self._listings.pop(symbol, None)
            self._playing.pop(symbol, None)

    def play(self, *symbols: str) -> None:
        """List these symbols at the first of their recorded prices; `step` moves all of them to the next."""
        for symbol in symbols:
            self._playing[symbol] = -1
        self.step()

    def step(self) -> None:
        for symbol, index in list(self._playing.items()):
            rows = data.rows(symbol)
            before = rows[index][0] if index >= 0 else None
            price, volume = rows[(index + 1) % len(rows)]
            self.set_price(symbol, price, previous_close=before, volume=volume)
            self._playing[symbol] = (index + 1) % len(rows)

    def price(self, symbol: str) -> str:
        with self._changed:
            return self._listings[symbol].price

    def fail(
        self, provider: str, scenario: str, symbols: Collection[str] | None = None, times: int | None = None
    ) -> None:
        """Answer with a failure of SCENARIOS; a new one replaces the last."""
        wire = SCENARIOS[provider][scenario]
        if wire.manner == "bomb":
            data.bomb()  # packed now: it takes longer than a client may want to wait
        with self._changed:
            self._endpoints[provider].failure = Failure(wire, symbols, times)

    def heal(self, provider: str) -> None:
        with self._changed:
            self._endpoints[provider].failure = None

    def calls(self, provider: str, symbol: str | None = None) -> list[Call]:
        """Return the calls so far, of one symbol if it is given."""
        with self._changed:
            calls = self._endpoints[provider].calls
            return [call for call in calls if symbol is None or symbol in call.symbols]

    def connections(self, provider: str) -> int:
        """Return how many connections were made since the start."""
        return self._endpoints[provider].connections

    def wait_for_calls(self, provider: str, count: int, symbol: str | None = None, timeout: float = 10) -> None:
        """Wait until there were *count* calls."""
        with self._changed:
            done = self._changed.wait_for(lambda: len(self.calls(provider, symbol)) >= count, timeout)
        assert done, f"{provider}: {len(self.calls(provider, symbol))} calls instead of {count} in {timeout} s"

    def _matching(self, text: str) -> list[Listing]:
        sought = text.casefold()
        return [
            listing
            for listing in self._listings.values()
            if sought in listing.symbol.casefold() or sought in listing.name.casefold()
        ]

    def _yahoo(self, path: str, params: Mapping[str, str], headers: Mapping[str, str]) -> tuple[tuple[str, ...], Wire]:
        if "Mozilla" not in headers.get("User-Agent", ""):
            return (), SCENARIOS["yahoo"]["429"]
        prefix, _, last = path.rpartition("/")
        if prefix == "/v8/finance/chart":
            symbol = unquote(last)
            return (symbol,), data.chart(self._listings.get(symbol))
        if path == "/v8/finance/spark":
            symbols = tuple(params["symbols"].split(","))
            return symbols, data.spark([self._listings[symbol] for symbol in symbols if symbol in self._listings])
        if path == "/v1/finance/search":
            return (), data.yahoo_search(self._matching(params["q"]))
        return (), SCENARIOS["yahoo"]["404_html"]

    def _alpha_vantage(
        self, path: str, params: Mapping[str, str], _headers: Mapping[str, str]
    ) -> tuple[tuple[str, ...], Wire]:
        scenarios = SCENARIOS["alpha_vantage"]
        function = params.get("function")
        if path != "/query" or not params.get("apikey"):
            return (), scenarios["bad_key"]
        if function == "GLOBAL_QUOTE":
            sought = params["symbol"]
            listing = next((one for one in self._listings.values() if one.symbol_at_alpha_vantage == sought), None)
            return (listing.symbol if listing else sought,), data.global_quote(listing)
        if function == "CURRENCY_EXCHANGE_RATE":
            symbol = f"{params['from_currency']}{params['to_currency']}=X"
            return (symbol,), data.exchange_rate(self._listings.get(symbol))
        if function == "SYMBOL_SEARCH":
            return (), data.symbol_search(self._matching(params["keywords"]))
        return (), scenarios["invalid_call"]


class Endpoint:
    """One provider's server, its calls and its failure."""

    def __init__(self, changed: threading.Condition, respond: Any) -> None:
        self.calls: list[Call] = []
        self.failure: Failure | None = None
        self.port = 0
        self.connections = 0
        self._changed = changed
        self._respond = respond
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = Server(self.port, self)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()
            self._server = None

    def answer(self, target: str, headers: Mapping[str, str]) -> Wire:
        """Note the call and return what is to be said to it."""
        parts = urlsplit(target)
        params = dict(parse_qsl(parts.query))
        with self._changed:
            symbols, wire = self._respond(parts.path, params, headers)
            self.calls.append(Call(symbols, parts.path, params))
            self._changed.notify_all()
            failure = self.failure
            if failure is None or not (failure.symbols is None or set(symbols) & set(failure.symbols)):
                return cast(Wire, wire)
            if failure.times is not None:
                failure.times -= 1
                if failure.times == 0:
                    self.failure = None
            return failure.wire


class Server(ThreadingHTTPServer):
    """Keeps its connections, so that a stop can break them, as the end of a process would."""

    daemon_threads = False  # closing waits for them: no test leaves a thread behind

    def __init__(self, port: int, endpoint: Endpoint) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.endpoint = endpoint
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket] = set()

    def stop(self) -> None:
        self.released.set()
        self.shutdown()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
            self.endpoint.connections += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """Sends a Wire in its manner."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        wire = self.server.endpoint.answer(self.path, dict(self.headers))
        if wire.manner != "whole":
            self.close_connection = True
        getattr(self, f"_{wire.manner}")(wire)

    def _head(self, wire: Wire, length: int | None) -> None:
        self.send_response(wire.status)
        self.send_header("Content-Type", wire.content_type)
        for name, value in wire.headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _whole(self, wire: Wire) -> None:
        self._head(wire, len(wire.body))
        self.wfile.write(wire.body)

    def _bomb(self, wire: Wire) -> None:
        self._head(wire, len(data.bomb()))
        self.wfile.write(data.bomb())

    def _truncated(self, wire: Wire) -> None:
        """Promise more than is sent."""
        self._head(wire, len(wire.body) + 100)
        self.wfile.write(wire.body)

    def _cut(self, wire: Wire) -> None:
        """Promise nothing, and stop in the middle."""
        self.send_response(wire.status)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(wire.body)

    def _drip(self, wire: Wire) -> None:
        self._head(wire, 1_000_000)
        self._drop_by_drop(b" ")

    def _drip_headers(self, _wire: Wire) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._drop_by_drop(b"a")

    def _drop_by_drop(self, drop: bytes) -> None:
        while not self.server.released.wait(0.02):
            self.wfile.write(drop)
            self.wfile.flush()

    def _stall(self, wire: Wire) -> None:
        """Begin late, then say nothing more."""
        self._head(wire, 1000)
        self.server.released.wait(0.4)
        self.wfile.write(b"   ")
        self._hang(wire)

    def _hang(self, _wire: Wire) -> None:
        """Say nothing until the client has had enough."""
        self.connection.settimeout(60)
        self.connection.recv(1)

    def _bare(self, wire: Wire) -> None:
        self.wfile.write(wire.body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what arrived can be asked for."""
