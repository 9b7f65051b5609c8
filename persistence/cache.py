"""Last quotes and valuations in Redis, as bytes that this module does not look into.

Nothing here ever raises or waits long: time-outs are short, and after a failure a breaker
answers for Redis, at once and with nothing, until it is worth trying again. Entries live
15 minutes. An entry may be older than what was written last (a write that timed out can
still arrive), so whoever reads one checks that it holds. Each is sealed: what somebody else
wrote, or put in another place, is as if it were not there.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b
from itertools import islice
from typing import TypeVar
from uuid import UUID

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

T = TypeVar("T")

logger = logging.getLogger(__name__)

SCHEMA = 2  # of the bytes; raise it when their meaning changes, and older entries are as if not there
LIFETIME_SECONDS = 15 * 60
TIMEOUT_SECONDS = 0.15
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
AT_ONCE = 500  # keys in one command
SEAL_BYTES = 16


@dataclass(frozen=True, slots=True)
class RedisStatus:
    """How Redis is. memory_usage in bytes; hit_rate 0 to 100, of the reads since the start.

    expired_keys_today: since midnight UTC, or since this process first asked today.
    """

    redis_connected: bool
    total_keys: int
    memory_usage: int
    hit_rate: float
    expired_keys_today: int


class RedisCache:
    """Used by one thread.

    namespace: keeps servers apart that share a Redis but not a database.
    secret:    seals the entries; servers that shall read each other's have the same.
    clock:     seconds, monotonic.
    """

    def __init__(
        self, url: str, namespace: str = "", secret: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # the default tries ten times, for seconds
        )
        self._sealing = blake2b(secret.encode()).digest()
        self._prefix = f"market:v{SCHEMA}:{namespace}"
        self._breaker = _Breaker(clock)
        self._expired = _CountOfDay()
        self._hits = 0
        self._reads = 0

    def put_quotes(self, quotes: Mapping[str, bytes]) -> None:
        """Keep the last quotes, by symbol."""
        if quotes:
            self._call(lambda: self._write({self._quote_key(symbol): data for symbol, data in quotes.items()}))

    def quotes(self) -> dict[str, bytes]:
        """Return all quotes that are kept, by symbol; empty when Redis cannot be asked."""
        return self._call(self._read_quotes) or {}

    def put_valuations(self, valuations: Mapping[UUID, bytes]) -> None:
        """Keep the valuations, by portfolio."""
        if valuations:
            self._call(lambda: self._write({self._valuation_key(key): data for key, data in valuations.items()}))

    def valuation(self, portfolio_id: UUID) -> bytes | None:
        """Return a portfolio's valuation; None when there is none, or Redis cannot be asked."""
        key = self._valuation_key(portfolio_id)
        found = self._unsealed(key, self._call(lambda: self._redis.get(key)))
        self._count(found is not None)
        return found

    def drop_valuations(self, portfolio_ids: Iterable[UUID]) -> None:
        """Forget these portfolios' valuations."""
        keys = iter([self._valuation_key(portfolio_id) for portfolio_id in portfolio_ids])
        while batch := list(islice(keys, AT_ONCE)):
            self._call(lambda batch=batch: self._redis.unlink(*batch))  # type: ignore[misc]

    def status(self) -> RedisStatus:
        """Ask Redis how it is; zeros when it cannot be asked."""
        found = self._call(self._figures)
        keys, memory, expired = found or (0, 0, 0)
        rate = 100.0 * self._hits / self._reads if self._reads else 0.0
        return RedisStatus(found is not None, keys, memory, rate, expired)

    def close(self) -> None:
        self._redis.close()

    def _write(self, entries: Mapping[str, bytes]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for key, data in entries.items():
            pipeline.set(key, self._seal(key, data) + data, ex=LIFETIME_SECONDS)
        pipeline.execute()

    def _read_quotes(self) -> dict[str, bytes]:
        start = self._quote_key("")
        keys = self._redis.scan_iter(match=_escaped(start) + "*", count=1_000)
        found: dict[str, bytes] = {}
        while batch := list(islice(keys, AT_ONCE)):
            for name, sealed in zip(batch, self._redis.mget(batch), strict=True):
                key = name.decode(errors="replace")
                data = self._unsealed(key, sealed)
                self._count(data is not None)
                if data is not None:
                    found[key.removeprefix(start)] = data
        return found

    def _seal(self, key: str, data: bytes) -> bytes:
        return blake2b(key.encode() + b"\0" + data, key=self._sealing, digest_size=SEAL_BYTES).digest()

    def _unsealed(self, key: str, found: object) -> bytes | None:
        if not isinstance(found, bytes):
            return None
        seal, data = found[:SEAL_BYTES], found[SEAL_BYTES:]
        if hmac.compare_digest(seal, self._seal(key, data)):
            return data
        logger.warning("redis: an entry is not ours and ignored")
        return None

    def _figures(self) -> tuple[int, int, int]:
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.dbsize()
        pipeline.info("memory")
        pipeline.info("stats")
        keys, memory, stats = pipeline.execute()
        expired = self._expired.today(int(stats["expired_keys"]), datetime.now(UTC).date())
        return int(keys), int(memory["used_memory"]), expired

    def _count(self, hit: bool) -> None:
        self._reads += 1
        self._hits += hit

    def _call(self, command: Callable[[], T]) -> T | None:
        if not self._breaker.allows():
            return None
        try:
            answer = command()
        except (redis.RedisError, OSError) as error:
            wait = self._breaker.failed()
            logger.warning("redis: not asked again for %.0f s: %s", wait, error)
            return None
        if self._breaker.worked():
            logger.info("redis: answers again")
        return answer

    def _quote_key(self, symbol: str) -> str:
        return f"{self._prefix}:quote:{symbol}"

    def _valuation_key(self, portfolio_id: UUID) -> str:
        return f"{self._prefix}:valuation:{portfolio_id}"


class _Breaker:
    """Open for 1 s after a failure, and twice as long after each further one, up to 30 s."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wait = 0.0
        self._until = float("-inf")

    def allows(self) -> bool:
        return self._clock() >= self._until

    def failed(self) -> float:
        """Return for how many seconds it is open now."""
        self._wait = min(max(2 * self._wait, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
        self._until = self._clock() + self._wait
        return self._wait

    def worked(self) -> bool:
        """Return whether this ended a failure."""
        recovered = self._wait > 0
        self._wait = 0.0
        return recovered


class _CountOfDay:
    """What a counter that only rises, except when its server restarts, has counted on a day."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._before = 0  # what the counter said when the day's count began
        self._last = 0
        self._lost = 0  # counted today by servers that have restarted since

    def today(self, count: int, day: date) -> int:
        if day != self._day:
            self._day, self._before, self._lost = day, count if self._day is None else min(self._last, count), 0
        elif count < self._last:
            self._lost += self._last - self._before
            self._before = 0
        self._last = count
        return self._lost + count - self._before


def _escaped(text: str) -> str:
    """Return a pattern of Redis that matches *text* alone."""
    return "".join(f"\\{character}" if character in "*?[]^-\\" else character for character in text)
