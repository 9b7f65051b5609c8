"""What somebody holds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Position:
    """A quantity of a symbol and what one of it cost, in *currency* (ISO 4217)."""

    symbol: str
    quantity: Decimal
    average_cost: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """All positions of a portfolio as of *version*, which rises with every change."""

    portfolio_id: UUID
    user_id: UUID
    base_currency: str
    version: int
    positions: tuple[Position, ...]
