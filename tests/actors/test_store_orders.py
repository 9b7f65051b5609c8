"""What administrators order is told by the store to who obeys it, after it is committed and without what is over."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from market_actors.domain.overrides import IntervalSetting, Override, OverrideType, Scope
from market_actors.errors import Conflict, Gone, NotFound
from market_actors.messages import (
    AccessRevoked,
    ProviderConfigured,
    ProvidersConfigured,
    RulesChanged,
    SendProviders,
    SendRevoked,
    SendRules,
)
from market_actors.stored import (
    ConfigureProvider,
    CreateOverride,
    CreatePollInterval,
    ExpirePollInterval,
    RemoveOverride,
    UpdateUser,
)
from tests.actors.test_store import NOW, World

MINUTE = timedelta(minutes=1)
ROOT = "root@example.com"


@pytest.fixture
def world(tmp_path):
    world = World(f"sqlite:///{tmp_path / 'market.db'}")
    yield world
    world.store.stop().get(timeout=10)


def stop(minutes=None):
    return CreateOverride(
        "emergency_stop", "global", None, None, None, None, None, minutes, False, ROOT, "the feed is wrong", NOW
    )


def every(minutes, effective_until=None):
    return CreatePollInterval("global", None, minutes, None, effective_until, ROOT, "busy", NOW)


def test_the_scheduler_and_the_quotes_hear_of_each_order_before_it_is_answered(world):
    interval = world.ask(every(5, NOW + MINUTE))
    override = world.ask(stop(10))

    expected = RulesChanged(
        (Override(OverrideType.EMERGENCY_STOP, Scope.GLOBAL, None, "the feed is wrong", NOW, NOW + 10 * MINUTE),),
        (IntervalSetting(Scope.GLOBAL, None, 5 * MINUTE, "busy", NOW, NOW, expired_at=NOW + MINUTE),),
    )
    for hearing in (world.scheduler, world.quotes):
        assert hearing.last(RulesChanged) == expected
    world.ask(ExpirePollInterval(interval.id, ROOT, None, NOW))
    world.ask(RemoveOverride(override.id, ROOT, None, NOW))
    for hearing in (world.scheduler, world.quotes):
        assert hearing.last(RulesChanged) == RulesChanged((), ())


def test_an_order_that_is_refused_is_told_to_nobody(world):
    interval = world.ask(every(5))
    world.ask(ExpirePollInterval(interval.id, ROOT, None, NOW))
    world.scheduler.forget()

    with pytest.raises(Gone):
        world.ask(ExpirePollInterval(interval.id, ROOT, None, NOW))
    with pytest.raises(NotFound):
        world.ask(RemoveOverride(interval.id, ROOT, None, NOW))

    assert not world.scheduler.messages


def test_who_starts_is_told_the_rules_and_the_providers(world):
    world.ask(
        CreateOverride("price", "symbol", None, None, "CBA.AX", None, Decimal("1.50"), None, True, ROOT, "halted", NOW)
    )
    world.ask(ConfigureProvider("yahoo", {"enabled": False, "calls_per_day": 20}, ROOT, "too dear", NOW))

    world.store.tell(SendRules(world.me))
    world.store.tell(SendProviders(world.me))

    (rules,) = world.me.wait_for(RulesChanged)
    assert [(each.target, each.price) for each in rules.overrides] == [("CBA.AX", Decimal("1.50"))]
    (providers,) = world.me.wait_for(ProvidersConfigured)
    assert providers.rows == (ProviderConfigured("yahoo", False, None, None, None, 20, None),)
    for hearing in (world.scheduler, world.usage):
        assert hearing.last(ProvidersConfigured) == providers


def test_streams_end_once_when_their_user_loses_rights(world):
    world.ask(UpdateUser(world.user, None, False, None, ROOT, "left", NOW))

    for _ in range(2):
        world.store.tell(SendRevoked(NOW - MINUTE, world.me))
    world.ask(UpdateUser(world.user, None, True, None, ROOT, "back", NOW + MINUTE))
    assert world.me.all(AccessRevoked) == [AccessRevoked(user_ids=frozenset({world.user}))]

    world.ask(UpdateUser(world.user, None, False, None, ROOT, "left again", NOW + 2 * MINUTE))
    world.store.tell(SendRevoked(NOW - MINUTE, world.me))
    assert len(world.me.wait_for(AccessRevoked, 2)) == 2


def test_the_last_administrator_cannot_be_removed(world):
    world.ask(UpdateUser(world.user, "admin", None, None, ROOT, "first", NOW))

    with pytest.raises(Conflict):
        world.ask(UpdateUser(world.user, None, False, None, ROOT, "oops", NOW))
