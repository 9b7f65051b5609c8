"""The pages for people: three HTML files, and the modules, style and pictures they load; nothing comes from elsewhere."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tornado.routing import URLSpec
from tornado.web import RedirectHandler, RequestHandler, StaticFileHandler, url

from web.problems import Malformed, Refused, problem_of

if TYPE_CHECKING:
    from market_actors.settings import Settings

UI = Path(__file__).parent / "ui"

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
        "require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # sign-in and portfolio links carry a token
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class PageHandler(RequestHandler):
    """One HTML page. The data in it is asked for by its scripts, which need the XSRF cookie set here."""

    def initialize(self, page: str, heartbeat_seconds: int) -> None:
        self._page = page
        self._heartbeat_seconds = heartbeat_seconds

    def set_default_headers(self) -> None:
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        for value in itertools.chain.from_iterable(self.request.arguments.values()):
            try:
                value.decode()
            except UnicodeDecodeError:
                raise Malformed("the query is not UTF-8") from None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        problem = problem_of(error, status_code)
        self.set_status(problem.status)
        self.finish(dict(problem.body))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        if not isinstance(value, Refused):
            super().log_exception(typ, value, tb)

    def get_template_path(self) -> str:
        return str(UI)

    def get(self) -> None:
        assert self.xsrf_token  # reading it sets the cookie
        self.render(self._page, heartbeat_seconds=self._heartbeat_seconds)

    head = get


class PortfolioPageHandler(PageHandler):
    """GET / shows portfolios to who is signed in, and one portfolio to who has a link to it."""

    def get(self) -> None:
        if self.get_cookie("session") or self.get_query_argument("link", None):
            super().get()
        else:
            self.redirect("/sign-in")

    head = get


class ControlRoomHandler(PageHandler):
    """GET /control-room, for who is signed in; whether they are an administrator, its scripts hear from the API."""

    def get(self) -> None:
        if self.get_cookie("session"):
            super().get()
        else:
            self.redirect("/sign-in")

    head = get


class UiFileHandler(StaticFileHandler):
    """GET /ui/…; browsers ask again each time, and mostly hear that nothing changed."""

    def set_extra_headers(self, path: str) -> None:
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)


def page_routes(settings: Settings) -> list[URLSpec]:
    """Return the routes of the pages; they set no cookie but _xsrf and read no actor."""
    heartbeat = {"heartbeat_seconds": settings.heartbeat_seconds}
    return [
        url(r"/", PortfolioPageHandler, {"page": "index.html", **heartbeat}),
        url(r"/control-room", ControlRoomHandler, {"page": "control-room.html", **heartbeat}),
        url(r"/sign-in", PageHandler, {"page": "sign-in.html", **heartbeat}),
        url(r"/ui/([a-z0-9./-]+)", UiFileHandler, {"path": str(UI)}),
        url(r"/(favicon\.svg)", UiFileHandler, {"path": str(UI)}),
        url(r"/favicon\.ico", RedirectHandler, {"url": "/favicon.svg"}),
    ]
