"""Fills a database for a measurement: users, their tokens and portfolios, and a line of requests a stream.

No limit of the server is widened for it: a user has the 50 streams that the settings allow by default, each of its own
portfolio, so that ten thousand streams are those of two hundred users.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from peewee import Model, chunked

from market_actors.commands.databases import migrated
from market_actors.credentials import digest, new_secret
from market_actors.settings import Settings
from persistence.database import writing
from persistence.models import Holding, Portfolio, Token, User

SYMBOLS = [f"S{number:03}.AX" for number in range(500)]
HOLDINGS = 20
STREAMS_A_USER = 50
STREAM = "/api/v1/market-data/stream"
AT_ONCE = 100  # rows in one statement


@dataclass(frozen=True)
class Viewer:
    """Who opens a stream, and of what."""

    token: str
    portfolio_id: UUID


def symbols_of(number: int) -> list[str]:
    """Twenty of the symbols for a portfolio; any sixty in a row of the five hundred touch two or three of them."""
    return [SYMBOLS[(number * 7 + step * 25) % len(SYMBOLS)] for step in range(HOLDINGS)]


def fill(database_url: str, streams: int, *, empty: bool = False) -> list[Viewer]:
    """Make a portfolio of twenty holdings for each of *streams* viewers; the database is made when it is missing.

    empty: nobody holds anything.
    """
    now = datetime.now(UTC)
    viewers, users, tokens, portfolios = [], [], [], []
    for number in range(streams):
        if number % STREAMS_A_USER == 0:
            email, secret = f"viewer{number}@example.org", new_secret()
            users.append(
                {
                    "id": uuid4(),
                    "email": email,
                    "email_key": email,
                    "role": "user",
                    "is_active": True,
                    "created_at": now,
                }
            )
            token = {"id": uuid4(), "user": users[-1]["id"], "name": "load", "scope": "write", "created_at": now}
            tokens.append(token | {"digest": digest(secret)})
        portfolio = {"id": uuid4(), "user": users[-1]["id"], "name": f"P{number}", "base_currency": "AUD"}
        portfolios.append(portfolio | {"version": 1, "created_at": now, "updated_at": now})
        viewers.append(Viewer(secret, portfolio["id"]))
    with migrated(Settings(database_url=database_url)), writing():
        for model, rows in ((User, users), (Token, tokens), (Portfolio, portfolios)):
            insert(model, iter(rows))
        if not empty:
            insert(Holding, holdings(viewers, now))
    return viewers


def holdings(viewers: list[Viewer], now: datetime) -> Iterator[dict[str, Any]]:
    amounts = {"quantity": Decimal("10.5"), "average_cost": Decimal("99.95"), "currency": "AUD", "updated_at": now}
    for number, viewer in enumerate(viewers):
        for symbol in symbols_of(number):
            yield {"portfolio": viewer.portfolio_id, "symbol": symbol, **amounts}


def insert(model: type[Model], rows: Iterator[dict[str, Any]]) -> None:
    for part in chunked(rows, AT_ONCE):
        model.insert_many(part).execute()


def write_requests(path: Path, viewers: list[Viewer], query: str) -> None:
    """Write what the load client asks for, a line a stream; *query* may name the {portfolio}."""
    lines = (f"{STREAM}?{query.format(portfolio=viewer.portfolio_id)}\t{viewer.token}\n" for viewer in viewers)
    path.write_text("".join(lines))
