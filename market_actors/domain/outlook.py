"""What a set of rules means for the coming day: calls, quota, age of the prices, cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from market_actors.domain.money import EXACT, ZERO
from market_actors.domain.quota import Limits
from market_actors.domain.runs import DAY, Run, Stretch, Wish, polls
from market_actors.domain.spending import Budget, Demand, calls_wanted, spend

MONTH = 30  # days


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a provider allows and costs: calls a day, None without a limit; money per call, or a month."""

    calls_per_day: int | None = None
    cost_per_call: Decimal | None = None
    monthly_cost: Decimal | None = None

    @property
    def for_polls(self) -> int | None:
        """The calls of a day that scheduled polls may use: without the reserve for people."""
        return None if self.calls_per_day is None else self.calls_per_day - Limits(per_day=self.calls_per_day).reserve


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as it stands now.

    left:   calls that scheduled polls may still use until the first of *resets*; None without a limit.
    resets: when within the coming day its quota is full again.
    """

    name: str
    batch_size: int
    tariff: Tariff
    left: int | None = None
    resets: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """So many symbols that no rule and no exchange tells apart."""

    symbols: int
    wishes: tuple[Wish, ...]
    day: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """The coming 24 hours under one set of rules.

    calls_per_day:        calls that are wanted of providers, packed in batches, whatever the quotas are.
    quota_exhausted_at:   when at that pace the first provider's quota of a day is spent, so far as scheduled polls may
                          use it, in UTC; None when each is full again before.
    expected_age_seconds: mean time since a symbol's last poll, every symbol counting the same, while its exchange is
                          open; over all hours when no exchange is. When quotas are spent, prices only grow older.
                          None when nothing is tracked.
    cost_per_month:       of 30 such days, each with its whole quota: calls made by cost per call, or the monthly plan.
    """

    calls_per_day: int
    quota_exhausted_at: datetime | None
    expected_age_seconds: float | None
    cost_per_month: Decimal


@dataclass(frozen=True, slots=True)
class Affected:
    """How many have another interval or price in force at some time."""

    users: int
    portfolios: int
    symbols: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What an order would change."""

    before: Outlook
    after: Outlook
    affected: Affected


def outlook(groups: Sequence[Group], providers: Sequence[Provider], start: datetime) -> Outlook:
    """Return what the 24 hours from *start* (aware, UTC) on will be like.

    Every symbol counts as polled at *start*, so that two sets of rules compare. No poll fails, nobody asks for more,
    and the limits of seconds and minutes are not looked at. A spent quota leaves polls to the next provider.
    """
    end = start + DAY
    demands = [
        Demand(place, run, group.symbols, sources)
        for place, group in enumerate(groups)
        for run, sources in polls(group.wishes, group.day, end)
    ]
    now = {each.name: Budget(each.batch_size, each.left, each.tariff.for_polls, each.resets) for each in providers}
    whole = {each.name: Budget(each.batch_size, each.tariff.for_polls) for each in providers}
    is_charged = any(each.tariff.cost_per_call for each in providers)
    spending = spend(demands, now, start)
    made = _by_group(spending.made)
    return Outlook(
        calls_wanted(demands, now),
        spending.exhausted_at,
        _expected_age([(group, made.get(place, [])) for place, group in enumerate(groups)], start, end),
        _cost(providers, spend(demands, whole, start).calls if is_charged else Counter()),
    )


def _cost(providers: Iterable[Provider], calls: Counter[str]) -> Decimal:
    total = ZERO
    for provider in providers:
        tariff = provider.tariff
        of_calls = EXACT.multiply(tariff.cost_per_call or ZERO, Decimal(MONTH * calls[provider.name]))
        total = EXACT.add(total, of_calls if tariff.monthly_cost is None else tariff.monthly_cost)
    return total


def _by_group(made: Iterable[Demand]) -> dict[int, list[Demand]]:
    found: dict[int, list[Demand]] = {}
    for demand in made:
        found.setdefault(demand.group, []).append(demand)
    return found


def _expected_age(groups: Sequence[tuple[Group, list[Demand]]], start: datetime, end: datetime) -> float | None:
    spans = [[(each.begins, each.ends) for each in group.day if each.phase.is_open] for group, _ in groups]
    if not any(spans):
        spans = [[(start, end)] for _ in groups]
    counted = [(group, made, open_) for (group, made), open_ in zip(groups, spans, strict=True) if open_]
    symbols = sum(group.symbols for group, _, _ in counted)
    ages = (group.symbols * _mean_age(group.symbols, made, open_, start, end) for group, made, open_ in counted)
    return sum(ages) / symbols if symbols else None


def _mean_age(
    symbols: int, made: Iterable[Demand], spans: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime
) -> float:
    """Return the mean age in seconds over *spans*. Where a poll is made for a part, any of the symbols may be in it."""
    updated: Counter[Run] = Counter()
    for demand in made:
        updated[demand.run] += demand.symbols
    pieces = [(Run(start, DAY), 1.0), *((run, updated[run] / symbols) for run in sorted(updated, key=_first))]
    area = length = mean = 0.0
    ends = [*(run.first for run, _ in pieces[1:]), end]
    teeth = []
    for (run, share), until in zip(pieces, ends, strict=True):
        mean *= 1 - share
        teeth.append((run, mean, until))
        mean += _seconds(until - run.last)
    for begins, over in spans:
        length += _seconds(over - begins)
        for run, at_first, until in teeth:
            low, high = max(begins, run.first), min(over, until)
            if low < high:
                area += _area(run, at_first, high) - _area(run, at_first, low)
    return area / length


def _area(run: Run, at_first: float, moment: datetime) -> float:
    """Return the sum of the ages over the time from the first poll of a run until *moment*, in square seconds.

    at_first: the age that a poll of only some symbols leaves; such a run is of one poll.
    """
    whole = max(run.until(moment) - 1, 0)
    interval, rest = _seconds(run.interval), _seconds(moment - run.first - whole * run.interval)
    return at_first * _seconds(moment - run.first) + (whole * interval**2 + rest**2) / 2


def _first(run: Run) -> datetime:
    return run.first


def _seconds(length: timedelta) -> float:
    return length.total_seconds()
