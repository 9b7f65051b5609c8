"""The portfolio page: what it shows, and what can be done on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import Chromium
from tests.running import PASSWORD, RunningServer, free_port

pytestmark = pytest.mark.browser


@pytest.fixture
def portfolio(chromium: Chromium, demo: RunningServer, page: Page, complaints: list[str]) -> Page:
    """The sample user's page, live and filled: what is still hidden takes no focus, and has no rows to count."""
    chromium.run(page.goto, demo.sign_in_link())
    chromium.run(expect(page.locator("connection-indicator")).to_have_text, "Connected")
    chromium.run(expect(page.locator("holdings-table tbody tr")).to_have_count, 6)
    return page


def test_the_sample_portfolio_changes_every_second_and_says_that_it_is_simulated(
    chromium: Chromium, portfolio: Page, complaints: list[str]
) -> None:
    expect(portfolio.get_by_text("Simulated prices.")).to_be_visible()
    expect(portfolio.get_by_role("combobox", name="Portfolio")).to_contain_text("Sample portfolio")
    rows = portfolio.locator("holdings-table tbody tr")
    expect(rows.nth(2)).to_contain_text("simulated")

    total = portfolio.get_by_label("Total value")
    for _ in range(3):
        expect(total).not_to_have_text(total.inner_text(), timeout=3_000)

    expect(total).to_contain_text("$")
    expect(portfolio.get_by_text("of prices are fresh")).to_be_visible()
    assert complaints == []


def test_a_holding_is_added_and_removed_with_the_keyboard_alone(
    chromium: Chromium, portfolio: Page, complaints: list[str]
) -> None:
    portfolio.get_by_label("Symbol", exact=True).focus()
    portfolio.keyboard.type("nab.ax")
    portfolio.keyboard.press("Tab")
    portfolio.keyboard.type("12.5")
    portfolio.keyboard.press("Tab")
    portfolio.keyboard.type("31.075")
    portfolio.keyboard.press("Enter")

    row = portfolio.get_by_role("row", name="NAB.AX")
    expect(row.get_by_role("cell", name="12.5", exact=True)).to_be_visible()
    expect(row).to_contain_text("$", timeout=7_000)
    expect(portfolio.get_by_label("Symbol", exact=True)).to_be_focused()

    row.get_by_role("button", name="Remove NAB.AX").focus()
    portfolio.keyboard.press("Enter")
    expect(portfolio.get_by_role("dialog")).to_contain_text("NAB.AX leaves this portfolio")
    portfolio.keyboard.press("Tab")
    portfolio.keyboard.press("Enter")

    expect(row).to_have_count(0)
    assert portfolio.evaluate("document.activeElement.ariaLabel").startswith("Remove ")
    assert complaints == []


def test_keeping_a_holding_in_the_dialog_removes_nothing(chromium: Chromium, portfolio: Page) -> None:
    rows = portfolio.locator("holdings-table tbody tr")
    asked: list[str] = []
    portfolio.on("request", lambda request: asked.append(request.method))

    rows.first.get_by_role("button", name="Remove").click()
    portfolio.keyboard.press("Escape")
    rows.first.get_by_role("button", name="Remove").click()
    portfolio.get_by_role("button", name="Keep").click()

    expect(portfolio.get_by_role("dialog")).to_have_count(0)
    expect(rows).to_have_count(6)
    assert "DELETE" not in asked


def test_a_refused_holding_says_what_is_wrong_beside_the_form(chromium: Chromium, portfolio: Page) -> None:
    portfolio.get_by_label("Symbol", exact=True).fill("NAB.AX")
    portfolio.get_by_label("Quantity").fill("-1")
    portfolio.get_by_label("Cost of one").fill("31")
    portfolio.get_by_role("button", name="Add", exact=True).click()

    expect(portfolio.locator("holding-form").get_by_role("alert")).to_contain_text("quantity")
    expect(portfolio.get_by_label("Quantity")).to_be_focused()
    expect(portfolio.get_by_label("Quantity")).to_have_attribute("aria-invalid", "true")
    expect(portfolio.get_by_role("row", name="NAB.AX")).to_have_count(0)

    portfolio.get_by_label("Symbol", exact=True).fill("..")  # in an address it would name another
    portfolio.get_by_role("button", name="Add", exact=True).click()
    expect(portfolio.locator("holding-form").get_by_role("alert")).to_contain_text("symbol: may have letters")
    expect(portfolio.get_by_label("Symbol", exact=True)).to_be_focused()


