"""Memory: of an idle stream, and of a stream with a watched portfolio of twenty holdings; given back when they go.

python -m tests.performance.memory [N ...]

The memory that the shipped server has in use, counted by the C library and without garbage, in waves of N streams that
are opened and closed. A watched portfolio is what a stream of one takes more than a stream of a symbol. slope: the growth
after a wave from the first to the last. A portfolio that nobody watches any more is kept for a minute, for who comes back,
and until it is looked after; so long is waited after each wave.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from market_actors.book import IDLE as KEPT
from market_actors.book import LOOKED_AFTER
from tests.performance.audience import STREAMS_A_USER
from tests.performance.load import Client, Ours, compiled, scratch, table

WAVES = 4
IDLE = "symbols=S000.AX&include_heartbeat=false"
WATCHING = "portfolio_ids={portfolio}&include_heartbeat=false"


def measure(streams: int, query: str, waves: int = WAVES, pause: float = 0.0) -> dict[str, float]:
    """Return the growth a stream (KiB), of the former half of them and of the later, and what is left after the waves (MiB).

    pause: seconds after each wave, before what is left is counted.
    """
    half = streams // 2
    with scratch() as place:
        folder = Path(place)
        program = compiled("client.c", folder)
        with Ours(folder, streams, empty=query == IDLE, counted=True) as server:
            first, later = server.query(query), server.query(query, half)
            with Client(program, server.port, STREAMS_A_USER, *first):
                server.command("batch 1")  # what is made at the first of all is not any stream's
                server.answer()
            after = [server.live_memory()]
            for wave in range(waves):
                with Client(program, server.port, half, *first) as one:
                    one.ask("seen")
                    halfway = server.live_memory()
                    with Client(program, server.port, streams - half, *later) as other:
                        other.ask("seen")
                        if wave == 0:
                            grown = (halfway - after[0]) / half, (server.live_memory() - halfway) / (streams - half)
                while server.streams():
                    time.sleep(0.1)
                time.sleep(pause)
                after.append(server.live_memory())
    figures = {"KiB a stream": sum(grown) / 2 / 1024, "of the later half": grown[1] / 1024}
    figures |= {"MiB before": after[0] / 2**20, "MiB after a wave": after[1] / 2**20}
    figures["MiB after the last"] = after[-1] / 2**20
    return figures | {"slope, MiB a wave": (after[-1] - after[1]) / max(waves - 1, 1) / 2**20}


def compare(sizes: list[int], waves: int = WAVES) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for streams in sizes:
        retired = KEPT + streams / LOOKED_AFTER + 3  # seconds
        idle, watching = measure(streams, IDLE, waves), measure(streams, WATCHING, waves, retired)
        rows.append({"of": "an idle stream", "N": streams, **idle})
        rows.append({"of": "a stream and its portfolio", "N": streams, **watching})
        rows.append(
            {"of": "a watched portfolio", "N": streams, "KiB a stream": watching["KiB a stream"] - idle["KiB a stream"]}
        )
    return rows


def main() -> None:
    print(table(compare([int(text) for text in sys.argv[1:] or ["1000", "10000"]])))


if __name__ == "__main__":
    main()
