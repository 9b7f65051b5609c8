"""A stream that comes back: what it is sent, in which order, and when it is told that something is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from market_actors import recent, replays
from market_actors.domain.quote import StreamPosition
from market_actors.messages import (
    AccessRevoked,
    FindPosition,
    HistoryUnavailable,
    MissedLoaded,
    PageTaken,
    PositionFound,
    PublishedLoaded,
    Resync,
    Retained,
    SendMissed,
    SendPublished,
    SendRetained,
    Tick,
    Unsubscribe,
)
from market_actors.recent import Recent
from market_actors.replays import ASK_AGAIN, LOOK_UP_SECONDS, PAGE
from tests.actors.test_connections import NOW, USER, World, a_price, a_valuation, prices, updates, valued


@pytest.fixture
def world():
    made = World()
    yield made
    made.registry.stop().get(timeout=5)


def publish(world, *symbols: str, first: int = 1) -> None:
    """Publish a price of each symbol, at positions that follow each other."""
    world.tell(prices(*(a_price(symbol, str(number), number) for number, symbol in enumerate(symbols, first))))


def ids(world, stream) -> list[str]:
    """The positions of the prices that a stream got."""
    return [event["id"] for event in world.outlet.events(stream) if event["type"] == "price_update"]


def recovered(world, stream) -> bool | None:
    status = world.outlet.events(stream)[0]
    assert status["type"] == "connection_status"
    return status["data"]["recovered"]


def take(world, stream) -> None:
    """Take pages until no more comes."""
    while True:
        before = len(world.outlet.received[stream])
        world.tell(PageTaken(stream))
        if len(world.outlet.received[stream]) == before:
            return


# -- From memory ---------------------------------------------------------------------------------


def test_what_was_missed_comes_once_and_in_order_and_then_the_news(world):
    publish(world, "A.AX", "B.AX", "C.AX", "A.AX", "B.AX")

    stream = world.subscribe(symbols=("A.AX", "B.AX"), last_event_id="7-1")
    publish(world, "B.AX", "C.AX", "A.AX", first=6)

    assert recovered(world, stream) is True
    assert ids(world, stream) == ["7-2", "7-4", "7-5", "7-6", "7-8"]


def test_who_has_missed_nothing_is_sent_nothing(world):
    publish(world, "A.AX", "A.AX")
    stream = world.subscribe(symbols=("A.AX",), last_event_id="7-2")

    assert recovered(world, stream) is True
    assert world.outlet.types(stream) == ["connection_status"]


@pytest.mark.parametrize(
    "last", ["7-3", "8-1", "x", "7", "7-", "-7-1", "7-1-1", "7-1 ", "٧-١", "9" * 19 + "-1", "7-" + "9" * 40, "\x00"]
)
def test_a_position_that_says_nothing_or_lies_ahead_gives_the_present_and_says_so(world, last):
    publish(world, "A.AX", "A.AX")
    stream = world.subscribe(symbols=("A.AX",), last_event_id=last)
    for question in world.history.all(FindPosition):
        world.tell(PositionFound(question.connection_id, None))

    assert recovered(world, stream) is False
    assert ids(world, stream) == ["7-2"]


def test_more_missed_than_is_kept_is_announced_and_one_less_is_not():
    world = World(history_events=5)
    publish(world, *["A.AX"] * 9)
    lost, saved = (world.subscribe(symbols=("A.AX",), last_event_id=last) for last in ("7-3", "7-4"))

    assert (recovered(world, lost), ids(world, lost)) == (False, ["7-9"])
    assert (recovered(world, saved), ids(world, saved)) == (True, [f"7-{number}" for number in range(5, 10)])
    world.registry.stop().get(timeout=5)


def test_what_is_older_than_is_kept_is_announced(world):
    publish(world, *["A.AX"] * 4)
    world.tell(Retained(StreamPosition(7, 2)))
    lost, saved = (world.subscribe(symbols=("A.AX",), last_event_id=last) for last in ("7-1", "7-2"))

    assert (recovered(world, lost), ids(world, lost)) == (False, ["7-4"])
    assert (recovered(world, saved), ids(world, saved)) == (True, ["7-3", "7-4"])


def test_what_can_be_resumed_from_is_looked_up_from_time_to_time(world):
    asked = len(world.history.all(SendRetained))
    world.tell(Tick(NOW, 1000.0 + LOOK_UP_SECONDS))
    world.tell(Tick(NOW, 1001.0 + LOOK_UP_SECONDS))

    assert len(world.history.all(SendRetained)) == asked + 1


# -- Portfolios ----------------------------------------------------------------------------------


def test_nothing_is_sent_before_it_is_known_what_a_portfolio_holds(world):
    portfolio_id = uuid4()
    publish(world, "A.AX", "B.AX", "C.AX")
    stream = world.subscribe(portfolio_ids=(portfolio_id,), symbols=("A.AX",), last_event_id="7-0")
    publish(world, "A.AX", "B.AX", first=4)
    assert world.outlet.types(stream) == ["connection_status"]

    world.tell(valued(a_valuation(portfolio_id, "100", "B.AX")))

    assert ids(world, stream) == ["7-1", "7-2", "7-4", "7-5"]
    snapshot = world.outlet.events(stream)[-1]
    assert (snapshot["type"], snapshot["id"]) == ("portfolio_update", "7-5")


def test_a_first_stream_gets_its_news_in_order_however_late_a_portfolio_is_valued(world):
    portfolio_id = uuid4()
    stream = world.subscribe(portfolio_ids=(portfolio_id,), symbols=("A.AX",))
    publish(world, "B.AX", "A.AX", "C.AX")

    world.tell(valued(a_valuation(portfolio_id, "100", "B.AX")))

    assert ids(world, stream) == ["7-1", "7-2"]


def test_what_a_portfolio_holds_now_decides_what_is_sent_of_what_was_missed(world):
    portfolio_id = uuid4()
    watcher = world.subscribe(portfolio_ids=(portfolio_id,))
    world.tell(valued(a_valuation(portfolio_id, "100", "A.AX", "B.AX")))
    publish(world, "A.AX", "B.AX", "C.AX")
    world.tell(valued(a_valuation(portfolio_id, "100", "B.AX", "C.AX")))

    stream = world.subscribe(portfolio_ids=(portfolio_id,), last_event_id="7-0")

    assert ids(world, stream) == ["7-2", "7-3"]
    assert ids(world, watcher) == ["7-1", "7-2"]


def test_a_portfolio_that_is_somebody_elses_gives_no_value_and_holds_nothing_up(world):
    portfolio_id = uuid4()
    publish(world, "A.AX")
    stream = world.subscribe(portfolio_ids=(portfolio_id,), symbols=("A.AX",), last_event_id="7-0")

    world.tell(valued(a_valuation(portfolio_id, "100", "A.AX", user_id=UUID(int=99))))

    assert world.outlet.types(stream) == ["connection_status", "price_update"]


def test_values_that_change_on_the_way_are_sent_once_at_the_end(world):
    portfolio_id = uuid4()
    world.subscribe(portfolio_ids=(portfolio_id,))
    world.tell(valued(a_valuation(portfolio_id, "1", "A.AX")))
    publish(world, *["A.AX"] * (2 * PAGE))
    stream = world.subscribe(portfolio_ids=(portfolio_id,), last_event_id="7-0")

    world.tell(valued(a_valuation(portfolio_id, "2", "A.AX")))
    world.tell(valued(a_valuation(portfolio_id, "3", "A.AX")))
    take(world, stream)

    values = [e["data"]["total_value"] for e in world.outlet.events(stream) if e["type"] == "portfolio_update"]
    assert values == ["3"]
    assert len(ids(world, stream)) == 2 * PAGE


# -- Pages ---------------------------------------------------------------------------------------


def test_the_next_page_comes_when_the_last_one_is_taken_and_news_wait_behind_it(world):
    publish(world, *["A.AX"] * (2 * PAGE + 5))
    stream = world.subscribe(symbols=("A.AX",), last_event_id="7-0")
    assert len(ids(world, stream)) == PAGE
    publish(world, *["A.AX"] * 3, first=2 * PAGE + 6)
    world.tell(Tick(NOW, 1001.0))
    assert len(ids(world, stream)) == PAGE

    take(world, stream)

    assert ids(world, stream) == [f"7-{number}" for number in range(1, 2 * PAGE + 9)]
    pages = [delivery for batch in world.outlet.batches for delivery in batch if delivery.is_page]
    assert [len(page.frames) for page in pages] == [PAGE, PAGE, 8]
    publish(world, "A.AX", first=2 * PAGE + 9)
    assert ids(world, stream)[-1] == f"7-{2 * PAGE + 9}"


def test_a_right_that_is_lost_on_the_way_ends_the_stream(world):
    publish(world, *["A.AX"] * (2 * PAGE))
    stream = world.subscribe(symbols=("A.AX",), last_event_id="7-0")

    world.tell(AccessRevoked(user_ids=frozenset({USER})))

    assert world.outlet.closed == [stream]
    world.tell(Unsubscribe(stream, 0, 0, 0), PageTaken(stream))
    assert len(ids(world, stream)) == PAGE


def test_who_takes_pages_too_slowly_is_closed_and_told_before_something_is_left_out(monkeypatch):
    monkeypatch.setattr(replays, "Recent", lambda head: Recent(head, events=50))
    world = World(history_events=2 * PAGE)
    publish(world, *["A.AX"] * (2 * PAGE))
    stream = world.subscribe(symbols=("A.AX",), last_event_id="7-1")
    missed = world.history.last(SendMissed)
    page = tuple(a_price("A.AX", "1", number) for number in range(2, PAGE + 2))
    world.tell(MissedLoaded(stream, page, missed.after, page[-1].position))

    publish(world, *["A.AX"] * (2 * PAGE), first=2 * PAGE + 1)
    world.tell(PageTaken(stream))

    assert world.outlet.closed == [stream]
    assert world.outlet.events(stream)[-1]["data"]["error_code"] == "too_slow"
    world.registry.stop().get(timeout=5)


def test_a_slow_reader_on_its_way_is_told_of_the_weather_and_its_prices_are_not_merged(world):
    publish(world, *["A.AX"] * (2 * PAGE))
    stream = world.subscribe(symbols=("A.AX",), last_event_id="7-0")
    world.tell(Resync(stream, None, frozenset(), 0))
    take(world, stream)

    assert ids(world, stream) == [f"7-{number}" for number in range(1, 2 * PAGE + 1)]
    statuses = [e["data"] for e in world.outlet.events(stream) if e["type"] == "connection_status"]
    assert [status["conflated_events"] for status in statuses] == [0, 0]
    assert [status["recovered"] for status in statuses] == [True, True]


# -- From the database ---------------------------------------------------------------------------


def test_what_an_earlier_start_published_is_read_from_the_history_and_then_from_memory(world):
    publish(world, "A.AX", "B.AX")
    stream = world.subscribe(symbols=("A.AX",), last_event_id="6-40")
    assert world.outlet.types(stream) == []
    assert world.history.last(FindPosition).position == StreamPosition(6, 40)
    world.tell(PositionFound(stream, StreamPosition(6, 40)))
    assert recovered(world, stream) is True
    missed = world.history.last(SendMissed)
    assert (missed.after, missed.until) == (StreamPosition(6, 40), StreamPosition(7, 0))
    assert (missed.symbols, missed.limit) == ({"A.AX"}, PAGE)
    publish(world, "A.AX", first=3)

    old = replace(a_price("A.AX", "5", 41), position=StreamPosition(6, 41))
    world.tell(MissedLoaded(stream, (old,), missed.after, missed.until))
    take(world, stream)

    assert ids(world, stream) == ["6-41", "7-1", "7-3"]


def test_a_long_history_is_read_page_by_page(world):
    stream = world.subscribe(symbols=("A.AX",), last_event_id="6-0")
    world.tell(PositionFound(stream, StreamPosition(6, 0)))
    for start in (0, PAGE):
        missed = world.history.last(SendMissed)
        assert missed.after == StreamPosition(6, start)
        page = tuple(
            replace(a_price("A.AX", "5", number), position=StreamPosition(6, number))
            for number in range(start + 1, start + PAGE + 1)
        )
        world.tell(MissedLoaded(stream, page, missed.after, page[-1].position))
        assert len(world.history.all(SendMissed)) == start // PAGE + 1, "the next is read when this one is taken"
        world.tell(PageTaken(stream))
    missed = world.history.last(SendMissed)
    world.tell(MissedLoaded(stream, (), missed.after, missed.until))

    assert ids(world, stream) == [f"6-{number}" for number in range(1, 2 * PAGE + 1)]
    publish(world, "A.AX")
    assert ids(world, stream)[-1] == "7-1"


def test_the_history_is_asked_again_when_it_does_not_answer_and_counts_once(world):
    stream = world.subscribe(symbols=("A.AX",), last_event_id="6-0")
    world.tell(Tick(NOW, 1000.0 + ASK_AGAIN + 1))
    assert len(world.history.all(FindPosition)) == 2
    for _ in range(2):
        world.tell(PositionFound(stream, StreamPosition(6, 0)))
    world.tell(Tick(NOW, 1000.0 + 2 * ASK_AGAIN + 3))
    first, second = world.history.all(SendMissed)
    old = replace(a_price("A.AX", "5", 1), position=StreamPosition(6, 1))
    for missed in (first, second):
        world.tell(MissedLoaded(stream, (old,), missed.after, old.position))
    world.tell(PageTaken(stream))
    last = world.history.last(SendMissed)
    assert last.after == old.position
    world.tell(MissedLoaded(stream, (), last.after, last.until))
    take(world, stream)

    assert ids(world, stream) == ["6-1"]


def test_a_stream_whose_history_cannot_be_read_ends_and_may_come_back(world):
    stream = world.subscribe(symbols=("A.AX",), last_event_id="6-0")
    world.tell(HistoryUnavailable(stream))

    assert world.outlet.closed == [stream]
    assert world.outlet.events(stream)[-1]["data"]["error_code"] == "history_unavailable"


def test_who_comes_from_another_server_gets_the_prices_of_this_one_and_what_it_published_since(world):
    publish(world, "A.AX", "B.AX", "C.AX", "B.AX")
    stream = world.subscribe(symbols=("A.AX", "B.AX"), last_event_id="9-40")
    world.tell(PositionFound(stream, StreamPosition(7, 3), is_elsewhere=True))
    take(world, stream)

    assert recovered(world, stream) is True
    assert ids(world, stream) == ["7-1", "7-4"]


# -- The registry's own start ---------------------------------------------------------------------


def test_a_stream_waits_until_it_is_known_where_the_prices_stand():
    world = World(is_primed=False)
    first, back = world.subscribe(symbols=("A.AX",)), world.subscribe(symbols=("A.AX",), last_event_id="7-4")
    publish(world, "A.AX", first=5)
    for second in range(1, 40):
        world.tell(Tick(NOW + timedelta(seconds=second), 1000.0 + second))
    world.tell(updates(paused="stopped"))
    assert (world.outlet.types(first), world.outlet.types(back)) == ([], [])
    assert len(world.quotes.all(SendPublished)) > 2

    world.tell(PublishedLoaded({"A.AX": a_price("A.AX", "5", 5)}, StreamPosition(7, 5)))
    assert ids(world, first) == ["7-5"]
    assert world.outlet.types(back) == []

    world.tell(Retained(None))
    missed = world.history.last(SendMissed)
    assert (missed.after, missed.until) == (StreamPosition(7, 4), StreamPosition(7, 5))
    world.tell(MissedLoaded(back, (a_price("A.AX", "5", 5),), missed.after, missed.until))
    assert (recovered(world, back), ids(world, back)) == (True, ["7-5"])
    world.registry.stop().get(timeout=5)


def test_prices_that_were_kept_but_not_told_are_read_from_the_history_by_every_stream(world):
    portfolio_id = uuid4()
    stream = world.subscribe(symbols=("A.AX",), portfolio_ids=(portfolio_id,))
    world.tell(valued(a_valuation(portfolio_id, "1", "B.AX")))
    publish(world, "A.AX")

    publish(world, "A.AX", first=4)

    assert ids(world, stream) == ["7-1"]
    missed = world.history.last(SendMissed)
    assert (missed.after, missed.until) == (StreamPosition(7, 1), StreamPosition(7, 3))
    world.tell(MissedLoaded(stream, (a_price("B.AX", "2", 2),), missed.after, missed.until))
    take(world, stream)
    publish(world, "A.AX", first=5)
    assert ids(world, stream) == ["7-1", "7-2", "7-4", "7-5"]
    assert world.outlet.types(stream).count("connection_status") == 1


def test_a_price_that_is_told_twice_is_sent_once(world):
    stream = world.subscribe(symbols=("A.AX",))
    publish(world, "A.AX", "A.AX")
    publish(world, "A.AX", "A.AX", first=2)
    publish(world, "A.AX", first=1)
    publish(world, "A.AX", first=4)

    assert ids(world, stream) == ["7-1", "7-2", "7-3", "7-4"]


# -- What is kept in memory ------------------------------------------------------------------------


@pytest.mark.parametrize(("events", "size"), [(100, 10**9), (10**9, 100 * recent.WEIGHT)])
def test_memory_is_bounded_in_events_and_in_bytes_and_has_no_gap(events, size):
    kept = Recent(StreamPosition(7, 0), events, size)
    for number in range(1, 1001):
        kept.append([a_price("A.AX", "1", number)])
        found, reached = kept.after(kept.floor, {"A.AX"}, 10**6)
        assert [price.position.number for price in found] == list(range(kept.floor.number + 1, number + 1))
        assert reached == kept.head == StreamPosition(7, number)
        assert len(found) <= 100
    assert kept.floor.number >= 899


def test_a_page_is_less_than_one_write():
    from web.fanout import WRITE
    from web.sse import StreamEncoder

    price = a_price("A" * 20, "1" * 28 + "." + "1" * 12, 10**17)
    quote = replace(price.quote, previous_close=price.value / 3, volume=10**18)
    longest = replace(price, quote=quote, source="alpha_vantage", position=StreamPosition(10**17, 10**17))
    assert replays.PAGE * len(StreamEncoder().price_update(10**12, longest)) < WRITE
