"""What queries and the database's opening raise on purpose; whoever calls maps them to its own."""

from __future__ import annotations

from peewee import InterfaceError, OperationalError

UNREACHABLE = (OperationalError, InterfaceError)
"""What peewee raises while the database is down, full or kept locked by others; later it may work."""


class RowNotFound(Exception):
    """There is no such row, or it is not the caller's."""


class RowConflict(Exception):
    """The change contradicts what is stored."""


class RowGone(Exception):
    """The row is there and has ended."""


class DatabaseLocked(Exception):
    """Another server uses the same SQLite file."""


class MigrationFailed(Exception):
    """The schema is as it was; the message says which migration failed, why, and what to do."""


class NoBackup(Exception):
    """The file is no backup, or a damaged one."""
