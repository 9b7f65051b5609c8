"""The event stream as a stranger's client sees it: what it may ask, what comes first, and when it ends."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tornado.httputil import HTTPHeaders

from market_actors.credentials import digest, new_secret
from market_actors.messages import Message
from market_actors.settings import Settings
from market_actors.stored import CreateToken
from tests.running import RunningServer
from tests.web.conftest import PASSWORD, Client, cookies
from web.gateway import ask

STREAM = "/api/v1/market-data/stream"
PORTFOLIOS = "/api/v1/portfolios"
TOKENS = "/api/v1/auth/tokens"
ENDED = 5.0  # seconds within which a stream ends that nobody has a right to any more


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, heartbeat_seconds=1, streams_per_user=6)


@dataclass
class Event:
    name: str
    id: str | None
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        return self.body["data"]


class Reader:
    """One stream, read event by event."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_head: bool = False) -> None:
        self.reader, self.writer, self.is_head = reader, writer, is_head
        self.comments = 0
        self.retries: list[int] = []
        self.sequences: list[int] = []

    async def head(self) -> None:
        status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.status = int(status.split()[1])
        self.headers = HTTPHeaders.parse("\r\n".join(lines))
        self.body: Any = None
        if self.status != 200 and not self.is_head:
            data = await self.reader.readexactly(int(self.headers.get("Content-Length", 0)))
            self.body = json.loads(data) if data else None

    async def next(self, seconds: float = 10.0) -> Event | None:
        """Return the next event; None at the end."""
        fields: dict[str, str] = {}
        while line := await asyncio.wait_for(self.reader.readline(), seconds):
            text = line.decode().rstrip("\n")
            if text.startswith(":"):
                self.comments += 1
            elif text:
                name, _, value = text.partition(": ")
                fields[name] = value
                if name == "retry":
                    self.retries.append(int(value))
            elif "data" in fields:
                body = json.loads(fields["data"])
                assert body["type"] == fields["event"]
                assert set(body) == {"type", "data", "timestamp", "sequence"}
                assert not self.sequences or body["sequence"] > self.sequences[-1]
                self.sequences.append(body["sequence"])
                return Event(fields["event"], fields.get("id"), body)
            else:
                fields = {}
        return None

    async def until(self, name: str, seconds: float = 10.0, **data: Any) -> Event:
        """Return the next event of this name with these data."""
        async with asyncio.timeout(seconds):
            while event := await self.next(seconds):
                if event.name == name and all(event.data[key] == value for key, value in data.items()):
                    return event
        raise AssertionError(f"the stream ended before a {name} with {data}")

    async def rest(self, seconds: float) -> list[Event]:
        """Return what comes until the end, which must be soon."""
        events = []
        async with asyncio.timeout(seconds):
            while event := await self.next():
                events.append(event)
        return events


