"""What reports of usage are made of: the roll-ups by day and month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from peewee import Expression, ModelSelect, fn

from persistence.database import fetch
from persistence.models import ApiUsageMetrics, ApiUsagePlan, ApiUsageRollup, ApiUsageSymbol, UsageShare
from persistence.queries.names import names
from persistence.records import CallCounts, UsageCell, UsagePart, UsagePlan, UsageRows

DAY = timedelta(days=1)


def read_usage(
    start: date, end: date, provider: str | None, user_id: UUID | None, portfolio_id: UUID | None
) -> UsageRows:
    """The calls of the days *start* to *end* (UTC): those to a provider, and that served a user or a portfolio, if any.

    Where a plan is to be divided, the parts of all calls of its month are there by day, whomever they served. So are
    the parts of whom was asked for; all others are summed up over the month.
    """
    chosen = _chosen(user_id, portfolio_id)
    plans = _plans(start, end, provider)
    planned = {plan.month for plan in plans}
    parts: list[UsagePart] = []
    for first, last in _months(start, end, provider):
        is_planned = first.replace(day=1) in planned
        by_day = is_planned or chosen is not None
        parts += _parts(first, last, provider, None if is_planned else chosen, by_day)
    return UsageRows(
        _cells(start, end, provider, chosen),
        tuple(parts),
        plans,
        _symbols(start, end, provider, chosen),
        dict(fetch(_last_calls())),
        names(),
    )


def count_calls(provider: str, day: datetime, now: datetime) -> CallCounts:
    """How many calls there were to a provider since *day*, since the hour began, and within the last 60 s."""
    metrics, rollup = ApiUsageMetrics, ApiUsageRollup
    made = metrics.select(metrics.id).where(metrics.provider == provider)
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hourly = rollup.select(fn.SUM(rollup.requests)).where(
        rollup.period == "hour", rollup.starts_at == hour, rollup.provider == provider
    )
    return CallCounts(
        made.where(metrics.reserved_at >= day).count(),
        int(hourly.scalar() or 0),
        made.where(metrics.reserved_at > now - timedelta(minutes=1)).count(),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)


def _chosen(user_id: UUID | None, portfolio_id: UUID | None) -> Expression | None:
    """Return which shares count; None: all."""
    conditions = [
        column == value
        for column, value in ((UsageShare.user_id, user_id), (UsageShare.portfolio_id, portfolio_id))
        if value is not None
    ]
    return None if not conditions else conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]


def _of(query: ModelSelect[Any], model: Any, provider: str | None, chosen: Expression | None) -> ModelSelect[Any]:
    """Narrow to a provider's calls, and to those that served somebody who is chosen."""
    if provider is not None:
        query = query.where(model.provider == provider)
    if chosen is not None:
        query = query.where(model.audience_id.in_(UsageShare.select(UsageShare.audience_id).where(chosen)))
    return query


def _between(column: Any, first: date, last: date) -> Expression:
    return (column >= _midnight(first)) & (column <= _midnight(last))  # type: ignore[no-any-return]


def _plans(start: date, end: date, provider: str | None) -> tuple[UsagePlan, ...]:
    columns = (ApiUsagePlan.provider, ApiUsagePlan.month, ApiUsagePlan.cost)
    query = ApiUsagePlan.select(*columns).where(_between(ApiUsagePlan.month, start.replace(day=1), end))
    rows = fetch(_of(query, ApiUsagePlan, provider, None).order_by(ApiUsagePlan.month, ApiUsagePlan.provider))
    return tuple(UsagePlan(name, month.date(), cost) for name, month, cost in rows)


def _months(start: date, end: date, provider: str | None) -> Iterator[tuple[date, date]]:
    """Yield the first and the last day, within the period, of each month in which there were calls."""
    rollup = ApiUsageRollup
    query = rollup.select(rollup.starts_at).distinct().where(rollup.period == "month")
    query = _of(query.where(_between(rollup.starts_at, start.replace(day=1), end)), rollup, provider, None)
    for (month,) in fetch(query.order_by(rollup.starts_at)):
        first = month.date()
        next_month = (first + 31 * DAY).replace(day=1)
        yield max(first, start), min(next_month - DAY, end)


def _cells(start: date, end: date, provider: str | None, chosen: Expression | None) -> tuple[UsageCell, ...]:
    rollup = ApiUsageRollup
    key = (rollup.starts_at, rollup.provider, rollup.kind, rollup.price)
    query = rollup.select(*key, fn.SUM(rollup.requests), fn.SUM(rollup.errors)).where(
        rollup.period == "day", _between(rollup.starts_at, start, end)
    )
    rows = fetch(_of(query, rollup, provider, chosen).group_by(*key).order_by(*key))
    return tuple(UsageCell(row[0].date(), row[1], row[2], row[3], int(row[4]), int(row[5])) for row in rows)


def _parts(first: date, last: date, provider: str | None, chosen: Expression | None, by_day: bool) -> list[UsagePart]:
    """The parts of days of one month; of them together they stand at the first."""
    rollup = ApiUsageRollup
    is_whole = first.day == 1 and (last + DAY).day == 1
    period, until = ("month", first) if is_whole and not by_day else ("day", last)
    key = (rollup.provider, rollup.kind, rollup.price, UsageShare.user_id, UsageShare.portfolio_id)
    columns = (rollup.starts_at, *key) if by_day else key
    query = (
        rollup.select(*columns, fn.SUM(rollup.requests * UsageShare.units))
        .join(UsageShare, on=(UsageShare.audience_id == rollup.audience_id))
        .where(rollup.period == period, _between(rollup.starts_at, first, until))
    )
    if provider is not None:
        query = query.where(rollup.provider == provider)
    if chosen is not None:
        query = query.where(chosen)
    rows = fetch(query.group_by(*columns).order_by(*columns))
    return [_part(row[0].date(), *row[1:]) if by_day else _part(first, *row) for row in rows]


def _part(day: date, provider: str, kind: str, price: Decimal, *party_and_units: Any) -> UsagePart:
    user_id, portfolio_id, units = party_and_units
    return UsagePart(day, provider, kind, price, user_id, portfolio_id, int(units))


def _symbols(start: date, end: date, provider: str | None, chosen: Expression | None) -> dict[date, int]:
    query = ApiUsageSymbol.select(ApiUsageSymbol.day, fn.COUNT(ApiUsageSymbol.symbol.distinct()))
    query = _of(query.where(_between(ApiUsageSymbol.day, start, end)), ApiUsageSymbol, provider, chosen)
    return {day.date(): count for day, count in fetch(query.group_by(ApiUsageSymbol.day))}


def _last_calls() -> ModelSelect[Any]:
    query = ApiUsageMetrics.select(ApiUsageMetrics.provider, fn.MAX(ApiUsageMetrics.reserved_at))
    return query.group_by(ApiUsageMetrics.provider)
