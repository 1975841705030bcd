"""Connections: limits on time and size before a request is read, and requests that come again answered at once.

A request that is byte for byte one that was answered before, at the same revision, needs no reading: its answer is
written as soon as its bytes are there.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from typing import Any, cast

import httptools
from starlette.requests import Request
from starlette.types import Scope
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from kgraph.errors import RequestError
from kgraph.settings import Settings
from kgraph.web.direct import Direct
from kgraph.web.front import CONNECTION, Front
from kgraph.web.http import language_of
from kgraph.web.old_clients import OldCycle, break_off
from kgraph.web.problems import problem_of, render_problem
from kgraph.web.request_heads import check_head, read_target, unknown_method

_HEAD_ROOM = 32768
_CYCLE = "kgraph.cycle"
_OK = b"HTTP/1.1 200 OK\r\n"
_LONGEST_REPEAT = 16384
_LAST_LOOK = 0.01
_COPIED = 65536
_LONGEST_BETWEEN = 256
_LONGEST_ADDRESS = 65535
_MOST_UNREAD = 256 * 1024 * 1024
"""Bytes of answers that clients may leave unread, all together, before further ones that do are cut off."""

_REASONS = {
    400: b"Bad Request",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    414: b"URI Too Long",
    431: b"Request Header Fields Too Large",
}


class Connection(HttpToolsProtocol):
    """One connection of a client."""

    front: Front
    settings: Settings

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Begin as the server's own connections do."""
        super().__init__(config=config, server_state=server_state, app_state=app_state, _loop=_loop)
        self._is_reading = False
        self._is_timed = False
        self._head_size = 0
        self._in_head = False
        self._enters_body = False
        self._request: bytes | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._last_repeat = 0.0
        self._direct: Direct | None = None
        self._later = b""
        self._unread = 0
        self._unread_timer: asyncio.TimerHandle | None = None
        self._is_ending = False
        self._is_lent = False
        self._until_lent = self._between_loans = 2
        self._fault = RequestError("bad-request", 400)
        self._trailers = 0
        # Of a connection that is refused no request is read.
        self.url, self.headers = b"", []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            self._refuse(RequestError("too-many-connections", 503, headers={"Retry-After": "2"}))
            return
        self._is_timed = True
        self._wait_at_most(self.settings.head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the connection."""
        if self._is_lent and self.front.lending is not None:
            self.front.lending.recall(self)
        self._wait_at_most(0)
        self._forget_unread()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Note that the client does not read what was written; it may leave so much unread, and for so long."""
        super().pause_writing()
        self._unread = self.transport.get_write_buffer_size()
        self.front.unread += self._unread
        if self.front.unread > _MOST_UNREAD:
            self.loop.call_soon(self.abort)
            return
        self._unread_timer = self.loop.call_later(self.settings.stream_timeout, self.abort)

    def resume_writing(self) -> None:
        """Note that the client has read on."""
        self._forget_unread()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Answer a request that comes again; read any other."""
        if self._direct is not None:
            self._later += data
            if len(self._later) > _LONGEST_REPEAT:
                self.flow.pause_reading()
            return
        is_idle = not self._is_reading and not self.pipeline and (self.cycle is None or self.cycle.response_complete)
        if is_idle and (self._repeat(data) or self._take_short_way(data)):
            return
        self._read(data, is_idle)

    def _read(self, data: bytes, is_idle: bool) -> None:
        if is_idle:
            self._request = data if len(data) <= _LONGEST_REPEAT else None
            self._in_head, self._head_size = True, 0
        else:
            self._request = None
        self._head_size += len(data)
        super().data_received(data)
        if self._is_reading != self._is_timed or (self._is_reading and self._enters_body):
            self._time()
        if self._in_head and self._head_size > self.settings.max_url + _HEAD_ROOM and not self.transport.is_closing():
            self._refuse(RequestError("head-too-large", 431, limit=self.settings.max_url + _HEAD_ROOM))

    def on_message_begin(self) -> None:
        """Note that a request has begun to come."""
        if self._is_reading or (self.cycle is not None and not self.cycle.response_complete):
            self._request = None
        self._is_reading = self._in_head = True
        self._trailers = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address, up to what an address may have."""
        super().on_url(url)
        limit = min(self.settings.max_url, _LONGEST_ADDRESS)
        if len(self.url) > limit:
            self._fault = RequestError("address-too-long", 414, limit=limit)
            raise ValueError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; those that follow the body say nothing of the request (RFC 9110, section 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)
            return
        self._trailers += len(name) + len(value)
        if self._trailers > _HEAD_ROOM:
            raise ValueError

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser cannot go on with."""
        if isinstance(sys.exception(), httptools.HttpParserInvalidMethodError):
            self._fault = unknown_method(self._request)
        self._refuse(self._fault)

    def on_headers_complete(self) -> None:
        """Go from the head to the body, which has a time of its own."""
        version = self.parser.get_http_version()
        try:
            check_head(version, self.headers)
            self.url, self.headers[:] = read_target(self.parser.get_method(), self.url, self.headers)
        except RequestError as error:
            self._fault = error
            raise
        if version == "1.0":
            # RFC 9110, section 10.1.1.
            self.expect_100_continue = False
        self._in_head, self._enters_body = False, True
        cast(dict[str, Any], self.scope)[CONNECTION] = self
        super().on_headers_complete()
        if version == "1.0":
            self.cycle.__class__ = OldCycle
        cast(dict[str, Any], self.scope)[_CYCLE] = self.cycle

    def on_message_complete(self) -> None:
        """Note that the request has come whole."""
        self._is_reading = False
        super().on_message_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was idle too long; one whose requests came again was not."""
        idle = self.loop.time() - self._last_repeat
        is_idle = self._direct is None and not self._is_lent
        left = self.timeout_keep_alive - idle if is_idle else self.timeout_keep_alive
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
            return
        super().timeout_keep_alive_handler()

    def whole_request(self) -> bytes | None:
        """Return the bytes of the request that is being answered, if they came alone and at once."""
        if self._is_reading or self.pipeline or self.cycle is None or not self.cycle.keep_alive:
            return None
        return self._request

    def can_write(self, scope: Scope) -> bool:
        """Tell whether the answer to a request can be written at once."""
        return not self.flow.write_paused and not self.transport.is_closing() and not scope[_CYCLE].disconnected

    def write_whole(self, scope: Scope, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Write a whole answer of status 200 whose headers are known to be sound."""
        cycle = scope[_CYCLE]
        lines = [b"%s: %s\r\n" % header for header in (*self.server_state.default_headers, *headers)]
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self._write(b"".join((_OK, *lines, b"\r\n")), body)
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def abort(self) -> None:
        """Break the connection off: what was written and not sent is dropped."""
        break_off(self.transport, self.cycle)

    def is_open(self) -> bool:
        """Tell whether there is anybody to answer."""
        return not self.transport.is_closing()

    def answer(self, head: bytes, request_id: str, body: bytes, seconds: float) -> None:
        """Send a whole answer of status 200, whose head lacks date and request id; it took so much processor time."""
        date = b"".join(b"%s: %s\r\n" % header for header in self.server_state.default_headers)
        ending = b"connection: close\r\n\r\n" if self._is_ending else b"\r\n"
        self._write(b"".join((head, date, b"x-request-id: ", request_id.encode(), b"\r\n", ending)), body)
        self._note_answer()
        self._go_on(b"")
        self._offer(seconds, len(body))

    def lend(self) -> int:
        """Stop reading, and return the descriptor of the socket."""
        self._is_lent = True
        self.transport.pause_reading()
        return int(self.transport.get_extra_info("socket").fileno())

    def come_back(self, unsent: bytes, *, was_used: bool) -> None:
        """Go on with what is left to be sent, and then with reading; it is lent again later if nobody used it."""
        self._is_lent = False
        self._between_loans = 2 if was_used else min(2 * self._between_loans, _LONGEST_BETWEEN)
        self._until_lent = self._between_loans
        if not self.is_open():
            return
        self._last_repeat = self.loop.time()
        self.transport.resume_reading()
        if unsent:
            self.transport.write(unsent)
        if self._is_ending:
            # What has come already is still answered.
            self.loop.call_later(_LAST_LOOK, super().shutdown)

    def take_long_way(self, data: bytes) -> None:
        """Have a request read and answered as all others are."""
        self._go_on(data)

    def shutdown(self) -> None:
        """End when the answer that is under way has been sent."""
        self._is_ending = True
        if self._is_lent:
            assert self.front.lending is not None
            self.front.lending.recall(self)
        elif self._direct is None:
            super().shutdown()

    def _write(self, head: bytes, body: bytes) -> None:
        """Write head and body by one call of the system, for which a long body is not copied."""
        self.transport.writelines((head, body) if len(body) > _COPIED else (head + body,))

    def _take_short_way(self, data: bytes) -> bool:
        if self.front.direct is None or self.flow.write_paused or self._is_ending:
            return False
        peer = self.client[0] if self.client else ""
        direct = self.front.direct.begin(data, peer, self)
        if direct is None:
            return False
        if self._is_timed:
            self._time()
        self._direct = direct
        return True

    def _offer(self, seconds: float, length: int) -> None:
        """Lend the connection after an answer, if that is sent and nothing has come since."""
        if self.front.lending is None or self._is_ending or self._is_reading or self._direct is not None:
            return
        if self.is_open() and not self.flow.write_paused and self.transport.get_write_buffer_size() == 0:
            self._until_lent -= 1
            if self._until_lent <= 0:
                self.front.lending.offer(self, self.client[0] if self.client else "", seconds, length)

    def _go_on(self, data: bytes) -> None:
        """Read on after a request that took the short way, or had to leave it."""
        self._direct = None
        later, self._later = self._later, b""
        if not self.is_open():
            return
        self.flow.resume_reading()
        if data:
            self._read(data, True)
        if later:
            self.data_received(later)
        if self._is_ending:
            super().shutdown()

    def _note_answer(self) -> None:
        self.server_state.total_requests += 1
        self._last_repeat = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _repeat(self, data: bytes) -> bool:
        repeat = self.front.find_repeat(data)
        if repeat is None or self.flow.write_paused:
            return False
        date = b"".join(b"%s: %s\r\n" % header for header in self.server_state.default_headers)
        peer = self.client[0] if self.client else ""
        answer = self.front.repeat(repeat, peer, date)
        if answer is None:
            return False
        if self._is_timed:
            self._time()
        self._note_answer()
        self.transport.write(answer)
        self._offer(0.0, len(repeat.body))
        return True

    def _forget_unread(self) -> None:
        self.front.unread -= self._unread
        self._unread = 0
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _time(self) -> None:
        """Give a request that has not come whole so long; a whole one needs no more time."""
        was_timed, self._is_timed = self._is_timed, self._is_reading
        enters_body, self._enters_body = self._enters_body, False
        if not self._is_reading:
            self._wait_at_most(0)
        elif enters_body or not was_timed:
            self._wait_at_most(self.settings.head_timeout if self._in_head else self.settings.body_timeout)

    def _wait_at_most(self, seconds: float) -> None:
        """Give the client so long for what it has to send next; 0 for as long as it likes."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if seconds > 0:
            self._deadline = self.loop.call_later(seconds, self._out_of_time)

    def _out_of_time(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if not self._is_reading:
            self.transport.close()
            return
        if self._in_head or (self.cycle is not None and not self.cycle.response_started):
            self._refuse(RequestError("request-timeout", 408))
        else:
            self.abort()

    def _refuse(self, error: RequestError) -> None:
        """Answer what cannot be read, and close."""
        if self._in_head and self.cycle is not None and not self.cycle.response_complete:
            # What is written now would be taken for the answer to a request that came before.
            self.cycle.keep_alive = False
            return
        fields = self.headers
        request = Request({"type": "http", "headers": fields, "query_string": self.url.partition(b"?")[2]})
        problem = problem_of(error, language_of(request, self.settings))
        exchange = self.front.note_refusal(self.client[0] if self.client else "", problem.code, problem.status, fields)
        body, content_type = render_problem(problem, request.headers.get("accept"), "")
        named = {"content-type": content_type, "content-length": len(body), "connection": "close", **problem.headers}
        headers = [*self.server_state.default_headers, (b"cache-control", b"no-store")]
        headers += [(name.encode(), f"{value}".encode()) for name, value in named.items()]
        if self.front.heads.varies_by_origin():
            headers.append((b"vary", b"Origin"))
        lines = [b"%s: %s\r\n" % header for header in (*headers, *self.front.common_headers(exchange, headers))]
        head = b"HTTP/1.1 %d %s\r\n" % (problem.status, _REASONS.get(problem.status, b"Service Unavailable"))
        self.transport.write(head + b"".join(lines) + b"\r\n" + body)
        self.transport.close()
