"""Alpha Vantage's recorded answers, good and bad."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from market_actors.errors import ErrorKind, ProviderError
from market_actors.providers import alpha_vantage_answers as answers
from market_actors.providers.http import Answer
from tests.standin_data import recording

AFTER_CLOSE = datetime(2025, 11, 7, 3, 0, tzinfo=UTC)
CLOSE = datetime(2025, 11, 6, 21, 0, tzinfo=UTC)


def close_of(exchange, day):
    return CLOSE if day == date(2025, 11, 6) else None


def content(name):
    return answers.check(Answer(200, recording(f"alpha_vantage/{name}"), None))


def quote(name, symbol, received_at=AFTER_CLOSE):
    return answers.global_quote(symbol, content(name), received_at, close_of)


@pytest.mark.parametrize("name", ["quote.json", "quote_delayed_key.json"])
def test_a_quote_keeps_its_decimals_under_either_key(name):
    found = quote(name, "IBM")

    assert (found.symbol, found.provider, found.currency) == ("IBM", "alpha_vantage", "USD")
    assert (str(found.price), str(found.previous_close)) == ("312.4200", "306.7700")
    assert found.volume == 5687955
    assert found.end_of_day


def test_a_date_counts_as_of_the_close_once_the_session_is_over():
    assert quote("quote.json", "IBM").quote_time == CLOSE


def test_a_date_counts_as_of_its_receipt_while_the_session_lasts():
    during = datetime(2025, 11, 6, 16, 0, tzinfo=UTC)

    assert quote("quote.json", "IBM", during).quote_time == during


def test_a_date_without_a_session_counts_as_of_its_end_at_the_exchange():
    content_of_sunday = json.loads(recording("alpha_vantage/quote.json"))
    content_of_sunday["Global Quote"]["07. latest trading day"] = "2025-11-02"

    found = answers.global_quote("IBM", content_of_sunday, AFTER_CLOSE, close_of)

    assert found.quote_time == datetime(2025, 11, 3, 5, 0, tzinfo=UTC)


def test_a_date_that_has_not_begun_stays_in_the_future():
    day_before = datetime(2025, 11, 5, 20, 0, tzinfo=UTC)

    assert quote("quote.json", "IBM", day_before).quote_time == datetime(2025, 11, 6, 5, 0, tzinfo=UTC)


def test_prices_in_london_are_pence():
    found = quote("quote_pence.json", "TSCO.L")

    assert (str(found.price), str(found.previous_close), found.currency) == ("4.503000", "4.481000", "GBP")


@pytest.mark.parametrize("name", ["quote_empty.json", "empty.json", "only_meta_data.json"])
def test_an_empty_quote_is_an_unknown_symbol(name):
    with pytest.raises(ProviderError) as caught:
        quote(name, "IBM")

    assert caught.value.kind is ErrorKind.UNKNOWN_SYMBOL


def test_a_suffix_is_never_dropped_the_quote_of_another_security_is_refused():
    with pytest.raises(ProviderError) as caught:
        quote("quote_other_security.json", "BHP.AX")

    assert caught.value.kind is ErrorKind.UNSUPPORTED_EXCHANGE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("05. price", ""),
        ("05. price", "1e999"),
        ("05. price", None),
        ("07. latest trading day", "06/11/2025"),
        ("07. latest trading day", "2025-02-30"),
        ("07. latest trading day", "9999-12-31"),
        ("07. latest trading day", None),
        ("08. previous close", "n/a"),
    ],
)
def test_a_damaged_quote_is_malformed(field, value):
    damaged = json.loads(recording("alpha_vantage/quote.json"))
    damaged["Global Quote"][field] = value

    with pytest.raises(ProviderError) as caught:
        answers.global_quote("IBM", damaged, AFTER_CLOSE, close_of)

    assert caught.value.kind is ErrorKind.MALFORMED


def test_an_object_of_another_kind_is_malformed():
    with pytest.raises(ProviderError) as caught:
        quote("search.json", "IBM")

    assert caught.value.kind is ErrorKind.MALFORMED


@pytest.mark.parametrize(
    ("name", "kind", "retry_after"),
    [
        ("burst.json", ErrorKind.THROTTLED, 2),
        ("cap_with_key.json", ErrorKind.QUOTA_DAY, None),
        ("cap.json", ErrorKind.QUOTA_DAY, None),
        ("legacy_note.json", ErrorKind.THROTTLED, 60),
        ("premium.json", ErrorKind.ENTITLEMENT, None),
        ("premium_function.json", ErrorKind.ENTITLEMENT, None),
        ("demo_key.json", ErrorKind.AUTH, None),
        ("bad_key.json", ErrorKind.AUTH, None),
        ("invalid_call.json", ErrorKind.UNKNOWN_SYMBOL, None),
        ("unheard_of.json", ErrorKind.UPSTREAM, None),
    ],
)
@pytest.mark.parametrize("change", [bytes, bytes.swapcase], ids=["as sent", "other case"])
def test_each_notice_has_its_kind(name, kind, retry_after, change):
    prose = json.loads(recording(f"alpha_vantage/{name}"))
    body = json.dumps({key: change(text.encode()).decode() for key, text in prose.items()}).encode()

    with pytest.raises(ProviderError) as caught:
        answers.check(Answer(200, body, None))

    assert caught.value.kind is kind
    assert caught.value.retry_after == retry_after
    assert "XXXXKEYXXXX" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, b"", ErrorKind.THROTTLED),
        (401, b"{}", ErrorKind.AUTH),
        (403, b"{}", ErrorKind.AUTH),
        (500, b"{}", ErrorKind.UPSTREAM),
        (404, b"{}", ErrorKind.UPSTREAM),
        (200, b"\n<html>", ErrorKind.UPSTREAM),
        (200, b"symbol,open", ErrorKind.MALFORMED),
        (200, b"[]", ErrorKind.MALFORMED),
        (200, b'"Thank you"', ErrorKind.MALFORMED),
    ],
)
def test_a_real_status_or_a_page_has_its_kind_too(status, body, kind):
    with pytest.raises(ProviderError) as caught:
        answers.check(Answer(status, body, None))

    assert caught.value.kind is kind


def test_an_exchange_rate_has_a_time_and_the_currency_it_is_in():
    found = answers.exchange_rate("AUDUSD=X", content("exchange_rate.json"), AFTER_CLOSE)

    assert (str(found.price), found.currency, found.exchange) == ("0.65210", "USD", "FX")
    assert found.quote_time == datetime(2025, 11, 6, 23, 55, 1, tzinfo=UTC)
    assert not found.end_of_day


def test_the_rate_of_another_pair_is_refused():
    with pytest.raises(ProviderError) as caught:
        answers.exchange_rate("USDAUD=X", content("exchange_rate.json"), AFTER_CLOSE)

    assert caught.value.kind is ErrorKind.UNKNOWN_SYMBOL


@pytest.mark.parametrize(("field", "value"), [("6. Last Refreshed", "yesterday"), ("7. Time Zone", "../UTC")])
def test_a_rate_without_a_readable_time_is_malformed(field, value):
    damaged = json.loads(recording("alpha_vantage/exchange_rate.json"))
    damaged["Realtime Currency Exchange Rate"][field] = value

    with pytest.raises(ProviderError) as caught:
        answers.exchange_rate("AUDUSD=X", damaged, AFTER_CLOSE)

    assert caught.value.kind is ErrorKind.MALFORMED


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("IBM", "IBM"),
        ("BRK-B", "BRK-B"),
        ("TSCO.L", "TSCO.LON"),
        ("SHOP.TO", "SHOP.TRT"),
        ("GPV.V", "GPV.TRV"),
        ("MBG.DE", "MBG.DEX"),
        ("BMW.F", "BMW.FRK"),
        ("ASML.AS", "ASML.AMS"),
        ("RELIANCE.BO", "RELIANCE.BSE"),
        ("600104.SS", "600104.SHH"),
        ("000002.SZ", "000002.SHZ"),
        ("VOLV-B.ST", "VOLV-B.STO"),
        ("CBA.AX", "CBA.AX"),
    ],
)
def test_a_symbol_is_respelled_there_and_back(ours, theirs):
    assert answers.spell(ours) == theirs
    assert answers.unspell(theirs) == ours


@pytest.mark.parametrize("symbol", ["^AXJO", "GC=F", "AUDUSD=X"])
def test_what_it_cannot_spell_is_not_asked_for(symbol):
    assert answers.spell(symbol) is None


def test_a_search_gives_what_can_be_priced_in_our_spelling():
    instruments = answers.found(content("search.json"), lambda exchange: exchange in ("XLON", "XNYS"))

    assert [(one.symbol, one.name, one.exchange, one.currency) for one in instruments] == [
        ("TSCO.L", "Tesco PLC", "XLON", "GBP"),
        ("TSCDY", "Tesco plc ADR", "XNYS", "USD"),
    ]


@pytest.mark.parametrize("name", ["search_empty.json", "empty.json"])
def test_a_search_may_find_nothing(name):
    assert answers.found(content(name), lambda _exchange: True) == ()
