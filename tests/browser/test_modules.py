"""The modules of the pages one by one, in a real browser but without a server: what is pure needs none."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.browser.chromium import Chromium
from web.pages import UI

pytestmark = pytest.mark.browser

ORIGIN = "http://pages.test"

HOLDING = {
    "symbol": "CBA.AX",
    "quantity": "2",
    "price": "10.5",
    "currency": "AUD",
    "market_value": "21.0",
    "daily_change": "1",
    "unrealized_gain_loss": "3",
    "is_stale": False,
    "source": "yahoo",
    "last_updated": "2026-01-05T04:04:05Z",
}
OTHER = HOLDING | {"symbol": "BHP.AX", "market_value": "0.100000000000000000001"}
TOTALS = {"currency": "AUD", "total_value": "21.100000000000000000001", "partial": False}


@pytest.fixture
def blank(chromium: Chromium, page: Page) -> Page:
    """An empty page that may import the modules."""

    def serve(route: Route) -> None:
        name = route.request.url.removeprefix(f"{ORIGIN}/ui/")
        if route.request.url == f"{ORIGIN}/":
            route.fulfill(body="", content_type="text/html")
        else:
            route.fulfill(path=UI / name, content_type="text/javascript")

    def prepare() -> None:
        page.route(f"{ORIGIN}/**", serve)
        page.goto(f"{ORIGIN}/")

    chromium.run(prepare)
    return page


def call(page: Page, module: str, function: str, *arguments: Any) -> Any:
    return page.evaluate(
        "async ([module, name, given]) => (await import(`/ui/${module}.js`))[name](...given)",
        [module, function, list(arguments)],
    )


def ledger(page: Page, *calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Make these calls of a new ledger; return what it then says."""
    known: dict[str, Any] = page.evaluate(
        """async (calls) => {
            const { Ledger } = await import("/ui/ledger.js");
            const ledger = new Ledger();
            for (const [name, data] of calls) ledger[name](data);
            const { rows, isEmpty, isSimulated, isWhole } = ledger;
            return { rows, isEmpty, isSimulated, isWhole };
        }""",
        [list(call) for call in calls],
    )
    return known


def test_amounts_keep_the_digits_that_matter(chromium: Chromium, blank: Page) -> None:
    assert call(blank, "format", "money", "12345678901234567.895", "AUD") == "$12,345,678,901,234,567.90"
    assert call(blank, "format", "price", "0.123456", "AUD") == "$0.123456"
    assert call(blank, "format", "price", "5", "AUD") == "$5.00"
    assert call(blank, "format", "price", "5.10", "JPY") == "JPY\N{NO-BREAK SPACE}5.1"
    assert call(blank, "format", "quantity", "0.000000000001") == "0.000000000001"
    assert call(blank, "format", "change", "0.00", "AUD") == "$0.00"
    assert call(blank, "format", "change", "12.5", "AUD") == "+$12.50"
    assert call(blank, "format", "percent", "-1.2345") == "-1.23%"
    assert call(blank, "format", "ratio", "1", "0") is None
    assert call(blank, "format", "money", None, "AUD") == "–"


@pytest.mark.parametrize(
    ("parts", "total", "whole"),
    [
        ([], "0", True),
        (["0.1", "0.2"], "0.30", True),
        (["10000000000000000000000.01", "-0.01"], "10000000000000000000000", True),
        (["10000000000000000000000.01"], "10000000000000000000000", False),
        (["-0.5"], "-0.5", True),
        ([], "0.000000000001", False),
    ],
)
def test_parts_are_added_exactly(chromium: Chromium, blank: Page, parts: list[str], total: str, whole: bool) -> None:
    assert call(blank, "decimal", "addsUp", parts, total) is whole


@pytest.mark.parametrize(("text", "sign"), [("-0.01", -1), ("0.00", 0), ("-0", 0), ("3", 1), (None, 0)])
def test_the_sign_of_a_change_is_that_of_its_digits(
    chromium: Chromium, blank: Page, text: str | None, sign: int
) -> None:
    assert call(blank, "decimal", "sign", text) == sign


