from __future__ import annotations

import pytest

from market_actors.domain.freshness import confirmation, is_stale
from market_actors.domain.quote import Confirmation
from tests.domain.samples import TRADING_DAY, at, quote


@pytest.mark.parametrize(
    ("exchange_open", "age", "delay", "stale"),
    [(True, 1801, 0, True), (True, 1800, 0, False), (True, 2999, 1200, False), (True, 3001, 1200, True)],
)
def test_a_price_is_stale_when_older_than_the_limit_and_its_sources_delay(exchange_open, age, delay, stale):
    assert is_stale(exchange_open, age, delay, 1800) is stale


def test_while_the_exchange_is_closed_no_price_is_stale():
    assert not is_stale(False, 10**9, 0, 1800)


@pytest.mark.parametrize(
    ("quote_time", "received_at", "delay", "expected"),
    [
        (at(12), at(12, 20), 1200, Confirmation.INTRADAY),
        (at(15, 59), at(16, 10), 1200, Confirmation.INTRADAY),
        (at(16), at(16), 0, Confirmation.PROVISIONAL),
        (at(16), at(16, 35), 1200, Confirmation.PROVISIONAL),
        (at(16), at(17, 30), 1200, Confirmation.CONFIRMED),
        (at(16), at(9, day=6), 1200, Confirmation.CONFIRMED),
        (at(9, day=2), at(9, day=5), 0, Confirmation.CONFIRMED),
    ],
)
def test_a_price_is_the_more_final_the_longer_after_the_close_it_was_received(quote_time, received_at, delay, expected):
    told = quote(quote_time=quote_time, received_at=received_at, delay_seconds=delay)

    assert confirmation(told, [TRADING_DAY]) is expected
