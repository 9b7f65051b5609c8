"""What a portfolio holds: one by one, or as a CSV file."""

from __future__ import annotations

import asyncio
from uuid import UUID

import msgspec

from market_actors.stored import DeleteHolding, ImportHoldings, ListHoldings, PutHolding
from web.base import ApiHandler
from web.fields import Symbol
from web.gateway import ask
from web.operation import NoContent, operation
from web.schemas import HoldingAnswer, ImportAnswer, ImportQuery, ListQuery, NewHolding
from web.spreadsheet import read_holdings, write_holdings

CSV = "text/csv"
FILE_TIMEOUT = 5.0  # seconds


class CsvFile(msgspec.Struct, frozen=True):
    """The body of an import."""

    data: bytes


class HoldingsHandler(ApiHandler):
    """GET /api/v1/portfolios/(id)/holdings"""

    @operation("What it holds, by symbol", scope="read", answer=list[HoldingAnswer])
    async def get(self, portfolio_id: UUID, query: ListQuery) -> None:
        message = ListHoldings(self.user_id, portfolio_id, query.limit, query.offset)
        page = await ask(self.market.store, message)
        self.write_json([HoldingAnswer.of(holding) for holding in page.rows], total=page.total)


class HoldingHandler(ApiHandler):
    """PUT, DELETE /api/v1/portfolios/(id)/holdings/(symbol)"""

    @operation(
        "Hold a symbol, or change how much: 201 when it is new", scope="write", answer=HoldingAnswer, creates=True
    )
    async def put(self, portfolio_id: UUID, symbol: Symbol, body: NewHolding) -> None:
        message = PutHolding(
            self.user_id, portfolio_id, symbol, body.quantity, body.average_cost, body.currency, self.now()
        )
        written = await ask(self.market.store, message)
        self.write_json(HoldingAnswer.of(written.holding), status=201 if written.created else 200)

    @operation("Hold a symbol no more", scope="write", answer=NoContent, status=204)
    async def delete(self, portfolio_id: UUID, symbol: Symbol) -> None:
        await ask(self.market.store, DeleteHolding(self.user_id, portfolio_id, symbol, self.now()))
        self.no_content()


class ImportHandler(ApiHandler):
    """POST /api/v1/portfolios/(id)/holdings/import"""

    @operation("Write the rows of a CSV file, all or none", scope="write", answer=ImportAnswer, takes=CSV)
    async def post(self, portfolio_id: UUID, query: ImportQuery, body: CsvFile) -> None:
        rows = await asyncio.to_thread(read_holdings, body.data)  # a long file would hold up the loop
        message = ImportHoldings(self.user_id, portfolio_id, rows, query.mode == "replace", query.dry_run, self.now())
        done = await ask(self.market.store, message, FILE_TIMEOUT)
        answer = ImportAnswer(imported=done.imported, created=done.created, updated=done.updated, dry_run=query.dry_run)
        self.write_json(answer)


class ExportHandler(ApiHandler):
    """GET /api/v1/portfolios/(id)/holdings/export"""

    @operation("What it holds, as a CSV file", scope="read", answer=CSV)
    async def get(self, portfolio_id: UUID) -> None:
        page = await ask(self.market.store, ListHoldings(self.user_id, portfolio_id, None, 0), FILE_TIMEOUT)
        self.set_header("Content-Type", f"{CSV}; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="holdings.csv"')
        self.finish(await asyncio.to_thread(write_holdings, page.rows))
