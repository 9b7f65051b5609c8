"""How the rows of the timetable get their times: after a poll, after a restart, after the clock has jumped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID
from zlib import crc32

from market_actors.domain.exchanges import UNKNOWN, exchange_of
from market_actors.domain.polling import Effective, Intervals, default_interval, next_poll
from market_actors.domain.sessions import MarketPhase, Session
from market_actors.messages import Tick
from market_actors.scheduling.orders import Orders
from market_actors.scheduling.timetable import Row
from persistence.records import ScheduledPoll


class Phases(Protocol):
    """Where exchanges stand in their day; see market_actors.calendars."""

    def phase(self, exchange: str, now: datetime) -> MarketPhase: ...

    def sessions(self, exchange: str, around: datetime) -> Sequence[Session]: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast things go, in seconds.

    cooldown:     between two refreshes by one person.
    spread:       over which the polls are spread that an opening or a close would bring at once.
    call_timeout: longest time a provider's call may take.
    """

    intervals: Intervals
    cooldown: float
    spread: float
    call_timeout: float


class Planner:
    """Says when a row is due, by its exchange's day and by what administrators ordered."""

    def __init__(self, phases: Phases, pace: Pace, orders: Orders) -> None:
        self._phases = phases
        self._pace = pace
        self._orders = orders
        self._at: datetime | None = None
        self._phase_of: dict[str, MarketPhase] = {}

    def plan(self, row: Row, began: Tick) -> None:
        """Set when the row is due after a poll that began then."""
        row.planned_from = began
        phase = self._phase(row.exchange, began.now)
        schedule = self._schedule(row.exchange, began.now)
        effective = self._orders.of_symbol(row.symbol, schedule)
        row.is_barred = effective.interval_seconds is None
        waits = []
        if effective.interval_seconds is not None and effective.source != "schedule":
            row.interval = timedelta(seconds=effective.interval_seconds)
            waits.append((next_poll(began.now, row.interval, None, row.failures) - began.now).total_seconds())
        else:
            row.interval = schedule
        if not waits or any(rule.rule == "schedule" for rule in effective.rules):  # an opening ends the wait of some
            wait = (next_poll(began.now, schedule, phase, row.failures) - began.now).total_seconds()
            if row.failures == 0 and wait < schedule.total_seconds():  # an opening or a close brings all at once
                wait += self._pace.spread * crc32(row.symbol.encode()) / 2**32
            waits.append(wait)
        row.due = began.monotonic + min(waits)

    def obey(self, row: Row, tick: Tick) -> None:
        """Go by the orders in force: the time since the last poll counts. What nobody may have is barred."""
        if row.planned_from is not None and not row.manual:
            self.plan(row, row.planned_from)
        else:
            row.is_barred = self.interval(row.symbol, row.exchange, tick.now).interval_seconds is None

    def interval(self, symbol: str, exchange: str, now: datetime) -> Effective:
        """Return the interval in force."""
        return self._orders.of_symbol(symbol, self._schedule(exchange, now))

    def intervals(self, row: Row, now: datetime) -> tuple[timedelta, timedelta]:
        """Return the wait between two polls while the row's exchange is open, and while it is not."""
        effective = self.interval(row.symbol, row.exchange, now)
        if effective.source == "schedule" or effective.interval_seconds is None:
            return self._pace.intervals.open, self._pace.intervals.after_hours
        return (timedelta(seconds=effective.interval_seconds),) * 2

    def explained(self, symbol: str, exchange: str, now: datetime) -> Effective:
        """Return the interval in force, with the names of those it is looked up for."""
        return self._orders.explained(symbol, self._schedule(exchange, now))

    def of_portfolio(self, portfolio_id: UUID, now: datetime) -> Effective:
        """Return the interval in force for a portfolio; the schedule's is that of its liveliest exchange."""
        exchanges = {exchange_of(symbol) for symbol in self._orders.held_by(portfolio_id)} or {UNKNOWN}
        schedule = min(self._schedule(exchange, now) for exchange in exchanges)
        return self._orders.of_portfolio(portfolio_id, schedule)

    def _schedule(self, exchange: str, now: datetime) -> timedelta:
        phase = self._phase(exchange, now)
        return default_interval(phase.status, phase.is_trading_day, self._pace.intervals)

    def plan_anew(self, row: Row, tick: Tick) -> None:
        """Go by another clock or other settings: what would be due by them is due, and nothing later than it was."""
        due, began = row.due, row.planned_from
        self.plan(row, tick)
        row.due = min(row.due, due)
        if began is not None:
            passed = tick.monotonic - began.monotonic
            row.planned_from = Tick(tick.now - timedelta(seconds=passed), began.monotonic)

    def restore(self, row: Row, saved: ScheduledPoll, tick: Tick) -> None:
        """Let the row go on where the last run ended."""
        row.provider, row.last_poll_at, row.failures = saved.provider, saved.last_poll_at, saved.failures
        row.due = tick.monotonic + (saved.next_poll_at - tick.now).total_seconds()
        if saved.last_poll_at is not None and saved.failures == 0:
            passed = max((tick.now - saved.last_poll_at).total_seconds(), 0.0)
            row.planned_from = Tick(saved.last_poll_at, tick.monotonic - passed)
        self.plan_anew(row, tick)

    def _phase(self, exchange: str, now: datetime) -> MarketPhase:
        """The symbols of a call began together: each exchange is looked up once for all of them."""
        if now != self._at:
            self._at = now
            self._phase_of.clear()
        if exchange not in self._phase_of:
            self._phase_of[exchange] = self._phases.phase(exchange, now)
        return self._phase_of[exchange]


def saved(row: Row, tick: Tick) -> ScheduledPoll:
    """Return the row as it is stored."""
    due = tick.now + timedelta(seconds=row.due - tick.monotonic)
    seconds = round(row.interval.total_seconds())
    return ScheduledPoll(row.symbol, row.provider, row.last_poll_at, due, seconds, row.failures)
