"""The administration, but for the rules: what runs, who may come in, which prices are held back, who changed what."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from market_actors.credentials import digest, new_secret
from market_actors.errors import NotFound
from market_actors.messages import (
    CloseConnection,
    DecideQuarantine,
    GetSchedule,
    ListConnections,
    ListQuarantine,
    QuarantinedPrice,
)
from market_actors.stored import (
    AppendAudit,
    CreateUser,
    FindEmails,
    GetUser,
    InviteUser,
    ListAudit,
    ListUsers,
    UpdateUser,
)
from persistence.records import StreamConnection
from web.admin_schemas import (
    ActorAnswer,
    AuditAnswer,
    AuditQuery,
    ConnectionAnswer,
    Decision,
    NewUser,
    NewUserAnswer,
    PlannedCallAnswer,
    QuarantineAnswer,
    ReasonQuery,
    UserChange,
)
from web.base import ApiHandler
from web.fields import Symbol
from web.gateway import ask
from web.limits import Passwords
from web.operation import NoContent, operation
from web.problems import invalid
from web.schemas import ListQuery, UserAnswer

INVITATION_LASTS = timedelta(hours=24)


class AdminHandler(ApiHandler):
    """Base of the administration."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-cache")

    @property
    def actor(self) -> str:
        """Who changes something, as the audit log names them."""
        return self.caller.user.email

    def write_slice(self, rows: Sequence[Any], query: ListQuery) -> None:
        """Answer with a page of a list that is at hand."""
        self.write_json(rows[query.offset : query.offset + query.limit], total=len(rows))

    async def note(
        self, action: str, target_type: str, target_id: str | UUID, reason: str | None, before: Any, after: Any
    ) -> None:
        """Write the audit entry of a change that no database keeps."""
        await ask(
            self.market.store,
            AppendAudit(self.actor, action, target_type, target_id, reason, before, after, self.now()),
        )


class ScheduleHandler(AdminHandler):
    """GET /api/v1/admin/schedule"""

    @operation("The next calls to providers, by their time", scope="admin", answer=list[PlannedCallAnswer])
    async def get(self, query: ListQuery) -> None:
        calls = await ask(self.market.scheduler, GetSchedule())
        self.write_slice([PlannedCallAnswer.of(call) for call in sorted(calls, key=lambda call: call.at)], query)


class ActorsHandler(AdminHandler):
    """GET /api/v1/admin/actors"""

    @operation("The actors of this server, by name", scope="admin", answer=list[ActorAnswer])
    async def get(self, query: ListQuery) -> None:
        node = f"{platform.node()}:{self.market_settings.port}"
        states = sorted(self.market.system.states(), key=lambda actor: actor.name)
        self.write_slice([ActorAnswer.of(actor, node) for actor in states], query)


# -- Prices held back ----------------------------------------------------------------------


class QuarantinesHandler(AdminHandler):
    """GET /api/v1/admin/quarantine"""

    @operation("Prices that are held back, newest first", scope="admin", answer=list[QuarantineAnswer])
    async def get(self, query: ListQuery) -> None:
        held = await ask(self.market.quotes, ListQuarantine())
        newest_first = sorted(held, key=lambda each: each.since, reverse=True)
        self.write_slice([QuarantineAnswer.of(each) for each in newest_first], query)


class QuarantineHandler(AdminHandler):
    """POST /api/v1/admin/quarantine/(symbol)"""

    @operation("Show a price that is held back, or drop it", scope="admin", answer=QuarantineAnswer)
    async def post(self, symbol: Symbol, body: Decision) -> None:
        held = self._find(symbol, await ask(self.market.quotes, ListQuarantine()))
        await self.note(f"quarantine.{body.decision}", "symbol", symbol, body.reason, asdict(held), None)
        decided = await ask(self.market.quotes, DecideQuarantine(symbol, body.decision == "accept"))
        self.write_json(QuarantineAnswer.of(decided))

    def _find(self, symbol: str, held: Iterable[QuarantinedPrice]) -> QuarantinedPrice:
        for each in held:
            if each.symbol == symbol:
                return each
        raise NotFound(f"no price of {symbol} is held back")


# -- Streams -------------------------------------------------------------------------------


