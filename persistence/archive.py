"""Backups: one SQLite file, whichever database it was made of, that goes back into either.

Rows are copied as values, so that a backup of SQLite can be restored into PostgreSQL and the other way round.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import peewee
from peewee import Database, PostgresqlDatabase

from persistence import models
from persistence.database import insert_many, lock_until_commit, open_database, proxy, writing
from persistence.errors import NoBackup, RowConflict
from persistence.migrate import LOCK, migrate, pending
from persistence.models import BaseModel
from persistence.queries import append_audit

KEPT: tuple[type[BaseModel], ...] = (
    models.User,
    models.Token,
    models.Portfolio,
    models.Holding,
    models.PortfolioLink,
    models.PortfolioValuation,
    models.Instrument,
    models.PriceUpdateSchedule,
    models.RealtimePriceHistory,
    models.StreamEpoch,
    models.SseConnection,
    models.MarketDataProvider,
    models.PollIntervalConfiguration,
    models.AdministrativeOverride,
    models.UsageAudience,
    models.UsageShare,
    models.UsageName,
    models.ApiUsageMetrics,
    models.ApiUsageRollup,
    models.ApiUsageSymbol,
    models.ApiUsagePlan,
    models.AuditLog,
    models.AuditHead,
)
"""What a backup holds; what others refer to comes before them."""

LEFT_OUT: tuple[type[BaseModel], ...] = (models.Session, models.StreamTicket, models.SignInLink)
"""Sign-ins that would live again: what was good once would be good twice, and who signed out would be in."""

SEEDED: tuple[type[BaseModel], ...] = (models.UsageAudience, models.UsageShare)
"""What a fresh database holds a row of."""

ROWS = 1_000  # copied at a time
DRAFT = "draft.db"
UNREADABLE = (ValueError, ArithmeticError, AttributeError, TypeError)  # what a bad cell raises
FIRST_VERSIONS = datetime(2026, 1, 1, tzinfo=UTC)

Counts = Mapping[type[BaseModel], int]


def back_up(source: Database, path: Path) -> Counts:
    """Write what *source* holds at this moment into a new file, which only we can read; others may go on writing.

    The file appears when it is whole and on the disk. Returns how many rows there are of each model. Meanwhile the models
    are bound to the file: to be called where nothing else uses them.

    Raises RowConflict when *source* is empty or lacks migrations, MigrationFailed when it is of a newer version,
    FileExistsError, and what the copying raises.
    """
    if not source.table_exists("schema_migration"):
        raise RowConflict("there is nothing in the database")
    missing = pending(source)
    if missing:
        raise RowConflict(
            f"the database lacks {', '.join(missing)}: migrate it, or back it up with the version it is of"
        )
    if os.path.lexists(path):
        raise FileExistsError(f"{path} is there already")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    with TemporaryDirectory(prefix=".backup-", dir=path.parent) as folder:
        draft = Path(folder, DRAFT)
        draft.touch(0o600)
        try:
            counts = _fill(draft, source)
        finally:
            proxy.initialize(source)
        _flush(draft)
        _put(draft, path)
        _flush(path.parent)
    return counts


def _put(draft: Path, path: Path) -> None:
    """Give a file its name, unless another has got it meanwhile: then raise FileExistsError."""
    try:
        os.link(draft, path, follow_symlinks=False)
    except FileExistsError:
        raise FileExistsError(f"{path} is there already") from None
    except OSError:  # a file system without links
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        draft.replace(path)


def _fill(draft: Path, source: Database) -> Counts:
    with closing(open_database(f"sqlite:///{draft}")) as target:
        migrate(target)
        with _as_of_now(source), writing():
            counts = _copy(source)
        target.execute_sql("PRAGMA journal_mode = delete")  # type: ignore[no-untyped-call]  # all in one file
    return counts


@contextmanager
def unpacked(path: Path) -> Iterator[Database]:
    """Give what is in a backup, or in the file of a SQLite database, brought up to date; the file stays as it is.

    Raises OSError when it is not there or cannot be copied, NoBackup when it is something else or damaged, and
    MigrationFailed when it is of a newer version.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there")
    if not path.is_file():
        raise NoBackup(f"{path} is no backup: it is no file")
    with TemporaryDirectory(prefix="restore-") as folder:
        draft = Path(folder, DRAFT)
        draft.touch(0o600)
        _copy_file(path, draft)
        with closing(open_database(f"sqlite:///{draft}")) as source:
            if not source.table_exists("schema_migration"):
                raise NoBackup(f"{path} is no backup: it is a database of something else")
            migrate(source)
            yield source


