"""Ten thousand valuation actors: their memory, and the time from a batch of prices to the last value.

python -m tests.performance.valuations [PORTFOLIOS]
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from market_actors.actor import Address
from market_actors.book import PortfolioBook
from market_actors.domain.position import Holdings, Position
from market_actors.domain.quote import Confirmation, MarketStatus, Price, Quote, StreamPosition
from market_actors.messages import (
    BookLoaded,
    Follow,
    Message,
    Ping,
    PortfolioValued,
    PositionsChanged,
    QuotesChanged,
    SendPositions,
    Tick,
)
from persistence.records import BookEntry

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SYMBOLS = [f"S{number}.AX" for number in range(500)]
HOLDINGS = 20
CHANGED = 60


class Counter:
    """Stands where the streams are: counts values, and notes when the expected number has come."""

    def __init__(self) -> None:
        self.count = 0
        self.expected = 0
        self.complete = threading.Event()
        self._lock = threading.Lock()

    def expect(self, count: int) -> None:
        self.count, self.expected = 0, count
        self.complete.clear()

    def tell(self, message: Message) -> None:
        if isinstance(message, PortfolioValued):
            with self._lock:
                self.count += 1
                if self.count == self.expected:
                    self.complete.set()


class Positions:
    """Stands where the store is: sends the positions that are asked for."""

    def __init__(self, portfolios: dict[UUID, Holdings]) -> None:
        self.portfolios = portfolios

    def tell(self, message: Message) -> None:
        if isinstance(message, SendPositions):
            message.reply_to.tell(PositionsChanged(tuple(self.portfolios[i] for i in message.portfolio_ids)))


class Nobody:
    def tell(self, message: Message) -> None:
        pass


def price(symbol: str, amount: int, number: int) -> Price:
    quote = Quote(symbol, "simulated", Decimal(amount).scaleb(-2), "AUD", NOW, NOW, Decimal(100))
    position = StreamPosition(1, number)
    return Price(quote, "simulated", "XASX", MarketStatus.OPEN, Confirmation.INTRADAY, False, None, position)


def portfolio(number: int) -> Holdings:
    """Twenty of the symbols, of which any batch of 60 touches a few."""
    symbols = [SYMBOLS[(number * 7 + step * 25) % len(SYMBOLS)] for step in range(HOLDINGS)]
    positions = tuple(Position(symbol, Decimal("10.5"), Decimal("99.95"), "AUD") for symbol in symbols)
    return Holdings(uuid4(), UUID(int=number), "AUD", 1, positions)


def resident() -> int:
    """This process's resident memory in bytes."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def measure(count: int, rounds: int = 5) -> dict[str, float]:
    """Return memory a portfolio (KiB), the time to start all (s), and that of each batch to the last value (s)."""
    portfolios = {holdings.portfolio_id: holdings for holdings in map(portfolio, range(count))}
    streams, nobody = Counter(), Nobody()
    book = Address("book", PortfolioBook.start(Positions(portfolios), streams, nobody, nobody, None, NOW))
    entries = tuple(
        BookEntry(h.portfolio_id, h.user_id, "AUD", 1, tuple((p.symbol, "AUD", p.quantity) for p in h.positions))
        for h in portfolios.values()
    )
    book.tell(Tick(NOW, 0.0))
    book.tell(BookLoaded(entries))
    book.tell(QuotesChanged({symbol: price(symbol, 10_000, n) for n, symbol in enumerate(SYMBOLS)}))
    book.ask(Ping()).get(timeout=60)
    gc.collect()
    before = resident()
    begin = time.perf_counter()
    streams.expect(count)
    book.tell(Follow(tuple(portfolios)))
    if not streams.complete.wait(120):
        raise AssertionError(f"only {streams.count} of {count} portfolios were valued")
    started = time.perf_counter() - begin
    gc.collect()
    memory = (resident() - before) / count / 1024
    times = []
    for round_ in range(rounds):
        changed = [SYMBOLS[(round_ * 13 + step * 8) % len(SYMBOLS)] for step in range(CHANGED)]
        touched = sum(bool({p.symbol for p in h.positions} & set(changed)) for h in portfolios.values())
        streams.expect(touched)
        begin = time.perf_counter()
        book.tell(QuotesChanged({s: price(s, 10_001 + round_, 1000 + round_ * 100 + n) for n, s in enumerate(changed)}))
        if not streams.complete.wait(120):
            raise AssertionError(f"only {streams.count} of {touched} portfolios were revalued")
        times.append(time.perf_counter() - begin)
    book.stop().get(timeout=60)
    times.sort()
    return {
        "portfolios": count,
        "KiB a portfolio": memory,
        "start s": started,
        "touched": touched,
        "batch to last value, median s": times[len(times) // 2],
        "batch to last value, max s": times[-1],
    }


def main() -> None:
    result = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    print("| " + " | ".join(result) + " |")
    print("|" + "---:|" * len(result))
    print("| " + " | ".join(f"{value:,.2f}" for value in result.values()) + " |")


if __name__ == "__main__":
    main()
