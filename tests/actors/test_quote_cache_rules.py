"""The quote cache and administrators: prices that are set, and what arrives while updates are stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from market_actors.messages import (
    DecideQuarantine,
    GetPrices,
    LastPricesLoaded,
    PricesWithdrawn,
    QuotesChanged,
    RecordQuotes,
    RulesChanged,
    SendLastPrices,
    SendPrices,
    SendRules,
)
from tests.actors.orders import override, stop
from tests.actors.test_quote_cache import World
from tests.domain.samples import NOON, quote
from tests.doubles import Remembered

MINUTE = timedelta(minutes=1)


def set_price(price="50", symbol="CBA.AX", **how):
    return override("price", "symbol", symbol, price=price, **how)


def order(world, *overrides):
    world.tell(RulesChanged(overrides, ()))


@pytest.fixture
def world(start):
    """CBA.AX is at 100."""
    world = World(start, with_cache=True)
    world.fetch(quote("CBA.AX", "100", previous_close="99"))
    return world


def test_a_price_that_is_set_shows_at_once_everywhere_with_its_source(world):
    before = world.price()
    order(world, set_price())

    price = world.price()
    assert (price.value, price.source, price.is_stale, price.stale_reason) == (Decimal(50), "override", False, None)
    assert price.change == Decimal(-49)
    assert price.position > before.position
    assert world.news()[-1] == {"CBA.AX": price}
    assert world.book.last(QuotesChanged).prices == {"CBA.AX": price}


def test_the_history_has_the_price_that_was_set_and_the_warm_cache_the_providers(world):
    order(world, set_price())

    (row,) = world.store.last(RecordQuotes).rows
    assert (row.source, row.price, row.quote_time) == ("override", Decimal(50), NOON)
    assert world.cache.last(RecordQuotes).rows[0].source == "yahoo"


def test_quotes_go_on_beneath_and_the_newest_comes_back_at_the_end(world):
    order(world, set_price(lasts=120))
    told = len(world.news())
    world.fetch(quote("CBA.AX", "101", previous_close="99", quote_time=NOON + MINUTE))
    assert world.price().value == 50
    assert len(world.news()) == told
    recorded = world.store.last(RecordQuotes)
    assert (recorded.rows, [row.price for row in recorded.hidden]) == ((), [Decimal(101)])

    world.tick(NOON + 2 * MINUTE)
    assert (world.price().value, world.price().source) == (Decimal(101), "yahoo")
    assert world.news()[-1]["CBA.AX"].value == 101
    assert [row.price for row in world.store.last(RecordQuotes).rows] == [Decimal(101)]


def test_a_price_that_comes_back_unchanged_is_not_recorded_twice(world):
    order(world, set_price())
    rows = len(world.rows())
    order(world)

    assert world.news()[-1]["CBA.AX"].value == 100
    assert len(world.rows()) == rows
    assert [row.price for row in world.store.last(RecordQuotes).restated] == [Decimal(100)]


def test_a_price_that_is_set_does_not_become_stale_and_follows_the_exchange(world):
    order(world, set_price())
    world.tick(NOON + 120 * MINUTE)
    assert not world.price().is_stale

    world.tick(NOON + 300 * MINUTE)
    assert world.news()[-1]["CBA.AX"].market_status != "OPEN"
    order(world)
    assert world.price().value == 100


def test_a_price_can_be_set_where_there_is_none_and_is_withdrawn_at_the_end(world):
    order(world, set_price("7.25", "BHP.AX"))
    price = world.price("BHP.AX")
    assert (price.value, price.currency, price.exchange, price.source) == (Decimal("7.25"), "AUD", "XASX", "override")

    order(world)
    assert world.ask(GetPrices(("BHP.AX",))) == {}
    assert world.book.last(PricesWithdrawn) == PricesWithdrawn(frozenset({"BHP.AX"}))
    assert world.connections.last(PricesWithdrawn).symbols == {"BHP.AX"}


def test_a_first_quote_beneath_a_price_that_is_set_comes_out_at_the_end(world):
    order(world, set_price("7.25", "BHP.AX"))
    world.fetch(quote("BHP.AX", "41.52"))
    assert world.price("BHP.AX").value == Decimal("7.25")

    order(world)
    assert world.price("BHP.AX").value == Decimal("41.52")
    assert world.book.all(PricesWithdrawn) == []


def test_another_price_replaces_the_one_that_was_set(world):
    order(world, set_price())
    order(world, set_price("60", begins=NOON + timedelta(milliseconds=500)))

    assert world.price().value == 60
    assert world.store.last(RecordQuotes).rows[0].price == 60


def test_a_held_price_is_decided_on_beneath(world):
    world.fetch(quote("CBA.AX", "10000", quote_time=NOON + MINUTE))
    order(world, set_price())
    assert world.price().stale_reason is None
    world.ask(DecideQuarantine("CBA.AX", accept=True))
    assert world.price().value == 50

    order(world)
    assert world.price().value == 10000


def test_who_asks_for_all_prices_gets_those_that_are_set(world):
    order(world, set_price())
    late = Remembered()
    world.tell(SendPrices(late))

    assert late.last(QuotesChanged).prices["CBA.AX"].value == 50


def test_after_a_restart_no_price_is_seen_that_an_override_covers(world, start):
    row = world.store.last(RecordQuotes).rows[0]
    again = World(start, is_loaded=False)
    assert [type(message) for message in again.store.messages] == [SendRules, SendLastPrices]
    order(again, set_price(), set_price("7", "BHP.AX"))
    assert again.news() == []
    again.tell(LastPricesLoaded((row, replace(row, symbol="BHP.AX", source="override"))))

    seen = {symbol: (price.value, price.source) for news in again.news() for symbol, price in news.items()}
    assert seen == {"CBA.AX": (Decimal(50), "override"), "BHP.AX": (Decimal(7), "override")}
    assert again.rows() == []
    assert {row.source for row in again.store.last(RecordQuotes).restated} == {"override"}


def test_a_price_that_arrives_after_a_stop_is_not_shown(world):
    order(world, stop(lasts=120))
    world.fetch(quote("CBA.AX", "101", quote_time=NOON + MINUTE))
    assert world.price().value == 100

    world.tick(NOON + 2 * MINUTE)
    world.fetch(quote("CBA.AX", "102", quote_time=NOON + 2 * MINUTE))
    assert world.price().value == 102


@pytest.mark.parametrize(("scope", "target"), [("provider", "yahoo"), ("symbol", "CBA.AX")])
def test_a_price_that_was_under_way_when_it_was_disabled_is_not_shown(world, scope, target):
    order(world, override("disable_updates", scope, target))
    world.fetch(quote("CBA.AX", "101", quote_time=NOON + MINUTE))

    assert world.price().value == 100
