"""What the providers' plans cost in this month (UTC): kept for all of it, and for those before no more changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from market_actors.domain.costs import Tariff
from market_actors.messages import Address, RecordPlans

TELL_AGAIN = 600.0  # seconds; the store may have missed it


class Plans:
    """Tells the store when they are known, when they change, with each month, and from time to time."""

    def __init__(self, store: Address, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._told: RecordPlans | None = None
        self._told_at = 0.0

    def tell(self, tariffs: Mapping[str, Tariff], monotonic: float) -> None:
        self._told = RecordPlans(self._month(), {name: tariff.per_month for name, tariff in tariffs.items()})
        self._told_at = monotonic
        self._store.tell(self._told)

    def pass_time(self, tariffs: Mapping[str, Tariff], monotonic: float) -> None:
        if self._told is not None and (monotonic - self._told_at >= TELL_AGAIN or self._told.month != self._month()):
            self.tell(tariffs, monotonic)

    def _month(self) -> datetime:
        return self._clock().astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
