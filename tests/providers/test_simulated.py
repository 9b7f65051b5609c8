"""The invented market."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from market_actors.domain.exchanges import currency_of
from market_actors.domain.quote import SYMBOL
from market_actors.errors import ErrorKind
from market_actors.providers.simulated import KNOWN, Simulated

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Clock:
    now = NOON

    def __call__(self):
        return self.now


def prices(provider, symbols, times):
    return [[quote.price for quote in provider.fetch(symbols).quotes] for _ in range(times)]


def test_the_same_seed_gives_the_same_prices_and_another_one_others():
    symbols = ["CBA.AX", "USDAUD=X", "XYZ.AX"]

    assert prices(Simulated(7), symbols, 20) == prices(Simulated(7), symbols, 20)
    assert prices(Simulated(7), symbols, 20) != prices(Simulated(8), symbols, 20)


def test_what_else_is_asked_for_does_not_change_a_price():
    alone = [row[0] for row in prices(Simulated(), ["CBA.AX"], 10)]

    assert [row[1] for row in prices(Simulated(), ["BHP.AX", "CBA.AX"], 10)] == alone


@pytest.mark.parametrize("symbol", ["CBA.AX", "VOD.L", "JPYAUD=X", "AUDJPY=X", "BTC-AUD", "PENNY.AX"])
def test_a_price_moves_in_small_steps_and_stays_above_zero(symbol):
    walk = [row[0] for row in prices(Simulated(), [symbol], 1000)]

    steps = [abs(after - before) / before for before, after in pairwise(walk)]
    assert max(steps) < Decimal("0.0085")  # 0.3 % and the rounding of small prices
    assert len(set(walk)) > 20
    assert min(walk) > 0
    assert all(-6 <= price.as_tuple().exponent <= -2 for price in walk)


def test_a_price_that_has_strayed_comes_back():
    for walk in zip(*prices(Simulated(), ["CBA.AX", "BHP.AX", "CSL.AX"], 15_000), strict=True):
        assert walk[0] / Decimal("1.3") < min(walk)
        assert max(walk) < walk[0] * Decimal("1.3")


@pytest.mark.parametrize("symbol", ["NOPE", "NOSUCH.AX", "UNKNOWN.L", "ZZZAUD=X", "AUDZZZ=X", "AU=X"])
def test_a_symbol_that_nobody_knows_is_unknown_and_spoils_no_other(symbol):
    fetched = Simulated().fetch(["CBA.AX", symbol])

    assert [quote.symbol for quote in fetched.quotes] == ["CBA.AX"]
    assert fetched.failures[symbol].kind is ErrorKind.UNKNOWN_SYMBOL


@pytest.mark.parametrize(
    ("symbol", "currency", "exchange"),
    [
        ("XYZ.AX", "AUD", "XASX"),
        ("QWERTY", "USD", "XNYS"),
        ("TSCO.L", "GBP", "XLON"),
        ("USDAUD=X", "AUD", "FX"),
        ("AUD=X", "AUD", "FX"),
        ("ETH-AUD", "AUD", "CRYPTO"),
        ("7203.T", "JPY", "XTKS"),
        ("ABC.QQ", "USD", "UNKNOWN"),
    ],
)
def test_any_other_symbol_has_a_price_in_the_currency_of_its_exchange(symbol, currency, exchange):
    (quote,) = Simulated(now=Clock()).fetch([symbol]).quotes

    assert quote.price > 0
    assert (quote.provider, quote.currency, quote.exchange) == ("simulated", currency, exchange)
    assert (quote.quote_time, quote.received_at) == (NOON, NOON)


def test_rates_agree_with_their_inverse():
    there, back = Simulated().fetch(["USDAUD=X", "AUDUSD=X"]).quotes

    assert abs(there.price * back.price - 1) < Decimal("0.02")


def test_a_new_day_begins_with_the_last_price_as_previous_close():
    clock = Clock()
    provider = Simulated(now=clock)
    (before,) = provider.fetch(["CBA.AX"]).quotes
    clock.now += timedelta(days=1)

    (after,) = provider.fetch(["CBA.AX"]).quotes

    assert after.previous_close == before.price


def test_the_well_known_ones_have_names_and_are_found_by_them():
    provider = Simulated()

    assert [one.symbol for one in provider.search("commonwealth")] == ["CBA.AX"]
    assert "BHP.AX" in [one.symbol for one in provider.search("bhp")]
    assert provider.search("no such company") == ()
    assert all(SYMBOL.match(symbol) and currency_of(symbol) for symbol in KNOWN)


def test_it_is_without_limits_and_covers_everything():
    provider = Simulated()

    assert provider.quota is None
    assert provider.covers("UNKNOWN")
    provider.close()
