"""What queries return: frozen values, detached from the database.

Times are aware UTC, money is Decimal, keys are UUIDs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A slice of a list, and how many rows the whole list has."""

    rows: tuple[T, ...]
    total: int


@dataclass(frozen=True, slots=True)
class User:
    id: UUID
    email: str
    role: str
    is_active: bool
    created_at: datetime
    last_sign_in_at: datetime | None
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class Credential:
    """Proof of who is asking, looked up by the digest of the secret.

    kind:         token, session or link (a ticket gives back the credential that made it).
    scope:        read, write or admin; never above the user's role when it was looked up.
    portfolio_id: of a link, the only portfolio it opens.
    """

    id: UUID
    kind: str
    user: User
    scope: str
    expires_at: datetime | None
    portfolio_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Token:
    id: UUID
    user_id: UUID
    name: str
    scope: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A one-time link: purpose is "setup" (makes the first administrator) or "user" (signs *user_id* in)."""

    id: UUID
    purpose: str
    user_id: UUID | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    id: UUID
    portfolio_id: UUID
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    """Credentials that ended and users who lost rights, and when they did, since a moment."""

    credential_ids: frozenset[UUID]
    losses: frozenset[tuple[UUID, datetime]]

    @property
    def user_ids(self) -> frozenset[UUID]:
        return frozenset(user_id for user_id, _ in self.losses)


@dataclass(frozen=True, slots=True)
class Portfolio:
    id: UUID
    user_id: UUID
    name: str
    base_currency: str
    version: int
    created_at: datetime
    updated_at: datetime
    holding_count: int


@dataclass(frozen=True, slots=True)
class Holding:
    portfolio_id: UUID
    symbol: str
    quantity: Decimal
    average_cost: Decimal
    currency: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Positions:
    """All holdings of one portfolio at one version."""

    portfolio_id: UUID
    user_id: UUID
    base_currency: str
    version: int
    holdings: tuple[Holding, ...]


@dataclass(frozen=True, slots=True)
class HoldingRow:
    """One row of an import, already checked."""

    symbol: str
    quantity: Decimal
    average_cost: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class HoldingWritten:
    """A stored holding, whether it is new, and the portfolio's positions after it."""

    holding: Holding
    created: bool
    positions: Positions


@dataclass(frozen=True, slots=True)
class Imported:
    imported: int
    created: int
    updated: int
    positions: Positions


