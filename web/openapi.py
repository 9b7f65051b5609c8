"""The OpenAPI document, made of the URL table, the handlers' operations and the schemas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from tornado.routing import URLSpec

from market_actors import __version__
from web.fields import Symbol
from web.operation import JSON, NoContent, NoParameters, Operation, operations_of
from web.schemas import ErrorAnswer

REFERENCE = "#/components/schemas/{name}"
GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")
TAGS = {
    "auth": "Who is asking",
    "market-data": "Market data",
    "portfolios": "Portfolios",
    "admin": "Administration",
}
OPERATION_TAG = "Operation"
DESCRIPTION = """Prices and portfolio values, kept live.

Money, prices and quantities are decimal strings; times are ISO 8601 in UTC. What is unknown is refused.
Lists take *limit* and *offset* and tell their whole length in *X-Total-Count*."""

ERRORS = {
    400: "Malformed: no JSON, or bytes that are not UTF-8",
    401: "No good credential",
    403: "Too little right, or no XSRF header beside a cookie",
    404: "Does not exist, or is not yours",
    409: "Contradicts what is stored",
    410: "Was there, and has ended",
    413: "The body is larger than 1 MiB",
    415: "The body is of another content type",
    422: "Fields are missing, unknown or wrong",
    429: "Too much; come back after Retry-After seconds",
    503: "Not now; come back after Retry-After seconds",
    504: "No answer in time",
}

EXAMPLES: Mapping[str, Any] = {
    "Login": {"email": "jo@example.com", "password": "correct horse battery", "session": False},
    "NewToken": {"name": "report", "scope": "read", "expires_in_days": 90},
    "NewPortfolio": {"name": "Savings", "base_currency": "AUD"},
    "PortfolioChange": {"name": "Pension"},
    "NewHolding": {"quantity": "120", "average_cost": "98.40", "currency": "AUD"},
    "NewLink": {"expires_in_days": 30},
    "RefreshBody": {"symbols": ["CBA.AX", "BHP.AX"]},
    "NewPollInterval": {"interval_minutes": 5, "reason": "Results season", "config_type": "global"},
    "NewOverride": {
        "override_type": "emergency_stop",
        "scope": "global",
        "reason": "The feed is wrong",
        "duration_minutes": 30,
    },
    "Decision": {"decision": "accept", "reason": "It split ten for one"},
    "ProviderChange": {"enabled": False, "reason": "Contract ended"},
    "NewUser": {"email": "jo@example.com", "role": "user"},
    "UserChange": {"is_active": False, "reason": "Left"},
    "CsvFile": "symbol,quantity,average_cost,currency\r\nCBA.AX,120,98.40,AUD\r\n",
}


def printed(routes: Iterable[URLSpec]) -> bytes:
    """Return the document of these routes as it is read by people and machines."""
    return msgspec.json.format(msgspec.json.encode(document(routes)), indent=2)


def document(routes: Iterable[URLSpec]) -> dict[str, Any]:
    """Return the document of these routes as JSON values."""
    table = [(_path(spec.regex.pattern), spec.handler_class) for spec in routes]
    operations = [(path, method, own) for path, handler in table for method, own in operations_of(handler).items()]
    schemas, components = msgspec.json.schema_components(
        kinds := list(_kinds(own for _, _, own in operations)), schema_hook=_own_type, ref_template=REFERENCE
    )
    known = dict(zip(map(repr, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for path, method, own in operations:
        paths.setdefault(path, {})[method.lower()] = _operation(path, method, own, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "market actors",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "tags": [{"name": name} for name in (*TAGS.values(), OPERATION_TAG)],
        "paths": paths,
        "components": {
            "schemas": {name: _with_example(name, schema) for name, schema in components.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
            },
        },
    }


def _path(pattern: str) -> str:
    return re.sub(r"\\(.)", r"\1", GROUP.sub(r"{\1}", pattern.rstrip("$")))


def _kinds(operations: Iterable[Operation]) -> Iterable[Any]:
    """Yield each type that the document has a schema of, once."""
    kinds: dict[str, Any] = {repr(ErrorAnswer): ErrorAnswer, repr(Symbol): Symbol}
    for own in operations:
        if own.body is not None and own.takes == JSON:
            kinds[repr(own.body)] = own.body
        kinds |= {repr(kind): kind for kind in _answers(own)}
        for field in msgspec.structs.fields(own.query):
            kinds[repr(field.type)] = field.type
    return kinds.values()


def _answers(own: Operation) -> tuple[Any, ...]:
    """Return the types of which the answer is one; none where it is no JSON."""
    if own.answer is NoContent or isinstance(own.answer, str):
        return ()
    return own.answer if isinstance(own.answer, tuple) else (own.answer,)


def _own_type(kind: type[Any]) -> dict[str, Any]:
    return {**kind.schema, "description": kind.__doc__}


def _with_example(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "examples": [EXAMPLES[name]]} if name in EXAMPLES else schema


def _operation(path: str, method: str, own: Operation, known: Mapping[str, Any]) -> dict[str, Any]:
    tag = TAGS.get(path.removeprefix("/api/v1/").partition("/")[0], OPERATION_TAG)
    statuses = (own.status, 201) if own.creates else (own.status,)
    described: dict[str, Any] = {
        "summary": own.summary,
        "operationId": _id(path, method),
        "tags": [tag],
        "parameters": [*_in_path(path, own, known), *_in_query(own, known)],
        "responses": {str(status): _answer(own, known) for status in statuses} | _errors(own, known),
        "security": [{"bearer": [own.scope]}, {"session": []}] if own.scope else [],
    }
    if own.body is not None:
        content = {"schema": known[repr(own.body)]} if own.takes == JSON else {"example": EXAMPLES[own.body.__name__]}
        described["requestBody"] = {"required": not own.empty, "content": {own.takes: content}}
    if own.body is not None and own.body.__doc__ and own.takes == JSON:
        described["description"] = own.body.__doc__
    return described


def _id(path: str, method: str) -> str:
    words = [word for word in re.split(r"[^a-z0-9_]+", path.removeprefix("/api/v1")) if word]
    return "_".join([method.lower(), *words])


def _in_path(path: str, own: Operation, known: Mapping[str, Any]) -> list[dict[str, Any]]:
    def schema(name: str) -> Any:
        kinds = {UUID: {"type": "string", "format": "uuid"}, str: {"type": "string"}}
        return kinds.get(own.path[name], known[repr(Symbol)])

    names = re.findall(r"\{(\w+)\}", path)
    return [{"name": name, "in": "path", "required": True, "schema": schema(name)} for name in names]


def _in_query(own: Operation, known: Mapping[str, Any]) -> list[dict[str, Any]]:
    if own.query is NoParameters:
        parameters = []
    else:
        parameters = [_parameter(field, known) for field in msgspec.structs.fields(own.query)]
    for name, is_taken in (("link", own.link), ("ticket", own.ticket)):
        if is_taken:
            parameters.append(
                {
                    "name": name,
                    "in": "query",
                    "description": "a portfolio link's token" if name == "link" else "a stream ticket",
                    "schema": {"type": "string"},
                }
            )
    return parameters


def _parameter(field: msgspec.structs.FieldInfo, known: Mapping[str, Any]) -> dict[str, Any]:
    schema = dict(known[repr(field.type)])
    if "anyOf" in schema:  # null is what a missing parameter is
        schema = dict(schema["anyOf"][0])
    if not field.required and field.default not in (None, ()):
        schema["default"] = field.default
    parameter = {"name": field.encode_name, "in": "query", "required": field.required, "schema": schema}
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": False}
    return parameter


def _answer(own: Operation, known: Mapping[str, Any]) -> dict[str, Any]:
    if own.answer is NoContent:
        return {"description": "Done"}
    if isinstance(own.answer, str):
        return {"description": own.summary, "content": {own.answer: {"schema": {"type": "string"}}}}
    schemas = [known[repr(kind)] for kind in _answers(own)]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}  # an empty list is of each kind
    answer: dict[str, Any] = {"description": own.summary, "content": {JSON: {"schema": schema}}}
    if own.scope is not None:
        limits = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
        answer["headers"] = {name: {"schema": {"type": "integer"}} for name in limits}
    return answer


def _errors(own: Operation, known: Mapping[str, Any]) -> dict[str, Any]:
    statuses = {400, 422, 503, 504, *own.errors}
    if own.scope is not None:
        statuses |= {401, 403, 429}
    if own.path:
        statuses |= {404}
    if own.body is not None:
        statuses |= {413, 415}
    content = {"content": {JSON: {"schema": known[repr(ErrorAnswer)]}}}
    return {str(status): {"description": ERRORS[status], **content} for status in sorted(statuses)}
