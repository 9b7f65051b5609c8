"""From the poll that brings a new price to the browser that shows it: p50 and p99.

python -m tests.performance.latency [CHANGES] [VIEWERS]

A stand-in provider notes when it was asked for a price that had changed; each viewer notes when it has it.
"""

from __future__ import annotations

import queue
import sys
import tempfile
import threading
from pathlib import Path

from tests.endtoend.test_spine import COIN, Owner, serve
from tests.running import EventStream
from tests.standin import Standin


class Viewer(threading.Thread):
    """Reads prices off one stream as they come, as (price, monotonic time)."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.seen: queue.Queue[tuple[str, float]] = queue.Queue()

    def run(self) -> None:
        for event in self.stream:
            if event.name == "price_update":
                self.seen.put((event.data["price"], event.received_at))


def measure(changes: int, viewers: int) -> dict[str, float]:
    """Return the median and the 99th percentile (ms) over all viewers and changes."""
    with tempfile.TemporaryDirectory() as folder, Standin() as standin:
        standin.set_price(COIN, "150000", currency="AUD")
        with serve(Path(folder), standin, providers="yahoo", streams_per_user=viewers) as server:
            owner = Owner(server)
            owner.hold(COIN)
            readers = [Viewer(owner.stream()) for _ in range(viewers)]
            for reader in readers:
                reader.stream.until("portfolio_update", partial=False)
                reader.start()
            delays = []
            for change in range(changes):
                price = str(150_001 + change)
                asked = len(standin.calls("yahoo", COIN))
                standin.set_price(COIN, price)
                standin.wait_for_calls("yahoo", asked + 1, COIN)
                polled_at = standin.calls("yahoo", COIN)[asked].at
                for reader in readers:
                    seen, at = reader.seen.get(timeout=20)
                    while seen != price:
                        seen, at = reader.seen.get(timeout=20)
                    delays.append((at - polled_at) * 1000)
    delays.sort()
    return {
        "changes": changes,
        "viewers": viewers,
        "p50 ms": delays[len(delays) // 2],
        "p99 ms": delays[len(delays) * 99 // 100],
        "max ms": delays[-1],
    }


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:]]
    result = measure(*(numbers + [60, 20][len(numbers) :]))
    print("| " + " | ".join(result) + " |")
    print("|" + "---:|" * len(result))
    print("| " + " | ".join(f"{value:,.1f}" for value in result.values()) + " |")


if __name__ == "__main__":
    main()