def test_a_new_portfolio_is_empty_and_says_what_to_do(
    chromium: Chromium, portfolio: Page, complaints: list[str]
) -> None:
    portfolio.get_by_role("button", name="New portfolio").click()
    dialog = portfolio.get_by_role("dialog", name="New portfolio")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_have_text("Please fill in every field.")
    dialog.get_by_role("button", name="Cancel").click()
    portfolio.get_by_role("button", name="New portfolio").click()
    expect(dialog.get_by_role("alert")).to_be_hidden()
    expect(dialog.get_by_label("Name")).not_to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Name").fill("<b>Pension & more</b>")
    dialog.get_by_label("Currency").fill("usd")
    dialog.get_by_role("button", name="Create").click()

    expect(portfolio.get_by_text("Nothing is held here yet")).to_be_visible()
    expect(portfolio.get_by_role("combobox", name="Portfolio")).to_contain_text("<b>Pension & more</b>")
    expect(portfolio.get_by_label("Currency of the cost")).to_have_value("USD")
    portfolio.reload()
    expect(portfolio.get_by_text("Nothing is held here yet")).to_be_visible()
    assert complaints == []


def test_a_portfolio_is_renamed_and_deleted_with_the_keyboard_alone(
    chromium: Chromium, portfolio: Page, complaints: list[str]
) -> None:
    keys = portfolio.keyboard
    portfolio.get_by_role("button", name="Edit portfolio").focus()
    keys.press("Enter")
    keys.type("<i>Pension</i>")
    keys.press("Tab")
    keys.type("usd")
    keys.press("Enter")

    expect(portfolio.get_by_role("combobox", name="Portfolio")).to_contain_text("<i>Pension</i>")
    expect(portfolio).to_have_title("<i>Pension</i>")
    expect(portfolio.get_by_label("Total value")).to_contain_text("USD")
    expect(portfolio.get_by_role("button", name="Edit portfolio")).to_be_focused()

    keys.press("Enter")
    for _ in range(2):
        keys.press("Tab")
    keys.press("Enter")
    dialog = portfolio.get_by_role("dialog", name="Delete the portfolio?")
    expect(dialog).to_contain_text("“<i>Pension</i>” goes for good, with its holdings")
    expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")

    expect(portfolio.get_by_text("There is no portfolio yet")).to_be_visible()
    assert [line for line in complaints if "404 (" not in line] == []  # the stream may hear of it before the page


def test_a_name_that_cannot_be_saved_and_a_portfolio_that_cannot_be_deleted_stay(
    chromium: Chromium, portfolio: Page
) -> None:
    portfolio.route(re.compile("/api/v1/portfolios/[^/]+$"), lambda route: route.abort())
    portfolio.get_by_role("button", name="Edit portfolio").click()
    dialog = portfolio.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Pension")
    dialog.get_by_role("button", name="Save").click()

    expect(dialog.get_by_role("alert")).to_have_text("The server cannot be reached.")
    expect(dialog.get_by_label("Name")).to_have_value("Pension")
    expect(portfolio).to_have_title("Sample portfolio")
    portfolio.keyboard.press("Escape")
    expect(portfolio.locator("#portfolio")).to_contain_text("Sample portfolio")
    portfolio.get_by_role("button", name="Edit portfolio").click()
    expect(dialog.get_by_role("alert")).to_be_hidden()
    expect(dialog.get_by_label("Name")).to_have_value("Sample portfolio")

    dialog.get_by_role("button", name="Delete portfolio").click()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog.get_by_role("alert")).to_have_text("The server cannot be reached.")
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).to_have_count(0)
    expect(portfolio.locator("holdings-table tbody tr")).to_have_count(6)


def test_a_refresh_is_offered_again_only_after_its_cooldown(chromium: Chromium, portfolio: Page) -> None:
    expect(portfolio.locator("holdings-table .simulated")).to_have_count(6)
    button = portfolio.get_by_role("button", name="Refresh")

    button.click()

    expect(portfolio.get_by_text("New prices are on their way.")).to_be_visible()
    expect(button).to_contain_text("Refresh in ")
    expect(button).to_have_attribute("aria-disabled", "true")


def test_a_portfolio_in_another_window_follows_a_removal(chromium: Chromium, portfolio: Page) -> None:
    other = portfolio.context.new_page()
    other.goto(portfolio.url)
    expect(other.get_by_role("row", name="BHP.AX")).to_be_visible()

    portfolio.get_by_role("button", name="Remove BHP.AX").click()
    portfolio.get_by_role("button", name="Remove", exact=True).click()

    expect(other.get_by_role("row", name="BHP.AX")).to_have_count(0)


def test_an_address_names_its_portfolio_in_either_case(chromium: Chromium, portfolio: Page) -> None:
    page, _, portfolio_id = portfolio.url.rpartition("=")

    portfolio.goto(f"{page}={portfolio_id.upper()}")

    expect(portfolio.locator("connection-indicator")).to_have_text("Connected")
    expect(portfolio.get_by_label("Total value")).to_contain_text("$")


