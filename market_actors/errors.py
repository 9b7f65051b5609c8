"""Everything that is raised on purpose.

Errors carry fields, not sentences to be parsed; web/problems.py says which status each becomes.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class MarketError(Exception):
    """Base of all; the message is for people, *code* for programs."""

    code = "error"


class NotFound(MarketError):
    """It does not exist, or is not the caller's; the two are never told apart."""

    code = "not_found"


class UnknownPortfolio(NotFound):
    """No such portfolio, or it is somebody else's."""

    code = "unknown_portfolio"


class UnknownSymbol(NotFound):
    """No provider knows the symbol."""

    code = "unknown_symbol"


class Conflict(MarketError):
    """The change contradicts what is stored: a name that is taken, the last administrator."""

    code = "conflict"


class Gone(MarketError):
    """It was there and has ended."""

    code = "gone"


class Unavailable(MarketError):
    """It cannot be done now; try again after *retry_after* seconds."""

    code = "unavailable"

    def __init__(self, message: str, retry_after: float = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ActorDown(Unavailable):
    """The actor that was asked is being restarted."""

    code = "actor_down"


class ActorTimeout(MarketError):
    """The actor that was asked did not answer in time."""

    code = "actor_timeout"


class Cooldown(MarketError):
    """The caller's last refresh is less than the cooldown ago."""

    code = "cooldown"

    def __init__(self, retry_after: float) -> None:
        super().__init__("refreshed a moment ago")
        self.retry_after = retry_after


class QuotaExhausted(MarketError):
    """No provider has calls left; *retry_after* in seconds."""

    code = "quota_exhausted"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyStreams(MarketError):
    """The user has as many open streams as allowed."""

    code = "too_many_streams"

    def __init__(self, limit: int) -> None:
        super().__init__(f"at most {limit} open streams a user")
        self.retry_after = 30.0


class SettingsError(MarketError):
    """A setting is unknown or has an impossible value; the message says which, and what to do."""

    code = "settings"


class DatabaseLocked(MarketError):
    """Another server uses the same SQLite file."""

    code = "database_locked"


class MigrationFailed(MarketError):
    """The database is as it was; the message says what to do."""

    code = "migration_failed"


class ErrorKind(StrEnum):
    """Kinds of failure of a provider, by what is to be done next (see Scheduler)."""

    THROTTLED = "throttled"
    QUOTA_DAY = "quota_day"
    AUTH = "auth"
    ENTITLEMENT = "entitlement"
    UNKNOWN_SYMBOL = "unknown_symbol"
    UNSUPPORTED_EXCHANGE = "unsupported_exchange"
    NO_DATA_RANGE = "no_data_range"
    MALFORMED = "malformed"
    UPSTREAM = "upstream"
    NETWORK = "network"


SYMBOL_KINDS = frozenset({ErrorKind.UNKNOWN_SYMBOL, ErrorKind.UNSUPPORTED_EXCHANGE, ErrorKind.NO_DATA_RANGE})
"""These touch only the symbol that was asked for."""

BREAKER_KINDS = frozenset({ErrorKind.THROTTLED, ErrorKind.UPSTREAM, ErrorKind.NETWORK, ErrorKind.MALFORMED})
"""These count towards the provider's circuit breaker."""


class ProviderError(MarketError):
    """A provider did not give a quote.

    kind:        what is to be done next.
    retry_after: seconds to wait, where the provider says or its documentation does.
    The message never holds a key: providers redact it.
    """

    code = "provider_error"

    def __init__(self, kind: ErrorKind, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after


class ShuttingDown(Unavailable):
    """The server is stopping."""

    code = "shutting_down"

    def __init__(self, message: str = "the server is stopping", retry_after: float = 5) -> None:
        super().__init__(message, retry_after)


def seconds_until(moment: datetime, now: datetime) -> float:
    """Return the seconds from *now* to *moment*, never negative."""
    return max((moment - now).total_seconds(), 0.0)
