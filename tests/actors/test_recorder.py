"""The recorder: a store that lags gets larger batches, not more of them, and streams hear of what is kept alone."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from market_actors.domain.quote import Confirmation, MarketStatus, Price, Quote, StreamPosition
from market_actors.messages import PricesPublished, RecordQuotes
from market_actors.recorder import BATCH, GIVEN_UP, MOST_WAITING, TRIES, PriceRecorder, Publication
from persistence.records import LastPrice
from tests.doubles import Remembered

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def row(symbol: str, number: int) -> LastPrice:
    return LastPrice(
        symbol=symbol,
        name=None,
        exchange="XASX",
        currency="AUD",
        price=Decimal(number),
        previous_close=None,
        volume=None,
        provider="yahoo",
        source="yahoo",
        quote_time=NOW,
        received_at=NOW,
        delay_seconds=0,
        end_of_day=False,
        confirmation="intraday",
        is_market_hours=True,
        epoch=1,
        number=number,
    )


def news(symbol: str, number: int, is_fresh: bool = True) -> Publication:
    quote = Quote(symbol, "yahoo", Decimal(number + 1), "AUD", NOW, NOW)
    position = StreamPosition(1, number)
    price = Price(quote, "yahoo", "XASX", MarketStatus.OPEN, Confirmation.INTRADAY, False, None, position)
    return Publication(price, row(symbol, number), is_fresh)


class Neighbours:
    """A recorder among those it tells."""

    def __init__(self) -> None:
        self.store, self.cache, self.connections = Remembered(), Remembered(), Remembered()
        self.recorder = PriceRecorder(self.store, self.cache, self.connections, Remembered(), StreamPosition(1, 0))

    def record(self, *all_news: Publication) -> None:
        self.recorder.record(all_news)

    def recorded(self, is_kept: bool = True) -> None:
        self.recorder.recorded(self.store.last(RecordQuotes).batch, is_kept)

    def sent(self) -> list[list[int]]:
        return [[kept.number for kept in batch.rows] for batch in self.store.all(RecordQuotes)]

    def published(self) -> list[list[int]]:
        return [[price.position.number for price in told.prices] for told in self.connections.all(PricesPublished)]


@pytest.fixture
def world():
    return Neighbours()


def test_what_is_news_while_a_batch_is_with_the_store_makes_up_the_next(world):
    for number in range(1, 5):
        world.record(news("A.AX", number))
    assert world.sent() == [[1]]

    world.recorded()

    assert world.sent() == [[1], [2, 3, 4]]
    assert [[kept.number for kept in batch.rows] for batch in world.cache.all(RecordQuotes)] == [[1], [2, 3, 4]]


def test_a_price_is_published_when_it_is_kept_and_not_before(world):
    world.record(news("A.AX", 1), news("B.AX", 2, is_fresh=False))
    world.record(news("C.AX", 3))
    assert world.published() == []
    assert world.recorder.waiting == {"A.AX", "B.AX", "C.AX"}

    world.recorded()

    assert world.published() == [[1, 2]]
    assert (world.recorder.published, world.recorder.waiting) == (StreamPosition(1, 2), {"C.AX"})
    (first, _) = world.store.all(RecordQuotes)
    assert ([r.number for r in first.rows], [r.number for r in first.restated]) == ([1], [2])


def test_a_batch_is_published_once_however_often_it_is_answered_for(world):
    world.record(news("A.AX", 1))
    world.recorded()
    world.record(news("A.AX", 2))
    world.recorder.recorded(1, is_kept=True)
    assert world.published() == [[1]]
    world.recorded()
    assert world.published() == [[1], [2]]


def test_nothing_new_is_nothing_to_send(world):
    world.record(news("A.AX", 1))
    world.recorded()
    world.record()
    assert len(world.store.all(RecordQuotes)) == 1


def test_a_store_that_lags_far_behind_gets_the_newest_of_each_symbol_in_order(world):
    world.record(news("FIRST.AX", 0))
    world.record(*(news(f"S{number % 100}.AX", number) for number in range(MOST_WAITING)))
    world.record(news("S0.AX", MOST_WAITING))
    world.recorded()

    assert len(world.sent()) == 2
    assert world.sent()[1] == list(range(MOST_WAITING - 99, MOST_WAITING + 1))


def test_a_new_price_that_is_left_out_for_its_restatement_is_kept_in_that_ones_place(world):
    world.record(news("FIRST.AX", 0))
    world.record(*(news("A.AX", number, is_fresh=number == 1) for number in range(1, MOST_WAITING + 2)))
    world.recorded()

    assert world.sent()[1] == [MOST_WAITING + 1]


def test_a_batch_that_is_never_answered_for_is_sent_again_and_given_up_only_after_some_tries(world):
    world.recorder.pass_time(100.0)
    world.record(news("A.AX", 1))
    world.record(news("A.AX", 2))
    world.recorder.pass_time(100.0 + GIVEN_UP)
    assert world.sent() == [[1]]
    for number in range(1, TRIES + 1):
        world.recorder.pass_time(100.0 + number * (GIVEN_UP + 1))
    assert world.sent() == [[1]] * TRIES + [[2]]
    world.recorded()
    assert world.published() == [[2]]


def test_a_batch_waits_for_a_database_that_cannot_be_reached_as_long_as_it_takes(world):
    world.record(news("A.AX", 1))
    for number in range(1, 3 * TRIES):
        world.recorded(is_kept=False)
        world.recorder.pass_time(number * (GIVEN_UP + 1))
    assert world.published() == []

    world.recorded()

    assert world.published() == [[1]]
    assert world.sent() == [[1]] * (3 * TRIES)


def test_a_batch_is_never_so_large_that_questions_wait_long_for_it(world):
    world.record(*(news(f"S{number}.AX", number) for number in range(BATCH * 2 + 1)))
    world.recorded()
    world.recorded()
    assert [len(batch.rows) for batch in world.store.all(RecordQuotes)] == [BATCH, BATCH, 1]
