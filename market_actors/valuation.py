"""ValuationActor: what one portfolio is worth, anew on every price or position that changes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from market_actors.actor import PooledActor
from market_actors.domain.position import Holdings
from market_actors.domain.quote import Price
from market_actors.domain.valuation import Valuation, changed_symbols, revalued, value
from market_actors.messages import (
    Address,
    Announce,
    GetValuation,
    Message,
    PortfolioValued,
    RecordValuations,
    Revalue,
    ValuationCrashed,
)
from persistence.records import ValuationPoint

RECORD_EVERY = timedelta(seconds=60)  # how close the points of a portfolio's history lie


class ValuationActor(PooledActor):
    """Values one portfolio. Publishes to *audience* (the streams, and the cache where there is one).

    reply_to: whom it tells that it crashed.
    """

    def __init__(
        self,
        holdings: Holdings,
        prices: Mapping[str, Price],
        now: datetime,
        store: Address,
        audience: tuple[Address, ...],
        reply_to: Address,
    ) -> None:
        super().__init__()
        self._holdings = holdings
        self._prices = prices  # until the first value is made: later ones come with their message
        self._now = now
        self._store = store
        self._audience = audience
        self._reply_to = reply_to
        self._valuation: Valuation | None = None
        self._recorded_at: datetime | None = None

    def on_start(self) -> None:
        prices, self._prices = self._prices, {}
        self._publish(value(self._holdings, prices))

    def on_failure(self, *_args: object) -> None:
        self._reply_to.tell(ValuationCrashed(self._holdings.portfolio_id))

    def on_receive(self, message: Message) -> Valuation | None:
        match message:
            case Revalue(prices, touched, now, holdings):
                self._now = now
                if holdings is None:
                    self._publish(revalued(self._valuation, self._holdings, prices, touched))
                else:
                    self._holdings = holdings
                    self._recorded_at = None
                    self._publish(value(holdings, prices))
            case Announce():
                if self._valuation is not None:
                    self._tell(self._valuation, changed_symbols(None, self._valuation))
            case GetValuation():
                return self._valuation
            case _:
                raise TypeError(f"not a message for a valuation: {message!r}")
        return None

    def _publish(self, valuation: Valuation) -> None:
        before, self._valuation = self._valuation, valuation
        if valuation == before:
            return
        self._tell(valuation, changed_symbols(before, valuation))
        self._record(valuation)

    def _tell(self, valuation: Valuation, changed: frozenset[str]) -> None:
        valued = PortfolioValued(valuation, changed)
        for address in self._audience:
            address.tell(valued)

    def _record(self, valuation: Valuation) -> None:
        """Keep at most a point a minute; a clock set back does not silence it."""
        if self._recorded_at is not None and timedelta(0) <= self._now - self._recorded_at < RECORD_EVERY:
            return
        if not valuation.holdings:
            return
        self._recorded_at = self._now
        point = ValuationPoint(
            valuation.portfolio_id,
            self._now,
            valuation.total_value,
            valuation.total_cost_basis,
            valuation.daily_change,
            valuation.currency,
        )
        self._store.tell(RecordValuations((point,)))
