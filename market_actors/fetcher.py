"""Fetcher: calls one provider; the only actor that waits on the network."""

from __future__ import annotations

import logging
import time

from market_actors.actor import MarketActor
from market_actors.errors import ErrorKind, ProviderError
from market_actors.messages import (
    Address,
    Message,
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

logger = logging.getLogger(__name__)

NOTHING = Fetched((), {})


class Fetcher(MarketActor):
    """Turns polls into quotes. Whatever a provider answers is data: it never ends the actor."""

    def __init__(self, provider: Provider, quotes: Address, usage: Address) -> None:
        super().__init__()
        self._provider = provider
        self._quotes = quotes
        self._usage = usage

    def on_stop(self) -> None:
        self._provider.close()

    def on_receive(self, message: Message) -> None:
        match message:
            case Poll():
                self._poll(message)
            case Search():
                self._search(message)
            case Tick():
                pass  # a call has its own deadline
            case _:
                raise TypeError(f"not a message for a fetcher: {message!r}")

    def _poll(self, poll: Poll) -> None:
        began = time.monotonic()
        fetched, failure = NOTHING, None
        try:
            fetched = self._provider.fetch(poll.symbols)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the provider's
            failure = self._failure(error)
        latency_ms = _milliseconds_since(began)
        quotes = tuple(quote for quote in fetched.quotes if quote.symbol in poll.symbols)
        if quotes:
            self._quotes.tell(QuotesFetched(self._provider.name, quotes, poll.fallbacks))
        self._usage.tell(ProviderCalled(poll.call_id, self._provider.name, _outcome(failure), latency_ms))
        answered = frozenset(quote.symbol for quote in quotes)
        poll.reply_to.tell(PollFinished(poll, answered, fetched.failures, failure, latency_ms))

    def _search(self, search: Search) -> None:
        began = time.monotonic()
        found: tuple[Instrument, ...] = ()
        failure = None
        try:
            found = tuple(self._provider.search(search.text))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the provider's
            failure = self._failure(error)
        called = ProviderCalled(search.call_id, self._provider.name, _outcome(failure), _milliseconds_since(began))
        self._usage.tell(called)
        search.reply_to.tell(SearchFinished(search.search_id, self._provider.name, found, failure))

    def _failure(self, error: Exception) -> ProviderError:
        """What providers raise on purpose stays; of the rest only the type is shown: its text may hold a key."""
        if isinstance(error, ProviderError):
            return error
        kind = type(error).__name__
        logger.error("%s: its answer could not be understood: %s", self._provider.name, kind)
        return ProviderError(ErrorKind.MALFORMED, f"unreadable answer ({kind})")


def _outcome(failure: ProviderError | None) -> str:
    return "ok" if failure is None else failure.kind.value


def _milliseconds_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
