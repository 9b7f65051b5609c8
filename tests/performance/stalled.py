"""A quarter of the readers stop reading: what the others notice, what it costs, whether the stalled are cut and resume.

python -m tests.performance.stalled [N] [STALLED]

Each stream asks for sixty symbols, and a price of each is published every 1.03 s for 30 s: so both rows meet the second of
the actors at every moment of it, and not at one that chance has chosen. One more reader stops as well, in either row; when
it has been cut it reads what had arrived, and comes back with the last id of that. not resumed: how many prices after that
id it does not get.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.performance.audience import STREAMS_A_USER, SYMBOLS
from tests.performance.load import Client, Ours, compiled, resident, scratch, settled, table
from tests.running import EventStream

SECONDS = 30.0
QUERY = f"symbols={','.join(SYMBOLS[:60])}&include_heartbeat=false"


def not_resumed(server: Ours, stream: EventStream) -> int:
    """Go on where a stream ended; return how many of the prices that were published since do not come."""
    last = [event.id for event in stream if event.id][-1]
    with EventStream(server.port, server.viewers[-1].token, f"?{QUERY}", {"Last-Event-ID": last}) as again:
        assert again.until("connection_status").data["recovered"]
        server.command("batch -1")
        published = int(server.answer())
        numbers = [_number(last)]
        for event in again:
            numbers.append(_number(event.id or ""))
            if event.data["volume"] == published:
                break
    assert numbers == sorted(set(numbers))
    return numbers[-1] - numbers[0] - len(numbers[1:])


def _number(position: str) -> int:
    return int(position.rpartition("-")[2])


def measure(streams: int, stalled: int, seconds: float = SECONDS) -> dict[str, object]:
    with scratch() as place:
        folder = Path(place)
        program = compiled("client.c", folder)
        with Ours(folder, streams + STREAMS_A_USER) as server:
            arguments = server.query(QUERY)
            settled(server)
            opened = ["-e", "price_update", "-z", str(stalled), *arguments]
            token = server.viewers[-1].token
            with (
                Client(program, server.port, streams, *opened) as client,
                EventStream(server.port, token, f"?{QUERY}", {}) as one,
            ):
                settled(server)
                before = resident(server.pid)
                client.say(str(seconds))
                client.expect("GO")
                began = time.monotonic()
                server.command("pace -60 1030")
                highest, cut = 0, None
                while time.monotonic() - began < seconds - 1:
                    highest = max(highest, resident(server.pid))
                    left_open = server.streams()
                    if cut is None and stalled and left_open < streams - stalled + 1:
                        cut = time.monotonic() - began
                    time.sleep(0.5)
                client.expect("WINDOW")
                server.command("pace 1 -1")
                got = client.answer()
                left = not_resumed(server, one) if cut else None
    return {
        "stalled": stalled,
        "of": streams,
        "others' p50 ms": got["p50_ms"],
        "others' p99 ms": got["p99_ms"],
        "lost": got["lost"],
        "MiB before": before / 2**20,
        "MiB at most": highest / 2**20,
        "all cut after s": cut,
        "not resumed": left,
    }


def main() -> None:
    numbers = [int(text) for text in sys.argv[1:]]
    streams, stalled = (numbers + [2000, 500][len(numbers) :])[:2]
    print(table([measure(streams, count) for count in (0, stalled)]))


if __name__ == "__main__":
    main()
