"""What an order would mean, before it is given: nothing is kept, nothing is audited."""

from __future__ import annotations

from datetime import timedelta

from market_actors.accounting.terms import tariff_of
from market_actors.domain.outlook import Tariff
from market_actors.domain.overrides import IntervalSetting, Override, OverrideType, Scope
from market_actors.messages import Ping, PreviewOrder
from market_actors.providers import registry
from market_actors.stored import CheckTarget, CreateOverride, CreatePollInterval, ListProviderStates
from persistence.records import ProviderState
from web.admin import AdminHandler
from web.admin_rules import interval_order, override_order
from web.admin_schemas import NewOverride, NewPollInterval
from web.gateway import ask
from web.operation import operation
from web.preview_schemas import PreviewAnswer


class PreviewHandler(AdminHandler):
    """Base of the previews."""

    async def answer(self, target: CheckTarget, order: Override | IntervalSetting) -> None:
        """Raises NotFound."""
        await ask(self.market.store, target)
        await ask(self.market.book, Ping())  # has told the scheduler of symbols that are held since just now
        preview = await ask(self.market.scheduler, PreviewOrder(order, await self._tariffs()))
        self.write_json(PreviewAnswer.of(preview))

    async def _tariffs(self) -> dict[str, Tariff]:
        """Return what each provider allows and costs: what an administrator set, or else the settings."""
        rows = {row.name: row for row in await ask(self.market.store, ListProviderStates())}
        return {name: self._tariff(name, rows.get(name)) for name in self.market_settings.providers}

    def _tariff(self, name: str, row: ProviderState | None) -> Tariff:
        per_day = row.calls_per_day if row is not None else None
        if per_day is None:
            per_day = getattr(self.market_settings, f"{name}_calls_per_day", None)
        charged = tariff_of(registry.tariff(self.market_settings, name), row)
        return Tariff(per_day, charged.per_call, charged.per_month)


class IntervalPreviewHandler(PreviewHandler):
    """POST /api/v1/admin/poll-intervals/preview"""

    @operation(
        "What a poll interval would change in the coming 24 hours; it is not ordered",
        scope="admin",
        answer=PreviewAnswer,
        errors=(404,),
    )
    async def post(self, body: NewPollInterval) -> None:
        order = interval_order(self, body)
        await self.answer(CheckTarget(order.config_type, order.target_id, None, False), _setting(order))


class OverridePreviewHandler(PreviewHandler):
    """POST /api/v1/admin/overrides/preview"""

    @operation(
        "What an override would change in the coming 24 hours; it is not ordered",
        scope="admin",
        answer=PreviewAnswer,
        errors=(404,),
    )
    async def post(self, body: NewOverride) -> None:
        order = await override_order(self, body)
        target = CheckTarget(order.scope, order.target_id, order.symbol, order.is_tracked)
        await self.answer(target, _override(order))


def _setting(order: CreatePollInterval) -> IntervalSetting:
    return IntervalSetting(
        Scope(order.config_type),
        None if order.target_id is None else str(order.target_id),
        timedelta(minutes=order.interval_minutes),
        order.reason,
        order.now,
        order.effective_from or order.now,
        order.effective_until,
    )


def _override(order: CreateOverride) -> Override:
    target = order.target_id or order.provider_id or order.symbol
    lasts = order.duration_minutes
    return Override(
        OverrideType(order.override_type),
        Scope(order.scope),
        None if target is None else str(target),
        order.reason,
        order.now,
        None if lasts is None else order.now + timedelta(minutes=lasts),
        interval=None if order.interval_minutes is None else timedelta(minutes=order.interval_minutes),
        price=order.price,
    )
