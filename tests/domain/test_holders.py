"""Who needs which symbol."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from market_actors.domain.holders import Entry, HolderIndex
from market_actors.domain.polling import Holder
from market_actors.domain.quote import Confirmation, MarketStatus, Price, Quote, StreamPosition
from market_actors.domain.stakes import Held

USER, FIRST, SECOND = UUID(int=9), UUID(int=1), UUID(int=2)
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def holding(*symbols: str, currency: str = "AUD") -> Entry:
    return Entry(USER, "AUD", 1, tuple(Held(symbol, currency, 1.0) for symbol in symbols))


def priced(symbol: str, currency: str) -> dict[str, Price]:
    quote = Quote(symbol, "yahoo", Decimal(1), currency, NOW, NOW)
    price = Price(quote, "yahoo", "XASX", MarketStatus.OPEN, Confirmation.INTRADAY, False, None, StreamPosition(1, 1))
    return {symbol: price}


def test_a_portfolio_needs_what_it_holds_and_the_rates_of_its_quotes_and_costs():
    index = HolderIndex()
    index.put(FIRST, holding("CBA.AX", "AAPL"), {})
    index.put(SECOND, holding("CBA.AX", currency="EUR"), {})

    assert index.symbols == {"CBA.AX", "AAPL", "USDAUD=X", "EURAUD=X"}
    assert index.holding(["USDAUD=X"]) == {FIRST}
    assert index.holding(["CBA.AX", "nobody's"]) == {FIRST, SECOND}


def test_a_quote_in_another_currency_brings_its_rate_and_lets_the_other_go():
    index = HolderIndex()
    index.put(FIRST, holding("AAPL"), {})
    index.requote(["AAPL"], priced("AAPL", "CAD"))

    assert index.symbols == {"AAPL", "CADAUD=X"}


def test_what_nobody_holds_any_more_is_not_needed():
    index = HolderIndex()
    index.put(FIRST, holding("CBA.AX", "BHP.AX"), {})
    index.put(FIRST, holding("BHP.AX"), {})
    assert index.symbols == {"BHP.AX"}

    assert index.remove(FIRST)
    assert not index.remove(FIRST)
    assert index.symbols == frozenset()
    assert FIRST not in index


def test_it_says_whether_its_holders_have_changed():
    index = HolderIndex()
    index.put(FIRST, holding("CBA.AX"), {})
    same = index.holders()["CBA.AX"]
    assert same == (Holder(FIRST, USER),)
    assert not index.has_changed

    index.put(FIRST, holding("CBA.AX"), {})
    assert not index.has_changed
    assert index.holders()["CBA.AX"] is same

    index.put(SECOND, holding(), {})
    assert index.has_changed
    assert index.holders()["CBA.AX"] is same
    assert index.owners() == {FIRST: USER, SECOND: USER}

    index.put(FIRST, holding(), {})
    assert index.has_changed
    assert index.holders() == {}

    index.remove(SECOND)
    assert index.has_changed
