"""History: reads what may take seconds, years of prices and values, on a thread and a connection of its own.

The store would let everybody wait meanwhile.
"""

from __future__ import annotations

from typing import Any

from market_actors.actor import MarketActor
from market_actors.messages import Message, Tick
from market_actors.store import answer
from persistence import database


class History(MarketActor):
    """Answers what stored.py asks and changes nothing."""

    def on_stop(self) -> None:
        database.proxy.close()

    def on_receive(self, message: Message) -> Any:
        return None if isinstance(message, Tick) else answer(message)
