"""The scheduler and people: refreshes, symbols that nobody tracks yet, look-ups."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from market_actors.errors import (
    Cooldown,
    ErrorKind,
    QuotaExhausted,
    Unavailable,
    UnknownSymbol,
)
from market_actors.messages import (
    FetchNow,
    LookUp,
    Poll,
    QuotaChanged,
    Refresh,
    Reserve,
    Search,
    SearchFinished,
)
from persistence.records import Instrument
from tests.actors.scheduling import NOON, USER, World, error

BHP = Instrument("BHP.AX", "BHP Group", "XASX", "AUD")


@pytest.fixture
def world(start):
    return World(start)


# -- Refresh -----------------------------------------------------------------------------------


def test_a_refresh_polls_now_for_the_person_who_asked(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo)
    refreshed = world.ask(Refresh(USER, ("CBA.AX",)))

    assert (refreshed.symbols, refreshed.provider_calls, refreshed.cooldown_seconds) == (("CBA.AX",), 1, 60)
    assert world.yahoo.last(Poll).kind == "manual"
    assert world.usage.last(Reserve).user_id == USER
    assert len(world.polls(world.yahoo)) == 2


def test_the_calls_of_a_refresh_are_counted_by_batches(start):
    world = World(start, batch_size=2)

    assert world.ask(Refresh(USER, ("A", "B", "C", "SHOP.TO"))).provider_calls == 3


def test_a_symbol_that_is_being_polled_costs_no_further_call(world):
    world.hold("CBA.AX")

    assert world.ask(Refresh(USER, ("CBA.AX",))).provider_calls == 0
    assert len(world.polls(world.yahoo)) == 1


def test_a_second_refresh_waits_for_the_cooldown_of_the_same_person_only(world):
    world.ask(Refresh(USER, ("CBA.AX",)))
    world.tick(20)
    with pytest.raises(Cooldown) as refused:
        world.ask(Refresh(USER, ("CBA.AX",)))
    assert refused.value.retry_after == 40

    world.ask(Refresh(UUID(int=8), ("CBA.AX",)))
    world.tick(40)
    world.ask(Refresh(USER, ("CBA.AX",)))


def test_a_refresh_goes_before_what_is_merely_due(world):
    world.hold("A", "B", "C")
    world.ask(Refresh(USER, ("ZZZ",)))
    world.answer(world.yahoo)

    assert world.polls(world.yahoo)[1] == ("ZZZ",)


def test_a_refresh_of_nothing_takes_no_call(world):
    assert world.ask(Refresh(USER, ())).provider_calls == 0


def test_a_refresh_is_refused_when_no_provider_has_calls_left_today(world):
    world.tell(QuotaChanged({}, {"yahoo": 0, "alpha_vantage": 0}))
    with pytest.raises(QuotaExhausted) as refused:
        world.ask(Refresh(USER, ("CBA.AX",)))

    assert refused.value.retry_after == (NOON.replace(hour=0) + timedelta(days=1) - NOON).total_seconds()
    world.tell(QuotaChanged({}, {"yahoo": 5, "alpha_vantage": 0}))
    assert world.ask(Refresh(USER, ("CBA.AX",))).provider_calls == 1


def test_a_refresh_may_use_the_reserve_that_scheduled_polls_may_not(world):
    reset = NOON + timedelta(hours=5)
    world.denial = lambda reserve: ("day", reset) if reserve.kind != "manual" else None
    world.hold("CBA.AX")
    assert world.polls(world.yahoo) == []

    world.ask(Refresh(USER, ("CBA.AX",)))
    assert world.polls(world.yahoo) == [("CBA.AX",)]


def test_a_refresh_is_refused_while_every_provider_is_down(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo, failure=error(ErrorKind.AUTH))
    world.answer(world.alpha_vantage, failure=error(ErrorKind.THROTTLED, retry_after=30))
    with pytest.raises(Unavailable) as refused:
        world.ask(Refresh(USER, ("CBA.AX",)))

    assert refused.value.retry_after == 30


def test_a_refused_refresh_begins_no_cooldown(world):
    world.tell(QuotaChanged({}, {"yahoo": 0, "alpha_vantage": 0}))
    for _ in range(2):
        with pytest.raises(QuotaExhausted):
            world.ask(Refresh(USER, ("CBA.AX",)))


# -- A symbol that nobody tracks -----------------------------------------------------------------


def test_a_symbol_that_nobody_tracks_is_fetched_once_and_tracked_for_an_hour(world):
    reply = world.start_asking(FetchNow(USER, "CBA.AX"))
    assert not reply.outcome.done()
    assert world.yahoo.last(Poll).kind == "manual"

    world.answer(world.yahoo)
    assert reply.get(timeout=5) is True
    assert world.updates().tracked == {"CBA.AX"}
    world.tick(3599)
    assert world.updates().tracked == {"CBA.AX"}
    world.tick(1)
    assert world.updates().tracked == frozenset()


def test_a_symbol_that_has_had_a_price_is_not_fetched_again(world):
    world.hold("CBA.AX")
    world.answer(world.yahoo)

    assert world.ask(FetchNow(USER, "CBA.AX")) is True
    assert len(world.polls(world.yahoo)) == 1


def test_all_who_ask_for_a_symbol_share_one_call(world):
    replies = [world.start_asking(FetchNow(USER, "CBA.AX")) for _ in range(3)]
    world.answer(world.yahoo)

    assert [reply.get(timeout=5) for reply in replies] == [True, True, True]
    assert len(world.polls(world.yahoo)) == 1


def test_a_symbol_unknown_to_every_provider_is_remembered_for_a_quarter_of_an_hour(world):
    reply = world.start_asking(FetchNow(USER, "NOPE"))
    for provider in (world.yahoo, world.alpha_vantage):
        world.answer(provider, failures={"NOPE": error(ErrorKind.UNKNOWN_SYMBOL)})
    with pytest.raises(UnknownSymbol):
        reply.get(timeout=5)
    assert world.updates().tracked == frozenset()

    world.tick(899)
    with pytest.raises(UnknownSymbol):
        world.ask(FetchNow(USER, "NOPE"))
    assert len(world.polls(world.yahoo)) == 1

    world.tick(1)
    world.start_asking(FetchNow(USER, "NOPE"))
    assert len(world.polls(world.yahoo)) == 2


def test_a_symbol_is_not_called_unknown_while_a_provider_that_may_know_it_is_down(world):
    reply = world.start_asking(FetchNow(USER, "NOPE"))
    world.answer(world.yahoo, failures={"NOPE": error(ErrorKind.UNKNOWN_SYMBOL)})
    world.answer(world.alpha_vantage, failure=error(ErrorKind.NETWORK))

    with pytest.raises(Unavailable):
        reply.get(timeout=5)


def test_a_symbol_cannot_be_fetched_while_every_provider_is_spent(world):
    world.tell(QuotaChanged({}, {"yahoo": 0, "alpha_vantage": 0}))

    with pytest.raises(Unavailable):
        world.ask(FetchNow(USER, "CBA.AX"))


def test_who_would_wait_long_for_the_minutes_quota_is_told_to_come_back(world):
    world.denial = lambda _: ("minute", NOON + timedelta(seconds=40))
    for _ in range(2):
        with pytest.raises(Unavailable) as refused:
            world.ask(FetchNow(USER, "CBA.AX"))
        assert refused.value.retry_after == 40

    world.denial = lambda _: None
    world.tick(40)
    assert world.polls(world.yahoo) == [("CBA.AX",)]


def test_nothing_is_fetched_before_the_last_schedule_is_known(start):
    world = World(start, is_resumed=False)

    with pytest.raises(Unavailable):
        world.ask(FetchNow(USER, "CBA.AX"))
    with pytest.raises(Unavailable):
        world.ask(Refresh(USER, ("CBA.AX",)))


# -- Look-ups ------------------------------------------------------------------------------------


def answer_search(world, provider, *found, failure=None):
    search = provider.last(Search)
    world.tell(SearchFinished(search.search_id, "yahoo", found, failure))


def test_a_look_up_counts_as_a_persons_call_and_is_answered_when_the_provider_answers(world):
    reply = world.start_asking(LookUp("bhp", USER))
    reserved = world.usage.last(Reserve)
    assert (reserved.kind, reserved.user_id, reserved.symbols) == ("manual", USER, ())
    assert world.yahoo.last(Search).call_id == reserved.call_id

    answer_search(world, world.yahoo, BHP)
    assert reply.get(timeout=5) == (BHP,)


def test_what_was_looked_up_lately_takes_no_further_call(world):
    world.start_asking(LookUp("bhp"))
    answer_search(world, world.yahoo, BHP)

    assert world.ask(LookUp(" BHP ")) == (BHP,)
    assert len(world.yahoo.all(Search)) == 1


def test_a_look_up_that_fails_is_tried_at_the_next_provider(world):
    reply = world.start_asking(LookUp("bhp"))
    answer_search(world, world.yahoo, failure=error(ErrorKind.UPSTREAM))
    answer_search(world, world.alpha_vantage, BHP)

    assert reply.get(timeout=5) == (BHP,)
    assert world.status("yahoo").status == "error"


def test_a_look_up_that_fails_everywhere_is_unavailable(world):
    reply = world.start_asking(LookUp("bhp"))
    for provider in (world.yahoo, world.alpha_vantage):
        answer_search(world, provider, failure=error(ErrorKind.UPSTREAM))

    with pytest.raises(Unavailable):
        reply.get(timeout=5)


def test_a_look_up_waits_for_the_call_under_way(world):
    world.hold("CBA.AX")
    world.start_asking(LookUp("bhp"))
    assert world.yahoo.all(Search) == []

    world.answer(world.yahoo)
    assert world.yahoo.last(Search).text == "bhp"