def test_a_link_shows_one_portfolio_live_and_lets_nobody_change_it(
    chromium: Chromium, portfolio: Page, complaints: list[str]
) -> None:
    portfolio.get_by_role("button", name="Share").press("Enter")
    dialog = portfolio.get_by_role("dialog", name="Read-only links")
    expect(dialog.get_by_text("There is no link.")).to_be_visible()
    portfolio.keyboard.press("Enter")
    link = dialog.get_by_label("It is shown only now, so copy it:")
    expect(link).to_have_value(re.compile(r"/\?link="))
    browser = portfolio.context.browser
    assert isinstance(browser, Browser)
    guest = browser.new_context()
    shared = guest.new_page()

    shared.goto(link.input_value())

    expect(shared.locator("connection-indicator")).to_have_text("Connected")
    total = shared.get_by_label("Total value")
    expect(total).to_contain_text("$")
    expect(total).not_to_have_text(total.inner_text(), timeout=3_000)
    for name in ("Remove", "Add", "Refresh", "Sign out", "New portfolio", "Edit portfolio", "Share"):
        expect(shared.get_by_role("button", name=name)).to_have_count(0)

    dialog.get_by_role("button", name="Revoke").press("Enter")
    portfolio.get_by_role("dialog", name="Revoke the link?").get_by_role("button", name="Revoke").press("Enter")

    expect(dialog.get_by_text("There is no link.")).to_be_visible()
    expect(link).to_be_hidden()
    expect(shared.get_by_role("alert").filter(visible=True)).to_contain_text("This link has ended")
    expect(shared.locator("#view")).to_be_hidden()
    guest.close()
    assert complaints == []


def test_a_link_is_copied_and_listed_until_it_is_revoked(chromium: Chromium, portfolio: Page) -> None:
    portfolio.context.grant_permissions(["clipboard-read", "clipboard-write"])
    portfolio.get_by_role("button", name="Share").click()
    dialog = portfolio.get_by_role("dialog", name="Read-only links")
    days = dialog.get_by_label("Days until it ends (1 to 90)")
    days.fill("91")
    dialog.get_by_role("button", name="Make a link").click()
    expect(dialog.get_by_role("alert")).to_contain_text("expires in days")
    expect(days).to_be_focused()
    days.fill("1")
    held: list[Route] = []  # the list, which is read anew while the link is copied already
    portfolio.route("**/links?*", lambda route: held.append(route))
    with portfolio.expect_request("**/links?*"):
        dialog.get_by_role("button", name="Make a link").click()
    link = dialog.get_by_label("It is shown only now, so copy it:")
    expect(link).to_have_value(re.compile(r"/\?link="))

    dialog.get_by_role("button", name="Copy").click()

    expect(dialog.get_by_text("Copied.")).to_be_visible()
    held.pop().continue_()
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    expect(dialog.get_by_text("Copied.")).to_be_visible()
    portfolio.unroute("**/links?*")
    assert portfolio.evaluate("navigator.clipboard.readText()") == link.input_value()
    dialog.get_by_role("button", name="Close").click()
    portfolio.get_by_role("button", name="Share").click()
    expect(dialog.get_by_role("listitem")).to_contain_text("Made on ")
    expect(link).to_be_hidden()
    portfolio.route("**/links/*", lambda route: route.abort())
    dialog.get_by_role("button", name="Revoke").click()
    question = portfolio.get_by_role("dialog", name="Revoke the link?")
    question.get_by_role("button", name="Revoke").click()
    expect(question.get_by_role("alert")).to_have_text("The server cannot be reached.")
    question.get_by_role("button", name="Keep").click()
    expect(dialog.get_by_role("listitem")).to_have_count(1)


def test_a_token_is_made_that_answers_to_its_scope_until_it_is_revoked(
    chromium: Chromium, demo: RunningServer, portfolio: Page, complaints: list[str]
) -> None:
    portfolio.goto(demo.url + "/portfolios")
    portfolio.get_by_role("button", name="API tokens").press("Enter")
    dialog = portfolio.get_by_role("dialog", name="API tokens")
    expect(dialog.get_by_text("There is no token.")).to_be_visible()
    portfolio.keyboard.type("<b>Report</b>")
    portfolio.keyboard.press("Enter")
    secret = dialog.get_by_label("It is shown only now, so copy it:")
    expect(dialog.get_by_role("listitem")).to_contain_text("<b>Report</b> (read), never ends")
    token = secret.input_value()
    assert demo.get("/api/v1/portfolios", token).status == 200
    assert demo.request("POST", "/api/v1/portfolios", {"name": "x", "base_currency": "AUD"}, token).status == 403

    dialog.get_by_role("button", name="Revoke").press("Enter")
    portfolio.get_by_role("dialog", name="Revoke the token?").get_by_role("button", name="Revoke").press("Enter")

    expect(dialog.get_by_text("There is no token.")).to_be_visible()
    assert demo.get("/api/v1/portfolios", token).status == 401
    assert complaints == []


