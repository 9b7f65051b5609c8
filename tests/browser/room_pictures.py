"""Pictures of the control room on a busy day; tests/browser/pictures.py is the command."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.control_room import ADMIN, SECTIONS, USER, Room, open_busy_room, visit
from tests.standin import Standin

LOOKS: tuple[tuple[str, ViewportSize, Literal["light", "dark"]], ...] = (
    ("", {"width": 1200, "height": 900}, "light"),
    ("-dark", {"width": 1200, "height": 900}, "dark"),
    ("-narrow", {"width": 390, "height": 844}, "light"),
    ("-narrow-dark", {"width": 390, "height": 844}, "dark"),
)


def take_room(browser: Browser, folder: Path) -> None:
    """Write control-room-….png of each section, and of the emergency stop."""
    with tempfile.TemporaryDirectory() as place, Standin() as yahoo, open_busy_room(Path(place), yahoo) as room:
        _order(room)
        page = room.window(browser, ADMIN).new_page()
        watching = room.window(browser, USER).new_page()
        watching.goto(room.server.url)
        yahoo.set_price("BHP.AX", "5000")
        room.refresh("BHP.AX")
        for section in SECTIONS:
            shown = visit(page, room, section)
            if section == "intervals":
                _preview(page)
            elif section == "quarantine":
                expect(shown.get_by_role("row", name="BHP.AX")).to_be_visible(timeout=15_000)
            _shoot(page, folder, section)
        page.get_by_role("button", name="Emergency stop").click()
        expect(page.get_by_role("dialog").get_by_text("Affected:")).to_be_visible()
        _shoot(page, folder, "stop", full_page=False)
        room.ask(
            "POST", "overrides", {"override_type": "emergency_stop", "scope": "global", "reason": "The feed is wrong"}
        )
        visit(page, room, "overrides")
        page.reload()
        expect(page.get_by_text("Everything is stopped.")).to_be_visible()
        _shoot(page, folder, "stopped")


def _order(room: Room) -> None:
    room.ask("POST", "poll-intervals", {"interval_minutes": 30, "reason": "Quiet week"})
    split = {"override_type": "price", "scope": "symbol", "symbol": "CBA.AX", "price": "123.45"}
    room.ask("POST", "overrides", split | {"duration_minutes": 90, "reason": "The split is not in the feed yet"})
    pause = {"override_type": "disable_updates", "scope": "portfolio", "target_id": room.portfolio_id}
    room.ask("POST", "overrides", pause | {"reason": "Asked for by its owner"})


def _preview(page: Page) -> None:
    form = page.locator("#intervals-section form.order")
    form.get_by_label("Minutes between polls").fill("60")
    form.get_by_label("Reason").fill("Few calls are left")
    form.get_by_role("button", name="Preview").click()
    expect(form.get_by_text("Affected:")).to_be_visible()
    question = page.locator("effective-interval")
    question.get_by_label("Symbol", exact=True).fill("CBA.AX")
    question.get_by_role("button", name="Explain").click()
    expect(question.get_by_role("status")).to_contain_text("Polled")


def _shoot(page: Page, folder: Path, name: str, full_page: bool = True) -> None:
    for suffix, size, scheme in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.screenshot(path=folder / f"control-room-{name}{suffix}.png", full_page=full_page)
