"""How providers are, and when symbols are due, kept so that a restart repeats nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from peewee import Field

from persistence.database import fetch_as, insert_many, lock_until_commit, replacing, writing
from persistence.models import MarketDataProvider, PriceUpdateSchedule
from persistence.queries import audit
from persistence.records import ProviderState, ScheduledPoll

_STATE = [getattr(MarketDataProvider, name) for name in ProviderState.__slots__]
_POLL = [getattr(PriceUpdateSchedule, name) for name in ScheduledPoll.__slots__]


def load_provider_states() -> tuple[ProviderState, ...]:
    """All providers that ever had a state, by name."""
    query = MarketDataProvider.select(*_STATE).order_by(MarketDataProvider.name)
    return fetch_as(ProviderState, query)


def save_provider_state(name: str, status: str, reason: str | None, next_try: datetime | None) -> None:
    """Keep how a provider is; leaves alone what an administrator set."""
    changing: list[Field[Any]] = [MarketDataProvider.status, MarketDataProvider.reason, MarketDataProvider.next_try]
    with writing():
        insert_many(
            [MarketDataProvider.name, MarketDataProvider.enabled, *changing],
            [(name, True, status, reason, next_try)],
            replacing([MarketDataProvider.name], changing),
        )


def configure_provider(name: str, changes: Mapping[str, Any], actor: str, reason: str, now: datetime) -> ProviderState:
    """Set these columns of a provider; one that is None is left to the settings again."""
    with writing():
        lock_until_commit(audit.LOCK)
        before = _state(name)
        insert_many(
            [MarketDataProvider.name, MarketDataProvider.enabled, MarketDataProvider.status],
            [(name, True, "active")],
            "ON CONFLICT DO NOTHING",
        )
        if changes:
            MarketDataProvider.update(changes).where(MarketDataProvider.name == name).execute()
        after = _state(name)
        assert after is not None
        was = None if before is None else _set_of(before)
        audit.append_audit(actor, "provider.update", "provider", name, reason, was, _set_of(after), now)
        return after


def _state(name: str) -> ProviderState | None:
    found = fetch_as(ProviderState, MarketDataProvider.select(*_STATE).where(MarketDataProvider.name == name))
    return found[0] if found else None


def _set_of(state: ProviderState) -> dict[str, Any]:
    """What an administrator sets of a provider, without how it is."""
    return {
        name: value for name, value in asdict(state).items() if name not in ("name", "status", "reason", "next_try")
    }


def list_provider_states() -> tuple[ProviderState, ...]:
    """What administrators set of providers, by name."""
    return load_provider_states()


def load_schedule() -> tuple[ScheduledPoll, ...]:
    """When each symbol was last polled and is next due, the next first."""
    query = PriceUpdateSchedule.select(*_POLL).order_by(PriceUpdateSchedule.next_poll_at, PriceUpdateSchedule.symbol)
    return fetch_as(ScheduledPoll, query)


def save_schedule(rows: Sequence[ScheduledPoll]) -> None:
    """Keep the schedule of these symbols; that of others stays until it is pruned."""
    with writing():
        values = ([getattr(row, name) for name in ScheduledPoll.__slots__] for row in rows)
        insert_many(_POLL, values, replacing(_POLL[:1], _POLL[1:]))
