"""What the server does for itself: counts its starts, deletes what nobody can ask for any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from peewee import fn

from persistence.database import lock_until_commit, writing
from persistence.models import (
    Portfolio,
    PortfolioValuation,
    PriceUpdateSchedule,
    RealtimePriceHistory,
    Session,
    SignInLink,
    SseConnection,
    StreamEpoch,
    StreamTicket,
)
from persistence.queries.usage import settle_calls

LOCK = 7_305_003  # of PostgreSQL's advisory locks

ENDED_SESSIONS_FOR = timedelta(days=1)  # longer than any stream takes to notice that its session has ended
FORGOTTEN_SCHEDULE = timedelta(days=30)  # overdue for so long: the symbol is tracked no more


def next_epoch(now: datetime) -> int:
    """Return a number above that of every start before, also of those that a restored backup does not know."""
    with writing():
        lock_until_commit(LOCK)
        last = StreamEpoch.select(fn.MAX(StreamEpoch.epoch)).scalar() or 0
        epoch = max(int(last) + 1, int(now.timestamp()))
        StreamEpoch.insert(epoch=epoch, started_at=now).execute()
        return epoch


def prune(now: datetime, history_before: datetime) -> None:
    """Delete what has expired, and prices, values and closed streams from before *history_before*."""
    settle_calls(now)
    with writing():
        StreamTicket.delete().where(StreamTicket.expires_at <= now).execute()
        SignInLink.delete().where(SignInLink.expires_at <= now).execute()
        old = now - ENDED_SESSIONS_FOR
        Session.delete().where((Session.expires_at <= old) | (Session.ended_at <= old)).execute()
        RealtimePriceHistory.delete().where(RealtimePriceHistory.timestamp < history_before).execute()
        PortfolioValuation.delete().where(
            PortfolioValuation.portfolio.in_(Portfolio.select(Portfolio.id)),  # there is an index by portfolio
            PortfolioValuation.timestamp < history_before,
        ).execute()
        SseConnection.delete().where(SseConnection.closed_at < history_before).execute()
        PriceUpdateSchedule.delete().where(PriceUpdateSchedule.next_poll_at < now - FORGOTTEN_SCHEDULE).execute()
