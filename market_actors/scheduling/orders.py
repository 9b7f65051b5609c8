"""What administrators ordered, and who wants what: which interval is in force for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from market_actors.domain.overrides import IntervalSetting, Override, Rules, Scope, present, rules_at
from market_actors.domain.polling import Effective, Holder, effective_interval, portfolio_interval
from market_actors.errors import UnknownPortfolio

Holders = Mapping[str, tuple[Holder, ...]]


class Orders:
    """The orders as last told, those of them in force, and the holders of every symbol."""

    def __init__(self, now: datetime) -> None:
        self.overrides: tuple[Override, ...] = ()
        self.settings: tuple[IntervalSetting, ...] = ()
        self._holders: dict[str, Holders] = {}
        self._owners: dict[str, Mapping[UUID, UUID]] = {}
        self.is_known = False
        self.changes = 0
        self.rules: Rules = rules_at(now, (), ())

    def change(self, overrides: tuple[Override, ...], settings: tuple[IntervalSetting, ...], now: datetime) -> bool:
        """Go by these from now on; return whether other rules are in force."""
        self.is_known = True
        self.overrides, self.settings = overrides, settings
        return self.pass_time(present(now, overrides, settings))

    def pass_time(self, now: datetime) -> bool:
        """Let what is over end and what is due begin; return whether other rules are in force. Prices are not ours."""
        rules = replace(rules_at(now, self.overrides, self.settings), prices={})
        if rules == self.rules:
            return False
        self.rules = rules
        self.changes += 1
        return True

    def want(self, source: str, holders: Holders, owners: Mapping[UUID, UUID]) -> list[str]:
        """Note who wants what; return the symbols whose interval may be another now."""
        before, self._holders[source] = self._holders.get(source, {}), holders
        self._owners[source] = owners
        if not self.rules.targets:
            return []
        return [symbol for symbol in {**before, **holders} if before.get(symbol) is not holders.get(symbol)]

    # -- What is in force --------------------------------------------------------------------

    def of_symbol(self, symbol: str, schedule: timedelta) -> Effective:
        """Return the interval in force; of holders whom no order names the first stands for all."""
        named: list[Holder] = []
        other: list[Holder] = []
        for holder in self.holders(symbol) if self.rules.targets else ():
            if str(holder.portfolio_id) in self.rules.targets or str(holder.user_id) in self.rules.targets:
                named.append(holder)
            elif not other:
                other.append(holder)
        return effective_interval(symbol, [*named, *other], self.rules, schedule)

    def explained(self, symbol: str, schedule: timedelta) -> Effective:
        """Return the interval in force, with the names of those it is looked up for."""
        return effective_interval(symbol, sorted(self.holders(symbol), key=str), self.rules, schedule)

    def of_portfolio(self, portfolio_id: UUID, schedule: timedelta) -> Effective:
        """Raises UnknownPortfolio."""
        for owners in self._owners.values():
            if portfolio_id in owners:
                return portfolio_interval(Holder(portfolio_id, owners[portfolio_id]), self.rules, schedule)
        raise UnknownPortfolio(f"no portfolio {portfolio_id}")

    def holders(self, symbol: str) -> list[Holder]:
        return [holder for holders in self._holders.values() for holder in holders.get(symbol, ())]

    @property
    def owners(self) -> Mapping[UUID, UUID]:
        """The owner of each portfolio."""
        return {portfolio: owner for owners in self._owners.values() for portfolio, owner in owners.items()}

    def held_by(self, portfolio_id: UUID) -> Iterable[str]:
        """The symbols that a portfolio wants."""
        return [
            symbol
            for holders in self._holders.values()
            for symbol, wanting in holders.items()
            if any(holder.portfolio_id == portfolio_id for holder in wanting)
        ]

    @property
    def halt(self) -> Override | None:
        """Why nothing at all is updated; None when something is."""
        return self.rules.halt

    def on_provider(self, name: str) -> Override | None:
        """Why a provider is not called."""
        return self.rules.disabled.get((Scope.PROVIDER, name))

    def on_user(self, user_id: UUID | None) -> Override | None:
        """Why a person may not have prices fetched."""
        return self.rules.disabled.get((Scope.USER, str(user_id)))
