"""One HTTP call to a provider, that always ends: in time, in size, and without telling its key.

The time-outs of requests are for each single read, so that a slow drip of bytes outlives them all. Here every
read from the socket gets only what is left of the whole call's time. Looking up a name and trying one address
after the other cannot be cut short that way: for those the call is left to end alone on its own thread.
"""

from __future__ import annotations

import http.client
import io
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import quote, quote_plus

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from market_actors.errors import ErrorKind, ProviderError

MAX_BYTES = 2 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
CONNECT_SECONDS = 5.0
GRACE_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 86_400.0

logging.getLogger("urllib3.connectionpool").disabled = True  # its lines hold whole addresses, and so keys


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; retry_after in seconds, where the provider says it."""

    status: int
    body: bytes
    retry_after: float | None


class Client:
    """A keep-alive session with one provider, for one thread at a time.

    timeout_seconds: how long a call may take, from looking up the name to the last byte.
    secret:          what must not appear in any message.
    """

    def __init__(
        self, base_url: str, timeout_seconds: float, headers: Mapping[str, str] | None = None, secret: str | None = None
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._secret = secret
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor ~/.netrc of whoever runs the server
        self._session.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip, deflate"})
        self._session.headers.update(headers or {})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(max_retries=0))

    def close(self) -> None:
        self._session.close()

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Return the answer, whatever its status.

        Raises ProviderError: network, upstream (it redirects elsewhere) or malformed (too large, badly packed).
        """
        outcome: Future[Answer] = Future()
        call = threading.Thread(
            target=self._call, args=(outcome, self._base_url + path, params), name="provider-call", daemon=True
        )
        call.start()
        try:
            return outcome.result(self._timeout_seconds + GRACE_SECONDS)
        except TimeoutError:
            pass
        raise self._too_slow()

    def redact(self, text: str) -> str:
        """Return *text* without the secret, however it is written in there."""
        if not self._secret:
            return text
        forms = {self._secret, quote(self._secret), quote(self._secret, safe=""), quote_plus(self._secret)}
        pattern = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        return re.sub(pattern, "***", text, flags=re.IGNORECASE)

    def _call(self, outcome: Future[Answer], url: str, params: Mapping[str, str]) -> None:
        try:
            answer = self._read(url, params)
        except ProviderError as error:
            outcome.set_exception(error)
        except Exception as error:  # noqa: BLE001 - or whoever waits would learn of nothing but the time
            outcome.set_exception(self._failure(error))
        else:
            outcome.set_result(answer)

    def _read(self, url: str, params: Mapping[str, str]) -> Answer:
        seconds = self._timeout_seconds
        timeout = urllib3.Timeout(total=seconds, connect=min(CONNECT_SECONDS, seconds))
        with self._session.get(
            url,
            params=params,
            stream=True,
            allow_redirects=False,
            timeout=cast(Any, timeout),  # the type stubs do not know that requests takes one
        ) as response:
            if response.is_redirect or 300 <= response.status_code < 400:
                raise ProviderError(ErrorKind.UPSTREAM, "redirects elsewhere")
            body = bytearray()
            for chunk in response.iter_content(CHUNK_BYTES):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ProviderError(ErrorKind.MALFORMED, f"the answer is larger than {MAX_BYTES} bytes")
            return Answer(response.status_code, bytes(body), _retry_after(response.headers.get("Retry-After")))

    def _failure(self, error: Exception) -> ProviderError:
        """Say what went wrong in our own words: those of requests hold the address, and so the key."""
        causes = list(_chain(error))
        if any(isinstance(cause, TimeoutError | urllib3.exceptions.ReadTimeoutError) for cause in causes):
            return self._too_slow()
        if isinstance(error, requests.exceptions.ContentDecodingError):
            return ProviderError(ErrorKind.MALFORMED, "the answer cannot be unpacked")
        return ProviderError(ErrorKind.NETWORK, self.redact(_reason(causes)))

    def _too_slow(self) -> ProviderError:
        return ProviderError(ErrorKind.NETWORK, f"no answer in {self._timeout_seconds:g} s")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return "its name cannot be looked up"
        if isinstance(cause, ssl.SSLError):
            return "no trustworthy TLS connection"
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException) and cause.strerror:
            return cause.strerror.lower()
    return "the connection broke"


def _retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After, given in seconds or as a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return min(float(value), LONGEST_WAIT_SECONDS)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max((until - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_WAIT_SECONDS)


class _TimedReader(io.RawIOBase):
    """The bytes of a socket until *deadline* (monotonic seconds)."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: float) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """Ends with the time that urllib3 has left for it when it begins."""

    def __init__(self, sock: socket.socket, *arguments: Any, **keywords: Any) -> None:
        super().__init__(sock, *arguments, **keywords)
        deadline = time.monotonic() + (sock.gettimeout() or 0.0)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock, deadline))


class _Connection(HTTPConnection):
    response_class = _TimedResponse


class _SecureConnection(HTTPSConnection):
    response_class = _TimedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        super().init_poolmanager(*arguments, **keywords)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
