"""The report of usage: what the roll-ups and the quotas say, in the sections of the interface.

The sections of a period add up to the same calls and the same cost. A report of one user or portfolio counts whole
calls, those that served it, by date, provider and type; its own part of them stands by user and by portfolio, and all
costs are those of this part.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from market_actors.accounting.charges import Charge, Period, amount, charges, cost_by_day, total
from market_actors.domain.costs import forecast, plan_units
from market_actors.domain.money import EXACT
from market_actors.messages import ProviderQuota
from persistence.records import UsageCell, UsageRows

H = TypeVar("H", bound=Hashable)

KINDS = ("scheduled", "manual", "probe")


@dataclass(frozen=True, slots=True)
class Summary:
    requests_today: int
    requests_this_month: int
    errors_today: int
    success_rate_today: float
    estimated_cost: Decimal
    forecast_cost: Decimal


@dataclass(frozen=True, slots=True)
class ProviderUsage:
    name: str
    requests_today: int
    requests_this_month: int
    errors_today: int
    last_request_at: datetime | None
    quota: ProviderQuota | None


@dataclass(frozen=True, slots=True)
class DayUsage:
    day: date
    requests: int
    errors: int
    symbols: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class PartyUsage:
    """A user's or a portfolio's part; id and name are None of nobody's, the name also of what is not known any more."""

    id: UUID | None
    name: str | None
    requests: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class KindUsage:
    kind: str
    requests: int
    errors: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class UsageReport:
    summary: Summary
    providers: tuple[ProviderUsage, ...]
    days: tuple[DayUsage, ...]
    users: tuple[PartyUsage, ...]
    portfolios: tuple[PartyUsage, ...]
    kinds: tuple[KindUsage, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: of which period, and of whom (None: everybody)."""

    period: Period
    provider: str | None
    user_id: UUID | None
    portfolio_id: UUID | None

    @property
    def is_whole(self) -> bool:
        return self.user_id is None and self.portfolio_id is None


def usage_report(
    question: Question, rows: UsageRows, month: UsageRows, quotas: Sequence[ProviderQuota], now: datetime
) -> UsageReport:
    """Return the report; may take seconds.

    rows, month: what was read of the period, and of the month of *now* (aware UTC) until today.
    quotas:      of the providers that are configured, in their order.
    """
    charged = charges(rows, question.period, question.user_id, question.portfolio_id)
    return UsageReport(
        _summary(question, month, now),
        _providers(question.provider, month, quotas, now.date()),
        _days(rows, charged, question.is_whole),
        _parties(charged, rows.names, lambda charge: charge.user_id),
        _parties(charged, rows.names, lambda charge: charge.portfolio_id),
        _kinds(rows.cells, charged),
    )


def _summary(question: Question, month: UsageRows, now: datetime) -> Summary:
    today = [cell for cell in month.cells if cell.day == now.date()]
    requests, errors = _count(today)
    by_call, by_plan = _whole_cost(month, now.date()) if question.is_whole else _own_cost(question, month, now.date())
    return Summary(
        requests,
        _count(month.cells)[0],
        errors,
        100 * (requests - errors) / requests if requests else 100.0,
        EXACT.add(by_call, by_plan),
        EXACT.add(forecast(by_call, now), _plan_forecast(question, month, by_plan, now)),
    )


def _whole_cost(month: UsageRows, today: date) -> tuple[Decimal, Decimal]:
    """Return what this month costs until today by the call, and what of its plans is due."""
    due = (amount(plan_units(plan.cost, plan.month, today)) for plan in month.plans)
    return total(EXACT.multiply(cell.price, Decimal(cell.requests)) for cell in month.cells), total(due)


def _own_cost(question: Question, month: UsageRows, today: date) -> tuple[Decimal, Decimal]:
    """Return of both what falls on the user or portfolio that is asked for."""
    period = Period(today.replace(day=1), today, today)
    charged = charges(month, period, question.user_id, question.portfolio_id)
    by_call = total(charge.cost for charge in charged if not charge.is_plan)
    return by_call, total(charge.cost for charge in charged if charge.is_plan)


def _plan_forecast(question: Question, month: UsageRows, by_plan: Decimal, now: datetime) -> Decimal:
    """Return what the plans of the whole month are: all of them, or at the pace of the part that fell on somebody."""
    if not question.is_whole:
        return forecast(by_plan, now)
    return total(plan.cost for plan in month.plans)


def _providers(
    asked: str | None, month: UsageRows, quotas: Sequence[ProviderQuota], today: date
) -> tuple[ProviderUsage, ...]:
    """The configured ones in their order, then those that were called this month and are not configured any more."""
    by_name = {quota.name: quota for quota in quotas}
    others = sorted({cell.provider for cell in month.cells} - by_name.keys())
    return tuple(
        ProviderUsage(
            name,
            _count(cell for cell in month.cells if cell.provider == name and cell.day == today)[0],
            _count(cell for cell in month.cells if cell.provider == name)[0],
            _count(cell for cell in month.cells if cell.provider == name and cell.day == today)[1],
            month.last_calls.get(name),
            by_name.get(name),
        )
        for name in (*by_name, *others)
        if asked in (None, name)
    )


def _days(rows: UsageRows, charged: Sequence[Charge], is_whole: bool) -> tuple[DayUsage, ...]:
    """The newest first; days without calls and cost are left out."""
    costs = cost_by_day(rows.cells, charged, is_whole)
    cells = _grouped(rows.cells, lambda cell: cell.day)
    days = {*cells, *(day for day, cost in costs.items() if cost)}
    return tuple(
        DayUsage(day, *_count(cells.get(day, ())), rows.symbols.get(day, 0), costs.get(day, Decimal(0)))
        for day in sorted(days, reverse=True)
    )


def _parties(
    charged: Iterable[Charge], names: Mapping[UUID, str], key: Callable[[Charge], UUID | None]
) -> tuple[PartyUsage, ...]:
    """By name; what has none, then nobody, comes last."""
    units: dict[UUID | None, int] = {}
    costs: dict[UUID | None, Decimal] = {}
    for charge in charged:
        party = key(charge)
        units[party] = units.get(party, 0) + charge.units
        costs[party] = EXACT.add(costs.get(party, Decimal(0)), charge.cost)
    found = [
        PartyUsage(party, None if party is None else names.get(party), amount(units[party]), costs[party])
        for party in units
        if units[party] or costs[party]
    ]
    return tuple(sorted(found, key=lambda each: (each.id is None, each.name is None, each.name or "", str(each.id))))


def _kinds(cells: Iterable[UsageCell], charged: Iterable[Charge]) -> tuple[KindUsage, ...]:
    by_kind = _grouped(cells, lambda cell: cell.kind)
    costs = {kind: total(each.cost for each in group) for kind, group in _grouped(charged, lambda c: c.kind).items()}
    return tuple(KindUsage(kind, *_count(by_kind.get(kind, ())), costs.get(kind, Decimal(0))) for kind in KINDS)


R = TypeVar("R")


def _grouped(rows: Iterable[R], key: Callable[[R], H]) -> dict[H, list[R]]:
    groups: dict[H, list[R]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _count(cells: Iterable[UsageCell]) -> tuple[int, int]:
    """Return how many calls there were, and how many of them failed."""
    cells = list(cells)
    return sum(cell.requests for cell in cells), sum(cell.errors for cell in cells)
