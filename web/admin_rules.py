"""What administrators order: poll intervals and overrides; and which interval that makes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from market_actors.domain.overrides import ALLOWED, OverrideType
from market_actors.domain.overrides import Scope as DomainScope
from market_actors.errors import MarketError, NotFound
from market_actors.messages import GetEffective, GetUpdates, Ping
from market_actors.stored import (
    CreateOverride,
    CreatePollInterval,
    ExpirePollInterval,
    GetOverride,
    GetPollInterval,
    ListOverrides,
    ListPollIntervals,
    PortfolioOwner,
    RemoveOverride,
)
from web.admin import AdminHandler
from web.admin_schemas import (
    EffectiveAnswer,
    EffectiveQuery,
    NewOverride,
    NewPollInterval,
    OverrideAnswer,
    OverridesQuery,
    PollIntervalAnswer,
    PollIntervalsQuery,
    ReasonQuery,
)
from web.gateway import ask
from web.operation import operation
from web.problems import Fault, Invalid, invalid

INTERVALS = "/api/v1/admin/poll-intervals"
OVERRIDES = "/api/v1/admin/overrides"
TARGETS = {"user": "target_id", "portfolio": "target_id", "provider": "provider_id", "symbol": "symbol"}
VALUES = {"force_interval": "interval_minutes", "price": "price"}


class PollIntervalsHandler(AdminHandler):
    """GET, POST /api/v1/admin/poll-intervals"""

    @operation("Configured poll intervals, newest first", scope="admin", answer=list[PollIntervalAnswer])
    async def get(self, query: PollIntervalsQuery) -> None:
        message = ListPollIntervals(
            query.active, query.config_type, query.target_id, query.limit, query.offset, self.now()
        )
        page = await ask(self.market.store, message)
        self.write_json([PollIntervalAnswer.of(row) for row in page.rows], total=page.total)

    @operation(
        "Order a poll interval; the target's one before ends when it begins",
        scope="admin",
        answer=PollIntervalAnswer,
        status=201,
        errors=(404,),
    )
    async def post(self, body: NewPollInterval) -> None:
        row = await ask(self.market.store, interval_order(self, body))
        self.set_header("Location", f"{INTERVALS}/{row.id}")
        self.write_json(PollIntervalAnswer.of(row), status=201)


class PollIntervalHandler(AdminHandler):
    """GET, DELETE /api/v1/admin/poll-intervals/(id)"""

    @operation("One configured poll interval", scope="admin", answer=PollIntervalAnswer)
    async def get(self, interval_id: UUID) -> None:
        self.write_json(PollIntervalAnswer.of(await ask(self.market.store, GetPollInterval(interval_id, self.now()))))

    @operation("End it", scope="admin", answer=PollIntervalAnswer, errors=(410,))
    async def delete(self, interval_id: UUID, query: ReasonQuery) -> None:
        message = ExpirePollInterval(interval_id, self.actor, query.reason, self.now())
        self.write_json(PollIntervalAnswer.of(await ask(self.market.store, message)))


class EffectiveHandler(AdminHandler):
    """GET /api/v1/admin/poll-intervals/effective"""

    @operation("The interval in force, and why", scope="admin", answer=EffectiveAnswer, errors=(404,))
    async def get(self, query: EffectiveQuery) -> None:
        if (query.symbol is None) is (query.portfolio_id is None):
            raise invalid("give symbol or portfolio_id, and not both", "query", "symbol")
        if query.portfolio_id is not None:
            await ask(self.market.store, PortfolioOwner(query.portfolio_id))
            await ask(self.market.book, Ping())  # has told the scheduler of a portfolio that was made just now
        self.write_json(
            EffectiveAnswer.of(await ask(self.market.scheduler, GetEffective(query.symbol, query.portfolio_id)))
        )


class OverridesHandler(AdminHandler):
    """GET, POST /api/v1/admin/overrides"""

    @operation("Overrides, newest first", scope="admin", answer=list[OverrideAnswer])
    async def get(self, query: OverridesQuery) -> None:
        message = ListOverrides(query.active, query.scope, query.limit, query.offset, self.now())
        page = await ask(self.market.store, message)
        self.write_json([OverrideAnswer.of(row) for row in page.rows], total=page.total)

    @operation(
        "Order an override, at once; it replaces the one of the same type and target",
        scope="admin",
        answer=OverrideAnswer,
        status=201,
        errors=(404,),
    )
    async def post(self, body: NewOverride) -> None:
        row = await ask(self.market.store, await override_order(self, body))
        self.set_header("Location", f"{OVERRIDES}/{row.id}")
        self.write_json(OverrideAnswer.of(row), status=201)


class OverrideHandler(AdminHandler):
    """GET, DELETE /api/v1/admin/overrides/(id)"""

    @operation("One override", scope="admin", answer=OverrideAnswer)
    async def get(self, override_id: UUID) -> None:
        self.write_json(OverrideAnswer.of(await ask(self.market.store, GetOverride(override_id, self.now()))))

    @operation("Remove it", scope="admin", answer=OverrideAnswer, errors=(410,))
    async def delete(self, override_id: UUID, query: ReasonQuery) -> None:
        message = RemoveOverride(override_id, self.actor, query.reason, self.now())
        self.write_json(OverrideAnswer.of(await ask(self.market.store, message)))


# -- What a body orders --------------------------------------------------------------------


def interval_order(handler: AdminHandler, body: NewPollInterval) -> CreatePollInterval:
    """Raises Invalid."""
    now = handler.now()
    _check_fields({"target_id": body.target_id}, set() if body.config_type == "global" else {"target_id"})
    begins, ends = _moment(body.effective_from, "effective_from"), _moment(body.effective_until, "effective_until")
    if ends is not None and ends <= max(begins or now, now):
        raise invalid("must be after effective_from, and in the future", "body", "effective_until")
    return CreatePollInterval(
        body.config_type, body.target_id, body.interval_minutes, begins, ends, handler.actor, body.reason, now
    )


async def override_order(handler: AdminHandler, body: NewOverride) -> CreateOverride:
    """Raises Invalid, NotFound without such a provider."""
    if DomainScope(body.scope) not in ALLOWED[OverrideType(body.override_type)]:
        raise invalid(f"{body.override_type} cannot have this scope", "body", "scope")
    taken = {name for name in (TARGETS.get(body.scope), VALUES.get(body.override_type)) if name is not None}
    names = ("target_id", "provider_id", "symbol", "interval_minutes", "price")
    _check_fields({name: getattr(body, name) for name in names}, taken)
    if body.provider_id is not None and body.provider_id not in handler.market_settings.providers:
        raise NotFound(f"no provider {body.provider_id}")
    return CreateOverride(
        body.override_type,
        body.scope,
        body.target_id,
        body.provider_id,
        body.symbol,
        body.interval_minutes,
        body.price,
        body.duration_minutes,
        body.symbol is not None and await _is_tracked(handler, body.symbol),
        handler.actor,
        body.reason,
        handler.now(),
    )


async def _is_tracked(handler: AdminHandler, symbol: str) -> bool:
    try:
        return symbol in (await ask(handler.market.scheduler, GetUpdates())).tracked
    except MarketError:
        return False


def _check_fields(given: dict[str, object], taken: set[str]) -> None:
    """Raise Invalid for each of *given* that is missing or too much: those that count are *taken*."""
    faults = []
    for name, value in given.items():
        if name in taken and value is None:
            faults.append(Fault(("body", name), "is missing", "missing"))
        elif name not in taken and value is not None:
            faults.append(Fault(("body", name), "does not go with the other fields", "value_error"))
    if faults:
        raise Invalid(faults)


def _moment(value: datetime | None, name: str) -> datetime | None:
    """Return the time in UTC. Raises Invalid for a year that no order is of."""
    try:
        moment = None if value is None else value.astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC)
    if moment is not None and not 1900 <= moment.year <= 2999:
        raise invalid("must be of a year from 1900 to 2999", "body", name)
    return moment
