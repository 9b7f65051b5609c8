from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.gate import Action, Held, Verdict, is_possible, judge
from tests.domain.samples import NOON, price_of, quote

LATER = NOON + timedelta(minutes=15)
LAST = price_of(quote(price="100"))
ACCEPTED = Verdict(Action.ACCEPT, None, None)


def judged(told, last=LAST, held=None, currency="AUD", exchange="XASX", fallback=False, now=None, limit="0.5"):
    return judge(told, last, held, currency, exchange, fallback, now or told.received_at, Decimal(limit))


def later(price, **fields):
    return quote(price=price, **{"quote_time": LATER, **fields})


def test_a_first_price_is_accepted():
    assert judged(quote(price="0.001"), last=None) == ACCEPTED


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-Infinity", "0", "-1", "1E+999", "1E-19", "1." + "1" * 28])
def test_what_cannot_be_a_price_is_refused(price):
    assert judged(later(price)).action is Action.REFUSE
    assert judged(later("101", previous_close=price)).rule == "previous_close"


def test_a_volume_below_zero_is_refused():
    assert judged(later("101", volume=-1)).rule == "volume"


@given(st.decimals(min_value="0.000000000001", max_value=10**15, places=12))
def test_prices_of_twelve_decimals_are_possible(price):
    assert is_possible(price)


def test_another_currency_than_the_last_is_held_back_and_refused_from_a_fallback():
    told = later("101", currency="USD")
    quarantined = Held(told, "currency", LATER)

    assert judged(told) == Verdict(Action.HOLD, "currency", quarantined)
    assert judged(told, fallback=True) == Verdict(Action.REFUSE, "currency", None)
    again = next_poll("101", currency="USD")
    assert judged(again, held=quarantined).action is Action.HOLD
    assert judged(next_poll("101"), held=quarantined) == ACCEPTED
    assert judged(again, held=quarantined.reject()) == Verdict(Action.IGNORE, "rejected", quarantined.reject())


def test_a_price_that_is_held_in_another_currency_confirms_nothing():
    quarantined = Held(later("200", currency="USD"), "currency", LATER)

    verdict = judged(next_poll("200", provider="alpha_vantage"), held=quarantined)

    assert (verdict.action, verdict.rule, verdict.held.quote.currency) == (Action.HOLD, "jump", "AUD")


def test_a_currency_that_does_not_exist_is_refused():
    assert judged(quote(currency="GBX"), last=None, currency="GBX").rule == "currency"


def test_the_first_provider_may_say_what_currency_an_instrument_has():
    assert judged(quote(currency="USD"), last=None) == ACCEPTED


@pytest.mark.parametrize(
    ("fields", "expected", "rule"),
    [
        ({"currency": "USD"}, "AUD", "currency"),
        ({"currency": "AUD"}, None, "currency"),
        ({"exchange": "XNYS"}, "AUD", "exchange"),
        ({"exchange": "XASX"}, "AUD", None),
        ({"exchange": None}, "AUD", None),
        ({"exchange": "UNKNOWN"}, "AUD", None),
    ],
)
def test_a_fallback_must_prove_that_it_means_the_same_instrument(fields, expected, rule):
    assert judged(quote(**fields), last=None, currency=expected, fallback=True).rule == rule


def test_an_older_quote_is_ignored_and_one_of_the_same_time_is_not():
    assert judged(quote(price="101", quote_time=NOON - timedelta(seconds=1))).rule == "older"
    assert judged(quote(price="101")) == ACCEPTED


def test_a_quote_from_the_future_is_ignored():
    told = quote(price="101", quote_time=NOON + timedelta(minutes=5, seconds=1))

    assert judged(told, now=NOON) == Verdict(Action.IGNORE, "future", None)
    assert judged(told, now=NOON + timedelta(seconds=1)) == ACCEPTED


def test_a_last_price_that_is_far_ahead_of_the_clock_does_not_keep_newer_ones_out():
    ahead = price_of(quote(quote_time=NOON + timedelta(days=30)))

    assert judged(later("101"), last=ahead) == ACCEPTED


@pytest.mark.parametrize(
    ("price", "rule"),
    [
        ("10000", "factor"),
        ("9000", "factor"),
        ("11000", "factor"),
        ("1", "factor"),
        ("0.9", "factor"),
        ("1.1", "factor"),
        ("8999", "jump"),
        ("11001", "jump"),
        ("150.01", "jump"),
        ("49.99", "jump"),
        ("150", None),
        ("50", None),
    ],
)
def test_a_mistaken_unit_and_an_absurd_jump_are_held_back(price, rule):
    verdict = judged(later(price))

    assert verdict.rule == rule
    assert verdict.action is (Action.HOLD if rule else Action.ACCEPT)


