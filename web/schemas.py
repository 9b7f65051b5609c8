"""Request and answer types; the OpenAPI document comes out of them.

Money, prices and quantities are decimal strings in every answer (:data:`DecimalText`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from market_actors.domain.money import plain
from persistence.records import Bar, Holding, Instrument, Portfolio, PricePoint, Token, User, ValuationPoint
from web.fields import Cost, Currency, Email, Name, Password, Quantity, SearchText, Symbol

Moment = Annotated[datetime, Meta(tz=True)]
DecimalText = Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["123.4567"])]
Scope = Literal["read", "write", "admin"]
Interval = Literal["raw", "15m", "1h", "1d"]
Secret = Annotated[str, Meta(min_length=1, max_length=200)]

MAX_SYMBOLS = 100


class Request(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a client sends."""


class Answer(Struct, frozen=True, kw_only=True):
    """What a client gets."""


# -- Lists ---------------------------------------------------------------------------------


class ListQuery(Request, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=500)] = 50
    offset: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0


class HistoryQuery(Request, frozen=True):
    """*start* to before *end*: the last 24 hours unless said otherwise."""

    start: Moment | None = None
    end: Moment | None = None
    interval: Interval = "raw"
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1_000


# -- Who is asking -------------------------------------------------------------------------


class Login(Request, frozen=True):
    """A password of any length is looked at: what is too short is simply wrong."""

    email: Annotated[str, Meta(max_length=254)]
    password: Annotated[str, Meta(max_length=200)]
    session: bool = False


class SignInQuery(Request, frozen=True):
    token: Secret


class SignInBody(Request, frozen=True):
    token: Secret


class Setup(Request, frozen=True):
    token: Secret
    email: Email
    password: Password


class NewToken(Request, frozen=True):
    name: Name
    scope: Scope = "read"
    expires_in_days: Annotated[int, Meta(ge=1, le=3650)] | None = None


class SignInPurpose(Answer, frozen=True):
    purpose: Literal["setup", "user"]


class AccessToken(Answer, frozen=True):
    access_token: str
    token_type: Literal["bearer"]
    expires_in: int


class Ticket(Answer, frozen=True):
    ticket: str
    expires_in: int


class UserAnswer(Answer, frozen=True):
    id: UUID
    email: str
    role: Literal["user", "admin"]
    is_active: bool
    created_at: Moment
    last_sign_in_at: Moment | None

    @classmethod
    def of(cls, user: User) -> UserAnswer:
        return cls(
            id=user.id,
            email=user.email,
            role="admin" if user.role == "admin" else "user",
            is_active=user.is_active,
            created_at=user.created_at,
            last_sign_in_at=user.last_sign_in_at,
        )


class TokenAnswer(Answer, frozen=True):
    """*token* stands only in the answer that makes it."""

    id: UUID
    name: str
    scope: Scope
    created_at: Moment
    expires_at: Moment | None
    token: str | UnsetType = UNSET

    @classmethod
    def of(cls, token: Token, secret: str | UnsetType = UNSET) -> TokenAnswer:
        return cls(
            id=token.id,
            name=token.name,
            token=secret,
            scope=token.scope,  # type: ignore[arg-type]
            created_at=token.created_at,
            expires_at=token.expires_at,
        )


# -- Market data ---------------------------------------------------------------------------


class PricesQuery(Request, frozen=True):
    symbols: Annotated[tuple[Symbol, ...], Meta(min_length=1, max_length=MAX_SYMBOLS)]


class SymbolsQuery(Request, frozen=True):
    query: SearchText


class StreamQuery(Request, frozen=True):
    """Without portfolios and symbols: the caller's five oldest portfolios."""

    portfolio_ids: Annotated[tuple[UUID, ...], Meta(max_length=5)] = ()
    symbols: Annotated[tuple[Symbol, ...], Meta(max_length=MAX_SYMBOLS)] = ()
    include_heartbeat: bool = True
    last_event_id: str = ""


