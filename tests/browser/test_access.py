"""For everybody: no page or state of one has a fault that axe finds, in either scheme, wide or narrow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.chromium import UNTIL, Chromium
from tests.running import RunningServer

pytestmark = pytest.mark.browser

SIZES = ({"width": 1280, "height": 900}, {"width": 390, "height": 844})


@pytest.fixture(scope="module")
def shown(chromium: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, str]]:
    """The page of the sample portfolio; the policy is bypassed for axe's own script."""
    with RunningServer(tmp_path_factory.mktemp("demo"), "--demo") as server:

        def prepare() -> Page:
            context = chromium.browser.new_context(bypass_csp=True, locale="en-AU", reduced_motion="reduce")
            page = context.new_page()
            page.goto(server.sign_in_link())
            page.wait_for_url("**/?portfolio=*")
            return page

        page = chromium.run(prepare)
        yield page, server.url
        chromium.run(page.context.close)


def faults(page: Page) -> list[str]:
    found = []
    for scheme in ("light", "dark"):
        for size in SIZES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size(size)  # type: ignore[arg-type]
            for violation in Axe().run(page).response["violations"]:
                nodes = [node["target"] for node in violation["nodes"][:3]]
                found.append(f"{scheme} {size['width']}: {violation['id']} {nodes}")
    return found


@pytest.mark.parametrize("state", ["live", "import", "remove", "new", "edit", "share", "lookup", "empty", "offline"])
def test_the_portfolio_page(chromium: Chromium, shown: tuple[Page, str], state: str) -> None:
    page, url = shown
    page.goto(url)
    expect(page.get_by_role("row", name="CBA.AX")).to_contain_text("simulated")
    expect(page.locator("#tv-attr-logo")).to_be_visible()
    if state == "import":
        page.get_by_role("button", name="Import CSV").click()
        file = {"name": "x.csv", "mimeType": "text/csv", "buffer": b"symbol\n"}
        page.locator("#import-file").set_input_files(file)  # type: ignore[arg-type]
        expect(page.locator("import-dialog tbody tr")).to_have_count(3)
        expect(page.locator("import-dialog tbody tr").last).to_be_visible()
    elif state == "remove":
        page.get_by_role("button", name="Remove CBA.AX").click()
    elif state == "new":
        page.get_by_role("button", name="New portfolio").click()
    elif state == "edit":
        page.get_by_role("button", name="Edit portfolio").click()
    elif state == "share":
        page.get_by_role("button", name="Share").click()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_role("listitem").first).to_be_visible()
    elif state == "lookup":
        page.get_by_role("combobox", name="Symbol", exact=True).press_sequentially("bank")
        expect(page.locator("#symbols li").first).to_be_visible()
        page.keyboard.press("ArrowDown")
    elif state == "offline":
        page.context.set_offline(True)
        expect(page.get_by_text("not live: as of")).to_be_visible()
        page.evaluate(UNTIL % "document.getAnimations().every((mark) => mark.playState === 'finished')")
    elif state == "empty":
        page.evaluate("document.querySelector('#empty').hidden = false")

    found = faults(page)
    page.context.set_offline(False)
    assert "\n".join(found) == ""


@pytest.mark.parametrize("path", ["/portfolios", "/sign-in", "/?portfolio=11111111-1111-1111-1111-111111111111"])
def test_the_other_pages(chromium: Chromium, shown: tuple[Page, str], path: str) -> None:
    page, url = shown
    page.goto(url + path)
    expect(page.locator("#loading")).to_be_hidden()  # the page for signing in has none

    assert "\n".join(faults(page)) == ""


def test_the_tokens(chromium: Chromium, shown: tuple[Page, str]) -> None:
    page, url = shown
    page.goto(url + "/portfolios")
    page.get_by_role("button", name="API tokens").click()
    page.keyboard.type("Report")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("listitem")).to_be_visible()

    assert "\n".join(faults(page)) == ""
