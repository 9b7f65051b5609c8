"""What a call takes and gives, said once: handlers are decoded by it, and OpenAPI is made of it.

:func:`operation` turns ``async def put(self, symbol: Symbol, body: NewHolding)`` into a Tornado method: what
stands in the path is converted to the types of the parameters, *query* and *body* to their structs.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_type_hints
from uuid import UUID

import msgspec

from market_actors.errors import UnknownSymbol
from web import decode
from web.fields import Symbol, plain_value
from web.identity import URL_CREDENTIALS
from web.problems import Fault, Invalid, Malformed, WrongContentType

if TYPE_CHECKING:
    from web.base import ApiHandler

JSON = "application/json"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class NoParameters(msgspec.Struct, frozen=True):
    """A call without a query string."""


class NoFields(msgspec.Struct, frozen=True):
    """The body of a call that takes none: an empty object, which some clients always send."""


class NoContent(msgspec.Struct, frozen=True):
    """An answer without a body."""


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    summary: one line for the documentation.
    scope:   the right it takes; None: anybody may call it.
    answer:  the type of the body of *status*, a tuple of those it is one of, or the content type of one that is no JSON.
    creates: it answers 201 instead when what it writes is new.
    takes:   the content type of the body, where there is one.
    empty:   the body may be left out.
    link:    a portfolio link opens it; ticket: a stream ticket does.
    errors:  statuses that it may answer beside those which its arguments and scope imply.
    """

    summary: str
    scope: str | None
    answer: Any
    status: int
    creates: bool
    takes: str
    empty: bool
    link: bool
    ticket: bool
    errors: tuple[int, ...]
    query: type[msgspec.Struct]
    body: type[msgspec.Struct] | None
    path: dict[str, Any]

    def arguments(self, handler: ApiHandler, path: dict[str, str]) -> dict[str, Any]:
        """Return the arguments of the method. Raises UnknownSymbol, Invalid, Malformed, WrongContentType."""
        found: dict[str, Any] = {name: _from_path(name, text, self.path[name]) for name, text in path.items()}
        own = URL_CREDENTIALS if self.link or self.ticket else frozenset()
        query = decode.query(handler.request.query, self.query, ignore=own)
        if self.query is not NoParameters:
            found["query"] = query
        if self.body is not None:
            found["body"] = self._body(handler)
        elif handler.request.body:
            self._decoded(handler, NoFields)
        return found

    def _body(self, handler: ApiHandler) -> Any:
        assert self.body is not None
        if self.empty and not handler.request.body and not handler.request.headers.get("Content-Type"):
            return self.body()
        return self._decoded(handler, self.body)

    def _decoded(self, handler: ApiHandler, kind: type[msgspec.Struct]) -> Any:
        data = handler.request.body
        sent = handler.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if sent != self.takes:
            raise WrongContentType(f"the body must be {self.takes}")
        if self.takes != JSON:
            return kind(data)
        if not data:
            raise Malformed("the body is empty")
        return decode.body(data, kind)


def _from_path(name: str, text: str, kind: Any) -> Any:
    if kind is Symbol:
        try:
            return plain_value(Symbol.parse(text))
        except ValueError:
            raise UnknownSymbol(f"no symbol {text!r}") from None
    try:
        return decode.path_id(text) if kind is UUID else text
    except msgspec.ValidationError as error:
        raise Invalid([Fault(("path", name), str(error), "value_error")]) from None


def operation(
    summary: str,
    *,
    scope: str | None,
    answer: Any,
    status: int = 200,
    creates: bool = False,
    takes: str = JSON,
    empty: bool = False,
    link: bool = False,
    ticket: bool = False,
    errors: tuple[int, ...] = (),
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """Make a handler's method of an async function that takes what is decoded; see :class:`Operation`."""

    def make(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        hints = {name: kind for name, kind in get_type_hints(function).items() if name != "return"}
        query, body = hints.pop("query", NoParameters), hints.pop("body", None)
        own = Operation(summary, scope, answer, status, creates, takes, empty, link, ticket, errors, query, body, hints)

        @functools.wraps(function)
        async def handle(self: ApiHandler, **path: str) -> None:
            await function(self, **own.arguments(self, path))

        handle.operation = own  # type: ignore[attr-defined]
        return handle

    return make


def operations_of(handler: type[Any]) -> dict[str, Operation]:
    """Return what a handler's class can do, by method in capitals."""
    functions = {method: getattr(handler, method.lower(), None) for method in METHODS}
    found = {method: getattr(function, "operation", None) for method, function in functions.items()}
    return {method: own for method, own in found.items() if own is not None}
