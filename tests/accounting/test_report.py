"""The report: whatever was called, its sections add up to the same calls and the same cost, to the last digit."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from market_actors.accounting.charges import Period
from market_actors.accounting.report import Question, usage_report
from market_actors.domain.costs import days_of
from market_actors.domain.money import EXACT
from market_actors.domain.shares import WHOLE, split
from persistence.records import UsageCell, UsagePart, UsagePlan, UsageRows

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
TODAY = NOW.date()
FIRST, LAST = date(2026, 2, 1), date(2026, 3, 31)
ANN, BOB, SAVINGS = UUID(int=1), UUID(int=2), UUID(int=11)
PARTIES = [(None, None), (ANN, None), (ANN, SAVINGS), (BOB, UUID(int=12)), (BOB, UUID(int=13))]
NAMES = {ANN: "ann@example.com", SAVINGS: "Savings"}

prices = st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("0.000000000001"), Decimal("1234567890123.7")])
calls = st.tuples(
    st.dates(FIRST, TODAY),
    st.sampled_from(["yahoo", "alpha_vantage"]),
    st.sampled_from(["scheduled", "manual", "probe"]),
    prices,
    st.booleans(),
    st.lists(st.sampled_from(PARTIES), min_size=1, unique=True),
)
plans = st.dictionaries(
    st.tuples(st.sampled_from(["yahoo", "simulated"]), st.sampled_from([FIRST, date(2026, 3, 1)])),
    st.decimals(0, 10**9, places=12, allow_nan=False),
)


def rows(made, costs=(), parties=None) -> UsageRows:
    """What the database would tell of these calls; of months without a plan the parts stand at their first day."""
    cells, parts = defaultdict(lambda: [0, 0]), Counter()
    planned = {month for (_, month) in costs}
    for day, provider, kind, price, failed, served in made:
        if parties is None or set(served) & set(parties):
            cells[day, provider, kind, price][0] += 1
            cells[day, provider, kind, price][1] += failed
        month = day.replace(day=1)
        for party, units in zip(served, split(WHOLE, [1] * len(served)), strict=True):
            parts[month if month not in planned and parties is None else day, provider, kind, price, *party] += units
    return UsageRows(
        tuple(UsageCell(*key, *counts) for key, counts in cells.items()),
        tuple(UsagePart(*key, units) for key, units in parts.items()),
        tuple(UsagePlan(provider, month, cost) for (provider, month), cost in dict(costs).items()),
        {},
        {},
        NAMES,
    )


def total(values) -> Decimal:
    found = Decimal(0)
    for value in values:
        found = EXACT.add(found, value)
    return found


def report(made, costs=(), user_id=None, portfolio_id=None):
    question = Question(Period(FIRST, LAST, TODAY), None, user_id, portfolio_id)
    chosen = None
    if user_id or portfolio_id:
        chosen = [each for each in PARTIES if user_id in (None, each[0]) and portfolio_id in (None, each[1])]
    this_month = [each for each in made if each[0] >= date(2026, 3, 1)]
    of_month = {key: cost for key, cost in dict(costs).items() if key[1].month == 3}
    return usage_report(question, rows(made, costs, chosen), rows(this_month, of_month, chosen), (), NOW)


@settings(deadline=None)  # other work on the machine is no fault of the sums
@given(st.lists(calls, max_size=30), plans)
def test_all_sections_add_up_to_the_same_calls_and_the_same_cost(made, costs):
    found = report(made, costs)

    due = {key: cost if key[1] == FIRST else cost * 20 / 31 for key, cost in costs.items()}
    cost = total(day.cost for day in found.days)
    assert {sum(day.requests for day in found.days), sum(kind.requests for kind in found.kinds)} == {len(made)}
    assert {total(each.requests for each in group) for group in (found.users, found.portfolios)} == {len(made)}
    assert {total(each.cost for each in group) for group in (found.users, found.portfolios, found.kinds)} == {cost}
    assert sum(day.errors for day in found.days) == sum(kind.errors for kind in found.kinds) == sum(c[4] for c in made)
    assert abs(cost - total([*due.values(), *(call[3] for call in made)])) < Decimal("1e-10")


@settings(deadline=None)  # other work on the machine is no fault of the sums
@given(st.lists(calls, max_size=30), plans)
def test_a_month_that_is_over_costs_its_plans_exactly(made, costs):
    whole = {key: cost for key, cost in costs.items() if key[1] == FIRST}
    february = [each for each in made if each[0].month == 2]

    assert total(day.cost for day in report(february, whole).days) == total(
        [*whole.values(), *(call[3] for call in february)]
    )


@settings(deadline=None)  # other work on the machine is no fault of the sums
@given(st.lists(calls, max_size=30), plans)
def test_the_reports_of_all_users_are_together_the_report_of_everybody(made, costs):
    everybody = {user.id: (user.requests, user.cost) for user in report(made, costs).users}
    alone = {
        user: (total(each.requests for each in own.users), total(day.cost for day in own.days))
        for user, own in ((user, report(made, costs, user_id=user)) for user in (ANN, BOB))
    }

    assert {user: each for user, each in everybody.items() if user} == {
        user: each for user, each in alone.items() if any(each)
    }


def test_a_user_is_shown_with_whole_calls_by_day_and_the_own_part_of_them_by_portfolio():
    shared = (TODAY, "yahoo", "scheduled", Decimal("0.30"), False, [(ANN, SAVINGS), (BOB, UUID(int=12))])

    found = report([shared, shared], user_id=ANN)

    assert [(day.requests, day.cost) for day in found.days] == [(2, Decimal("0.30"))]
    assert [(each.id, each.requests) for each in found.users] == [(ANN, 1)]
    assert [(each.name, each.requests) for each in found.portfolios] == [("Savings", 1)]


def test_a_plans_day_is_divided_in_proportion_to_the_calls_of_the_day():
    served = [(ANN, SAVINGS)], [(ANN, SAVINGS)], [(BOB, None)], [(None, None)]
    made = [(TODAY, "yahoo", "scheduled", Decimal(0), False, each) for each in served]

    found = report(made, {("yahoo", date(2026, 3, 1)): Decimal(31)})

    today = next(day for day in found.days if day.day == TODAY)
    assert today.cost == 1
    assert {user.id: user.cost for user in found.users} == {
        ANN: Decimal("0.5"),
        BOB: Decimal("0.25"),
        None: Decimal("19.25"),
    }


def test_the_plan_of_a_day_without_calls_falls_on_nobody_and_on_the_schedule():
    found = report([], {("yahoo", FIRST): Decimal(28)})

    assert len(found.days) == days_of(FIRST)
    assert [(each.id, each.cost) for each in found.users] == [(None, 28)]
    assert [(kind.kind, kind.cost) for kind in found.kinds] == [("scheduled", 28), ("manual", 0), ("probe", 0)]


def test_the_month_is_estimated_until_today_and_forecast_to_its_end():
    made = [(TODAY, "yahoo", "scheduled", Decimal("0.60"), failed, [(ANN, None)]) for failed in (True, False, False)]

    found = report(made, {("yahoo", date(2026, 3, 1)): Decimal(31)}).summary

    assert (found.requests_today, found.requests_this_month, found.errors_today) == (3, 3, 1)
    assert round(found.success_rate_today, 2) == 66.67
    assert found.estimated_cost == Decimal("21.80")
    assert found.forecast_cost == 31 + (Decimal("1.80") * 31 / Decimal("19.5")).quantize(Decimal("1e-12"))


def test_days_stand_newest_first_and_names_in_order_with_nobody_last():
    days = [TODAY - timedelta(days=each) for each in (3, 1, 2)]
    deleted = UUID(int=2**128 - 1)
    parties = [*PARTIES, (deleted, None)]
    made = [(day, "yahoo", "manual", Decimal(0), False, [party]) for day in days for party in parties]

    found = report(made)

    assert [day.day for day in found.days] == sorted(days, reverse=True)
    assert [(user.id, user.name) for user in found.users] == [
        (ANN, "ann@example.com"),
        (BOB, None),
        (deleted, None),
        (None, None),
    ]
