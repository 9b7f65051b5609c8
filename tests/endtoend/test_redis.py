"""The whole server with a real Redis: warm and cheap with it, never wrong or slow because of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.endtoend.test_spine import COIN, Owner, serve
from tests.running import RunningServer
from tests.servers import RedisServer
from tests.standin import Standin

pytestmark = pytest.mark.redis

RARELY = {f"{state}_interval_seconds": 3600 for state in ("open", "after_hours", "closed")}


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as made:
        made.set_price(COIN, "150000.5", currency="AUD")
        made.set_price("USDAUD=X", "1.5250")
        yield made


@pytest.fixture
def inside(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """Another client, that looks at what is kept and spoils it."""
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


def cache_status(owner: Owner) -> dict[str, Any]:
    status: dict[str, Any] = owner.server.get("/api/v1/market-data/status", owner.token).body["cache_status"]
    return status


def resting(owner: Owner, count: int) -> list[str]:
    """Make portfolios that nobody watches, each with its own quantity of the coin."""
    made = []
    for number in range(1, count + 1):
        body = {"name": f"P{number}", "base_currency": "AUD"}
        portfolio = owner.server.request("POST", "/api/v1/portfolios", body, owner.token).body["id"]
        holding = {"quantity": str(number), "average_cost": "1", "currency": "AUD"}
        path = f"/api/v1/portfolios/{portfolio}/holdings/{COIN}"
        assert owner.server.request("PUT", path, holding, owner.token).status == 201
        made.append(portfolio)
    return made


def values(owner: Owner, portfolios: list[str]) -> tuple[dict[str, tuple[int, Any]], float]:
    """The status and the valuation of each, but for its age; and the seconds that the slowest took."""
    found, slowest = {}, 0.0
    for portfolio in portfolios:
        begun = time.monotonic()
        answer = owner.server.get(f"/api/v1/portfolios/{portfolio}/valuation", owner.token)
        slowest = max(slowest, time.monotonic() - begun)
        answer.body.pop("oldest_price_age_seconds", None)
        found[portfolio] = (answer.status, answer.body)
    return found, slowest


def restarted(server: RunningServer) -> None:
    """So that no valuation runs: all are recalled or made anew."""
    server.kill()
    server.start()


def test_status_shows_what_redis_keeps(tmp_path: Path, standin: Standin, redis_server: RedisServer) -> None:
    with serve(tmp_path, standin, redis_url=redis_server.url, **RARELY) as server:
        owner = Owner(server)
        portfolios = resting(owner, 5)
        owner.wait_for(lambda: _priced(owner, portfolios), "the coin is priced")
        owner.wait_for(lambda: cache_status(owner)["total_keys"] >= 6, "all valuations and the price are kept")
        status = cache_status(owner)

    assert status["redis_connected"] is True
    assert status["memory_usage"] > 0
    assert 0 <= status["hit_rate"] <= 100


def test_the_newer_price_is_taken_from_redis_when_the_database_does_not_know_it(
    tmp_path: Path, standin: Standin, redis_server: RedisServer
) -> None:
    with serve(tmp_path, standin, redis_url=redis_server.url) as server:
        owner = Owner(server)
        owner.hold(COIN)
        owner.wait_for(lambda: owner.valuation()["total_value"] == "1500005.0", "the coin is priced")
        server.terminate()
        before = {path: path.read_bytes() for path in tmp_path.glob("market.db*")}
        server.start()
        standin.set_price(COIN, "152000.5")
        owner.wait_for(lambda: owner.valuation()["total_value"] == "1520005.0", "the price moves")
        server.kill()
        standin.stop("yahoo")
        for path in tmp_path.glob("market.db*"):
            path.unlink()
        for path, data in before.items():
            path.write_bytes(data)
        server.start()

        owner.wait_for(lambda: owner.valuation()["total_value"] == "1520005.0", "the newer price is shown")


@pytest.mark.parametrize("trouble", ["killed", "paused", "flushed", "restarted"])
def test_whatever_befalls_redis_no_answer_changes_and_it_is_used_again(
    tmp_path: Path, standin: Standin, redis_server: RedisServer, inside: redis.Redis, trouble: str
) -> None:
    def restart() -> None:
        redis_server.kill()
        redis_server.start()

    harm: dict[str, Callable[[], object]] = {
        "killed": redis_server.kill,
        "paused": redis_server.pause,
        "flushed": inside.flushall,
        "restarted": restart,
    }
    mend: dict[str, Callable[[], object]] = {"killed": redis_server.start, "paused": redis_server.resume}
    with serve(tmp_path, standin, redis_url=redis_server.url, **RARELY) as server:
        owner = Owner(server)
        portfolios = resting(owner, 10)
        owner.wait_for(lambda: _priced(owner, portfolios), "the coin is priced")
        owner.wait_for(lambda: cache_status(owner)["total_keys"] >= 11, "all valuations are kept")
        expected, _ = values(owner, portfolios)
        restarted(server)
        owner.wait_for(lambda: values(owner, portfolios[:1])[0] == {portfolios[0]: expected[portfolios[0]]}, "primed")
        begun = threading.Event()
        seen: list[tuple[dict[str, tuple[int, Any]], float]] = []

        def ask() -> None:
            for _ in range(10):
                seen.append(values(owner, portfolios))
                begun.set()

        asking = threading.Thread(target=ask)
        asking.start()
        assert begun.wait(30)
        harm[trouble]()
        asking.join()
        restarted(server)
        cold, slowest = values(owner, portfolios)
        lost = cache_status(owner)["redis_connected"]
        mend.get(trouble, lambda: None)()

        owner.wait_for(lambda: cache_status(owner)["redis_connected"], "redis is used again", 40)
        owner.hold(COIN)
        owner.wait_for(lambda: owner.valuation()["holdings"] and cache_status(owner)["total_keys"] > 0, "it is kept")

        print(f"{trouble}: slowest {max(slow for _, slow in seen):.3f} s, with a cold start {slowest:.3f} s")
        assert lost is (trouble in ("flushed", "restarted"))
        assert all(answers == expected for answers, _ in seen)
        assert cold == expected


def test_a_poisoned_redis_changes_no_answer(
    tmp_path: Path, standin: Standin, redis_server: RedisServer, inside: redis.Redis
) -> None:
    with serve(tmp_path, standin, redis_url=redis_server.url, **RARELY) as server:
        owner = Owner(server)
        portfolios = resting(owner, 4)
        owner.wait_for(lambda: _priced(owner, portfolios), "the coin is priced")
        owner.wait_for(lambda: cache_status(owner)["total_keys"] >= 5, "all valuations are kept")
        expected, _ = values(owner, portfolios)
        price = server.get(f"/api/v1/market-data/prices/{COIN}", owner.token).body["current_price"]
        server.kill()
        poisons = [
            lambda data: b"\xff\x00" * 50,
            lambda data: data[: len(data) // 2],
            lambda data: data.replace(b"150000.5", b"NaN"),
            lambda data: data.replace(b"150000.5", b"999999.5"),
            lambda data: data[:16] + json.dumps({"version": 7}).encode(),
            lambda data: data.replace(b"Z", b""),  # times without a zone
        ]
        kept = {key: inside.get(key) for key in inside.scan_iter()}
        other = next(data for key, data in kept.items() if str(portfolios[0]).encode() in key)
        for poison in [*poisons, lambda data: other]:
            for key, data in kept.items():
                inside.set(key, poison(data))
            server.start()

            answers, _ = values(owner, portfolios)
            shown = server.get(f"/api/v1/market-data/prices/{COIN}", owner.token).body["current_price"]

            assert (answers, shown) == (expected, price)
            assert "crashed" not in server.log.read_text()
            server.kill()


def _priced(owner: Owner, portfolios: list[str]) -> bool:
    answers, _ = values(owner, portfolios)
    return all(status == 200 and not body["partial"] for status, body in answers.values())
