"""The wall clock that actors and handlers go by; a test of long times moves it instead of waiting."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present, aware, UTC."""
    return datetime.now(UTC)
