"""Alpha Vantage against a server that speaks as Alpha Vantage does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from market_actors.domain.exchanges import FX
from market_actors.errors import ErrorKind, ProviderError
from market_actors.providers.alpha_vantage import AlphaVantage
from tests.providers.conftest import QUOTA
from tests.standin import KEY


@pytest.fixture
def alpha_vantage(standin):
    provider = AlphaVantage(
        QUOTA,
        1,
        KEY,
        lambda _exchange, _day: None,
        base_url=standin.url("alpha_vantage"),
        extra_exchanges=frozenset({"XASX"}),
    )
    yield provider
    provider.close()


def failure(alpha_vantage, symbol="IBM"):
    with pytest.raises(ProviderError) as caught:
        alpha_vantage.fetch([symbol])
    return caught.value


@pytest.mark.parametrize(
    ("symbol", "sent", "price", "currency"),
    [
        ("IBM", "312.4200", "312.4200", "USD"),
        ("TSCO.L", "450.3000", "4.503000", "GBP"),
        ("CBA.AX", "101.2500", "101.2500", "AUD"),
    ],
)
def test_a_symbol_is_one_call_with_the_key(standin, alpha_vantage, symbol, sent, price, currency):
    standin.set_price(symbol, sent)

    (quote,) = alpha_vantage.fetch([symbol]).quotes

    assert (quote.symbol, str(quote.price), quote.currency) == (symbol, price, currency)
    (call,) = standin.calls("alpha_vantage", symbol)
    assert call.params["apikey"] == KEY


def test_a_pair_is_an_exchange_rate(standin, alpha_vantage):
    standin.set_price("USDAUD=X", "1.53355", at=1764046800)

    for symbol in ("USDAUD=X", "AUD=X"):
        (quote,) = alpha_vantage.fetch([symbol]).quotes
        assert (quote.symbol, str(quote.price), quote.currency) == (symbol, "1.53355", "AUD")
        assert quote.quote_time == datetime.fromtimestamp(1764046800, UTC)


def test_an_unknown_symbol_or_pair_is_its_own_failure(alpha_vantage):
    for symbol in ("NOPE", "XXXAUD=X"):
        assert alpha_vantage.fetch([symbol]).failures[symbol].kind is ErrorKind.UNKNOWN_SYMBOL


@pytest.mark.parametrize("symbol", ["7203.T", "^AXJO", "GC=F", "BTC-AUD"])
def test_what_it_does_not_cover_costs_no_call(standin, alpha_vantage, symbol):
    assert alpha_vantage.fetch([symbol]).failures[symbol].kind is ErrorKind.UNSUPPORTED_EXCHANGE
    assert not standin.calls("alpha_vantage")


def test_the_asx_is_covered_only_when_asked_for(standin, alpha_vantage):
    usual = AlphaVantage(QUOTA, 1, KEY, lambda _exchange, _day: None, base_url=standin.url("alpha_vantage"))

    assert alpha_vantage.covers("XASX")
    assert not usual.covers("XASX")
    assert all(usual.covers(exchange) for exchange in ("XNYS", "XLON", "XTSE", "XETR", FX))
    assert not usual.covers("XTKS")
    usual.close()


@pytest.mark.parametrize(
    ("scenario", "kind", "retry_after"),
    [
        ("burst", ErrorKind.THROTTLED, 2),
        ("cap", ErrorKind.QUOTA_DAY, None),
        ("cap_with_key", ErrorKind.QUOTA_DAY, None),
        ("premium", ErrorKind.ENTITLEMENT, None),
        ("bad_key", ErrorKind.AUTH, None),
        ("demo_key", ErrorKind.AUTH, None),
        ("html", ErrorKind.UPSTREAM, None),
        ("503", ErrorKind.UPSTREAM, 7),
        ("garbage", ErrorKind.MALFORMED, None),
    ],
)
def test_what_concerns_the_provider_fails_the_call(standin, alpha_vantage, scenario, kind, retry_after):
    standin.fail("alpha_vantage", scenario)

    error = failure(alpha_vantage)

    assert (error.kind, error.retry_after) == (kind, retry_after)
    with pytest.raises(ProviderError):
        alpha_vantage.search("tesco")


def test_the_notice_of_a_spent_minute_means_the_day_when_it_comes_again(standin, alpha_vantage):
    standin.set_price("IBM", "312.42")
    standin.fail("alpha_vantage", "legacy_note", times=1)

    assert failure(alpha_vantage).kind is ErrorKind.THROTTLED
    assert alpha_vantage.fetch(["IBM"]).quotes
    standin.fail("alpha_vantage", "legacy_note")
    kinds = [failure(alpha_vantage).kind for _ in range(3)]
    assert kinds == [ErrorKind.THROTTLED, ErrorKind.QUOTA_DAY, ErrorKind.THROTTLED]


def test_without_a_key_it_is_asked_and_refuses(standin):
    keyless = AlphaVantage(QUOTA, 1, None, lambda _exchange, _day: None, base_url=standin.url("alpha_vantage"))

    assert failure(keyless).kind is ErrorKind.AUTH
    keyless.close()


@pytest.mark.parametrize("path", ["/query", "/query/", "/"])
def test_its_address_may_be_given_with_the_path_of_its_documentation(standin, path):
    standin.set_price("IBM", "312.42")
    url = standin.url("alpha_vantage") + path
    provider = AlphaVantage(QUOTA, 1, KEY, lambda _exchange, _day: None, base_url=url)
    assert str(provider.fetch(["IBM"]).quotes[0].price) == "312.42"
    provider.close()


def test_a_look_up_gives_instruments_in_our_spelling(standin, alpha_vantage):
    standin.set_price("TSCO.L", "450.30", name="Tesco PLC")

    (found,) = alpha_vantage.search("tesco")

    assert (found.symbol, found.name, found.exchange, found.currency) == ("TSCO.L", "Tesco PLC", "XLON", "GBP")
