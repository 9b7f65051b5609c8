"""Nothing that people, files or providers write runs as a script: fifty strings through every field."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.chromium import Chromium, listen
from tests.browser.feigned import FEIGNED
from tests.browser.hostile import HOSTILE
from tests.running import RunningServer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def hostile(chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The sample user's page, on a server with portfolios of hostile names and a provider of hostile companies."""
    # Four hundred requests in a quarter of a minute are a test's, not a person's.
    with RunningServer(tmp_path_factory.mktemp("demo"), "--demo", api_rate_limit=6000) as server:
        token = server.make_token("demo@example.com")
        for name in HOSTILE:
            made = server.request("POST", "/api/v1/portfolios", {"name": name, "base_currency": "AUD"}, token)
            assert (made.status, made.body["name"]) == (201, name)

        def names(route: Route) -> None:
            answer = route.fetch()
            prices = [
                price | {"name": name} for price, name in zip(answer.json(), itertools.cycle(HOSTILE), strict=False)
            ]
            route.fulfill(response=answer, json=prices)

        def instruments(route: Route) -> None:
            rows = [{"symbol": name, "name": name, "exchange": name, "currency": name} for name in HOSTILE]
            route.fulfill(json=rows)

        heard: list[str] = []

        def prepare() -> Page:
            window = chromium.browser.new_context(locale="en-AU")
            listen(window, heard)
            page = window.new_page()
            page.goto(server.sign_in_link())
            page.wait_for_url("**/")
            expect(page.locator("#portfolios li")).to_have_count(51)
            page.route("**/market-data/prices?*", names)
            page.route("**/market-data/symbols?*", instruments)
            return page

        page = chromium.run(prepare)
        yield page
        chromium.run(page.context.close)
        assert heard == []


def open_sample(page: Page) -> None:
    page.goto(page.url.partition("?")[0].removesuffix("portfolios") + "portfolios")
    page.get_by_role("link", name="Sample portfolio", exact=True).press("Enter")
    expect(page.get_by_role("row", name="BHP.AX")).to_be_visible()


def nothing_ran(page: Page) -> None:
    assert page.evaluate("window.ran") is None
    assert page.locator("script:not([type=module]), iframe, body svg:not(#tv-attr-logo svg)").count() == 0


def long_names() -> list[str]:
    """All strings, several in a name, as names take 200 characters."""
    names: list[str] = []
    for text in HOSTILE:
        if names and len(names[-1]) + len(text) < 200:
            names[-1] += f" {text}"
        else:
            names.append(text)
    return names


def test_there_are_fifty_different_strings() -> None:
    assert len(set(HOSTILE)) == 50


def test_names_of_portfolios_are_text(chromium: Chromium, hostile: Page) -> None:
    hostile.goto(hostile.url.partition("?")[0].removesuffix("portfolios") + "portfolios")
    expect(hostile.locator("#portfolios li")).to_have_count(51)
    texts = hostile.locator("#portfolios h2").all_inner_texts()
    assert set(HOSTILE) <= set(texts)
    nothing_ran(hostile)

    hostile.get_by_role("link", name=HOSTILE[0], exact=True).click()
    expect(hostile).to_have_title(HOSTILE[0])
    expect(hostile.locator("#portfolio option")).to_have_count(51)
    nothing_ran(hostile)


def test_names_that_are_edited_and_asked_about_are_text(chromium: Chromium, hostile: Page) -> None:
    open_sample(hostile)
    dialog = hostile.get_by_role("dialog")
    for name in long_names():
        hostile.get_by_role("button", name="Edit portfolio").click()
        expect(dialog.get_by_label("Name")).to_be_focused()
        dialog.get_by_label("Name").fill(name)
        hostile.keyboard.press("Enter")
        expect(hostile).to_have_title(name)
        hostile.get_by_role("button", name="Edit portfolio").click()
        dialog.get_by_role("button", name="Delete portfolio").click()
        expect(dialog).to_contain_text(f"“{name}” goes for good")
        hostile.keyboard.press("Escape")
    nothing_ran(hostile)

    hostile.get_by_role("button", name="Edit portfolio").click()
    dialog.get_by_label("Name").fill("Sample portfolio")
    hostile.keyboard.press("Enter")
    expect(hostile).to_have_title("Sample portfolio")


def test_names_of_tokens_are_text(chromium: Chromium, hostile: Page) -> None:
    hostile.goto(hostile.url.partition("?")[0].removesuffix("portfolios") + "portfolios")
    hostile.get_by_role("button", name="API tokens").click()
    dialog = hostile.get_by_role("dialog", name="API tokens")
    names = long_names()
    for name in names:
        dialog.get_by_label("Name").fill(name)
        hostile.keyboard.press("Enter")
        expect(dialog.get_by_text(f"{name} (read), never ends", exact=True)).to_be_visible()
    dialog.get_by_role("button", name=re.compile("Revoke")).first.click()
    expect(hostile.get_by_role("dialog", name="Revoke the token?")).to_contain_text(names[-1])
    nothing_ran(hostile)


