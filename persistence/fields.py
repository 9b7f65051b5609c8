"""Columns that lose nothing: exact decimals, aware UTC times, JSON.

Each has one form in Python and one in each database, chosen by the field types in
persistence.database: decimals are TEXT on SQLite and NUMERIC on PostgreSQL (both keep
trailing zeros), times are sortable TEXT on SQLite and TIMESTAMPTZ on PostgreSQL.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from peewee import Field


class ExactDecimal(Field):
    """A finite Decimal with the digits it was given. Compare it in Python: on SQLite it sorts as text."""

    field_type = "EXACT_DECIMAL"

    def db_value(self, value: Decimal | None) -> str | None:
        """Raises ValueError for NaN and infinity."""
        if value is None:
            return None
        if not value.is_finite():
            raise ValueError(f"{self.name}: not a finite number: {value}")
        return format(value, "f")

    def python_value(self, value: str | Decimal | None) -> Decimal | None:
        return Decimal(value) if value is not None else None


class UtcDateTime(Field):
    """An aware time, kept in UTC to the microsecond."""

    field_type = "UTC_DATETIME"

    def db_value(self, value: datetime | None) -> str | None:
        """Raises ValueError for a naive time."""
        return to_text(value) if value is not None else None

    def python_value(self, value: str | datetime | None) -> datetime | None:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if value is not None else None


class Json(Field):
    """Plain JSON values as canonical text, so that equal values have equal texts and equal hashes."""

    field_type = "TEXT"

    def db_value(self, value: Any) -> str | None:
        return canonical(value) if value is not None else None

    def python_value(self, value: str | None) -> Any:
        return json.loads(value) if value is not None else None


def to_text(moment: datetime) -> str:
    """Return *moment* as text of fixed width that sorts by time. Raises ValueError if it is naive."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without its offset from UTC: {moment.isoformat()}")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def canonical(value: Any) -> str:
    """Return *value* as JSON with sorted keys and no blanks; Decimals, times and UUIDs become strings."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return to_text(value)
        case _:
            return str(value)
