"""A headless Chromium, driven from a thread of its own.

Playwright's synchronous API leaves a running event loop on its thread: on the main one the
next asynchronous test would fail.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, sync_playwright

T = TypeVar("T")

EXECUTABLE = os.environ.get("TEST_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

UNTIL = """new Promise((done, fail) => {
    const end = Date.now() + 30_000;
    const look = () => (%s ? done() : Date.now() > end ? fail(Error("it never was")) : requestAnimationFrame(look));
    look();
})"""
"""To be evaluated on one of our pages: wait_for_function() compiles its text anew at each look, which their policy forbids."""

REQUEST_FAILED = re.compile(r"Failed to load resource: (net::ERR_\w+|the server responded with a status of 4\d\d .*)")
"""The browser's own note of what was refused, or of a server that a test has stopped."""


def listen(window: BrowserContext, heard: list[str]) -> None:
    """Add what the consoles of a window's pages say that they should not, and what their scripts throw, as it comes."""

    def hear(line: ConsoleMessage) -> None:
        if line.type in ("error", "warning") and not REQUEST_FAILED.fullmatch(line.text):
            heard.append(line.text)

    window.on("console", hear)
    window.on("weberror", lambda error: heard.append(str(error.error)))


class Chromium:
    """One browser; everything that touches it, or a page of it, goes through :meth:`run`."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "chromium")
        self._playwright = self.run(sync_playwright().start)
        self.browser: Browser = self.run(
            self._playwright.chromium.launch, executable_path=EXECUTABLE, args=FLAGS, headless=True
        )

    def run(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Call on the browser's thread and wait for the result."""
        return self._thread.submit(function, *arguments, **named).result()

    def close(self) -> None:
        self.run(self.browser.close)
        self.run(self._playwright.stop)
        self._thread.shutdown()
