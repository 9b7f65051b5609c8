"""Queries whose SQL is made once say what peewee would say, with other values each time."""

from __future__ import annotations

from uuid import uuid4

import pytest
from peewee import JOIN, Database, fn

from persistence import queries
from persistence.database import fetch
from persistence.models import Portfolio, User
from persistence.prepared import Prepared, given
from tests.persistence.samples import MINUTE, NOW

COLUMNS = (User.id, User.is_active, User.created_at, User.last_sign_in_at, User.password_hash, fn.COUNT(Portfolio.id))


def made_since(moment):
    query = User.select(*COLUMNS).join(Portfolio, JOIN.LEFT_OUTER).group_by(User.id).order_by(User.created_at)
    return query.where(User.created_at >= moment, User.role == "user")


def test_rows_are_as_peewee_reads_them_whatever_the_values(database: Database) -> None:
    early, late = (
        queries.create_user(f"{number}@example.com", "user", None, "console", None, NOW + number * MINUTE)
        for number in range(2)
    )
    queries.create_portfolio(late.id, "Savings", "AUD", NOW)
    prepared = Prepared(lambda: made_since(given("moment", User.created_at)))

    for moment, found in ((NOW, [early, late]), (NOW + MINUTE, [late]), (NOW + 2 * MINUTE, [])):
        rows = prepared.fetch(moment=moment)
        assert [(row[0], row[2]) for row in rows] == [(user.id, user.created_at) for user in found]
        assert repr(rows) == repr(fetch(made_since(moment)))


def test_a_value_that_is_not_given_is_missed(database: Database) -> None:
    prepared = Prepared(lambda: made_since(given("moment", User.created_at)))

    with pytest.raises(KeyError, match="moment"):
        prepared.fetch(moments=NOW)


def test_a_portfolio_that_is_not_there_holds_nothing(database: Database) -> None:
    assert queries.load_positions([uuid4()]) == ()
