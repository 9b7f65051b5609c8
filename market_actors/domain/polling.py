"""How often a symbol is polled, and when next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from market_actors.domain.overrides import Override, Rules, Scope
from market_actors.domain.quote import MarketStatus
from market_actors.domain.sessions import MarketPhase

SETTLE = timedelta(minutes=35)  # closing auction (10 min), a delay of 20 min, and some
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Intervals:
    """The schedule: how long between two polls, for each state of the exchange."""

    open: timedelta = timedelta(minutes=15)
    after_hours: timedelta = timedelta(hours=1)
    closed: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who wants a symbol: a portfolio that holds it, or a user who watches it (then without a portfolio)."""

    portfolio_id: UUID | None
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was looked at; exactly one *applies*, and *reason* says why it does or does not."""

    rule: str
    interval_seconds: int | None
    applies: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Effective:
    """The interval in force: None while nobody may be updated.

    source: override, portfolio, user, global or schedule.
    rules:  in the order in which they were looked at.
    """

    interval_seconds: int | None
    source: str
    rules: tuple[Rule, ...]


def default_interval(status: MarketStatus, is_trading_day: bool, intervals: Intervals) -> timedelta:
    """Return the schedule's interval: of an open exchange, of the rest of its day, of a day without a session."""
    if status is MarketStatus.OPEN:
        return intervals.open
    return intervals.after_hours if is_trading_day else intervals.closed


def next_poll(now: datetime, interval: timedelta, phase: MarketPhase | None, failures: int) -> datetime:
    """Return when to poll a symbol again that was polled *now* (aware).

    phase:    of its exchange: the wait ends at the next open, and 35 min after a close when the closing price has
              come through. None for an interval that somebody ordered, which nothing shortens.
    failures: polls failed in a row; the first is repeated after 30 s, each doubles that, up to 15 min; no retry
              comes later than the next poll would have.
    """
    due = now + interval
    if phase is not None:
        closes = (close + SETTLE for close in (phase.session_close, phase.next_close) if close is not None)
        due = min([due, *(moment for moment in (phase.next_open, *closes) if moment is not None and moment > now)])
    if failures > 0:
        due = min(due, now + min(FIRST_RETRY * 2 ** min(failures - 1, 10), LONGEST_RETRY))
    return due


def effective_interval(symbol: str, holders: Iterable[Holder], rules: Rules, schedule: timedelta) -> Effective:
    """Return how often *symbol* is polled for those who hold or watch it.

    rules:    in force now.
    schedule: what default_interval says for the exchange.

    An emergency stop ends everything; an override on the symbol comes next. Otherwise the smallest interval over
    the holders counts, each one's being the first that exists of: an override on the portfolio, on its user, on
    everything; the portfolio's own configuration, its user's, the global one; the schedule. Where updates are
    disabled for all of them there is none. Without holders it is what anybody's would be.
    """
    looked_at: list[Rule] = []
    if rules.stop is not None:
        return _decided_by(_override_rule("emergency stop", rules.stop), looked_at)
    override = rules.override(Scope.SYMBOL, symbol)
    if override is not None:
        return _decided_by(_override_rule(f"override on symbol {symbol}", override), looked_at)
    looked_at.append(_missing(f"override on symbol {symbol}"))

    best: tuple[Rule, str] | None = None
    for holder in _distinct(holders, rules):
        rule, source = _rule_of(holder, rules, schedule, looked_at)
        looked_at.append(rule)
        if best is None or _is_sooner(rule, best[0]):
            best = rule, source
    assert best is not None
    winner, source = best
    return Effective(
        winner.interval_seconds,
        source,
        tuple(rule if rule is winner or not rule.applies else _outdone(rule, winner) for rule in looked_at),
    )


def portfolio_interval(holder: Holder, rules: Rules, schedule: timedelta) -> Effective:
    """Return how often a portfolio's symbols are polled for *it*; see effective_interval."""
    if rules.stop is not None:
        return _decided_by(_override_rule("emergency stop", rules.stop), [])
    looked_at: list[Rule] = []
    rule, source = _rule_of(holder, rules, schedule, looked_at)
    return Effective(rule.interval_seconds, source, (*looked_at, rule))


def _rule_of(holder: Holder, rules: Rules, schedule: timedelta, looked_at: list[Rule]) -> tuple[Rule, str]:
    """Return the first rule that exists for *holder* and its source; those that do not go to *looked_at*."""
    targets = ((Scope.PORTFOLIO, holder.portfolio_id), (Scope.USER, holder.user_id))
    named: list[tuple[Scope, str | None, str]] = [
        (scope, str(target), f"{scope} {target}") for scope, target in targets if target is not None
    ]
    named.append((Scope.GLOBAL, None, "everything"))
    for scope, target, name in named:
        override = rules.override(scope, target)
        if override is not None:
            return _override_rule(f"override on {name}", override), "override"
        looked_at.append(_missing(f"override on {name}"))
    for scope, target, name in named:
        setting = rules.configured(scope, target)
        if setting is not None:
            return Rule(f"configuration of {name}", _seconds(setting.interval), True, setting.reason), scope.value
        looked_at.append(_missing(f"configuration of {name}"))
    return Rule("schedule", _seconds(schedule), True, "the state of the exchange"), "schedule"


def _distinct(holders: Iterable[Holder], rules: Rules) -> Iterable[Holder]:
    """Of holders that no rule tells apart the first stands for all: ten thousand portfolios cost what one does."""
    distinct: dict[tuple[str | None, ...], Holder] = {}
    for holder in holders:
        ids = (str(holder.portfolio_id), str(holder.user_id))
        distinct.setdefault(tuple(each if each in rules.targets else None for each in ids), holder)
    return distinct.values() or [Holder(None, None)]


def _decided_by(rule: Rule, looked_at: list[Rule]) -> Effective:
    return Effective(rule.interval_seconds, "override", (*looked_at, rule))


def _override_rule(name: str, override: Override) -> Rule:
    seconds = None if override.interval is None else _seconds(override.interval)
    return Rule(name, seconds, True, override.reason)


def _missing(name: str) -> Rule:
    return Rule(name, None, False, "there is none")


def _outdone(rule: Rule, winner: Rule) -> Rule:
    if rule.interval_seconds is None:
        reason = "somebody else may be updated"
    elif rule.interval_seconds == winner.interval_seconds:
        reason = "the same interval came first"
    else:
        reason = "a shorter interval exists"
    return Rule(rule.rule, rule.interval_seconds, False, reason)


def _is_sooner(rule: Rule, than: Rule) -> bool:
    if rule.interval_seconds is None:
        return False
    return than.interval_seconds is None or rule.interval_seconds < than.interval_seconds


def _seconds(interval: timedelta) -> int:
    return round(interval.total_seconds())
