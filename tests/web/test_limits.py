"""The limits themselves: bytes kept of a body, sign-ins at once, and the status of each error."""

from __future__ import annotations

import asyncio
import threading

import pytest
from argon2 import PasswordHasher
from tornado.httputil import HTTPConnection, HTTPMessageDelegate

from market_actors import errors
from web.limits import HASHERS, HASHES_WAITING, MAX_BODY, BoundedBody, Passwords
from web.problems import problem_of

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Kept(HTTPMessageDelegate):
    """Counts the bytes that it gets."""

    size = 0

    def data_received(self, chunk):
        self.size += len(chunk)


def test_no_more_of_a_body_is_kept_than_tells_that_it_is_too_large():
    kept = Kept()
    body = BoundedBody(kept, HTTPConnection(), b"")

    for _ in range(1000):
        body.data_received(b"x" * 65_536)

    assert kept.size == MAX_BODY + 1


async def test_sign_ins_above_the_bound_are_refused_and_room_comes_back():
    hold = threading.Event()

    class Slow(PasswordHasher):
        def verify(self, *_args):
            hold.wait(10)
            return True

    passwords = Passwords(Slow(time_cost=1, memory_cost=8, parallelism=1))
    under_way = [asyncio.ensure_future(passwords.match("x", "y")) for _ in range(HASHERS + HASHES_WAITING)]
    await asyncio.sleep(0)  # each takes its place

    with pytest.raises(errors.Unavailable):
        await passwords.match("x", "y")
    hold.set()
    assert all(await asyncio.gather(*under_way))
    assert await passwords.match("x", "y")
    passwords.close()


async def test_a_password_matches_its_own_hash_only():
    passwords = Passwords(CHEAP)
    kept = await passwords.hash("correct horse battery")

    assert await passwords.match(kept, "correct horse battery")
    assert not await passwords.match(kept, "correct horse batterx")
    assert not await passwords.match(None, "nobody's password")
    assert not await passwords.match("no hash at all", "x")
    passwords.close()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFound("a"), 404),
        (errors.UnknownPortfolio("a"), 404),
        (errors.UnknownSymbol("a"), 404),
        (errors.Conflict("a"), 409),
        (errors.Gone("a"), 410),
        (errors.Cooldown(1), 429),
        (errors.QuotaExhausted("a", 1), 429),
        (errors.TooManyStreams(50), 429),
        (errors.Unavailable("a"), 503),
        (errors.ActorDown("a"), 503),
        (errors.ShuttingDown(), 503),
        (errors.ActorTimeout("a"), 504),
        (ValueError("a secret"), 500),
    ],
)
def test_each_error_has_its_status_and_says_when_to_come_back(error, status):
    problem = problem_of(error, 500)

    assert problem.status == status
    assert ("Retry-After" in problem.headers) is (status in (429, 503))
    assert "secret" not in str(problem.body)
