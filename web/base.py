"""ApiHandler: JSON in and out, who is asking, the limits, and errors as answers."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import UUID

import msgspec
from tornado.web import HTTPError, RequestHandler

from market_actors import clock
from market_actors.settings import Settings
from web.gateway import Market
from web.identity import Identity, authenticate, client_address, client_scheme
from web.limits import MAX_BODY, RateLimit
from web.metrics import Metrics
from web.operation import Operation, operations_of
from web.problems import (
    Forbidden,
    Malformed,
    MethodNotAllowed,
    NoSuchPage,
    TooLarge,
    TooManyRequests,
    problem_of,
    whole_seconds,
)

logger = logging.getLogger(__name__)

EXPOSED_HEADERS = "Location, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, X-Total-Count, X-Unknown-Symbols"
PREFLIGHT_SECONDS = "600"

_encoder = msgspec.json.Encoder()


class ApiHandler(RequestHandler):
    """Base of all calls. After prepare(), *identity* says who is asking (None where anybody may).

    under_way: closed when the request is answered; whoever takes its socket away closes it.
    """

    identity: Identity | None = None
    _lasting: Mapping[str, str] = {}

    def initialize(self, market: Market, settings: Settings, rate_limit: RateLimit, metrics: Metrics) -> None:
        self.market = market
        self.market_settings = settings
        self.metrics = metrics
        self._rate_limit = rate_limit
        self.under_way = ExitStack()
        self.under_way.enter_context(metrics.serving())

    def on_finish(self) -> None:
        self.under_way.close()

    # -- Before ------------------------------------------------------------------------------

    async def prepare(self) -> None:
        self.check_path()
        if self.request.method == "OPTIONS":
            self._answer_preflight()
            return
        own = operations_of(type(self)).get(str(self.request.method))
        if own is None:
            raise MethodNotAllowed("the path knows other methods", sorted(operations_of(type(self))))
        if len(self.request.body) > MAX_BODY:
            raise TooLarge(f"the body is larger than {MAX_BODY} bytes")
        if own.scope is not None:
            await self._admit(own, own.scope)

    def check_path(self) -> None:
        """Raise Malformed when the path is not UTF-8; Tornado looks at its arguments alone."""
        try:
            unquote_to_bytes(self.request.path.encode("latin-1")).decode("utf-8")
        except UnicodeError:
            raise Malformed("the path is not UTF-8") from None

    async def _admit(self, own: Operation, scope: str) -> None:
        identity = self.identity = await authenticate(self, self.market, allow_link=own.link, allow_ticket=own.ticket)
        self._count(identity.credential_id)
        if not identity.may(scope):
            raise Forbidden(f"this takes the scope {scope}; yours is {identity.scope}")

    def _count(self, credential_id: UUID) -> None:
        allowance = self._rate_limit.take(credential_id)
        self.set_lasting(
            {
                "X-RateLimit-Limit": str(allowance.limit),
                "X-RateLimit-Remaining": str(allowance.remaining),
                "X-RateLimit-Reset": whole_seconds(allowance.reset),
            }
        )
        if not allowance.granted:
            raise TooManyRequests(f"at most {allowance.limit} requests a minute", allowance.reset)

    def _answer_preflight(self) -> None:
        allowed = ", ".join([*sorted(operations_of(type(self))), "OPTIONS"])
        self.set_header("Allow", allowed)
        if self._allowed_origin() and "Access-Control-Request-Method" in self.request.headers:
            self.set_header("Access-Control-Allow-Methods", allowed)
            self.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID, X-XSRFToken")
            self.set_header("Access-Control-Max-Age", PREFLIGHT_SECONDS)
        self.set_status(204)
        self.finish()

    # -- Who and when --------------------------------------------------------------------------

    @property
    def caller(self) -> Identity:
        """Who is asking, in a call that takes a scope."""
        assert self.identity is not None
        return self.identity

    @property
    def user_id(self) -> UUID:
        return self.caller.user.id

    @property
    def client_address(self) -> str:
        return client_address(self.request, self.market_settings.trusted_proxies)

    @property
    def origin(self) -> str:
        """The server's address as the client sees it."""
        return f"{client_scheme(self.request, self.market_settings.trusted_proxies)}://{self.request.host}"

    @staticmethod
    def now() -> datetime:
        return clock.now()

    # -- Answers -------------------------------------------------------------------------------

    def write_json(self, value: Any, status: int = 200, total: int | None = None) -> None:
        """Answer with *value*; total: how many rows the whole list has."""
        self.set_status(status)
        if total is not None:
            self.set_header("X-Total-Count", str(total))
        self.finish(_encoder.encode(value))

    def no_content(self) -> None:
        self.set_status(204)
        self.finish()

    def set_lasting(self, headers: Mapping[str, str]) -> None:
        """Set headers that an error's answer carries as well."""
        self._lasting = {**self._lasting, **headers}
        for name, value in headers.items():
            self.set_header(name, value)

    def set_default_headers(self) -> None:
        self.request_id: str = getattr(self, "request_id", None) or secrets.token_hex(8)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "private, no-cache")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Request-Id", self.request_id)
        for name, value in {**self.cross_origin_headers(), **self._lasting}.items():
            self.set_header(name, value)

    def cross_origin_headers(self) -> dict[str, str]:
        """Return what lets a page of another origin read the answer, if that is on the list."""
        headers = {"Vary": "Origin"}
        if origin := self._allowed_origin():
            headers |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Credentials": "true",
                "Access-Control-Expose-Headers": EXPOSED_HEADERS,
            }
        return headers

    def _allowed_origin(self) -> str | None:
        origin: str | None = self.request.headers.get("Origin")
        return origin if origin in self.settings["cors_origins"] else None

    def compute_etag(self) -> str | None:
        """None: an answer that says how old prices are is never the same twice."""
        return None

    # -- Errors --------------------------------------------------------------------------------

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, HTTPError) and error.status_code == 405:
            error = MethodNotAllowed("the path knows other methods", sorted(operations_of(type(self))))
        problem = problem_of(error, status_code)
        self.set_status(problem.status)
        for name, value in problem.headers.items():
            self.set_header(name, value)
        body = dict(problem.body)
        if problem.status == 500:
            body["request_id"] = self.request_id  # by which an operator finds it in the log
        self.finish(_encoder.encode(body))

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log our own mistakes only, and without the query: it may hold a token."""
        status = problem_of(value, 500).status
        if status == 500 and value is not None and typ is not None:
            summary = (self.request.method, self.request.path, self.request_id)
            logger.error("%s %s failed (request %s)", *summary, exc_info=(typ, value, tb))


class NotFoundHandler(ApiHandler):
    """Any path that is not in the table."""

    async def prepare(self) -> None:
        self.check_path()
        raise NoSuchPage(f"nothing is at {self.request.path}")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if status_code == 405:  # Tornado refuses a method of no name before it prepares
            error = NoSuchPage(f"nothing is at {self.request.path}")
            kwargs["exc_info"] = (NoSuchPage, error, None)
        super().write_error(status_code, **kwargs)
