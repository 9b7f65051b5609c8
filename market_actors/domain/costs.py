"""What calls cost: by the call, or by a monthly plan that is spread over the days of its month.

A plan's day costs what is due by its end less what was due before, so that the days of a month add up to the plan.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from market_actors.domain.money import EXACT

DECIMALS = 12
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a provider charges for a call and for a month; None: nothing."""

    per_call: Decimal | None = None
    per_month: Decimal | None = None


def plan_units(per_month: Decimal, first: date, last: date) -> int:
    """Return what the days *first* to *last*, of one month, cost of a plan, in 10^-12 of its currency.

    per_month: with at most 12 decimals.
    """
    whole, days = int(per_month.scaleb(DECIMALS, EXACT)), days_of(first)
    return whole * last.day // days - whole * (first.day - 1) // days


def days_of(day: date) -> int:
    """Return how many days the month of *day* has."""
    return monthrange(day.year, day.month)[1]


def forecast(so_far: Decimal, now: datetime) -> Decimal:
    """Return what a month will cost by the call at the pace of the month so far, to 12 decimals.

    now: aware. Less than a day counts as one, or the first hours of a month would promise anything.
    """
    now = now.astimezone(UTC)
    passed = max(now - now.replace(day=1, hour=0, minute=0, second=0, microsecond=0), DAY)
    whole, part = Decimal(days_of(now) * DAY // timedelta(microseconds=1)), Decimal(passed // timedelta(microseconds=1))
    extrapolated = EXACT.divide(EXACT.multiply(so_far, whole), part)
    return extrapolated.quantize(Decimal(1).scaleb(-DECIMALS), context=EXACT)
