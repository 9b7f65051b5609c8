from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.costs import days_of, forecast, plan_units

plans = st.decimals(0, 10**15, places=12, allow_nan=False)


@given(plans, st.dates(date(1999, 1, 1), date(2030, 12, 31)))
def test_the_days_of_a_month_add_up_to_its_plan(per_month, day):
    days = [day.replace(day=number) for number in range(1, days_of(day) + 1)]
    parts = [plan_units(per_month, each, each) for each in days]

    assert Decimal(sum(parts)).scaleb(-12) == per_month
    assert max(parts) - min(parts) <= 1
    assert plan_units(per_month, days[3], days[9]) == sum(parts[3:10])


def test_a_plan_is_spread_over_the_days_its_month_has():
    assert plan_units(Decimal(28), date(2026, 2, 3), date(2026, 2, 3)) == 10**12
    assert plan_units(Decimal(29), date(2028, 2, 1), date(2028, 2, 10)) == 10 * 10**12


def test_the_pace_of_the_month_so_far_goes_on_to_its_end():
    assert forecast(Decimal("0.10"), datetime(2026, 4, 11, tzinfo=UTC)) == Decimal("0.3")
    assert forecast(Decimal(1), datetime(2026, 4, 30, 23, 59, 59, 999999, tzinfo=UTC)) == Decimal(1)
    assert forecast(Decimal(0), datetime(2026, 4, 2, tzinfo=UTC)) == 0


def test_the_first_hours_of_a_month_count_as_a_day():
    begin = datetime(2026, 4, 1, tzinfo=UTC)

    assert forecast(Decimal(1), begin) == forecast(Decimal(1), begin + timedelta(hours=23)) == 30
