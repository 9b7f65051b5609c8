"""Backups: a database into one file, and a file into an empty database."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from peewee import PeeweeException

from market_actors.commands.accounts import ACTOR
from market_actors.commands.databases import brought_up_to_date, claimed, opened
from market_actors.errors import Conflict, MigrationFailed
from market_actors.settings import Settings
from persistence import archive, errors, models


def back_up(settings: Settings, path: Path) -> str:
    """Write the database into a new file, while servers go on; return what is in it, in words.

    Raises Conflict when there is nothing to back up or it fails, MigrationFailed when the database is of a newer
    version, and what opened() raises.
    """
    with tidied(), opened(settings) as connected, said("nothing was backed up"):
        return _in_words(archive.back_up(connected, path))


def restore(settings: Settings, path: Path) -> str:
    """Copy a backup into the database, which no server uses and which is empty; return what was in it, in words.

    Raises Conflict when the file is no backup or the database not empty, MigrationFailed when the backup is of a newer
    version, and what claimed() raises; then nothing was restored.
    """
    what = f"nothing was restored of {path}"
    # Inside as well, or claimed() would say that the database failed.
    with tidied(), said(what), archive.unpacked(path) as source, claimed(settings) as target, said(what):
        archive.check_empty(target)
        brought_up_to_date(target)
        return _in_words(archive.restore(source, ACTOR, datetime.now(UTC)))


@contextmanager
def tidied() -> Iterator[None]:
    """Whoever ends this by SIGTERM, or closes its terminal, finds no copies left behind."""
    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number)),
        # A server that runs meanwhile has a handler of its own for SIGTERM.
        signal.SIGHUP: signal.signal(signal.SIGHUP, lambda _number, _frame: signal.raise_signal(signal.SIGTERM)),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def said(what: str) -> Iterator[None]:
    """Raise what goes wrong with a backup as Conflict or MigrationFailed."""
    try:
        yield
    except (errors.NoBackup, errors.RowConflict, PeeweeException) as error:
        raise Conflict(f"{what}: {str(error).strip()}") from None
    except errors.MigrationFailed as error:
        raise MigrationFailed(f"{what}: {error}") from None


def _in_words(counts: archive.Counts) -> str:
    accounts, portfolios, prices = (
        counts[model] for model in (models.User, models.Portfolio, models.RealtimePriceHistory)
    )
    return f"{accounts:,} accounts, {portfolios:,} portfolios, {prices:,} prices"