class RefreshBody(Request, frozen=True):
    """Neither: all that the caller's portfolios hold."""

    symbols: Annotated[tuple[Symbol, ...], Meta(min_length=1, max_length=MAX_SYMBOLS)] | UnsetType = UNSET
    portfolio_id: UUID | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.symbols is not UNSET and self.portfolio_id is not UNSET:
            raise ValueError("symbols or portfolio_id, not both")


class RefreshAnswer(Answer, frozen=True):
    request_id: UUID
    symbols: tuple[str, ...]
    provider_calls: int
    cooldown_seconds: int


class PriceAnswer(Answer, frozen=True):
    """A price is stale when its exchange is open and it is older than it should be, or while a newer one is held back."""

    symbol: str
    name: str | None
    currency: str
    current_price: DecimalText
    previous_close: DecimalText | None
    daily_change: DecimalText | None
    daily_change_percent: DecimalText | None
    volume: int | None
    market_status: Literal["OPEN", "CLOSED", "PRE_MARKET", "AFTER_HOURS"]
    source: str
    last_updated: Moment
    fetched_at: Moment
    delay_seconds: int
    age_seconds: int
    is_stale: bool
    stale_reason: Literal["age", "quarantined"] | None
    confirmation: Literal["intraday", "provisional", "confirmed"]


class InstrumentAnswer(Answer, frozen=True):
    symbol: str
    name: str | None
    exchange: str
    currency: str

    @classmethod
    def of(cls, instrument: Instrument) -> InstrumentAnswer:
        return cls(
            symbol=instrument.symbol,
            name=instrument.name,
            exchange=instrument.exchange,
            currency=instrument.currency,
        )


class PricePointAnswer(Answer, frozen=True):
    timestamp: Moment
    price: DecimalText
    volume: int | None
    source: str
    is_market_hours: bool

    @classmethod
    def of(cls, point: PricePoint) -> PricePointAnswer:
        return cls(
            timestamp=point.timestamp,
            price=plain(point.price),
            volume=point.volume,
            source=point.source,
            is_market_hours=point.is_market_hours,
        )


class BarAnswer(Answer, frozen=True):
    timestamp: Moment
    open: DecimalText
    high: DecimalText
    low: DecimalText
    close: DecimalText
    volume: int | None

    @classmethod
    def of(cls, bar: Bar) -> BarAnswer:
        return cls(
            timestamp=bar.timestamp,
            open=plain(bar.open),
            high=plain(bar.high),
            low=plain(bar.low),
            close=plain(bar.close),
            volume=bar.volume,
        )


class SystemStatus(Answer, frozen=True):
    status: Literal["healthy", "degraded", "down"]
    uptime_seconds: int
    version: str


class ExchangeStatus(Answer, frozen=True):
    is_open: bool
    next_open: Moment | None
    next_close: Moment | None
    timezone: str
    exchange: str
    phase: Literal["OPEN", "CLOSED", "PRE_MARKET", "AFTER_HOURS"]


class ProviderAnswer(Answer, frozen=True):
    name: str
    status: Literal["active", "rate_limited", "error", "disabled"]
    last_request: Moment | None
    requests_today: int
    rate_limit_remaining: int | None
    error_count: int
    reason: str | None
    next_try: Moment | None


class CacheAnswer(Answer, frozen=True):
    """memory_usage in bytes; hit_rate 0 to 100."""

    redis_connected: bool
    total_keys: int
    memory_usage: int
    hit_rate: float
    expired_keys_today: int


class Statistics(Answer, frozen=True):
    active_sse_connections: int
    portfolios_tracked: int
    symbols_cached: int
    updates_last_hour: int
    average_response_time_ms: float


class StatusAnswer(Answer, frozen=True):
    """next_update is null while updates are paused or nothing is tracked."""

    system_status: SystemStatus
    market_status: ExchangeStatus
    exchanges: tuple[ExchangeStatus, ...]
    data_providers: tuple[ProviderAnswer, ...]
    cache_status: CacheAnswer
    last_update: Moment | None
    next_update: Moment | None
    statistics: Statistics


# -- Portfolios ----------------------------------------------------------------------------


