"""The price gate: what a provider says is shown only if it can be the price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from market_actors.domain.exchanges import CURRENCIES, UNKNOWN
from market_actors.domain.money import EXACT
from market_actors.domain.quote import Price, Quote

MAX_DIGITS = 28
MAX_DECIMALS = 18
AHEAD = timedelta(minutes=5)
FACTORS = ((Decimal(90), Decimal(110)), (Decimal("0.009"), Decimal("0.011")))  # a mistaken unit: 100 or 0.01 times
CLOSE_ENOUGH = Decimal("0.02")
UNPROVEN_LIMIT = Decimal("0.1")  # by which a fallback without a currency of its own may differ: an ADR differs more


class Action(StrEnum):
    """ACCEPT is shown; IGNORE is no news, REFUSE is reported; HOLD waits to be confirmed."""

    ACCEPT = "accept"
    IGNORE = "ignore"
    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Held:
    """A quote that is held back since a moment; rule is "currency", "factor", "jump" or "unproven".

    rejected: an administrator dropped it; it quarantines nothing and is remembered so as not to come back.
    """

    quote: Quote
    rule: str
    since: datetime
    rejected: bool = False

    def reject(self) -> Held:
        return replace(self, rejected=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a quote, by which rule (None where it is simply good), and what is held back after it."""

    action: Action
    rule: str | None
    held: Held | None


def judge(
    quote: Quote,
    last: Price | None,
    held: Held | None,
    expected_currency: str | None,
    expected_exchange: str | None,
    fallback: bool,
    now: datetime,
    jump_limit: Decimal,
) -> Verdict:
    """Return what becomes of *quote*.

    last:              the last good price; None when there never was one: then any possible price is good.
    held:              what is held back of the symbol, or was rejected.
    expected_currency: ISO 4217, expected_exchange: our code; None where nothing is expected.
    fallback:          it does not come from the first provider in order, so it must prove that it is the same
                       instrument: by the currency, and by the exchange where both are known.
    now:               aware; a quote more than 5 min ahead of it is ignored.
    jump_limit:        share of the last good price (0.5: by half) beyond which a move must be confirmed.

    Refusals name what is wrong: price, previous_close, volume, currency or exchange (of a fallback). Ignored are "future", "older"
    and "rejected" quotes.
    """
    wrong = _fault(quote) or _mismatch(quote, last, expected_currency, expected_exchange, fallback)
    if wrong is not None:
        return Verdict(Action.REFUSE, wrong, held)
    if quote.quote_time > now + AHEAD:
        return Verdict(Action.IGNORE, "future", held)
    if last is None:
        return Verdict(Action.ACCEPT, None, None)
    if quote.quote_time < last.quote.quote_time <= now + AHEAD:
        return Verdict(Action.IGNORE, "older", held)
    if quote.currency != last.currency:
        return _quarantine(quote, "currency", held)
    rule = _suspicion(quote.price, last.value, jump_limit)
    if fallback and quote.currency_assumed and _is_beyond(quote.price, last.value, UNPROVEN_LIMIT):
        rule = "unproven"
    if rule is None:
        return Verdict(Action.ACCEPT, None, None)
    return _quarantine(quote, rule, held)


def is_possible(price: Decimal) -> bool:
    """Return whether it is finite, above zero, and of at most 28 digits and 18 decimals."""
    if not price.is_finite() or price <= 0:
        return False
    _, digits, exponent = price.as_tuple()
    assert isinstance(exponent, int)
    return len(digits) + max(exponent, 0) <= MAX_DIGITS and -exponent <= MAX_DECIMALS


def _fault(quote: Quote) -> str | None:
    if not is_possible(quote.price):
        return "price"
    if quote.previous_close is not None and not is_possible(quote.previous_close):
        return "previous_close"
    if quote.volume is not None and quote.volume < 0:
        return "volume"
    return None if quote.currency in CURRENCIES else "currency"


def _mismatch(
    quote: Quote, last: Price | None, currency: str | None, exchange: str | None, fallback: bool
) -> str | None:
    if not fallback:
        return None
    if quote.currency != (currency if last is None else last.currency):
        return "currency"
    if None in (quote.exchange, exchange) or UNKNOWN in (quote.exchange, exchange):
        return None
    return None if quote.exchange == exchange else "exchange"


def _suspicion(price: Decimal, good: Decimal, jump_limit: Decimal) -> str | None:
    if any(EXACT.multiply(good, low) <= price <= EXACT.multiply(good, high) for low, high in FACTORS):
        return "factor"
    return "jump" if _is_beyond(price, good, jump_limit) else None


def _is_beyond(price: Decimal, reference: Decimal, share: Decimal) -> bool:
    return EXACT.abs(EXACT.subtract(price, reference)) > EXACT.multiply(reference, share)


def _quarantine(quote: Quote, rule: str, held: Held | None) -> Verdict:
    if held is None:
        return Verdict(Action.HOLD, rule, Held(quote, rule, quote.received_at))
    is_same_unit = quote.currency == held.quote.currency
    if held.rejected and is_same_unit and quote.price == held.quote.price:
        return Verdict(Action.IGNORE, "rejected", held)
    if held.rejected or not is_same_unit or _is_beyond(quote.price, held.quote.price, CLOSE_ENOUGH):
        return Verdict(Action.HOLD, rule, Held(quote, rule, quote.received_at))
    if quote.provider != held.quote.provider:
        return Verdict(Action.ACCEPT, None, None)
    if held.rule == "factor":
        rule = "factor"  # also where it has come to lie just outside of what counts as one
    if rule == "jump" and quote.received_at > held.quote.received_at:
        return Verdict(Action.ACCEPT, None, None)
    return Verdict(Action.HOLD, rule, replace(held, quote=quote, rule=rule))
