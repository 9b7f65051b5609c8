"""Strictness of what is common to all providers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from market_actors.errors import ErrorKind, ProviderError
from market_actors.providers import wire


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"price": NaN}',
        b'{"price": Infinity}',
        b'{"price": -Infinity}',
        b'{"price": 1, "price": 2}',
        b'{"price": 1',
        b'{"price": "\xff"}',
        b'{"price": 1e99999999999999999999}',
        b'{"price": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
    ],
)
def test_what_is_not_proper_json_is_malformed_and_not_repeated(body):
    with pytest.raises(ProviderError) as caught:
        wire.decode(body)

    assert caught.value.kind is ErrorKind.MALFORMED
    assert str(caught.value) == "the answer is not proper JSON"
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'"101.2500"', "101.2500"),
        (b"101.2500", "101.2500"),
        (b"101", "101"),
        (b"8.5E-6", "0.0000085"),
        (b"1E+2", "100"),
        (b'"-3.10"', "-3.10"),
        (b"123456789012345.123456789012", "123456789012345.123456789012"),
        (b"0.1000000000000000055", None),
        (b"1000000000000000", None),
        (b"1e999", None),
        (b"1e-999", None),
        (b"0e999", None),
        (b'"1e3"', None),
        (b'"1_000"', None),
        (b'" 1"', None),
        ('"١٢"'.encode(), None),
        (b'"1,5"', None),
        (b'"NaN"', None),
        (b'""', None),
        (b"true", None),
        (b"null", None),
        (b"[1]", None),
    ],
)
def test_a_number_keeps_its_decimals_or_is_refused(sent, kept):
    value = wire.decode(sent)

    if kept is None:
        with pytest.raises(ProviderError, match="price"):
            wire.number(value, "price")
    else:
        assert str(wire.number(value, "price")) == kept


@pytest.mark.parametrize("value", [0, -1, True, "1764046800", Decimal("1764046800.5"), None, 10**18])
def test_a_time_is_whole_seconds_of_this_century(value):
    with pytest.raises(ProviderError, match="a time"):
        wire.moment(value, "regularMarketTime")


@pytest.mark.parametrize(
    ("value", "volume"),
    [("5687955", 5687955), (0, 0), (7, 7), (-1, None), ("1.5", None), (True, None), (None, None), (2**63, None)],
)
def test_a_volume_that_cannot_be_told_is_none(value, volume):
    assert wire.volume(value) == volume


def test_a_name_is_one_line_of_bounded_length():
    assert wire.label(" BHP\n\x00 Group\u2028 ") == "BHP Group"
    assert len(wire.label("x" * 10_000)) == 200
    assert wire.label("\n") is None
    assert wire.label(5) is None


@pytest.mark.parametrize(
    ("unit", "amount", "code"),
    [("AUD", "450.30", "AUD"), ("GBp", "4.5030", "GBP"), ("GBX", "4.5030", "GBP"), ("ZAc", "4.5030", "ZAR")],
)
def test_a_minor_unit_becomes_the_major_one_exactly(unit, amount, code):
    converted, currency = wire.money(Decimal("450.30"), unit, "currency")

    assert (str(converted), currency) == (amount, code)


@pytest.mark.parametrize("unit", ["gbp", "aud", "AU", "", "AUDX", "AUD\n", None, 5])
def test_what_is_no_currency_is_refused(unit):
    with pytest.raises(ProviderError, match="currency"):
        wire.money(Decimal(1), unit, "currency")
