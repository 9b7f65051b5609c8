"""Pictures of the control room on a busy day; tests/browser/pictures.py is the command."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.control_room import ADMIN, SECTIONS, USER, Room, open_busy_room, visit
from tests.standin import Standin


def take_room(browser: Browser, folder: Path, take: Callable[[Page, Path, str], None]) -> None:
    """Take control-room-… of each section, and of the emergency stop."""
    with tempfile.TemporaryDirectory() as place, Standin() as yahoo, open_busy_room(Path(place), yahoo) as room:
        _order(room)
        page = room.window(browser, ADMIN).new_page()
        watching = room.window(browser, USER).new_page()
        watching.goto(room.portfolio_page)
        yahoo.set_price("BHP.AX", "5000")
        room.refresh("BHP.AX")
        for section in SECTIONS:
            shown = visit(page, room, section)
            if section == "intervals":
                _preview(page)
            elif section == "quarantine":
                expect(shown.get_by_role("row", name="BHP.AX")).to_be_visible(timeout=15_000)
            take(page, folder, f"control-room-{section}")
            if section == "providers":
                shown.get_by_role("button", name="Edit alpha_vantage").click()
                take(page, folder, "control-room-provider")
                page.keyboard.press("Escape")
        page.get_by_role("button", name="Emergency stop").click()
        expect(page.get_by_role("dialog").get_by_text("Affected:")).to_be_visible()
        take(page, folder, "control-room-stop")
        room.ask(
            "POST", "overrides", {"override_type": "emergency_stop", "scope": "global", "reason": "The feed is wrong"}
        )
        visit(page, room, "overrides")
        page.reload()
        expect(page.get_by_text("Everything is stopped.")).to_be_visible()
        take(page, folder, "control-room-stopped")


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
