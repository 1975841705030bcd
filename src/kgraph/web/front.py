"""What stands before every route: who may ask, the headers every answer has, compression, log and counters."""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgraph.errors import KgraphError, RequestError
from kgraph.settings import Settings
from kgraph.store.base import Revision
from kgraph.web.access_log import AccessLog
from kgraph.web.cache import AnswerCache, Repeat
from kgraph.web.clients import Clients
from kgraph.web.compression import LEAST, Compressor, choose_coding, coding_for, compress, compressor, is_compressible
from kgraph.web.exchanges import Exchange, new_request_id, open_exchange
from kgraph.web.heads import Headers, Heads, render_head, split, with_vary
from kgraph.web.http import problem_response
from kgraph.web.metrics import Metrics

if TYPE_CHECKING:
    from kgraph.web.direct import DirectAnswers
    from kgraph.web.lending import Lending

CONNECTION = "kgraph.connection"
"""The key in a request's scope under which its connection stands, if the server has its own protocol."""

_UNASKED = ("/healthz", "/readyz", "/metrics")
_INLINE = 131072
_REFUSED_MOST = 32 * 1024 * 1024
_ALONE = {b"x-request-id", b"authorization", b"cache-control", b"pragma", b"cookie", b"x-forwarded-for"}
"""Fields of a head that keep a request from being answered like the same one before it."""

_CONDITIONAL = {b"if-match", b"if-none-match"}
_CODING_IN_TAG = re.compile(rb'-(?:br|gzip)"')
_NO_CODING = re.compile(rb"(?!)")


class Front:
    """The outermost application."""

    def __init__(
        self,
        app: ASGIApp,
        endpoint: ASGIApp,
        settings: Settings,
        revision: Callable[[], Revision | None],
        cache: AnswerCache,
        clients: Clients,
        metrics: Metrics,
        log: AccessLog,
    ) -> None:
        """Stand before ``app``, and before ``endpoint`` for ``/sparql``; ``revision`` tells the present one."""
        self._app = app
        self._endpoint = endpoint
        self._settings = settings
        self._revision = revision
        self._cache = cache
        self._clients = clients
        self._metrics = metrics
        self.log = log
        self._hosts = split(settings.hosts)
        self.heads = Heads(settings)
        self.open = 0
        self.unread = 0
        self._refused = 0
        self.direct: DirectAnswers | None = None
        self.lending: Lending | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or start and stop with the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        peer = scope["client"][0] if scope.get("client") else ""
        exchange = open_exchange(scope, self._clients.name(peer, scope["headers"]))
        sender = exchange.sender = Sender(self, scope, exchange, send)
        self.open += 1
        try:
            await self._answer(scope, receive, sender, exchange)
        finally:
            self.open -= 1
            if not sender.is_complete and exchange.outcome == "ok":
                exchange.outcome = "cut"
            self.note(exchange, time.perf_counter() - exchange.started)
        if sender.is_complete and exchange.cached is not None and not _ALONE & exchange.fields.keys():
            self._remember(scope, exchange, sender)
        # The record stays in a cycle of the server's objects until the collector comes by, and a few large answers do
        # not make it come: they are let go of here.
        exchange.sender = exchange.cached = None
        if exchange.outcome != "ok":
            self._collect_after(exchange.received)

    async def _answer(self, scope: Scope, receive: Receive, sender: Sender, exchange: Exchange) -> None:
        try:
            self._admit(scope, exchange)
            if _CONDITIONAL & exchange.fields.keys():
                _without_codings(scope, exchange)
            inner = self._endpoint if scope["path"] == "/sparql" else self._app
            await inner(scope, receive, sender.send)
        except KgraphError as error:
            if sender.has_begun:
                raise
            await problem_response(Request(scope), error, self._settings)(scope, receive, sender.send)
        except ClientDisconnect:
            exchange.outcome = "left"
        except ConnectionAbortedError:
            # The status is sent already: only a broken connection tells that the answer is not whole.
            exchange.outcome = "cut"
            abort(scope)
        except asyncio.CancelledError:
            # The server stops and has waited long enough.
            exchange.outcome = "stopping"
            if sender.has_begun:
                abort(scope)
                return
            stopping = RequestError("stopping", 503, headers={"Retry-After": "5", "Connection": "close"})
            await problem_response(Request(scope), stopping, self._settings)(scope, receive, sender.send)

    def _collect_after(self, size: int) -> None:
        """Have the collector come after so many bytes of bodies that were refused.

        An exception knows the frames that it came through, which know it and the body.
        """
        self._refused += size
        if self._refused > _REFUSED_MOST:
            self._refused = 0
            gc.collect()

    def _admit(self, scope: Scope, exchange: Exchange) -> None:
        """Refuse a request for another host, and one of a client that asks too often."""
        if scope["path"] in _UNASKED:
            return
        if self._hosts:
            host = exchange.field(b"host")
            if not is_allowed(host, self._hosts):
                raise RequestError("wrong-host", 421, host=host[:100])
        self._clients.count_request(exchange.client)

    def common_headers(self, exchange: Exchange, headers: Headers) -> Headers:
        """Return what every answer has besides: for other origins, for safety, the request's id and the revision."""
        if exchange.revision is None:
            exchange.revision = self._revision()
        return self.heads.common_headers(exchange, headers)

    def keep_coding(self, exchange: Exchange, coding: str, body: bytes) -> None:
        """Keep the compressed body of an answer that is in the cache."""
        if exchange.cached is not None:
            self._cache.add_coding(exchange.cached, coding, body)

    def find_repeat(self, request: bytes) -> Repeat | None:
        """Return the answer to a request that came before byte for byte, if it still holds."""
        revision = self._revision()
        return self._cache.find_repeat(request, revision) if revision is not None else None

    def repeat(self, repeat: Repeat, peer: str, date: bytes) -> bytes | None:
        """Return an answer again as bytes, logged and counted; ``None`` if the client may not have it now."""
        started = time.perf_counter()
        try:
            self._clients.count_request(peer)
        except RequestError:
            return None
        cached = repeat.cached
        exchange = Exchange("GET", "/sparql", peer, new_request_id(), started=started)
        exchange.status, exchange.sent, exchange.is_hit = 200, len(repeat.body), True
        exchange.form, exchange.query_hash, exchange.rows = cached.form, cached.query_hash, cached.rows
        exchange.revision = cached.revision
        self.note(exchange, time.perf_counter() - exchange.started)
        return b"%s%sx-request-id: %s\r\n\r\n%s" % (repeat.head, date, exchange.request_id.encode(), repeat.body)

    def note_refusal(self, client: str, code: str, status: int, fields: list[tuple[bytes, bytes]]) -> Exchange:
        """Log and count what was refused before it could be read; ``fields`` are those of its head that had come."""
        exchange = Exchange("", "", client, new_request_id(), dict(fields))
        exchange.status, exchange.outcome = status, code
        self.note(exchange, time.perf_counter() - exchange.started)
        return exchange

    def note(self, exchange: Exchange, seconds: float) -> None:
        """Log and count an answer."""
        self._metrics.count(exchange.path, exchange.outcome, exchange.status, seconds, exchange.sent)
        self.log.request(exchange, seconds)

    def stop(self) -> None:
        """End what was begun for the connections; there are none any longer."""
        if self.lending is not None:
            self.lending.close()

    def note_answered(self, lines: str, answers: Sequence[tuple[float, int]], hits: int) -> None:
        """Log and count answers that borrowers gave."""
        self._metrics.count_answered("/sparql", answers)
        self._cache.hits += hits
        self.log.answered(lines)

    def _remember(self, scope: Scope, exchange: Exchange, sender: Sender) -> None:
        connection = scope.get(CONNECTION)
        request = connection.whole_request() if connection is not None else None
        cached = exchange.cached
        if request is None or cached is None or exchange.method != "GET" or sender.whole is None:
            return
        self._cache.add_repeat(request, Repeat(cached, render_head(sender.headers), sender.whole, sender.coding))


