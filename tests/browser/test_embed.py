"""The elements for pages of other origins, in a page of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.chromium import Chromium
from tests.browser.feigned import FEIGNED
from tests.browser.host import PAGE, Host
from tests.browser.hostile import HOSTILE
from tests.running import RunningServer
from web.pages import UI

pytestmark = pytest.mark.browser

AS_OF = re.compile(r"not live: as of \d\d:\d\d:\d\d")
MONEY = re.compile(r"\$[\d,]+\.\d\d")
CONFIGURE = """
import { configure } from "SERVER/ui/embed.js";
async function ticket() {
  const response = await fetch("/ticket");
  if (!response.ok) throw Object.assign(new Error("no ticket"), { status: response.status });
  return (await response.json()).ticket;
}
configure({ server: "SERVER", ticket, heartbeatSeconds: 1 });
"""


@dataclass
class Site:
    """A host, the server whose elements it embeds, and what the server's administrator may do."""

    host: Host
    server: RunningServer
    token: str
    portfolio_id: str

    def ask(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        answer = self.server.request(method, f"/api/v1{path}", body, self.token)
        assert answer.status == status, answer
        return answer.body

    def make_link(self, portfolio_id: str = "") -> dict[str, str]:
        path = f"/portfolios/{portfolio_id or self.portfolio_id}/links"
        link: dict[str, str] = self.ask("POST", path, {"expires_in_days": 1}, 201)
        return link

    def end(self, link: dict[str, str]) -> None:
        self.ask("DELETE", f"/portfolios/{self.portfolio_id}/links/{link['id']}", status=204)

    def make_portfolio(self, *symbols: str) -> str:
        made = self.ask("POST", "/portfolios", {"name": "Another", "base_currency": "AUD"}, 201)
        for symbol in symbols:
            holding = {"quantity": "1", "average_cost": "1", "currency": "AUD"}
            self.ask("PUT", f"/portfolios/{made['id']}/holdings/{symbol}", holding, 201)
        return str(made["id"])

    def open(
        self, page: Page, body: str, script: str = "", *, style: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Show these elements in a page of the host."""
        module = f"{self.server.url}/ui/embed.js"
        self.host.body, self.host.style, self.host.headers = body, style, headers or {}
        self.host.script = script.replace("SERVER", self.server.url)
        self.host.module = "" if script else module
        page.goto(self.host.origin)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("embed")
    with Host() as host, RunningServer(folder, "--demo", cors_origins=host.origin, heartbeat_seconds=1) as server:
        token = server.make_token("demo@example.com", "admin")
        portfolio_id = server.get("/api/v1/portfolios", token).body[0]["id"]
        host.ticket = lambda: _ticket(server, token)
        yield Site(host, server, token, portfolio_id)


def _ticket(server: RunningServer, token: str) -> tuple[int, Any]:
    answer = server.request("POST", "/api/v1/auth/stream-ticket", token=token)
    return answer.status, answer.body


@pytest.fixture
def link(site: Site) -> dict[str, str]:
    """A new link to the sample portfolio."""
    return site.make_link()


def state(element: Locator, name: str) -> None:
    expect(element).to_have_attribute("data-state", name)


def all_three(token: str) -> str:
    return (
        f'<live-portfolio link="{token}" name="Family"></live-portfolio> '
        f'<live-price link="{token}" symbol="cba.ax"></live-price> '
        f'<connection-status link="{token}"></connection-status>'
    )


def part(element: Locator, name: str) -> Locator:
    return element.locator(f"[part={name}]")


def changes(value: Locator) -> None:
    expect(value).to_have_text(MONEY)
    expect(value).not_to_have_text(value.inner_text())


def test_a_portfolio_is_shown_and_changes_by_a_link_alone(
    chromium: Chromium, site: Site, page: Page, link: dict[str, str], complaints: list[str]
) -> None:
    opened: list[str] = []
    page.on("request", lambda request: opened.append(request.url) if "/stream?" in request.url else None)
    site.open(page, f'<live-portfolio link="{link["token"]}"></live-portfolio>')
    portfolio = page.locator("live-portfolio")

    state(portfolio, "live")
    page.evaluate("document.body.append(document.querySelector('live-portfolio'))")
    changes(part(portfolio, "total"))
    assert len(opened) == 1  # it was moved, and kept its stream
    expect(portfolio.locator("tbody tr")).to_have_count(6)
    expect(portfolio.get_by_role("row", name="CBA.AX")).to_contain_text(MONEY)
    expect(portfolio).to_contain_text("Simulated prices")
    expect(part(portfolio, "as-of")).to_be_hidden()
    assert complaints == []


def test_by_tickets_any_symbol_is_shown_beside_a_portfolio(
    chromium: Chromium, site: Site, page: Page, complaints: list[str]
) -> None:
    body = (
        f'<live-portfolio portfolio-id="{site.portfolio_id}"></live-portfolio>'
        '<live-price symbol="ANZ.AX" name="The bank"></live-price> <live-price symbol="NOPE.AX"></live-price>'
    )
    site.open(page, body, CONFIGURE)
    bank, nobodys = page.locator("live-price").all()

    state(page.locator("live-portfolio"), "live")
    state(bank, "live")
    expect(bank).to_contain_text("The bank")
    changes(part(bank, "price"))
    expect(part(bank, "price")).to_have_attribute("title", re.compile("AE[DS]T, .* ago"))  # in the viewer's zone
    expect(part(nobodys, "price")).to_have_text("–")
    expect(nobodys).to_contain_text("no price yet")
    assert complaints == []


def test_elements_of_one_right_share_a_stream_and_leave_nothing_behind(
    chromium: Chromium, site: Site, page: Page, link: dict[str, str], complaints: list[str]
) -> None:
    page.context.new_cdp_session(page).send("Network.setUserAgentOverride", {"userAgent": "several"})
    page.add_init_script(
        """window.timers = new Set(); window.sources = [];
        for (const [begin, end] of [["setInterval", "clearInterval"], ["setTimeout", "clearTimeout"]]) {
            const [begins, ends] = [window[begin], window[end]];
            window[begin] = (call, wait) => {
                const id = begins(() => { if (begin === "setTimeout") timers.delete(id); call(); }, wait);
                timers.add(id);
                return id;
            };
            window[end] = (id) => { timers.delete(id); ends(id); };
        }
        window.EventSource = class extends EventSource {
            constructor(...how) { super(...how); sources.push(this); }
        };"""
    )
    site.open(page, all_three(link["token"]) + f'<live-price link="{link["token"]}" symbol="BHP.AX"></live-price>')
    prices = page.locator("live-price")
    for element in page.locator("[link]").all():
        state(element, "live")

    page.evaluate(
        """([link, id]) => {
            const more = document.createElement("live-portfolio");
            more.setAttribute("link", link);
            more.setAttribute("portfolio-id", id);
            document.querySelector("main").append(more, document.querySelector("live-price"));
            document.querySelector("live-price").setAttribute("symbol", "AAPL");
        }""",
        [link["token"], site.portfolio_id],
    )

    state(page.locator("live-portfolio").last, "live")
    expect(part(prices.first, "price")).to_contain_text("USD")
    rows = site.ask("GET", "/admin/connections")
    assert [row["portfolio_ids"] for row in rows if row["user_agent"] == "several"] == [[site.portfolio_id]]
    assert page.evaluate("sources.length") == 1

    page.evaluate("document.querySelector('live-portfolio').setAttribute('link', 'nothing')")
    state(page.locator("live-portfolio").first, "ended")
    state(prices.first, "live")

    page.evaluate("document.querySelectorAll('[link]').forEach((element) => element.remove())")

    page.wait_for_function("sources.every(({ readyState }) => readyState === EventSource.CLOSED) && !timers.size")
    page.wait_for_function("navigator.locks.query().then(({ held, pending }) => !held.length && !pending.length)")
    assert [line for line in complaints if "401" not in line] == []  # of the link that is none


def test_a_status_opens_no_stream_of_its_own(chromium: Chromium, site: Site, page: Page, link: dict[str, str]) -> None:
    opened: list[str] = []
    page.on("request", lambda request: opened.append(request.url) if "/stream?" in request.url else None)
    site.open(page, f'<connection-status link="{link["token"]}"></connection-status>')
    status = page.locator("connection-status")
    state(status, "idle")
    assert opened == []

    page.evaluate("html => { document.querySelector('main').innerHTML += html; }", all_three(link["token"]))

    state(status.first, "live")
    assert len(opened) == 1


def test_a_link_that_is_removed_has_ended_and_no_number_stays(
    chromium: Chromium, site: Site, page: Page, link: dict[str, str]
) -> None:
    site.open(page, all_three(link["token"]))
    portfolio, price, status = (page.locator(name) for name in ("live-portfolio", "live-price", "connection-status"))
    for element in (portfolio, price, status):
        state(element, "live")

    site.end(link)

    for element in (portfolio, price, status):
        state(element, "ended")
        expect(element).to_contain_text("This link has ended")
        expect(element).not_to_contain_text(MONEY, use_inner_text=True)
    expect(part(price, "price")).to_have_text("–")


def test_the_servers_own_page_of_a_link_says_that_it_has_ended(
    chromium: Chromium, site: Site, page: Page, link: dict[str, str]
) -> None:
    page.goto(f"{site.server.url}/?link={link['token']}&portfolio={site.portfolio_id}")
    expect(page.locator("connection-indicator")).to_have_text("Connected")

    site.end(link)

    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("This link has ended")
    expect(page.locator("connection-indicator")).to_be_hidden()
    expect(page.locator("main")).not_to_contain_text(MONEY, use_inner_text=True)


def test_the_servers_own_page_of_a_link_needs_no_id_and_takes_it_in_either_case(
    chromium: Chromium, site: Site, page: Page, link: dict[str, str]
) -> None:
    shared, portfolio_id = f"{site.server.url}/?link={link['token']}", site.portfolio_id
    for address in (shared, f"{shared}&portfolio={portfolio_id.upper()}"):
        page.goto(address)
        changes(page.get_by_label("Total value"))
        expect(page.locator("body")).not_to_have_class(re.compile("not-live"))

    page.goto(f"{shared}&portfolio={portfolio_id},{portfolio_id}")

    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("This link has ended, or never was one.")


def test_a_killed_server_leaves_values_marked_as_old_until_it_is_back(
    chromium: Chromium, site: Site, page: Page, link: dict[str, str]
) -> None:
    site.open(page, all_three(link["token"]))
    portfolio, price = page.locator("live-portfolio"), page.locator("live-price")
    state(portfolio, "live")
    state(price, "live")

    site.server.kill()

    for element in (portfolio, price):
        state(element, "reconnecting")
        expect(element).to_contain_text("Reconnecting…")
        expect(part(element, "as-of")).to_have_text(AS_OF)
        expect(element).to_contain_text(MONEY)
    for value in (part(portfolio, "total"), part(price, "price")):
        expect(value).to_have_css("font-style", "italic")

    site.server.start()

    for element in (portfolio, price):
        state(element, "live")
        expect(part(element, "as-of")).to_be_hidden()
    changes(part(portfolio, "total"))


def test_while_updates_are_stopped_nothing_looks_live_and_the_reason_is_said(
    chromium: Chromium, site: Site, page: Page, link: dict[str, str]
) -> None:
    site.open(page, all_three(link["token"]))
    elements = page.locator("[link]").all()
    for element in elements:
        state(element, "live")

    order = {"override_type": "emergency_stop", "scope": "global", "reason": "a feed went mad"}
    made = site.ask("POST", "/admin/overrides", order, 201)

    for element in elements:
        state(element, "paused")
        expect(element).to_contain_text("Paused: a feed went mad")
    expect(part(page.locator("live-portfolio"), "as-of")).to_have_text(AS_OF)

    site.ask("DELETE", f"/admin/overrides/{made['id']}")

    for element in elements:
        state(element, "live")


def test_without_a_source_of_prices_nothing_looks_live(
    chromium: Chromium, site: Site, page: Page, link: dict[str, str]
) -> None:
    site.open(page, all_three(link["token"]))
    elements = page.locator("[link]").all()
    for element in elements:
        state(element, "live")

    site.ask("PATCH", "/admin/providers/simulated", {"enabled": False, "reason": "for the test"})

    for element in elements:
        state(element, "stale")
        expect(element).to_contain_text("no price source is working")
    expect(part(page.locator("live-price"), "as-of")).to_have_text(AS_OF)

    site.ask("PATCH", "/admin/providers/simulated", {"enabled": True, "reason": "for the test"})

    for element in elements:
        state(element, "live")


@pytest.mark.complaint("has been blocked by CORS policy")
@pytest.mark.parametrize("right", ["link", "ticket"])
def test_an_origin_that_is_not_admitted_is_told_so(chromium: Chromium, site: Site, page: Page, right: str) -> None:
    with Host() as other:
        stranger = Site(other, site.server, site.token, site.portfolio_id)
        other.ticket = site.host.ticket
        if right == "link":
            stranger.open(page, all_three(site.make_link()["token"]))
        else:
            stranger.open(page, '<live-price symbol="CBA.AX"></live-price>', CONFIGURE)

        for element in page.locator("live-portfolio, live-price, connection-status").all():
            state(element, "refused")
            expect(element).to_contain_text(f"{site.server.url} does not admit pages of {other.origin}.")


def test_a_portfolio_or_symbol_that_the_right_does_not_open_is_named(
    chromium: Chromium, site: Site, page: Page, link: dict[str, str]
) -> None:
    nobodys = "11111111-1111-1111-1111-111111111111"
    body = (
        f'<live-price link="{link["token"]}" symbol="ANZ.AX"></live-price>'
        f'<live-portfolio link="{link["token"]}" portfolio-id="{nobodys}"></live-portfolio>'
        f'<live-portfolio portfolio-id="{nobodys}"></live-portfolio><live-portfolio></live-portfolio>'
        f'<live-portfolio portfolio-id="{site.portfolio_id},{site.portfolio_id}"></live-portfolio>'
        f'<live-portfolio portfolio-id="{site.portfolio_id.upper()}"></live-portfolio>'
    )
    site.open(page, body, CONFIGURE)
    others, gone, vague, garbage, upper = page.locator("live-portfolio").all()

    price = page.locator("live-price")
    state(price, "refused")
    expect(price).to_contain_text("The portfolio of this link does not hold it.")
    expect(part(price, "price")).to_have_text("–")
    state(others, "ended")
    state(gone, "ended")
    expect(gone).to_contain_text("This portfolio is not there, or it is not yours.")
    state(vague, "unset")
    state(garbage, "ended")
    state(upper, "live")


def test_what_a_stream_has_no_room_for_says_so_until_there_is(chromium: Chromium, site: Site, page: Page) -> None:
    prices = "".join(f'<live-price symbol="S{number}.AX"></live-price>' for number in range(101))
    portfolios = "".join(f'<live-portfolio portfolio-id="{site.make_portfolio()}"></live-portfolio>' for _ in range(6))
    site.open(page, portfolios + prices, CONFIGURE)

    for name, count in (("live-portfolio", 5), ("live-price", 100)):
        elements = page.locator(name)
        expect(page.locator(f"{name}[data-state=live]")).to_have_count(count)
        state(elements.last, "refused")
        expect(elements.last).to_contain_text("A stream carries at most 5 portfolios and 100 symbols.")

        elements.first.evaluate("(element) => element.remove()")
        state(elements.last, "live")


def test_tickets_can_be_configured_later_refused_and_configured_anew(
    chromium: Chromium, site: Site, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.open(page, '<live-price symbol="WBC.AX">Loading…</live-price>')
    price = page.locator("live-price")
    state(price, "unset")
    expect(price).to_contain_text("no ticket was configured")

    configure = CONFIGURE.replace("SERVER", site.server.url)
    page.add_script_tag(content=configure, type="module")
    state(price, "live")
    expect(part(price, "price")).to_have_text(MONEY)

    with monkeypatch.context() as patch:
        patch.setattr(site.host, "ticket", lambda: (403, {}))
        [stream] = [row for row in site.ask("GET", "/admin/connections") if row["symbols"] == ["WBC.AX"]]
        site.ask("DELETE", f"/admin/connections/{stream['id']}", status=204)
        state(price, "refused")
    expect(price).to_contain_text("there is no right to these prices")
    expect(part(price, "price")).to_have_text("–")

    page.add_script_tag(content=configure, type="module")
    state(price, "live")


def test_what_is_removed_elsewhere_leaves_and_what_has_no_price_is_named(
    chromium: Chromium, site: Site, page: Page
) -> None:
    portfolio_id = site.make_portfolio("TLS.AX", "WOW.AX", "NOPE.AX")
    token = site.make_link(portfolio_id)["token"]
    body = f'<live-portfolio link="{token}"></live-portfolio><live-portfolio portfolio-id="{portfolio_id}"></live-portfolio>'
    site.open(page, body, CONFIGURE)
    by_link, by_ticket = page.locator("live-portfolio").all()
    expect(by_link).to_contain_text("Not in these figures is what has no price: NOPE.AX.")
    expect(by_link.get_by_role("row", name="NOPE.AX")).to_contain_text("–")
    expect(by_ticket).to_contain_text("Not in these figures is what has no price.")

    site.ask("DELETE", f"/portfolios/{portfolio_id}/holdings/NOPE.AX", status=204)
    site.ask("DELETE", f"/portfolios/{portfolio_id}/holdings/WOW.AX", status=204)

    for element in (by_link, by_ticket):
        expect(element.locator("tbody tr")).to_have_count(1)
        expect(element).not_to_contain_text("Not in these figures")
        state(element, "live")


def test_a_price_that_is_stale_is_marked_and_says_why(chromium: Chromium, page: Page) -> None:
    """On a feigned stream: simulated prices are never stale."""

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix("https://pages.test/")
        if path.startswith("ui/"):
            route.fulfill(path=UI / path.removeprefix("ui/"), content_type="text/javascript")
        else:
            route.fulfill(body=PAGE.format(module="/ui/embed.js", body=all_three("x")), content_type="text/html")

    holding = {"symbol": "CBA.AX", "quantity": "2", "price": "10", "currency": "AUD", "market_value": "20"}
    holding |= {"daily_change": "1", "unrealized_gain_loss": "5", "is_stale": True, "source": "yahoo"}
    holding |= {"last_updated": "2026-01-05T02:00:00Z"}
    value = {"portfolio_id": "1", "currency": "AUD", "total_value": "20", "total_cost_basis": "15", "partial": False}
    value |= {"unrealized_gain_loss": "5", "daily_change": "1", "daily_change_percent": "5", "holdings": [holding]}
    page.route("https://pages.test/**", serve)
    page.add_init_script(FEIGNED)
    page.goto("https://pages.test/")
    page.wait_for_function("sources.length === 1")
    page.evaluate(
        "(value) => { sources[0].say('connection_status', { status: 'connected' });"
        " sources[0].say('portfolio_update', value); }",
        value,
    )

    portfolio, price = page.locator("live-portfolio"), page.locator("live-price")
    state(portfolio, "stale")
    expect(portfolio).to_contain_text("1 price is stale")
    row = portfolio.get_by_role("row", name="CBA.AX")
    expect(row).to_contain_text("stale: old price")
    expect(row).to_contain_text("2 hrs ago")
    expect(part(row, "price")).to_have_css("font-style", "italic")
    state(price, "stale")
    expect(price).to_contain_text("Stale: old price")
    expect(part(price, "price")).to_have_css("font-style", "italic")
    expect(part(price, "change")).to_have_text("+5.26%")
    state(page.locator("connection-status"), "live")


def test_hostile_attributes_are_text(chromium: Chromium, site: Site, page: Page, complaints: list[str]) -> None:
    site.open(page, "")

    page.evaluate(
        """(texts) => {
            for (const text of texts) {
                for (const name of ["live-portfolio", "live-price", "connection-status"]) {
                    const element = document.createElement(name);
                    for (const key of ["name", "symbol", "server", "portfolio-id"]) element.setAttribute(key, text);
                    document.querySelector("main").append(element);
                }
            }
        }""",
        list(HOSTILE),
    )

    expect(page.locator("[data-state=unset]")).to_have_count(3 * len(HOSTILE))
    assert page.locator("live-portfolio h2").all_inner_texts() == list(HOSTILE)
    assert page.evaluate("window.ran") is None
    assert complaints == []


def test_a_strict_policy_of_the_site_is_enough(
    chromium: Chromium, site: Site, page: Page, link: dict[str, str], complaints: list[str]
) -> None:
    policy = (
        f"default-src 'none'; script-src {site.server.url}; connect-src {site.server.url}; style-src 'self'; "
        "img-src data:; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    site.open(page, all_three(link["token"]), headers={"Content-Security-Policy": policy})

    for element in page.locator("[link]").all():
        state(element, "live")
    changes(part(page.locator("live-portfolio"), "total"))
    expect(page.locator("live-portfolio")).to_have_css("border-radius", "12px")
    assert complaints == []


def test_the_site_chooses_the_look(chromium: Chromium, site: Site, page: Page, link: dict[str, str]) -> None:
    style = """
        live-portfolio { --market-ground: rgb(1, 2, 3); --market-text: rgb(250, 251, 252); --market-radius: 3px; }
        live-portfolio::part(holdings) { display: none; }
    """
    site.open(page, all_three(link["token"]), style=style)
    portfolio = page.locator("live-portfolio")
    state(portfolio, "live")

    expect(portfolio).to_have_css("background-color", "rgb(1, 2, 3)")
    expect(portfolio).to_have_css("border-radius", "3px")
    expect(part(portfolio, "total")).to_have_css("color", "rgb(250, 251, 252)")
    expect(portfolio.locator("table")).to_have_count(1)
    expect(portfolio.locator("table")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_for_everybody(chromium: Chromium, site: Site, link: dict[str, str], scheme: Any) -> None:
    """No state has a fault that axe finds, wide or narrow; one element tells a stream's state aloud."""
    context = chromium.browser.new_context(locale="en-AU", color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    body = all_three(link["token"]) + all_three("nothing") + "<live-price></live-price>"
    site.open(page, body, style=":root { color-scheme: light dark; }")
    for name in ("live", "ended"):
        expect(page.locator(f"[data-state={name}]")).to_have_count(3)
    expect(page.locator("[link]").locator("[aria-live=polite]")).to_have_count(2)
    expect(page.locator("live-portfolio").first).to_have_css(
        "background-color", "rgb(24, 30, 39)" if scheme == "dark" else "rgb(255, 255, 255)"
    )

    found = []
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for violation in Axe().run(page).response["violations"]:
            found.append((width, violation["id"], [node["target"] for node in violation["nodes"]]))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append((width, "too wide", []))
    context.close()
    assert found == []
