"""Pictures of the pages, for the README and for whoever changes them.

``python -m tests.browser.pictures FOLDER`` starts a demo server, gives its portfolio a day of history, and writes
each page and state as NAME-wide-light.png, -wide-dark, -narrow-light and -narrow-dark, the sections of the control
room too; web/ui/pictures holds the README's.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, ViewportSize, expect

from persistence.fields import to_text
from tests.browser.chromium import Chromium
from tests.browser.room_pictures import take_room
from tests.running import RunningServer

SIZES: dict[str, ViewportSize] = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
POINTS = 24 * 12  # one in five minutes
OUTAGE = range(150, 170)  # the points that are missing


def give_history(server: RunningServer) -> None:
    """Yesterday's values, as the server would have recorded them."""
    with sqlite3.connect(server.folder / "market.db") as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(portfolio_valuation)")]
        while not (first := database.execute("SELECT * FROM portfolio_valuation LIMIT 1").fetchone()):
            time.sleep(0.1)  # the server keeps it a moment after it has sent it
        row = dict(zip(columns, first, strict=True))
        dice, value = random.Random(7), float(row["total_value"])
        for point in range(1, POINTS):
            value *= 1 + dice.gauss(0.00005, 0.0008)
            if point in OUTAGE:
                continue
            at = datetime.now(UTC) - timedelta(minutes=5 * point)
            row |= {"timestamp": to_text(at), "total_value": f"{value:.2f}"}
            marks = ", ".join("?" * len(columns))
            database.execute(f"INSERT INTO portfolio_valuation VALUES ({marks})", [row[name] for name in columns])


def take(page: Page, folder: Path, name: str) -> None:
    for scheme in SCHEMES:
        for size, viewport in SIZES.items():
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size(viewport)
            if not page.get_by_role("dialog").count():  # rows out of sight are not drawn
                height = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": viewport["width"], "height": max(height, viewport["height"])})
            page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
            page.screenshot(path=folder / f"{name}-{size}-{scheme}.png")


def live(page: Page) -> None:
    expect(page.locator("connection-indicator")).to_have_text("Connected")
    expect(page.locator("holdings-table .badge.simulated").first).to_be_visible()
    expect(page.locator("holdings-table .name").first).not_to_be_empty()
    expect(page.locator("#chart-summary")).to_contain_text("Since")


def take_all(chromium: Chromium, server: RunningServer, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    context = chromium.browser.new_context(locale="en-AU", timezone_id="Australia/Sydney")
    page = context.new_page()

    def states() -> dict[str, Callable[[], object]]:
        return {
            "import": lambda: import_bad_rows(page),
            "remove": lambda: page.get_by_role("button", name="Remove CBA.AX").click(),
            "lookup": lambda: look_up(page),
            "edit": lambda: page.get_by_role("button", name="Edit portfolio").click(),
            "share": lambda: share(page),
        }

    page.goto(server.url + "/sign-in")
    take(page, folder, "sign-in")
    page.goto(server.sign_in_link())
    live(page)
    address = page.url
    give_history(server)
    page.reload()
    live(page)
    take(page, folder, "portfolio")
    for name, prepare in states().items():
        page.goto(address)
        live(page)
        prepare()
        take(page, folder, name)
    page.goto(address)
    live(page)
    context.set_offline(True)
    expect(page.locator("connection-indicator")).to_have_text("Offline")
    take(page, folder, "offline")
    context.set_offline(False)
    page.goto(address)
    page.get_by_role("button", name="New portfolio").click()
    take(page, folder, "new")
    page.keyboard.type("Pension")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is held here yet")).to_be_visible()
    take(page, folder, "empty")
    page.goto(server.url + "/portfolios")
    expect(page.locator("#portfolios li").last).to_contain_text("fresh")
    take(page, folder, "portfolios")
    page.get_by_role("button", name="API tokens").click()
    page.keyboard.type("Report")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("listitem")).to_be_visible()
    take(page, folder, "tokens")
    page.goto(f"{server.url}/?portfolio=nothing")
    expect(page.get_by_text("is not yours")).to_be_visible()
    take(page, folder, "not-there")
    context.close()


def import_bad_rows(page: Page) -> None:
    page.get_by_role("button", name="Import CSV").click()
    rows = b"symbol,quantity,average_cost,currency\nCBA.AX,ten,98.5,AUD\nBHP AX,20,41,AUD\nAAPL,3,150,dollars\n"
    page.locator("#import-file").set_input_files({"name": "holdings.csv", "mimeType": "text/csv", "buffer": rows})
    expect(page.locator("import-dialog tbody tr")).to_have_count(3)


def share(page: Page) -> None:
    page.get_by_role("button", name="Share").click()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("listitem")).to_be_visible()


def look_up(page: Page) -> None:
    page.get_by_role("combobox", name="Symbol", exact=True).press_sequentially("bank")
    expect(page.locator("#symbols li").first).to_be_visible()
    page.keyboard.press("ArrowDown")


def main(folder: str = "web/ui/pictures") -> None:
    chromium = Chromium()
    try:
        with tempfile.TemporaryDirectory() as place, RunningServer(Path(place), "--demo") as server:
            chromium.run(take_all, chromium, server, Path(folder))
        chromium.run(take_room, chromium.browser, Path(folder), take)
    finally:
        chromium.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
