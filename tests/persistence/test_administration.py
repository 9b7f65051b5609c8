"""Orders over time: what ends an interval, what an override replaces, and what is told to whoever obeys."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from peewee import Database

from persistence import queries
from persistence.errors import RowConflict, RowGone
from persistence.records import AdministrativeOverride, PollInterval, User
from tests.persistence.samples import HOUR, MINUTE, NOW, SECOND, price

pytestmark = pytest.mark.usefixtures("database")


def order(
    minutes: int, at: datetime, begins: datetime | None = None, ends: datetime | None = None, user: UUID | None = None
) -> PollInterval:
    config_type = "global" if user is None else "user"
    return queries.create_poll_interval(config_type, user, minutes, begins, ends, "root@example.com", "because", at)


def active_at(now: datetime) -> list[int]:
    return [row.interval_minutes for row in queries.list_poll_intervals(True, None, None, 50, 0, now).rows]


def override(at: datetime, amount: str = "10", minutes: int | None = None) -> AdministrativeOverride:
    return queries.create_override(
        "price", "symbol", None, None, "CBA.AX", None, Decimal(amount), minutes, True, "root@example.com", "halted", at
    )


def test_the_later_interval_ends_the_present_one_when_it_begins(database: Database) -> None:
    present = order(15, NOW)
    order(5, NOW + SECOND, begins=NOW + HOUR)

    assert active_at(NOW + MINUTE) == [15]
    assert active_at(NOW + HOUR) == [5]
    assert queries.get_poll_interval(present.id, NOW + HOUR).expired_at == NOW + HOUR


def test_what_a_later_interval_ended_does_not_come_back(database: Database) -> None:
    order(15, NOW)
    later = order(5, NOW + SECOND, begins=NOW + HOUR, ends=NOW + 2 * HOUR)

    assert active_at(NOW + 2 * HOUR) == []
    assert queries.get_poll_interval(later.id, NOW + 2 * HOUR).expired_at == NOW + 2 * HOUR
    with pytest.raises(RowGone):
        queries.expire_poll_interval(later.id, "root@example.com", None, NOW + 3 * HOUR)


def test_an_interval_taken_back_before_it_begins_ends_nothing(database: Database) -> None:
    order(15, NOW)
    later = order(5, NOW + SECOND, begins=NOW + HOUR)

    queries.expire_poll_interval(later.id, "root@example.com", None, NOW + MINUTE)

    assert active_at(NOW + 2 * HOUR) == [15]


def test_a_new_interval_counts_until_the_one_that_was_to_begin_later(database: Database) -> None:
    order(15, NOW)
    order(5, NOW + SECOND, begins=NOW + HOUR)
    order(10, NOW + MINUTE)

    assert active_at(NOW + MINUTE) == [10]
    assert active_at(NOW + HOUR) == [5]


def test_of_each_target_one_interval_is_active_at_any_time(user: User) -> None:
    for step in range(12):
        begins = NOW + timedelta(minutes=7 * step % 11) if step % 3 else None
        order(step + 1, NOW + step * SECOND, begins, user=user.id if step % 2 else None)

    for minute in range(1, 15):
        rows = queries.list_poll_intervals(True, None, None, 50, 0, NOW + minute * MINUTE).rows
        assert sorted(row.config_type for row in rows) == ["global", "user"]


def test_what_is_over_is_not_told(database: Database) -> None:
    order(15, NOW)
    order(5, NOW + MINUTE)
    order(1, NOW + MINUTE, begins=NOW + HOUR)
    override(NOW, minutes=1)
    kept = override(NOW + MINUTE)

    orders = queries.load_orders(NOW + MINUTE)

    assert [(span.interval_minutes, span.ends_at) for span in orders.intervals] == [(5, NOW + HOUR), (1, None)]
    assert orders.overrides == (kept,)


def test_the_previous_price_is_what_a_provider_gave(database: Database) -> None:
    queries.record_prices([price()])
    assert override(NOW).previous_price == Decimal("123.4500")
    queries.record_prices([price(source="override", provider="override", price=Decimal(10), number=2)])

    assert override(NOW + MINUTE, "11").previous_price == Decimal("123.4500")


def test_an_override_without_a_price_before_it_has_none(database: Database) -> None:
    assert override(NOW).previous_price is None
    queries.record_prices([price(source="override", provider="override", price=Decimal(10))])

    assert override(NOW + MINUTE, "11").previous_price is None


def test_a_change_that_is_refused_leaves_no_entry(admin: User) -> None:
    total = queries.list_audit(1, 0).total

    with pytest.raises(RowConflict):
        queries.update_user(admin.id, "user", None, None, "root@example.com", "oops", NOW)

    assert queries.list_audit(1, 0).total == total
    assert queries.get_user(admin.id) == admin


def test_who_loses_rights_is_told_as_such_and_who_gains_some_is_not(admin: User, user: User) -> None:
    queries.update_user(user.id, "admin", None, None, "root@example.com", "joined", NOW)
    assert not queries.revoked_since(NOW).user_ids
    queries.update_user(user.id, "user", None, None, "root@example.com", "left", NOW + MINUTE)

    assert queries.revoked_since(NOW).user_ids == {user.id}


def test_a_provider_keeps_how_it_is_when_it_is_configured(database: Database) -> None:
    queries.save_provider_state("yahoo", "error", "down", NOW)

    after = queries.configure_provider("yahoo", {"enabled": False, "priority": 2}, "root@example.com", "why", NOW)

    assert (after.enabled, after.priority, after.status, after.reason) == (False, 2, "error", "down")
    queries.save_provider_state("yahoo", "active", None, None)
    assert not queries.load_provider_states()[0].enabled