class Sender:
    """Sends one answer: its start is held until the first bytes of its body are there."""

    def __init__(self, front: Front, scope: Scope, exchange: Exchange, send: Send) -> None:
        """Send through ``send``."""
        self._front = front
        self._scope = scope
        self._exchange = exchange
        self._send = send
        self._start: Message | None = None
        self._compressor: Compressor | None = None
        self.headers: Headers = []
        self.coding = ""
        self.whole: bytes | None = None
        self.has_begun = False
        self.is_complete = False

    async def send(self, message: Message) -> None:
        """Take one message of the application."""
        if message["type"] == "http.response.start":
            self._start = message
            self._exchange.status = message["status"]
            return
        body: bytes = message.get("body", b"")
        more = bool(message.get("more_body", False))
        if self._start is not None:
            body = await self._begin(self._start, body, more)
            self._start = None
        elif self._compressor is not None:
            body = await self._compress_more(body, more)
        self._exchange.sent += len(body)
        if body or not more:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
        self.is_complete = not more

    async def send_whole(self, headers: Headers, body: bytes) -> None:
        """Send an answer of the endpoint, status 200, that is there as a whole; by one write where that can be."""
        self._exchange.status = 200
        connection = self._scope.get(CONNECTION)
        if connection is None or self._exchange.method == "HEAD" or not connection.can_write(self._scope):
            await self.send({"type": "http.response.start", "status": 200, "headers": headers})
            await self.send({"type": "http.response.body", "body": body, "more_body": False})
            return
        body = await self._prepare(200, headers, body, False)
        self._exchange.sent = len(body)
        connection.write_whole(self._scope, self.headers, body)
        self.is_complete = True

    async def _begin(self, start: Message, body: bytes, more: bool) -> bytes:
        headers = [(name.lower(), value) for name, value in start.get("headers", ())]
        body = await self._prepare(start["status"], headers, body, more)
        await self._send({"type": "http.response.start", "status": start["status"], "headers": self.headers})
        return body

    async def _prepare(self, status: int, headers: Headers, body: bytes, more: bool) -> bytes:
        """Work out the headers of the answer, and return its body, or what there is of it, as it is to be sent."""
        coding = self._coding(status, headers, body, more)
        if coding:
            headers = _encoded(headers, coding)
            body = await self._compress_first(coding, body, more)
            if not more and self._exchange.method != "HEAD":
                headers.append((b"content-length", str(len(body)).encode()))
        if status == 304:
            headers = _with_held_tag(headers, self._exchange)
        self.headers = headers + self._front.common_headers(self._exchange, headers)
        if self._front.heads.varies_by_origin():
            self.headers = with_vary(self.headers, b"Origin")
        if not more:
            self.whole = body
        self.has_begun = True
        return body

    def _coding(self, status: int, headers: Headers, body: bytes, more: bool) -> str:
        """Choose how the answer is compressed, and say in its headers that this depends on the client."""
        fields = dict(headers)
        if status == 304:
            headers[:] = with_vary(headers, b"Accept-Encoding")
        if status in (204, 206, 304) or b"content-encoding" in fields:
            return ""
        if not is_compressible(fields.get(b"content-type", b"")):
            return ""
        headers[:] = with_vary(headers, b"Accept-Encoding")
        is_head = self._exchange.method == "HEAD"
        size = int(fields.get(b"content-length", LEAST)) if is_head or more else len(body)
        return coding_for(self._exchange.field(b"accept-encoding"), size)

    async def _compress_first(self, coding: str, body: bytes, more: bool) -> bytes:
        self.coding = coding
        if self._exchange.method == "HEAD":
            return b""
        if more:
            self._compressor = compressor(coding)
            return await run_in_threadpool(self._compressor.add, body) if body else b""
        cached = self._exchange.cached
        if cached is not None and coding in cached.encoded:
            return cached.encoded[coding]
        small = len(body) < _INLINE
        packed = compress(coding, body) if small else await run_in_threadpool(compress, coding, body)
        self._front.keep_coding(self._exchange, coding, packed)
        return packed

    async def _compress_more(self, body: bytes, more: bool) -> bytes:
        assert self._compressor is not None
        packed = await run_in_threadpool(self._compressor.add, body) if body else b""
        return packed if more else packed + self._compressor.finish()