def test_a_change_touches_only_the_holdings_in_it(chromium: Chromium, blank: Page) -> None:
    known = ledger(
        blank,
        ("value", TOTALS | {"holdings": [HOLDING, OTHER]}),
        ("value", TOTALS | {"total_value": "22.100000000000000000001", "holdings": [HOLDING | {"market_value": "22"}]}),
    )

    assert [(row["symbol"], row["market_value"]) for row in known["rows"]] == [
        ("BHP.AX", OTHER["market_value"]),
        ("CBA.AX", "22"),
    ]
    assert known["isWhole"]


def test_totals_without_a_holding_that_is_shown_call_for_a_new_reading(chromium: Chromium, blank: Page) -> None:
    known = ledger(
        blank,
        ("value", TOTALS | {"holdings": [HOLDING, OTHER]}),
        ("value", TOTALS | {"total_value": "21.0", "holdings": []}),
    )

    assert not known["isWhole"]


def test_a_partial_value_calls_for_the_names_of_what_is_missing(chromium: Chromium, blank: Page) -> None:
    partial = TOTALS | {"partial": True, "holdings": [HOLDING, OTHER]}
    unpriced = [{"symbol": "NOPE.AX", "reason": "no_price"}]

    assert not ledger(blank, ("value", partial))["isWhole"]
    known = ledger(blank, ("value", partial), ("value", partial | {"unpriced": unpriced}))
    assert known["isWhole"]
    assert known["rows"][-1]["unpriced"] == "no_price"


def test_a_holding_that_gets_its_first_price_is_no_longer_missing(chromium: Chromium, blank: Page) -> None:
    known = ledger(
        blank,
        ("value", TOTALS | {"partial": True, "holdings": [], "unpriced": [{"symbol": "CBA.AX", "reason": "no_price"}]}),
        ("value", TOTALS | {"holdings": [HOLDING]}),
    )

    assert [(row["symbol"], row["unpriced"]) for row in known["rows"]] == [("CBA.AX", None)]


def test_one_simulated_source_marks_the_whole_page(chromium: Chromium, blank: Page) -> None:
    simulated = OTHER | {"source": "simulated"}

    assert not ledger(blank, ("value", TOTALS | {"holdings": [HOLDING]}))["isSimulated"]
    assert ledger(blank, ("value", TOTALS | {"holdings": [HOLDING, simulated]}))["isSimulated"]


def test_the_reason_of_staleness_outlives_price_updates_until_the_price_is_fresh(
    chromium: Chromium, blank: Page
) -> None:
    asked = {"symbol": "CBA.AX", "name": "Bank", "is_stale": True, "stale_reason": "age", "daily_change_percent": "1"}
    update = {"symbol": "CBA.AX", "change_percent": "2", "is_stale": True}
    value = ("value", TOTALS | {"holdings": [HOLDING]})

    stale = ledger(blank, value, ("price", asked), ("price", update))["rows"][0]["details"]
    fresh = ledger(blank, value, ("price", asked), ("price", update | {"is_stale": False}))["rows"][0]["details"]

    assert (stale["staleReason"], stale["changePercent"], stale["name"]) == ("age", "2", "Bank")
    assert (fresh["staleReason"], fresh["name"]) == (None, "Bank")


@pytest.mark.parametrize(
    ("condition", "state", "text"),
    [
        ({"state": "connecting"}, "connecting", "Connecting…"),
        ({"state": "connected", "feed": "connected"}, "connected", "Connected"),
        ({"state": "connected", "feed": "reconnecting"}, "troubled", "the price source is not answering"),
        ({"state": "connected", "feed": "error"}, "troubled", "no price source is working"),
        (
            {"state": "paused", "feed": "connected", "paused": {"reason": "maintenance", "until": None}},
            "paused",
            "Paused: maintenance",
        ),
        ({"state": "reconnecting"}, "reconnecting", "Reconnecting…"),
        ({"state": "offline"}, "offline", "Offline"),
        ({"state": "refused"}, "refused", "Not connected"),
    ],
)
def test_the_indicator_says_how_the_connection_is(
    chromium: Chromium, blank: Page, condition: dict[str, Any], state: str, text: str
) -> None:
    shown = blank.evaluate(
        """async (condition) => {
            await import("/ui/connection-indicator.js");
            const indicator = document.createElement("connection-indicator");
            const field = indicator.appendChild(document.createElement("span"));
            field.dataset.field = "text";
            indicator.show(condition);
            return [indicator.dataset.state, field.textContent];
        }""",
        condition,
    )

    assert shown[0] == state
    assert text in shown[1]
