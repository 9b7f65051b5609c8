"""The scheduler and administrators: intervals, overrides and providers, in force at once and without a restart."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from market_actors.domain.polling import Holder
from market_actors.errors import ErrorKind, Unavailable, UnknownPortfolio, UnknownSymbol
from market_actors.messages import (
    DemandChanged,
    FetchNow,
    GetEffective,
    GetSchedule,
    HoldersChanged,
    LookUp,
    Poll,
    PollFinished,
    ProviderConfigured,
    ProvidersConfigured,
    QuotaGranted,
    Refresh,
    Reserve,
    RulesChanged,
    UpdatesChanged,
)
from persistence.records import ScheduledPoll
from tests.actors.orders import override, setting, stop
from tests.actors.scheduling import NOON, USER, World, error

PORTFOLIO, OTHER = UUID(int=21), UUID(int=22)
OWNER, STRANGER = UUID(int=31), UUID(int=32)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(start):
    """CBA.AX has just been polled; it is held in PORTFOLIO of OWNER."""
    world = World(start)
    hold(world, {"CBA.AX": [PORTFOLIO]})
    world.answer(world.yahoo)
    return world


def hold(world, portfolios_of, owners=((PORTFOLIO, OWNER), (OTHER, STRANGER))):
    owner = dict(owners)
    holders = {symbol: tuple(Holder(each, owner[each]) for each in held) for symbol, held in portfolios_of.items()}
    world.tell(HoldersChanged("held", holders, owner))
    world.tell(DemandChanged("held", frozenset(portfolios_of)))


def order(world, *orders):
    """All the orders there are from now on."""
    overrides = tuple(each for each in orders if hasattr(each, "override_type"))
    world.tell(RulesChanged(overrides, tuple(each for each in orders if each not in overrides)))


def configured(name, *, enabled=True, priority=None, per_day=None, timezone=None):
    return ProviderConfigured(name, enabled, priority, None, None, per_day, timezone)


def next_in(world):
    """Minutes until the next update; None when there is none."""
    due = world.updates().next_update
    return None if due is None else (due - world.now) / MINUTE


# -- Intervals -----------------------------------------------------------------------------------


def test_a_shorter_global_interval_moves_the_next_update_at_once_and_is_told_to_the_streams(world):
    world.tick(60)
    assert next_in(world) == 14
    order(world, setting(5, begins=world.now))

    assert next_in(world) == 4
    assert world.connections.last(UpdatesChanged).updates.next_update == world.now + 4 * MINUTE


def test_a_longer_interval_moves_the_next_update_away_and_back_when_it_ends(world):
    order(world, setting(60, lasts=300))
    assert next_in(world) == 60

    world.tick(299)
    assert next_in(world) == 60 - 299 / 60
    world.tick(1)
    assert next_in(world) == 10


def test_what_is_overdue_by_a_new_interval_is_polled_at_once(world):
    world.tick(600)
    order(world, setting(5, begins=world.now))

    assert world.polls(world.yahoo) == [("CBA.AX",)] * 2


def test_an_interval_that_begins_later_begins_by_the_clock(world):
    order(world, setting(2, begins=NOON + 3 * MINUTE))
    world.tick(179)
    assert len(world.polls(world.yahoo)) == 1

    world.tick(1)
    assert len(world.polls(world.yahoo)) == 2


def test_an_order_dated_after_the_last_tick_is_in_force_before_the_next(world):
    order(world, setting(5, begins=world.now + timedelta(milliseconds=900)))

    assert next_in(world) == 5


def test_the_smallest_interval_over_the_holders_counts(world):
    order(world, setting(60), setting(5, "portfolio", OTHER))
    assert next_in(world) == 60

    hold(world, {"CBA.AX": [PORTFOLIO, OTHER]})
    assert next_in(world) == 5


def test_who_watches_a_symbol_counts_as_its_user(world):
    order(world, setting(60), setting(2, "user", STRANGER))
    world.tell(HoldersChanged("watched", {"CBA.AX": (Holder(None, STRANGER),)}, {}))

    assert next_in(world) == 2


def test_the_next_poll_after_an_answer_goes_by_the_interval_in_force(world):
    order(world, override("force_interval", "symbol", "CBA.AX", minutes=3))
    world.tick(180)
    world.answer(world.yahoo)

    assert next_in(world) == 3


def test_a_poll_that_was_ordered_does_not_wait_beyond_the_opening_that_others_wait_for(start):
    evening = NOON + timedelta(hours=5)
    world = World(start, now=evening, settings=[setting(1440, "portfolio", PORTFOLIO, begins=NOON)])
    hold(world, {"CBA.AX": [PORTFOLIO, OTHER]})
    world.answer(world.yahoo)

    assert next_in(world) <= 60


def test_a_restart_goes_on_by_the_interval_in_force(start):
    polled = ScheduledPoll("CBA.AX", "yahoo", NOON - 2 * MINUTE, NOON + 13 * MINUTE, 900, 0)
    world = World(start, saved=[polled], settings=[setting(5, begins=NOON - 60 * MINUTE)])
    world.hold("CBA.AX")

    assert next_in(world) == 3


def test_streams_are_told_of_an_order_on_updates_and_not_of_a_price(world):
    orders = world.updates().orders
    order(world, override("price", "symbol", "CBA.AX", price="5"))
    assert world.updates().orders == orders

    order(world, setting(15))
    assert world.connections.last(UpdatesChanged).updates.orders == orders + 1


# -- Stops -----------------------------------------------------------------------------------------


def test_an_emergency_stop_pauses_everything_and_says_why_and_until_when(world):
    world.tick(60)
    order(world, stop(begins=world.now, lasts=3600))

    updates = world.connections.last(UpdatesChanged).updates
    assert (updates.paused_reason, updates.paused_until) == ("fire", world.now + 60 * MINUTE)
    assert updates.next_update is None
    world.tick(3000)
    assert len(world.polls(world.yahoo)) == 1
    with pytest.raises(Unavailable, match="fire") as refused:
        world.ask(Refresh(USER, ("CBA.AX",)))
    assert refused.value.retry_after == 600
    with pytest.raises(Unavailable, match="fire"):
        world.ask(FetchNow(USER, "NEW.AX"))
    with pytest.raises(Unavailable, match="fire"):
        world.ask(LookUp("bank"))
    assert world.ask(GetSchedule()) == ()


def test_a_stop_that_expires_lets_what_is_overdue_be_polled(world):
    order(world, stop(lasts=1200))
    world.tick(1199)
    assert len(world.polls(world.yahoo)) == 1

    world.tick(1)
    assert len(world.polls(world.yahoo)) == 2
    assert world.updates().paused_reason is None


def test_a_stop_that_is_removed_ends_at_once(world):
    order(world, stop())
    world.tick(60)
    order(world)

    assert next_in(world) == 14


def test_a_call_that_is_only_reserved_is_not_made_after_a_stop(start):
    world = World(start)
    world.grants = False
    world.hold("CBA.AX")
    reserved = world.usage.last(Reserve)
    order(world, stop())
    world.tell(QuotaGranted(reserved.call_id))
    assert world.polls(world.yahoo) == []

    world.grants = True
    order(world)
    assert world.polls(world.yahoo) == [("CBA.AX",)]


def test_an_answer_to_a_call_made_before_the_stop_counts_for_nothing(start):
    world = World(start)
    world.hold("CBA.AX")
    order(world, stop())
    world.answer(world.yahoo)
    assert world.updates().last_update is None

    order(world)
    assert world.polls(world.yahoo) == [("CBA.AX",)] * 2


def test_who_waits_for_a_first_price_is_refused_when_all_is_stopped(start):
    world = World(start)
    reply = world.start_asking(FetchNow(USER, "CBA.AX"))
    order(world, stop())

    with pytest.raises(Unavailable, match="fire"):
        reply.get(timeout=5)


def test_a_stop_of_before_a_restart_holds_from_the_first_moment(start):
    world = World(start, overrides=[stop()])
    world.hold("CBA.AX")

    assert world.polls(world.yahoo) == []
    assert world.updates().paused_reason == "fire"


def test_disabling_everything_pauses_updates_unless_somebody_is_exempt(world):
    everything = override("disable_updates", "global")
    order(world, everything)
    assert (world.updates().paused_reason, next_in(world)) == ("too dear", None)

    order(world, everything, override("force_interval", "portfolio", PORTFOLIO, minutes=5))
    assert (world.updates().paused_reason, next_in(world)) == (None, 5)


@pytest.mark.parametrize(("scope", "target"), [("symbol", "CBA.AX"), ("portfolio", PORTFOLIO), ("user", OWNER)])
def test_what_nobody_may_have_is_not_polled_and_the_rest_is(world, scope, target):
    hold(world, {"CBA.AX": [PORTFOLIO], "BHP.AX": [OTHER]})
    world.answer(world.yahoo)
    order(world, override("disable_updates", scope, target, lasts=3600))
    world.tick(901)
    assert world.polls(world.yahoo)[2:] == [("BHP.AX",)]
    world.answer(world.yahoo)

    world.tick(2700)
    assert ("CBA.AX",) in world.polls(world.yahoo)[3:]


def test_a_portfolio_that_may_be_updated_keeps_a_shared_symbol_fresh(world):
    hold(world, {"CBA.AX": [PORTFOLIO, OTHER]})
    order(world, override("disable_updates", "portfolio", PORTFOLIO))

    assert next_in(world) == 15


def test_a_refresh_of_what_is_disabled_is_refused_with_the_reason_and_fetches_the_rest(world):
    hold(world, {"CBA.AX": [PORTFOLIO], "BHP.AX": [OTHER]})
    world.answer(world.yahoo)
    order(world, override("disable_updates", "symbol", "CBA.AX"))
    with pytest.raises(Unavailable, match="too dear"):
        world.ask(Refresh(USER, ("CBA.AX",)))

    assert world.ask(Refresh(USER, ("CBA.AX", "BHP.AX"))).provider_calls == 1
    assert world.polls(world.yahoo)[-1] == ("BHP.AX",)


def test_a_user_who_is_disabled_cannot_refresh(world):
    order(world, override("disable_updates", "user", STRANGER))

    with pytest.raises(Unavailable, match="too dear"):
        world.ask(Refresh(STRANGER, ("CBA.AX",)))
    assert world.ask(Refresh(OWNER, ("CBA.AX",))).provider_calls == 1


# -- Providers -----------------------------------------------------------------------------------


def test_a_disabled_provider_is_not_called_and_says_why_and_until_when(world):
    order(world, override("disable_updates", "provider", "yahoo", lasts=3600))
    status = world.status("yahoo")
    assert (status.status, status.reason, status.next_try) == ("disabled", "too dear", NOON + 60 * MINUTE)

    world.tick(900)
    assert (world.polls(world.yahoo), world.polls(world.alpha_vantage)) == ([("CBA.AX",)], [("CBA.AX",)])
    assert world.alpha_vantage.last(Poll).fallbacks == {"CBA.AX"}
    world.tick(2700)
    assert world.status("yahoo").status == "active"


def test_without_any_provider_nothing_is_due_until_one_is_back(world):
    off = [override("disable_updates", "provider", name) for name in ("yahoo", "alpha_vantage")]
    order(world, *off)
    world.tick(1000)
    assert next_in(world) is None
    with pytest.raises(Unavailable):
        world.ask(Refresh(USER, ("CBA.AX",)))

    order(world, off[0])
    assert world.polls(world.alpha_vantage) == [("CBA.AX",)]


def test_a_provider_that_is_switched_off_is_left_out_and_comes_back(world):
    world.tell(ProvidersConfigured((configured("yahoo", enabled=False),)))
    assert world.status("yahoo").status == "disabled"
    world.tick(900)
    assert world.polls(world.alpha_vantage) == [("CBA.AX",)]
    assert world.alpha_vantage.last(Poll).fallbacks == frozenset()
    world.answer(world.alpha_vantage)

    world.tell(ProvidersConfigured((configured("yahoo"),)))
    world.tick(900)
    assert len(world.polls(world.yahoo)) == 2


def test_the_order_of_providers_can_be_changed(world):
    world.tell(ProvidersConfigured((configured("yahoo", priority=3),)))
    assert [status.name for status in world.updates().providers] == ["alpha_vantage", "yahoo"]
    world.tick(900)

    assert world.polls(world.alpha_vantage) == [("CBA.AX",)]


def test_a_daily_quota_follows_the_zone_that_was_set(world):
    world.tell(ProvidersConfigured((configured("yahoo", timezone="Asia/Tokyo"),)))
    order(world, setting(1, begins=world.now))
    world.tick(60)
    world.answer(world.yahoo, failure=error(ErrorKind.QUOTA_DAY))

    assert world.status("yahoo").next_try == NOON.replace(hour=15, minute=0)


def test_an_answer_that_comes_after_the_provider_was_disabled_does_not_count(start):
    world = World(start)
    world.hold("CBA.AX")
    poll = world.yahoo.last(Poll)
    order(world, override("disable_updates", "provider", "yahoo"))
    world.tell(PollFinished(poll, frozenset({"CBA.AX"}), {}, None, 20))

    assert world.polls(world.alpha_vantage) == [("CBA.AX",)]


# -- What is asked -------------------------------------------------------------------------------


def test_the_effective_interval_of_a_symbol_names_the_rules_that_were_looked_at(world):
    order(world, setting(60), override("force_interval", "user", OWNER, minutes=5))
    effective = world.ask(GetEffective("CBA.AX", None))

    assert (effective.interval_seconds, effective.source) == (300, "override")
    assert [(rule.rule, rule.applies) for rule in effective.rules] == [
        ("override on symbol CBA.AX", False),
        (f"override on portfolio {PORTFOLIO}", False),
        (f"override on user {OWNER}", True),
    ]
    with pytest.raises(UnknownSymbol):
        world.ask(GetEffective("NOPE.AX", None))


def test_the_effective_interval_of_a_portfolio_is_its_own(world):
    order(world, setting(60), setting(7, "portfolio", OTHER))

    assert world.ask(GetEffective(None, PORTFOLIO)).interval_seconds == 3600
    assert world.ask(GetEffective(None, OTHER)).source == "portfolio"
    order(world)
    assert world.ask(GetEffective(None, PORTFOLIO)).interval_seconds == 900
    with pytest.raises(UnknownPortfolio):
        world.ask(GetEffective(None, UUID(int=99)))


def test_the_schedule_lists_the_next_calls_with_their_reasons(start):
    world = World(start, batch_size=2)
    world.hold("A.AX", "B.AX", "C.AX")
    world.answer(world.yahoo)
    world.answer(world.yahoo)
    world.tick(60)
    order(world, override("force_interval", "symbol", "B.AX", minutes=5))

    first, *others = world.ask(GetSchedule())
    assert (first.symbols, first.provider, first.at, first.kind) == (("B.AX",), "yahoo", NOON + 5 * MINUTE, "scheduled")
    assert first.reason == "every 300 s: override on symbol B.AX: too dear"
    assert [call.symbols for call in others] == [("A.AX", "C.AX")]
    assert others[0].reason.startswith("every 900 s: schedule")
