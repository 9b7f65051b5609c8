"""Readers that are cut off in every way, again and again, while the server is killed: nothing is lost unannounced."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.endtoend.readers import Crowd, Position, Reader, Verdict, judge, position_of
from tests.running import EventStream, RunningServer

SYMBOLS = [f"S{number}.AX" for number in range(100)]


def a_portfolio(server: RunningServer, token: str, symbols: list[str]) -> str:
    made = server.request("POST", "/api/v1/portfolios", {"name": "P", "base_currency": "AUD"}, token)
    for symbol in symbols:
        body = {"quantity": "10", "average_cost": "100", "currency": "AUD"}
        path = f"/api/v1/portfolios/{made.body['id']}/holdings/{symbol}"
        assert server.request("PUT", path, body, token).status == 201
    return str(made.body["id"])


def readers_of(crowd: Crowd, portfolios: dict[str, list[str]], count: int, seed: int) -> list[Reader]:
    """Readers of a portfolio, of some symbols, and of both; the first hears everything and never leaves."""
    chance = random.Random(seed)
    made = [Reader(crowd, f"?symbols={','.join(SYMBOLS)}", SYMBOLS, SYMBOLS, seed)]
    made[0].leaves = False
    for number in range(1, count):
        portfolio = chance.choice(list(portfolios))
        asked = chance.sample(SYMBOLS, 5)
        query, asked, held = [
            (f"?portfolio_ids={portfolio}", [], portfolios[portfolio]),
            (f"?symbols={','.join(asked)}", asked, []),
            (f"?portfolio_ids={portfolio}&symbols={','.join(asked)}", asked, portfolios[portfolio]),
        ][number % 3]
        made.append(Reader(crowd, query, asked, [*asked, *held], seed + number))
    return made


async def disturb(server: RunningServer, crowd: Crowd, times: int, seed: int) -> None:
    """Kill the server, or stop it in order now and then, spread over all disconnections, and start it again."""
    chance = random.Random(seed)
    for number in range(1, times + 1):
        await crowd.reached(number * crowd.target // (times + 1))
        end = server.terminate if chance.random() < 0.2 else server.kill
        await asyncio.to_thread(end)
        await asyncio.to_thread(server.start)


def published(folder: Path) -> list[tuple[Position, str]]:
    with contextlib.closing(sqlite3.connect(folder / "market.db")) as opened:
        rows = opened.execute("SELECT epoch, number, symbol FROM realtime_price_history ORDER BY epoch, number")
        return [((epoch, number), symbol) for epoch, number, symbol in rows]


def lose_streams(folder: Path, *, count: int, disconnections: int, window: int, kills: int, seed: int = 5) -> str:
    """Let *count* readers lose their streams so often; assert what holds, and return the figures."""
    with RunningServer(
        folder,
        open_interval_seconds=1,
        after_hours_interval_seconds=1,
        closed_interval_seconds=1,
        history_events=window,
        streams_per_user=2 * count,
        api_rate_limit=1_000_000,
    ) as server:
        server.make_user("a@example.org")
        token = server.make_token("a@example.org")
        portfolios = {}
        for start in range(0, 100, 20):
            held = SYMBOLS[start : start + 20]
            portfolios[a_portfolio(server, token, held)] = held
        with server.stream(token, f"?symbols={','.join(SYMBOLS)}") as stream:
            priced: set[str] = set()
            while len(priced) < len(SYMBOLS):
                priced.add(stream.until("price_update").data["symbol"])
        crowd = Crowd(server.port, token, window, disconnections)
        readers = readers_of(crowd, portfolios, count, seed)
        began = time.monotonic()

        async def all_of_it() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(disturb(server, crowd, kills, seed))
                for reader in readers:
                    group.create_task(reader.run())

        asyncio.run(all_of_it())
        seconds = time.monotonic() - began
        server.terminate()
    verdict = Verdict()
    history = published(folder)
    for reader in readers:
        judge(reader, history, window, verdict)
    figures = (
        f"{len(readers)} readers, {crowd.lost.total()} disconnections {dict(crowd.lost)}, {kills} restarts, "
        f"{len(history)} prices published, {seconds:.0f} s: {verdict}"
    )
    assert crowd.lost.total() >= disconnections, figures
    assert (verdict.missed, verdict.twice_or_out_of_order, verdict.false_alarms) == (0, 0, 0), figures
    assert verdict.merged == 0, figures
    assert verdict.announced >= disconnections // 10, figures
    return figures


def test_readers_that_are_cut_off_get_everything_or_are_told(tmp_path):
    lose_streams(tmp_path, count=20, disconnections=300, window=60, kills=2)


@pytest.mark.slow
def test_ten_thousand_disconnections_lose_nothing(tmp_path, capsys):
    figures = lose_streams(tmp_path, count=200, disconnections=10_000, window=300, kills=30)
    with capsys.disabled():
        print(f"\n{figures}")


def ids_of(stream: EventStream, count: int) -> list[Position]:
    return [position_of(str(stream.until("price_update").id)) for _ in range(count)]


@pytest.fixture
def database(postgres_url):
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield postgres_url.rpartition("/")[0] + f"/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.postgres
def test_a_stream_goes_on_at_another_server_of_the_same_database(tmp_path, database):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    query = "?symbols=CBA.AX,BHP.AX"
    settings = {"database_url": database, "open_interval_seconds": 1, "after_hours_interval_seconds": 1}
    settings |= {"closed_interval_seconds": 1}
    with RunningServer(tmp_path / "a", **settings) as first, RunningServer(tmp_path / "b", **settings) as second:
        first.make_user("a@example.org")
        token = first.make_token("a@example.org")
        with second.stream(token, query) as watcher:
            with first.stream(token, query) as stream:
                last = ids_of(stream, 4)[-1]
            first.kill()
            published_there = ids_of(watcher, 6)
            with second.stream(token, query, **{"Last-Event-ID": "{}-{}".format(*last)}) as back:
                assert back.until("connection_status").data["recovered"] is True
                got = ids_of(back, 8)
            published_there += ids_of(watcher, 8)

        # A price of each symbol that had none since, then all that this server published, none twice, in order.
        assert got == sorted(set(got))
        assert {epoch for epoch, _ in got} == {published_there[0][0]}
        known = [position for position in got if position in published_there]
        begin = published_there.index(known[0])
        assert known == published_there[begin : begin + len(known)]
        assert len(got) - len(known) <= 2

        second.kill()
        first.start()
        with first.stream(token, query, **{"Last-Event-ID": "{}-{}".format(*got[-1])}) as again:
            assert again.until("connection_status").data["recovered"] is True
            later = ids_of(again, 4)
        assert later == sorted(set(later))
        assert later[0] > got[-1]
