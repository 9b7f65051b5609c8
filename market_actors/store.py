"""Store: the only actor that uses the database.

What is asked (stored.py) is answered by the query of the same name; what is told is written
in batches. Changes are committed before the answer, and only then told on: to the book what
is held, to the streams which rights ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta
from itertools import islice
from sys import intern
from typing import Any
from uuid import UUID

from market_actors import stored
from market_actors.actor import MarketActor
from market_actors.domain.overrides import IntervalSetting, Override, OverrideType, Scope
from market_actors.domain.position import Holdings, Position
from market_actors.errors import Conflict, Gone, NotFound, Unavailable, UnknownPortfolio
from market_actors.messages import (
    AccessRevoked,
    Address,
    BookLoaded,
    CallRecorded,
    CallsLoaded,
    CallsRecorded,
    FinishCall,
    LastPricesLoaded,
    Message,
    PortfolioRemoved,
    PositionsChanged,
    PositionsUnavailable,
    ProviderConfigured,
    ProvidersConfigured,
    Prune,
    QuotesRecorded,
    RecordCall,
    RecordCalls,
    RecordConnections,
    RecordPlans,
    RecordProviderState,
    RecordQuotes,
    RecordValuations,
    RulesChanged,
    SaveSchedule,
    ScheduleLoaded,
    SendBook,
    SendCalls,
    SendLastPrices,
    SendPositions,
    SendProviders,
    SendRevoked,
    SendRules,
    SendSchedule,
    Tick,
)
from persistence import database, errors, queries
from persistence.records import AdministrativeOverride, IntervalSpan, Positions, ValuationPoint

logger = logging.getLogger(__name__)

POINTS_A_TICK = 200  # of portfolios' histories that are written at a tick,
POINTS_TICKS = 50  # or this part of those that wait, where that is more
NOTICE_EVERY = 3.0  # seconds between two looks for what others changed: commands, and servers of the same database
NOTICE_OVERLAP = timedelta(seconds=30)  # a commit may be seen later than its time says
KEEP_HISTORY = timedelta(days=3660)  # price history is kept for charts; what streams resume from is bounded elsewhere


def snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


ANSWERS: dict[type[Message], Callable[..., Any]] = {
    question: getattr(queries, snake_case(name))
    for name, question in vars(stored).items()
    if isinstance(question, type) and issubclass(question, Message) and question.__module__ == stored.__name__
}
"""The query that answers each message of stored.py: the function of its name."""


def answer(message: Message) -> Any:
    """Answer a question of stored.py. Raises what it was refused with, Unavailable without a database."""
    arguments = {field.name: getattr(message, field.name) for field in fields(message)}
    try:
        return ANSWERS[type(message)](**arguments)
    except errors.RowNotFound as error:
        missing = UnknownPortfolio if "portfolio" in str(error) else NotFound
        raise missing(str(error)) from None
    except errors.RowConflict as error:
        raise Conflict(str(error)) from None
    except errors.RowGone as error:
        raise Gone(str(error)) from None
    except errors.UNREACHABLE as error:
        logger.error("store: %s failed: %s", type(message).__name__, error)
        raise Unavailable("the database cannot be reached") from None


class Store(MarketActor):
    """Reads and writes the database. The addresses are those of who is told what changed.

    scheduler, quotes: rules. scheduler, usage: what is set of providers.
    clock:             the wall clock, aware, by which rules are over.
    """

    def __init__(
        self,
        book: Address,
        connections: Address,
        scheduler: Address,
        quotes: Address,
        usage: Address,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._book = book
        self._connections = connections
        self._scheduler = scheduler
        self._quotes = quotes
        self._usage = usage
        self._clock = clock
        self._losses_told: frozenset[tuple[UUID, datetime]] = frozenset()
        self._points: dict[UUID, ValuationPoint] = {}
        self._versions: dict[UUID, int] = {}
        self._noticed_at = float("-inf")
        self._is_ahead = True  # of the disk, with prices; a former store may have been

    def on_stop(self) -> None:
        self._flush()
        database.proxy.close()

    def on_receive(self, message: Message) -> Any:
        if type(message) in ANSWERS:
            answered = answer(message)
            self._tell_on(message, answered)
            return answered
        try:
            self._write(message)
        except errors.UNREACHABLE as error:  # it may come back: what was told meanwhile is lost, and told again
            logger.error("store: %s failed: %s", type(message).__name__, error)
        return None

    def _tell_on(self, message: Message, answer: Any) -> None:
        """Publish what is now committed."""
        match message:
            case stored.PutHolding():
                self._book.tell(PositionsChanged((holdings_of(answer.positions),)))
            case stored.ImportHoldings(dry_run=False):
                self._book.tell(PositionsChanged((holdings_of(answer.positions),)))
            case stored.DeleteHolding(portfolio_id=portfolio_id) | stored.UpdatePortfolio(portfolio_id=portfolio_id):
                self._send_positions((portfolio_id,), self._book)
            case stored.CreatePortfolio():
                self._send_positions((answer.id,), self._book)
            case stored.DeletePortfolio(portfolio_id=portfolio_id):
                self._connections.tell(AccessRevoked(portfolio_ids=frozenset({portfolio_id})))
                self._book.tell(PortfolioRemoved(portfolio_id))
            case (
                stored.CreatePollInterval()
                | stored.ExpirePollInterval()
                | stored.CreateOverride()
                | stored.RemoveOverride()
            ):
                rules = self._rules()
                for obeying in (self._scheduler, self._quotes):
                    obeying.tell(rules)
            case stored.ConfigureProvider():
                providers = _providers()
                for obeying in (self._scheduler, self._usage):
                    obeying.tell(providers)
            case stored.RevokeToken(token_id=credential_id) | stored.DeleteLink(link_id=credential_id):
                self._connections.tell(AccessRevoked(credential_ids=frozenset({credential_id})))
            case _:
                pass  # nobody else keeps a copy of it

    def _write(self, message: Message) -> None:
        match message:
            case RecordQuotes():
                self._record_quotes(message)
            case RecordValuations(points):
                self._points |= {point.portfolio_id: point for point in points}
            case Tick(now, monotonic):
                self._flush(max(POINTS_A_TICK, len(self._points) // POINTS_TICKS))
                if monotonic - self._noticed_at >= NOTICE_EVERY:
                    self._noticed_at = monotonic
                    self._notice(now)
                self._catch_up()
            case RecordCall(call, reply_to):
                queries.record_call(call)
                reply_to.tell(CallRecorded(call.id))
            case RecordCalls(calls, reply_to):
                queries.record_calls(calls)
                reply_to.tell(CallsRecorded(tuple(call.id for call in calls)))
            case RecordPlans(month, costs):
                queries.record_plans(month, costs)
            case FinishCall(call_id, outcome, latency_ms):
                queries.finish_call(call_id, outcome, latency_ms)
            case SendCalls(since, reply_to, providers):
                reply_to.tell(CallsLoaded(queries.calls_since(since, providers), since))
            case RecordProviderState(name, status, reason, next_try):
                queries.save_provider_state(name, status, reason, next_try)
            case SaveSchedule(rows):
                queries.save_schedule(rows)
            case SendSchedule(reply_to):
                reply_to.tell(ScheduleLoaded(tuple(queries.load_schedule()), tuple(queries.load_provider_states())))
            case RecordConnections(opened, closed):
                queries.open_connections(opened)
                queries.close_connections(closed)
            case SendRevoked(since, reply_to):
                self._send_revoked(since, reply_to)
            case SendRules(reply_to):
                reply_to.tell(self._rules())
            case SendProviders(reply_to):
                reply_to.tell(_providers())
            case SendBook(reply_to):
                reply_to.tell(BookLoaded(queries.load_book()))
            case SendPositions(portfolio_ids, reply_to):
                self._send_positions(portfolio_ids, reply_to)
            case SendLastPrices(reply_to):
                reply_to.tell(LastPricesLoaded(queries.load_last_prices()))
            case Prune(now):
                queries.prune(now, now - KEEP_HISTORY)
            case _:
                raise TypeError(f"not a message for the store: {message!r}")

    def _record_quotes(self, message: RecordQuotes) -> None:
        is_kept = False
        try:
            queries.record_prices(message.rows, message.hidden, message.restated, self._clock())
            is_kept = self._is_ahead = True
        except errors.UNREACHABLE as error:
            logger.error("store: %d prices wait for the database: %s", len(message.rows), error)
        if message.reply_to is not None:
            message.reply_to.tell(QuotesRecorded(message.batch, is_kept))

    def _catch_up(self) -> None:
        """Let a power failure take back the prices of one second at the most."""
        if self._is_ahead:
            database.catch_up()
            self._is_ahead = False

    def _send_positions(self, portfolio_ids: tuple[UUID, ...], reply_to: Address) -> None:
        try:
            found = queries.load_positions(portfolio_ids)
        except errors.UNREACHABLE as error:
            logger.error("store: the positions of %d portfolios cannot be read: %s", len(portfolio_ids), error)
            reply_to.tell(PositionsUnavailable(portfolio_ids))
            return
        reply_to.tell(PositionsChanged(tuple(holdings_of(positions) for positions in found)))
        for portfolio_id in set(portfolio_ids) - {positions.portfolio_id for positions in found}:
            reply_to.tell(PortfolioRemoved(portfolio_id))

    def _notice(self, now: datetime) -> None:
        """Tell the book what changed lately, each version once; what it knows already it ignores."""
        versions = queries.versions_since(now - NOTICE_OVERLAP)
        changed = tuple(key for key, version in versions.items() if self._versions.get(key) != version)
        self._versions = versions
        if changed:
            self._send_positions(changed, self._book)

    def _send_revoked(self, since: datetime, reply_to: Address) -> None:
        """Tell what ended; a user's loss of rights once, for the streams opened after it have the rights of then."""
        revoked = queries.revoked_since(since)
        users = frozenset(user_id for user_id, _ in revoked.losses - self._losses_told)
        self._losses_told = revoked.losses
        if revoked.credential_ids or users:
            reply_to.tell(AccessRevoked(revoked.credential_ids, users))

    def _rules(self) -> RulesChanged:
        orders = queries.load_orders(self._clock())
        return RulesChanged(tuple(map(override_of, orders.overrides)), tuple(map(setting_of, orders.intervals)))

    def _flush(self, most: int | None = None) -> None:
        """Write the points that wait, or *most* of them: those who ask shall not wait for ten thousand."""
        chosen = list(islice(self._points, most))
        if chosen:
            queries.record_valuations([self._points.pop(portfolio_id) for portfolio_id in chosen])


