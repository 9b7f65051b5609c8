"""The application: the one table of what is served, and the limits of the server under it."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from argon2 import PasswordHasher
from tornado.httputil import HTTPConnection, HTTPMessageDelegate
from tornado.routing import URLSpec
from tornado.web import Application, RequestHandler, url

from market_actors.domain.throttle import Throttle
from market_actors.settings import Settings
from web import (
    admin,
    admin_previews,
    admin_providers,
    admin_rules,
    admin_usage,
    auth,
    holdings,
    operations,
    portfolios,
    prices,
)
from web.base import NotFoundHandler
from web.fanout import Fanout
from web.gateway import Market
from web.limits import MAX_BODY, MAX_HEADERS, BoundedBody, Passwords, RateLimit
from web.metrics import Metrics
from web.openapi import printed
from web.pages import page_routes
from web.problems import TooLarge, problem_of
from web.status import StatusHandler
from web.stream import StreamHandler

logger = logging.getLogger("web.access")

SERVER_OPTIONS: dict[str, Any] = {
    "max_body_size": 2**62,  # BoundedBody says what is too large
    "max_buffer_size": 4 * 1024 * 1024,
    "max_header_size": MAX_HEADERS,
    "idle_connection_timeout": 75.0,  # seconds; also for the headers of a request
    "body_timeout": 30.0,
}
"""What tornado.httpserver.HTTPServer is made with; Tornado's own limits are a hundred times wider, or none."""

TOO_LARGE = msgspec.json.encode(problem_of(TooLarge(f"the body is larger than {MAX_BODY} bytes"), 413).body)

ID = "[^/]+"
MARKET_DATA = "/api/v1/market-data"
PORTFOLIOS = "/api/v1/portfolios"
ADMIN = "/api/v1/admin"


Kwargs = dict[str, Any]


def api_routes(common: Kwargs | None = None, **parts: Any) -> list[URLSpec]:
    """Return the table of the API.

    common: what every handler is made with; parts: fanout, passwords and throttle, for those that use them.
    Without any the table can be read, as the OpenAPI document is made of it, but not served.
    """

    def having(*names: str) -> Kwargs:
        return {**(common or {}), **{name: parts.get(name) for name in names}}

    return [
        url("/api/v1/auth/login", auth.LoginHandler, having("passwords", "throttle")),
        url("/api/v1/auth/logout", auth.LogoutHandler, having()),
        url("/api/v1/auth/me", auth.MeHandler, having()),
        url("/api/v1/auth/sign-in", auth.SignInHandler, having()),
        url("/api/v1/auth/setup", auth.SetupHandler, having("passwords")),
        url("/api/v1/auth/tokens", auth.TokensHandler, having()),
        url(f"/api/v1/auth/tokens/(?P<token_id>{ID})", auth.TokenHandler, having()),
        url("/api/v1/auth/stream-ticket", auth.StreamTicketHandler, having()),
        url(f"{MARKET_DATA}/stream", StreamHandler, having("fanout")),
        url(f"{MARKET_DATA}/prices", prices.PricesHandler, having()),
        url(f"{MARKET_DATA}/prices/(?P<symbol>{ID})", prices.PriceHandler, having()),
        url(f"{MARKET_DATA}/prices/(?P<symbol>{ID})/history", prices.PriceHistoryHandler, having()),
        url(f"{MARKET_DATA}/symbols", prices.SymbolsHandler, having()),
        url(f"{MARKET_DATA}/status", StatusHandler, having()),
        url(f"{MARKET_DATA}/refresh", prices.RefreshHandler, having()),
        url(PORTFOLIOS, portfolios.PortfoliosHandler, having()),
        url(f"{PORTFOLIOS}/(?P<portfolio_id>{ID})", portfolios.PortfolioHandler, having()),
        url(f"{PORTFOLIOS}/(?P<portfolio_id>{ID})/valuation", portfolios.ValuationHandler, having()),
        url(f"{PORTFOLIOS}/(?P<portfolio_id>{ID})/history", portfolios.ValuationHistoryHandler, having()),
        url(f"{PORTFOLIOS}/(?P<portfolio_id>{ID})/holdings", holdings.HoldingsHandler, having()),
        url(f"{PORTFOLIOS}/(?P<portfolio_id>{ID})/holdings/import", holdings.ImportHandler, having()),
        url(f"{PORTFOLIOS}/(?P<portfolio_id>{ID})/holdings/export", holdings.ExportHandler, having()),
        url(f"{PORTFOLIOS}/(?P<portfolio_id>{ID})/holdings/(?P<symbol>{ID})", holdings.HoldingHandler, having()),
        url(f"{PORTFOLIOS}/(?P<portfolio_id>{ID})/links", portfolios.LinksHandler, having()),
        url(f"{PORTFOLIOS}/(?P<portfolio_id>{ID})/links/(?P<link_id>{ID})", portfolios.LinkHandler, having()),
        url(admin_rules.INTERVALS, admin_rules.PollIntervalsHandler, having()),
        url(f"{admin_rules.INTERVALS}/effective", admin_rules.EffectiveHandler, having()),
        url(f"{admin_rules.INTERVALS}/preview", admin_previews.IntervalPreviewHandler, having()),
        url(f"{admin_rules.INTERVALS}/(?P<interval_id>{ID})", admin_rules.PollIntervalHandler, having()),
        url(admin_rules.OVERRIDES, admin_rules.OverridesHandler, having()),
        url(f"{admin_rules.OVERRIDES}/preview", admin_previews.OverridePreviewHandler, having()),
        url(f"{admin_rules.OVERRIDES}/(?P<override_id>{ID})", admin_rules.OverrideHandler, having()),
        url(f"{ADMIN}/api-usage", admin_usage.UsageHandler, having()),
        url(f"{ADMIN}/api-usage/export", admin_usage.UsageExportHandler, having()),
        url(f"{ADMIN}/quarantine", admin.QuarantinesHandler, having()),
        url(f"{ADMIN}/quarantine/(?P<symbol>{ID})", admin.QuarantineHandler, having()),
        url(f"{ADMIN}/providers", admin_providers.ProvidersHandler, having()),
        url(f"{ADMIN}/providers/(?P<name>{ID})", admin_providers.ProviderHandler, having()),
        url(f"{ADMIN}/connections", admin.ConnectionsHandler, having()),
        url(f"{ADMIN}/connections/(?P<connection_id>{ID})", admin.ConnectionHandler, having()),
        url(f"{ADMIN}/users", admin.UsersHandler, having("passwords")),
        url(f"{ADMIN}/users/(?P<user_id>{ID})", admin.UserHandler, having("passwords")),
        url(f"{ADMIN}/audit", admin.AuditHandler, having()),
        url(f"{ADMIN}/actors", admin.ActorsHandler, having()),
        url(f"{ADMIN}/schedule", admin.ScheduleHandler, having()),
        url("/api/v1/openapi.json", operations.OpenApiHandler, having()),
        url("/healthz", operations.HealthHandler, having()),
        url("/readyz", operations.ReadyHandler, having()),
        url("/metrics", operations.MetricsHandler, having()),
    ]


