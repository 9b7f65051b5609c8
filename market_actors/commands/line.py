"""The command line's grammar, and the commands that need no server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from market_actors import __version__
from market_actors.commands import accounts, archives, doctor, holdings
from market_actors.commands.databases import migrated
from market_actors.settings import Settings
from persistence.records import Holding, HoldingRow

Command = Callable[[Settings, argparse.Namespace], int]
Commands = argparse._SubParsersAction  # argparse has no public name for it


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """How holdings are read from CSV, which raises MarketError, and written."""

    read: Callable[[bytes], tuple[HoldingRow, ...]]
    write: Callable[[Iterable[Holding]], str]


@dataclass(frozen=True, slots=True)
class Given:
    """What the commands need that is made elsewhere."""

    serve: Command
    replay: Command
    openapi: Command
    spreadsheet: Spreadsheet


def parse(argv: Sequence[str] | None, given: Given) -> argparse.Namespace:
    """Return the arguments. *run* is the command, to be called with the settings and all of them."""
    # Not set_defaults(): the commands share these options, and would reset what stands before them.
    unsaid = argparse.Namespace(config=None, demo=False, port=None, address=None)
    return _parser(given).parse_args(argv, unsaid)


def _parser(given: Given) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--config", type=Path, metavar="FILE", help="TOML file of settings")
    listening = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    listening.add_argument("--port", help="port to listen on; 0 picks a free one")
    listening.add_argument("--address", help="address to listen on")
    serving = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, parents=[listening])
    serving.add_argument("--demo", action="store_true", help="a sample user and portfolio on a simulated feed")

    top = argparse.ArgumentParser(
        prog="run.py",
        description="Keeps portfolio values live. Without a command it serves.",
        parents=[common, serving],
    )
    top.add_argument("--version", action="version", version=__version__)
    top.set_defaults(run=given.serve)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")

    def command(
        name: str, run: Command, does: str, within: Commands[argparse.ArgumentParser] = commands
    ) -> argparse.ArgumentParser:
        added = within.add_parser(name, help=does, description=does, parents=[common])
        added.set_defaults(run=run)
        return added

    commands.add_parser("serve", help="serve; what happens without a command", parents=[common, serving])

    user = commands.add_parser("user", help="make and list accounts").add_subparsers(required=True, metavar="COMMAND")
    add = command("add", _add_user, "make an account; without a password it prints a sign-in link", user)
    add.add_argument("email")
    add.add_argument("--role", choices=("user", "admin"), default="user")
    add.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    command("list", _list_users, "list the accounts", user)

    token = commands.add_parser("token", help="make and revoke bearer tokens").add_subparsers(
        required=True, metavar="COMMAND"
    )
    create = command("create", _create_token, "print a new bearer token, and nothing else", token)
    create.add_argument("email")
    create.add_argument("--scope", choices=("read", "write", "admin"), default="read")
    create.add_argument("--expires-days", type=_days, metavar="N")
    command("revoke", _revoke_token, "end a token", token).add_argument("id", type=UUID)

    reading = command("import", _import_holdings(given.spreadsheet), "read holdings from CSV; all of them or none")
    reading.add_argument("email")
    reading.add_argument("portfolio", help="its name; it is made when it is missing")
    reading.add_argument("file", type=Path)
    reading.add_argument("--currency", default="AUD", help="of a portfolio that is made")
    reading.add_argument("--replace", action="store_true", help="remove what is not in the file")
    reading.add_argument("--dry-run", action="store_true", help="check, and change nothing")
    write = _export_holdings(given.spreadsheet)
    writing = command("export", write, "write a portfolio's holdings as CSV to standard output")
    writing.add_argument("email")
    writing.add_argument("portfolio", help="its name")

    backup = command(
        "backup", _back_up, "write all that the database holds into a new file; a server may go on meanwhile"
    )
    backup.add_argument("file", type=Path)
    restore = command("restore", _restore, "read a backup into a database that is empty and that no server uses")
    restore.add_argument("file", type=Path)
    does = "serve a copy of a backup with the prices that it recorded, as simulated ones"
    again = commands.add_parser("replay", help=does, description=does, parents=[common, listening])
    again.set_defaults(run=given.replay)
    again.add_argument("file", type=Path)
    again.add_argument("--speed", type=_speed, default=60, help="seconds of the recording in a second; 60 by default")
    again.add_argument(
        "--start", type=_time, metavar="TIME", help="as 2026-03-02T01:30:00Z; a day before the end by default"
    )
    again.add_argument("--end", type=_time, metavar="TIME", help="by default when the last price came")
    command("migrate", _migrate, "bring the database up to date")
    command("doctor", _doctor, "check what a server depends on")
    command("openapi", given.openapi, "print the description of the interface")
    return top


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 3650:
        raise argparse.ArgumentTypeError("must be 1 to 3650 days")
    return days


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0
    if not 0.01 <= speed <= 100_000:
        raise argparse.ArgumentTypeError("must be a number from 0.01 to 100000")
    return speed


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None or not 1970 <= moment.year <= 2999:
        raise argparse.ArgumentTypeError("must be a time with its offset from UTC, as 2026-03-02T01:30:00Z")
    return moment.astimezone(UTC)


def _add_user(settings: Settings, arguments: argparse.Namespace) -> int:
    password = sys.stdin.readline().rstrip("\r\n") if arguments.password_stdin else None
    with migrated(settings):
        user = accounts.add_user(arguments.email, arguments.role, password)
        if password is None:
            print(f"Sign in: {settings.origin}{accounts.sign_in_path('user', user)}")
    return 0


def _list_users(settings: Settings, _arguments: argparse.Namespace) -> int:
    with migrated(settings):
        for line in accounts.list_users():
            print(line)
    return 0


def _create_token(settings: Settings, arguments: argparse.Namespace) -> int:
    with migrated(settings):
        print(accounts.create_token(arguments.email, arguments.scope, arguments.expires_days))
    return 0


def _revoke_token(settings: Settings, arguments: argparse.Namespace) -> int:
    with migrated(settings):
        accounts.revoke_token(arguments.id)
    return 0


def _import_holdings(spreadsheet: Spreadsheet) -> Command:
    def run(settings: Settings, arguments: argparse.Namespace) -> int:
        rows = spreadsheet.read(arguments.file.read_bytes())
        with migrated(settings):
            created, updated = holdings.import_holdings(
                arguments.email,
                arguments.portfolio,
                rows,
                currency=arguments.currency,
                replace=arguments.replace,
                dry_run=arguments.dry_run,
            )
        print(f"{'would import' if arguments.dry_run else 'imported'} {created} new, {updated} changed")
        return 0

    return run


def _export_holdings(spreadsheet: Spreadsheet) -> Command:
    def run(settings: Settings, arguments: argparse.Namespace) -> int:
        with migrated(settings):
            print(spreadsheet.write(holdings.held_in(arguments.email, arguments.portfolio)), end="")
        return 0

    return run


def _back_up(settings: Settings, arguments: argparse.Namespace) -> int:
    print(f"backed up {archives.back_up(settings, arguments.file)}")
    return 0


def _restore(settings: Settings, arguments: argparse.Namespace) -> int:
    print(f"restored {archives.restore(settings, arguments.file)}")
    return 0


def _migrate(settings: Settings, _arguments: argparse.Namespace) -> int:
    with migrated(settings) as applied:
        print("\n".join(f"applied {name}" for name in applied) or "nothing to apply")
    return 0


def _doctor(settings: Settings, _arguments: argparse.Namespace) -> int:
    ill = 0
    for finding in doctor.examine(settings):
        print(finding, flush=True)
        ill += finding.healthy is False
    return 1 if ill else 0
