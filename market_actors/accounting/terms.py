"""What a provider allows and charges, by the settings where an administrator set no other, and what is left of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from market_actors.domain.costs import Tariff
from market_actors.domain.quota import Limits, QuotaWindows
from market_actors.messages import ProviderConfigured, ProviderQuota
from market_actors.scheduling.lanes import is_limited
from persistence.records import ProviderState


def limits_of(limits: Limits | None, row: ProviderConfigured | None) -> Limits | None:
    """Return a provider's limits: those of the settings, where an administrator set no other."""
    if row is None or (limits is None and not is_limited(row)):
        return limits
    base = limits or Limits()
    return replace(
        base,
        per_second=base.per_second if row.calls_per_second is None else row.calls_per_second,
        per_minute=base.per_minute if row.calls_per_minute is None else row.calls_per_minute,
        per_day=base.per_day if row.calls_per_day is None else row.calls_per_day,
        reset_timezone=row.reset_timezone or base.reset_timezone,
    )


def tariff_of(tariff: Tariff, row: ProviderConfigured | ProviderState | None) -> Tariff:
    """Return what a provider charges: what the settings say, where an administrator set no other."""
    if row is None:
        return tariff
    return Tariff(
        tariff.per_call if row.cost_per_call is None else row.cost_per_call,
        tariff.per_month if row.monthly_cost is None else row.monthly_cost,
    )


def quota_of(name: str, windows: QuotaWindows, is_limited: bool, now: datetime) -> ProviderQuota:
    """Return what is left of a provider's day."""
    return ProviderQuota(
        name,
        windows.limits if is_limited else None,
        windows.remaining_today(now),
        windows.began_at(now),
        windows.resets_at(now),
        windows.exhausts_at(now),
    )
