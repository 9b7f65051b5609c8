"""Opening, claiming, writing, and getting over a lost server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from peewee import Database, IntegrityError, OperationalError, SqliteDatabase

from persistence import queries
from persistence.database import catch_up, claim, insert_many, open_database, proxy, writing, writing_ahead
from persistence.errors import UNREACHABLE, DatabaseLocked
from persistence.migrate import migrate
from persistence.models import StreamEpoch, User
from persistence.records import Portfolio
from tests.persistence.samples import NOW
from tests.servers import PostgresServer


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'market.db'}"


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite://x.db", "sqlite:///", "sqlite:///:memory:", "market.db"])
def test_a_url_that_names_no_database_of_ours_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="database URL"):
        open_database(url)


def test_a_sqlite_path_is_relative_with_three_slashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    open_database("sqlite:///market.db").close()

    assert (tmp_path / "market.db").exists()


def test_sqlite_writes_ahead_syncs_fully_and_keeps_references(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    pragmas = {name: database.execute_sql(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    pragmas["foreign_keys"] = database.execute_sql("PRAGMA foreign_keys").fetchone()[0]
    database.close()

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_second_server_on_the_same_file_is_refused_and_told_who_holds_it(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    with claim(database), pytest.raises(DatabaseLocked, match=f"process {os.getpid()}"):
        claim(database)
    database.close()


def test_a_claim_ends_with_its_release(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    claim(database).release()

    with claim(database):
        database.close()


def test_a_claim_ends_with_its_process_however_that_ends(sqlite_url: str) -> None:
    code = f"""
import sys
from persistence.database import claim, open_database
held = claim(open_database({sqlite_url!r}))
print("claimed", flush=True)
sys.stdin.read()
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin and other.stdout
    assert other.stdout.readline() == "claimed\n"
    database = open_database(sqlite_url)
    with pytest.raises(DatabaseLocked, match=f"process {other.pid}"):
        claim(database)

    other.kill()
    other.wait()
    other.stdin.close()
    other.stdout.close()

    with claim(database):
        database.close()


def test_a_command_writes_while_a_server_holds_the_claim(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    migrate(database)
    with claim(database):
        queries.create_user("ann@example.com", "user", None, "console", None, NOW)
        assert queries.count_users() == 1
    database.close()


@pytest.mark.postgres
def test_postgres_takes_several_servers(postgres_url: str) -> None:
    database = open_database(postgres_url)
    with claim(database), claim(database):
        database.close()


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), writing():
        StreamEpoch.insert(epoch=1, started_at=NOW).execute()
        raise RuntimeError

    assert StreamEpoch.select().count() == 0


def waits_for_the_disk() -> bool:
    question = "PRAGMA synchronous" if isinstance(proxy.obj, SqliteDatabase) else "SHOW synchronous_commit"
    return proxy.execute_sql(question).fetchone()[0] in (2, "on")


def test_only_a_transaction_that_says_so_does_not_wait_for_the_disk(database: Database) -> None:
    for _ in range(2):
        with writing_ahead():
            assert not waits_for_the_disk()
        with writing():
            assert waits_for_the_disk()

    with pytest.raises(RuntimeError), writing_ahead():
        StreamEpoch.insert(epoch=1, started_at=NOW).execute()
        raise RuntimeError
    with writing():
        assert waits_for_the_disk()
    assert StreamEpoch.select().count() == 0


def test_who_writes_ahead_on_one_connection_says_nothing_of_another(database: Database) -> None:
    with writing_ahead():
        pass
    database.close()
    database.connect()
    with writing_ahead():
        assert not waits_for_the_disk()
    found: list[bool] = []

    def elsewhere() -> None:
        with writing():
            found.append(waits_for_the_disk())
        with writing_ahead():
            found.append(waits_for_the_disk())
        proxy.close()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [True, False]
    with writing():
        assert waits_for_the_disk()


def test_the_disk_is_made_to_keep_the_log_of_what_was_written_ahead(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(sqlite_url)
    migrate(database)
    kept: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: kept.append(os.readlink(f"/proc/self/fd/{descriptor}")))

    catch_up()
    log = f"{sqlite_url.removeprefix('sqlite:///')}-wal"
    assert kept == [log]

    def fail(_descriptor: int) -> None:
        raise OSError("Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(UNREACHABLE, match="Input/output"):
        catch_up()
    database.close()
    monkeypatch.undo()

    database = open_database(sqlite_url)
    Path(log).unlink(missing_ok=True)
    catch_up()  # there is nothing to catch up with
    database.close()


def test_the_log_of_a_database_behind_a_link_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "market.db").touch()
    (tmp_path / "market.db").symlink_to(tmp_path / "disk" / "market.db")
    database = open_database(f"sqlite:///{tmp_path / 'market.db'}")
    migrate(database)
    kept: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: kept.append(os.readlink(f"/proc/self/fd/{descriptor}")))

    catch_up()
    assert kept == [str(tmp_path / "disk" / "market.db-wal")]
    database.close()


def test_writers_of_two_threads_wait_for_each_other(database: Database) -> None:
    inside, may_go_on = threading.Event(), threading.Event()

    def slow_writer() -> None:
        with writing():
            StreamEpoch.insert(epoch=1, started_at=NOW).execute()
            inside.set()
            may_go_on.wait(5)
        proxy.close()

    other = threading.Thread(target=slow_writer)
    other.start()
    inside.wait(5)
    threading.Timer(0.2, may_go_on.set).start()

    epoch = queries.next_epoch(NOW)
    other.join()

    assert epoch > 1
    assert StreamEpoch.select().count() == 2


def test_a_failed_commit_names_its_own_cause_and_not_that_of_the_rollback(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(sqlite_url)
    migrate(database)

    def full() -> None:
        database.cursor().execute("ROLLBACK")  # as SQLite does by itself when the disk is full
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(database, "commit", full)
    with pytest.raises(OperationalError, match="disk is full"), writing():
        StreamEpoch.insert(epoch=1, started_at=NOW).execute()
    monkeypatch.undo()

    assert queries.next_epoch(NOW) > 0
    database.close()


def test_rows_in_bulk_break_the_same_rules_as_single_ones(portfolio: Portfolio) -> None:
    fields = [User.id, User.email, User.email_key, User.role, User.is_active, User.created_at]
    row = [portfolio.id, "b@example.com", "b@example.com", "emperor", True, NOW]
    with pytest.raises(IntegrityError), writing():
        insert_many(fields, [row])


@pytest.fixture
def own_postgres() -> PostgresServer:
    return PostgresServer()


@pytest.mark.postgres
def test_after_a_restart_of_postgres_the_next_question_is_answered(own_postgres: PostgresServer) -> None:
    with own_postgres:
        database = open_database(own_postgres.url)
        migrate(database)
        user = queries.create_user("ann@example.com", "user", None, "console", None, NOW)

        own_postgres.stop()
        with pytest.raises(UNREACHABLE):
            queries.count_users()
        with pytest.raises(UNREACHABLE):
            queries.next_epoch(NOW)
        own_postgres.start()
        assert queries.count_users() == 1

        own_postgres.stop()
        own_postgres.start()
        assert queries.create_portfolio(user.id, "Savings", "AUD", NOW).version == 1

        with pytest.raises(UNREACHABLE), writing():
            StreamEpoch.insert(epoch=1, started_at=NOW).execute()
            own_postgres.stop()
            own_postgres.start()
            StreamEpoch.insert(epoch=2, started_at=NOW).execute()
        assert StreamEpoch.select().count() == 0
        database.close()
