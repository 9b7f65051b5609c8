"""Fifty streams of one user: all events for as long as they last, no growth in memory, and the fifty-first is refused."""

from __future__ import annotations

import os
import threading
import time

import pytest

from tests.running import EventStream, RunningServer


class Watcher(threading.Thread):
    """Reads one stream to its end and notes what came."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.ids: list[str] = []
        self.sequences: list[int] = []
        self.heartbeats = 0

    def run(self) -> None:
        try:
            for event in self.stream:
                self.sequences.append(event.sequence)
                self.heartbeats += event.name == "heartbeat"
                if event.name == "price_update":
                    assert event.id is not None
                    self.ids.append(event.id)
        except (OSError, ValueError, AttributeError):
            pass  # closed by the test


def number_of(event_id: str) -> int:
    return int(event_id.rpartition("-")[2])


def resident(server: RunningServer) -> int:
    assert server.process is not None
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def watch(tmp_path, seconds: float) -> dict[str, float]:
    with RunningServer(
        tmp_path,
        open_interval_seconds=1,
        after_hours_interval_seconds=1,
        closed_interval_seconds=1,
        heartbeat_seconds=5,
    ) as server:
        server.make_user("a@example.org")
        token = server.make_token("a@example.org")
        portfolio = server.request("POST", "/api/v1/portfolios", {"name": "P", "base_currency": "AUD"}, token).body[
            "id"
        ]
        for number in range(20):
            body = {"quantity": "10", "average_cost": "100", "currency": "AUD"}
            server.request("PUT", f"/api/v1/portfolios/{portfolio}/holdings/S{number}.AX", body, token)
        watchers = [Watcher(server.stream(token, f"?portfolio_ids={portfolio}")) for _ in range(50)]
        assert {watcher.stream.status for watcher in watchers} == {200}
        with server.stream(token) as one_too_many:
            assert one_too_many.status == 429
            assert int(one_too_many.response.headers["Retry-After"]) > 0
        for watcher in watchers:
            watcher.start()
        memory = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            memory.append(resident(server))
            time.sleep(min(5.0, seconds / 20))
        assert all(watcher.is_alive() for watcher in watchers)
        for watcher in watchers:
            watcher.stream.response.fp.raw._sock.shutdown(2)  # wakes its reader
        for watcher in watchers:
            watcher.join(10)
            watcher.stream.close()

    first = max((watcher.ids[0] for watcher in watchers), key=number_of)
    last = min((watcher.ids[-1] for watcher in watchers), key=number_of)
    spans = [watcher.ids[watcher.ids.index(first) : watcher.ids.index(last) + 1] for watcher in watchers]
    assert all(span == spans[0] for span in spans), "a stream missed an event that another got"
    for watcher in watchers:
        assert watcher.sequences == sorted(set(watcher.sequences))
        assert watcher.heartbeats >= seconds // 5 - 1
    half = len(memory) // 2
    return {
        "seconds": seconds,
        "price updates a stream": len(spans[0]),
        "events in all": sum(len(watcher.sequences) for watcher in watchers),
        "MiB at a tenth": memory[len(memory) // 10] / 2**20,
        "MiB at half": memory[half] / 2**20,
        "MiB at the end": memory[-1] / 2**20,
    }


@pytest.mark.performance
def test_fifty_streams_get_the_same_events_and_the_fifty_first_is_refused(tmp_path):
    figures = watch(tmp_path, 8)
    assert figures["price updates a stream"] >= 20


@pytest.mark.slow
def test_fifty_streams_for_ten_minutes_do_not_grow_the_server(tmp_path, capsys):
    figures = watch(tmp_path, float(os.environ.get("TEST_STREAM_SECONDS", "600")))
    with capsys.disabled():
        print("\n", figures)
    assert figures["MiB at the end"] < figures["MiB at half"] * 1.03
