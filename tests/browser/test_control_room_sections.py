"""The control room's sections: what each shows, who may see them, and what they do with the worst that can come."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, Route, ViewportSize, expect

from tests.browser.chromium import UNTIL, Chromium
from tests.browser.control_room import ADMIN, SECTIONS, USER, Room, listen, open_busy_room, visit
from tests.browser.hostile import HOSTILE
from tests.running import PASSWORD
from tests.standin import Standin

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def yahoo() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, yahoo: Standin) -> Iterator[Room]:
    with open_busy_room(tmp_path_factory.mktemp("room"), yahoo) as room:
        yield room
        assert room.complaints == []


@pytest.fixture(scope="module")
def window(chromium: Chromium, room: Room) -> Iterator[Page]:
    """The administrator's page, the same for the whole module."""
    context = chromium.run(room.window, chromium.browser, ADMIN)
    yield chromium.run(context.new_page)
    chromium.run(context.close)


@pytest.fixture
def admin(chromium: Chromium, window: Page) -> Page:
    """The administrator's page, without what the last test left on it."""
    chromium.run(window.goto, "about:blank")
    return window


WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
LOOKS: tuple[tuple[ViewportSize, Literal["light", "dark"]], ...] = ((NARROW, "light"), (WIDE, "dark"), (WIDE, "light"))

READ_AGAIN = "document.dispatchEvent(new Event('room-change'))"

SHOWN = {
    "intervals": "No interval is configured: the schedule decides.",
    "overrides": "Nothing is overridden.",
    "usage": re.compile("alpha_vantage: .* of 25 calls are left"),
    "providers": "network: connection refused",
    "schedule": "CBA.AX",
    "quarantine": "No price is held back.",
    "connections": "No stream is open.",
    "users": USER,
    "actors": "fetcher/alpha_vantage",
    "audit": "user.create",
}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_shows_what_is_there_and_everybody_can_read_it(
    chromium: Chromium, room: Room, admin: Page, section: str
) -> None:
    complaints = listen(admin)
    shown = visit(admin, room, section)

    expect(shown.get_by_text(SHOWN[section]).first).to_be_visible()
    link = admin.get_by_role("navigation").get_by_role("link", name=re.compile(section, re.IGNORECASE))
    expect(link).to_have_attribute("aria-current", "page")
    everybody_can_read(admin)
    assert complaints == []


def everybody_can_read(page: Page) -> None:
    for size, scheme in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    needs_no_sideways_scrolling_in_large_print(page)


def needs_no_sideways_scrolling_in_large_print(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 844})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.evaluate("document.documentElement.style.fontSize = ''")


@pytest.mark.parametrize(("section", "opener"), [("providers", "Edit alpha_vantage"), ("users", f"Deactivate {USER}")])
def test_everybody_can_read_a_question(chromium: Chromium, room: Room, admin: Page, section: str, opener: str) -> None:
    visit(admin, room, section).get_by_role("button", name=opener).click()
    admin.get_by_role("dialog").get_by_role("button").last.click()
    expect(admin.get_by_text("is missing")).to_be_visible()

    everybody_can_read(admin)


def test_everybody_can_read_that_everything_is_stopped(chromium: Chromium, room: Room, admin: Page) -> None:
    visit(admin, room, "actors")
    admin.get_by_role("button", name="Emergency stop").click()
    expect(admin.get_by_role("dialog").get_by_text("Affected:")).to_be_visible()
    everybody_can_read(admin)

    admin.get_by_label("Reason, which everybody reads").fill("The feed is wrong")
    admin.keyboard.press("Enter")
    expect(admin.get_by_text("Everything is stopped.")).to_be_visible()
    everybody_can_read(admin)
    room.undo_everything()


@pytest.fixture
def user(chromium: Chromium, room: Room) -> Iterator[BrowserContext]:
    window = chromium.run(room.window, chromium.browser, USER)
    yield window
    chromium.run(window.close)


def confirm(page: Page, action: str, reason: str = "A test") -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason", exact=True).fill(reason)
    dialog.get_by_role("button", name=action, exact=True).click()


def test_a_plain_user_is_told_that_the_room_is_not_for_them(
    chromium: Chromium, room: Room, user: BrowserContext
) -> None:
    page = user.new_page()
    page.goto(room.server.url + "/portfolios")
    expect(page.get_by_text(USER)).to_be_visible()
    expect(page.get_by_role("link", name="Control room")).to_have_count(0)

    complaints = listen(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(room.server.url + "/control-room")

    expect(page.get_by_role("alert")).to_contain_text("The control room is for administrators.")
    assert [url for url in asked if "/api/v1/admin/" in url] == []
    assert complaints == []
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.get_by_role("button", name="Emergency stop")).to_have_count(0)


