"""An administrator steers the running server: intervals, stops and prices, seen by a stream that is open meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.endtoend.test_spine import COIN, Owner, serve
from tests.running import RunningServer
from tests.standin import Standin


class Admin:
    """An administrator with a token of that scope."""

    def __init__(self, server: RunningServer) -> None:
        server.make_user("boss@example.org", "admin")
        self.server = server
        self.token = server.make_token("boss@example.org", "admin")

    def post(self, path: str, **body: object) -> dict[str, Any]:
        answer = self.server.request("POST", f"/api/v1/admin/{path}", body, self.token)
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.body
        return made

    def delete(self, path: str) -> int:
        return self.server.request("DELETE", f"/api/v1/admin/{path}", token=self.token).status


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as made:
        made.set_price(COIN, "150000.5", currency="AUD")
        yield made


HOURLY = {f"{state}_interval_seconds": 3600 for state in ("open", "after_hours", "closed")}


def test_a_shorter_interval_moves_the_next_update_on_an_open_stream_within_a_second(tmp_path: Path, standin: Standin):
    with serve(tmp_path, standin, **HOURLY) as server:
        owner, admin = Owner(server), Admin(server)
        owner.hold(COIN)
        with owner.stream() as stream:
            stream.until("portfolio_update", total_value="1500005.0")
            began = time.monotonic()
            admin.post("poll-intervals", interval_minutes=5, reason="a busy day")

            moved = next(e for e in stream if e.name == "connection_status" and (e.data["next_update_in"] or 0) > 0)

            assert moved.data["next_update_in"] <= 300
            assert moved.received_at - began < 2
        effective = server.get(f"/api/v1/admin/poll-intervals/effective?symbol={COIN}", admin.token).body
        assert (effective["interval_seconds"], effective["source"]) == (300, "global")


def test_an_emergency_stop_pauses_the_stream_refuses_to_fetch_and_outlives_a_kill(tmp_path: Path, standin: Standin):
    with serve(tmp_path, standin) as server:
        owner, admin = Owner(server), Admin(server)
        owner.hold(COIN)
        with owner.stream() as stream:
            stream.until("portfolio_update", total_value="1500005.0")
            order = admin.post("overrides", override_type="emergency_stop", scope="global", reason="wrong prices")
            paused = next(e for e in stream if e.name == "connection_status" and e.data["paused"])
            assert paused.data["paused"] == {"reason": "wrong prices", "until": None}
            assert paused.data["next_update_in"] is None

            calls = len(standin.calls("yahoo"))
            refused = server.request("POST", "/api/v1/market-data/refresh", {"symbols": [COIN]}, owner.token)
            assert (refused.status, "Retry-After" in refused.headers) == (503, True)
            assert server.get("/api/v1/market-data/prices/ETH-AUD", owner.token).status == 503
            assert owner.valuation()["total_value"] == "1500005.0"
            assert len(standin.calls("yahoo")) == calls

        server.kill()
        server.start()
        assert server.get("/api/v1/market-data/status", owner.token).body["next_update"] is None
        assert len(standin.calls("yahoo")) == calls

        assert admin.delete(f"overrides/{order['id']}?reason=mended") == 200
        assert admin.delete(f"overrides/{order['id']}") == 410
        standin.wait_for_calls("yahoo", calls + 1)


def test_a_price_that_is_set_shows_everywhere_and_the_providers_comes_back(tmp_path: Path, standin: Standin):
    with serve(tmp_path, standin) as server:
        owner, admin = Owner(server), Admin(server)
        owner.hold(COIN)
        with owner.stream() as stream:
            stream.until("portfolio_update", total_value="1500005.0")
            order = admin.post(
                "overrides", override_type="price", scope="symbol", symbol=COIN, price="99.5", reason="a bad feed"
            )
            assert order["previous_price"] == "150000.5"
            began = time.monotonic()
            awaited = {
                ("price_update", "price", "99.5"),
                ("portfolio_update", "total_value", "995.0"),
            }  # in either order
            for event in stream:
                awaited -= {each for each in awaited if event.name == each[0] and event.data.get(each[1]) == each[2]}
                if event.name == "price_update" and event.data["price"] == "99.5":
                    assert event.data["source"] == "override"
                if not awaited:
                    break
                assert time.monotonic() - began < 20, awaited
            assert server.get(f"/api/v1/market-data/prices/{COIN}", owner.token).body["source"] == "override"

            standin.set_price(COIN, "150001")
            assert admin.delete(f"overrides/{order['id']}?reason=mended") == 200
            stream.until("price_update", source="yahoo", price="150001")
        actions = [entry["action"] for entry in server.get("/api/v1/admin/audit", admin.token).body]
        assert actions[:2] == ["override.remove", "override.create"]


def test_a_user_who_is_deactivated_loses_the_open_stream_and_the_last_admin_stays(tmp_path: Path, standin: Standin):
    with serve(tmp_path, standin) as server:
        owner, admin = Owner(server), Admin(server)
        users = {user["email"]: user["id"] for user in server.get("/api/v1/admin/users", admin.token).body}
        with owner.stream() as stream:
            stream.until("connection_status")
            path = f"/api/v1/admin/users/{users['a@example.org']}"
            body = {"is_active": False, "reason": "left"}
            assert server.request("PATCH", path, body, admin.token).status == 200
            began = time.monotonic()
            assert "error" in [event.name for event in stream]
            assert time.monotonic() - began < 5
        assert server.get("/api/v1/portfolios", owner.token).status == 401
        path = f"/api/v1/admin/users/{users['boss@example.org']}"
        assert server.request("PATCH", path, {"role": "user", "reason": "tired"}, admin.token).status == 409
