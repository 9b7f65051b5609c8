"""What the page says of its connection: an old value never looks live."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import Chromium
from tests.running import RunningServer

pytestmark = pytest.mark.browser

SAMPLE_SIZE = 6  # holdings of the sample portfolio
AS_OF = re.compile(r"not live: as of \d\d:\d\d:\d\d")


def indicator(page: Page) -> Locator:
    return page.locator("connection-indicator")


@pytest.fixture
def frozen(quick_demo: RunningServer) -> Iterator[RunningServer]:
    """A server that is frozen by SIGSTOP in the test, and let go after it."""
    yield quick_demo
    assert quick_demo.process is not None
    quick_demo.process.send_signal(signal.SIGCONT)


def test_a_killed_server_leaves_values_marked_as_old_until_it_is_back(
    chromium: Chromium, demo: RunningServer, page: Page
) -> None:
    page.goto(demo.sign_in_link())
    expect(indicator(page)).to_have_text("Connected")
    rows = page.locator("holdings-table tbody tr")
    expect(rows).to_have_count(SAMPLE_SIZE)

    demo.kill()

    expect(indicator(page)).to_have_text("Reconnecting…")
    expect(page.get_by_text(AS_OF)).to_be_visible()
    expect(page.get_by_label("Total value")).to_contain_text("$")
    expect(rows).to_have_count(SAMPLE_SIZE)

    demo.start()

    expect(indicator(page)).to_have_text("Connected", timeout=20_000)
    expect(page.get_by_text(AS_OF)).to_be_hidden()
    total = page.get_by_label("Total value")
    expect(total).not_to_have_text(total.inner_text(), timeout=5_000)
    expect(rows).to_have_count(SAMPLE_SIZE)


def test_what_is_shown_or_picked_while_the_server_is_down_names_the_day_when_it_was_last_heard(
    chromium: Chromium, demo: RunningServer, page: Page
) -> None:
    token = demo.make_token("demo@example.com")
    demo.request("POST", "/api/v1/portfolios", {"name": "Second", "base_currency": "AUD"}, token)
    page.clock.install(time=datetime(2026, 3, 2, 1, tzinfo=UTC))
    page.goto(demo.sign_in_link())
    page.get_by_role("link", name="Sample portfolio").click()
    picker = page.get_by_role("combobox", name="Portfolio")
    expect(page.get_by_label("Total value")).to_contain_text("$")
    expect(page.get_by_text(AS_OF)).to_be_hidden()
    picker.select_option("Second")
    expect(page.get_by_text("Nothing is held here yet")).to_be_visible()
    expect(page.get_by_text(AS_OF)).to_be_hidden()

    demo.kill()
    expect(page.get_by_text(AS_OF)).to_be_visible()
    page.clock.fast_forward("24:00:00")
    expect(page.get_by_text("not live: as of 2 Mar, ")).to_be_visible()

    picker.select_option("Sample portfolio")
    expect(page.get_by_label("Total value")).to_contain_text("$")
    expect(page.get_by_text("not live: as of 2 Mar, ")).to_be_visible()


def test_another_window_says_the_same_age_of_prices(chromium: Chromium, tmp_path: Path, page: Page) -> None:
    hours = dict.fromkeys(("open_interval_seconds", "after_hours_interval_seconds", "closed_interval_seconds"), 3600)
    with RunningServer(tmp_path, "--demo", **hours) as server:
        page.add_init_script("const now = Date.now; Date.now = () => now() - 65_000;")  # it hears them a minute earlier
        page.goto(server.sign_in_link())
        expect(page.get_by_text("the oldest is ")).to_be_visible()

        other = page.context.new_page()
        other.goto(page.url)

        expect(other.get_by_text("the oldest is 1 min old")).to_be_visible()


@pytest.mark.complaint("504 (Gateway Timeout)")  # of what was asked before it froze
def test_a_server_that_falls_silent_makes_the_values_stale_though_the_connection_looks_open(
    chromium: Chromium, frozen: RunningServer, page: Page
) -> None:
    page.goto(frozen.sign_in_link())
    expect(page.get_by_label("Total value")).to_contain_text("$")
    assert frozen.process is not None

    frozen.process.send_signal(signal.SIGSTOP)

    expect(indicator(page)).to_have_text("Reconnecting…")
    expect(page.get_by_text(AS_OF)).to_be_visible()

    frozen.process.send_signal(signal.SIGCONT)

    expect(indicator(page)).to_have_text("Connected")
    expect(page.get_by_text(AS_OF)).to_be_hidden()


def test_a_server_that_stops_in_order_is_reconnected_to_when_it_is_back(
    chromium: Chromium, demo: RunningServer, page: Page
) -> None:
    page.goto(demo.sign_in_link())
    expect(indicator(page)).to_have_text("Connected")

    assert demo.terminate() == 0
    expect(indicator(page)).to_have_text("Reconnecting…")
    demo.start()

    expect(indicator(page)).to_have_text("Connected", timeout=20_000)


def test_losing_the_right_to_the_stream_leads_to_signing_in(
    chromium: Chromium, demo: RunningServer, page: Page
) -> None:
    page.goto(demo.sign_in_link())
    expect(indicator(page)).to_have_text("Connected")
    other = page.context.new_page()
    other.goto(demo.url)

    other.get_by_role("button", name="Sign out").click()

    expect(page).to_have_url(demo.url + "/sign-in", timeout=15_000)