def held(price, rule="jump", provider="yahoo", rejected=False):
    return Held(later(price, provider=provider), rule, LATER, rejected)


def next_poll(price, **fields):
    moment = LATER + timedelta(minutes=15)
    return quote(price=price, **{"quote_time": moment, **fields})


def test_the_next_poll_confirms_a_jump_within_two_percent():
    assert judged(next_poll("204"), held=held("200")) == ACCEPTED


def test_the_same_answer_again_is_not_the_next_poll():
    same = held("200")

    assert judged(same.quote, held=same) == Verdict(Action.HOLD, "jump", same)


def test_a_second_source_confirms_within_two_percent():
    assert judged(later("196", provider="alpha_vantage"), held=held("200")) == ACCEPTED
    assert judged(later("10100", provider="alpha_vantage"), held=held("10000", "factor")) == ACCEPTED


def test_a_mistaken_unit_is_not_confirmed_by_the_source_that_made_it():
    verdict = judged(next_poll("10001"), held=held("10000", "factor"))

    assert verdict.action is Action.HOLD
    assert verdict.held.quote.price == Decimal(10001)
    assert verdict.held.since == LATER


def test_a_mistaken_unit_does_not_slip_through_as_a_jump():
    assert judged(next_poll("11010"), held=held("10990", "factor")).action is Action.HOLD


def test_a_jump_that_turns_into_a_mistaken_unit_is_not_confirmed_by_its_own_source():
    verdict = judged(next_poll("10990"), held=held("11010", "jump"))

    assert (verdict.action, verdict.rule) == (Action.HOLD, "factor")
    again = next_poll("11010", received_at=LATER + timedelta(minutes=30))
    assert judged(again, held=verdict.held).action is Action.HOLD


def test_another_jump_is_held_anew():
    verdict = judged(next_poll("300"), held=held("200"))

    assert verdict.action is Action.HOLD
    assert verdict.held.since == LATER + timedelta(minutes=15)


def test_a_good_price_ends_the_quarantine():
    assert judged(next_poll("101"), held=held("10000", "factor")) == ACCEPTED


def test_an_ignored_or_refused_quote_leaves_the_quarantine_as_it_is():
    quarantined = held("200")

    assert judged(quote(quote_time=NOON - timedelta(1)), held=quarantined, now=LATER).held is quarantined
    assert judged(later("0"), held=quarantined).held is quarantined


def test_a_rejected_price_is_not_held_again_until_it_changes():
    rejected = held("200").reject()

    assert judged(next_poll("200.0"), held=rejected) == Verdict(Action.IGNORE, "rejected", rejected)
    changed = judged(next_poll("201"), held=rejected)
    assert changed.action is Action.HOLD
    assert not changed.held.rejected


prices = st.decimals(min_value="0.0001", max_value=10**9, places=4)


@given(prices, prices)
def test_nothing_is_accepted_unconfirmed_that_moved_by_more_than_the_limit(last, price):
    verdict = judged(later(str(price)), last=price_of(quote(price=str(last))))

    moved = abs(price - last) / last
    assert (verdict.action is Action.ACCEPT) == (moved <= Decimal("0.5"))
    assert (verdict.held is None) == (verdict.action is Action.ACCEPT)


@given(prices, prices, prices)
def test_a_held_price_is_shown_only_when_another_source_agrees_with_it(last, first, second):
    shown = price_of(quote(price=str(last)))
    quarantine = judged(later(str(first)), last=shown).held

    verdict = judged(next_poll(str(second), provider="alpha_vantage"), last=shown, held=quarantine)

    if verdict.action is Action.ACCEPT and abs(second - last) > last / 2:
        assert abs(second - first) <= first * Decimal("0.02")


def assumed(price, **fields):
    return replace(later(price, provider="alpha_vantage", **fields), currency_assumed=True)


def test_a_fallback_that_names_no_currency_may_not_differ_by_more_than_a_tenth():
    assert judged(assumed("111")) == ACCEPTED
    assert judged(assumed("109"), fallback=True) == ACCEPTED

    verdict = judged(assumed("111"), fallback=True)

    assert (verdict.action, verdict.rule) == (Action.HOLD, "unproven")
    again = assumed("111", received_at=LATER + timedelta(minutes=15))
    assert judged(again, held=verdict.held, fallback=True).action is Action.HOLD
    assert judged(later("110.5", provider="yahoo"), held=verdict.held) == ACCEPTED
