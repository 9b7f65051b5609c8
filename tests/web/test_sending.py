"""Sends to real sockets, in each way that the kernel offers."""

from __future__ import annotations

import errno
import os
import random
import resource
import select
import signal
import socket
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

import pytest

from tests.sockets import KINDS, sender_of, socket_pair
from web import sending
from web.sending import TRY_AGAIN, Ring, Sender, send, send_each

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    with ExitStack() as stack:
        made = [socket_pair() for _ in range(7)]
        for pair in made:
            for end in pair:
                stack.enter_context(end)
        yield made


def fill_up(server: socket.socket) -> None:
    """Send until the kernel takes no more."""
    for size in (65536, 1):  # where no more segments fit, the last may still have room
        while send(server.fileno(), bytes(size)) > 0:
            pass


def taken_of(sender: Sender, sockets: Sequence[socket.socket], data: bytes) -> list[int]:
    """Send; return what was taken of each, negative where there was an error."""
    short = sender.send(array("i", [each.fileno() for each in sockets]), data)
    assert len({place for place, _ in short}) == len(short)
    return [dict(short).get(place, len(data)) for place in range(len(sockets))]


def received(reader: socket.socket) -> bytes:
    assert select.select([reader], [], [], 5)[0], "nothing came"
    return reader.recv(65536)


def test_each_gets_the_same(kind, pairs):
    sender = sender_of(kind, 8)

    assert taken_of(sender, [server for server, _ in pairs], b"price") == [5] * 7
    assert [received(reader) for _, reader in pairs] == [b"price"] * 7


def test_more_than_fit_at_once_and_again_and_again(kind, pairs):
    sender = sender_of(kind, 4)  # what waits goes round in a queue of so many places

    for number in range(50):
        data = b"%d." % number * (number + 1)
        chosen = pairs[: number % 8]

        assert taken_of(sender, [server for server, _ in chosen], data) == [len(data)] * len(chosen)
        assert [received(reader) for _, reader in chosen] == [data] * len(chosen)


def test_results_stand_where_their_sockets_stand(kind, pairs):
    sender = sender_of(kind, 8)
    (full, _), (gone, peer), (closed, _) = pairs[1], pairs[3], pairs[5]
    fill_up(full)
    peer.close()
    assert select.select([gone], [], [], 5)[0]  # it has heard
    send(gone.fileno(), b"answered with a reset")
    heard = select.poll()
    heard.register(gone, 0)
    assert heard.poll(5000)
    closed.close()

    for _ in range(3):  # from each place of the queue
        taken = taken_of(sender, [server for server, _ in pairs], b"price")

        assert [max(0, result) for result in taken] == [5, 0, 5, 0, 5, 0, 5]
    good = [pairs[at][1] for at in (0, 2, 4, 6)]
    assert [received(reader) for reader in good] == [b"price" * 3] * 4


def test_of_what_does_not_fit_a_part_is_taken(kind, pairs):
    data = os.urandom(8 << 20)
    server, reader = pairs[0]

    (taken,) = taken_of(sender_of(kind, 8), [server], data)

    assert 0 < taken < len(data)
    got = b""
    while len(got) < taken:
        got += received(reader)
    assert got == data[:taken]


def test_one_that_takes_nothing_is_told_from_one_that_is_gone(pairs):
    (full, _), (closed, _) = pairs[:2]
    fill_up(full)
    number = closed.fileno()
    closed.close()

    assert send(full.fileno(), b"price") in TRY_AGAIN
    assert send(number, b"price") == -errno.EBADF


def test_each_gets_its_own(pairs):
    fill_up(pairs[1][0])

    taken = send_each([server.fileno() for server, _ in pairs[:3]], [b"one", b"two", b"three"])

    assert (taken[0], taken[1] < 0, taken[2]) == (3, True, 5)
    assert (received(pairs[0][1]), received(pairs[2][1])) == (b"one", b"three")


@pytest.mark.parametrize("begun", [0, 3])
def test_what_the_kernel_does_not_begin_is_sent_all_the_same(monkeypatch, kind, pairs, begun):
    """It may run short of memory amid a row."""
    sender = sender_of(kind, 8)
    real = sending._syscall
    monkeypatch.setattr(sending, "_syscall", lambda number, fd, _count, *rest: real(number, fd, begun, *rest))
    for at in (1, 5):
        pairs[at][0].close()
    readers = [pairs[at][1] for at in (0, 2, 3, 4, 6)]

    for data in (b"first", b"second"):
        taken = taken_of(sender, [server for server, _ in pairs], data)

        assert [max(0, each) for each in taken] == [len(data), 0, *[len(data)] * 3, 0, len(data)]
        assert [received(reader) for reader in readers] == [data] * 5


