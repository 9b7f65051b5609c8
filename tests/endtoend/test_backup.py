"""A backup made while everybody watches, and what its readers find when it is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endtoend.test_spine import COIN, Owner, serve
from tests.standin import Standin


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as made:
        made.set_price(COIN, "150000.5", currency="AUD")
        yield made


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
