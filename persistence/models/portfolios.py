"""Who holds what, what it was worth, and who else may look."""

from __future__ import annotations

from uuid import UUID

from peewee import CharField, CompositeKey, ForeignKeyField, IntegerField, TextField

from persistence.fields import ExactDecimal, UtcDateTime
from persistence.models.accounts import User
from persistence.models.base import BaseModel, IdentifiedModel


class Portfolio(IdentifiedModel):
    """A named set of holdings, valued in one currency; version rises with every change of what it holds."""

    user = ForeignKeyField(User, on_delete="CASCADE")
    name = TextField()
    base_currency = CharField()  # ISO 4217
    version = IntegerField()
    created_at = UtcDateTime()
    updated_at = UtcDateTime()


class Holding(BaseModel):
    """How much of a symbol a portfolio holds, and what one of it cost."""

    portfolio = ForeignKeyField(Portfolio, on_delete="CASCADE")
    symbol = CharField()
    quantity = ExactDecimal()
    average_cost = ExactDecimal()  # of one, in `currency`
    currency = CharField()  # ISO 4217
    updated_at = UtcDateTime()

    class Meta:
        primary_key = CompositeKey("portfolio", "symbol")


class PortfolioLink(IdentifiedModel):
    """Lets whoever has it read one portfolio; only its SHA-256 is kept."""

    portfolio = ForeignKeyField(Portfolio, on_delete="CASCADE")
    portfolio_id: UUID
    digest = CharField(unique=True)
    created_at = UtcDateTime()
    expires_at = UtcDateTime()
    ended_at = UtcDateTime(null=True)


class PortfolioValuation(BaseModel):
    """What a portfolio was worth at a time, in its currency of then (ISO 4217)."""

    portfolio = ForeignKeyField(Portfolio, on_delete="CASCADE")
    timestamp = UtcDateTime()
    total_value = ExactDecimal()
    total_cost_basis = ExactDecimal()
    daily_change = ExactDecimal(null=True)
    currency = CharField()

    class Meta:
        primary_key = CompositeKey("portfolio", "timestamp")
