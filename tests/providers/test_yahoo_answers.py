"""Yahoo's recorded answers, good and bad."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from market_actors.domain.exchanges import EXCHANGES
from market_actors.errors import ErrorKind, ProviderError
from market_actors.providers import yahoo_answers
from market_actors.providers.http import Answer
from market_actors.providers.yahoo_exchanges import DELAY_SECONDS, EXCHANGE_OF_NAME
from tests.standin_data import recording

NOW = datetime(2025, 11, 25, 5, 30, tzinfo=UTC)


def chart(name, symbol):
    return yahoo_answers.chart(symbol, recording(f"yahoo/{name}"), NOW)


def test_a_chart_becomes_a_quote_with_the_quotes_own_time():
    quote = chart("chart.json", "BHP.AX")

    assert quote.symbol == "BHP.AX"
    assert quote.provider == "yahoo"
    assert (str(quote.price), str(quote.previous_close), quote.currency) == ("41.52", "41.31", "AUD")
    assert quote.quote_time == datetime(2025, 11, 25, 5, 0, tzinfo=UTC)
    assert quote.received_at == NOW
    assert quote.exchange == "XASX"
    assert quote.delay_seconds == 1200
    assert quote.volume == 5123456
    assert quote.name == "BHP Group Limited"
    assert not quote.end_of_day


def test_pence_become_pounds_in_the_price_and_in_the_previous_close():
    quote = chart("chart_pence.json", "TSCO.L")

    assert (str(quote.price), str(quote.previous_close)) == ("4.503", "4.481")
    assert (quote.currency, quote.exchange) == ("GBP", "XLON")


def test_what_a_chart_leaves_out_is_unknown():
    quote = chart("chart_nulls.json", "NUL.AX")

    assert quote.price == Decimal("0.105")
    assert (quote.previous_close, quote.volume, quote.name) == (None, None, None)


def test_the_close_before_a_longer_range_is_not_the_previous_close():
    assert chart("chart_five_days.json", "BHP.AX").previous_close == Decimal("41.31")


def test_a_pair_from_the_us_dollar_may_come_back_in_its_short_form():
    quote = chart("chart_currency_pair.json", "USDAUD=X")

    assert (quote.symbol, quote.price, quote.currency) == ("USDAUD=X", Decimal("1.53355"), "AUD")
    assert (quote.exchange, quote.delay_seconds) == ("FX", 0)


@pytest.mark.parametrize(
    ("name", "symbol", "kind"),
    [
        ("chart.json", "RIO.AX", ErrorKind.UNKNOWN_SYMBOL),
        ("chart_currency_pair.json", "EURAUD=X", ErrorKind.UNKNOWN_SYMBOL),
        ("chart_without_price.json", "DEAD.AX", ErrorKind.NO_DATA_RANGE),
        ("404_json.json", "NOPE.AX", ErrorKind.UNKNOWN_SYMBOL),
        ("401_crumb.json", "BHP.AX", ErrorKind.MALFORMED),
        ("400_range.json", "BHP.AX", ErrorKind.UPSTREAM),
        ("spark_v8.json", "BHP.AX", ErrorKind.MALFORMED),
    ],
)
def test_a_chart_without_a_quote_of_the_symbol_says_why(name, symbol, kind):
    with pytest.raises(ProviderError) as caught:
        chart(name, symbol)

    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ((b'"currency": "AUD"', b'"currency": null'), ErrorKind.NO_DATA_RANGE),
        ((b'"regularMarketPrice": 41.52', b'"regularMarketPrice": "41.52 AUD"'), ErrorKind.NO_DATA_RANGE),
        ((b'"regularMarketPrice": 41.52', b'"regularMarketPrice": 1e999'), ErrorKind.NO_DATA_RANGE),
        ((b'"regularMarketPrice": 41.52', b'"regularMarketPrice": 0'), ErrorKind.NO_DATA_RANGE),
        ((b'"regularMarketTime": 1764046800', b'"regularMarketTime": "now"'), ErrorKind.NO_DATA_RANGE),
        ((b'"chartPreviousClose": 41.31', b'"chartPreviousClose": []'), ErrorKind.NO_DATA_RANGE),
        ((b'"meta": {', b'"mate": {'), ErrorKind.MALFORMED),
        ((b'"result": [', b'"result": [], "results": ['), ErrorKind.MALFORMED),
    ],
)
def test_a_damaged_chart_gives_no_quote(damage, kind):
    body = recording("yahoo/chart.json")
    assert damage[0] in body

    with pytest.raises(ProviderError) as caught:
        yahoo_answers.chart("BHP.AX", body.replace(*damage), NOW)

    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("status", "name", "kind", "retry_after"),
    [
        (404, "404_json.json", ErrorKind.UNKNOWN_SYMBOL, None),
        (404, "404_page.html", ErrorKind.THROTTLED, 1800),
        (400, "400_range.json", ErrorKind.NO_DATA_RANGE, None),
        (422, "422_interval.json", ErrorKind.NO_DATA_RANGE, None),
        (429, "429.txt", ErrorKind.THROTTLED, 1800),
        (200, "429.txt", ErrorKind.THROTTLED, 1800),
        (200, "429_edge.txt", ErrorKind.THROTTLED, 1800),
        (401, "401_crumb.json", ErrorKind.UPSTREAM, None),
        (200, "consent.html", ErrorKind.UPSTREAM, None),
        (200, "right_back.txt", ErrorKind.UPSTREAM, None),
        (502, "404_page.html", ErrorKind.UPSTREAM, None),
        (403, "401_crumb.json", ErrorKind.UPSTREAM, None),
    ],
)
def test_each_failure_has_its_kind(status, name, kind, retry_after):
    with pytest.raises(ProviderError) as caught:
        yahoo_answers.check(Answer(status, recording(f"yahoo/{name}"), None))

    assert caught.value.kind is kind
    assert caught.value.retry_after == retry_after


def test_the_wait_that_yahoo_asks_for_goes_before_ours():
    with pytest.raises(ProviderError) as caught:
        yahoo_answers.check(Answer(429, b"Too Many Requests", 3.0))

    assert caught.value.retry_after == 3.0


def test_a_good_answer_is_let_through():
    yahoo_answers.check(Answer(200, recording("yahoo/chart.json"), None))


def test_a_spark_gives_the_last_close_that_there_is_and_names_who_is_absent():
    fetched = yahoo_answers.spark(
        ["BHP.AX", "NOPE.AX", "CBA.AX"], recording("yahoo/spark_v8.json"), NOW, lambda _symbol: "AUD"
    )

    assert [(quote.symbol, quote.price) for quote in fetched.quotes] == [
        ("BHP.AX", Decimal("41.35")),
        ("CBA.AX", Decimal("158.4")),
    ]
    assert fetched.quotes[0].quote_time == datetime(2025, 11, 24, 23, 0, tzinfo=UTC)
    assert fetched.quotes[0].previous_close == Decimal("41.31")
    assert fetched.quotes[0].delay_seconds == 1200
    assert fetched.failures["NOPE.AX"].kind is ErrorKind.UNKNOWN_SYMBOL


def test_the_older_form_of_the_spark_has_units_and_one_bad_entry_spoils_no_other():
    fetched = yahoo_answers.spark(
        ["BHP.AX", "TSCO.L", "CBA.AX"], recording("yahoo/spark_v7.json"), NOW, lambda _symbol: None
    )

    assert [(quote.symbol, str(quote.price), quote.currency) for quote in fetched.quotes] == [
        ("BHP.AX", "41.52", "AUD"),
        ("TSCO.L", "4.503", "GBP"),
    ]
    assert fetched.failures["CBA.AX"].kind is ErrorKind.NO_DATA_RANGE


def test_a_spark_without_any_close_or_with_uneven_series_is_no_price():
    body = b"""{"A.AX": {"symbol": "A.AX", "timestamp": [1764025200], "close": [null]},
                "B.AX": {"symbol": "B.AX", "timestamp": [1764025200], "close": [1.5, 1.6]},
                "C.AX": {"symbol": "D.AX", "timestamp": [1764025200], "close": [1.5]}}"""

    fetched = yahoo_answers.spark(["A.AX", "B.AX", "C.AX"], body, NOW, lambda _symbol: "AUD")

    assert not fetched.quotes
    assert [error.kind for error in fetched.failures.values()] == [
        ErrorKind.NO_DATA_RANGE,
        ErrorKind.NO_DATA_RANGE,
        ErrorKind.UNKNOWN_SYMBOL,
    ]


def test_a_search_gives_instruments_with_the_currency_of_their_exchange():
    instruments = yahoo_answers.found(recording("yahoo/search.json"))

    assert [(one.symbol, one.name, one.exchange, one.currency) for one in instruments] == [
        ("BHP.AX", "BHP Group Limited", "XASX", "AUD"),
        ("BHP", "BHP Group Limited American Depo", "XNYS", "USD"),
    ]


def test_every_exchange_that_yahoo_names_is_one_of_ours():
    assert set(EXCHANGE_OF_NAME.values()) | set(DELAY_SECONDS) <= set(EXCHANGES)
