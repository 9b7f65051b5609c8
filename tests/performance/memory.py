"""Memory: of an idle stream, and of a stream with a watched portfolio of twenty holdings; given back when they go.

python -m tests.performance.memory [N ...]

Resident memory of the shipped server, in waves of N streams that are opened and closed. Of the first wave: the growth a
stream. A watched portfolio is what a stream of one takes more than a stream of a symbol. slope: by how much the memory
after a wave grew from the second wave to the last, a wave.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.performance.load import Client, Ours, compiled, resident, scratch, settled, table

WAVES = 4
IDLE = "symbols=S000.AX&include_heartbeat=false"
WATCHING = "portfolio_ids={portfolio}&include_heartbeat=false"


def measure(streams: int, query: str, waves: int = WAVES) -> dict[str, float]:
    with scratch() as place:
        folder = Path(place)
        program = compiled("client.c", folder)
        with Ours(folder, streams, api_rate_limit=100_000) as server:  # a user's 50 streams are opened in each wave
            arguments = server.query(query)
            settled(server)
            before, after = resident(server.pid), []
            for wave in range(waves):
                with Client(program, server.port, streams, *arguments) as client:
                    client.ask("seen")
                    settled(server)
                    if wave == 0:
                        grown = (resident(server.pid) - before) / streams
                while server.streams():
                    pass
                settled(server)
                after.append(resident(server.pid))
    slope = (after[-1] - after[1]) / (waves - 2) if waves > 2 else 0.0
    return {
        "KiB": grown / 1024,
        "MiB before": before / 2**20,
        "MiB after the first wave": after[0] / 2**20,
        "MiB after the last": after[-1] / 2**20,
        "slope, MiB a wave": slope / 2**20,
    }


def compare(sizes: list[int], waves: int = WAVES) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for streams in sizes:
        idle, watching = measure(streams, IDLE, waves), measure(streams, WATCHING, waves)
        rows.append({"of": "an idle stream", "N": streams, **idle})
        rows.append({"of": "a stream and its portfolio", "N": streams, **watching})
        rows.append({"of": "a watched portfolio", "N": streams, "KiB": watching["KiB"] - idle["KiB"]})
    return rows


def main() -> None:
    print(table(compare([int(text) for text in sys.argv[1:] or ["1000", "10000"]])))


if __name__ == "__main__":
    main()
