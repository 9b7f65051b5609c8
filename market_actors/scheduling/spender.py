"""What a provider is asked for next: whatever is due while its quota suffices, else what domain.budget picks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf

from market_actors.domain.budget import (
    Allowance,
    Candidate,
    Spend,
    Stake,
    has_settled,
    next_call,
    outlook,
    wished_calls,
)
from market_actors.domain.trading import Trading
from market_actors.messages import PlannedCall, Tick
from market_actors.scheduling.lanes import Lane
from market_actors.scheduling.orders import Orders
from market_actors.scheduling.pacing import Phases, Planner
from market_actors.scheduling.routes import Routes
from market_actors.scheduling.timetable import Row, Timetable

EAGER = timedelta(minutes=10)  # after a start or a change of orders
LISTED = 50  # calls of a provider that are looked ahead
NOTHING = Stake()


class Spender:
    """Shares the calls of each provider out among the symbols that it is asked for."""

    def __init__(
        self, table: Timetable, routes: Routes, planner: Planner, orders: Orders, phases: Phases, now: datetime
    ) -> None:
        self._table = table
        self._routes = routes
        self._planner = planner
        self._orders = orders
        self._phases = phases
        self._stakes: Mapping[str, Stake] = {}
        self._eager_until = now + EAGER
        self._trading: tuple[object, Trading] | None = None

    def weigh(self, stakes: Mapping[str, Stake]) -> None:
        """Go by these from now on."""
        self._stakes = stakes

    def hurry(self, now: datetime) -> None:
        """Orders have changed: let them be seen at work for a while."""
        self._eager_until = now + EAGER

    def choose(self, lane: Lane, due: Sequence[Row], tick: Tick) -> list[Row]:
        """Return what the next call asks for; none where it is worth a wait: then the rows are due later.

        due: those for this provider, those that a person waits for first.
        """
        size = lane.source.batch_size
        if due[0].manual:
            return list(due[:size])
        allowance = lane.allowance(self._eager_until, tick.now)
        if allowance is None:
            return list(due[:size])
        rows = [row for row in self._table if not row.manual and self._is_for(lane, row, tick)]
        candidates = {row.symbol: self._candidate(lane, row, tick) for row in rows}
        trading = self._trading_of(rows, tick.now)
        if wished_calls(tick.now, allowance, candidates.values(), trading) <= allowance.calls:
            return self._unsettled(due, candidates, allowance, trading, tick)[:size]
        step = next_call(tick.now, allowance, tuple(candidates.values()), trading)
        if isinstance(step, Spend):
            return [row for row in due if row.symbol in step.symbols]
        for row in rows:
            if row.last_poll_at is not None:
                _put_off(row, step.until, tick, self._routes.back_at(lane, row, tick))
        return []

    def planned(self, lane: Lane, tick: Tick) -> list[PlannedCall] | None:
        """Return the next calls of a provider whose quota does not suffice, the earliest first; None where it does."""
        allowance = lane.allowance(self._eager_until, tick.now)
        if allowance is None:
            return None
        rows = [row for row in self._table if not row.manual and self._is_for(lane, row, tick)]
        candidates = [self._candidate(lane, row, tick) for row in rows]
        trading = self._trading_of(rows, tick.now)
        if wished_calls(tick.now, allowance, candidates, trading) <= allowance.calls:
            return None
        # What was put off until the next call is due for whoever looks ahead.
        ready = [replace(each, due=min(each.due, self._interval_over(each, tick.now))) for each in candidates]
        calls = outlook(tick.now, allowance, ready, trading, LISTED)
        return [PlannedCall(spend.symbols, lane.name, at, spend.reason, "scheduled") for at, spend in calls]

    def _interval_over(self, each: Candidate, now: datetime) -> datetime:
        return now if each.last_poll is None else max(each.last_poll + each.interval, now)

    def _is_for(self, lane: Lane, row: Row, tick: Tick) -> bool:
        return not row.is_barred and self._routes.choose(row, tick) is lane

    def _candidate(self, lane: Lane, row: Row, tick: Tick) -> Candidate:
        interval, resting = self._planner.intervals(row, tick.now)
        stake = self._stakes.get(row.symbol, NOTHING)
        watching = sum(holder.portfolio_id is None for holder in self._orders.holders(row.symbol))
        return Candidate(
            row.symbol,
            row.exchange,
            replace(stake, viewers=stake.viewers + watching) if watching else stake,
            row.last_poll_at,
            tick.now + timedelta(seconds=row.due - tick.monotonic),
            interval,
            resting,
            is_moved=row.provider is not None and row.provider != lane.name,
        )

    def _trading_of(self, rows: Iterable[Row], now: datetime) -> Trading:
        exchanges = frozenset(row.exchange for row in rows)
        key = (exchanges, now.date())
        if self._trading is None or self._trading[0] != key:
            sessions = {exchange: self._phases.sessions(exchange, now) for exchange in exchanges}
            self._trading = key, Trading(sessions)
        return self._trading[1]

    def _unsettled(
        self,
        due: Sequence[Row],
        candidates: Mapping[str, Candidate],
        allowance: Allowance,
        trading: Trading,
        tick: Tick,
    ) -> list[Row]:
        """Put off what an end-of-day source cannot have another price of until its exchange has traded again."""
        if not allowance.dates_only:
            return list(due)
        ready = []
        for row in due:
            opens = trading.next_open(row.exchange, tick.now)
            if opens is not None and has_settled(tick.now, candidates[row.symbol], allowance, trading):
                _put_off(row, opens, tick)
            else:
                ready.append(row)
        return ready


def _put_off(row: Row, until: datetime, tick: Tick, latest: float = inf) -> None:
    """Let it wait, until *latest* (monotonic) at most; then all providers are tried again, the first one first."""
    row.due = max(row.due, min(tick.monotonic + (until - tick.now).total_seconds(), latest))
    row.close_round()
