"""Personal: N viewers of a portfolio of twenty holdings each, and one batch of sixty changed prices.

python -m tests.performance.personal [N ...]

Until the last viewer has its new value, of the shipped server and of FastAPI with sse-starlette doing the same work, on one
core each and in turns. The processor time is that of the whole process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.performance.load import (
    PEERS,
    PEERS_PYTHON,
    Client,
    Ours,
    Process,
    compiled,
    middle,
    processor_seconds,
    scratch,
    settled,
    table,
)
from tests.running import free_port

BATCH = 60  # prices
ROUNDS = 7


def ours(folder: Path, streams: int) -> tuple[Process, list[str], Callable[[], int]]:
    """Return the server, the client's arguments, and what publishes a batch and says when (ns)."""
    server = Ours(folder, streams)

    def publish() -> int:
        server.command(f"batch {BATCH}")
        return int(server.answer())

    return server, server.query("portfolio_ids={portfolio}&include_heartbeat=false"), publish


def fastapi(folder: Path, streams: int) -> tuple[Process, list[str], Callable[[], int]]:
    port = free_port()
    server = Process([PEERS_PYTHON, str(PEERS / "fastapi_personal.py"), str(port)], port, folder)
    server.until_open()
    return server, ["-u", "/sse?viewer={i}"], lambda: int(server.get("/batch")["began"])


def measure(
    name: str, make: Callable[..., tuple[Process, list[str], Callable[[], int]]], streams: int
) -> dict[str, object]:
    """Return how long after a batch the viewers had their new values, and what one cost."""
    with scratch() as place:
        folder = Path(place)
        program = compiled("client.c", folder)
        server, arguments, publish = make(folder, streams)
        with server, Client(program, server.port, streams, "-e", "portfolio_update", *arguments) as client:
            seen = client.ask("seen")["seen"]
            assert seen == streams, f"{seen} of {streams} viewers got their first value"
            settled(server)
            times = []
            for _ in range(ROUNDS):
                client.say("once")
                client.expect("GO")
                before = processor_seconds(server.pid)
                began = publish()
                got = client.answer()
                used = processor_seconds(server.pid) - before
                assert got["got"] == streams, got
                times.append((*[(got[key] - began) / 1e6 for key in ("p50_ns", "p99_ns", "last_ns")], used))
                settled(server, 0.2)
    half, most, last, used = (middle(column) for column in zip(*times, strict=True))
    return {
        "viewers": streams,
        "server": name,
        "p50 ms": half,
        "p99 ms": most,
        "last ms": last,
        "CPU µs an update": used / streams * 1e6,
    }


def main() -> None:
    rows = []
    for streams in map(int, sys.argv[1:] or ["1000", "10000"]):
        for name, make in (("market-actors", ours), ("FastAPI + sse-starlette", fastapi)):
            rows.append(measure(name, make, streams))
            print(rows[-1], file=sys.stderr)
    print(table(rows))


if __name__ == "__main__":
    main()
