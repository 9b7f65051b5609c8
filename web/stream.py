"""GET /api/v1/market-data/stream: who may listen to what; then the socket belongs to the fan-out."""

from __future__ import annotations

import socket
from typing import Any
from uuid import UUID, uuid4

from tornado.iostream import StreamClosedError

from market_actors.messages import Subscribe, Subscriber, Unsubscribe
from market_actors.stored import GetPortfolio, ListPortfolios
from web import sse
from web.base import ApiHandler
from web.fanout import Fanout
from web.gateway import ask
from web.identity import USER_AGENT_LENGTH
from web.operation import operation
from web.problems import Forbidden
from web.schemas import StreamQuery

DEFAULT_PORTFOLIOS = 5


class StreamHandler(ApiHandler):
    """The event stream of some portfolios and symbols."""

    def initialize(self, fanout: Fanout, **others: Any) -> None:  # type: ignore[override]  # by keyword
        super().initialize(**others)
        self._fanout = fanout

    @operation(
        "Prices and values as they change, as server-sent events",
        scope="read",
        answer="text/event-stream",
        link=True,
        ticket=True,
        errors=(404,),
    )
    async def get(self, query: StreamQuery) -> None:
        portfolio_ids = await self._portfolios(query)
        connection_id = uuid4()
        self._fanout.expect(connection_id)
        try:
            await ask(self.market.connections, Subscribe(self._subscriber(connection_id, query, portfolio_ids)))
            sock = self._take_socket()
        except BaseException as error:
            self._fanout.forget(connection_id)
            self.market.connections.tell(Unsubscribe(connection_id, 0, 0, 0))
            if isinstance(error, StreamClosedError):
                return  # nobody is there to be answered
            raise
        self._fanout.open(connection_id, sock, sse.head(self._extra_headers()))

    async def _portfolios(self, query: StreamQuery) -> tuple[UUID, ...]:
        """Return which portfolios are streamed. Raises UnknownPortfolio for one that is not the caller's."""
        asked = tuple(dict.fromkeys(query.portfolio_ids))
        only = self.caller.portfolio_id
        if only is not None:
            if query.symbols or set(asked) - {only}:
                raise Forbidden("a link opens its own portfolio, nothing else")
            return (only,)
        if not asked and not query.symbols:
            page = await ask(self.market.store, ListPortfolios(self.user_id, DEFAULT_PORTFOLIOS, 0, oldest_first=True))
            return tuple(portfolio.id for portfolio in page.rows)
        for portfolio_id in asked:
            await ask(self.market.store, GetPortfolio(self.user_id, portfolio_id))
        return asked

    def _subscriber(self, connection_id: UUID, query: StreamQuery, portfolio_ids: tuple[UUID, ...]) -> Subscriber:
        caller = self.caller
        return Subscriber(
            connection_id=connection_id,
            user_id=caller.user.id,
            user_email=caller.user.email,
            credential_id=caller.credential_id,
            expires_at=caller.expires_at,
            ip_address=self.client_address,
            user_agent=self.request.headers.get("User-Agent", "")[:USER_AGENT_LENGTH],
            portfolio_ids=portfolio_ids,
            symbols=tuple(dict.fromkeys(query.symbols)),
            heartbeat=query.include_heartbeat,
            last_event_id=self.request.headers.get("Last-Event-ID", query.last_event_id) or None,
        )

    def _take_socket(self) -> socket.socket:
        """Return the connection's socket, which Tornado forgets. Raises StreamClosedError when the client has gone."""
        stream = self.detach()
        try:
            if stream.closed():
                raise StreamClosedError
            sock: socket.socket = stream.socket.dup()
        finally:
            stream.close()
            self.under_way.close()
        sock.setblocking(False)
        return sock

    def _extra_headers(self) -> dict[str, str]:
        kept = (
            "X-Request-Id",
            "X-Content-Type-Options",
            "X-RateLimit-Limit",
            "X-RateLimit-Remaining",
            "X-RateLimit-Reset",
        )
        own = {name: self._headers[name] for name in kept if name in self._headers}
        return own | self.cross_origin_headers()