@dataclass(frozen=True, slots=True)
class BookEntry:
    """One portfolio in the index of who holds what: (symbol, currency of its cost, quantity) of each holding."""

    portfolio_id: UUID
    user_id: UUID
    base_currency: str
    version: int
    held: tuple[tuple[str, str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class LastPrice:
    """The last good price of an instrument, as stored; see market_actors.domain.quote.Price.

    market_status: of its exchange when readers were last told of it; None of what an older version stored.
    """

    symbol: str
    name: str | None
    exchange: str
    currency: str
    price: Decimal
    previous_close: Decimal | None
    volume: int | None
    provider: str
    source: str
    quote_time: datetime
    received_at: datetime
    delay_seconds: int
    end_of_day: bool
    confirmation: str
    is_market_hours: bool
    epoch: int
    number: int
    market_status: str | None = None
    stale_reason: str | None = None


@dataclass(frozen=True, slots=True)
class PriceEvent:
    """A price as it was published to streams, at the position (epoch, number)."""

    epoch: int
    number: int
    symbol: str
    quote_time: datetime
    received_at: datetime
    price: Decimal
    previous_close: Decimal | None
    currency: str
    volume: int | None
    provider: str
    source: str
    confirmation: str
    market_status: str
    stale_reason: str | None


@dataclass(frozen=True, slots=True)
class Resumable:
    """Where a stream goes on: after the position (epoch, number) of the server that is asked.

    is_elsewhere: the reader was with another server, and stands here where that one's clock was.
    """

    epoch: int
    number: int
    is_elsewhere: bool


@dataclass(frozen=True, slots=True)
class Instrument:
    symbol: str
    name: str | None
    exchange: str
    currency: str


@dataclass(frozen=True, slots=True)
class RecordedPrice:
    """A price as it came; price and previous_close in major units of *currency* (ISO 4217), exchange is our code."""

    symbol: str
    name: str | None
    exchange: str
    currency: str
    price: Decimal
    previous_close: Decimal | None
    volume: int | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class PricePoint:
    timestamp: datetime
    price: Decimal
    volume: int | None
    source: str
    is_market_hours: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """Open, high, low and close of the prices recorded in one interval, which begins at *timestamp*.

    volume: traded in it, as far as the volumes of the day tell.
    """

    timestamp: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int | None


@dataclass(frozen=True, slots=True)
class ValuationPoint:
    """What a portfolio was worth; amounts in *currency* (ISO 4217)."""

    portfolio_id: UUID
    timestamp: datetime
    total_value: Decimal
    total_cost_basis: Decimal
    daily_change: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider's row: what an administrator set (None: the settings decide) and how it last was."""

    name: str
    enabled: bool
    priority: int | None
    calls_per_second: int | None
    calls_per_minute: int | None
    calls_per_day: int | None
    reset_timezone: str | None
    cost_per_call: Decimal | None
    monthly_cost: Decimal | None
    status: str
    reason: str | None
    next_try: datetime | None
    exchanges: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class PollInterval:
    """How often to poll for a target, and whether that counts now.

    config_type: global, user or portfolio; target_id is None of global.
    expired_at:  when it ended, if it has.
    """

    id: UUID
    config_type: str
    target_id: UUID | None
    interval_minutes: int
    is_active: bool
    reason: str
    created_by: str
    created_at: datetime
    effective_from: datetime
    effective_until: datetime | None
    expired_at: datetime | None


@dataclass(frozen=True, slots=True)
class IntervalSpan:
    """From when to before when a poll interval counts: ends_at has what will end it, too."""

    config_type: str
    target_id: UUID | None
    interval_minutes: int
    reason: str
    created_at: datetime
    begins_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class AdministrativeOverride:
    """An order of an administrator; of target_id, provider_id and symbol the scope's one is set, of global none.

    override_value: minutes, of force_interval. override_price and previous_price: of price.
    status:         active, expired or removed.
    """

    id: UUID
    override_type: str
    scope: str
    target_id: UUID | None
    provider_id: str | None
    symbol: str | None
    override_value: int | None
    override_price: Decimal | None
    previous_price: Decimal | None
    effective_time: datetime
    expires_at: datetime | None
    status: str
    reason: str
    admin_user: str
    created_at: datetime
    removed_at: datetime | None
    removed_by: str | None
    removed_reason: str | None


@dataclass(frozen=True, slots=True)
class Orders:
    """All that administrators ordered and that is not over."""

    overrides: tuple[AdministrativeOverride, ...]
    intervals: tuple[IntervalSpan, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the 10^12 units of a call fall on a user and one of their portfolios."""

    user_id: UUID | None
    portfolio_id: UUID | None
    units: int


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom calls serve, for all of them alike; the id is made of the shares."""

    id: UUID
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One outgoing provider call, reserved before it is made.

    kind:     scheduled, manual or probe.
    outcome:  None while reserved, then "ok" or an error kind.
    cost:     what the provider charged for a call when it was reserved; None: nothing.
    audience: whom it serves; None: nobody.
    """

    id: UUID
    provider: str
    kind: str
    symbols: tuple[str, ...]
    reserved_at: datetime
    user_id: UUID | None = None
    outcome: str | None = None
    latency_ms: int | None = None
    cost: Decimal | None = None
    audience: Audience | None = None


@dataclass(frozen=True, slots=True)
class UsageCell:
    """The calls of one day (UTC) to a provider, of a kind and at a price each."""

    day: date
    provider: str
    kind: str
    price: Decimal
    requests: int
    errors: int


@dataclass(frozen=True, slots=True)
class UsagePart:
    """What of the calls of a day, or of days of a month from *day* on, falls on a user and a portfolio, in 10^-12."""

    day: date
    provider: str
    kind: str
    price: Decimal
    user_id: UUID | None
    portfolio_id: UUID | None
    units: int


@dataclass(frozen=True, slots=True)
class UsagePlan:
    """What a provider's plan costs in the month that begins with *month*."""

    provider: str
    month: date
    cost: Decimal


@dataclass(frozen=True, slots=True)
class UsageRows:
    """All that a report of usage is made of.

    parts:      by month where nothing needs them by day; then at the first of its days.
    symbols:    how many different ones were asked for, by day.
    last_calls: when each provider was last called.
    names:      e-mail addresses of users, and names of portfolios, also of those that are no more.
    """

    cells: tuple[UsageCell, ...]
    parts: tuple[UsagePart, ...]
    plans: tuple[UsagePlan, ...]
    symbols: Mapping[date, int]
    last_calls: Mapping[str, datetime]
    names: Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Calls to a provider in its day until now, in this hour (UTC) and in the last 60 s."""

    daily: int
    hourly: int
    minute: int


@dataclass(frozen=True, slots=True)
class ScheduledPoll:
    """When a symbol was last polled and is next due, so that a restart repeats nothing."""

    symbol: str
    provider: str | None
    last_poll_at: datetime | None
    next_poll_at: datetime
    interval_seconds: int
    failures: int


@dataclass(frozen=True, slots=True)
class StreamConnection:
    """An open or closed event stream."""

    id: UUID
    user_id: UUID
    ip_address: str
    user_agent: str
    connected_at: datetime
    last_heartbeat: datetime
    portfolio_ids: tuple[UUID, ...]
    symbols: tuple[str, ...]
    events_sent: int
    bytes_sent: int
    conflated_events: int
    node: str
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, when and why, chained by *hash* to the entry before."""

    id: UUID
    at: datetime
    actor: str
    action: str
    target_type: str
    target_id: str | None
    reason: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    hash: str
