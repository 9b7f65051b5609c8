"""What all tables share: the database, and keys that are UUIDs unless a table says otherwise."""

from __future__ import annotations

from uuid import uuid4

from peewee import Model, UUIDField

from persistence.database import proxy


class BaseModel(Model):
    """A table of the one database."""

    class Meta:
        database = proxy
        legacy_table_names = False


class IdentifiedModel(BaseModel):
    """A table whose rows are known outside by a random id."""

    id = UUIDField(primary_key=True, default=uuid4)
