"""kill -9 at any moment: what was answered with 2xx is there after the restart, prices too."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from tests.running import RunningServer


@pytest.fixture
def server(tmp_path):
    with RunningServer(
        tmp_path, open_interval_seconds=1, after_hours_interval_seconds=1, closed_interval_seconds=1
    ) as s:
        s.make_user("a@example.org")
        yield s


def test_holdings_answered_before_a_kill_are_there_after_it(server):
    token = server.make_token("a@example.org")
    portfolio = server.request("POST", "/api/v1/portfolios", {"name": "P", "base_currency": "AUD"}, token).body["id"]
    for round_ in range(3):
        answered: dict[str, str] = {}
        enough = threading.Event()

        def write(round_: int = round_, answered: dict[str, str] = answered, enough: threading.Event = enough) -> None:
            for number in range(1, 400):
                body = {"quantity": str(number), "average_cost": "1.50", "currency": "AUD"}
                path = f"/api/v1/portfolios/{portfolio}/holdings/R{round_}N{number}.AX"
                try:
                    if server.request("PUT", path, body, token).status != 201:
                        return
                except OSError:
                    return  # killed in the middle: nothing was promised
                answered[f"R{round_}N{number}.AX"] = str(number)
                if number == 20:
                    enough.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert enough.wait(30)
        server.kill()
        writer.join()

        server.start()

        held = {}
        for offset in range(0, 1500, 500):
            page = server.get(f"/api/v1/portfolios/{portfolio}/holdings?limit=500&offset={offset}", token).body
            held |= {holding["symbol"]: holding["quantity"] for holding in page}
        assert answered.items() <= held.items()


def test_after_a_kill_the_stream_shows_the_last_good_values_at_once(server):
    token = server.make_token("a@example.org")
    portfolio = server.request("POST", "/api/v1/portfolios", {"name": "P", "base_currency": "AUD"}, token).body["id"]
    server.request(
        "PUT",
        f"/api/v1/portfolios/{portfolio}/holdings/CBA.AX",
        {"quantity": "10", "average_cost": "100", "currency": "AUD"},
        token,
    )
    with server.stream(token, f"?portfolio_ids={portfolio}") as stream:
        first = stream.until("price_update", symbol="CBA.AX")
        price = next(event for event in stream if event.name == "price_update" and event.id != first.id)
    server.kill()  # at once: what a reader has seen is kept by then
    # Nothing will be fetched after this start: what is shown then was kept.
    server.environment |= {"MARKET_PROVIDERS": "yahoo", "MARKET_YAHOO_URL": "http://127.0.0.1:9"}
    server.start()

    with server.stream(token, f"?portfolio_ids={portfolio}", **{"Last-Event-ID": price.id or ""}) as stream:
        status = stream.until("connection_status")
        newest = price.data["price"]
        for event in stream:
            if event.name == "portfolio_update":
                snapshot = event
                break
            if event.name == "price_update":
                newest = event.data["price"]

    assert status.data["recovered"] is True
    (holding,) = snapshot.data["holdings"]
    assert holding["symbol"] == "CBA.AX"
    assert Decimal(holding["price"]) == Decimal(newest)
    assert Decimal(snapshot.data["total_value"]) == 10 * Decimal(holding["price"]) > 0
