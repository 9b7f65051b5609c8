"""A recorded market, played again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from market_actors.domain.quote import Quote
from market_actors.errors import ErrorKind
from market_actors.providers.replay import Recording, Replay

THEN = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def quote(symbol: str, price: str, minutes: int) -> Quote:
    came = THEN + timedelta(minutes=minutes)
    return Quote(symbol, "simulated", Decimal(price), "AUD", came, came, previous_close=Decimal(9), volume=minutes)


class Player:
    """A replay, ten times as fast, and the clock it looks at."""

    def __init__(self) -> None:
        cba = (quote("CBA.AX", "10.00", 0), quote("CBA.AX", "10.50", 10), quote("CBA.AX", "11.00", 20))
        recording = Recording(
            THEN, THEN + timedelta(minutes=20), {"CBA.AX": cba, "BHP.AX": (quote("BHP.AX", "40.00", 15),)}
        )
        self.seconds = 0.0
        self.replay = Replay(recording, 10, lambda: NOW + timedelta(seconds=self.seconds))

    def at(self, seconds: float, symbol: str) -> Quote:
        self.seconds = seconds
        (found,) = self.replay.fetch([symbol]).quotes
        return found


@pytest.fixture
def player() -> Player:
    return Player()


@pytest.mark.parametrize(
    ("seconds", "price", "came"),
    [
        (0, "10.00", 0),
        (59.9, "10.00", 0),
        (60, "10.50", 60),
        (119.9, "10.50", 60),
        (120, "11.00", 120),
        (9e9, "11.00", 120),
    ],
)
def test_each_price_comes_in_its_time_and_the_last_one_stays(
    player: Player, seconds: float, price: str, came: float
) -> None:
    found = player.at(seconds, "CBA.AX")

    assert (str(found.price), found.quote_time) == (price, NOW + timedelta(seconds=came))
    assert found.received_at == NOW + timedelta(seconds=seconds)
    assert (found.previous_close, found.provider) == (Decimal(9), "simulated")


def test_what_came_later_has_its_first_price_from_the_beginning(player: Player) -> None:
    early, late = player.at(30, "BHP.AX"), player.at(100, "BHP.AX")

    assert (early.price, early.quote_time) == (Decimal("40.00"), NOW)
    assert (late.price, late.quote_time) == (Decimal("40.00"), NOW + timedelta(seconds=90))


def test_what_was_not_recorded_is_unknown(player: Player) -> None:
    fetched = player.replay.fetch(["CBA.AX", "XYZ.AX"])

    assert [found.symbol for found in fetched.quotes] == ["CBA.AX"]
    assert {symbol: error.kind for symbol, error in fetched.failures.items()} == {"XYZ.AX": ErrorKind.UNKNOWN_SYMBOL}


def test_what_was_recorded_is_found_by_its_symbol(player: Player) -> None:
    assert [found.symbol for found in player.replay.search("cba")] == ["CBA.AX"]
