"""When a portfolio's history wants a value."""

from __future__ import annotations

from uuid import UUID

from market_actors.domain.points import PointsDue

FIRST, SECOND = UUID(int=1), UUID(int=2)


def test_a_portfolio_is_due_until_it_is_valued_and_again_when_that_is_long_ago():
    points = PointsDue(900.0)
    for portfolio_id in (FIRST, SECOND):
        points.add(portfolio_id)
    assert points.among({FIRST, SECOND}) == {FIRST, SECOND}

    points.note(FIRST, 100.0)
    points.note(SECOND, 500.0)
    points.note(FIRST, 600.0)
    points.pass_time(1399.9)
    assert points.among({FIRST, SECOND}) == set()
    points.pass_time(1400.0)
    assert points.among({FIRST, SECOND}) == {SECOND}
    points.pass_time(1500.0)
    assert points.among({FIRST}) == {FIRST}


def test_a_portfolio_that_is_entered_again_is_not_due_for_that():
    points = PointsDue(900.0)
    points.note(FIRST, 100.0)
    points.add(FIRST)
    assert points.among({FIRST}) == set()


def test_a_portfolio_that_is_gone_is_never_due():
    points = PointsDue(900.0)
    points.add(FIRST)
    points.note(SECOND, 0.0)
    points.remove(FIRST)
    points.remove(SECOND)
    points.pass_time(10_000.0)
    assert points.among({FIRST, SECOND}) == set()
