"""What the stand-in providers say: wire formats of prices, every failure by name, and rows of real prices."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

RECORDINGS = Path(__file__).parent / "recordings"


@dataclass(frozen=True)
class Wire:
    """One answer on the wire; manner says how it is sent, see `standin.py`."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: str = "whole"


@dataclass(frozen=True)
class Listing:
    """A symbol as Yahoo writes it; prices are texts, in *unit* (which may be GBp); quote_time in epoch seconds."""

    symbol: str
    price: str
    unit: str
    previous_close: str | None
    volume: int
    quote_time: int
    name: str

    @property
    def home(self) -> Home:
        return HOMES["=X" if self.symbol.endswith("=X") else self.symbol.partition(".")[2]]

    @property
    def symbol_at_alpha_vantage(self) -> str:
        stem, _, suffix = self.symbol.partition(".")
        return f"{stem}.LON" if suffix == "L" else self.symbol


@dataclass(frozen=True)
class Home:
    """Where symbols of a suffix trade: Yahoo's name of it, its zone and unit (None: the symbol's last letters)."""

    name: str
    zone: str
    unit: str | None


HOMES = {
    "": Home("NMS", "America/New_York", "USD"),
    "AX": Home("ASX", "Australia/Sydney", "AUD"),
    "L": Home("LSE", "Europe/London", "GBp"),
    "NZ": Home("NZE", "Pacific/Auckland", "NZD"),
    "TO": Home("TOR", "America/Toronto", "CAD"),
    "=X": Home("CCY", "Europe/London", None),
}


@cache
def recording(name: str) -> bytes:
    return (RECORDINGS / name).read_bytes()


@cache
def rows(symbol: str) -> Sequence[tuple[str, int]]:
    """Return recorded (close, volume) of a symbol, oldest first."""
    if symbol == "EURUSD=X":
        with (RECORDINGS / "eurusd_hourly.csv").open() as file:
            return [(row["close"], 0) for row in csv.DictReader(file)]
    with (RECORDINGS / "daily_prices.csv").open() as file:
        return [(row["close"], int(row["volume"])) for row in csv.DictReader(file) if row["symbol"] == symbol]


# -- Yahoo -------------------------------------------------------------------------------


def chart(listing: Listing | None) -> Wire:
    if listing is None:
        return SCENARIOS["yahoo"]["404_json"]
    meta = {
        "currency": listing.unit,
        "symbol": listing.symbol,
        "exchangeName": listing.home.name,
        "regularMarketTime": listing.quote_time,
        "exchangeTimezoneName": listing.home.zone,
        "regularMarketPrice": _bare(listing.price),
        "regularMarketVolume": listing.volume,
        "longName": listing.name,
        "chartPreviousClose": _bare(listing.previous_close),
        "previousClose": _bare(listing.previous_close),
        "dataGranularity": "5m",
        "range": "1d",
    }
    return _json({"chart": {"result": [{"meta": meta, "indicators": {"quote": [{}]}}], "error": None}})


def spark(listings: Sequence[Listing]) -> Wire:
    return _json(
        {
            listing.symbol: {
                "symbol": listing.symbol,
                "timestamp": [listing.quote_time],
                "close": [_bare(listing.price)],
                "previousClose": _bare(listing.previous_close),
                "chartPreviousClose": _bare(listing.previous_close),
                "dataGranularity": 300,
            }
            for listing in listings
        }
    )


def yahoo_search(listings: Sequence[Listing]) -> Wire:
    quotes = [
        {"symbol": listing.symbol, "longname": listing.name, "exchange": listing.home.name} for listing in listings
    ]
    return _json({"count": len(quotes), "quotes": quotes, "news": []})


# -- Alpha Vantage -----------------------------------------------------------------------


def global_quote(listing: Listing | None) -> Wire:
    if listing is None:
        return SCENARIOS["alpha_vantage"]["quote_empty"]
    day = datetime.fromtimestamp(listing.quote_time, ZoneInfo(listing.home.zone)).date()
    return _json(
        {
            "Global Quote": {
                "01. symbol": listing.symbol_at_alpha_vantage,
                "05. price": listing.price,
                "06. volume": str(listing.volume),
                "07. latest trading day": day.isoformat(),
                "08. previous close": listing.previous_close or "0.0000",
            }
        }
    )


def exchange_rate(listing: Listing | None) -> Wire:
    if listing is None:
        return SCENARIOS["alpha_vantage"]["invalid_call"]
    refreshed = datetime.fromtimestamp(listing.quote_time, UTC)
    return _json(
        {
            "Realtime Currency Exchange Rate": {
                "1. From_Currency Code": listing.symbol[:3],
                "3. To_Currency Code": listing.symbol[3:6],
                "5. Exchange Rate": listing.price,
                "6. Last Refreshed": f"{refreshed:%Y-%m-%d %H:%M:%S}",
                "7. Time Zone": "UTC",
            }
        }
    )


