"""SIGTERM with N open streams, while a program asks for prices: who hears of it, how long it takes, when they come back.

python -m tests.performance.stop [N]

Fifty readers more tell when they were asked to come back: the first, the middle and the last of them.
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tests.performance.audience import STREAMS_A_USER
from tests.performance.load import Client, Ours, Rest, compiled, scratch, settled, table
from tests.running import EventStream


def measure(streams: int) -> dict[str, object]:
    with scratch() as place:
        folder = Path(place)
        asked: list[EventStream] = []
        program = compiled("client.c", folder)
        with Ours(folder, streams + STREAMS_A_USER) as server, ExitStack() as readers:
            arguments = server.query("portfolio_ids={portfolio}&include_heartbeat=false")
            with Client(program, server.port, streams, "-e", "closing", *arguments) as client:
                for viewer in server.viewers[-STREAMS_A_USER:]:
                    reader = EventStream(server.port, viewer.token, "?symbols=S000.AX", {})
                    asked.append(readers.enter_context(reader))
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
                waits = sorted(each.until("closing").data["retry"] / 1000 for each in asked)
    return {
        "streams": streams,
        "told closing": told["got"],
        "the last after ms": (told["last_ns"] - began) / 1e6,
        "requests cut": rest.cut,
        "ended after s": (ended - began) / 1e9,
        "exit status": status,
        "back after s": f"{waits[0]:.1f}, {waits[len(waits) // 2]:.1f}, {waits[-1]:.1f}",
    }


def main() -> None:
    print(table([measure(int(text)) for text in sys.argv[1:] or ["5000"]]))


if __name__ == "__main__":
    main()
