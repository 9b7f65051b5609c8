"""The command line and the server as an operator meets them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

import run
from tests.running import PASSWORD, ROOT, RunningServer

HEADER = "symbol,quantity,average_cost,currency\r\n"


class CommandLine:
    """Commands of run.py within this process, on a database of their own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.error = ""

    def __call__(self, *arguments: str, text: str = "", status: int = 0) -> str:
        """Return what a command prints; *error* is then what it complains of."""
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        ended_with = run.main(arguments)
        printed = self._capsys.readouterr()
        self.error = printed.err
        assert ended_with == status, printed.err
        return printed.out

    def complaint(self, *arguments: str, text: str = "", status: int = 1) -> str:
        assert self(*arguments, text=text, status=status) == ""
        return self.error


@pytest.fixture
def command(tmp_path, capsys, monkeypatch) -> CommandLine:
    for key in [key for key in os.environ if key.startswith("MARKET_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("MARKET_DATABASE_URL", f"sqlite:///{tmp_path / 'market.db'}")
    monkeypatch.setenv("MARKET_SECRET_FILE", str(tmp_path / "secret"))
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def someone(command) -> str:
    command("user", "add", "a@example.org", "--role", "admin", "--password-stdin", text=PASSWORD + "\n")
    return "a@example.org"


@pytest.fixture
def server(tmp_path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path) as running:
        yield running


def attempt(port: object, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start a server that is to refuse."""
    command = [sys.executable, str(ROOT / "run.py"), "--port", str(port)]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=30)


# -- Settings and arguments --------------------------------------------------------------


def test_an_unknown_setting_ends_with_2_and_suggests_the_nearest(command, monkeypatch):
    monkeypatch.setenv("MARKET_PROT", "1")
    assert 'did you mean "MARKET_PORT"?' in command.complaint("user", "list", status=2)


def test_an_unknown_setting_of_the_file_ends_with_2_wherever_config_stands(command, tmp_path):
    config = tmp_path / "market.toml"
    config.write_text("prot = 1\n")
    for arguments in (["--config", str(config), "user", "list"], ["user", "list", "--config", str(config)]):
        assert 'did you mean "port"?' in command.complaint(*arguments, status=2)


@pytest.mark.parametrize("arguments", [["--prot", "1"], ["nonsense"], ["user"], ["token", "revoke", "no-uuid"]])
def test_an_unknown_argument_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        run.main(arguments)
    assert ended.value.code == 2
    assert "usage: " in capsys.readouterr().err


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit) as ended:
        run.main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    commands = {"user", "token", "import", "export", "backup", "restore", "migrate", "doctor", "replay", "openapi"}
    assert {"--demo", *commands} <= set(printed.replace("[", " ").replace("]", " ").split())


def test_a_port_that_is_no_port_ends_with_2(command):
    assert "--port" in command.complaint("--port", "eighty", status=2)


# -- Accounts and tokens -----------------------------------------------------------------


def test_accounts_are_listed_with_their_roles(command, someone):
    command("user", "add", "b@example.org", "--password-stdin", text=PASSWORD + "\n")
    lines = [line.split("\t")[:3] for line in command("user", "list").splitlines()]
    assert sorted(lines) == [["a@example.org", "admin", "active"], ["b@example.org", "user", "active"]]


def test_an_account_without_a_password_gets_a_sign_in_link(command):
    assert re.fullmatch(
        r"Sign in: http://127\.0\.0\.1:8888/sign-in\?token=\S{43}\n", command("user", "add", "c@example.org")
    )


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        ("a@example.org", PASSWORD, "already"),
        ("nobody", PASSWORD, "no e-mail address"),
        ("x@y z", PASSWORD, "no e-mail address"),
        ("d@example.org", "short", "12 to 200 characters"),
        ("d@example.org", "", "12 to 200 characters"),
    ],
)
def test_an_impossible_account_is_refused_with_1(command, someone, email, password, says):
    assert says in command.complaint("user", "add", email, "--password-stdin", text=password + "\n")
    assert len(command("user", "list").splitlines()) == 1


def test_token_create_prints_the_token_alone_and_keeps_only_its_digest(command, someone, tmp_path):
    token = command("token", "create", someone, "--scope", "admin", "--expires-days", "3")
    assert re.fullmatch(r"\S{43}\n", token)
    with sqlite3.connect(tmp_path / "market.db") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert token.strip() not in dump
    assert PASSWORD not in dump


def test_a_token_is_never_above_its_account(command):
    command("user", "add", "b@example.org")
    assert "no administrator" in command.complaint("token", "create", "b@example.org", "--scope", "admin")
    assert "no account" in command.complaint("token", "create", "nobody@example.org")


# -- Holdings ----------------------------------------------------------------------------


def test_holdings_go_in_and_out_with_the_digits_they_had(command, someone, tmp_path):
    file = tmp_path / "in.csv"
    rows = "BHP.AX,3,41.1500,AUD\r\nCBA.AX,1.500,98.40,AUD\r\n"
    file.write_bytes(b"\xef\xbb\xbf" + (HEADER + rows).encode())
    assert command("import", someone, "Mine", str(file), "--dry-run") == "would import 2 new, 0 changed\n"
    assert "no portfolio" in command.complaint("export", someone, "Mine")
    assert command("import", someone, "Mine", str(file)) == "imported 2 new, 0 changed\n"
    assert command("export", someone, "Mine") == HEADER + rows
    file.write_text(HEADER + "CBA.AX,2,98.40,AUD\n")
    assert command("import", someone, "Mine", str(file), "--replace") == "imported 0 new, 1 changed\n"
    assert command("export", someone, "Mine") == HEADER + "CBA.AX,2,98.40,AUD\r\n"


def test_a_bad_row_is_named_and_nothing_is_imported(command, someone, tmp_path):
    file = tmp_path / "in.csv"
    file.write_text(HEADER + "CBA.AX,1,1,AUD\nBHP.AX,-1,1,AUD\n")
    complaint = command.complaint("import", someone, "Mine", str(file))
    assert "row 3" in complaint
    assert "quantity" in complaint
    assert "no portfolio" in command.complaint("export", someone, "Mine")


def test_a_portfolio_of_an_unknown_currency_is_not_made(command, someone, tmp_path):
    file = tmp_path / "in.csv"
    file.write_text(HEADER)
    assert "no currency 'XXX'" in command.complaint("import", someone, "Mine", str(file), "--currency", "XXX")


def test_a_file_that_is_missing_is_named(command, someone, tmp_path):
    assert "nowhere.csv" in command.complaint("import", someone, "Mine", str(tmp_path / "nowhere.csv"))


# -- The database ------------------------------------------------------------------------


def test_migrate_says_what_it_did_and_does_it_once(command):
    assert "applied 0001" in command("migrate")
    assert command("migrate") == "nothing to apply\n"


def test_a_database_of_a_newer_version_ends_with_4(command, tmp_path):
    command("migrate")
    with sqlite3.connect(tmp_path / "market.db") as database:
        database.execute("INSERT INTO schema_migration VALUES ('9999_future', '2030-01-01T00:00:00Z')")
    database.close()
    assert "newer version" in command.complaint("user", "list", status=4)


def test_doctor_finds_a_fresh_database_well(command):
    assert "0001" in command("doctor")
    command("migrate")
    report = command("doctor")
    assert "ok    audit log: unbroken" in report
    assert "FAIL" not in report


def test_doctor_finds_what_is_wrong_and_ends_with_1(command, monkeypatch, someone, tmp_path):
    monkeypatch.setenv("MARKET_PROVIDERS", "alpha_vantage")
    monkeypatch.setenv("MARKET_REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("MARKET_DEFAULT_EXCHANGE", "NOWHERE")
    (tmp_path / "secret").write_text("x" * 40)
    (tmp_path / "secret").chmod(0o644)
    with sqlite3.connect(tmp_path / "market.db") as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE audit_log SET actor = 'somebody else'")
    database.close()
    report = command("doctor", status=1)
    failed = {line.removeprefix("FAIL  ").split(":")[0] for line in report.splitlines() if line.startswith("FAIL")}
    assert failed == {"audit log", "provider alpha_vantage", "redis", "secret file", "calendar"}


@pytest.mark.parametrize("content", [b"short", b"\xff" * 40])
def test_doctor_says_what_would_keep_a_server_from_starting(command, monkeypatch, tmp_path, content):
    monkeypatch.setenv("MARKET_PROVIDERS", "yahu")
    (tmp_path / "secret").write_bytes(content)
    (tmp_path / "secret").chmod(0o600)
    with sqlite3.connect(tmp_path / "market.db") as database:
        database.execute("CREATE TABLE schema_migration (name, applied_at)")
        database.execute("INSERT INTO schema_migration VALUES ('9999_future', '2030-01-01T00:00:00Z')")
    database.close()
    report = command("doctor", status=1)
    failed = {line.removeprefix("FAIL  ").split(":")[0] for line in report.splitlines() if line.startswith("FAIL")}
    assert failed == {"database", "providers", "secret file"}
    assert 'did you mean "yahoo"?' in report
    assert "newer version" in report


def test_a_database_that_is_damaged_is_said_in_a_sentence(command, someone, tmp_path):
    damage = b"\xff" * 4096
    with sqlite3.connect(tmp_path / "market.db") as database:
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'user_account'").fetchone()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    with (tmp_path / "market.db").open("r+b") as file:
        file.seek((root - 1) * len(damage))
        file.write(damage)
    assert command.complaint("user", "list") == "error: the database failed: database disk image is malformed\n"


def test_a_database_that_cannot_be_opened_is_named_without_its_password(command, monkeypatch):
    monkeypatch.setenv("MARKET_DATABASE_URL", "postgresql://u:hush@127.0.0.1:1/none")
    complaint = command.complaint("user", "list")
    assert "the database cannot be opened" in complaint
    assert "hush" not in complaint


def test_a_backup_goes_into_an_empty_database_and_into_no_other(command, someone, tmp_path, monkeypatch):
    backup = str(tmp_path / "a.backup")
    assert command("backup", backup) == "backed up 1 accounts, 0 portfolios, 0 prices\n"
    assert command.complaint("backup", backup) == f"error: {backup} is there already\n"
    assert "not empty" in command.complaint("restore", backup)
    monkeypatch.setenv("MARKET_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    assert command("restore", backup) == "restored 1 accounts, 0 portfolios, 0 prices\n"
    assert someone in command("user", "list")
    assert "FAIL" not in command("doctor")


def test_what_cannot_be_backed_up_or_restored_is_said_in_a_sentence(command, tmp_path):
    backup = tmp_path / "a.backup"
    assert (
        command.complaint("backup", str(backup)) == "error: nothing was backed up: there is nothing in the database\n"
    )
    assert command.complaint("restore", str(backup)) == f"error: {backup} is not there\n"
    backup.write_text("symbol,quantity")
    assert "is no backup" in command.complaint("restore", str(backup))
    with sqlite3.connect(tmp_path / "newer.db") as database:
        database.execute("CREATE TABLE schema_migration (name, applied_at)")
        database.execute("INSERT INTO schema_migration VALUES ('9999_future', '2030-01-01T00:00:00Z')")
    database.close()
    assert "newer.db: " in command.complaint("restore", str(tmp_path / "newer.db"), status=4)


@pytest.mark.parametrize(("command_name", "number"), [("backup", signal.SIGTERM), ("restore", signal.SIGHUP)])
def test_a_command_that_is_terminated_leaves_no_copy(command, someone, tmp_path, command_name, number, monkeypatch):
    """Of the database, with all its digests: beside the file, or where temporary files are."""
    rows = 200_000
    with sqlite3.connect(tmp_path / "market.db") as database:
        row = "'user', 1, '2026-01-01T00:00:00.000000Z'"
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
        database.execute(
            f"INSERT INTO user_account (id, email, email_key, role, is_active, created_at) "
            f"{numbers} SELECT printf('%032x', i), i, i, {row} FROM n"
        )
    database.close()
    file = tmp_path / "market.db"
    if command_name == "backup":
        file = tmp_path / "a.backup"
    else:
        monkeypatch.setenv("MARKET_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    copies = tmp_path / "copies"
    copies.mkdir()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), command_name, str(file)], env=os.environ | {"TMPDIR": str(copies)}
    )

    def found(what: str) -> list[Path]:
        return [*tmp_path.glob(f".backup-*{what}"), *copies.glob(f"restore-*{what}")]

    deadline = time.monotonic() + 20
    while not found("/*"):
        assert process.poll() is None
        assert time.monotonic() < deadline
    process.send_signal(number)

    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert found("") == []
    assert command_name == "restore" or not file.exists()


def test_a_password_is_not_shown_where_the_driver_cannot_read_the_address(command, monkeypatch):
    monkeypatch.setenv("MARKET_DATABASE_URL", "postgresql://u:hun ter2@127.0.0.1/x")
    complaint = command.complaint("user", "list")
    assert "cannot be opened" in complaint
    assert "ter2" not in complaint


def test_what_cannot_be_played_again_is_said_in_a_sentence(command, someone, tmp_path):
    backup = str(tmp_path / "a.backup")
    command("backup", backup)
    assert command.complaint("replay", backup) == f"error: {backup} holds no prices\n"
    assert "is not there" in command.complaint("replay", str(tmp_path / "none"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--speed", "0"),
        ("--speed", "nan"),
        ("--start", "2026-03-02T01:30"),
        ("--end", "x"),
        ("--start", "9999-12-31T23:59:59-01:00"),
        ("--end", "0001-01-01T12:00:00Z"),
    ],
)
def test_a_replay_at_an_impossible_speed_or_time_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        run.main(["replay", "a.backup", *arguments])
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_openapi_describes_the_interface(command):
    description = json.loads(command("openapi"))
    assert description["openapi"].startswith("3.1")
    assert "/api/v1/market-data/stream" in description["paths"]


# -- The server --------------------------------------------------------------------------


def test_the_first_start_prints_a_link_that_makes_the_first_administrator(server):
    link = server.sign_in_link()
    assert link.startswith(server.url + "/sign-in?token=")
    token = link.partition("=")[2]
    assert server.get(f"/api/v1/auth/sign-in?token={token}").body == {"purpose": "setup"}


def test_with_an_account_no_link_is_printed(tmp_path):
    with RunningServer(tmp_path) as server:
        server.make_user("a@example.org")
        server.terminate()
        server.sign_in_link()
        server.start()
        server.terminate()
        assert server.lines.empty()


def test_a_demo_signs_in_as_an_administrator_whose_portfolio_moves(tmp_path):
    with RunningServer(tmp_path, "--demo") as server:
        token = server.sign_in_link().partition("=")[2]
        assert server.get(f"/api/v1/auth/sign-in?token={token}").body == {"purpose": "user"}
        bearer = server.make_token("demo@example.com", "admin")
        assert server.get("/api/v1/auth/me", bearer).body["role"] == "admin"
        with server.stream(bearer) as stream:
            values = {stream.until("portfolio_update", partial=False).data["total_value"] for _ in range(3)}
            assert len(values) > 1
        price = server.get("/api/v1/market-data/prices/CBA.AX", bearer).body
        assert (price["source"], price["currency"]) == ("simulated", "AUD")


def test_port_0_picks_a_port_and_the_link_shows_it(tmp_path):
    environment = os.environ | {"MARKET_DATABASE_URL": f"sqlite:///{tmp_path / 'm.db'}"}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "--port", "0"],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    process.terminate()
    process.communicate(timeout=20)
    found = re.match(r"Sign in: http://127\.0\.0\.1:(\d+)/sign-in\?token=", line)
    assert found
    assert int(found.group(1)) > 0
    assert process.returncode == 0


def test_commands_work_while_the_server_runs_and_a_revoked_token_ends(server):
    server.make_user("a@example.org")
    token = server.make_token("a@example.org")
    assert server.get("/api/v1/auth/me", token).status == 200
    (listed,) = server.get("/api/v1/auth/tokens", token).body
    server.command("token", "revoke", listed["id"])
    assert server.get("/api/v1/auth/me", token).status == 401
    assert "note  server: one is running on this database" in server.command("doctor")


def test_holdings_imported_while_the_server_runs_reach_its_streams(server, tmp_path):
    server.make_user("a@example.org")
    token = server.make_token("a@example.org")
    made = server.request("POST", "/api/v1/portfolios", {"name": "Mine", "base_currency": "AUD"}, token).body
    (tmp_path / "in.csv").write_text(HEADER + "CBA.AX,2,98.40,AUD\n")
    with server.stream(token, f"?portfolio_ids={made['id']}") as stream:
        stream.until("portfolio_update", total_cost_basis="0")
        server.command("import", "a@example.org", "Mine", str(tmp_path / "in.csv"))
        assert stream.until("portfolio_update", partial=False, total_cost_basis="196.80")


def test_a_second_server_on_the_same_file_is_refused_with_3_and_told_why(server):
    second = attempt(0, server.environment)
    assert second.returncode == 3
    assert second.stdout == ""
    assert "in use by another server" in second.stderr
    assert server.get("/readyz").status == 200


def test_nothing_is_restored_into_a_database_that_is_served(server, tmp_path):
    server.command("backup", str(tmp_path / "a.backup"))
    command = [sys.executable, str(ROOT / "run.py"), "restore", str(tmp_path / "a.backup")]
    refused = subprocess.run(command, check=False, env=server.environment, capture_output=True, text=True, timeout=30)
    assert refused.returncode == 3
    assert "in use by another server" in refused.stderr


def test_a_port_in_use_is_said_in_a_sentence(server, tmp_path):
    environment = server.environment | {"MARKET_DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}"}
    second = attempt(server.port, environment)
    assert second.returncode == 1
    assert f"error: cannot listen on 127.0.0.1, port {server.port}" in second.stderr


def test_a_terminated_server_says_closing_to_its_streams_and_ends_with_0_within_10_seconds(tmp_path):
    with RunningServer(tmp_path, "--demo") as server:
        token = server.make_token("demo@example.com")
        with server.stream(token) as stream:
            stream.until("portfolio_update")
            began = time.monotonic()
            assert server.process is not None
            server.process.send_signal(signal.SIGTERM)
            assert "retry" in stream.until("closing").data
            assert list(stream) == []
            assert server.process.wait(timeout=20) == 0
            assert time.monotonic() - began < 10


def test_a_second_signal_ends_the_server_at_once(server):
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    server.process.send_signal(signal.SIGINT)
    # Of two that wait, the kernel chooses which the process sees second.
    assert server.process.wait(timeout=10) in {128 + signal.SIGINT, 128 + signal.SIGTERM}


def test_a_provider_that_hangs_does_not_keep_the_server_from_ending(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with RunningServer(tmp_path, yahoo_url=url, provider_timeout_seconds=60) as server:
            server.make_user("a@example.org")
            token = server.make_token("a@example.org")
            with server.stream(token, "?symbols=CBA.AX"):
                mute.settimeout(20)
                call, _ = mute.accept()
                with call:
                    began = time.monotonic()
                    assert server.terminate() == 0
                    assert time.monotonic() - began < 10


def test_a_request_that_waits_for_a_provider_is_answered_when_the_server_ends(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as mute, ThreadPoolExecutor() as threads:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with RunningServer(tmp_path, yahoo_url=url, provider_timeout_seconds=60) as server:
            server.make_user("a@example.org")
            token = server.make_token("a@example.org")
            asked = threads.submit(server.get, "/api/v1/market-data/prices/CBA.AX", token)
            mute.settimeout(20)
            call, _ = mute.accept()
            kept = HTTPConnection("127.0.0.1", server.port, timeout=10)
            with call, closing(kept), server.stream(token) as stream:
                stream.until("connection_status")
                kept.request("GET", "/healthz")
                kept.getresponse().read()
                began = time.monotonic()
                ended = threads.submit(server.terminate)
                stream.until("closing")
                kept.request("GET", "/healthz")
                answer = kept.getresponse()
                assert (answer.status, answer.headers["Connection"]) == (200, "close"), "the last on its connection"
                assert ended.result(20) == 0
                assert time.monotonic() - began < 10
            answer = asked.result(10)
            assert (answer.status, answer.body["error"]) == (503, "shutting_down")
            assert answer.headers["Retry-After"]


def test_the_cookie_secret_is_kept_for_us_alone_and_across_starts(tmp_path):
    with RunningServer(tmp_path) as server:
        secret = tmp_path / "secret"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        kept = secret.read_text()
        assert server.terminate() == 0
        server.start()
        assert secret.read_text() == kept


def test_json_logs_are_one_object_a_line_and_hold_no_secret(tmp_path):
    with RunningServer(
        tmp_path, "--demo", log_format="json", log_level="DEBUG", alpha_vantage_api_key="HUSH"
    ) as server:
        link_token = server.sign_in_link().partition("=")[2]
        token = server.make_token("demo@example.com")
        server.get(f"/sign-in?token={link_token}")
        server.get("/api/v1/market-data/prices?symbols=CBA.AX", token)
        assert server.terminate() == 0
        lines = server.log.read_text().splitlines()
        assert all({"time", "level", "logger", "message"} <= json.loads(line).keys() for line in lines)
        assert not any(secret in line for line in lines for secret in ("HUSH", link_token, token))
