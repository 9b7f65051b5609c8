"""Real pages: a server with the sample portfolio in a process of its own, and a Chromium to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.chromium import Chromium, listen
from tests.running import RunningServer

expect.set_options(timeout=15_000)  # a busy machine shows the same, only later


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    browser = Chromium()
    yield browser
    browser.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the tests of this folder on the browser's thread."""
    if "chromium" not in pyfuncitem._fixtureinfo.argnames:
        return None
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    browser: Chromium = arguments["chromium"]
    browser.run(pyfuncitem.obj, **arguments)
    return True


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path, "--demo") as server:
        yield server


@pytest.fixture
def quick_demo(tmp_path: Path) -> Iterator[RunningServer]:
    """A demo that gives a sign of life every second, so that its silence is noticed soon."""
    with RunningServer(tmp_path, "--demo", heartbeat_seconds=1) as server:
        yield server


@pytest.fixture
def context(chromium: Chromium, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser window without any cookie, in which no script or policy has anything to complain of.

    But for what a test is about: @pytest.mark.complaint("part of the line").
    """
    expected = [mark.args[0] for mark in request.node.iter_markers("complaint")]
    heard: list[str] = []
    window = chromium.run(chromium.browser.new_context, locale="en-AU", timezone_id="Australia/Sydney")
    chromium.run(listen, window, heard)
    window.set_default_timeout(10_000)
    yield window
    chromium.run(window.close)
    assert [line for line in heard if not any(part in line for part in expected)] == []


@pytest.fixture
def page(chromium: Chromium, context: BrowserContext) -> Page:
    return chromium.run(context.new_page)


@pytest.fixture
def complaints(chromium: Chromium, page: Page) -> list[str]:
    """What the page's console says that it should not, and what its scripts throw."""
    heard: list[str] = []

    def listen() -> None:
        page.on("console", lambda line: heard.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: heard.append(str(error)))

    chromium.run(listen)
    return heard
