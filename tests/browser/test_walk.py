"""What people do with the pages, on one server that changes its prices every second."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from persistence.fields import to_text
from tests.browser.chromium import Chromium
from tests.running import PASSWORD, RunningServer

pytestmark = pytest.mark.browser

ADMIN = "admin@example.org"
SECOND = dict.fromkeys(("open_interval_seconds", "after_hours_interval_seconds", "closed_interval_seconds"), 1)
GOOD = b"symbol,quantity,average_cost,currency\nCBA.AX,10,98.5,AUD\nBHP.AX,20,41,AUD\nAAPL,3,150,USD\n"
BAD = (
    b"symbol,quantity,average_cost,currency\nCBA.AX,ten,98.5,AUD\nBHP.AX,20,41,AUD\n"
    b"<b>x</b>,1,1,AUD\nAAPL,3,150,pounds\n"
)
AS_OF = re.compile(r"not live: as of \d\d:\d\d:\d\d")

UNREACHABLE = "The server cannot be reached."


def fail_once(page: Page, path: str, status: int) -> None:
    """Answer the next request with a status."""
    page.route(path, lambda route: route.fulfill(status=status, json={}), times=1)


class Person:
    """Somebody with an account and a portfolio, who has signed in."""

    def __init__(self, server: RunningServer, context: BrowserContext, email: str) -> None:
        server.make_user(email)
        self.server = server
        self.email = email
        self.token = server.make_token(email)
        self.portfolio = self.make_portfolio("Mine")
        context.new_page().goto(server.url + "/sign-in")
        (page,) = context.pages
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/?portfolio=*")
        page.close()

    def make_portfolio(self, name: str) -> str:
        body = {"name": name, "base_currency": "AUD"}
        return str(self.server.request("POST", "/api/v1/portfolios", body, self.token).body["id"])

    def hold(self, symbol: str, quantity: str = "10") -> None:
        body = {"quantity": quantity, "average_cost": "50", "currency": "AUD"}
        path = f"/api/v1/portfolios/{self.portfolio}/holdings/{symbol}"
        assert self.server.request("PUT", path, body, self.token).status == 201

    @property
    def url(self) -> str:
        return f"{self.server.url}/?portfolio={self.portfolio}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("server"), heartbeat_seconds=1, **SECOND) as server:
        yield server


@pytest.fixture(scope="module")
def admin(server: RunningServer) -> str:
    """An administrator's token."""
    server.make_user(ADMIN, "admin")
    return server.make_token(ADMIN, "admin")


@pytest.fixture
def person(chromium: Chromium, server: RunningServer, context: BrowserContext, request: Any) -> Person:
    name = re.sub(r"\W", "-", request.node.name)[-40:]
    return chromium.run(Person, server, context, f"{name}@example.org")


@pytest.fixture
def live(chromium: Chromium, person: Person, page: Page, complaints: list[str]) -> Page:
    """The page of a portfolio with two holdings, live."""

    def open_it() -> None:
        for symbol in ("BHP.AX", "CBA.AX"):
            person.hold(symbol)
        page.goto(person.url)
        expect(page.locator("holdings-table tbody tr")).to_have_count(2)
        expect(page.locator("connection-indicator")).to_have_text("Connected")
        expect(page.get_by_label("Total value")).to_contain_text("$")
        expect(page.get_by_text(AS_OF)).to_be_hidden()

    chromium.run(open_it)
    return page


def csv(data: bytes) -> Any:
    return {"name": "holdings.csv", "mimeType": "text/csv", "buffer": data}


def changes(*pages: Page) -> None:
    totals = [page.get_by_label("Total value") for page in pages]
    former = [total.inner_text() for total in totals]
    for total, text in zip(totals, former, strict=True):
        expect(total).not_to_have_text(text)


