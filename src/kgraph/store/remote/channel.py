"""The way of an answer from the thread that fetches it to the one that reads it."""

from __future__ import annotations

import io
import threading
import time
from collections import deque

from kgraph.store.frames import CHUNK

_AHEAD = 4


class AbandonedError(Exception):
    """Nobody will read the rest."""


class Channel:
    """Chunks in order, a few of them ahead of the reader, and how they end."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._chunks: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._abandoned = False
        self._error: Exception | None = None

    def put(self, chunk: bytes) -> None:
        """Add a chunk; waits while the reader is behind. Raises :class:`AbandonedError` if it has left."""
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or len(self._chunks) < _AHEAD)
            if self._abandoned:
                raise AbandonedError
            self._chunks.append(chunk)
            self._changed.notify_all()

    def end(self, error: Exception | None = None) -> None:
        """Say that all chunks have come, or that no more will come since ``error``; only the first word counts."""
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
            self._changed.notify_all()

    def abandon(self) -> None:
        """Say that nobody reads on."""
        with self._changed:
            self._abandoned = True
            self._chunks.clear()
            self._changed.notify_all()

    def get(self, timeout: float) -> bytes | None:
        """Return the next chunk, ``None`` at the end.

        Raises ``TimeoutError`` if nothing comes in ``timeout`` seconds, :class:`AbandonedError` if the answer was
        given up, and the error that the answer ended with.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not (self._chunks or self._ended or self._abandoned):
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError
            if self._abandoned:
                raise AbandonedError
            if self._chunks:
                chunk = self._chunks.popleft()
                self._changed.notify_all()
                return chunk
            if self._error is not None:
                raise self._error
            return None


class ChannelWriter(io.RawIOBase):
    """A binary file whose content goes into a channel in chunks."""

    def __init__(self, channel: Channel) -> None:
        """Write to ``channel``."""
        self._channel = channel
        self._pending = bytearray()

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take bytes, and pass on what fills a chunk."""
        self._pending += data
        while len(self._pending) >= CHUNK:
            self._channel.put(bytes(self._pending[:CHUNK]))
            del self._pending[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Pass on what is left, and the end."""
        if self._pending:
            self._channel.put(bytes(self._pending))
        self._channel.end()
