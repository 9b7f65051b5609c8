"""The price history as streams are resumed from it: by position, in pages.

On PostgreSQL several servers publish at once, each in an epoch of its own. A stream is resumed from what its server
published, and from what was published before that server began.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from peewee import Expression, ModelSelect, Tuple

from persistence.database import fetch, fetch_as, is_shared
from persistence.models import RealtimePriceHistory, StreamEpoch
from persistence.records import PriceEvent, Resumable

_EVENT = [
    RealtimePriceHistory.epoch,
    RealtimePriceHistory.number,
    RealtimePriceHistory.symbol,
    RealtimePriceHistory.timestamp,
    RealtimePriceHistory.received_at,
    RealtimePriceHistory.price,
    RealtimePriceHistory.previous_close,
    RealtimePriceHistory.currency,
    RealtimePriceHistory.volume,
    RealtimePriceHistory.provider,
    RealtimePriceHistory.source,
    RealtimePriceHistory.confirmation,
    RealtimePriceHistory.market_status,
    RealtimePriceHistory.stale_reason,
]
_POSITION = [RealtimePriceHistory.epoch, RealtimePriceHistory.number]
_BACKWARDS = [field.desc() for field in _POSITION]

Position = tuple[int, int]


def newest_forgotten(before: datetime, most: int) -> Position | None:
    """Return the newest position that can no longer be passed over; None when there is none.

    It was kept before a moment, or *most* have been kept since. Who stands there or later has missed nothing
    that is forgotten.
    """
    positions = RealtimePriceHistory.select(*_POSITION).order_by(*_BACKWARDS).limit(1)
    beyond = fetch(positions.offset(most))
    recorded_at = RealtimePriceHistory.recorded_at
    expired = positions.where((recorded_at < before) | recorded_at.is_null())
    if beyond:
        expired = expired.where(_after(beyond[0]))
    found = fetch(expired) or beyond
    return (found[0][0], found[0][1]) if found else None


def find_position(epoch: int, number: int, server: int) -> Resumable | None:
    """Return where a stream that was lost at a position goes on at the server of epoch *server*; None if unknown."""
    began = fetch(StreamEpoch.select(StreamEpoch.started_at).where(StreamEpoch.epoch == epoch))
    of_epoch = RealtimePriceHistory.epoch == epoch
    later = RealtimePriceHistory.select(RealtimePriceHistory.number).where(
        of_epoch, RealtimePriceHistory.number >= number
    )
    if not began or (number and not fetch(later.limit(1))):
        return None
    if not is_shared():
        return Resumable(epoch, number, is_elsewhere=False)
    reached = (
        RealtimePriceHistory.select(RealtimePriceHistory.recorded_at)
        .where(of_epoch, RealtimePriceHistory.number <= number)
        .order_by(RealtimePriceHistory.number.desc())
        .limit(1)
    )
    moment = (fetch(reached) or began)[0][0]
    if moment is None or moment < _start_of(server):
        return Resumable(epoch, number, is_elsewhere=False)
    here = (
        RealtimePriceHistory.select(RealtimePriceHistory.number)
        .where(RealtimePriceHistory.epoch == server, RealtimePriceHistory.recorded_at <= moment)
        .order_by(RealtimePriceHistory.number.desc())
        .limit(1)
    )
    found = fetch(here)
    return Resumable(server, found[0][0] if found else 0, is_elsewhere=True)


def list_events(
    after: Position, until: Position, server: int, symbols: Collection[str], limit: int
) -> tuple[PriceEvent, ...]:
    """The first *limit* prices of these symbols after a position, to another inclusive, in order."""
    # Not by the index of symbols, which holds years: what was missed is found faster by its position.
    wanted = RealtimePriceHistory.symbol.concat("").in_(list(symbols))
    query = (
        RealtimePriceHistory.select(*_EVENT)
        .where(_after(after), Tuple(*_POSITION) <= Tuple(*until), wanted)
        .order_by(*_POSITION)
        .limit(limit)
    )
    return fetch_as(PriceEvent, _of_server(query, server))


def _after(position: Position) -> Expression:
    later: Expression = Tuple(*_POSITION) > Tuple(*position)
    return later


def _of_server(query: ModelSelect[RealtimePriceHistory], server: int) -> ModelSelect[RealtimePriceHistory]:
    if not is_shared():
        return query
    own = RealtimePriceHistory.epoch == server
    return query.where(own | (RealtimePriceHistory.recorded_at < _start_of(server)))


def _start_of(server: int) -> datetime:
    rows = fetch(StreamEpoch.select(StreamEpoch.started_at).where(StreamEpoch.epoch == server))
    started_at: datetime = rows[0][0]
    return started_at
