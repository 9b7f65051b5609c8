"""The pulse of the process: tells the actors that a second has passed, and looks after the fallen.

It keeps time by the loop's monotonic clock: Tornado's PeriodicCallback follows the wall clock,
and falls silent for an hour when that is set back by one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from market_actors import clock
from market_actors.messages import Tick
from market_actors.system import ActorSystem
from web.fanout import Fanout

logger = logging.getLogger(__name__)

BEAT = 0.25  # seconds between two looks at the actors
BEATS_A_SECOND = round(1 / BEAT)


class Pulse:
    """Beats on the running loop; *saw_lag* hears, each beat, how late the loop was (seconds)."""

    def __init__(self, system: ActorSystem, fanout: Fanout, saw_lag: Callable[[float], None]) -> None:
        self._system = system
        self._fanout = fanout
        self._saw_lag = saw_lag
        self._beats = 0

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time()
        self._timer = self._loop.call_at(self._due, self._beat)

    def stop(self) -> None:
        self._timer.cancel()

    def _beat(self) -> None:
        now = self._loop.time()
        self._saw_lag(now - self._due)
        self._due = max(self._due + BEAT, now)  # beats that were missed are not made up for
        self._timer = self._loop.call_at(self._due, self._beat)
        monotonic = time.monotonic()
        if self._beats % BEATS_A_SECOND == 0:
            self._system.tick(Tick(clock.now(), monotonic))
            self._fanout.check(monotonic)
        self._beats += 1
        self._system.supervise(monotonic)