@pytest.mark.parametrize("refusal", ["no ring", "no sends", "later"])
def test_where_the_kernel_refuses_a_ring_each_is_sent_to_all_the_same(monkeypatch, pairs, refusal):
    real = sending._syscall
    if refusal == "no sends":
        monkeypatch.setattr(sending, "_CAN_SEND", 1 << 31)  # what no kernel says that it has
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if refusal == "no ring":
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))  # no number is free for it
    try:
        sender = Sender(8)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    if refusal == "later":
        monkeypatch.setattr(sending, "_syscall", lambda number, _fd, *rest: real(number, -1, *rest))

    for data in (b"first", b"second"):
        assert taken_of(sender, [server for server, _ in pairs], data) == [len(data)] * 7
        assert [received(reader) for _, reader in pairs] == [data] * 7
    assert sender.ring is None


@pytest.mark.parametrize("where", ["_syscall", "_parts"])
def test_a_failure_amid_a_row_does_no_harm_to_the_next(monkeypatch, kind, pairs, where):
    sender = sender_of(kind, 8)
    real = getattr(sending, where)
    calls = iter(range(1, 100))

    def fail_at_first(*arguments):
        if next(calls) == (2 if where == "_parts" else 1):  # as it looks for the results
            raise MemoryError
        return real(*arguments)

    monkeypatch.setattr(sending, where, fail_at_first)
    with suppress(MemoryError):
        sender.send(array("i", [pairs[0][0].fileno()]), b"failed")
    if kind == "calls" or where == "_parts":
        assert received(pairs[0][1]) == b"failed"
    pairs[2][0].close()

    for data in (b"first", b"second"):
        taken = taken_of(sender, [server for server, _ in pairs[1:4]], data)

        assert [max(0, each) for each in taken] == [len(data), 0, len(data)]
        assert [received(pairs[at][1]) for at in (1, 3)] == [data] * 2


class Kernel:
    """Stands for one that has served a ring for days: its counters are near their end. It begins fewer than it is told
    now and then, and is done with them in any order.
    """

    def __init__(self, ring: Ring, start: int) -> None:
        self.ring = ring
        for counter in (ring._head, ring._tail, ring._done_head, ring._done_tail):
            counter[0] = start

    def __call__(self, _number: int, _fd: int, count: int, *_: object) -> int:
        ring = self.ring
        begun = random.choice([count, max(count - 2, 0)])
        places = [(ring._head[0] + step) % ring._entries for step in range(begun)]
        ring._head[0] = (ring._head[0] + begun) % 2**32
        for place in random.sample(places, begun):
            at = ring._done_tail[0] % ring._completions
            ring._done_keys[at] = place
            ring._done_results[at] = -errno.EPIPE if ring._fds[place] % 3 == 0 else ring._sizes[place]
            ring._done_tail[0] = (ring._done_tail[0] + 1) % 2**32
        return begun


@pytest.mark.parametrize("before_the_end", [3, 17])
def test_counters_go_round_after_four_billion_sends(monkeypatch, before_the_end):
    random.seed(before_the_end)
    ring = Sender(8).ring
    if ring is None:  # nothing is counted
        return
    monkeypatch.setattr(sending, "_syscall", Kernel(ring, 2**32 - before_the_end))

    for count in range(40):
        fds = array("i", random.choices(range(100), k=count % 12))
        begun, short = ring.send(fds, b"price")

        assert sorted(short) == [(place, -errno.EPIPE) for place in range(begun) if fds[place] % 3 == 0]


def test_what_the_kernel_has_begun_is_waited_for(monkeypatch, pairs):
    """Or the bytes would be others by the time that they are sent."""
    if "ring" not in KINDS:  # no call returns before it has sent
        return
    (server, reader), (closed, _) = pairs[:2]
    closed.close()
    fill_up(server)
    server.setblocking(True)
    monkeypatch.setattr(sending, "FLAGS", socket.MSG_NOSIGNAL)  # without MSG_DONTWAIT it may wait
    sender = Sender(8)
    got = []

    def read(*_: object) -> None:
        while select.select([reader], [], [], 0.2)[0]:
            got.append(reader.recv(65536))

    before = signal.signal(signal.SIGALRM, read)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)  # while it waits

        assert taken_of(sender, [server, closed], b"price") == [5, -errno.EBADF]  # that was known first
    finally:
        signal.signal(signal.SIGALRM, before)
    read()
    assert b"".join(got).endswith(b"price")


def test_a_ring_is_given_back():
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(10):
        Sender(8)

    assert sorted(os.listdir("/proc/self/fd")) == before


def test_bytes_are_not_kept(kind, pairs):
    data = os.urandom(100)
    before = sys.getrefcount(data)

    taken_of(sender_of(kind, 8), [pairs[0][0]], data)

    assert sys.getrefcount(data) == before
