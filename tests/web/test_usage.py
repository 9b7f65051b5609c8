"""Usage over HTTP, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_actors.messages import GetQuotas, RecordCalls, RecordPlans
from market_actors.stored import CreatePortfolio, DeletePortfolio
from persistence.records import Audience, Call, Share
from tests.doubles import Remembered
from tests.web.conftest import Client
from web.gateway import ask
from web.usage_csv import COLUMNS, SECTIONS, harmless

USAGE = "/api/v1/admin/api-usage"
WHOLE = 10**12
JUNE = datetime(2025, 6, 10, 8, 30, tzinfo=UTC)
IN_JUNE = "start_date=2025-06-01&end_date=2025-06-30"


@pytest.fixture
def root(io_loop, make_user) -> Client:
    """An administrator with a token of the scope admin."""
    return io_loop.run_sync(lambda: make_user("root@example.com", "admin", "admin"))


def call(audience=None, **changes) -> Call:
    fields = {"provider": "yahoo", "kind": "scheduled", "symbols": ("CBA.AX",), "reserved_at": JUNE, "user_id": None}
    return Call(uuid4(), **{**fields, "cost": Decimal("0.01"), "outcome": "ok", "audience": audience, **changes})


async def record(market, *calls: Call) -> None:
    heard = Remembered()
    market.store.tell(RecordCalls(calls, heard))
    heard.wait_until(lambda: bool(heard.messages))


@pytest.fixture
def savings(io_loop, market, jo):
    return io_loop.run_sync(lambda: ask(market.store, CreatePortfolio(jo.user.id, "Savings", "AUD", JUNE)))


@pytest.fixture
def shared(jo, sam, savings) -> Audience:
    thirds = (WHOLE // 3 + 1, WHOLE // 3, WHOLE // 3)
    parties = ((jo.user.id, savings.id), (jo.user.id, None), (sam.user.id, None))
    return Audience(uuid4(), tuple(Share(*party, units) for party, units in zip(parties, thirds, strict=True)))


async def read(root: Client, query: str = IN_JUNE):
    answer = await root.get(f"{USAGE}?{query}")
    assert answer.status == 200, answer.body
    assert answer.headers["Cache-Control"] == "no-cache"
    return answer.body


async def test_without_a_call_every_section_is_there(root):
    body = await read(root, "")

    assert list(body) == [
        "summary",
        "by_provider",
        "by_date",
        "by_user",
        "by_portfolio",
        "by_type",
        "rate_limits",
        "last_updated",
    ]
    assert list(body["summary"]) == [
        "total_requests_today",
        "total_requests_this_month",
        "errors_today",
        "success_rate_today",
        "estimated_cost_this_month",
        "forecast_cost_this_month",
    ]
    (provider,) = body["by_provider"]
    assert provider["provider_name"] == "simulated"
    nothing = ("rate_limit_remaining", "rate_limit_total", "quota_resets_at", "exhausts_at")
    assert [provider[name] for name in nothing] == [None] * 4
    assert [each["type"] for each in body["by_type"]] == ["scheduled", "manual", "probe"]
    assert set(body["rate_limits"]) == {"provider", "daily_limit", "hourly_limit", "minute_limit", "current_usage"}
    assert body["last_updated"].endswith("Z")


async def test_the_calls_of_a_source_without_limits_are_counted(root, jo, market):
    assert (await jo.get("/api/v1/market-data/prices/CBA.AX")).status == 200
    market.usage.stop().get(timeout=5)

    body = await read_when(root, lambda body: body["by_provider"][0]["requests_today"])

    (provider,) = body["by_provider"]
    assert (provider["requests_today"], provider["errors_today"]) == (1, 0)
    assert provider["last_request_at"] is not None
    assert [(each["type"], each["requests"]) for each in body["by_type"]][1] == ("manual", 1)
    assert [(each["user_email"], each["requests"]) for each in body["by_user"]] == [("jo@example.com", "1")]
    assert body["rate_limits"]["current_usage"] == {"daily": 1, "hourly": 1, "minute": 1}


async def read_when(root: Client, condition):
    for _ in range(100):
        answer = await root.get(USAGE)
        if answer.status == 200 and condition(answer.body):
            return answer.body
    raise AssertionError(answer.body)


async def test_the_sections_of_a_period_are_exact(root, jo, sam, savings, market, shared):
    await record(
        market,
        call(shared),
        call(shared, kind="manual", outcome="network", reserved_at=JUNE + timedelta(days=1), symbols=("AAPL",)),
        call(kind="probe", cost=None),
        call(reserved_at=JUNE - timedelta(days=31)),
    )

    body = await read(root)

    assert body["by_date"] == [
        {
            "date": "2025-06-11",
            "total_requests": 1,
            "successful_requests": 0,
            "failed_requests": 1,
            "unique_symbols": 1,
            "cost": "0.01",
        },
        {
            "date": "2025-06-10",
            "total_requests": 2,
            "successful_requests": 2,
            "failed_requests": 0,
            "unique_symbols": 1,
            "cost": "0.01",
        },
    ]
    assert body["by_user"] == [
        {
            "user_id": str(jo.user.id),
            "user_email": "jo@example.com",
            "requests": "1.333333333334",
            "cost": "0.01333333333334",
        },
        {
            "user_id": str(sam.user.id),
            "user_email": "sam@example.com",
            "requests": "0.666666666666",
            "cost": "0.00666666666666",
        },
        {"user_id": None, "user_email": None, "requests": "1", "cost": "0"},
    ]
    assert body["by_portfolio"] == [
        {
            "portfolio_id": str(savings.id),
            "portfolio_name": "Savings",
            "requests": "0.666666666668",
            "cost": "0.00666666666668",
        },
        {"portfolio_id": None, "portfolio_name": None, "requests": "2.333333333332", "cost": "0.01333333333332"},
    ]
    assert body["by_type"] == [
        {"type": "scheduled", "requests": 1, "errors": 0, "cost": "0.01"},
        {"type": "manual", "requests": 1, "errors": 1, "cost": "0.01"},
        {"type": "probe", "requests": 1, "errors": 0, "cost": "0"},
    ]


async def test_a_deleted_portfolio_keeps_its_name(root, jo, market, savings, shared):
    await record(market, call(shared))
    await ask(market.store, DeletePortfolio(jo.user.id, savings.id, JUNE))

    assert [each["portfolio_name"] for each in (await read(root))["by_portfolio"]] == ["Savings", None]


async def test_a_report_is_narrowed_to_a_provider_a_user_or_a_portfolio(root, sam, market, savings, shared):
    await record(market, call(shared), call(), call(provider="alpha_vantage"))

    by_provider = await read(root, f"{IN_JUNE}&provider=alpha_vantage")
    by_user = await read(root, f"{IN_JUNE}&user_id={sam.user.id}")
    by_portfolio = await read(root, f"{IN_JUNE}&portfolio_id={savings.id}")

    for body in (by_provider, by_user, by_portfolio):
        assert [each["total_requests"] for each in body["by_date"]] == [1]
    assert [each["requests"] for each in by_user["by_user"]] == ["0.333333333333"]
    assert [each["portfolio_id"] for each in by_portfolio["by_portfolio"]] == [str(savings.id)]
    assert by_provider["rate_limits"]["provider"] == "alpha_vantage"
    assert (await read(root, f"{IN_JUNE}&user_id={uuid4()}"))["by_date"] == []


async def test_lists_are_paged_each_by_itself(root, market, shared):
    await record(market, call(shared), call(reserved_at=JUNE + timedelta(days=1)))
    whole = await read(root)

    page = await read(root, f"{IN_JUNE}&limit=1&offset=1")

    for section in ("by_date", "by_user", "by_portfolio"):
        assert page[section] == whole[section][1:2]
    assert page["by_type"] == whole["by_type"]


async def test_what_a_plan_costs_is_due_day_by_day(root, market):
    await record(market, call(cost=None))
    market.store.tell(RecordPlans(datetime(2025, 6, 1, tzinfo=UTC), {"yahoo": Decimal(30)}))

    body = await read(root, "start_date=2025-06-09&end_date=2025-06-10")

    assert [(each["date"], each["cost"]) for each in body["by_date"]] == [("2025-06-10", "1"), ("2025-06-09", "1")]
    assert [each["cost"] for each in body["by_user"]] == ["2"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("start_date=2025-02-30", "start_date"),
        ("start_date=2025-6-1", "start_date"),
        ("start_date=1066-10-14", "start_date"),
        ("end_date=2025-06-01T00:00:00Z", "end_date"),
        ("start_date=2025-06-02&end_date=2025-06-01", "start_date"),
        ("provider=yahooo", "provider"),
        ("user_id=1", "user_id"),
        ("portfolio_id=x", "portfolio_id"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("offset=-1", "offset"),
        ("page=2", "page"),
    ],
)
@pytest.mark.parametrize("path", [USAGE, f"{USAGE}/export"])
async def test_a_wrong_question_is_refused_with_its_field(root, path, query, name):
    answer = await root.get(f"{path}?{query}")

    assert answer.status == 422
    assert [loc for loc, _ in answer.faults] == [["query", name]]


async def test_one_end_of_a_period_is_enough(root, market):
    await record(market, call())

    assert (await read(root, "end_date=2025-06-20"))["by_date"][0]["date"] == "2025-06-10"
    assert (await read(root, "start_date=2025-06-10"))["by_date"][0]["date"] == "2025-06-10"
    assert (await read(root, "start_date=2999-01-01"))["by_date"] == []


async def test_the_limits_of_a_provider_are_those_in_force(root, market):
    change = {"calls_per_day": 25, "calls_per_minute": 5, "reason": "a trial"}
    assert (await root("PATCH", "/api/v1/admin/providers/simulated", change)).status == 200
    await read_when(root, lambda body: body["rate_limits"]["daily_limit"])

    body = await read(root, "")

    (provider,) = body["by_provider"]
    assert (provider["rate_limit_remaining"], provider["rate_limit_total"]) == (25, 25)
    assert provider["quota_resets_at"].endswith("T00:00:00Z")
    limits = body["rate_limits"]
    assert (limits["daily_limit"], limits["hourly_limit"], limits["minute_limit"]) == (25, None, 5)
    (quota,) = await ask(market.usage, GetQuotas())
    assert quota.remaining == 25


# -- CSV -----------------------------------------------------------------------------------


async def test_the_file_has_every_section_with_the_same_fields(root, market, shared):
    await record(market, call(shared))
    body = await read(root)

    answer = await root.get(f"{USAGE}/export?{IN_JUNE}")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="api-usage.csv"'
    assert answer.headers["Cache-Control"] == "no-cache"
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    assert {row["section"] for row in rows} == set(SECTIONS)
    for section in ("by_provider", "by_date", "by_user", "by_portfolio", "by_type"):
        found = [row for row in rows if row["section"] == section]
        assert len(found) == len(body[section])
        for row, entry in zip(found, body[section], strict=True):
            assert {name: row[name] for name in entry} == {
                name: "" if value is None else str(value) for name, value in entry.items()
            }
            assert not any(row[name] for name in COLUMNS if name not in entry and name != "section")
    (limits,) = (row for row in rows if row["section"] == "rate_limits")
    assert (limits["provider"], limits["current_usage_daily"]) == ("simulated", "0")


async def test_the_file_has_all_rows_unless_a_limit_is_given(root, market):
    days = [JUNE - timedelta(days=each) for each in range(60)]
    await record(market, *(call(reserved_at=day) for day in days))
    query = "start_date=2025-01-01&end_date=2025-06-30"

    def dates(answer) -> int:
        return answer.body.decode().count("\nby_date,")

    assert dates(await root.get(f"{USAGE}/export?{query}")) == 60
    assert dates(await root.get(f"{USAGE}/export?{query}&limit=7&offset=55")) == 5


async def test_a_name_in_the_file_is_never_a_formula(root, market, jo):
    portfolio = await ask(market.store, CreatePortfolio(jo.user.id, '=HYPERLINK("http://x";"y")', "AUD", JUNE))
    await record(market, call(Audience(uuid4(), (Share(jo.user.id, portfolio.id, WHOLE),))))

    answer = await root.get(f"{USAGE}/export?{IN_JUNE}")

    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    (name,) = (row["portfolio_name"] for row in rows if row["section"] == "by_portfolio")
    assert name == '\'=HYPERLINK("http://x";"y")'


@given(st.text(st.sampled_from("ab1 =+-@;,\t\r\n'\"|\uff1d\uff20"), max_size=12))
def test_no_cell_begins_a_formula_wherever_a_spreadsheet_divides_it(text):
    for part in re.split(r"[;,\t\r\n|]", harmless(text)):
        assert not part.strip(' "').startswith(("=", "+", "-", "@", "\uff1d", "\uff20")), (text, harmless(text))


def test_a_harmless_text_stays_as_it_is():
    assert harmless("ann-marie@example.com") == "ann-marie@example.com"
    assert harmless("2026-01-05") == "2026-01-05"
