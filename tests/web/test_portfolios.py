"""Portfolios and holdings over HTTP: what is stored comes back, exactly, and only to whose it is."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.web.conftest import Client

PORTFOLIOS = "/api/v1/portfolios"
HOLDING = {"quantity": "120", "average_cost": "98.40", "currency": "AUD"}


@pytest.fixture
def kept_in(database_url: str) -> str:
    return database_url


async def make(user: Client, name: str = "Savings", currency: str = "AUD") -> str:
    answer = await user.post(PORTFOLIOS, {"name": name, "base_currency": currency})
    assert answer.status == 201, answer.body
    return f"{PORTFOLIOS}/{answer.body['id']}"


async def test_a_new_portfolio_is_found_where_its_location_says(jo):
    made = await jo.post(PORTFOLIOS, {"name": " Savings ", "base_currency": "aud"})

    assert made.status == 201
    found = await jo.get(made.headers["Location"])
    assert found.body == made.body
    assert set(found.body) == {"id", "name", "base_currency", "created_at", "updated_at", "holding_count"}
    assert (found.body["name"], found.body["base_currency"], found.body["holding_count"]) == ("Savings", "AUD", 0)
    assert found.body["created_at"].endswith("Z")


async def test_portfolios_are_listed_newest_first_a_slice_at_a_time(jo):
    for name in "abc":
        await make(jo, name)

    page = await jo.get(f"{PORTFOLIOS}?limit=2&offset=1")

    assert [row["name"] for row in page.body] == ["b", "a"]
    assert page.headers["X-Total-Count"] == "3"


async def test_a_change_of_one_field_leaves_the_other(jo):
    path = await make(jo)

    changed = await jo("PATCH", path, {"name": "Pension"})

    assert changed.status == 200
    assert (changed.body["name"], changed.body["base_currency"]) == ("Pension", "AUD")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_portfolio_of_another_user_does_not_exist(jo, sam, method):
    path = await make(jo)
    body = {"name": "Mine"} if method == "PATCH" else None

    theirs = await sam(method, path, body)
    nobodys = await sam(method, f"{PORTFOLIOS}/{uuid4()}", body)

    assert theirs.status == nobodys.status == 404
    assert theirs.body["error"] == nobodys.body["error"] == "unknown_portfolio"
    assert (await jo.get(path)).body["name"] == "Savings"


async def test_a_removed_portfolio_is_gone_with_its_holdings(jo):
    path = await make(jo)
    await jo("PUT", f"{path}/holdings/CBA.AX", HOLDING)

    assert (await jo("DELETE", path)).status == 204

    for below in ("", "/holdings", "/valuation", "/history", "/links"):
        assert (await jo.get(path + below)).status == 404


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, [(["body", "base_currency"], "missing"), (["body", "name"], "missing")]),
        ({"name": "", "base_currency": "AUD"}, [(["body", "name"], "value_error")]),
        ({"name": "x" * 201, "base_currency": "AUD"}, [(["body", "name"], "value_error")]),
        ({"name": "a\nb", "base_currency": "AUD"}, [(["body", "name"], "value_error")]),
        (
            {"name": 1, "base_currency": "XXX"},
            [(["body", "base_currency"], "value_error"), (["body", "name"], "value_error")],
        ),
        ({"name": "a", "base_currency": "AUD", "id": 1}, [(["body", "id"], "unknown_field")]),
        ({"name": None, "base_currency": "AUD"}, [(["body", "name"], "value_error")]),
    ],
)
async def test_every_wrong_field_of_a_portfolio_is_named(jo, body, faults):
    answer = await jo.post(PORTFOLIOS, body)

    assert answer.status == 422
    assert answer.error == "validation_error"
    assert sorted(answer.faults) == faults


async def test_a_holding_comes_back_with_the_digits_it_was_given(jo):
    path = await make(jo)

    new = await jo("PUT", f"{path}/holdings/cba.ax", {**HOLDING, "average_cost": "123.456700"})
    numbers = b'{"quantity": 0.100000000000, "average_cost": 1e2, "currency": "AUD"}'
    changed = await jo("PUT", f"{path}/holdings/CBA.AX", body=numbers, Content_Type="application/json; charset=utf-8")

    assert new.status == 201
    assert new.body["symbol"] == "CBA.AX"
    assert new.body["average_cost"] == "123.456700"
    assert changed.status == 200
    assert (changed.body["quantity"], changed.body["average_cost"]) == ("0.100000000000", "100")
    listed = await jo.get(f"{path}/holdings")
    assert listed.body == [changed.body]
    assert listed.headers["X-Total-Count"] == "1"


@pytest.mark.parametrize(
    "quantity",
    [
        "0",
        "-1",
        "NaN",
        "Infinity",
        "1e999",
        "1" * 29,
        "0.0000000000001",
        "",
        " 1",
        "1_0",
        "١",
        None,
        True,
        [],
        {},
        1e30,
    ],
)
async def test_an_impossible_quantity_is_refused(jo, quantity):
    path = await make(jo)

    answer = await jo("PUT", f"{path}/holdings/CBA.AX", {**HOLDING, "quantity": quantity})

    assert answer.status == 422
    assert [loc for loc, _ in answer.faults] == [["body", "quantity"]]
    assert (await jo.get(f"{path}/holdings")).body == []


async def test_a_malformed_symbol_in_a_path_is_not_found(jo):
    path = await make(jo)

    for symbol in ("-A", "A" * 21, "A%20B", "%00", "Ä"):
        answer = await jo("PUT", f"{path}/holdings/{symbol}", HOLDING)
        assert (answer.status, answer.error) == (404, "unknown_symbol")


async def test_what_is_held_no_more_can_be_removed_once(jo):
    path = await make(jo)
    await jo("PUT", f"{path}/holdings/CBA.AX", HOLDING)

    assert (await jo("DELETE", f"{path}/holdings/CBA.AX")).status == 204
    assert (await jo("DELETE", f"{path}/holdings/CBA.AX")).status == 404


async def test_a_valuation_names_what_has_no_price(jo):
    path = await make(jo)
    await jo("PUT", f"{path}/holdings/CBA.AX", HOLDING)

    valuation = await jo.get(f"{path}/valuation")

    assert valuation.status == 200
    assert valuation.body["portfolio_id"] == path.rpartition("/")[2]
    named = [row["symbol"] for row in valuation.body["holdings"]] + [
        row["symbol"] for row in valuation.body["unpriced"]
    ]
    assert named == ["CBA.AX"]
    assert valuation.body["partial"] is bool(valuation.body["unpriced"])


async def test_a_valuation_of_another_user_does_not_exist(jo, sam):
    path = await make(jo)
    await jo.get(f"{path}/valuation")

    assert (await sam.get(f"{path}/valuation")).status == 404
    assert (await jo.get(f"{PORTFOLIOS}/{uuid4()}/valuation")).status == 404


async def test_the_history_of_a_portfolio_is_a_list(jo):
    path = await make(jo)

    answer = await jo.get(f"{path}/history?interval=1h&start=2026-01-01T00:00:00%2B10:00&limit=10")

    assert answer.status == 200
    assert answer.body == []


async def test_a_link_opens_one_valuation_and_nothing_else(jo, anybody):
    path, other = await make(jo), await make(jo, "Other")

    made = await jo.post(f"{path}/links", {"expires_in_days": 1})

    assert made.status == 201
    assert set(made.body) == {"id", "url", "token", "expires_at"}
    assert made.body["url"].startswith(f"{anybody.origin}/?link={made.body['token']}")
    link = f"?link={made.body['token']}"
    assert (await anybody.get(f"{path}/valuation{link}")).status == 200
    for elsewhere in (f"{other}/valuation", path, f"{path}/holdings", PORTFOLIOS, "/api/v1/auth/me"):
        assert (await anybody.get(elsewhere + link)).status == 403
    assert (await anybody.post(f"{PORTFOLIOS}{link}", {"name": "a", "base_currency": "AUD"})).status == 403
    listed = await jo.get(f"{path}/links")
    assert [row["id"] for row in listed.body] == [made.body["id"]]
    assert "token" not in listed.body[0]

    assert (await jo("DELETE", f"{path}/links/{made.body['id']}")).status == 204
    assert (await anybody.get(f"{path}/valuation{link}")).status == 401
    assert (await jo("DELETE", f"{path}/links/{made.body['id']}")).status == 404
