"""What tests of all rooms share: a fresh event loop, a real Redis, and both databases."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from tornado.ioloop import IOLoop

from tests.servers import PostgresServer, RedisServer


@pytest.fixture(autouse=True)
def io_loop() -> Iterator[IOLoop]:
    """A loop for this test alone; the one of pytest-tornasync warns on newer Pythons."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    io_loop = IOLoop.current()
    yield io_loop
    loop.run_until_complete(loop.shutdown_default_executor())
    io_loop.close(all_fds=True)
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis that answers; tests that break it start a RedisServer of their own."""
    if "TEST_REDIS_URL" in os.environ:
        yield os.environ["TEST_REDIS_URL"]
        return
    with RedisServer() as server:
        yield server.url


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis to pause, kill and start again."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL in which databases can be created."""
    if "TEST_POSTGRES_URL" in os.environ:
        yield os.environ["TEST_POSTGRES_URL"]
        return
    with PostgresServer() as server:
        yield server.url


KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, of either kind in turn."""
    yield from empty_database(request, tmp_path / "market.db")


@pytest.fixture(params=KINDS)
def other_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A second one beside it, of either kind in turn."""
    yield from empty_database(request, tmp_path / "other.db")


def empty_database(request: pytest.FixtureRequest, path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgres_url")
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield server.rpartition("/")[0] + f"/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
