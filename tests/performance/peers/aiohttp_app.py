"""aiohttp + aiohttp-sse: one queue per client.  python aiohttp_app.py PORT [uvloop]"""

import asyncio
import sys

from aiohttp import web
from aiohttp_sse import sse_response
from common import QueueHub

hub = QueueHub()


async def sse(request):
    queue = asyncio.Queue()
    async with sse_response(request) as response:
        hub.queues.add(queue)
        try:
            while True:
                await response.send(await queue.get(), event="valuation")
                hub.delivered()
        finally:
            hub.queues.discard(queue)
    return response


async def ctl(request):
    hub.ticker.set(float(request.query["period"]))
    return web.json_response({"clients": len(hub.queues)})


if __name__ == "__main__":
    if "uvloop" in sys.argv:
        import uvloop

        uvloop.install()
    app = web.Application()
    app.add_routes([web.get("/sse", sse), web.get("/ctl", ctl)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, backlog=2048)
