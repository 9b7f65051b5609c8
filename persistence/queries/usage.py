"""Calls to providers: reserved before they are made, finished after."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from persistence.database import fetch, writing
from persistence.models import ApiUsageMetrics
from persistence.records import Call


def record_call(call: Call) -> None:
    """Commit a reservation. Recording it again changes nothing."""
    with writing():
        ApiUsageMetrics.insert(
            id=call.id,
            provider=call.provider,
            kind=call.kind,
            symbols=call.symbols,
            reserved_at=call.reserved_at,
            user=call.user_id,
            outcome=call.outcome,
            latency_ms=call.latency_ms,
            cost=call.cost,
        ).on_conflict_ignore().execute()


def finish_call(call_id: UUID, outcome: str, latency_ms: int) -> None:
    """Note how a call ended: outcome is "ok" or an error kind."""
    with writing():
        query = ApiUsageMetrics.update(outcome=outcome, latency_ms=latency_ms)
        query.where(ApiUsageMetrics.id == call_id).execute()


def calls_since(moment: datetime) -> tuple[tuple[str, datetime], ...]:
    """(provider, reserved at) of each call reserved at *moment* or later, oldest first."""
    query = ApiUsageMetrics.select(ApiUsageMetrics.provider, ApiUsageMetrics.reserved_at)
    rows = query.where(ApiUsageMetrics.reserved_at >= moment).order_by(ApiUsageMetrics.reserved_at)
    return tuple((provider, reserved_at) for provider, reserved_at in fetch(rows))
