"""Who may come in, and by what: accounts and the digests of their secrets."""

from __future__ import annotations

from uuid import UUID

from peewee import BooleanField, CharField, ForeignKeyField, TextField

from persistence.fields import UtcDateTime
from persistence.models.base import IdentifiedModel


class User(IdentifiedModel):
    """An account. Never deleted, only made inactive: the audit log names it."""

    email = TextField()
    email_key = TextField(unique=True)  # the address without regard to case
    password_hash = TextField(null=True)  # none: signs in by a one-time link
    role = CharField()
    is_active = BooleanField()
    created_at = UtcDateTime()
    last_sign_in_at = UtcDateTime(null=True)
    rights_changed_at = UtcDateTime(null=True)  # when it last lost rights, so that open streams are checked

    class Meta:
        table_name = "user_account"


class Token(IdentifiedModel):
    """A bearer token of a program; only its SHA-256 is kept."""

    user = ForeignKeyField(User, on_delete="CASCADE")
    user_id: UUID
    name = TextField()
    scope = CharField()
    digest = CharField(unique=True)
    created_at = UtcDateTime()
    expires_at = UtcDateTime(null=True)
    revoked_at = UtcDateTime(null=True)

    class Meta:
        table_name = "access_token"


class Session(IdentifiedModel):
    """A browser that is signed in by a cookie."""

    user = ForeignKeyField(User, on_delete="CASCADE")
    user_id: UUID
    digest = CharField(unique=True)
    ip_address = TextField()
    user_agent = TextField()
    created_at = UtcDateTime()
    expires_at = UtcDateTime()
    ended_at = UtcDateTime(null=True)

    class Meta:
        table_name = "cookie_session"


class StreamTicket(IdentifiedModel):
    """Opens one event stream by the right of the token or the session that made it; spending deletes it."""

    digest = CharField(unique=True)
    token = ForeignKeyField(Token, null=True, on_delete="CASCADE")
    token_id: UUID | None
    session = ForeignKeyField(Session, null=True, on_delete="CASCADE")
    session_id: UUID | None
    created_at = UtcDateTime()
    expires_at = UtcDateTime()


class SignInLink(IdentifiedModel):
    """A one-time link: makes the first administrator, or signs a user in; spending deletes it."""

    purpose = CharField()
    user = ForeignKeyField(User, null=True, on_delete="CASCADE")
    user_id: UUID | None
    digest = CharField(unique=True)
    created_at = UtcDateTime()
    expires_at = UtcDateTime()
