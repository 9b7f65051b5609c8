"""Who holds which symbol, and which symbols each portfolio needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from market_actors.domain.exchanges import currency_of
from market_actors.domain.money import fx_symbol
from market_actors.domain.polling import Holder
from market_actors.domain.quote import Price
from market_actors.domain.stakes import Held


@dataclass(slots=True)
class Entry:
    """One portfolio in the index: what it holds and needs."""

    user_id: UUID
    base_currency: str
    version: int
    held: tuple[Held, ...]
    needs: frozenset[str] = frozenset()


class HolderIndex:
    """The portfolios by the symbols they need: those they hold, and the rates into their currency."""

    def __init__(self) -> None:
        self._entries: dict[UUID, Entry] = {}
        self._by_symbol: dict[str, set[UUID]] = {}
        self._holders: dict[str, tuple[Holder, ...]] = {}
        self._changed: set[str] = set()
        self._has_new_portfolios = True

    def __contains__(self, portfolio_id: UUID) -> bool:
        return portfolio_id in self._entries

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._entries)

    def get(self, portfolio_id: UUID) -> Entry | None:
        return self._entries.get(portfolio_id)

    @property
    def symbols(self) -> frozenset[str]:
        """All that is needed."""
        return frozenset(self._by_symbol)

    @property
    def has_changed(self) -> bool:
        """May holders() or owners() say something else than when holders() was last called?"""
        return bool(self._changed) or self._has_new_portfolios

    def put(self, portfolio_id: UUID, entry: Entry, prices: Mapping[str, Price]) -> None:
        """Enter a portfolio, or what it holds now; which rates it needs depends on the *prices*' currencies."""
        known = self._entries.get(portfolio_id)
        before = known.needs if known else frozenset()  # known may be the entry itself
        self._has_new_portfolios = self._has_new_portfolios or known is None
        entry.needs = _needs(entry, prices)
        self._entries[portfolio_id] = entry
        self._move(portfolio_id, before, entry.needs)

    def requote(self, symbols: Iterable[str], prices: Mapping[str, Price]) -> None:
        """Look again at who needs what: these symbols are quoted in another currency than before."""
        for portfolio_id in self.holding(symbols):
            self.put(portfolio_id, self._entries[portfolio_id], prices)

    def remove(self, portfolio_id: UUID) -> bool:
        """Forget a portfolio; False when it is not known."""
        entry = self._entries.pop(portfolio_id, None)
        if entry is None:
            return False
        self._has_new_portfolios = True
        self._move(portfolio_id, entry.needs, frozenset())
        return True

    def holding(self, symbols: Iterable[str]) -> set[UUID]:
        """Return the portfolios that need any of these."""
        return set[UUID]().union(*(self._by_symbol.get(symbol, ()) for symbol in symbols))

    def holders(self) -> dict[str, tuple[Holder, ...]]:
        """Return who needs which symbol; of symbols whose holders are the same, the same tuple again."""
        for symbol in self._changed:
            portfolio_ids = self._by_symbol.get(symbol)
            if portfolio_ids:
                self._holders[symbol] = tuple(Holder(each, self._entries[each].user_id) for each in portfolio_ids)
            else:
                self._holders.pop(symbol, None)
        self._changed.clear()
        self._has_new_portfolios = False
        return dict(self._holders)

    def owners(self) -> dict[UUID, UUID]:
        """Return whose each portfolio is."""
        return {portfolio_id: entry.user_id for portfolio_id, entry in self._entries.items()}

    def _move(self, portfolio_id: UUID, before: frozenset[str], after: frozenset[str]) -> None:
        self._changed |= before ^ after
        for symbol in before - after:
            holders = self._by_symbol[symbol]
            holders.discard(portfolio_id)
            if not holders:
                del self._by_symbol[symbol]
        for symbol in after - before:
            self._by_symbol.setdefault(symbol, set()).add(portfolio_id)


def _needs(entry: Entry, prices: Mapping[str, Price]) -> frozenset[str]:
    """The symbols it holds, and the rates into its currency from those of its quotes and costs."""
    needs = {holding.symbol for holding in entry.held}
    for symbol, cost_currency, _ in entry.held:
        price = prices.get(symbol)
        quoted = price.currency if price else currency_of(symbol)
        needs.update(fx_symbol(code, entry.base_currency) for code in (quoted, cost_currency) if code)
    return frozenset(needs) - {fx_symbol(entry.base_currency, entry.base_currency)}