def test_an_administrator_who_is_made_a_plain_user_loses_the_room(chromium: Chromium, room: Room, admin: Page) -> None:
    room.ask("POST", "users", {"email": "brief@example.org", "password": PASSWORD, "role": "admin"})
    window = room.window(chromium.browser, "brief@example.org")
    page = window.new_page()
    visit(page, room, "providers").get_by_role("button", name="Edit").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    section = visit(admin, room, "users")
    section.get_by_role("row", name="brief@example.org").get_by_role("button", name="Make user").click()
    confirm(admin, "Change it")

    page.evaluate(READ_AGAIN)

    expect(page.get_by_role("alert")).to_contain_text("The control room is for administrators.")
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.get_by_role("heading", name="Providers")).to_have_count(0)
    page.get_by_role("link", name="Portfolios", exact=True).click()
    expect(page).to_have_url(room.server.url + "/portfolios")
    window.close()


def test_a_question_that_the_browser_goes_back_from_is_closed(chromium: Chromium, room: Room, admin: Page) -> None:
    visit(admin, room, "users")
    admin.get_by_role("link", name="Providers").click()
    admin.get_by_role("button", name="Edit alpha_vantage").click()
    expect(admin.get_by_role("dialog")).to_be_visible()

    admin.go_back()

    expect(admin.get_by_role("heading", name="Users", exact=True)).to_be_focused()
    admin.get_by_role("button", name=f"Deactivate {USER}").click()
    admin.get_by_role("link", name="Audit").evaluate("link => link.click()")
    expect(admin.get_by_role("dialog")).to_have_count(0)
    admin.get_by_role("link", name="Actors", exact=True).click()
    expect(admin.get_by_role("row", name="scheduler")).to_be_visible()


def test_who_is_not_signed_in_any_more_is_sent_to_sign_in(chromium: Chromium, room: Room, user: BrowserContext) -> None:
    page = user.new_page()
    for cookie in ("gone", None):
        user.clear_cookies()
        if cookie:
            user.add_cookies([{"name": "session", "value": cookie, "url": room.server.url}])
        page.goto(room.server.url + "/control-room")
        expect(page).to_have_url(room.server.url + "/sign-in")


def test_an_administrator_finds_the_room_from_the_portfolios(chromium: Chromium, room: Room, admin: Page) -> None:
    admin.goto(room.server.url + "/portfolios")
    admin.get_by_role("link", name="Control room").click()
    expect(admin.get_by_role("heading", name="Poll intervals")).to_be_visible()


def test_a_section_says_that_it_loads_that_it_failed_and_what_is_not_up_to_date(
    chromium: Chromium, room: Room, admin: Page
) -> None:
    held: list[Route] = []
    admin.route("**/api/v1/admin/actors*", lambda route: held.append(route))
    admin.goto(f"{room.server.url}/control-room#actors")
    section = admin.locator("#actors-section")
    expect(section.get_by_role("status")).to_have_text("Loading…")

    admin.route("**/api/v1/admin/actors*", lambda route: route.abort())
    for route in held:
        route.abort()
    expect(section.get_by_role("alert")).to_have_text("The server cannot be reached.")

    again = section.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    waiting: list[Route] = []  # or the room, which reads again by itself, may be quicker
    admin.route("**/api/v1/admin/actors*", lambda route: waiting.append(route))
    again.dispatch_event("click")
    for route in waiting:
        route.continue_()
    admin.unroute("**/api/v1/admin/actors*")
    expect(section.get_by_role("row", name="scheduler")).to_contain_text("running")
    expect(section.get_by_role("alert")).to_be_hidden()

    admin.route("**/api/v1/admin/actors*", lambda route: route.abort())
    admin.evaluate(READ_AGAIN)
    expect(section.get_by_role("alert")).to_have_text(
        re.compile(r"This is not up to date since \d.*: The server cannot be reached\.")
    )
    expect(section.get_by_role("row", name="scheduler")).to_contain_text("running")
    admin.unroute("**/api/v1/admin/actors*")


def test_a_section_without_anything_is_not_read_out_again_and_again(
    chromium: Chromium, room: Room, admin: Page
) -> None:
    section = visit(admin, room, "quarantine")
    expect(section.get_by_text("No price is held back.")).to_be_visible()
    section.get_by_role("status").evaluate("""node => {
        window.changes = 0;
        const seen = { attributes: true, childList: true, characterData: true, subtree: true };
        new MutationObserver(() => window.changes += 1).observe(node, seen);
    }""")

    with admin.expect_response("**/admin/quarantine?*"):
        admin.evaluate(READ_AGAIN)

    expect(admin.locator("#quarantine-section:not([aria-busy])")).to_be_visible()
    assert admin.evaluate("window.changes") == 0


