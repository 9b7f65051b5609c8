"""By the keyboard alone: Tab leads to everything that can be used, and Escape out of every dialog, to where it was opened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.chromium import Chromium
from tests.browser.control_room import ADMIN, SECTIONS, USER, Room, open_room, visit

pytestmark = pytest.mark.browser

MISSED = """() => {
    const marked = "data-reached";
    const isShown = (node) => node.checkVisibility({ visibilityProperty: true });
    const usable = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")];
    return usable
        .filter((node) => isShown(node) && !node.disabled && !node.hasAttribute(marked) && !node.closest("#tv-attr-logo"))
        .filter(({ type, name }) => type !== "radio" || !document.querySelector(`[name=${name}][${marked}]`))
        .map((node) => node.getAttribute("aria-label") || node.textContent.trim() || node.id);
}"""
MARK = """() => {
    const node = document.activeElement;
    const isBack = node !== window.last && node.hasAttribute("data-reached"); // a date has several stops
    window.last = node;
    if (node !== document.body) node.setAttribute("data-reached", "");
    return isBack;
}"""

DIALOGS = ("Edit portfolio", "Share", "New portfolio", "Import CSV", "Remove CBA.AX")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with open_room(tmp_path_factory.mktemp("room")) as room:
        yield room
        assert room.complaints == []


@pytest.fixture(scope="module")
def window(chromium: Chromium, room: Room) -> Iterator[BrowserContext]:
    window = chromium.run(room.window, chromium.browser, ADMIN)
    yield window
    chromium.run(window.close)


@pytest.fixture
def page(chromium: Chromium, window: BrowserContext) -> Iterator[Page]:
    page = chromium.run(window.new_page)
    yield page
    chromium.run(page.close)


def missed(page: Page) -> list[str]:
    """Walk through the page with Tab, once; return what could be used and was not reached."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate(MARK):
            break
    names: list[str] = page.evaluate(MISSED)
    return names


def open_portfolio(page: Page, room: Room) -> None:
    page.goto(room.server.url)
    expect(page.get_by_role("row", name="CBA.AX")).to_contain_text("simulated")


def test_tab_leads_to_everything_on_the_portfolio_page(chromium: Chromium, room: Room, page: Page) -> None:
    open_portfolio(page, room)

    assert missed(page) == []


@pytest.mark.parametrize("path", ["/portfolios", "/sign-in"])
def test_tab_leads_to_everything_on_the_other_pages(chromium: Chromium, room: Room, page: Page, path: str) -> None:
    page.goto(room.server.url + path)
    expect(page.locator("#loading")).to_be_hidden()

    assert missed(page) == []


@pytest.mark.parametrize("section", SECTIONS)
def test_tab_leads_to_everything_in_the_control_room(chromium: Chromium, room: Room, page: Page, section: str) -> None:
    visit(page, room, section)

    assert missed(page) == []


@pytest.mark.parametrize("opener", DIALOGS)
def test_escape_leads_out_of_a_dialog_to_what_opened_it(
    chromium: Chromium, room: Room, page: Page, opener: str
) -> None:
    open_portfolio(page, room)
    button = page.get_by_role("button", name=opener)
    button.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('dialog[open]') !== null")

    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()


def test_everything_is_stopped_and_started_by_the_keyboard(chromium: Chromium, room: Room, page: Page) -> None:
    visit(page, room, "actors")
    page.get_by_role("button", name="Emergency stop").press("Enter")
    expect(page.get_by_label("Reason, which everybody reads")).to_be_focused()
    page.keyboard.type("The feed is wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Everything is stopped.")).to_be_visible()
    expect(page.get_by_role("button", name="Lift the stop")).to_be_focused()

    page.get_by_role("button", name="Lift the stop").press("Enter")
    page.keyboard.type("It is right again")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Everything is stopped.")).to_be_hidden()
    expect(page.get_by_role("button", name="Emergency stop")).to_be_focused()


def test_the_focus_stays_where_something_was_done(chromium: Chromium, room: Room, page: Page) -> None:
    stop = {"override_type": "disable_updates", "scope": "symbol", "symbol": "BHP.AX", "reason": "A test"}
    room.ask("POST", "overrides", stop)
    room.ask("POST", "poll-intervals", {"config_type": "global", "interval_minutes": 5, "reason": "A test"})
    undone = page.get_by_role("rowheader", name="No updates")
    ended = page.get_by_role("rowheader", name="everything")
    for section, button, after in (
        ("users", f"Deactivate {USER}", page.get_by_role("button", name=f"Activate {USER}", exact=True)),
        ("users", f"Make administrator: {USER}", page.get_by_role("button", name=f"Make user: {USER}")),
        ("providers", "Disable simulated", page.get_by_role("button", name="Enable simulated")),
        ("overrides", "Undo No updates for symbol BHP.AX", undone),
        ("intervals", "End the interval for everything", ended),
    ):
        visit(page, room, section).get_by_role("button", name=button, exact=True).press("Enter")
        page.keyboard.type("Because")
        page.keyboard.press("Enter")

        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(after).to_be_focused()
