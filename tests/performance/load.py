"""What the measurements share: a server and a load client in processes of their own, their cost, and tables.

The server runs on core 0; the client and whatever publishes from outside run on core 1, unless a measurement gives the
server both. All is on 127.0.0.1.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import re
import resource
import shlex
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError

from tests.performance.audience import STREAMS_A_USER, Viewer, fill, write_requests
from tests.running import ROOT, free_port

HERE = Path(__file__).parent
PEERS = HERE / "peers"
PEERS_PYTHON = os.environ.get("PEERS_PYTHON", str(PEERS / ".venv/bin/python"))
PATIENCE = 120.0  # seconds that a command may take
SERVER_CORES, CLIENT_CORES = frozenset({0}), frozenset({1})


def pinned(command: Sequence[str], cores: Iterable[int]) -> list[str]:
    """Return the command that runs *command* on those of the *cores* that there are."""
    there = sorted(set(cores) & os.sched_getaffinity(0)) or sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", ",".join(map(str, there)), *command]


def allow_descriptors() -> None:
    """Let this process, and those that it starts, have all the descriptors there are."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def compiled(name: str, folder: Path) -> Path:
    """Build a C program of ours into *folder* with gcc."""
    source = HERE / name
    program = folder / source.stem
    if not program.exists():
        subprocess.run(["gcc", "-O2", "-pthread", "-o", str(program), str(source)], check=True)
    return program


def descendants(pid: int) -> list[int]:
    """Return the process and all that it started."""
    pids = [pid]
    for each in pids:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since
                pids += map(int, children.read_text().split())
    return pids


def resident(pid: int) -> int:
    """Resident memory of a process and all that it started, in bytes."""
    found = 0
    for each in descendants(pid):
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                found += int(line.split()[1]) * 1024
    return found


