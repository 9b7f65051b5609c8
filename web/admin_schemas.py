"""Request and answer types of the administration."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from market_actors.domain.money import plain
from market_actors.domain.polling import Effective
from market_actors.messages import PlannedCall, QuarantinedPrice
from market_actors.system import ActorState
from persistence.records import AdministrativeOverride, AuditEntry, PollInterval, StreamConnection, User
from web.fields import Cost, Email, Password, Price, Reason, ShortReason, Symbol
from web.schemas import Answer, DecimalText, ListQuery, Moment, Request, UserAnswer

ConfigType = Literal["global", "user", "portfolio"]
OverrideType = Literal["disable_updates", "force_interval", "emergency_stop", "price"]
Scope = Literal["global", "user", "portfolio", "provider", "symbol"]
Role = Literal["user", "admin"]
ProviderStatusName = Literal["active", "rate_limited", "error", "disabled"]
Minutes = Annotated[int, Meta(ge=1, le=1440)]
Limit = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Text = Annotated[str, Meta(min_length=1, max_length=300)]

MAX_DURATION = 10_080  # minutes: a week
MAX_EXCHANGES = 100


class ReasonQuery(Request, frozen=True):
    """Why; kept in the audit log."""

    reason: ShortReason | None = None


# -- Poll intervals ------------------------------------------------------------------------


class PollIntervalsQuery(ListQuery, frozen=True):
    active: bool | None = None
    config_type: ConfigType | None = None
    target_id: UUID | None = None


class NewPollInterval(Request, frozen=True):
    """*target_id*: the user's or the portfolio's id. It counts from *effective_from* (now) until *effective_until*."""

    interval_minutes: Minutes
    reason: ShortReason
    config_type: ConfigType = "global"
    target_id: UUID | None = None
    effective_from: Moment | None = None
    effective_until: Moment | None = None


class PollIntervalAnswer(Answer, frozen=True):
    id: UUID
    config_type: ConfigType
    target_id: UUID | None
    interval_minutes: int
    is_active: bool
    reason: str
    created_by: str
    created_at: Moment
    effective_from: Moment
    effective_until: Moment | None
    expired_at: Moment | None

    @classmethod
    def of(cls, row: PollInterval) -> PollIntervalAnswer:
        return cls(**{name: getattr(row, name) for name in cls.__struct_fields__})


class EffectiveQuery(Request, frozen=True):
    """One of the two."""

    symbol: Symbol | None = None
    portfolio_id: UUID | None = None


class RuleAnswer(Answer, frozen=True):
    rule: str
    interval_seconds: int | None
    applies: bool
    reason: str


class EffectiveAnswer(Answer, frozen=True):
    """interval_seconds is null while nobody may be updated; the rules are in the order in which they were looked at."""

    interval_seconds: int | None
    source: Literal["override", "portfolio", "user", "global", "schedule"]
    rules: tuple[RuleAnswer, ...]

    @classmethod
    def of(cls, effective: Effective) -> EffectiveAnswer:
        rules = tuple(
            RuleAnswer(rule=each.rule, interval_seconds=each.interval_seconds, applies=each.applies, reason=each.reason)
            for each in effective.rules
        )
        source: Any = effective.source
        return cls(interval_seconds=effective.interval_seconds, source=source, rules=rules)


# -- Overrides -----------------------------------------------------------------------------


class OverridesQuery(ListQuery, frozen=True):
    active: bool | None = None
    scope: Scope | None = None


class NewOverride(Request, frozen=True):
    """A scope takes its own target alone: user and portfolio *target_id*, provider *provider_id*, symbol *symbol*.

    Without *duration_minutes* it holds until it is removed.
    """

    override_type: OverrideType
    scope: Scope
    reason: Reason
    target_id: UUID | None = None
    provider_id: Text | None = None
    symbol: Symbol | None = None
    interval_minutes: Minutes | None = None
    price: Price | None = None
    duration_minutes: Annotated[int, Meta(ge=0, le=MAX_DURATION)] | None = None


class OverrideAnswer(Answer, frozen=True):
    """override_value: the minutes of a forced interval."""

    id: UUID
    override_type: OverrideType
    scope: Scope
    target_id: UUID | None
    provider_id: str | None
    symbol: str | None
    override_value: int | None
    override_price: DecimalText | None
    previous_price: DecimalText | None
    effective_time: Moment
    expires_at: Moment | None
    status: Literal["active", "expired", "removed"]
    reason: str
    admin_user: str
    created_at: Moment
    removed_at: Moment | None
    removed_by: str | None
    removed_reason: str | None

    @classmethod
    def of(cls, row: AdministrativeOverride) -> OverrideAnswer:
        return cls(**{name: _plain(getattr(row, name)) for name in cls.__struct_fields__})


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


# -- Prices held back ----------------------------------------------------------------------


class Decision(Request, frozen=True):
    decision: Literal["accept", "reject"]
    reason: ShortReason | None = None


class QuarantineAnswer(Answer, frozen=True):
    symbol: str
    provider: str
    held_price: DecimalText
    last_good_price: DecimalText
    rule: str
    since: Moment

    @classmethod
    def of(cls, held: QuarantinedPrice) -> QuarantineAnswer:
        return cls(**{name: _plain(getattr(held, name)) for name in cls.__struct_fields__})


# -- Providers -----------------------------------------------------------------------------


class ProviderChange(Request, frozen=True):
    """What is null is left to the settings again; the first priority is asked first."""

    reason: ShortReason
    enabled: bool | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=1, le=1000)] | None | UnsetType = UNSET
    exchanges: Annotated[tuple[str, ...], Meta(max_length=MAX_EXCHANGES)] | None | UnsetType = UNSET
    calls_per_second: Limit | None | UnsetType = UNSET
    calls_per_minute: Limit | None | UnsetType = UNSET
    calls_per_day: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None | UnsetType = UNSET
    reset_timezone: Text | None | UnsetType = UNSET
    cost_per_call: Cost | None | UnsetType = UNSET
    monthly_cost: Cost | None | UnsetType = UNSET


class AdminProviderAnswer(Answer, frozen=True):
    """What is in force: the settings, and what an administrator set above them; a source without limits has none."""

    name: str
    enabled: bool
    priority: int
    exchanges: tuple[str, ...]
    calls_per_second: int | None
    calls_per_minute: int | None
    calls_per_day: int | None
    reset_timezone: str | None
    cost_per_call: DecimalText | None
    monthly_cost: DecimalText | None
    status: ProviderStatusName
    reason: str | None
    next_try: Moment | None


# -- Connections, actors, schedule ---------------------------------------------------------


class ConnectionAnswer(Answer, frozen=True):
    id: UUID
    user_id: UUID
    user_email: str
    ip_address: str
    user_agent: str
    connected_at: Moment
    last_heartbeat: Moment
    portfolio_ids: tuple[UUID, ...]
    symbols: tuple[str, ...]
    events_sent: int
    bytes_sent: int
    conflated_events: int
    node: str

    @classmethod
    def of(cls, row: StreamConnection, user_email: str) -> ConnectionAnswer:
        fields = {name: getattr(row, name) for name in cls.__struct_fields__ if name != "user_email"}
        return cls(user_email=user_email, **fields)


class ActorAnswer(Answer, frozen=True):
    """inbox: messages that wait."""

    name: str
    kind: str
    state: Literal["running", "down"]
    restarts: int
    last_error: str | None
    inbox: int
    node: str

    @classmethod
    def of(cls, actor: ActorState, node: str) -> ActorAnswer:
        return cls(
            name=actor.name,
            kind=actor.name.partition("/")[0],
            state=actor.state,  # type: ignore[arg-type]
            restarts=actor.restarts,
            last_error=actor.last_error,
            inbox=actor.inbox,
            node=node,
        )


class PlannedCallAnswer(Answer, frozen=True):
    symbols: tuple[str, ...]
    provider: str
    at: Moment
    reason: str
    kind: str

    @classmethod
    def of(cls, call: PlannedCall) -> PlannedCallAnswer:
        return cls(symbols=call.symbols, provider=call.provider, at=call.at, reason=call.reason, kind=call.kind)


# -- Users and the log ---------------------------------------------------------------------


class NewUser(Request, frozen=True):
    """Without a password the answer holds a link that is good once."""

    email: Email
    role: Role = "user"
    password: Password | None = None
    reason: ShortReason | None = None


class UserChange(Request, frozen=True):
    reason: ShortReason
    role: Role | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    password: Password | UnsetType = UNSET


class NewUserAnswer(Answer, frozen=True):
    """*sign_in_url* is shown this once."""

    id: UUID
    email: str
    role: Role
    is_active: bool
    created_at: Moment
    last_sign_in_at: Moment | None
    sign_in_url: str | UnsetType = UNSET

    @classmethod
    def of(cls, user: User, sign_in_url: str | UnsetType = UNSET) -> NewUserAnswer:
        shown = UserAnswer.of(user)
        return cls(sign_in_url=sign_in_url, **{name: getattr(shown, name) for name in shown.__struct_fields__})


class AuditQuery(ListQuery, frozen=True):
    """From *start* to before *end*."""

    actor: Text | None = None
    action: Text | None = None
    target_id: Text | None = None
    start: Moment | None = None
    end: Moment | None = None


class AuditAnswer(Answer, frozen=True):
    id: UUID
    at: datetime
    actor: str
    action: str
    target_type: str
    target_id: str | None
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditAnswer:
        return cls(**{name: getattr(entry, name) for name in cls.__struct_fields__})
