"""doctor: looks at what a server depends on, mends nothing, and says what to do."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from peewee import Database, PeeweeException

from market_actors import __version__
from market_actors.calendars import Calendars
from market_actors.commands.databases import opened
from market_actors.credentials import kept_secret
from market_actors.errors import MarketError, SettingsError
from market_actors.providers import registry
from market_actors.settings import SIMULATED, Settings
from persistence import database, errors, queries
from persistence.cache import RedisCache
from persistence.migrate import pending

RELEASED = datetime(2026, 11, 1, tzinfo=UTC)  # a clock that says less is wrong


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; healthy None: worth knowing, no fault."""

    subject: str
    healthy: bool | None
    detail: str

    def __str__(self) -> str:
        mark = {True: "ok  ", False: "FAIL", None: "note"}[self.healthy]
        return f"{mark}  {self.subject}: {self.detail}"


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield findings, one at a time: some take seconds."""
    yield Finding("version", True, __version__)
    for look in (_database, _providers, _redis, _secret, _clock):
        yield from look(settings)


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        with opened(settings) as connected:
            yield Finding("database", True, "reachable")
            missing = pending(connected)
            if missing:
                yield Finding("migrations", None, f"{', '.join(missing)} will be applied at the next start")
                return
            yield Finding("migrations", True, "none missing")
            broken = queries.check_audit()
            if broken is not None:
                yield Finding(
                    "audit log", False, f"entry {broken.id} of {broken.at.isoformat()} was changed afterwards"
                )
            elif queries.audit_lacks_its_end():
                yield Finding("audit log", False, "its newest entries are missing")
            else:
                yield Finding("audit log", True, "unbroken")
            yield _claimed(connected)
    except (MarketError, PeeweeException, errors.MigrationFailed) as error:
        yield Finding("database", False, str(error))


def _claimed(connected: Database) -> Finding:
    try:
        database.claim(connected).release()
    except errors.DatabaseLocked:
        return Finding("server", None, "one is running on this database")
    return Finding("server", None, "none holds this database")


def _providers(settings: Settings) -> Iterator[Finding]:
    for name in settings.providers:
        if name not in registry.PROVIDERS:
            continue  # named below
        if name == SIMULATED:
            yield Finding("provider simulated", None, "prices are invented; set MARKET_PROVIDERS for real ones")
        elif name == "alpha_vantage" and not settings.alpha_vantage_api_key:
            yield Finding("provider alpha_vantage", False, "has no key; set MARKET_ALPHA_VANTAGE_API_KEY")
        else:
            yield Finding(f"provider {name}", True, "configured")
    try:
        registry.check(settings.providers)
    except SettingsError as error:
        yield Finding("providers", False, str(error))


def _redis(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield Finding("redis", None, "not configured, and not needed")
        return
    cache = RedisCache(settings.redis_url)
    connected = cache.status().redis_connected
    yield Finding("redis", connected, "reachable" if connected else "cannot be reached; see MARKET_REDIS_URL")


def _secret(settings: Settings) -> Iterator[Finding]:
    path = Path(settings.secret_file)
    if not path.exists():
        yield Finding("secret file", None, f"{path} will be made at the first start")
        return
    try:
        kept_secret(path)
    except SettingsError as error:
        yield Finding("secret file", False, str(error))
        return
    private = not stat.S_IMODE(os.stat(path).st_mode) & 0o077
    yield Finding("secret file", private, "private" if private else f"others may read it; chmod 600 {path}")


def _clock(settings: Settings) -> Iterator[Finding]:
    now = datetime.now(UTC)
    yield Finding("clock", now > RELEASED, f"{now.isoformat(timespec='seconds')}; quotes are judged by it")
    calendars = Calendars()
    if calendars.is_known(settings.default_exchange):
        status = calendars.phase(settings.default_exchange, now).status
        yield Finding("calendar", True, f"{settings.default_exchange} is {status}")
    else:
        yield Finding("calendar", False, f"no exchange {settings.default_exchange}; see MARKET_DEFAULT_EXCHANGE")
