"""What machines ask: the SPARQL endpoint, and resources as data."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kgraph.errors import KgraphError, RequestError, StoreError
from kgraph.formats import GRAPHS, HTML, RESULTS, Format, by_suffix, negotiate
from kgraph.resources import iri_of
from kgraph.sparql.protocol import (
    METHODS,
    DescriptionOperation,
    Operation,
    QueryOperation,
    UpdateOperation,
    read_request,
)
from kgraph.sparql.service_description import describe_service
from kgraph.store.answers import render_graph
from kgraph.store.base import Answer, Cancellation, Query
from kgraph.vocabulary import GRAPHS as GRAPH_BASE
from kgraph.web.http import CACHE_CONTROL, is_fresh, problem_response, read_body, run_in_threadpool
from kgraph.web.pages import Pages
from kgraph.web.services import Question, Services, choose_format

DESCRIPTIONS = tuple(f for f in GRAPHS if f.name not in ("n-quads", "trig"))
"""The formats in which the server describes itself, the default first."""

_DESCRIBED_BY = '</.well-known/void>; rel="describedby"'
_WHOLE_GRAPHS = {"ont": GRAPH_BASE + "ontology", "shapes": GRAPH_BASE + "shapes"}
_PREFLIGHT = {
    "Allow": ", ".join(METHODS),
    "Access-Control-Allow-Methods": ", ".join(METHODS),
    "Access-Control-Allow-Headers": "Accept, Accept-Language, Authorization, Content-Type, If-Match, If-None-Match",
    "Access-Control-Max-Age": "86400",
}


class SparqlEndpoint:
    """The endpoint as a bare ASGI application: query by GET, both kinds of POST, QUERY, HEAD; OPTIONS."""

    def __init__(self, services: Services, pages: Pages) -> None:
        """Answer from ``services``; people get ``pages``."""
        self._services = services
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            if request.method == "OPTIONS":
                await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send)
                return
            await self._answer(request, send)
        except KgraphError as error:
            await problem_response(request, error, self._services.settings)(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> None:
        settings = self._services.settings
        check_address(request, settings.max_url)
        body = await read_body(request, settings.max_body) if request.method in ("POST", "QUERY") else b""
        operation = read_request(request.method, request.scope["query_string"], request.headers, body)
        if isinstance(operation, UpdateOperation):
            raise RequestError("read-only", 403)
        if wants_page(request, operation):
            text = operation.text if isinstance(operation, QueryOperation) else ""
            await (await self._pages.query_page(request, text))(request.scope, request.receive, send)
        elif isinstance(operation, DescriptionOperation):
            await self._describe(request, operation)(request.scope, request.receive, send)
        else:
            await self._query(request, operation, send)

    async def _query(self, request: Request, operation: QueryOperation, send: Send) -> None:
        question = await run_in_threadpool(self._services.read_question, operation, request.headers.get("accept"))
        headers = {"Content-Type": question.format.content_type, "Vary": "Accept", "Link": _DESCRIBED_BY}
        headers |= (
            {"ETag": question.tag, "Cache-Control": CACHE_CONTROL} if question.tag else {"Cache-Control": "no-store"}
        )
        if is_fresh(request, question.tag):
            await Response(status_code=304, headers=_without_type(headers))(request.scope, request.receive, send)
            return
        cancellation = Cancellation()
        watch = asyncio.create_task(_cancel_when_client_leaves(request, cancellation))
        try:
            await self._send_answer(request, question, headers, cancellation, send)
        except StoreError:
            if not cancellation.cancelled:
                raise
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _send_answer(
        self, request: Request, question: Question, headers: dict[str, str], cancellation: Cancellation, send: Send
    ) -> None:
        asked = replace(question, query=replace(question.query, cancellation=cancellation))
        answer = await run_in_threadpool(self._services.ask, asked)
        try:
            if answer.length is not None:
                headers["Content-Length"] = str(answer.length)
            start = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": 200, "headers": start})
            await _send_body(answer, request.method == "HEAD", send)
        except StoreError as error:
            # The status is sent already: only a broken connection tells that the answer is not whole.
            if cancellation.cancelled:
                return
            raise ConnectionAbortedError(str(error)) from error
        finally:
            answer.close()

    def _describe(self, request: Request, operation: DescriptionOperation) -> Response:
        if request.method == "POST":
            raise RequestError("missing-query")
        chosen = choose_format(operation.format, request.headers.get("accept"), DESCRIPTIONS)
        endpoint = base_address(request, self._services.settings.public_address) + "/sparql"
        graphs = self._services.store.graphs()
        response = static_answer(
            request,
            render_graph(describe_service(endpoint, graphs, self._services.in_default), chosen),
            chosen,
            self._services.tag("description", endpoint, chosen.name),
        )
        response.headers["Link"] = _DESCRIBED_BY
        return response


class DataRoutes:
    """Resources as data, and the addresses of the resources themselves."""

    def __init__(self, services: Services) -> None:
        """Answer from ``services``."""
        self._services = services

    async def redirect(self, request: Request) -> Response:
        """Send a client from a resource's own address to its page or its data (303, as for things)."""
        path = request.url.path.removeprefix("/")
        if not await self._exists(path):
            raise RequestError("not-found", 404, path=request.url.path)
        chosen = negotiate(request.headers.get("accept"), (*GRAPHS, HTML))
        if chosen is None:
            raise RequestError("not-acceptable", 406, offered=_listing((*GRAPHS, HTML)))
        target = f"/page/{path}" if chosen is HTML else f"/data/{path}.{chosen.suffix}"
        return Response(status_code=303, headers={"Location": quote(target, safe="/:@"), "Vary": "Accept"})

    async def data(self, request: Request) -> Response:
        """Answer with the description of a resource, or with a whole graph."""
        path, chosen = self._wanted(request)
        query = self._query(path)
        if query is None or not await self._exists(path):
            raise RequestError("not-found", 404, path=request.url.path)
        tag = self._services.tag("data", path, chosen.name)
        if is_fresh(request, tag):
            return Response(status_code=304, headers={"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": "Accept"})
        answer = await run_in_threadpool(self._services.store.query, query, chosen)
        return static_answer(request, await run_in_threadpool(answer.read), chosen, tag)

    def _wanted(self, request: Request) -> tuple[str, Format]:
        path = str(request.path_params["path"])
        stem, _, suffix = path.rpartition(".")
        chosen = by_suffix(suffix, GRAPHS) if stem else None
        if chosen is not None:
            return stem, chosen
        return path, choose_format(request.query_params.get("format"), request.headers.get("accept"), GRAPHS)

    def _query(self, path: str) -> Query | None:
        graph = _WHOLE_GRAPHS.get(path) or (GRAPH_BASE + path[6:] if path.startswith("graph/") else None)
        if graph is not None:
            return Query("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", ((graph,), ()))
        iri = iri_of(path)
        # The path was checked to hold no character that could end the IRI.
        return Query(f"DESCRIBE <{iri}>") if iri else None

    async def _exists(self, path: str) -> bool:
        graph = _WHOLE_GRAPHS.get(path) or (GRAPH_BASE + path[6:] if path.startswith("graph/") else None)
        if graph is not None:
            return graph in self._services.store.graphs()
        iri = iri_of(path)
        return iri is not None and await run_in_threadpool(self._services.resources.exists, iri)


