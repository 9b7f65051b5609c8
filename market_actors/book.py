"""PortfolioBook: who holds what; starts valuation actors when they are needed and retires the idle."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from sys import intern
from uuid import UUID

from market_actors.actor import Address, MarketActor, Reply
from market_actors.domain.exchanges import currency_of
from market_actors.domain.holders import Entry, HolderIndex
from market_actors.domain.news import NewsQueue
from market_actors.domain.points import PointsDue
from market_actors.domain.position import Holdings
from market_actors.domain.quote import Price
from market_actors.domain.stakes import Held, StakeCount
from market_actors.domain.valuation import Valuation
from market_actors.errors import Unavailable, UnknownPortfolio
from market_actors.messages import (
    Announce,
    BookLoaded,
    DemandChanged,
    DropValuations,
    Follow,
    Followed,
    GetValuation,
    HandOut,
    HoldersChanged,
    Message,
    PortfolioRemoved,
    PositionsChanged,
    PositionsUnavailable,
    PricesWithdrawn,
    QuotesChanged,
    RecallValuation,
    Revalue,
    SendBook,
    SendPositions,
    SendPrices,
    StakesChanged,
    Tick,
    Unfollow,
    ValuationCrashed,
    ValuationRecalled,
)
from market_actors.valuation import ValuationActor
from persistence.records import BookEntry

logger = logging.getLogger(__name__)

IDLE = 60.0  # seconds without a viewer or a question after which a valuation actor is retired when its turn comes
VALUE_EVERY = 900.0  # seconds between two points in the history of a portfolio that nobody watches
RETELL = 5.0  # seconds after which what was told or asked is repeated, for an actor that was restarted meanwhile
LAG = 8  # messages waiting at a valuation above which it is owed the next prices: the latest of a symbol is enough
COUNT_EVERY = 20.0  # seconds after which what hangs on each symbol is counted anew, unless the last count takes longer
HANDED = 100  # valuations told of news before those who ask get their answers
CHUNK = 100  # portfolios loaded from the store at once when nobody waits for them
LOOKED_AFTER = 500  # valuations that are looked after at a tick: does it live, does anybody need it


@dataclass(slots=True)
class Live:
    """A running valuation actor, and the symbols it was not told of because it lags; needed_at is monotonic."""

    address: Address
    needed_at: float
    owed: frozenset[str] = frozenset()


@dataclass(slots=True)
class Wanted:
    """A portfolio whose positions are on their way, and who waits for its value; asked_at is monotonic."""

    asked_at: float
    replies: list[Reply] = field(default_factory=list)


class PortfolioBook(MarketActor):
    """Knows the holders of every symbol, and hands each valuation actor the prices it needs.

    Upstream addresses (scheduler, quotes) are where demand is told and prices are asked for.
    """

    def __init__(
        self,
        store: Address,
        connections: Address,
        scheduler: Address,
        quotes: Address,
        cache: Address | None,
        now: datetime,
    ) -> None:
        super().__init__()
        self._store = store
        self._scheduler = scheduler
        self._quotes = quotes
        self._cache = cache
        self._audience = (connections,) if cache is None else (connections, cache)
        self._index = HolderIndex()
        self._prices: Mapping[str, Price] = {}  # never changed, but replaced: valuations read it on their own threads
        self._news = NewsQueue()
        self._live: dict[UUID, Live] = {}
        self._owing: set[UUID] = set()  # those that lagged when there was news
        self._round: list[UUID] = []  # those that are still to be looked after
        self._ahead: list[UUID] = []  # those that are to be looked after before their turn
        self._wanted: dict[UUID, Wanted] = {}
        self._recalls: dict[UUID, list[Reply]] = {}
        self._background: deque[UUID] = deque()
        self._points = PointsDue(VALUE_EVERY)
        self._unread: set[UUID] = set()
        self._followed: set[UUID] = set()
        self._is_loaded = self._is_primed = False
        self._early: list[Holdings] = []
        self._now = now
        self._monotonic = 0.0
        self._told_at = self._asked_at = self._counted_at = float("-inf")
        self._told: frozenset[str] | None = None
        self._stakes = StakeCount()

    def on_start(self) -> None:
        self._store.tell(SendBook(self.address))
        self._quotes.tell(SendPrices(self.address))

    def on_stop(self) -> None:
        while self._news:
            self._hand_out()
        self._stop_all()

    def on_failure(self, *_args: object) -> None:
        self._stop_all()

    def _stop_all(self) -> None:
        for live in self._live.values():
            live.address.stop()

    def on_receive(self, message: Message) -> Reply | None:
        match message:
            case QuotesChanged(prices):
                self._spread(prices)
                self._prime()
            case HandOut():
                self._hand_out()
            case PricesWithdrawn(symbols):
                self._withdraw(symbols)
            case GetValuation(portfolio_id):
                return self._answer(portfolio_id)
            case Follow(portfolio_ids):
                self._follow(portfolio_ids)
            case Unfollow(portfolio_ids):
                self._followed.difference_update(portfolio_ids)
            case Followed(portfolio_ids):
                self._followed.intersection_update(portfolio_ids)
                self._follow(portfolio_ids - self._followed)
            case PositionsChanged(all_holdings):
                for holdings in all_holdings:
                    self._positions_changed(holdings)
            case PositionsUnavailable(portfolio_ids):
                self._positions_unavailable(portfolio_ids)
            case PortfolioRemoved(portfolio_id):
                self._remove(portfolio_id)
            case ValuationRecalled(portfolio_id, valuation):
                self._recalled(portfolio_id, valuation)
            case ValuationCrashed(portfolio_id):
                self._ahead.append(portfolio_id)
            case BookLoaded(entries):
                self._load(entries)
            case Tick(now, monotonic):
                self._tick(now, monotonic)
            case _:
                raise TypeError(f"not a message for the book: {message!r}")
        return None

    # -- Who holds what ------------------------------------------------------------------

    def _load(self, entries: Iterable[BookEntry]) -> None:
        self._is_loaded = True
        for entry in entries:
            known = self._index.get(entry.portfolio_id)
            if known is None or known.version <= entry.version:
                held = tuple(
                    Held(intern(symbol), intern(currency), float(quantity)) for symbol, currency, quantity in entry.held
                )
                self._enter(entry.portfolio_id, Entry(entry.user_id, entry.base_currency, entry.version, held))
        self._tell_demand()

    def _enter(self, portfolio_id: UUID, entry: Entry) -> None:
        self._index.put(portfolio_id, entry, self._prices)
        self._points.add(portfolio_id)

    def _remove(self, portfolio_id: UUID) -> None:
        if self._index.remove(portfolio_id):
            self._tell_demand()
        self._followed.discard(portfolio_id)
        self._points.remove(portfolio_id)
        self._retire(portfolio_id)
        wanted = self._wanted.pop(portfolio_id, None)
        for reply in wanted.replies if wanted else ():
            reply.fail(UnknownPortfolio(f"no portfolio {portfolio_id}"))

    def _tell_demand(self) -> None:
        demand = self._index.symbols
        if demand != self._told or self._monotonic - self._told_at >= RETELL:
            self._told, self._told_at = demand, self._monotonic
            self._tell_holders()
            self._scheduler.tell(DemandChanged("held", demand))

    def _tell_holders(self) -> None:
        self._scheduler.tell(HoldersChanged("held", self._index.holders(), self._index.owners()))

    # -- Prices and positions ------------------------------------------------------------

    def _spread(self, prices: Mapping[str, Price]) -> None:
        """Have prices handed to the valuations that need them; wake those that have not been valued for long."""
        moved = [symbol for symbol, price in prices.items() if self._has_new_currency(price)]
        self._stakes.moved(self._prices, prices)
        self._prices = {**self._prices, **prices}
        if moved:
            self._index.requote(moved, self._prices)
            self._tell_demand()
        holders = self._index.holding(prices)
        live = self._live.keys() & holders
        for portfolio_id in self._points.among(holders):
            self._points.note(portfolio_id, self._monotonic)
            if portfolio_id not in live:  # these see to their history themselves
                self._background.append(portfolio_id)
        if self._cache is not None and len(live) < len(holders):
            self._cache.tell(DropValuations(tuple(holders - live)))
        if live:
            self._news.put(frozenset(prices), live)
            if len(self._news) == 1:
                self._hand_out()

    def _hand_out(self) -> None:
        """Tell some of those whom the oldest news concern; who asks meanwhile shall not wait for thousands."""
        touched, chosen = self._news.take(HANDED)
        news = Revalue(self._prices, touched, self._now)
        for portfolio_id in chosen:
            live = self._live.get(portfolio_id)
            if live is not None:
                self._revalue(portfolio_id, live, news)
        if self._news:
            self.address.tell(HandOut())

    def _tell_before_its_turn(self, portfolio_id: UUID, live: Live) -> None:
        """Let a valuation that is asked for be of the prices that are known: who asks may have seen them."""
        touched = self._news.take_of(portfolio_id)
        if touched:
            self._revalue(portfolio_id, live, Revalue(self._prices, touched, self._now))

    def _revalue(self, portfolio_id: UUID, live: Live, news: Revalue) -> None:
        """Tell a valuation of the news, and of what it is owed; or owe it these as well."""
        touched = news.touched | live.owed if live.owed else news.touched
        if live.address.inbox_size < LAG:
            live.address.tell(news if touched is news.touched else replace(news, touched=touched))
            live.owed = frozenset()
        else:
            live.owed = touched
            self._owing.add(portfolio_id)

    def _withdraw(self, symbols: Collection[str]) -> None:
        """These have no price any more: whoever counted it is valued anew."""
        touched = self._index.holding(symbols)
        self._prices = {symbol: price for symbol, price in self._prices.items() if symbol not in symbols}
        for portfolio_id in touched & self._live.keys():
            self._retire(portfolio_id)
            if portfolio_id in self._followed:
                self._want_now(portfolio_id)
        if touched and self._cache is not None:
            self._cache.tell(DropValuations(tuple(touched)))

    def _has_new_currency(self, price: Price) -> bool:
        known = self._prices.get(price.symbol)
        return (known.currency if known else currency_of(price.symbol)) != price.currency

    def _positions_changed(self, holdings: Holdings) -> None:
        portfolio_id = holdings.portfolio_id
        known = self._index.get(portfolio_id)
        if known is None or known.version < holdings.version:
            held = tuple(
                Held(position.symbol, position.currency, float(position.quantity)) for position in holdings.positions
            )
            self._enter(portfolio_id, Entry(holdings.user_id, holdings.base_currency, holdings.version, held))
            self._tell_demand()
            live = self._live.get(portfolio_id)
            if live is not None:
                live.address.tell(Revalue(self._prices, frozenset(), self._now, holdings))
                live.owed = frozenset()
        if portfolio_id in self._wanted and not self._is_primed:
            self._early.append(holdings)
            return
        wanted = self._wanted.pop(portfolio_id, None)
        if wanted is not None:
            live = self._live.get(portfolio_id)
            if live is None or not live.address.is_alive:
                live = self._start(holdings)
                if not wanted.replies and portfolio_id not in self._followed:
                    live.needed_at = float(
                        "-inf"
                    )  # nobody has asked for it yet when the next tick comes: it is retired
                    self._ahead.append(portfolio_id)
            self._tell_before_its_turn(portfolio_id, live)
            for reply in wanted.replies:
                reply.set(live.address.ask(GetValuation(portfolio_id)))

    def _positions_unavailable(self, portfolio_ids: Iterable[UUID]) -> None:
        """Let nobody wait for what cannot be read; it may have changed, so it is asked for until it can."""
        for portfolio_id in portfolio_ids:
            self._unread.add(portfolio_id)
            wanted = self._wanted.pop(portfolio_id, None)
            for reply in wanted.replies if wanted else ():
                reply.fail(Unavailable("the database cannot be reached"))

    def _prime(self) -> None:
        """The last good prices are known: valuations that were wanted before can be made of them."""
        self._is_primed = True
        while self._early:
            self._positions_changed(self._early.pop())

    # -- Valuation actors ----------------------------------------------------------------

    def _start(self, holdings: Holdings) -> Live:
        ref = ValuationActor.start(holdings, self._prices, self._now, self._store, self._audience, self.address)
        live = self._live[holdings.portfolio_id] = Live(Address("valuation", ref), self._monotonic)
        self._points.note(holdings.portfolio_id, self._monotonic)
        return live

    def _retire(self, portfolio_id: UUID) -> None:
        live = self._live.pop(portfolio_id, None)
        if live is not None:
            live.address.stop()

    def _answer(self, portfolio_id: UUID) -> Reply:
        live = self._live.get(portfolio_id)
        if live is not None and live.address.is_alive:
            live.needed_at = self._monotonic
            self._tell_before_its_turn(portfolio_id, live)
            return live.address.ask(GetValuation(portfolio_id))
        reply = Reply()
        if self._cache is not None and portfolio_id in self._index and portfolio_id not in self._wanted:
            self._recalls.setdefault(portfolio_id, []).append(reply)
            self._cache.tell(RecallValuation(portfolio_id, self.address))
        else:
            self._want_now(portfolio_id).replies.append(reply)
        return reply

    def _recalled(self, portfolio_id: UUID, valuation: Valuation | None) -> None:
        """Answer with the kept copy if it was made of the positions and prices of now; else value anew."""
        replies = self._recalls.pop(portfolio_id, [])
        entry = self._index.get(portfolio_id)
        if valuation is not None and entry is not None and self._still_holds(valuation, entry):
            for reply in replies:
                reply.set(valuation)
        elif replies:
            self._want_now(portfolio_id).replies.extend(replies)

    def _still_holds(self, valuation: Valuation, entry: Entry) -> bool:
        present = {symbol: price.position for symbol in entry.needs if (price := self._prices.get(symbol))}
        return valuation.version == entry.version and dict(valuation.inputs) == present

    def _follow(self, portfolio_ids: Iterable[UUID]) -> None:
        for portfolio_id in portfolio_ids:
            self._followed.add(portfolio_id)
            live = self._live.get(portfolio_id)
            if live is None or not live.address.is_alive:
                self._want_now(portfolio_id)
            else:
                live.needed_at = self._monotonic
                self._tell_before_its_turn(portfolio_id, live)
                live.address.tell(Announce())

    def _want_now(self, portfolio_id: UUID) -> Wanted:
        wanted = self._wanted.get(portfolio_id)
        if wanted is None:
            wanted = self._wanted[portfolio_id] = Wanted(self._monotonic)
            self._store.tell(SendPositions((portfolio_id,), self.address))
        return wanted

    def _want_all(self, portfolio_ids: Collection[UUID]) -> None:
        """Ask for the positions of these at once; nobody waits for them."""
        if portfolio_ids:
            for portfolio_id in portfolio_ids:
                self._wanted.setdefault(portfolio_id, Wanted(self._monotonic))
            self._store.tell(SendPositions(tuple(portfolio_ids), self.address))

    # -- Time ------------------------------------------------------------------------------

    def _tick(self, now: datetime, monotonic: float) -> None:
        self._now, self._monotonic = now, monotonic
        self._tell_demand()
        self._ask_again()
        self._give_up_recalls()
        self._count_stakes()
        self._points.pass_time(monotonic)
        if self._index.has_changed:
            self._tell_holders()
        self._pay_what_is_owed()
        self._look_after_some()
        chunk = [self._background.popleft() for _ in range(min(CHUNK, len(self._background)))]
        self._want_all(
            [portfolio_id for portfolio_id in chunk if portfolio_id in self._index and portfolio_id not in self._live]
        )

    def _pay_what_is_owed(self) -> None:
        owing, self._owing = self._owing, set()
        for portfolio_id in owing:
            live = self._live.get(portfolio_id)
            if live is not None and live.owed:
                self._revalue(portfolio_id, live, Revalue(self._prices, frozenset(), self._now))

    def _look_after_some(self) -> None:
        """Value anew what crashed under its viewers, and retire whom nobody needs: all in turns, a part of them now."""
        self._round = self._round or list(self._live)
        ahead, self._ahead = self._ahead[:LOOKED_AFTER], self._ahead[LOOKED_AFTER:]
        begin = max(len(self._round) - LOOKED_AFTER + len(ahead), 0)
        turn, self._round = self._round[begin:], self._round[:begin]
        crashed = []
        for portfolio_id in (*ahead, *turn):
            live = self._live.get(portfolio_id)
            if live is None:
                continue
            if portfolio_id in self._followed:
                if not live.address.is_alive:
                    del self._live[portfolio_id]
                    crashed.append(portfolio_id)
            elif not live.address.is_alive or self._monotonic - live.needed_at > IDLE:
                self._retire(portfolio_id)
        if crashed:
            logger.error("valuations crashed, and start anew: %s", ", ".join(map(str, crashed)))
            self._want_all(crashed)

    def _count_stakes(self) -> None:
        """Tell what hangs on each symbol, from time to time: it decides who gets the calls when they are few."""
        if not self._stakes.is_counting and self._monotonic - self._counted_at < COUNT_EVERY:
            return
        if not self._stakes.is_counting:
            self._counted_at = self._monotonic
            self._stakes.begin(self._index)
        for portfolio_id in self._stakes.take():
            entry = self._index.get(portfolio_id)
            if entry is not None:
                is_followed = portfolio_id in self._followed
                self._stakes.count(entry.held, entry.base_currency, self._prices, is_followed)
        if not self._stakes.is_counting:
            self._scheduler.tell(StakesChanged(self._stakes.counted()))

    def _ask_again(self) -> None:
        """Repeat what may have been lost with the inbox of an actor that crashed."""
        if self._monotonic - self._asked_at >= RETELL:
            self._asked_at = self._monotonic
            if not self._is_loaded:
                self._store.tell(SendBook(self.address))
            if not self._is_primed:
                self._quotes.tell(SendPrices(self.address))
        lost = [key for key, wanted in self._wanted.items() if self._monotonic - wanted.asked_at >= RETELL]
        for portfolio_id in lost:
            self._wanted[portfolio_id].asked_at = self._monotonic
        for portfolio_id in self._unread & self._followed:
            if portfolio_id not in self._live:
                self._wanted.setdefault(portfolio_id, Wanted(self._monotonic))
        unread, self._unread = self._unread.union(lost), set()
        if unread:
            self._store.tell(SendPositions(tuple(unread), self.address))

    def _give_up_recalls(self) -> None:
        """Wait for the cache until the next tick at the most: it may be slow, or have lost what it was asked."""
        recalls, self._recalls = self._recalls, {}
        for portfolio_id, replies in recalls.items():
            self._want_now(portfolio_id).replies.extend(replies)
