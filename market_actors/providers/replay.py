"""A market that was recorded: the same prices in the same order, as fast as is wished.

For the rest of the house it is the simulated source: no price of it is the market's of this moment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter

from market_actors.domain.exchanges import exchange_of
from market_actors.domain.quote import Quote
from market_actors.errors import ErrorKind, ProviderError
from market_actors.providers.base import Fetched, Provider
from market_actors.providers.simulated import NAME
from persistence.records import Instrument


@dataclass(frozen=True, slots=True)
class Recording:
    """What quotes came from *start* to *end* (aware, UTC): of each symbol one or more, in the order of received_at.

    What a symbol stood at before came at the start.
    """

    start: datetime
    end: datetime
    quotes: Mapping[str, Sequence[Quote]]


class Replay(Provider):
    """Begins when it is made. A symbol has its first price from the beginning, and its last one after the end.

    speed: seconds of the recording in a second, above 0.
    now:   the wall clock, aware, UTC.
    """

    name = NAME
    quota = None
    batch_size = 500

    def __init__(self, recording: Recording, speed: float, now: Callable[[], datetime]) -> None:
        self._recording = recording
        self._speed = speed
        self._now = now
        self._begun = now()

    def covers(self, exchange: str) -> bool:
        return True

    def fetch(self, symbols: Sequence[str]) -> Fetched:
        unknown = ProviderError(ErrorKind.UNKNOWN_SYMBOL, "is not in the recording")
        now = self._now()
        known = self._recording.quotes.keys()
        return Fetched(
            tuple(self._quote(symbol, now) for symbol in symbols if symbol in known),
            {symbol: unknown for symbol in symbols if symbol not in known},
        )

    def search(self, text: str) -> tuple[Instrument, ...]:
        sought = text.casefold()
        newest = [quotes[-1] for quotes in self._recording.quotes.values()]
        return tuple(
            Instrument(quote.symbol, quote.name, quote.exchange or exchange_of(quote.symbol), quote.currency)
            for quote in newest
            if quote.symbol.casefold().startswith(sought) or sought in (quote.name or "").casefold()
        )

    def _quote(self, symbol: str, now: datetime) -> Quote:
        quotes = self._recording.quotes[symbol]
        played = (now - self._begun).total_seconds() * self._speed
        length = (self._recording.end - self._recording.start).total_seconds()
        moment = self._recording.start + timedelta(seconds=min(played, length))
        passed = bisect_right(quotes, moment, key=attrgetter("received_at"))
        quote = quotes[max(passed - 1, 0)]
        came = self._begun + (quote.received_at - self._recording.start) / self._speed
        return replace(quote, provider=NAME, quote_time=came if came <= now else self._begun, received_at=now)