HURRY = """const timeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (ms) => timeout(ms / 10);"""


def test_a_server_that_hangs_is_noticed_and_its_orders_are_in_doubt(chromium: Chromium, room: Room) -> None:
    window = room.window(chromium.browser, ADMIN)
    page = window.new_page()
    page.add_init_script(HURRY)
    section = visit(page, room, "users")
    assert room.server.process is not None
    room.server.process.send_signal(signal.SIGSTOP)
    try:
        section.get_by_label("E-mail").fill("doubtful@example.org")
        section.get_by_role("button", name="Add", exact=True).click()
        expect(section.locator("form.add").get_by_role("alert")).to_have_text(
            "The server did not answer within 10 s. It is not known whether this was done."
        )
        expect(section.locator(".failure").get_by_role("alert")).to_have_text(
            re.compile(r"This is not up to date since \d.*: The server did not answer within 10 s\.")
        )
        expect(section.get_by_role("row", name=USER)).to_be_visible()
    finally:
        room.server.process.send_signal(signal.SIGCONT)
    expect(section.locator(".failure")).to_be_hidden()
    window.close()


def test_a_provider_is_switched_and_limited_with_a_reason(chromium: Chromium, room: Room, admin: Page) -> None:
    section = visit(admin, room, "providers")
    row = section.get_by_role("row", name="alpha_vantage")
    row.get_by_role("button", name="Disable").click()
    confirm(admin, "Disable", "It only fails")
    expect(row).to_contain_text("disabled")

    row.get_by_role("button", name="Edit").click()
    dialog = admin.get_by_role("dialog", name="Edit alpha_vantage")
    dialog.get_by_label("Calls a day").fill("many")
    dialog.get_by_label("Reason").fill("A bigger plan")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_label("Calls a day")).to_be_focused()
    expect(dialog.get_by_label("Calls a day")).to_have_accessible_description("must be a whole number")
    dialog.get_by_label("Calls a day").fill("75")
    dialog.get_by_label("Cost of a call").fill("0.005")
    exchanges = dialog.get_by_label("Exchanges whose symbols it is asked for, by commas")
    expect(exchanges).to_have_value(re.compile("XNYS, XLON"))
    exchanges.fill("XNYS, XXXX")
    dialog.get_by_role("button", name="Save").click()
    expect(exchanges).to_be_focused()
    expect(exchanges).to_have_accessible_description(re.compile("^no. 2 must be the code of an exchange"))
    exchanges.fill("xnys xlon")
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("1 a second, 5 a minute, 75 a day")
    expect(row).to_contain_text("0.005 a call")
    row.get_by_text("2 exchanges").click()
    expect(row.get_by_text("XLON, XNYS")).to_be_visible()

    row.get_by_role("button", name="Enable").click()
    confirm(admin, "Enable")
    expect(row).not_to_contain_text("disabled")
    entry = room.ask("GET", "audit?limit=3")[1]
    assert (entry["reason"], entry["after"]["calls_per_day"]) == ("A bigger plan", 75)

    row.get_by_role("button", name="Edit").click()
    exchanges.fill("")
    dialog.get_by_label("Reason").fill("All of them again")
    dialog.get_by_role("button", name="Save").click()
    expect(row.get_by_text("2 exchanges", exact=True)).to_have_count(0)
    assert len(room.ask("GET", "providers/alpha_vantage")["exchanges"]) > 2


def test_a_price_that_is_held_back_is_accepted(chromium: Chromium, room: Room, admin: Page, yahoo: Standin) -> None:
    section = visit(admin, room, "quarantine")
    yahoo.set_price("BHP.AX", "5000")
    room.refresh("BHP.AX")
    admin.evaluate(f"setInterval(() => {READ_AGAIN}, 500)")
    row = section.get_by_role("row", name="BHP.AX")
    expect(row).to_contain_text("5,000", timeout=15_000)

    row.get_by_role("button", name="Accept").click()
    confirm(admin, "Accept it", "A reverse split")

    expect(section.get_by_text("No price is held back.")).to_be_visible()


