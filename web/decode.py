"""The one strict door for what clients send: JSON, query strings, the cells of a CSV file.

JSON is refused whole (400) when it is not UTF-8, nests too deep, repeats a key or holds NaN; then
each field is looked at, and all that are wrong are named (422). Numbers are read exactly as written.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from web.fields import plain_value
from web.problems import Fault, Invalid, Malformed

MAX_DEPTH = 20
MAX_TOKENS = 10_000  # strings, brackets and commas; more fit no call, and the loop would stand still meanwhile
LONGEST_INTEGER = 18  # digits; a longer one fits no field
FAULTS_TOLD = 100

S = TypeVar("S", bound=msgspec.Struct)

_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{},]', re.DOTALL)
_NESTS = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_CONTROL_OR_HALF = re.compile("[\x00\ud800-\udfff]")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_INTEGER = re.compile(rf"-?[0-9]{{1,{LONGEST_INTEGER}}}\Z")
_PLACE = re.compile(r" - at `\$(.*)`\Z")
_STEP = re.compile(r"\[(\d+)\]|\.(\w+)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)\Z", re.ASCII)


# -- JSON ----------------------------------------------------------------------------------


def read_json(data: bytes) -> Any:
    """Return the JSON value in *data*; its numbers with a point or an exponent are Decimal.

    Raises Malformed, and Invalid when there are too many of them.
    """
    _check_shape(data)
    try:
        return json.loads(
            data.decode("utf-8"),
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_constant,
            object_pairs_hook=_without_repeats,
        )
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    except ValueError as error:
        raise Malformed(f"the body is not JSON: {error}") from None


def _check_shape(data: bytes) -> None:
    """Raise Malformed when it nests too deep, Invalid when it holds too much: both before anything is made of it."""
    too_much = Invalid([Fault(("body",), "holds more than any call takes", "too_long")])
    if data.count(b"\\") > MAX_TOKENS:  # within a string they are as dear
        raise too_much
    depth = 0
    for number, token in enumerate(_TOKENS.finditer(data)):
        depth += _NESTS.get(token.group()[:1], 0)
        if depth > MAX_DEPTH:
            raise Malformed(f"the body nests deeper than {MAX_DEPTH} levels")
        if number > MAX_TOKENS:
            raise too_much


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= LONGEST_INTEGER else _decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number is out of any range") from None


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is repeated")
    return found


def body(data: bytes, kind: type[S]) -> S:
    """Return the JSON object in *data* as *kind*. Raises Malformed, Invalid."""
    value = read_json(data)
    if not isinstance(value, dict):
        raise Invalid([Fault(("body",), "must be an object", "type_error")])
    _check_text(value)
    return to_struct(value, kind, "body", msgspec.convert)


def _check_text(value: Any) -> None:
    """Refuse what no database takes: NUL and halves of characters, anywhere."""
    faults = []
    unseen: list[tuple[tuple[str | int, ...], Any]] = [(("body",), value)]
    while unseen:
        loc, item = unseen.pop()
        if isinstance(item, str) and _CONTROL_OR_HALF.search(item):
            faults.append(Fault(loc, "holds a character that is not allowed", "value_error"))
        elif isinstance(item, dict):
            if any(map(_CONTROL_OR_HALF.search, item)):
                faults.append(Fault(loc, "a name holds a character that is not allowed", "value_error"))
            else:
                unseen.extend(((*loc, name), part) for name, part in item.items())
        elif isinstance(item, list):
            unseen.extend(((*loc, index), part) for index, part in enumerate(item))
    if faults:
        raise Invalid(faults[:FAULTS_TOLD])


# -- Fields --------------------------------------------------------------------------------

Convert = Callable[..., Any]


@cache
def _fields(kind: type[Any]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def to_struct(values: Mapping[str, Any], kind: type[S], place: str, convert: Convert) -> S:
    """Return *values* as *kind*, each converted to its field's type. Raises Invalid, with all faults."""
    known = _fields(kind)
    faults = [Fault((place, name), "is not known here", "unknown_field") for name in values if name not in known]
    found = {}
    for name, field in known.items():
        if name not in values:
            if field.required:
                faults.append(Fault((place, name), "is missing", "missing"))
            continue
        try:
            found[field.name] = plain_value(convert(values[name], field.type, dec_hook=_own_type))
        except msgspec.ValidationError as error:
            faults.append(_fault(error).below(place, name))
    if not faults:
        try:
            return kind(**found)
        except ValueError as error:
            faults.append(Fault((place,), str(error), "value_error"))
    raise Invalid(faults[:FAULTS_TOLD])


