"""What providers charge: by the settings, where an administrator set no other."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from market_actors.settings import Settings
from tests.web.conftest import Client

PROVIDERS = "/api/v1/admin/providers"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        providers=("yahoo", "alpha_vantage"),
        yahoo_url="http://127.0.0.1:9",
        alpha_vantage_url="http://127.0.0.1:9",
        yahoo_cost_per_call=Decimal("0.0100"),
        alpha_vantage_monthly_cost=Decimal("49.99"),
        alpha_vantage_calls_per_month=20,
    )


@pytest.fixture
def root(io_loop, make_user) -> Client:
    """An administrator with a token of the scope admin."""
    return io_loop.run_sync(lambda: make_user("root@example.com", "admin", "admin"))


async def test_the_prices_of_the_settings_show_until_an_administrator_sets_another(root):
    shown = (await root.get(PROVIDERS)).body
    assert [(each["cost_per_call"], each["monthly_cost"]) for each in shown] == [("0.0100", None), (None, "49.99")]

    changed = await root("PATCH", f"{PROVIDERS}/yahoo", {"cost_per_call": "0", "monthly_cost": 5, "reason": "a deal"})
    assert (changed.body["cost_per_call"], changed.body["monthly_cost"]) == ("0", "5")
    back = await root("PATCH", f"{PROVIDERS}/yahoo", {"cost_per_call": None, "monthly_cost": None, "reason": "over"})
    assert (back.body["cost_per_call"], back.body["monthly_cost"]) == ("0.0100", None)


async def test_no_more_is_left_of_the_day_than_of_the_month(root):
    for _ in range(100):
        answer = await root.get("/api/v1/admin/api-usage?provider=alpha_vantage")
        if answer.status == 200:
            break

    (provider,) = answer.body["by_provider"]
    assert (provider["rate_limit_remaining"], provider["rate_limit_total"]) == (20, 25)
    assert provider["exhausts_at"] is None


async def test_a_preview_goes_by_the_prices_of_the_settings(root):
    order = {"interval_minutes": 5, "reason": "a busy day"}
    for _ in range(100):
        answer = await root.post("/api/v1/admin/poll-intervals/preview", order)
        if answer.status == 200:
            break

    assert Decimal(answer.body["cost_per_month"]["before"]) == Decimal("49.99")