def test_names_of_companies_are_text(chromium: Chromium, hostile: Page) -> None:
    open_sample(hostile)

    expect(hostile.locator("holdings-table .name").first).to_have_text(HOSTILE[0])
    nothing_ran(hostile)


def test_what_a_stream_tells_is_text(chromium: Chromium, hostile: Page) -> None:
    """Symbols, sources and reasons, wherever a page shows them."""
    window = chromium.browser.new_context(storage_state=hostile.context.storage_state())  # shares no stream
    page = window.new_page()
    page.add_init_script(FEIGNED)
    page.goto(hostile.url.partition("?")[0].removesuffix("portfolios") + "portfolios")
    page.get_by_role("link", name="Sample portfolio", exact=True).press("Enter")
    expect(page).to_have_title("Sample portfolio")
    page.evaluate(
        """async (texts) => {
            for (let tries = 500; !sources.length && tries; tries -= 1) await new Promise((next) => setTimeout(next, 10));
            const hello = { status: "connected", next_update_in: 60, paused: null, recovered: null };
            const at = new Date().toISOString();
            const amounts = { quantity: "1", price: "1", currency: "AUD", market_value: "1", daily_change: "0" };
            const holdings = texts.map((text) => ({
                ...amounts, unrealized_gain_loss: "0", symbol: text, source: text, is_stale: true, last_updated: at,
            }));
            const totals = { currency: "AUD", total_value: String(texts.length), total_cost_basis: "1" };
            const freshness = { fresh_percent: 0, oldest_price_age_seconds: 9, partial: false, last_updated: at };
            const portfolio_id = new URLSearchParams(location.search).get("portfolio");
            sources.at(-1).say("connection_status", hello);
            sources.at(-1).say("portfolio_update", { portfolio_id, ...totals, ...freshness, holdings }, "1-1");
            for (const reason of texts) {
                const paused = { reason, until: null };
                sources.at(-1).say("connection_status", { ...hello, paused, next_update_in: null });
            }
        }""",
        list(HOSTILE),
    )

    expect(page.locator("holdings-table .symbol")).to_have_count(50)
    assert set(page.locator("holdings-table .symbol").all_text_contents()) == set(HOSTILE)
    expect(page.locator("#chart-subject option")).to_have_count(51)
    expect(page.locator("connection-indicator")).to_have_text(f"Paused: {HOSTILE[-1]}")
    page.get_by_role("button", name="Remove").first.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("leaves this portfolio")
    nothing_ran(page)
    window.close()


def test_what_is_looked_up_is_text(chromium: Chromium, hostile: Page) -> None:
    open_sample(hostile)
    hostile.get_by_role("combobox", name="Symbol", exact=True).press_sequentially("<b>")

    expect(hostile.locator("#symbols li")).to_have_count(50)
    nothing_ran(hostile)


@pytest.mark.parametrize("field", ["Symbol", "Quantity", "Cost of one", "Currency of the cost"])
def test_what_is_typed_into_a_form_is_text(chromium: Chromium, hostile: Page, field: str) -> None:
    open_sample(hostile)
    good = {"Symbol": "CBA.AX", "Quantity": "1", "Cost of one": "1", "Currency of the cost": "AUD"}
    for name, value in good.items():
        hostile.get_by_label(name, exact=True).fill(value)
    wrong = hostile.get_by_label(field, exact=True)
    send = hostile.locator("holding-form [type=submit]")
    wrong.evaluate("input => { input.maxLength = 500; }")
    for text in HOSTILE:
        wrong.fill(text)
        if field == "Symbol":  # is not asked for
            wrong.press("Enter")
        else:
            with hostile.expect_response("**/holdings/**"):
                wrong.press("Enter")
        expect(send).not_to_have_attribute("aria-disabled", "true")  # an answer has come before the page has read it
    expect(hostile.locator("holding-form .problem")).to_be_visible()
    nothing_ran(hostile)


def test_cells_and_columns_of_a_file_are_text(chromium: Chromium, hostile: Page) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    rows = [",".join([quoted(text)] * 4) for text in HOSTILE]
    for header, faults in (("symbol,quantity,average_cost,currency", 100), (",".join(map(quoted, HOSTILE)), 54)):
        open_sample(hostile)
        hostile.get_by_role("button", name="Import CSV").click()
        data = "\n".join([header, *rows]).encode()
        hostile.locator("#import-file").set_input_files({"name": HOSTILE[1], "mimeType": "text/csv", "buffer": data})
        expect(hostile.locator("import-dialog tbody tr")).to_have_count(faults)
        nothing_ran(hostile)


def test_the_strings_would_run_where_markup_is_set(chromium: Chromium, hostile: Page) -> None:
    """Or this file would prove nothing."""
    page = hostile.context.new_page()
    page.goto("about:blank")
    page.evaluate("html => document.write(html)", json.loads(json.dumps(HOSTILE[0])))
    page.wait_for_function("window.ran === 1")
    page.close()
