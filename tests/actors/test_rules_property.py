"""Orders of every type and scope, in any order, against a plain model of the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from market_actors.domain.overrides import ALLOWED, OverrideType, Scope
from market_actors.domain.polling import Holder
from market_actors.messages import DemandChanged, GetEffective, HoldersChanged, RulesChanged
from tests.actors import scheduling, test_quote_cache
from tests.actors.orders import override
from tests.domain.samples import quote

SYMBOLS = ("CBA.AX", "BHP.AX")
ANN, BOB = UUID(int=1), UUID(int=2)
OWNERS = {UUID(int=11): ANN, UUID(int=12): BOB, UUID(int=13): ANN}
HELD = {"CBA.AX": (UUID(int=11), UUID(int=12)), "BHP.AX": (UUID(int=12), UUID(int=13))}
TARGETS = {
    Scope.GLOBAL: (None,),
    Scope.USER: (ANN, BOB),
    Scope.PORTFOLIO: tuple(OWNERS),
    Scope.PROVIDER: ("yahoo",),
    Scope.SYMBOL: SYMBOLS,
}
PAIRS = [(kind, scope) for kind in OverrideType for scope in sorted(ALLOWED[kind])]


@dataclass(frozen=True)
class Order:
    """What an administrator asks for; lasts in seconds, None: until it is removed."""

    kind: str
    scope: str
    target: object
    minutes: int
    price: int
    lasts: int | None


@st.composite
def orders(draw):
    kind, scope = draw(st.sampled_from(PAIRS))
    return Order(
        kind.value,
        scope.value,
        draw(st.sampled_from(TARGETS[scope])),
        draw(st.integers(1, 120)),
        draw(st.integers(1, 900)),
        draw(st.none() | st.integers(0, 600)),
    )


happenings = st.one_of(
    st.tuples(st.just("quote"), st.tuples(st.sampled_from(SYMBOLS), st.integers(90, 110))),
    st.tuples(st.just("remove"), st.integers(0, 19)),
    st.tuples(st.just("wait"), st.integers(1, 200)),
)


class Model:
    """The rules, said as simply as they can be: what is ordered stands in a table until its time is over."""

    def __init__(self):
        self.seconds = 0
        self.table = {}
        self.prices = dict.fromkeys(SYMBOLS, 100)

    def put(self, order):
        end = None if order.lasts is None else self.seconds + order.lasts
        self.table[order.kind, order.scope, order.target] = (order, end)

    def get(self, kind, scope, target=None):
        order, end = self.table.get((kind, scope, target), (None, None))
        return order if end is None or self.seconds < end else None

    def is_halted(self):
        if self.get("emergency_stop", "global"):
            return True
        exempt = [
            scope
            for scope in ("user", "portfolio", "symbol")
            for target in TARGETS[Scope(scope)]
            if self.get("force_interval", scope, target)
        ]
        return bool(self.get("disable_updates", "global")) and not exempt

    def quote(self, symbol, price):
        barred = self.get("disable_updates", "provider", "yahoo") or self.get("disable_updates", "symbol", symbol)
        if not self.is_halted() and not barred:
            self.prices[symbol] = price

    def price(self, symbol):
        order = self.get("price", "symbol", symbol)
        return (order.price, "override") if order else (self.prices[symbol], "yahoo")

    def minutes(self, symbol):
        """None where nobody may be updated."""
        if self.get("emergency_stop", "global"):
            return None
        found = []
        for portfolio in HELD[symbol]:
            minutes = 15
            ladder = [("symbol", symbol), ("portfolio", portfolio), ("user", OWNERS[portfolio]), ("global", None)]
            for scope, target in ladder:
                if self.get("disable_updates", scope, target):
                    minutes = None
                    break
                if self.get("force_interval", scope, target):
                    minutes = self.get("force_interval", scope, target).minutes
                    break
            if minutes is not None:
                found.append(minutes)
        return min(found, default=None)


class World:
    """A scheduler and a quote cache that hear the same, and the orders as the database would have them."""

    def __init__(self, start):
        self.scheduler = scheduling.World(start)
        self.quotes = test_quote_cache.World(start)
        self.orders = []
        self.quotes.fetch(*(quote(symbol, "100") for symbol in SYMBOLS))
        holders = {symbol: tuple(Holder(each, OWNERS[each]) for each in held) for symbol, held in HELD.items()}
        self.scheduler.tell(HoldersChanged("held", holders, OWNERS))
        self.scheduler.tell(DemandChanged("held", frozenset(SYMBOLS)))

    def tell(self):
        now = self.scheduler.now
        open_orders = tuple(each for each in self.orders if each and (each.expires_at is None or each.expires_at > now))
        for world in (self.scheduler, self.quotes):
            world.tell(RulesChanged(open_orders, ()))

    def put(self, order):
        made = override(
            order.kind,
            order.scope,
            order.target,
            minutes=order.minutes if order.kind == "force_interval" else None,
            price=str(order.price) if order.kind == "price" else None,
            begins=self.scheduler.now,
            lasts=order.lasts,
        )
        for place, old in enumerate(self.orders):
            if old and (old.override_type, old.scope, old.target) == (made.override_type, made.scope, made.target):
                self.orders[place] = None
        self.orders.append(made)
        self.tell()

    def wait(self, seconds):
        self.scheduler.tick(seconds)
        self.quotes.tick(self.scheduler.now)

    def quote(self, symbol, price):
        self.quotes.fetch(quote(symbol, str(price), quote_time=self.scheduler.now))


def check(world, model):
    for symbol in SYMBOLS:
        price = world.quotes.price(symbol)
        assert (price.value, price.source) == (Decimal(model.price(symbol)[0]), model.price(symbol)[1])
        minutes = model.minutes(symbol)
        effective = world.scheduler.ask(GetEffective(symbol, None))
        assert effective.interval_seconds == (None if minutes is None else minutes * 60)
    updates = world.scheduler.updates()
    assert (updates.paused_reason is not None) == model.is_halted()
    assert (updates.providers[0].status == "disabled") == bool(model.get("disable_updates", "provider", "yahoo"))
    if all(model.minutes(symbol) is None for symbol in SYMBOLS):
        assert updates.next_update is None


@how(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(orders(), min_size=20, max_size=20), st.lists(happenings, min_size=20, max_size=40), st.randoms())
def test_twenty_orders_in_any_order_leave_the_prices_and_intervals_of_the_plain_rules(start, ordered, happened, random):
    world, model = World(start), Model()
    script = [*(("put", order) for order in ordered), *happened]
    random.shuffle(script)
    for what, value in script:
        if what == "put":
            world.put(value)
            model.put(value)
        elif what == "remove" and value < len(world.orders) and world.orders[value]:
            gone, world.orders[value] = world.orders[value], None
            target = next(each for each in TARGETS[gone.scope] if (None if each is None else str(each)) == gone.target)
            del model.table[gone.override_type.value, gone.scope.value, target]
            world.tell()
        elif what == "wait":
            world.wait(value)
            model.seconds += value
        elif what == "quote":
            world.quote(*value)
            model.quote(*value)
        check(world, model)

    world.wait(700)
    model.seconds += 700
    check(world, model)
    assert timedelta(seconds=model.seconds) == world.scheduler.now - scheduling.NOON
