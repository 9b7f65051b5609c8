"""Few calls are better spent than by a round robin: a short replay; tests/performance/budget.py measures it all."""

from __future__ import annotations

import pytest

from tests.performance.budget import compare


@pytest.mark.performance
@pytest.mark.parametrize("calls", [25, 200])
def test_the_planner_leaves_less_staleness_and_error_than_a_round_robin(calls):
    figures = compare(calls, seeds=1)

    planned, robin = zip(*figures.values(), strict=True)
    by_name = {name: one / other for name, one, other in zip(figures, planned, robin, strict=True)}
    assert by_name["calls"] <= 1
    assert by_name["staleness"] < 0.9
    assert by_name["holdings"] < 0.9
    assert by_name["total"] < 0.9
    assert by_name["close"] < 0.9
