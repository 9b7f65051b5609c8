"""Reading what providers send, strictly: whatever is not as documented is an error, not a guess.

Whatever reads here raises ProviderError of kind malformed. Its messages name the field, never its content,
which may hold a key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from market_actors.domain.money import major, plain
from market_actors.errors import ErrorKind, ProviderError

MAX_DIGITS = 28
MAX_DECIMALS = 18
MAX_WHOLE_DIGITS = 15
MAX_VOLUME = 2**63 - 1
MAX_NAME = 200

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_YEAR_2100 = 4_102_444_800


def malformed(what: str) -> ProviderError:
    return ProviderError(ErrorKind.MALFORMED, what)


@contextmanager
def content_of_one_symbol() -> Iterator[None]:
    """Make faults in what is said of one symbol, in an answer that is well-formed, faults of that symbol alone."""
    try:
        yield
    except ProviderError as error:
        if error.kind is ErrorKind.MALFORMED:
            raise ProviderError(ErrorKind.NO_DATA_RANGE, str(error)) from None
        raise


def decode(body: bytes) -> Any:
    """Parse JSON: numbers exactly as written, no NaN, no infinity, no key twice, no endless nesting."""
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_duplicates,
        )
    except (ValueError, ArithmeticError, RecursionError):
        pass
    raise malformed("the answer is not proper JSON")  # outside of the except block: the cause quotes the answer


def _refuse_constant(_name: str) -> Any:
    raise ValueError


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise malformed(f"{what} is not an object")
    return value


def number(value: object, what: str) -> Decimal:
    """Return a number, or a text that holds one, with the decimals it was sent with and without an exponent."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise malformed(f"{what} is not a number")
    if isinstance(value, str) and not _NUMBER.match(value):
        raise malformed(f"{what} is not a number")
    found = Decimal(value)
    _, digits, exponent = found.as_tuple()
    if not isinstance(exponent, int):
        raise malformed(f"{what} is not a finite number")
    if len(digits) > MAX_DIGITS or -exponent > MAX_DECIMALS or found.adjusted() >= MAX_WHOLE_DIGITS:
        raise malformed(f"{what} has too many digits")
    return Decimal(plain(found))


def previous(value: object, what: str) -> Decimal | None:
    """Return an earlier price, or None where none is given: absent, null, 0 or below."""
    if value is None:
        return None
    found = number(value, what)
    return found if found > 0 else None


def volume(value: object) -> int | None:
    """Return how many were traded; None where that cannot be told. No price is worth losing over it."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_VOLUME:
        return value
    return None


def moment(value: object, what: str) -> datetime:
    """Return the time of an epoch in seconds, aware, UTC."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _YEAR_2100:
        raise malformed(f"{what} is not a time")
    return datetime.fromtimestamp(value, UTC)


def label(value: object) -> str | None:
    """Return a name for people on one line, or None without one."""
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value if letter.isprintable()).strip()[:MAX_NAME] or None


def money(amount: Decimal, unit: object, what: str) -> tuple[Decimal, str]:
    """Return *amount* in major units and their ISO 4217 code; the unit's case counts: GBp is not GBP."""
    if not isinstance(unit, str):
        raise malformed(f"{what} is missing")
    in_major, code = major(amount, unit)
    if not _CURRENCY.match(code):
        raise malformed(f"{what} is not a currency")
    return in_major, code
