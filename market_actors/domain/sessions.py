"""When an exchange trades: its sessions, and where a moment stands among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from market_actors.domain.quote import MarketStatus

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day; all times aware, UTC.

    date:   the exchange's own name for the day; a session may open on the evening before.
    breaks: (start, end) of the pauses in it, in order.
    """

    date: date
    opens: datetime
    closes: datetime
    breaks: tuple[Span, ...] = ()

    @property
    def spans(self) -> tuple[Span, ...]:
        """When it really trades: from *opens* to *closes* without the breaks."""
        starts = (self.opens, *(end for _, end in self.breaks))
        ends = (*(start for start, _ in self.breaks), self.closes)
        return tuple(zip(starts, ends, strict=True))


@dataclass(frozen=True, slots=True)
class MarketPhase:
    """Where an exchange stands in its day.

    session_open, session_close: of the session that runs, or of today's; None on a day without one.
    next_open, next_close: the next moments at which trading begins and ends, breaks included;
        None where the known sessions hold none, as of a market that never closes.
    """

    status: MarketStatus
    is_trading_day: bool
    session_open: datetime | None
    session_close: datetime | None
    next_open: datetime | None
    next_close: datetime | None

    @property
    def is_open(self) -> bool:
        return self.status is MarketStatus.OPEN


def phase(sessions: Sequence[Session], now: datetime, timezone: str) -> MarketPhase:
    """Return where *now* (aware) stands among *sessions*, which are in order and reach some days past it.

    timezone: IANA name; says which day it is at the exchange.

    On a trading day it is PRE_MARKET before the open and AFTER_HOURS in a break or after the close.
    A session that opens the moment another closes continues it: currencies close on Friday only.
    Raises ValueError if *now* is naive.
    """
    if now.tzinfo is None:
        raise ValueError("a naive time belongs to no time zone")
    spans = _joined([span for session in sessions for span in session.spans])
    is_open = any(start <= now < end for start, end in spans)
    session = _session_of(sessions, now, now.astimezone(ZoneInfo(timezone)).date())
    if is_open:
        status = MarketStatus.OPEN
    elif session is None:
        status = MarketStatus.CLOSED
    else:
        status = MarketStatus.PRE_MARKET if now < session.opens else MarketStatus.AFTER_HOURS
    return MarketPhase(
        status=status,
        is_trading_day=session is not None,
        session_open=session.opens if session else None,
        session_close=session.closes if session else None,
        next_open=next((start for start, _ in spans if start > now), None),
        next_close=next((end for _, end in spans if end > now), None),
    )


def session_at(sessions: Sequence[Session], moment: datetime) -> Session | None:
    """Return the last session that had opened at *moment*, whether it still runs or not."""
    return next((session for session in reversed(sessions) if session.opens <= moment), None)


def final_close(sessions: Sequence[Session], session: Session) -> datetime:
    """Return when the trading that *session* is part of ends: of sessions without a gap, the last one's close."""
    close = session.closes
    for each in sessions:
        if each.opens == close:
            close = each.closes
    return close


def _session_of(sessions: Sequence[Session], now: datetime, today: date) -> Session | None:
    """The session that runs, or else today's."""
    running = (session for session in sessions if session.opens <= now < session.closes)
    return next(running, None) or next((session for session in sessions if session.date == today), None)


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