def base_address(request: Request, public_address: str) -> str:
    """Return the address of this server as clients know it, without a slash at its end."""
    return (public_address or str(request.base_url)).rstrip("/")


def check_address(request: Request, limit: int) -> None:
    """Refuse an address that is too long. Raises :class:`kgraph.errors.RequestError` (414)."""
    if len(request.scope["query_string"]) + len(request.scope.get("raw_path", b"")) > limit:
        raise RequestError("address-too-long", 414, limit=limit)


def wants_page(request: Request, operation: Operation) -> bool:
    """Tell whether a request by GET comes from a browser rather than from a program."""
    named = getattr(operation, "format", None)
    if request.method not in ("GET", "HEAD") or named:
        return False
    offered = (*RESULTS, *GRAPHS, HTML)
    return negotiate(request.headers.get("accept"), offered) is HTML


async def _send_body(answer: Answer, without: bool, send: Send) -> None:
    chunks: Iterator[bytes] = iter(answer.chunks)
    last = b""
    if not without and answer.length is not None:
        last = b"".join(chunks)
    elif not without:
        while (chunk := await run_in_threadpool(next, chunks, None)) is not None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": last, "more_body": False})


async def _cancel_when_client_leaves(request: Request, cancellation: Cancellation) -> None:
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            await run_in_threadpool(cancellation.cancel)
            return


def static_answer(request: Request, body: bytes, chosen: Format, tag: str) -> Response:
    """Return a body that is whole already, or 304 to a client that holds it."""
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": "Accept"}
    if is_fresh(request, tag):
        return Response(status_code=304, headers=headers)
    response = Response(b"" if request.method == "HEAD" else body, headers=headers)
    response.headers["Content-Type"] = chosen.content_type
    response.headers["Content-Length"] = str(len(body))
    return response


def _listing(offered: tuple[Format, ...]) -> str:
    return ", ".join(candidate.media_type for candidate in offered)


def _without_type(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "Content-Type"}
