"""What calls cost, and whom: each charge falls on one user and portfolio, and all of them add up to the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from market_actors.domain.costs import DECIMALS, days_of, plan_units
from market_actors.domain.money import EXACT
from market_actors.domain.shares import split
from persistence.records import UsageCell, UsagePart, UsagePlan, UsageRows

DAY = timedelta(days=1)
IDLE = ("scheduled", None, None)
"""On whom a plan's day falls on which its provider was not called: nobody; the plan is there for the schedule."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days *start* to *end* (UTC); of plans, those after *today* are not due yet."""

    start: date
    end: date
    today: date

    def days(self, month: date) -> Iterator[date]:
        """Yield the days of a month that lie in it and are due."""
        day = max(month, self.start)
        last = min(month.replace(day=days_of(month)), self.end, self.today)
        while day <= last:
            yield day
            day += DAY


@dataclass(frozen=True, slots=True)
class Charge:
    """What falls on a user and a portfolio: units of calls in 10^-12 (none, of a plan), and what they cost.

    day: when; where the parts are by month, the first of its days.
    """

    day: date
    provider: str
    kind: str
    user_id: UUID | None
    portfolio_id: UUID | None
    units: int
    cost: Decimal
    is_plan: bool = False


def amount(units: int) -> Decimal:
    """Return so many units of 10^-12."""
    return Decimal(units).scaleb(-DECIMALS, EXACT)


def call_charges(parts: Iterable[UsagePart]) -> Iterator[Charge]:
    """Yield what is paid by the call."""
    for part in parts:
        cost = EXACT.multiply(amount(part.units), part.price)
        yield Charge(part.day, part.provider, part.kind, part.user_id, part.portfolio_id, part.units, cost)


def plan_charges(plans: Iterable[UsagePlan], parts: Iterable[UsagePart], period: Period) -> Iterator[Charge]:
    """Yield what is paid by the month: each day's cost in proportion to the calls of the day."""
    weights: dict[tuple[str, date], Counter[tuple[str, UUID | None, UUID | None]]] = {}
    for part in parts:
        of_day = weights.setdefault((part.provider, part.day), Counter())
        of_day[part.kind, part.user_id, part.portfolio_id] += part.units
    for plan in plans:
        for day in period.days(plan.month):
            served = weights.get((plan.provider, day)) or Counter({IDLE: 1})
            in_order = sorted(served.items(), key=str)
            shares = split(plan_units(plan.cost, day, day), [units for _, units in in_order])
            for (who, _), share in zip(in_order, shares, strict=True):
                yield Charge(day, plan.provider, *who, units=0, cost=amount(share), is_plan=True)


def charges(rows: UsageRows, period: Period, user_id: UUID | None, portfolio_id: UUID | None) -> list[Charge]:
    """Return what falls on a user and a portfolio; None: on everybody."""
    return [
        charge
        for charge in (*call_charges(rows.parts), *plan_charges(rows.plans, rows.parts, period))
        if user_id in (None, charge.user_id) and portfolio_id in (None, charge.portfolio_id)
    ]


def cost_by_day(cells: Iterable[UsageCell], charged: Iterable[Charge], is_whole: bool) -> dict[date, Decimal]:
    """Return what each day costs.

    is_whole: the charges are everybody's; what is paid by the call may then be by month, and the cells have it by day.
    """
    costs: dict[date, Decimal] = {}
    for charge in charged:
        if charge.is_plan or not is_whole:
            costs[charge.day] = EXACT.add(costs.get(charge.day, Decimal(0)), charge.cost)
    for cell in cells if is_whole else ():
        cost = EXACT.multiply(cell.price, Decimal(cell.requests))
        costs[cell.day] = EXACT.add(costs.get(cell.day, Decimal(0)), cost)
    return costs


def total(costs: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    found = Decimal(0)
    for cost in costs:
        found = EXACT.add(found, cost)
    return found
