"""Poll intervals and overrides over HTTP: what they take, how they end, and what the log says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from persistence import queries
from tests.web.conftest import Client

ADMIN = "/api/v1/admin"
INTERVALS = f"{ADMIN}/poll-intervals"
OVERRIDES = f"{ADMIN}/overrides"
STOP = {"override_type": "emergency_stop", "scope": "global", "reason": "the feed is wrong"}


@pytest.fixture
def root(io_loop, make_user) -> Client:
    """An administrator with a token of the scope admin."""
    return io_loop.run_sync(lambda: make_user("root@example.com", "admin", "admin"))


@pytest.fixture
def portfolio(io_loop, root) -> str:
    """The id of a portfolio of the administrator that holds CBA.AX."""

    async def make() -> str:
        made = await root.post("/api/v1/portfolios", {"name": "Savings", "base_currency": "AUD"})
        holding = {"quantity": "1", "average_cost": "98.40", "currency": "AUD"}
        await root("PUT", f"{made.headers['Location']}/holdings/CBA.AX", holding)
        return str(made.body["id"])

    return io_loop.run_sync(make)


async def newest_entry(root: Client) -> dict[str, object]:
    return (await root.get(f"{ADMIN}/audit?limit=1")).body[0]


# -- Poll intervals ------------------------------------------------------------------------


async def test_an_interval_is_found_where_its_location_says(root):
    made = await root.post(INTERVALS, {"interval_minutes": 5, "reason": "  busy\nday "})

    assert made.status == 201
    assert made.headers["Location"] == f"{INTERVALS}/{made.body['id']}"
    assert (await root.get(made.headers["Location"])).body == made.body
    fixed = {name: value for name, value in made.body.items() if name not in ("id", "created_at", "effective_from")}
    assert fixed == {
        "config_type": "global",
        "target_id": None,
        "interval_minutes": 5,
        "is_active": True,
        "reason": "busy\nday",
        "created_by": "root@example.com",
        "effective_until": None,
        "expired_at": None,
    }
    assert made.body["created_at"] == made.body["effective_from"]
    entry = await newest_entry(root)
    assert (entry["actor"], entry["action"], entry["target_id"]) == (
        "root@example.com", "poll_interval.create", made.body["id"],
    )  # fmt: skip
    assert (entry["before"], entry["after"]) == (None, made.body | {"created_at": entry["after"]["created_at"],
                                                                    "effective_from": entry["after"]["effective_from"]})  # fmt: skip


async def test_a_new_interval_ends_the_one_of_its_target_alone(root, jo):
    user = {"config_type": "user", "target_id": str(jo.user.id)}
    everything = await root.post(INTERVALS, {"interval_minutes": 15, "reason": "a"})
    first = await root.post(INTERVALS, {"interval_minutes": 5, "reason": "b", **user})
    second = await root.post(INTERVALS, {"interval_minutes": 10, "reason": "c", **user})

    active = await root.get(f"{INTERVALS}?active=true")
    ended = await root.get(f"{INTERVALS}?active=false")

    assert [row["id"] for row in active.body] == [second.body["id"], everything.body["id"]]
    assert [row["id"] for row in ended.body] == [first.body["id"]]
    assert ended.body[0]["expired_at"] == second.body["created_at"]
    entry = await newest_entry(root)
    assert (entry["before"]["interval_minutes"], entry["after"]["interval_minutes"]) == (5, 10)


async def test_intervals_are_filtered_and_paged(root, jo, portfolio):
    await root.post(INTERVALS, {"interval_minutes": 1, "reason": "a"})
    for target in ({"config_type": "user", "target_id": str(jo.user.id)},
                   {"config_type": "portfolio", "target_id": portfolio}):  # fmt: skip
        assert (await root.post(INTERVALS, {"interval_minutes": 2, "reason": "b", **target})).status == 201

    by_type = await root.get(f"{INTERVALS}?config_type=user")
    by_target = await root.get(f"{INTERVALS}?target_id={portfolio}")
    page = await root.get(f"{INTERVALS}?limit=1&offset=2")

    assert [row["target_id"] for row in by_type.body] == [str(jo.user.id)]
    assert [row["config_type"] for row in by_target.body] == ["portfolio"]
    assert [row["config_type"] for row in page.body] == ["global"]
    assert page.headers["X-Total-Count"] == "3"


async def test_an_interval_is_ended_once(root):
    made = await root.post(INTERVALS, {"interval_minutes": 5, "reason": "a"})
    path = made.headers["Location"]

    ended = await root("DELETE", f"{path}?reason=enough")

    assert ended.status == 200
    assert ended.body["is_active"] is False
    assert ended.body["expired_at"] is not None
    again = await root("DELETE", path)
    assert (again.status, again.error) == (410, "gone")
    entry = await newest_entry(root)
    assert (entry["action"], entry["reason"]) == ("poll_interval.expire", "enough")
    assert (entry["before"]["is_active"], entry["after"]["is_active"]) == (True, False)


async def test_an_interval_that_begins_later_leaves_the_present_one_until_then(root):
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    present = await root.post(INTERVALS, {"interval_minutes": 5, "reason": "a"})

    later = await root.post(INTERVALS, {"interval_minutes": 10, "reason": "b", "effective_from": tomorrow})

    assert (later.status, later.body["is_active"], later.body["expired_at"]) == (201, False, None)
    assert [row["id"] for row in (await root.get(f"{INTERVALS}?active=true")).body] == [present.body["id"]]
    assert (await root("DELETE", later.headers["Location"])).status == 200
    assert (await root("DELETE", later.headers["Location"])).status == 410


@pytest.mark.parametrize("config_type", ["user", "portfolio"])
async def test_an_interval_of_what_does_not_exist_is_404(root, config_type):
    body = {"interval_minutes": 5, "reason": "a", "config_type": config_type, "target_id": str(uuid4())}

    assert (await root.post(INTERVALS, body)).status == 404
    assert (await root.get(INTERVALS)).body == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"interval_minutes": 0}, (["body", "interval_minutes"], "value_error")),
        ({"interval_minutes": 1441}, (["body", "interval_minutes"], "value_error")),
        ({"interval_minutes": "5"}, (["body", "interval_minutes"], "type_error")),
        ({"interval_minutes": 1.5}, (["body", "interval_minutes"], "type_error")),
        ({"interval_minutes": True}, (["body", "interval_minutes"], "type_error")),
        ({"reason": "  "}, (["body", "reason"], "value_error")),
        ({"reason": "x" * 501}, (["body", "reason"], "value_error")),
        ({"reason": "a\x1bb"}, (["body", "reason"], "value_error")),
        ({"config_type": "symbol"}, (["body", "config_type"], "value_error")),
        ({"config_type": "user"}, (["body", "target_id"], "missing")),
        ({"target_id": str(uuid4())}, (["body", "target_id"], "value_error")),
        ({"config_type": "user", "target_id": "1"}, (["body", "target_id"], "value_error")),
        ({"effective_from": "2030-01-01T00:00:00"}, (["body", "effective_from"], "value_error")),
        ({"effective_from": "0001-01-01T00:00:00+14:00"}, (["body", "effective_from"], "value_error")),
        ({"effective_until": "2020-01-01T00:00:00Z"}, (["body", "effective_until"], "value_error")),
        (
            {"effective_from": "2100-01-02T00:00:00Z", "effective_until": "2100-01-01T00:00:00Z"},
            (["body", "effective_until"], "value_error"),
        ),
    ],
)
async def test_a_wrong_interval_is_refused(root, change, fault):
    answer = await root.post(INTERVALS, {"interval_minutes": 5, "reason": "a", **change})

    assert answer.status == 422
    assert answer.faults == [fault]


@pytest.mark.parametrize("missing", ["interval_minutes", "reason"])
async def test_an_interval_without_a_field_is_refused(root, missing):
    body = {"interval_minutes": 5, "reason": "a"}
    del body[missing]

    assert (await root.post(INTERVALS, body)).faults == [(["body", missing], "missing")]


async def test_the_interval_in_force_is_explained(root, portfolio):
    await root.post(INTERVALS, {"interval_minutes": 7, "reason": "a quiet week"})

    answer = await root.get(f"{INTERVALS}/effective?portfolio_id={portfolio}")

    assert answer.status == 200
    assert (answer.body["interval_seconds"], answer.body["source"]) == (420, "global")
    assert [rule["interval_seconds"] for rule in answer.body["rules"] if rule["applies"]] == [420]
    assert set(answer.body["rules"][0]) == {"rule", "interval_seconds", "applies", "reason"}


async def test_the_interval_in_force_is_asked_for_one_thing(root, portfolio):
    assert (await root.get(f"{INTERVALS}/effective")).status == 422
    assert (await root.get(f"{INTERVALS}/effective?symbol=CBA.AX&portfolio_id={portfolio}")).status == 422
    assert (await root.get(f"{INTERVALS}/effective?symbol=NOPE.AX")).status == 404
    unknown = await root.get(f"{INTERVALS}/effective?portfolio_id={uuid4()}")
    assert (unknown.status, unknown.error) == (404, "unknown_portfolio")


# -- Overrides -----------------------------------------------------------------------------


async def test_an_override_is_found_where_its_location_says(root):
    made = await root.post(OVERRIDES, {**STOP, "duration_minutes": 30})

    assert made.status == 201
    assert made.headers["Location"] == f"{OVERRIDES}/{made.body['id']}"
    assert (await root.get(made.headers["Location"])).body == made.body
    assert set(made.body) == {
        "id", "override_type", "scope", "target_id", "provider_id", "symbol", "override_value", "override_price",
        "previous_price", "effective_time", "expires_at", "status", "reason", "admin_user", "created_at", "removed_at",
        "removed_by", "removed_reason",
    }  # fmt: skip
    assert (made.body["status"], made.body["admin_user"]) == ("active", "root@example.com")
    lasts = datetime.fromisoformat(made.body["expires_at"]) - datetime.fromisoformat(made.body["effective_time"])
    assert lasts == timedelta(minutes=30)
    entry = await newest_entry(root)
    assert (entry["action"], entry["target_id"], entry["before"]) == ("override.create", made.body["id"], None)


async def test_every_allowed_pair_is_taken_and_every_other_refused(root, portfolio):
    targets = {
        "global": {},
        "user": {"target_id": str(root.user.id)},
        "portfolio": {"target_id": portfolio},
        "provider": {"provider_id": "simulated"},
        "symbol": {"symbol": "cba.ax"},
    }
    values = {"force_interval": {"interval_minutes": 5}, "price": {"price": "101.250"}}
    allowed = {
        "price": {"symbol"},
        "emergency_stop": {"global"},
        "force_interval": {"global", "user", "portfolio", "symbol"},
        "disable_updates": set(targets),
    }
    for override_type, scopes in allowed.items():
        for scope, target in targets.items():
            body = {"override_type": override_type, "scope": scope, "reason": "because", "duration_minutes": 0}
            answer = await root.post(OVERRIDES, {**body, **target, **values.get(override_type, {})})
            assert answer.status == (201 if scope in scopes else 422), (override_type, scope, answer.body)
            if answer.status == 422:
                assert answer.faults == [(["body", "scope"], "value_error")]
            else:
                assert answer.body["status"] == "expired"

    listed = (await root.get(f"{OVERRIDES}?active=false&limit=500")).body
    assert len(listed) == sum(map(len, allowed.values()))
    assert (await root.get(f"{OVERRIDES}?active=true")).body == []
    by_scope = await root.get(f"{OVERRIDES}?scope=symbol&limit=2")
    assert (len(by_scope.body), by_scope.headers["X-Total-Count"]) == (2, "3")
    assert {row["symbol"] for row in by_scope.body} == {"CBA.AX"}


async def test_a_new_override_replaces_the_one_of_its_type_and_target(root):
    disabled = await root.post(OVERRIDES, {**STOP, "override_type": "disable_updates"})
    first, second = [await root.post(OVERRIDES, STOP) for _ in range(2)]

    replaced = (await root.get(first.headers["Location"])).body

    assert (replaced["status"], replaced["removed_by"]) == ("removed", "root@example.com")
    assert replaced["removed_at"] == second.body["effective_time"]
    active = await root.get(f"{OVERRIDES}?active=true")
    assert [row["id"] for row in active.body] == [second.body["id"], disabled.body["id"]]
    assert (await newest_entry(root))["before"]["id"] == first.body["id"]


async def test_an_override_is_removed_once(root):
    made = await root.post(OVERRIDES, STOP)
    path = made.headers["Location"]

    removed = await root("DELETE", f"{path}?reason=all%20well")

    assert removed.status == 200
    assert removed.body["status"] == "removed"
    assert (removed.body["removed_by"], removed.body["removed_reason"]) == ("root@example.com", "all well")
    assert removed.body["removed_at"] is not None
    assert (await root("DELETE", path)).status == 410
    entry = await newest_entry(root)
    assert (entry["action"], entry["reason"]) == ("override.remove", "all well")
    assert (entry["before"]["status"], entry["after"]["status"]) == ("active", "removed")


async def test_an_override_that_is_over_cannot_be_removed(root):
    made = await root.post(OVERRIDES, {**STOP, "duration_minutes": 0})

    assert (made.status, made.body["status"]) == (201, "expired")
    assert (await root("DELETE", made.headers["Location"])).status == 410


@pytest.mark.parametrize(
    "target",
    [
        {"scope": "user", "target_id": str(uuid4())},
        {"scope": "portfolio", "target_id": str(uuid4())},
        {"scope": "provider", "provider_id": "yahoo"},
        {"scope": "symbol", "symbol": "NOPE.AX"},
    ],
)
async def test_an_override_of_what_does_not_exist_is_404(root, target):
    answer = await root.post(OVERRIDES, {"override_type": "disable_updates", "reason": "because", **target})

    assert answer.status == 404
    assert (await root.get(OVERRIDES)).body == []


FORCED = {"override_type": "force_interval", "scope": "global", "interval_minutes": 5}
PRICED = {"override_type": "price", "scope": "symbol", "symbol": "CBA.AX", "price": "1"}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({**STOP, "reason": " ab "}, (["body", "reason"], "value_error")),
        ({**STOP, "duration_minutes": -1}, (["body", "duration_minutes"], "value_error")),
        ({**STOP, "duration_minutes": 10_081}, (["body", "duration_minutes"], "value_error")),
        ({**STOP, "price": "1"}, (["body", "price"], "value_error")),
        ({**STOP, "symbol": "CBA.AX"}, (["body", "symbol"], "value_error")),
        ({**FORCED, "interval_minutes": None}, (["body", "interval_minutes"], "missing")),
        ({**FORCED, "interval_minutes": 1441}, (["body", "interval_minutes"], "value_error")),
        ({**FORCED, "scope": "user"}, (["body", "target_id"], "missing")),
        ({**PRICED, "price": None}, (["body", "price"], "missing")),
        ({**PRICED, "price": "0"}, (["body", "price"], "value_error")),
        ({**PRICED, "price": "NaN"}, (["body", "price"], "value_error")),
        ({**PRICED, "symbol": "-"}, (["body", "symbol"], "value_error")),
        ({**PRICED, "interval_minutes": 5}, (["body", "interval_minutes"], "value_error")),
        ({**STOP, "override_type": "all"}, (["body", "override_type"], "value_error")),
    ],
)
async def test_a_wrong_override_is_refused(root, body, fault):
    answer = await root.post(OVERRIDES, {"reason": "because", **body})

    assert answer.status == 422
    assert answer.faults == [fault]


async def test_the_log_holds_after_overrides_and_intervals(root, portfolio):
    for _ in range(2):
        await root.post(OVERRIDES, {**PRICED, "reason": "halted", "price": "101.2500"})
        made = await root.post(INTERVALS, {"interval_minutes": 5, "reason": "é"})
    await root("DELETE", made.headers["Location"])

    assert queries.check_audit() is None
