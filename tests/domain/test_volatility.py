from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.volatility import USUAL, per_day, updated


def test_a_price_that_moves_the_same_part_every_day_is_that_volatile():
    variance = USUAL**2
    for _ in range(200):
        variance = updated(variance, 100, 100 * exp(0.05), 1)
    assert per_day(variance) == pytest.approx(0.05, rel=1e-3)


def test_a_price_that_stands_still_calms_down():
    assert per_day(updated(USUAL**2, 100, 100, 30)) < USUAL / 4


def test_many_small_steps_count_as_much_as_the_day_they_make():
    variance = 0.0
    for _ in range(96):
        variance = updated(variance, 100, 100 * exp(0.02 / 96**0.5), 1 / 96)
    assert per_day(variance) == pytest.approx(per_day(updated(0.0, 100, 100 * exp(0.02), 1)), rel=0.1)


@given(st.floats(0, 1), st.floats(1e-6, 1e9), st.floats(1e-6, 1e9), st.floats(0, 1e4))
def test_it_is_never_negative_or_without_end(variance, before, after, days):
    assert 0 <= updated(variance, before, after, days) < float("inf")
