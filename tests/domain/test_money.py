from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.money import EXACT, fx_symbol, major, percent, plain


@pytest.mark.parametrize(
    ("amount", "unit", "expected", "code"),
    [
        ("1234", "GBp", "12.34", "GBP"),
        ("1234.5", "GBX", "12.345", "GBP"),
        ("250", "ZAc", "2.50", "ZAR"),
        ("1", "ILA", "0.01", "ILS"),
        ("12.340", "GBP", "12.340", "GBP"),
    ],
)
def test_minor_units_become_major_ones(amount, unit, expected, code):
    assert [str(major(Decimal(amount), unit)[0]), major(Decimal(amount), unit)[1]] == [expected, code]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=0, max_value=10**25))
def test_pence_lose_no_digit(amount):
    assert Fraction(major(amount, "GBp")[0]) * 100 == Fraction(amount)


def test_percent_of_nothing_is_unknown():
    assert percent(Decimal(1), Decimal(0)) is None
    assert percent(Decimal(1), Decimal(3)) == Decimal("33.3333")


def test_percent_is_rounded_once():
    assert str(percent(Decimal("0.0000005"), Decimal(1))) == "0.0000"  # half, to even
    assert str(percent(Decimal("0.0000015"), Decimal(1))) == "0.0002"
    just_above = EXACT.add(Decimal("0.0000005"), Decimal("1E-100"))
    assert str(percent(just_above, Decimal(1))) == "0.0001"


def test_digits_are_never_written_as_powers_of_ten():
    assert plain(Decimal("1E+3")) == "1000"
    assert plain(Decimal("1E-9")) == "0.000000001"
    assert plain(Decimal("101.2500")) == "101.2500"


def test_a_rate_goes_by_the_symbol_of_its_pair():
    assert fx_symbol("USD", "AUD") == "USDAUD=X"
