"""The measurements in small, at the fifty streams that a user may have: they run, and count what they should."""

from __future__ import annotations

import pytest

from tests.performance import broadcast, hops, memory, personal, rest, stalled, stop, storm

STREAMS = 50

pytestmark = pytest.mark.performance


@pytest.fixture(autouse=True)
def soon_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "CLOSED", 0.3)
    monkeypatch.setattr(broadcast, "FIXED", 0.5)
    monkeypatch.setattr(personal, "ROUNDS", 2)


def test_every_stream_gets_every_broadcast():
    (found,) = broadcast.compare(STREAMS, 2, broadcast.servers(STREAMS, [broadcast.OURS]))
    assert found["lost"] == 0
    assert found["best deliveries/s"] >= found["deliveries/s"] > STREAMS


def test_every_stream_gets_every_broadcast_while_an_actor_computes():
    rows = broadcast.compare(STREAMS, 1, broadcast.busy_servers(STREAMS))
    assert len(rows) == 4
    assert [row["lost"] for row in rows] == [0] * 4
    assert all(row["deliveries/s"] > STREAMS for row in rows)


def test_every_viewer_gets_its_own_new_value():
    found = personal.measure("market-actors", personal.ours, STREAMS)
    assert found["viewers"] == STREAMS
    assert found["last ms"] >= found["p50 ms"]


def test_programs_are_answered_while_viewers_get_their_batches():
    assert [row["viewers"] for row in rest.measure(STREAMS, seconds=0.5)] == [STREAMS, STREAMS]


def test_all_hear_of_a_stop_and_no_request_is_cut():
    found = stop.measure(STREAMS)
    assert (found["told closing"], found["requests cut"], found["exit status"]) == (STREAMS, 0, 0)
    first, middle, last = map(float, str(found["back after s"]).split(", "))
    assert 1 <= first < middle < last <= 10


def test_every_stream_of_a_storm_gets_its_first_value():
    found = storm.measure("market-actors", STREAMS)
    assert found["with their first value"] == STREAMS


@pytest.mark.parametrize("query", [memory.IDLE, memory.WATCHING])
def test_memory_is_counted_wave_by_wave(query):
    found = memory.measure(STREAMS, query, waves=2)
    assert found["KiB a stream"] > 0
    assert found["MiB after the last"] > 0


def test_readers_that_stop_cost_the_others_nothing():
    found = stalled.measure(STREAMS, 10, seconds=2)
    assert (found["of"], found["lost"]) == (STREAMS, 0)


def test_on_one_core_an_actor_answers_while_others_compute():
    found = hops.measure()
    assert found["giving way"] > 3 * found["never"]
