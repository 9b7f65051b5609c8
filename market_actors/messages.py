"""The vocabulary of the actors: every message, told or asked; what is asked of the Store stands in stored.py.

Facts are past participles, orders imperatives; questions start with Get, List or Count. What is
asked names its reply. All are frozen and carry batches. Times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from market_actors.domain.budget import Stake
from market_actors.domain.outlook import Preview, Tariff
from market_actors.domain.overrides import IntervalSetting, Override
from market_actors.domain.polling import Effective, Holder
from market_actors.domain.position import Holdings
from market_actors.domain.quota import Limits
from market_actors.domain.quote import Price, Quote, StreamPosition
from market_actors.domain.valuation import Valuation
from market_actors.errors import ProviderError
from persistence.records import (
    BookEntry,
    Call,
    Instrument,
    LastPrice,
    ProviderState,
    ScheduledPoll,
    StreamConnection,
    ValuationPoint,
)

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Message:
    """Anything told or asked."""


@dataclass(frozen=True, slots=True)
class Request(Message, Generic[T_co]):
    """Something that is answered with a T_co."""


class Address(Protocol):
    """Where messages go; stays valid when the actor behind it is restarted."""

    def tell(self, message: Message) -> None: ...


# -- Time and life -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick(Message):
    """A second has passed.

    now:       the wall clock, which may jump.
    monotonic: seconds of a clock that does not.
    """

    now: datetime
    monotonic: float


@dataclass(frozen=True, slots=True)
class Ping(Request[bool]):
    """Has everything that was told before been handled? A barrier, for start, stop and tests."""


# -- Demand and polls --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DemandChanged(Message):
    """*symbols* is now all that *source* ("held", "watched") wants to be kept fresh."""

    source: str
    symbols: frozenset[str]


@dataclass(frozen=True, slots=True)
class HoldersChanged(Message):
    """Who *source* ("held", "watched") now knows to want which symbol, all of it.

    portfolios: the owner of each portfolio, also of those that hold nothing.
    """

    source: str
    holders: Mapping[str, tuple[Holder, ...]]
    portfolios: Mapping[UUID, UUID]


@dataclass(frozen=True, slots=True)
class StakesChanged(Message):
    """What hangs now on each symbol that is held."""

    stakes: Mapping[str, Stake]


@dataclass(frozen=True, slots=True)
class Poll(Message):
    """Fetch these symbols in one provider call; its quota is reserved.

    kind:      scheduled, manual or probe.
    fallbacks: those of *symbols* for which a provider of higher priority exists.
    call_id:   of the reserved call.
    """

    poll_id: UUID
    provider: str
    symbols: tuple[str, ...]
    fallbacks: frozenset[str]
    kind: str
    call_id: UUID
    reply_to: Address


@dataclass(frozen=True, slots=True)
class PollFinished(Message):
    """A poll is over.

    answered: symbols the provider gave a quote for (the gate may still refuse them).
    failures: why there is none, by symbol.
    failure:  why the whole call failed, if it did.
    """

    poll: Poll
    answered: frozenset[str]
    failures: Mapping[str, ProviderError]
    failure: ProviderError | None
    latency_ms: int


@dataclass(frozen=True, slots=True)
class Search(Message):
    """Look a symbol or name up at the provider; told back as SearchFinished."""

    search_id: UUID
    text: str
    call_id: UUID
    reply_to: Address


@dataclass(frozen=True, slots=True)
class SearchFinished(Message):
    """What the provider found; empty when it failed."""

    search_id: UUID
    provider: str
    instruments: tuple[Instrument, ...]
    failure: ProviderError | None


@dataclass(frozen=True, slots=True)
class Refresh(Request["Refreshed"]):
    """Poll these symbols now, for a person.

    Raises Cooldown, QuotaExhausted, Unavailable.
    """

    user_id: UUID
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refreshed(Message):
    """A refresh was accepted; provider_calls is how many calls it takes."""

    request_id: UUID
    symbols: tuple[str, ...]
    provider_calls: int
    cooldown_seconds: int


@dataclass(frozen=True, slots=True)
class FetchNow(Request[bool]):
    """Fetch a symbol that nobody tracks yet and track it for an hour; True when it has a price.

    Raises UnknownSymbol, Unavailable. Answered when the provider has answered.
    """

    user_id: UUID | None
    symbol: str


@dataclass(frozen=True, slots=True)
class LookUp(Request[tuple[Instrument, ...]]):
    """Which instruments do the providers know under this name? Answered when one has answered."""

    text: str
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ProviderStatus(Message):
    """How a provider is: status is active, rate_limited, error or disabled.

    is_lost: it cannot be reached, or is left alone for now; an answer that is of no use makes its status an error alone.
    """

    name: str
    status: str
    reason: str | None
    next_try: datetime | None
    last_request: datetime | None
    error_count: int
    requests_today: int
    rate_limit_remaining: int | None
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class GetUpdates(Request["Updates"]):
    """How are the updates going?"""


@dataclass(frozen=True, slots=True)
class Updates(Message):
    """The state of updating: next_update is None while paused or when nothing is tracked.

    updates_last_hour: symbols that a provider gave a quote for within the last hour.
    orders:            counts how often other orders of administrators on updates came into force.
    """

    providers: tuple[ProviderStatus, ...]
    next_update: datetime | None
    last_update: datetime | None
    tracked: frozenset[str]
    paused_reason: str | None = None
    paused_until: datetime | None = None
    updates_last_hour: int = 0
    orders: int = 0


@dataclass(frozen=True, slots=True)
class UpdatesChanged(Message):
    """How the updates go now: the next one's time, a provider lost or back, paused or not."""

    updates: Updates


