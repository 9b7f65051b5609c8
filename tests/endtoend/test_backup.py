"""A backup made while everybody watches, and what its readers find when it is served, or played again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.endtoend.test_spine import COIN, Owner, serve
from tests.running import RunningServer
from tests.standin import Standin

LAZY = "ETH-AUD"


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as made:
        made.set_price(COIN, "150000.5", currency="AUD")
        yield made


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("database_url", "other_database_url"), [("sqlite", "postgresql"), ("postgresql", "sqlite")], indirect=True
)
def test_a_backup_of_a_live_server_is_served_by_another(
    tmp_path: Path, standin: Standin, database_url: str, other_database_url: str
) -> None:
    backup = tmp_path / "a.backup"
    (tmp_path / "other").mkdir()
    with serve(tmp_path, standin, database_url=database_url) as server:
        owner = Owner(server)
        owner.hold(COIN)
        owner.wait_for(lambda: owner.valuation()["total_value"] == "1500005.0", "it is valued")
        with owner.stream() as stream:
            kept = stream.until("portfolio_update").id
            server.command("backup", str(backup))
            standin.set_price(COIN, "151000.5")
            lost = stream.until("price_update", price="151000.5").id
        owner.hold("LOST.AX")

    other = serve(tmp_path / "other", standin, database_url=other_database_url)
    other.command("restore", str(backup))
    with other:
        owner.server = other
        owner.wait_for(lambda: owner.valuation()["total_value"] == "1510005.0", "it is valued at the price of now")
        assert [held["symbol"] for held in owner.valuation()["holdings"]] == [COIN]
        for position, recovered in ((kept, True), (lost, False)):
            with other.stream(
                owner.token, f"?portfolio_ids={owner.portfolio}", **{"Last-Event-ID": str(position)}
            ) as stream:
                assert stream.until("connection_status").data["recovered"] is recovered
                stream.until("portfolio_update", total_value="1510005.0")


def test_a_backup_is_played_again_to_its_people_as_simulated_prices(tmp_path: Path, standin: Standin) -> None:
    backup = tmp_path / "a.backup"
    (tmp_path / "other").mkdir()
    prices = ["150000.5", "151000.25", "152000.125"]
    with serve(tmp_path, standin) as server:
        owner = Owner(server)
        standin.set_price(LAZY, "2.5", currency="AUD")
        owner.hold(LAZY)
        owner.wait_for(lambda: shown(owner, LAZY), "what does not move is priced")
        since = ("--start", datetime.now(UTC).isoformat())
        owner.hold(COIN)
        for price in prices:
            standin.set_price(COIN, price, currency="AUD")
            owner.wait_for(lambda: shown(owner) == price, "the price moves")  # noqa: B023
        server.command("backup", str(backup))

    with pytest.raises(AssertionError, match=r"holds no prices from 2020-01-01T00:00:00.000000Z to 2020-01-02T"):
        server.command("replay", str(backup), "--start", "2020-01-01T00:00:00Z", "--end", "2020-01-02T00:00:00Z")
    before = backup.read_bytes()
    with RunningServer(tmp_path / "other", "replay", str(backup), "--speed", "0.25", *since) as replay:
        owner.server = replay
        owner.wait_for(lambda: shown(owner, LAZY) == "2.5", "what came before has its price")
        owner.wait_for(lambda: shown(owner) == prices[-1], "it is played to its end", 30)
        history = replay.get(f"/api/v1/market-data/prices/{COIN}/history", owner.token).body
        played = dict.fromkeys((point["price"], point["source"]) for point in history)  # in their order
        assert list(played) == [(price, "simulated") for price in prices]
        link = replay.sign_in_link().removeprefix(replay.url)
        assert replay.get(f"/api/v1/auth{link}").body == {"purpose": "user"}
        assert replay.terminate() == 0
    assert backup.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["secret", "server.log"]


def shown(owner: Owner, symbol: str = COIN) -> str | None:
    return next((held["price"] for held in owner.valuation()["holdings"] if held["symbol"] == symbol), None)
