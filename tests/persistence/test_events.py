"""What streams are resumed from: positions, pages, and what is forgotten, on either database."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from peewee import Database

from persistence import queries
from persistence.database import is_shared
from persistence.records import PriceEvent, Resumable
from tests.persistence.samples import DAY, HOUR, MINUTE, NOW, SECOND, price

pytestmark = pytest.mark.usefixtures("database")

END = (2**60, 2**60)


def publish(epoch: int, first: int, *symbols: str, at: datetime = NOW) -> None:
    rows = [
        price(epoch=epoch, number=number, symbol=symbol, market_status="OPEN")
        for number, symbol in enumerate(symbols, first)
    ]
    queries.record_prices(rows, now=at)


def begin(at: datetime) -> int:
    """A server starts; its epoch."""
    return queries.next_epoch(at)


def listed(after: tuple[int, int], *symbols: str, server: int, limit: int = 100) -> list[tuple[int, int]]:
    events = queries.list_events(after, END, server, symbols, limit)
    return [(event.epoch, event.number) for event in events]


def test_an_event_comes_back_as_it_was_published() -> None:
    kept = price(market_status="AFTER_HOURS", stale_reason="age", price=Decimal("123.4500"))
    server = begin(NOW)
    queries.record_prices([kept], now=NOW - MINUTE)

    (event,) = queries.list_events((0, 0), END, server, ["CBA.AX"], 10)

    assert event == PriceEvent(
        **{name: getattr(kept, name) for name in PriceEvent.__slots__},
    )
    assert str(event.price) == "123.4500"


def test_events_of_some_symbols_come_in_order_after_a_position_and_up_to_another_page_by_page() -> None:
    first, second = begin(NOW - HOUR), begin(NOW)
    publish(first, 1, "A", "B", "A", "C", at=NOW - MINUTE)
    publish(second, 1, "B", "A", "C", at=NOW + SECOND)

    assert listed((first, 1), "A", "B", server=second) == [(first, 2), (first, 3), (second, 1), (second, 2)]
    assert listed((first, 1), "A", "B", server=second, limit=2) == [(first, 2), (first, 3)]
    assert listed((second, 1), "A", "B", server=second) == [(second, 2)]
    until = queries.list_events((first, 0), (first, 3), second, ["A"], 10)
    assert [event.number for event in until] == [1, 3]
    assert queries.list_events((first, 0), END, second, [], 10) == ()


def test_a_price_that_is_restated_is_told_to_streams_and_not_drawn() -> None:
    server = begin(NOW)
    queries.record_prices([price(number=1)], restated=[price(number=2, stale_reason="age")], now=NOW - MINUTE)

    assert listed((0, 0), "CBA.AX", server=server) == [(1, 1), (1, 2)]
    assert len(queries.list_price_points("CBA.AX", NOW - DAY, NOW + DAY, 10)) == 1
    (last,) = queries.load_last_prices()
    assert (last.number, last.stale_reason) == (2, "age")


@pytest.mark.parametrize(("most", "forgotten"), [(1, 4), (4, 1), (5, None), (6, None)])
def test_what_has_been_followed_by_too_many_is_forgotten(most, forgotten) -> None:
    publish(1, 1, *"ABCDE")
    assert queries.newest_forgotten(NOW - DAY, most) == (forgotten and (1, forgotten))


def test_what_was_kept_too_long_ago_is_forgotten() -> None:
    publish(1, 1, "A", "B", at=NOW - DAY - SECOND)
    publish(1, 3, "C", at=NOW - DAY)
    assert queries.newest_forgotten(NOW - DAY, 100) == (1, 2)
    assert queries.newest_forgotten(NOW - 2 * DAY, 100) is None
    assert queries.newest_forgotten(NOW - DAY, 0) == (1, 3)


def test_what_an_older_version_kept_cannot_be_resumed_from() -> None:
    queries.record_prices([price()])
    assert queries.newest_forgotten(NOW - DAY, 100) == (1, 1)


def test_a_position_of_an_earlier_start_is_found_and_one_that_was_never_kept_is_not() -> None:
    first, second = begin(NOW - HOUR), begin(NOW)
    publish(first, 1, "A", "B", at=NOW - MINUTE)

    assert queries.find_position(first, 2, second) == Resumable(first, 2, is_elsewhere=False)
    assert queries.find_position(first, 0, second) == Resumable(first, 0, is_elsewhere=False)
    assert queries.find_position(first, 3, second) is None
    assert queries.find_position(first - 1, 1, second) is None
    assert queries.find_position(10**17, 10**17, second) is None


def test_who_was_with_another_server_that_runs_goes_on_where_this_one_was_then(database: Database) -> None:
    here = begin(NOW - HOUR)
    there = begin(NOW - MINUTE)
    publish(here, 1, "A", at=NOW - 2 * MINUTE)
    publish(there, 1, "A", at=NOW)
    publish(here, 2, "B", at=NOW - SECOND)
    publish(here, 3, "C", at=NOW + SECOND)
    publish(there, 2, "A", at=NOW + 2 * SECOND)

    found = queries.find_position(there, 1, here)

    assert found == (Resumable(here, 2, is_elsewhere=True) if is_shared() else Resumable(there, 1, is_elsewhere=False))
    earlier = queries.find_position(there, 0, here)
    assert earlier == (Resumable(here, 1, True) if is_shared() else Resumable(there, 0, is_elsewhere=False))


def test_another_servers_prices_count_up_to_the_start_of_this_one(database: Database) -> None:
    there = begin(NOW - HOUR)
    publish(there, 1, "A", at=NOW - MINUTE)
    publish(there, 2, "A", at=NOW - SECOND)
    here = begin(NOW)
    publish(there, 3, "A", at=NOW + SECOND)
    publish(here, 1, "A", at=NOW + SECOND)

    found = queries.find_position(there, 1, here)

    assert found == Resumable(there, 1, is_elsewhere=False)
    both = [(there, 2), (here, 1)] if is_shared() else [(there, 2), (there, 3), (here, 1)]
    assert listed((there, 1), "A", server=here) == both
