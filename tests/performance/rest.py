"""REST while N viewers get a batch of sixty prices each second: how long a price and a valuation take.

python -m tests.performance.rest [N]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.performance.load import Client, Ours, Rest, compiled, scratch, settled, table

SECONDS = 20.0


def measure(streams: int, seconds: float = SECONDS) -> list[dict[str, object]]:
    """Return the 99th percentiles without and with the batches."""
    with scratch() as place:
        folder = Path(place)
        program = compiled("client.c", folder)
        with Ours(folder, streams) as server:
            arguments = server.query("portfolio_ids={portfolio}&include_heartbeat=false")
            with Client(program, server.port, streams, "-e", "portfolio_update", *arguments) as client:
                client.ask("seen")
                settled(server)
                rows: list[dict[str, object]] = []
                for label, command in (("nothing else", "pace 60 -1"), ("a batch each second", "pace 60 1000")):
                    rest = Rest(server)
                    server.command(command)
                    time.sleep(seconds)
                    server.command("pace 60 -1")
                    most = rest.stop()
                    rows.append({"while": label, "viewers": streams, "p50 ms": rest.half, "p99 ms": most})
    return rows


def main() -> None:
    print(table(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)))


if __name__ == "__main__":
    main()
