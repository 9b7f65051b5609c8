"""Personal: N viewers of a portfolio of twenty holdings each, and one batch of sixty changed prices.

python -m tests.performance.personal [N ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.performance.load import Client, Ours, compiled, middle, processor_seconds, scratch, settled, table

BATCH = 60  # prices


def ours(streams: int, rounds: int = 5) -> dict[str, object]:
    """Return how long after the batch the viewers had their new values, and what one cost."""
    with scratch() as name:
        folder = Path(name)
        with Ours(folder, streams) as server:
            arguments = server.query("portfolio_ids={portfolio}&include_heartbeat=false")
            client_program = compiled("client.c", folder)
            with Client(client_program, server.port, streams, "-e", "portfolio_update", *arguments) as client:
                assert client.ask("seen")["seen"] == streams
                settled(server)
                times = []
                for _ in range(rounds):
                    client.say("once")
                    client.expect("GO")
                    before = processor_seconds(server.pid)
                    server.command(f"batch {BATCH}")
                    began = int(server.answer())
                    got = client.answer()
                    settled(server)
                    used = processor_seconds(server.pid) - before
                    assert got["got"] == streams, got
                    times.append((*[(got[key] - began) / 1e6 for key in ("p50_ns", "p99_ns", "last_ns")], used))
    half, most, last, used = (middle(column) for column in zip(*times, strict=True))
    return {
        "server": "market-actors",
        "viewers": streams,
        "p50 ms": half,
        "p99 ms": most,
        "last ms": last,
        "CPU µs an update": used / streams * 1e6,
        "connected in s": client.connected["connect_s"],
    }


def main() -> None:
    print(table([ours(int(text)) for text in sys.argv[1:] or ["1000", "10000"]]))


if __name__ == "__main__":
    main()
