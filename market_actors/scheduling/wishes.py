"""How often symbols and portfolios are wanted in the time ahead, by the rules that come into force one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from market_actors.domain.exchanges import exchange_of
from market_actors.domain.overrides import Rules, Scope, Target
from market_actors.domain.polling import Effective, Holder, effective_interval, portfolio_interval
from market_actors.domain.runs import Wish
from market_actors.scheduling.lanes import Lane

NEVER = timedelta.max  # in place of the schedule, so that whatever was ordered is shorter

InForce = Sequence[tuple[datetime, Rules]]
"""The rules from each moment on."""

Named = frozenset[UUID | str]


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells symbols apart: their exchange, an order on the symbol itself, and holders whom orders name."""

    exchange: str
    symbol: str | None
    holders: frozenset[Holder]


def named_in(in_force: InForce) -> Named:
    """Return every user, portfolio and symbol that an order on intervals is about."""
    targets = {target for _, rules in in_force for target in (*rules.disabled, *rules.forced, *rules.settings)}
    return frozenset(
        UUID(target) if scope in (Scope.USER, Scope.PORTFOLIO) else target
        for scope, target in targets
        if target is not None and scope is not Scope.PROVIDER
    )


def kind_of(symbol: str, holders: Iterable[Holder], named: Named) -> Kind:
    wanting = frozenset(as_named(holder, named) for holder in holders) if named else frozenset()
    return Kind(exchange_of(symbol), symbol if symbol in named else None, wanting)


def as_named(holder: Holder, named: Named) -> Holder:
    """Return the holder without what no order names: so he stands for all who are like him."""
    portfolio, user = holder.portfolio_id, holder.user_id
    return Holder(portfolio if portfolio in named else None, user if user in named else None)


def wishes_for(kind: Kind, in_force: InForce, covering: Sequence[Lane]) -> tuple[Wish, ...]:
    """Return how often such symbols are wanted; covering: the providers that have them, in their order."""
    names = [lane.name for lane in covering if lane.is_enabled]
    targets = {(Scope.SYMBOL, kind.symbol), *((Scope.PROVIDER, name) for name in names)}
    targets.update(target for holder in kind.holders for target in _targets(holder))
    return _changes(
        _wish(
            begins,
            effective_interval(kind.symbol or "", kind.holders, rules, NEVER),
            tuple(name for name in names if (Scope.PROVIDER, name) not in rules.disabled),
        )
        for begins, rules in _concerning(targets, in_force)
    )


def wishes_of(holder: Holder, in_force: InForce) -> tuple[Wish, ...]:
    """Return how often a portfolio wants its symbols, whatever others want; no providers are looked at."""
    return _changes(
        _wish(begins, portfolio_interval(holder, rules, NEVER), ())
        for begins, rules in _concerning(_targets(holder), in_force)
    )


def _targets(holder: Holder) -> set[Target]:
    named = {(Scope.PORTFOLIO, holder.portfolio_id), (Scope.USER, holder.user_id)}
    return {(scope, str(target)) for scope, target in named if target is not None}


def _concerning(targets: Iterable[Target], in_force: InForce) -> Iterator[tuple[datetime, Rules]]:
    """Yield the rules where an order on one of *targets*, or on everything, begins or ends."""
    looked_at = [(Scope.GLOBAL, None), *targets]
    before: Sequence[object] = ()
    for begins, rules in in_force:
        kept = (rules.disabled, rules.forced, rules.settings)
        orders = (rules.stop, *(orders.get(target) for orders in kept for target in looked_at))
        if orders != before:
            before = orders
            yield begins, rules


def _wish(begins: datetime, effective: Effective, sources: tuple[str, ...]) -> Wish:
    seconds = effective.interval_seconds
    ordered = None if seconds is None or effective.source == "schedule" else timedelta(seconds=seconds)
    return Wish(begins, ordered, any(rule.rule == "schedule" for rule in effective.rules), sources)


def _changes(wishes: Iterable[Wish]) -> tuple[Wish, ...]:
    """Return those that differ from the one before."""
    found: list[Wish] = []
    for wish in wishes:
        if not found or _terms(found[-1]) != _terms(wish):
            found.append(wish)
    return tuple(found)


def _terms(wish: Wish) -> tuple[object, ...]:
    return wish.ordered, wish.by_schedule, wish.sources
