"""An invented market: prices that walk at random around plausible ones, for the demonstration and for tests.

It knows every well-formed symbol but NOPE, NOSUCH and UNKNOWN (with any suffix), which nobody knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

from market_actors.domain.exchanges import CRYPTO, CURRENCIES, FX, currency_of, exchange_of
from market_actors.domain.quote import Quote
from market_actors.errors import ErrorKind, ProviderError
from market_actors.providers.base import Fetched, Provider
from persistence.records import Instrument

NAME = "simulated"
UNKNOWN_NAMES = frozenset({"NOPE", "NOSUCH", "UNKNOWN"})

LARGEST_STEP = 30  # hundredths of a percent
PULLED_STEP = 10  # the same, away from the base of a price that has strayed
STRAYED = Decimal("1.2")

KNOWN: Mapping[str, tuple[str, str]] = {
    "CBA.AX": ("Commonwealth Bank of Australia", "158.40"),
    "BHP.AX": ("BHP Group Limited", "41.52"),
    "CSL.AX": ("CSL Limited", "182.75"),
    "NAB.AX": ("National Australia Bank Limited", "42.10"),
    "WBC.AX": ("Westpac Banking Corporation", "38.25"),
    "ANZ.AX": ("ANZ Group Holdings Limited", "35.60"),
    "WES.AX": ("Wesfarmers Limited", "82.30"),
    "MQG.AX": ("Macquarie Group Limited", "199.85"),
    "TLS.AX": ("Telstra Group Limited", "4.92"),
    "WOW.AX": ("Woolworths Group Limited", "29.14"),
    "FMG.AX": ("Fortescue Limited", "20.35"),
    "RIO.AX": ("Rio Tinto Limited", "131.20"),
    "WDS.AX": ("Woodside Energy Group Ltd", "25.48"),
    "GMG.AX": ("Goodman Group", "30.72"),
    "COL.AX": ("Coles Group Limited", "22.05"),
    "VAS.AX": ("Vanguard Australian Shares Index ETF", "107.90"),
    "^AXJO": ("S&P/ASX 200", "8640.50"),
    "AAPL": ("Apple Inc.", "268.40"),
    "MSFT": ("Microsoft Corporation", "497.10"),
    "GOOG": ("Alphabet Inc.", "279.70"),
    "AMZN": ("Amazon.com, Inc.", "244.20"),
    "NVDA": ("NVIDIA Corporation", "188.15"),
    "META": ("Meta Platforms, Inc.", "621.70"),
    "TSLA": ("Tesla, Inc.", "429.50"),
    "BRK-B": ("Berkshire Hathaway Inc.", "498.30"),
    "JPM": ("JPMorgan Chase & Co.", "314.20"),
    "V": ("Visa Inc.", "336.00"),
    "JNJ": ("Johnson & Johnson", "186.60"),
    "KO": ("The Coca-Cola Company", "70.55"),
    "IBM": ("International Business Machines Corporation", "306.40"),
    "VOO": ("Vanguard S&P 500 ETF", "616.90"),
    "SHEL.L": ("Shell plc", "28.41"),
    "AZN.L": ("AstraZeneca PLC", "126.74"),
    "HSBA.L": ("HSBC Holdings plc", "10.62"),
    "BP.L": ("BP p.l.c.", "4.58"),
    "TSCO.L": ("Tesco PLC", "4.50"),
    "VOD.L": ("Vodafone Group Public Limited Company", "0.9120"),
    "BTC-AUD": ("Bitcoin in Australian dollars", "156400.00"),
    "BTC-USD": ("Bitcoin in US dollars", "101850.00"),
}
"""Name and price around which it walks, in major units; invented, of the order of late 2025."""

DOLLARS = {
    "USD": "1",
    "AUD": "0.6521",
    "EUR": "1.1563",
    "GBP": "1.3160",
    "NZD": "0.5628",
    "CAD": "0.7118",
    "CHF": "1.2420",
    "JPY": "0.006518",
    "SGD": "0.7680",
    "HKD": "0.1286",
    "CNY": "0.1404",
    "INR": "0.01128",
    "SEK": "0.1050",
    "ZAR": "0.0577",
    "ILS": "0.3070",
}
"""What one unit of a currency is worth in US dollars."""


@dataclass(slots=True)
class Walk:
    """Where a symbol stands, on *day* (UTC)."""

    random: Random
    base: Decimal
    tick: Decimal
    price: Decimal
    previous_close: Decimal
    volume: int
    day: date

    def step(self, today: date) -> None:
        if today != self.day:
            self.day, self.previous_close, self.volume = today, self.price, 0
        lowest = PULLED_STEP if self.price < self.base / STRAYED else LARGEST_STEP
        highest = PULLED_STEP if self.price > self.base * STRAYED else LARGEST_STEP
        change = Decimal(self.random.randint(-lowest, highest)).scaleb(-4)
        self.price = max((self.price * (1 + change)).quantize(self.tick), self.tick)
        self.volume += self.random.randint(0, 5000)


class Simulated(Provider):
    """Every fetch moves each price by 0.3 % at most; the same *seed* gives the same prices.

    now: the wall clock, aware, UTC.
    """

    name = NAME
    quota = None
    batch_size = 500

    def __init__(self, seed: int = 0, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._seed = seed
        self._now = now
        self._walks: dict[str, Walk] = {}

    def covers(self, exchange: str) -> bool:
        return True

    def fetch(self, symbols: Sequence[str]) -> Fetched:
        unknown = ProviderError(ErrorKind.UNKNOWN_SYMBOL, "no such symbol")
        now = self._now()
        quotes = []
        failures = {}
        for symbol in symbols:
            currency = _currency(symbol)
            if currency is None:
                failures[symbol] = unknown
            else:
                quotes.append(self._quote(symbol, currency, now))
        return Fetched(tuple(quotes), failures)

    def search(self, text: str) -> tuple[Instrument, ...]:
        sought = text.casefold()
        return tuple(
            Instrument(symbol, name, exchange_of(symbol), _currency(symbol) or "USD")
            for symbol, (name, _) in KNOWN.items()
            if symbol.casefold().startswith(sought) or sought in name.casefold()
        )

    def _quote(self, symbol: str, currency: str, now: datetime) -> Quote:
        walk = self._walks.get(symbol)
        if walk is None:
            walk = self._walks[symbol] = self._begin(symbol, now.date())
        walk.step(now.date())
        return Quote(
            symbol=symbol,
            provider=NAME,
            price=walk.price,
            currency=currency,
            quote_time=now,
            received_at=now,
            previous_close=walk.previous_close,
            volume=None if exchange_of(symbol) == FX else walk.volume,
            exchange=exchange_of(symbol),
            name=KNOWN[symbol][0] if symbol in KNOWN else None,
        )

    def _begin(self, symbol: str, today: date) -> Walk:
        base, tick = _base(symbol)
        return Walk(Random(f"{self._seed}/{symbol}"), base, tick, base, base, 0, today)


def _currency(symbol: str) -> str | None:
    """Return what *symbol* is quoted in, or None of a symbol that nobody knows."""
    if symbol.partition(".")[0] in UNKNOWN_NAMES:
        return None
    codes = symbol.removesuffix("=X")
    if exchange_of(symbol) == FX and not {codes[:3], codes[-3:]} <= CURRENCIES:
        return None
    known = currency_of(symbol)
    return known if known is not None or exchange_of(symbol) in (FX, CRYPTO) else "USD"


def _base(symbol: str) -> tuple[Decimal, Decimal]:
    """Return the price around which *symbol* walks, and the smallest step of it."""
    if symbol in KNOWN:
        base = Decimal(KNOWN[symbol][1])
    elif exchange_of(symbol) == FX:
        codes = symbol.removesuffix("=X")
        source, target = (codes[:3], codes[3:]) if len(codes) == 6 else ("USD", codes)
        rate = Decimal(DOLLARS.get(source, "1")) / Decimal(DOLLARS.get(target, "1"))
        tick = Decimal("0.0001") if rate >= Decimal("0.1") else Decimal("0.000001")
        return max(rate.quantize(tick), tick), tick
    else:
        digest = hashlib.sha256(symbol.encode()).digest()
        base = Decimal(100 + int.from_bytes(digest[:4]) % 29900).scaleb(-2)
    return base, Decimal("0.0001") if base < 2 else Decimal("0.01")
