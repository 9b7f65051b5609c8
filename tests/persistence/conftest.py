"""A migrated database of either kind, and somebody to own what is in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from peewee import Database

from persistence import queries
from persistence.database import open_database
from persistence.migrate import migrate
from persistence.records import Portfolio, User
from tests.persistence.samples import NOW


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def user(database: Database) -> User:
    return queries.create_user("ann@example.com", "user", "hash", "console", None, NOW)


@pytest.fixture
def admin(database: Database) -> User:
    return queries.create_user("root@example.com", "admin", "hash", "console", None, NOW)


@pytest.fixture
def portfolio(user: User) -> Portfolio:
    return queries.create_portfolio(user.id, "Savings", "AUD", NOW)
