"""How long the scheduler thinks about a preview: 2,000 symbols at five exchanges, 10,000 holdings in 5,000 portfolios.

python -m tests.performance.previews [SYMBOLS] [HOLDINGS]

Median of five, the trading calendars being known.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from statistics import median
from time import perf_counter
from uuid import UUID

from market_actors.domain.breaker import Breaker
from market_actors.domain.outlook import Tariff
from market_actors.domain.overrides import IntervalSetting, Override
from market_actors.domain.polling import Holder, Intervals
from market_actors.domain.quota import Limits, QuotaWindows
from market_actors.scheduling.lanes import Lane, Source
from market_actors.scheduling.orders import Orders
from market_actors.scheduling.preview import preview
from tests.actors.orders import override, setting, stop
from tests.actors.scheduling import CALENDARS, NOON
from tests.doubles import Remembered

SUFFIXES = (".AX", "", ".L", ".TO", ".DE")
USERS = [UUID(int=number) for number in range(1, 1001)]
PORTFOLIOS = {UUID(int=10_000 + number): USERS[number % len(USERS)] for number in range(5000)}
LIMITS = {"yahoo": Limits(per_day=2000), "alpha_vantage": Limits(per_day=25, reset_timezone="America/New_York")}
BATCHES = {"yahoo": 10, "alpha_vantage": 1}
EVERY_SECOND = Intervals(*[timedelta(seconds=1)] * 3)

Order = Override | IntervalSetting


def lanes() -> list[Lane]:
    breaker = Breaker(5, timedelta(seconds=60))
    return [
        Lane(Source(name, lambda _: True, BATCHES[name], QuotaWindows(limits).resets_at, Remembered()), breaker, place)
        for place, (name, limits) in enumerate(LIMITS.items(), 1)
    ]


def measure(
    symbols: int, holdings: int, wanted: Order, given: Sequence[Order] = (), intervals: Intervals | None = None
) -> float:
    """Return the seconds that a preview of *wanted* takes where *given* is in force."""
    random = Random(1)
    held: dict[str, tuple[Holder, ...]] = {f"S{number}{SUFFIXES[number % 5]}": () for number in range(symbols)}
    names, portfolios = list(held), list(PORTFOLIOS)
    for _ in range(holdings):
        portfolio = random.choice(portfolios)
        held[random.choice(names)] += (Holder(portfolio, PORTFOLIOS[portfolio]),)
    orders = Orders(NOON)
    overrides = tuple(each for each in given if isinstance(each, Override))
    orders.change(overrides, tuple(each for each in given if isinstance(each, IntervalSetting)), NOON)
    orders.want("held", held, PORTFOLIOS)
    tariffs = {name: Tariff(limits.per_day) for name, limits in LIMITS.items()}
    took = []
    for _ in range(6):
        began = perf_counter()
        preview(wanted, tariffs, frozenset(held), orders, lanes(), CALENDARS, intervals or Intervals(), NOON)
        took.append(perf_counter() - began)
    return median(took[1:])


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 2000, int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    of_users = [setting(5 + number, "user", user) for number, user in enumerate(USERS[:100])]
    ending = [
        override("force_interval", "portfolio", each, minutes=5 + number % 60, lasts=600 + number * 200)
        for number, each in enumerate(list(PORTFOLIOS)[:100])
    ]
    cases = {
        "a global interval": measure(*size, setting(5)),
        "a stop of an hour": measure(*size, stop(lasts=3600)),
        "a user's interval beside a global one": measure(*size, setting(5, "user", USERS[3]), [setting(30)]),
        "the same, the schedule polling every second": measure(
            *size, setting(5, "user", USERS[3]), intervals=EVERY_SECOND
        ),
        "a portfolio's beside a hundred users'": measure(*size, setting(3, "portfolio", [*PORTFOLIOS][7]), of_users),
        "a stop beside a hundred overrides that end one by one": measure(*size, stop(lasts=3600), ending),
    }
    for case, seconds in cases.items():
        print(f"{1000 * seconds:6.0f} ms  {case}")


if __name__ == "__main__":
    main()