def processor_seconds(pid: int) -> float:
    """Processor time of a process and all that it started."""
    found = 0.0
    for each in descendants(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and all that it started."""
    for each in descendants(pid):
        os.kill(each, number)


def pinned_process(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start what publishes from outside."""
    return subprocess.Popen(pinned(command, CLIENT_CORES))


class Process:
    """A server under load: started, waited for, ended."""

    def __init__(
        self, command: Sequence[str], port: int, folder: Path, cores: Iterable[int] = SERVER_CORES, **kwargs: Any
    ) -> None:
        self.port = port
        self.cores = frozenset(cores)
        self.log = folder / "server.log"
        allow_descriptors()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                pinned(command, cores), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, **kwargs
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            children = descendants(self.process.pid)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                for pid in children:
                    os.kill(pid, signal.SIGKILL)
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    def until_open(self) -> None:
        """Wait until the port answers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{self.log.read_text()[-2000:]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the server did not listen")

    def command(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().strip()

    def get(self, path: str, token: str = "", method: str = "GET") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")


class Ours(Process):
    """The shipped server with its limits at their defaults, driven by tests.performance.driven.

    viewers: how many streams it will have, each with a portfolio of its own; empty: of nothing.
    counted: make it tell exactly what memory it uses, which takes a little more of it.
    """

    def __init__(
        self,
        folder: Path,
        viewers: int,
        cores: Iterable[int] = SERVER_CORES,
        *,
        empty: bool = False,
        counted: bool = False,
        **settings: object,
    ) -> None:
        self.folder = folder
        url = f"sqlite:///{folder / 'market.db'}"
        self.viewers: list[Viewer] = fill(url, viewers, empty=empty)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MARKET_")}
        own = {"database_url": url, "secret_file": folder / "secret", "providers": "driven", "port": free_port()}
        environment = {f"MARKET_{name.upper()}": str(value) for name, value in {**own, **settings}.items()}
        if counted:
            environment |= {"PYTHONMALLOC": "malloc", "MALLOC_ARENA_MAX": "1"}
        super().__init__(
            [sys.executable, "-m", "tests.performance.driven"],
            int(environment["MARKET_PORT"]),
            folder,
            cores,
            cwd=ROOT,
            env=kept | environment,
        )
        self.until_open()
        self.until_ready()

    def live_memory(self) -> int:
        """Return how many bytes it has in use, without garbage; it must be of *counted* memory."""
        settled(self)
        self.command("memory")
        return int(self.answer())

    def streams(self) -> int:
        """Return how many streams are open."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            found = re.search(rb"^market_streams (\S+)", answer.read(), re.MULTILINE)
        assert found is not None
        return int(float(found[1]))

    def until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.get("/readyz")
                return
            except HTTPError:
                time.sleep(0.05)
        raise RuntimeError("the server was not ready")

    def until_valued(self) -> None:
        """Wait until every portfolio has the first point of its history; a start makes a hundred a second."""
        deadline = time.monotonic() + PATIENCE + len(self.viewers) / 50
        with closing(sqlite3.connect(self.folder / "market.db")) as database:
            while time.monotonic() < deadline:
                (count,) = database.execute("SELECT COUNT(DISTINCT portfolio_id) FROM portfolio_valuation").fetchone()
                if count == len(self.viewers):
                    return
                time.sleep(0.2)
        raise RuntimeError(f"{count} of {len(self.viewers)} portfolios were valued")

    def query(self, query: str, first: int = 0) -> list[str]:
        """Return the load client's arguments for streams of that query, which may name the {portfolio}, from *first* on."""
        requests = self.folder / f"requests-{first}"
        write_requests(requests, self.viewers[first:], query)
        return ["-f", str(requests), "-k", "volume"]


class Client:
    """The load client; its answers are dictionaries."""

    def __init__(self, program: Path, port: int, streams: int, *arguments: str) -> None:
        command = [str(program), "-p", str(port), "-n", str(streams), *arguments]
        self.process = subprocess.Popen(
            pinned(command, CLIENT_CORES),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._words: queue.Queue[str] = queue.Queue()
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()
        self.expect("READY")
        self.connected = self.answer()
        if self.connected["dead"]:
            raise RuntimeError(f"not every stream was opened: {self.connected}")

    def _collect(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._words.put(line.strip())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait()
        self._collector.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def say(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def expect(self, word: str) -> None:
        said = self._words.get(timeout=PATIENCE)
        if said != word:
            raise RuntimeError(f"expected {word}, got {said!r}")

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def ask(self, command: str) -> dict[str, Any]:
        self.say(command)
        return self.answer()


class Rest(threading.Thread):
    """A program that asks for a price and a valuation in turns, ten times a second each by a credential of its own."""

    EVERY = 0.05  # seconds

    def __init__(self, server: Ours, may_be_refused: bool = False) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._may_be_refused = may_be_refused
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.cut = 0
        self._took: list[float] = []
        self._stopping = threading.Event()
        self.start()

    def run(self) -> None:
        connection = self._connection
        viewers = itertools.cycle(self._server.viewers[::STREAMS_A_USER])
        paths = itertools.cycle(["/api/v1/market-data/prices/S000.AX", "/api/v1/portfolios/{}/valuation"])
        while not self._stopping.wait(self.EVERY):
            viewer = next(viewers)
            began = time.perf_counter()
            path = next(paths).format(viewer.portfolio_id)
            try:
                connection.request("GET", path, headers={"Authorization": f"Bearer {viewer.token}"})
            except OSError:
                if self._may_be_refused:
                    return
                raise
            try:
                answer = connection.getresponse()
                answer.read()
            except (OSError, HTTPException) as error:
                # A connection that was kept, and closed before the request came to it, is no request that was cut.
                self.cut += not isinstance(error, RemoteDisconnected)
                return
            self._took.append(time.perf_counter() - began)
            if answer.status != 200 and not self._may_be_refused:
                raise RuntimeError(f"{path} was answered with {answer.status}")

    def stop(self) -> float:
        """Return the 99th percentile of the answers' times, in ms."""
        self._stopping.set()
        self.join()
        self._connection.close()
        return sorted(self._took)[int(len(self._took) * 0.99)] * 1000

    @property
    def half(self) -> float:
        """The median of the answers' times, in ms."""
        return middle(self._took) * 1000


def settled(server: Process, quiet: float = 0.5) -> None:
    """Wait until the server has used hardly any processor time for *quiet* seconds."""
    while True:
        before = processor_seconds(server.pid)
        time.sleep(quiet)
        if processor_seconds(server.pid) - before < 0.1 * quiet:
            return


def scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="market-load-")


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return the rows as a Markdown table; figures that are no text have as many digits as they need."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" + "---:|" * (len(names) - 1)]
    lines += ["| " + " | ".join(shown(row.get(name)) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def shown(figure: object) -> str:
    if isinstance(figure, float):
        return f"{figure:,.0f}" if figure >= 1000 else f"{figure:,.3g}"
    return "–" if figure is None else str(figure)


def middle(figures: Iterable[float]) -> float:
    return statistics.median(figures)


def words(text: str, **values: object) -> list[str]:
    return [word.format(**values) for word in shlex.split(text)]
