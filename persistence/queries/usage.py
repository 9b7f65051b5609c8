"""Calls to providers: reserved before they are made, finished after, and rolled up in the same transactions.

Single calls are kept for :data:`KEEP_CALLS`, which is more than any limit looks back; the roll-ups by the hour as
long, those by day and month for good: reports are made of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from persistence.database import fetch, insert_many, writing
from persistence.models import (
    ApiUsageMetrics,
    ApiUsagePlan,
    ApiUsageRollup,
    ApiUsageSymbol,
    UsageAudience,
    UsageShare,
)
from persistence.queries.names import note_names
from persistence.records import Audience, Call

KEEP_CALLS = timedelta(days=70)
LOST_AFTER = timedelta(minutes=5)  # longer than any call takes: its end was not seen
LOST = "lost"  # the outcome of such a call

NOBODY = UUID(int=0)
"""The audience of calls for nobody; there from the beginning."""

_KEY = [getattr(ApiUsageRollup, name) for name in ("period", "starts_at", "provider", "kind", "price", "audience_id")]
_ADDING = (
    f"ON CONFLICT ({', '.join(field.column_name for field in _KEY)}) DO UPDATE SET"
    " requests = api_usage_rollup.requests + EXCLUDED.requests, errors = api_usage_rollup.errors + EXCLUDED.errors"
)
_CALL = [
    getattr(ApiUsageMetrics, name)
    for name in (
        "id",
        "provider",
        "kind",
        "symbols",
        "reserved_at",
        "user",
        "outcome",
        "latency_ms",
        "cost",
        "audience_id",
    )
]
_Cell = tuple[datetime, str, str, Decimal, UUID]


def record_call(call: Call) -> None:
    """Commit a reservation. Recording it again changes nothing."""
    record_calls((call,))


def record_calls(calls: Sequence[Call]) -> None:
    """Commit calls, with whom they serve and the roll-ups they add to. Recording one again changes nothing."""
    with writing():
        by_id = {call.id: call for call in calls}
        known = ApiUsageMetrics.select(ApiUsageMetrics.id).where(ApiUsageMetrics.id.in_(list(by_id)))
        for (call_id,) in fetch(known):
            del by_id[call_id]
        new = list(by_id.values())
        _keep({call.audience.id: call.audience for call in new if call.audience is not None})
        insert_many(_CALL, (_row(call) for call in new))
        days = {
            (_begin("day", call.reserved_at), call.provider, _audience(call), each)
            for call in new
            for each in call.symbols
        }
        insert_many(
            [ApiUsageSymbol.day, ApiUsageSymbol.provider, ApiUsageSymbol.audience_id, ApiUsageSymbol.symbol],
            sorted(days, key=str),
            "ON CONFLICT DO NOTHING",
        )
        requests: Counter[_Cell] = Counter(_cell(call) for call in new)
        errors: Counter[_Cell] = Counter(_cell(call) for call in new if call.outcome not in (None, "ok"))
        _add(requests, errors)


def finish_call(call_id: UUID, outcome: str, latency_ms: int | None) -> None:
    """Note how a call ended, once: outcome is "ok" or an error kind."""
    with writing():
        under_way = (ApiUsageMetrics.id == call_id) & ApiUsageMetrics.outcome.is_null()
        query = ApiUsageMetrics.select(
            ApiUsageMetrics.reserved_at,
            ApiUsageMetrics.provider,
            ApiUsageMetrics.kind,
            ApiUsageMetrics.cost,
            ApiUsageMetrics.audience_id,
        )
        found = fetch(query.where(under_way))
        ended = ApiUsageMetrics.update(outcome=outcome, latency_ms=latency_ms).where(under_way).execute()
        if ended and outcome != "ok":
            reserved_at, provider, kind, cost, audience_id = found[0]
            _add(Counter(), Counter([(reserved_at, provider, kind, cost or Decimal(0), audience_id)]))


def settle_calls(now: datetime) -> None:
    """Count as failed what was never heard of again, and delete single calls that nothing looks back to."""
    lost = ApiUsageMetrics.select(ApiUsageMetrics.id).where(
        ApiUsageMetrics.outcome.is_null(), ApiUsageMetrics.reserved_at < now - LOST_AFTER
    )
    for (call_id,) in fetch(lost):
        finish_call(call_id, LOST, None)
    with writing():
        old = now - KEEP_CALLS
        ApiUsageMetrics.delete().where(ApiUsageMetrics.reserved_at < old).execute()
        ApiUsageRollup.delete().where(ApiUsageRollup.period == "hour", ApiUsageRollup.starts_at < old).execute()


def calls_since(moment: datetime, providers: Iterable[str] | None = None) -> tuple[tuple[str, datetime], ...]:
    """(provider, reserved at) of each call reserved at *moment* or later, oldest first; None: of every provider."""
    query = ApiUsageMetrics.select(ApiUsageMetrics.provider, ApiUsageMetrics.reserved_at)
    if providers is not None:
        query = query.where(ApiUsageMetrics.provider.in_(list(providers)))
    rows = query.where(ApiUsageMetrics.reserved_at >= moment).order_by(ApiUsageMetrics.reserved_at)
    return tuple((provider, reserved_at) for provider, reserved_at in fetch(rows))


def record_plans(month: datetime, costs: Mapping[str, Decimal | None]) -> None:
    """Keep what the plans of these providers cost in the month that begins then; None: there is none."""
    with writing():
        ApiUsagePlan.delete().where(ApiUsagePlan.month == month, ApiUsagePlan.provider.in_(list(costs))).execute()
        rows = [(provider, month, cost) for provider, cost in costs.items() if cost is not None]
        insert_many([ApiUsagePlan.provider, ApiUsagePlan.month, ApiUsagePlan.cost], rows)


def _keep(audiences: Mapping[UUID, Audience]) -> None:
    """Keep those that are new."""
    query = UsageAudience.select(UsageAudience.id).where(UsageAudience.id.in_(list(audiences)))
    known = {audience_id for (audience_id,) in fetch(query)}
    fields = [getattr(UsageShare, name) for name in ("audience_id", "position", "user_id", "portfolio_id", "units")]
    for audience_id, audience in audiences.items():
        if audience_id in known:
            continue
        insert_many([UsageAudience.id], [(audience_id,)], "ON CONFLICT DO NOTHING")
        shares = enumerate(audience.shares)
        rows = [(audience_id, place, each.user_id, each.portfolio_id, each.units) for place, each in shares]
        insert_many(fields, rows, "ON CONFLICT DO NOTHING")
        note_names(audience_id)


def _add(requests: Mapping[_Cell, int], errors: Mapping[_Cell, int]) -> None:
    """Add to the roll-ups of the hour, the day and the month of each moment."""
    rows: dict[tuple[object, ...], list[int]] = {}
    for place, counts in enumerate((requests, errors)):
        for (moment, *rest), count in counts.items():
            for period in ("hour", "day", "month"):
                rows.setdefault((period, _begin(period, moment), *rest), [0, 0])[place] += count
    fields = [*_KEY, ApiUsageRollup.requests, ApiUsageRollup.errors]
    insert_many(fields, [(*key, *counts) for key, counts in sorted(rows.items(), key=str)], _ADDING)


def _row(call: Call) -> tuple[object, ...]:
    return (
        call.id,
        call.provider,
        call.kind,
        call.symbols,
        call.reserved_at,
        call.user_id,
        call.outcome,
        call.latency_ms,
        call.cost,
        _audience(call),
    )


def _cell(call: Call) -> _Cell:
    return call.reserved_at, call.provider, call.kind, call.cost or Decimal(0), _audience(call)


def _audience(call: Call) -> UUID:
    return NOBODY if call.audience is None else call.audience.id


def _begin(period: str, moment: datetime) -> datetime:
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return {"hour": hour, "day": hour.replace(hour=0), "month": hour.replace(day=1, hour=0)}[period]
