"""Takes prices to the store at the store's own pace, and to the streams once they are kept.

A price that a reader has seen is in the history by then, also if the server is killed the moment after. What nobody
has seen may be left out of it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from market_actors.domain.quote import Price, StreamPosition
from market_actors.last_prices import OVERRIDE
from market_actors.messages import Address, PricesPublished, RecordQuotes
from persistence.records import LastPrice

logger = logging.getLogger(__name__)

BATCH = 1_000  # prices; the store answers questions between two batches
MOST_WAITING = 20_000  # prices; above it only the newest of each symbol waits
GIVEN_UP = 3.0  # seconds without an answer after which a batch counts as lost with its store, and is sent again
TRIES = 3  # times that a batch is sent and not answered; it may be what the store falls over


@dataclass(frozen=True, slots=True)
class Publication:
    """A price with its position, and as it is stored. is_fresh: it is new, not the last one restated."""

    price: Price
    row: LastPrice
    is_fresh: bool


class PriceRecorder:
    """At most one batch is with the *store*; what is news meanwhile makes up the next.

    So a store that is slower than the prices has one message more to handle, not thousands. The *cache* gets the same
    batches. Times are monotonic seconds.

    published: position of the newest price that *connections* were told.
    """

    def __init__(
        self, store: Address, cache: Address | None, connections: Address, reply_to: Address, published: StreamPosition
    ) -> None:
        self._store = store
        self._cache = cache
        self._connections = connections
        self._reply_to = reply_to
        self.published = published
        self._waiting: list[Publication] = []
        self._hidden: dict[str, LastPrice] = {}
        self._sent: RecordQuotes | None = None
        self._prices: tuple[Price, ...] = ()
        self._sent_at = 0.0
        self._tries = self._batch = 0
        self._monotonic = 0.0

    @property
    def waiting(self) -> frozenset[str]:
        """The symbols of which a price is not published yet."""
        return frozenset(price.symbol for price in self._prices) | {each.price.symbol for each in self._waiting}

    def record(self, news: Sequence[Publication], hidden: Sequence[LastPrice] = ()) -> None:
        """Keep these prices, now or with the next batch, and then publish them; the *hidden* are only kept."""
        self._waiting += news
        self._hidden |= {row.symbol: row for row in hidden}
        if len(self._waiting) > MOST_WAITING:
            kept = _newest(self._waiting)
            logger.warning("the store lags: %d prices are left out of the history", len(self._waiting) - len(kept))
            self._waiting = kept
        self._send()

    def recorded(self, batch: int, is_kept: bool) -> None:
        """The store has answered for a batch."""
        if self._sent is None or batch != self._batch:
            return
        if not is_kept:
            self._tries = 0
            return
        prices, self._sent, self._prices = self._prices, None, ()
        if prices:
            self.published = prices[-1].position
            self._connections.tell(PricesPublished(prices))
        self._send()

    def pass_time(self, monotonic: float) -> None:
        self._monotonic = monotonic
        if self._sent is None or monotonic - self._sent_at <= GIVEN_UP:
            return
        if self._tries < TRIES:
            self._tries += 1
            self._sent_at = monotonic
            self._store.tell(self._sent)
        else:
            logger.error("the store answers nothing: %d prices are left out of the history", len(self._prices))
            self._sent, self._prices = None, ()
            self._send()

    def _send(self) -> None:
        if self._sent is not None or not (self._waiting or self._hidden):
            return
        hidden, self._hidden = tuple(self._hidden.values()), {}
        chosen, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        rows = tuple(each.row for each in chosen if each.is_fresh)
        restated = tuple(each.row for each in chosen if not each.is_fresh)
        self._batch += 1
        self._sent_at, self._tries = self._monotonic, 1
        self._prices = tuple(each.price for each in chosen)
        self._sent = RecordQuotes(rows, hidden, restated, self._reply_to, self._batch)
        self._store.tell(self._sent)
        if self._cache is not None:
            # What an administrator set ends with the order, not with the cache's time.
            told = tuple(row for row in (*rows, *restated, *hidden) if row.source != OVERRIDE)
            if told:
                self._cache.tell(RecordQuotes(told))


def _newest(waiting: Sequence[Publication]) -> list[Publication]:
    """Return the newest of each symbol; one that restates a new price which is left out is that new price."""
    newest: dict[str, Publication] = {}
    for each in waiting:
        is_fresh = each.is_fresh or (each.price.symbol in newest and newest[each.price.symbol].is_fresh)
        newest[each.price.symbol] = replace(each, is_fresh=is_fresh)
    return sorted(newest.values(), key=lambda each: each.price.position)
