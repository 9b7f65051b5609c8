from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.polling import Holder
from market_actors.domain.shares import NOBODY, WHOLE, served, split

ANN, BOB = UUID(int=1), UUID(int=2)
SAVINGS, PENSION, FUND = UUID(int=11), UUID(int=12), UUID(int=13)
OF_ANN, ALSO_OF_ANN, OF_BOB = Holder(SAVINGS, ANN), Holder(PENSION, ANN), Holder(FUND, BOB)

ids = st.integers(1, 5).map(lambda number: UUID(int=number))
holders = st.lists(st.lists(st.builds(Holder, st.none() | ids, st.none() | ids), max_size=6), max_size=6)


@given(st.integers(0, 10**30), st.lists(st.integers(0, 10**20), min_size=1).filter(any))
def test_the_parts_of_a_whole_add_up_to_it_and_none_is_off_by_one(whole, weights):
    parts = split(whole, weights)

    assert sum(parts) == whole
    assert all(
        abs(part * sum(weights) - whole * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True)
    )


def test_what_cannot_be_divided_goes_to_the_largest_remainders():
    assert split(10, [1, 1, 1]) == [4, 3, 3]
    assert split(10, [1, 2, 3]) == [2, 3, 5]
    assert split(1, [0, 5, 0]) == [0, 1, 0]


@pytest.mark.parametrize("weights", [[], [0, 0], [3, -1]])
def test_nothing_is_divided_by_nothing(weights):
    with pytest.raises(ValueError, match="weights"):
        split(10, weights)


@given(st.sampled_from(["scheduled", "manual", "probe"]), st.none() | ids, holders)
def test_a_call_falls_on_somebody_to_its_last_unit(kind, user_id, wanting):
    shares = served(kind, user_id, wanting)

    assert sum(shares.values()) == WHOLE
    assert min(shares.values()) > 0


@given(holders, st.randoms())
def test_it_does_not_matter_in_which_order_the_holders_stand(wanting, random):
    mixed = [random.sample(each, len(each)) for each in wanting]

    assert list(served("scheduled", None, mixed).items()) == list(served("scheduled", None, wanting).items())


def test_the_parts_stand_in_the_same_order_whichever_symbol_is_first():
    assert list(served("scheduled", None, [[OF_BOB], [OF_ANN]])) == list(
        served("scheduled", None, [[OF_ANN], [OF_BOB]])
    )


def test_a_shared_call_is_divided_between_the_portfolios_it_serves():
    assert served("scheduled", None, [[OF_ANN, ALSO_OF_ANN, OF_BOB]]) == {
        (ANN, SAVINGS): 333_333_333_334,
        (ANN, PENSION): 333_333_333_333,
        (BOB, FUND): 333_333_333_333,
    }


def test_each_symbol_of_a_call_has_an_equal_part_whoever_holds_it():
    shares = served("scheduled", None, [[OF_ANN, OF_BOB], [OF_BOB], [], [Holder(None, ANN)]])

    assert shares == {
        (ANN, SAVINGS): WHOLE // 8,
        (BOB, FUND): WHOLE * 3 // 8,
        NOBODY: WHOLE // 4,
        (ANN, None): WHOLE // 4,
    }


def test_a_manual_call_is_of_who_asked_and_of_those_of_their_portfolios_that_hold_the_symbol():
    assert served("manual", ANN, [[OF_ANN, ALSO_OF_ANN, OF_BOB]]) == {
        (ANN, SAVINGS): WHOLE // 2,
        (ANN, PENSION): WHOLE // 2,
    }
    assert served("manual", ANN, [[OF_BOB]]) == {(ANN, None): WHOLE}
    assert served("manual", ANN, []) == {(ANN, None): WHOLE}
    assert served("manual", None, [[OF_ANN]]) == {NOBODY: WHOLE}


def test_a_probe_serves_nobody():
    assert served("probe", ANN, [[OF_ANN]]) == {NOBODY: WHOLE}
