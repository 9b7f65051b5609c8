"""The pages for people: two HTML files, and the modules, style and pictures they load; nothing comes from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tornado.routing import URLSpec
from tornado.web import RedirectHandler, RequestHandler, StaticFileHandler, url

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
        url(r"/sign-in", PageHandler, {"page": "sign-in.html", **heartbeat}),
        url(r"/ui/([a-z0-9./-]+)", UiFileHandler, {"path": str(UI)}),
        url(r"/(favicon\.svg)", UiFileHandler, {"path": str(UI)}),
        url(r"/favicon\.ico", RedirectHandler, {"url": "/favicon.svg"}),
    ]
