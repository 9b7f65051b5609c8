"""Questions and orders to the Store.

Each is answered by the query of the same name in persistence.queries, which takes the
message's fields as arguments; store.py pairs them. Whatever changes something is
committed before the answer. *now* is aware UTC. *user_id* limits the query to what
that user owns; what is somebody else's is not found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from market_actors.messages import Request
from persistence.records import (
    AdministrativeOverride,
    AuditEntry,
    Bar,
    CallCounts,
    Credential,
    Holding,
    HoldingRow,
    HoldingWritten,
    Imported,
    Instrument,
    Link,
    Page,
    PollInterval,
    Portfolio,
    PricePoint,
    ProviderState,
    SignIn,
    Token,
    UsageRows,
    User,
    ValuationPoint,
)

# -- Accounts ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Authenticate(Request[Credential | None]):
    """Whose is the secret with this SHA-256 digest? kind: token, session or link."""

    kind: str
    digest: str
    now: datetime


@dataclass(frozen=True, slots=True)
class RedeemTicket(Request[Credential | None]):
    """Spend a stream ticket; answers the credential that made it, with its rights of now."""

    digest: str
    now: datetime


@dataclass(frozen=True, slots=True)
class CountUsers(Request[int]):
    """How many accounts are there?"""


@dataclass(frozen=True, slots=True)
class FindUser(Request[User | None]):
    """Who has this e-mail address? Compared without regard to case."""

    email: str


@dataclass(frozen=True, slots=True)
class CreateUser(Request[User]):
    """Make an account; Conflict when the address is taken, or when *first* and there is one already."""

    email: str
    role: str
    password_hash: str | None
    actor: str
    reason: str | None
    now: datetime
    first: bool = False


@dataclass(frozen=True, slots=True)
class ListUsers(Request[Page[User]]):
    """Accounts, newest first."""

    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class CreateToken(Request[Token]):
    """Store a token's digest; signs_in: it is the answer to a password."""

    user_id: UUID
    name: str
    scope: str
    digest: str
    expires_at: datetime | None
    now: datetime
    signs_in: bool = False


@dataclass(frozen=True, slots=True)
class ListTokens(Request[Page[Token]]):
    """The user's tokens that are neither revoked nor expired, newest first."""

    user_id: UUID
    limit: int
    offset: int
    now: datetime


@dataclass(frozen=True, slots=True)
class RevokeToken(Request[None]):
    """End a token; NotFound when it is not the user's (any user's if None) or has ended."""

    user_id: UUID | None
    token_id: UUID
    now: datetime


@dataclass(frozen=True, slots=True)
class CreateSession(Request[UUID]):
    """Begin a cookie session and note the sign-in."""

    user_id: UUID
    digest: str
    expires_at: datetime
    ip_address: str
    user_agent: str
    now: datetime


@dataclass(frozen=True, slots=True)
class EndSession(Request[None]):
    """End a cookie session, if there is one."""

    digest: str
    now: datetime


@dataclass(frozen=True, slots=True)
class CreateTicket(Request[None]):
    """Store a stream ticket made by a token or session."""

    credential_kind: str
    credential_id: UUID
    digest: str
    expires_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class CreateSignIn(Request[SignIn]):
    """Store a one-time sign-in link."""

    purpose: str
    user_id: UUID | None
    digest: str
    expires_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class FindSignIn(Request[SignIn | None]):
    """Is this one-time link still good? Does not spend it."""

    digest: str
    now: datetime


@dataclass(frozen=True, slots=True)
class RedeemSignIn(Request[SignIn | None]):
    """Spend a one-time link; None when it was spent, expired or never made."""

    digest: str
    now: datetime


# -- Portfolios --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreatePortfolio(Request[Portfolio]):
    """Make an empty portfolio."""

    user_id: UUID
    name: str
    base_currency: str
    now: datetime


@dataclass(frozen=True, slots=True)
class ListPortfolios(Request[Page[Portfolio]]):
    """The user's portfolios, newest first; oldest first for a stream's default."""

    user_id: UUID
    limit: int
    offset: int
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class CountPortfolios(Request[int]):
    """How many portfolios are there, of all users?"""