def test_from_the_first_sign_in_to_live_values(
    chromium: Chromium, tmp_path: Path, page: Page, complaints: list[str]
) -> None:
    with RunningServer(tmp_path, **SECOND) as server:
        page.goto(server.sign_in_link())
        expect(page.get_by_role("heading", name="Create the first administrator")).to_be_visible()
        page.get_by_label("E-mail").fill(ADMIN)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_text("There is no portfolio yet")).to_be_visible()
        page.get_by_role("button", name="New portfolio").press("Enter")
        page.keyboard.type("Pension")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Nothing is held here yet")).to_be_visible()
        expect(page.get_by_text("Nothing was recorded in the last day.")).to_be_visible()

        page.get_by_role("button", name="Import CSV").press("Enter")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("File", exact=True).set_input_files(csv(BAD))
        expect(dialog.get_by_role("status")).to_have_text("Nothing is imported: 3 rows are wrong.")
        faults = dialog.locator("tbody tr")
        expect(faults).to_have_count(3)
        expect(faults.nth(2)).to_be_visible()
        expect(faults.nth(0)).to_contain_text(re.compile(r"2\s*quantity"))
        expect(faults.nth(1)).to_contain_text(re.compile(r"4\s*symbol"))
        expect(faults.nth(2)).to_contain_text(re.compile(r"5\s*currency"))
        expect(dialog.get_by_role("button", name="Import")).to_have_attribute("aria-disabled", "true")
        dialog.get_by_label("File", exact=True).set_input_files(csv(GOOD))
        expect(dialog.get_by_role("status")).to_have_text("3 holdings, nothing wrong: 3 new, 0 changed.")
        dialog.get_by_role("button", name="Import").press("Enter")

        expect(dialog).to_be_hidden()
        expect(page.locator("holdings-table tbody tr")).to_have_count(3)
        expect(page.get_by_label("Total value")).not_to_have_text("$0.00")
        for _ in range(3):
            changes(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="Export CSV").press("Enter")
        assert download.value.path().read_bytes().splitlines()[1:] == sorted(GOOD.splitlines()[1:])
        # The browser itself notes that the server refused the file, as it should.
        assert [line for line in complaints if "422 (" not in line] == []


def test_what_is_held_is_changed_by_the_keyboard(chromium: Chromium, live: Page, complaints: list[str]) -> None:
    live.get_by_role("button", name="Edit CBA.AX").press("Enter")
    expect(live.get_by_role("heading", name="Change CBA.AX")).to_be_visible()
    expect(live.get_by_label("Quantity", exact=True)).to_be_focused()
    expect(live.get_by_label("Cost of one")).to_have_value("50")
    live.keyboard.type("25")
    live.keyboard.press("Enter")

    expect(live.get_by_role("row", name="CBA.AX").get_by_role("cell", name="25", exact=True)).to_be_visible()
    expect(live.get_by_role("heading", name="Add a holding")).to_be_visible()
    assert complaints == []


def test_what_is_imported_is_what_was_checked_though_the_file_changes(
    chromium: Chromium, person: Person, live: Page, tmp_path: Path
) -> None:
    file = tmp_path / "holdings.csv"
    file.write_bytes(b"\n".join([GOOD.splitlines()[0], *[b"CBA.AX,ten,1,AUD"] * 150]))
    live.get_by_role("button", name="Import CSV").click()
    dialog = live.get_by_role("dialog")
    chosen = dialog.get_by_label("File", exact=True)
    chosen.set_input_files(file)
    expect(dialog.get_by_role("status")).to_have_text(
        "Nothing is imported: at least 100 rows are wrong. These are the first faults:"
    )

    file.write_bytes(GOOD)
    with live.expect_file_chooser() as chooser:
        chosen.click()
    expect(chosen).to_have_value("")  # or the same name would be no change
    expect(dialog.get_by_role("status")).to_be_empty()
    chooser.value.set_files(file)
    expect(dialog.get_by_role("status")).to_contain_text("3 holdings, nothing wrong")
    file.write_bytes(BAD)
    dialog.get_by_label("goes, unless it is in the file").check()
    expect(dialog.get_by_role("status")).to_contain_text("3 holdings, nothing wrong")
    dialog.get_by_role("button", name="Import").click()

    expect(dialog).to_be_hidden()
    expect(live.get_by_role("row", name="AAPL")).to_be_visible()


def test_a_symbol_is_found_by_the_name_of_its_company(chromium: Chromium, live: Page, complaints: list[str]) -> None:
    field = live.get_by_role("combobox", name="Symbol", exact=True)
    field.press_sequentially("wesfarm")
    expect(live.locator("#symbols li").first).to_contain_text("WES.AX")
    field.press("ArrowDown")
    expect(live.locator("#symbols [aria-selected=true]")).to_contain_text("Wesfarmers")
    field.press("Enter")

    expect(field).to_have_value("WES.AX")
    expect(live.get_by_role("listbox")).to_be_hidden()
    expect(live.get_by_label("Quantity", exact=True)).to_be_focused()
    field.press_sequentially(" ")
    field.press("Escape")
    assert complaints == []


