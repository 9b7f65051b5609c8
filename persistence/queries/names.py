"""What users and portfolios are called in reports, also when they are deleted."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from peewee import JOIN, fn

from persistence.database import fetch, proxy
from persistence.models import Portfolio, UsageName, User


def note_names(audience_id: UUID) -> None:
    """Note what those are called whom an audience holds, within the transaction of the caller."""
    key = UsageName.id.db_value(audience_id)  # type: ignore[no-untyped-call]
    for table, column, name in (("user_account", "user_id", "email"), ("portfolio", "portfolio_id", "name")):
        proxy.execute_sql(
            f"INSERT INTO usage_name (id, name) SELECT DISTINCT t.id, t.{name} FROM {table} t"
            f" JOIN usage_share s ON s.{column} = t.id WHERE s.audience_id = {proxy.param} ON CONFLICT DO NOTHING",
            (key,),
        )


def keep_name(portfolio_id: UUID) -> None:
    """Note the last name of a portfolio that is about to be deleted, if a call ever served it."""
    last = Portfolio.select(Portfolio.name).where(Portfolio.id == portfolio_id).scalar()
    if last is not None:
        UsageName.update(name=last).where(UsageName.id == portfolio_id).execute()


def names() -> Mapping[UUID, str]:
    """What everybody and everything is called that a call ever served; the present name goes before the last known."""
    query = (
        UsageName.select(UsageName.id, fn.COALESCE(Portfolio.name, User.email, UsageName.name))
        .join(Portfolio, JOIN.LEFT_OUTER, on=(Portfolio.id == UsageName.id))
        .join(User, JOIN.LEFT_OUTER, on=(User.id == UsageName.id))
    )
    return dict(fetch(query))
