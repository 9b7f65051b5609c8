"""Which exchange and currency a symbol belongs to, by its suffix, and what the exchanges are.

Exchanges go by the codes of exchange_calendars (ISO 10383 but for BVMF), beside three of our own:
FX (currency pairs, Sunday to Friday), CRYPTO (always open) and UNKNOWN.

A suffix that is not listed is UNKNOWN: its hours, currency and holidays are not guessed. It counts as open
on weekdays, so such a price grows stale instead of passing for fresh; its currency is what the provider says.
"""

from __future__ import annotations

import re
from typing import NamedTuple

FX = "FX"
CRYPTO = "CRYPTO"
UNKNOWN = "UNKNOWN"

_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
"""Codes of money in use, ISO 4217; minor units, funds and metals are not among them."""


class Exchange(NamedTuple):
    """currency: what most of its instruments trade in, a major unit; None where that differs by symbol."""

    name: str
    timezone: str
    currency: str | None


EXCHANGES = {
    "XASX": Exchange("Australian Securities Exchange", "Australia/Sydney", "AUD"),
    "XNYS": Exchange("New York Stock Exchange and Nasdaq", "America/New_York", "USD"),
    "XLON": Exchange("London Stock Exchange", "Europe/London", "GBP"),
    "XTSE": Exchange("Toronto Stock Exchange", "America/Toronto", "CAD"),
    "XNZE": Exchange("New Zealand Exchange", "Pacific/Auckland", "NZD"),
    "XETR": Exchange("Xetra", "Europe/Berlin", "EUR"),
    "XFRA": Exchange("Frankfurt Stock Exchange", "Europe/Berlin", "EUR"),
    "XPAR": Exchange("Euronext Paris", "Europe/Paris", "EUR"),
    "XAMS": Exchange("Euronext Amsterdam", "Europe/Amsterdam", "EUR"),
    "XBRU": Exchange("Euronext Brussels", "Europe/Brussels", "EUR"),
    "XLIS": Exchange("Euronext Lisbon", "Europe/Lisbon", "EUR"),
    "XDUB": Exchange("Euronext Dublin", "Europe/Dublin", "EUR"),
    "XMIL": Exchange("Borsa Italiana", "Europe/Rome", "EUR"),
    "XMAD": Exchange("Bolsa de Madrid", "Europe/Madrid", "EUR"),
    "XWBO": Exchange("Vienna Stock Exchange", "Europe/Vienna", "EUR"),
    "XHEL": Exchange("Nasdaq Helsinki", "Europe/Helsinki", "EUR"),
    "XSTO": Exchange("Nasdaq Stockholm", "Europe/Stockholm", "SEK"),
    "XCSE": Exchange("Nasdaq Copenhagen", "Europe/Copenhagen", "DKK"),
    "XOSL": Exchange("Oslo Børs", "Europe/Oslo", "NOK"),
    "XICE": Exchange("Nasdaq Iceland", "Atlantic/Reykjavik", "ISK"),
    "XSWX": Exchange("SIX Swiss Exchange", "Europe/Zurich", "CHF"),
    "XWAR": Exchange("Warsaw Stock Exchange", "Europe/Warsaw", "PLN"),
    "XPRA": Exchange("Prague Stock Exchange", "Europe/Prague", "CZK"),
    "XBUD": Exchange("Budapest Stock Exchange", "Europe/Budapest", "HUF"),
    "XIST": Exchange("Borsa Istanbul", "Europe/Istanbul", "TRY"),
    "XHKG": Exchange("Hong Kong Stock Exchange", "Asia/Hong_Kong", "HKD"),
    "XTKS": Exchange("Tokyo Stock Exchange", "Asia/Tokyo", "JPY"),
    "XSES": Exchange("Singapore Exchange", "Asia/Singapore", "SGD"),
    "XBOM": Exchange("Bombay and National Stock Exchange of India", "Asia/Kolkata", "INR"),
    "XKRX": Exchange("Korea Exchange", "Asia/Seoul", "KRW"),
    "XSHG": Exchange("Shanghai and Shenzhen Stock Exchange", "Asia/Shanghai", "CNY"),
    "XTAI": Exchange("Taiwan Stock Exchange", "Asia/Taipei", "TWD"),
    "XIDX": Exchange("Indonesia Stock Exchange", "Asia/Jakarta", "IDR"),
    "XKLS": Exchange("Bursa Malaysia", "Asia/Kuala_Lumpur", "MYR"),
    "XBKK": Exchange("Stock Exchange of Thailand", "Asia/Bangkok", "THB"),
    "XSAU": Exchange("Saudi Exchange", "Asia/Riyadh", "SAR"),
    "XTAE": Exchange("Tel Aviv Stock Exchange", "Asia/Tel_Aviv", "ILS"),
    "XJSE": Exchange("Johannesburg Stock Exchange", "Africa/Johannesburg", "ZAR"),
    "BVMF": Exchange("B3, São Paulo", "America/Sao_Paulo", "BRL"),
    "XMEX": Exchange("Bolsa Mexicana de Valores", "America/Mexico_City", "MXN"),
    "XBUE": Exchange("Buenos Aires Stock Exchange", "America/Argentina/Buenos_Aires", "ARS"),
    "XSGO": Exchange("Santiago Stock Exchange", "America/Santiago", "CLP"),
    "CMES": Exchange("Chicago Mercantile Exchange", "America/Chicago", "USD"),
    FX: Exchange("Foreign exchange", "America/New_York", None),
    CRYPTO: Exchange("Cryptocurrencies", "UTC", None),
    UNKNOWN: Exchange("Unknown exchange", "UTC", None),
}

