"""Whom calls served, and how many there were: roll-ups by hour, day and month, written with each call."""

from __future__ import annotations

from peewee import BigIntegerField, CharField, CompositeKey, IntegerField, TextField, UUIDField

from persistence.fields import ExactDecimal, UtcDateTime
from persistence.models.base import BaseModel, IdentifiedModel


class UsageAudience(IdentifiedModel):
    """Users and portfolios that calls serve together; its id is made of its shares, so that calls alike have one."""


class UsageShare(BaseModel):
    """What of a call falls on one user and portfolio, in units of 10^-12; no key holds them: they may be deleted."""

    audience_id = UUIDField()
    position = IntegerField()
    user_id = UUIDField(null=True)
    portfolio_id = UUIDField(null=True)
    units = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("audience_id", "position")


class UsageName(IdentifiedModel):
    """A user's e-mail address or a portfolio's name as last known, for when it is deleted."""

    name = TextField()


class ApiUsageRollup(BaseModel):
    """The calls of an hour, a day or a month (UTC): period says which."""

    period = CharField()
    starts_at = UtcDateTime()
    provider = CharField()
    kind = CharField()
    price = ExactDecimal()  # of each of these calls
    audience_id = UUIDField()
    requests = BigIntegerField()
    errors = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("period", "starts_at", "provider", "kind", "price", "audience_id")


class ApiUsageSymbol(BaseModel):
    """A symbol that was asked for on a day (UTC)."""

    day = UtcDateTime()
    provider = CharField()
    audience_id = UUIDField()
    symbol = CharField()

    class Meta:
        primary_key = CompositeKey("day", "provider", "audience_id", "symbol")


class ApiUsagePlan(BaseModel):
    """What a provider's plan costs in a month (UTC)."""

    provider = CharField()
    month = UtcDateTime()
    cost = ExactDecimal()

    class Meta:
        primary_key = CompositeKey("provider", "month")
