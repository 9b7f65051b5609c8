"""The calls under way: reserved first, then made, then over, or given up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from market_actors.domain.exchanges import exchange_of
from market_actors.domain.polling import Holder
from market_actors.messages import Address, Poll, Reserve, Search, Tick
from market_actors.scheduling.lanes import Call, Lane
from market_actors.scheduling.routes import Routes
from market_actors.scheduling.timetable import Row, Timetable

RESERVING = 10.0  # seconds after which a reservation that is not answered is given up
GRACE = 10.0  # seconds beyond its time-out after which a call that is not answered has failed


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that is over, and whose it was."""

    lane: Lane
    call: Call


class Calls:
    """At most one a provider, and none for a symbol that another call asks for.

    call_timeout: seconds that a provider's call may take.
    reply_to:     whom reservations and answers are told.
    holders:      who wants a symbol.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        routes: Routes,
        table: Timetable,
        usage: Address,
        call_timeout: float,
        reply_to: Address,
        holders: Callable[[str], Iterable[Holder]],
    ) -> None:
        self._lanes = lanes
        self._routes = routes
        self._table = table
        self._usage = usage
        self._call_timeout = call_timeout
        self._reply_to = reply_to
        self._holders = holders

    def poll(self, lane: Lane, rows: Sequence[Row], tick: Tick) -> None:
        """Reserve a call for these rows."""
        first = rows[0]
        kind = "probe" if lane.is_on_trial(tick.now) and not first.manual else first.kind
        symbols = tuple(row.symbol for row in rows)
        self._table.polling.update(symbols)
        self._reserve(lane, Call(uuid4(), kind, symbols, tick), first.user_id)

    def look_up(self, lane: Lane, text: str, tick: Tick, user_id: UUID | None) -> None:
        """Reserve a call that looks a text up."""
        self._reserve(lane, Call(uuid4(), "manual", (), tick, text), user_id)

    def make(self, call_id: UUID, tick: Tick) -> None:
        """Its quota is granted: hand the call to the fetcher."""
        lane = self._lane_of(call_id)
        if lane is None:
            return
        call = lane.make_call(tick)
        if call.look_up is not None:
            lane.source.fetcher.tell(Search(call.id, call.look_up, call.id, self._reply_to))
            return
        fallbacks = frozenset(symbol for symbol in call.symbols if self._routes.is_fallback(lane, exchange_of(symbol)))
        poll = Poll(call.id, lane.name, call.symbols, fallbacks, call.kind, call.id, self._reply_to)
        lane.source.fetcher.tell(poll)

    def end(self, call_id: UUID) -> Ended | None:
        """It is over; None when it had been given up before."""
        lane = self._lane_of(call_id)
        return self._end(lane) if lane is not None else None

    def end_unanswered(self, tick: Tick) -> list[Ended]:
        """Give up those that wait too long, for their reservation or for the provider."""
        return [self._end(lane) for lane in self._lanes if lane.call is not None and self._is_overdue(lane.call, tick)]

    def end_unmade(self, is_barred: Callable[[Lane, Call], bool]) -> list[Ended]:
        """Take back the barred ones that are not made yet; of those that are, nobody wants the answer any more."""
        barred = [lane for lane in self._lanes if lane.call is not None and is_barred(lane, lane.call)]
        for lane in barred:
            assert lane.call is not None
            lane.call.is_void = lane.call.is_made
        return [self._end(lane) for lane in barred if lane.call is not None and not lane.call.is_made]

    def _is_overdue(self, call: Call, tick: Tick) -> bool:
        patience = self._call_timeout + GRACE if call.is_made else RESERVING
        return tick.monotonic - call.began.monotonic > patience

    def _reserve(self, lane: Lane, call: Call, user_id: UUID | None) -> None:
        lane.call = call
        holders = tuple(tuple(self._holders(symbol)) for symbol in call.symbols)
        self._usage.tell(Reserve(call.id, lane.name, call.kind, call.symbols, user_id, self._reply_to, holders))

    def _lane_of(self, call_id: UUID) -> Lane | None:
        return next((lane for lane in self._lanes if lane.call is not None and lane.call.id == call_id), None)

    def _end(self, lane: Lane) -> Ended:
        call = lane.call
        assert call is not None
        lane.call = None
        self._table.polling.difference_update(call.symbols)
        return Ended(lane, call)
