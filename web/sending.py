"""How bytes get to sockets without waiting: to one, to each of some what is its own, and the same to many.

All take what the kernel takes at once, and keep the interpreter lock (ctypes.PyDLL), as they cannot block: giving it away and
back on each of thousands of sends costs seconds while an actor computes. The same for many is put in a row in memory shared
with the kernel, and sent in one call: io_uring(7). Where the kernel has no such thing, or lets nobody use it, as in many
containers, each is a call of its own.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import mmap
import os
import socket
import struct
import weakref
from array import array
from collections.abc import Sequence
from itertools import repeat

logger = logging.getLogger(__name__)

FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
TRY_AGAIN = frozenset({-errno.EAGAIN, -errno.EINTR})
"""What send() returns of a socket that takes nothing now, but may later."""

# Without argtypes, which would make an object of each argument: numbers below 2**31 and bytes need no conversion.
_send = ctypes.PyDLL(None, use_errno=True).send
_send.restype = ctypes.c_ssize_t
_send_quickly = ctypes.PyDLL(None).send  # does not keep errno, and returns an int: a write is short
_syscall = ctypes.PyDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


def send(fd: int, data: bytes) -> int:
    """Return how many bytes the kernel took; or an error's number, negative."""
    sent: int = _send(fd, data, len(data), FLAGS)
    return sent if sent >= 0 else -ctypes.get_errno()


def send_each(fds: Sequence[int], writes: Sequence[bytes]) -> list[int]:
    """Send to each what stands in the same place; return how many bytes were taken, negative where there was an error."""
    return list(map(_send_quickly, fds, writes, map(len, writes), repeat(FLAGS)))


class Sender:
    """Sends the same to many; *most* of them at once. ring: None to make a call for each."""

    def __init__(self, most: int) -> None:
        self.ring: Ring | None = None
        try:
            self.ring = Ring(most)
        except OSError as error:
            self._do_without(error)

    def send(self, fds: array[int], data: bytes) -> list[tuple[int, int]]:
        """Return of which of *fds* the kernel did not take all: their places, and the bytes, negative for an error."""
        begun = 0
        short: list[tuple[int, int]] = []
        if self.ring is not None:
            try:
                begun, short = self.ring.send(fds, data)
            except OSError as error:
                self._do_without(error)
        if begun < len(fds):
            size = len(data)
            taken = list(map(_send_quickly, fds[begun:], repeat(data), repeat(size), repeat(FLAGS)))
            if taken.count(size) < len(taken):
                short += [(place, sent) for place, sent in enumerate(taken, begun) if sent != size]
        return short

    def _do_without(self, error: OSError) -> None:
        logger.info("streams: a call for each write, as io_uring is refused: %s", error.strerror)
        self.ring = None


# linux/io_uring.h
_SETUP, _ENTER = 425, 426  # numbers of the system calls; a machine that has others refuses these
_CAN_SEND = 1 << 3  # IORING_FEAT_RW_CUR_POS, which came with IORING_OP_SEND
_PASSING = frozenset({errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.ENOMEM})
_GET_EVENTS = 1
_OP_SEND = 26
_PARAMS = struct.Struct("=10I 8IQ 8IQ")  # io_uring_params; then what of the queues lies where
_ENTRIES_AT = 0x10000000
_ENTRY, _COMPLETION = 64, 16  # bytes
_U32 = 0xFFFFFFFF


class Ring:
    """Two queues in memory shared with the kernel: of sends to be done, and of their results.

    As none may wait, all are done when the call returns, or at least begun. Belongs to one thread. Raises OSError where the
    kernel refuses it, which send() does before anything is sent.
    """

    def __init__(self, most: int) -> None:
        params = ctypes.create_string_buffer(_PARAMS.size)
        self._fd = _syscall(_SETUP, most, params)
        if self._fd < 0:
            raise _error(ctypes.get_errno())
        weakref.finalize(self, os.close, self._fd)
        words = _PARAMS.unpack(params)
        if not words[5] & _CAN_SEND:
            raise _error(errno.EOPNOTSUPP)
        entries, completions = words[:2]
        head, tail, order = words[10], words[11], words[16]
        done_head, done_tail, results = words[19], words[20], words[24]
        size = max(order + 4 * entries, results + _COMPLETION * completions)
        queues = memoryview(mmap.mmap(self._fd, size))
        numbers = queues[: size // 4 * 4].cast("I")
        self._head, self._tail = numbers[head // 4 :][:1], numbers[tail // 4 :][:1]
        self._done_head, self._done_tail = numbers[done_head // 4 :][:1], numbers[done_tail // 4 :][:1]
        numbers[order // 4 :][:entries] = memoryview(array("I", range(entries)))
        done = queues[results : results + _COMPLETION * completions]
        self._done_keys, self._done_results = done.cast("Q")[::2], done.cast("i")[2::4]
        self._entries, self._completions = entries, completions
        places = memoryview(mmap.mmap(self._fd, entries * _ENTRY, offset=_ENTRIES_AT))
        self._fds, self._addresses = places.cast("i")[1::16], places.cast("Q")[2::8]
        self._sizes = places.cast("I")[6::16]
        places[::_ENTRY] = bytes([_OP_SEND]) * entries
        places.cast("I")[7::16] = memoryview(array("I", [FLAGS]) * entries)
        places.cast("Q")[4::8] = memoryview(array("Q", range(entries)))

    def send(self, fds: array[int], data: bytes) -> tuple[int, list[tuple[int, int]]]:
        """Return to how many of them it was sent, fewer if the kernel or the room there is allows no more; and of which
        of these not all was taken: their places, and the bytes, or an error's number, negative.
        """
        count = min(len(fds), self._entries)
        expected = memoryview(array("i", [len(data)]) * count)
        start, first = self._head[0], self._done_tail[0]  # whatever was left there before
        self._put(start, memoryview(fds)[:count], data)
        self._tail[0] = (start + count) & _U32
        begun = _syscall(_ENTER, self._fd, count, 0, 0, None, 0)
        if begun < 0 and ctypes.get_errno() not in _PASSING:
            raise _error(ctypes.get_errno())
        begun = max(begun, 0)
        while (self._done_tail[0] - first) & _U32 < begun:  # or *data* would be something else by the time it is sent
            _syscall(_ENTER, self._fd, 0, begun, _GET_EVENTS, None, 0)
        self._done_head[0] = (first + begun) & _U32
        short = []
        for there, here in _parts(first, begun, self._completions):
            results = self._done_results[there]
            if results != expected[here]:
                pairs = zip(self._done_keys[there].tolist(), results.tolist(), strict=True)
                short += [((key - start) % self._entries, sent) for key, sent in pairs if sent != len(data)]
        return begun, short

    def _put(self, start: int, fds: memoryview, data: bytes) -> None:
        """Fill in what differs from one time to the next."""
        address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value
        assert address is not None
        addresses = memoryview(array("Q", [address]) * len(fds))
        sizes = memoryview(array("I", [len(data)]) * len(fds))
        for there, here in _parts(start, len(fds), self._entries):
            self._fds[there] = fds[here]
            self._addresses[there] = addresses[here]
            self._sizes[there] = sizes[here]


def _parts(start: int, count: int, size: int) -> list[tuple[slice, slice]]:
    """Where *count* items from number *start* on lie in a queue of that *size*, which goes round; and which of them there."""
    begin = start % size
    ahead = min(size - begin, count)
    parts = [(slice(begin, begin + ahead), slice(ahead))]
    if ahead < count:
        parts.append((slice(count - ahead), slice(ahead, count)))
    return parts


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
