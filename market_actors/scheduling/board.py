"""What the scheduler tells others of how the updates go: only what has changed."""

from __future__ import annotations

from datetime import datetime, timedelta

from market_actors.messages import (
    Address,
    ProviderStatus,
    RecordProviderState,
    Updates,
    UpdatesChanged,
)

SAME_TIME = timedelta(seconds=1)  # wall and monotonic clock never agree to the microsecond


class Board:
    """Tells the connections and the store, once a change."""

    def __init__(self, connections: Address, store: Address) -> None:
        self._connections = connections
        self._store = store
        self._shown: Updates | None = None
        self._recorded: dict[str, tuple[str, str | None, datetime | None]] = {}

    def show(self, updates: Updates) -> None:
        """Tell it, if the next update's time, a provider's state or a pause is not what was told before."""
        if self._shown is None or _is_news(self._shown, updates):
            self.repeat(updates)

    def repeat(self, updates: Updates) -> None:
        """Tell it again, for neighbours that were restarted."""
        self._shown = updates
        self._connections.tell(UpdatesChanged(updates))
        for provider in updates.providers:
            state = _state(provider)
            if self._recorded.get(provider.name) != state:
                self._recorded[provider.name] = state
                self._store.tell(RecordProviderState(provider.name, *state))


def _state(provider: ProviderStatus) -> tuple[str, str | None, datetime | None]:
    return provider.status, provider.reason, provider.next_try


def _is_news(before: Updates, after: Updates) -> bool:
    if [_state(provider) for provider in before.providers] != [_state(provider) for provider in after.providers]:
        return True
    if (before.paused_reason, before.paused_until) != (after.paused_reason, after.paused_until):
        return True
    if before.orders != after.orders:
        return True
    if before.next_update is None or after.next_update is None:
        return before.next_update is not after.next_update
    return abs(after.next_update - before.next_update) >= SAME_TIME
