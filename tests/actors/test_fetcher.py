"""The fetcher: turns whatever a provider answers into messages, and outlives all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import pytest

from market_actors.errors import ErrorKind, ProviderError
from market_actors.fetcher import Fetcher
from market_actors.messages import (
    Ping,
    Poll,
    PollFinished,
    ProviderCalled,
    QuotesFetched,
    Search,
    SearchFinished,
    Tick,
)
from market_actors.providers.base import Fetched, Provider
from persistence.records import Instrument
from tests.domain.samples import NOON, quote
from tests.doubles import Remembered

CALL = UUID(int=3)
CBA = Instrument("CBA.AX", "Commonwealth Bank", "XASX", "AUD")


class Scripted(Provider):
    """Answers what the test says."""

    name = "yahoo"
    quota = None
    batch_size = 2

    def __init__(self) -> None:
        self.answer: Callable[[], Fetched] = lambda: Fetched((), {})
        self.found: Callable[[], tuple[Instrument, ...]] = lambda: (CBA,)
        self.is_closed = False

    def covers(self, exchange: str) -> bool:
        return True

    def fetch(self, symbols: Sequence[str]) -> Fetched:
        return self.answer()

    def search(self, text: str) -> tuple[Instrument, ...]:
        return self.found()

    def close(self) -> None:
        self.is_closed = True


class World:
    def __init__(self, start) -> None:
        self.provider = Scripted()
        self.quotes, self.usage, self.scheduler = Remembered(), Remembered(), Remembered()
        self.fetcher = start(Fetcher, self.provider, self.quotes, self.usage)

    def poll(self, *symbols: str, call_id: UUID = CALL, fallbacks: frozenset[str] = frozenset()) -> PollFinished:
        poll = Poll(UUID(int=1), "yahoo", symbols, fallbacks, "scheduled", call_id, self.scheduler)
        self.fetcher.tell(poll)
        self.fetcher.ask(Ping()).get(timeout=5)
        return self.scheduler.last(PollFinished)

    def search(self) -> SearchFinished:
        self.fetcher.tell(Search(UUID(int=2), "cba", CALL, self.scheduler))
        self.fetcher.ask(Ping()).get(timeout=5)
        return self.scheduler.last(SearchFinished)


@pytest.fixture
def world(start):
    return World(start)


def raising(error: Exception):
    def answer():
        raise error

    return answer


def test_quotes_go_to_the_cache_and_the_outcome_to_usage_and_scheduler(world):
    world.provider.answer = lambda: Fetched((quote("CBA.AX"),), {})
    finished = world.poll("CBA.AX", fallbacks=frozenset({"CBA.AX"}))

    assert world.quotes.last(QuotesFetched) == QuotesFetched("yahoo", (quote("CBA.AX"),), frozenset({"CBA.AX"}))
    assert world.usage.last(ProviderCalled).outcome == "ok"
    assert (finished.answered, finished.failure) == ({"CBA.AX"}, None)


def test_a_symbols_failure_does_not_hide_the_others_quotes(world):
    unknown = ProviderError(ErrorKind.UNKNOWN_SYMBOL, "no such symbol")
    world.provider.answer = lambda: Fetched((quote("CBA.AX"),), {"NOPE.AX": unknown})
    finished = world.poll("CBA.AX", "NOPE.AX")

    assert finished.answered == {"CBA.AX"}
    assert finished.failures == {"NOPE.AX": unknown}
    assert world.usage.last(ProviderCalled).outcome == "ok"


def test_what_a_provider_raises_on_purpose_is_handed_on(world):
    world.provider.answer = raising(ProviderError(ErrorKind.THROTTLED, "slow down", 30))
    finished = world.poll("CBA.AX")

    assert (finished.failure.kind, finished.failure.retry_after) == (ErrorKind.THROTTLED, 30)
    assert world.usage.last(ProviderCalled).outcome == "throttled"
    assert world.quotes.messages == []


def test_whatever_else_it_raises_is_malformed_and_shows_its_type_alone(world, caplog):
    world.provider.answer = raising(KeyError("apikey=SECRET"))
    finished = world.poll("CBA.AX")

    assert finished.failure.kind is ErrorKind.MALFORMED
    assert "KeyError" in str(finished.failure)
    assert "KeyError" in caplog.text
    assert "SECRET" not in caplog.text + str(finished.failure)

    world.provider.answer = lambda: Fetched((quote("CBA.AX"),), {})
    assert world.poll("CBA.AX").answered == {"CBA.AX"}


def test_a_quote_that_nobody_asked_for_is_dropped(world):
    world.provider.answer = lambda: Fetched((quote("BHP.AX"),), {})

    assert world.poll("CBA.AX").answered == frozenset()
    assert world.quotes.messages == []


def test_a_search_is_answered_and_counted(world):
    assert world.search().instruments == (CBA,)
    assert world.usage.last(ProviderCalled).outcome == "ok"


def test_a_search_that_fails_says_why(world):
    world.provider.found = raising(ValueError("?"))
    finished = world.search()

    assert finished.instruments == ()
    assert finished.failure.kind is ErrorKind.MALFORMED


def test_the_provider_is_closed_when_the_fetcher_stops(world):
    world.fetcher.tell(Tick(NOON, 1.0))
    world.fetcher.stop().get(timeout=5)

    assert world.provider.is_closed
