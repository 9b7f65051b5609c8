from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.overrides import (
    ALLOWED,
    IntervalSetting,
    Override,
    OverrideType,
    Scope,
    next_change,
    rules_at,
)
from tests.domain.samples import NOON

MINUTE = timedelta(minutes=1)


def stop(expires=None, removed=None):
    return Override(
        OverrideType.EMERGENCY_STOP,
        Scope.GLOBAL,
        None,
        "fire",
        NOON,
        None if expires is None else NOON + expires * MINUTE,
        None if removed is None else NOON + removed * MINUTE,
    )


def setting(begins, minutes=5, until=None, ended=None, created=0):
    return IntervalSetting(
        Scope.GLOBAL,
        None,
        minutes * MINUTE,
        "quieter",
        NOON + created * MINUTE,
        NOON + begins * MINUTE,
        None if until is None else NOON + until * MINUTE,
        None if ended is None else NOON + ended * MINUTE,
    )


def configured(minute, *settings):
    found = rules_at(NOON + minute * MINUTE, [], settings).configured(Scope.GLOBAL, None)
    return found and found.interval / MINUTE


def test_an_override_lasts_until_it_expires():
    assert rules_at(NOON - MINUTE, [stop()], []).stop is None
    assert rules_at(NOON, [stop(expires=5)], []).stop == stop(expires=5)
    assert rules_at(NOON + 5 * MINUTE, [stop(expires=5)], []).stop is None


def test_an_override_of_no_duration_is_over_at_once():
    assert stop(expires=0).status(NOON) == "expired"
    assert rules_at(NOON, [stop(expires=0)], []).stop is None


def test_an_override_that_was_removed_says_so_for_ever():
    removed = stop(expires=60, removed=5)

    assert removed.status(NOON + 4 * MINUTE) == "active"
    assert removed.status(NOON + 5 * MINUTE) == "removed"
    assert removed.status(NOON + 90 * MINUTE) == "removed"
    assert rules_at(NOON + 5 * MINUTE, [removed], []).stop is None


def test_the_last_override_of_a_type_and_target_counts():
    first = Override(OverrideType.PRICE, Scope.SYMBOL, "CBA.AX", "halted", NOON, price=Decimal(1))
    second = replace(first, effective_time=NOON + MINUTE, price=Decimal(2))

    assert rules_at(NOON, [second, first], []).prices == {"CBA.AX": first}
    assert rules_at(NOON + MINUTE, [second, first], []).prices == {"CBA.AX": second}


def test_a_later_setting_ends_the_one_before_when_it_begins():
    settings = [setting(0, minutes=5), setting(10, minutes=7)]

    assert [configured(minute, *settings) for minute in (-1, 0, 9, 10, 99)] == [None, 5, 5, 7, 7]


def test_a_setting_that_was_replaced_does_not_come_back():
    settings = [setting(0, minutes=5), setting(10, minutes=7, until=20)]

    assert [configured(minute, *settings) for minute in (9, 19, 20, 99)] == [5, 7, None, None]


def test_a_setting_that_was_ended_before_it_began_replaces_nothing():
    assert configured(20, setting(0, minutes=5), setting(10, minutes=7, ended=5)) == 5


def test_a_setting_made_now_for_the_past_replaces_at_once():
    assert configured(6, setting(3, minutes=5), setting(-60, minutes=7, created=6)) == 7


def test_what_begins_or_ends_by_itself_is_foreseen():
    assert next_change(NOON, [stop(expires=9)], [setting(3, until=5)]) == NOON + 3 * MINUTE
    assert next_change(NOON + 3 * MINUTE, [stop(expires=9)], [setting(3, until=5)]) == NOON + 5 * MINUTE
    assert next_change(NOON + 9 * MINUTE, [stop(expires=9)], [setting(3, until=5)]) is None


def test_every_type_of_override_says_what_it_can_be_about():
    assert ALLOWED.keys() == set(OverrideType)
    assert Scope.PROVIDER not in ALLOWED[OverrideType.FORCE_INTERVAL]


minutes = st.integers(0, 30)
all_settings = st.lists(st.builds(setting, minutes, st.just(5), st.none() | minutes, st.none() | minutes, minutes))


@given(all_settings, minutes)
def test_nothing_changes_between_two_foreseen_moments(settings, minute):
    now = NOON + minute * MINUTE
    change = next_change(now, [], settings)
    later = change - timedelta(seconds=1) if change else now + 99 * MINUTE

    assert rules_at(now, [], settings) == rules_at(later, [], settings)
