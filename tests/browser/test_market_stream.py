"""The stream client of the pages, in a real browser with a feigned server and a feigned clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.browser.chromium import Chromium
from tests.browser.feigned import FEIGNED
from web.pages import UI

pytestmark = pytest.mark.browser

ORIGIN = "https://pages.test"  # shared: locks and channels need a secure context
PLAIN = "http://pages.test"
ONE, TWO = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"

HELLO = {"status": "connected", "next_update_in": 60, "paused": None, "recovered": None}
VALUE: dict[str, Any] = {
    "portfolio_id": ONE,
    "total_value": "10",
    "holdings": [{"symbol": "CBA.AX", "price": "10"}],
}


class Tab:
    """A tab with a MarketStream in it, and what that told."""

    def __init__(self, page: Page, origin: str = ORIGIN) -> None:
        self.page = page
        page.add_init_script(FEIGNED)
        page.goto(f"{origin}/")

    def start(self, portfolios: tuple[str, ...] = (ONE,), symbols: tuple[str, ...] = (), **options: Any) -> Tab:
        self.page.evaluate(
            """async ([options, portfolios, symbols]) => {
                const { MarketStream } = await import("/ui/market-stream.js");
                window.heard = [];
                if (options.ticket) options.ticket = window.ticket;
                window.stream = new MarketStream({ heartbeatSeconds: 30, ...options });
                window.stop = stream.subscribe({ portfolios, symbols }, {
                    portfolio: (update, isComplete) => heard.push([update.portfolio_id, update.total_value, isComplete]),
                    price: (update) => heard.push([update.symbol, update.price]),
                    gone: (id) => heard.push(["gone", id]),
                });
            }""",
            [options, list(portfolios), list(symbols)],
        )
        return self

    def sources(self, count: int) -> None:
        """Wait until so many connections have been opened in this tab."""
        self.page.wait_for_function("count => sources.length === count", arg=count)

    def urls(self) -> list[str]:
        urls: list[str] = self.page.evaluate("sources.map(({ url }) => url)")
        return urls

    def say(self, name: str, data: dict[str, Any], mark: str = "") -> None:
        self.page.evaluate("([name, data, mark]) => sources.at(-1).say(name, data, mark)", [name, data, mark])

    def greet(self, **changes: Any) -> None:
        self.say("connection_status", HELLO | changes)
        self.say("portfolio_update", VALUE, "1-7")

    def cut(self, ready_state: int = 0) -> None:
        self.page.evaluate("state => sources.at(-1).break(state)", ready_state)

    def until(self, state: str) -> None:
        self.page.wait_for_function("state => stream.condition.state === state", arg=state)

    def until_heard(self, *what: Any) -> None:
        self.page.wait_for_function(
            "what => heard.some((one) => JSON.stringify(one) === what)", arg=json.dumps(what, separators=(",", ":"))
        )

    def is_live(self, portfolio: str = ONE) -> bool:
        return bool(self.page.evaluate("id => stream.isLive(id)", portfolio))

    def pass_time(self, seconds: float) -> None:
        self.page.clock.run_for(int(seconds * 1000))


@pytest.fixture
def answers(chromium: Chromium, context: BrowserContext) -> dict[str, int]:
    """The status of each path that the client asks, beside the stream; 200 unless it is set."""
    statuses: dict[str, int] = {}

    def serve(route: Route) -> None:
        path = route.request.url.partition("pages.test")[2]
        if path.startswith("/ui/"):
            route.fulfill(path=UI / path.removeprefix("/ui/"), content_type="text/javascript")
        elif path.startswith("/api/"):
            route.fulfill(status=statuses.get(path.split("?")[0], 200), json={})
        else:
            route.fulfill(body="<!doctype html><title>x</title>", content_type="text/html")

    chromium.run(context.route, "**/*", serve)
    return statuses


@pytest.fixture
def tab(chromium: Chromium, answers: dict[str, int], page: Page) -> Iterator[Tab]:
    """A tab whose clock stands still, and whose dice always show the middle."""

    def prepare() -> Tab:
        page.clock.install(time=0)
        page.clock.pause_at(1_000)
        page.add_init_script("Math.random = () => 0.5;")
        return Tab(page)

    yield chromium.run(prepare)


def connected(tab: Tab, **options: Any) -> Tab:
    tab.start(**options)
    tab.page.wait_for_function("navigator.locks.query().then(({ held }) => held.length > 1)")
    tab.pass_time(0.1)
    tab.sources(1)
    tab.greet()
    tab.until("connected")
    return tab


def test_a_subscription_hears_the_snapshot_the_changes_and_the_prices_of_what_is_held(
    chromium: Chromium, tab: Tab
) -> None:
    connected(tab)
    tab.say("price_update", {"symbol": "CBA.AX", "price": "11"}, "1-8")
    tab.say("price_update", {"symbol": "XYZ.AX", "price": "5"}, "1-9")
    tab.say("portfolio_update", VALUE | {"total_value": "11", "holdings": [{"symbol": "XYZ.AX", "price": "5"}]})

    assert tab.page.evaluate("heard") == [
        [ONE, "10", True],
        ["CBA.AX", "11"],
        [ONE, "11", False],
        ["XYZ.AX", "5"],  # came before it was known to be held
    ]
    assert tab.is_live()
    assert not tab.is_live(TWO)


def test_a_later_subscription_is_told_at_once_what_is_known_though_the_connection_is_lost(
    chromium: Chromium, tab: Tab
) -> None:
    connected(tab)
    tab.say("portfolio_update", VALUE | {"total_value": "12", "holdings": [{"symbol": "BHP.AX", "price": "2"}]})

    tab.cut()
    tab.until("reconnecting")

    symbols = tab.page.evaluate(
        """id => new Promise((resolve) => stream.subscribe({ portfolios: [id] }, {
            portfolio: ({ holdings }) => resolve(holdings.map(({ symbol }) => symbol)),
        }))""",
        ONE,
    )

    assert symbols == ["CBA.AX", "BHP.AX"]
    assert len(tab.urls()) == 1


def test_what_is_told_later_says_when_it_came(chromium: Chromium, tab: Tab) -> None:
    connected(tab)
    tab.say("price_update", {"symbol": "CBA.AX", "price": "11"}, "1-8")
    tab.pass_time(25)

    ages = tab.page.evaluate(
        """id => new Promise((resolve) => {
            const ages = [];
            stream.subscribe({ portfolios: [id] }, {
                portfolio: (update, isComplete, receivedAt) => ages.push(Date.now() - receivedAt),
                price: (update, receivedAt) => resolve([...ages, Date.now() - receivedAt]),
            });
        })""",
        ONE,
    )

    assert ages == [25_000, 25_000]


def test_a_lost_connection_is_tried_again_after_1_2_4_seconds_and_resumes(chromium: Chromium, tab: Tab) -> None:
    connected(tab)
    for number, wait in enumerate((1, 2, 4), start=2):
        tab.cut()
        tab.until("reconnecting")
        assert not tab.is_live()
        tab.pass_time(wait - 0.1)
        assert len(tab.urls()) == number - 1
        tab.pass_time(0.2)
        tab.sources(number)
        assert "last_event_id=1-7" in tab.urls()[-1]

    tab.greet()
    tab.until("connected")
    tab.cut()
    tab.pass_time(1.1)
    tab.sources(5)  # success has ended the doubling


@pytest.mark.parametrize(("dice", "soonest", "latest"), [(0.0, 0.4, 0.6), (0.99, 1.4, 1.6)])
def test_tries_are_spread(chromium: Chromium, tab: Tab, dice: float, soonest: float, latest: float) -> None:
    connected(tab)
    tab.page.evaluate("dice => { Math.random = () => dice; }", dice)

    tab.cut()

    tab.pass_time(soonest)
    assert len(tab.urls()) == 1
    tab.pass_time(latest - soonest)
    tab.sources(2)


def test_a_server_that_stops_in_order_says_when_to_come_back(chromium: Chromium, tab: Tab) -> None:
    connected(tab)

    tab.say("closing", {"retry": 7_000})

    tab.until("reconnecting")
    tab.pass_time(6.9)
    assert len(tab.urls()) == 1
    tab.pass_time(0.2)
    tab.sources(2)


def test_a_missed_heartbeat_means_not_live_and_a_new_connection(chromium: Chromium, tab: Tab) -> None:
    connected(tab)
    tab.pass_time(38)
    tab.say("heartbeat", {"status": "connected", "next_update_in": 5})
    tab.pass_time(38)
    assert tab.is_live()

    tab.pass_time(3)

    tab.until("reconnecting")
    assert not tab.is_live()
    tab.sources(2)
    tab.pass_time(40)
    tab.sources(3)  # an attempt that hangs is given up as well


def test_after_the_computer_slept_the_first_second_finds_out(chromium: Chromium, tab: Tab) -> None:
    connected(tab)

    tab.page.clock.fast_forward("01:00:00")
    tab.pass_time(1)

    tab.until("reconnecting")
    assert not tab.is_live()


def test_without_a_network_it_is_offline_and_comes_back_at_once_with_it(chromium: Chromium, tab: Tab) -> None:
    connected(tab)

    tab.page.context.set_offline(True)
    tab.until("offline")
    assert not tab.is_live()
    tab.page.context.set_offline(False)

    tab.sources(2)
    tab.greet()
    tab.until("connected")


def test_updates_that_an_administrator_stops_are_paused_until_resumed(chromium: Chromium, tab: Tab) -> None:
    connected(tab)

    tab.say("connection_status", HELLO | {"paused": {"reason": "maintenance", "until": None}, "next_update_in": None})
    tab.until("paused")
    assert not tab.is_live()
    tab.say("heartbeat", {"status": "connected", "next_update_in": None})
    tab.until("paused")  # a heartbeat says nothing about it
    tab.say("connection_status", HELLO)

    tab.until("connected")
    assert tab.is_live()


def test_without_a_source_of_prices_nothing_looks_live(chromium: Chromium, tab: Tab) -> None:
    connected(tab)

    tab.say("heartbeat", {"status": "reconnecting", "next_update_in": 5})

    tab.until("connected")
    assert not tab.is_live()
    assert tab.page.evaluate("stream.condition.feed") == "reconnecting"


def test_an_ended_session_is_refused_and_not_tried_again(chromium: Chromium, tab: Tab, answers: dict[str, int]) -> None:
    connected(tab)
    answers[f"/api/v1/portfolios/{ONE}/valuation"] = 401

    tab.cut(ready_state=2)

    tab.until("refused")
    assert tab.page.evaluate("stream.condition.reason") == "signed_out"
    tab.pass_time(300)
    assert len(tab.urls()) == 1


def test_a_portfolio_that_is_gone_is_named_and_the_others_go_on(
    chromium: Chromium, tab: Tab, answers: dict[str, int]
) -> None:
    connected(tab, portfolios=(ONE, TWO))
    answers[f"/api/v1/portfolios/{TWO}/valuation"] = 404

    tab.cut(ready_state=2)

    tab.until_heard("gone", TWO)
    tab.pass_time(2)
    tab.sources(2)
    assert ONE in tab.urls()[-1]
    assert TWO not in tab.urls()[-1]


def test_when_no_portfolio_is_there_it_is_refused(chromium: Chromium, tab: Tab, answers: dict[str, int]) -> None:
    tab.start()
    tab.until("connecting")
    tab.page.wait_for_function("navigator.locks.query().then(({ held }) => held.length > 1)")
    tab.pass_time(0.1)
    tab.sources(1)
    answers[f"/api/v1/portfolios/{ONE}/valuation"] = 404

    tab.cut(ready_state=2)

    tab.until("refused")
    assert tab.page.evaluate("stream.condition.reason") == "gone"
    tab.until_heard("gone", ONE)
    tab.pass_time(300)
    assert len(tab.urls()) == 1


def test_every_connection_has_a_new_ticket_and_without_one_it_is_refused(chromium: Chromium, tab: Tab) -> None:
    tab.page.evaluate(
        """() => {
            let count = 0;
            window.ticket = async () => {
                if (window.ticketStatus) throw Object.assign(new Error("no ticket"), { status: window.ticketStatus });
                return `ticket-${(count += 1)}`;
            };
        }"""
    )
    connected(tab, ticket=True)
    assert "ticket=ticket-1" in tab.urls()[0]

    tab.cut(ready_state=2)
    tab.until("reconnecting")
    tab.pass_time(1.1)
    tab.sources(2)
    assert "ticket=ticket-3&" in tab.urls()[1] + "&"  # the second asked what was wrong
    assert "last_event_id=1-7" in tab.urls()[1]

    tab.page.evaluate("() => { window.ticketStatus = 401; }")
    tab.cut()
    tab.pass_time(2.1)
    tab.until("refused")
    assert len(tab.urls()) == 2


TICKET = "() => { window.ticket = async () => 'ticket'; }"


def test_by_tickets_too_a_portfolio_that_is_gone_is_named(
    chromium: Chromium, tab: Tab, answers: dict[str, int]
) -> None:
    tab.page.evaluate(TICKET)
    connected(tab, ticket=True)
    answers["/api/v1/market-data/stream"] = 404

    tab.cut(ready_state=2)

    tab.until_heard("gone", ONE)
    tab.until("refused")
    assert tab.page.evaluate("stream.condition.reason") == "gone"


def test_tickets_that_the_server_does_not_take_are_not_asked_for_again(
    chromium: Chromium, tab: Tab, answers: dict[str, int]
) -> None:
    tab.page.evaluate(TICKET)
    connected(tab, portfolios=(), symbols=("CBA.AX",), ticket=True)
    answers["/api/v1/market-data/stream"] = 401

    tab.cut(ready_state=2)

    tab.until("refused")
    assert tab.page.evaluate("stream.condition.reason") == "signed_out"


def test_a_symbol_is_live_while_its_stream_is(chromium: Chromium, tab: Tab) -> None:
    connected(tab, portfolios=(), symbols=("CBA.AX",))
    assert tab.is_live("CBA.AX")
    assert not tab.is_live("BHP.AX")

    tab.cut()

    tab.until("reconnecting")
    assert not tab.is_live("CBA.AX")


def test_the_portfolio_of_a_link_need_not_be_known(chromium: Chromium, tab: Tab) -> None:
    connected(tab, portfolios=("linked",), link="secret")

    assert "portfolio_ids" not in tab.urls()[0]
    tab.until_heard(ONE, "10", True)
    assert tab.is_live()
    tab.say("portfolio_update", VALUE | {"total_value": "11"})
    tab.until_heard(ONE, "11", False)
    tab.say("price_update", {"symbol": "CBA.AX", "price": "12"}, "1-8")
    tab.until_heard("CBA.AX", "12")

    tab.page.evaluate(
        """() => new Promise((portfolio) => stream.subscribe({ portfolios: ["linked"] }, { portfolio }))"""
    )
    tab.pass_time(1)
    assert len(tab.urls()) == 1
    tab.cut()
    tab.pass_time(1.1)
    tab.sources(2)
    assert f"portfolio_ids={ONE}&" in tab.urls()[1]


def test_ids_and_symbols_are_taken_in_either_case(chromium: Chromium, tab: Tab) -> None:
    upper = VALUE | {"portfolio_id": "abcdef00-0000-0000-0000-000000000001"}
    connected(tab, portfolios=("ABCDEF00-0000-0000-0000-000000000001",), symbols=("cba.ax",))

    tab.say("portfolio_update", upper)
    tab.say("price_update", {"symbol": "CBA.AX", "price": "11"}, "1-8")

    tab.until_heard(upper["portfolio_id"], "10", True)
    tab.until_heard("CBA.AX", "11")
    for name in ("ABCDEF00-0000-0000-0000-000000000001", "cba.ax"):
        assert tab.is_live(name)


def test_a_stream_that_is_renewed_tells_all_holdings_again(chromium: Chromium, tab: Tab) -> None:
    connected(tab)

    tab.page.evaluate("stream.renew()")

    tab.sources(2)
    tab.greet()
    tab.page.wait_for_function("heard.filter((one) => one[2] === true).length === 2")


def test_a_link_opens_its_stream_and_nothing_else(chromium: Chromium, tab: Tab) -> None:
    connected(tab, link="secret")

    assert "link=secret" in tab.urls()[0]


# -- Between tabs ----------------------------------------------------------------------------


@pytest.fixture
def tabs(chromium: Chromium, answers: dict[str, int], context: BrowserContext) -> list[Tab]:
    """Three tabs with clocks of their own that run; nothing is started in them yet."""
    return [chromium.run(lambda: Tab(context.new_page())) for _ in range(3)]


def leading(tabs: list[Tab], **options: Any) -> Tab:
    """Start a stream in each; return the tab that leads once all hear it."""
    for tab in tabs:
        tab.start(**options)
    first = tabs[0]
    first.sources(1)
    first.greet()
    for tab in tabs:
        tab.until("connected")
        tab.until_heard(ONE, "10", True)
    return first


def test_tabs_share_one_stream_and_all_hear_it(chromium: Chromium, tabs: list[Tab]) -> None:
    first = leading(tabs)

    first.say("price_update", {"symbol": "CBA.AX", "price": "11"}, "1-8")

    for tab in tabs:
        tab.until_heard("CBA.AX", "11")
        assert tab.is_live()
    assert [len(tab.urls()) for tab in tabs] == [1, 0, 0]


def test_when_the_leading_tab_closes_another_goes_on_where_it_was(chromium: Chromium, tabs: list[Tab]) -> None:
    first = leading(tabs)
    first.say("price_update", {"symbol": "CBA.AX", "price": "11"}, "1-8")
    for tab in tabs:
        tab.until_heard("CBA.AX", "11")

    first.page.close()

    second, third = tabs[1:]
    second.sources(1)
    assert "last_event_id=1-8" in second.urls()[0]
    second.greet()
    second.say("price_update", {"symbol": "CBA.AX", "price": "12"}, "1-9")
    third.until_heard("CBA.AX", "12")
    assert third.urls() == []


def test_a_tab_that_wants_another_portfolio_widens_the_stream_of_all(chromium: Chromium, tabs: list[Tab]) -> None:
    first = leading(tabs[:2])

    tabs[2].start(portfolios=(TWO,))

    first.sources(2)
    assert f"{ONE}%2C{TWO}" in first.urls()[-1]
    assert "last_event_id=1-7" in first.urls()[-1]
    first.greet()
    first.say("portfolio_update", VALUE | {"portfolio_id": TWO, "total_value": "20"})
    tabs[2].until_heard(TWO, "20", True)
    assert tabs[1].page.evaluate("heard.flat()").count(TWO) == 0


def test_another_audience_has_a_stream_of_its_own(chromium: Chromium, tabs: list[Tab]) -> None:
    tabs[0].start(audience="ann")
    tabs[1].start(audience="bob")

    tabs[0].sources(1)
    tabs[1].sources(1)


def test_a_leader_that_hangs_is_replaced(chromium: Chromium, tabs: list[Tab]) -> None:
    leading(tabs[:2], heartbeatSeconds=0.1)
    stuck, other = tabs[:2]
    stuck.page.evaluate(
        """() => {
            BroadcastChannel.prototype.postMessage = () => {};
            for (const source of sources) source.say = () => {};
        }"""
    )

    other.page.wait_for_function("stream.condition.state === 'reconnecting'")
    other.sources(1)

    other.greet()
    other.until("connected")
    assert other.is_live()


def test_of_more_than_a_stream_carries_the_latest_go_first(chromium: Chromium, tabs: list[Tab]) -> None:
    many = [f"00000000-0000-0000-0000-0000000000{number}" for number in range(10, 15)]
    tabs[0].start(portfolios=tuple(many))
    tabs[0].sources(1)

    tabs[1].start(portfolios=(ONE,))

    tabs[0].sources(2)
    carried = tabs[0].urls()[-1]
    assert ONE in carried
    assert [portfolio in carried for portfolio in many] == [True] * 4 + [False]


def test_without_locks_each_tab_has_its_own_stream(
    chromium: Chromium, answers: dict[str, int], context: BrowserContext
) -> None:
    tabs = [Tab(context.new_page(), PLAIN).start() for _ in range(2)]

    for tab in tabs:
        tab.sources(1)
        tab.greet()
        tab.until_heard(ONE, "10", True)
        assert tab.is_live()