def test_a_link_that_has_ended_says_so(chromium: Chromium, demo: RunningServer, page: Page) -> None:
    page.goto(f"{demo.url}/?link=nothing&portfolio=11111111-1111-1111-1111-111111111111")

    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("This link has ended")


def test_a_holding_without_a_price_is_named_and_counts_in_no_total(
    chromium: Chromium, tmp_path: Path, page: Page
) -> None:
    with RunningServer(tmp_path, providers="yahoo", yahoo_url=f"http://127.0.0.1:{free_port()}") as server:
        server.make_user("ann@example.org")
        token = server.make_token("ann@example.org")
        made = server.request("POST", "/api/v1/portfolios", {"name": "Mine", "base_currency": "AUD"}, token).body
        holding = {"quantity": "10", "average_cost": "98.5", "currency": "AUD"}
        server.request("PUT", f"/api/v1/portfolios/{made['id']}/holdings/CBA.AX", holding, token)
        page.goto(server.url + "/sign-in")
        page.get_by_label("E-mail").fill("ann@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")

        expect(page.get_by_text("CBA.AX has never had a price")).to_be_visible()
        expect(page.get_by_label("Total value")).to_have_text("$0.00")
        expect(page.get_by_role("row", name="CBA.AX")).to_contain_text("no price yet")
        expect(page.locator("connection-indicator")).to_contain_text("price source")


def test_a_narrow_page_needs_no_sideways_scrolling(chromium: Chromium, portfolio: Page) -> None:
    portfolio.set_viewport_size({"width": 390, "height": 844})

    expect(portfolio.locator("holdings-table tbody tr").first).to_be_visible()
    assert portfolio.evaluate("document.documentElement.scrollWidth") <= 390
    expect(portfolio.get_by_role("table", name="Holdings")).to_be_visible()

    portfolio.get_by_role("button", name="Sorted ascending: reverse").click()
    expect(portfolio.locator("holdings-table tbody tr").last).to_contain_text("AAPL")
    portfolio.get_by_role("button", name="Sorted descending: reverse").click()
    expect(portfolio.locator("holdings-table tbody tr").first).to_contain_text("AAPL")

    portfolio.evaluate("document.documentElement.style.fontSize = '200%'")
    assert portfolio.evaluate("document.documentElement.scrollWidth") <= 390
    portfolio.evaluate("document.documentElement.style.fontSize = ''")
    portfolio.get_by_label("Symbol", exact=True).fill("NAB.AX")
    portfolio.get_by_label("Quantity", exact=True).fill("1234567890123456789012345678")
    portfolio.get_by_label("Cost of one").fill("31")
    portfolio.get_by_role("button", name="Add", exact=True).click()
    expect(portfolio.get_by_label("Total value")).to_contain_text(re.compile(r"(,\d{3}){9}"))
    assert portfolio.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [970, 1100, 1280, 1600])
def test_amounts_of_tens_of_thousands_stay_in_their_column(chromium: Chromium, portfolio: Page, width: int) -> None:
    portfolio.set_viewport_size({"width": width, "height": 900})
    rows = portfolio.locator("holdings-table tbody tr")
    expect(rows.first).to_contain_text(re.compile(r"\$\d\d,\d{3}\.\d\d"))

    cells = "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.innerText)"
    assert rows.locator("td.number").evaluate_all(cells) == []


def test_the_longest_names_need_no_sideways_scrolling(chromium: Chromium, portfolio: Page) -> None:
    portfolio.set_viewport_size({"width": 390, "height": 844})
    portfolio.get_by_role("button", name="New portfolio").click()
    portfolio.get_by_role("dialog").get_by_label("Name").fill("x" * 200)
    portfolio.get_by_role("button", name="Create").click()
    portfolio.locator("#who").evaluate("who => { who.textContent = `${'x'.repeat(242)}@example.org`; }")

    expect(portfolio.get_by_text("Nothing is held here yet")).to_be_visible()
    assert portfolio.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_dark_scheme_turns_the_page_dark(chromium: Chromium, portfolio: Page) -> None:
    def ground() -> int:
        return sum(portfolio.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"))

    portfolio.emulate_media(color_scheme="light")
    light = ground()
    portfolio.emulate_media(color_scheme="dark")

    assert ground() < light / 4
