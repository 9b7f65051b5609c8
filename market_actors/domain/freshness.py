"""How far a price can be relied on: whether it is stale, and how final it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from market_actors.domain.quote import Confirmation, Quote
from market_actors.domain.sessions import Session, final_close, session_at

SETTLED_AFTER = timedelta(minutes=90)  # closing auctions, late prints and the delay of the source are in by then


def is_stale(exchange_open: bool, age_seconds: float, delay_seconds: float, limit: float) -> bool:
    """Return whether a price is too old to stand for now; a closed exchange makes no price old.

    age_seconds:   since the quote's own time.
    delay_seconds: by how much the source lags; that much age is no fault.
    limit:         seconds.
    """
    return exchange_open and age_seconds - delay_seconds > limit


def confirmation(quote: Quote, sessions: Sequence[Session]) -> Confirmation:
    """Return how final *quote* is, among the *sessions* of its exchange around its time.

    It depends on when the quote was received, not on now: what came before the session's close (and the source's
    delay) may not be the closing price however long it stands. Before 90 min after the close it is provisional.
    """
    session = session_at(sessions, quote.quote_time)
    if session is None:
        return Confirmation.CONFIRMED
    close = final_close(sessions, session)
    if quote.received_at < close + timedelta(seconds=quote.delay_seconds):
        return Confirmation.INTRADAY
    if quote.received_at < close + SETTLED_AFTER:
        return Confirmation.PROVISIONAL
    return Confirmation.CONFIRMED
