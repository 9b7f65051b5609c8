"""The API's document as people read it: Swagger UI, with nothing from elsewhere."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium
from tests.running import RunningServer

pytestmark = pytest.mark.browser


def test_the_docs_show_the_calls_and_ask_nobody_else(
    chromium: Chromium, demo: RunningServer, page: Page, complaints: list[str]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(demo.url + "/docs")

    expect(page.get_by_role("heading", name="market actors")).to_be_visible()
    expect(page.locator(".opblock", has_text="/api/v1/portfolios/{portfolio_id}/valuation")).to_be_visible()
    assert [url for url in asked if not url.startswith((demo.url, "data:"))] == []
    assert complaints == []
