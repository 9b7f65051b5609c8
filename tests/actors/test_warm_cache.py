"""The warm cache on a real Redis: what rests is read cheaply, and only what still holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from market_actors.actor import Address
from market_actors.book import IDLE, PortfolioBook
from market_actors.domain.position import Holdings, Position
from market_actors.domain.quote import Confirmation, MarketStatus, Price, Quote, StreamPosition
from market_actors.domain.valuation import Valuation
from market_actors.messages import (
    BookLoaded,
    CacheStatus,
    GetCacheStatus,
    GetValuation,
    Message,
    Ping,
    PositionsChanged,
    QuotesChanged,
    SendPositions,
    Tick,
)
from market_actors.warm_cache import WarmCache
from persistence.cache import RedisCache
from persistence.records import BookEntry
from tests.doubles import Remembered
from tests.servers import RedisServer

pytestmark = pytest.mark.redis

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
USER, PORTFOLIO = UUID(int=1), uuid4()


class World:
    """A book and its cache; one portfolio of ten shares."""

    def __init__(self, url: str) -> None:
        self.store = Remembered(self._answer)
        self.cache = Address("cache", WarmCache.start(RedisCache(url)))
        neighbours = (self.store, Remembered(), Remembered(), Remembered())
        self.book = Address("book", PortfolioBook.start(*neighbours, self.cache, NOW))
        self.book.tell(BookLoaded((BookEntry(PORTFOLIO, USER, "AUD", 1, (("CBA.AX", "AUD", Decimal(10)),)),)))
        self.monotonic = 0.0
        self.numbers = iter(range(1, 100))

    def _answer(self, message: Message) -> None:
        if isinstance(message, SendPositions):
            position = Position("CBA.AX", Decimal(10), Decimal(1), "AUD")
            self.book.tell(PositionsChanged((Holdings(PORTFOLIO, USER, "AUD", 1, (position,)),)))

    def price(self, amount: str) -> None:
        quote = Quote("CBA.AX", "yahoo", Decimal(amount), "AUD", NOW, NOW)
        position = StreamPosition(1, next(self.numbers))
        status = (MarketStatus.OPEN, Confirmation.INTRADAY, False, None)
        self.book.tell(QuotesChanged({"CBA.AX": Price(quote, "yahoo", "XASX", *status, position)}))

    def tick(self, seconds: float) -> None:
        self.monotonic += seconds
        for actor in (self.book, self.cache):
            actor.tell(Tick(NOW + timedelta(seconds=self.monotonic), self.monotonic))
            actor.ask(Ping()).get(timeout=5)  # type: ignore[arg-type]

    def worth(self) -> Decimal:
        valuation: Valuation = self.book.ask(GetValuation(PORTFOLIO)).get(timeout=5)
        return valuation.total_value

    def hit_rate(self) -> float:
        status: CacheStatus = self.cache.ask(GetCacheStatus()).get(timeout=5)
        return status.hit_rate

    def close(self) -> None:
        for actor in (self.book, self.cache):
            actor.stop().get(timeout=5)


@pytest.fixture
def world(redis_server: RedisServer) -> Iterator[World]:
    made = World(redis_server.url)
    yield made
    made.close()


def test_reads_of_a_portfolio_that_nobody_watches_come_from_redis_until_its_price_changes(world: World) -> None:
    world.price("1.50")
    assert world.worth() == 15
    world.tick(1)
    world.tick(IDLE + 1)
    asked = len(world.store.all(SendPositions))
    rates = [world.hit_rate()]
    for _ in range(5):
        assert world.worth() == 15
        rates.append(world.hit_rate())

    assert len(world.store.all(SendPositions)) == asked
    assert rates == sorted(rates)
    assert rates[-1] > rates[0]

    world.price("2")
    assert world.worth() == 20
    assert len(world.store.all(SendPositions)) == asked + 1


def test_a_redis_that_is_lost_while_portfolios_rest_changes_no_value(world: World, redis_server: RedisServer) -> None:
    world.price("1.50")
    assert world.worth() == 15
    world.tick(1)
    world.tick(IDLE + 1)

    redis_server.kill()

    assert world.worth() == 15
