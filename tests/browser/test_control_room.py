"""The control room's orders: previewed, given, seen by a user in another window, and taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import UNTIL, Chromium
from tests.browser.control_room import ADMIN, USER, Room, listen, open_room, visit
from tests.running import PASSWORD

pytestmark = pytest.mark.browser

MINUTES = "Minutes between polls (1 to 1440)"
PORTFOLIO = "Portfolio (name, id or address)"
NEXT_UPDATE = """async ({ id }) => {
    const { MarketStream } = await import("/ui/market-stream.js");
    window.stream = new MarketStream({ heartbeatSeconds: 1 });
    window.stream.subscribe({ portfolios: [id] }, {});
}"""


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with open_room(tmp_path_factory.mktemp("room")) as room:
        yield room


@pytest.fixture
def room(shared_room: Room) -> Iterator[Room]:
    yield shared_room
    shared_room.undo_everything()
    assert shared_room.complaints == []


@pytest.fixture
def admin(chromium: Chromium, room: Room) -> Iterator[Page]:
    window = chromium.run(room.window, chromium.browser, ADMIN)
    yield chromium.run(window.new_page)
    chromium.run(window.close)


@pytest.fixture
def user(chromium: Chromium, room: Room) -> Iterator[Page]:
    """The user's portfolio, live."""
    window = chromium.run(room.window, chromium.browser, USER)
    page = chromium.run(window.new_page)
    chromium.run(page.goto, room.portfolio_page)
    chromium.run(expect(page.get_by_role("row", name="CBA.AX")).to_contain_text, "simulated")
    yield page
    chromium.run(window.close)


def field(form: Locator, label: str) -> Locator:
    return form.get_by_label(label, exact=True)


def order_form(section: Locator) -> Locator:
    return section.locator("form.order")


def give_reason(page: Page, reason: str, action: str) -> None:
    page.get_by_role("dialog").get_by_label("Reason", exact=True).fill(reason)
    page.get_by_role("dialog").get_by_role("button", name=action).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_interval_is_previewed_ordered_and_ended_while_a_user_sees_the_next_update_move(
    chromium: Chromium, room: Room, admin: Page, user: Page
) -> None:
    complaints = listen(admin)
    user.evaluate(NEXT_UPDATE, {"id": room.portfolio_id})
    soon = UNTIL % "window.stream.condition.nextUpdateAt - Date.now() < 5_000"
    late = UNTIL % "window.stream.condition.nextUpdateAt - Date.now() > 20 * 60_000"
    user.evaluate(soon)
    section = visit(admin, room, "intervals")
    expect(section.get_by_text("No interval is configured")).to_be_visible()
    form = order_form(section)
    field(form, MINUTES).fill("30")
    field(form, "Reason").fill("Quiet week")

    form.get_by_role("button", name="Preview").click()

    preview = form.get_by_role("table", name="Preview")
    expect(preview.get_by_role("row", name="Calls a day")).to_contain_text(re.compile(r"\d\d,\d{3}.*\d"))
    expect(preview.get_by_role("row", name="Expected age of a price")).to_contain_text("min")
    expect(form.get_by_text("Affected:")).to_contain_text("2 users, 2 portfolios")
    assert room.ask("GET", "poll-intervals") == []

    form.get_by_role("button", name="Order it").click()

    row = section.get_by_role("row", name="everything")
    expect(row).to_contain_text("30 min")
    expect(row).to_contain_text("in force")
    expect(row).to_contain_text(ADMIN)
    user.evaluate(late)

    row.get_by_role("button", name="End").click()
    give_reason(admin, "It was not quiet", "End it")

    expect(row).to_contain_text("ended")
    user.evaluate(soon)
    assert complaints == []


