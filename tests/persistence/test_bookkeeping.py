"""What the server keeps for itself: values, calls, streams, providers, schedule, epochs, the audit log."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from peewee import Database, DatabaseError, IntegrityError

from persistence import models, queries
from persistence.database import proxy, writing
from persistence.queries import audit, valuations
from persistence.records import (
    AuditEntry,
    Call,
    Portfolio,
    ProviderState,
    ScheduledPoll,
    StreamConnection,
    User,
    ValuationPoint,
)
from tests.persistence.samples import DAY, HOUR, MINUTE, NOW, SECOND, price


def worth(portfolio: Portfolio, *minutes: int) -> list[ValuationPoint]:
    return [
        ValuationPoint(portfolio.id, NOW + minute * MINUTE, Decimal(f"{minute}.50"), Decimal("1.00"), None, "AUD")
        for minute in minutes
    ]


def history(portfolio: Portfolio, interval: str, limit: int = 100) -> list[ValuationPoint]:
    found = queries.list_valuation_points(portfolio.user_id, portfolio.id, NOW - DAY, NOW + DAY, interval, limit)
    return list(found)


def test_values_come_back_oldest_first(portfolio: Portfolio) -> None:
    points = worth(portfolio, 0, 1, 2)
    queries.record_valuations(points)

    assert history(portfolio, "raw") == points
    assert history(portfolio, "raw", 2) == points[1:]
    assert str(history(portfolio, "raw")[1].total_value) == "1.50"


def test_values_in_another_currency_rest_until_it_is_the_portfolios_again(portfolio: Portfolio) -> None:
    points = worth(portfolio, 0, 1)
    queries.record_valuations(points)

    queries.update_portfolio(portfolio.user_id, portfolio.id, None, "USD", NOW)
    dollars = replace(points[1], timestamp=NOW + 2 * MINUTE, currency="USD")
    queries.record_valuations([dollars])
    assert history(portfolio, "raw") == [dollars]
    queries.update_portfolio(portfolio.user_id, portfolio.id, None, "AUD", NOW)
    assert history(portfolio, "raw") == points


def test_of_each_interval_the_last_value_stands(portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valuations, "PAGE", 2)
    points = worth(portfolio, 0, 14, 15, 29, 30, 31)  # from half past one
    queries.record_valuations(points)

    assert history(portfolio, "15m") == [points[1], points[3], points[5]]
    assert history(portfolio, "1h") == [points[3], points[5]]
    assert history(portfolio, "1d") == [points[5]]


def test_a_value_of_the_same_time_replaces_the_other(portfolio: Portfolio) -> None:
    first = worth(portfolio, 0)[0]
    second = replace(first, daily_change=Decimal("-0.10"))
    queries.record_valuations([first])
    queries.record_valuations([second])

    assert history(portfolio, "raw") == [second]


def test_values_of_a_portfolio_that_was_deleted_meanwhile_are_left_out(portfolio: Portfolio) -> None:
    kept = worth(portfolio, 0)
    gone = [replace(kept[0], portfolio_id=uuid4())]

    queries.record_valuations([*gone, *kept])

    assert history(portfolio, "raw") == kept


def call(user: User | None = None, **changes: object) -> Call:
    made = Call(uuid4(), "yahoo", "manual", ("CBA.AX", "AAPL"), NOW, user.id if user else None, cost=Decimal("0.010"))
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_call_is_kept_when_it_is_reserved_and_when_it_ends(user: User) -> None:
    reserved = call(user)
    queries.record_call(reserved)
    queries.record_call(reserved)
    row = models.ApiUsageMetrics.get()
    assert (row.symbols, row.outcome, str(row.cost)) == (["CBA.AX", "AAPL"], None, "0.010")

    queries.finish_call(reserved.id, "throttled", 250)

    row = models.ApiUsageMetrics.get()
    assert (row.id, row.outcome, row.latency_ms) == (reserved.id, "throttled", 250)


def test_calls_since_a_moment_are_counted_oldest_first(database: Database) -> None:
    for minute in (3, 1, 2):
        queries.record_call(call(reserved_at=NOW + minute * MINUTE, provider=f"p{minute}"))

    assert queries.calls_since(NOW + 2 * MINUTE) == (("p2", NOW + 2 * MINUTE), ("p3", NOW + 3 * MINUTE))


def stream(user_id: UUID, **changes: object) -> StreamConnection:
    made = StreamConnection(uuid4(), user_id, "::1", "curl", NOW, NOW, (uuid4(),), ("CBA.AX",), 0, 0, 0, "a")
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_stream_is_noted_when_it_opens_and_closes(user: User) -> None:
    opened = stream(user.id)
    unseen = stream(user.id, closed_at=NOW + SECOND)
    queries.open_connections([opened])
    queries.close_connections([replace(opened, events_sent=7, bytes_sent=900, closed_at=NOW + HOUR), unseen])

    rows = {row.id: row for row in models.SseConnection.select()}

    assert (rows[opened.id].events_sent, rows[opened.id].closed_at) == (7, NOW + HOUR)
    assert rows[opened.id].portfolio_ids == [str(opened.portfolio_ids[0])]
    assert rows[unseen.id].closed_at == NOW + SECOND


def test_what_a_dead_node_left_open_is_closed_and_no_others(user: User) -> None:
    mine, others, closed = stream(user.id), stream(user.id, node="b"), stream(user.id, closed_at=NOW)
    queries.open_connections([mine, others, closed])

    queries.close_stale_connections("a", NOW + HOUR)

    rows = {row.id: row.closed_at for row in models.SseConnection.select()}
    assert rows == {mine.id: NOW + HOUR, others.id: None, closed.id: NOW}


def test_how_a_provider_is_leaves_alone_what_an_administrator_set(database: Database) -> None:
    queries.save_provider_state("yahoo", "error", "network: refused", NOW)
    models.MarketDataProvider.update(enabled=False, calls_per_day=7, cost_per_call=Decimal("0.010")).execute()

    queries.save_provider_state("yahoo", "active", None, None)

    expected = ProviderState("yahoo", False, None, None, None, 7, None, Decimal("0.010"), None, "active", None, None)
    assert queries.load_provider_states() == (expected,)


def test_the_schedule_survives(database: Database) -> None:
    later = ScheduledPoll("AAPL", None, None, NOW + HOUR, 900, 0)
    sooner = ScheduledPoll("CBA.AX", "yahoo", NOW, NOW + MINUTE, 60, 2)
    queries.save_schedule([later, sooner])
    queries.save_schedule([replace(later, failures=1)])

    assert queries.load_schedule() == (sooner, replace(later, failures=1))


def test_epochs_rise_with_every_start_also_when_the_clock_went_back(database: Database) -> None:
    first = queries.next_epoch(NOW)
    second = queries.next_epoch(NOW - DAY)
    third = queries.next_epoch(NOW + DAY)

    assert first < second < third


def test_an_epoch_is_above_those_that_a_restored_backup_has_forgotten(database: Database) -> None:
    queries.next_epoch(NOW)
    forgotten = queries.next_epoch(NOW + HOUR)
    models.StreamEpoch.delete().where(models.StreamEpoch.epoch == forgotten).execute()

    assert queries.next_epoch(NOW + 2 * HOUR) > forgotten


def test_pruning_deletes_what_nobody_can_use_any_more(user: User) -> None:
    for digest, age in (("old", -2 * DAY), ("new", DAY)):
        session = queries.create_session(user.id, f"s-{digest}", NOW + age, "", "", NOW + age - HOUR)
        queries.create_sign_in("user", user.id, digest, NOW + age, NOW)
        queries.create_ticket("session", session, digest, NOW + age, NOW)
    queries.open_connections([stream(user.id), stream(user.id, closed_at=NOW - 3 * DAY)])
    queries.record_prices([price(quote_time=NOW - 3 * DAY), price(quote_time=NOW, number=2)])
    fresh = ScheduledPoll("AAPL", None, None, NOW, 60, 0)
    queries.save_schedule([fresh, replace(fresh, symbol="GONE", next_poll_at=NOW - 31 * DAY)])

    queries.prune(NOW, NOW - 2 * DAY)

    for model in (models.Session, models.SignInLink, models.StreamTicket, models.SseConnection):
        assert model.select().count() == 1, model
    assert [row.number for row in models.RealtimePriceHistory.select()] == [2]
    assert queries.load_schedule() == (fresh,)
    assert len(queries.load_last_prices()) == 1


def test_values_from_before_the_history_are_pruned(user: User, portfolio: Portfolio) -> None:
    worth = [ValuationPoint(portfolio.id, NOW - age, Decimal(1), Decimal(1), None, "AUD") for age in (3 * DAY, DAY)]
    queries.record_valuations(worth)

    queries.prune(NOW, NOW - 2 * DAY)

    kept = queries.list_valuation_points(user.id, portfolio.id, NOW - 9 * DAY, NOW, "raw", 10)
    assert [point.timestamp for point in kept] == [NOW - DAY]


def test_a_session_that_ended_a_moment_ago_is_not_pruned_before_its_streams_have_heard_of_it(user: User) -> None:
    session = queries.create_session(user.id, "s", NOW + DAY, "", "", NOW)
    queries.end_session("s", NOW)

    queries.prune(NOW + MINUTE, NOW)

    assert queries.revoked_since(NOW).credential_ids == {session}


def entries(count: int) -> None:
    for number in range(count):
        queries.append_audit(
            "root@example.com",
            "portfolio.update",
            "portfolio",
            uuid4(),
            "why",
            {"n": number},
            {"q": Decimal("1.0")},
            NOW,
        )


def test_an_entry_of_the_log_says_who_did_what(database: Database) -> None:
    target = uuid4()
    made = queries.append_audit("root@example.com", "x.change", "x", target, None, None, {"a": [1, "ä"]}, NOW)

    page = queries.list_audit(10, 0)

    assert (page.rows, page.total) == ((made,), 1)
    assert (made.at, made.target_id, made.before, made.after) == (NOW, str(target), None, {"a": [1, "ä"]})


def test_the_log_is_listed_newest_first_a_page_at_a_time(database: Database) -> None:
    entries(3)

    page = queries.list_audit(1, 1)

    assert page.rows[0].before == {"n": 1}
    assert page.total == 3


def test_the_database_refuses_to_change_the_log(database: Database) -> None:
    entries(1)

    statements = ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"]
    if proxy.param == "%s":
        statements.append("TRUNCATE audit_log")
    else:
        statements.append("REPLACE INTO audit_log SELECT * FROM audit_log")
    for statement in statements:
        with pytest.raises(DatabaseError, match="append-only"):
            database.execute_sql(statement)
    assert queries.check_audit() is None


def allow_changes(database: Database) -> None:
    if proxy.param == "%s":
        database.execute_sql("ALTER TABLE audit_log DISABLE TRIGGER ALL")
        return
    database.execute_sql("DROP TRIGGER audit_log_refuses_update")
    database.execute_sql("DROP TRIGGER audit_log_refuses_delete")
    database.execute_sql("DROP TRIGGER audit_log_no_replace")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE audit_log SET actor = 'nobody' WHERE number = 2", 1),
        ("UPDATE audit_log SET after = '{}' WHERE number = 3", 2),
        ("UPDATE audit_log SET hash = 'x' WHERE number = 1", 0),
        ("DELETE FROM audit_log WHERE number = 2", 2),
        ("DELETE FROM audit_log WHERE number = 1", 1),
    ],
)
def test_an_altered_log_is_noticed_at_the_first_broken_entry(
    database: Database, monkeypatch: pytest.MonkeyPatch, change: str, found: int
) -> None:
    monkeypatch.setattr(audit, "PAGE", 2)
    entries(5)
    assert queries.check_audit() is None
    allow_changes(database)

    database.execute_sql(change)

    broken = queries.check_audit()
    assert broken and broken.before == {"n": found}


@pytest.mark.parametrize("change", ["DELETE FROM audit_log WHERE number > 3", "DELETE FROM audit_log"])
def test_a_log_without_its_end_is_noticed(database: Database, change: str) -> None:
    assert not queries.audit_lacks_its_end()
    entries(5)
    assert not queries.audit_lacks_its_end()
    allow_changes(database)

    database.execute_sql(change)

    assert queries.audit_lacks_its_end()


def test_a_log_that_goes_on_without_what_was_its_end_does_not_look_whole(database: Database) -> None:
    entries(5)
    allow_changes(database)
    database.execute_sql("DELETE FROM audit_log WHERE number > 3")

    entries(1)

    assert queries.check_audit() == queries.list_audit(1, 0).rows[0]


def test_an_altered_entry_with_a_hash_made_to_fit_breaks_the_next(database: Database) -> None:
    entries(3)
    forged = queries.list_audit(1, 1).rows[0]
    allow_changes(database)
    number_one = queries.list_audit(1, 2).rows[0]
    fields = {name: getattr(forged, name) for name in AuditEntry.__slots__ if name != "hash"} | {"actor": "nobody"}
    models.AuditLog.update(actor="nobody", hash=audit._link(2, number_one.hash, fields)).where(
        models.AuditLog.number == 2
    ).execute()

    broken = queries.check_audit()

    assert broken and broken.before == {"n": 2}


def test_an_entry_is_undone_with_the_change_it_tells_of(database: Database) -> None:
    with pytest.raises(RuntimeError), writing():
        entries(1)
        raise RuntimeError

    assert queries.list_audit(10, 0).total == 0


def test_the_database_refuses_a_poll_interval_without_its_target(user: User) -> None:
    def configure(config_type: str, target: UUID | None) -> None:
        models.PollIntervalConfiguration.create(
            config_type=config_type,
            target_id=target,
            interval_minutes=5,
            reason="busy",
            created_by="root@example.com",
            created_at=NOW,
            effective_from=NOW,
            begins_at=NOW,
        )

    configure("global", None)
    configure("user", user.id)
    for config_type, target in (("global", user.id), ("user", None), ("portfolio", None)):
        with pytest.raises(IntegrityError), writing():
            configure(config_type, target)


@pytest.mark.parametrize(
    ("override_type", "scope", "values"),
    [
        ("price", "global", {"override_price": Decimal(1)}),
        ("price", "symbol", {"symbol": "CBA.AX"}),
        ("price", "symbol", {"symbol": "CBA.AX", "override_price": Decimal(0)}),
        ("emergency_stop", "user", {"target_id": uuid4()}),
        ("force_interval", "provider", {"provider_id": "yahoo", "override_value": 5}),
        ("force_interval", "global", {"override_value": 1441}),
        ("disable_updates", "user", {}),
    ],
)
def test_the_database_refuses_an_override_of_what_cannot_be_overridden(
    database: Database, override_type: str, scope: str, values: dict[str, object]
) -> None:
    common = {"effective_time": NOW, "created_at": NOW, "reason": "because", "admin_user": "root@example.com"}
    with pytest.raises(IntegrityError), writing():
        models.AdministrativeOverride.create(override_type=override_type, scope=scope, **common, **values)


def test_the_database_takes_the_overrides_there_are(database: Database) -> None:
    common = {"effective_time": NOW, "created_at": NOW, "reason": "because", "admin_user": "root@example.com"}
    for override_type, scope, values in (
        ("price", "symbol", {"symbol": "CBA.AX", "override_price": Decimal("1.50")}),
        ("emergency_stop", "global", {}),
        ("force_interval", "portfolio", {"target_id": uuid4(), "override_value": 5}),
        ("disable_updates", "provider", {"provider_id": "yahoo"}),
    ):
        models.AdministrativeOverride.create(override_type=override_type, scope=scope, **common, **values)

    assert models.AdministrativeOverride.select().count() == 4
