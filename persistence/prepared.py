"""Queries that are asked with every request: making their SQL takes peewee ten times as long as the database its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from peewee import Field, ModelSelect, Value

from persistence.database import proxy


@dataclass(frozen=True, slots=True)
class _Given:
    """Where a value stands that is known only when the query is asked."""

    name: str
    to_database: Callable[[Any], Any]


def given(name: str, field: Field[Any]) -> Value:
    """Return what stands in a query for the value of that *name*, which is kept as *field* keeps its own."""
    return Value(_Given(name, field.db_value), converter=False)


class Prepared:
    """A query of which the SQL is made once for each kind of database.

    make: returns it; it selects columns and counts, and where it compares with what is given(), the values differ from one
    time to the next.
    """

    def __init__(self, make: Callable[[], ModelSelect[Any]]) -> None:
        self._make = make
        self._known: dict[type, _Statement] = {}

    def fetch(self, **values: object) -> list[tuple[Any, ...]]:
        """Return all rows, as tuples of the columns. Raises KeyError where a value is missing."""
        kind = type(proxy.obj)
        statement = self._known.get(kind)
        if statement is None:
            statement = self._known[kind] = _Statement.of(self._make())
        bound = [each.to_database(values[each.name]) if isinstance(each, _Given) else each for each in statement.given]
        rows = proxy.execute_sql(statement.sql, bound).fetchall()
        return [tuple([read(value) for read, value in zip(statement.read, row, strict=True)]) for row in rows]


class _Statement(NamedTuple):
    sql: str
    given: list[Any]
    read: list[Callable[[Any], Any]]

    @classmethod
    def of(cls, query: ModelSelect[Any]) -> _Statement:
        sql, values = query.sql()
        columns = query.selected_columns
        return cls(sql, values, [each.python_value if isinstance(each, Field) else _as_it_is for each in columns])


def _as_it_is(value: Any) -> Any:
    return value
