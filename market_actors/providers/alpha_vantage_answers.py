"""Reading Alpha Vantage's answers: pure functions, from bytes to quotes.

It answers 200 to practically everything; what went wrong stands in prose, which may hold the key. Every number is
a text, every name has a number in front.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from market_actors.domain.exchanges import FX, exchange_currency, exchange_of, timezone_of
from market_actors.domain.quote import SYMBOL, Quote
from market_actors.errors import ErrorKind, ProviderError
from market_actors.providers.http import Answer
from market_actors.providers.wire import decode, label, malformed, mapping, money, number, previous, volume
from persistence.records import Instrument

NAME = "alpha_vantage"
BURST_SECONDS = 2.0
MINUTE_SECONDS = 60.0

SUFFIXES = {
    "L": "LON",
    "TO": "TRT",
    "V": "TRV",
    "DE": "DEX",
    "F": "FRK",
    "AS": "AMS",
    "BO": "BSE",
    "SS": "SHH",
    "SZ": "SHZ",
    "ST": "STO",
}
"""How it spells what others write after the dot."""

UNITS = {"XLON": "GBX"}
HOME = "XNYS"  # where a symbol without a suffix can mean nothing else
"""What it quotes in where that is not the currency of the exchange."""

_OUR_SUFFIXES = {theirs: ours for ours, theirs in SUFFIXES.items()}

_PROSE: tuple[tuple[str, ErrorKind, str, float | None], ...] = (
    (r"spreading out|1 request per second", ErrorKind.THROTTLED, "too many requests a second", BURST_SECONDS),
    (
        r"detected your api key.*requests per day|standard api rate limit is \d+ requests per day",
        ErrorKind.QUOTA_DAY,
        "the calls of the day are spent",
        None,
    ),
    (
        r"\d+ calls per minute and \d+ calls per day",
        ErrorKind.THROTTLED,
        "the calls of the minute are spent, or of the day",
        MINUTE_SECONDS,
    ),
    (r"premium endpoint|premium api function", ErrorKind.ENTITLEMENT, "not part of the key's plan", None),
    (r"demo\W* api key is for demo purposes", ErrorKind.AUTH, "the demo key does not serve this", None),
    (r"apikey is invalid or missing", ErrorKind.AUTH, "the key is invalid or missing", None),
    (r"invalid api call", ErrorKind.UNKNOWN_SYMBOL, "does not know the symbol", None),
)
"""What its prose means: the first that matches; a burst may mention the day as well."""


class MinuteSpent(ProviderError):
    """The notice of a spent minute, which is sent for a spent day too."""


def check(answer: Answer) -> Mapping[str, Any]:
    """Return the object that was sent, or raise the ProviderError that it stands for."""
    if answer.status == 429:
        raise ProviderError(ErrorKind.THROTTLED, "too many requests", answer.retry_after)
    if answer.status in (401, 403):
        raise ProviderError(ErrorKind.AUTH, f"refuses the key ({answer.status})")
    if answer.status != 200 or answer.body.lstrip().startswith(b"<"):
        raise ProviderError(ErrorKind.UPSTREAM, f"answered with status {answer.status} and no data", answer.retry_after)
    content = mapping(decode(answer.body), "the answer")
    prose = " ".join(str(content[key]) for key in ("Information", "Note", "Error Message") if key in content)
    for pattern, kind, meaning, wait in _PROSE:
        if re.search(pattern, prose, re.IGNORECASE | re.DOTALL):
            raised = MinuteSpent if wait == MINUTE_SECONDS else ProviderError
            raise raised(kind, meaning, wait if answer.retry_after is None else answer.retry_after)
    if prose:
        raise ProviderError(ErrorKind.UPSTREAM, "answered with a notice instead of data")
    return content


def spell(symbol: str) -> str | None:
    """Return how it writes a symbol of ours, or None where it cannot: TSCO.L is TSCO.LON; no suffix is ever dropped."""
    if symbol.startswith("^") or "=" in symbol:
        return None
    stem, dot, suffix = symbol.rpartition(".")
    return f"{stem}.{SUFFIXES.get(suffix, suffix)}" if dot else symbol


def unspell(symbol: str) -> str:
    """Return how we write a symbol of theirs."""
    stem, dot, suffix = symbol.rpartition(".")
    return f"{stem}.{_OUR_SUFFIXES.get(suffix, suffix)}" if dot else symbol


def pair(symbol: str) -> tuple[str, str] | None:
    """Return the two currencies of USDAUD=X or AUD=X (which is the same); None of any other symbol."""
    codes = symbol.removesuffix("=X")
    if exchange_of(symbol) != FX or len(codes) not in (3, 6):
        return None
    return (codes[:3], codes[3:]) if len(codes) == 6 else ("USD", codes)


def global_quote(
    symbol: str,
    content: Mapping[str, Any],
    received_at: datetime,
    close_of: Callable[[str, date], datetime | None],
) -> Quote:
    """Return the quote in the answer to GLOBAL_QUOTE, whose outer key depends on the key's plan.

    close_of: when the session of a day closes at an exchange (aware, UTC); None where there is none.

    Raises ProviderError: unknown_symbol, malformed.
    """
    entry = _entry("Global Quote", content)
    answered = entry.get("01. symbol")
    if not isinstance(answered, str) or answered.upper() != spell(symbol):
        raise ProviderError(ErrorKind.UNSUPPORTED_EXCHANGE, "answered with another symbol")
    exchange = exchange_of(symbol)
    unit = UNITS.get(exchange) or exchange_currency(exchange)
    price, currency = money(number(entry.get("05. price"), "05. price"), unit, "currency")
    before = previous(entry.get("08. previous close"), "08. previous close")
    return Quote(
        symbol=symbol,
        provider=NAME,
        price=price,
        currency=currency,
        quote_time=_time_of(_day(entry.get("07. latest trading day")), exchange, received_at, close_of),
        received_at=received_at,
        previous_close=None if before is None else money(before, unit, "currency")[0],
        volume=volume(entry.get("06. volume")),
        end_of_day=True,
        currency_assumed=exchange != HOME,
    )


def _entry(prefix: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what stands under the key that begins so; when nothing stands anywhere, the symbol is unknown."""
    key = next((key for key in content if key.startswith(prefix)), None)
    if key is not None and content[key]:
        return mapping(content[key], prefix)
    if key is None and not content.keys() <= {"Meta Data"}:
        raise malformed(f"the answer is no {prefix}")
    raise ProviderError(ErrorKind.UNKNOWN_SYMBOL, "does not know the symbol, or does not cover its exchange")


