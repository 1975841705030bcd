"""Length-prefixed frames between the web process and the processes that hold the engine.

A frame is one byte of kind, four bytes of length (big-endian) and that many bytes. A query goes out as one
``QUERY`` frame in JSON; its answer comes back as ``DATA`` frames and one ``END``, or an ``ERROR`` in JSON.
"""

from __future__ import annotations

import io
import socket
import struct

QUERY, DATA, END, ERROR, READY, FORK = b"Q", b"D", b"E", b"X", b"R", b"F"

CHUNK = 65536
"""Bytes of an answer that are gathered before they are sent: most failures come before the first chunk."""

_HEAD = struct.Struct("!cI")


def send_frame(channel: socket.socket, kind: bytes, body: bytes = b"") -> None:
    """Send one frame. Raises ``OSError`` if the other side is gone."""
    channel.sendall(_HEAD.pack(kind, len(body)) + body)


def receive_frame(channel: socket.socket) -> tuple[bytes, bytes]:
    """Return kind and body of the next frame.

    Raises ``EOFError`` if the other side is gone and ``TimeoutError`` if the socket's time is up.
    """
    kind, length = _HEAD.unpack(_receive(channel, _HEAD.size))
    return kind, _receive(channel, length)


class FrameWriter(io.RawIOBase):
    """A binary file whose content is sent as ``DATA`` frames."""

    def __init__(self, channel: socket.socket) -> None:
        """Write to ``channel``."""
        self._channel = channel
        self._pending = bytearray()

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take bytes, and send what fills a chunk."""
        self._pending += data
        while len(self._pending) >= CHUNK:
            send_frame(self._channel, DATA, bytes(self._pending[:CHUNK]))
            del self._pending[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Send what is left, and the end."""
        if self._pending:
            send_frame(self._channel, DATA, bytes(self._pending))
        send_frame(self._channel, END)


def _receive(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