SUFFIXES = {
    "AX": "XASX",
    "XA": "XASX",
    "L": "XLON",
    "TO": "XTSE",
    "V": "XTSE",
    "NE": "XTSE",
    "CN": "XTSE",
    "NZ": "XNZE",
    "DE": "XETR",
    "F": "XFRA",
    "PA": "XPAR",
    "AS": "XAMS",
    "BR": "XBRU",
    "LS": "XLIS",
    "IR": "XDUB",
    "MI": "XMIL",
    "MC": "XMAD",
    "VI": "XWBO",
    "HE": "XHEL",
    "ST": "XSTO",
    "CO": "XCSE",
    "OL": "XOSL",
    "IC": "XICE",
    "SW": "XSWX",
    "WA": "XWAR",
    "PR": "XPRA",
    "BD": "XBUD",
    "IS": "XIST",
    "HK": "XHKG",
    "T": "XTKS",
    "SI": "XSES",
    "BO": "XBOM",
    "NS": "XBOM",
    "KS": "XKRX",
    "KQ": "XKRX",
    "SS": "XSHG",
    "SZ": "XSHG",
    "TW": "XTAI",
    "TWO": "XTAI",
    "JK": "XIDX",
    "KL": "XKLS",
    "BK": "XBKK",
    "SR": "XSAU",
    "TA": "XTAE",
    "JO": "XJSE",
    "SA": "BVMF",
    "MX": "XMEX",
    "BA": "XBUE",
    "SN": "XSGO",
    "A": "XNYS",
    "B": "XNYS",
}
"""What follows the last dot of a symbol, as Yahoo writes it; A and B are share classes (BRK.B)."""

INDICES = {
    "^AXJO": "XASX",
    "^AORD": "XASX",
    "^AXKO": "XASX",
    "^ATLI": "XASX",
    "^NZ50": "XNZE",
    "^FTSE": "XLON",
    "^FTMC": "XLON",
    "^GSPTSE": "XTSE",
    "^GDAXI": "XETR",
    "^MDAXI": "XETR",
    "^STOXX50E": "XETR",
    "^FCHI": "XPAR",
    "^AEX": "XAMS",
    "^BFX": "XBRU",
    "^SSMI": "XSWX",
    "^OMX": "XSTO",
    "^HSI": "XHKG",
    "^N225": "XTKS",
    "^STI": "XSES",
    "^BSESN": "XBOM",
    "^NSEI": "XBOM",
    "^KS11": "XKRX",
    "^TWII": "XTAI",
    "^BVSP": "BVMF",
    "^MXX": "XMEX",
    "^TA125": "XTAE",
}
"""Indices outside the United States; every other ^symbol is XNYS."""

_PAIR = re.compile(r"(?:[A-Z]{3})?([A-Z]{3})=X")
_COIN = re.compile(r"[A-Z0-9]+-([A-Z]{3})")


def exchange_of(symbol: str) -> str:
    """Return the code of the exchange of *symbol* (upper case): XASX of CBA.AX, XNYS of BRK-B, FX of USDAUD=X."""
    if symbol.startswith("^"):
        return INDICES.get(symbol, "XNYS")
    if symbol.endswith("=X"):
        return FX
    if symbol.endswith("=F"):
        return "CMES"
    coin = _COIN.fullmatch(symbol)
    if coin and coin[1] in CURRENCIES:
        return CRYPTO
    _, dot, suffix = symbol.rpartition(".")
    return SUFFIXES.get(suffix, UNKNOWN) if dot else "XNYS"


def currency_of(symbol: str) -> str | None:
    """Return the ISO 4217 code that *symbol* is usually quoted in; None where that cannot be told.

    Of a pair or a coin it is what one unit costs in: AUD of USDAUD=X, AUD=X and BTC-AUD.
    """
    code = exchange_of(symbol)
    match = {FX: _PAIR, CRYPTO: _COIN}[code].fullmatch(symbol) if code in (FX, CRYPTO) else None
    if match:
        return match[1] if match[1] in CURRENCIES else None
    return exchange_currency(code)


def exchange_currency(exchange: str) -> str | None:
    """Return the ISO 4217 code that most instruments of *exchange* trade in; None of FX, CRYPTO and unknown ones."""
    return EXCHANGES.get(exchange, EXCHANGES[UNKNOWN]).currency


def timezone_of(exchange: str) -> str:
    """Return the IANA name of the exchange's time zone; UTC of one that we do not know."""
    return EXCHANGES.get(exchange, EXCHANGES[UNKNOWN]).timezone


def name_of(exchange: str) -> str:
    """Return what people call the exchange; the code itself of one that we do not know."""
    known = EXCHANGES.get(exchange)
    return known.name if known else exchange
