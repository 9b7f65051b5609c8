from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from market_actors.domain.stakes import AT_ONCE, Held, StakeCount, shares
from market_actors.domain.volatility import USUAL
from tests.domain.samples import price_of, quote


def price(symbol, amount, **fields):
    return price_of(quote(symbol, amount, **fields))


PRICES = {
    "CBA.AX": price("CBA.AX", "100"),
    "AAPL": price("AAPL", "200", currency="USD"),
    "USDAUD=X": price("USDAUD=X", "1.5"),
}


def test_shares_are_of_the_value_and_a_rate_has_that_of_all_it_converts():
    held = [Held("CBA.AX", "AUD", 7), Held("AAPL", "USD", 1), Held("NOPE.AX", "AUD", 1000)]
    assert shares(held, "AUD", PRICES) == {"CBA.AX": 0.7, "AAPL": 0.3, "USDAUD=X": 0.3}


def test_without_a_rate_or_any_price_there_is_no_share():
    assert shares([Held("AAPL", "USD", 1)], "NZD", PRICES) == {}
    assert shares([], "AUD", PRICES) == {}


def test_stakes_are_added_up_over_portfolios_and_followed_ones_are_viewers():
    count = StakeCount()
    for is_followed in (True, False, True):
        count.count([Held("CBA.AX", "AUD", 1)], "AUD", PRICES, is_followed)
    stake = count.counted()["CBA.AX"]
    assert (stake.share, stake.viewers, stake.volatility) == (3.0, 2, USUAL)


def test_a_price_that_jumps_about_is_more_volatile_than_one_that_does_not():
    count = StakeCount()
    wild = price("WILD.AX", "100", previous_close="80")
    calm = price("CBA.AX", "100", previous_close="100.1")
    count.moved({}, {"WILD.AX": wild, "CBA.AX": calm})
    count.count([Held("WILD.AX", "AUD", 1), Held("CBA.AX", "AUD", 1)], "AUD", {"WILD.AX": wild, "CBA.AX": calm}, False)
    counted = count.counted()
    assert counted["CBA.AX"].volatility < USUAL < counted["WILD.AX"].volatility

    later = replace(wild, quote=replace(wild.quote, price=Decimal(50), currency="USD"))
    count.moved({"WILD.AX": wild}, {"WILD.AX": replace(later, quote=replace(later.quote, previous_close=None))})
    assert count.counted()["WILD.AX"].volatility == pytest.approx(counted["WILD.AX"].volatility)


def test_many_portfolios_are_counted_some_at_a_time():
    count = StakeCount()
    everybody = [UUID(int=number) for number in range(AT_ONCE * 2 + 1)]
    count.begin(everybody)
    taken = []
    while count.is_counting:
        part = count.take()
        assert len(part) <= AT_ONCE
        taken += part
    assert sorted(taken) == everybody
