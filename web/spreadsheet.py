"""Holdings as CSV, to and from a spreadsheet; faults are named by row and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from market_actors.domain.money import plain
from persistence.records import Holding, HoldingRow
from web.fields import Cost, Currency, Field, Quantity, Symbol, plain_value
from web.problems import Fault, Invalid

COLUMNS: dict[str, type[Field]] = {
    "symbol": Symbol,
    "quantity": Quantity,
    "average_cost": Cost,
    "currency": Currency,
}
MAX_ROWS = 5_000
FAULTS_TOLD = 100


def read_holdings(data: bytes) -> tuple[HoldingRow, ...]:
    """Return the holdings in a CSV file, its columns in any order.

    Raises Invalid with all faults: the header is row 1, where those of the whole file stand, too.
    """
    rows = _rows(data)
    header = [name.strip().lower() for name in rows[0]] if rows else []
    _check_header(header)
    faults: list[Fault] = []
    found: dict[str, HoldingRow] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        row = _row(header, cells, number, faults)
        if row is None:
            continue
        if row.symbol in found:
            faults.append(_fault(number, "is there twice", "symbol"))
        found[row.symbol] = row
    if faults:
        raise Invalid(faults[:FAULTS_TOLD])
    return tuple(found.values())


def _rows(data: bytes) -> list[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid([_fault(1, "the file is not UTF-8")]) from None
    rows: list[list[str]] = []
    try:
        rows.extend(islice(csv.reader(io.StringIO(text, newline=""), strict=True), MAX_ROWS + 2))
    except csv.Error as error:
        raise Invalid([_fault(1, f"the file is not CSV: {error}, after row {len(rows)}")]) from None
    if len(rows) > MAX_ROWS + 1:
        raise Invalid([_fault(1, f"the file has more than {MAX_ROWS} rows below its header")])
    return rows


def _check_header(header: Sequence[str]) -> None:
    faults = [_fault(1, "the column is missing", name) for name in COLUMNS if name not in header]
    faults += [_fault(1, "the column is not known", name) for name in header[:FAULTS_TOLD] if name not in COLUMNS]
    faults += [_fault(1, "the column is there twice", name) for name in COLUMNS if header.count(name) > 1]
    if faults:
        raise Invalid(faults[:FAULTS_TOLD])


def _row(header: Sequence[str], cells: Sequence[str], number: int, faults: list[Fault]) -> HoldingRow | None:
    """Return one row; None when something is wrong with it, which is added to *faults*."""
    if len(cells) > len(header):
        faults.append(_fault(number, f"has {len(cells)} cells instead of {len(header)}"))
        return None
    before = len(faults)
    values: dict[str, Any] = {}
    for name, kind in COLUMNS.items():
        place = header.index(name)
        try:
            values[name] = plain_value(kind.parse(cells[place].strip() if place < len(cells) else ""))
        except ValueError as error:
            faults.append(_fault(number, str(error), name))
    return HoldingRow(**values) if len(faults) == before else None


def _fault(row: int, msg: str, *column: str) -> Fault:
    return Fault(("row", row, *column), msg, "value_error")


def write_holdings(holdings: Iterable[Holding]) -> str:
    """Return holdings as CSV. No cell can begin a formula: a symbol begins with a letter, a digit or ^."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for holding in holdings:
        writer.writerow([holding.symbol, plain(holding.quantity), plain(holding.average_cost), holding.currency])
    return out.getvalue()
