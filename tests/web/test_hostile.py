"""Whatever a client sends to any call: an answer of the one shape, never a 5xx."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.web.test_portfolios import make
from web.app import api_routes
from web.openapi import document

SEED = 20_261_123
REQUESTS = 900

IDS = ["x", "", "0" * 36, "00000000-0000-0000-0000-000000000000", "%00", "%ff", "..", "CBA.AX", "9" * 300, "%E2%82%AC"]
TEXTS = [
    "", " ", "0", "-1", "1", "1e999", "NaN", "Infinity", "true", "null", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00Z", "raw", "1d", "%00", "%ff", "%ED%A0%80", "CBA.AX", "A," * 200, "x" * 3000, "00000000-0000-0000-0000-000000000000",
    "9" * 400, "'; DROP TABLE user; --", "%25", "_", "\\",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 10**17, 10**30, 1.5, 1e300, -0.0, "", "x", "0", "1.50", "-1", "NaN", "Infinity", "1e999", "AUD", "write",
    "a\u0000b", "x" * 5000, [], [1], ["A"] * 200, {}, {"a": 1}, [[[[]]]], "00000000-0000-0000-0000-000000000000", "\u202e", "CBA.AX", "\U0001f600",
]  # fmt: skip
RAW = [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'{"a":1,"a":2}', b'{"name":NaN}', b'{"quantity":1e999}', b'{"name":"\\ud800"}',
    b"[" * 5000, b'{"name":"' + b"x" * 100_000 + b'"}', b"a=b", b'"' * 99, b"symbol,quantity\n=1,\n", b"\x00" * 50,
]  # fmt: skip
KINDS = ["application/json", "APPLICATION/JSON; charset=x", "text/csv", "text/plain", "", "multipart/form-data", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]  # fmt: skip


@pytest.fixture
def kept_in(database_url: str) -> str:
    return database_url


def calls() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method.upper(), operation)
        for path, item in document(api_routes())["paths"].items()
        for method, operation in item.items()
        if not path.endswith(("/stream", "/logout"))
    ]


def fields_of(operation: dict[str, Any]) -> list[str]:
    """Return the names that the body knows."""
    schemas = document(api_routes())["components"]["schemas"]
    content = operation.get("requestBody", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return list(schemas.get(reference.rpartition("/")[2], {}).get("properties", {}))


def attacks(chance: random.Random, ids: list[str]) -> Iterator[tuple[str, str, bytes | None, dict[str, str]]]:
    known = calls()
    for _ in range(REQUESTS):
        path, method, operation = chance.choice(known)
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", chance.choice(IDS + ids * 3) or "-")
        names = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"]
        given = [
            chance.choice([*names, *names, "unknown", "_xsrf", "token"]) for _ in range(chance.choice([0, 0, 1, 2, 3]))
        ]
        if given:
            path += "?" + "&".join(f"{name}={chance.choice(TEXTS)}" for name in given)
        body: bytes | None = None
        if method in ("POST", "PUT", "PATCH"):
            body = chance.choice(RAW)
            fields = fields_of(operation)
            if fields and chance.random() < 0.7:
                sent = {name: chance.choice(VALUES) for name in fields if chance.random() < 0.8}
                body = msgspec.json.encode(sent | ({"more": 1} if chance.random() < 0.1 else {}))
        kind = chance.choice(KINDS if chance.random() < 0.3 else KINDS[:1])
        yield method, path.replace(" ", "%20"), body, {"Content-Type": kind}


async def test_no_input_to_any_call_gives_a_5xx_or_another_shape_of_error(make_user, anybody):
    mine, theirs = (await make_user("boss@example.com", "admin", "admin"), await make_user("sam@example.com"))
    ids = [(await make(user)).rpartition("/")[2] for user in (mine, theirs)]
    chance = random.Random(SEED)
    statuses: dict[int, int] = {}
    for method, path, body, headers in attacks(chance, ids):
        user = chance.choice([mine, mine, mine, theirs, anybody, anybody.with_token("x")])
        answer = await user(method, path, body=body, **headers)

        said = f"{method} {path} {body!r:.200} {headers} → {answer.status} {answer.body!r:.300}"
        assert answer.status < 500, said
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        if answer.status >= 400:
            assert answer.headers["Content-Type"] == "application/json", said
            assert {"detail", "error"} == set(answer.body), said
            if answer.status == 422:
                assert all(set(fault) == {"loc", "msg", "type"} for fault in answer.body["detail"]), said
            else:
                assert isinstance(answer.body["detail"], str), said
    assert {200, 400, 401, 404, 415, 422} <= set(statuses)