def test_a_price_override_reaches_the_user_with_its_source_counts_down_and_is_undone(
    chromium: Chromium, room: Room, admin: Page, user: Page
) -> None:
    section = visit(admin, room, "overrides")
    form = order_form(section)
    field(form, "Symbol").fill("cba.ax")
    field(form, "Price").fill("123.456")
    field(form, "Minutes (until undone if empty)").fill("90")
    field(form, "Reason").fill("A split")
    form.get_by_role("button", name="Preview").click()
    form.get_by_role("button", name="Order it").click()

    holding = user.get_by_role("row", name="CBA.AX")
    expect(holding).to_contain_text("$123.456")
    expect(holding).to_contain_text("override")
    row = section.get_by_role("row", name="Price 123.456")
    expect(row).to_contain_text("symbol CBA.AX")
    expect(row).to_contain_text(re.compile("in 1 hr (30|29) min"))

    row.get_by_role("button", name="Undo").click()
    give_reason(admin, "No split after all", "Undo it")

    expect(row).to_contain_text("removed")
    expect(row).to_contain_text("No split after all")
    expect(holding).to_contain_text("simulated")
    expect(holding).not_to_contain_text("$123.456")


def test_an_emergency_stop_is_confirmed_pauses_every_page_with_its_reason_and_is_lifted(
    chromium: Chromium, room: Room, admin: Page, user: Page
) -> None:
    visit(admin, room, "schedule")
    admin.get_by_role("button", name="Emergency stop").click()
    dialog = admin.get_by_role("dialog", name="Stop everything?")
    expect(dialog.get_by_text("Affected:")).to_contain_text("2 portfolios")
    dialog.get_by_role("button", name="Stop everything now").click()
    expect(dialog.get_by_text("is missing")).to_be_visible()
    dialog.get_by_role("button", name="Do not stop").click()
    assert room.ask("GET", "overrides?active=true") == []

    admin.get_by_role("button", name="Emergency stop").click()
    expect(dialog.get_by_text("is missing")).to_have_count(0)
    dialog.get_by_label("Reason, which everybody reads").fill("The feed went mad")
    dialog.get_by_role("button", name="Stop everything now").click()

    alarm = admin.get_by_role("alert").filter(has_text="Everything is stopped.")
    expect(alarm).to_contain_text("The feed went mad")
    expect(alarm).to_contain_text(ADMIN)
    expect(user.locator("connection-indicator")).to_have_text("Paused: The feed went mad")
    expect(admin.get_by_text("No call is planned")).to_be_visible()

    admin.get_by_role("button", name="Lift the stop").click()
    give_reason(admin, "It is sane again", "Undo it")

    expect(alarm).to_be_hidden()
    expect(user.locator("connection-indicator")).to_have_text("Connected")


def test_a_changed_field_takes_the_preview_away(chromium: Chromium, room: Room, admin: Page) -> None:
    form = order_form(visit(admin, room, "intervals"))
    field(form, MINUTES).fill("30")
    field(form, "Reason").fill("Quiet week")
    form.get_by_role("button", name="Preview").click()
    expect(form.get_by_role("button", name="Order it")).to_be_focused()

    field(form, MINUTES).fill("1")

    expect(form.get_by_role("table", name="Preview")).to_be_hidden()
    expect(form.get_by_role("button", name="Order it")).to_be_hidden()
    expect(form.get_by_role("button", name="Preview")).to_be_visible()


def test_what_is_refused_is_said_at_its_field(chromium: Chromium, room: Room, admin: Page) -> None:
    form = order_form(visit(admin, room, "intervals"))
    minutes = field(form, MINUTES)
    minutes.fill("0")
    field(form, "Reason").fill("Busy week")

    form.get_by_role("button", name="Preview").click()

    expect(minutes).to_be_focused()
    expect(minutes).to_have_attribute("aria-invalid", "true")
    expect(minutes).to_have_accessible_description(re.compile("1"))
    minutes.fill("1.5")
    field(form, "Until (for good if empty)").fill("12026-01-01T00:00")
    form.get_by_role("button", name="Preview").click()
    expect(minutes).to_have_accessible_description("must be a whole number")
    expect(field(form, "Until (for good if empty)")).to_have_accessible_description(
        "must be a whole date and time, with a year of four digits"
    )
    field(form, "Until (for good if empty)").fill("")
    minutes.fill("5")
    field(form, "For").select_option(label="a user")
    field(form, "User").fill("nobody@example.org")
    form.get_by_role("button", name="Preview").click()
    expect(field(form, "User")).to_have_accessible_description(re.compile("."))
    expect(minutes).not_to_have_attribute("aria-invalid", "true")


