"""A quarter of the readers stop reading: what the others notice, what it costs, and whether the stalled are cut.

python -m tests.performance.stalled [N] [STALLED]

Each stream asks for sixty symbols, and a price of each is published every second for 30 s.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.performance.audience import SYMBOLS
from tests.performance.load import Client, Ours, compiled, resident, scratch, settled, table

SECONDS = 30.0


def measure(streams: int, stalled: int, seconds: float = SECONDS) -> dict[str, object]:
    with scratch() as place:
        folder = Path(place)
        program = compiled("client.c", folder)
        with Ours(folder, streams) as server:
            arguments = server.query(f"symbols={','.join(SYMBOLS[:60])}&include_heartbeat=false")
            settled(server)
            opened = ["-e", "price_update", "-z", str(stalled), *arguments]
            with Client(program, server.port, streams, *opened) as client:
                settled(server)
                before = resident(server.pid)
                client.say(str(seconds))
                client.expect("GO")
                began = time.monotonic()
                server.command("pace -60 1000")
                highest, cut = 0, None
                while time.monotonic() - began < seconds - 1:
                    highest = max(highest, resident(server.pid))
                    if cut is None and stalled and server.streams() <= streams - stalled:
                        cut = time.monotonic() - began
                    time.sleep(0.5)
                client.expect("WINDOW")
                server.command("pace 1 -1")
                got = client.answer()
    return {
        "stalled": stalled,
        "of": streams,
        "others' p50 ms": got["p50_ms"],
        "others' p99 ms": got["p99_ms"],
        "lost": got["lost"],
        "MiB before": before / 2**20,
        "MiB at most": highest / 2**20,
        "all cut after s": cut,
    }


def main() -> None:
    numbers = [int(text) for text in sys.argv[1:]]
    streams, stalled = (numbers + [2000, 500][len(numbers) :])[:2]
    print(table([measure(streams, count) for count in (0, stalled)]))


if __name__ == "__main__":
    main()
