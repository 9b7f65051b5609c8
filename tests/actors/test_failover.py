"""From a provider's wire to the streams' door: real scheduler, fetchers, quota and cache, and both stand-in providers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest

from market_actors.calendars import Calendars
from market_actors.domain.breaker import Breaker
from market_actors.domain.exchanges import currency_of
from market_actors.domain.polling import Intervals
from market_actors.domain.quota import Limits, QuotaWindows
from market_actors.fetcher import Fetcher
from market_actors.messages import (
    CallRecorded,
    CallsLoaded,
    DemandChanged,
    FinishCall,
    GetPrices,
    GetUpdates,
    LastPricesLoaded,
    Message,
    PricesPublished,
    ProvidersConfigured,
    QuotesRecorded,
    RecordCall,
    RecordQuotes,
    RulesChanged,
    ScheduleLoaded,
    SendCalls,
    SendLastPrices,
    SendProviders,
    SendRules,
    SendSchedule,
    Tick,
    UpdatesChanged,
)
from market_actors.providers.alpha_vantage import AlphaVantage
from market_actors.providers.base import Quota
from market_actors.providers.yahoo import Yahoo
from market_actors.quote_cache import QuoteCache
from market_actors.scheduler import Pace, Scheduler, Source
from market_actors.usage import UsageTracker
from tests.domain.samples import NOON
from tests.doubles import Remembered
from tests.standin import Standin

CALENDARS = Calendars()
EVERY = timedelta(seconds=10)
QUOTA = Quota(per_second=5, per_minute=60, per_day=1000, reset_timezone="UTC")
LIMITS = Limits(per_second=5, per_minute=60, per_day=1000)


class Market:
    """Yahoo first, Alpha Vantage behind it; every ten seconds a poll; time is the test's."""

    def __init__(self, start, standin: Standin) -> None:
        self.now, self.monotonic = NOON, 1000.0
        self.standin = standin
        self.store, self.book, self.connections = Remembered(self._answer), Remembered(), Remembered()
        self.usage = start(UsageTracker, {"yahoo": LIMITS, "alpha_vantage": LIMITS}, self.store, clock=lambda: self.now)
        self.quotes = start(
            QuoteCache,
            self.store,
            None,
            self.book,
            self.connections,
            CALENDARS,
            epoch=1,
            positions=count(1),
            stale_seconds=1800,
            jump_limit=Decimal("0.5"),
            now=self.now,
        )
        yahoo = Yahoo(QUOTA, 5, standin.url("yahoo"), instrument_currency=currency_of, now=lambda: self.now)
        alpha_vantage = AlphaVantage(
            QUOTA,
            5,
            "demo",
            CALENDARS.close_of,
            standin.url("alpha_vantage"),
            frozenset({"XASX"}),
            now=lambda: self.now,
        )
        sources = [
            Source(
                provider.name,
                provider.covers,
                provider.batch_size,
                QuotaWindows(LIMITS).resets_at,
                start(Fetcher, provider, self.quotes, self.usage),
            )
            for provider in (yahoo, alpha_vantage)
        ]
        self.scheduler = start(
            Scheduler,
            sources,
            Breaker(),
            self.usage,
            self.store,
            self.connections,
            CALENDARS,
            Pace(Intervals(EVERY, EVERY, EVERY), cooldown=60, spread=0, call_timeout=5),
            Tick(self.now, self.monotonic),
        )

    def _answer(self, message: Message) -> None:
        match message:
            case SendRules(reply_to):
                reply_to.tell(RulesChanged((), ()))
            case SendProviders(reply_to):
                reply_to.tell(ProvidersConfigured(()))
            case SendCalls(since, reply_to):
                reply_to.tell(CallsLoaded((), since))
            case SendSchedule(reply_to):
                reply_to.tell(ScheduleLoaded((), ()))
            case SendLastPrices(reply_to):
                reply_to.tell(LastPricesLoaded(()))
            case RecordQuotes(reply_to=reply_to, batch=batch) if reply_to is not None:
                reply_to.tell(QuotesRecorded(batch))
            case RecordCall(call, reply_to):
                reply_to.tell(CallRecorded(call.id))

    def list(self, symbol: str, price: str) -> None:
        """Let the providers say this from the next poll on."""
        self.standin.set_price(symbol, price, at=int(self.now.timestamp()) + 1)

    def hold(self, *symbols: str) -> None:
        self.scheduler.tell(DemandChanged("held", frozenset(symbols)))

    def pass_time(self) -> None:
        """Let the next poll come due."""
        self.now += EVERY
        self.monotonic += EVERY.total_seconds()
        for actor in (self.usage, self.quotes, self.scheduler):
            actor.tell(Tick(self.now, self.monotonic))

    def wait_for_price(self, symbol: str, value: str) -> None:
        """Wait until the streams were told this price."""
        self.connections.wait_until(
            lambda: any(
                (price.symbol, price.value) == (symbol, Decimal(value))
                for message in self.connections.all(PricesPublished)
                for price in message.prices
            )
        )

    def wait_for_status(self, provider: str, status: str) -> str | None:
        """Wait until the streams were told that a provider is like this now; return why."""

        def present():
            updates = self.connections.all(UpdatesChanged)[-1].updates
            return next(state for state in updates.providers if state.name == provider)

        self.connections.wait_until(lambda: present().status == status)
        return present().reason

    def price(self, symbol: str):
        return self.quotes.ask(GetPrices((symbol,))).get(timeout=5)[symbol]


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def market(start, standin) -> Market:
    return Market(start, standin)


