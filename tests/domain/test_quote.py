from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from market_actors.domain.quote import SYMBOL, StreamPosition
from tests.domain.samples import NOON, price_of, quote


def test_the_change_of_a_price_is_exact_whatever_its_digits():
    told = quote(price="10000000000000000.123456789012", previous_close="0.000000000000000001")

    assert price_of(told).change == Decimal("10000000000000000.123456789011999999")


def test_without_a_previous_close_the_change_is_unknown():
    assert price_of(quote()).change is None


def test_a_price_from_a_clock_ahead_of_ours_has_no_negative_age():
    assert price_of(quote()).age(NOON - timedelta(seconds=3)) == timedelta(0)
    assert price_of(quote()).age(NOON + timedelta(seconds=3)) == timedelta(seconds=3)


def test_positions_are_ordered_by_epoch_first():
    assert StreamPosition(1, 99) < StreamPosition(2, 1) < StreamPosition(2, 10)
    assert str(StreamPosition(2, 10)) == "2-10"


def test_a_symbol_has_no_line_break_at_its_end():
    assert SYMBOL.match("USDAUD=X")
    assert not SYMBOL.match("CBA.AX\n")
