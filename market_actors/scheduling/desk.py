"""What people ask of the scheduler: who refreshed when, and who waits for the first price of a symbol."""

from __future__ import annotations

from uuid import UUID

from market_actors.actor import Reply
from market_actors.errors import Cooldown, MarketError


class Desk:
    """cooldown: seconds between two refreshes by one person; times are monotonic."""

    def __init__(self, cooldown: float) -> None:
        self._cooldown = cooldown
        self._refreshed: dict[UUID, float] = {}
        self._waiting: dict[str, list[Reply]] = {}

    def check_cooldown(self, user_id: UUID, monotonic: float) -> None:
        """Raises Cooldown when the person's last refresh is too near."""
        over = self._refreshed.get(user_id, float("-inf")) + self._cooldown
        if monotonic < over:
            raise Cooldown(over - monotonic)

    def refreshed(self, user_id: UUID, monotonic: float) -> None:
        self._refreshed[user_id] = monotonic

    def forget_old(self, monotonic: float) -> None:
        """Drop the refreshes whose cooldown is over."""
        self._refreshed = {user_id: at for user_id, at in self._refreshed.items() if monotonic < at + self._cooldown}

    def wait_for(self, symbol: str) -> Reply:
        """Return a reply that is given when the symbol has a price, or none is to be had."""
        reply = Reply()
        self._waiting.setdefault(symbol, []).append(reply)
        return reply

    def arrived(self, symbol: str) -> None:
        for reply in self._waiting.pop(symbol, ()):
            reply.set(True)

    def fail(self, symbol: str, error: MarketError) -> None:
        for reply in self._waiting.pop(symbol, ()):
            reply.fail(error)
