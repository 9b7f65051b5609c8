"""A price on its whole way: stand-in providers in their own wire formats, the server, the stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.running import EventStream, RunningServer
from tests.standin import KEY, Standin
from tests.standin_data import SCENARIOS

EVERY_SECOND = {f"{state}_interval_seconds": 1 for state in ("open", "after_hours", "closed")}
GENEROUS = {
    f"{provider}_calls_per_{window}": 100_000
    for provider in ("yahoo", "alpha_vantage")
    for window in ("second", "minute", "day")
}
COIN = "BTC-AUD"  # its exchange never closes, so that its price grows stale at any hour of the test


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as made:
        made.play("CBA.AX", "BHP.AX", "AAPL", "MSFT")
        made.set_price("USDAUD=X", "1.5250")
        made.set_price(COIN, "150000.5", currency="AUD")
        yield made


def serve(folder: Path, standin: Standin, **settings: object) -> RunningServer:
    """A server whose providers are the stand-ins, polled every second."""
    return RunningServer(
        folder,
        **(
            EVERY_SECOND
            | GENEROUS
            | {
                "providers": "yahoo,alpha_vantage",
                "yahoo_url": standin.url("yahoo"),
                "alpha_vantage_url": standin.url("alpha_vantage"),
                "alpha_vantage_api_key": KEY,
                "provider_timeout_seconds": 2,
            }
            | settings
        ),
    )


class Owner:
    """A user with a portfolio."""

    def __init__(self, server: RunningServer, email: str = "a@example.org") -> None:
        server.make_user(email)
        self.server = server
        self.token = server.make_token(email)
        answer = server.request("POST", "/api/v1/portfolios", {"name": "P", "base_currency": "AUD"}, self.token)
        self.portfolio = answer.body["id"]

    def hold(self, symbol: str, quantity: str = "10", currency: str = "AUD") -> None:
        body = {"quantity": quantity, "average_cost": "1", "currency": currency}
        path = f"/api/v1/portfolios/{self.portfolio}/holdings/{symbol}"
        assert self.server.request("PUT", path, body, self.token).status == 201

    def stream(self, query: str = "") -> EventStream:
        return self.server.stream(self.token, query or f"?portfolio_ids={self.portfolio}")

    def valuation(self) -> dict[str, Any]:
        answer = self.server.get(f"/api/v1/portfolios/{self.portfolio}/valuation", self.token)
        assert answer.status == 200
        body: dict[str, Any] = answer.body
        return body

    def provider(self, name: str) -> dict[str, Any]:
        status = self.server.get("/api/v1/market-data/status", self.token).body
        found: dict[str, Any] = next(entry for entry in status["data_providers"] if entry["name"] == name)
        return found

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.1)


def test_australian_and_american_prices_reach_the_stream_digit_by_digit(tmp_path, standin):
    with serve(tmp_path, standin) as server:
        owner = Owner(server)
        owner.hold("CBA.AX")
        owner.hold("AAPL", currency="USD")
        with owner.stream() as stream:
            seen = {}
            for event in stream:
                if event.name == "price_update":
                    seen[event.data["symbol"]] = event.data
                if event.name == "portfolio_update" and len(event.data["holdings"]) and not event.data["partial"]:
                    total = Decimal(event.data["total_value"])
                    if {"CBA.AX", "AAPL"} <= seen.keys() or len(event.data["holdings"]) == 2:
                        break
        expected = 10 * Decimal(standin.price("CBA.AX")) + 10 * Decimal(standin.price("AAPL")) * Decimal("1.5250")
        assert total == expected
        assert {entry["name"]: entry["status"] for entry in [owner.provider("yahoo")]} == {"yahoo": "active"}


def test_every_viewer_gets_the_new_price_with_the_same_id(tmp_path, standin):
    with serve(tmp_path, standin) as server:
        owner = Owner(server)
        owner.hold(COIN)
        other = Owner(server, "b@example.org")
        with owner.stream() as first, other.stream(f"?symbols={COIN}") as second:
            first.until("portfolio_update", partial=False)
            second.until("price_update", symbol=COIN)
            standin.set_price(COIN, "151234.56789")

            events = [stream.until("price_update", price="151234.56789") for stream in (first, second)]

        assert events[0].id == events[1].id
        assert events[0].data == events[1].data


def test_when_one_provider_is_killed_its_symbols_move_to_the_other_and_status_says_why(tmp_path, standin):
    standin.set_price("EURUSD=X", "1.0721")
    with serve(tmp_path, standin) as server:
        owner = Owner(server)
        owner.hold("EURUSD=X")
        owner.hold("CBA.AX")
        with owner.stream("?symbols=EURUSD=X") as stream:
            stream.until("price_update", source="yahoo")
            standin.stop("yahoo")
            standin.set_price("EURUSD=X", "1.0733")

            moved = stream.until("price_update", price="1.0733")

            assert moved.data["source"] == "alpha_vantage"
            standin.wait_for_calls("alpha_vantage", 1, "CBA.AX")
            owner.wait_for(lambda: owner.provider("yahoo")["status"] == "error", "yahoo is shown as lost")
            assert "network" in owner.provider("yahoo")["reason"]
            assert owner.provider("alpha_vantage")["status"] == "active"

            standin.start("yahoo")


@pytest.mark.parametrize(
    ("provider", "scenario"),
    [(provider, scenario) for provider, scenarios in SCENARIOS.items() for scenario in scenarios],
)
@pytest.mark.slow
def test_under_every_failure_the_last_good_value_stays_and_is_marked_stale(tmp_path, standin, provider, scenario):
    symbol = COIN if provider == "yahoo" else "USDAUD=X"
    with serve(tmp_path, standin, providers=provider, stale_seconds=2) as server:
        owner = Owner(server)
        owner.hold(COIN)
        with owner.stream(f"?symbols={symbol}") as stream:
            stream.until("price_update", symbol=symbol)
            standin.set_price(symbol, standin.price(symbol) + "1")
            good = stream.until("price_update", symbol=symbol, price=standin.price(symbol), is_stale=False)
            standin.fail(provider, scenario)

            if provider == "yahoo":
                stale = stream.until("price_update", symbol=symbol, is_stale=True)
                assert stale.data["price"] == good.data["price"]
            owner.wait_for(
                lambda: owner.provider(provider)["reason"] or standin.calls(provider, symbol), "the failure is noticed"
            )
            answer = server.get(f"/api/v1/market-data/prices/{symbol}", owner.token)
            assert (answer.status, answer.body["current_price"]) == (200, good.data["price"])
        assert server.get("/healthz").status == 200
        assert KEY not in server.log.read_text()
        assert KEY not in str(owner.provider(provider))


def test_a_newly_held_symbol_has_its_price_within_five_seconds(tmp_path, standin):
    settings = {f"{state}_interval_seconds": 3600 for state in ("open", "after_hours", "closed")}
    with serve(tmp_path, standin, **settings) as server:
        owner = Owner(server)
        with owner.stream() as stream:
            begin = time.monotonic()
            owner.hold(COIN)
            stream.until("price_update", symbol=COIN)
            assert time.monotonic() - begin < 5
        assert owner.valuation()["total_value"] == str(10 * Decimal("150000.5"))


def test_a_missing_price_is_neither_zero_nor_the_purchase_price(tmp_path, standin):
    with serve(tmp_path, standin) as server:
        owner = Owner(server)
        owner.hold(COIN)
        owner.hold("NOPE.AX", quantity="1000000")
        owner.wait_for(lambda: owner.valuation()["holdings"], "the coin is priced")

        valuation = owner.valuation()

        assert valuation["total_value"] == str(10 * Decimal("150000.5"))
        assert valuation["total_cost_basis"] == "10"
        assert valuation["partial"] is True
        assert [entry["symbol"] for entry in valuation["unpriced"]] == ["NOPE.AX"]


def test_pence_are_not_pounds(tmp_path, standin):
    standin.set_price("VOD.L", "7150", currency="GBp", previous_close="7100")
    standin.set_price("GBPAUD=X", "2")
    with serve(tmp_path, standin) as server:
        owner = Owner(server)
        owner.hold("VOD.L", quantity="1", currency="GBP")
        owner.wait_for(lambda: owner.valuation()["holdings"], "it is priced")
        (holding,) = owner.valuation()["holdings"]
        assert (holding["price"], holding["currency"], holding["market_value"]) == ("71.50", "GBP", "143.00")
