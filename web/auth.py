"""Signing in and out, bearer tokens and stream tickets. Secrets are shown once and stored as digests."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from market_actors.credentials import digest, new_secret
from market_actors.domain.throttle import Throttle
from market_actors.errors import NotFound
from market_actors.stored import (
    CreateSession,
    CreateTicket,
    CreateToken,
    CreateUser,
    EndSession,
    FindSignIn,
    FindUser,
    ListTokens,
    RedeemSignIn,
    RevokeToken,
)
from persistence.records import SignIn, User
from web.base import ApiHandler
from web.gateway import ask
from web.identity import SESSION_COOKIE, SESSION_DAYS, USER_AGENT_LENGTH, check_xsrf, client_scheme, session_secret
from web.limits import Passwords
from web.operation import NoContent, operation
from web.problems import Forbidden, TooManyRequests, WrongPassword
from web.schemas import (
    AccessToken,
    ListQuery,
    Login,
    NewToken,
    Setup,
    SignInBody,
    SignInPurpose,
    SignInQuery,
    Ticket,
    TokenAnswer,
    UserAnswer,
)

SIGN_IN_TOKEN_LASTS = timedelta(hours=12)
TICKET_LASTS = timedelta(seconds=60)
SESSION_LASTS = timedelta(days=SESSION_DAYS)


class AuthHandler(ApiHandler):
    """Base of the calls that hand out secrets."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    async def begin_session(self, user_id: UUID) -> None:
        """Make a cookie session and answer 204."""
        secret, now = new_secret(), self.now()
        agent = self.request.headers.get("User-Agent", "")[:USER_AGENT_LENGTH]
        await ask(
            self.market.store,
            CreateSession(user_id, digest(secret), now + SESSION_LASTS, self.client_address, agent, now),
        )
        secure = client_scheme(self.request, self.market_settings.trusted_proxies) == "https"
        self.set_signed_cookie(
            SESSION_COOKIE, secret, expires_days=SESSION_DAYS, httponly=True, samesite="Lax", secure=secure
        )
        self.no_content()


class LoginHandler(AuthHandler):
    """POST /api/v1/auth/login"""

    def initialize(self, passwords: Passwords, throttle: Throttle, **kwargs: Any) -> None:  # type: ignore[override]
        super().initialize(**kwargs)
        self._passwords = passwords
        self._throttle = throttle

    @operation(
        "Sign in with a password: for a bearer token, or with session for a cookie",
        scope=None,
        answer=AccessToken,
        errors=(401, 403, 429),
    )
    async def post(self, body: Login) -> None:
        if body.session:
            check_xsrf(self)
        user = await self._check(body.email.strip(), body.password)
        if body.session:
            await self.begin_session(user.id)
            return
        secret, now = new_secret(), self.now()
        scope = "admin" if user.role == "admin" else "write"
        expires_at = now + SIGN_IN_TOKEN_LASTS
        message = CreateToken(user.id, "sign-in", scope, digest(secret), expires_at, now, signs_in=True)
        await ask(self.market.store, message)
        lasts = int(SIGN_IN_TOKEN_LASTS.total_seconds())
        self.write_json(AccessToken(access_token=secret, token_type="bearer", expires_in=lasts))

    async def _check(self, email: str, password: str) -> User:
        """Return whose password it is; a wrong one takes as long for an address that nobody has."""
        user = await ask(self.market.store, FindUser(email)) if email else None
        self._passwords.check_room()
        wait = self._throttle.attempt(email, self.client_address, time.monotonic())
        if wait:
            raise TooManyRequests("too many wrong passwords; wait before the next try", wait)
        right = await self._passwords.match(user.password_hash if user else None, password)
        if user is None or not right or not user.is_active:
            raise WrongPassword("the e-mail address and the password do not belong together")
        self._throttle.right(email, self.client_address)
        return user


class LogoutHandler(AuthHandler):
    """POST /api/v1/auth/logout"""

    @operation("End the session or the token that is used for this", scope="read", answer=NoContent, status=204)
    async def post(self) -> None:
        secret = session_secret(self)
        if self.caller.credential_kind == "token":
            await ask(self.market.store, RevokeToken(self.user_id, self.caller.credential_id, self.now()))
        elif secret is not None:
            await ask(self.market.store, EndSession(digest(secret), self.now()))
            self.clear_cookie(SESSION_COOKIE)
        self.no_content()


