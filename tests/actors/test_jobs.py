"""The scheduler's jobs: they follow the wall clock, also when it jumps."""

from __future__ import annotations

import datetime
from types import SimpleNamespace

import pytest

from market_actors.messages import Tick
from market_actors.scheduling.jobs import Jobs

NOON = datetime.datetime(2026, 1, 5, 1, 0, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)


class Wall:
    """A clock that schedule reads and the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wall = self
        self.now, self.monotonic = NOON, 0.0

        class Clock(datetime.datetime):
            @classmethod
            def now(cls, tz=None):
                return wall.now.astimezone().replace(tzinfo=None)

        stand_in = SimpleNamespace(datetime=Clock, timedelta=datetime.timedelta, time=datetime.time)
        monkeypatch.setattr("schedule.datetime", stand_in)

    def tick(self, seconds: float = 0, jump: datetime.timedelta = datetime.timedelta(0)) -> Tick:
        self.monotonic += seconds
        self.now += datetime.timedelta(seconds=seconds) + jump
        return Tick(self.now, self.monotonic)


@pytest.fixture
def wall(monkeypatch):
    return Wall(monkeypatch)


def test_a_job_runs_when_its_time_has_come_and_once_for_all_that_it_missed(wall):
    runs = []
    jobs = Jobs(((MINUTE, runs.append),), wall.tick())

    assert jobs.run_pending(wall.tick(59)) is False
    assert runs == []
    jobs.run_pending(wall.tick(1))
    assert runs == [NOON + MINUTE]
    jobs.run_pending(wall.tick(600))
    assert runs == [NOON + MINUTE, NOON + 11 * MINUTE]


def test_a_job_does_not_rest_after_the_clock_was_set_back(wall):
    runs = []
    jobs = Jobs(((MINUTE, runs.append),), wall.tick())

    assert jobs.run_pending(wall.tick(1, jump=-datetime.timedelta(hours=2))) is True
    assert runs == []
    jobs.run_pending(wall.tick(60))
    assert len(runs) == 1


def test_a_clock_that_is_slowly_put_right_has_not_jumped(wall):
    jobs = Jobs((), wall.tick())

    assert jobs.run_pending(wall.tick(1, jump=datetime.timedelta(seconds=2))) is False
    assert jobs.run_pending(wall.tick(1, jump=datetime.timedelta(seconds=6))) is True