def test_prices_flow_from_the_first_provider(market):
    market.list("CBA.AX", "101.2500")
    market.list("BHP.AX", "41.52")
    market.hold("CBA.AX", "BHP.AX")
    market.wait_for_price("CBA.AX", "101.25")
    market.wait_for_price("BHP.AX", "41.52")

    price = market.price("CBA.AX")
    assert (str(price.value), price.currency, price.exchange, price.source) == ("101.2500", "AUD", "XASX", "yahoo")
    assert market.standin.calls("alpha_vantage") == []
    market.store.wait_for(FinishCall, 2)
    assert {finished.outcome for finished in market.store.all(FinishCall)} == {"ok"}


def test_a_killed_provider_loses_its_symbols_to_the_other_within_one_poll_and_gets_them_back(market):
    market.list("CBA.AX", "101.25")
    market.hold("CBA.AX")
    market.wait_for_price("CBA.AX", "101.25")

    market.standin.stop("yahoo")
    market.list("CBA.AX", "102.00")
    market.pass_time()
    reason = market.wait_for_status("yahoo", "error")
    assert reason.startswith("network: ")
    market.wait_for_price("CBA.AX", "102.00")
    assert market.price("CBA.AX").source == "alpha_vantage"

    market.standin.start("yahoo")
    market.list("CBA.AX", "103.00")
    market.pass_time()
    market.wait_for_status("yahoo", "active")
    market.wait_for_price("CBA.AX", "103.00")
    assert market.price("CBA.AX").source == "yahoo"


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        ("429", "rate_limited"),
        ("404_html", "rate_limited"),
        ("right_back", "error"),
        ("401_crumb", "error"),
        ("garbage", "error"),
        ("nan", "error"),
    ],
)
def test_a_failing_provider_says_so_and_the_last_good_price_stays(market, scenario, status):
    market.list("CBA.AX", "101.25")
    market.hold("CBA.AX")
    market.wait_for_price("CBA.AX", "101.25")

    market.standin.fail("yahoo", scenario)
    market.standin.stop("alpha_vantage")
    market.pass_time()
    market.wait_for_status("yahoo", status)
    market.wait_for_status("alpha_vantage", "error")

    assert market.price("CBA.AX").value == Decimal("101.25")


def test_a_symbol_that_no_provider_knows_harms_no_other(market):
    market.list("CBA.AX", "101.25")
    market.hold("CBA.AX", "NOPE.AX")
    market.wait_for_price("CBA.AX", "101.25")
    market.standin.wait_for_calls("alpha_vantage", 1)

    updates = market.scheduler.ask(GetUpdates()).get(timeout=5)
    assert {provider.status for provider in updates.providers} == {"active"}
