"""Whether what an administrator names exists."""

from __future__ import annotations

from uuid import UUID

from persistence.errors import RowNotFound
from persistence.models import Holding, Instrument, Portfolio, User


def check_target(scope: str, target_id: UUID | None, symbol: str | None = None, is_tracked: bool = False) -> None:
    """Raise RowNotFound without such a user, portfolio or symbol; other scopes have none of these.

    is_tracked: the symbol is known, though nobody holds it.
    """
    if scope == "user" and not User.select().where(User.id == target_id).exists():
        raise RowNotFound(f"no user {target_id}")
    if scope == "portfolio" and not Portfolio.select().where(Portfolio.id == target_id).exists():
        raise RowNotFound(f"no portfolio {target_id}")
    if symbol is not None and not is_tracked and not _is_known_symbol(symbol):
        raise RowNotFound(f"no symbol {symbol}")


def _is_known_symbol(symbol: str) -> bool:
    """Does anybody hold it, or did it ever have a price?"""
    held = Holding.select().where(Holding.symbol == symbol)
    return held.exists() or Instrument.select().where(Instrument.symbol == symbol).exists()
