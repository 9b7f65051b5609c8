"""Open streams in the administration: listed with what they carried, closed on order and when rights are lost."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import pytest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from tests.web.conftest import Client

CONNECTIONS = "/api/v1/admin/connections"


class Listener:
    """Somebody at the other end of a stream."""

    def __init__(self, client: Client) -> None:
        self.data = b""
        self._has_begun = asyncio.Event()
        self.ended = SimpleAsyncHTTPClient(force_instance=True).fetch(
            f"{client.origin}/api/v1/market-data/stream?symbols=CBA.AX",
            headers={"Authorization": f"Bearer {client.token}"},
            streaming_callback=self._take,
            request_timeout=10,
            raise_error=False,
        )

    def _take(self, data: bytes) -> None:
        self.data += data
        self._has_begun.set()

    async def begun(self) -> Listener:
        await asyncio.wait_for(self._has_begun.wait(), 5)
        return self


@pytest.fixture
def root(io_loop, make_user) -> Client:
    """An administrator with a token of the scope admin."""
    return io_loop.run_sync(lambda: make_user("root@example.com", "admin", "admin"))


async def test_a_stream_is_listed_with_its_figures_and_closed_on_order(root, jo):
    listener = await Listener(jo).begun()

    (listed,) = (await root.get(CONNECTIONS)).body
    closed = await root("DELETE", f"{CONNECTIONS}/{listed['id']}?reason=too%20many")

    assert set(listed) == {
        "id", "user_id", "user_email", "ip_address", "user_agent", "connected_at", "last_heartbeat", "portfolio_ids",
        "symbols", "events_sent", "bytes_sent", "conflated_events", "node",
    }  # fmt: skip
    assert (listed["user_email"], listed["symbols"]) == ("jo@example.com", ["CBA.AX"])
    assert listed["events_sent"] >= 1
    assert listed["bytes_sent"] > 0
    assert (closed.status, closed.body) == (204, b"")
    await listener.ended
    assert b"event: error" in listener.data
    assert (await root("DELETE", f"{CONNECTIONS}/{listed['id']}")).status == 404
    (entry,) = (await root.get(f"/api/v1/admin/audit?target_id={listed['id']}")).body
    assert (entry["action"], entry["reason"]) == ("connection.close", "too many")
    assert entry["before"]["ip_address"] == "127.0.0.1"


async def test_a_stream_that_is_not_open_cannot_be_closed(root):
    assert (await root("DELETE", f"{CONNECTIONS}/{uuid4()}")).status == 404


async def test_the_streams_of_who_is_deactivated_end_within_five_seconds(root, jo):
    listener = await Listener(jo).begun()
    began = time.monotonic()

    await root("PATCH", f"/api/v1/admin/users/{jo.user.id}", {"is_active": False, "reason": "left"})

    await listener.ended
    assert time.monotonic() - began < 5
    assert b"access_revoked" in listener.data
