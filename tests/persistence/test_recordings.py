"""What is played again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from persistence import queries
from persistence.records import LastPrice, Portfolio
from tests.persistence.samples import MINUTE, NOW, price

pytestmark = pytest.mark.usefixtures("database")


def came(minutes: int, number: int, **changes: Any) -> LastPrice:
    return price(number=number, received_at=NOW + minutes * MINUTE, **changes)


def test_prices_of_a_time_are_listed_as_they_came() -> None:
    prices = [came(0, 1), came(1, 2, symbol="AAPL", currency="USD"), came(1, 3), came(2, 4), came(3, 5)]
    queries.record_prices(prices)

    listed = queries.list_recorded(NOW + MINUTE, NOW + 2 * MINUTE)

    assert [(row.symbol, row.received_at - NOW) for row in listed] == [
        ("AAPL", timedelta(minutes=1)),
        ("CBA.AX", timedelta(minutes=1)),
        ("CBA.AX", timedelta(minutes=2)),
    ]
    last = listed[-1]
    assert (last.name, last.exchange, last.currency) == ("Commonwealth Bank", "XASX", "AUD")
    assert (str(last.price), str(last.previous_close), last.volume) == ("123.4500", "122.10", 1_000)
    assert queries.newest_recorded() == NOW + 3 * MINUTE


def test_a_price_is_listed_once_and_none_of_an_administrator() -> None:
    queries.record_prices([came(0, 1), came(1, 3, source="override")], restated=[came(0, 2, stale_reason="age")])

    assert [row.received_at for row in queries.list_recorded(NOW, NOW + MINUTE)] == [NOW]


def test_what_each_symbol_stood_at_before_is_listed() -> None:
    prices = [came(0, 1), came(1, 2, price=Decimal(7)), came(3, 3, price=Decimal(9)), came(0, 4, symbol="AAPL")]
    queries.record_prices([*prices, came(2, 5, symbol="MSFT"), came(1, 6, symbol="AAPL", source="override")])

    listed = {row.symbol: (row.price, row.received_at) for row in queries.list_last_recorded(NOW + 2 * MINUTE)}

    assert listed == {"CBA.AX": (Decimal(7), NOW + MINUTE), "AAPL": (Decimal("123.4500"), NOW)}


def test_without_prices_there_is_no_newest() -> None:
    assert queries.newest_recorded() is None


def test_the_market_is_forgotten_and_holdings_stay(portfolio: Portfolio) -> None:
    queries.put_holding(portfolio.user_id, portfolio.id, "CBA.AX", Decimal(1), Decimal(1), "AUD", NOW)
    queries.record_prices([price()])
    stop = ("emergency_stop", "global", None, None, None, None, None, None, False, "root@example.com", "halted", NOW)
    queries.create_override(*stop)

    queries.forget_market()

    assert queries.load_last_prices() == ()
    assert queries.newest_recorded() is None
    assert queries.list_overrides(None, None, 10, 0, NOW).rows == ()
    assert queries.list_holdings(portfolio.user_id, portfolio.id, None, 0).total == 1
