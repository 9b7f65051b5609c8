"""Windows on the control room: an administrator's and a user's, on one server for a whole module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser import chromium
from tests.running import PASSWORD, RunningServer, free_port
from tests.standin import Standin

ADMIN = "boss@example.org"
USER = "ann@example.org"

SECTIONS = (
    "intervals",
    "overrides",
    "usage",
    "providers",
    "schedule",
    "quarantine",
    "connections",
    "users",
    "actors",
    "audit",
)


class Room:
    """A fresh server's first administrator and a user, who hold the same two symbols."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        proof = {"Cookie": "_xsrf=" + 16 * "ab", "X-XSRFToken": 16 * "ab"}
        link = server.sign_in_link().partition("token=")[2]
        first = {"token": link, "email": ADMIN, "password": PASSWORD}
        assert server.request("POST", "/api/v1/auth/setup", first, **proof).status == 204
        self.token = self.token_of(ADMIN)
        self.ask("POST", "users", {"email": USER, "password": PASSWORD})
        self.user_token = self.token_of(USER)
        self.portfolio_id = self.make_portfolio("Nest egg", self.user_token)
        self.make_portfolio("House", self.token)
        self._windows: dict[str, Any] = {}
        self.complaints: list[str] = []

    def token_of(self, email: str) -> str:
        login = {"email": email, "password": PASSWORD}
        token: str = self.server.request("POST", "/api/v1/auth/login", login).body["access_token"]
        return token

    def make_portfolio(self, name: str, token: str, symbols: tuple[str, ...] = ("CBA.AX", "BHP.AX")) -> str:
        """Make a portfolio that holds ten of each symbol; return its id."""
        made = self.server.request("POST", "/api/v1/portfolios", {"name": name, "base_currency": "AUD"}, token)
        for symbol in symbols:
            holding = {"quantity": "10", "average_cost": "90", "currency": "AUD"}
            path = f"/api/v1/portfolios/{made.body['id']}/holdings/{symbol}"
            assert self.server.request("PUT", path, holding, token).status == 201
        portfolio_id: str = made.body["id"]
        return portfolio_id

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Call the administration; return the answer's body."""
        answer = self.server.request(method, f"/api/v1/admin/{path}", body, self.token)
        assert answer.status < 300, answer
        return answer.body

    def refresh(self, symbol: str) -> None:
        """Have a symbol polled now."""
        answer = self.server.request("POST", "/api/v1/market-data/refresh", {"symbols": [symbol]}, self.token)
        assert answer.status == 202, answer

    def window(self, browser: Browser, email: str) -> BrowserContext:
        """Return a window of its own in which *email* is signed in."""
        context = browser.new_context(
            locale="en-AU",
            timezone_id="Australia/Sydney",
            viewport={"width": 1280, "height": 900},
            storage_state=self._windows.get(email),
        )
        chromium.listen(context, self.complaints)
        context.set_default_timeout(10_000)
        if email not in self._windows:
            page = context.new_page()
            page.goto(self.server.url + "/sign-in")
            page.get_by_label("E-mail").fill(email)
            page.get_by_label("Password").fill(PASSWORD)
            page.keyboard.press("Enter")
            expect(page.get_by_text(email)).to_be_visible()
            # Who has one portfolio is led on to it; a page that is closed on the way may stay open for good.
            expect(page.locator("#empty, #view, #portfolios").filter(visible=True).first).to_be_visible()
            page.close()
            self._windows[email] = context.storage_state()
        return context

    @property
    def portfolio_page(self) -> str:
        """Where the user's portfolio is."""
        return f"{self.server.url}/?portfolio={self.portfolio_id}"

    def undo_everything(self) -> None:
        """End all orders, so that the next test finds none."""
        for path in ("overrides", "poll-intervals"):
            for order in self.ask("GET", f"{path}?active=true&limit=500"):
                self.ask("DELETE", f"{path}/{order['id']}")


@contextmanager
def open_room(folder: Path, **settings: object) -> Iterator[Room]:
    every_second = {f"{state}_interval_seconds": 1 for state in ("open", "after_hours", "closed")}  # of the exchange
    with RunningServer(folder, heartbeat_seconds=1, **every_second, **settings) as server:
        yield Room(server)


@contextmanager
def open_busy_room(folder: Path, yahoo: Standin) -> Iterator[Room]:
    """Two sources: the first does not answer, and its calls are few; the second allows as many as are asked for."""
    yahoo.set_price("CBA.AX", "100")
    yahoo.set_price("BHP.AX", "50")
    dead = {"alpha_vantage_url": f"http://127.0.0.1:{free_port()}", "alpha_vantage_api_key": "none"}
    live = {f"yahoo_calls_per_{unit}": 1_000_000 for unit in ("second", "minute", "day")}
    sources = {"providers": "alpha_vantage,yahoo", "yahoo_url": yahoo.url("yahoo")}
    with open_room(folder, **sources, **dead, **live) as room:
        yield room


def visit(page: Page, room: Room, section: str) -> Locator:
    """Open a section; return it once it has been read."""
    page.goto(f"{room.server.url}/control-room#{section}")
    shown = page.locator(f"#{section}-section[data-read]")
    expect(shown).to_be_visible()
    return shown


def listen(page: Page) -> list[str]:
    """Return what the page's console says that it should not, and what its scripts throw, as it comes."""
    heard: list[str] = []
    page.on("console", lambda line: heard.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard
