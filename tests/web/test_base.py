"""What all calls have in common: errors, limits, origins, headers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from market_actors.messages import CountStreams
from market_actors.settings import Settings
from web.gateway import ask
from web.identity import authenticate

ME = "/api/v1/auth/me"
PORTFOLIOS = "/api/v1/portfolios"
STREAM = "/api/v1/market-data/stream"
LIMIT = 40


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, api_rate_limit=LIMIT, cors_origins=("https://shop.example",))


async def test_an_answer_is_json_nobody_sniffs_or_keeps(jo):
    answer = await jo.get(PORTFOLIOS)

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-cache" in answer.headers["Cache-Control"]
    assert len(answer.headers["X-Request-Id"]) == 16


async def test_a_path_that_is_none_is_404_as_json(jo, anybody):
    for user in (jo, anybody):
        for method in ("GET", "POST", "BREW"):
            answer = await user(method, "/api/v1/nothing")
            assert (answer.status, answer.error) == (404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "PROPFIND"])
async def test_a_method_that_a_path_does_not_know_is_405_and_says_which_it_does(jo, method):
    answer = await jo(method, PORTFOLIOS)

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, POST"
    if method != "HEAD":
        assert answer.error == "method_not_allowed"


async def test_an_id_that_is_no_uuid_is_422_and_one_of_nothing_404(jo):
    for path in ("x", "00000000000000000000000000000000", f"{{{uuid4()}}}", "1" * 400):
        answer = await jo.get(f"{PORTFOLIOS}/{path}")
        assert (answer.status, answer.faults) == (422, [(["path", "portfolio_id"], "value_error")])
    assert (await jo.get(f"{PORTFOLIOS}/{uuid4()}")).status == 404


async def test_bytes_that_are_no_utf8_are_malformed(jo):
    for path in (f"{PORTFOLIOS}/%ff", f"{PORTFOLIOS}?limit=%ff", "/api/v1/market-data/prices/%c3/history"):
        answer = await jo.get(path)
        assert (answer.status, answer.error) == (400, "malformed")
        assert set(answer.body) == {"detail", "error"}


async def test_a_call_that_takes_no_body_refuses_what_one_holds(jo):
    for method, path in [("POST", "/api/v1/auth/stream-ticket"), ("DELETE", f"{PORTFOLIOS}/{uuid4()}"), ("GET", ME)]:
        answer = await jo(method, path, {"more": 1})
        assert (answer.status, answer.faults) == (422, [(["body", "more"], "unknown_field")])
        broken = await jo(method, path, body=b"\xff", Content_Type="application/json")
        assert (broken.status, broken.error) == (400, "malformed")
        assert (await jo(method, path, body=b"x", Content_Type="text/plain")).status == 415
    assert (await jo.post("/api/v1/auth/stream-ticket", {})).status == 201


async def test_a_body_of_another_kind_is_415(jo):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
        answer = await jo("POST", PORTFOLIOS, body=b"{}", Content_Type=kind)
        assert (answer.status, answer.error) == (415, "unsupported_media_type")


async def test_an_empty_or_broken_body_is_malformed(jo):
    for body in (b"", b"{", b'{"name": "a", "name": "b"}'):
        answer = await jo("POST", PORTFOLIOS, body=body, Content_Type="application/json")
        assert (answer.status, answer.error) == (400, "malformed")


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 5 * 1024 * 1024, 20 * 1024 * 1024])
async def test_a_body_above_a_mebibyte_is_413_however_large(jo, size):
    answer = await jo("POST", PORTFOLIOS, body=b" " * size, Content_Type="application/json")

    assert (answer.status, answer.error) == (413, "too_large")


@pytest.mark.parametrize("length", [2**28 + 1, 999_999_999_999, int("9" * 40)])
async def test_a_body_that_is_too_large_to_be_read_is_413_before_it_comes(server, length):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
    writer.write(
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n{" % length
    )
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"error":"too_large"' in answer


@pytest.mark.parametrize("body", [b"x", b"--b\r\n\r\nx", b""])
async def test_a_form_is_another_content_type_however_it_is_made(jo, body):
    answer = await jo("POST", PORTFOLIOS, body=body, Content_Type="multipart/form-data; boundary=b")

    assert (answer.status, answer.error) == (415, "unsupported_media_type")


async def test_a_body_of_a_mebibyte_is_read(jo):
    body = json.dumps({"name": "a", "base_currency": "AUD"}).encode().ljust(1024 * 1024)

    assert (await jo("POST", PORTFOLIOS, body=body, Content_Type="application/json")).status == 201


async def test_a_body_sent_in_chunks_is_measured_too(jo, server):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
    writer.write(
        b"POST /api/v1/portfolios HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/json\r\nConnection: close\r\n\r\n"
    )
    for _ in range(32):
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
    writer.write(b"0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"error":"too_large"' in answer


async def test_each_credential_has_its_own_allowance_and_is_told_what_is_left(jo, sam):
    first = await jo.get(ME)
    assert first.headers["X-RateLimit-Limit"] == str(LIMIT)
    assert first.headers["X-RateLimit-Remaining"] == str(LIMIT - 1)
    assert 0 < int(first.headers["X-RateLimit-Reset"]) <= 60

    missing = await jo.get(f"{PORTFOLIOS}/{uuid4()}")
    assert missing.headers["X-RateLimit-Remaining"] == str(LIMIT - 2)
    for _ in range(LIMIT - 2):
        assert (await jo.get(ME)).status == 200

    refused = await jo.get(ME)
    assert (refused.status, refused.error) == (429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert (await sam.get(ME)).status == 200


async def test_only_listed_origins_may_read_answers(jo, anybody):
    listed = await jo.get(ME, Origin="https://shop.example")
    refused = await anybody.get(ME, Origin="https://shop.example")
    other = await jo.get(ME, Origin="https://shop.example.evil")

    for answer in (listed, refused):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Origin" not in other.headers
    assert {answer.headers["Vary"] for answer in (listed, refused, other)} == {"Origin"}


async def test_a_preflight_needs_no_credential(anybody):
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}

    listed = await anybody("OPTIONS", PORTFOLIOS, Origin="https://shop.example", **asked)
    other = await anybody("OPTIONS", PORTFOLIOS, Origin="https://evil.example", **asked)

    assert listed.status == other.status == 204
    assert listed.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
    assert "Authorization" in listed.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Methods" not in other.headers


async def test_a_question_that_nobody_answers_is_503_while_its_actor_is_down(jo, market):
    await asyncio.wrap_future(market.quotes.stop().outcome)
    market.system._stopping = True  # so that it stays down

    answer = await jo.get("/api/v1/market-data/prices?symbols=CBA.AX")

    assert (answer.status, answer.error) == (503, "actor_down")
    assert answer.headers["Retry-After"] == "1"
    assert (await jo.get("/readyz")).status == 503
    assert (await jo.get("/healthz")).status == 200
    status = await jo.get("/api/v1/market-data/status")
    assert status.body["system_status"]["status"] == "down"


async def test_our_own_mistake_is_a_500_that_tells_nothing_but_is_logged(jo, monkeypatch, caplog):
    monkeypatch.setattr("web.auth.UserAnswer.of", lambda user: 1 / 0)

    answer = await jo.get(ME)

    assert answer.status == 500
    assert answer.body == {
        "detail": "Internal Server Error",
        "error": "internal_error",
        "request_id": answer.headers["X-Request-Id"],
    }
    assert answer.headers["X-Request-Id"] in caplog.text
    assert jo.token not in caplog.text
    caplog.clear()


@pytest.mark.parametrize(
    "target",
    [b"/api/v1/\xff", b"/api/v1/market-data/prices/\xff", b"/api/v1/market-data/symbols?query=\xff", b"/nothing/%ff"],
)
async def test_raw_bytes_that_are_no_utf8_are_malformed_too(server, target):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.origin.rpartition(":")[2]))
    writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_stop_and_the_streams_respect_a_request_that_is_being_looked_at(server, jo, monkeypatch):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(*given, **named):
        begun.set()
        await go_on.wait()
        return await authenticate(*given, **named)

    monkeypatch.setattr("web.base.authenticate", slowly)
    answer = asyncio.ensure_future(jo.get(ME))
    await begun.wait()
    idle = asyncio.ensure_future(server.application.idle())
    await ask(server.market.connections, CountStreams())
    assert not idle.done()
    assert server.fanout._waiting() == 1

    go_on.set()
    assert (await answer).status == 200
    await idle
    assert server.fanout._waiting() == 0


@pytest.mark.parametrize("path", [ME, "/api/v1/nothing", f"{PORTFOLIOS}?limit=x"])
async def test_no_request_is_under_way_for_ever(server, jo, anybody, path):
    for user in (jo, anybody):
        for method in ("GET", "POST", "OPTIONS", "HEAD"):
            await user(method, path)

    await server.application.idle()


async def test_a_stop_does_not_wait_for_streams_or_for_who_has_gone(server, jo):
    port = urlsplit(jo.origin).port
    head = f"GET {STREAM} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {jo.token}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    assert await reader.readuntil(b"connection_status")
    _, gone = await asyncio.open_connection("127.0.0.1", port)
    gone.write(head)
    gone.transport.abort()
    await jo.get(ME)

    await server.application.idle()
    writer.close()
