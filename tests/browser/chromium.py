"""A headless Chromium, driven from a thread of its own.

Playwright's synchronous API leaves a running event loop on its thread: on the main one the
next asynchronous test would fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from playwright.sync_api import Browser, sync_playwright

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
