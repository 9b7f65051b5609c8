"""Which polls of the time ahead the daily quotas allow, at which provider, and when a quota is spent."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from market_actors.domain.runs import Run


@dataclass(frozen=True, slots=True)
class Demand:
    """Polls that *symbols* of a group want; sources: the providers that may be asked, in their order."""

    group: int
    run: Run
    symbols: int
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """What a provider allows. Calls are None where it has no limit.

    batch_size: symbols in one call.
    left:       calls until the first of *resets*, when there are *per_day* again.
    """

    batch_size: int
    left: int | None = None
    per_day: int | None = None
    resets: tuple[datetime, ...] = ()


@dataclass(slots=True)
class Spending:
    """Polls that are made; calls by provider; when the first quota is spent that is."""

    made: list[Demand] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    exhausted_at: datetime | None = None


def calls_wanted(demands: Iterable[Demand], budgets: Mapping[str, Budget]) -> int:
    """Return how many calls the first provider of each demand would get, were there no quotas."""
    return sum(
        _calls(packed, max(run.last for run in packed)) for packed in _packed(_by_source(demands), budgets).values()
    )


def spend(demands: Sequence[Demand], budgets: Mapping[str, Budget], start: datetime) -> Spending:
    """Give each poll to the first of its providers that has calls left when it comes; without any it is not made.

    Symbols that are polled at the same times share calls. Where the last calls of a quota do not suffice for all that
    is polled at that moment, the rest goes to the next provider.
    """
    spending = Spending()
    left = {name: budget.left for name, budget in budgets.items() if budget.left is not None}
    pending, begins = list(demands), start
    for reset, name in sorted((reset, name) for name, budget in budgets.items() for reset in budget.resets):
        before, pending = _split(pending, reset)
        _spend_until_reset(before, budgets, left, spending, begins)
        begins = reset
        left.pop(name, None)
        if (per_day := budgets[name].per_day) is not None:
            left[name] = per_day
    _spend_until_reset(pending, budgets, left, spending, begins)
    return spending


def _spend_until_reset(
    demands: list[Demand], budgets: Mapping[str, Budget], left: dict[str, int], spending: Spending, begins: datetime
) -> None:
    wanted = _packed(_by_source(demands), budgets)
    spent = [_moment_of(left[name], wanted[name]) if left[name] > 0 else begins for name in wanted.keys() & left.keys()]
    for moment in spent:
        if moment is not None:
            spending.exhausted_at = min(spending.exhausted_at or moment, moment)
    while demands:
        packed = _packed(_by_source(demands), budgets)
        refusals = {
            name: _moment_of(left[name] + 1, packed[name]) for name in budgets if name in packed and name in left
        }
        refused = min(
            ((moment, name) for name, moment in refusals.items() if moment is not None),
            key=lambda each: each[0],  # of equal ones the first provider: what it refuses, the next may have to refuse
            default=None,
        )
        allowed, demands = _split(demands, refused[0]) if refused else (demands, [])
        spending.made += (demand for demand in allowed if demand.sources)
        for name, runs in _packed(_by_source(allowed), budgets).items():
            _charge(name, _calls(runs, max(run.last for run in runs)), left, spending)
        if refused:
            demands = _spend_last(demands, *refused, budgets, left, spending)


def _spend_last(
    demands: list[Demand],
    moment: datetime,
    name: str,
    budgets: Mapping[str, Budget],
    left: dict[str, int],
    spending: Spending,
) -> list[Demand]:
    """Spend what is left of a quota at the moment when it does not suffice; return what others are asked for."""
    room = left[name] * budgets[name].batch_size
    _charge(name, left[name], left, spending)
    rest = []
    for demand in demands:
        others = replace(demand, sources=tuple(source for source in demand.sources if source != name))
        at, later = demand.run.split(moment + timedelta.resolution)
        if demand.sources[:1] == (name,) and at is not None and room > 0:
            served = min(demand.symbols, room)
            room -= served
            spending.made.append(replace(demand, run=at, symbols=served))
            rest += [replace(others, run=at, symbols=demand.symbols - served)] if served < demand.symbols else []
            rest += [replace(others, run=later)] if later is not None else []
        else:
            rest.append(others)
    return rest


def _charge(name: str, calls: int, left: dict[str, int], spending: Spending) -> None:
    spending.calls[name] += calls
    if name in left:
        left[name] -= calls


def _by_source(demands: Iterable[Demand]) -> dict[str, list[Demand]]:
    found: dict[str, list[Demand]] = {}
    for demand in demands:
        if demand.sources:
            found.setdefault(demand.sources[0], []).append(demand)
    return found


def _packed(by_source: Mapping[str, Iterable[Demand]], budgets: Mapping[str, Budget]) -> dict[str, dict[Run, int]]:
    """Return the calls of each poll of a run, by provider and run."""
    found: dict[str, dict[Run, int]] = {}
    for name, demands in by_source.items():
        symbols: Counter[Run] = Counter()
        for demand in demands:
            symbols[demand.run] += demand.symbols
        found[name] = {run: -(-count // budgets[name].batch_size) for run, count in symbols.items()}
    return found


def _calls(packed: Mapping[Run, int], moment: datetime) -> int:
    return sum(run.until(moment) * calls for run, calls in packed.items())


def _moment_of(number: int, packed: Mapping[Run, int]) -> datetime | None:
    """Return when so many calls have been made; None when that is more than there are."""
    first, last = min(run.first for run in packed), max(run.last for run in packed)
    if _calls(packed, last) < number:
        return None
    unit = timedelta.resolution
    steps = [((run.first - first) // unit, run.interval // unit, run.polls, calls) for run, calls in packed.items()]

    def made(tick: int) -> int:
        return sum(calls * min((tick - at) // step + 1, polls) for at, step, polls, calls in steps if at <= tick)

    return first + bisect_left(range((last - first) // unit), number, key=made) * unit


def _split(demands: Iterable[Demand], moment: datetime) -> tuple[list[Demand], list[Demand]]:
    """Return the polls before *moment*, and those from then on."""
    before: list[Demand] = []
    after: list[Demand] = []
    for demand in demands:
        early, later = demand.run.split(moment)
        if early is None or later is None:
            (before if later is None else after).append(demand)
        else:
            before.append(replace(demand, run=early))
            after.append(replace(demand, run=later))
    return before, after
