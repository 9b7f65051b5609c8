"""What administrators ordered: overrides and poll intervals, and which of them are in force at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum


class OverrideType(StrEnum):
    """What an override does."""

    DISABLE_UPDATES = "disable_updates"
    FORCE_INTERVAL = "force_interval"
    EMERGENCY_STOP = "emergency_stop"
    PRICE = "price"


class Scope(StrEnum):
    """What an order is about; GLOBAL has no target."""

    GLOBAL = "global"
    USER = "user"
    PORTFOLIO = "portfolio"
    PROVIDER = "provider"
    SYMBOL = "symbol"


ALLOWED: Mapping[OverrideType, frozenset[Scope]] = {
    OverrideType.PRICE: frozenset({Scope.SYMBOL}),
    OverrideType.EMERGENCY_STOP: frozenset({Scope.GLOBAL}),
    OverrideType.FORCE_INTERVAL: frozenset({Scope.GLOBAL, Scope.USER, Scope.PORTFOLIO, Scope.SYMBOL}),
    OverrideType.DISABLE_UPDATES: frozenset(Scope),
}
"""The scopes that each type of override can have."""

Target = tuple[Scope, str | None]

AHEAD = timedelta(seconds=3)  # by which an order may be later than the last tick


@dataclass(frozen=True, slots=True)
class Override:
    """One override. Times are aware UTC.

    target:     a user's or portfolio's id, a provider's name or a symbol; None of a global one.
    interval:   of FORCE_INTERVAL, else None.
    price:      of PRICE, else None.
    expires_at: None until it is removed.
    """

    override_type: OverrideType
    scope: Scope
    target: str | None
    reason: str
    effective_time: datetime
    expires_at: datetime | None = None
    removed_at: datetime | None = None
    interval: timedelta | None = None
    price: Decimal | None = None

    def status(self, now: datetime) -> str:
        """Return active, expired or removed; what had expired before it was removed stays expired."""
        ended = self.expires_at is not None and self.expires_at <= now
        if self.removed_at is not None and not (self.expires_at is not None and self.expires_at <= self.removed_at):
            return "removed" if self.removed_at <= now else "expired" if ended else "active"
        return "expired" if ended else "active"

    def is_in_force(self, now: datetime) -> bool:
        return self.effective_time <= now and self.status(now) == "active"


@dataclass(frozen=True, slots=True)
class IntervalSetting:
    """One configured poll interval, of a portfolio, a user or everything. Times are aware UTC.

    expired_at: when somebody ended it.
    """

    scope: Scope
    target: str | None
    interval: timedelta
    reason: str
    created_at: datetime
    effective_from: datetime
    effective_until: datetime | None = None
    expired_at: datetime | None = None

    @property
    def begins(self) -> datetime:
        return max(self.effective_from, self.created_at)

    @property
    def ends(self) -> datetime | None:
        return min((end for end in (self.effective_until, self.expired_at) if end is not None), default=None)

    def has_begun(self, now: datetime) -> bool:
        """Return whether it ever was in force until *now*: one ended before its time never is."""
        return self.begins <= now and (self.ends is None or self.begins < self.ends)


@dataclass(frozen=True, slots=True)
class Rules:
    """The orders in force at one moment.

    stop:     the emergency stop.
    disabled: overrides by what they disable; forced: by what they force an interval on.
    prices:   by symbol.
    targets:  every id, name and symbol that an order on intervals is about.
    """

    stop: Override | None
    disabled: Mapping[Target, Override]
    forced: Mapping[Target, Override]
    settings: Mapping[Target, IntervalSetting]
    prices: Mapping[str, Override]
    targets: frozenset[str]

    @property
    def halt(self) -> Override | None:
        """What stops all updates: the emergency stop, or an override that disables everything without exception."""
        everything = self.disabled.get((Scope.GLOBAL, None))
        exempt = any(target != (Scope.GLOBAL, None) for target in self.forced)
        return self.stop or (None if exempt else everything)

    def override(self, scope: Scope, target: str | None) -> Override | None:
        """Return the override on updates of *target*; where it is both disabled and forced, it is disabled."""
        return self.disabled.get((scope, target)) or self.forced.get((scope, target))

    def configured(self, scope: Scope, target: str | None) -> IntervalSetting | None:
        return self.settings.get((scope, target))


def rules_at(now: datetime, overrides: Iterable[Override], settings: Iterable[IntervalSetting]) -> Rules:
    """Return what is in force at *now* (aware).

    Of overrides of one type and target the last to take effect counts. Of settings of one target the last that
    has begun counts as long as it lasts; when it is over, the one before does not come back.
    """
    found: dict[OverrideType, dict[Target, Override]] = {kind: {} for kind in OverrideType}
    for override in sorted(overrides, key=lambda each: each.effective_time):
        if override.is_in_force(now):
            found[override.override_type][override.scope, override.target] = override
    latest: dict[Target, IntervalSetting] = {}
    for setting in sorted(settings, key=lambda each: (each.begins, each.created_at)):
        if setting.has_begun(now):
            latest[setting.scope, setting.target] = setting
    current = {target: setting for target, setting in latest.items() if setting.ends is None or now < setting.ends}
    disabled, forced = found[OverrideType.DISABLE_UPDATES], found[OverrideType.FORCE_INTERVAL]
    return Rules(
        stop=found[OverrideType.EMERGENCY_STOP].get((Scope.GLOBAL, None)),
        disabled=disabled,
        forced=forced,
        settings=current,
        prices={target: each for (_, target), each in found[OverrideType.PRICE].items() if target is not None},
        targets=frozenset(target for _, target in (*disabled, *forced, *current) if target is not None),
    )


def with_order(
    order: Override | IntervalSetting, overrides: Iterable[Override], settings: Iterable[IntervalSetting]
) -> tuple[tuple[Override, ...], tuple[IntervalSetting, ...]]:
    """Return the overrides and settings that there are once *order* is given.

    An override replaces the one of its type and target, though its own time be over at once. A setting ends the one
    of its target when it begins, which rules_at sees to.
    """
    if isinstance(order, IntervalSetting):
        return tuple(overrides), (*settings, order)
    same = order.override_type, order.scope, order.target
    kept = (each for each in overrides if (each.override_type, each.scope, each.target) != same)
    return (*kept, order), tuple(settings)


def present(now: datetime, overrides: Iterable[Override], settings: Iterable[IntervalSetting]) -> datetime:
    """Return the time at which to evaluate what has just been told, when the clock was last looked at *now*.

    What was ordered since then shows by how much it is later; what is far ahead was dated by another clock.
    """
    made = [*(each.effective_time for each in overrides), *(each.created_at for each in settings)]
    return max((moment for moment in made if now < moment <= now + AHEAD), default=now)


def next_change(now: datetime, overrides: Iterable[Override], settings: Iterable[IntervalSetting]) -> datetime | None:
    """Return the next moment after *now* at which something begins or ends by itself; None if nothing will."""
    moments = [moment for each in overrides for moment in (each.effective_time, each.expires_at)]
    moments += [moment for each in settings for moment in (each.begins, each.ends)]
    return min((moment for moment in moments if moment is not None and moment > now), default=None)