def _own_type(kind: type[Any], value: Any) -> Any:
    """Convert to one of the types of web.fields; msgspec makes a ValidationError of the ValueError."""
    parse = getattr(kind, "parse", None)
    if parse is None:
        raise TypeError(f"no field may be of the type {kind}")
    return parse(value)


def _fault(error: msgspec.ValidationError) -> Fault:
    text = str(error)
    loc: list[str | int] = []
    if place := _PLACE.search(text):
        text = text[: place.start()]
        loc = [int(index) if index else name for index, name in _STEP.findall(place.group(1))]
    kind = "type_error" if text.startswith("Expected") and ", got " in text else "value_error"
    return Fault(tuple(loc), text.replace("`", "").replace("Expected", "expected"), kind)


# -- Query strings -------------------------------------------------------------------------


def query(text: str, kind: type[S], ignore: Iterable[str] = ()) -> S:
    """Return the query string *text* (bytes as Latin-1, as Tornado gives it) as *kind*.

    ignore: parameters that others read. Raises Malformed, Invalid.
    """
    values = query_values(text)
    for name in ignore:
        values.pop(name, None)
    return to_struct(values, kind, "query", from_text)


def query_values(text: str) -> dict[str, str]:
    """Return the parameters of a query string. Raises Malformed when it is not UTF-8, Invalid when one is given twice."""
    try:
        raw = text.encode("latin-1").decode("utf-8")
        pairs = parse_qsl(raw, keep_blank_values=True, encoding="utf-8", errors="strict")
    except UnicodeError:
        raise Malformed("the query is not UTF-8") from None
    values = dict(pairs)
    if len(values) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        faults = [Fault(("query", name), "is given twice", "repeated") for name in values if counts[name] > 1]
        raise Invalid(faults[:FAULTS_TOLD])
    return values


def from_text(text: str, kind: Any, dec_hook: Any = _own_type) -> Any:
    """Return *text* as *kind*: what stands in a query string or a path. Raises msgspec.ValidationError."""
    return msgspec.convert(_prepared(text, kind), kind, dec_hook=dec_hook)


def _prepared(text: str, kind: Any) -> Any:
    """Return the value that msgspec checks against *kind*."""
    if get_origin(kind) is Annotated:
        return _prepared(text, get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _prepared(text, next(part for part in get_args(kind) if part is not NoneType))
    if get_origin(kind) is tuple:
        return [_prepared(part, get_args(kind)[0]) for part in text.split(",")] if text else []
    if kind is int and _INTEGER.match(text):
        return int(text)
    if kind is bool and text in ("true", "false"):
        return text == "true"
    if kind is UUID:
        return path_id(text)
    if kind is datetime:
        return _moment(text)
    if kind is date:
        return _day(text)
    if kind in (int, bool):
        raise msgspec.ValidationError(f"Expected `{kind.__name__}`, got `str`")
    return text


def path_id(text: str) -> UUID:
    """Return *text* as a UUID in its usual form. Raises msgspec.ValidationError."""
    if not _UUID.match(text):
        raise msgspec.ValidationError("must be a UUID")
    return UUID(text)


def _day(text: str) -> date:
    """Return an ISO 8601 date; years in which nothing was recorded are refused."""
    try:
        day = date.fromisoformat(text) if _DAY.match(text) else None
    except ValueError:
        day = None
    if day is None or not 1900 <= day.year <= 2999:
        raise msgspec.ValidationError("must be a date like 2026-01-05, of a year from 1900 to 2999")
    return day


def _moment(text: str) -> datetime:
    """Return an ISO 8601 time with an offset, in UTC; years that no price has are refused."""
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC) if _MOMENT.match(text) else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise msgspec.ValidationError("must be a time like 2026-01-05T10:00:00Z, with its offset from UTC")
    if not 1900 <= moment.year <= 2999:
        raise msgspec.ValidationError("must be of a year from 1900 to 2999")
    return moment
