"""A portfolio book among remembering neighbours, with positions that the test sends for the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from market_actors.actor import Address, Reply
from market_actors.book import PortfolioBook
from market_actors.domain.position import Holdings, Position
from market_actors.domain.quote import Confirmation, MarketStatus, Price, Quote, StreamPosition
from market_actors.domain.valuation import Valuation
from market_actors.messages import (
    BookLoaded,
    GetValuation,
    Message,
    Ping,
    PortfolioRemoved,
    PositionsChanged,
    QuotesChanged,
    SendPositions,
    Tick,
)
from persistence.records import BookEntry
from tests.doubles import Remembered

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
USER = UUID(int=1)


def a_price(symbol: str, amount: str, number: int, currency: str = "AUD") -> Price:
    quote = Quote(symbol, "yahoo", Decimal(amount), currency, NOW, NOW)
    position = StreamPosition(1, number)
    return Price(quote, "yahoo", "XASX", MarketStatus.OPEN, Confirmation.INTRADAY, False, None, position)


class World:
    """A book among remembering neighbours, with positions that the test sends for the store."""

    def __init__(self, with_cache: bool = False, prices_known: bool = True) -> None:
        self.store, self.connections, self.scheduler, self.quotes = (
            Remembered(),
            Remembered(),
            Remembered(),
            Remembered(),
        )
        self.cache = Remembered() if with_cache else None
        ref = PortfolioBook.start(self.store, self.connections, self.scheduler, self.quotes, self.cache, NOW)
        self.book = Address("book", ref)
        self.monotonic = 1000.0
        self.numbers = iter(range(1, 1000))
        self.positions: dict[UUID, Holdings] = {}
        self.tick(0)
        if prices_known:
            self.prices()

    def tell(self, *messages: Message) -> None:
        for message in messages:
            self.book.tell(message)
        self.book.ask(Ping()).get(timeout=5)

    def tick(self, seconds: float) -> None:
        self.monotonic += seconds
        self.tell(Tick(NOW + timedelta(seconds=self.monotonic - 1000), self.monotonic))

    def prices(self, **by_symbol: str | tuple[str, str]) -> None:
        found = {}
        for name, price in by_symbol.items():
            symbol = name.replace("_AX", ".AX").replace("_X", "=X")
            amount, currency = price if isinstance(price, tuple) else (price, "AUD")
            found[symbol] = a_price(symbol, amount, next(self.numbers), currency)
        self.tell(QuotesChanged(found))

    def hold(self, portfolio_id: UUID, version: int = 1, **quantities: str) -> Holdings:
        positions = tuple(
            Position(name.replace("_AX", ".AX"), Decimal(quantity), Decimal(1), "AUD")
            for name, quantity in quantities.items()
        )
        self.positions[portfolio_id] = Holdings(portfolio_id, USER, "AUD", version, positions)
        return self.positions[portfolio_id]

    def load(self, *portfolio_ids: UUID) -> None:
        entries = (self.positions[portfolio_id] for portfolio_id in portfolio_ids)
        self.tell(
            BookLoaded(
                tuple(
                    BookEntry(
                        h.portfolio_id,
                        USER,
                        "AUD",
                        h.version,
                        tuple((p.symbol, "AUD", p.quantity) for p in h.positions),
                    )
                    for h in entries
                )
            )
        )

    def answer_for_the_store(self) -> list[UUID]:
        """Send the positions that were asked for; return whose."""
        asked = [portfolio_id for message in self.store.all(SendPositions) for portfolio_id in message.portfolio_ids]
        self.store.messages = [m for m in self.store.messages if not isinstance(m, SendPositions)]
        self.tell(PositionsChanged(tuple(self.positions[i] for i in asked if i in self.positions)))
        for portfolio_id in asked:
            if portfolio_id not in self.positions:
                self.tell(PortfolioRemoved(portfolio_id))
        return asked

    def ask(self, portfolio_id: UUID) -> Reply:
        reply = self.book.ask(GetValuation(portfolio_id))
        self.book.ask(Ping()).get(timeout=5)
        return reply

    def value(self, portfolio_id: UUID) -> Valuation:
        reply = self.ask(portfolio_id)
        self.answer_for_the_store()
        return reply.get(timeout=5)
