"""Connect storm: N streams, each with a portfolio, opened as fast as they are answered, a hundred at a time.

python -m tests.performance.storm [N ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.performance.load import (
    PEERS,
    PEERS_PYTHON,
    Client,
    Ours,
    Process,
    compiled,
    processor_seconds,
    scratch,
    table,
)
from tests.running import free_port


def ours(folder: Path, streams: int) -> tuple[Process, list[str]]:
    server = Ours(folder, streams)
    return server, server.query("portfolio_ids={portfolio}&include_heartbeat=false")


def fastapi(folder: Path, _streams: int) -> tuple[Process, list[str]]:
    port = free_port()
    server = Process([PEERS_PYTHON, str(PEERS / "fastapi_personal.py"), str(port)], port, folder)
    server.until_open()
    return server, ["-u", "/sse?viewer={i}"]


def measure(name: str, streams: int) -> dict[str, object]:
    with scratch() as place:
        folder = Path(place)
        program = compiled("client.c", folder)
        server, arguments = {"market-actors": ours, "FastAPI, without accounts or a database": fastapi}[name](
            folder, streams
        )
        with server:
            before = processor_seconds(server.pid)
            with Client(program, server.port, streams, "-e", "portfolio_update", *arguments) as client:
                seen = client.ask("seen")["seen"]
                used = processor_seconds(server.pid) - before
                opened = client.connected["connect_s"]
    return {
        "N": streams,
        "server": name,
        "all open after s": opened,
        "with their first value": seen,
        "CPU ms a stream": used / streams * 1000,
    }


def main() -> None:
    sizes = [int(text) for text in sys.argv[1:] or ["1000", "5000"]]
    names = ("market-actors", "FastAPI, without accounts or a database")
    print(table([measure(name, streams) for streams in sizes for name in names]))


if __name__ == "__main__":
    main()