class ConnectionsHandler(AdminHandler):
    """GET /api/v1/admin/connections"""

    @operation("Open streams, newest first", scope="admin", answer=list[ConnectionAnswer])
    async def get(self, query: ListQuery) -> None:
        streams = sorted(await _streams(self), key=lambda each: each.connected_at, reverse=True)
        emails = await ask(self.market.store, FindEmails(tuple({each.user_id for each in streams})))
        self.write_slice([ConnectionAnswer.of(each, emails.get(each.user_id, "")) for each in streams], query)


class ConnectionHandler(AdminHandler):
    """DELETE /api/v1/admin/connections/(id)"""

    @operation("Close a stream", scope="admin", answer=NoContent, status=204)
    async def delete(self, connection_id: UUID, query: ReasonQuery) -> None:
        found = next((each for each in await _streams(self) if each.id == connection_id), None)
        if found is None:
            raise NotFound(f"no open stream {connection_id}")
        await self.note("connection.close", "connection", connection_id, query.reason, asdict(found), None)
        await ask(self.market.connections, CloseConnection(connection_id))
        self.no_content()


async def _streams(handler: AdminHandler) -> tuple[StreamConnection, ...]:
    return await ask(handler.market.connections, ListConnections())


# -- Users and the log ---------------------------------------------------------------------


class UserAdminHandler(AdminHandler):
    """Base of the calls that may set a password."""

    def initialize(self, passwords: Passwords, **kwargs: Any) -> None:  # type: ignore[override]
        super().initialize(**kwargs)
        self._passwords = passwords


class UsersHandler(UserAdminHandler):
    """GET, POST /api/v1/admin/users"""

    @operation("Accounts, newest first", scope="admin", answer=list[UserAnswer])
    async def get(self, query: ListQuery) -> None:
        page = await ask(self.market.store, ListUsers(query.limit, query.offset))
        self.write_json([UserAnswer.of(user) for user in page.rows], total=page.total)

    @operation(
        "Make an account; without a password the answer holds a link that is good once",
        scope="admin",
        answer=NewUserAnswer,
        status=201,
        errors=(409,),
    )
    async def post(self, body: NewUser) -> None:
        now = self.now()
        url: str | UnsetType = UNSET
        if body.password is not None:
            hashed = await self._passwords.hash(body.password)
            user = await ask(self.market.store, CreateUser(body.email, body.role, hashed, self.actor, body.reason, now))
        else:
            secret = new_secret()
            expires_at = now + INVITATION_LASTS
            message = InviteUser(body.email, body.role, self.actor, body.reason, digest(secret), expires_at, now)
            user = await ask(self.market.store, message)
            url = f"{self.origin}/sign-in?token={secret}"
        self.set_header("Location", f"/api/v1/admin/users/{user.id}")
        self.write_json(NewUserAnswer.of(user, url), status=201)


class UserHandler(UserAdminHandler):
    """GET, PATCH /api/v1/admin/users/(id)"""

    @operation("One account", scope="admin", answer=UserAnswer)
    async def get(self, user_id: UUID) -> None:
        self.write_json(UserAnswer.of(await ask(self.market.store, GetUser(user_id))))

    @operation(
        "Change an account; lost rights end its streams, a new password its sessions",
        scope="admin",
        answer=UserAnswer,
        errors=(409,),
    )
    async def patch(self, user_id: UUID, body: UserChange) -> None:
        message = UpdateUser(
            user_id,
            _or_none(body.role),
            _or_none(body.is_active),
            None if body.password is UNSET else await self._passwords.hash(body.password),
            self.actor,
            body.reason,
            self.now(),
        )
        self.write_json(UserAnswer.of(await ask(self.market.store, message)))


class AuditHandler(AdminHandler):
    """GET /api/v1/admin/audit"""

    @operation("Who changed what, when and why, newest first", scope="admin", answer=list[AuditAnswer])
    async def get(self, query: AuditQuery) -> None:
        if query.start is not None and query.end is not None and query.start > query.end:
            raise invalid("must not be after end", "query", "start")
        message = ListAudit(
            query.limit, query.offset, query.actor, query.action, query.target_id, query.start, query.end
        )
        page = await ask(self.market.store, message)
        self.write_json([AuditAnswer.of(entry) for entry in page.rows], total=page.total)


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value