@asynccontextmanager
async def listening(user: Client, query: str = "", method: str = "GET", **headers: str) -> AsyncIterator[Reader]:
    """A stream of a user. Header names take _ for -."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(user.origin.rpartition(":")[2]))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if user.token is not None:
        sent["Authorization"] = f"Bearer {user.token}"
    lines = [f"{method} {STREAM}{query} HTTP/1.1", "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in sent.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    stream = Reader(reader, writer, method == "HEAD")
    try:
        await asyncio.wait_for(stream.head(), 10)
        yield stream
    finally:
        writer.close()


async def refusal(user: Client, query: str = "", **headers: str) -> Reader:
    async with listening(user, query, **headers) as stream:
        assert stream.status != 200
        return stream


async def make(user: Client, *symbols: str, currency: str = "AUD") -> str:
    made = await user.post(PORTFOLIOS, {"name": "Savings", "base_currency": currency})
    for symbol in symbols:
        assert (await hold(user, made.body["id"], symbol, "10")).status == 201
    return str(made.body["id"])


async def hold(user: Client, portfolio_id: str, symbol: str, quantity: str) -> Any:
    body = {"quantity": quantity, "average_cost": "10", "currency": "AUD"}
    return await user("PUT", f"{PORTFOLIOS}/{portfolio_id}/holdings/{symbol}", body)


# -- What comes --------------------------------------------------------------------------------


async def test_the_head_is_that_of_an_event_stream(jo):
    async with listening(jo, Accept_Encoding="gzip") as stream:
        assert stream.status == 200
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert stream.headers["Cache-Control"] == "no-cache"
        assert stream.headers["X-Accel-Buffering"] == "no"
        assert stream.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Origin" not in stream.headers
        assert "Content-Length" not in stream.headers
        assert "Content-Encoding" not in stream.headers
        await stream.next()
        assert 1_000 <= stream.retries[0] <= 10_000


@pytest.mark.parametrize(("origin", "is_listed"), [("http://localhost:3000", True), ("https://evil.example", False)])
async def test_only_pages_of_listed_origins_may_read_a_stream(jo, origin, is_listed):
    async with listening(jo, Origin=origin) as stream:
        assert stream.headers.get("Access-Control-Allow-Origin") == (origin if is_listed else None)
        assert stream.headers.get("Access-Control-Allow-Credentials") == ("true" if is_listed else None)
        assert stream.headers["Vary"] == "Origin"


async def test_a_stream_begins_with_its_status_and_the_present_values(jo):
    portfolio_id = await make(jo, "CBA.AX")
    async with listening(jo, f"?portfolio_ids={portfolio_id}&symbols=bhp.ax") as stream:
        status = await stream.next()
        assert (status.name, status.id) == ("connection_status", None)
        assert set(status.data) == {
            "status", "server_time", "next_update_in", "recovered", "paused", "conflated_events",
        }  # fmt: skip
        assert status.data["status"] == "connected"
        assert (status.data["recovered"], status.data["paused"], status.data["conflated_events"]) == (None, None, 0)

        snapshot = await stream.until("portfolio_update", portfolio_id=portfolio_id)
        assert re.fullmatch(r"\d+-\d+", snapshot.id)
        assert set(snapshot.data) == {
            "portfolio_id", "currency", "total_value", "total_cost_basis", "unrealized_gain_loss", "daily_change",
            "daily_change_percent", "last_updated", "stale_price_count", "fresh_percent", "oldest_price_age_seconds",
            "partial", "holdings",
        }  # fmt: skip

        price = await stream.until("price_update", symbol="CBA.AX")
        assert re.fullmatch(r"\d+-\d+", price.id)
        assert set(price.data) == {
            "symbol", "price", "previous_close", "change", "change_percent", "volume", "currency", "market_status",
            "source", "last_updated", "is_stale",
        }  # fmt: skip
        assert isinstance(price.data["price"], str)
        assert (await stream.until("price_update", symbol="BHP.AX")).data["source"] == "simulated"

        later = await stream.until("portfolio_update")
        assert later.id is None
        assert set(later.data["holdings"][0]) == {
            "symbol", "quantity", "price", "currency", "market_value", "daily_change", "unrealized_gain_loss",
            "is_stale", "source", "last_updated",
        }  # fmt: skip


async def test_the_position_never_goes_back(jo):
    portfolio_id = await make(jo, "CBA.AX", "BHP.AX")
    async with listening(jo, f"?portfolio_ids={portfolio_id}&symbols=AAPL") as stream:
        await stream.until("price_update", symbol="AAPL")
        positions = []
        while len(positions) < 12:
            event = await stream.next()
            if event.id:
                epoch, number = event.id.split("-")
                positions.append((int(epoch), int(number)))
        assert positions == sorted(positions)
        assert len({position[0] for position in positions}) == 1


async def test_without_a_choice_the_five_oldest_portfolios_are_streamed(jo):
    portfolios = [await make(jo) for _ in range(6)]
    async with listening(jo) as stream:
        seen = {(await stream.until("portfolio_update")).data["portfolio_id"] for _ in range(5)}
        assert seen == set(portfolios[:5])
        for _ in range(2):
            await stream.until("heartbeat")


@pytest.mark.parametrize("query", ["?include_heartbeat=true", ""])
async def test_a_heartbeat_comes_as_often_as_it_is_set(jo, query):
    async with listening(jo, query) as stream:
        await stream.until("heartbeat")
        began = time.monotonic()
        beat = await stream.until("heartbeat")
        assert time.monotonic() - began < 3
        assert set(beat.data) == {"status", "server_time", "next_update_in"}
        assert beat.id is None


async def test_a_comment_keeps_a_stream_without_heartbeats_alive(jo):
    async with listening(jo, "?include_heartbeat=false") as stream:
        assert (await stream.next()).name == "connection_status"
        assert (await asyncio.wait_for(stream.reader.readline(), 17)).startswith(b":")


@pytest.mark.parametrize(
    ("query", "headers", "recovered"),
    [
        ("?last_event_id=1-1", {}, False),
        ("", {"Last_Event_ID": "1-1"}, False),
        ("", {"Last_Event_ID": ""}, None),
        ("?last_event_id=", {}, None),
        ("?last_event_id=1-1", {"Last_Event_ID": ""}, None),
        ("?last_event_id=%00%01", {}, False),
        ("?last_event_id=" + "9" * 3000, {}, False),
        ("", {"Last_Event_ID": "\xff{}[]"}, False),
        ("", {"Last_Event_ID": "9" * 30 + "-" + "9" * 30}, False),
    ],
)
async def test_a_position_that_says_nothing_is_no_error(jo, query, headers, recovered):
    async with listening(jo, query, **headers) as stream:
        assert stream.status == 200
        assert (await stream.next()).data["recovered"] is recovered


# -- What is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "?portfolio_ids=1",
        "?portfolio_ids=" + ",".join(str(uuid4()) for _ in range(6)),
        "?symbols=" + ",".join(f"S{number}" for number in range(101)),
        "?symbols=a%20b",
        "?include_heartbeat=perhaps",
        "?colour=red",
        "?symbols=A&symbols=B",
    ],
)
async def test_an_impossible_query_is_refused_before_the_stream_begins(jo, query):
    answer = await refusal(jo, query)
    assert answer.status == 422
    assert answer.body["error"] == "validation_error"


async def test_a_portfolio_that_is_not_yours_does_not_exist(jo, sam):
    theirs, mine = await make(sam), await make(jo)
    foreign, none = await refusal(jo, f"?portfolio_ids={mine},{theirs}"), await refusal(jo, f"?portfolio_ids={uuid4()}")
    assert (foreign.status, none.status) == (404, 404)
    assert foreign.body["error"] == none.body["error"]


async def test_who_is_not_known_gets_no_stream(jo, anybody):
    for user, query in ((anybody, ""), (anybody.with_token("x"), ""), (anybody, "?ticket=x"), (anybody, "?link=x")):
        answer = await refusal(user, query)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for name in ("token", "access_token"):
        assert (await refusal(anybody, f"?{name}={jo.token}")).status in (401, 422)
    assert (await refusal(anybody, f"?ticket={jo.token}")).status == 401
    assert (await refusal(anybody, f"?link={jo.token}")).status == 401


async def test_one_stream_too_many_is_429_until_another_ends(jo):
    opened = [listening(jo) for _ in range(6)]
    streams = [await one.__aenter__() for one in opened]
    answer = await refusal(jo)
    assert (answer.status, answer.body["error"]) == (429, "too_many_streams")
    assert int(answer.headers["Retry-After"]) > 0
    for one in opened:
        await one.__aexit__(None, None, None)
    assert len(streams) == 6
    async with asyncio.timeout(5):
        while True:
            async with listening(jo) as stream:
                if stream.status == 200:
                    break


async def test_a_head_is_not_a_stream(jo):
    async with listening(jo, method="HEAD") as stream:
        assert stream.status == 405


# -- Tickets and links -------------------------------------------------------------------------


async def ticket_of(user: Client) -> str:
    made = await user.post("/api/v1/auth/stream-ticket")
    assert made.status == 201
    assert made.body["expires_in"] == 60
    return str(made.body["ticket"])


async def test_a_ticket_opens_one_stream_of_its_owner(jo, sam, anybody):
    mine, theirs = await make(jo), await make(sam)
    ticket = await ticket_of(jo)
    async with listening(anybody, f"?ticket={ticket}") as stream:
        assert (await stream.until("portfolio_update")).data["portfolio_id"] == mine
    assert (await refusal(anybody, f"?ticket={ticket}")).status == 401
    assert (await refusal(anybody, f"?ticket={await ticket_of(jo)}&portfolio_ids={theirs}")).status == 404


async def test_the_stream_of_a_ticket_ends_with_the_token_that_bought_it(jo, anybody):
    token = (await jo.post(TOKENS, {"name": "t", "scope": "read", "expires_in_days": 1})).body
    buyer = jo.with_token(token["token"])
    unused = await ticket_of(buyer)
    async with listening(anybody, f"?ticket={await ticket_of(buyer)}") as stream:
        assert (await jo("DELETE", f"{TOKENS}/{token['id']}")).status == 204
        assert (await stream.rest(ENDED))[-1].data["error_code"] == "access_revoked"
    assert (await refusal(anybody, f"?ticket={unused}")).status == 401


async def test_a_link_opens_just_its_portfolio_until_it_is_removed(jo, anybody):
    mine, other = await make(jo, "CBA.AX"), await make(jo)
    link = (await jo.post(f"{PORTFOLIOS}/{mine}/links", {"expires_in_days": 1})).body
    query = f"?link={link['token']}"
    for more in (f"&portfolio_ids={other}", f"&portfolio_ids={mine},{other}", "&symbols=BHP.AX"):
        assert (await refusal(anybody, query + more)).status == 403
    async with listening(anybody, query) as stream, listening(anybody, f"{query}&portfolio_ids={mine}") as named:
        for one in (stream, named):
            assert (await one.until("portfolio_update")).data["portfolio_id"] == mine
        assert (await jo("DELETE", f"{PORTFOLIOS}/{mine}/links/{link['id']}")).status == 204
        for one in (stream, named):
            events = await one.rest(ENDED)
            assert {e.data["portfolio_id"] for e in events if e.name == "portfolio_update"} <= {mine}
    assert (await refusal(anybody, query)).status == 401


# -- The end of a right ------------------------------------------------------------------------


async def test_a_revoked_token_ends_its_streams_and_no_others(jo):
    token = (await jo.post(TOKENS, {"name": "t", "scope": "read", "expires_in_days": 1})).body
    async with listening(jo.with_token(token["token"])) as revoked, listening(jo) as other:
        await revoked.next()
        assert (await jo("DELETE", f"{TOKENS}/{token['id']}")).status == 204
        assert (await revoked.rest(ENDED))[-1].name == "error"
        await other.until("heartbeat")


async def test_an_expired_token_ends_its_stream(jo, market):
    secret, now = new_secret(), datetime.now(UTC)
    await ask(market.store, CreateToken(jo.user.id, "t", "read", digest(secret), now + timedelta(seconds=2), now))
    async with listening(jo.with_token(secret)) as stream:
        assert (await stream.rest(2 + ENDED))[-1].data["error_code"] == "expired"
    assert (await refusal(jo.with_token(secret))).status == 401


async def test_signing_out_ends_the_streams_of_the_session(jo, anybody):
    xsrf = cookies(await anybody.get("/sign-in"))["_xsrf"]
    sent = {"Cookie": f"_xsrf={xsrf}", "X_XSRFToken": xsrf}
    login = {"email": jo.user.email, "password": PASSWORD, "session": True}
    signed_in = await anybody.post("/api/v1/auth/login", login, **sent)
    assert signed_in.status == 204
    sent["Cookie"] += "; " + "; ".join(f"{name}={value}" for name, value in cookies(signed_in).items())
    async with listening(anybody, Cookie=sent["Cookie"]) as stream:
        assert stream.status == 200
        assert (await anybody.post("/api/v1/auth/logout", **sent)).status == 204
        await stream.rest(ENDED)


async def test_a_removed_portfolio_ends_its_streams(jo):
    gone, kept = await make(jo, "CBA.AX"), await make(jo)
    async with listening(jo, f"?portfolio_ids={kept},{gone}") as stream, listening(jo, f"?portfolio_ids={kept}") as on:
        await stream.until("portfolio_update", portfolio_id=gone)
        assert (await jo("DELETE", f"{PORTFOLIOS}/{gone}")).status == 204
        await stream.rest(ENDED)
        await on.until("heartbeat")


async def test_nobody_gets_the_events_of_another(jo, sam):
    mine, theirs = await make(jo, "CBA.AX"), await make(sam, "CBA.AX", "BHP.AX")
    async with listening(jo) as stream, listening(sam) as other:
        for _ in range(3):
            assert (await stream.until("portfolio_update")).data["portfolio_id"] == mine
            assert (await other.until("portfolio_update")).data["portfolio_id"] == theirs
        price = await stream.until("price_update")
        assert price.data["symbol"] == "CBA.AX"


# -- Changes while it is open ------------------------------------------------------------------


async def test_a_change_of_holdings_or_currency_is_seen_at_once(jo):
    portfolio_id = await make(jo, "CBA.AX")
    async with listening(jo) as stream:
        await stream.until("price_update", symbol="CBA.AX")
        assert (await hold(jo, portfolio_id, "BHP.AX", "3")).status == 201
        await stream.until("price_update", 5, symbol="BHP.AX")
        assert (await hold(jo, portfolio_id, "BHP.AX", "4")).status == 200
        changed = await stream.until("portfolio_update", 1)
        while "BHP.AX" not in {h["symbol"] for h in changed.data["holdings"] if h["quantity"] == "4"}:
            changed = await stream.until("portfolio_update", 1)
        assert (await jo("PATCH", f"{PORTFOLIOS}/{portfolio_id}", {"base_currency": "USD"})).status == 200
        await stream.until("portfolio_update", 2, currency="USD")
        await stream.until("portfolio_update", 8, currency="USD", partial=False)
        assert (await jo("DELETE", f"{PORTFOLIOS}/{portfolio_id}/holdings/CBA.AX")).status == 204
        async with asyncio.timeout(5):
            while (await stream.next()).name != "heartbeat":
                pass
        seen = set()
        while len(seen) < 3:
            event = await stream.next()
            if event.name == "heartbeat":
                seen.add(event.body["sequence"])
            assert event.name != "price_update" or event.data["symbol"] != "CBA.AX"


# -- Odd clients -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_line",
    [
        "GET {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n",
        "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n\x00\x01 garbage\r\n\r\n",
        "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_follows_the_request_of_a_stream_is_ignored(jo, request_line):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(jo.origin.rpartition(":")[2]))
    writer.write(request_line.format(path=STREAM, token=jo.token).encode())
    stream = Reader(reader, writer)
    await stream.head()
    assert stream.status == 200
    assert (await stream.next()).name == "connection_status"
    writer.write(b"more garbage" * 5000)
    await stream.until("heartbeat")
    writer.close()


async def test_a_client_that_goes_at_once_leaves_neither_a_stream_nor_an_error(jo, server, caplog):
    port = int(jo.origin.rpartition(":")[2])
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {STREAM} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {jo.token}\r\n\r\n".encode())
        await writer.drain()
        writer.transport.abort()
    async with asyncio.timeout(5):
        while (await refused_or_open(jo)) != 200:
            pass
        while len(server.fanout) or server.fanout._opening:
            await asyncio.sleep(0)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def refused_or_open(user: Client) -> int:
    async with listening(user) as stream:
        return stream.status


async def test_a_slow_reader_gets_the_newest_and_the_number_of_what_was_merged(jo, server):
    symbols = [f"S{number}.AX" for number in range(100)]
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", int(jo.origin.rpartition(":")[2])))
    reader, writer = await asyncio.open_connection(sock=connection, limit=2**16)
    query = f"?symbols={','.join(symbols)}"
    writer.write(f"GET {STREAM}{query} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {jo.token}\r\n\r\n".encode())
    stream = Reader(reader, writer)
    await stream.head()
    await stream.until("price_update")
    writer.transport.pause_reading()
    async with asyncio.timeout(15):
        while not any(one.withheld > 150 for one in server.fanout._connections.values()):
            await asyncio.sleep(0.05)
        assert all(len(one.rest) <= 256 * 1024 for one in server.fanout._connections.values())
    writer.transport.resume_reading()
    positions = []
    merged = 0
    async with asyncio.timeout(10):
        while not merged or len(positions) < 100:
            event = await stream.next()
            if event.name == "connection_status":
                merged, positions = event.data["conflated_events"], []
            elif event.id:
                positions.append(tuple(map(int, event.id.split("-"))))
    assert positions == sorted(set(positions))
    writer.close()


# -- When actors fall --------------------------------------------------------------------------


class Unexpected(Message):
    """What no actor understands."""


async def test_values_go_on_after_several_crash_at_once(jo, market):
    names = ("store", "quotes", "book", "connections", "scheduler")
    portfolio_id = await make(jo, "CBA.AX")
    async with listening(jo) as stream:
        await stream.until("price_update", symbol="CBA.AX")
        for name in names:
            market.system.address(name).tell(Unexpected())
        await stream.rest(5)
        async with asyncio.timeout(5):
            while sum(state.restarts > 0 for state in market.system.states()) < len(names):
                await asyncio.sleep(0.05)
    async with listening(jo) as again:
        assert again.status == 200
        await again.until("portfolio_update", portfolio_id=portfolio_id)
        await again.until("price_update", symbol="CBA.AX")
        await again.until("portfolio_update", portfolio_id=portfolio_id, partial=False)
        assert (await hold(jo, portfolio_id, "BHP.AX", "3")).status == 201
        await again.until("price_update", symbol="BHP.AX")


@pytest.mark.parametrize("name", ["connections", "book", "quotes", "store", "scheduler", "usage"])
async def test_values_go_on_after_the_crash_of_an_actor(jo, market, name):
    portfolio_id = await make(jo, "CBA.AX")
    async with listening(jo) as stream:
        await stream.until("price_update", symbol="CBA.AX")
        market.system.address(name).tell(Unexpected())
        if name == "connections":
            await stream.rest(5)
        else:
            async with asyncio.timeout(5):
                while not next(state for state in market.system.states() if state.name == name).restarts:
                    await stream.next()
            await stream.until("price_update", symbol="CBA.AX")
            await stream.until("portfolio_update", portfolio_id=portfolio_id)
            assert (await hold(jo, portfolio_id, "BHP.AX", "3")).status == 201
            await stream.until("price_update", symbol="BHP.AX")
    async with listening(jo) as again:
        assert again.status == 200
        await again.until("portfolio_update", portfolio_id=portfolio_id)
        await again.until("price_update", symbol="CBA.AX")
        await again.until("portfolio_update", portfolio_id=portfolio_id)


# -- In a process of its own -------------------------------------------------------------------


def test_a_token_revoked_in_another_process_ends_its_stream(tmp_path):
    with RunningServer(tmp_path, heartbeat_seconds=1) as server:
        server.make_user("a@example.org")
        kept, token = server.make_token("a@example.org"), server.make_token("a@example.org", "read")
        tokens = server.get(TOKENS, kept).body
        revoked = next(row["id"] for row in tokens if row["scope"] == "read")
        with server.stream(token) as stream:
            stream.until("heartbeat")
            server.command("token", "revoke", revoked)
            began = time.monotonic()
            names = [event.name for event in stream]
        assert names[-1] == "error"
        assert time.monotonic() - began < ENDED


def test_a_stop_says_closing_to_every_stream_and_takes_ten_seconds_at_the_most(tmp_path):
    with RunningServer(tmp_path, streams_per_user=300) as server:
        server.make_user("a@example.org")
        token = server.make_token("a@example.org")
        streams = [server.stream(token) for _ in range(200)]
        assert {stream.status for stream in streams} == {200}
        deaf = socket.create_connection(("127.0.0.1", server.port))
        symbols = ",".join(f"S{number}.AX" for number in range(100))
        target = f"{STREAM}?symbols={symbols} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}"
        deaf.sendall(f"GET {target}\r\n\r\n".encode())
        began = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - began < 10
        retries = set()
        for stream in streams:
            last = list(stream)[-1]
            assert last.name == "closing"
            retries.add(last.data["retry"])
            stream.close()
        assert len(retries) > 100
        deaf.close()
