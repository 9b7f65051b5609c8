"""Scheduler: when what is polled, at which provider, and what follows when that fails."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil, inf
from uuid import UUID, uuid4

from market_actors.actor import MarketActor, Reply
from market_actors.domain.breaker import Breaker
from market_actors.domain.exchanges import exchange_of
from market_actors.domain.outlook import Preview
from market_actors.domain.overrides import Override
from market_actors.domain.polling import Effective
from market_actors.errors import SYMBOL_KINDS, ErrorKind, ProviderError, Unavailable, UnknownSymbol, seconds_until
from market_actors.messages import (
    Address,
    DemandChanged,
    FetchNow,
    GetEffective,
    GetSchedule,
    GetUpdates,
    HoldersChanged,
    LookUp,
    Message,
    PlannedCall,
    PollFinished,
    PreviewOrder,
    ProviderConfigured,
    ProvidersConfigured,
    Prune,
    QuotaChanged,
    QuotaDenied,
    QuotaGranted,
    Refresh,
    Refreshed,
    RulesChanged,
    SaveSchedule,
    ScheduleLoaded,
    SearchFinished,
    SendProviders,
    SendRules,
    SendSchedule,
    StakesChanged,
    Tick,
    Updates,
    WatchQuota,
)
from market_actors.scheduling.board import Board
from market_actors.scheduling.calls import Calls, Ended
from market_actors.scheduling.desk import Desk
from market_actors.scheduling.forecast import planned_calls
from market_actors.scheduling.jobs import Jobs
from market_actors.scheduling.lanes import Call, Lane, Source
from market_actors.scheduling.lookups import LookUps
from market_actors.scheduling.orders import Orders
from market_actors.scheduling.pacing import Pace, Phases, Planner, saved
from market_actors.scheduling.preview import preview
from market_actors.scheduling.routes import Routes
from market_actors.scheduling.spender import Spender
from market_actors.scheduling.tally import Tally
from market_actors.scheduling.timetable import Row, Timetable
from persistence.records import ScheduledPoll

__all__ = ["Pace", "Scheduler", "Source"]

logger = logging.getLogger(__name__)

RETELL = 5.0  # seconds after which neighbours that may have been restarted are told again
VISIT = 3600.0  # seconds that a symbol somebody asked for stays tracked
VISITS = 2000  # such symbols at once
STOPPED = 60.0  # seconds after which who was refused may ask again, where a stop has no end
SOON = 5.0  # seconds; who waits for a price is told to come back when its quota opens later than that


Answer = Reply | Refreshed | Updates | Effective | Preview | tuple[PlannedCall, ...] | bool


class Scheduler(MarketActor):
    """Polls what is held or watched, as administrators order. *sources* stand in the order in which they are tried.

    tick: now.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        breaker: Breaker,
        usage: Address,
        store: Address,
        connections: Address,
        phases: Phases,
        pace: Pace,
        tick: Tick,
    ) -> None:
        super().__init__()
        self._usage = usage
        self._store = store
        self._cooldown = pace.cooldown
        self._tick = tick
        self._lanes = [Lane(source, breaker, place) for place, source in enumerate(sources, 1)]
        self._routes = Routes(self._lanes)
        self._table = Timetable()
        self._orders = Orders(tick.now)
        self._planner = Planner(phases, pace, self._orders)
        self._phases, self._intervals = phases, pace.intervals
        self._spender = Spender(self._table, self._routes, self._planner, self._orders, phases, tick.now)
        self._calls = Calls(
            self._lanes, self._routes, self._table, usage, pace.call_timeout, self.address, self._orders.holders
        )
        self._desk = Desk(pace.cooldown)
        self._look_ups = LookUps()
        self._board = Board(connections, store)
        self._jobs = Jobs(((timedelta(minutes=1), self._save), (timedelta(hours=1), self._prune)), tick)
        self._saved: dict[str, ScheduledPoll] = {}
        self._loaded: ScheduleLoaded | None = None
        self._is_configured = self._is_resumed = False
        self._last_update: datetime | None = None
        self._tally = Tally()
        self._told_at = tick.monotonic

    def on_start(self) -> None:
        self._introduce()

    def on_stop(self) -> None:
        self._save(self._tick.now)

    def on_receive(self, message: Message) -> Answer | None:
        match message:
            case Refresh(user_id, symbols):
                return self._refresh(user_id, symbols)
            case FetchNow(user_id, symbol):
                return self._fetch_now(user_id, symbol)
            case GetEffective(symbol, portfolio_id):
                return self._effective(symbol, portfolio_id)
            case PreviewOrder():
                return self._preview(message)
            case GetSchedule():
                return self._planned()
            case LookUp(text, user_id):
                self._check_not_halted()
                reply = self._look_ups.begin(text, self._tick.monotonic, user_id)
                self._dispatch()
                return reply
            case GetUpdates():
                return self._updates()
            case _:
                self._hear(message)
                self._dispatch()
                self._board.show(self._updates())
        return None

    def _hear(self, message: Message) -> None:
        match message:
            case Tick():
                self._pass_time(message)
            case DemandChanged(source, symbols):
                self._begin(self._table.demand(source, symbols))
            case QuotaGranted(call_id):
                self._calls.make(call_id, self._tick)
            case QuotaDenied(call_id, window, until):
                self._denied(self._calls.end(call_id), window, until)
            case QuotaChanged(requests_today, remaining):
                for lane in self._lanes:
                    lane.counted(requests_today.get(lane.name, 0), remaining.get(lane.name))
            case PollFinished():
                self._poll_finished(message)
            case SearchFinished():
                self._search_finished(message)
            case ScheduleLoaded():
                self._loaded = message
                self._resume()
            case RulesChanged(overrides, settings):
                if self._orders.change(overrides, settings, self._tick.now):
                    self._obey()
                self._resume()
            case StakesChanged(stakes):
                self._spender.weigh(stakes)
            case ProvidersConfigured(rows):
                self._configure(rows)
                self._resume()
            case HoldersChanged(source, holders, portfolios):
                self._obey_for(self._orders.want(source, holders, portfolios))
            case _:
                raise TypeError(f"not a message for the scheduler: {message!r}")

    # -- What is wanted ----------------------------------------------------------------------

    def _begin(self, symbols: Iterable[str]) -> None:
        """Give rows to symbols that are new in demand: due now, or when the schedule of the last run says."""
        for symbol in symbols if self._is_resumed else ():
            row = Row(symbol, exchange_of(symbol), due=self._tick.monotonic)
            known = self._saved.pop(symbol, None)
            if known is not None and any(lane.name == known.provider for lane in self._lanes):
                self._planner.restore(row, known, self._tick)
            self._planner.obey(row, self._tick)
            self._table.put(row)

    def _resume(self) -> None:
        """Begin where the last run ended: what has been polled is not due, and who is parked stays so.

        Before the orders of administrators are known nothing may go out.
        """
        if self._is_resumed or self._loaded is None or not (self._orders.is_known and self._is_configured):
            return
        self._is_resumed = True
        self._saved = {row.symbol: row for row in self._loaded.rows}
        states = {state.name: state for state in self._loaded.providers}
        for lane in self._lanes:
            if lane.name in states:
                lane.restore(states[lane.name], self._tick.now)
        self._begin(self._table.symbols)

    def _fetch_now(self, user_id: UUID | None, symbol: str) -> Reply | bool:
        row = self._table.get(symbol)
        if row is not None and row.provider is not None:
            return True
        self._check_resumed()
        self._permitted((symbol,), user_id)
        lane = self._routes.reach(symbol, self._tick)
        wait = lane.waits_for(self._tick.now)
        if wait > SOON or self._table.visits >= VISITS:
            raise Unavailable(f"no price of {symbol} can be fetched at once", max(wait, SOON))
        reply = self._desk.wait_for(symbol)
        self._want((symbol,), user_id)
        return reply

    def _refresh(self, user_id: UUID, symbols: tuple[str, ...]) -> Refreshed:
        tick = self._tick
        self._check_resumed()
        permitted = self._permitted(symbols, user_id)
        self._desk.check_cooldown(user_id, tick.monotonic)
        idle = [symbol for symbol in permitted if symbol not in self._table.polling]
        reached = self._routes.reach_all(idle, tick)
        self._desk.refreshed(user_id, tick.monotonic)
        calls = sum(ceil(len(asked) / lane.source.batch_size) for lane, asked in reached.items())
        self._want([symbol for asked in reached.values() for symbol in asked], user_id)
        return Refreshed(uuid4(), symbols, calls, ceil(self._cooldown))

    def _want(self, symbols: Sequence[str], user_id: UUID | None) -> None:
        """A person waits for these: they are polled before all others."""
        new = [symbol for symbol in symbols if symbol not in self._table.symbols]
        self._begin(self._table.visit(new, self._tick.monotonic + VISIT))
        for symbol in symbols:
            row = self._table.get(symbol)
            if row is not None:
                row.manual, row.user_id, row.due = True, user_id, self._tick.monotonic
        self._dispatch()

    def _check_resumed(self) -> None:
        if not self._is_resumed:
            raise Unavailable("the updates are being started", retry_after=1)

    # -- Orders of administrators ------------------------------------------------------------

    def _obey(self) -> None:
        """Other rules are in force: stop what they forbid, and let the time since the last poll decide the rest."""
        self._spender.hurry(self._tick.now)
        for lane in self._lanes:
            lane.barred_by = self._orders.on_provider(lane.name)
        for ended in self._calls.end_unmade(self._is_forbidden):
            if ended.call.look_up is not None:
                self._look_ups.failed_at(ended.call.look_up, ended.lane.name)
        halt = self._orders.halt
        if halt is not None:
            self._look_ups.give_up_all(self._refusal(halt))
        self._obey_for(row.symbol for row in self._table)

    def _obey_for(self, symbols: Iterable[str]) -> None:
        tick = self._tick
        for symbol in symbols:
            row = self._table.get(symbol)
            if row is None:
                continue
            self._planner.obey(row, tick)
            if row.is_barred:
                self._desk.fail(symbol, self._refusal_of(row))
                row.close_round()
            elif row.planned_from is not None or self._routes.next_chance(row, tick)[0] == inf:
                row.due = max(row.due, self._routes.next_chance(row, tick)[0])
            else:
                row.due = min(row.due, tick.monotonic)

    def _is_forbidden(self, lane: Lane, call: Call) -> bool:
        if lane.is_disabled or self._orders.halt is not None:
            return True
        now = self._tick.now
        intervals = (self._planner.interval(symbol, exchange_of(symbol), now) for symbol in call.symbols)
        return any(interval.interval_seconds is None for interval in intervals)

    def _configure(self, rows: Iterable[ProviderConfigured]) -> None:
        """Go by what administrators set of the providers; who is switched off makes no call that is only reserved."""
        self._is_configured = True
        by_name = {row.name: row for row in rows}
        for lane in self._lanes:
            lane.configure(by_name.get(lane.name))
        self._lanes.sort(key=lambda lane: lane.place)
        self._obey()

    def _permitted(self, symbols: Iterable[str], user_id: UUID | None) -> list[str]:
        """Return those that may be fetched for a person. Raises Unavailable when that is none of them."""
        self._check_not_halted()
        on_user = self._orders.on_user(user_id)
        if on_user is not None:
            raise self._refusal(on_user)
        symbols, now = tuple(symbols), self._tick.now
        intervals = {symbol: self._planner.interval(symbol, exchange_of(symbol), now) for symbol in symbols}
        permitted = [symbol for symbol in symbols if intervals[symbol].interval_seconds is not None]
        if symbols and not permitted:
            raise Unavailable(f"updates are stopped: {_why(intervals[symbols[0]])}", STOPPED)
        return permitted

    def _check_not_halted(self) -> None:
        halt = self._orders.halt
        if halt is not None:
            raise self._refusal(halt)

    def _refusal(self, override: Override) -> Unavailable:
        ends, now = override.expires_at, self._tick.now
        wait = max(seconds_until(ends, now), 1.0) if ends is not None else STOPPED
        return Unavailable(f"updates are stopped: {override.reason}", wait)

    def _refusal_of(self, row: Row) -> Unavailable:
        halt = self._orders.halt
        if halt is not None:
            return self._refusal(halt)
        interval = self._planner.interval(row.symbol, row.exchange, self._tick.now)
        return Unavailable(f"updates are stopped: {_why(interval)}", STOPPED)

    def _effective(self, symbol: str | None, portfolio_id: UUID | None) -> Effective:
        now = self._tick.now
        if portfolio_id is not None:
            return self._planner.of_portfolio(portfolio_id, now)
        if symbol is None or symbol not in self._table.symbols:
            raise UnknownSymbol(f"nobody tracks {symbol}")
        return self._planner.explained(symbol, exchange_of(symbol), now)

    def _preview(self, message: PreviewOrder) -> Preview:
        self._check_resumed()
        return preview(
            message.order,
            message.tariffs,
            self._table.symbols,
            self._orders,
            self._lanes,
            self._phases,
            self._intervals,
            self._tick.now,
        )

    def _planned(self) -> tuple[PlannedCall, ...]:
        """Return the next calls: of providers whose quota suffices a call for every row, of others what it allows."""
        if self._orders.halt is not None:
            return ()
        tick = self._tick
        found = {lane.name: self._spender.planned(lane, tick) for lane in self._lanes if not lane.is_disabled}
        rows = [row for row in self._table if row.symbol not in self._table.polling]
        sufficing = [
            call for call in planned_calls(rows, self._routes, self._reason, tick) if found.get(call.provider) is None
        ]
        calls = [*sufficing, *(call for calls in found.values() for call in calls or ())]
        return tuple(sorted(calls, key=lambda call: call.at))

    def _reason(self, row: Row) -> str:
        """Why a row is polled when it is."""
        if row.manual:
            return "somebody asked for it"
        if row.failures > 0:
            return f"tried again after {row.failures} failures"
        if row.last_poll_at is None:
            return "it has not been polled yet"
        interval = self._planner.interval(row.symbol, row.exchange, self._tick.now)
        rule = next((rule.rule for rule in interval.rules if rule.applies), interval.source)
        return f"every {row.interval.total_seconds():g} s: {rule}: {_why(interval)}"

    # -- Calls -------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Give every idle provider its next call: look-ups first, then what is due."""
        tick = self._tick
        if self._orders.halt is not None or not self._is_resumed:
            return
        self._dispatch_look_ups()
        if not any(lane.is_idle(tick.now) for lane in self._lanes):
            return
        batches: dict[Lane, list[Row]] = {}
        for row in self._table.due(tick.monotonic):
            lane = self._routes.choose(row, tick)
            if lane is None:
                self._end_round(row)
            elif lane.is_idle(tick.now):
                batches.setdefault(lane, []).append(row)
        for lane, due in batches.items():
            rows = self._spender.choose(lane, due, tick)
            if rows:
                self._calls.poll(lane, rows, tick)

    def _dispatch_look_ups(self) -> None:
        now = self._tick.now
        for look_up in self._look_ups.waiting():
            lanes = (lane for lane in self._lanes if lane.name not in look_up.tried and lane.is_open("manual", now))
            lane = next(lanes, None)
            if lane is None:
                self._look_ups.give_up(look_up.text, Unavailable("no provider can look it up at present"))
            elif lane.is_idle(now):
                look_up.is_asked = True
                self._calls.look_up(lane, look_up.text, self._tick, look_up.user_id)

    def _denied(self, ended: Ended | None, window: str, until: datetime) -> None:
        if ended is None:
            return
        lane, call = ended.lane, ended.call
        lane.deny(call.kind, window, until)
        if call.look_up is not None:
            self._look_ups.failed_at(call.look_up, lane.name)
        wait = lane.waits_for(self._tick.now)
        if wait > SOON:
            for symbol in call.symbols:
                self._desk.fail(symbol, Unavailable(f"no price of {symbol} can be fetched at once", wait))

    def _poll_finished(self, message: PollFinished) -> None:
        ended = self._calls.end(message.poll.poll_id)
        if ended is None:
            return
        lane, call = ended.lane, ended.call
        if call.is_void:
            self._put_back(ended)
            return
        failure = message.failure or _failure_of_all(message)
        if failure is not None and failure.kind not in SYMBOL_KINDS:
            self._failed(ended, failure)
            return
        lane.succeeded(self._tick.now)
        if message.answered:
            self._last_update = self._tick.now
            self._tally.add(self._tick.monotonic, len(message.answered))
        for symbol in call.symbols:
            error = message.failures.get(symbol) or failure
            if symbol in message.answered:
                self._answered(ended, symbol)
            elif error is not None:
                row = self._table.get(symbol)
                had_it = row is not None and row.provider == lane.name
                self._routes.refused(lane, symbol, error, self._tick, had_it)
                self._try_next(lane, symbol)

    def _search_finished(self, message: SearchFinished) -> None:
        ended = self._calls.end(message.search_id)
        if ended is None or ended.call.is_void:
            return
        if message.failure is not None and message.failure.kind not in SYMBOL_KINDS:
            self._failed(ended, message.failure)
            return
        ended.lane.succeeded(self._tick.now)
        self._look_ups.answer(ended.call.look_up or "", message.instruments, self._tick.monotonic)

    def _put_back(self, ended: Ended) -> None:
        """Its answer was not wanted any more: what it asked for is as due as before it."""
        for symbol in ended.call.symbols:
            row = self._table.get(symbol)
            if row is not None:
                row.close_round()
                self._planner.obey(row, self._tick)

    def _failed(self, ended: Ended, error: ProviderError) -> None:
        """The whole call failed: what it asked for goes to the next provider at once."""
        lane, call = ended.lane, ended.call
        logger.warning("%s: a call for %d symbols failed: %s: %s", lane.name, len(call.symbols), error.kind, error)
        lane.failed(error, self._tick.now)
        for symbol in call.symbols:
            self._try_next(lane, symbol)
        if call.look_up is not None:
            self._look_ups.failed_at(call.look_up, lane.name)

    def _answered(self, ended: Ended, symbol: str) -> None:
        self._routes.answered(ended.lane, symbol)
        self._desk.arrived(symbol)
        row = self._table.get(symbol)
        if row is not None:
            row.provider, row.last_poll_at, row.failures = ended.lane.name, ended.call.began.now, 0
            row.close_round()
            self._planner.plan(row, ended.call.began)

    def _try_next(self, lane: Lane, symbol: str) -> None:
        row = self._table.get(symbol)
        if row is not None:
            row.tried.add(lane.name)

    def _end_round(self, row: Row) -> None:
        """No provider can be asked, or every one has failed: tell who waits, and come back later."""
        tick = self._tick
        self._desk.fail(row.symbol, self._routes.why_not(row.symbol, tick))
        if row.tried:
            row.failures += 1
            self._planner.plan(row, tick)
        row.close_round()
        row.due = max(row.due, self._routes.next_chance(row, tick)[0], tick.monotonic + 1)
        if row.provider is None and self._routes.is_unknown(row.symbol, tick):
            self._table.leave(row.symbol)

    # -- Time --------------------------------------------------------------------------------

    def _pass_time(self, tick: Tick) -> None:
        self._tick = tick
        if self._jobs.run_pending(tick):
            self._clock_jumped()
        if self._orders.pass_time(tick.now):
            self._obey()
        self._table.end_visits(tick.monotonic)
        for ended in self._calls.end_unanswered(tick):
            if ended.call.is_made:
                self._failed(ended, ProviderError(ErrorKind.NETWORK, "it does not answer"))
            elif ended.call.look_up is not None:
                self._look_ups.give_up(ended.call.look_up, Unavailable("the call could not be reserved"))
        if tick.monotonic - self._told_at >= RETELL:
            self._introduce()

    def _introduce(self) -> None:
        """Tell neighbours what they need of us, and how it goes: any of them may have been restarted."""
        self._told_at = self._tick.monotonic
        self._usage.tell(WatchQuota(self.address))
        if not self._orders.is_known:
            self._store.tell(SendRules(self.address))
        if not self._is_configured:
            self._store.tell(SendProviders(self.address))
        if self._loaded is None:
            self._store.tell(SendSchedule(self.address))
        self._board.repeat(self._updates())

    def _clock_jumped(self) -> None:
        logger.warning("the wall clock has jumped; the schedule is made anew")
        for lane in self._lanes:
            lane.clock_jumped()
        for row in self._table:
            self._planner.plan_anew(row, self._tick)

    def _save(self, _now: datetime) -> None:
        rows = tuple(saved(row, self._tick) for row in self._table if row.last_poll_at is not None and row.due < inf)
        self._store.tell(SaveSchedule(rows))

    def _prune(self, now: datetime) -> None:
        self._store.tell(Prune(now))
        self._routes.forget_old(self._tick)
        self._desk.forget_old(self._tick.monotonic)

    def _updates(self) -> Updates:
        now = self._tick.now
        halt = self._orders.halt
        due = min((row.due for row in self._table if not row.is_barred), default=inf) if halt is None else inf
        next_update = None if due == inf else now + timedelta(seconds=max(due - self._tick.monotonic, 0.0))
        return Updates(
            providers=tuple(lane.status(now) for lane in self._lanes),
            next_update=next_update,
            last_update=self._last_update,
            tracked=self._table.symbols,
            paused_reason=halt.reason if halt is not None else None,
            paused_until=halt.expires_at if halt is not None else None,
            updates_last_hour=self._tally.total(self._tick.monotonic),
            orders=self._orders.changes,
        )


def _why(interval: Effective) -> str:
    """Return the reason of the rule that applies."""
    return next((rule.reason for rule in interval.rules if rule.applies), "nobody may be updated")


def _failure_of_all(message: PollFinished) -> ProviderError | None:
    """Why nothing at all was answered; a call that says nothing of any symbol was not understood."""
    if message.answered:
        return None
    errors = list(message.failures.values())
    if not errors:
        return ProviderError(ErrorKind.MALFORMED, "an answer without any quote")
    return next((error for error in errors if error.kind not in SYMBOL_KINDS), None)
