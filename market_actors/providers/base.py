"""What every price source looks like from the outside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from market_actors.domain.quote import Quote
from market_actors.errors import ProviderError
from persistence.records import Instrument


@dataclass(frozen=True, slots=True)
class Quota:
    """How many calls a source allows; its day and month begin at midnight in *reset_timezone* (an IANA name)."""

    per_second: int
    per_minute: int
    per_day: int
    reset_timezone: str
    per_month: int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one call brought: quotes, and for other symbols why there is none.

    A symbol that is in neither was not asked for in this call.
    """

    quotes: tuple[Quote, ...]
    failures: Mapping[str, ProviderError]


class Provider(ABC):
    """A price source. Used from one thread at a time.

    name:          what prices, settings and statistics call it.
    quota:         what it allows; None of a source without limits.
    batch_size:    how many symbols one call may ask for.
    delay_seconds: by how much its quotes lag their exchange, where it is not known better by exchange.
    dates_only:    its quotes have a date and no time: a closing price comes some time after the close.
    """

    name: str
    quota: Quota | None
    batch_size: int = 1
    delay_seconds: int = 0
    dates_only: bool = False

    @abstractmethod
    def covers(self, exchange: str) -> bool:
        """Say whether this source is worth asking for symbols of *exchange* (our code)."""

    @abstractmethod
    def fetch(self, symbols: Sequence[str]) -> Fetched:
        """Ask for quotes of at most :attr:`batch_size` symbols, in at most one call; always for the first of them.

        Raises ProviderError when the whole call failed; its message never holds a key.
        """

    @abstractmethod
    def search(self, text: str) -> tuple[Instrument, ...]:
        """Ask which instruments are known by this symbol or name, in at most one call.

        Raises ProviderError.
        """

    def close(self) -> None:  # noqa: B027  # most have nothing to let go of
        """Let go of connections. The source is not used afterwards."""
