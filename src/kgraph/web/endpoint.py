"""The SPARQL endpoint: a query read, looked for among the answers that are kept, else asked, and its answer sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kgraph.errors import ChangeRefusedError, KgraphError, RequestError, StoreError
from kgraph.formats import GRAPHS, HTML, ONE_GRAPH, RESULTS, negotiate
from kgraph.sparql.protocol import (
    ACCEPT_POST,
    ACCEPT_QUERY,
    METHODS,
    DescriptionOperation,
    Operation,
    QueryOperation,
    UpdateOperation,
    check_body_type,
    is_update,
    read_request,
)
from kgraph.sparql.service_description import describe_service
from kgraph.store.answers import render_graph
from kgraph.store.base import Answer, Revision
from kgraph.web.api import check_address, endpoint_address, static_answer
from kgraph.web.cache import AnswerCache, Cached
from kgraph.web.changes import Changes
from kgraph.web.clients import Clients
from kgraph.web.exchanges import Exchange, exchange_of
from kgraph.web.federating import fill, wait_for_client_to_leave
from kgraph.web.heads import DESCRIBED_BY, Headers, headers_of
from kgraph.web.http import is_fresh, preflight_headers, problem_response, read_body, read_tags, run_in_threadpool
from kgraph.web.notices import add_to_head
from kgraph.web.pages import Pages
from kgraph.web.questions import Question, choose_format, hash_of
from kgraph.web.rows import RowCounter
from kgraph.web.services import Services

_PREFLIGHT = {**preflight_headers(METHODS), "Accept-Post": ACCEPT_POST, "Accept-Query": ACCEPT_QUERY}
_READ_AT_ONCE = 16384
_LOOK = 1.0
"""Seconds that it may take to find out whether a query has a fault."""

Keep = Callable[[Question, Revision, bytes, Headers, Exchange], None]


class SparqlEndpoint:
    """The endpoint as a bare ASGI application: query by GET, both kinds of POST, QUERY, HEAD; OPTIONS."""

    def __init__(
        self, services: Services, pages: Pages, cache: AnswerCache, clients: Clients, changes: Changes
    ) -> None:
        """Answer from ``services`` and ``cache``; people get ``pages``; ``clients`` have so many queries each.

        Updates go to ``changes``.
        """
        self._services = services
        self._changes = changes
        self._pages = pages
        self._cache = cache
        self._clients = clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            if request.method == "OPTIONS":
                await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send)
                return
            await self._answer(request, send)
        except ChangeRefusedError as error:
            response = await run_in_threadpool(self._changes.refuse, request, error)
            await response(scope, receive, send)
        except KgraphError as error:
            await problem_response(request, error, self._services.settings)(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> None:
        settings = self._services.settings
        check_address(request, settings.max_url)
        author = self._changes.authorise(request) if is_update(request.method, request.headers) else ""
        body = b""
        if request.method in ("POST", "QUERY"):
            check_body_type(request.method, request.headers)
            body = await read_body(request, settings.max_body)
        operation = _read_simple(request.scope) or read_request(
            request.method, request.scope["query_string"], request.headers, body
        )
        if isinstance(operation, UpdateOperation):
            author = author or self._changes.authorise(request)
            response = await self._changes.update(request, operation, author)
            await response(request.scope, request.receive, send)
            return
        if wants_page(request, operation):
            text = operation.text if isinstance(operation, QueryOperation) else ""
            await (await self._pages.query_page(request, text))(request.scope, request.receive, send)
        elif isinstance(operation, DescriptionOperation):
            response = await run_in_threadpool(self._describe, request, operation)
            await response(request.scope, request.receive, send)
        else:
            await self._query(request, operation, send)

    async def _query(self, request: Request, operation: QueryOperation, send: Send) -> None:
        exchange = exchange_of(request.scope)
        accept = exchange.fields.get(b"accept", b"").decode("latin-1")
        try:
            question = await self._read(request, operation, accept)
        except RequestError as error:
            if error.code == "not-acceptable":
                await self._check(await self._read(request, replace(operation, format=None), "*/*"), exchange)
            raise
        exchange.form, exchange.query_hash = question.text.form, hash_of(question.text.text)
        revision = self._services.revision
        tag = question.tag(revision)
        if b"if-none-match" in exchange.fields and is_fresh(request, tag):
            exchange.revision = revision
            if "*" in read_tags(request, "if-none-match"):
                await self._check(question, exchange)
            await send({"type": "http.response.start", "status": 304, "headers": headers_of(question, tag)[1:]})
            await send({"type": "http.response.body"})
            return
        key = (question.text.text, question.query.dataset, question.format.name) if tag else None
        kept = self._cache.find(key, revision) if key and revision and not _wants_anew(exchange) else None
        if kept is not None:
            exchange.is_hit, exchange.rows, exchange.revision, exchange.cached = True, kept.rows, kept.revision, kept
            await _send_whole(exchange, list(kept.headers), kept.body)
            return
        self._clients.begin_query(exchange.client)
        try:
            await _Asking(self._services, request, question, exchange).run(send, self._keep)
        finally:
            self._clients.end_query(exchange.client)

    async def _check(self, question: Question, exchange: Exchange) -> None:
        """Raise what is wrong with a query that is not to be answered: it is asked of a dataset without graphs.

        That it cannot be answered as a client wants matters only if it can be answered (RFC 9110, sections 13.2.1 and
        15.5.7).
        """
        if question.text.calls:
            return
        query = replace(question.query, dataset=((), ()), timeout=_LOOK)
        self._clients.begin_query(exchange.client)
        try:
            with contextlib.suppress(StoreError):
                (await run_in_threadpool(self._services.ask, replace(question, query=query))).close()
        finally:
            self._clients.end_query(exchange.client)

    async def _read(self, request: Request, operation: QueryOperation, accept: str) -> Question:
        address = endpoint_address(request, self._services.settings.public_address)
        if len(operation.text) > _READ_AT_ONCE:
            return await run_in_threadpool(self._services.read_question, operation, accept, address)
        return self._services.read_question(operation, accept, address)

    def _keep(self, question: Question, revision: Revision, body: bytes, headers: Headers, exchange: Exchange) -> None:
        key = (question.text.text, question.query.dataset, question.format.name)
        answer = Cached(revision, body, headers, exchange.form, exchange.query_hash, exchange.rows)
        if self._cache.put(key, answer):
            exchange.cached = answer

    def _describe(self, request: Request, operation: DescriptionOperation) -> Response:
        if request.method == "POST":
            raise RequestError("missing-query")
        chosen = choose_format(operation.format, request.headers.get("accept"), ONE_GRAPH)
        endpoint = endpoint_address(request, self._services.settings.public_address)
        is_union = self._services.settings.default_graph == "union"
        is_writable = self._changes.are_taken
        is_federated = self._services.federation is not None
        tag = self._services.tag("description", endpoint, chosen.name, is_writable, is_federated)
        described = describe_service(
            endpoint,
            self._services.store.graphs(),
            self._services.in_default(),
            is_union=is_union,
            is_writable=is_writable,
            is_federated=is_federated,
        )
        body = render_graph(described, chosen)
        response = static_answer(request, body, chosen, tag)
        response.headers["Link"] = DESCRIBED_BY
        return response


class _Asking:
    """One question on its way to the store and back to its client."""

    def __init__(self, services: Services, request: Request, question: Question, exchange: Exchange) -> None:
        self._services = services
        self._request = request
        self._exchange = exchange
        assert question.query.cancellation is not None
        self._cancellation = question.query.cancellation
        self._question = question
        self._watch: asyncio.Task[None] | None = None

    async def run(self, send: Send, keep: Keep) -> None:
        """Ask, and send what is answered; what may be kept is given to ``keep``."""
        try:
            if self._question.text.calls:
                self._exchange.calls = len(self._question.text.calls)
                self._watch_client()
                self._question = await fill(self._services, self._question)
            answer = await self._services.ask_soon(self._question, self._watch_client)
            try:
                await self._send(answer, send, keep)
            finally:
                answer.close()
        except StoreError as error:
            if self._cancellation.cancelled:
                self._exchange.outcome = "left"
                return
            if self._exchange.status:
                # The status is sent already: only a broken connection tells that the answer is not whole.
                raise ConnectionAbortedError(str(error)) from error
            raise
        finally:
            if self._watch is not None:
                self._watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._watch

    def _watch_client(self) -> None:
        """Give the query up when its client leaves, which is looked for only if the query takes its time."""
        if self._watch is None:
            leaving = wait_for_client_to_leave(self._request, self._cancellation)
            self._watch = asyncio.get_running_loop().create_task(leaving)

    async def _send(self, answer: Answer, send: Send, keep: Keep) -> None:
        exchange, question = self._exchange, self._question
        exchange.revision = answer.revision
        headers = headers_of(question, question.tag(answer.revision))
        counter = RowCounter(question.text.form, question.format)
        if answer.length is None:
            self._watch_client()
            await self._add_hints(headers, None)
            await self._send_stream(answer, send, headers, counter)
            return
        body = b"".join(answer.chunks)
        counter.add(body)
        exchange.rows = counter.rows
        await self._add_hints(headers, body)
        headers.append((b"content-length", str(len(body)).encode()))
        if answer.revision is not None and question.digest:
            keep(question, answer.revision, body, headers, exchange)
        await _send_whole(exchange, headers, body)

    async def _add_hints(self, headers: Headers, body: bytes | None) -> None:
        if self._services.may_have_hints(self._question, body):
            add_to_head(headers, await run_in_threadpool(self._services.hints_on, self._question, body))

    async def _send_stream(self, answer: Answer, send: Send, headers: Headers, counter: RowCounter) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        chunks: Iterator[bytes] = iter(answer.chunks)
        is_head = self._exchange.method == "HEAD"
        while not is_head and (chunk := await run_in_threadpool(next, chunks, None)) is not None:
            counter.add(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if self._cancellation.cancelled:
                self._exchange.outcome = "left"
                return
        self._exchange.rows = None if is_head else counter.rows
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def wants_page(request: Request, operation: Operation) -> bool:
    """Tell whether a request by GET comes from a browser rather than from a program."""
    if request.method not in ("GET", "HEAD") or getattr(operation, "format", None):
        return False
    accept = exchange_of(request.scope).field(b"accept")
    if "html" not in accept:
        return False
    return negotiate(accept, (*RESULTS, *GRAPHS, HTML)) is HTML


def _read_simple(scope: Scope) -> QueryOperation | None:
    """Return the query of a request by GET that has nothing but a query, else ``None``."""
    query_string: bytes = scope["query_string"]
    if scope["method"] != "GET" or not query_string.startswith(b"query=") or b"&" in query_string:
        return None
    try:
        return QueryOperation(unquote_to_bytes(query_string[6:].replace(b"+", b" ")).decode())
    except UnicodeDecodeError:
        return None


def _wants_anew(exchange: Exchange) -> bool:
    """Tell whether a client asks not to be answered from a cache (RFC 9111, section 5.2.1.4)."""
    return "no-cache" in exchange.field(b"cache-control").lower()


async def _send_whole(exchange: Exchange, headers: Headers, body: bytes) -> None:
    assert exchange.sender is not None
    await exchange.sender.send_whole(headers, body)
