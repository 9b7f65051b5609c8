"""What administrators set, what calls were made, and the log of who changed what."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField, UUIDField

from persistence.fields import ExactDecimal, Json, UtcDateTime
from persistence.models.accounts import User
from persistence.models.base import BaseModel, IdentifiedModel


class MarketDataProvider(BaseModel):
    """How a provider is, and what an administrator set of it; where that is null, the settings decide."""

    name = CharField(primary_key=True)
    enabled = BooleanField()
    priority = IntegerField(null=True)
    calls_per_second = IntegerField(null=True)
    calls_per_minute = IntegerField(null=True)
    calls_per_day = IntegerField(null=True)
    reset_timezone = CharField(null=True)
    cost_per_call = ExactDecimal(null=True)
    monthly_cost = ExactDecimal(null=True)
    status = CharField()
    reason = TextField(null=True)
    next_try = UtcDateTime(null=True)
    exchanges = Json(null=True)


class PollIntervalConfiguration(IdentifiedModel):
    """How often to poll: for everything, a user's portfolios or one portfolio; of a target's one at a time counts.

    What ends a row, its own end, somebody or its successor, is worked out into ends_at whenever one is written.
    """

    config_type = CharField()
    target_id = UUIDField(null=True)
    interval_minutes = IntegerField()
    reason = TextField()
    created_by = TextField()
    created_at = UtcDateTime()
    effective_from = UtcDateTime()
    effective_until = UtcDateTime(null=True)
    begins_at = UtcDateTime()
    ends_at = UtcDateTime(null=True)


class AdministrativeOverride(IdentifiedModel):
    """An order that goes before every other rule, until it expires or is removed."""

    override_type = CharField()
    scope = CharField()
    target_id = UUIDField(null=True)
    provider_id = CharField(null=True)
    symbol = CharField(null=True)
    override_value = IntegerField(null=True)  # minutes, of force_interval
    override_price = ExactDecimal(null=True)
    previous_price = ExactDecimal(null=True)
    effective_time = UtcDateTime()
    expires_at = UtcDateTime(null=True)
    reason = TextField()
    admin_user = TextField()
    created_at = UtcDateTime()
    removed_at = UtcDateTime(null=True)
    removed_by = TextField(null=True)
    removed_reason = TextField(null=True)


class ApiUsageMetrics(IdentifiedModel):
    """One call to a provider, reserved before it was made; outcome is null until it is over."""

    provider = CharField()
    kind = CharField()
    symbols = Json()
    reserved_at = UtcDateTime()
    user = ForeignKeyField(User, null=True, on_delete="SET NULL")
    outcome = CharField(null=True)
    latency_ms = IntegerField(null=True)
    cost = ExactDecimal(null=True)  # what the provider charged for a call then
    audience_id = UUIDField()


class AuditLog(IdentifiedModel):
    """One change; the database refuses to alter it, and each hash covers the one before."""

    number = BigIntegerField(unique=True)
    at = UtcDateTime()
    actor = TextField()
    action = CharField()
    target_type = CharField()
    target_id = TextField(null=True)
    reason = TextField(null=True)
    before = Json(null=True)
    after = Json(null=True)
    hash = CharField()


class AuditHead(BaseModel):
    """The end of the audit log, one row: without its newest entries the log would look whole."""

    id = IntegerField(primary_key=True)
    number = BigIntegerField()
    hash = CharField()