def symbol_search(listings: Sequence[Listing]) -> Wire:
    matches = [
        {
            "1. symbol": listing.symbol_at_alpha_vantage,
            "2. name": listing.name,
            "8. currency": listing.unit.replace("GBp", "GBX"),
        }
        for listing in listings
    ]
    return _json({"bestMatches": matches})


def _bare(number: str | None) -> str | None:
    """Mark a number that is to stand in the JSON as it is written."""
    return None if number is None else f"@{number}@"


def _json(content: Any) -> Wire:
    return Wire(200, re.sub(r'"@([^"@]+)@"', r"\1", json.dumps(content)).encode())


# -- Failures ----------------------------------------------------------------------------


def _recorded(status: int, name: str, **headers: str) -> Wire:
    kind = {"html": "text/html", "txt": "text/plain", "json": "application/json"}[name.rpartition(".")[2]]
    return Wire(status, recording(name), kind, {key.replace("_", "-"): value for key, value in headers.items()})


@cache
def bomb() -> bytes:
    """32 MiB that travel as a few KiB."""
    return gzip.compress(b" " * (32 * 1024 * 1024), compresslevel=1)


TRANSPORT = {
    "500": Wire(500, b"<html>Internal Server Error</html>", "text/html"),
    "503": Wire(503, b"", "text/plain", {"Retry-After": "7"}),
    "html": Wire(200, b"<!DOCTYPE html><html><body>Welcome</body></html>", "text/html"),
    "no_body": Wire(200, b""),
    "garbage": Wire(200, b"\x00\xff\xfe{]"),
    "list": Wire(200, b"[]"),
    "nested": Wire(200, b"[" * 100_000),
    "redirect": Wire(302, b"", "text/plain", {"Location": "/elsewhere"}),
    "truncated": Wire(200, b'{"chart": {"result": [', manner="truncated"),
    "cut": Wire(200, b'{"chart": {"result": [', manner="cut"),
    "10mb": Wire(200, b" " * (10 * 1024 * 1024)),
    "gzip_bomb": Wire(200, b"", headers={"Content-Encoding": "gzip"}, manner="bomb"),
    "bad_gzip": Wire(200, b"this is not packed", headers={"Content-Encoding": "gzip"}),
    "drip": Wire(200, b"", manner="drip"),
    "drip_headers": Wire(200, b"", manner="drip_headers"),
    "stall": Wire(200, b"", manner="stall"),
    "hang": Wire(200, b"", manner="hang"),
    "not_http": Wire(200, b"220 mail.example.org ESMTP\r\n", manner="bare"),
}
"""What can go wrong at any provider."""

_YAHOO_META = b'{"chart":{"result":[{"meta":{"symbol":"CBA.AX","currency":"AUD","regularMarketTime":1764046800,%s}}]}}'

SCENARIOS: dict[str, dict[str, Wire]] = {
    "yahoo": TRANSPORT
    | {
        "404_json": _recorded(404, "yahoo/404_json.json"),
        "404_html": _recorded(404, "yahoo/404_page.html"),
        "400_range": _recorded(400, "yahoo/400_range.json"),
        "422": _recorded(422, "yahoo/422_interval.json"),
        "429": _recorded(429, "yahoo/429.txt"),
        "429_retry_after": _recorded(429, "yahoo/429.txt", Retry_After="3"),
        "429_as_200": _recorded(200, "yahoo/429_edge.txt"),
        "401_crumb": _recorded(401, "yahoo/401_crumb.json"),
        "consent": _recorded(200, "yahoo/consent.html"),
        "right_back": _recorded(200, "yahoo/right_back.txt"),
        "nan": Wire(200, _YAHOO_META % b'"regularMarketPrice":NaN'),
        "huge_price": Wire(200, _YAHOO_META % b'"regularMarketPrice":1e999'),
        "price_twice": Wire(200, _YAHOO_META % b'"regularMarketPrice":158.4,"regularMarketPrice":1.58'),
        "negative_price": Wire(200, _YAHOO_META % b'"regularMarketPrice":-158.4'),
    },
    "alpha_vantage": TRANSPORT
    | {
        name: _recorded(200, f"alpha_vantage/{name}.json")
        for name in (
            "burst",
            "cap",
            "cap_with_key",
            "legacy_note",
            "premium",
            "premium_function",
            "demo_key",
            "bad_key",
            "invalid_call",
            "quote_empty",
            "empty",
            "only_meta_data",
            "quote_other_security",
            "unheard_of",
        )
    },
}
"""Every failure that can be switched on, by provider and name."""
