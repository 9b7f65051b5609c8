"""Prices, look-up, history, status and refresh over HTTP, on the simulated feed."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import uuid4

import pytest

from market_actors.errors import Cooldown, QuotaExhausted, Unavailable, UnknownSymbol
from market_actors.messages import FetchNow, GetUpdates, LookUp, Refresh
from market_actors.settings import Settings
from tests.web.test_portfolios import HOLDING, make
from web import prices
from web.gateway import ask
from web.schemas import PriceAnswer, StatusAnswer, ValuationAnswer

DATA = "/api/v1/market-data"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Updates rarely: what is asked for comes on demand."""
    slow = {f"{state}_interval_seconds": 3600 for state in ("open", "after_hours", "closed")}
    return replace(settings, **slow)


@pytest.fixture
def failing(monkeypatch):
    """Makes the scheduler answer one kind of question with an error."""

    def make_fail(question, error):
        async def answer(address, message, *timeout):
            if isinstance(message, question):
                raise error
            return await ask(address, message, *timeout)

        monkeypatch.setattr(prices, "ask", answer)

    return make_fail


async def test_a_symbol_that_nobody_tracks_is_fetched_on_demand(jo):
    before = await jo.get(f"{DATA}/prices?symbols=cba.ax")
    assert (before.body, before.headers["X-Unknown-Symbols"]) == ([], "CBA.AX")

    price = await jo.get(f"{DATA}/prices/cba.ax")

    assert price.status == 200
    assert set(price.body) == set(PriceAnswer.__struct_fields__)
    assert (price.body["symbol"], price.body["currency"], price.body["source"]) == ("CBA.AX", "AUD", "simulated")
    after = await jo.get(f"{DATA}/prices?symbols=BHP.AX,cba.ax,CBA.AX")
    assert [row["symbol"] for row in after.body] == ["CBA.AX"]
    assert after.headers["X-Unknown-Symbols"] == "BHP.AX"


@pytest.mark.parametrize("error", [None, Unavailable("all are down", 7)])
async def test_a_price_of_before_is_fetched_anew_when_nobody_tracks_its_symbol_any_more(jo, monkeypatch, error):
    before = (await jo.get(f"{DATA}/prices/CBA.AX")).body
    asked = []

    async def answer(address, message, *timeout):
        if isinstance(message, GetUpdates):
            return replace(await ask(address, message, *timeout), tracked=frozenset())
        if isinstance(message, FetchNow):
            asked.append(message.symbol)
            if error:
                raise error
        return await ask(address, message, *timeout)

    monkeypatch.setattr(prices, "ask", answer)
    again = await jo.get(f"{DATA}/prices/CBA.AX")

    assert asked == ["CBA.AX"]
    assert (again.status, again.body["current_price"]) == (200, before["current_price"])


async def test_prices_may_be_kept_for_a_moment_by_who_asked(jo):
    answer = await jo.get(f"{DATA}/prices/CBA.AX")

    (age,) = re.fullmatch(r"private, max-age=(\d+)", answer.headers["Cache-Control"]).groups()
    assert 0 <= int(age) <= 15


async def test_an_answer_is_not_kept_beyond_the_next_update(jo, monkeypatch):
    monkeypatch.setattr(prices, "LONGEST_AGE", 100_000)
    await jo.get(f"{DATA}/prices/CBA.AX")

    answer = await jo.get(f"{DATA}/prices?symbols=CBA.AX")

    age = int(answer.headers["Cache-Control"].rpartition("=")[2])
    assert age <= 3600


@pytest.mark.parametrize("symbol", ["A" * 21, "-A", "A%20B", "A%2FB", "%E2%82%AC", "a,b"])
async def test_a_malformed_symbol_in_a_path_is_not_found(jo, symbol):
    for path in (f"{DATA}/prices/{symbol}", f"{DATA}/prices/{symbol}/history"):
        answer = await jo.get(path)
        assert (answer.status, answer.error) == (404, "unknown_symbol")


@pytest.mark.parametrize(
    ("error", "status"),
    [(UnknownSymbol("no provider knows it"), 404), (Unavailable("all are down", 7), 503)],
)
async def test_what_no_provider_gives_says_why(jo, failing, error, status):
    failing(FetchNow, error)

    answer = await jo.get(f"{DATA}/prices/NOPE")

    assert (answer.status, answer.error) == (status, error.code)
    assert answer.headers.get("Retry-After") == ("7" if status == 503 else None)


async def test_the_history_of_a_symbol_is_raw_or_in_bars(jo):
    price = (await jo.get(f"{DATA}/prices/CBA.AX")).body
    start = "start=2020-01-01T00:00:00Z&end=2999-01-01T00:00:00Z"

    raw = await jo.get(f"{DATA}/prices/cba.ax/history?{start}")
    bars = await jo.get(f"{DATA}/prices/cba.ax/history?{start}&interval=1d")

    assert [row["price"] for row in raw.body] == [price["current_price"]]
    assert set(raw.body[0]) == {"timestamp", "price", "volume", "source", "is_market_hours"}
    assert set(bars.body[0]) == {"timestamp", "open", "high", "low", "close", "volume"}
    assert bars.body[0]["close"] == price["current_price"]


