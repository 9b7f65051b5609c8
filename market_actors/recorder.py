"""Takes published prices to the store at the store's own pace."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from market_actors.last_prices import OVERRIDE
from market_actors.messages import Address, RecordQuotes
from persistence.records import LastPrice

logger = logging.getLogger(__name__)

BATCH = 1_000  # rows; the store answers questions between two batches
MOST_WAITING = 20_000  # rows; above it only the newest of each symbol waits
GIVEN_UP = 10.0  # seconds without an answer after which a batch counts as lost with its store


class PriceRecorder:
    """At most one batch is with the *store*; what is published meanwhile makes up the next.

    So a store that is slower than the prices has one message more to handle, not thousands. The *cache* gets the same batches. Times are monotonic seconds.
    """

    def __init__(self, store: Address, cache: Address | None, reply_to: Address) -> None:
        self._store = store
        self._cache = cache
        self._reply_to = reply_to
        self._waiting: list[LastPrice] = []
        self._hidden: dict[str, LastPrice] = {}
        self._sent_at: float | None = None
        self._monotonic = 0.0

    def record(self, rows: Sequence[LastPrice], hidden: Sequence[LastPrice] = ()) -> None:
        """Keep these prices, now or with the next batch; of the *hidden* nothing enters the history."""
        self._waiting += rows
        self._hidden |= {row.symbol: row for row in hidden}
        if len(self._waiting) > MOST_WAITING:
            kept = list({row.symbol: row for row in self._waiting}.values())
            logger.warning("the store lags: %d prices are left out of the history", len(self._waiting) - len(kept))
            self._waiting = kept
        self._send()

    def recorded(self) -> None:
        """The store has kept the batch."""
        self._sent_at = None
        self._send()

    def pass_time(self, monotonic: float) -> None:
        self._monotonic = monotonic
        if self._sent_at is not None and monotonic - self._sent_at > GIVEN_UP:
            self.recorded()

    def _send(self) -> None:
        if self._sent_at is not None or not (self._waiting or self._hidden):
            return
        hidden, self._hidden = tuple(self._hidden.values()), {}
        rows, self._waiting = tuple(self._waiting[:BATCH]), self._waiting[BATCH:]
        self._sent_at = self._monotonic
        self._store.tell(RecordQuotes(rows, hidden, self._reply_to))
        if self._cache is not None:
            # What an administrator set ends with the order, not with the cache's time.
            told = tuple(row for row in (*rows, *hidden) if row.source != OVERRIDE)
            if told:
                self._cache.tell(RecordQuotes(told))
