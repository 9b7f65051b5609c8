"""Orders of administrators, as tests give them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from market_actors.domain.overrides import IntervalSetting, Override, OverrideType, Scope
from tests.actors.scheduling import NOON


def override(
    kind: OverrideType | str,
    scope: Scope | str,
    target: object = None,
    *,
    minutes: int | None = None,
    price: str | None = None,
    begins: datetime = NOON,
    lasts: float | None = None,
    reason: str = "too dear",
) -> Override:
    """An override; *lasts* in seconds, *minutes* is the interval that it forces."""
    return Override(
        OverrideType(kind),
        Scope(scope),
        None if target is None else str(target),
        reason,
        begins,
        None if lasts is None else begins + timedelta(seconds=lasts),
        interval=None if minutes is None else timedelta(minutes=minutes),
        price=None if price is None else Decimal(price),
    )


def stop(*, begins: datetime = NOON, lasts: float | None = None, reason: str = "fire") -> Override:
    return override("emergency_stop", "global", begins=begins, lasts=lasts, reason=reason)


def setting(
    minutes: int,
    scope: Scope | str = "global",
    target: object = None,
    *,
    begins: datetime = NOON,
    lasts: float | None = None,
) -> IntervalSetting:
    return IntervalSetting(
        Scope(scope),
        None if target is None else str(target),
        timedelta(minutes=minutes),
        "quieter",
        begins,
        begins,
        None if lasts is None else begins + timedelta(seconds=lasts),
    )