def _day(value: object) -> date:
    if isinstance(value, str) and re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise malformed("07. latest trading day is not a date")


def _time_of(
    day: date, exchange: str, received_at: datetime, close_of: Callable[[str, date], datetime | None]
) -> datetime:
    """A date counts as of its receipt while that day's session is not over, and as of the close after it.

    A day that has not begun at the exchange stays in the future, where no quote belongs; one without a session
    ends at midnight.
    """
    zone = ZoneInfo(timezone_of(exchange))
    if day > received_at.astimezone(zone).date():
        return datetime.combine(day, time(), zone).astimezone(UTC)
    close = close_of(exchange, day) or datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return min(close, received_at)


def exchange_rate(symbol: str, content: Mapping[str, Any], received_at: datetime) -> Quote:
    """Return the quote in the answer to CURRENCY_EXCHANGE_RATE. Raises ProviderError: unknown_symbol, malformed."""
    entry = _entry("Realtime Currency Exchange Rate", content)
    answered = (entry.get("1. From_Currency Code"), entry.get("3. To_Currency Code"))
    if answered != pair(symbol):
        raise ProviderError(ErrorKind.UNKNOWN_SYMBOL, "answered with another pair")
    return Quote(
        symbol=symbol,
        provider=NAME,
        price=number(entry.get("5. Exchange Rate"), "5. Exchange Rate"),
        currency=money(Decimal(1), answered[1], "3. To_Currency Code")[1],
        quote_time=_refreshed(entry.get("6. Last Refreshed"), entry.get("7. Time Zone")),
        received_at=received_at,
        exchange=FX,
    )


def _refreshed(value: object, zone: object) -> datetime:
    try:
        naive = datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S")
        return naive.replace(tzinfo=ZoneInfo(str(zone))).astimezone(UTC)
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        pass
    raise malformed("6. Last Refreshed is not a time")


def found(content: Mapping[str, Any], covers: Callable[[str], bool]) -> tuple[Instrument, ...]:
    """Return the instruments in the answer to SYMBOL_SEARCH; what we could not price is left out."""
    matches = content.get("bestMatches", [])
    if not isinstance(matches, list):
        raise malformed("the answer has no matches")
    instruments = []
    for entry in matches:
        entry = mapping(entry, "a match")
        symbol = unspell(str(entry.get("1. symbol")).upper())
        exchange = exchange_of(symbol)
        if SYMBOL.match(symbol) and covers(exchange):
            _, currency = money(Decimal(1), entry.get("8. currency"), "8. currency")
            instruments.append(Instrument(symbol, label(entry.get("2. name")), exchange, currency))
    return tuple(instruments)