def test_each_scope_asks_for_its_own_target_alone(chromium: Chromium, room: Room, admin: Page) -> None:
    unused = room.make_portfolio("Of no call", room.user_token, symbols=())
    section = visit(admin, room, "overrides")
    form = order_form(section)
    expect(admin.locator("#users option")).not_to_have_count(0)
    for what, whom, fields, shown in (
        ("force an interval", "a user", {"User": USER, MINUTES: "5"}, f"user {USER}"),
        ("force an interval", "everything", {MINUTES: "5"}, "everything"),
        ("force an interval", "a portfolio", {PORTFOLIO: room.portfolio_id, MINUTES: "5"}, "portfolio"),
        ("no updates", "a portfolio", {PORTFOLIO: f"{room.server.url}/?portfolio={unused}"}, f"portfolio {unused}"),
        ("no updates", "a provider", {"Provider": "simulated"}, "provider simulated"),
        ("no updates", "a symbol", {"Symbol": "BHP.AX"}, "symbol BHP.AX"),
    ):
        field(form, "What").select_option(label=what)
        field(form, "For").select_option(label=whom)
        for label, value in fields.items():
            field(form, label).fill(value)
        field(form, "Reason").fill(f"To test {shown}")
        form.get_by_role("button", name="Preview").click()
        form.get_by_role("button", name="Order it").click()

        row = section.get_by_role("row").filter(has_text=f"To test {shown}")
        expect(row).to_contain_text("active")
        expect(row.get_by_role("cell").first).to_contain_text(shown)


def test_an_id_is_never_a_name_and_a_name_of_several_is_refused(chromium: Chromium, room: Room, admin: Page) -> None:
    meant = room.make_portfolio("Twin", room.token, symbols=())
    twin = room.make_portfolio("Twin", room.user_token, symbols=())
    trap = room.make_portfolio(meant, room.user_token, symbols=())
    usage = room.ask("GET", "api-usage")
    used = [{"portfolio_id": twin, "portfolio_name": "Twin"}, {"portfolio_id": trap, "portfolio_name": meant}]
    admin.route("**/api/v1/admin/api-usage?*", lambda route: route.fulfill(json=usage | {"by_portfolio": used}))
    offers = (f"Twin of {ADMIN} ({meant})", f"Twin ({twin})", f"{meant} ({trap})")
    for name, what in (("overrides", "no updates"), ("intervals", None)):
        form = order_form(visit(admin, room, name))
        for offer in offers:
            expect(admin.locator(f'#portfolios option[value="{offer}"]')).to_have_count(1)
        expect(admin.locator('#portfolios option[value="Twin"]')).to_have_count(0)
        if what:
            field(form, "What").select_option(label=what)
        field(form, "For").select_option(label="a portfolio")
        if not what:
            field(form, MINUTES).fill("5")
        field(form, "Reason").fill("To test targets")
        portfolio = field(form, PORTFOLIO)
        portfolio.fill("Twin")
        form.get_by_role("button", name="Preview").click()
        expect(portfolio).to_have_accessible_description(re.compile("the name of several"))

        for given, target in ((meant, meant), (offers[1], twin), (offers[2], trap)):
            portfolio.fill(given)
            with admin.expect_request("**/preview") as asked:
                form.get_by_role("button", name="Preview").click()
            assert asked.value.post_data_json["target_id"] == target
            expect(form.get_by_role("button", name="Order it")).to_be_focused()


