"""Prices, their history, the look-up of symbols, and how updating goes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import UNSET

from market_actors import clock
from market_actors.domain.exchanges import exchange_of, timezone_of
from market_actors.domain.quote import Price
from market_actors.errors import MarketError, Unavailable
from market_actors.messages import FetchNow, GetPrices, GetUpdates, LookUp, Refresh, Updates
from market_actors.stored import ListBars, ListHoldings, ListPortfolios, ListPricePoints, SearchInstruments
from web.base import ApiHandler
from web.bodies import price_body
from web.fields import Symbol
from web.gateway import ask
from web.operation import operation
from web.problems import invalid
from web.schemas import (
    MAX_SYMBOLS,
    BarAnswer,
    HistoryQuery,
    InstrumentAnswer,
    PriceAnswer,
    PricePointAnswer,
    PricesQuery,
    RefreshAnswer,
    RefreshBody,
    SymbolsQuery,
)

LONGEST_AGE = 15  # seconds for which an answer may be kept at the most
LOOK_UP_ROWS = 20
ENOUGH_ROWS = 5  # instruments known here, above which no provider is asked
HISTORY_LASTS = timedelta(hours=24)
HISTORY_TIMEOUT = 5.0  # seconds


class UpdatedHandler(ApiHandler):
    """Base of the calls whose answer holds until the next update."""

    async def updates(self) -> Updates | None:
        """How updating goes; None when the scheduler cannot tell."""
        with suppress(MarketError):
            return await ask(self.market.scheduler, GetUpdates())
        return None

    def keep_until_next_update(self, updates: Updates | None) -> None:
        """Set Cache-Control; an answer is not kept while nobody knows when the next update is."""
        self.keep_until(updates.next_update if updates else None)

    def keep_until(self, next_update: datetime | None) -> None:
        left = (next_update - self.now()).total_seconds() if next_update else 0
        self.set_header("Cache-Control", f"private, max-age={min(max(int(left), 0), LONGEST_AGE)}")


class PricesHandler(UpdatedHandler):
    """GET /api/v1/market-data/prices"""

    @operation("Prices of tracked symbols; X-Unknown-Symbols lists the others", scope="read", answer=list[PriceAnswer])
    async def get(self, query: PricesQuery) -> None:
        symbols = tuple(dict.fromkeys(query.symbols))
        prices, updates = await asyncio.gather(ask(self.market.quotes, GetPrices(symbols)), self.updates())
        self.keep_until_next_update(updates)
        if unknown := [symbol for symbol in symbols if symbol not in prices]:
            self.set_header("X-Unknown-Symbols", ",".join(unknown))
        now = self.now()
        self.write_json([price_body(prices[symbol], now) for symbol in symbols if symbol in prices])


class PriceHandler(UpdatedHandler):
    """GET /api/v1/market-data/prices/(symbol)"""

    @operation("One price; of a symbol that nobody tracks yet it is fetched once", scope="read", answer=PriceAnswer)
    async def get(self, symbol: Symbol) -> None:
        prices, updates = await asyncio.gather(self._prices(symbol), self.updates())
        price = prices.get(symbol)
        if price is None:
            price, updates = await self._fetch(symbol), await self.updates()
        elif updates is not None and symbol not in updates.tracked:  # it may be a price of long ago
            with suppress(MarketError):  # then the last good price is an answer, too
                price = await self._fetch(symbol)
            updates = await self.updates()
        self.keep_until_next_update(updates)
        self.write_json(price_body(price, self.now()))

    async def _prices(self, symbol: str) -> Mapping[str, Price]:
        return await ask(self.market.quotes, GetPrices((symbol,)))

    async def _fetch(self, symbol: str) -> Price:
        """Raises UnknownSymbol when no provider knows it, Unavailable when none can be asked."""
        timeout = self.market_settings.provider_timeout_seconds + 2.0
        await ask(self.market.scheduler, FetchNow(self.user_id, symbol), timeout)
        price = (await self._prices(symbol)).get(symbol)
        if price is None:
            raise Unavailable(f"{symbol}: no acceptable price has come yet", retry_after=30)
        return price


class SymbolsHandler(ApiHandler):
    """GET /api/v1/market-data/symbols"""

    @operation(
        "Look a symbol or a name up; what is known here comes first", scope="read", answer=list[InstrumentAnswer]
    )
    async def get(self, query: SymbolsQuery) -> None:
        found = await ask(self.market.store, SearchInstruments(query.query, LOOK_UP_ROWS))
        if len(found) < ENOUGH_ROWS:
            timeout = self.market_settings.provider_timeout_seconds + 2.0
            try:
                found += await ask(self.market.scheduler, LookUp(query.query, self.user_id), timeout)
            except MarketError:
                pass  # what is known here is an answer, too
        rows: dict[str, InstrumentAnswer] = {}
        for instrument in found:
            rows.setdefault(instrument.symbol, InstrumentAnswer.of(instrument))
        self.write_json(list(rows.values()))


class PriceHistoryHandler(ApiHandler):
    """GET /api/v1/market-data/prices/(symbol)/history"""

    @operation(
        "Recorded prices, or bars of 15m, 1h or 1d; oldest first",
        scope="read",
        answer=(list[PricePointAnswer], list[BarAnswer]),
    )
    async def get(self, symbol: Symbol, query: HistoryQuery) -> None:
        start, end = span(query)
        if query.interval == "raw":
            points = ListPricePoints(symbol, start, end, query.limit)
            self.write_json(
                [PricePointAnswer.of(row) for row in await ask(self.market.history, points, HISTORY_TIMEOUT)]
            )
            return
        bars = ListBars(symbol, start, end, query.interval, query.limit, timezone_of(exchange_of(symbol)))
        self.write_json([BarAnswer.of(row) for row in await ask(self.market.history, bars, HISTORY_TIMEOUT)])


def span(query: HistoryQuery) -> tuple[datetime, datetime]:
    """Return from when to before when; the last 24 hours by default. Raises Invalid when it ends before it begins."""
    end = query.end or clock.now()
    start = query.start or end - HISTORY_LASTS
    if start > end:
        raise invalid("must not be after end", "query", "start")
    return start, end


class RefreshHandler(ApiHandler):
    """POST /api/v1/market-data/refresh"""

    @operation(
        "Update symbols, a portfolio or all you hold now",
        scope="write",
        answer=RefreshAnswer,
        status=202,
        errors=(404,),
    )
    async def post(self, body: RefreshBody) -> None:
        symbols: tuple[str, ...]
        if body.symbols is not UNSET:
            symbols = tuple(dict.fromkeys(body.symbols))
        elif body.portfolio_id is not UNSET:
            symbols = await self._held(body.portfolio_id)
        else:
            symbols = await self._held_in_all()
        refreshed = await ask(self.market.scheduler, Refresh(self.user_id, symbols))
        answer = RefreshAnswer(
            request_id=refreshed.request_id,
            symbols=refreshed.symbols,
            provider_calls=refreshed.provider_calls,
            cooldown_seconds=refreshed.cooldown_seconds,
        )
        self.write_json(answer, status=202)

    async def _held(self, portfolio_id: UUID) -> tuple[str, ...]:
        page = await ask(self.market.store, ListHoldings(self.user_id, portfolio_id, MAX_SYMBOLS, 0))
        return tuple(holding.symbol for holding in page.rows)

    async def _held_in_all(self) -> tuple[str, ...]:
        """Return what the caller's portfolios hold, the oldest first, up to as many as a refresh may name."""
        page = await ask(self.market.store, ListPortfolios(self.user_id, 500, 0, oldest_first=True))
        symbols: dict[str, None] = {}
        for portfolio in page.rows:
            symbols |= dict.fromkeys(await self._held(portfolio.id))
            if len(symbols) >= MAX_SYMBOLS:
                break
        return tuple(symbols)[:MAX_SYMBOLS]
