"""Portfolios, what they are worth now and were worth, and the read-only links to them."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from msgspec import UNSET

from market_actors.credentials import digest, new_secret
from market_actors.errors import UnknownPortfolio
from market_actors.messages import GetValuation
from market_actors.stored import (
    CreateLink,
    CreatePortfolio,
    DeleteLink,
    DeletePortfolio,
    GetPortfolio,
    ListLinks,
    ListPortfolios,
    ListValuationPoints,
    UpdatePortfolio,
)
from web.base import ApiHandler
from web.bodies import valuation_body
from web.gateway import ask
from web.operation import NoContent, operation
from web.prices import HISTORY_TIMEOUT, span
from web.problems import Forbidden
from web.schemas import (
    HistoryQuery,
    LinkAnswer,
    ListQuery,
    NewLink,
    NewLinkAnswer,
    NewPortfolio,
    PortfolioAnswer,
    PortfolioChange,
    ValuationAnswer,
    ValuationPointAnswer,
)


class PortfoliosHandler(ApiHandler):
    """GET, POST /api/v1/portfolios"""

    @operation("Your portfolios, newest first", scope="read", answer=list[PortfolioAnswer])
    async def get(self, query: ListQuery) -> None:
        page = await ask(self.market.store, ListPortfolios(self.user_id, query.limit, query.offset))
        self.write_json([PortfolioAnswer.of(portfolio) for portfolio in page.rows], total=page.total)

    @operation("Make an empty portfolio", scope="write", answer=PortfolioAnswer, status=201)
    async def post(self, body: NewPortfolio) -> None:
        message = CreatePortfolio(self.user_id, body.name, body.base_currency, self.now())
        portfolio = await ask(self.market.store, message)
        self.set_header("Location", f"/api/v1/portfolios/{portfolio.id}")
        self.write_json(PortfolioAnswer.of(portfolio), status=201)


class PortfolioHandler(ApiHandler):
    """GET, PATCH, DELETE /api/v1/portfolios/(id)"""

    @operation("One portfolio", scope="read", answer=PortfolioAnswer)
    async def get(self, portfolio_id: UUID) -> None:
        self.write_json(PortfolioAnswer.of(await ask(self.market.store, GetPortfolio(self.user_id, portfolio_id))))

    @operation("Change its name or currency", scope="write", answer=PortfolioAnswer)
    async def patch(self, portfolio_id: UUID, body: PortfolioChange) -> None:
        name = None if body.name is UNSET else body.name
        currency = None if body.base_currency is UNSET else body.base_currency
        message = UpdatePortfolio(self.user_id, portfolio_id, name, currency, self.now())
        self.write_json(PortfolioAnswer.of(await ask(self.market.store, message)))

    @operation("Remove it with its holdings, links and history", scope="write", answer=NoContent, status=204)
    async def delete(self, portfolio_id: UUID) -> None:
        await ask(self.market.store, DeletePortfolio(self.user_id, portfolio_id, self.now()))
        self.no_content()


class ValuationHandler(ApiHandler):
    """GET /api/v1/portfolios/(id)/valuation"""

    @operation("What it is worth now", scope="read", answer=ValuationAnswer, link=True)
    async def get(self, portfolio_id: UUID) -> None:
        if self.caller.portfolio_id not in (None, portfolio_id):
            raise Forbidden("the link opens another portfolio")
        valuation = await ask(self.market.book, GetValuation(portfolio_id))
        if valuation.user_id != self.user_id:
            raise UnknownPortfolio(f"no portfolio {portfolio_id}")
        self.write_json(valuation_body(valuation, self.now()))


class ValuationHistoryHandler(ApiHandler):
    """GET /api/v1/portfolios/(id)/history"""

    @operation("What it was worth, oldest first", scope="read", answer=list[ValuationPointAnswer])
    async def get(self, portfolio_id: UUID, query: HistoryQuery) -> None:
        start, end = span(query)
        message = ListValuationPoints(self.user_id, portfolio_id, start, end, query.interval, query.limit)
        points = await ask(self.market.history, message, HISTORY_TIMEOUT)
        self.write_json([ValuationPointAnswer.of(point) for point in points])


class LinksHandler(ApiHandler):
    """GET, POST /api/v1/portfolios/(id)/links"""

    @operation("Its read-only links, newest first", scope="read", answer=list[LinkAnswer])
    async def get(self, portfolio_id: UUID, query: ListQuery) -> None:
        message = ListLinks(self.user_id, portfolio_id, query.limit, query.offset, self.now())
        page = await ask(self.market.store, message)
        links = [LinkAnswer(id=link.id, created_at=link.created_at, expires_at=link.expires_at) for link in page.rows]
        self.write_json(links, total=page.total)

    @operation("Make a read-only link; it is shown this once", scope="write", answer=NewLinkAnswer, status=201)
    async def post(self, portfolio_id: UUID, body: NewLink) -> None:
        secret, now = new_secret(), self.now()
        expires_at = now + timedelta(days=body.expires_in_days)
        link = await ask(self.market.store, CreateLink(self.user_id, portfolio_id, digest(secret), expires_at, now))
        url = f"{self.origin}/?{urlencode({'link': secret, 'portfolio': str(portfolio_id)})}"
        self.set_header("Cache-Control", "no-store")
        self.write_json(NewLinkAnswer(id=link.id, url=url, token=secret, expires_at=link.expires_at), status=201)


class LinkHandler(ApiHandler):
    """DELETE /api/v1/portfolios/(id)/links/(id)"""

    @operation("End a link, and its streams within 5 s", scope="write", answer=NoContent, status=204)
    async def delete(self, portfolio_id: UUID, link_id: UUID) -> None:
        await ask(self.market.store, DeleteLink(self.user_id, portfolio_id, link_id, self.now()))
        self.no_content()