def test_the_rules_of_a_symbol_and_a_portfolio_are_explained_by_name(
    chromium: Chromium, room: Room, admin: Page
) -> None:
    user_id = next(each["id"] for each in room.ask("GET", "users") if each["email"] == USER)
    order = {"interval_minutes": 7, "reason": "Thrift", "config_type": "user", "target_id": user_id}
    room.ask("POST", "poll-intervals", order)
    visit(admin, room, "intervals")
    expect(admin.locator("#users option")).not_to_have_count(0)
    question = admin.locator("effective-interval")
    question.get_by_label("Of").select_option(label="a portfolio")
    field(question, PORTFOLIO).fill(room.portfolio_id)

    question.get_by_role("button", name="Explain").click()

    expect(question.get_by_role("status")).to_have_text("Polled every 7 mins, by its user’s interval.")
    deciding = question.get_by_role("row").filter(has=admin.get_by_text("decides", exact=True))
    expect(deciding).to_have_count(1)
    expect(deciding).to_contain_text(f"configuration of user “{USER}”")

    question.get_by_label("Of").select_option(label="a symbol")
    field(question, "Symbol").fill("CBA.AX")
    question.get_by_role("button", name="Explain").click()
    expect(question.get_by_role("status")).to_contain_text("by the schedule")


def test_a_whole_order_is_given_and_undone_with_the_keyboard_alone(chromium: Chromium, room: Room, admin: Page) -> None:
    section = visit(admin, room, "intervals")
    keys = admin.keyboard

    def tab_to(target: Locator) -> None:
        for _ in range(40):
            if target.evaluate("node => node === document.activeElement"):
                return
            keys.press("Tab")
        raise AssertionError("the keyboard does not lead there")

    tab_to(admin.get_by_role("link", name="Overrides"))
    keys.press("Enter")
    section = admin.locator("#overrides-section[data-read]")
    expect(section.get_by_role("heading", name="Overrides", exact=True)).to_be_focused()
    form = order_form(section)
    tab_to(field(form, "Symbol"))
    keys.type("BHP.AX")
    keys.press("Tab")
    keys.type("55.5")
    keys.press("Tab")
    keys.press("Tab")
    keys.type("By hand")
    keys.press("Enter")
    expect(form.get_by_role("button", name="Order it")).to_be_focused()
    keys.press("Enter")
    row = section.get_by_role("row", name="Price 55.5")
    expect(row).to_contain_text("active")
    expect(form.get_by_role("button", name="Preview")).to_be_focused()

    section.get_by_role("heading", name="Overrides", exact=True).focus()
    tab_to(row.get_by_role("button", name="Undo"))
    keys.press("Enter")
    expect(admin.get_by_role("dialog").get_by_label("Reason")).to_be_focused()
    keys.type("Enough")
    keys.press("Enter")

    expect(row).to_contain_text("removed")
    expect(admin.get_by_role("dialog")).to_have_count(0)


def test_a_user_who_is_deactivated_is_led_out_while_looking(chromium: Chromium, room: Room, admin: Page) -> None:
    email = "leaving@example.org"
    room.ask("POST", "users", {"email": email, "password": PASSWORD})
    window = room.window(chromium.browser, email)
    page = window.new_page()
    page.goto(f"{room.server.url}/?portfolio={room.make_portfolio('Mine', room.token_of(email))}")
    expect(page.get_by_role("row", name="CBA.AX")).to_contain_text("simulated")
    section = visit(admin, room, "users")

    section.get_by_role("row", name=email).get_by_role("button", name="Deactivate").press("Enter")
    admin.keyboard.type("Has left")
    admin.keyboard.press("Enter")

    expect(section.get_by_role("row", name=email)).to_contain_text("deactivated")
    expect(page).to_have_url(room.server.url + "/sign-in")
    expect(page.get_by_role("alert")).to_have_text("Your session has ended. Please sign in again.")
    window.close()
