"""The whole server on PostgreSQL, and on a database that is restarted under it, copied or full."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endtoend.test_spine import COIN, Owner, serve
from tests.running import PASSWORD, RunningServer
from tests.servers import PostgresServer
from tests.standin import Standin


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as made:
        made.set_price(COIN, "150000.5", currency="AUD")
        yield made


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL to stop and start again."""
    with PostgresServer() as server:
        yield server


def test_what_was_answered_is_there_after_a_kill_on_either_database(
    tmp_path: Path, standin: Standin, database_url: str
) -> None:
    with serve(tmp_path, standin, database_url=database_url) as server:
        owner = Owner(server)
        signed_in = server.request("POST", "/api/v1/auth/login", {"email": "a@example.org", "password": PASSWORD})
        owner.hold(COIN, quantity="1.250")
        with owner.stream() as stream:
            priced = stream.until("portfolio_update", partial=False, total_value="187500.6250")
        owner.wait_for(lambda: _history(server, owner), "the price is recorded")
        server.kill()
        standin.stop("yahoo")
        server.start()

        token = signed_in.body["access_token"]
        holdings = server.get(f"/api/v1/portfolios/{owner.portfolio}/holdings", token).body
        with server.stream(token, f"?portfolio_ids={owner.portfolio}") as stream:
            snapshot = stream.until("portfolio_update")
        history = _history(server, owner)

    assert [(row["symbol"], row["quantity"]) for row in holdings] == [(COIN, "1.250")]
    assert snapshot.data["total_value"] == priced.data["total_value"]
    assert history == ["150000.5"]


@pytest.mark.postgres
def test_a_restart_of_postgres_costs_503_at_most_and_streams_go_on(
    tmp_path: Path, standin: Standin, own_postgres: PostgresServer
) -> None:
    with serve(tmp_path, standin, database_url=own_postgres.url) as server:
        owner, other = Owner(server), Owner(server, "b@example.org")
        owner.hold(COIN)
        other.hold(COIN, quantity="2")
        with owner.stream() as stream:
            stream.until("portfolio_update", partial=False)
            own_postgres.stop()
            while_down = _answers(server, owner) + _answers(server, other)
            own_postgres.start()
            owner.wait_for(lambda: _answers(server, other) == [200] * 4, "it answers again")
            standin.set_price(COIN, "152000.5")
            stream.until("portfolio_update", total_value="1520005.0")
        assert other.valuation()["total_value"] == "304001.0"
        owner.wait_for(lambda: _history(server, owner)[-1] == "152000.5", "prices are recorded again")
        # The server was never in trouble: it only had no database for a while.
        assert "crashed" not in server.log.read_text()
    assert set(while_down) <= {200, 503}


@pytest.mark.postgres
def test_a_portfolio_asked_for_while_postgres_was_down_is_valued_when_it_is_back(
    tmp_path: Path, standin: Standin, own_postgres: PostgresServer
) -> None:
    with serve(tmp_path, standin, database_url=own_postgres.url) as server:
        owner = Owner(server)
        owner.hold(COIN)
        path = f"/api/v1/portfolios/{owner.portfolio}/valuation"
        owner.wait_for(lambda: owner.valuation()["total_value"] == "1500005.0", "its price is kept")
        server.kill()
        server.start()
        server.get("/api/v1/auth/me", owner.token)
        stopped = threading.Event()
        statuses: list[int] = []

        def ask() -> None:
            while not stopped.is_set():
                statuses.append(server.get(path, owner.token).status)

        asking = threading.Thread(target=ask)
        own_postgres.stop()
        asking.start()
        owner.wait_for(lambda: len(statuses) > 5, "it is asked while the database is down")
        own_postgres.start()
        owner.wait_for(lambda: statuses[-1] == 200, "it is valued")
        stopped.set()
        asking.join()

        assert owner.valuation()["total_value"] == "1500005.0"
        assert set(statuses) <= {200, 503}


