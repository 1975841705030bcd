"""What stands before every route: who may ask, the headers every answer has, compression, log and counters."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from email.utils import format_datetime
from functools import lru_cache
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
from kgraph.web.compression import LEAST, Compressor, choose_coding, compress, compressor, is_compressible
from kgraph.web.exchanges import Exchange, new_request_id, open_exchange
from kgraph.web.http import problem_response
from kgraph.web.metrics import Metrics

if TYPE_CHECKING:
    from kgraph.web.direct import DirectAnswers

CONNECTION = "kgraph.connection"
"""The key in a request's scope under which its connection stands, if the server has its own protocol."""

_UNASKED = ("/healthz", "/readyz", "/metrics")
_INLINE = 131072
_EXPOSED = (
    b"ETag, Last-Modified, Link, Location, Retry-After, Allow, Accept-Post, Kgraph-Revision, Kgraph-Notice, "
    b"X-Request-Id, "
    b"WWW-Authenticate"
)
_CONTENT_POLICY = (
    b"default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; object-src 'none'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_ALONE = {b"x-request-id", b"authorization", b"cache-control", b"pragma", b"cookie", b"x-forwarded-for"}
"""Fields of a head that keep a request from being answered like the same one before it."""

_CONDITIONAL = {b"if-match", b"if-none-match"}
_CODING_IN_TAG = re.compile(rb'-(?:br|gzip)"')
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"accept-ranges", b"none"),
]


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
        origins = split(settings.cors_origins)
        self._origins = frozenset(origins)
        self._any_origin = "*" in origins
        self.open = 0
        self.unread = 0
        self.direct: DirectAnswers | None = None

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

    async def _answer(self, scope: Scope, receive: Receive, sender: Sender, exchange: Exchange) -> None:
        try:
            self._admit(scope, exchange)
            if _CONDITIONAL & exchange.fields.keys():
                _without_codings(scope)
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

    def _admit(self, scope: Scope, exchange: Exchange) -> None:
        """Refuse a request for another host, and one of a client that asks too often."""
        if scope["path"] in _UNASKED:
            return
        if self._hosts:
            host = exchange.field(b"host")
            if not is_allowed(host, self._hosts):
                raise RequestError("wrong-host", 421, host=host[:100])
        self._clients.count_request(exchange.client)

    def common_headers(self, exchange: Exchange, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return what every answer has besides: for other origins, for safety, the request's id and the revision."""
        added = [*_ALWAYS, (b"x-request-id", exchange.request_id.encode())]
        if self._any_origin:
            added.append((b"access-control-allow-origin", b"*"))
        elif exchange.field(b"origin") in self._origins:
            added.append((b"access-control-allow-origin", exchange.fields[b"origin"]))
        if self._origins:
            added.append((b"access-control-expose-headers", _EXPOSED))
        names = {name for name, _ in headers}
        if b"text/html" in next((value for name, value in headers if name == b"content-type"), b""):
            added.append((b"content-security-policy", _CONTENT_POLICY))
        if exchange.revision is None:
            exchange.revision = self._revision()
        if exchange.revision is not None:
            tag, date = revision_headers(exchange.revision)
            added.append((b"kgraph-revision", tag))
            if b"etag" in names and b"last-modified" not in names:
                added.append((b"last-modified", date))
        return added

    def varies_by_origin(self) -> bool:
        """Tell whether answers differ from one origin to another."""
        return bool(self._origins) and not self._any_origin

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

    def _remember(self, scope: Scope, exchange: Exchange, sender: Sender) -> None:
        connection = scope.get(CONNECTION)
        request = connection.whole_request() if connection is not None else None
        cached = exchange.cached
        if request is None or cached is None or exchange.method != "GET" or sender.whole is None:
            return
        self._cache.add_repeat(request, Repeat(cached, _head(sender.headers), sender.whole, sender.coding))

    def head_of(self, exchange: Exchange, headers: list[tuple[bytes, bytes]], coding: str, length: int) -> bytes:
        """Return the head of a whole answer of the endpoint without date and request id."""
        headers = [*_with_vary(headers, b"Accept-Encoding"), (b"content-length", b"%d" % length)]
        if coding:
            headers.append((b"content-encoding", coding.encode()))
        return _head(headers + self.common_headers(exchange, headers))


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
        self.headers: list[tuple[bytes, bytes]] = []
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

    async def send_whole(self, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
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

    async def _prepare(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes, more: bool) -> bytes:
        """Work out the headers of the answer, and return its body, or what there is of it, as it is to be sent."""
        coding = self._coding(status, headers, body, more)
        if coding:
            headers = _encoded(headers, coding)
            body = await self._compress_first(coding, body, more)
            if not more and self._exchange.method != "HEAD":
                headers.append((b"content-length", str(len(body)).encode()))
        self.headers = headers + self._front.common_headers(self._exchange, headers)
        if self._front.varies_by_origin():
            self.headers = _with_vary(self.headers, b"Origin")
        if not more:
            self.whole = body
        self.has_begun = True
        return body

    def _coding(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes, more: bool) -> str:
        """Choose how the answer is compressed, and say in its headers that this depends on the client."""
        fields = dict(headers)
        if status == 304:
            headers[:] = _with_vary(headers, b"Accept-Encoding")
        if status in (204, 206, 304) or b"content-encoding" in fields:
            return ""
        if not is_compressible(fields.get(b"content-type", b"")):
            return ""
        headers[:] = _with_vary(headers, b"Accept-Encoding")
        is_head = self._exchange.method == "HEAD"
        size = int(fields.get(b"content-length", LEAST)) if is_head or more else len(body)
        return choose_coding(self._exchange.field(b"accept-encoding")) if size >= LEAST else ""

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


def _head(headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = [b"%s: %s\r\n" % header for header in headers if header[0] != b"x-request-id"]
    return b"HTTP/1.1 200 OK\r\n" + b"".join(lines)


def abort(scope: Scope) -> None:
    """Break the connection of a request off, so that what was sent cannot be taken for the whole answer.

    Raises ``ConnectionAbortedError`` for the server to do so where the connection is not ours.
    """
    connection = scope.get(CONNECTION)
    if connection is None:
        raise ConnectionAbortedError("the answer is not whole")
    connection.abort()


def split(text: str) -> tuple[str, ...]:
    """Return the parts of a setting that is a list, separated by commas or white space."""
    return tuple(text.replace(",", " ").split())


def is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether a Host header names one of these; ``*.example.org`` stands for any name below."""
    name = host.lower()
    name = name[: name.rfind("]") + 1] if name.startswith("[") else name.partition(":")[0]
    return any(name == item.lower() or (item.startswith("*.") and name.endswith(item[1:].lower())) for item in allowed)


@lru_cache(maxsize=8)
def revision_headers(revision: Revision) -> tuple[bytes, bytes]:
    """Return the name of a revision and its date as headers have them."""
    return revision.tag.encode(), format_datetime(revision.date, usegmt=True).encode()


def _with_vary(headers: list[tuple[bytes, bytes]], name: bytes) -> list[tuple[bytes, bytes]]:
    varied = [value for key, value in headers if key == b"vary"]
    if any(name.lower() in value.lower().replace(b" ", b"").split(b",") for value in varied):
        return headers
    rest = [(key, value) for key, value in headers if key != b"vary"]
    return [*rest, (b"vary", b", ".join([*varied, name]))]


def _encoded(headers: list[tuple[bytes, bytes]], coding: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer that is compressed; a strong ETag names the coding too."""
    changed = []
    for name, value in headers:
        if name == b"content-length":
            continue
        if name == b"etag" and value.startswith(b'"') and value.endswith(b'"'):
            value = value[:-1] + b"-" + coding.encode() + b'"'
        changed.append((name, value))
    return [*changed, (b"content-encoding", coding.encode())]


def _without_codings(scope: Scope) -> None:
    """Take the coding out of the tags that a client names, since the routes know nothing of codings."""
    scope["headers"] = [
        (name, _CODING_IN_TAG.sub(b'"', value) if name in _CONDITIONAL else value) for name, value in scope["headers"]
    ]