def abort(scope: Scope) -> None:
    """Break the connection of a request off, so that what was sent cannot be taken for the whole answer.

    Raises ``ConnectionAbortedError`` for the server to do so where the connection is not ours.
    """
    connection = scope.get(CONNECTION)
    if connection is None:
        raise ConnectionAbortedError("the answer is not whole")
    connection.abort()


def is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether a Host header names one of these; ``*.example.org`` stands for any name below."""
    name = host.lower()
    name = name[: name.rfind("]") + 1] if name.startswith("[") else name.partition(":")[0]
    return any(name == item.lower() or (item.startswith("*.") and name.endswith(item[1:].lower())) for item in allowed)


def _encoded(headers: Headers, coding: str) -> Headers:
    """Return the headers of an answer that is compressed."""
    kept = [(name, value) for name, value in headers if name != b"content-length"]
    return [*_with_coding_in_tag(kept, coding), (b"content-encoding", coding.encode())]


def _with_coding_in_tag(headers: Headers, coding: str) -> Headers:
    """Return headers whose ETag, if it is a strong one, names the coding too."""
    return [
        (name, value[:-1] + b"-" + coding.encode() + b'"')
        if name == b"etag" and value.startswith(b'"') and value.endswith(b'"')
        else (name, value)
        for name, value in headers
    ]


def _without_codings(scope: Scope, exchange: Exchange) -> None:
    """Take the coding out of the tags that a client names, since the routes know nothing of codings.

    Who only reads has the answer already if the tag names the coding that it would get now. For a change any will do:
    each names the same content.
    """
    coding = _CODING_IN_TAG
    if exchange.method in ("GET", "HEAD"):
        now = choose_coding(exchange.field(b"accept-encoding"))
        coding = re.compile(f'-{now}"'.encode()) if now else _NO_CODING
    scope["headers"] = [
        (name, coding.sub(b'"', value) if name in _CONDITIONAL else value) for name, value in scope["headers"]
    ]


def _with_held_tag(headers: Headers, exchange: Exchange) -> Headers:
    """Return the headers of a 304 with the tag that the answer would have had: the one that its client holds."""
    coding = choose_coding(exchange.field(b"accept-encoding"))
    held = exchange.fields.get(b"if-none-match", b"")
    coded = _with_coding_in_tag(headers, coding) if coding else headers
    return coded if any(name == b"etag" and value in held for name, value in coded) else headers
