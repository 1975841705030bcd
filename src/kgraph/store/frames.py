"""Length-prefixed frames between the web process and the processes that hold the engine.

A frame is one byte of kind, four bytes of length (big-endian) and that many bytes. A query goes out as one
``QUERY`` frame in JSON; its answer comes back as ``DATA`` frames and one ``END``, or an ``ERROR`` in JSON.
"""

from __future__ import annotations

import io
import socket
import struct
from collections.abc import Iterator

QUERY, DATA, END, ERROR, READY, FORK = b"Q", b"D", b"E", b"X", b"R", b"F"
DRAFT, APPLY, CHANGE, BORROW = b"W", b"A", b"C", b"B"
KEEP, FOLLOW, RETIRE = b"K", b"J", b"L"

CHUNK = 65536
"""Bytes of an answer that are gathered before they are sent: most failures come before the first chunk."""

OUT_OF_MEMORY = b"memory allocation of"
"""How an engine that finds no memory begins its last words, which come in place of a frame."""

_HEAD = struct.Struct("!cI")
_KINDS = frozenset({QUERY, DATA, END, ERROR, READY, DRAFT, APPLY, CHANGE})
_LONGEST = {DATA: CHUNK, END: 0, ERROR: 1 << 24}
_SHOWN = 200


def pack_frame(kind: bytes, body: bytes = b"") -> bytes:
    """Return the bytes of one frame."""
    return _HEAD.pack(kind, len(body)) + body


def send_frame(channel: socket.socket, kind: bytes, body: bytes = b"") -> None:
    """Send one frame. Raises ``OSError`` if the other side is gone."""
    channel.sendall(pack_frame(kind, body))


def receive_frame(channel: socket.socket) -> tuple[bytes, bytes]:
    """Return kind and body of the next frame.

    Raises ``EOFError`` if the other side is gone, ``TimeoutError`` if the socket's time is up and ``ValueError`` for
    what is no frame: the words of an engine that dies.
    """
    head = _receive(channel, _HEAD.size)
    kind, length = _HEAD.unpack(head)
    if kind not in _KINDS:
        raise ValueError(head + channel.recv(_SHOWN))
    return kind, _receive(channel, length)


def receive_request(channel: socket.socket) -> tuple[bytes, bytes]:
    """Return the next frame where none follows before it is answered: most often it takes one call of the system.

    Raises ``EOFError`` if the other side is gone.
    """
    received = channel.recv(CHUNK)
    if not received:
        raise EOFError
    if len(received) < _HEAD.size:
        received += _receive(channel, _HEAD.size - len(received))
    kind, length = _HEAD.unpack_from(received)
    missing = _HEAD.size + length - len(received)
    body = received[_HEAD.size :]
    return kind, body + _receive(channel, missing) if missing > 0 else body


def read_frames(received: bytearray) -> Iterator[tuple[bytes, bytes]]:
    """Yield the frames of an answer that have come whole, and remove them from what was received.

    Raises ``ValueError`` for what is no frame of an answer: the words of an engine that dies.
    """
    offset = 0
    try:
        while len(received) - offset >= _HEAD.size:
            kind, length = _HEAD.unpack_from(received, offset)
            if length > _LONGEST.get(kind, -1):
                raise ValueError(bytes(received[offset : offset + _SHOWN]))
            end = offset + _HEAD.size + length
            if len(received) < end:
                return
            with memoryview(received) as whole:
                body = bytes(whole[offset + _HEAD.size : end])
            offset = end
            yield kind, body
    finally:
        del received[:offset]


class FrameWriter(io.RawIOBase):
    """A binary file whose content is sent as ``DATA`` frames."""

    def __init__(self, channel: socket.socket) -> None:
        """Write to ``channel``."""
        self._channel = channel
        self._pending: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take bytes, and send what fills a chunk."""
        if self._size + len(data) > CHUNK:
            self._send()
        rest = data
        while len(rest) > CHUNK:
            send_frame(self._channel, DATA, rest[:CHUNK])
            rest = rest[CHUNK:]
        self._pending.append(rest)
        self._size += len(rest)
        return len(data)

    def finish(self) -> None:
        """Send what is left and the end, both at once."""
        self._send(_HEAD.pack(END, 0))

    def _send(self, more: bytes = b"") -> None:
        head = _HEAD.pack(DATA, self._size) if self._pending else b""
        self._channel.sendall(b"".join((head, *self._pending, more)))
        self._pending.clear()
        self._size = 0


def _receive(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
