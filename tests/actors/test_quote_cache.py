"""The quote cache: what is news, what is stale, what is held back, and what readers find after a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest

from market_actors.calendars import Calendars
from market_actors.domain.quote import Confirmation, MarketStatus, StreamPosition
from market_actors.errors import NotFound
from market_actors.messages import (
    DecideQuarantine,
    GetPrices,
    LastPricesLoaded,
    ListQuarantine,
    Ping,
    PricesPublished,
    PublishedLoaded,
    QuotesChanged,
    QuotesFetched,
    QuotesRecorded,
    RecordQuotes,
    SendLastPrices,
    SendPrices,
    SendPublished,
    Tick,
)
from market_actors.quote_cache import QuoteCache
from persistence.records import LastPrice
from tests.domain.samples import NOON, at, quote
from tests.doubles import Remembered

CALENDARS = Calendars()


def recorded(message):
    """A store that keeps every batch at once."""
    if isinstance(message, RecordQuotes):
        message.reply_to.tell(QuotesRecorded(message.batch))


class World:
    """A cache among remembering neighbours, at noon of a Monday in Sydney."""

    def __init__(self, start, *, loaded=(), is_loaded=True, with_cache=False, positions=None, now=NOON) -> None:
        self.now, self.monotonic = now, 1000.0
        self.store, self.book, self.connections = Remembered(recorded), Remembered(), Remembered()
        self.cache = Remembered() if with_cache else None
        self.quotes = start(
            QuoteCache,
            self.store,
            self.cache,
            self.book,
            self.connections,
            CALENDARS,
            epoch=7,
            positions=positions or count(1),
            stale_seconds=1800,
            jump_limit=Decimal("0.5"),
            now=now,
        )
        if is_loaded:
            self.tell(LastPricesLoaded(tuple(loaded)))

    def tell(self, message) -> None:
        self.quotes.tell(message)
        self.quotes.ask(Ping()).get(timeout=5)

    def fetch(self, *quotes, fallbacks=()) -> None:
        self.tell(QuotesFetched(quotes[0].provider, quotes, frozenset(fallbacks)))

    def tick(self, now) -> None:
        self.now, self.monotonic = now, self.monotonic + 1
        self.tell(Tick(now, self.monotonic))

    def ask(self, request):
        return self.quotes.ask(request).get(timeout=5)

    def price(self, symbol="CBA.AX"):
        return self.ask(GetPrices((symbol,)))[symbol]

    def news(self):
        """What was published, batch by batch."""
        self.quotes.ask(Ping()).get(timeout=5)  # by now the store's answers are handled
        return [{price.symbol: price for price in message.prices} for message in self.connections.all(PricesPublished)]

    def rows(self):
        """The new prices that the store was told to keep, batch by batch."""
        return [message.rows for message in self.store.all(RecordQuotes) if message.rows]


@pytest.fixture
def world(start):
    return World(start)


# -- News ----------------------------------------------------------------------------------------


def test_a_poll_is_one_batch_of_news_for_each_neighbour_and_one_row_a_price(world):
    world.fetch(quote("CBA.AX", "100.10"), quote("BHP.AX", "41.5200"))

    (news,) = world.news()
    assert world.book.last(QuotesChanged).prices == news
    assert {symbol: price.value for symbol, price in news.items()} == {
        "CBA.AX": Decimal("100.10"),
        "BHP.AX": Decimal("41.52"),
    }
    assert {price.position for price in news.values()} == {StreamPosition(7, 1), StreamPosition(7, 2)}
    (recorded,) = world.store.all(RecordQuotes)
    assert [(row.symbol, str(row.price), row.epoch) for row in recorded.rows] == [
        ("CBA.AX", "100.10", 7),
        ("BHP.AX", "41.5200", 7),
    ]


def test_a_price_says_what_its_exchange_does_and_how_final_it_is(world):
    world.fetch(quote("CBA.AX"))
    price = world.price()

    assert (price.exchange, price.market_status, price.confirmation) == (
        "XASX",
        MarketStatus.OPEN,
        Confirmation.INTRADAY,
    )
    assert (price.source, price.is_stale, price.stale_reason) == ("yahoo", False, None)
    assert world.store.last(RecordQuotes).rows[0].is_market_hours is True


def test_the_same_quote_polled_again_is_no_news_but_was_received_later(world):
    world.fetch(quote("CBA.AX"))
    later = NOON + timedelta(minutes=5)
    world.fetch(quote("CBA.AX", received_at=later))

    assert len(world.news()) == 1
    assert len(world.store.all(RecordQuotes)) == 1
    assert world.price().quote.received_at == later
    assert world.price().position == StreamPosition(7, 1)


def test_positions_have_no_gaps_where_there_was_no_news(world):
    world.fetch(quote("CBA.AX"))
    world.fetch(quote("CBA.AX"))
    world.fetch(quote("CBA.AX", "101", quote_time=NOON + timedelta(seconds=9)))

    assert world.price().position == StreamPosition(7, 2)


def test_the_cache_is_told_to_keep_what_the_store_keeps(start):
    world = World(start, with_cache=True)
    world.fetch(quote("CBA.AX"))

    assert world.cache.last(RecordQuotes).rows == world.store.last(RecordQuotes).rows


def test_a_name_is_kept_when_another_source_does_not_tell_it(world):
    world.fetch(replace(quote("CBA.AX"), name="Commonwealth Bank"))
    world.fetch(quote("CBA.AX", "101", provider="alpha_vantage", quote_time=NOON + timedelta(minutes=1)))

    assert world.price().quote.name == "Commonwealth Bank"
    assert world.price().source == "alpha_vantage"


def test_prices_are_told_to_who_asks_and_answered_to_who_wants_some_or_all(world):
    world.fetch(quote("CBA.AX"), quote("BHP.AX"))
    late = Remembered()
    world.tell(SendPrices(late))

    assert late.last(QuotesChanged).prices.keys() == {"CBA.AX", "BHP.AX"}
    assert world.ask(GetPrices(("CBA.AX", "NOPE"))).keys() == {"CBA.AX"}
    assert world.ask(GetPrices(None)).keys() == {"CBA.AX", "BHP.AX"}


def test_a_restarted_cache_goes_on_counting(start):
    positions = count(1)
    first = World(start, positions=positions)
    first.fetch(quote("CBA.AX"))
    second = World(start, positions=positions)
    second.fetch(quote("CBA.AX"))

    assert second.price().position > first.price().position


# -- The gate --------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "1E+40"])
def test_an_impossible_price_is_never_shown(world, price):
    world.fetch(quote("CBA.AX", price))

    assert world.ask(GetPrices(None)) == {}
    assert world.store.all(RecordQuotes) == []


def test_an_older_quote_does_not_replace_a_newer_one(world):
    world.fetch(quote("CBA.AX", "100"))
    world.fetch(quote("CBA.AX", "90", quote_time=NOON - timedelta(minutes=1)))

    assert world.price().value == 100


def test_a_fallbacks_quote_in_another_currency_is_refused_and_reported_once(world, caplog):
    wrong = quote("CBA.AX", "65", provider="alpha_vantage", currency="USD")
    for _ in range(2):
        world.fetch(wrong, fallbacks={"CBA.AX"})

    assert world.ask(GetPrices(None)) == {}
    assert caplog.text.count("alpha_vantage: the price of CBA.AX is not shown: currency") == 1


def test_a_known_instrument_keeps_its_currency_whoever_answers(world):
    world.fetch(quote("CBA.AX"))
    world.fetch(quote("CBA.AX", "65", currency="USD", quote_time=NOON + timedelta(minutes=1)))

    assert world.price().currency == "AUD"


def test_one_bad_quote_does_not_hide_the_others_of_its_poll(world):
    world.fetch(quote("CBA.AX", "NaN"), quote("BHP.AX"))

    assert world.ask(GetPrices(None)).keys() == {"BHP.AX"}


# -- Quarantine --------------------------------------------------------------------------------------


def hold_back(world, price="10000"):
    world.fetch(quote("CBA.AX", "100"))
    world.fetch(quote("CBA.AX", price, quote_time=NOON + timedelta(seconds=30)))


def test_a_price_a_hundred_times_the_last_is_held_back_and_the_last_good_one_stays_marked(world):
    hold_back(world)

    price = world.price()
    assert (price.value, price.is_stale, price.stale_reason) == (100, True, "quarantined")
    assert len(world.news()) == 2
    assert len(world.rows()) == 1
    assert [row.stale_reason for row in world.store.last(RecordQuotes).restated] == ["quarantined"]
    (held,) = world.ask(ListQuarantine())
    assert (held.symbol, held.held_price, held.last_good_price, held.rule) == ("CBA.AX", 10000, 100, "factor")


def test_a_quarantine_lasts_while_time_passes_and_a_good_price_ends_it(world):
    hold_back(world)
    world.tick(NOON + timedelta(minutes=1))
    assert world.price().stale_reason == "quarantined"
    assert len(world.news()) == 2

    world.fetch(quote("CBA.AX", "101", quote_time=NOON + timedelta(minutes=1)))
    assert (world.price().value, world.price().stale_reason) == (101, None)
    assert world.ask(ListQuarantine()) == ()


def test_the_same_good_price_again_ends_a_quarantine_and_that_is_news(world):
    hold_back(world)
    world.fetch(quote("CBA.AX", "100", quote_time=NOON, received_at=NOON + timedelta(minutes=2)))

    assert world.price().stale_reason is None
    assert len(world.news()) == 3


def test_a_second_source_confirms_a_held_price(world):
    hold_back(world)
    world.fetch(
        quote("CBA.AX", "10010", provider="alpha_vantage", quote_time=NOON + timedelta(minutes=1)),
        fallbacks={"CBA.AX"},
    )

    assert (world.price().value, world.price().stale_reason) == (10010, None)


def test_a_jump_is_confirmed_by_the_next_poll(world):
    hold_back(world, price="160")
    assert world.price().value == 100

    world.tick(NOON + timedelta(minutes=15))
    world.fetch(quote("CBA.AX", "161", quote_time=NOON + timedelta(minutes=15)))
    assert world.price().value == 161


def test_an_administrator_accepts_a_held_price(world):
    hold_back(world)
    decided = world.ask(DecideQuarantine("CBA.AX", accept=True))

    assert (decided.held_price, decided.last_good_price) == (10000, 100)
    assert (world.price().value, world.price().stale_reason) == (10000, None)
    assert world.store.last(RecordQuotes).rows[0].price == 10000
    assert world.ask(ListQuarantine()) == ()


def test_a_rejected_price_is_dropped_and_not_held_again_until_it_changes(world):
    hold_back(world)
    world.ask(DecideQuarantine("CBA.AX", accept=False))
    assert (world.price().value, world.price().stale_reason) == (100, None)
    assert world.ask(ListQuarantine()) == ()

    world.fetch(quote("CBA.AX", "10000", quote_time=NOON + timedelta(minutes=1)))
    assert world.price().stale_reason is None
    world.fetch(quote("CBA.AX", "10500", quote_time=NOON + timedelta(minutes=2)))
    assert world.price().stale_reason == "quarantined"


def test_there_is_nothing_to_decide_where_nothing_is_held_back(world):
    for decision in (True, False):
        with pytest.raises(NotFound):
            world.ask(DecideQuarantine("CBA.AX", accept=decision))


# -- Time ----------------------------------------------------------------------------------------------


def test_a_price_grows_stale_while_its_exchange_is_open_and_that_is_news_once(world):
    world.fetch(quote("CBA.AX", delay_seconds=60), quote("BHP.AX", delay_seconds=60))
    world.tick(NOON + timedelta(seconds=1860))
    assert len(world.news()) == 1

    for seconds in (1861, 1862):
        world.tick(NOON + timedelta(seconds=seconds))
    assert len(world.news()) == 2
    assert {price.stale_reason for price in world.news()[1].values()} == {"age"}
    assert world.news()[1].keys() == {"CBA.AX", "BHP.AX"}
    assert len(world.rows()) == 1
    assert [row.symbol for row in world.store.last(RecordQuotes).restated] == ["CBA.AX", "BHP.AX"]


def test_a_new_price_is_fresh_again(world):
    world.fetch(quote("CBA.AX"))
    world.tick(NOON + timedelta(hours=1))
    world.fetch(quote("CBA.AX", "101", quote_time=NOON + timedelta(hours=1)))

    assert world.price().is_stale is False


def test_the_close_of_an_exchange_is_news_and_ages_no_price(world):
    world.tick(at(15, 59))
    world.fetch(quote("CBA.AX", quote_time=at(15, 59)))
    world.tick(at(16, 0))
    world.tick(at(23, 0))

    assert [news["CBA.AX"].market_status for news in world.news()] == ["OPEN", "AFTER_HOURS"]
    assert world.price().is_stale is False


def test_yesterdays_price_is_stale_when_the_exchange_opens(world):
    world.tick(at(16, 1))
    world.fetch(quote("CBA.AX", quote_time=at(16, 0)))
    world.tick(at(9, 59, day=6))
    assert (world.price().market_status, world.price().is_stale) == ("PRE_MARKET", False)

    world.tick(at(10, 0, day=6))
    assert (world.price().market_status, world.price().stale_reason) == ("OPEN", "age")


# -- Restarts --------------------------------------------------------------------------------------------


def a_row(symbol="CBA.AX", price="99.50", quote_time=NOON - timedelta(minutes=10), **fields) -> LastPrice:
    row = LastPrice(
        symbol=symbol,
        name="Commonwealth Bank",
        exchange="XASX",
        currency="AUD",
        price=Decimal(price),
        previous_close=Decimal(98),
        volume=1000,
        provider="yahoo",
        source="yahoo",
        quote_time=quote_time,
        received_at=quote_time,
        delay_seconds=0,
        end_of_day=False,
        confirmation="intraday",
        is_market_hours=True,
        epoch=6,
        number=123,
    )
    return replace(row, **fields)


def test_the_last_good_prices_are_there_at_once_after_a_restart_and_written_no_second_time(start):
    kept = a_row(market_status="OPEN")
    world = World(start, loaded=[kept, a_row("BHP.AX", market_status="OPEN", quote_time=NOON - timedelta(hours=1))])

    assert world.store.last(SendLastPrices)
    assert world.book.last(QuotesChanged).prices.keys() == {"CBA.AX", "BHP.AX"}
    assert (world.price().value, world.price().quote.name) == (Decimal("99.50"), "Commonwealth Bank")
    assert world.price("BHP.AX").stale_reason == "age"
    assert world.rows() == []


def test_after_a_restart_only_what_stands_otherwise_than_before_is_news(start):
    kept = a_row(market_status="OPEN")
    aged = a_row("BHP.AX", number=124, market_status="OPEN", quote_time=NOON - timedelta(hours=1))
    world = World(start, loaded=[kept, aged])

    assert world.price().position == StreamPosition(6, 123)
    assert [(news.keys(), news["BHP.AX"].position) for news in world.news()] == [({"BHP.AX"}, StreamPosition(7, 1))]
    (loaded,) = world.connections.all(PublishedLoaded)
    assert (loaded.prices.keys(), loaded.position) == ({"CBA.AX"}, StreamPosition(7, 0))


def test_a_restarted_cache_begins_where_the_last_one_of_its_epoch_ended(start):
    world = World(start, loaded=[a_row(market_status="OPEN", epoch=7, number=9)])

    assert world.connections.last(PublishedLoaded).position == StreamPosition(7, 9)


def test_a_price_of_a_server_that_began_later_is_told_anew(start):
    world = World(start, loaded=[a_row(market_status="OPEN", epoch=8, number=9)])

    assert world.price().position == StreamPosition(7, 1)
    assert world.connections.last(PublishedLoaded).position == StreamPosition(7, 0)


def test_no_stream_is_told_of_a_price_that_is_not_kept_yet(start):
    world = World(start)
    world.store.answer = None
    world.fetch(quote("CBA.AX"))
    world.tell(SendPublished(world.connections))

    assert world.book.last(QuotesChanged).prices.keys() == {"CBA.AX"}
    assert world.connections.last(PublishedLoaded).prices == {}
    assert world.news() == []

    world.tell(QuotesRecorded(world.store.last(RecordQuotes).batch))
    world.tell(SendPublished(world.connections))

    assert world.news() == [{"CBA.AX": world.price()}]
    assert world.connections.last(PublishedLoaded) == PublishedLoaded({"CBA.AX": world.price()}, StreamPosition(7, 1))


def test_the_gate_knows_the_prices_of_before_the_restart(start):
    world = World(start, is_loaded=False)
    world.fetch(quote("CBA.AX", "9950"))
    assert world.ask(GetPrices(None)) == {}

    world.tell(LastPricesLoaded((a_row(),)))
    assert (world.price().value, world.price().stale_reason) == (Decimal("99.50"), "quarantined")


def test_the_last_prices_are_asked_for_until_they_come(start):
    world = World(start, is_loaded=False)
    world.tick(NOON + timedelta(seconds=1))
    asked = len(world.store.all(SendLastPrices))
    for seconds in range(2, 8):
        world.tick(NOON + timedelta(seconds=seconds))
    assert len(world.store.all(SendLastPrices)) == asked + 1

    world.tell(LastPricesLoaded(()))
    for seconds in range(8, 20):
        world.tick(NOON + timedelta(seconds=seconds))
    assert len(world.store.all(SendLastPrices)) == asked + 1


def test_redis_is_asked_after_the_database_and_counts_where_it_is_newer(start):
    world = World(start, loaded=[a_row(), a_row("BHP.AX")], with_cache=True)
    assert world.cache.last(SendLastPrices)

    newer = NOON - timedelta(minutes=1)
    world.tell(LastPricesLoaded((a_row(price="99.70", quote_time=newer), a_row("BHP.AX", "1"))))
    assert world.price().value == Decimal("99.70")
    assert world.price("BHP.AX").value == Decimal("99.50")
