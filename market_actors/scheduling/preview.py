"""What an order would change, before it is given: the coming day with it and without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from market_actors.domain.exchanges import UNKNOWN, timezone_of
from market_actors.domain.outlook import Group, Preview, Provider, Tariff, outlook
from market_actors.domain.overrides import IntervalSetting, Override, next_change, present, rules_at, with_order
from market_actors.domain.polling import Intervals
from market_actors.domain.runs import DAY, Wish, stretches
from market_actors.scheduling.affected import affected, differ, priced_anew
from market_actors.scheduling.lanes import Lane
from market_actors.scheduling.orders import Orders
from market_actors.scheduling.pacing import Phases
from market_actors.scheduling.wishes import Kind, kind_of, named_in, wishes_for

Given = tuple[tuple[Override, ...], tuple[IntervalSetting, ...]]
Outcome = tuple[tuple[Wish, ...], str]
"""What the rules come to for symbols of an exchange."""


def preview(
    order: Override | IntervalSetting,
    tariffs: Mapping[str, Tariff],
    tracked: frozenset[str],
    orders: Orders,
    lanes: Sequence[Lane],
    phases: Phases,
    intervals: Intervals,
    now: datetime,
) -> Preview:
    """Return what *order* would change in the 24 hours from now on; see domain.outlook for what the figures mean.

    Symbols that are alike in all that counts are looked at once. Which provider lately did not have a symbol does
    not count.
    """
    given: Given = orders.overrides, orders.settings
    with_it = with_order(order, *given)
    start = present(now, *with_it)
    moments = sorted({start, *_moments(start, given), *_moments(start, with_it)})
    before, after = ([(moment, rules_at(moment, *each)) for moment in moments] for each in (given, with_it))

    named = named_in([*before, *after])
    alike: dict[Kind, list[str]] = {}
    for symbol in sorted(tracked):
        alike.setdefault(kind_of(symbol, orders.holders(symbol), named), []).append(symbol)
    days = {
        exchange: stretches(partial(phases.phase, exchange), timezone_of(exchange), intervals, start, start + DAY)
        for exchange in {UNKNOWN, *(kind.exchange for kind in alike)}
    }
    sides: tuple[Counter[Outcome], Counter[Outcome]] = Counter(), Counter()
    changed = priced_anew(before, after)
    for kind, symbols in alike.items():
        covering = [lane for lane in lanes if lane.source.covers(kind.exchange)]
        wishes = wishes_for(kind, before, covering), wishes_for(kind, after, covering)
        for side, wished in zip(sides, wishes, strict=True):
            side[wished, kind.exchange] += len(symbols)
        if differ(*wishes, days[kind.exchange]):
            changed.update(symbols)
    providers = [_provider(lane, tariffs.get(lane.name, Tariff()), start) for lane in lanes]
    groups = [[Group(count, wished, days[at]) for (wished, at), count in side.items()] for side in sides]
    return Preview(
        outlook(groups[0], providers, start),
        outlook(groups[1], providers, start),
        affected(changed, tracked, before, after, orders, named, days),
    )


def _moments(start: datetime, given: Given) -> Iterable[datetime]:
    """Yield when something begins or ends within the day from *start* on."""
    moment = next_change(start, *given)
    while moment is not None and moment < start + DAY:
        yield moment
        moment = next_change(moment, *given)


def _provider(lane: Lane, tariff: Tariff, start: datetime) -> Provider:
    left = whole = tariff.for_polls
    remaining, resets_at = lane.status(start).rate_limit_remaining, lane.source.resets_at
    if whole is not None and tariff.calls_per_day is not None and remaining is not None:
        left = max(remaining - (tariff.calls_per_day - whole), 0)
    reset = resets_at(start) if resets_at is not None else None
    if lane.is_spent("scheduled", start):
        left, reset = 0, lane.opens_at("scheduled", start)
    resets = []
    while reset is not None and reset < start + DAY:
        resets.append(reset)
        reset = resets_at(reset) if resets_at is not None else None
    return Provider(lane.name, lane.source.batch_size, tariff, left, tuple(resets))
