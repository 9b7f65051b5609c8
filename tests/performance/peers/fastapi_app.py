"""FastAPI + sse-starlette on uvicorn (uvloop, httptools): one queue per client.

python fastapi_app.py PORT
"""

import asyncio
import sys

from common import QueueHub
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

app = FastAPI()
hub = QueueHub()


@app.get("/sse")
async def sse():
    queue = asyncio.Queue()

    async def stream():
        hub.queues.add(queue)
        try:
            while True:
                data = await queue.get()
                yield {"event": "valuation", "data": data}
                hub.delivered()
        finally:
            hub.queues.discard(queue)

    return EventSourceResponse(stream())


@app.get("/ctl")
async def ctl(period: float):
    hub.ticker.set(period)
    return {"period": period, "clients": len(hub.queues)}


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
