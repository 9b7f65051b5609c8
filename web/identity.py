"""Who is asking: the credential of a request, found by the digest of its secret; and from where.

A bearer header comes first, then a portfolio link or a stream ticket in the URL where the call takes one,
then the signed session cookie, which an unsafe request must back with the XSRF header.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, RequestHandler

from market_actors import clock
from market_actors.credentials import digest
from market_actors.stored import Authenticate, RedeemTicket
from persistence.records import Credential, User
from web import decode
from web.gateway import Market, ask
from web.problems import Fault, Forbidden, Invalid, Unauthorized, XsrfMissing, invalid

SESSION_COOKIE = "session"
SESSION_DAYS = 14
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SCOPES = ("read", "write", "admin")
URL_CREDENTIALS = frozenset({"link", "ticket"})
USER_AGENT_LENGTH = 300  # characters kept of it

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, and by what right.

    scope:           read, write or admin; never above the user's role of now.
    credential_kind: token, session or link; of a ticket, that of the credential which made it.
    portfolio_id:    of a link, the only portfolio it opens.
    """

    user: User
    scope: str
    credential_id: UUID
    credential_kind: str
    expires_at: datetime | None
    portfolio_id: UUID | None

    def may(self, scope: str) -> bool:
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


async def authenticate(
    handler: RequestHandler, market: Market, *, allow_link: bool = False, allow_ticket: bool = False
) -> Identity:
    """Return who is asking.

    Raises Unauthorized without a good credential, Forbidden for a good link where it opens nothing,
    XsrfMissing for a change authorised by a cookie alone, Malformed or Invalid for an impossible query.
    """
    in_url = {
        name: text for name, text in decode.query_values(handler.request.query).items() if name in URL_CREDENTIALS
    }
    header = handler.request.headers.get("Authorization")
    if in_url and (header is not None or len(in_url) > 1):
        raise invalid("only one credential at a time", "query", *sorted(in_url)[:1])
    if header is not None:
        return await _of_bearer(header, market)
    if "link" in in_url:
        identity = await _of_secret("link", in_url["link"], market)
        if not allow_link:
            raise Forbidden("a link opens the valuation and the stream of its portfolio, nothing else")
        return identity
    if "ticket" in in_url:
        if not allow_ticket:
            raise Invalid([Fault(("query", "ticket"), "is not known here", "unknown_field")])
        return _identity(await ask(market.store, RedeemTicket(digest(in_url["ticket"]), clock.now())))
    return await _of_cookie(handler, market)


async def _of_bearer(header: str, market: Market) -> Identity:
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthorized("the Authorization header is not of the form: Bearer TOKEN")
    return await _of_secret("token", secret.strip(), market)


async def _of_cookie(handler: RequestHandler, market: Market) -> Identity:
    secret = session_secret(handler)
    if secret is None:
        raise Unauthorized("sign in, or send a bearer token")
    identity = await _of_secret("session", secret, market)
    if handler.request.method not in SAFE_METHODS:
        check_xsrf(handler)
    return identity


async def _of_secret(kind: str, secret: str, market: Market) -> Identity:
    return _identity(await ask(market.store, Authenticate(kind, digest(secret), clock.now())))


def _identity(credential: Credential | None) -> Identity:
    if credential is None:
        raise Unauthorized("the credential is unknown, was revoked, or has expired")
    return Identity(
        credential.user,
        credential.scope,
        credential.id,
        credential.kind,
        credential.expires_at,
        credential.portfolio_id,
    )


def session_secret(handler: RequestHandler) -> str | None:
    """Return the secret in the signed session cookie; None without one, or when it was tampered with."""
    value = handler.get_signed_cookie(SESSION_COOKIE, max_age_days=SESSION_DAYS)
    return value.decode("ascii", "replace") if value else None


def check_xsrf(handler: RequestHandler) -> None:
    """Raise XsrfMissing unless the X-XSRFToken header repeats the _xsrf cookie, which other sites cannot read."""
    try:
        handler.check_xsrf_cookie()
    except HTTPError:
        raise XsrfMissing("repeat the _xsrf cookie in the header X-XSRFToken") from None


def client_address(request: HTTPServerRequest, trusted_proxies: tuple[str, ...]) -> str:
    """Return where a request comes from: the last address on its way that is not one of our proxies."""
    peer = _address(request.remote_ip or "")
    networks = _networks(trusted_proxies)
    if peer is None or not _is_in(peer, networks):
        return str(peer) if peer else str(request.remote_ip)
    for hop in reversed(_hops(request)):
        address = _address(hop)
        if address is None:
            break  # what a liar wrote before it counts no more than this
        peer = address
        if not _is_in(address, networks):
            break
    return str(peer)


def client_scheme(request: HTTPServerRequest, trusted_proxies: tuple[str, ...]) -> str:
    """Return http or https, as the client sees it: behind our own proxy that is what X-Forwarded-Proto says."""
    peer = _address(request.remote_ip or "")
    forwarded = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
    if peer and forwarded in ("http", "https") and _is_in(peer, _networks(trusted_proxies)):
        return forwarded
    return request.protocol


def _hops(request: HTTPServerRequest) -> list[str]:
    lines = request.headers.get_list("X-Forwarded-For")
    return [hop.strip() for line in lines for hop in line.split(",")]


def _address(text: str) -> IpAddress | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(network, strict=False) for network in trusted)


def _is_in(address: IpAddress, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
