"""Every call is counted, split and paid to the last one, and no limit is passed, whatever ends the server."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.client import HTTPException
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from market_actors.credentials import digest, new_secret
from persistence import queries
from persistence.database import open_database
from persistence.migrate import migrate
from persistence.records import HoldingRow
from tests.endtoend.test_spine import GENEROUS, serve
from tests.moved import MovedServer
from tests.running import RunningServer
from tests.standin import KEY, Standin

NEW_YORK = ZoneInfo("America/New_York")
PER_DAY = 25
SYMBOLS = [f"T{number:02d}" for number in range(60)]
REFRESHERS = 3
HOURLY = {f"{state}_interval_seconds": 3600 for state in ("open", "after_hours", "closed")}
DAYS = [(2026, 3, 5), (2026, 3, 8), (2026, 11, 1)]
"""A plain day, and those on which New York changes its clocks."""


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as made:
        yield made


class People:
    """Users with a portfolio each, written before the server starts."""

    def __init__(self, server: RunningServer) -> None:
        self._url = server.environment["MARKET_DATABASE_URL"]
        self.tokens: dict[str, str] = {}
        self.portfolios: dict[str, UUID] = {}

    def add(self, email: str, *symbols: str, role: str = "user") -> str:
        """Make an account that holds these; return its token."""
        now = datetime.now(UTC)
        database = open_database(self._url)
        try:
            migrate(database)
            user = queries.create_user(email, role, None, "test", None, now)
            token = new_secret()
            queries.create_token(user.id, "t", "admin" if role == "admin" else "write", digest(token), None, now)
            portfolio = queries.create_portfolio(user.id, f"of {email}", "USD", now)
            rows = tuple(HoldingRow(symbol, Decimal(1), Decimal(1), "USD") for symbol in symbols)
            queries.import_holdings(user.id, portfolio.id, rows, replace=False, dry_run=False, now=now)
        finally:
            database.close()
        self.tokens[email], self.portfolios[email] = token, portfolio.id
        return token


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    """Return what the condition gave when it was something."""
    waiting, deadline = threading.Event(), datetime.now(UTC) + timedelta(seconds=seconds)
    while not (found := condition()):
        assert datetime.now(UTC) < deadline, f"not within {seconds} s: {what}"
        waiting.wait(0.05)
    return found


# -- Every call is counted -----------------------------------------------------------------


def test_the_report_agrees_with_itself_and_with_the_providers_own_count(tmp_path: Path, standin: Standin):
    for symbol in ("AAPL", "MSFT", "IBM", "KO"):
        standin.set_price(symbol, "100", currency="USD")
    prices = {"yahoo_cost_per_call": "0.003", "alpha_vantage_cost_per_call": "0.01", "yahoo_monthly_cost": "49.99"}
    server = serve(tmp_path, standin, **HOURLY, **prices, yahoo_batch_size=1)
    people = People(server)
    root = people.add("root@example.com", role="admin")
    ann, bob = (
        people.add("ann@example.com", "AAPL", "MSFT", "IBM"),
        people.add("bob@example.com", "MSFT", "IBM", "GONE"),
    )
    standin.fail("yahoo", "garbage", symbols=["IBM"])

    def made() -> int:
        return len(standin.calls("yahoo")) + len(standin.calls("alpha_vantage"))

    def usage(query: str = "") -> dict[str, Any]:
        body: dict[str, Any] = server.get(f"/api/v1/admin/api-usage{query}", root).body
        return body

    def settled() -> dict[str, Any] | None:
        body = usage()
        return body if body["summary"]["total_requests_today"] == made() else None

    with server:
        wait_for(lambda: standin.calls("alpha_vantage", "IBM"), "IBM is asked for at the other provider")
        held = "/api/v1/market-data/prices?symbols=AAPL,MSFT,IBM"
        wait_for(lambda: len(server.get(held, ann).body) == 3, "all that was due is fetched")
        assert server.get("/api/v1/market-data/prices/KO", bob).status == 200
        server.get("/api/v1/market-data/symbols?query=Limited", ann)
        refreshed = server.request("POST", "/api/v1/market-data/refresh", {"symbols": ["MSFT", "KO"]}, ann)
        assert refreshed.status == 202
        wait_for(
            lambda: len(standin.calls("yahoo", "MSFT")) == len(standin.calls("yahoo", "KO")) == 2, "both refreshed"
        )
        body = wait_for(settled, "the report has all calls")

        assert made() >= 9
        yahoo, alpha_vantage = body["by_provider"]
        assert yahoo["requests_today"] == yahoo["requests_this_month"] == len(standin.calls("yahoo"))
        assert alpha_vantage["requests_today"] == len(standin.calls("alpha_vantage"))
        for section, requests in (
            ("by_provider", "requests_today"),
            ("by_date", "total_requests"),
            ("by_user", "requests"),
            ("by_portfolio", "requests"),
            ("by_type", "requests"),
        ):
            assert sum(Decimal(each[requests]) for each in body[section]) == made(), section
        costs = {
            section: sum(Decimal(each["cost"]) for each in body[section])
            for section in ("by_date", "by_user", "by_portfolio", "by_type")
        }
        assert len(set(costs.values())) == 1, costs
        assert Decimal(body["summary"]["estimated_cost_this_month"]) == costs["by_date"]
        errors = {
            sum(each["errors_today"] for each in body["by_provider"]),
            sum(each["failed_requests"] for each in body["by_date"]),
            sum(each["errors"] for each in body["by_type"]),
            body["summary"]["errors_today"],
        }
        assert len(errors) == 1
        assert errors.pop() > 0
        assert body["by_date"][0]["unique_symbols"] == 5
        kinds = {each["type"]: each["requests"] for each in body["by_type"]}
        assert kinds["manual"] >= 4
        narrowed = [usage(f"?provider={name}")["by_type"] for name in ("yahoo", "alpha_vantage")]
        assert sum(each["requests"] for kinds in narrowed for each in kinds) == made()
        file = server.get("/api/v1/admin/api-usage/export", root).body
        rows = list(csv.DictReader(io.StringIO(file.decode(), newline="")))
        assert sum(Decimal(row["requests"]) for row in rows if row["section"] == "by_user") == made()


# -- No limit is ever passed ---------------------------------------------------------------


class Day:
    """A day's limit, sixty symbols, three who refresh at once, and a server that is killed in the middle of it."""

    def __init__(self, folder: Path, standin: Standin, seed: int) -> None:
        self.random = Random(seed)
        self.standin = standin
        self.begin = datetime(*DAYS[seed % len(DAYS)], 0, 5, tzinfo=NEW_YORK).astimezone(UTC)
        for symbol in SYMBOLS:
            standin.set_price(symbol, "100", currency="USD", at=int(self.begin.timestamp()) - 86_400)
        settings = GENEROUS | HOURLY | {"providers": "alpha_vantage", "alpha_vantage_calls_per_day": PER_DAY}
        self.server = MovedServer(
            folder,
            self.begin,
            **settings,
            alpha_vantage_url=standin.url("alpha_vantage"),
            alpha_vantage_api_key=KEY,
            refresh_cooldown_seconds=1,
        )
        people = People(self.server)
        people.add("owner@example.com", *SYMBOLS)
        self.tokens = [people.add(f"{number}@example.com", *SYMBOLS[:2]) for number in range(REFRESHERS)]
        self.is_over = threading.Event()

    @property
    def calls(self) -> int:
        return len(self.standin.calls("alpha_vantage"))

    def move(self, hour: float) -> None:
        """Let it be so many hours after the day began."""
        self.server.move(self.begin + timedelta(hours=hour))

    def refresh(self, token: str, seed: int) -> None:
        """Ask for prices again and again, whether the server lives or not."""
        random = Random(seed)
        while not self.is_over.wait(0.02):
            try:
                body = {"symbols": random.sample(SYMBOLS, 20)}
                self.server.request("POST", "/api/v1/market-data/refresh", body, token)
            except (OSError, HTTPException):
                pass

    def remaining(self) -> int:
        status = self.server.get("/api/v1/market-data/status", self.tokens[0]).body
        return int(status["data_providers"][0]["rate_limit_remaining"])

    def run(self) -> tuple[int, int]:
        """Return how many calls the provider counted when the server was killed, and on the whole day."""
        with ThreadPoolExecutor(REFRESHERS) as pool, self.server as server:
            refreshing = [pool.submit(self.refresh, *each) for each in zip(self.tokens, range(3), strict=True)]
            try:
                self.standin.wait_for_calls("alpha_vantage", self.random.randint(1, PER_DAY - 3), timeout=20)
                server.kill()
                at_kill = self.calls
                self.move(self.random.uniform(6, 14))
                server.start()
                self.move(15)
                wait_for(lambda: self.remaining() == 0, "the day's calls are spent")
                self.move(20)
                server.kill()
                self.move(22)
                server.start()
                refused = [server.request("POST", "/api/v1/market-data/refresh", {}, token) for token in self.tokens]
                assert {answer.status for answer in refused} <= {429, 503}
                of_day = self.calls
                self.move(25)
                self.standin.wait_for_calls("alpha_vantage", of_day + 1, timeout=20)
            finally:
                self.is_over.set()
            for each in refreshing:
                each.result()
        return at_kill, of_day


def test_a_days_limit_holds_under_refreshers_and_a_kill_in_the_middle_of_it(tmp_path: Path, standin: Standin):
    at_kill, of_day = Day(tmp_path, standin, seed=1).run()

    assert at_kill < PER_DAY
    assert PER_DAY - 4 <= of_day <= PER_DAY


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_days_limit_holds_in_every_one_of_twenty_runs(tmp_path: Path, standin: Standin, seed: int):
    at_kill, of_day = Day(tmp_path, standin, seed).run()

    print(f"run {seed}: {at_kill} calls when it was killed, {of_day} of {PER_DAY} in the day")
    assert of_day <= PER_DAY
