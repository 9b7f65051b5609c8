"""Whether what an administrator names exists."""

from __future__ import annotations

from uuid import UUID

from persistence.errors import RowNotFound
from persistence.models import Holding, Instrument, Portfolio, User


def check_target(scope: str, target_id: UUID | None) -> None:
    """Raise RowNotFound when a scope of user or portfolio has no such target; other scopes have none of these."""
    if scope == "user" and not User.select().where(User.id == target_id).exists():
        raise RowNotFound(f"no user {target_id}")
    if scope == "portfolio" and not Portfolio.select().where(Portfolio.id == target_id).exists():
        raise RowNotFound(f"no portfolio {target_id}")


def is_known_symbol(symbol: str) -> bool:
    """Does anybody hold it, or did it ever have a price?"""
    held = Holding.select().where(Holding.symbol == symbol)
    return held.exists() or Instrument.select().where(Instrument.symbol == symbol).exists()
