"""The portfolio page: what it shows, and what can be done on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

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

    rows.first.get_by_role("button", name="Remove").click()
    portfolio.keyboard.press("Escape")
    rows.first.get_by_role("button", name="Remove").click()
    portfolio.get_by_role("button", name="Keep").click()

    expect(portfolio.get_by_role("dialog")).to_have_count(0)
    expect(rows).to_have_count(6)


def test_a_refused_holding_says_what_is_wrong_beside_the_form(chromium: Chromium, portfolio: Page) -> None:
    portfolio.get_by_label("Symbol", exact=True).fill("NAB.AX")
    portfolio.get_by_label("Quantity").fill("-1")
    portfolio.get_by_label("Cost of one").fill("31")
    portfolio.get_by_role("button", name="Add", exact=True).click()

    expect(portfolio.locator("holding-form").get_by_role("alert")).to_contain_text("quantity")
    expect(portfolio.get_by_label("Quantity")).to_be_focused()
    expect(portfolio.get_by_label("Quantity")).to_have_attribute("aria-invalid", "true")
    expect(portfolio.get_by_role("row", name="NAB.AX")).to_have_count(0)


def test_a_new_portfolio_is_empty_and_says_what_to_do(
    chromium: Chromium, portfolio: Page, complaints: list[str]
) -> None:
    portfolio.get_by_role("button", name="New portfolio").click()
    portfolio.get_by_label("Name").fill("<b>Pension & more</b>")
    portfolio.get_by_label("Currency", exact=True).fill("usd")
    portfolio.get_by_role("button", name="Create").click()

    expect(portfolio.get_by_text("Nothing is held here yet")).to_be_visible()
    expect(portfolio.get_by_role("combobox", name="Portfolio")).to_contain_text("<b>Pension & more</b>")
    expect(portfolio.get_by_label("Currency of the cost")).to_have_value("USD")
    portfolio.reload()
    expect(portfolio.get_by_text("Nothing is held here yet")).to_be_visible()
    assert complaints == []


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


def test_a_link_shows_one_portfolio_live_and_lets_nobody_change_it(
    chromium: Chromium, portfolio: Page, complaints: list[str]
) -> None:
    made = portfolio.evaluate(
        """async () => {
            const id = new URLSearchParams(location.search).get("portfolio");
            const token = document.cookie.match(/_xsrf=([^;]*)/)[1];
            const answer = await fetch(`/api/v1/portfolios/${id}/links`, {
                method: "POST",
                headers: { "Content-Type": "application/json", "X-XSRFToken": token },
                body: '{"expires_in_days": 1}',
            });
            return answer.json();
        }"""
    )
    browser = portfolio.context.browser
    assert isinstance(browser, Browser)
    guest = browser.new_context()
    shared = guest.new_page()

    shared.goto(made["url"])

    expect(shared.locator("connection-indicator")).to_have_text("Connected")
    total = shared.get_by_label("Total value")
    expect(total).to_contain_text("$")
    expect(total).not_to_have_text(total.inner_text(), timeout=3_000)
    for name in ("Remove", "Add", "Refresh", "Sign out", "New portfolio"):
        expect(shared.get_by_role("button", name=name)).to_have_count(0)
    guest.close()


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


def test_the_longest_names_need_no_sideways_scrolling(chromium: Chromium, portfolio: Page) -> None:
    portfolio.set_viewport_size({"width": 390, "height": 844})
    portfolio.get_by_role("button", name="New portfolio").click()
    portfolio.get_by_label("Name").fill("x" * 200)
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
