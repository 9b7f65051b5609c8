"""Previews over HTTP: they take what the orders take, answer the same refusals, and keep nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.web.conftest import Client

ADMIN = "/api/v1/admin"
INTERVALS = f"{ADMIN}/poll-intervals"
OVERRIDES = f"{ADMIN}/overrides"
HOURLY = {"interval_minutes": 60, "reason": "a quiet week"}
STOP = {"override_type": "emergency_stop", "scope": "global", "reason": "the feed is wrong"}
PRICED = {"override_type": "price", "scope": "symbol", "symbol": "BTC-AUD", "price": "1", "reason": "halted"}
DAY = 86_400
COIN = "BTC-AUD"  # its exchange never closes


@pytest.fixture
def root(io_loop, make_user) -> Client:
    """An administrator with a token of the scope admin."""
    return io_loop.run_sync(lambda: make_user("root@example.com", "admin", "admin"))


@pytest.fixture
def portfolio(io_loop, root) -> str:
    """The id of a portfolio of the administrator that holds a coin."""

    async def make() -> str:
        made = await root.post("/api/v1/portfolios", {"name": "Savings", "base_currency": "AUD"})
        holding = {"quantity": "1", "average_cost": "98.40", "currency": "AUD"}
        await root("PUT", f"{made.headers['Location']}/holdings/{COIN}", holding)
        return str(made.body["id"])

    return io_loop.run_sync(make)


async def kept(root: Client) -> list[object]:
    """What previews must leave alone."""
    lists = [f"{ADMIN}/audit", INTERVALS, OVERRIDES]
    return [(await root.get(path)).body for path in lists]


async def test_an_interval_is_previewed_and_not_ordered(root, portfolio):
    before = await kept(root)

    answer = await root.post(f"{INTERVALS}/preview", HOURLY)

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.body == {
        "calls_per_day": {"before": DAY, "after": 24},
        "quota_exhausted_at": {"before": None, "after": None},
        "expected_age_seconds": {"before": 0, "after": 1800},
        "cost_per_month": {"before": "0", "after": "0"},
        "affected": {"users": 1, "portfolios": 1, "symbols": 1},
    }
    assert await kept(root) == before


async def test_an_override_is_previewed_and_not_ordered(root, portfolio):
    before = await kept(root)

    stopped = await root.post(f"{OVERRIDES}/preview", {**STOP, "duration_minutes": 60})
    priced = await root.post(f"{OVERRIDES}/preview", PRICED)

    assert (stopped.status, priced.status) == (200, 200)
    assert stopped.body["calls_per_day"] == {"before": DAY, "after": DAY - 3600 + 1}
    assert priced.body["calls_per_day"] == {"before": DAY, "after": DAY}
    assert priced.body["affected"] == {"users": 1, "portfolios": 1, "symbols": 1}
    assert await kept(root) == before


async def test_limits_and_costs_are_those_that_were_set(root, portfolio):
    change = {"calls_per_day": 20, "reset_timezone": "UTC", "cost_per_call": "0.05", "reason": "a plan"}
    assert (await root("PATCH", f"{ADMIN}/providers/simulated", change)).status == 200

    answer = await root.post(f"{INTERVALS}/preview", HOURLY)

    assert answer.body["cost_per_month"] == {"before": "27.00", "after": "27.00"}  # 18 calls a day
    spent = datetime.fromisoformat(answer.body["quota_exhausted_at"]["before"])
    assert timedelta(0) < spent - datetime.now(UTC) < timedelta(minutes=1)
    assert answer.body["quota_exhausted_at"]["before"].endswith("Z")


async def test_what_is_held_since_just_now_counts(root, portfolio):
    body = {**HOURLY, "config_type": "portfolio", "target_id": portfolio}

    answer = await root.post(f"{INTERVALS}/preview", body)

    assert answer.body["affected"] == {"users": 1, "portfolios": 1, "symbols": 1}


async def test_where_nothing_is_tracked_prices_have_no_age(root):
    answer = await root.post(f"{INTERVALS}/preview", HOURLY)

    assert answer.body["calls_per_day"] == {"before": 0, "after": 0}
    assert answer.body["expected_age_seconds"] == {"before": None, "after": None}
    assert answer.body["affected"] == {"users": 0, "portfolios": 0, "symbols": 0}


@pytest.mark.parametrize(("path", "body"), [(INTERVALS, HOURLY), (OVERRIDES, STOP)])
async def test_only_an_administrator_may_preview(anybody, jo, make_user, path, body):
    weak = await make_user("weak@example.com", "admin", "write")

    for client, status in ((anybody, 401), (jo, 403), (weak, 403)):
        assert (await client.post(f"{path}/preview", body)).status == status


@pytest.mark.parametrize(
    ("path", "body", "loc"),
    [
        (INTERVALS, {**HOURLY, "interval_minutes": 0}, "interval_minutes"),
        (INTERVALS, {**HOURLY, "reason": " "}, "reason"),
        (INTERVALS, {**HOURLY, "config_type": "user"}, "target_id"),
        (INTERVALS, {**HOURLY, "effective_until": "2020-01-01T00:00:00Z"}, "effective_until"),
        (INTERVALS, {**HOURLY, "surprise": 1}, "surprise"),
        (OVERRIDES, {**STOP, "scope": "symbol"}, "scope"),
        (OVERRIDES, {**STOP, "duration_minutes": 10_081}, "duration_minutes"),
        (OVERRIDES, {**STOP, "price": "1"}, "price"),
        (OVERRIDES, {**PRICED, "price": None}, "price"),
    ],
)
async def test_a_wrong_body_is_refused_as_the_order_would_be(root, path, body, loc):
    preview, order = await root.post(f"{path}/preview", body), await root.post(path, body)

    assert (preview.status, [at for at, _ in preview.faults]) == (422, [["body", loc]])
    assert preview.body == order.body


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (INTERVALS, {**HOURLY, "config_type": "user", "target_id": str(uuid4())}),
        (INTERVALS, {**HOURLY, "config_type": "portfolio", "target_id": str(uuid4())}),
        (OVERRIDES, {**STOP, "override_type": "disable_updates", "scope": "user", "target_id": str(uuid4())}),
        (OVERRIDES, {**STOP, "override_type": "disable_updates", "scope": "portfolio", "target_id": str(uuid4())}),
        (OVERRIDES, {**STOP, "override_type": "disable_updates", "scope": "provider", "provider_id": "yahoo"}),
        (OVERRIDES, {**PRICED, "symbol": "NOPE.AX"}),
    ],
)
async def test_what_does_not_exist_is_404_as_for_the_order(root, path, body):
    preview, order = await root.post(f"{path}/preview", body), await root.post(path, body)

    assert preview.status == 404
    assert preview.body == order.body


@pytest.mark.parametrize("path", [INTERVALS, OVERRIDES])
async def test_a_preview_is_posted(root, path):
    answer = await root.get(f"{path}/preview")

    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
