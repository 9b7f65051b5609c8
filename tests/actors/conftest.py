"""Starts real actors for a test and ends them after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from market_actors.actor import Address, MarketActor

Start = Callable[..., Address]


@pytest.fixture
def start() -> Iterator[Start]:
    """Call it with an actor's class and its arguments; it returns the address."""
    addresses: list[Address] = []

    def start(kind: type[MarketActor], *arguments: Any, **named: Any) -> Address:
        address = Address(kind.__name__, kind.start(*arguments, **named))
        addresses.append(address)
        return address

    yield start
    for address in reversed(addresses):
        address.stop().get(timeout=5)