async def test_a_history_does_not_end_before_it_begins(jo):
    answer = await jo.get(f"{DATA}/prices/A/history?start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z")

    assert (answer.status, answer.faults) == (422, [(["query", "start"], "value_error")])


async def test_a_look_up_finds_what_is_known_here_also_while_providers_fail(jo, failing):
    await jo.get(f"{DATA}/prices/CBA.AX")
    failing(LookUp, Unavailable("down"))

    found = await jo.get(f"{DATA}/symbols?query=cba")

    assert found.status == 200
    assert found.body[0]["symbol"] == "CBA.AX"
    assert set(found.body[0]) == {"symbol", "name", "exchange", "currency"}
    assert (await jo.get(f"{DATA}/symbols?query=%25_%5C")).body == []
    assert (await jo.get(f"{DATA}/symbols?query=%00")).status == 422
    assert (await jo.get(f"{DATA}/symbols")).status == 422


async def test_the_status_tells_of_every_part(jo):
    await jo.get(f"{DATA}/prices/AAPL")

    answer = await jo.get(f"{DATA}/status")

    assert set(answer.body) == set(StatusAnswer.__struct_fields__)
    system, market = answer.body["system_status"], answer.body["market_status"]
    assert (system["status"], system["version"].count(".")) == ("healthy", 2)
    assert (market["exchange"], market["timezone"]) == ("XASX", "Australia/Sydney")
    assert market["is_open"] is (market["phase"] == "OPEN")
    assert {row["exchange"] for row in answer.body["exchanges"]} >= {"XASX", "XNYS"}
    (provider,) = answer.body["data_providers"]
    assert (provider["name"], provider["status"], provider["rate_limit_remaining"]) == ("simulated", "active", None)
    assert answer.body["cache_status"]["redis_connected"] is False
    assert answer.body["statistics"]["symbols_cached"] >= 1
    assert answer.body["statistics"]["average_response_time_ms"] > 0
    assert answer.headers["Cache-Control"].startswith("private, max-age=")


async def test_a_refresh_updates_what_is_named_held_or_all(jo):
    path = await make(jo)
    for symbol in ("CBA.AX", "AAPL"):
        await jo("PUT", f"{path}/holdings/{symbol}", HOLDING)

    answer = await jo.post(f"{DATA}/refresh", {})

    assert answer.status == 202
    assert set(answer.body) == {"request_id", "symbols", "provider_calls", "cooldown_seconds"}
    assert sorted(answer.body["symbols"]) == ["AAPL", "CBA.AX"]
    again = await jo.post(f"{DATA}/refresh", {"symbols": ["CBA.AX"]})
    assert (again.status, again.error) == (429, "cooldown")
    assert 0 < int(again.headers["Retry-After"]) <= 60


async def test_a_refresh_of_a_portfolio_is_for_its_owner(jo, sam):
    path = await make(jo)
    await jo("PUT", f"{path}/holdings/CBA.AX", HOLDING)
    body = {"portfolio_id": path.rpartition("/")[2]}

    assert (await sam.post(f"{DATA}/refresh", body)).status == 404
    assert (await jo.post(f"{DATA}/refresh", {"portfolio_id": str(uuid4())})).status == 404
    assert (await jo.post(f"{DATA}/refresh", body)).body["symbols"] == ["CBA.AX"]


@pytest.mark.parametrize(
    ("error", "status"), [(Cooldown(12.2), 429), (QuotaExhausted("spent", 90), 429), (Unavailable("stopped", 3), 503)]
)
async def test_a_refresh_that_cannot_be_says_when_it_can(jo, failing, error, status):
    failing(Refresh, error)

    answer = await jo.post(f"{DATA}/refresh", {"symbols": ["CBA.AX"]})

    assert (answer.status, answer.error) == (status, error.code)
    assert int(answer.headers["Retry-After"]) >= error.retry_after


@pytest.mark.parametrize(
    "body", [{"symbols": []}, {"symbols": ["A"] * 101}, {"symbols": "A"}, {"portfolio_id": "x"}, {"a": 1}]
)
async def test_an_impossible_refresh_is_refused(jo, body):
    assert (await jo.post(f"{DATA}/refresh", body)).status == 422


async def test_the_documented_valuation_is_what_is_answered(jo):
    path = await make(jo)
    await jo("PUT", f"{path}/holdings/CBA.AX", HOLDING)
    await jo.get(f"{DATA}/prices/CBA.AX")

    valuation = await jo.get(f"{path}/valuation")

    assert set(valuation.body) == set(ValuationAnswer.__struct_fields__)
