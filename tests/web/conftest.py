"""A whole server on a free port: real actors, SQLite, the simulated feed; and people who use it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import msgspec
import pytest
from argon2 import PasswordHasher
from tornado.httpclient import HTTPResponse
from tornado.httputil import HTTPHeaders
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from market_actors.commands.databases import served
from market_actors.credentials import digest, new_secret
from market_actors.settings import Settings
from market_actors.stored import CreateToken, CreateUser
from persistence.records import User
from run import build
from web.gateway import Market, ask
from web.server import Server

PASSWORD = "correct horse battery"
CHEAP = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True)
class Answer:
    """What a request got; body is the value of a JSON answer, else bytes."""

    status: int
    headers: HTTPHeaders
    body: Any

    @property
    def error(self) -> str:
        return str(self.body["error"])

    @property
    def faults(self) -> list[tuple[list[Any], str]]:
        """Where a validation error found what kind of fault."""
        return [(fault["loc"], fault["type"]) for fault in self.body["detail"]]


@dataclass(frozen=True)
class Client:
    """Sends requests to the server, as a user when it has a token."""

    origin: str
    token: str | None = None
    user: User | None = None

    async def __call__(
        self, method: str, path: str, json: Any = None, body: bytes | None = None, **headers: str
    ) -> Answer:
        """Send a request; *json* becomes its body. Header names take _ for -."""
        sent = HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()})
        if json is not None:
            body = msgspec.json.encode(json)
            sent.setdefault("Content-Type", "application/json")
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        http = SimpleAsyncHTTPClient(force_instance=True, max_body_size=64 * 1024 * 1024)
        try:
            response = await http.fetch(
                self.origin + path,
                method=method,
                headers=sent,
                body=body,
                raise_error=False,
                allow_nonstandard_methods=True,
                follow_redirects=False,
                decompress_response=False,
            )
        finally:
            http.close()
        return _answer(response)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self("GET", path, **headers)

    async def post(self, path: str, json: Any = None, **headers: str) -> Answer:
        return await self("POST", path, json, **headers)

    def with_token(self, token: str | None) -> Client:
        return replace(self, token=token)


def _answer(response: HTTPResponse) -> Answer:
    is_json = response.headers.get("Content-Type") == "application/json"
    data = response.body or b""
    return Answer(response.code, response.headers, msgspec.json.decode(data) if is_json and data else data)


def cookies(answer: Answer) -> dict[str, str]:
    """Return the cookies that an answer sets."""
    found: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("Set-Cookie"):
        found.load(line)
    return {name: morsel.value for name, morsel in found.items()}


@pytest.fixture
def kept_in(tmp_path: Path) -> str:
    """The server's database, SQLite; a test module that is about what is stored takes both kinds, as *database_url*."""
    return f"sqlite:///{tmp_path / 'market.db'}"


@pytest.fixture
def settings(tmp_path: Path, kept_in: str) -> Settings:
    """Those of the server; a test module may have its own."""
    return Settings(
        database_url=kept_in,
        secret_file=str(tmp_path / "secret"),
        open_interval_seconds=1,
        after_hours_interval_seconds=1,
        closed_interval_seconds=1,
        api_rate_limit=100_000,
        port=0,
    )


@pytest.fixture
def server(io_loop: IOLoop, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("web.app.PasswordHasher", CHEAP)
    with served(settings):
        sockets = bind_sockets(0, "127.0.0.1")
        bound = settings.bound_to(sockets[0].getsockname()[1])

        async def start() -> Server:
            server = build(bound)
            server.start(sockets)
            return server

        server = io_loop.run_sync(start)
        server.origin = bound.origin  # type: ignore[attr-defined]
        yield server
        io_loop.run_sync(server.stop)
        server.application.close()


@pytest.fixture
def market(server: Server) -> Market:
    return server.market


@pytest.fixture
def anybody(server: Server) -> Client:
    """Nobody in particular."""
    return Client(server.origin)  # type: ignore[attr-defined]


MakeClient = Callable[..., Awaitable[Client]]


@pytest.fixture
def make_user(market: Market, anybody: Client) -> MakeClient:
    """Makes an account, and a token of it."""

    async def make(email: str, role: str = "user", scope: str = "write") -> Client:
        now = datetime.now(UTC)
        user = await ask(market.store, CreateUser(email, role, CHEAP().hash(PASSWORD), "test", None, now))
        secret = new_secret()
        await ask(market.store, CreateToken(user.id, "test", scope, digest(secret), None, now))
        return replace(anybody, token=secret, user=user)

    return make


@pytest.fixture
def jo(io_loop: IOLoop, make_user: MakeClient) -> Client:
    """A user with a token that may write."""
    return io_loop.run_sync(lambda: make_user("jo@example.com"))


@pytest.fixture
def sam(io_loop: IOLoop, make_user: MakeClient) -> Client:
    """Another user."""
    return io_loop.run_sync(lambda: make_user("sam@example.com"))
