"""The schema is brought up to date whole, once, or not at all."""

from __future__ import annotations

import threading

import pytest
from peewee import Database

from persistence.database import open_database, proxy
from persistence.errors import MigrationFailed
from persistence.migrate import Dialect, Migration, known, migrate, pending


def step(name: str, *statements: str) -> Migration:
    def of(_types: Dialect) -> tuple[str, ...]:
        return statements

    return Migration(name, of)


@pytest.fixture
def empty(database_url: str) -> Database:
    database = open_database(database_url)
    yield database
    database.close()


def test_an_empty_database_gets_all_migrations_in_order_and_only_once(empty: Database) -> None:
    assert migrate(empty) == [migration.name for migration in known()]
    assert migrate(empty) == []


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(migration.name.partition("_")[0]) for migration in known()]

    assert numbers == list(range(1, len(numbers) + 1))


def test_a_failing_migration_changes_nothing_and_says_which_why_and_what_to_do(empty: Database) -> None:
    steps = [
        step("0001_good", "CREATE TABLE kept (x INTEGER)"),
        step(
            "0002_bad", "CREATE TABLE half (x INTEGER)", "INSERT INTO half VALUES (1)", "CREATE TABLE kept (y INTEGER)"
        ),
    ]

    with pytest.raises(MigrationFailed, match="0002_bad failed and nothing was changed: .*kept.*; free disk"):
        migrate(empty, steps)

    assert not {"kept", "half", "schema_migration"} & set(empty.get_tables())


def test_what_was_applied_before_stays_when_a_later_migration_fails(empty: Database) -> None:
    good, bad = step("0001_good", "CREATE TABLE kept (x INTEGER)"), step("0002_bad", "NONSENSE")
    migrate(empty, [good])

    with pytest.raises(MigrationFailed, match="0002_bad"):
        migrate(empty, [good, bad])

    assert "kept" in empty.get_tables()
    assert migrate(empty, [good]) == []


def test_a_database_of_a_newer_version_is_refused(empty: Database) -> None:
    newer = [*known(), step("0999_later", "CREATE TABLE later (x INTEGER)")]
    migrate(empty, newer)

    with pytest.raises(MigrationFailed, match="newer version .*0999_later"):
        migrate(empty)
    with pytest.raises(MigrationFailed, match="newer version .*0999_later"):
        pending(empty)


def test_two_that_start_together_migrate_once(empty: Database) -> None:
    together = threading.Barrier(2)
    applied: list[list[str]] = []

    def start() -> None:
        proxy.connect()
        together.wait(5)
        applied.append(migrate(empty))
        proxy.close()

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(len, applied)) == [0, len(known())]


def test_values_recorded_before_they_had_a_currency_are_in_that_of_their_portfolio(empty: Database) -> None:
    user_id, portfolio_id = "1" * 32, "2" * 32
    moment = "2026-01-05T01:00:00.000000Z"
    migrate(empty, known()[:2])
    empty.execute_sql(
        "INSERT INTO user_account (id, email, email_key, role, is_active, created_at) "
        f"VALUES ('{user_id}', 'a@b.c', 'a@b.c', 'user', '1', '{moment}')"
    )
    empty.execute_sql(
        f"INSERT INTO portfolio VALUES ('{portfolio_id}', '{user_id}', 'P', 'NZD', 1, '{moment}', '{moment}')"
    )
    empty.execute_sql(f"INSERT INTO portfolio_valuation VALUES ('{portfolio_id}', '{moment}', '1.50', '1', NULL)")

    migrate(empty)

    assert [tuple(row) for row in empty.execute_sql("SELECT currency FROM portfolio_valuation")] == [("NZD",)]