def override_of(row: AdministrativeOverride) -> Override:
    """Return a stored override as the domain knows it."""
    target = row.target_id or row.provider_id or row.symbol
    return Override(
        OverrideType(row.override_type),
        Scope(row.scope),
        None if target is None else str(target),
        row.reason,
        row.effective_time,
        row.expires_at,
        row.removed_at,
        None if row.override_value is None else timedelta(minutes=row.override_value),
        row.override_price,
    )


def setting_of(row: IntervalSpan) -> IntervalSetting:
    """Return a stored poll interval as the domain knows it; what ends it, ends it as if somebody had."""
    return IntervalSetting(
        Scope(row.config_type),
        None if row.target_id is None else str(row.target_id),
        timedelta(minutes=row.interval_minutes),
        row.reason,
        row.created_at,
        row.begins_at,
        expired_at=row.ends_at,
    )


def _providers() -> ProvidersConfigured:
    return ProvidersConfigured(
        tuple(
            ProviderConfigured(
                row.name,
                row.enabled,
                row.priority,
                row.calls_per_second,
                row.calls_per_minute,
                row.calls_per_day,
                row.reset_timezone,
                None if row.exchanges is None else frozenset(row.exchanges),
                row.cost_per_call,
                row.monthly_cost,
            )
            for row in queries.load_provider_states()
        )
    )


def holdings_of(positions: Positions) -> Holdings:
    """Return stored positions as the domain knows them; ten thousand of a symbol share its name."""
    return Holdings(
        positions.portfolio_id,
        positions.user_id,
        positions.base_currency,
        positions.version,
        tuple(
            Position(intern(holding.symbol), holding.quantity, holding.average_cost, intern(holding.currency))
            for holding in positions.holdings
        ),
    )
