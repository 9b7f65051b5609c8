"""What a backup recorded of the market, to be served again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from market_actors.commands.archives import said, tidied
from market_actors.commands.configuration import DEMO
from market_actors.domain.quote import Quote
from market_actors.errors import Conflict
from market_actors.providers.replay import Recording
from market_actors.providers.simulated import NAME
from market_actors.settings import Settings
from persistence import archive, queries
from persistence.fields import to_text
from persistence.records import RecordedPrice

LASTS = timedelta(days=1)


@contextmanager
def opened_recording(
    settings: Settings, path: Path, start: datetime | None, end: datetime | None
) -> Iterator[tuple[Settings, Recording]]:
    """Give what a backup recorded, and settings to serve it by: on a copy of the backup, which ends with this.

    start, end: aware; by default the last day of the recording.

    Raises Conflict when the file is no backup or nothing was recorded then, MigrationFailed.
    """
    with tidied(), ExitStack() as stack:
        with said(f"{path} cannot be played"):
            source = stack.enter_context(archive.unpacked(path))
            recording = _recording(path, start, end)
            queries.forget_market()
        url = f"sqlite:///{source.database}"
        own: dict[str, Any] = {**DEMO, "database_url": url, "redis_url": None, "providers": (NAME,)}
        yield replace(settings, **own), recording


def _recording(path: Path, start: datetime | None, end: datetime | None) -> Recording:
    try:
        newest = queries.newest_recorded()
        if newest is None:
            raise Conflict(f"{path} holds no prices")
        end = end or newest
        start = start or end - LASTS
        rows = queries.list_recorded(start, end)
        if not rows:
            times = [to_text(moment) for moment in (start, end, newest)]
            raise Conflict("{} holds no prices from {} to {}; the last is of {}".format(path, *times))
        before = queries.list_last_recorded(rows[0].received_at)
    except archive.UNREADABLE as error:
        raise Conflict(f"{path} cannot be played: one of its prices cannot be read: {error}") from None
    first = rows[0].received_at
    quotes = [_quote(row, first) for row in before] + [_quote(row, row.received_at) for row in rows]
    by_symbol = groupby(sorted(quotes, key=attrgetter("symbol")), attrgetter("symbol"))
    return Recording(first, end, {symbol: tuple(of_symbol) for symbol, of_symbol in by_symbol})


def _quote(row: RecordedPrice, came: datetime) -> Quote:
    return Quote(
        symbol=row.symbol,
        provider=NAME,
        price=row.price,
        currency=row.currency,
        quote_time=came,
        received_at=came,
        previous_close=row.previous_close,
        volume=row.volume,
        exchange=row.exchange,
        name=row.name,
    )