def test_a_copy_of_the_files_under_load_opens_and_holds_what_was_answered(tmp_path: Path, standin: Standin) -> None:
    with serve(tmp_path, standin) as server:
        owner = Owner(server)
        enough, stopped = threading.Event(), threading.Event()
        answered: list[str] = []

        def write() -> None:
            for number in range(1, 100_000):
                if stopped.is_set():
                    return
                owner.hold(f"N{number}.AX")
                answered.append(f"N{number}.AX")
                if number == 30:
                    enough.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert enough.wait(30)
        promised = set(answered)
        copy = tmp_path / "copy"
        copy.mkdir()
        # Early, before the first checkpoint (1,000 pages): one between the two copies would make them a bad pair.
        for name in ("market.db", "market.db-wal"):
            (copy / name).write_bytes((tmp_path / name).read_bytes())
        stopped.set()
        writer.join()

    with contextlib.closing(sqlite3.connect(copy / "market.db")) as opened:
        held = {symbol for (symbol,) in opened.execute("SELECT symbol FROM holding")}
        (check,) = opened.execute("PRAGMA integrity_check").fetchone()
    assert check == "ok"
    assert promised <= held


def test_a_full_disk_costs_503_and_what_was_answered_before_and_after_is_there(
    tmp_path: Path, standin: Standin
) -> None:
    with serve(tmp_path, standin) as server:
        owner = Owner(server)
        owner.hold(COIN)
        owner.wait_for(lambda: owner.valuation()["holdings"], "the coin is priced")
        assert server.process is not None
        _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        # No file of the server may grow any more, and what is there may not be written to again.
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, most))

        full = [_put(owner, f"F{number}.AX") for number in range(5)]
        read = owner.valuation()["total_value"]

        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, most))
        standin.set_price(COIN, "151000.5")
        after = [_put(owner, f"A{number}.AX") for number in range(5)]
        owner.wait_for(lambda: _history(server, owner)[-1] == "151000.5", "prices are recorded again")
        server.kill()
        server.start()
        rows = server.get(f"/api/v1/portfolios/{owner.portfolio}/holdings", owner.token).body

        assert full == [503] * 5
        assert read == "1500005.0"
        assert after == [201] * 5
        assert {row["symbol"] for row in rows} == {COIN, *(f"A{number}.AX" for number in range(5))}


@pytest.mark.slow
def test_a_read_of_years_of_prices_keeps_nobody_waiting(tmp_path: Path, standin: Standin) -> None:
    with serve(tmp_path, standin, api_rate_limit=100_000) as server:
        owner = Owner(server)
        owner.hold(COIN)
        owner.wait_for(lambda: _history(server, owner), "the price is recorded")
        server.terminate()
        with contextlib.closing(sqlite3.connect(tmp_path / "market.db")) as opened:
            opened.execute(PRICES_OF_A_WEEK, {"symbol": COIN, "count": 600_000})
            opened.commit()
        server.start()
        path = f"/api/v1/market-data/prices/{COIN}/history?interval=1d&limit=10000&start=2000-01-01T00:00:00Z"
        reads: list[int] = []
        reader = threading.Thread(target=lambda: reads.append(server.get(path, owner.token).status))
        reader.start()
        statuses = []
        while reader.is_alive():
            statuses += _answers(server, owner)
        reader.join()

    assert reads in ([200], [504])  # it may take too long itself
    assert set(statuses) == {200}


PRICES_OF_A_WEEK = """
    WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < :count)
    INSERT INTO realtime_price_history (epoch, number, symbol, timestamp, received_at, price, previous_close, currency,
        volume, provider, source, confirmation, is_market_hours)
    SELECT 1, n, :symbol, strftime('%Y-%m-%dT%H:%M:%S', 1700000000 + n, 'unixepoch') || '.000000Z',
        '2023-11-15T00:00:00.000000Z', '1.5', NULL, 'AUD', n, 'yahoo', 'yahoo', 'intraday', 1
    FROM counted"""


def _put(owner: Owner, symbol: str) -> int:
    body = {"quantity": "2", "average_cost": "1", "currency": "AUD"}
    return owner.server.request(
        "PUT", f"/api/v1/portfolios/{owner.portfolio}/holdings/{symbol}", body, owner.token
    ).status


def _answers(server: RunningServer, owner: Owner) -> list[int]:
    """The statuses of a question of each kind: stored, valued, cached, changed."""
    portfolio = f"/api/v1/portfolios/{owner.portfolio}"
    body = {"quantity": "2", "average_cost": "1", "currency": "AUD"}
    return [
        server.get(portfolio, owner.token).status,
        server.get(f"{portfolio}/valuation", owner.token).status,
        server.get(f"/api/v1/market-data/prices/{COIN}", owner.token).status,
        server.request("PUT", f"{portfolio}/holdings/{COIN}", body, owner.token).status,
    ]


def _history(server: RunningServer, owner: Owner) -> list[str]:
    rows = server.get(f"/api/v1/market-data/prices/{COIN}/history", owner.token).body
    return [row["price"] for row in rows]
