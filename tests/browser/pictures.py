"""Pictures of the pages, for the README and for whoever changes them.

``python -m tests.browser.pictures FOLDER`` starts a demo server and writes portfolio.png,
portfolio-dark.png, portfolio-narrow.png and sign-in.png, and the same of each section of the
control room; web/ui/pictures holds the README's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ViewportSize, expect

from tests.browser.chromium import Chromium
from tests.browser.room_pictures import take_room
from tests.running import RunningServer

WIDE: ViewportSize = {"width": 1200, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}

PICTURES: tuple[tuple[str, ViewportSize, Literal["light", "dark"]], ...] = (
    ("portfolio", WIDE, "light"),
    ("portfolio-dark", WIDE, "dark"),
    ("portfolio-narrow", NARROW, "light"),
    ("portfolio-narrow-dark", NARROW, "dark"),
)


def take(browser: Browser, link: str, folder: Path) -> None:
    """Write the pictures; *link* signs in once."""
    folder.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(viewport=WIDE, locale="en-AU", timezone_id="Australia/Sydney")
    page = context.new_page()
    page.goto(link.partition("?")[0])
    page.screenshot(path=folder / "sign-in.png")
    page.goto(link)
    for name, size, scheme in PICTURES:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        expect(page.locator("connection-indicator")).to_have_text("Connected")
        expect(page.locator("holdings-table .badge.simulated").first).to_be_visible()
        total = page.locator("[data-field=total]")
        expect(total).not_to_have_text(total.inner_text())  # by then everything on the page has come
        page.screenshot(path=folder / f"{name}.png", full_page=True)
    context.close()


def main(folder: str = "web/ui/pictures") -> None:
    chromium = Chromium()
    try:
        with tempfile.TemporaryDirectory() as place, RunningServer(Path(place), "--demo") as server:
            chromium.run(take, chromium.browser, server.sign_in_link(), Path(folder))
        chromium.run(take_room, chromium.browser, Path(folder))
    finally:
        chromium.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
