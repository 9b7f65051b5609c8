"""What the scheduler does by the clock on the wall: every hour, every minute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import schedule

from market_actors.messages import Tick

JUMP = timedelta(seconds=5)  # a clock that is put right drifts less than this between two ticks


class Jobs:
    """A private schedule.Scheduler, which begins anew when the wall clock has jumped.

    jobs: how often, and what; called with the time (aware, UTC).
    schedule goes by naive local time: after a clock set back, or the end of summer time, its jobs would rest.
    """

    def __init__(self, jobs: Sequence[tuple[timedelta, Callable[[datetime], None]]], tick: Tick) -> None:
        self._jobs = jobs
        self._last = tick
        self._calendar = schedule.Scheduler()
        self._fill()

    def run_pending(self, tick: Tick) -> bool:
        """Run what is due; return whether the wall clock has jumped since the last call."""
        passed = timedelta(seconds=tick.monotonic - self._last.monotonic)
        jumped = abs(_local(tick.now) - _local(self._last.now) - passed) > JUMP
        self._last = tick
        if jumped:
            self._fill()
        for job in sorted(job for job in self._calendar.jobs if job.next_run and job.next_run <= _local(tick.now)):
            job.run()  # type: ignore[no-untyped-call]
        return jumped

    def _fill(self) -> None:
        self._calendar.clear()
        for every, work in self._jobs:
            self._calendar.every(round(every.total_seconds())).seconds.do(self._run, work)

    def _run(self, work: Callable[[datetime], None]) -> None:
        work(self._last.now)


def _local(moment: datetime) -> datetime:
    return moment.astimezone().replace(tzinfo=None)
