"""The recorder: a store that lags gets larger batches, not more of them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from market_actors.messages import RecordQuotes
from market_actors.recorder import BATCH, GIVEN_UP, MOST_WAITING, PriceRecorder
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


@pytest.fixture
def store():
    return Remembered()


@pytest.fixture
def cache():
    return Remembered()


@pytest.fixture
def recorder(store, cache):
    return PriceRecorder(store, cache, Remembered())


def numbers(batch: RecordQuotes) -> list[int]:
    return [kept.number for kept in batch.rows]


def test_what_is_published_while_a_batch_is_with_the_store_makes_up_the_next(recorder, store, cache):
    for number in range(1, 5):
        recorder.record([row("A.AX", number)])
    assert [numbers(batch) for batch in store.all(RecordQuotes)] == [[1]]

    recorder.recorded()

    assert [numbers(batch) for batch in store.all(RecordQuotes)] == [[1], [2, 3, 4]]
    assert [numbers(batch) for batch in cache.all(RecordQuotes)] == [[1], [2, 3, 4]]


def test_nothing_new_is_nothing_to_send(recorder, store):
    recorder.record([row("A.AX", 1)])
    recorder.recorded()
    recorder.record([])
    assert len(store.all(RecordQuotes)) == 1


def test_a_store_that_lags_far_behind_gets_the_newest_of_each_symbol(recorder, store):
    recorder.record([row("FIRST.AX", 0)])
    recorder.record([row(f"S{number % 100}.AX", number) for number in range(MOST_WAITING)])
    recorder.record([row("LAST.AX", MOST_WAITING)])
    recorder.recorded()

    assert len(store.all(RecordQuotes)) == 2
    kept = store.last(RecordQuotes).rows
    assert len(kept) == 101
    assert numbers(store.last(RecordQuotes))[:100] == list(range(MOST_WAITING - 100, MOST_WAITING))


def test_a_batch_that_is_never_answered_for_holds_up_the_next_only_so_long(recorder, store):
    recorder.pass_time(100.0)
    recorder.record([row("A.AX", 1)])
    recorder.record([row("A.AX", 2)])
    recorder.pass_time(100.0 + GIVEN_UP)
    assert len(store.all(RecordQuotes)) == 1
    recorder.pass_time(100.0 + GIVEN_UP + 1)
    assert numbers(store.last(RecordQuotes)) == [2]


def test_a_batch_is_never_so_large_that_questions_wait_long_for_it(recorder, store):
    recorder.record([row(f"S{number}.AX", number) for number in range(BATCH * 2 + 1)])
    recorder.recorded()
    recorder.recorded()
    assert [len(batch.rows) for batch in store.all(RecordQuotes)] == [BATCH, BATCH, 1]
