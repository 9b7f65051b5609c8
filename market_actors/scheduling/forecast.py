"""Which calls come next, as things stand: for whoever wants to know, nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from math import inf

from market_actors.messages import PlannedCall, Tick
from market_actors.scheduling.lanes import Lane
from market_actors.scheduling.routes import Routes
from market_actors.scheduling.timetable import HALF_A_TICK, Row


def planned_calls(
    rows: Iterable[Row], routes: Routes, reason: Callable[[Row], str], tick: Tick
) -> tuple[PlannedCall, ...]:
    """Return a call for every row that will be polled, packed as the providers allow; the earliest first.

    reason: why a row is polled when it is.
    """
    chances = ((row, *routes.next_chance(row, tick)) for row in rows if not row.is_barred)
    found = [(max(row.due, chance, tick.monotonic), row, lane) for row, chance, lane in chances if lane is not None]
    found = [(at, row, lane) for at, row, lane in found if at < inf]
    calls: list[tuple[float, Lane, list[Row]]] = []
    filling: dict[tuple[Lane, str], int] = {}
    for at, row, lane in sorted(found, key=lambda each: (each[0], each[1].symbol)):
        place = filling.get((lane, row.kind))
        if place is not None and at - calls[place][0] <= HALF_A_TICK and len(calls[place][2]) < lane.source.batch_size:
            calls[place][2].append(row)
        else:
            filling[lane, row.kind] = len(calls)
            calls.append((at, lane, [row]))
    return tuple(
        PlannedCall(
            tuple(row.symbol for row in packed),
            lane.name,
            tick.now + timedelta(seconds=at - tick.monotonic),
            reason(packed[0]),
            "probe" if lane.is_on_trial(tick.now) and not packed[0].manual else packed[0].kind,
        )
        for at, lane, packed in calls
    )
