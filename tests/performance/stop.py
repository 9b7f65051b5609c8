"""SIGTERM with N open streams, while a program asks for prices: who hears of it, and how long it takes.

python -m tests.performance.stop [N]
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from tests.performance.load import Client, Ours, Rest, compiled, scratch, settled, table


def measure(streams: int) -> dict[str, object]:
    with scratch() as place:
        folder = Path(place)
        program = compiled("client.c", folder)
        with Ours(folder, streams) as server:
            arguments = server.query("portfolio_ids={portfolio}&include_heartbeat=false")
            with Client(program, server.port, streams, "-e", "closing", *arguments) as client:
                settled(server)
                rest = Rest(server, may_be_refused=True)
                time.sleep(1)
                client.say("once")
                client.expect("GO")
                began = time.monotonic_ns()
                server.process.send_signal(signal.SIGTERM)
                status = server.process.wait(30)
                ended = time.monotonic_ns()
                told = client.answer()
                rest.stop()
    return {
        "streams": streams,
        "told closing": told["got"],
        "the last after ms": (told["last_ns"] - began) / 1e6,
        "requests cut": rest.cut,
        "ended after s": (ended - began) / 1e9,
        "exit status": status,
    }


def main() -> None:
    print(table([measure(int(text)) for text in sys.argv[1:] or ["5000"]]))


if __name__ == "__main__":
    main()
