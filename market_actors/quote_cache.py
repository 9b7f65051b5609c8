"""QuoteCache: the last good price of every symbol; decides what is news, what is stale and what is held back."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from market_actors.actor import MarketActor
from market_actors.calendars import Calendars
from market_actors.domain.exchanges import UNKNOWN, currency_of, exchange_of
from market_actors.domain.freshness import confirmation, is_stale
from market_actors.domain.gate import Action, Held, judge
from market_actors.domain.overrides import IntervalSetting, Override, Scope, present, rules_at
from market_actors.domain.quote import MarketStatus, Price, Quote, StreamPosition
from market_actors.domain.sessions import MarketPhase
from market_actors.errors import NotFound
from market_actors.last_prices import OVERRIDE, quote_of, row_of, shown
from market_actors.messages import (
    Address,
    DecideQuarantine,
    GetPrices,
    LastPricesLoaded,
    ListQuarantine,
    Message,
    PricesWithdrawn,
    PublishedLoaded,
    QuarantinedPrice,
    QuotesChanged,
    QuotesFetched,
    QuotesRecorded,
    RulesChanged,
    SendLastPrices,
    SendPrices,
    SendPublished,
    SendRules,
    Tick,
)
from market_actors.recorder import PriceRecorder, Publication
from persistence.records import LastPrice

logger = logging.getLogger(__name__)

AGE, QUARANTINED = "age", "quarantined"
ASK_AGAIN = 5.0  # seconds after which the last prices and the orders of administrators are asked for again
USUAL_CURRENCY = "USD"  # of a symbol whose currency cannot be told
KEPT_POLLS = 1000  # that wait until the last prices are known, without which no jump can be seen

Answer = Mapping[str, Price] | tuple[QuarantinedPrice, ...] | QuarantinedPrice


class QuoteCache(MarketActor):
    """Knows the prices; what an administrator sets covers them, and they go on beneath.

    Tells the *book* what is news, and the *connections* once *store* and *cache* were told to keep it and the store has.

    positions:     numbers of events, shared by all incarnations of this actor: none may come twice in an epoch.
    stale_seconds: age, beyond its source's delay, at which a price is stale while its exchange is open.
    jump_limit:    share by which a price may move before it must be confirmed.
    """

    def __init__(
        self,
        store: Address,
        cache: Address | None,
        book: Address,
        connections: Address,
        calendars: Calendars,
        *,
        epoch: int,
        positions: Iterator[int],
        stale_seconds: float,
        jump_limit: Decimal,
        now: datetime,
    ) -> None:
        super().__init__()
        self._store = store
        self._cache = cache
        self._book = book
        self._connections = connections
        self._calendars = calendars
        self._epoch = epoch
        self._positions = positions
        self._stale_seconds = stale_seconds
        self._jump_limit = jump_limit
        self._now = now
        self._asked_at = self._monotonic = 0.0
        self._recorder = PriceRecorder(store, cache, connections, self.address, StreamPosition(epoch, 0))
        self._is_loaded = False
        self._backlog: deque[QuotesFetched] = deque(maxlen=KEPT_POLLS)
        self._waiting: list[SendPrices | SendPublished] = []
        self._prices: dict[str, Price] = {}
        self._covers: dict[str, Price] = {}
        self._unrecorded: set[str] = set()
        self._overrides: tuple[Override, ...] = ()
        self._settings: tuple[IntervalSetting, ...] = ()
        self._has_rules = False
        self._rules = rules_at(now, (), ())
        self._held: dict[str, Held] = {}
        self._faults: dict[str, str | None] = {}
        self._phases: dict[str, MarketPhase] = {}

    def on_start(self) -> None:
        self._store.tell(SendRules(self.address))  # first: no price shall be seen that an override covers
        self._store.tell(SendLastPrices(self.address))

    def on_receive(self, message: Message) -> Answer | None:
        match message:
            case QuotesFetched():
                self._fetched(message)
            case LastPricesLoaded(rows):
                self._load(rows)
            case Tick(now, monotonic):
                self._pass_time(now, monotonic)
            case QuotesRecorded(batch, is_kept):
                self._recorder.recorded(batch, is_kept)
            case SendPrices() | SendPublished():
                self._send_prices(message)
            case GetPrices(symbols):
                seen = self._seen()
                return seen if symbols is None else {symbol: seen[symbol] for symbol in symbols if symbol in seen}
            case RulesChanged(overrides, settings):
                self._has_rules = True
                self._overrides, self._settings = overrides, settings
                self._obey(present(self._now, overrides, settings))
            case ListQuarantine():
                held = [self._quarantined(held) for held in self._held.values() if not held.rejected]
                return tuple(sorted(held, key=lambda row: row.since, reverse=True))
            case DecideQuarantine(symbol, accept):
                return self._decide(symbol, accept)
            case _:
                raise TypeError(f"not a message for the quote cache: {message!r}")
        return None

    # -- News --------------------------------------------------------------------------------

    def _fetched(self, message: QuotesFetched) -> None:
        if not self._is_loaded:
            self._backlog.append(message)
            return
        if self._rules.halt is not None or (Scope.PROVIDER, message.provider) in self._rules.disabled:
            return
        news: dict[str, Price] = {}
        accepted = []
        for quote in message.quotes:
            if (Scope.SYMBOL, quote.symbol) in self._rules.disabled:
                continue
            last = self._prices.get(quote.symbol)
            if self._passes(quote, quote.symbol in message.fallbacks):
                price = self._price(quote, quote.provider, last)
                accepted.append(quote.symbol)
            elif last is not None:
                price = self._anew(last)
            else:
                continue
            if last is not None and shown(last) == shown(price):
                self._prices[quote.symbol] = price  # the same, received later
            else:
                news[quote.symbol] = price
        self._publish(news, fresh=frozenset(accepted))

    def _passes(self, quote: Quote, is_fallback: bool) -> bool:
        """Put the quote to the gate; what is held back of its symbol is known afterwards."""
        symbol, last, held = quote.symbol, self._prices.get(quote.symbol), self._held.get(quote.symbol)
        currency = last.currency if last else currency_of(symbol)
        exchange = last.exchange if last else exchange_of(symbol)
        verdict = judge(quote, last, held, currency, exchange, is_fallback, self._now, self._jump_limit)
        if verdict.held is None:
            self._held.pop(symbol, None)
        else:
            self._held[symbol] = verdict.held
        if verdict.action in (Action.HOLD, Action.REFUSE) and self._faults.get(symbol) != verdict.rule:
            logger.warning("%s: the price of %s is not shown: %s", quote.provider, symbol, verdict.rule)
        if verdict.action is not Action.IGNORE:
            self._faults[symbol] = verdict.rule
        return verdict.action is Action.ACCEPT

    def _decide(self, symbol: str, accept: bool) -> QuarantinedPrice:
        held, last = self._held.get(symbol), self._prices.get(symbol)
        if held is None or held.rejected or last is None:
            raise NotFound(f"no price of {symbol} is held back")
        row = self._quarantined(held)
        if accept:
            del self._held[symbol]
            price = self._price(held.quote, held.quote.provider, last)
            self._publish({symbol: price}, fresh=[symbol])
        else:
            self._held[symbol] = held.reject()
            self._publish({symbol: self._anew(last)})
        return row

    def _load(self, rows: Iterable[LastPrice]) -> None:
        """Show the last good prices of before the start. The database answers first; only then the cache is asked."""
        newer = {}
        for row in rows:
            known = self._prices.get(row.symbol)
            if row.source != OVERRIDE and (known is None or known.quote.quote_time < row.quote_time):
                newer[row.symbol] = (row, self._price(quote_of(row), row.source, known))
        if self._is_loaded:
            self._publish({symbol: price for symbol, (_, price) in newer.items()}, fresh=newer)
            return
        self._is_loaded = True
        self._begin(newer.values())
        if self._cache is not None:
            self._cache.tell(SendLastPrices(self.address))
        while self._waiting:
            self._send_prices(self._waiting.pop())
        while self._backlog:
            self._fetched(self._backlog.popleft())

    def _begin(self, loaded: Collection[tuple[LastPrice, Price]]) -> None:
        """Take over where the last server stopped: a price that stands as it did is no news, and keeps its position."""
        restated = {}
        for row, price in loaded:
            position = StreamPosition(row.epoch, row.number)
            self._prices[row.symbol] = price = replace(price, position=position)
            is_elsewhere = row.epoch > self._epoch  # of a server that began after this one
            if is_elsewhere or (row.market_status, row.stale_reason) != (price.market_status, price.stale_reason):
                restated[row.symbol] = price
            if not is_elsewhere:
                self._recorder.published = max(self._recorder.published, position)
        self._publish(restated, self._rules.prices)
        self._book.tell(QuotesChanged(self._seen()))
        self._connections.tell(self._published())

    def _send_prices(self, message: SendPrices | SendPublished) -> None:
        """Send every price, or promise to: who asked shall not take a symbol for one without a price."""
        if not self._is_loaded:
            self._waiting.append(message)
        elif isinstance(message, SendPrices):
            message.reply_to.tell(QuotesChanged(self._seen()))
        else:
            message.reply_to.tell(self._published())

    def _published(self) -> PublishedLoaded:
        waiting = self._recorder.waiting
        prices = {symbol: price for symbol, price in self._seen().items() if symbol not in waiting}
        return PublishedLoaded(prices, self._recorder.published)

    def _publish(self, news: Mapping[str, Price], covered: Iterable[str] = (), fresh: Collection[str] = ()) -> None:
        """Give each its place in the stream, and tell it once.

        covered: symbols whose override may be news as well. Of a price that is covered nobody is told.
        fresh:   symbols whose price is new; the others are the last ones, as they stand now.
        """
        kept = {
            symbol: price if symbol in self._rules.prices else self._numbered(price) for symbol, price in news.items()
        }
        self._prices |= kept
        covers = self._new_covers({*news, *covered})
        self._covers |= covers
        told = {symbol: price for symbol, price in kept.items() if symbol not in self._rules.prices}
        told |= covers
        if told:
            self._book.tell(QuotesChanged(told))
        hidden = {symbol for symbol in fresh if symbol in kept and symbol in self._rules.prices}
        self._unrecorded |= hidden
        self._recorder.record(
            [
                Publication(price, self._row(price), symbol in fresh and symbol not in hidden)
                for symbol, price in sorted(told.items(), key=lambda item: item[1].position)
            ],
            [self._row(kept[symbol]) for symbol in hidden],
        )

    def _numbered(self, price: Price) -> Price:
        return replace(price, position=StreamPosition(self._epoch, next(self._positions)))

    def _row(self, price: Price) -> LastPrice:
        return row_of(price, self._calendars.sessions(price.exchange, price.quote.quote_time))

    # -- What administrators set -------------------------------------------------------------

    def _obey(self, now: datetime) -> None:
        """Show the prices that are set from now on, and again the providers' where an override has ended."""
        before, self._rules = self._rules.prices, rules_at(now, self._overrides, self._settings)
        if not self._is_loaded or before == self._rules.prices:
            return
        over = [symbol for symbol in self._covers if symbol not in self._rules.prices]
        for symbol in over:
            del self._covers[symbol]
        back = {symbol: self._anew(self._prices[symbol]) for symbol in over if symbol in self._prices}
        new = {symbol for symbol, override in self._rules.prices.items() if before.get(symbol) != override}
        self._publish(back, self._rules.prices, fresh=new | (self._unrecorded & back.keys()))
        self._unrecorded -= back.keys()
        gone = frozenset(over) - back.keys()
        if gone:
            for address in (self._book, self._connections):
                address.tell(PricesWithdrawn(gone))

    def _seen(self) -> dict[str, Price]:
        return self._prices | self._covers

    def _new_covers(self, symbols: Iterable[str]) -> Mapping[str, Price]:
        """Return the prices set for these symbols, where readers see them otherwise at present."""
        found = {}
        for symbol in symbols:
            override = self._rules.prices.get(symbol)
            if override is not None:
                cover, known = self._cover(symbol, override), self._covers.get(symbol)
                if known is None or shown(known) != shown(cover):
                    found[symbol] = self._numbered(cover)
        return found

    def _cover(self, symbol: str, override: Override) -> Price:
        """The price that is set, in place of the last good one if there is any. No age makes it stale."""
        assert override.price is not None
        last = self._prices.get(symbol)
        moment = override.effective_time
        quote = Quote(
            symbol=symbol,
            provider=OVERRIDE,
            price=override.price,
            currency=last.currency if last else currency_of(symbol) or USUAL_CURRENCY,
            quote_time=moment,
            received_at=moment,
            previous_close=last.quote.previous_close if last else None,
            exchange=last.exchange if last else None,
            name=last.quote.name if last else None,
        )
        return replace(self._price(quote, OVERRIDE, last), is_stale=False, stale_reason=None)

    # -- Time --------------------------------------------------------------------------------

    def _pass_time(self, now: datetime, monotonic: float) -> None:
        self._now, self._monotonic = now, monotonic
        self._recorder.pass_time(monotonic)
        self._phases.clear()
        if not self._is_loaded and monotonic - self._asked_at >= ASK_AGAIN:
            self._asked_at = monotonic
            if not self._has_rules:
                self._store.tell(SendRules(self.address))
            self._store.tell(SendLastPrices(self.address))
        self._obey(now)
        news = {}
        for symbol, price in self._prices.items():
            if self._state(price.quote, price.exchange) != (price.market_status, price.stale_reason):
                news[symbol] = self._anew(price)
        self._publish(news, self._covers)

    def _phase(self, exchange: str) -> MarketPhase:
        """Of this second: asked of the calendar once a tick."""
        if exchange not in self._phases:
            self._phases[exchange] = self._calendars.phase(exchange, self._now)
        return self._phases[exchange]

    # -- A price -----------------------------------------------------------------------------

    def _price(self, quote: Quote, source: str, last: Price | None) -> Price:
        """Make a price of a good quote, at the place of the last one; a name that its source does not tell is kept."""
        if quote.name is None and last is not None:
            quote = replace(quote, name=last.quote.name)
        exchange = exchange_of(quote.symbol)
        if exchange == UNKNOWN:  # a suffix that we do not know, but the source may
            exchange = quote.exchange or (last.exchange if last else UNKNOWN)
        status, stale_reason = self._state(quote, exchange)
        return Price(
            quote=quote,
            source=source,
            exchange=exchange,
            market_status=status,
            confirmation=confirmation(quote, self._calendars.sessions(exchange, quote.quote_time)),
            is_stale=stale_reason is not None,
            stale_reason=stale_reason,
            position=last.position if last else StreamPosition(self._epoch, 0),
        )

    def _anew(self, price: Price) -> Price:
        """The same price, as it stands now."""
        status, stale_reason = self._state(price.quote, price.exchange)
        return replace(
            price,
            market_status=status,
            is_stale=stale_reason is not None,
            stale_reason=stale_reason,
        )

    def _state(self, quote: Quote, exchange: str) -> tuple[MarketStatus, str | None]:
        phase = self._phase(exchange)
        held = self._held.get(quote.symbol)
        if held is not None and not held.rejected:
            return phase.status, QUARANTINED
        age = (self._now - quote.quote_time).total_seconds()
        is_old = is_stale(phase.is_open, age, quote.delay_seconds, self._stale_seconds)
        return phase.status, AGE if is_old else None

    def _quarantined(self, held: Held) -> QuarantinedPrice:
        quote = held.quote
        last_good = self._prices[quote.symbol].value
        return QuarantinedPrice(quote.symbol, quote.provider, quote.price, last_good, held.rule, held.since)