def test_a_stream_is_closed(chromium: Chromium, room: Room, admin: Page, user: BrowserContext) -> None:
    user.new_page().goto(room.portfolio_page)
    section = visit(admin, room, "connections")
    row = section.get_by_role("row", name=USER)
    expect(row).to_contain_text("127.0.0.1")
    expect(row).to_contain_text("Mozilla")
    opened = {each["id"] for each in room.ask("GET", "connections")}

    row.get_by_role("button", name="Close").click()
    confirm(admin, "Close it")

    expect(admin.get_by_role("dialog")).to_have_count(0)
    assert opened.isdisjoint(each["id"] for each in room.ask("GET", "connections"))


def test_a_user_is_added_by_a_link_that_signs_in_once_and_is_deactivated(
    chromium: Chromium, room: Room, admin: Page
) -> None:
    section = visit(admin, room, "users")
    section.get_by_label("E-mail").fill("no address")
    section.get_by_role("button", name="Add", exact=True).click()
    expect(section.get_by_label("E-mail")).to_have_accessible_description("must be an e-mail address")
    section.get_by_label("E-mail").fill("new@example.org")
    section.get_by_role("button", name="Add", exact=True).click()
    link = section.get_by_label("Sign-in link")
    expect(link).to_have_value(re.compile(r"/sign-in\?token="))
    guest = chromium.browser.new_context()
    page = guest.new_page()
    page.goto(link.input_value())
    expect(page.get_by_text("new@example.org")).to_be_visible()
    guest.close()
    section.get_by_label("E-mail").fill("new@example.org")
    section.get_by_role("button", name="Add", exact=True).click()
    expect(section.locator("form.add").get_by_role("alert")).to_be_visible()
    expect(link).to_be_hidden()

    row = section.get_by_role("row", name="new@example.org")
    row.get_by_role("button", name="Deactivate").click()
    confirm(admin, "Change it")
    expect(row).to_contain_text("deactivated")

    section.get_by_role("row", name=ADMIN).get_by_role("button", name="Make user").click()
    confirm(admin, "Change it")
    expect(admin.get_by_role("dialog").get_by_role("alert")).to_contain_text("administrator")


def test_the_log_is_filtered_and_shows_what_changed(chromium: Chromium, room: Room, admin: Page) -> None:
    room.ask("POST", "poll-intervals", {"interval_minutes": 7, "reason": "Thrift"})
    section = visit(admin, room, "audit")
    section.get_by_label("What").fill("poll_interval.create")
    section.get_by_label("What").press("Enter")

    expect(section.get_by_role("row", name="user.create")).to_have_count(0)
    row = section.get_by_role("row", name="poll_interval.create")
    expect(row).to_contain_text("Thrift")
    row.locator("summary").click()
    expect(row.get_by_text("interval minutes: nothing → 7")).to_be_visible()

    section.get_by_label("From").fill("2099-01-01T00:00")
    section.get_by_label("From").press("Tab")
    expect(section.get_by_text("No change fits.")).to_be_visible()
    section.get_by_label("From").fill("12026-01-01T00:00")
    section.get_by_label("From").press("Tab")
    expect(section.get_by_label("From")).to_have_accessible_description(re.compile("a year of four digits"))
    room.undo_everything()


def test_usage_is_of_the_chosen_period_and_exported(chromium: Chromium, room: Room, admin: Page) -> None:
    section = visit(admin, room, "usage")
    expect(section.get_by_role("table", name="Usage by user").get_by_role("row", name=USER)).to_be_visible()
    expect(section.get_by_role("img", name="Calls left of alpha_vantage")).to_be_visible()

    expect(section.get_by_text("Forecast of the month").locator("xpath=..")).to_contain_text(re.compile(r"\d"))

    section.get_by_label("Period", exact=True).select_option(label="from … to …")
    section.get_by_label("From").fill("2026-02-02")
    section.get_by_label("To", exact=True).fill("2026-02-01")
    section.get_by_label("To", exact=True).press("Tab")
    expect(section.get_by_label("From")).to_have_accessible_description(re.compile("must not be after"))
    section.get_by_label("Period", exact=True).select_option(label="last month")
    expect(section.get_by_role("alert")).to_be_hidden()

    expect(section.get_by_text("No calls.").first).to_be_visible()
    section.get_by_label("Period", exact=True).select_option(label="today")
    expect(section.get_by_role("table", name="Usage by day").get_by_role("row")).to_have_count(2)
    with admin.expect_download() as download:
        section.get_by_role("link", name="Export as CSV").click()
    assert download.value.path().read_text().startswith("section,")


