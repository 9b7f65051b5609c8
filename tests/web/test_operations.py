"""What operators and developers look at."""

from __future__ import annotations

import pytest

from web.app import api_routes
from web.openapi import document
from web.operation import operations_of


async def test_a_running_server_is_alive_and_ready(anybody):
    assert (await anybody.get("/healthz")).body == {"status": "alive"}
    assert (await anybody.get("/readyz")).body == {"status": "ready"}


async def test_the_metrics_count_requests_actors_streams_and_providers(jo, anybody):
    await jo.get("/api/v1/auth/me")

    answer = await anybody.get("/metrics")

    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    text = answer.body.decode()
    assert 'market_http_requests_total{handler="MeHandler",method="GET",status="200"} 1.0' in text
    assert 'market_actor_up{actor="store"} 1.0' in text
    assert 'market_actor_inbox_messages{actor="quotes"}' in text
    assert "market_streams 0.0" in text
    assert 'market_provider_active{provider="simulated"} 1.0' in text
    assert "market_loop_lag_seconds" in text
    assert text.endswith("# EOF\n")


async def test_a_client_cannot_make_metrics_of_its_own(anybody):
    for method in ("BREW", "WHEN"):
        assert (await anybody(method, "/healthz")).status == 405

    text = (await anybody.get("/metrics")).body.decode()

    assert 'market_http_requests_total{handler="HealthHandler",method="other",status="405"} 2.0' in text
    assert "BREW" not in text


async def test_the_document_is_served_to_anybody(anybody):
    answer = await anybody.get("/api/v1/openapi.json")

    assert answer.body == document(api_routes())


async def test_the_pages_of_the_interface_load_nothing_from_elsewhere(anybody):
    page = await anybody.get("/docs")

    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert b"http" not in page.body
    for path in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert (await anybody.get(f"/docs/{path}")).status == 200
    assert (await anybody.get("/docs/index.html")).status == 404


def references(value):
    if isinstance(value, dict):
        yield from (text for key, text in value.items() if key == "$ref")
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_every_route_is_documented_and_every_reference_leads_somewhere():
    described = document(api_routes())

    routes = api_routes()
    assert len(described["paths"]) == len(routes)
    for route in routes:
        assert operations_of(route.handler_class), route
    found = {reference.rpartition("/")[2] for reference in references(described)}
    assert found <= set(described["components"]["schemas"])
    ids = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


def test_the_document_knows_both_answers_of_a_call_that_has_two():
    paths = document(api_routes())["paths"]

    put = paths["/api/v1/portfolios/{portfolio_id}/holdings/{symbol}"]["put"]["responses"]
    assert put["200"]["content"] == put["201"]["content"]
    history = paths["/api/v1/market-data/prices/{symbol}/history"]["get"]["responses"]["200"]
    assert len(history["content"]["application/json"]["schema"]["anyOf"]) == 2


@pytest.mark.parametrize(
    ("path", "method"),
    [(path, method) for path, item in document(api_routes())["paths"].items() for method in item if method != "get"],
)
def test_every_body_has_an_example(path, method):
    described = document(api_routes())
    body = described["paths"][path][method].get("requestBody")
    if body is None:
        return
    (content,) = body["content"].values()
    schema = content.get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    assert (
        "example" in content or name in ("SignInBody", "Setup") or described["components"]["schemas"][name]["examples"]
    )


async def test_also_a_call_that_anybody_may_make_refuses_what_it_does_not_know(anybody):
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"):
        for name in ("link", "ticket", "more"):
            answer = await anybody.get(f"{path}?{name}=x")
            assert (answer.status, answer.faults) == (422, [(["query", name], "unknown_field")])
