"""A web site of another origin, which embeds the elements of a market-actors server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Host</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css">
<script type="module" src="{module}"></script></head>
<body><main><h1>A site of its own</h1>{body}</main></body></html>
"""


class Host:
    """Serves one page, its script and its style on a free port; `ticket` is its back end's way to a stream ticket."""

    def __init__(self) -> None:
        self.body = self.script = self.style = self.module = ""
        self.headers: dict[str, str] = {}
        self.ticket: Callable[[], tuple[int, Any]] = lambda: (404, {})
        self.tickets = 0
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host._answer(self)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        status, body, kind = 200, self.style, "text/css"
        if handler.path == "/":
            body, kind = PAGE.format(module=self.module or "/page.js", body=self.body), "text/html"
        elif handler.path == "/page.js":
            body, kind = self.script, "text/javascript"
        elif handler.path == "/ticket":
            self.tickets += 1
            status, answer = self.ticket()
            body, kind = json.dumps(answer), "application/json"
        data = body.encode()
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **self.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)
