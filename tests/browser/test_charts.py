"""The charts: which points are asked for, where the line has gaps, and the library that draws them."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import Chromium
from tests.browser.test_modules import blank, call
from web.pages import CHARTS, CHARTS_SHA256, CHARTS_STYLE

pytestmark = pytest.mark.browser

__all__ = ["blank"]

MINUTE = 60_000


def test_the_library_is_the_one_whose_style_and_logo_are_let_through() -> None:
    script = (CHARTS / "lightweight-charts.js").read_bytes()
    style = re.search(rb'innerText="(a#tv-attr-logo[^"]+)"', script)

    assert hashlib.sha256(script).hexdigest() == CHARTS_SHA256
    assert style is not None
    assert base64.b64encode(hashlib.sha256(style[1]).digest()).decode() in CHARTS_STYLE


@pytest.mark.parametrize(
    ("minutes", "places"),
    [([0, 1, 2], 0), ([0, 2, 3], 0), ([0, 1, 4, 5], 2), ([0, 1, 600], 12), ([0, 1, 1, 2], 0)],
)
def test_missing_points_are_empty_places_but_a_night_is_no_half_of_the_width(
    chromium: Chromium, blank: Page, minutes: list[int], places: int
) -> None:
    points = [{"at": at * MINUTE, "value": 1} for at in minutes]

    shown = call(blank, "chart-data", "withGaps", points, MINUTE)

    assert len([point for point in shown if point["value"] is None]) == places
    times = [point["at"] for point in shown]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("choice", "answers", "asked"),
    [
        ("1D", {}, ["raw"]),
        ("1W", {"15m": 20}, ["15m"]),
        ("1M", {"1h": 3, "15m": 9}, ["1h", "15m"]),
        ("all", {"1d": 1, "1h": 2, "15m": 3, "raw": 4}, ["1d", "1h", "15m", "raw"]),
    ],
)
def test_a_young_portfolio_is_asked_for_finer_points(
    chromium: Chromium, blank: Page, choice: str, answers: dict[str, int], asked: list[str]
) -> None:
    result: dict[str, Any] = blank.evaluate(
        """async ([choice, answers]) => {
            const { readPoints } = await import("/ui/chart-data.js");
            const asked = [];
            const { points } = await readPoints(choice, async (query) => {
                const interval = new URLSearchParams(query).get("interval");
                asked.push(interval);
                const count = answers[interval] ?? 0;
                return Array.from({ length: count }, () => ({ timestamp: "2026-01-05T04:04:05Z", value: "1.5" }));
            }, Date.parse("2026-01-06"));
            return { asked, points };
        }""",
        [choice, answers],
    )

    assert result["asked"] == asked
    assert len(result["points"]) == answers.get(asked[-1], 0)


def test_prices_that_come_each_quarter_of_an_hour_make_one_line(chromium: Chromium, blank: Page) -> None:
    """Values are recorded when they change: what is usual between them is no gap, an outage is."""
    result: list[int] = blank.evaluate(
        """async () => {
            const { readPoints, withGaps } = await import("/ui/chart-data.js");
            const at = (minute) => new Date(Date.UTC(2026, 0, 5, 0, minute)).toISOString();
            const minutes = [...Array(20).keys()].map((index) => index * 15 + (index > 10 ? 120 : 0));
            const read = async () => minutes.map((minute) => ({ timestamp: at(minute), value: "1" }));
            const { points, step } = await readPoints("1D", read, Date.UTC(2026, 0, 6));
            return withGaps(points, step).flatMap(({ value }, index) => (value === null ? [index] : []));
        }"""
    )

    assert result == list(range(11, 19))
