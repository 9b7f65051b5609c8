"""Whom calls serve, as it is stored: calls that serve the same in the same parts share one audience."""

from __future__ import annotations

import hashlib
from uuid import UUID

from market_actors.domain.polling import Holder
from market_actors.domain.shares import NOBODY, Party, served
from market_actors.messages import Reserve
from persistence.records import Audience, Share

KEPT = 2_000  # audiences that are remembered, of the symbols last asked for

_Question = tuple[str, UUID | None, tuple[str, ...]]


class Audiences:
    """Remembers what it last answered: the holders of a symbol rarely change, and may be thousands."""

    def __init__(self) -> None:
        self._last: dict[_Question, tuple[tuple[tuple[Holder, ...], ...], Audience | None]] = {}

    def of(self, request: Reserve) -> Audience | None:
        """Return whom the call serves; None: nobody."""
        user_id = request.user_id if request.kind == "manual" else None
        question = request.kind, user_id, request.symbols
        holders, audience = self._last.pop(question, (None, None))
        if holders != request.holders:
            audience = audience_of(served(request.kind, user_id, request.holders))
        self._last[question] = request.holders, audience
        if len(self._last) > KEPT:
            del self._last[next(iter(self._last))]
        return audience


def audience_of(shares: dict[Party, int]) -> Audience | None:
    """Return those shares under an id that the same shares always have; None of nobody's."""
    if shares.keys() == {NOBODY}:
        return None
    text = "\n".join(f"{user_id} {portfolio_id} {units}" for (user_id, portfolio_id), units in shares.items())
    audience_id = UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=5)
    return Audience(audience_id, tuple(Share(*party, units) for party, units in shares.items()))
