"""Usage: what is recorded of calls, and what reports are made of, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from peewee import Database

from persistence import models, queries
from persistence.database import open_database
from persistence.migrate import known, migrate
from persistence.records import (
    Audience,
    Call,
    CallCounts,
    Portfolio,
    Share,
    UsageCell,
    UsagePart,
    UsagePlan,
    UsageRows,
    User,
)
from tests.persistence.samples import DAY, HOUR, MINUTE, NOW, SECOND

TODAY = NOW.date()
WHOLE = 10**12
START, END = date(2026, 3, 1), date(2026, 3, 31)


def shared(*parties: tuple[UUID | None, UUID | None]) -> Audience:
    """An audience whose parts are a half, a quarter and so on."""
    units = [WHOLE >> place for place in range(1, len(parties))]
    units.append(WHOLE - sum(units))
    return Audience(uuid4(), tuple(Share(*party, each) for party, each in zip(parties, units, strict=True)))


def call(audience: Audience | None = None, **changes: object) -> Call:
    made = Call(uuid4(), "yahoo", "scheduled", ("CBA.AX",), NOW, None, cost=Decimal("0.010"), audience=audience)
    return replace(made, **changes)  # type: ignore[arg-type]


def read(
    start: date = START,
    end: date = END,
    provider: str | None = None,
    user_id: UUID | None = None,
    portfolio_id: UUID | None = None,
) -> UsageRows:
    return queries.read_usage(start, end, provider, user_id, portfolio_id)


def counts() -> dict[str, tuple[int, int]]:
    """Calls and errors in all roll-ups, by period."""
    found: dict[str, tuple[int, int]] = {}
    for row in models.ApiUsageRollup.select():
        requests, errors = found.get(row.period, (0, 0))
        found[row.period] = requests + row.requests, errors + row.errors
    return found


def test_a_call_is_in_the_rollups_of_its_hour_day_and_month_once(database: Database) -> None:
    reserved = call()
    queries.record_call(reserved)
    queries.record_calls((reserved, call(reserved_at=NOW + HOUR)))

    assert counts() == {"hour": (2, 0), "day": (2, 0), "month": (2, 0)}
    starts = {(row.period, row.starts_at) for row in models.ApiUsageRollup.select()}
    hour = datetime(2026, 3, 2, 1, tzinfo=UTC)
    assert starts == {
        ("hour", hour),
        ("hour", hour + HOUR),
        ("day", hour - HOUR),
        ("month", datetime(2026, 3, 1, tzinfo=UTC)),
    }


def test_a_failed_call_is_an_error_once(database: Database) -> None:
    failed, fine = call(), call()
    queries.record_calls((failed, fine, call(outcome="network", latency_ms=9)))
    queries.finish_call(fine.id, "ok", 20)
    for outcome in ("throttled", "network", "ok"):
        queries.finish_call(failed.id, outcome, 20)
    queries.finish_call(uuid4(), "network", 20)

    assert counts() == {"hour": (3, 2), "day": (3, 2), "month": (3, 2)}
    assert models.ApiUsageMetrics.get_by_id(failed.id).outcome == "throttled"


def test_a_call_that_was_never_heard_of_again_is_an_error_and_one_under_way_is_not(database: Database) -> None:
    lost, under_way = call(reserved_at=NOW - 6 * MINUTE), call(reserved_at=NOW - MINUTE)
    queries.record_calls((lost, under_way))

    queries.prune(NOW, NOW - DAY)
    queries.prune(NOW, NOW - DAY)

    assert counts()["day"] == (2, 1)
    assert models.ApiUsageMetrics.get_by_id(lost.id).outcome == "lost"
    assert models.ApiUsageMetrics.get_by_id(under_way.id).outcome is None


def test_single_calls_are_pruned_and_the_reports_keep_them(database: Database) -> None:
    queries.record_calls((call(reserved_at=NOW - 71 * DAY), call(reserved_at=NOW - 62 * DAY), call()))

    queries.prune(NOW, NOW - DAY)

    assert models.ApiUsageMetrics.select().count() == 2
    assert sum(cell.requests for cell in read(date(2025, 12, 1)).cells) == 3
    assert len(queries.calls_since(NOW - 62 * DAY)) == 2


def test_only_the_calls_of_those_providers_that_are_asked_for_are_sent(database: Database) -> None:
    queries.record_calls((call(), call(provider="simulated")))

    assert queries.calls_since(NOW - DAY, ("yahoo",)) == (("yahoo", NOW),)
    assert queries.calls_since(NOW - DAY, ()) == ()


def test_calls_are_told_by_day_provider_kind_and_price(database: Database) -> None:
    queries.record_calls(
        (call(), call(), call(cost=None), call(kind="probe", outcome="network"), call(reserved_at=NOW - DAY))
    )

    cells = {replace(cell, price=Decimal(cell.price)) for cell in read().cells}

    cent = Decimal("0.010")
    assert cells == {
        UsageCell(TODAY - DAY, "yahoo", "scheduled", cent, 1, 0),
        UsageCell(TODAY, "yahoo", "scheduled", Decimal(0), 1, 0),
        UsageCell(TODAY, "yahoo", "scheduled", cent, 2, 0),
        UsageCell(TODAY, "yahoo", "probe", cent, 1, 1),
    }


@pytest.mark.parametrize(("start", "end"), [(START, END), (TODAY, date(2026, 3, 30))])
def test_the_parts_of_a_month_are_summed_up_at_the_first_of_its_days(
    database: Database, start: date, end: date
) -> None:
    ann, savings = uuid4(), uuid4()
    audience = shared((ann, savings), (None, None))
    queries.record_calls([call(audience, reserved_at=NOW + each * DAY) for each in (0, 1)])

    parts = read(start, end).parts

    assert {(part.day, part.user_id, part.portfolio_id, part.units) for part in parts} == {
        (start, ann, savings, WHOLE),
        (start, None, None, WHOLE),
    }
    assert sum(part.units for part in read(start, TODAY).parts) == WHOLE


def test_the_parts_of_a_month_with_a_plan_are_told_by_day(database: Database) -> None:
    queries.record_calls((call(), call(reserved_at=NOW - 3 * DAY)))
    queries.record_plans(datetime(2026, 3, 1, tzinfo=UTC), {"yahoo": Decimal("31.5"), "alpha_vantage": None})

    rows = read(date(2026, 2, 1))

    assert rows.plans == (UsagePlan("yahoo", START, Decimal("31.5")),)
    assert [part.day for part in rows.parts] == [date(2026, 2, 1), TODAY]
    queries.record_plans(datetime(2026, 3, 1, tzinfo=UTC), {"yahoo": None})
    assert read().plans == ()


def test_of_a_provider_only_its_own_is_told(database: Database) -> None:
    queries.record_calls((call(), call(provider="alpha_vantage", symbols=("AAPL", "MSFT"))))
    queries.record_plans(datetime(2026, 3, 1, tzinfo=UTC), {"yahoo": Decimal(1)})

    rows = read(provider="alpha_vantage")

    assert {row.provider for row in (*rows.cells, *rows.parts)} == {"alpha_vantage"}
    assert (rows.plans, rows.symbols) == ((), {TODAY: 2})
    assert set(rows.last_calls) == {"yahoo", "alpha_vantage"}


def test_of_a_user_or_portfolio_the_calls_are_told_that_served_them(database: Database) -> None:
    ann, bob, savings, pension = (uuid4() for _ in range(4))
    both, alone = shared((ann, savings), (ann, pension), (bob, None)), shared((bob, None))
    queries.record_calls((call(both), call(both), call(alone, symbols=("AAPL",)), call()))

    of_ann, of_savings, of_bob = read(user_id=ann), read(portfolio_id=savings), read(user_id=bob)

    assert [cell.requests for cell in of_ann.cells] == [2]
    assert {(part.day, part.portfolio_id, part.units) for part in of_ann.parts} == {
        (TODAY, savings, WHOLE),
        (TODAY, pension, WHOLE // 2),
    }
    assert [(part.portfolio_id, part.units) for part in of_savings.parts] == [(savings, WHOLE)]
    assert (sum(cell.requests for cell in of_bob.cells), of_bob.symbols, of_ann.symbols) == (3, {TODAY: 2}, {TODAY: 1})
    assert read(user_id=uuid4()).cells == ()


def test_of_a_user_all_parts_are_told_where_a_plan_is_to_be_divided(database: Database) -> None:
    ann, bob = uuid4(), uuid4()
    queries.record_call(call(shared((ann, None), (bob, None))))
    queries.record_plans(datetime(2026, 3, 1, tzinfo=UTC), {"yahoo": Decimal(1)})

    assert {part.user_id for part in read(user_id=ann).parts} == {ann, bob}


def test_symbols_are_counted_once_a_day(database: Database) -> None:
    audience = shared((uuid4(), None))
    queries.record_calls(
        (call(symbols=("AAPL", "MSFT")), call(audience, symbols=("AAPL",)), call(provider="simulated"))
    )
    queries.record_call(call(reserved_at=NOW + DAY))

    assert read().symbols == {TODAY: 3, TODAY + DAY: 1}


def test_a_portfolio_that_is_deleted_keeps_its_last_name_and_its_calls(user: User, portfolio: Portfolio) -> None:
    audience = shared((user.id, portfolio.id))
    queries.record_call(call(audience))
    assert read().names == {user.id: "ann@example.com", portfolio.id: "Savings"}

    queries.update_portfolio(user.id, portfolio.id, "Old age", None, NOW)
    assert read().names[portfolio.id] == "Old age"
    queries.delete_portfolio(user.id, portfolio.id, NOW)

    assert read().names == {user.id: "ann@example.com", portfolio.id: "Old age"}
    assert [part.portfolio_id for part in read().parts] == [portfolio.id]
    queries.record_call(call(audience))
    assert sum(part.units for part in read(portfolio_id=portfolio.id).parts) == 2 * WHOLE


def test_a_call_that_cannot_be_recorded_leaves_nothing_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("persistence.queries.usage._add", fail)
    with pytest.raises(RuntimeError):
        queries.record_call(call(shared((uuid4(), None))))

    assert (models.ApiUsageMetrics.select().count(), models.UsageAudience.select().count()) == (0, 1)
    assert read().symbols == {}


def test_present_use_is_counted_by_the_day_the_hour_and_the_minute(database: Database) -> None:
    made = [NOW, NOW - 59 * SECOND, NOW - 60 * SECOND, NOW - 20 * MINUTE, NOW - HOUR, NOW - DAY]
    queries.record_calls([call(reserved_at=each) for each in made] + [call(provider="simulated")])

    assert queries.count_calls("yahoo", NOW - 2 * HOUR, NOW) == CallCounts(daily=5, hourly=4, minute=2)
    assert queries.count_calls("alpha_vantage", NOW - DAY, NOW) == CallCounts(0, 0, 0)


def test_years_of_calls_add_up(database: Database) -> None:
    audience = shared((uuid4(), None), (None, None))
    moments = [datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC) + 37 * each * DAY for each in range(30)]
    queries.record_calls([call(audience, reserved_at=each) for each in moments])

    rows = read(date(2024, 2, 29), moments[-1].date())

    assert sum(cell.requests for cell in rows.cells) == 30
    assert sum(part.units for part in rows.parts) == 30 * WHOLE
    assert sum(part.units for part in read(date(2024, 3, 1), moments[-1].date()).parts) == 29 * WHOLE


def test_calls_made_before_there_were_rollups_are_in_them_and_served_nobody(database_url: str) -> None:
    database = open_database(database_url)
    migrate(database, known()[:1])
    places = ", ".join([database.param] * 7)
    for call_id, provider, outcome, at in (
        (uuid4(), "yahoo", "ok", "2026-02-28T23:59:59.999999Z"),
        (uuid4(), "yahoo", "network", "2026-03-01T00:00:00.000000Z"),
        (uuid4(), "alpha_vantage", None, "2026-03-01T00:30:00.000000Z"),
    ):
        row = (call_id.hex, provider, "scheduled", '["AAPL","CBA.AX"]', at, outcome, "0.5" if outcome else None)
        columns = "id, provider, kind, symbols, reserved_at, outcome, cost"
        database.execute_sql(f"INSERT INTO api_usage_metrics ({columns}) VALUES ({places})", row)

    migrate(database)

    rows = read(date(2026, 2, 1))
    assert {(cell.day, cell.provider, str(cell.price), cell.requests, cell.errors) for cell in rows.cells} == {
        (date(2026, 2, 28), "yahoo", "0.5", 1, 0),
        (START, "yahoo", "0.5", 1, 1),
        (START, "alpha_vantage", "0", 1, 0),
    }
    assert {(part.day, part.user_id, part.units) for part in rows.parts} == {
        (date(2026, 2, 1), None, WHOLE),
        (START, None, WHOLE),
    }
    assert rows.symbols == {date(2026, 2, 28): 2, START: 2}
    assert counts() == dict.fromkeys(("hour", "day", "month"), (3, 1))
    database.close()


def test_a_part_is_of_its_user_and_portfolio_alone(database: Database) -> None:
    ann, savings = uuid4(), uuid4()
    queries.record_call(call(shared((ann, savings), (ann, None))))

    assert (
        UsagePart(TODAY, "yahoo", "scheduled", Decimal("0.010"), ann, savings, WHOLE // 2)
        in read(user_id=ann, portfolio_id=savings).parts
    )
