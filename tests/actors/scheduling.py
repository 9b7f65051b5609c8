"""A scheduler among remembering neighbours, with two providers that the test answers for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from market_actors.actor import Address, Reply
from market_actors.calendars import Calendars
from market_actors.domain.breaker import Breaker
from market_actors.domain.overrides import IntervalSetting, Override
from market_actors.domain.polling import Intervals
from market_actors.errors import ErrorKind, ProviderError
from market_actors.messages import (
    DemandChanged,
    GetUpdates,
    Message,
    Ping,
    Poll,
    PollFinished,
    ProvidersConfigured,
    ProviderStatus,
    QuotaDenied,
    QuotaGranted,
    Request,
    Reserve,
    RulesChanged,
    ScheduleLoaded,
    SendProviders,
    SendRules,
    SendSchedule,
    Tick,
    Updates,
)
from market_actors.scheduler import Pace, Scheduler, Source
from persistence.records import ProviderState, ScheduledPoll
from tests.doubles import Remembered

NOON = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
"""Noon of a Monday in Sydney, in the middle of a session."""

DEFAULT = Intervals()
USER = UUID(int=7)
CALENDARS = Calendars()


class World:
    """Yahoo goes before Alpha Vantage; every reservation is granted unless *denial* says otherwise.

    denial: called with a Reserve; returns (window, until) to refuse it.
    """

    def __init__(
        self,
        start: Callable[..., Address],
        *,
        now: datetime = NOON,
        batch_size: int = 1,
        saved: Iterable[ScheduledPoll] = (),
        states: Iterable[ProviderState] = (),
        intervals: Intervals = DEFAULT,
        is_resumed: bool = True,
        overrides: Iterable[Override] = (),
        settings: Iterable[IntervalSetting] = (),
        dates_only: bool = False,
    ) -> None:
        self.now, self.monotonic = now, 1000.0
        self.denial: Callable[[Reserve], tuple[str, datetime] | None] = lambda _: None
        self.grants = True
        self.rules, self.providers = RulesChanged(tuple(overrides), tuple(settings)), ProvidersConfigured(())
        self._loaded = ScheduleLoaded(tuple(saved), tuple(states))
        self.yahoo, self.alpha_vantage = Remembered(), Remembered()
        self.usage, self.connections = Remembered(self._answer_reserve), Remembered()
        self.store = Remembered(self._answer_store if is_resumed else None)
        sources = (
            Source("yahoo", lambda exchange: exchange != "XTSE", batch_size, self._midnight, self.yahoo),
            Source(
                "alpha_vantage",
                lambda exchange: exchange != "CMES",
                1,
                self._midnight,
                self.alpha_vantage,
                dates_only=dates_only,
            ),
        )
        self.scheduler = start(
            Scheduler,
            sources,
            Breaker(5, timedelta(seconds=60)),
            self.usage,
            self.store,
            self.connections,
            CALENDARS,
            Pace(intervals, cooldown=60, spread=0, call_timeout=10),
            Tick(self.now, self.monotonic),
        )
        self.settle()

    # -- What the neighbours do ----------------------------------------------------------------

    def _midnight(self, now: datetime) -> datetime:
        return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)

    def _answer_reserve(self, message: Message) -> None:
        if isinstance(message, Reserve) and self.grants:
            denied = self.denial(message)
            message.reply_to.tell(
                QuotaGranted(message.call_id) if denied is None else QuotaDenied(message.call_id, *denied)
            )

    def _answer_store(self, message: Message) -> None:
        match message:
            case SendSchedule(reply_to):
                reply_to.tell(self._loaded)
            case SendRules(reply_to):
                reply_to.tell(self.rules)
            case SendProviders(reply_to):
                reply_to.tell(self.providers)

    # -- What the test does --------------------------------------------------------------------

    def settle(self) -> None:
        """Wait until all that was told, and what followed at once from it, is handled."""
        for _ in range(3):
            self.scheduler.ask(Ping()).get(timeout=5)

    def tell(self, message: Message) -> None:
        self.scheduler.tell(message)
        self.settle()

    def ask(self, request: Request[Any]) -> Any:
        """Ask for something that is answered at once."""
        return self.start_asking(request).get(timeout=5)

    def start_asking(self, request: Request[Any]) -> Reply:
        reply = self.scheduler.ask(request)
        self.settle()
        return reply

    def hold(self, *symbols: str) -> None:
        self.tell(DemandChanged("held", frozenset(symbols)))

    def tick(self, seconds: float = 1, jump: timedelta = timedelta(0)) -> None:
        """Let time pass; the wall clock jumps as well, if told so."""
        self.monotonic += seconds
        self.now += timedelta(seconds=seconds) + jump
        self.tell(Tick(self.now, self.monotonic))

    def polls(self, provider: Remembered) -> list[tuple[str, ...]]:
        """The symbols of each call made to a provider, in order."""
        return [poll.symbols for poll in provider.all(Poll)]

    def answer(
        self,
        provider: Remembered,
        *,
        failures: Mapping[str, ProviderError] | None = None,
        failure: ProviderError | None = None,
    ) -> None:
        """End the provider's last call: all symbols have a quote but those that failed."""
        poll = provider.last(Poll)
        answered = frozenset() if failure else frozenset(poll.symbols) - (failures or {}).keys()
        self.tell(PollFinished(poll, answered, failures or {}, failure, 20))

    def updates(self) -> Updates:
        updates: Updates = self.ask(GetUpdates())
        return updates

    def status(self, provider: str) -> ProviderStatus:
        return next(status for status in self.updates().providers if status.name == provider)


def error(kind: ErrorKind, message: str = "no", retry_after: float | None = None) -> ProviderError:
    return ProviderError(kind, message, retry_after)
