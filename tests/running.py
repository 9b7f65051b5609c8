"""A real server in a process of its own, and the smallest clients that can watch it."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError

ROOT = Path(__file__).parent.parent
PASSWORD = "correct horse battery"


@dataclass
class Answer:
    """What a request got."""

    status: int
    headers: dict[str, str]
    body: Any


class RunningServer:
    """`run.py` on a free port of 127.0.0.1 with a database in *folder*; settings as MARKET_… without the prefix."""

    program: tuple[str, ...] = (str(ROOT / "run.py"),)

    def __init__(self, folder: Path, *arguments: str, **settings: object) -> None:
        self.folder = folder
        self.arguments = arguments
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("MARKET_")} | {
            "MARKET_DATABASE_URL": f"sqlite:///{folder / 'market.db'}",
            "MARKET_SECRET_FILE": str(folder / "secret"),
        }
        self.environment |= {f"MARKET_{name.upper()}": str(value) for name, value in settings.items()}
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None
        self.lines: queue.Queue[str] = queue.Queue()
        self.log = folder / "server.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> RunningServer:
        """Start, and wait until it is ready to serve."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, *self.arguments, "--port", str(self.port)],
                env=self.environment,
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        threading.Thread(target=self._collect, args=(self.process,), daemon=True).start()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log.read_text()}")
            try:
                if self.get("/readyz").status == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the server was not ready in 30 s:\n{self.log.read_text()}")

    def _collect(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.put(line)
        process.stdout.close()

    def sign_in_link(self) -> str:
        """Wait for the one-time link that a fresh server prints."""
        while True:
            found = re.match(r"Sign in: (\S+)", self.lines.get(timeout=10))
            if found:
                return found.group(1)

    def terminate(self) -> int:
        """SIGTERM; return the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def kill(self) -> None:
        """SIGKILL, as a crash of the machine would."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)

    def command(self, *arguments: str, text: str | None = None) -> str:
        """Run another command of run.py on the same database; return what it printed."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *arguments],
            env=self.environment,
            cwd=self.folder,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make_user(self, email: str, role: str = "user") -> None:
        self.command("user", "add", email, "--role", role, "--password-stdin", text=PASSWORD + "\n")

    def make_token(self, email: str, scope: str = "write") -> str:
        return self.command("token", "create", email, "--scope", scope).strip()

    def get(self, path: str, token: str | None = None) -> Answer:
        return self.request("GET", path, token=token)

    def request(self, method: str, path: str, body: object = None, token: str | None = None, **headers: str) -> Answer:
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=15) as response:
                return _answer(response)
        except HTTPError as error:
            with error:
                return _answer(error)

    def stream(self, token: str, query: str = "", **headers: str) -> EventStream:
        return EventStream(self.port, token, query, headers)


def _answer(response: Any) -> Answer:
    data = response.read()
    is_json = "json" in response.headers.get("Content-Type", "")
    return Answer(response.status, dict(response.headers), json.loads(data) if is_json and data else data)


@dataclass
class Event:
    """One event of a stream; received_at is monotonic."""

    name: str
    id: str | None
    data: dict[str, Any]
    sequence: int
    received_at: float = field(default_factory=time.monotonic)


class EventStream:
    """A blocking reader of one event stream."""

    def __init__(self, port: int, token: str, query: str, headers: dict[str, str]) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=35)
        self._connection.request(
            "GET",
            f"/api/v1/market-data/stream{query}",
            headers={"Authorization": f"Bearer {token}", "Accept": "text/event-stream"} | headers,
        )
        self.response = self._connection.getresponse()
        self.status = self.response.status
        self.comments = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self.response.close()
        self._connection.close()

    def __iter__(self) -> Iterator[Event]:
        """Yield events until the server ends the stream."""
        fields: dict[str, str] = {}
        for raw in self.response:
            line = raw.decode().rstrip("\n")
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                body = json.loads(fields["data"])
                yield Event(fields["event"], fields.get("id"), body["data"], body["sequence"])
                fields = {}
            else:
                fields = {}

    def until(self, name: str, seconds: float = 20, **data: object) -> Event:
        """Return the next event of this name with these data, which must come in time."""
        deadline = time.monotonic() + seconds
        seen = []
        for event in self:
            if event.name == name and all(event.data.get(key) == value for key, value in data.items()):
                return event
            seen.append(event)
            assert time.monotonic() < deadline, f"no {name} with {data} in {seconds} s, but {seen[-5:]}"
        raise AssertionError(f"the stream ended before a {name} with {data}; last came {seen[-5:]}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
