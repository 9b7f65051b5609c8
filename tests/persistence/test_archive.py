"""Backups of either database, and back into either."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import peewee
import psycopg
import pytest
from peewee import Database

from persistence import archive, models, queries
from persistence.archive import KEPT, LEFT_OUT, ROWS, back_up, check_empty, restore, unpacked
from persistence.database import fetch, open_database, writing
from persistence.errors import MigrationFailed, NoBackup, RowConflict
from persistence.fields import ExactDecimal, Json, UtcDateTime, to_text
from persistence.migrate import known, migrate
from persistence.models import BaseModel
from persistence.records import Portfolio, User
from tests.persistence.samples import DAY, MINUTE, NOW

Contents = dict[type[BaseModel], list[tuple[Any, ...]]]

AUDIENCE = uuid4()
SAMPLES: Mapping[type[peewee.Field], Any] = {
    peewee.UUIDField: AUDIENCE,
    peewee.BooleanField: True,
    peewee.IntegerField: 7,
    peewee.BigIntegerField: 2**40,
    peewee.CharField: "AUD",
    peewee.TextField: "Ærø\n“x”",
    ExactDecimal: Decimal("12345678901234.1234567890000"),
    UtcDateTime: NOW,
    Json: {"a": ["b", None, 1]},
}
CHOSEN: Mapping[type[BaseModel], Mapping[str, Any]] = {
    models.User: {"role": "admin"},
    models.Token: {"scope": "write"},
    models.StreamTicket: {"session": None},
    models.SignInLink: {"purpose": "user"},
    models.Instrument: {"confirmation": "confirmed"},
    models.MarketDataProvider: {"status": "error"},
    models.PollIntervalConfiguration: {"config_type": "global", "target_id": None, "effective_until": NOW + DAY},
    models.AdministrativeOverride: {
        "override_type": "price",
        "scope": "symbol",
        "override_value": None,
        "target_id": None,
        "provider_id": None,
    },
    models.ApiUsageMetrics: {"kind": "manual"},
    models.ApiUsageRollup: {"kind": "manual", "period": "day"},
}
AUDITED = (models.AuditLog, models.AuditHead)  # has its own rows, which must form a chain


def fill(database: Database) -> Contents:
    """A row in every table, with a value in every column that may have one; return what a backup is to keep of them."""
    with writing():
        for model in (*KEPT, *LEFT_OUT):
            if model not in AUDITED:
                model.insert(sample(model)).execute()
    queries.append_audit("ann@example.com", "x", "user", None, "why", {"a": Decimal("1.50")}, {"a": NOW}, NOW)
    queries.append_audit("ann@example.com", "y", "user", AUDIENCE, None, None, None, NOW)
    kept = contents()
    assert all(kept.values())
    return kept


def sample(model: type[BaseModel]) -> dict[peewee.Field[Any], Any]:
    values = {field: SAMPLES.get(type(field), AUDIENCE) for field in model._meta.sorted_fields}
    return values | {model._meta.fields[name]: value for name, value in CHOSEN.get(model, {}).items()}


def contents() -> Contents:
    return {model: sorted(fetch(model.select()), key=repr) for model in KEPT}


def restored(path: Path, url: str, now: datetime = NOW + DAY) -> Database:
    """Restore a backup into the empty database at *url*, and leave that one open."""
    with unpacked(path) as source:
        target = open_database(url)
        try:
            migrate(target)
            restore(source, "console", now)
        except BaseException:
            target.close()
            raise
    return target


def made_backup(tmp_path: Path) -> Path:
    """A backup with one account."""
    path = tmp_path / "made.backup"
    with closing(open_database(f"sqlite:///{tmp_path / 'made.db'}")) as source:
        migrate(source)
        queries.create_user("ann@example.com", "user", "hash", "console", None, NOW)
        back_up(source, path)
    return path


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on which database the backup is of."""


def no_links(*_arguments: object, **_options: object) -> None:
    raise OSError("no links here")


def test_every_table_is_kept_or_left_out() -> None:
    tables = {model for model in vars(models).values() if isinstance(model, type) and issubclass(model, BaseModel)}

    assert tables - {BaseModel} == {*KEPT, *LEFT_OUT}


def test_a_backup_of_either_goes_into_either(database: Database, other_database_url: str, tmp_path: Path) -> None:
    kept = fill(database)
    counts = back_up(database, tmp_path / "a.backup")
    assert counts == {model: len(rows) for model, rows in kept.items()}

    with closing(restored(tmp_path / "a.backup", other_database_url)):
        found = contents()
        assert queries.check_audit() is None
        assert not queries.audit_lacks_its_end()
        newest = queries.list_audit(1, 0).rows[0]
        assert (newest.actor, newest.action, newest.at) == ("console", "database.restore", NOW + DAY)
        assert newest.after is not None and newest.after["portfolio"] == 1
        assert all(not model.select().exists() for model in LEFT_OUT)

    kept_audit, found_audit = kept.pop(models.AuditLog), found.pop(models.AuditLog)
    assert [row for row in found_audit if row in kept_audit] == kept_audit
    assert len(found_audit) == len(kept_audit) + 1
    del kept[models.AuditHead], found[models.AuditHead], kept[models.Portfolio], found[models.Portfolio]
    assert found == kept


