"""Broadcast: one event to N streams, in a closed loop and once a second, beside the peers and the limit.

python -m tests.performance.broadcast [--n 50 1000 5000 10000] [--rounds 3] [--only NAME ...] [--busy]

The shipped server sends prices of one symbol that all streams ask for, with its accounts, registry and limits. Deliveries a
second are of the closed loop: the next event is published when the former has been handed to every socket. Latency is
from publishing to the client, at one event a second (N = 50: ten). All servers have their streams open at once and take
turns, while the others are stopped; the median of the rounds is shown, and the best of them, in which the machine's other
guests disturbed least. The processor time of a delivery is that of the server's process: it tells something on a machine
that is not quiet, too. The last column is the median of the rounds' ratios. --busy: on both cores, the shipped server, which a
program asks for prices all the time, as it is and with an actor that computes without end; and the limit, which nobody asks
for anything, as it is and with a thread that computes.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from tests.performance.load import (
    PEERS,
    PEERS_PYTHON,
    SERVER_CORES,
    Client,
    Ours,
    Process,
    Rest,
    compiled,
    middle,
    pinned_process,
    processor_seconds,
    resident,
    scratch,
    send_signal,
    settled,
    table,
    words,
)
from tests.running import free_port

CLOSED, FIXED = 3.0, 3.5  # seconds of the two measurements
BOTH = frozenset({0, 1})

OURS, LIMIT = "market-actors", "limit: C, epoll and send"
COMMANDS = {
    LIMIT: "{limit} {port}",
    "nginx + nchan": "/usr/sbin/nginx -p {folder} -c {folder}/nginx.conf",
    "node": "node {peers}/node_app.js {port}",
    "aiohttp-sse": "{python} {peers}/aiohttp_app.py {port}",
    "FastAPI + sse-starlette": "{python} {peers}/fastapi_app.py {port}",
}


class Peer(Process):
    """A peer of the table; all but nchan have a pace of their own, which a request sets."""

    def __init__(self, name: str, folder: Path, cores: frozenset[int] = SERVER_CORES) -> None:
        port = free_port()
        self.name, self.folder, self._publisher = name, folder, None
        configuration = (PEERS / "nchan.conf").read_text().replace("@PORT@", str(port))
        (folder / "nginx.conf").write_text(configuration)
        (folder / "logs").mkdir()
        limit = compiled("peers/limit.c", folder) if name == LIMIT else None
        command = words(COMMANDS[name], limit=limit, port=port, folder=folder, peers=PEERS, python=PEERS_PYTHON)
        super().__init__(command, port, folder, cores)
        self.until_open()

    def compute(self) -> None:
        """Start a thread that computes without end; only the limit can."""
        self.get("/ctl?period=-1&compute")

    def pace(self, milliseconds: float) -> None:
        if "nchan" not in self.name:
            self.get(f"/ctl?period={milliseconds}")
            return
        if self._publisher is not None:
            self._publisher.kill()
            self._publisher.wait()
            self._publisher = None
        if milliseconds >= 0:
            command = [sys.executable, str(PEERS / "post_publisher.py"), str(self.port), "/pub", str(milliseconds)]
            self._publisher = pinned_process(command)


class Shipped(Ours):
    def compute(self) -> None:
        """Start an actor that computes without end."""
        self.command("busy")

    def pace(self, milliseconds: float) -> None:
        self.command(f"pace 1 {milliseconds}")


class Bench:
    """A server with its streams open, and the load client that reads them. is_busy: it computes without end beside that."""

    def __init__(self, make: Callable[[Path], Any], streams: int, is_busy: bool = False) -> None:
        self._make, self._streams, self._is_busy = make, streams, is_busy
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(scratch()))
            program = compiled("client.c", folder)
            server = self.server = stack.enter_context(self._make(folder))
            is_ours = isinstance(server, Shipped)
            arguments = server.query("symbols=S000.AX&include_heartbeat=false") if is_ours else ["-u", "/sse"]
            if is_ours:
                arguments += ["-e", "price_update"]
                server.command("batch -1")  # at the first price of a symbol, who holds it is valued for the history
                server.until_valued()
                settled(server)
            server.pace(-1)
            settled(server)
            before = resident(server.pid)
            # A stall of the machine must not look like the end of the events.
            quiet = "300" if self._streams < 5000 else "700"
            self._client = stack.enter_context(Client(program, server.port, self._streams, "-q", quiet, *arguments))
            settled(server)
            self._each = (resident(server.pid) - before) / self._streams / 1024
            if self._is_busy:
                server.compute()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        send_signal(self.server.pid, signal.SIGCONT)
        self._stack.close()

    def stop(self) -> None:
        """Have the server take no processor time until it goes on."""
        send_signal(self.server.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        send_signal(self.server.pid, signal.SIGCONT)
        if self._is_busy:
            time.sleep(1)
        else:
            settled(self.server)

    def measure(self) -> dict[str, float]:
        """Return deliveries a second, latencies (ms), and memory a stream (KiB)."""
        server, client, found = self.server, self._client, {"KiB a stream": self._each}
        streams = self._streams
        for label, period, seconds in (("closed", 0, CLOSED), ("fixed", 100 if streams <= 50 else 1000, FIXED)):
            rest = Rest(server) if isinstance(server, Shipped) and server.cores == BOTH else None
            client.say(str(seconds))
            client.expect("GO")
            used = processor_seconds(server.pid)
            server.pace(period)
            client.expect("WINDOW")
            used = processor_seconds(server.pid) - used
            server.pace(-1)
            got = client.answer()
            if label == "closed":
                each = {} if self._is_busy else {"CPU µs each": used / got["deliveries"] * 1e6}
                found |= {"deliveries/s": got["per_s"], **each}
            else:
                found |= {"p50 ms": got["p50_ms"], "p99 ms": got["p99_ms"]}
            if rest is not None:
                found[f"REST p99 ms, {label}"] = rest.stop()
            found["lost"] = max(found.get("lost", 0), got["lost"])
        return found


def shipped(streams: int, cores: frozenset[int] = SERVER_CORES) -> Callable[[Path], Shipped]:
    return lambda folder: Shipped(folder, streams, cores)


def peer(name: str, cores: frozenset[int] = SERVER_CORES) -> Callable[[Path], Peer]:
    return lambda folder: Peer(name, folder, cores)


def servers(streams: int, only: Sequence[str] = ()) -> dict[str, Bench]:
    """Return those to compare, not yet started; *only* with a part of their names."""
    benches = {OURS: Bench(shipped(streams), streams)}
    benches |= {name: Bench(peer(name), streams) for name in COMMANDS}
    return {name: bench for name, bench in benches.items() if not only or any(part in name for part in only)}


def busy_servers(streams: int) -> dict[str, Bench]:
    """Return ours and the limit on both cores, each as it is and beside what computes without end."""
    return {
        f"{name}{', one computes' if is_busy else ''}": Bench(make, streams, is_busy)
        for name, make in ((OURS, shipped(streams, BOTH)), (LIMIT, peer(LIMIT, BOTH)))
        for is_busy in (False, True)
    }


def compare(streams: int, rounds: int, benches: Mapping[str, Bench]) -> list[dict[str, object]]:
    """Open all their streams, and let them take turns; a row for each."""
    cells: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        for bench in benches.values():
            stack.enter_context(bench).stop()
        for _ in range(rounds):
            for name, bench in benches.items():
                bench.go_on()
                cells.setdefault(name, []).append(bench.measure())
                bench.stop()
                print(f"N = {streams}, {name}: {cells[name][-1]}", file=sys.stderr)
    return summed(streams, cells)


def summed(streams: int, cells: dict[str, list[dict[str, float]]]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name, found in cells.items():
        figures = {key: middle(each[key] for each in found) for key in found[0]}
        best = max(each["deliveries/s"] for each in found)
        ratio = middle(
            ours["deliveries/s"] / its["deliveries/s"]
            for ours, its in zip(next(iter(cells.values())), found, strict=True)
        )
        rows.append({"N": streams, "server": name, **figures, "best deliveries/s": best, "the first to it": ratio})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="*", default=[50, 1000, 5000, 10000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--busy", action="store_true")
    chosen = parser.parse_args()
    for part in chosen.only:
        if not any(part in name for name in (OURS, *COMMANDS)):
            parser.error(f"--only: no server has {part!r} in its name; they are {', '.join((OURS, *COMMANDS))}")
    if chosen.busy and chosen.only:
        parser.error("--only: --busy measures ours and the limit")
    rows: list[dict[str, object]] = []
    for streams in chosen.n:
        benches = busy_servers(streams) if chosen.busy else servers(streams, chosen.only)
        rows += compare(streams, chosen.rounds, benches)
    print(table(rows))


if __name__ == "__main__":
    main()
