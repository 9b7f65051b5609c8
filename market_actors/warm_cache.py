"""WarmCache: last prices and valuations in Redis, for a warm start and cheap reads.

Nothing depends on it. What it holds is written behind the events and read only together
with a check (see PortfolioBook); without Redis every answer is the same, only dearer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TypeVar
from uuid import UUID

import msgspec

from market_actors.actor import MarketActor
from market_actors.domain.valuation import Valuation
from market_actors.messages import (
    CacheStatus,
    DropValuations,
    GetCacheStatus,
    LastPricesLoaded,
    Message,
    PortfolioValued,
    RecallValuation,
    RecordQuotes,
    SendLastPrices,
    Tick,
    ValuationRecalled,
)
from persistence.cache import RedisCache
from persistence.records import LastPrice

T = TypeVar("T")

logger = logging.getLogger(__name__)

FLUSH = 500  # valuations written at one tick at the most; the newest of each portfolio waits


def _made(lazy: object) -> object:
    """Return what JSON knows of what a valuation makes when it is looked at."""
    return dict(lazy) if isinstance(lazy, Mapping) else tuple(lazy) if isinstance(lazy, Sequence) else NotImplemented


_encode = msgspec.json.Encoder(enc_hook=_made).encode
_price = msgspec.json.Decoder(LastPrice)
_valuation = msgspec.json.Decoder(Valuation)


class WarmCache(MarketActor):
    """The only actor that speaks with Redis; its calls are short, and none is made while the breaker is open."""

    def __init__(self, cache: RedisCache) -> None:
        super().__init__()
        self._cache = cache
        self._pending: dict[UUID, Valuation] = {}

    def on_receive(self, message: Message) -> CacheStatus | None:
        match message:
            case PortfolioValued(valuation):
                self._pending[valuation.portfolio_id] = valuation
            case RecordQuotes(rows):
                self._cache.put_quotes({row.symbol: _encode(row) for row in rows})
            case DropValuations(portfolio_ids):
                for portfolio_id in portfolio_ids:
                    self._pending.pop(portfolio_id, None)
                self._cache.drop_valuations(portfolio_ids)
            case RecallValuation(portfolio_id, reply_to):
                reply_to.tell(ValuationRecalled(portfolio_id, self._recall(portfolio_id)))
            case SendLastPrices(reply_to):
                reply_to.tell(LastPricesLoaded(self._last_prices()))
            case Tick():
                self._flush()
            case GetCacheStatus():
                status = self._cache.status()
                return CacheStatus(**{field.name: getattr(status, field.name) for field in fields(CacheStatus)})
            case _:
                raise TypeError(f"not a message for the cache: {message!r}")
        return None

    def _recall(self, portfolio_id: UUID) -> Valuation | None:
        kept = self._pending.get(portfolio_id)
        if kept is not None:
            return kept
        data = self._cache.valuation(portfolio_id)
        return _decoded(_valuation, data) if data else None

    def _last_prices(self) -> tuple[LastPrice, ...]:
        found = (_decoded(_price, data) for data in self._cache.quotes().values())
        return tuple(price for price in found if price is not None)

    def _flush(self) -> None:
        chosen = list(self._pending)[:FLUSH]
        self._cache.put_valuations({key: _encode(self._pending.pop(key)) for key in chosen})


def _decoded(decoder: msgspec.json.Decoder[T], data: bytes) -> T | None:
    """What cannot be read was written by somebody else, or by another version: as if it were not there."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError):
        logger.warning("an entry of the cache is unreadable and ignored")
        return None