def test_versions_to_come_are_none_that_there_were_after_the_backup_or_another_restore_of_it(
    database: Database, portfolio: Portfolio, tmp_path: Path
) -> None:
    """Values are cached by them."""
    back_up(database, tmp_path / "a.backup")
    lost = {hold(portfolio, Decimal(quantity)) for quantity in range(1, 10)}

    for number in range(3):
        url = f"sqlite:///{tmp_path / f'{number}.db'}"
        with closing(restored(tmp_path / "a.backup", url, NOW + number * MINUTE)):
            now = {hold(portfolio, Decimal(quantity)) for quantity in range(1, 10)}
        assert not lost & now
        lost |= now


def hold(portfolio: Portfolio, quantity: Decimal) -> int:
    """Return the version that it makes."""
    return queries.put_holding(
        portfolio.user_id, portfolio.id, "CBA.AX", quantity, Decimal(1), "AUD", NOW
    ).positions.version


class Writer(threading.Thread):
    """Makes accounts with a portfolio each, one transaction after another, on a connection of its own."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._connection: Any = (
            sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20, check_same_thread=False)
            if url.startswith("sqlite")
            else psycopg.connect(url)
        )
        self._place = "?" if url.startswith("sqlite") else "%s"
        self._stopped = threading.Event()
        self.written = 0

    def run(self) -> None:
        while not self._stopped.is_set():
            self.write()

    def write(self) -> None:
        key = uuid4().hex
        self._insert("user_account", id=key, email=key, email_key=key, role="user", is_active=True, created_at=NOW)
        names = {"name": "P", "base_currency": "AUD", "version": 1, "created_at": NOW, "updated_at": NOW}
        self._insert("portfolio", id=key, user_id=key, **names)
        self._connection.commit()
        self.written += 1

    def _insert(self, table: str, **row: object) -> None:
        values = [to_text(value) if isinstance(value, datetime) else value for value in row.values()]
        places = ", ".join([self._place] * len(row))
        self._connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", values)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self.join()
        self._connection.close()


def test_a_backup_is_of_one_moment_while_others_write(
    database: Database, database_url: str, other_database_url: str, tmp_path: Path
) -> None:
    with Writer(database_url) as writer:
        while writer.written < 3 * ROWS // 2:
            writer.join(0.01)
        before = writer.written
        counts = back_up(database, tmp_path / "a.backup")
        assert writer.written > before

    assert counts[models.User] == counts[models.Portfolio] >= before
    with closing(restored(tmp_path / "a.backup", other_database_url)):
        assert models.Portfolio.select().count() == counts[models.Portfolio]


@on_sqlite
def test_a_backup_is_one_file_for_us_alone_and_complete_or_not_there(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()

    back_up(database, folder / "a.backup")

    assert [path.name for path in folder.iterdir()] == ["a.backup"]
    assert stat.S_IMODE((folder / "a.backup").stat().st_mode) == 0o600
    with closing(sqlite3.connect(f"file:{folder / 'a.backup'}?mode=ro", uri=True)) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@on_sqlite
def test_a_file_that_is_there_is_not_overwritten(database: Database, tmp_path: Path) -> None:
    (tmp_path / "a.backup").write_text("precious")

    with pytest.raises(FileExistsError, match=r"a\.backup is there already"):
        back_up(database, tmp_path / "a.backup")

    assert (tmp_path / "a.backup").read_text() == "precious"


@on_sqlite
def test_a_link_that_leads_nowhere_is_not_replaced(database: Database, tmp_path: Path) -> None:
    (tmp_path / "a.backup").symlink_to(tmp_path / "nowhere")

    with pytest.raises(FileExistsError):
        back_up(database, tmp_path / "a.backup")


@on_sqlite
@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_comes_meanwhile_is_not_overwritten(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", no_links)
    flush = archive._flush

    def flush_and_meddle(path: Path) -> None:
        flush(path)
        (tmp_path / "a.backup").write_text("precious")

    monkeypatch.setattr(archive, "_flush", flush_and_meddle)
    with pytest.raises(FileExistsError):
        back_up(database, tmp_path / "a.backup")

    assert (tmp_path / "a.backup").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@on_sqlite
def test_a_file_system_without_links_takes_a_backup(
    database: Database, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", no_links)
    back_up(database, tmp_path / "a.backup")

    with unpacked(tmp_path / "a.backup"):
        assert [found.id for found in models.User.select()] == [user.id]


@on_sqlite
@pytest.mark.parametrize("name", ["x :memory:", ":memory:", "a b?c#d%25", b"\xff.backup"])
def test_a_file_may_have_any_name(database: Database, user: User, tmp_path: Path, name: str | bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    back_up(database, path)

    with unpacked(path):
        assert [found.id for found in models.User.select()] == [user.id]


@on_sqlite
def test_streams_that_were_open_are_closed(
    database: Database, user: User, other_database_url: str, tmp_path: Path
) -> None:
    models.SseConnection.insert(
        sample(models.SseConnection) | {models.SseConnection.user: user.id, models.SseConnection.closed_at: None}
    ).execute()
    back_up(database, tmp_path / "a.backup")

    with closing(restored(tmp_path / "a.backup", other_database_url)):
        assert [row.closed_at for row in models.SseConnection.select()] == [NOW]


def test_a_backup_that_fails_leaves_no_file(database: Database, portfolio: Portfolio, tmp_path: Path) -> None:
    database.execute_sql("ALTER TABLE portfolio RENAME COLUMN name TO title")
    folder = tmp_path / "kept"
    folder.mkdir()

    with pytest.raises(peewee.DatabaseError):
        back_up(database, folder / "a.backup")

    assert list(folder.iterdir()) == []


def test_what_lacks_migrations_is_not_backed_up(database_url: str, tmp_path: Path) -> None:
    with closing(open_database(database_url)) as empty:
        with pytest.raises(RowConflict, match="there is nothing in the database"):
            back_up(empty, tmp_path / "a.backup")
        migrate(empty, known()[:-1])
        with pytest.raises(RowConflict, match=known()[-1].name):
            back_up(empty, tmp_path / "a.backup")


def test_a_backup_of_an_older_version_is_brought_up_to_date_and_stays_as_it_is(
    other_database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.backup"
    with closing(open_database(f"sqlite:///{path}")) as old:
        migrate(old, known()[:-1])
        old.execute_sql(
            "INSERT INTO audit_log (id, number, at, actor, action, target_type, hash) VALUES (?, 1, ?, 'a', 'b', 'c', 'd')",
            (uuid4().hex, to_text(NOW)),
        )
    before = path.read_bytes()

    with closing(restored(path, other_database_url)):
        assert models.AuditHead.get().number == 2

    assert path.read_bytes() == before


def test_the_file_of_a_database_in_use_is_a_backup_as_well(other_database_url: str, tmp_path: Path) -> None:
    """With what its log holds, which no checkpoint has brought into the file."""
    with closing(open_database(f"sqlite:///{tmp_path / 'live.db'}")) as live:
        migrate(live)
        queries.create_user("ann@example.com", "user", "hash", "console", None, NOW)
        with closing(restored(tmp_path / "live.db", other_database_url)):
            assert [user.email for user in models.User.select()] == ["ann@example.com"]


def test_a_database_that_is_not_empty_is_left_as_it_is(
    database: Database, database_url: str, user: User, tmp_path: Path
) -> None:
    path = made_backup(tmp_path)

    with pytest.raises(RowConflict, match="not empty, there are rows in user_account"):
        restored(path, database_url)

    with closing(open_database(database_url)):
        assert [found.id for found in models.User.select()] == [user.id]


def test_whether_it_is_empty_is_known_before_its_tables_are_made(database_url: str) -> None:
    with closing(open_database(database_url)) as opened:
        check_empty(opened)
        migrate(opened, known()[:2])
        check_empty(opened)
        opened.execute_sql("INSERT INTO stream_epoch (epoch, started_at) VALUES (1, '2026-01-01T00:00:00Z')")
        with pytest.raises(RowConflict, match="stream_epoch: restore into a new one"):
            check_empty(opened)


@pytest.mark.parametrize("cell", ["created_at = 'soon'", "id = 'x'"])
def test_a_cell_that_cannot_be_read_is_said_and_nothing_is_restored(
    other_database_url: str, tmp_path: Path, cell: str
) -> None:
    path = made_backup(tmp_path)
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"UPDATE user_account SET {cell}")
        file.commit()

    with pytest.raises(NoBackup, match="something in user_account cannot be read"):
        restored(path, other_database_url)

    with closing(open_database(other_database_url)):
        assert not models.User.select().exists()


def test_a_restore_that_fails_restores_nothing(other_database_url: str, tmp_path: Path) -> None:
    path = made_backup(tmp_path)
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE audit_head")  # is copied last

    with pytest.raises(peewee.DatabaseError):
        restored(path, other_database_url)

    with closing(open_database(other_database_url)):
        assert not models.User.select().exists()


def test_what_is_no_backup_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("symbol,quantity\n" * 100)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE song (name)")
    whole = made_backup(tmp_path).read_bytes()
    (tmp_path / "short").write_bytes(whole[:-8192])
    (tmp_path / "bent").write_bytes(whole.replace(b"ann@", b"bnn@", 2))  # a row, not its index

    said = {"text": "text is no backup", "other.db": "something else", "short": "malformed", "bent": "bent is damaged"}
    os.mkfifo(tmp_path / "pipe")
    for name, says in (said | {"pipe": "it is no file"}).items():
        with pytest.raises(NoBackup, match=says), unpacked(tmp_path / name):
            pass
    with pytest.raises(FileNotFoundError, match="nowhere is not there"), unpacked(tmp_path / "nowhere"):
        pass


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = made_backup(tmp_path)
    with closing(sqlite3.connect(path)) as file:
        file.execute("INSERT INTO schema_migration VALUES ('9999_future', '2030-01-01T00:00:00Z')")
        file.commit()

    with pytest.raises(MigrationFailed, match="newer version"), unpacked(path):
        pass
