"""The pages for people: HTML, and the modules, style and pictures they load; nothing comes from elsewhere."""

from __future__ import annotations

import hashlib
import itertools
import json
import posixpath
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import litecharts
from tornado.routing import URLSpec
from tornado.web import GZipContentEncoding, RedirectHandler, RequestHandler, StaticFileHandler, url

from market_actors.domain.exchanges import SUFFIXES, timezone_of
from web.problems import Malformed, Refused, problem_of

if TYPE_CHECKING:
    from market_actors.settings import Settings

UI = Path(__file__).parent / "ui"

CHARTS = Path(litecharts.__file__).parent / "js"
CHARTS_SHA256 = "756b0ba9f58930226d6b8b9d47ad310448ab85d799ea1f7c2c02304777c10b52"
"""Of lightweight-charts.js; the policy below admits the one style element of this version."""

CHARTS_STYLE = "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='"

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'self'; script-src 'self'; style-src 'self' {CHARTS_STYLE}; img-src 'self'; connect-src 'self'; "
        "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
        "require-trusted-types-for 'script'; trusted-types default"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # sign-in and portfolio links carry a token
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

TIMEZONES = json.dumps({suffix: timezone_of(code) for suffix, code in SUFFIXES.items()})
"""Where an exchange is, by the suffix of its symbols: the pages show its time beside the viewer's."""


_IMPORT = re.compile(r'^import (?:.* from )?"(\.{1,2}/[a-z/-]+\.js)";$', re.MULTILINE)
_SCRIPT = re.compile(r'<script type="module" src="{{ ui }}/([a-z/-]+\.js)">')


@cache
def modules_of(page: str) -> tuple[str, ...]:
    """Return all modules that a page will load: named in its head they come at once, not one after the other."""
    return with_imports(*_SCRIPT.findall((UI / page).read_text()))


def with_imports(*modules: str) -> tuple[str, ...]:
    """Return these modules and all that they load."""
    found: dict[str, None] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            imported = _IMPORT.findall((UI / name).read_text())
            waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) for path in imported]
    return tuple(found)


@cache
def versioned() -> str:
    """Return where the pages find their files: an address that changes with any of them, so that browsers may keep them."""
    digest = hashlib.sha256(CHARTS_SHA256.encode())
    for path in sorted(UI.rglob("*.*")):
        digest.update(str(path.relative_to(UI)).encode() + path.read_bytes())
    return f"/ui/{digest.hexdigest()[:12]}/"


class CompressedHandler(RequestHandler):
    """Compresses its answers for who takes that; the API and its streams go as they are."""

    def prepare(self) -> None:
        if "Range" not in self.request.headers:
            self._transforms = [GZipContentEncoding(self.request)]  # Tornado's setting is for all handlers or none

    def compute_etag(self) -> str | None:
        etag = super().compute_etag()
        return etag and f"W/{etag}"  # the same, compressed or not, though the bytes are not


class PageHandler(CompressedHandler):
    """One HTML page. The data in it is asked for by its scripts, which need the XSRF cookie set here."""

    def initialize(self, page: str, heartbeat_seconds: int) -> None:
        self._page = page
        self._heartbeat_seconds = heartbeat_seconds

    def set_default_headers(self) -> None:
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        super().prepare()
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
        self.show(self._page)

    head = get

    def show(self, page: str) -> None:
        assert self.xsrf_token  # reading it sets the cookie
        self.render(
            page,
            heartbeat_seconds=self._heartbeat_seconds,
            timezones=TIMEZONES,
            modules=modules_of(page),
            ui=versioned().rstrip("/"),
        )


class PortfolioPageHandler(PageHandler):
    """GET / and /portfolios list portfolios; ?portfolio= shows one to its owner, with ?link= to who has the link."""

    def get(self) -> None:
        link = self.get_query_argument("link", None)
        if link is None and not self.get_cookie("session"):
            self.redirect("/sign-in")
        elif link is not None or self.get_query_argument("portfolio", None) is not None:
            self.show("portfolio.html")
        else:
            self.show(self._page)

    head = get


class ControlRoomHandler(PageHandler):
    """GET /control-room, for who is signed in; whether they are an administrator, its scripts hear from the API."""

    def get(self) -> None:
        if self.get_cookie("session"):
            super().get()
        else:
            self.redirect("/sign-in")

    head = get


EMBEDDED = frozenset(with_imports("embed.js"))
"""What a page of any origin may load; the modules are public, and what they ask for is not."""


class UiFileHandler(CompressedHandler, StaticFileHandler):
    """GET /ui/…; browsers keep what has a version in its address, and ask each time whether the rest has changed."""

    def set_extra_headers(self, path: str) -> None:
        if path in EMBEDDED:
            self.set_header("Access-Control-Allow-Origin", "*")
            self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        if self.request.path.startswith(versioned()):
            self.set_header("Cache-Control", "public, max-age=31536000, immutable")


ANY_VERSION = "(?:[0-9a-f]{12}/)?"
"""A page that was opened before the server was brought up to date finds the present files."""


def page_routes(settings: Settings) -> list[URLSpec]:
    """Return the routes of the pages; they set no cookie but _xsrf and read no actor."""
    heartbeat = {"heartbeat_seconds": settings.heartbeat_seconds}
    return [
        url(r"/(?:portfolios)?", PortfolioPageHandler, {"page": "portfolios.html", **heartbeat}),
        url(r"/control-room", ControlRoomHandler, {"page": "control-room.html", **heartbeat}),
        url(r"/sign-in", PageHandler, {"page": "sign-in.html", **heartbeat}),
        url(rf"/ui/{ANY_VERSION}(lightweight-charts\.js)", UiFileHandler, {"path": str(CHARTS)}),
        url(rf"/ui/{ANY_VERSION}([a-z0-9./-]+)", UiFileHandler, {"path": str(UI)}),
        url(r"/(favicon\.svg)", UiFileHandler, {"path": str(UI)}),
        url(r"/favicon\.ico", RedirectHandler, {"url": "/favicon.svg"}),
    ]
