"""Brings the schema up to date: all missing migrations in one transaction, or none."""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module

from peewee import Database, PeeweeException, SqliteDatabase

from persistence import migrations
from persistence.database import lock_until_commit, proxy, writing
from persistence.errors import MigrationFailed
from persistence.fields import to_text

logger = logging.getLogger(__name__)

LOCK = 7_305_001  # of PostgreSQL's advisory locks; any number that is not used elsewhere


@dataclass(frozen=True, slots=True)
class Dialect:
    """The column types of a database; see persistence.fields."""

    sqlite: bool
    decimal: str
    time: str
    uuid: str
    bool: str


SQLITE = Dialect(sqlite=True, decimal="TEXT", time="TEXT", uuid="TEXT", bool="INTEGER")
POSTGRES = Dialect(sqlite=False, decimal="NUMERIC", time="TIMESTAMPTZ", uuid="UUID", bool="BOOLEAN")


@dataclass(frozen=True, slots=True)
class Migration:
    """A step: its name, which begins with its number, and its statements."""

    name: str
    statements: Callable[[Dialect], Sequence[str]]


def known() -> tuple[Migration, ...]:
    """Return the migrations of this version, in order."""
    names = sorted(module.name for module in pkgutil.iter_modules(migrations.__path__))
    return tuple(Migration(name, import_module(f"{migrations.__name__}.{name}").statements) for name in names)


def migrate(database: Database, steps: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing of *steps* (all we know) and return the names of what was applied.

    Two servers that start together apply each step once. Raises MigrationFailed, with the
    database as it was, when a step fails or when a newer version has changed the schema.
    """
    steps = known() if steps is None else steps
    dialect = SQLITE if isinstance(database, SqliteDatabase) else POSTGRES
    with writing():
        lock_until_commit(LOCK)
        applied = _applied(dialect)
        missing = _missing(steps, applied)
        for step in missing:
            _apply(step, dialect)
    return [step.name for step in missing]


def pending(database: Database) -> list[str]:
    """Return the names of what migrate() would apply; changes nothing.

    Raises MigrationFailed when a newer version has changed the schema.
    """
    applied: set[str] = set()
    if database.table_exists("schema_migration"):
        applied = {name for (name,) in proxy.execute_sql("SELECT name FROM schema_migration").fetchall()}
    return [step.name for step in _missing(known(), applied)]


def _missing(steps: Sequence[Migration], applied: set[str]) -> list[Migration]:
    newer = sorted(applied - {step.name for step in steps})
    if newer:
        raise MigrationFailed(
            f"the database has been changed by a newer version ({newer[-1]} is not known here); "
            "start that version, or restore a backup made before it"
        )
    return [step for step in steps if step.name not in applied]


def _applied(dialect: Dialect) -> set[str]:
    proxy.execute_sql(
        f"CREATE TABLE IF NOT EXISTS schema_migration (name TEXT PRIMARY KEY, applied_at {dialect.time} NOT NULL)"
    )
    return {name for (name,) in proxy.execute_sql("SELECT name FROM schema_migration").fetchall()}


def _apply(step: Migration, dialect: Dialect) -> None:
    try:
        for statement in step.statements(dialect):
            proxy.execute_sql(statement)
        places = f"{proxy.param}, {proxy.param}"
        proxy.execute_sql(f"INSERT INTO schema_migration VALUES ({places})", (step.name, to_text(datetime.now(UTC))))
    except PeeweeException as error:
        raise MigrationFailed(
            f"migration {step.name} failed and nothing was changed: {str(error).strip()}; "
            "free disk space or repair what it names, then start again, or go on with the version that ran before"
        ) from error
    logger.info("database: applied migration %s", step.name)
