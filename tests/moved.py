"""run.py with a wall clock that a test moves: it is off by the seconds in the file that MOVED_CLOCK names."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import run
from market_actors import clock
from tests.running import ROOT, RunningServer


class MovedServer(RunningServer):
    """A running server whose time the test sets; it goes on from there."""

    program = ("-m", "tests.moved")

    def __init__(self, folder: Path, now: datetime, **settings: object) -> None:
        super().__init__(folder, **settings)
        self._offset = folder / "offset"
        self.environment |= {"MOVED_CLOCK": str(self._offset), "PYTHONPATH": str(ROOT)}
        self.move(now)

    def move(self, now: datetime) -> None:
        """Let it be *now* (aware) for the server, at once."""
        new = self._offset.with_suffix(".new")
        new.write_text(str((now - datetime.now(UTC)).total_seconds()))
        new.rename(self._offset)


def moved() -> datetime:
    """Return the time of the file."""
    return datetime.now(UTC) + timedelta(seconds=float(Path(os.environ["MOVED_CLOCK"]).read_text()))


if __name__ == "__main__":
    clock.now = moved
    sys.exit(run.main())
