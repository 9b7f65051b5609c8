"""Prices: the last ones, all of them, when the next are due, and who listens."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CharField, CompositeKey, ForeignKeyField, IntegerField, TextField

from persistence.fields import ExactDecimal, Json, UtcDateTime
from persistence.models.accounts import User
from persistence.models.base import BaseModel, IdentifiedModel


class Instrument(BaseModel):
    """A symbol that has had a price, and the last good one; see persistence.records.LastPrice."""

    symbol = CharField(primary_key=True)
    name = TextField(null=True)
    exchange = CharField()
    currency = CharField()  # ISO 4217
    price = ExactDecimal()
    previous_close = ExactDecimal(null=True)
    volume = BigIntegerField(null=True)
    provider = CharField()
    source = CharField()
    quote_time = UtcDateTime()
    received_at = UtcDateTime()
    delay_seconds = IntegerField()
    end_of_day = BooleanField()
    confirmation = CharField()
    is_market_hours = BooleanField()
    epoch = BigIntegerField()
    number = BigIntegerField()
    market_status = CharField(null=True)
    stale_reason = CharField(null=True)


class RealtimePriceHistory(BaseModel):
    """One published price; (epoch, number) is its position in the stream.

    A price that is restated is the last one again, whose exchange has opened or closed, or which has grown stale:
    streams tell it, charts do not.
    """

    epoch = BigIntegerField()
    number = BigIntegerField()
    symbol = CharField()
    timestamp = UtcDateTime()  # the quote's own time
    received_at = UtcDateTime()
    price = ExactDecimal()
    previous_close = ExactDecimal(null=True)
    currency = CharField()  # ISO 4217
    volume = BigIntegerField(null=True)  # of the day so far
    provider = CharField()
    source = CharField()
    confirmation = CharField()
    is_market_hours = BooleanField()
    market_status = CharField(null=True)
    stale_reason = CharField(null=True)
    is_restated = BooleanField()
    recorded_at = UtcDateTime(null=True)  # by the clock of the server that published it

    class Meta:
        primary_key = CompositeKey("epoch", "number")


class StreamEpoch(BaseModel):
    """One start of the server; positions of later epochs come after those of earlier ones."""

    epoch = BigIntegerField(primary_key=True)
    started_at = UtcDateTime()


class PriceUpdateSchedule(BaseModel):
    """When a symbol was last polled and is next due."""

    symbol = CharField(primary_key=True)
    provider = CharField(null=True)
    last_poll_at = UtcDateTime(null=True)
    next_poll_at = UtcDateTime()
    interval_seconds = IntegerField()
    failures = IntegerField()


class SseConnection(IdentifiedModel):
    """An event stream, open or closed, and what it carried."""

    user = ForeignKeyField(User, on_delete="CASCADE")
    ip_address = TextField()
    user_agent = TextField()
    connected_at = UtcDateTime()
    last_heartbeat = UtcDateTime()
    portfolio_ids = Json()
    symbols = Json()
    events_sent = BigIntegerField()
    bytes_sent = BigIntegerField()
    conflated_events = BigIntegerField()
    node = TextField()
    closed_at = UtcDateTime(null=True)
