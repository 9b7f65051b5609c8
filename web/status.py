"""GET /api/v1/market-data/status: how the server, the exchanges, the providers and the cache are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from market_actors import __version__
from market_actors.actor import Address
from market_actors.calendars import Calendars
from market_actors.domain.exchanges import exchange_of, timezone_of
from market_actors.errors import MarketError
from market_actors.messages import CacheStatus, CountStreams, GetCacheStatus, GetPrices, GetUpdates, Request, Updates
from market_actors.stored import CountPortfolios
from web.gateway import ask
from web.operation import operation
from web.prices import UpdatedHandler
from web.schemas import (
    CacheAnswer,
    ExchangeStatus,
    ProviderAnswer,
    Statistics,
    StatusAnswer,
    SystemStatus,
)

T = TypeVar("T")

NO_CACHE = CacheStatus(redis_connected=False, total_keys=0, memory_usage=0, hit_rate=0.0, expired_keys_today=0)


class StatusHandler(UpdatedHandler):
    """Answers also when an actor does not: then the status says so."""

    @operation("How everything is", scope="read", answer=StatusAnswer)
    async def get(self) -> None:
        updates, prices, streams, portfolios, cache = await asyncio.gather(
            self._ask(self.market.scheduler, GetUpdates()),
            self._ask(self.market.quotes, GetPrices(None)),
            self._ask(self.market.connections, CountStreams()),
            self._ask(self.market.store, CountPortfolios()),
            self._ask(self.market.cache, GetCacheStatus()),
        )
        is_whole = None not in (updates, prices, streams, portfolios)
        tracked = updates.tracked if updates else frozenset(prices or ())
        exchanges = await self._exchanges({exchange_of(symbol) for symbol in tracked})
        self.keep_until(updates.next_update if updates else None)
        self.write_json(
            StatusAnswer(
                system_status=SystemStatus(
                    status=self._health(updates, is_whole),
                    uptime_seconds=self.metrics.uptime_seconds,
                    version=__version__,
                ),
                market_status=exchanges[0],
                exchanges=exchanges,
                data_providers=_providers(updates),
                cache_status=_cache(cache or NO_CACHE),
                last_update=updates.last_update if updates else None,
                next_update=updates.next_update if updates and updates.paused_reason is None else None,
                statistics=Statistics(
                    active_sse_connections=streams or 0,
                    portfolios_tracked=portfolios or 0,
                    symbols_cached=len(prices or ()),
                    updates_last_hour=updates.updates_last_hour if updates else 0,
                    average_response_time_ms=self.metrics.average_response_ms,
                ),
            )
        )

    async def _ask(self, actor: Address | None, question: Request[T]) -> T | None:
        if actor is None:
            return None
        try:
            return await ask(actor, question)
        except MarketError:
            return None

    async def _exchanges(self, used: Iterable[str]) -> tuple[ExchangeStatus, ...]:
        """Return how the default exchange is, then the others in use."""
        default = self.market_settings.default_exchange
        codes = [default, *sorted(set(used) - {default})]
        # The calendars of an exchange are read from files at first.
        return await asyncio.get_running_loop().run_in_executor(None, _phases, self.market.calendars, codes, self.now())

    def _health(self, updates: Updates | None, is_whole: bool) -> Any:
        if updates is None or not is_whole:
            return "down"
        troubled = any(provider.is_lost and provider.status != "disabled" for provider in updates.providers)
        if troubled or updates.paused_reason is not None or self.market.system.is_degraded(time.monotonic()):
            return "degraded"
        return "healthy"


def _phases(calendars: Calendars, codes: Iterable[str], now: datetime) -> tuple[ExchangeStatus, ...]:
    return tuple(_phase(calendars, code, now) for code in codes)


def _phase(calendars: Calendars, code: str, now: datetime) -> ExchangeStatus:
    phase = calendars.phase(code, now)
    return ExchangeStatus(
        is_open=phase.is_open,
        next_open=phase.next_open,
        next_close=phase.next_close,
        timezone=timezone_of(code),
        exchange=code,
        phase=phase.status.value,
    )


def _providers(updates: Updates | None) -> tuple[ProviderAnswer, ...]:
    return tuple(
        ProviderAnswer(
            name=provider.name,
            status=provider.status,  # type: ignore[arg-type]
            last_request=provider.last_request,
            requests_today=provider.requests_today,
            rate_limit_remaining=provider.rate_limit_remaining,
            error_count=provider.error_count,
            reason=provider.reason,
            next_try=provider.next_try,
        )
        for provider in (updates.providers if updates else ())
    )


def _cache(cache: CacheStatus) -> CacheAnswer:
    return CacheAnswer(
        redis_connected=cache.redis_connected,
        total_keys=cache.total_keys,
        memory_usage=cache.memory_usage,
        hit_rate=cache.hit_rate,
        expired_keys_today=cache.expired_keys_today,
    )
