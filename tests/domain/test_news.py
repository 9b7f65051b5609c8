"""New prices on their way: nobody misses a symbol, and nobody is told of one twice for nothing."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.news import NewsQueue

FIRST, SECOND = UUID(int=1), UUID(int=2)
symbols = st.frozensets(st.sampled_from("ABC"), min_size=1)
portfolios = st.sets(st.sampled_from([UUID(int=number) for number in range(5)]), min_size=1)
steps = st.one_of(
    st.tuples(symbols, portfolios), st.integers(1, 3), st.sampled_from([UUID(int=number) for number in range(5)])
)


@given(st.lists(steps, max_size=30))
def test_each_portfolio_is_told_of_each_symbol_that_came_for_it(does):
    queue, owed = NewsQueue(), {}
    for step in does:
        if isinstance(step, tuple):
            queue.put(step[0], set(step[1]))
            for portfolio_id in step[1]:
                owed[portfolio_id] = owed.get(portfolio_id, frozenset()) | step[0]
        elif isinstance(step, UUID):
            assert queue.take_of(step) >= owed.pop(step, frozenset())
        elif queue:
            _hand_out(queue, step, owed)
    while queue:
        _hand_out(queue, 2, owed)
    assert not any(owed.values())


def _hand_out(queue: NewsQueue, most: int, owed: dict[UUID, frozenset[str]]) -> None:
    touched, chosen = queue.take(most)
    assert len(chosen) <= most
    for portfolio_id in chosen:
        owed[portfolio_id] -= touched


def test_what_comes_while_news_is_handed_out_is_put_together():
    queue = NewsQueue()
    queue.put(frozenset("A"), {FIRST, SECOND})
    queue.put(frozenset("B"), {FIRST})
    queue.put(frozenset("C"), {SECOND})
    assert len(queue) == 2

    touched, chosen = queue.take(5)
    assert (touched, set(chosen)) == (frozenset("A"), {FIRST, SECOND})
    touched, chosen = queue.take(5)
    assert (touched, set(chosen)) == (frozenset("BC"), {FIRST, SECOND})
    assert not queue


def test_who_was_told_before_its_turn_is_not_told_again():
    queue = NewsQueue()
    queue.put(frozenset("A"), {FIRST, SECOND})
    queue.put(frozenset("B"), {FIRST})

    assert queue.take_of(FIRST) == {"A", "B"}
    assert queue.take_of(FIRST) == frozenset()
    assert queue.take(5) == (frozenset("A"), [SECOND])
