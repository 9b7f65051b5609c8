"""Administration over HTTP: who may come in, accounts, providers, streams, what is held back, and the log."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from market_actors.credentials import digest, new_secret
from market_actors.domain.quote import Quote
from market_actors.messages import ListQuarantine, QuotesFetched
from market_actors.stored import CreateToken
from persistence import queries
from tests.web.conftest import PASSWORD, Client, cookies
from web.app import api_routes
from web.gateway import ask
from web.operation import operations_of

ADMIN = "/api/v1/admin"
CALLS = sorted(
    (method, re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", spec.regex.pattern.rstrip("$")).replace("\\", ""))
    for spec in api_routes()
    if ADMIN in spec.regex.pattern
    for method in operations_of(spec.handler_class)
)


def filled(path: str) -> str:
    """The path with an id, a symbol and a name that could be."""
    return re.sub(r"\{(\w+)\}", lambda group: str(uuid4()) if group[1].endswith("_id") else "CBA.AX", path)


@pytest.fixture
def root(io_loop, make_user) -> Client:
    """An administrator with a token of the scope admin."""
    return io_loop.run_sync(lambda: make_user("root@example.com", "admin", "admin"))


async def entries(root: Client, **filters: str) -> list[dict[str, object]]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    answer = await root.get(f"{ADMIN}/audit?{query}")
    assert answer.status == 200, answer.body
    return answer.body


# -- Who may -------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_only_an_administrator_with_the_scope_admin_comes_in(anybody, jo, make_user, method, path):
    weak = await make_user("weak@example.com", "admin", "write")

    for client, status in ((anybody, 401), (jo, 403), (weak, 403)):
        answer = await client(method, filled(path))
        assert answer.status == status, answer.body
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_a_token_of_scope_admin_is_worth_nothing_to_a_user(make_user):
    pretender = await make_user("jo@example.com", "user", "admin")

    assert (await pretender.get(f"{ADMIN}/users")).status == 403


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_an_unknown_parameter_is_refused(root, method, path):
    body = {} if method in ("POST", "PATCH") else None

    answer = await root(method, f"{filled(path)}?surprise=1", body)

    assert answer.status == 422
    assert (["query", "surprise"], "unknown_field") in answer.faults


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[0] in ("POST", "PATCH")])
async def test_an_unknown_field_is_refused(root, method, path):
    answer = await root(method, filled(path), {"surprise": 1})

    assert answer.status == 422
    assert (["body", "surprise"], "unknown_field") in answer.faults


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if "_id}" in call[1]])
async def test_an_id_that_is_none_is_422_and_one_of_nothing_404(root, method, path):
    body = {"reason": "why"} if method == "PATCH" else None

    impossible = await root(method, re.sub(r"\{\w+\}", "1", path), body)
    missing = await root(method, filled(path), body)

    assert (impossible.status, missing.status) == (422, 404)


@pytest.mark.parametrize("path", sorted({path for method, path in CALLS if method == "GET" and "{" not in path}))
async def test_a_list_takes_a_limit_and_tells_its_length(root, path):
    if path.endswith(("/effective", "/api-usage", "/api-usage/export")):
        return

    answer = await root.get(f"{path}?limit=1&offset=0")

    assert answer.status == 200
    assert len(answer.body) <= 1
    assert int(answer.headers["X-Total-Count"]) >= len(answer.body)
    assert answer.headers["Cache-Control"] == "no-cache"
    assert (await root.get(f"{path}?limit=501")).status == 422


# -- Accounts ------------------------------------------------------------------------------


async def test_an_account_without_a_password_opens_by_a_link_that_is_good_once(root, anybody):
    made = await root.post(f"{ADMIN}/users", {"email": "New@example.com", "role": "user", "reason": "joined"})

    assert made.status == 201
    assert (await root.get(made.headers["Location"])).body["email"] == "New@example.com"
    token = made.body["sign_in_url"].partition("?token=")[2]
    xsrf = cookies(await anybody.get("/sign-in"))["_xsrf"]
    headers = {"Cookie": f"_xsrf={xsrf}", "X_XSRFToken": xsrf}
    assert (await anybody.post("/api/v1/auth/sign-in", {"token": token}, **headers)).status == 204
    assert (await anybody.post("/api/v1/auth/sign-in", {"token": token}, **headers)).status == 404


async def test_an_account_with_a_password_signs_in_and_shows_no_link(root, anybody):
    made = await root.post(f"{ADMIN}/users", {"email": "new@example.com", "role": "user", "password": PASSWORD})

    assert made.status == 201
    assert set(made.body) == {"id", "email", "role", "is_active", "created_at", "last_sign_in_at"}
    assert (await anybody.post("/api/v1/auth/login", {"email": "new@example.com", "password": PASSWORD})).status == 200
    assert (await root.post(f"{ADMIN}/users", {"email": "NEW@example.com", "role": "user"})).status == 409


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"role": "user"}, (["body", "email"], "missing")),
        ({"email": "nobody"}, (["body", "email"], "value_error")),
        ({"email": "a@b.c", "role": "root"}, (["body", "role"], "value_error")),
        ({"email": "a@b.c", "password": "short"}, (["body", "password"], "value_error")),
        ({"email": "a@b.c", "reason": " "}, (["body", "reason"], "value_error")),
    ],
)
async def test_a_wrong_account_is_refused(root, body, fault):
    answer = await root.post(f"{ADMIN}/users", body)

    assert answer.status == 422
    assert answer.faults == [fault]


async def test_a_change_of_an_account_needs_a_reason(root, jo):
    answer = await root("PATCH", f"{ADMIN}/users/{jo.user.id}", {"role": "admin"})

    assert answer.status == 422
    assert answer.faults == [(["body", "reason"], "missing")]


async def test_what_an_administrator_loses_counts_at_once(root, market, make_user):
    other = await make_user("other@example.com", "admin", "admin")
    path = f"{ADMIN}/users/{other.user.id}"

    assert (await root("PATCH", path, {"role": "user", "reason": "moved"})).body["role"] == "user"
    assert (await other.get(f"{ADMIN}/users")).status == 403
    assert (await other.get("/api/v1/auth/me")).status == 200
    assert (await root("PATCH", path, {"is_active": False, "reason": "left"})).body["is_active"] is False
    assert (await other.get("/api/v1/auth/me")).status == 401
    newest, before = (await entries(root, target_id=str(other.user.id)))[:2]
    assert (newest["actor"], newest["action"], newest["reason"]) == ("root@example.com", "user.update", "left")
    assert (newest["before"]["is_active"], newest["after"]["is_active"]) == (True, False)
    assert (before["before"]["role"], before["after"]["role"]) == ("admin", "user")


@pytest.mark.parametrize("change", [{"role": "user"}, {"is_active": False}])
async def test_the_last_administrator_stays(root, make_user, change):
    path = f"{ADMIN}/users/{root.user.id}"

    refused = await root("PATCH", path, {**change, "reason": "oops"})

    assert (refused.status, refused.error) == (409, "conflict")
    await make_user("second@example.com", "admin", "admin")
    assert (await root("PATCH", path, {**change, "reason": "now there is another"})).status == 200


async def test_a_new_password_ends_the_sessions_and_leaves_the_tokens(root, jo, anybody):
    xsrf = cookies(await anybody.get("/sign-in"))["_xsrf"]
    headers = {"Cookie": f"_xsrf={xsrf}", "X_XSRFToken": xsrf}
    login = {"email": "jo@example.com", "password": PASSWORD, "session": True}
    session = cookies(await anybody.post("/api/v1/auth/login", login, **headers))["session"]
    assert (await anybody.get("/api/v1/auth/me", Cookie=f"session={session}")).status == 200

    changed = await root(
        "PATCH", f"{ADMIN}/users/{jo.user.id}", {"password": "another long password", "reason": "lost"}
    )

    assert changed.status == 200
    assert (await anybody.get("/api/v1/auth/me", Cookie=f"session={session}")).status == 401
    assert (await jo.get("/api/v1/auth/me")).status == 200
    assert (await anybody.post("/api/v1/auth/login", {**login, "session": False})).status == 401
    assert "another long password" not in str(await entries(root))


# -- Providers -----------------------------------------------------------------------------


async def test_a_provider_shows_what_is_set_above_the_settings(root):
    path = f"{ADMIN}/providers/simulated"
    before = (await root.get(path)).body
    change = {"priority": 7, "calls_per_day": 25, "reset_timezone": "Australia/Sydney", "exchanges": ["XNYS", "XASX"]}

    changed = await root("PATCH", path, {**change, "cost_per_call": "0.010", "reason": "a trial"})

    assert changed.status == 200
    shown = {**change, "cost_per_call": "0.010", "exchanges": ["XASX", "XNYS"]}
    assert {name: changed.body[name] for name in shown} == shown
    assert (await root.get(path)).body == changed.body == (await root.get(f"{ADMIN}/providers")).body[0]
    reset = await root("PATCH", path, {**dict.fromkeys(shown), "reason": "back"})
    assert {name: reset.body[name] for name in shown} == {name: before[name] for name in shown}
    newest = (await entries(root, action="provider.update"))[0]
    assert (newest["target_id"], newest["before"]["priority"], newest["after"]["priority"]) == ("simulated", 7, None)


async def test_a_provider_that_is_switched_off_says_so(root):
    changed = await root("PATCH", f"{ADMIN}/providers/simulated", {"enabled": False, "reason": "too loud"})

    assert (changed.body["enabled"], changed.body["status"]) == (False, "disabled")


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"enabled": None}, ["body", "enabled"]),
        ({"priority": 0}, ["body", "priority"]),
        ({"calls_per_minute": 0}, ["body", "calls_per_minute"]),
        ({"calls_per_day": -1}, ["body", "calls_per_day"]),
        ({"reset_timezone": "Mars/Olympus"}, ["body", "reset_timezone"]),
        ({"exchanges": ["XASX", "XXXX"]}, ["body", "exchanges", 1]),
        ({"monthly_cost": "-1"}, ["body", "monthly_cost"]),
        ({"api_key": "secret"}, ["body", "api_key"]),
    ],
)
async def test_a_wrong_change_of_a_provider_is_refused(root, change, loc):
    answer = await root("PATCH", f"{ADMIN}/providers/simulated", {**change, "reason": "a trial"})

    assert answer.status == 422
    assert [at for at, _ in answer.faults] == [loc]


async def test_a_provider_that_is_not_configured_is_not_found(root):
    for method, body in (("GET", None), ("PATCH", {"enabled": False, "reason": "why"})):
        assert (await root(method, f"{ADMIN}/providers/yahoo", body)).status == 404


# -- Prices held back ----------------------------------------------------------------------


def quote(price: str) -> Quote:
    now = datetime.now(UTC)
    return Quote("XYZ.AX", "simulated", Decimal(price), "AUD", now, now, exchange="XASX")


async def held_back(market) -> None:
    for price in ("10", "1000"):
        market.quotes.tell(QuotesFetched("simulated", (quote(price),), frozenset()))
    assert [held.symbol for held in await ask(market.quotes, ListQuarantine())] == ["XYZ.AX"]


@pytest.mark.parametrize(("decision", "shown"), [("accept", "1000"), ("reject", "10")])
async def test_a_price_that_is_held_back_is_decided_on_once(root, market, decision, shown):
    await held_back(market)
    listed = await root.get(f"{ADMIN}/quarantine")

    decided = await root.post(f"{ADMIN}/quarantine/xyz.ax", {"decision": decision, "reason": "looked it up"})

    assert decided.status == 200
    assert listed.body == [decided.body]
    assert (decided.body["held_price"], decided.body["last_good_price"]) == ("1000", "10")
    price = await root.get("/api/v1/market-data/prices?symbols=XYZ.AX")
    assert price.body[0]["current_price"] == shown
    assert (await root.get(f"{ADMIN}/quarantine")).body == []
    assert (await root.post(f"{ADMIN}/quarantine/XYZ.AX", {"decision": decision})).status == 404
    (entry,) = await entries(root, target_id="XYZ.AX")
    assert (entry["action"], entry["reason"]) == (f"quarantine.{decision}", "looked it up")
    assert entry["before"]["held_price"] == "1000"


async def test_a_decision_is_one_of_two(root):
    answer = await root.post(f"{ADMIN}/quarantine/XYZ.AX", {"decision": "maybe"})

    assert answer.status == 422
    assert answer.faults == [(["body", "decision"], "value_error")]


# -- What runs, and the log ----------------------------------------------------------------


async def test_every_actor_is_shown_with_its_state(root):
    actors = (await root.get(f"{ADMIN}/actors")).body

    assert [actor["name"] for actor in actors] == sorted(actor["name"] for actor in actors)
    assert {"store", "scheduler", "quotes", "fetcher"} <= {actor["kind"] for actor in actors}
    assert set(actors[0]) == {"name", "kind", "state", "restarts", "last_error", "inbox", "node"}
    assert {actor["state"] for actor in actors} == {"running"}


async def test_the_log_is_filtered_and_paged(root, jo):
    for role in ("admin", "user"):
        assert (
            await root("PATCH", f"{ADMIN}/users/{jo.user.id}", {"role": role, "reason": f"to {role}"})
        ).status == 200

    found = await entries(root, actor="root@example.com")
    assert [entry["reason"] for entry in found] == ["to user", "to admin"]
    assert [entry["reason"] for entry in await entries(root, actor="root@example.com", limit="1", offset="1")] == [
        "to admin"
    ]
    assert await entries(root, action="user.create", target_id=str(jo.user.id), end=found[1]["at"])
    assert await entries(root, start=found[0]["at"]) == found[:1]
    assert await entries(root, actor="nobody@example.com") == []
    assert set(found[0]) == {
        "id", "at", "actor", "action", "target_type", "target_id", "reason", "before", "after", "hash",
    }  # fmt: skip
    backwards = await root.get(f"{ADMIN}/audit?start=2026-02-01T00:00:00Z&end=2026-01-01T00:00:00Z")
    assert backwards.faults == [(["query", "start"], "value_error")]


async def test_the_chain_of_the_log_holds_after_changes_of_every_kind(root, jo, market):
    await held_back(market)
    secret = new_secret()
    await ask(market.store, CreateToken(jo.user.id, "t", "read", digest(secret), None, datetime.now(UTC)))
    for method, path, body in (
        ("POST", "poll-intervals", {"interval_minutes": 5, "reason": "busy"}),
        ("POST", "overrides", {"override_type": "price", "scope": "symbol", "symbol": "XYZ.AX", "price": "10.50",
                               "reason": "halted"}),
        ("POST", "quarantine/XYZ.AX", {"decision": "reject"}),
        ("PATCH", "providers/simulated", {"cost_per_call": "0.0100", "reason": "a trial"}),
        ("PATCH", f"users/{jo.user.id}", {"password": "another long password", "reason": "lost it – süß"}),
    ):  # fmt: skip
        assert (await root(method, f"{ADMIN}/{path}", body)).status in (200, 201)

    assert queries.check_audit() is None