class MeHandler(AuthHandler):
    """GET /api/v1/auth/me"""

    @operation("Who is asking", scope="read", answer=UserAnswer)
    async def get(self) -> None:
        self.write_json(UserAnswer.of(self.caller.user))


class OneTimeLinkHandler(AuthHandler):
    """Base of the calls that take the one-time link which a server prints at its start."""

    async def _find(self, token: str) -> SignIn:
        link = await ask(self.market.store, FindSignIn(digest(token), self.now()))
        if link is None:
            raise NotFound("the link was used already, or has expired")
        return link

    async def spend(self, token: str) -> SignIn | None:
        return await ask(self.market.store, RedeemSignIn(digest(token), self.now()))


class SignInHandler(OneTimeLinkHandler):
    """GET, POST /api/v1/auth/sign-in"""

    @operation("What a one-time link is for; does not spend it", scope=None, answer=SignInPurpose, errors=(404,))
    async def get(self, query: SignInQuery) -> None:
        link = await self._find(query.token)
        self.write_json(SignInPurpose(purpose="setup" if link.purpose == "setup" else "user"))

    @operation(
        "Spend a one-time link: begins a cookie session",
        scope=None,
        answer=NoContent,
        status=204,
        errors=(403, 404, 409),
    )
    async def post(self, body: SignInBody) -> None:
        check_xsrf(self)
        link = await self._find(body.token)
        if link.user_id is None or await self.spend(body.token) is None:
            raise NotFound("the link cannot be used for this")
        await self.begin_session(link.user_id)


class SetupHandler(OneTimeLinkHandler):
    """POST /api/v1/auth/setup"""

    def initialize(self, passwords: Passwords, **kwargs: Any) -> None:  # type: ignore[override]
        super().initialize(**kwargs)
        self._passwords = passwords

    @operation(
        "Make the first administrator: begins a cookie session",
        scope=None,
        answer=NoContent,
        status=204,
        errors=(403, 404, 409),
    )
    async def post(self, body: Setup) -> None:
        check_xsrf(self)
        link = await self._find(body.token)
        if link.purpose != "setup":
            raise NotFound("the link cannot be used for this")
        password_hash = await self._passwords.hash(body.password)
        if await self.spend(body.token) is None:
            raise NotFound("the link was used already, or has expired")
        user = await ask(
            self.market.store,
            CreateUser(body.email, "admin", password_hash, body.email, "first administrator", self.now(), first=True),
        )
        await self.begin_session(user.id)


class TokensHandler(AuthHandler):
    """GET, POST /api/v1/auth/tokens"""

    @operation("Your tokens, newest first", scope="read", answer=list[TokenAnswer])
    async def get(self, query: ListQuery) -> None:
        page = await ask(self.market.store, ListTokens(self.user_id, query.limit, query.offset, self.now()))
        self.write_json([TokenAnswer.of(token) for token in page.rows], total=page.total)

    @operation("Make a token; it is shown this once", scope="write", answer=TokenAnswer, status=201)
    async def post(self, body: NewToken) -> None:
        if not self.caller.may(body.scope):
            raise Forbidden(f"a token is never above what makes it: {self.caller.scope}")
        secret, now = new_secret(), self.now()
        expires_at = None if body.expires_in_days is None else now + timedelta(days=body.expires_in_days)
        message = CreateToken(self.user_id, body.name, body.scope, digest(secret), expires_at, now)
        token = await ask(self.market.store, message)
        self.write_json(TokenAnswer.of(token, secret), status=201)


class TokenHandler(AuthHandler):
    """DELETE /api/v1/auth/tokens/(id)"""

    @operation("End a token, and its streams within 5 s", scope="write", answer=NoContent, status=204)
    async def delete(self, token_id: UUID) -> None:
        await ask(self.market.store, RevokeToken(self.user_id, token_id, self.now()))
        self.no_content()


class StreamTicketHandler(AuthHandler):
    """POST /api/v1/auth/stream-ticket"""

    @operation(
        "Make a ticket that opens one stream, for an EventSource of another origin",
        scope="read",
        answer=Ticket,
        status=201,
    )
    async def post(self) -> None:
        secret, now = new_secret(), self.now()
        kind, credential_id = self.caller.credential_kind, self.caller.credential_id
        await ask(self.market.store, CreateTicket(kind, credential_id, digest(secret), now + TICKET_LASTS, now))
        self.write_json(Ticket(ticket=secret, expires_in=int(TICKET_LASTS.total_seconds())), status=201)
