"""Opening the database of the settings, for a command or for a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from peewee import Database, PeeweeException

from market_actors.credentials import digest
from market_actors.errors import DatabaseLocked, MigrationFailed, SettingsError, Unavailable
from market_actors.settings import Settings
from persistence import database, errors
from persistence.migrate import migrate


def identity(url: str) -> str:
    """Return what tells this database from others: servers of one database share what is cached, others do not."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return digest(str(Path(url.removeprefix("sqlite:///")).resolve()))[:16]
    return digest(f"{parts.hostname}:{parts.port or 5432}{parts.path}")[:16]


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Connect, and close at the end; the schema is left as it is.

    Raises SettingsError for an impossible URL, Unavailable when the database cannot be reached or fails meanwhile.
    """
    try:
        connected = database.open_database(settings.database_url)
    except ValueError as error:
        raise SettingsError(f"MARKET_DATABASE_URL: {error}") from None
    except (PeeweeException, OSError) as error:
        raise Unavailable(f"the database cannot be opened: {_without_password(str(error), settings)}") from None
    try:
        yield connected
    except PeeweeException as error:  # a full disk, a damaged file, a server that went away
        raise Unavailable(f"the database failed: {str(error).strip()}") from None
    finally:
        connected.close()


def _without_password(text: str, settings: Settings) -> str:
    """A driver that cannot read the URL quotes it."""
    password = urlsplit(settings.database_url).password
    return text.replace(password, "…") if password else text


@contextmanager
def migrated(settings: Settings) -> Iterator[list[str]]:
    """Connect and bring the schema up to date; gives the names of the migrations that were applied.

    Raises MigrationFailed besides what opened() raises.
    """
    with opened(settings) as connected:
        yield brought_up_to_date(connected)


@contextmanager
def claimed(settings: Settings) -> Iterator[Database]:
    """Connect as the only one that serves a SQLite file or restores into it.

    Raises DatabaseLocked besides what opened() raises.
    """
    with opened(settings) as connected:
        try:
            claim = database.claim(connected)
        except errors.DatabaseLocked as error:
            raise DatabaseLocked(str(error)) from None
        with claim:
            yield connected


@contextmanager
def served(settings: Settings) -> Iterator[Database]:
    """Connect as the only server of a SQLite file, and bring the schema up to date.

    Raises MigrationFailed besides what claimed() raises.
    """
    with claimed(settings) as connected:
        brought_up_to_date(connected)
        yield connected


def brought_up_to_date(connected: Database) -> list[str]:
    """Apply what is missing of the migrations, and return their names. Raises MigrationFailed."""
    try:
        return migrate(connected)
    except errors.MigrationFailed as error:
        raise MigrationFailed(str(error)) from None
