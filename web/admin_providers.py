"""Price sources at run time: switched on and off, put in order, limited and priced. Keys stay in the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from msgspec import UNSET

from market_actors.accounting.terms import tariff_of
from market_actors.domain.exchanges import EXCHANGES
from market_actors.errors import MarketError, NotFound
from market_actors.messages import GetUpdates, ProviderStatus
from market_actors.providers import registry
from market_actors.providers.registry import exchanges_of
from market_actors.stored import ConfigureProvider, ListProviderStates
from persistence.records import ProviderState
from web.admin import AdminHandler
from web.admin_schemas import AdminProviderAnswer, ProviderChange
from web.bodies import optional
from web.gateway import ask
from web.operation import operation
from web.problems import Fault, Invalid, invalid
from web.schemas import ListQuery

LIMITS = ("calls_per_second", "calls_per_minute", "calls_per_day", "reset_timezone")


class ProvidersHandler(AdminHandler):
    """GET /api/v1/admin/providers"""

    @operation("Price sources, in the order in which they are asked", scope="admin", answer=list[AdminProviderAnswer])
    async def get(self, query: ListQuery) -> None:
        self.write_slice(await self.providers(), query)

    async def providers(self) -> list[AdminProviderAnswer]:
        """Return what is in force for each, by priority."""
        rows = {row.name: row for row in await ask(self.market.store, ListProviderStates())}
        statuses = await self._statuses()
        found = [
            self._in_force(name, place, rows.get(name), statuses.get(name))
            for place, name in enumerate(self.market_settings.providers, 1)
        ]
        return sorted(found, key=lambda provider: provider.priority)

    async def find(self, name: str) -> AdminProviderAnswer:
        """Raises NotFound."""
        for provider in await self.providers():
            if provider.name == name:
                return provider
        raise NotFound(f"no provider {name}")

    async def _statuses(self) -> Mapping[str, ProviderStatus]:
        try:
            updates = await ask(self.market.scheduler, GetUpdates())
        except MarketError:
            return {}  # how they last were, stands in the database
        return {provider.name: provider for provider in updates.providers}

    def _in_force(
        self, name: str, place: int, row: ProviderState | None, status: ProviderStatus | None
    ) -> AdminProviderAnswer:
        is_set = {limit: getattr(row, limit) if row else None for limit in LIMITS}
        limits = {
            limit: getattr(self.market_settings, f"{name}_{limit}", None) if value is None else value
            for limit, value in is_set.items()
        }
        tariff = tariff_of(registry.tariff(self.market_settings, name), row)
        enabled = row.enabled if row else True
        known: Any = status or row
        live: Any = known.status if known else "active"
        return AdminProviderAnswer(
            name=name,
            enabled=enabled,
            priority=row.priority if row and row.priority is not None else place,
            exchanges=tuple(row.exchanges if row and row.exchanges is not None else exchanges_of(name)),
            cost_per_call=optional(tariff.per_call),
            monthly_cost=optional(tariff.per_month),
            status=live if enabled else "disabled",
            reason=known.reason if known else None,
            next_try=known.next_try if known else None,
            **limits,
        )


class ProviderHandler(ProvidersHandler):
    """GET, PATCH /api/v1/admin/providers/(name)"""

    @operation("One price source", scope="admin", answer=AdminProviderAnswer, errors=(404,))
    async def get(self, name: str) -> None:
        self.write_json(await self.find(name))

    @operation(
        "Change it, at once; what is null is left to the settings again", scope="admin", answer=AdminProviderAnswer
    )
    async def patch(self, name: str, body: ProviderChange) -> None:
        if name not in self.market_settings.providers:
            raise NotFound(f"no provider {name}")
        given = {field: getattr(body, field) for field in body.__struct_fields__ if field != "reason"}
        changes = {field: value for field, value in given.items() if value is not UNSET}
        if changes.get("reset_timezone") is not None and changes["reset_timezone"] not in available_timezones():
            raise invalid("must be the name of a time zone, like America/New_York", "body", "reset_timezone")
        if changes.get("exchanges") is not None:
            changes["exchanges"] = _exchanges(changes["exchanges"], exchanges_of(name))
        await ask(self.market.store, ConfigureProvider(name, changes, self.actor, body.reason, self.now()))
        self.write_json(await self.find(name))


def _exchanges(codes: tuple[str, ...], covered: tuple[str, ...]) -> list[str]:
    """Return the codes, each once. Raises Invalid for those that the source does not cover."""
    faults = [
        Fault(("body", "exchanges", place), "must be the code of an exchange that the source covers", "value_error")
        for place, code in enumerate(codes)
        if code not in covered or code not in EXCHANGES
    ]
    if faults:
        raise Invalid(faults)
    return sorted(set(codes))
