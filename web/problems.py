"""What a request can do wrong, and the status and body that each error of ours becomes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tornado.web import HTTPError

from market_actors import errors

STATUS: Mapping[type[errors.MarketError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.Cooldown: 429,
    errors.QuotaExhausted: 429,
    errors.TooManyStreams: 429,
    errors.Unavailable: 503,
    errors.ActorTimeout: 504,
}
"""The status of each error and of what is derived from it; what is not listed is a defect of ours: 500."""


class Refused(Exception):
    """A request that is not served; the subclasses say with which status and code."""

    status = 400
    code = "bad_request"
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail: Any = detail


class Malformed(Refused):
    """The bytes are not what they claim to be: no JSON, no UTF-8."""

    code = "malformed"


class Unauthorized(Refused):
    """Nobody is asking, or with a credential that is not good (any more)."""

    status = 401
    code = "unauthorized"
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}


class WrongPassword(Unauthorized):
    """The address and the password are not those of one account."""

    code = "wrong_password"


class Forbidden(Refused):
    """Who is asking is known, but has too little right."""

    status = 403
    code = "forbidden"


class XsrfMissing(Forbidden):
    """A change authorised by a cookie did not prove that it comes from one of our pages."""

    code = "xsrf"


class NoSuchPage(Refused):
    """The path leads nowhere."""

    status = 404
    code = "not_found"


class MethodNotAllowed(Refused):
    """The path knows other methods."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, detail: str, allowed: Sequence[str]) -> None:
        super().__init__(detail)
        self.headers = {"Allow": ", ".join(allowed)}


class TooLarge(Refused):
    """The body is larger than we read."""

    status = 413
    code = "too_large"


class WrongContentType(Refused):
    """The body is of a kind that this call does not take."""

    status = 415
    code = "unsupported_media_type"


class TooManyRequests(Refused):
    """Ask again after *retry_after* seconds."""

    status = 429
    code = "rate_limited"

    def __init__(self, detail: str, retry_after: float) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": whole_seconds(retry_after)}


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong field: where it is, what is wrong with it, for people and for programs."""

    loc: tuple[str | int, ...]
    msg: str
    type: str

    def below(self, *loc: str | int) -> Fault:
        return Fault((*loc, *self.loc), self.msg, self.type)


class Invalid(Refused):
    """Fields are missing, unknown or wrong; all of them are named."""

    status = 422
    code = "validation_error"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.msg for fault in faults))
        self.detail = [{"loc": list(fault.loc), "msg": fault.msg, "type": fault.type} for fault in faults]


def invalid(msg: str, *loc: str | int) -> Invalid:
    """Return the refusal of one field."""
    return Invalid([Fault(loc, msg, "value_error")])


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is answered."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


def problem_of(error: BaseException | None, status: int) -> Problem:
    """Return how *error* is answered; *status* counts for those that are not ours."""
    match error:
        case Refused():
            return Problem(error.status, {"detail": error.detail, "error": error.code}, error.headers)
        case errors.MarketError() if known := next(
            (STATUS[kind] for kind in type(error).mro() if kind in STATUS), None
        ):
            body = {"detail": str(error), "error": error.code}
            retry_after = getattr(error, "retry_after", None)
            if retry_after is None and known == HTTPStatus.SERVICE_UNAVAILABLE:
                retry_after = 1
            headers = {} if retry_after is None else {"Retry-After": whole_seconds(retry_after)}
            return Problem(known, body, headers)
        case HTTPError(status_code=HTTPStatus.BAD_REQUEST):
            return problem_of(Malformed("the request is not well-formed, or not UTF-8"), status)  # found by Tornado
        case HTTPError():
            status = error.status_code
    phrase = HTTPStatus(status).phrase
    code = "internal_error" if status == HTTPStatus.INTERNAL_SERVER_ERROR else phrase.lower().replace(" ", "_")
    return Problem(status, {"detail": phrase, "error": code}, {})


def whole_seconds(seconds: float) -> str:
    """Return *seconds* rounded up, at least 1: a client that waits so long is not refused again."""
    return str(max(math.ceil(seconds), 1))
