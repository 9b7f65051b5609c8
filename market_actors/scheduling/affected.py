"""Whom an order affects: who has another interval or price in force, at some time of the coming day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

from market_actors.domain.exchanges import UNKNOWN, exchange_of
from market_actors.domain.outlook import Affected
from market_actors.domain.polling import Holder
from market_actors.domain.runs import Stretch, Wish
from market_actors.scheduling.orders import Orders
from market_actors.scheduling.wishes import InForce, Named, as_named, wishes_of

Days = Mapping[str, Sequence[Stretch]]
"""The stretches of the coming day, by exchange."""


def affected(
    symbols: set[str], tracked: Iterable[str], before: InForce, after: InForce, orders: Orders, named: Named, days: Days
) -> Affected:
    """Count *symbols* and who holds or watches them, and the portfolios whose own interval is another one."""
    holders = set(chain.from_iterable(map(orders.holders, symbols)))
    portfolios = {holder.portfolio_id for holder in holders if holder.portfolio_id is not None}
    users = {holder.user_id for holder in holders if holder.user_id is not None}
    rest = {portfolio: user for portfolio, user in orders.owners.items() if portfolio not in portfolios}
    changed = _changed_portfolios(rest, tracked, before, after, orders, named, days)
    users.update(rest[portfolio] for portfolio in changed)
    return Affected(len(users), len(portfolios) + len(changed), len(symbols))


def differ(before: Sequence[Wish], after: Sequence[Wish], day: Sequence[Stretch]) -> bool:
    """Is the interval in force another one at some time of the day, or whether any provider can be asked at all?"""
    moments = {*(wish.begins for wish in (*before, *after)), *(stretch.begins for stretch in day)}
    return before != after and any(_in_force(before, day, at) != _in_force(after, day, at) for at in moments)


def priced_anew(before: InForce, after: InForce) -> set[str]:
    """Return the symbols for which another price is ordered at some time, or only by one of the two."""
    return {
        symbol
        for (_, old), (_, new) in zip(before, after, strict=True)
        for symbol in old.prices.keys() | new.prices.keys()
        if len({each.prices[symbol].price if symbol in each.prices else None for each in (old, new)}) > 1
    }


def _in_force(wishes: Sequence[Wish], day: Sequence[Stretch], moment: datetime) -> tuple[timedelta | None, bool]:
    wish = next(each for each in reversed(wishes) if each.begins <= moment)
    schedule = next(each.schedule for each in reversed(day) if each.begins <= moment)
    return wish.interval(schedule), bool(wish.sources)


def _changed_portfolios(
    owners: Mapping[UUID, UUID],
    tracked: Iterable[str],
    before: InForce,
    after: InForce,
    orders: Orders,
    named: Named,
    days: Days,
) -> list[UUID]:
    """Return the portfolios whose own interval is another one, at any exchange that they hold something of."""
    alike: dict[Holder, list[UUID]] = {}
    for portfolio, user in owners.items():
        alike.setdefault(as_named(Holder(portfolio, user), named), []).append(portfolio)
    changed = []
    exchanges = _exchanges(tracked, orders) if alike else {}
    for holder, same in alike.items():
        wishes = wishes_of(holder, before), wishes_of(holder, after)
        differing = {exchange for exchange, day in days.items() if differ(*wishes, day)}
        changed += [portfolio for portfolio in same if not differing.isdisjoint(exchanges.get(portfolio, {UNKNOWN}))]
    return changed


def _exchanges(tracked: Iterable[str], orders: Orders) -> dict[UUID, set[str]]:
    """Return the exchanges of what each portfolio holds."""
    found: dict[UUID, set[str]] = {}
    for symbol in tracked:
        exchange = exchange_of(symbol)
        for holder in orders.holders(symbol):
            if holder.portfolio_id is not None:
                found.setdefault(holder.portfolio_id, set()).add(exchange)
    return found
