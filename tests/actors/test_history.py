"""The history actor: what it tells streams, and what it says when it cannot."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from market_actors.domain.quote import MarketStatus, StreamPosition
from market_actors.history import History
from market_actors.messages import (
    FindPosition,
    HistoryUnavailable,
    MissedLoaded,
    PositionFound,
    Retained,
    SendMissed,
    SendRetained,
)
from persistence import queries
from persistence.database import open_database
from persistence.errors import UNREACHABLE
from persistence.migrate import migrate
from tests.doubles import Remembered
from tests.persistence.samples import NOW, price


@pytest.fixture
def history(database_url, start):
    """Five prices of two symbols in the first epoch; ours is the second."""
    database = open_database(database_url)
    migrate(database)
    first = queries.next_epoch(NOW - timedelta(hours=1))
    rows = [
        price(epoch=first, number=n, symbol="AB"[n % 2], market_status="OPEN", stale_reason="age") for n in range(1, 6)
    ]
    queries.record_prices(rows, now=NOW - timedelta(minutes=1))
    epoch = queries.next_epoch(NOW)
    yield start(History, epoch=epoch, kept=timedelta(hours=24), events=3, clock=lambda: NOW), first, epoch
    database.close()


def test_what_was_missed_is_told_in_pages_that_say_how_far_they_reach(history):
    actor, first, epoch = history
    stream, me = uuid4(), Remembered()
    after, until = StreamPosition(first, 1), StreamPosition(epoch, 0)

    actor.tell(SendMissed(stream, after, until, frozenset("B"), 1, me))
    actor.tell(SendMissed(stream, after, until, frozenset("B"), 10, me))

    page, rest = me.wait_for(MissedLoaded, 2)
    assert [each.position.number for each in page.prices] == [3]
    assert (page.after, page.until) == (after, StreamPosition(first, 3))
    assert [each.position.number for each in rest.prices] == [3, 5]
    assert rest.until == until
    told = page.prices[0]
    assert (told.symbol, told.market_status, told.is_stale, told.source) == ("B", MarketStatus.OPEN, True, "yahoo")


def test_what_can_be_resumed_from_is_told(history):
    actor, first, _ = history
    stream, me = uuid4(), Remembered()
    actor.tell(SendRetained(me))
    actor.tell(FindPosition(stream, StreamPosition(first, 4), me))
    actor.tell(FindPosition(stream, StreamPosition(first, 6), me))

    assert me.wait_for(Retained) == [Retained(StreamPosition(first, 2))]
    assert me.wait_for(PositionFound, 2) == [
        PositionFound(stream, StreamPosition(first, 4)),
        PositionFound(stream, None),
    ]


def test_a_database_that_cannot_be_reached_is_said_to_who_asked(history, monkeypatch):
    def down(*_arguments):
        raise UNREACHABLE[0]("gone")

    actor, first, epoch = history
    stream, me = uuid4(), Remembered()
    monkeypatch.setattr(queries, "list_events", down)
    monkeypatch.setattr(queries, "find_position", down)
    actor.tell(FindPosition(stream, StreamPosition(first, 4), me))
    actor.tell(SendMissed(stream, StreamPosition(first, 4), StreamPosition(epoch, 0), frozenset("A"), 1, me))

    assert me.wait_for(HistoryUnavailable, 2) == [HistoryUnavailable(stream)] * 2