def test_holdings_are_sorted_by_any_column_either_way(chromium: Chromium, person: Person, live: Page) -> None:
    person.hold("WES.AX", "1000")
    first = live.locator("holdings-table tbody tr").first
    expect(live.locator("holdings-table tbody tr")).to_have_count(3)

    live.get_by_role("button", name="Quantity").press("Enter")
    expect(first).to_contain_text("WES.AX")
    expect(live.get_by_role("columnheader", name="Quantity")).to_have_attribute("aria-sort", "descending")
    live.get_by_role("button", name="Symbol").press("Enter")
    expect(first).to_contain_text("BHP.AX")
    live.get_by_role("button", name="Symbol").press("Enter")
    expect(first).to_contain_text("WES.AX")
    expect(first).to_contain_text("%")  # its weight


def test_the_chart_shows_the_portfolio_and_each_price_over_each_range(
    chromium: Chromium, live: Page, complaints: list[str]
) -> None:
    summary = live.locator("#chart-summary")
    expect(summary).to_contain_text("Since ")
    expect(live.locator("portfolio-chart canvas").first).to_be_visible()
    expect(live.locator("#tv-attr-logo")).to_be_visible()

    live.get_by_label("Show the history of").select_option("CBA.AX")
    expect(summary).to_contain_text("lowest $")
    for name in ("1W", "1M", "1Y", "All"):
        with live.expect_response(re.compile(r"CBA\.AX/history\?")):
            live.get_by_role("radio", name=name).press("Space")
    expect(live.locator("portfolio-chart").get_by_role("status")).to_be_hidden()
    assert complaints == []


def test_a_chart_that_cannot_be_read_or_drawn_says_so_and_comes_when_it_can(
    chromium: Chromium, person: Person, page: Page
) -> None:
    person.hold("CBA.AX")
    page.goto(person.url)
    expect(page.locator("#chart-summary")).to_contain_text("Since ")  # there is a history by now
    page.route("**/lightweight-charts.js*", lambda route: route.abort())

    page.reload()

    message = page.locator("portfolio-chart").get_by_role("status")
    expect(message).to_have_text("No history: The chart cannot be loaded.")
    page.unroute("**/lightweight-charts.js*")
    expect(page.locator("#chart-summary")).to_contain_text("Since ")
    expect(page.locator("portfolio-chart canvas").first).to_be_visible()
    expect(message).to_be_hidden()
    page.route("**/CBA.AX/history?*", lambda route: route.fulfill(status=429, json={}))
    page.get_by_label("Show the history of").select_option("CBA.AX")
    expect(message).to_have_text("No history: The server answered 429.")
    expect(page.locator("#chart-summary")).to_be_empty()
    page.unroute("**/CBA.AX/history?*")
    expect(page.locator("#chart-summary")).to_contain_text("lowest $")


def test_the_list_shows_each_portfolio_live(
    chromium: Chromium, person: Person, page: Page, complaints: list[str]
) -> None:
    person.hold("CBA.AX")
    names = ["Mine", *(f"Other {number}" for number in range(6))]
    for name in names[1:]:
        person.make_portfolio(name)

    page.goto(person.server.url)

    cards = page.locator("#portfolios > li")
    expect(cards).to_have_count(7)
    expect(cards.first).to_contain_text("1 holding, 100% of prices fresh")
    total = cards.first.locator("[data-field=total]")
    expect(total).not_to_have_text(total.inner_text())
    expect(cards.last).to_contain_text("as of ")  # a stream carries five
    page.get_by_role("link", name="Mine").press("Enter")
    expect(page.get_by_role("row", name="CBA.AX")).to_be_visible()
    assert complaints == []


def test_the_list_follows_what_is_renamed_made_and_deleted_elsewhere(
    chromium: Chromium, person: Person, page: Page
) -> None:
    see_again = "document.dispatchEvent(new Event('visibilitychange'))"
    second = person.make_portfolio("Second")
    page.goto(person.server.url + "/portfolios")
    names = page.locator("#portfolios h2")
    expect(names).to_have_text(["Mine", "Second"])

    path = "/api/v1/portfolios/"
    person.server.request("PATCH", path + second, {"name": "A second"}, person.token)
    person.make_portfolio("Third")
    page.evaluate(see_again)
    expect(names).to_have_text(["A second", "Mine", "Third"])

    for portfolio in person.server.get(path[:-1], person.token).body:
        person.server.request("DELETE", path + portfolio["id"], token=person.token)
    expect(page.get_by_text("There is no portfolio yet")).to_be_visible()
    person.make_portfolio("Fourth")
    page.evaluate(see_again)
    expect(names).to_have_text(["Fourth"])
    expect(page.locator("#portfolios")).to_contain_text("0 holdings")


