"""The table of price sources, and how each is made from the settings. A new source is a module and an entry here."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from market_actors.domain.costs import Tariff
from market_actors.domain.exchanges import EXCHANGES, currency_of
from market_actors.errors import SettingsError
from market_actors.providers import alpha_vantage
from market_actors.providers.alpha_vantage import AlphaVantage
from market_actors.providers.base import Provider, Quota
from market_actors.providers.simulated import Simulated
from market_actors.providers.yahoo import Yahoo
from market_actors.settings import Settings

UNRELIABLE = frozenset({"XASX"})
"""Exchanges that Alpha Vantage covers only in part: still better than nothing when the first source is gone."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Surroundings:
    """What a source may need beside its settings.

    close_of:            when the session of a day closes at an exchange (aware, UTC); None where there is none.
    instrument_currency: what a symbol is quoted in (ISO 4217); None where that cannot be told.
    now:                 the wall clock, aware, UTC.
    """

    close_of: Callable[[str, date], datetime | None]
    instrument_currency: Callable[[str], str | None] = currency_of
    now: Callable[[], datetime] = _utc_now


def _yahoo(settings: Settings, around: Surroundings) -> Provider:
    return Yahoo(
        Quota(
            settings.yahoo_calls_per_second,
            settings.yahoo_calls_per_minute,
            settings.yahoo_calls_per_day,
            settings.yahoo_reset_timezone,
            settings.yahoo_calls_per_month,
        ),
        settings.provider_timeout_seconds,
        base_url=settings.yahoo_url,
        batch_size=settings.yahoo_batch_size,
        instrument_currency=around.instrument_currency,
        now=around.now,
    )


def _alpha_vantage(settings: Settings, around: Surroundings) -> Provider:
    return AlphaVantage(
        Quota(
            settings.alpha_vantage_calls_per_second,
            settings.alpha_vantage_calls_per_minute,
            settings.alpha_vantage_calls_per_day,
            settings.alpha_vantage_reset_timezone,
            settings.alpha_vantage_calls_per_month,
        ),
        settings.provider_timeout_seconds,
        settings.alpha_vantage_api_key,
        around.close_of,
        base_url=settings.alpha_vantage_url,
        extra_exchanges=UNRELIABLE,
        now=around.now,
    )


def _simulated(_settings: Settings, around: Surroundings) -> Provider:
    return Simulated(now=around.now)


PROVIDERS: Mapping[str, Callable[[Settings, Surroundings], Provider]] = {
    "yahoo": _yahoo,
    "alpha_vantage": _alpha_vantage,
    "simulated": _simulated,
}

EXCHANGES_OF: Mapping[str, frozenset[str]] = {"alpha_vantage": alpha_vantage.EXCHANGES | UNRELIABLE}
"""What a source covers, where that is not every exchange."""


def exchanges_of(name: str) -> tuple[str, ...]:
    """Return the codes of the exchanges that a source of the table covers."""
    covered = EXCHANGES_OF.get(name, frozenset(EXCHANGES))
    return tuple(code for code in EXCHANGES if code in covered)


def tariff(settings: Settings, name: str) -> Tariff:
    """Return what the settings say that a source charges: nothing, where they cannot say it."""
    return Tariff(getattr(settings, f"{name}_cost_per_call", None), getattr(settings, f"{name}_monthly_cost", None))


def check(names: Sequence[str]) -> None:
    """Raise SettingsError for a name that is not in the table, or is given twice."""
    for name in names:
        if name not in PROVIDERS:
            near = difflib.get_close_matches(name, PROVIDERS, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(PROVIDERS)}"
            raise SettingsError(f'MARKET_PROVIDERS: no such provider "{name}"; {hint}')
    if len(set(names)) != len(names):
        raise SettingsError("MARKET_PROVIDERS: a provider is named twice")


def build(settings: Settings, around: Surroundings) -> list[Provider]:
    """Return the sources that are configured, in the order in which they are asked. Raises what check() raises."""
    check(settings.providers)
    return [PROVIDERS[name](settings, around) for name in settings.providers]