@dataclass(frozen=True, slots=True)
class GetPortfolio(Request[Portfolio]):
    """One portfolio of the user."""

    user_id: UUID
    portfolio_id: UUID


@dataclass(frozen=True, slots=True)
class UpdatePortfolio(Request[Portfolio]):
    """Change what is not None."""

    user_id: UUID
    portfolio_id: UUID
    name: str | None
    base_currency: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class DeletePortfolio(Request[None]):
    """Remove a portfolio with its holdings, links and history."""

    user_id: UUID
    portfolio_id: UUID
    now: datetime


@dataclass(frozen=True, slots=True)
class ListHoldings(Request[Page[Holding]]):
    """A portfolio's holdings by symbol; limit None: all."""

    user_id: UUID
    portfolio_id: UUID
    limit: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class PutHolding(Request[HoldingWritten]):
    """Create or replace one holding."""

    user_id: UUID
    portfolio_id: UUID
    symbol: str
    quantity: Decimal
    average_cost: Decimal
    currency: str
    now: datetime


@dataclass(frozen=True, slots=True)
class DeleteHolding(Request[None]):
    """Remove one holding; NotFound when it is not held."""

    user_id: UUID
    portfolio_id: UUID
    symbol: str
    now: datetime


@dataclass(frozen=True, slots=True)
class ImportHoldings(Request[Imported]):
    """Write all rows or none; replace: what is not among them is removed; dry_run: nothing is kept."""

    user_id: UUID
    portfolio_id: UUID
    rows: tuple[HoldingRow, ...]
    replace: bool
    dry_run: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class CreateLink(Request[Link]):
    """Store a read-only link to a portfolio of the user."""

    user_id: UUID
    portfolio_id: UUID
    digest: str
    expires_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class ListLinks(Request[Page[Link]]):
    """A portfolio's links that have neither ended nor expired, newest first."""

    user_id: UUID
    portfolio_id: UUID
    limit: int
    offset: int
    now: datetime


@dataclass(frozen=True, slots=True)
class DeleteLink(Request[None]):
    """End a link."""

    user_id: UUID
    portfolio_id: UUID
    link_id: UUID
    now: datetime


# -- Prices and histories ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SearchInstruments(Request[tuple[Instrument, ...]]):
    """Instruments whose symbol or name contains the text; those whose symbol begins with it first."""

    text: str
    limit: int


@dataclass(frozen=True, slots=True)
class ListPricePoints(Request[tuple[PricePoint, ...]]):
    """A symbol's recorded prices from start to before end: the newest *limit* of them, oldest first."""

    symbol: str
    start: datetime
    end: datetime
    limit: int


@dataclass(frozen=True, slots=True)
class ListBars(Request[tuple[Bar, ...]]):
    """A symbol's bars; interval: 15m, 1h or 1d (days in *timezone*). The newest *limit*, oldest first."""

    symbol: str
    start: datetime
    end: datetime
    interval: str
    limit: int
    timezone: str


@dataclass(frozen=True, slots=True)
class ListValuationPoints(Request[tuple[ValuationPoint, ...]]):
    """A portfolio's recorded values; interval raw, 15m, 1h or 1d (the last value of each)."""

    user_id: UUID
    portfolio_id: UUID
    start: datetime
    end: datetime
    interval: str
    limit: int


@dataclass(frozen=True, slots=True)
class ListAudit(Request[Page[AuditEntry]]):
    """The audit log, newest first: the entries that have what is not None, from start to before end."""

    limit: int
    offset: int
    actor: str | None = None
    action: str | None = None
    target_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReadUsage(Request[UsageRows]):
    """The calls of the days *start* to *end* (UTC): those to a provider, and that served a user or a portfolio, if any."""

    start: date
    end: date
    provider: str | None
    user_id: UUID | None
    portfolio_id: UUID | None


