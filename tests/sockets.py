"""Real connections, and the ways there are to send on them."""

from __future__ import annotations

import socket

from web.sending import Sender

KINDS = ("ring", "calls") if Sender(1).ring is not None else ("calls",)
"""What this kernel offers: both ways of web.sending, or one."""


def sender_of(kind: str, most: int) -> Sender:
    sender = Sender(most)
    assert sender.ring is not None or kind == "calls"
    if kind == "calls":
        sender.ring = None
    return sender


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """The server's end of a connection, and the reader's with a small buffer; neither blocks."""
    listener = socket.create_server(("127.0.0.1", 0))
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(listener.getsockname())
    server, _ = listener.accept()
    listener.close()
    server.setblocking(False)
    reader.setblocking(False)
    return server, reader