def test_a_long_list_is_valued_in_turn_and_goes_on_after_too_many_requests(
    chromium: Chromium, person: Person, page: Page
) -> None:
    for number in range(24):
        person.make_portfolio(f"Other {number}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/valuation" in request.url else None)
    fail_once(page, "**/valuation", 429)
    page.clock.install()

    page.goto(person.server.url + "/portfolios")

    dated = page.locator("#portfolios > li", has_text="as of ")
    expect(page.locator("#portfolios > li", has_text="0 holdings")).to_have_count(5)
    assert len(asked) == 1
    page.clock.fast_forward(30_000)
    expect(dated).to_have_count(18)
    assert len(asked) == 1 + 18
    page.clock.fast_forward(30_000)
    expect(dated).to_have_count(20)


def test_a_portfolio_that_is_not_there_says_so(chromium: Chromium, person: Person, page: Page) -> None:
    page.goto(person.url[:-1])

    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("is not there, or it is not yours")
    expect(page.locator("#view")).to_be_hidden()
    expect(page.locator("#loading")).to_be_hidden()


def test_twelve_tabs_are_one_connection(chromium: Chromium, person: Person, live: Page, admin: str) -> None:
    tabs = [live, *(live.context.new_page() for _ in range(11))]
    for tab in tabs[1:]:
        tab.goto(person.url)
    for tab in tabs:
        expect(tab.locator("connection-indicator")).to_have_text("Connected")
    changes(*tabs)

    rows = person.server.get("/api/v1/admin/connections?limit=500", admin).body
    assert len([row for row in rows if row["user_email"] == person.email]) == 1

    live.close()
    changes(*tabs[1:])
    for tab in tabs[1:]:
        expect(tab.get_by_text(AS_OF)).to_be_hidden()


def test_without_a_network_values_are_marked_as_old_at_once(chromium: Chromium, live: Page) -> None:
    live.context.set_offline(True)
    expect(live.locator("connection-indicator")).to_have_text("Offline")
    expect(live.get_by_text(AS_OF)).to_be_visible()
    live.get_by_role("button", name="Edit CBA.AX").click()
    expect(live.locator("#problem")).to_have_text(UNREACHABLE)

    live.context.set_offline(False)
    expect(live.locator("#problem")).to_be_hidden()
    expect(live.locator("connection-indicator")).to_have_text("Connected")
    expect(live.get_by_text(AS_OF)).to_be_hidden()
    changes(live)


def test_while_an_administrator_stops_updates_the_page_says_why(
    chromium: Chromium, live: Page, server: RunningServer, admin: str
) -> None:
    order = {"override_type": "emergency_stop", "scope": "global", "reason": "<i>maintenance</i>"}
    made = server.request("POST", "/api/v1/admin/overrides", order, admin).body

    expect(live.locator("connection-indicator")).to_have_text("Paused: <i>maintenance</i>")
    expect(live.get_by_text(AS_OF)).to_be_visible()
    server.request("DELETE", f"/api/v1/admin/overrides/{made['id']}", None, admin)
    expect(live.locator("connection-indicator")).to_have_text("Connected")
    expect(live.get_by_text(AS_OF)).to_be_hidden()


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "another password"}])
def test_who_may_not_look_any_more_is_sent_to_sign_in_and_sees_no_value(
    chromium: Chromium, person: Person, live: Page, server: RunningServer, admin: str, change: dict[str, Any]
) -> None:
    users = server.get("/api/v1/admin/users?limit=500", admin).body
    (user,) = [user for user in users if user["email"] == person.email]

    server.request("PATCH", f"/api/v1/admin/users/{user['id']}", change | {"reason": "left"}, admin)

    expect(live).to_have_url(server.url + "/sign-in")
    expect(live.get_by_role("alert")).to_have_text("Your session has ended. Please sign in again.")


def test_a_session_that_expires_leads_to_signing_in(chromium: Chromium, live: Page, server: RunningServer) -> None:
    live.context.clear_cookies(name="session")

    live.get_by_role("button", name="Refresh").press("Enter")

    expect(live).to_have_url(server.url + "/sign-in")
    expect(live.get_by_role("alert")).to_have_text("Your session has ended. Please sign in again.")


def test_a_session_whose_time_is_over_ends_under_the_eyes_of_who_only_looks(
    chromium: Chromium, person: Person, page: Page, server: RunningServer
) -> None:
    person.hold("CBA.AX")
    end = to_text(datetime.now(UTC) + timedelta(seconds=8))
    with closing(sqlite3.connect(server.folder / "market.db", timeout=10)) as database, database:
        database.execute("UPDATE cookie_session SET expires_at = ?", [end])
    page.goto(person.url)
    expect(page.get_by_role("row", name="CBA.AX")).to_contain_text("simulated")

    expect(page).to_have_url(server.url + "/sign-in")
    expect(page.get_by_role("alert")).to_have_text("Your session has ended. Please sign in again.")


