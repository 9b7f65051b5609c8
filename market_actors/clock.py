"""The wall clock of the whole server; a test of long times moves it instead of waiting."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present, aware, UTC."""
    return datetime.now(UTC)