@dataclass(frozen=True, slots=True)
class CountCalls(Request[CallCounts]):
    """How many calls were there to a provider since its *day* began, in this hour, in the last 60 s?"""

    provider: str
    day: datetime
    now: datetime


# -- Administration ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AppendAudit(Request[AuditEntry]):
    """Note a change of something that no database keeps."""

    actor: str
    action: str
    target_type: str
    target_id: str | UUID | None
    reason: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    now: datetime


@dataclass(frozen=True, slots=True)
class CreatePollInterval(Request[PollInterval]):
    """Order a poll interval; the target's one before ends when it begins. NotFound without such a target."""

    config_type: str
    target_id: UUID | None
    interval_minutes: int
    effective_from: datetime | None
    effective_until: datetime | None
    actor: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True)
class GetPollInterval(Request[PollInterval]):
    """One poll interval."""

    interval_id: UUID
    now: datetime


@dataclass(frozen=True, slots=True)
class ListPollIntervals(Request[Page[PollInterval]]):
    """Poll intervals, newest first; active: those that count now, or those that do not."""

    active: bool | None
    config_type: str | None
    target_id: UUID | None
    limit: int
    offset: int
    now: datetime


@dataclass(frozen=True, slots=True)
class ExpirePollInterval(Request[PollInterval]):
    """End a poll interval; Gone when it has ended."""

    interval_id: UUID
    actor: str
    reason: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class CreateOverride(Request[AdministrativeOverride]):
    """Order an override; the active one of its type and target is removed. NotFound without such a target.

    duration_minutes: None until it is removed, 0 over at once.
    is_tracked:       the symbol is known, though nobody holds it.
    """

    override_type: str
    scope: str
    target_id: UUID | None
    provider_id: str | None
    symbol: str | None
    interval_minutes: int | None
    price: Decimal | None
    duration_minutes: int | None
    is_tracked: bool
    actor: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True)
class CheckTarget(Request[None]):
    """Does what an order names exist? NotFound without such a target. is_tracked: as in CreateOverride."""

    scope: str
    target_id: UUID | None
    symbol: str | None
    is_tracked: bool


@dataclass(frozen=True, slots=True)
class GetOverride(Request[AdministrativeOverride]):
    """One override."""

    override_id: UUID
    now: datetime


@dataclass(frozen=True, slots=True)
class ListOverrides(Request[Page[AdministrativeOverride]]):
    """Overrides, newest first; active: those in force, or those that are over."""

    active: bool | None
    scope: str | None
    limit: int
    offset: int
    now: datetime


@dataclass(frozen=True, slots=True)
class RemoveOverride(Request[AdministrativeOverride]):
    """End an override; Gone when it has expired or was removed."""

    override_id: UUID
    actor: str
    reason: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class PortfolioOwner(Request[UUID]):
    """Whose portfolio is this, whoever asks? UnknownPortfolio when there is none."""

    portfolio_id: UUID


@dataclass(frozen=True, slots=True)
class GetUser(Request[User]):
    """One account."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class FindEmails(Request[Mapping[UUID, str]]):
    """The addresses of these users."""

    user_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class InviteUser(Request[User]):
    """Make an account without a password, and the one-time link that opens it; Conflict when the address is taken."""

    email: str
    role: str
    actor: str
    reason: str | None
    digest: str
    expires_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class UpdateUser(Request[User]):
    """Change what is not None; Conflict when it would take the last administrator.

    Who loses rights loses the open streams, a new password ends the account's sessions.
    """

    user_id: UUID
    role: str | None
    is_active: bool | None
    password_hash: str | None
    actor: str
    reason: str
    now: datetime


@dataclass(frozen=True, slots=True)
class ListProviderStates(Request[tuple[ProviderState, ...]]):
    """What administrators set of providers, and how those last were."""


@dataclass(frozen=True, slots=True)
class ConfigureProvider(Request[ProviderState]):
    """Set these columns of a provider; one that is None is left to the settings again."""

    name: str
    changes: Mapping[str, Any]
    actor: str
    reason: str
    now: datetime
