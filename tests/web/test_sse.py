"""The wire format: what an event looks like, and what the status of the feed is called."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from market_actors.domain.quote import StreamPosition
from market_actors.messages import ProviderStatus, Updates
from web import sse

NOW = datetime(2026, 1, 5, 4, 4, 5, tzinfo=UTC)


def updates(*providers: tuple[str, str | None], next_update: datetime | None = None, paused: str | None = None):
    states = tuple(
        ProviderStatus("p", status, reason, None, None, 0, 0, None, status != "active") for status, reason in providers
    )
    return Updates(states, next_update, None, frozenset(), paused)


def test_an_event_is_its_id_its_name_and_one_line_of_json():
    frame = sse.event("price_update", {"symbol": "CBA.AX"}, 1841, NOW, StreamPosition(7, 1841))

    assert frame == (
        b"id: 7-1841\n"
        b"event: price_update\n"
        b'data: {"type":"price_update","data":{"symbol":"CBA.AX"},"timestamp":"2026-01-05T04:04:05Z","sequence":1841}\n'
        b"\n"
    )


def test_text_with_line_ends_stays_on_its_line():
    frame = sse.StreamEncoder().error(1, "code", "first\nevent: closing\r\ndata: {}")
    assert frame.count(b"\n") == 3
    assert json.loads(frame.split(b"data: ", 1)[1])["data"]["message"] == "first\nevent: closing\r\ndata: {}"


@pytest.mark.parametrize(
    ("providers", "status"),
    [
        ([], "connected"),
        ([("active", None), ("error", "network: refused")], "connected"),
        ([("error", "network: refused"), ("rate_limited", "quota_day: spent")], "reconnecting"),
        ([("error", "auth: the key is invalid"), ("disabled", None)], "error"),
        ([("error", "auth: the key is invalid"), ("error", "upstream: 500")], "reconnecting"),
    ],
)
def test_the_feed_is_lost_only_when_no_provider_will_be_tried_again(providers, status):
    assert sse.status_of(updates(*providers)) == status


def test_the_next_update_is_unknown_while_paused_or_when_nothing_is_tracked():
    soon = NOW + timedelta(seconds=90)
    assert sse.next_update_in(updates(next_update=soon), NOW) == 90
    assert sse.next_update_in(updates(next_update=NOW - timedelta(seconds=5)), NOW) == 0
    assert sse.next_update_in(updates(), NOW) is None
    assert sse.next_update_in(updates(next_update=soon, paused="maintenance"), NOW) is None


def test_every_stream_is_told_to_come_back_at_a_moment_of_its_own():
    closings = {sse.StreamEncoder().closing(1).splitlines()[0] for _ in range(50)}
    assert len(closings) > 10
