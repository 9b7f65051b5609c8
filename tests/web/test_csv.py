"""Holdings as CSV: all rows or none, and every fault by row and column."""

from __future__ import annotations

import threading

import pytest

from tests.web.test_portfolios import make
from web import holdings, spreadsheet
from web.problems import Fault, Invalid

HEADER = "symbol,quantity,average_cost,currency"


async def send(user, path, text, query=""):
    data = text if isinstance(text, bytes) else text.encode()
    return await user("POST", f"{path}/holdings/import{query}", body=data, Content_Type="text/csv")


async def held(user, path):
    return {row["symbol"]: row["quantity"] for row in (await user.get(f"{path}/holdings")).body}


async def test_an_export_can_be_imported_again(jo):
    path, copy = await make(jo), await make(jo, "Copy")
    text = "\ufeffcurrency,symbol,average_cost,quantity\r\nAUD, cba.ax ,98.4000,120\r\nUSD,^GSPC,0,0.5\r\n\r\n"

    done = await send(jo, path, text)

    assert (done.status, done.body) == (200, {"imported": 2, "created": 2, "updated": 0, "dry_run": False})
    export = await jo.get(f"{path}/holdings/export")
    assert export.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert export.body.decode() == f"{HEADER}\r\nCBA.AX,120,98.4000,AUD\r\n^GSPC,0.5,0,USD\r\n"
    assert (await send(jo, copy, export.body)).body["created"] == 2


async def test_rows_are_merged_or_replace_what_is_held(jo):
    path = await make(jo)
    await send(jo, path, f"{HEADER}\nA,1,1,USD\nB,1,1,USD\n")

    merged = await send(jo, path, f"{HEADER}\nB,2,1,USD\nC,2,1,USD\n")
    assert merged.body == {"imported": 2, "created": 1, "updated": 1, "dry_run": False}
    assert await held(jo, path) == {"A": "1", "B": "2", "C": "2"}

    await send(jo, path, f"{HEADER}\nC,3,1,USD\n", "?mode=replace")
    assert await held(jo, path) == {"C": "3"}


async def test_a_dry_run_counts_and_changes_nothing(jo):
    path = await make(jo)

    done = await send(jo, path, f"{HEADER}\nA,1,1,USD\n", "?dry_run=true&mode=replace")

    assert done.body == {"imported": 1, "created": 1, "updated": 0, "dry_run": True}
    assert await held(jo, path) == {}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", [["row", 1, name] for name in HEADER.split(",")]),
        ("symbol,quantity,average_cost,price\n", [["row", 1, "currency"], ["row", 1, "price"]]),
        (f"{HEADER},symbol\n", [["row", 1, "symbol"]]),
        (f"{HEADER}\nA,1,1,USD\na,2,1,USD\n", [["row", 3, "symbol"]]),
        (
            f"{HEADER}\nA,0,-1,USD\nB B,NaN,1,QQQ\n\nC,1\n",
            [
                ["row", 2, "quantity"],
                ["row", 2, "average_cost"],
                ["row", 3, "symbol"],
                ["row", 3, "quantity"],
                ["row", 3, "currency"],
                ["row", 5, "average_cost"],
                ["row", 5, "currency"],
            ],
        ),
        (f"{HEADER}\nA,1,1,USD,more\n", [["row", 2]]),
        (f'{HEADER}\n"A,1,1,USD\n', [["row", 1]]),
        (b"\xff\xfe", [["row", 1]]),
        (f"{HEADER}\n" + "A,1,1,USD\n" * 5001, [["row", 1]]),
        (f"{HEADER}\n=1+1,1,1,USD\n", [["row", 2, "symbol"]]),
    ],
)
async def test_a_file_with_faults_changes_nothing_and_names_them(jo, text, places):
    path = await make(jo)
    await send(jo, path, f"{HEADER}\nKEPT,1,1,USD\n")

    answer = await send(jo, path, text, "?mode=replace")

    assert answer.status == 422
    assert answer.error == "validation_error"
    assert [loc for loc, _ in answer.faults] == places
    assert await held(jo, path) == {"KEPT": "1"}


async def test_an_import_takes_csv_only(jo, sam):
    path = await make(jo)

    assert (await jo.post(f"{path}/holdings/import", {})).status == 415
    assert (await send(sam, path, f"{HEADER}\nA,1,1,USD\n")).status == 404
    assert (await send(jo, path, f"{HEADER}\n" + "A" * 1024 * 1024)).status == 413
    assert (await send(jo, path, HEADER, "?mode=append")).faults == [(["query", "mode"], "value_error")]


async def test_a_file_is_not_read_or_written_on_the_event_loop(jo, monkeypatch):
    """Five thousand rows take longer than anybody else should wait."""
    threads = []

    def noting(function):
        def called(argument):
            threads.append(threading.get_ident())
            return function(argument)

        return called

    monkeypatch.setattr(holdings, "read_holdings", noting(spreadsheet.read_holdings))
    monkeypatch.setattr(holdings, "write_holdings", noting(spreadsheet.write_holdings))
    path = await make(jo)

    assert (await send(jo, path, f"{HEADER}\nA,1,1,USD\n")).status == 200
    assert (await jo.get(f"{path}/holdings/export")).status == 200

    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_of_a_header_no_more_faults_are_made_than_told(monkeypatch):
    made = []
    monkeypatch.setattr(spreadsheet, "_fault", lambda *fault: made.append(fault) or Fault((), "", ""))

    with pytest.raises(Invalid):
        spreadsheet.read_holdings(b"," * 100_000)

    assert len(made) <= spreadsheet.FAULTS_TOLD + len(spreadsheet.COLUMNS)
