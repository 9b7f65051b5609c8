"""For operators: is it alive, is it ready, what does it count, and what does the API look like."""

from __future__ import annotations

import asyncio
from typing import Any

import swagger_ui_bundle
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from tornado.web import RequestHandler, StaticFileHandler

from market_actors.errors import MarketError
from market_actors.messages import GetUpdates, Ping
from market_actors.stored import CountUsers
from web.base import ApiHandler
from web.gateway import ask
from web.operation import operation
from web.schemas import Health

READY_TIMEOUT = 1.0  # seconds

SWAGGER_UI = str(swagger_ui_bundle.swagger_ui_path)
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
DOCS_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API of market actors</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js" charset="utf-8"></script>
<script src="/docs/start.js" charset="utf-8"></script>
</html>
"""
DOCS_SCRIPT = """SwaggerUIBundle({ url: "/api/v1/openapi.json", dom_id: "#swagger-ui", deepLinking: true });
"""


class HealthHandler(ApiHandler):
    """GET /healthz"""

    @operation("Is the process alive?", scope=None, answer=Health)
    async def get(self) -> None:
        self.write_json(Health(status="alive"))


class ReadyHandler(ApiHandler):
    """GET /readyz"""

    @operation("Can it serve? The database and the price cache answer", scope=None, answer=Health)
    async def get(self) -> None:
        await asyncio.gather(
            ask(self.market.store, CountUsers(), READY_TIMEOUT), ask(self.market.quotes, Ping(), READY_TIMEOUT)
        )
        self.write_json(Health(status="ready"))


class MetricsHandler(ApiHandler):
    """GET /metrics"""

    @operation("What is counted and measured, as OpenMetrics", scope=None, answer="application/openmetrics-text")
    async def get(self) -> None:
        try:
            updates = await ask(self.market.scheduler, GetUpdates(), READY_TIMEOUT)
        except MarketError:
            updates = None
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(self.metrics.exposition(updates))


class OpenApiHandler(ApiHandler):
    """GET /api/v1/openapi.json"""

    @operation("This document", scope=None, answer=dict[str, Any])
    async def get(self) -> None:
        self.set_header("Cache-Control", "no-cache")
        self.finish(self.settings["description"])


class DocsHandler(RequestHandler):
    """GET /docs, and its script: the OpenAPI document for people, without anything from elsewhere."""

    def initialize(self, content: str, content_type: str) -> None:
        self._content = content
        self._content_type = content_type

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", DOCS_POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-cache")

    def get(self) -> None:
        self.set_header("Content-Type", f"{self._content_type}; charset=utf-8")
        self.finish(self._content)

    head = get


class DocsFileHandler(StaticFileHandler):
    """GET /docs/…: the files of Swagger UI, from its package."""

    def set_extra_headers(self, path: str) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-cache")