DOCS_ROUTES = [
    url("/docs", operations.DocsHandler, {"content": operations.DOCS_PAGE, "content_type": "text/html"}),
    url(
        "/docs/start.js", operations.DocsHandler, {"content": operations.DOCS_SCRIPT, "content_type": "text/javascript"}
    ),
    url(r"/docs/(swagger-ui\.css|swagger-ui-bundle\.js)", operations.DocsFileHandler, {"path": operations.SWAGGER_UI}),
]


class MarketApplication(Application):
    """Tornado's application, with bounded bodies and a count of what is under way."""

    def __init__(self, routes: list[URLSpec], metrics: Metrics, passwords: Passwords, **settings: Any) -> None:
        super().__init__(routes, **settings)
        self.metrics = metrics
        self._passwords = passwords

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        return BoundedBody(super().start_request(server_conn, request_conn), request_conn, TOO_LARGE)

    @property
    def under_way(self) -> int:
        """Requests that are being served; open streams are not among them."""
        return self.metrics.under_way

    async def idle(self) -> None:
        """Wait until no request is being served."""
        await self.metrics.idle()

    def close(self) -> None:
        """End the threads that hash passwords; what they are at is not waited for."""
        self._passwords.close()


def make_app(
    market: Market,
    settings: Settings,
    cookie_secret: str | bytes,
    fanout: Fanout,
    hasher: PasswordHasher | None = None,
) -> MarketApplication:
    """Return the application in front of the actors; hasher: of passwords, argon2id at its defaults."""
    metrics = Metrics(market.system, fanout)
    passwords = Passwords(hasher or PasswordHasher())
    common = {
        "market": market,
        "settings": settings,
        "rate_limit": RateLimit(settings.api_rate_limit),
        "metrics": metrics,
    }
    api = api_routes(common, fanout=fanout, passwords=passwords, throttle=Throttle())

    def log(handler: RequestHandler) -> None:
        """Without the query, which may hold a token."""
        request, seconds = handler.request, handler.request.request_time()
        metrics.answered(type(handler).__name__, str(request.method), handler.get_status(), seconds)
        logger.info("%d %s %s %.1f ms", handler.get_status(), request.method, request.path, 1000 * seconds)

    return MarketApplication(
        [*api, *DOCS_ROUTES, *page_routes(settings)],
        metrics,
        passwords,
        default_handler_class=NotFoundHandler,
        default_handler_args=common,
        cookie_secret=cookie_secret,
        xsrf_cookie_kwargs={"samesite": "Strict"},
        cors_origins=frozenset(settings.cors_origins),
        description=printed(api),
        log_function=log,
    )
