"""On whom a call falls: a whole is divided into parts that add up to it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from market_actors.domain.polling import Holder

WHOLE = 10**12
"""The units of one call: a share of it has at most 12 decimals."""

Party = tuple[UUID | None, UUID | None]
"""A user and a portfolio of theirs; None where there is none."""

NOBODY: Party = (None, None)


def split(whole: int, weights: Sequence[int]) -> list[int]:
    """Divide *whole* in proportion to *weights* by largest remainder; of equal ones the first gets more.

    Raises ValueError when the weights add up to nothing.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("a whole is divided by weights of which none is below 0 and one is above")
    parts, remainders = [], []
    for weight in weights:
        part, remainder = divmod(whole * weight, total)
        parts.append(part)
        remainders.append(remainder)
    left = whole - sum(parts)
    for place in sorted(range(len(parts)), key=lambda each: (-remainders[each], each))[:left]:
        parts[place] += 1
    return parts


def served(kind: str, user_id: UUID | None, holders: Sequence[Sequence[Holder]]) -> dict[Party, int]:
    """Return whom a call serves, and how many of its units fall on each; all of them are :data:`WHOLE`.

    kind:    a scheduled call serves whoever holds or watches its symbols, a manual one *user_id*, who asked,
             by those of their portfolios that hold them. A probe serves nobody.
    holders: of each of the call's symbols; every symbol has an equal part, and so has each of its holders.
    """
    if kind == "probe" or (kind == "manual" and user_id is None):
        return {NOBODY: WHOLE}
    found: dict[Party, int] = {}
    wanting = [_parties(kind, user_id, each) for each in holders] or [[(user_id, None)]]
    for units, parties in zip(split(WHOLE, [1] * len(wanting)), wanting, strict=True):
        for party, part in zip(parties, split(units, [1] * len(parties)), strict=True):
            found[party] = found.get(party, 0) + part
    return {party: part for party, part in sorted(found.items(), key=lambda item: str(item[0])) if part}


def _parties(kind: str, user_id: UUID | None, holders: Sequence[Holder]) -> list[Party]:
    if kind == "manual":
        own = {each.portfolio_id for each in holders if each.user_id == user_id and each.portfolio_id is not None}
        return [(user_id, portfolio_id) for portfolio_id in sorted(own, key=str)] or [(user_id, None)]
    return sorted({(each.user_id, each.portfolio_id) for each in holders}, key=str) or [NOBODY]
