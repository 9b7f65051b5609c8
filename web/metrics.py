"""What is counted and measured of the web: requests under way, how long they take, how late the loop is."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector
from tornado.web import RequestHandler

from market_actors.messages import Updates

if TYPE_CHECKING:
    from market_actors.system import ActorSystem
    from web.fanout import Fanout

REMEMBERED = 1_000  # requests that the average response time is of


class Metrics:
    """The registry of one application, and what its status page shows of it."""

    def __init__(self, system: ActorSystem, fanout: Fanout) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "market_http_requests", "Requests answered", ["handler", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "market_http_request_seconds", "Time to answer a request", ["handler"], registry=self._registry
        )
        self._lag = Gauge("market_loop_lag_seconds", "How late the event loop last was", registry=self._registry)
        self._registry.register(_Actors(system, fanout))
        self._providers = _Providers()
        self._registry.register(self._providers)
        self._started_at = time.monotonic()
        self._recent: deque[float] = deque(maxlen=REMEMBERED)
        self.under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Count a request as under way."""
        self.under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self.under_way -= 1
            if not self.under_way:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until no request is under way."""
        await self._idle.wait()

    def answered(self, handler: str, method: str, status: int, seconds: float) -> None:
        """Note one answered request; streams never are. A method that HTTP does not know counts as other."""
        known = method if method in RequestHandler.SUPPORTED_METHODS else "other"  # or clients could make any label
        self._requests.labels(handler, known, str(status)).inc()
        self._seconds.labels(handler).observe(seconds)
        self._recent.append(seconds)

    def saw_lag(self, seconds: float) -> None:
        """Note how late the event loop was."""
        self._lag.set(seconds)

    @property
    def uptime_seconds(self) -> int:
        return int(time.monotonic() - self._started_at)

    @property
    def average_response_ms(self) -> float:
        """Of the last requests; 0 before the first."""
        return round(1000 * sum(self._recent) / len(self._recent), 3) if self._recent else 0.0

    def exposition(self, updates: Updates | None) -> bytes:
        """Return all as OpenMetrics text; *updates*: how the providers are, if that is known."""
        self._providers.updates = updates
        text: bytes = generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return text


class _Actors(Collector):
    """What actors and streams are like at the moment of being asked."""

    def __init__(self, system: ActorSystem, fanout: Fanout) -> None:
        self._system = system
        self._fanout = fanout

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("market_actor_up", "Is the actor running?", labels=["actor"])
        inbox = GaugeMetricFamily("market_actor_inbox_messages", "Messages that wait", labels=["actor"])
        restarts = CounterMetricFamily("market_actor_restarts", "Restarts after a crash", labels=["actor"])
        skipped = CounterMetricFamily("market_actor_skipped_ticks", "Ticks kept from one that lags", labels=["actor"])
        for actor in self._system.states():
            up.add_metric([actor.name], float(actor.state == "running"))
            inbox.add_metric([actor.name], actor.inbox)
            restarts.add_metric([actor.name], actor.restarts)
            skipped.add_metric([actor.name], actor.skipped)
        yield from (up, inbox, restarts, skipped)
        yield GaugeMetricFamily("market_streams", "Open event streams", value=len(self._fanout))
        yield CounterMetricFamily("market_stream_events", "Events sent to streams", value=self._fanout.events_sent)


class _Providers(Collector):
    """What the scheduler last said of the providers."""

    updates: Updates | None = None

    def collect(self) -> Iterable[Metric]:
        calls = GaugeMetricFamily("market_provider_calls_today", "Calls of the day so far", labels=["provider"])
        left = GaugeMetricFamily("market_provider_calls_left", "Calls of the day left", labels=["provider"])
        active = GaugeMetricFamily("market_provider_active", "Can it be called?", labels=["provider"])
        errors = GaugeMetricFamily("market_provider_errors", "Failed calls", labels=["provider"])
        for provider in self.updates.providers if self.updates else ():
            name = [provider.name]
            calls.add_metric(name, provider.requests_today)
            if provider.rate_limit_remaining is not None:
                left.add_metric(name, provider.rate_limit_remaining)
            active.add_metric(name, float(provider.status == "active"))
            errors.add_metric(name, provider.error_count)
        yield from (calls, left, active, errors)
