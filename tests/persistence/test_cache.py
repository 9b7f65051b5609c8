"""Redis as it is, and as it fails: gone, hanging, flushed, restarted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from uuid import uuid4

import pytest
import redis

from persistence import cache
from persistence.cache import LIFETIME_SECONDS, TIMEOUT_SECONDS, RedisCache
from tests.servers import RedisServer

pytestmark = pytest.mark.redis

PORTFOLIO = uuid4()


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(redis_server: RedisServer, clock: Clock) -> Iterator[RedisCache]:
    """A cache on a Redis of its own."""
    kept = RedisCache(redis_server.url, clock=clock)
    yield kept
    kept.close()


@pytest.fixture
def inside(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """Another client, that looks at what is kept."""
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


def test_quotes_come_back_by_symbol_as_they_were(kept: RedisCache) -> None:
    quotes = {"CBA.AX": b"{}", "^GSPC": b"\x00\xff", "USDAUD=X": b"x" * 10_000}

    kept.put_quotes(quotes)
    kept.put_quotes({})

    assert kept.quotes() == quotes


def test_a_thousand_quotes_come_back(kept: RedisCache) -> None:
    quotes = {f"S{number}": str(number).encode() for number in range(1_200)}

    kept.put_quotes(quotes)

    assert kept.quotes() == quotes


def test_a_valuation_is_kept_until_it_is_dropped(kept: RedisCache) -> None:
    assert kept.valuation(PORTFOLIO) is None
    kept.put_valuations({PORTFOLIO: b"1"})
    assert kept.valuation(PORTFOLIO) == b"1"

    kept.drop_valuations([PORTFOLIO, *(uuid4() for _ in range(1_000))])
    kept.drop_valuations([])

    assert kept.valuation(PORTFOLIO) is None


def test_everything_expires_after_a_quarter_of_an_hour(kept: RedisCache, inside: redis.Redis) -> None:
    kept.put_quotes({"CBA.AX": b"1"})
    kept.put_valuations({PORTFOLIO: b"1"})

    for key in inside.scan_iter():
        assert LIFETIME_SECONDS - 60 < inside.ttl(key) <= LIFETIME_SECONDS == 900


def test_what_another_version_wrote_is_as_if_not_there(
    redis_server: RedisServer, kept: RedisCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.put_quotes({"CBA.AX": b"1"})
    kept.put_valuations({PORTFOLIO: b"1"})
    monkeypatch.setattr(cache, "SCHEMA", cache.SCHEMA + 1)
    newer = RedisCache(redis_server.url)

    assert newer.quotes() == {}
    assert newer.valuation(PORTFOLIO) is None
    newer.close()


@pytest.mark.parametrize("garbage", [b"", b"1", b"\xff" * 40, b'{"price":"NaN"}' * 3])
def test_what_somebody_else_wrote_is_as_if_not_there(kept: RedisCache, inside: redis.Redis, garbage: bytes) -> None:
    kept.put_quotes({"CBA.AX": b"1"})
    kept.put_valuations({PORTFOLIO: b"1"})
    for key in list(inside.scan_iter()):
        inside.set(key, garbage)
        inside.set(key + b"\xff", garbage)

    assert kept.quotes() == {}
    assert kept.valuation(PORTFOLIO) is None
    assert kept.status().hit_rate == 0


def test_an_entry_in_the_place_of_another_is_as_if_not_there(kept: RedisCache, inside: redis.Redis) -> None:
    other = uuid4()
    kept.put_quotes({"CBA.AX": b"1", "AAPL": b"2"})
    kept.put_valuations({PORTFOLIO: b"1", other: b"2"})
    keys = {key.endswith(b"CBA.AX"): key for key in inside.scan_iter("*quote*")}
    inside.rename(keys[True], keys[False])
    places = {key.endswith(str(PORTFOLIO).encode()): key for key in inside.scan_iter("*valuation*")}
    inside.rename(places[True], places[False])

    assert kept.quotes() == {}
    assert kept.valuation(other) is None


def test_servers_of_different_secrets_take_nothing_of_each_other(redis_server: RedisServer) -> None:
    one, other = RedisCache(redis_server.url, secret="one"), RedisCache(redis_server.url, secret="other")
    one.put_valuations({PORTFOLIO: b"1"})

    assert other.valuation(PORTFOLIO) is None
    assert one.valuation(PORTFOLIO) == b"1"
    one.close()
    other.close()


def test_servers_of_different_names_see_nothing_of_each_other(redis_server: RedisServer) -> None:
    one, other = RedisCache(redis_server.url, "one*"), RedisCache(redis_server.url, "one*x")
    one.put_quotes({"CBA.AX": b"1"})
    other.put_quotes({"CBA.AX": b"2", "AAPL": b"3"})

    assert one.quotes() == {"CBA.AX": b"1"}
    one.close()
    other.close()


def test_what_was_flushed_is_gone_and_can_be_put_again(kept: RedisCache, inside: redis.Redis) -> None:
    kept.put_quotes({"CBA.AX": b"1"})

    inside.flushall()

    assert kept.quotes() == {}
    kept.put_quotes({"CBA.AX": b"2"})
    assert kept.quotes() == {"CBA.AX": b"2"}


def test_a_redis_that_is_gone_answers_nothing_and_raises_nothing(kept: RedisCache, redis_server: RedisServer) -> None:
    kept.put_quotes({"CBA.AX": b"1"})
    redis_server.kill()

    assert kept.quotes() == {}
    kept.put_quotes({"CBA.AX": b"1"})
    kept.put_valuations({PORTFOLIO: b"1"})
    kept.drop_valuations([PORTFOLIO])
    assert kept.valuation(PORTFOLIO) is None
    assert kept.status().redis_connected is False


def test_a_redis_that_hangs_costs_one_time_out_and_then_nothing(kept: RedisCache, redis_server: RedisServer) -> None:
    kept.put_valuations({PORTFOLIO: b"1"})
    redis_server.pause()

    begun = time.monotonic()
    assert kept.valuation(PORTFOLIO) is None
    first = time.monotonic() - begun
    for _ in range(1_000):
        assert kept.valuation(PORTFOLIO) is None
    rest = time.monotonic() - begun - first
    redis_server.resume()

    assert TIMEOUT_SECONDS <= first < 2 * TIMEOUT_SECONDS
    assert rest < 0.2


def test_a_redis_that_hangs_while_one_connects_costs_no_more(redis_server: RedisServer) -> None:
    redis_server.pause()
    fresh = RedisCache(redis_server.url)

    begun = time.monotonic()
    assert fresh.quotes() == {}
    taken = time.monotonic() - begun

    redis_server.resume()
    fresh.close()
    assert taken < 2 * TIMEOUT_SECONDS


def test_the_breaker_waits_twice_as_long_after_each_failure_up_to_half_a_minute(
    kept: RedisCache, redis_server: RedisServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.kill()

    waits = []
    for _ in range(7):
        begun = clock.now
        kept.valuation(PORTFOLIO)
        tries = len(caplog.records)
        while len(caplog.records) == tries:
            clock.now += 0.5
            kept.valuation(PORTFOLIO)
        waits.append(clock.now - begun)

    assert waits[:6] == [1, 2, 4, 8, 16, 30]


def test_a_redis_that_comes_back_is_used_again_by_itself(
    kept: RedisCache, redis_server: RedisServer, clock: Clock
) -> None:
    redis_server.kill()
    assert kept.valuation(PORTFOLIO) is None
    redis_server.start()
    kept.put_valuations({PORTFOLIO: b"1"})
    assert kept.valuation(PORTFOLIO) is None

    clock.now += 1

    kept.put_valuations({PORTFOLIO: b"2"})
    assert kept.valuation(PORTFOLIO) == b"2"
    assert kept.status().redis_connected is True


def test_a_redis_that_was_restarted_between_two_questions_is_not_noticed(
    kept: RedisCache, redis_server: RedisServer
) -> None:
    kept.put_valuations({PORTFOLIO: b"1"})
    redis_server.kill()
    redis_server.start()

    kept.put_valuations({PORTFOLIO: b"2"})

    assert kept.valuation(PORTFOLIO) == b"2"


def test_an_answer_that_came_too_late_is_never_taken_for_that_of_the_next_question(
    kept: RedisCache, redis_server: RedisServer, clock: Clock
) -> None:
    other = uuid4()
    kept.put_valuations({PORTFOLIO: b"first"})
    kept.put_valuations({other: b"second"})
    redis_server.pause()
    assert kept.valuation(PORTFOLIO) is None
    redis_server.resume()
    clock.now += 1

    assert kept.valuation(other) == b"second"


def test_a_redis_that_refuses_is_left_alone(kept: RedisCache, inside: redis.Redis, clock: Clock) -> None:
    inside.config_set("maxmemory", "1")

    kept.put_valuations({PORTFOLIO: b"1"})

    assert kept.valuation(PORTFOLIO) is None
    inside.config_set("maxmemory", "0")
    clock.now += 1
    kept.put_valuations({PORTFOLIO: b"2"})
    assert kept.valuation(PORTFOLIO) == b"2"


def test_the_status_counts_keys_memory_hits_and_what_expired(kept: RedisCache, inside: redis.Redis) -> None:
    kept.put_valuations({PORTFOLIO: b"1"})
    kept.valuation(PORTFOLIO)
    for _ in range(3):
        kept.valuation(uuid4())
    before = kept.status()

    inside.set("other", "1", px=1)
    deadline = time.monotonic() + 5
    while inside.exists("other") and time.monotonic() < deadline:
        pass

    after = kept.status()
    assert (before.redis_connected, before.total_keys, before.hit_rate, before.expired_keys_today) == (True, 1, 25, 0)
    assert before.memory_usage > 0
    assert after.expired_keys_today == 1


def test_what_expired_is_counted_by_the_day_also_across_a_restart_of_redis() -> None:
    count, monday, tuesday = cache._CountOfDay(), date(2026, 3, 2), date(2026, 3, 3)

    assert [count.today(n, monday) for n in (100, 105, 2, 3)] == [0, 5, 7, 8]
    assert [count.today(n, tuesday) for n in (4, 10)] == [1, 7]
