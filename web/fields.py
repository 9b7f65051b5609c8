"""The kinds of text and numbers that clients send: each knows what it accepts and how OpenAPI says so.

They say what a field takes; what has passed is a plain str or Decimal again.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Protocol, Self

from market_actors.credentials import LONGEST_PASSWORD, SHORTEST_PASSWORD
from market_actors.domain.exchanges import CURRENCIES
from market_actors.domain.money import MINOR_UNITS
from market_actors.domain.quote import SYMBOL

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?\Z")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,253}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_LINES = dict.fromkeys(map(ord, "\t\n\r"), " ")

MAX_DIGITS = 28
MAX_DECIMALS = 12


class Field(Protocol):
    """parse() raises ValueError, whose message completes the sentence "(the field) …"."""

    schema: ClassVar[dict[str, Any]]

    @classmethod
    def parse(cls, value: Any) -> Self: ...


class Symbol(str):
    """A symbol, upper case."""

    schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^[A-Za-z0-9^][A-Za-z0-9.\-=^]{0,19}$",
        "examples": ["CBA.AX"],
    }

    @classmethod
    def parse(cls, value: Any) -> Self:
        symbol = _text(value).upper()
        if not value.isascii() or not SYMBOL.match(symbol):
            raise ValueError("must be a symbol: up to 20 letters, digits and . - = ^")
        return cls(symbol)


class Currency(str):
    """An ISO 4217 code; GBp and other hundredths are refused, or 150 pence would count as 150 pounds."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": "^[A-Za-z]{3}$", "examples": ["AUD"]}

    @classmethod
    def parse(cls, value: Any) -> Self:
        code = _text(value).upper()
        if value in MINOR_UNITS:
            raise ValueError(f"must be the code of a whole unit, such as {MINOR_UNITS[value][0]}: amounts are in it")
        if code not in CURRENCIES:
            raise ValueError("must be the ISO 4217 code of a currency")
        return cls(code)


class Name(str):
    """1 to 200 characters without control characters; blanks around it do not count."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 200, "examples": ["Savings"]}

    @classmethod
    def parse(cls, value: Any) -> Self:
        name = _text(value).strip()
        if _CONTROL.search(name):
            raise ValueError("must not hold control characters")
        if not 1 <= len(name) <= 200:
            raise ValueError("must have 1 to 200 characters")
        return cls(name)


class SearchText(str):
    """What a symbol or a name contains."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 100, "examples": ["BHP"]}

    @classmethod
    def parse(cls, value: Any) -> Self:
        text = _text(value).strip()
        if not 1 <= len(text) <= 100 or _CONTROL.search(text):
            raise ValueError("must have 1 to 100 characters, and no control characters")
        return cls(text)


class ShortReason(str):
    """Why: 1 to 500 characters; blanks around it do not count."""

    shortest: ClassVar[int] = 1
    schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 500, "examples": ["Busy day"]}

    @classmethod
    def parse(cls, value: Any) -> Self:
        reason = _text(value).strip()
        if _CONTROL.search(reason.translate(_LINES)):
            raise ValueError("must not hold control characters")
        if not cls.shortest <= len(reason) <= 500:
            raise ValueError(f"must have {cls.shortest} to 500 characters")
        return cls(reason)


class Reason(ShortReason):
    """Why: 3 to 500 characters; blanks around it do not count."""

    shortest: ClassVar[int] = 3
    schema: ClassVar[dict[str, Any]] = {**ShortReason.schema, "minLength": 3}


class Email(str):
    """Something like an e-mail address; only a letter sent to it would show whether it is one."""

    schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "email", "maxLength": 254}

    @classmethod
    def parse(cls, value: Any) -> Self:
        email = _text(value).strip()
        if len(email) > 254 or not _EMAIL.match(email) or _CONTROL.search(email):
            raise ValueError("must be an e-mail address")
        return cls(email)


class Password(str):
    """12 to 200 characters of any kind: length is what makes a password strong."""

    schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "format": "password",
        "minLength": SHORTEST_PASSWORD,
        "maxLength": LONGEST_PASSWORD,
    }

    @classmethod
    def parse(cls, value: Any) -> Self:
        if not SHORTEST_PASSWORD <= len(_text(value)) <= LONGEST_PASSWORD:
            raise ValueError(f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
        return cls(value)


class Quantity(Decimal):
    """Above zero, with at most 28 digits and 12 decimals."""

    schema: ClassVar[dict[str, Any]] = {"type": ["string", "number"], "examples": ["120"]}

    @classmethod
    def parse(cls, value: Any) -> Self:
        number = _decimal(value)
        if number <= 0:
            raise ValueError("must be above 0")
        return cls(number)


class Price(Quantity):
    """Above zero, with at most 28 digits and 12 decimals."""

    schema: ClassVar[dict[str, Any]] = {"type": ["string", "number"], "examples": ["101.25"]}


class Cost(Decimal):
    """Zero or more, with at most 28 digits and 12 decimals."""

    schema: ClassVar[dict[str, Any]] = {"type": ["string", "number"], "examples": ["98.40"]}

    @classmethod
    def parse(cls, value: Any) -> Self:
        number = _decimal(value)
        if number < 0:
            raise ValueError("must be 0 or more")
        return cls(abs(number))  # -0 is 0


def plain_value(value: Any) -> Any:
    """Return *value* without the kinds of this module, which nobody behind the door needs to know."""
    if isinstance(value, tuple):
        return tuple(map(plain_value, value))
    if isinstance(value, str):
        return str(value)
    return Decimal(value) if isinstance(value, Decimal) else value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004
    return value


def _decimal(value: Any) -> Decimal:
    """Return a number exactly as it was written: a JSON number, or a string that looks like one."""
    try:
        if isinstance(value, str):
            value = Decimal(value) if _DECIMAL.match(value) else None
        elif isinstance(value, int) and not isinstance(value, bool):
            value = Decimal(value)
    except InvalidOperation:
        value = None
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError("must be a decimal number")
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if -exponent > MAX_DECIMALS or max(len(digits), 1 - exponent, len(digits) + exponent) > MAX_DIGITS:
        raise ValueError(f"must have at most {MAX_DIGITS} digits and {MAX_DECIMALS} decimals")
    return Decimal(format(value, "f"))