class NewPortfolio(Request, frozen=True):
    name: Name
    base_currency: Currency


class PortfolioChange(Request, frozen=True):
    name: Name | UnsetType = UNSET
    base_currency: Currency | UnsetType = UNSET


class NewHolding(Request, frozen=True):
    quantity: Quantity
    average_cost: Cost
    currency: Currency


class ImportQuery(Request, frozen=True):
    """*replace*: what is not in the file is removed."""

    dry_run: bool = False
    mode: Literal["merge", "replace"] = "merge"


class NewLink(Request, frozen=True):
    expires_in_days: Annotated[int, Meta(ge=1, le=90)]


class PortfolioAnswer(Answer, frozen=True):
    id: UUID
    name: str
    base_currency: str
    created_at: Moment
    updated_at: Moment
    holding_count: int

    @classmethod
    def of(cls, portfolio: Portfolio) -> PortfolioAnswer:
        return cls(
            id=portfolio.id,
            name=portfolio.name,
            base_currency=portfolio.base_currency,
            created_at=portfolio.created_at,
            updated_at=portfolio.updated_at,
            holding_count=portfolio.holding_count,
        )


class HoldingAnswer(Answer, frozen=True):
    symbol: str
    quantity: DecimalText
    average_cost: DecimalText
    currency: str
    updated_at: Moment

    @classmethod
    def of(cls, holding: Holding) -> HoldingAnswer:
        return cls(
            symbol=holding.symbol,
            quantity=plain(holding.quantity),
            average_cost=plain(holding.average_cost),
            currency=holding.currency,
            updated_at=holding.updated_at,
        )


class ImportAnswer(Answer, frozen=True):
    imported: int
    created: int
    updated: int
    dry_run: bool


class LinkAnswer(Answer, frozen=True):
    id: UUID
    created_at: Moment
    expires_at: Moment


class NewLinkAnswer(Answer, frozen=True):
    """*url* and *token* are shown this once."""

    id: UUID
    url: str
    token: str
    expires_at: Moment


class HoldingValueAnswer(Answer, frozen=True):
    """price and currency are the quote's; every other amount is in the portfolio's currency."""

    symbol: str
    quantity: DecimalText
    price: DecimalText
    currency: str
    market_value: DecimalText
    daily_change: DecimalText | None
    unrealized_gain_loss: DecimalText
    is_stale: bool
    source: str
    last_updated: Moment


class UnpricedAnswer(Answer, frozen=True):
    symbol: str
    reason: str


class ValuationAnswer(Answer, frozen=True):
    """What has no price counts in no total: it is named in *unpriced*, and *partial* is true."""

    portfolio_id: UUID
    currency: str
    total_value: DecimalText
    total_cost_basis: DecimalText
    unrealized_gain_loss: DecimalText
    daily_change: DecimalText | None
    daily_change_percent: DecimalText | None
    last_updated: Moment | None
    stale_price_count: int
    fresh_percent: float
    oldest_price_age_seconds: int | None
    partial: bool
    holdings: tuple[HoldingValueAnswer, ...]
    unpriced: tuple[UnpricedAnswer, ...]


class ValuationPointAnswer(Answer, frozen=True):
    timestamp: Moment
    total_value: DecimalText
    total_cost_basis: DecimalText
    daily_change: DecimalText | None

    @classmethod
    def of(cls, point: ValuationPoint) -> ValuationPointAnswer:
        return cls(
            timestamp=point.timestamp,
            total_value=plain(point.total_value),
            total_cost_basis=plain(point.total_cost_basis),
            daily_change=None if point.daily_change is None else plain(point.daily_change),
        )


# -- Operation and errors ------------------------------------------------------------------


class Health(Answer, frozen=True):
    status: str


class ErrorAnswer(Answer, frozen=True):
    """*detail* is a sentence; of a validation_error it is the list of all faults."""

    detail: str | list[FaultAnswer]
    error: str


class FaultAnswer(Answer, frozen=True):
    loc: list[Any]
    msg: str
    type: str