@pytest.mark.parametrize(
    ("left", "exhausts_at", "caption", "ahead"),
    [
        (
            10,
            "2026-01-05T20:00:00Z",
            r"10 of 25 .*pace they are spent at 6 Jan, 07:00 am, before 6 Jan, 11:00",
            [500, 160],
        ),
        (15, None, r"15 of 25 .*pace they last until they are renewed at 6 Jan, 11:00 am", [600, 128]),
    ],
)
def test_a_days_calls_burn_down_to_the_moment_that_is_forecast(
    chromium: Chromium, room: Room, admin: Page, left: int, exhausts_at: str | None, caption: str, ahead: list[int]
) -> None:
    usage = room.ask("GET", "api-usage")
    (used,) = [row for row in usage["by_provider"] if row["provider_name"] == "alpha_vantage"]
    used |= {"rate_limit_total": 25, "rate_limit_remaining": left, "quota_resets_at": "2026-01-06T00:00:00Z"}
    noon = usage | {"by_provider": [used | {"exhausts_at": exhausts_at}], "last_updated": "2026-01-05T12:00:00Z"}
    admin.route("**/api/v1/admin/api-usage?*", lambda route: route.fulfill(json=noon))
    section = visit(admin, room, "usage")

    expect(section.locator("figcaption")).to_have_text(re.compile(caption))
    spent, forecast = (section.locator(f"path.{name}").get_attribute("d") for name in ("spent", "forecast"))
    now = [300, 160 - 160 * left / 25]
    assert [float(number) for number in re.findall(r"[\d.]+", str(spent))] == [0, 0, *now]
    assert [float(number) for number in re.findall(r"[\d.]+", str(forecast))] == [*now, *ahead]
    expect(section.get_by_text("as if they had been spent evenly")).to_be_visible()
    admin.unroute("**/api/v1/admin/api-usage?*")


def test_nothing_in_a_name_a_reason_or_an_address_runs(chromium: Chromium, room: Room, admin: Page) -> None:
    complaints = listen(admin)
    emails = [f"{re.sub('[@ ]', '/', text)[:60]}{place}@example.org" for place, text in enumerate(HOSTILE)]
    for text, email in zip(HOSTILE, emails, strict=True):
        user = room.ask("POST", "users", {"email": email, "reason": text})
        portfolio = room.make_portfolio(text, room.token, symbols=())
        stop = {"override_type": "disable_updates", "reason": text}
        room.ask("POST", "overrides", stop | {"scope": "portfolio", "target_id": portfolio})
        interval = {"interval_minutes": 60, "config_type": "user", "target_id": user["id"], "reason": text}
        room.ask("POST", "poll-intervals", interval)

    for section, texts in (
        ("intervals", [*HOSTILE, *emails]),
        ("overrides", HOSTILE),
        ("users", emails),
        ("audit", ()),
    ):
        shown = visit(admin, room, section)
        expect(admin.locator("#users option")).not_to_have_count(0)
        admin.evaluate(
            "([id, texts]) => "
            + UNTIL % "texts.every((text) => document.getElementById(id).textContent.includes(text))",
            [f"{section}-section", list(texts)],
        )
        for action in ("Undo", "End", "Deactivate"):
            opener = shown.get_by_role("button", name=action).first
            if opener.count():
                opener.click()
                admin.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(shown.get_by_text("1 to 50 of")).to_be_visible()
    shown.get_by_role("button", name="Next").click()
    expect(shown.get_by_text("51 to 100 of")).to_be_visible()
    for summary in shown.locator("summary").all()[:5]:
        summary.click()
    assert admin.evaluate("window.ran") is None
    assert complaints == []


def test_the_longest_names_need_no_sideways_scrolling(chromium: Chromium, room: Room, admin: Page) -> None:
    email = f"{'x' * 64}@{'y' * 180}.org"
    user = room.ask("POST", "users", {"email": email, "reason": "z" * 500})
    long = {"interval_minutes": 60, "config_type": "user", "target_id": user["id"], "reason": "z" * 500}
    room.ask("POST", "poll-intervals", long)
    stop = {"override_type": "disable_updates", "scope": "portfolio", "reason": "z" * 500}
    room.ask("POST", "overrides", stop | {"target_id": room.make_portfolio("p" * 200, room.token, symbols=())})

    for section, text in (("intervals", email), ("overrides", "p" * 200), ("users", email), ("audit", "z" * 500)):
        expect(visit(admin, room, section)).to_contain_text(text)
        for width in (390, 961, 1280):
            admin.set_viewport_size({"width": width, "height": 844})
            assert admin.evaluate("document.documentElement.scrollWidth") <= width, (section, width)
        needs_no_sideways_scrolling_in_large_print(admin)
