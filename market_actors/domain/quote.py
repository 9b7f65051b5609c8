"""What a provider said, and what we make of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from market_actors.domain.money import EXACT

SYMBOL = re.compile(r"^[A-Z0-9^][A-Z0-9.\-=^]{0,19}\Z")
POSITION = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)


class MarketStatus(StrEnum):
    """Where an exchange stands in its day; PRE_MARKET and AFTER_HOURS are of trading days only."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    PRE_MARKET = "PRE_MARKET"
    AFTER_HOURS = "AFTER_HOURS"


class Confirmation(StrEnum):
    """How final a price is: traded in an open session, just after its close, or settled."""

    INTRADAY = "intraday"
    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Quote:
    """One provider's answer for one symbol, normalised.

    price, previous_close: in major units of *currency*, with the decimals that were sent.
    currency:     ISO 4217, never a minor unit.
    exchange:     our code (XASX, XNYS, FX, ...), or None where the provider does not say.
    quote_time:   the quote's own time, aware, UTC.
    received_at:  when the answer arrived, aware, UTC.
    delay_seconds: by how much the source lags its exchange.
    end_of_day:   the source gives a date only; quote_time is then derived from the calendar.
    currency_assumed: the source names no currency, and may mean another listing of the same name.
    """

    symbol: str
    provider: str
    price: Decimal
    currency: str
    quote_time: datetime
    received_at: datetime
    previous_close: Decimal | None = None
    volume: int | None = None
    delay_seconds: int = 0
    end_of_day: bool = False
    currency_assumed: bool = False
    exchange: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class StreamPosition:
    """Where a price stands among all that were published; ordered across restarts."""

    epoch: int
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> StreamPosition | None:
        """Return the position that an event's id tells, or None where it is not one of ours."""
        found = POSITION.fullmatch(text)
        return cls(int(found[1]), int(found[2])) if found else None

    def follows(self, other: StreamPosition) -> bool:
        """Is this the very next after the other?"""
        return self == StreamPosition(other.epoch, other.number + 1)


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a symbol as the world sees it: a quote that passed the gate, and its freshness.

    source:       the provider's name, or "override".
    stale_reason: "age" or "quarantined"; None while fresh.
    position:     of the event that announced this state.
    """

    quote: Quote
    source: str
    exchange: str
    market_status: MarketStatus
    confirmation: Confirmation
    is_stale: bool
    stale_reason: str | None
    position: StreamPosition

    @property
    def symbol(self) -> str:
        return self.quote.symbol

    @property
    def value(self) -> Decimal:
        return self.quote.price

    @property
    def currency(self) -> str:
        return self.quote.currency

    @property
    def change(self) -> Decimal | None:
        """Since the previous close, in the quote's currency; None where that is unknown."""
        if self.quote.previous_close is None:
            return None
        return EXACT.subtract(self.quote.price, self.quote.previous_close)

    def age(self, now: datetime) -> timedelta:
        return max(now - self.quote.quote_time, timedelta(0))
