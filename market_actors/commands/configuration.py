"""Where settings come from: defaults, then a TOML file, then the environment (MARKET_...), then the command line."""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from market_actors.errors import SettingsError
from market_actors.settings import PREFIX, SIMULATED, TYPES, Settings, environment_key

DEMO: Mapping[str, Any] = {
    "database_url": "sqlite:///market-demo.db",
    "open_interval_seconds": 1,
    "after_hours_interval_seconds": 1,
    "closed_interval_seconds": 1,
}
"""Defaults of --demo: fast, and never mixed with real portfolios."""


def load(
    environ: Mapping[str, str],
    options: Mapping[str, Any] | None = None,
    config: Path | None = None,
    demo: bool = False,
) -> Settings:
    """Return the settings in force.

    options: what the command line says, by field name; None values say nothing.
    demo:    sample data on a simulated feed, whatever providers are configured.

    Raises SettingsError, which names the key, its source, and the nearest known key.
    """
    values: dict[str, Any] = dict(DEMO) if demo else {}
    given = _from_file(config) if config is not None else {}
    given |= _from_environment(environ)
    given |= {name: _typed(name, value, f"--{name}") for name, value in (options or {}).items() if value is not None}
    values |= given
    if demo:
        values["providers"] = (SIMULATED,)
    elif not given.get("providers"):
        values["providers"] = _configured_providers(given)
    settings = Settings(**values)
    if "cors_origins" not in given:
        settings = replace(settings, cors_origins=("http://localhost:3000", settings.origin))
    return settings


def _configured_providers(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Without a list, a provider is wanted when its address or key is given."""
    keys = {"yahoo": ("yahoo_url",), "alpha_vantage": ("alpha_vantage_url", "alpha_vantage_api_key")}
    return tuple(name for name, own in keys.items() if any(given.get(key) for key in own)) or (SIMULATED,)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    for key in content:
        if key not in TYPES:
            raise SettingsError(f'{path}: no such key "{key}"{_nearest(key, list(TYPES))}')
    return {key: _typed(key, value, f'{path}: "{key}"') for key, value in content.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {environment_key(name): name for name in TYPES}
    values = {}
    for key, text in environ.items():
        if not key.startswith(PREFIX):
            continue
        if key not in known:
            raise SettingsError(f'environment: no such key "{key}"{_nearest(key, list(known))}')
        values[known[key]] = _typed(known[key], text, key)
    return values


def _nearest(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f'; did you mean "{near[0]}"?' if near else "; see the settings table in the README"


def _typed(name: str, value: Any, where: str) -> Any:
    """Convert to the field's type; *where* it was given stands in the error."""
    default = Settings.__dataclass_fields__[name].default
    if isinstance(value, str):
        value = value.strip()
        if isinstance(default, tuple):
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif not value and default is None:
            return None
    if isinstance(value, float) and isinstance(default, Decimal):
        value = str(value)  # it is to have the digits that were written
    try:
        typed = msgspec.convert(value, TYPES[name], strict=False)
        if name in CHECKS:
            CHECKS[name](typed)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(f"{where}: {error}") from None
    return typed


def _url(*schemes: str) -> Callable[[str | None], None]:
    def check(value: str | None) -> None:
        if value is not None and urlsplit(value).scheme not in schemes:
            raise ValueError("must begin with " + " or ".join(f"{scheme}://" for scheme in schemes))

    return check


def _timezone(value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("no such time zone; they look like Australia/Sydney") from None


def _share(value: Decimal) -> None:
    if not (value.is_finite() and 0 < value <= 100):
        raise ValueError("must be above 0 and at most 100")


def _cost(value: Decimal | None) -> None:
    if value is None:
        return
    if not (value.is_finite() and 0 <= value < 10**16 and value == value.quantize(Decimal("1e-12"))):
        raise ValueError("must be 0 or more, with at most 16 digits before the point and 12 behind it")


def _networks(values: tuple[str, ...]) -> None:
    for value in values:
        ipaddress.ip_network(value, strict=False)


def _origins(values: tuple[str, ...]) -> None:
    for value in values:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or value != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("an origin is a scheme, a host and perhaps a port, without a path: https://example.org")


CHECKS: Mapping[str, Callable[[Any], None]] = {
    "database_url": _url("sqlite", "postgresql", "postgres"),
    "redis_url": _url("redis", "rediss", "unix"),
    "alpha_vantage_url": _url("http", "https"),
    "yahoo_url": _url("http", "https"),
    "alpha_vantage_reset_timezone": _timezone,
    "yahoo_reset_timezone": _timezone,
    "alpha_vantage_cost_per_call": _cost,
    "alpha_vantage_monthly_cost": _cost,
    "yahoo_cost_per_call": _cost,
    "yahoo_monthly_cost": _cost,
    "jump_limit": _share,
    "trusted_proxies": _networks,
    "cors_origins": _origins,
}
