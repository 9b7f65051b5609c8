"""Yahoo against a server that speaks as Yahoo does."""

from __future__ import annotations

from decimal import Decimal

import pytest

from market_actors.errors import ErrorKind, ProviderError
from market_actors.providers.yahoo import Yahoo
from tests.providers.conftest import QUOTA


@pytest.fixture
def yahoo(standin):
    yahoo = Yahoo(QUOTA, 1, base_url=standin.url("yahoo") + "/")
    yield yahoo
    yahoo.close()


@pytest.fixture
def batching(standin):
    known = {"CBA.AX": "AUD", "BHP.AX": "AUD", "NOPE.AX": "AUD", "TSCO.L": "GBP"}
    yahoo = Yahoo(QUOTA, 1, standin.url("yahoo"), batch_size=3, instrument_currency=known.get)
    yield yahoo
    yahoo.close()


def test_a_symbol_is_one_call_of_the_chart_for_one_day(standin, yahoo):
    standin.set_price("CBA.AX", "101.250", previous_close="100.10")

    (quote,) = yahoo.fetch(["CBA.AX"]).quotes

    assert (str(quote.price), str(quote.previous_close), quote.currency) == ("101.250", "100.10", "AUD")
    (call,) = standin.calls("yahoo")
    assert call.path == "/v8/finance/chart/CBA.AX"
    assert call.params == {"range": "1d", "interval": "5m", "includePrePost": "false"}


@pytest.mark.parametrize(("symbol", "path"), [("^AXJO", "%5EAXJO"), ("USDAUD=X", "USDAUD%3DX"), ("BRK-B", "BRK-B")])
def test_signs_in_symbols_are_written_so_that_they_arrive(standin, yahoo, symbol, path):
    standin.set_price(symbol, "1.53355")

    (quote,) = yahoo.fetch([symbol]).quotes

    assert quote.price == Decimal("1.53355")
    assert standin.calls("yahoo")[0].path == f"/v8/finance/chart/{path}"


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT", "GOOG", "CBA.AX", "BHP.AX", "EURUSD=X"])
def test_recorded_prices_arrive_as_they_were_recorded(standin, yahoo, symbol):
    standin.play(symbol)
    (first,) = yahoo.fetch([symbol]).quotes
    standin.step()
    (second,) = yahoo.fetch([symbol]).quotes

    assert str(second.price) == standin.price(symbol)
    assert second.previous_close == first.price
    assert second.quote_time > first.quote_time


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [("404_json", "unknown_symbol"), ("400_range", "no_data_range"), ("422", "no_data_range")],
)
def test_what_concerns_a_symbol_is_its_own_failure(standin, yahoo, scenario, kind):
    standin.fail("yahoo", scenario)

    fetched = yahoo.fetch(["CBA.AX"])

    assert not fetched.quotes
    assert fetched.failures["CBA.AX"].kind == kind


@pytest.mark.parametrize(
    ("scenario", "kind", "retry_after"),
    [
        ("429", ErrorKind.THROTTLED, 1800),
        ("429_retry_after", ErrorKind.THROTTLED, 3),
        ("429_as_200", ErrorKind.THROTTLED, 1800),
        ("404_html", ErrorKind.THROTTLED, 1800),
        ("401_crumb", ErrorKind.UPSTREAM, None),
        ("consent", ErrorKind.UPSTREAM, None),
        ("redirect", ErrorKind.UPSTREAM, None),
        ("right_back", ErrorKind.UPSTREAM, None),
        ("html", ErrorKind.UPSTREAM, None),
        ("500", ErrorKind.UPSTREAM, None),
        ("503", ErrorKind.UPSTREAM, 7),
        ("no_body", ErrorKind.MALFORMED, None),
        ("garbage", ErrorKind.MALFORMED, None),
        ("list", ErrorKind.MALFORMED, None),
        ("nested", ErrorKind.MALFORMED, None),
        ("cut", ErrorKind.MALFORMED, None),
        ("nan", ErrorKind.MALFORMED, None),
        ("price_twice", ErrorKind.MALFORMED, None),
    ],
)
def test_what_concerns_the_provider_fails_the_call(standin, yahoo, scenario, kind, retry_after):
    standin.fail("yahoo", scenario)

    with pytest.raises(ProviderError) as caught:
        yahoo.fetch(["CBA.AX"])

    assert (caught.value.kind, caught.value.retry_after) == (kind, retry_after)
    with pytest.raises(ProviderError):
        yahoo.search("commonwealth")


def test_a_negative_price_is_left_to_the_gate(standin, yahoo):
    standin.fail("yahoo", "negative_price")

    (quote,) = yahoo.fetch(["CBA.AX"]).quotes

    assert quote.price == Decimal("-158.4")


def test_a_number_that_can_be_none_fails_its_symbol_alone(standin, yahoo):
    standin.fail("yahoo", "huge_price")

    fetched = yahoo.fetch(["CBA.AX"])

    assert (fetched.quotes, fetched.failures["CBA.AX"].kind) == ((), ErrorKind.NO_DATA_RANGE)


def test_several_symbols_are_one_call_of_the_spark(standin, batching):
    standin.set_price("CBA.AX", "101.25")
    standin.set_price("BHP.AX", "41.52")

    fetched = batching.fetch(["CBA.AX", "NOPE.AX", "BHP.AX"])

    assert [(quote.symbol, str(quote.price), quote.currency) for quote in fetched.quotes] == [
        ("CBA.AX", "101.25", "AUD"),
        ("BHP.AX", "41.52", "AUD"),
    ]
    assert fetched.failures["NOPE.AX"].kind is ErrorKind.UNKNOWN_SYMBOL
    assert [call.path for call in standin.calls("yahoo")] == ["/v8/finance/spark"]


def test_what_may_be_in_pence_never_travels_without_its_unit(standin, batching):
    standin.set_price("CBA.AX", "101.25")
    standin.set_price("TSCO.L", "450.30")
    standin.set_price("BHP.AX", "41.52")
    mixed = batching.fetch(["CBA.AX", "TSCO.L", "BHP.AX"])
    assert [quote.symbol for quote in mixed.quotes] == ["CBA.AX", "BHP.AX"]
    assert not mixed.failures
    (tesco,) = batching.fetch(["TSCO.L", "CBA.AX", "BHP.AX"]).quotes  # left out above, so it comes first
    assert (str(tesco.price), tesco.currency) == ("4.5030", "GBP")
    assert [call.path for call in standin.calls("yahoo")] == ["/v8/finance/spark", "/v8/finance/chart/TSCO.L"]


def test_a_look_up_gives_instruments(standin, yahoo):
    standin.set_price("CBA.AX", "101.25", name="Commonwealth Bank of Australia")

    (found,) = yahoo.search("commonwealth")

    assert (found.symbol, found.name, found.exchange, found.currency) == (
        "CBA.AX",
        "Commonwealth Bank of Australia",
        "XASX",
        "AUD",
    )


def test_every_exchange_is_worth_asking_for(yahoo):
    assert yahoo.covers("XASX")
    assert yahoo.covers("UNKNOWN")
