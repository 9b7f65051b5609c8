"""FastAPI + sse-starlette on uvicorn: the personal measurement's work. python fastapi_personal.py PORT

Each viewer has a portfolio of twenty of five hundred symbols. A batch moves sixty prices: every viewer gets the
price_update of each symbol that it holds, and a portfolio_update with its new totals, in exact decimals and counted
incrementally, and with the holdings that changed. The fields are those of market-actors. GET /batch publishes and
answers with the time, in ns of the monotonic clock; GET /sse?viewer=N streams.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import msgspec
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()
encode = msgspec.json.Encoder().encode
SYMBOLS = [f"S{number:03}.AX" for number in range(500)]
BATCH = 60
QUANTITY, COST, CLOSE = Decimal("10.5"), Decimal("99.95"), Decimal("99.50")


class State:
    def __init__(self):
        self.batches = self.sequence = 0
        self.prices = dict.fromkeys(SYMBOLS, Decimal("100.00"))
        self.holders = {symbol: set() for symbol in SYMBOLS}


state = State()


class Viewer:
    """A portfolio, its totals, and the queue of its stream."""

    def __init__(self, number):
        self.id = str(uuid4())
        self.queue = asyncio.Queue()
        self.positions = {SYMBOLS[(number * 7 + step * 25) % 500]: (QUANTITY, COST) for step in range(20)}
        self.cost = sum(quantity * cost for quantity, cost in self.positions.values())
        self.value = sum(quantity * state.prices[symbol] for symbol, (quantity, _) in self.positions.items())
        self.change = sum(quantity * (state.prices[symbol] - CLOSE) for symbol, (quantity, _) in self.positions.items())

    def move(self, moved, now):
        """Go on to the prices that moved, as {symbol: (before, after)}; return the update."""
        holdings = []
        for symbol, (before, after) in moved.items():
            quantity, cost = self.positions[symbol]
            step = quantity * (after - before)
            self.value += step
            self.change += step
            worth = quantity * after
            holdings.append(
                {
                    "symbol": symbol,
                    "quantity": str(quantity),
                    "price": str(after),
                    "currency": "AUD",
                    "market_value": str(worth),
                    "daily_change": str(quantity * (after - CLOSE)),
                    "unrealized_gain_loss": str(worth - quantity * cost),
                    "is_stale": False,
                    "source": "driven",
                    "last_updated": now,
                }
            )
        return {
            "portfolio_id": self.id,
            "currency": "AUD",
            "total_value": str(self.value),
            "total_cost_basis": str(self.cost),
            "unrealized_gain_loss": str(self.value - self.cost),
            "daily_change": str(self.change),
            "daily_change_percent": str((self.change * 100 / (self.value - self.change)).quantize(Decimal("0.0001"))),
            "last_updated": now,
            "stale_price_count": 0,
            "fresh_percent": 100.0,
            "oldest_price_age_seconds": 0,
            "partial": False,
            "holdings": holdings,
        }


def event(name, data, now):
    state.sequence += 1
    return encode({"type": name, "data": data, "timestamp": now, "sequence": state.sequence}).decode()


@app.get("/sse")
async def sse(viewer: int):
    mine = Viewer(viewer)

    async def stream():
        for symbol in mine.positions:
            state.holders[symbol].add(mine)
        try:
            yield {
                "event": "portfolio_update",
                "data": event("portfolio_update", mine.move({}, datetime.now(UTC)), None),
            }
            while True:
                name, data, position = await mine.queue.get()
                yield {"event": name, "data": data, "id": position}
        finally:
            for symbol in mine.positions:
                state.holders[symbol].discard(mine)

    return EventSourceResponse(stream())


@app.get("/batch")
async def batch():
    began = time.monotonic_ns()
    state.batches += 1
    now = datetime.now(UTC)
    moved = {}
    for step in range(BATCH):
        symbol = SYMBOLS[(state.batches * BATCH + step) % 500]
        before = state.prices[symbol]
        state.prices[symbol] = after = Decimal(10_000 + state.batches) / 100
        after = state.prices[symbol] = after.quantize(CLOSE)
        data = event("price_update", price_update(symbol, after, began, now), now)
        moved[symbol] = before, after, data, f"1-{state.sequence}"
    touched = {}
    for symbol, (before, after, data, position) in moved.items():
        for viewer in state.holders[symbol]:
            viewer.queue.put_nowait(("price_update", data, position))
            touched.setdefault(viewer, {})[symbol] = (before, after)
    for viewer, changed in touched.items():
        viewer.queue.put_nowait(("portfolio_update", event("portfolio_update", viewer.move(changed, now), now), None))
    return {"began": began}


def price_update(symbol, price, volume, now):
    return {
        "symbol": symbol,
        "price": str(price),
        "previous_close": str(CLOSE),
        "change": str(price - CLOSE),
        "change_percent": str(((price - CLOSE) * 100 / CLOSE).quantize(Decimal("0.0001"))),
        "volume": volume,
        "currency": "AUD",
        "market_status": "OPEN",
        "source": "driven",
        "last_updated": now,
        "is_stale": False,
    }


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        backlog=2048,
    )
