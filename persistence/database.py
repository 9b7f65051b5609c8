"""Opens the database that a URL names, claims it for one server, and makes transactions that write.

There is one database a process: models and queries reach it through :data:`proxy`.
Every thread has a connection of its own, opened on first use; a thread that is done
closes it with ``proxy.close()``.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import peewee
from peewee import Database, DatabaseProxy, ModelSelect, PostgresqlDatabase, SqliteDatabase

from persistence.errors import UNREACHABLE, DatabaseLocked

R = TypeVar("R")

proxy = DatabaseProxy()

BUSY_SECONDS = 5
PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",  # or a power failure takes back what was answered with 2xx
    "foreign_keys": 1,
}
CONNECT_SECONDS = 5
SILENCE_MILLISECONDS = 10_000  # how long the kernel waits for a vanished PostgreSQL host


class Sqlite(SqliteDatabase):
    """A file in WAL mode: one writer at a time, readers never wait."""

    field_types = SqliteDatabase.field_types | {"EXACT_DECIMAL": "TEXT", "UTC_DATETIME": "TEXT"}

    def __init__(self, path: str, **settings: Any) -> None:
        super().__init__(path, **settings)
        self._hurried = threading.local()

    def wait_for_the_disk(self, waits: bool) -> None:
        """Have commits of this thread's connection wait for the disk or not; to be called before what writes.

        What holds already is not said again: it would be a sixth of what it takes to keep a price.
        """
        connection = self.connection()  # type: ignore[no-untyped-call]
        holds = getattr(self._hurried, "connection", None) is not connection
        if holds != waits:
            level = PRAGMAS["synchronous"] if waits else "normal"
            self.execute_sql(f"PRAGMA synchronous = {level}")  # type: ignore[no-untyped-call]
            self._hurried.connection = None if waits else connection


class Postgres(PostgresqlDatabase):
    """A server that may restart: a lost connection is replaced, unless a transaction was lost with it."""

    field_types = PostgresqlDatabase.field_types | {"EXACT_DECIMAL": "NUMERIC", "UTC_DATETIME": "TIMESTAMPTZ"}

    def begin(self, isolation_level: str | None = None) -> None:
        try:
            super().begin(isolation_level)
        except UNREACHABLE:
            self._replace_connection()
            super().begin(isolation_level)

    def execute_sql(self, sql: str, params: Sequence[object] | None = None) -> Any:
        try:
            return super().execute_sql(sql, params)  # type: ignore[no-untyped-call]
        except UNREACHABLE:
            if self.in_transaction() or self.is_connection_usable():
                raise
            self._replace_connection()
            return super().execute_sql(sql, params)  # type: ignore[no-untyped-call]

    def _replace_connection(self) -> None:
        self.close()
        self.connect()


def open_database(url: str) -> Database:
    """Bind the models to the database at *url* and connect.

    url: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://user:password@host/name``.

    Raises ValueError for another URL, peewee.OperationalError if it cannot be opened.
    """
    database: Database
    if url.startswith("sqlite:///") and not url.endswith(("/", ":memory:")):
        path = Path(url.removeprefix("sqlite:///"))
        database = Sqlite(str(path), pragmas=PRAGMAS, timeout=BUSY_SECONDS)
    elif url.startswith(("postgresql://", "postgres://")):
        database = Postgres(
            url.replace("postgres://", "postgresql://", 1),
            prefer_psycopg3=True,
            connect_timeout=CONNECT_SECONDS,
            tcp_user_timeout=SILENCE_MILLISECONDS,
        )
    else:
        raise ValueError("a database URL begins with sqlite:/// (and names a file) or postgresql://")
    database.connect()
    proxy.initialize(database)
    return database


@contextmanager
def writing() -> Iterator[None]:
    """One transaction that has the right to write from its beginning: it waits for its turn, and never fails midway.

    Raises what the body raised, with everything undone.
    """
    with _transaction(waits=True):
        yield


@contextmanager
def writing_ahead() -> Iterator[None]:
    """Like writing(), but nobody waits for the disk: it survives the end of the process, and a power failure only after
    catch_up(), which is to follow soon. Not to be used inside another transaction, nor writing() inside this one. Until
    the next writing(), what is written outside of a transaction would not wait either: nothing is.
    """
    with _transaction(waits=False):
        if not isinstance(proxy.obj, Sqlite):
            proxy.execute_sql("SET LOCAL synchronous_commit = off")
        yield


@contextmanager
def _transaction(waits: bool) -> Iterator[None]:
    try:
        if isinstance(proxy.obj, Sqlite):
            proxy.obj.wait_for_the_disk(waits)
            transaction = proxy.atomic("IMMEDIATE")
        else:
            transaction = proxy.atomic()
        with transaction:
            yield
    except UNREACHABLE as error:
        raise _first_cause(error) from None


def catch_up() -> None:
    """Have the disk keep what was written ahead of it. PostgreSQL does so by itself, within a second.

    Raises peewee.OperationalError where the disk fails.
    """
    if not isinstance(proxy.obj, SqliteDatabase):
        return
    try:
        with open(os.path.realpath(str(proxy.obj.database)) + "-wal", "rb") as log:
            os.fdatasync(log.fileno())
    except FileNotFoundError:
        return  # without such a log every commit waits
    except OSError as error:
        raise peewee.OperationalError(str(error)) from error


def _first_cause(error: BaseException) -> BaseException:
    """A failed COMMIT is followed by a failing ROLLBACK, which hides it: return the error of the former."""
    cause, link = error, error.__context__
    while link is not None:
        if isinstance(link, UNREACHABLE):
            cause = link
        link = link.__context__
    return cause


def is_shared() -> bool:
    """May other servers use the database at the same time?"""
    return isinstance(proxy.obj, PostgresqlDatabase)


def lock_until_commit(number: int) -> None:
    """Let only one transaction at a time pass on PostgreSQL; on SQLite a writer is alone already."""
    if isinstance(proxy.obj, PostgresqlDatabase):
        proxy.execute_sql("SELECT pg_advisory_xact_lock(%s)", (number,))


def fetch(query: ModelSelect[Any]) -> list[tuple[Any, ...]]:
    """Return all rows of *query* as tuples of its columns."""
    return list(query.tuples())


def fetch_as(record: Callable[..., R], query: ModelSelect[Any]) -> tuple[R, ...]:
    """Return all rows of *query*, each made into a *record* of its columns."""
    return tuple(record(*row) for row in query.tuples())


def insert_many(fields: Sequence[peewee.Field[Any]], rows: Iterable[Sequence[object]], on_conflict: str = "") -> None:
    """Insert *rows* of values of *fields*, all of one model, in one go: ten times as fast as Model.insert_many.

    on_conflict: SQL that follows the values, such as "ON CONFLICT DO NOTHING".
    """
    given = list(rows)
    if not given:
        return
    to_database: list[Callable[[object], object]] = [field.db_value for field in fields]
    values = [[convert(value) for convert, value in zip(to_database, row, strict=True)] for row in given]
    table = fields[0].model._meta.table_name
    columns = ", ".join(f'"{field.column_name}"' for field in fields)
    places = ", ".join([proxy.param] * len(fields))
    with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
        proxy.cursor().executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({places}) {on_conflict}', values)


def replacing(key: Sequence[peewee.Field[Any]], changed: Sequence[peewee.Field[Any]]) -> str:
    """Return the SQL for :func:`insert_many` that overwrites *changed* where a row with the same *key* exists."""
    target = ", ".join(f'"{field.column_name}"' for field in key)
    updates = ", ".join(f'"{field.column_name}" = EXCLUDED."{field.column_name}"' for field in changed)
    return f"ON CONFLICT ({target}) DO UPDATE SET {updates}"


class Claim:
    """The right to serve a database, held until released or until the process ends, however it ends."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def claim(database: Database) -> Claim:
    """Claim a SQLite file for this process by a lock on FILE.lock; PostgreSQL takes several servers.

    Raises DatabaseLocked, with the id of the process that holds it.
    """
    if not isinstance(database, SqliteDatabase):
        return Claim(None)
    path = os.path.realpath(str(database.database)) + ".lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise DatabaseLocked(
            f"{database.database} is in use by another server (process {holder}); "
            "stop that one, or give this one another database"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return Claim(descriptor)