def test_a_time_is_the_viewers_and_on_hover_the_exchanges(chromium: Chromium, person: Person, live: Page) -> None:
    person.hold("AAPL")

    def title(symbol: str) -> Locator:
        return live.get_by_role("row", name=symbol).locator("time[title]")

    expect(title("AAPL")).to_have_attribute("title", re.compile(r"^[^\n]+\n[^\n]+ at the exchange$"))
    expect(title("CBA.AX")).to_have_attribute("title", re.compile(r"^[^\n]+$"))  # the viewer's zone is its own


def test_a_changed_price_is_marked_without_motion_for_who_asks_for_less(chromium: Chromium, live: Page) -> None:
    def next_mark(motion: Literal["no-preference", "reduce"]) -> list[str]:
        live.emulate_media(reduced_motion=motion)
        colours: list[str] = live.evaluate(
            """() => new Promise((resolve, reject) => {
                setTimeout(() => reject(new Error("nothing was marked")), 15_000);
                const { animate } = Element.prototype;
                Element.prototype.animate = function (frames, options) {
                    resolve(frames.map(({ backgroundColor }) => backgroundColor));
                    return animate.call(this, frames, options);
                };
            })"""
        )
        return colours

    begin, end = next_mark("no-preference")
    assert re.match(r"var\(--(up|down)-flash\)", begin)
    assert end == "transparent"
    begin, end = next_mark("reduce")
    assert begin == end


@pytest.mark.parametrize("path", ["/portfolios", "/?portfolio="])
def test_a_page_that_is_opened_while_the_server_is_away_starts_by_itself(
    chromium: Chromium, person: Person, page: Page, path: str
) -> None:
    person.hold("CBA.AX")
    fail_once(page, "**/api/v1/portfolios?limit=500", 429)
    page.route("**/api/v1/auth/me", lambda route: route.abort())

    page.goto(person.server.url + (path if path == "/portfolios" else path + person.portfolio))

    expect(page.locator("#problem")).to_have_text(UNREACHABLE)
    expect(page.locator("#loading")).to_be_visible()
    page.unroute("**/api/v1/auth/me")
    expect(page.locator("[data-field=total]")).to_contain_text("$")
    expect(page.locator("#problem")).to_be_hidden()


def test_a_portfolio_that_is_deleted_elsewhere_takes_its_open_dialog_along(
    chromium: Chromium, person: Person, page: Page
) -> None:
    """A modal dialog that is not seen would bar the whole page."""
    for opener in ("Edit portfolio", "Share", "Import CSV", "Remove CBA.AX"):
        person.portfolio = person.make_portfolio(opener)
        person.hold("CBA.AX")
        page.goto(person.url)
        page.get_by_role("button", name=opener).click()
        expect(page.get_by_role("dialog")).to_be_visible()

        person.server.request("DELETE", f"/api/v1/portfolios/{person.portfolio}", token=person.token)

        expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("is not there, or it is not yours")
        page.get_by_role("link", name="market-actors").click()
        page.wait_for_url("**/portfolios")


def test_after_another_person_has_signed_in_no_tab_shows_what_was_the_firsts(
    chromium: Chromium, person: Person, live: Page, server: RunningServer, admin: str
) -> None:
    sign_in = "async (person) => (await import('/ui/api.js')).post('/auth/login', { ...person, session: true })"
    live.evaluate(sign_in, {"email": ADMIN, "password": PASSWORD})
    expect(live.get_by_text(person.email)).to_be_visible()

    live.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(live.get_by_text(ADMIN)).to_be_visible()
    expect(live.locator("#view")).to_be_hidden()
    other = live.context.new_page()
    other.goto(server.url + "/sign-in")
    other.get_by_label("E-mail").fill(person.email)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(live.get_by_text(person.email)).to_be_visible()
    expect(live.get_by_role("row", name="CBA.AX")).to_be_visible()


def test_another_persons_portfolio_is_not_told_from_none(
    chromium: Chromium, person: Person, live: Page, server: RunningServer, admin: str
) -> None:
    body = {"name": "Secret", "base_currency": "AUD"}
    other = server.request("POST", "/api/v1/portfolios", body, admin).body["id"]

    live.goto(f"{server.url}/?portfolio={other}")

    expect(live.get_by_role("alert").filter(visible=True)).to_contain_text("is not there, or it is not yours")
