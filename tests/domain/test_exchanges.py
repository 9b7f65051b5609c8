from __future__ import annotations

import pytest

from market_actors.domain.exchanges import (
    CURRENCIES,
    EXCHANGES,
    INDICES,
    SUFFIXES,
    currency_of,
    exchange_currency,
    exchange_of,
    name_of,
    timezone_of,
)


@pytest.mark.parametrize(
    ("symbol", "exchange", "currency"),
    [
        ("CBA.AX", "XASX", "AUD"),
        ("AAPL", "XNYS", "USD"),
        ("BRK-B", "XNYS", "USD"),
        ("BRK.B", "XNYS", "USD"),
        ("VOD.L", "XLON", "GBP"),
        ("7203.T", "XTKS", "JPY"),
        ("NPN.JO", "XJSE", "ZAR"),
        ("TEVA.TA", "XTAE", "ILS"),
        ("USDAUD=X", "FX", "AUD"),
        ("AUD=X", "FX", "AUD"),
        ("FOOBAR=X", "FX", None),
        ("BTC-AUD", "CRYPTO", "AUD"),
        ("ABC-XYZ", "XNYS", "USD"),
        ("ES=F", "CMES", "USD"),
        ("^AXJO", "XASX", "AUD"),
        ("^FTSE", "XLON", "GBP"),
        ("^GSPC", "XNYS", "USD"),
        ("ABC.QQ", "UNKNOWN", None),
    ],
)
def test_the_suffix_of_a_symbol_says_where_and_in_what_it_trades(symbol, exchange, currency):
    assert exchange_of(symbol) == exchange
    assert currency_of(symbol) == currency


def test_every_exchange_that_a_symbol_can_have_is_described():
    assert {*SUFFIXES.values(), *INDICES.values()} <= EXCHANGES.keys()
    assert {exchange.currency for exchange in EXCHANGES.values()} - {None} <= CURRENCIES


def test_currencies_are_iso_codes_without_minor_units():
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)
    assert not CURRENCIES & {"GBX", "GBp", "ZAC", "ILA", "XAU", "XXX"}


def test_an_exchange_that_is_not_known_has_no_currency_and_goes_by_utc():
    assert exchange_currency("XXXX") is None
    assert timezone_of("XXXX") == "UTC"
    assert name_of("XXXX") == "XXXX"
    assert name_of("XASX") == "Australian Securities Exchange"
