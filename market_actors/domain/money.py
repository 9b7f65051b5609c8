"""Exact decimal arithmetic and the currencies we know.

Sums and products of prices, quantities and rates are exact: :data:`EXACT` has more
digits than any product of accepted inputs, so nothing is rounded before it is shown.
"""

from __future__ import annotations

import decimal
from decimal import Decimal

EXACT = decimal.Context(prec=200, rounding=decimal.ROUND_HALF_EVEN)
ZERO, HUNDRED, PERCENT_STEP = Decimal(0), Decimal(100), Decimal("0.0001")
_QUOTIENT = decimal.Context(prec=60, rounding=decimal.ROUND_05UP)  # to be rounded once more

MINOR_UNITS: dict[str, tuple[str, int]] = {
    "GBp": ("GBP", 100),
    "GBX": ("GBP", 100),
    "ZAc": ("ZAR", 100),
    "ZAC": ("ZAR", 100),
    "ILA": ("ILS", 100),
}
"""Codes of minor units as providers send them, case-sensitive: (ISO 4217 code, units in one)."""


def major(amount: Decimal, unit: str) -> tuple[Decimal, str]:
    """Return *amount* in the major currency of *unit*, with its ISO 4217 code: 1234 GBp is 12.34 GBP."""
    code, factor = MINOR_UNITS.get(unit, (unit, 1))
    if factor == 1:
        return amount, code
    return amount.scaleb(-2, EXACT), code


def percent(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return *part* in percent of *whole*, rounded to 4 decimals; None of nothing."""
    if not whole:
        return None
    return _QUOTIENT.divide(EXACT.multiply(part, HUNDRED), whole).quantize(PERCENT_STEP, context=EXACT)


def plain(value: Decimal) -> str:
    """Return the digits as written, never in scientific notation."""
    text = str(value)
    return text if "E" not in text else format(value, "f")


def fx_symbol(source: str, target: str) -> str:
    """Return the symbol of the quote that says how much of *target* one unit of *source* is: USDAUD=X."""
    return f"{source}{target}=X"
