"""How much a client may ask: requests a minute, bytes a body, passwords at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from market_actors.credentials import hash_password
from market_actors.errors import Unavailable

T = TypeVar("T")

MAX_BODY = 1024 * 1024  # bytes; more is answered with 413
MAX_DRAINED = 256 * 1024 * 1024  # bytes read, and dropped, so that the client gets to hear the 413
MAX_HEADERS = 32 * 1024  # bytes; 100 symbols in a query fit in
HASHERS = 2  # passwords hashed at once: 64 MiB each
HASHES_WAITING = 16  # above these a sign-in is refused

# -- Requests a minute ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a credential; reset in seconds."""

    granted: bool
    limit: int
    remaining: int
    reset: float


class RateLimit:
    """Counts the requests of each credential over the last 60 s."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, credential_id: UUID) -> Allowance:
        granted = self._limiter.hit(self._item, str(credential_id))
        reset_at, remaining = self._limiter.get_window_stats(self._item, str(credential_id))
        return Allowance(granted, self._item.amount, remaining, max(reset_at - time.time(), 0.0))


# -- Bytes a body --------------------------------------------------------------------------


class BoundedBody(HTTPMessageDelegate):
    """Passes a request on with no more of its body than tells that it is too large.

    The rest is read and dropped: a client that is still sending would not see an answer. What is too large even for
    that is answered, and cut off.
    """

    def __init__(self, request: HTTPMessageDelegate, connection: HTTPConnection, too_large: bytes) -> None:
        self._request = request
        self._connection = connection
        self._too_large = too_large
        self._left = MAX_BODY + 1
        self._read = 0
        self._is_refused = False

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        length = headers.get("Content-Length", "0")
        if length.isdecimal() and int(length[:20]) > MAX_DRAINED:
            self._refuse()
            return None
        if headers.get("Content-Type", "").lower().startswith("multipart/"):
            # Tornado would parse it, and refuse what it cannot parse before anybody says that nothing takes it.
            headers["Content-Type"] = "application/octet-stream"
        return self._request.headers_received(start_line, headers)

    def _refuse(self) -> None:
        self._is_refused = True
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(self._too_large)),
            "Connection": "close",
        }
        line = ResponseStartLine("HTTP/1.1", 413, "Request Entity Too Large")
        self._connection.write_headers(line, HTTPHeaders(headers), self._too_large)
        self._connection.finish()

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        self._read += len(chunk)
        if self._is_refused or self._read > MAX_DRAINED:
            raise HTTPInputError("the body is too large to be read")
        part, self._left = chunk[: self._left], max(self._left - len(chunk), 0)
        return self._request.data_received(part) if part else None

    def finish(self) -> None:
        if not self._is_refused:
            self._request.finish()

    def on_connection_close(self) -> None:
        if not self._is_refused:
            self._request.on_connection_close()


# -- Passwords at once ---------------------------------------------------------------------


class Passwords:
    """Hashes and checks passwords on threads of its own, few at once: each takes 150 ms and 64 MiB."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(HASHERS, thread_name_prefix="password")
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash of a password of allowed length. Raises Unavailable when too many wait."""
        return await self._run(lambda: hash_password(password, self._hasher))

    async def match(self, password_hash: str | None, password: str) -> bool:
        """Is this the password? Takes as long without a hash. Raises Unavailable when too many wait."""
        return await self._run(lambda: self._match(password_hash, password))

    def _match(self, password_hash: str | None, password: str) -> bool:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash("nobody's password")
        try:
            return self._hasher.verify(password_hash or self._nobodys, password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False

    def check_room(self) -> None:
        """Raise Unavailable when too many wait."""
        if self._waiting >= HASHERS + HASHES_WAITING:
            raise Unavailable("too many sign-ins at once", retry_after=2)

    async def _run(self, work: Callable[[], T]) -> T:
        self.check_room()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