def check_empty(database: Database) -> None:
    """Raise RowConflict when something is in it; its tables need not be there."""
    for model in (*KEPT, *LEFT_OUT):
        table = model._meta.table_name
        if model in SEEDED or not database.table_exists(table):
            continue
        if database.execute_sql(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone():  # type: ignore[no-untyped-call]
            raise RowConflict(f"the database is not empty, there are rows in {table}: restore into a new one")


def restore(source: Database, actor: str, now: datetime) -> Counts:
    """Copy all of *source* into the process's database, which is up to date and empty, or nothing. It is audited.

    Raises RowConflict when something is in it already, NoBackup when something in *source* cannot be read, and what the
    copying raises.
    """
    with writing():
        lock_until_commit(LOCK)
        check_empty(proxy.obj)
        with _as_of_now(source):
            counts = _copy(source)
        _begin_anew(now)
        told = {model._meta.table_name: count for model, count in counts.items()}
        append_audit(actor, "database.restore", "database", None, None, None, told, now)
        return counts


def _begin_anew(now: datetime) -> None:
    """Close what was open, and give portfolios versions that no other restore gave them.

    What is cached of a version after the backup, or after another restore of it, must not pass for one to come.
    """
    connection, portfolio = models.SseConnection, models.Portfolio
    connection.update(closed_at=connection.last_heartbeat).where(connection.closed_at.is_null()).execute()
    version = int((now - FIRST_VERSIONS).total_seconds())
    portfolio.update(version=portfolio.version + 1).execute()
    portfolio.update(version=version).where(portfolio.version < version).execute()


def _copy_file(path: Path, draft: Path) -> None:
    """Copy a SQLite file that others may write to, with what its log holds. Raises NoBackup, and OSError."""
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(draft)) as target,
        ):
            source.backup(target)
            (found,) = target.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        raise OSError(f"{path} cannot be copied into {draft.parent}: {error}") from None
    except sqlite3.DatabaseError as error:
        raise NoBackup(f"{path} is no backup, or damaged: {error}") from None
    if found != "ok":
        raise NoBackup(f"{path} is damaged: {found}")


def _as_of_now(source: Database) -> AbstractContextManager[object]:
    """Have all that is read of *source* be of one moment."""
    isolation = ("REPEATABLE READ",) if isinstance(source, PostgresqlDatabase) else ()
    moment: AbstractContextManager[object] = source.atomic(*isolation)
    return moment


def _copy(source: Database) -> Counts:
    """Copy all that is kept from *source* into the process's database, which is fresh."""
    for model in reversed(SEEDED):
        model.delete().execute()
    return {model: _copy_table(source, model) for model in KEPT}


def _copy_table(source: Database, model: type[BaseModel]) -> int:
    fields = model._meta.sorted_fields
    table = model._meta.table_name
    # With the table's name: an unknown "column" alone is a string to SQLite.
    columns = ", ".join(f'"{table}"."{field.column_name}"' for field in fields)
    read = [field.python_value for field in fields]
    count = 0
    for rows in _read(source, f'SELECT {columns} FROM "{table}"'):
        try:
            values = [[value(cell) for value, cell in zip(read, row, strict=True)] for row in rows]
        except UNREADABLE as error:
            raise NoBackup(f"something in {table} cannot be read: {error}") from None
        insert_many(fields, values)
        count += len(rows)
    return count


def _read(source: Database, sql: str) -> Iterator[list[tuple[object, ...]]]:
    with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
        if isinstance(source, PostgresqlDatabase):
            connection = source.connection()  # type: ignore[no-untyped-call]
            cursor = connection.cursor(name="archive")  # kept by the server, and sent in parts
        else:
            cursor = source.cursor()  # type: ignore[no-untyped-call]
        with closing(cursor):
            cursor.execute(sql)
            while rows := cursor.fetchmany(ROWS):
                yield rows


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
