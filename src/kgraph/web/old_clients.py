"""Answers to clients of HTTP/1.0, which know no chunks: one whose length is not known ends with the connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_AT_ONCE = struct.pack("ii", 1, 0)


class _Unmeasured(int):
    """A length that is not known: nothing is longer, and whatever was sent is all."""

    def __lt__(self, other: object) -> bool:
        return False

    def __sub__(self, other: object) -> _Unmeasured:
        return self

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


class OldCycle(RequestResponseCycle):
    """A request of HTTP/1.0 and its answer."""

    async def send(self, message: Message) -> None:  # type: ignore[override]
        """Send a part of the answer; never in chunks (RFC 9112, section 6.1)."""
        is_start = message["type"] == "http.response.start"
        if is_start and all(name != b"content-length" for name, _ in message["headers"]):
            self.chunked_encoding = False
            self.expected_content_length = _Unmeasured()
        await super().send(message)  # type: ignore[arg-type]


def break_off(transport: asyncio.Transport, cycle: RequestResponseCycle | None) -> None:
    """Break a connection off; a client of HTTP/1.0 sees it reset, and by nothing else that its answer is cut."""
    if isinstance(cycle, OldCycle):
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