# -- Quota -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reserve(Message):
    """Reserve one call; answered with QuotaGranted, after it is committed, or QuotaDenied.

    A source without limits is granted at once, and its calls are committed in batches.

    holders: who wants each of the symbols, in their order.
    """

    call_id: UUID
    provider: str
    kind: str
    symbols: tuple[str, ...]
    user_id: UUID | None
    reply_to: Address
    holders: tuple[tuple[Holder, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class QuotaGranted(Message):
    """The call is reserved and may be made."""

    call_id: UUID


@dataclass(frozen=True, slots=True)
class QuotaDenied(Message):
    """The call may not be made before *until*; window is second, minute, day or month."""

    call_id: UUID
    window: str
    until: datetime


@dataclass(frozen=True, slots=True)
class CallRecorded(Message):
    """The reservation of this call is committed."""

    call_id: UUID


@dataclass(frozen=True, slots=True)
class ProviderCalled(Message):
    """A reserved call is over: outcome is "ok" or an error kind."""

    call_id: UUID
    provider: str
    outcome: str
    latency_ms: int


@dataclass(frozen=True, slots=True)
class WatchQuota(Message):
    """Tell *reply_to* QuotaChanged, now and whenever it changes."""

    reply_to: Address


@dataclass(frozen=True, slots=True)
class QuotaChanged(Message):
    """Calls made today and left (None: without limit) by provider; told when they change."""

    requests_today: Mapping[str, int]
    remaining: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class ProviderQuota(Message):
    """How much of its limits a provider has used; began_at and resets_at bound the day in its own zone.

    limits:      None of a source without any; then remaining and exhausts_at are None.
    exhausts_at: when the day's calls will be spent at the pace of the day so far; None when not before its reset.
    """

    name: str
    limits: Limits | None
    remaining: int | None
    began_at: datetime
    resets_at: datetime
    exhausts_at: datetime | None


@dataclass(frozen=True, slots=True)
class GetQuotas(Request[tuple[ProviderQuota, ...]]):
    """How much of their limits have the providers used? In their order. Raises Unavailable before that is known."""


# -- Prices ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QuotesFetched(Message):
    """A provider's quotes, before the price gate."""

    provider: str
    quotes: tuple[Quote, ...]
    fallbacks: frozenset[str]


@dataclass(frozen=True, slots=True)
class LastPricesLoaded(Message):
    """The last good prices, from the database or from Redis."""

    prices: tuple[LastPrice, ...]


@dataclass(frozen=True, slots=True)
class QuotesChanged(Message):
    """These prices are news, by symbol; told once a batch."""

    prices: Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class SendPrices(Message):
    """Tell *reply_to* QuotesChanged with every price there is."""

    reply_to: Address


@dataclass(frozen=True, slots=True)
class PricesPublished(Message):
    """These prices are news, in order, and in the history: a stream that misses them can be resumed."""

    prices: tuple[Price, ...]


@dataclass(frozen=True, slots=True)
class SendPublished(Message):
    """Tell *reply_to* PublishedLoaded."""

    reply_to: Address


@dataclass(frozen=True, slots=True)
class PublishedLoaded(Message):
    """The prices that have been published; *position* is that of the newest event."""

    prices: Mapping[str, Price]
    position: StreamPosition


@dataclass(frozen=True, slots=True)
class PricesWithdrawn(Message):
    """These symbols have no price any more: an override has ended that stood where no provider's price was."""

    symbols: frozenset[str]


@dataclass(frozen=True, slots=True)
class GetPrices(Request[Mapping[str, Price]]):
    """The prices of those symbols that have one; None: of all."""

    symbols: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class QuarantinedPrice(Message):
    """A price that is held back; rule is "currency", "factor", "jump" or "unproven"."""

    symbol: str
    provider: str
    held_price: Decimal
    last_good_price: Decimal
    rule: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ListQuarantine(Request[tuple[QuarantinedPrice, ...]]):
    """Which prices are held back?"""


@dataclass(frozen=True, slots=True)
class DecideQuarantine(Request[QuarantinedPrice]):
    """Show the price that is held back for this symbol, or drop it; answers what it was.

    Raises NotFound when none is held back.
    """

    symbol: str
    accept: bool


# -- Portfolios --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BookLoaded(Message):
    """Who holds what, all of it; told by the Store when the book starts."""

    entries: tuple[BookEntry, ...]


@dataclass(frozen=True, slots=True)
class SendBook(Message):
    """Tell *reply_to* BookLoaded."""

    reply_to: Address


@dataclass(frozen=True, slots=True)
class SendPositions(Message):
    """Tell *reply_to* PositionsChanged for each of these portfolios."""

    portfolio_ids: tuple[UUID, ...]
    reply_to: Address


@dataclass(frozen=True, slots=True)
class SendLastPrices(Message):
    """Tell *reply_to* LastPricesLoaded."""

    reply_to: Address


@dataclass(frozen=True, slots=True)
class PositionsChanged(Message):
    """What these portfolios hold now."""

    holdings: tuple[Holdings, ...]


@dataclass(frozen=True, slots=True)
class PositionsUnavailable(Message):
    """What these portfolios hold cannot be read now; ask again."""

    portfolio_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class PortfolioRemoved(Message):
    """The portfolio exists no more."""

    portfolio_id: UUID


@dataclass(frozen=True, slots=True)
class Follow(Message):
    """Somebody watches these portfolios: publish their values, beginning now."""

    portfolio_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Unfollow(Message):
    """Nobody watches these portfolios any more."""

    portfolio_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Followed(Message):
    """All portfolios that are watched, told from time to time so that a restarted book knows."""

    portfolio_ids: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Revalue(Message):
    """Prices that a portfolio holds, or its rates, are news; the same message for all that are concerned.

    prices:   all that are known; it is never changed.
    touched:  the symbols of those that are news.
    now:      the wall clock at the last tick.
    holdings: what it holds from now on, where that has changed.
    """

    prices: Mapping[str, Price]
    touched: frozenset[str]
    now: datetime
    holdings: Holdings | None = None


@dataclass(frozen=True, slots=True)
class HandOut(Message):
    """Go on telling valuations what is news; the book says so to itself."""


@dataclass(frozen=True, slots=True)
class Announce(Message):
    """Publish the value again, with all holdings: somebody begins to watch."""


@dataclass(frozen=True, slots=True)
class GetValuation(Request[Valuation]):
    """What is the portfolio worth now? Raises UnknownPortfolio."""

    portfolio_id: UUID


@dataclass(frozen=True, slots=True)
class PortfolioValued(Message):
    """A portfolio's new value; *changed* are the symbols whose holdings changed since the last one."""

    valuation: Valuation
    changed: frozenset[str]


@dataclass(frozen=True, slots=True)
class RecallValuation(Message):
    """Tell *reply_to* ValuationRecalled, from Redis."""

    portfolio_id: UUID
    reply_to: Address


@dataclass(frozen=True, slots=True)
class ValuationRecalled(Message):
    """What Redis had, if it had anything readable; whoever asked checks that it still holds."""

    portfolio_id: UUID
    valuation: Valuation | None


@dataclass(frozen=True, slots=True)
class ValuationCrashed(Message):
    """The valuation of this portfolio has ended over what it was told."""

    portfolio_id: UUID


@dataclass(frozen=True, slots=True)
class DropValuations(Message):
    """A price in these portfolios has changed: their kept valuations hold no more."""

    portfolio_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class GetCacheStatus(Request["CacheStatus"]):
    """How is Redis?"""


@dataclass(frozen=True, slots=True)
class CacheStatus(Message):
    """memory_usage in bytes; hit_rate 0 to 100 since the start."""

    redis_connected: bool
    total_keys: int
    memory_usage: int
    hit_rate: float
    expired_keys_today: int


# -- Streams -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who is at the other end of a stream, and by what right."""

    connection_id: UUID
    user_id: UUID
    user_email: str
    credential_id: UUID
    expires_at: datetime | None
    ip_address: str
    user_agent: str
    portfolio_ids: tuple[UUID, ...]
    symbols: tuple[str, ...]
    heartbeat: bool
    last_event_id: str | None


@dataclass(frozen=True, slots=True)
class Subscribe(Request[None]):
    """Open a stream; its first events follow at once. Raises TooManyStreams, ShuttingDown."""

    subscriber: Subscriber


@dataclass(frozen=True, slots=True)
class Unsubscribe(Message):
    """The stream is closed; the figures are what it carried."""

    connection_id: UUID
    events_sent: int
    bytes_sent: int
    conflated_events: int


@dataclass(frozen=True, slots=True)
class Resync(Message):
    """A slow reader has drained: send it the present state of what it missed.

    since:         position of the first price it did not get; None: it got all.
    portfolio_ids: whose values it did not get.
    withheld:      events it did not get and was not told of.
    """

    connection_id: UUID
    since: StreamPosition | None
    portfolio_ids: frozenset[UUID]
    withheld: int


@dataclass(frozen=True, slots=True)
class PageTaken(Message):
    """The reader's kernel has taken a page of what the stream had missed: the next may come."""

    connection_id: UUID


@dataclass(frozen=True, slots=True)
class SendRetained(Message):
    """Tell *reply_to* Retained."""

    reply_to: Address


@dataclass(frozen=True, slots=True)
class Retained(Message):
    """A stream can be resumed from *floor* and what came later; None: from the very beginning."""

    floor: StreamPosition | None


@dataclass(frozen=True, slots=True)
class FindPosition(Message):
    """Where does a stream go on that was lost in another epoch? Tell *reply_to* PositionFound."""

    connection_id: UUID
    position: StreamPosition
    reply_to: Address


@dataclass(frozen=True, slots=True)
class PositionFound(Message):
    """The stream goes on after *position*; None when it cannot be told.

    is_elsewhere: the reader was with another server, whose prices may differ from ours.
    """

    connection_id: UUID
    position: StreamPosition | None
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class SendMissed(Message):
    """Tell *reply_to* MissedLoaded: the first *limit* prices of these symbols after a position, to another inclusive."""

    connection_id: UUID
    after: StreamPosition
    until: StreamPosition
    symbols: frozenset[str]
    limit: int
    reply_to: Address


@dataclass(frozen=True, slots=True)
class MissedLoaded(Message):
    """Prices a stream missed between two positions, in order, and no others."""

    connection_id: UUID
    prices: tuple[Price, ...]
    after: StreamPosition
    until: StreamPosition


@dataclass(frozen=True, slots=True)
class HistoryUnavailable(Message):
    """What this stream missed cannot be read now."""

    connection_id: UUID


@dataclass(frozen=True, slots=True)
class AccessRevoked(Message):
    """These credentials, users or portfolios opened streams which must end."""

    credential_ids: frozenset[UUID] = frozenset()
    user_ids: frozenset[UUID] = frozenset()
    portfolio_ids: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class SendRevoked(Message):
    """Tell *reply_to* AccessRevoked with all that ended since a moment."""

    since: datetime
    reply_to: Address


@dataclass(frozen=True, slots=True)
class CountStreams(Request[int]):
    """How many streams are open?"""


@dataclass(frozen=True, slots=True)
class CloseStreams(Request[int]):
    """Say closing on every stream, with a spread retry, and end them; answers how many."""


# -- What is kept, and sent back at the start --------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordQuotes(Message):
    """Keep these prices as the last good ones, and in the price history; of an override's only the latter.

    hidden:   last good prices that an override covers; they are not in the history.
    restated: the last prices as they stand now; they are in the history for streams alone.
    Then *reply_to* is told QuotesRecorded with the number of the batch.
    """

    rows: tuple[LastPrice, ...]
    hidden: tuple[LastPrice, ...] = ()
    restated: tuple[LastPrice, ...] = ()
    reply_to: Address | None = None
    batch: int = 0


@dataclass(frozen=True, slots=True)
class QuotesRecorded(Message):
    """The batch is committed, and the next may come; or the database could not be reached.

    is_kept: which of the two.
    """

    batch: int
    is_kept: bool = True


@dataclass(frozen=True, slots=True)
class RecordValuations(Message):
    """Keep these values for the portfolios' histories."""

    points: tuple[ValuationPoint, ...]


@dataclass(frozen=True, slots=True)
class RecordConnections(Message):
    """Streams that were opened and closed since the last time."""

    opened: tuple[StreamConnection, ...]
    closed: tuple[StreamConnection, ...]


@dataclass(frozen=True, slots=True)
class RecordCall(Message):
    """Commit a reserved call, then tell *reply_to* CallRecorded."""

    call: Call
    reply_to: Address


@dataclass(frozen=True, slots=True)
class RecordCalls(Message):
    """Commit calls that were granted before; then *reply_to* is told CallsRecorded."""

    calls: tuple[Call, ...]
    reply_to: Address


@dataclass(frozen=True, slots=True)
class CallsRecorded(Message):
    """These calls are committed: they need not be told again."""

    call_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class RecordPlans(Message):
    """Keep what the providers' plans cost in the month that begins at *month*; None: there is no plan."""

    month: datetime
    costs: Mapping[str, Decimal | None]


@dataclass(frozen=True, slots=True)
class FinishCall(Message):
    """Note how a reserved call ended."""

    call_id: UUID
    outcome: str
    latency_ms: int


@dataclass(frozen=True, slots=True)
class SendCalls(Message):
    """Tell *reply_to* CallsLoaded with the calls reserved since a moment, of these providers (None: of all)."""

    since: datetime
    reply_to: Address
    providers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class CallsLoaded(Message):
    """Calls reserved since a moment as (provider, reserved at), oldest first."""

    calls: tuple[tuple[str, datetime], ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class RecordProviderState(Message):
    """Keep how a provider is, so that a restart does not spend a call to learn it again."""

    name: str
    status: str
    reason: str | None
    next_try: datetime | None


@dataclass(frozen=True, slots=True)
class SaveSchedule(Message):
    """Keep when these symbols were polled and are due."""

    rows: tuple[ScheduledPoll, ...]


@dataclass(frozen=True, slots=True)
class SendSchedule(Message):
    """Tell *reply_to* ScheduleLoaded."""

    reply_to: Address


@dataclass(frozen=True, slots=True)
class ScheduleLoaded(Message):
    """What the schedule and the providers were like when the server last ran."""

    rows: tuple[ScheduledPoll, ...]
    providers: tuple[ProviderState, ...]


@dataclass(frozen=True, slots=True)
class Prune(Message):
    """Delete what has expired."""

    now: datetime


# -- Administration ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendRules(Message):
    """Tell *reply_to* RulesChanged; told to the Store at their start by the scheduler and the quote cache."""

    reply_to: Address


@dataclass(frozen=True, slots=True)
class RulesChanged(Message):
    """What administrators ordered, without what is over; what comes into force later is among it.

    Told after each committed change, before its answer. Which of it is in force is the receiver's to evaluate at
    each Tick (domain.overrides.rules_at): nobody is told when something begins or ends by itself.
    """

    overrides: tuple[Override, ...]
    settings: tuple[IntervalSetting, ...]


@dataclass(frozen=True, slots=True)
class ProviderConfigured(Message):
    """What an administrator set of a provider; the settings decide where that is None."""

    name: str
    enabled: bool
    priority: int | None
    calls_per_second: int | None
    calls_per_minute: int | None
    calls_per_day: int | None
    reset_timezone: str | None
    exchanges: frozenset[str] | None = None
    cost_per_call: Decimal | None = None
    monthly_cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SendProviders(Message):
    """Tell *reply_to* ProvidersConfigured; told to the Store at their start by the scheduler and the usage tracker."""

    reply_to: Address


@dataclass(frozen=True, slots=True)
class ProvidersConfigured(Message):
    """All providers that have a row; one without has its settings. Told after each committed change, too."""

    rows: tuple[ProviderConfigured, ...]


@dataclass(frozen=True, slots=True)
class GetEffective(Request[Effective]):
    """Which interval is in force for a symbol or a portfolio (of the two one is given), and by which rules?

    Raises UnknownSymbol when nobody tracks it, UnknownPortfolio when no portfolio has this id.
    """

    symbol: str | None
    portfolio_id: UUID | None


@dataclass(frozen=True, slots=True)
class PreviewOrder(Request[Preview]):
    """What would this order change in the coming 24 hours? It is not given; its target is taken to exist.

    tariffs: by provider; one that is missing allows everything and costs nothing.
    Raises Unavailable while the rules in force are not known yet.
    """

    order: Override | IntervalSetting
    tariffs: Mapping[str, Tariff]


@dataclass(frozen=True, slots=True)
class PlannedCall(Message):
    """A call that will be made; kind is scheduled, manual or probe."""

    symbols: tuple[str, ...]
    provider: str
    at: datetime
    reason: str
    kind: str


@dataclass(frozen=True, slots=True)
class GetSchedule(Request[tuple[PlannedCall, ...]]):
    """Which calls come next? The earliest first."""


@dataclass(frozen=True, slots=True)
class ListConnections(Request[tuple[StreamConnection, ...]]):
    """Which streams are open, and what have they carried until now?"""


@dataclass(frozen=True, slots=True)
class CloseConnection(Request[None]):
    """Close this stream. Raises NotFound when it is not open."""

    connection_id: UUID
