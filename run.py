"""The composition root: settings, database, actors, Tornado, signals, stop; and the command line."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import platform
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic

from pykka import ActorRef
from tornado.netutil import bind_sockets

from market_actors import __version__, clock, logs
from market_actors.book import PortfolioBook
from market_actors.calendars import Calendars
from market_actors.commands import accounts, line, recordings
from market_actors.commands.configuration import load
from market_actors.commands.databases import identity, served
from market_actors.connections import ConnectionRegistry
from market_actors.credentials import kept_secret
from market_actors.domain.breaker import Breaker
from market_actors.domain.polling import Intervals
from market_actors.domain.quota import Limits, QuotaWindows
from market_actors.errors import Conflict, DatabaseLocked, MarketError, MigrationFailed, SettingsError, Unavailable
from market_actors.fetcher import Fetcher
from market_actors.history import History
from market_actors.messages import Tick
from market_actors.providers import registry
from market_actors.providers.base import Provider
from market_actors.providers.registry import Surroundings
from market_actors.providers.replay import Replay
from market_actors.quote_cache import QuoteCache
from market_actors.scheduler import Pace, Scheduler, Source
from market_actors.settings import Settings
from market_actors.store import Store
from market_actors.system import ActorSystem
from market_actors.usage import UsageTracker
from market_actors.warm_cache import WarmCache
from persistence import queries
from persistence.cache import RedisCache
from persistence.errors import RowConflict, RowNotFound
from persistence.records import HoldingRow
from web import spreadsheet
from web.app import api_routes, make_app
from web.fanout import Fanout
from web.gateway import Market
from web.openapi import printed
from web.problems import Invalid
from web.server import Server, stop_signal
from web.sse import StreamEncoder

logger = logging.getLogger("market_actors")

COLLECT_AFTER = (50_000, 20, 100)  # or the collector looks at ten thousand portfolios again and again
# How long a thread that computes may keep others waiting. A request and a batch pass through many threads, and each hop
# waits that long: at a millisecond a busy actor cut broadcasts to a thousand streams to a fifth.
SWITCH_SECONDS = 0.0001
LONGEST_HOURS = 100 * 366 * 24  # no stream was ever lost longer ago

EXIT = {SettingsError: 2, DatabaseLocked: 3, MigrationFailed: 4}
"""Exit status by what went wrong; 1 for whatever else is refused."""


def build(settings: Settings, replayed: Provider | None = None) -> Server:
    """Start the actors and make the application; the database is open and up to date, a loop is running.

    replayed: the one source of prices, instead of those of the settings.

    Raises SettingsError.
    """
    calendars = Calendars()
    if not calendars.is_known(settings.default_exchange):
        raise SettingsError(f"MARKET_DEFAULT_EXCHANGE: no such exchange {settings.default_exchange}; XASX is one")
    cookie_secret = kept_secret(Path(settings.secret_file))
    around = Surroundings(close_of=calendars.close_of, now=clock.now)
    providers = [replayed] if replayed else registry.build(settings, around)
    node = f"{platform.node()}:{settings.port}"
    queries.close_stale_connections(node, clock.now())
    epoch = queries.next_epoch(clock.now())
    numbers = count(1)  # shared by all incarnations of the quote cache: a position is never used twice

    system = ActorSystem()
    at = system.address
    fanout = Fanout(asyncio.get_running_loop(), at("connections"))
    cache = at("cache") if settings.redis_url else None

    store = system.add(
        "store",
        lambda: Store.start(at("book"), at("connections"), at("scheduler"), at("quotes"), at("usage"), clock=clock.now),
    )
    history = system.add(
        "history",
        lambda: History.start(
            epoch=epoch,
            kept=timedelta(hours=min(settings.history_hours, LONGEST_HOURS)),
            events=settings.history_events,
            clock=clock.now,
        ),
    )
    if settings.redis_url:
        system.add("cache", partial(_warm_cache, settings, settings.redis_url, cookie_secret))
    limits = {provider.name: _limits(provider) for provider in providers}
    tariffs = {provider.name: registry.tariff(settings, provider.name) for provider in providers}
    usage = system.add("usage", lambda: UsageTracker.start(limits, store, clock=clock.now, tariffs=tariffs))
    connections = system.add(
        "connections",
        lambda: ConnectionRegistry.start(
            fanout,
            StreamEncoder(),
            store,
            history,
            at("book"),
            at("quotes"),
            at("scheduler"),
            history_events=settings.history_events,
            streams_per_user=settings.streams_per_user,
            heartbeat_seconds=settings.heartbeat_seconds,
            node=node,
        ),
    )
    book = system.add(
        "book", lambda: PortfolioBook.start(store, connections, at("scheduler"), at("quotes"), cache, clock.now())
    )
    quotes = system.add(
        "quotes",
        lambda: QuoteCache.start(
            store,
            cache,
            book,
            connections,
            calendars,
            epoch=epoch,
            positions=numbers,
            stale_seconds=settings.stale_seconds,
            jump_limit=settings.jump_limit,
            now=clock.now(),
        ),
    )
    sources = [
        Source(
            provider.name,
            provider.covers,
            provider.batch_size,
            _resets_at(provider),
            system.add(f"fetcher/{provider.name}", partial(Fetcher.start, provider, quotes, usage)),
            timedelta(seconds=provider.delay_seconds),
            provider.dates_only,
        )
        for provider in providers
    ]
    scheduler = system.add(
        "scheduler",
        lambda: Scheduler.start(
            sources,
            Breaker(settings.breaker_failures, timedelta(seconds=settings.breaker_seconds)),
            usage,
            store,
            connections,
            calendars,
            _pace(settings),
            Tick(clock.now(), monotonic()),
        ),
    )

    market = Market(store, history, quotes, book, connections, scheduler, usage, cache, calendars, system)
    return Server(market, make_app(market, settings, cookie_secret, fanout), fanout)


def _warm_cache(settings: Settings, url: str, secret: str) -> ActorRef[WarmCache]:
    return WarmCache.start(RedisCache(url, namespace=identity(settings.database_url), secret=secret))


def _limits(provider: Provider) -> Limits | None:
    quota = provider.quota
    if quota is None:
        return None
    return Limits(
        per_second=quota.per_second,
        per_minute=quota.per_minute,
        per_day=quota.per_day,
        per_month=quota.per_month,
        reset_timezone=quota.reset_timezone,
    )


def _resets_at(provider: Provider) -> Callable[[datetime], datetime] | None:
    limits = _limits(provider)
    return QuotaWindows(limits).resets_at if limits else None


def _pace(settings: Settings) -> Pace:
    intervals = Intervals(
        open=timedelta(seconds=settings.open_interval_seconds),
        after_hours=timedelta(seconds=settings.after_hours_interval_seconds),
        closed=timedelta(seconds=settings.closed_interval_seconds),
    )
    return Pace(
        intervals,
        cooldown=settings.refresh_cooldown_seconds,
        spread=min(30, settings.open_interval_seconds / 2),
        call_timeout=settings.provider_timeout_seconds,
    )


def tune() -> None:
    """Set the interpreter up for a server: many objects that stay, and a loop that must not wait for a busy actor."""
    gc.set_threshold(*COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_SECONDS)


def serve(settings: Settings, arguments: argparse.Namespace) -> int:
    """Serve until a signal; 0 when everything that was accepted is written."""
    registry.check(settings.providers)
    return _run(settings, lambda at: accounts.first_sign_in(at, arguments.demo))


def replay(settings: Settings, arguments: argparse.Namespace) -> int:
    """Serve the portfolios of a backup with the prices that it recorded."""
    opened = recordings.opened_recording(settings, arguments.file, arguments.start, arguments.end)
    with opened as (own, recording):
        return _run(own, accounts.foremost_sign_in, Replay(recording, arguments.speed, clock.now))


def _run(settings: Settings, sign_in: Callable[[Settings], str | None], replayed: Provider | None = None) -> int:
    tune()
    logs.configure(settings.log_level, settings.log_format)
    with served(settings):
        sockets = _listen(settings)
        settings = settings.bound_to(sockets[0].getsockname()[1])
        return asyncio.run(_serve(settings, sockets, sign_in(settings), replayed))


def _listen(settings: Settings) -> list[socket.socket]:
    try:
        return bind_sockets(settings.port, settings.address)
    except OSError as error:
        raise Unavailable(f"cannot listen on {settings.address}, port {settings.port}: {error.strerror}") from None


async def _serve(settings: Settings, sockets: list[socket.socket], link: str | None, replayed: Provider | None) -> int:
    stopping = stop_signal(asyncio.get_running_loop())
    server = build(settings, replayed)
    server.start(sockets)
    logger.info("version %s serves %s with %s", __version__, settings.origin, ", ".join(settings.providers))
    if link is not None:
        print(f"Sign in: {link}", flush=True)
    await stopping.wait()
    logger.info("stopping")
    return 0 if await server.stop() else 1


def openapi(_settings: Settings, _arguments: argparse.Namespace) -> int:
    """Print the description of the interface."""
    print(printed(api_routes()).decode())
    return 0


def read_holdings(data: bytes) -> tuple[HoldingRow, ...]:
    """Read a CSV file; raises Conflict with a line for each fault."""
    try:
        return spreadsheet.read_holdings(data)
    except Invalid as invalid:
        faults = [f"row {' '.join(map(str, fault['loc'][1:]))}: {fault['msg']}" for fault in invalid.detail]
        raise Conflict("nothing was imported\n" + "\n".join(faults)) from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit status."""
    csv = line.Spreadsheet(read_holdings, spreadsheet.write_holdings)
    arguments = line.parse(argv, line.Given(serve, replay, openapi, csv))
    try:
        options = {"port": arguments.port, "address": arguments.address}
        status: int = arguments.run(load(os.environ, options, arguments.config, arguments.demo), arguments)
    except (MarketError, RowConflict, RowNotFound, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return next((status for kind, status in EXIT.items() if isinstance(error, kind)), 1)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return status


if __name__ == "__main__":
    sys.exit(main())
