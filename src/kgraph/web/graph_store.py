"""The graphs of the dataset by their addresses (SPARQL 1.1 Graph Store HTTP Protocol).

A graph is named by ``/graphs?graph=IRI``, the unnamed graph by ``/graphs?default``, and a graph whose IRI is an
address below ``/graphs/`` also by that address. ``/graphs`` alone is the whole dataset for those who read, and the
place where a POST makes a graph with a name of its own.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from email.errors import CloseBoundaryNotFoundDefect
from email.message import MIMEPart
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from kgraph.errors import ChangeRefusedError, KgraphError, PreconditionError, RequestError
from kgraph.formats import (
    GRAPHS,
    JSON_LD_EXPANDED,
    N_QUADS,
    ONE_GRAPH,
    RDF_XML,
    TRIG,
    Format,
    by_suffix,
    charset_of,
    media_type_of,
)
from kgraph.sparql.adapting import adapt
from kgraph.sparql.protocol import UPDATE_TYPE, check_charset, read_timeout
from kgraph.sparql.update import for_graph, read_update_text
from kgraph.store.base import INFERRED, Change, GraphWrite, Outcome, Query, Update
from kgraph.store.embedded import UNNAMED
from kgraph.store.encodings import to_utf8
from kgraph.turtle.iris import is_well_formed
from kgraph.web.api import base_address, check_address
from kgraph.web.changes import Changes, is_dry_run, unmodified_revision
from kgraph.web.exchanges import exchange_of
from kgraph.web.heads import CACHE_CONTROL
from kgraph.web.http import is_fresh, preflight_headers, problem_response, read_body, read_tags, run_in_threadpool
from kgraph.web.questions import choose_format
from kgraph.web.request_heads import GRAPH_METHODS
from kgraph.web.services import Services

PATH = "/graphs"
_DATASETS = (N_QUADS, TRIG)
_ACCEPTED = ", ".join([*(f.media_type for f in ONE_GRAPH), "multipart/form-data"])
_MULTIPART = "multipart/form-data"
_UNKNOWN = "application/octet-stream"
_RUN = re.compile(r'-[0-9a-f]{8}"$')
_SINGLE = ("dry-run", "reason", "timeout")
_MARK = b"\xef\xbb\xbf"
"""How some programs begin a text, to tell that it is UTF-8."""
_PREFLIGHT = {**preflight_headers(GRAPH_METHODS), "Accept-Patch": UPDATE_TYPE, "Accept-Post": _ACCEPTED}


class GraphStore:
    """The addresses of graphs, as a bare ASGI application."""

    def __init__(self, services: Services, changes: Changes) -> None:
        """Read from ``services`` and write through ``changes``."""
        self._services = services
        self._changes = changes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ChangeRefusedError as error:
            response = await run_in_threadpool(self._changes.refuse, request, error)
        except KgraphError as error:
            response = problem_response(request, error, self._services.settings)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        check_address(request, self._services.settings.max_url)
        for name in _SINGLE:
            if len(request.query_params.getlist(name)) > 1:
                raise RequestError("repeated-parameter", 400, name=name)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        if request.method not in GRAPH_METHODS:
            raise RequestError("method-not-allowed", 405, headers={"Allow": _PREFLIGHT["Allow"]}, method=request.method)
        graph = self._graph(request)
        if request.method in ("GET", "HEAD"):
            return await (self._dataset(request) if graph is None else self._read(request, graph))
        author = self._changes.authorise(request)
        if request.method == "DELETE" and graph is not None:
            return await self._delete(request, graph, author)
        if request.method == "PATCH" and graph is not None:
            return await self._patch(request, graph, author)
        if request.method == "POST" and graph is None:
            return await self._create(request, author)
        if graph is None:
            raise RequestError("graph-missing", 400)
        return await self._write(request, graph, author)

    def _graph(self, request: Request) -> str | None:
        """Return the graph that a request names, ``None`` if it names none.

        Raises :class:`kgraph.errors.RequestError` (400) for two names, or one that is no absolute IRI.
        """
        named, default = request.query_params.getlist("graph"), request.query_params.getlist("default")
        # The address as it was sent is the graph's name: what is percent-encoded stays so.
        path = request.scope["raw_path"].decode("utf-8", "replace").removeprefix(PATH).removeprefix("/")
        if len(named) + len(default) + bool(path) > 1:
            raise RequestError("graph-twice", 400)
        if default:
            return UNNAMED
        if not named and not path:
            return None
        graph = f"{self._address(request)}/{path}" if path else named[0]
        if not is_well_formed(graph):
            raise RequestError("bad-parameter", 400, name="graph", found=graph)
        return graph

    def _address(self, request: Request) -> str:
        return base_address(request, self._services.settings.public_address) + PATH

    async def _read(self, request: Request, graph: str) -> Response:
        if graph != UNNAMED and graph not in self._services.store.graphs():
            raise RequestError("graph-not-found", 404, graph=graph)
        return await self._export(request, (graph,), ONE_GRAPH + _DATASETS, self._tag(graph))

    async def _dataset(self, request: Request) -> Response:
        names = tuple(name for name in sorted(self._services.store.graphs()) if name != INFERRED)
        return await self._export(request, (UNNAMED, *names), _DATASETS, self._services.revision_name)

    async def _export(self, request: Request, graphs: tuple[str, ...], formats: Sequence[Format], tag: str) -> Response:
        chosen = choose_format(request.query_params.get("format"), request.headers.get("accept"), formats)
        headers = {"Vary": "Accept", "Cache-Control": CACHE_CONTROL, "Content-Type": chosen.content_type}
        if tag:
            # A strong tag is of one row of bytes, and another process writes the statements in another order.
            headers["ETag"] = f'"{tag}-{chosen.name}-{self._services.run}"'
            if "if-match" in request.headers and not read_tags(request, "if-match") & {"*", headers["ETag"]}:
                raise PreconditionError(graphs[0])
            if is_fresh(request, headers["ETag"]):
                del headers["Content-Type"]
                return Response(status_code=304, headers=headers)
        query = Query("", export=graphs)
        answer = await run_in_threadpool(self._services.store.query, query, chosen)
        exchange_of(request.scope).revision = answer.revision
        if answer.length is not None:
            headers["Content-Length"] = str(answer.length)
        elif request.method != "HEAD":
            return StreamingResponse(answer.chunks, headers=headers)
        body = b"" if request.method == "HEAD" else await run_in_threadpool(answer.read)
        answer.close()
        response = Response(body, headers=headers)
        if answer.length is None:
            # The length of what is not sent is not known.
            del response.headers["Content-Length"]
        return response

    def _tag(self, graph: str) -> str:
        """Return a name for the content of a graph: its own, or that of the revision where graphs have none."""
        tag_of = getattr(self._services.store, "graph_tag", None)
        return str(tag_of(graph)) if tag_of else self._services.revision_name

    async def _write(self, request: Request, graph: str, author: str) -> Response:
        action = "replace" if request.method == "PUT" else "merge"
        if action == "replace" and "content-range" in request.headers:
            # It would be taken for the whole graph (RFC 9110, section 14.5).
            raise RequestError("partial-put", 400)
        writes = await self._bodies(request, graph, action)
        return await self._make(request, graph, writes, author)

    async def _make(
        self, request: Request, graph: str, steps: tuple[Update | GraphWrite, ...], author: str, sent: str = ""
    ) -> Response:
        """Change a graph, and tell where it is if it was not there before."""
        response, outcome = await self._change(request, steps, author, self._expected(request, graph), sent)
        if graph in outcome.created and not is_dry_run(request):
            response.status_code = 201
            response.headers["Location"] = self._location(request, graph)
        return response

    async def _create(self, request: Request, author: str) -> Response:
        graph = f"{self._address(request)}/{secrets.token_hex(8)}"
        if "if-match" in request.headers:
            # What is to be made is not there yet, and so it is in no state (RFC 9110, section 13.1.1).
            raise PreconditionError(graph)
        writes = await self._bodies(request, graph, "merge")
        response, _ = await self._change(request, writes, author, ((graph, ""),))
        if not is_dry_run(request):
            response.status_code = 201
            response.headers["Location"] = self._location(request, graph)
        return response

    async def _delete(self, request: Request, graph: str, author: str) -> Response:
        if graph != UNNAMED and graph not in self._services.store.graphs():
            raise RequestError("graph-not-found", 404, graph=graph)
        write = GraphWrite(graph, "delete")
        return (await self._change(request, (write,), author, self._expected(request, graph)))[0]

    async def _patch(self, request: Request, graph: str, author: str) -> Response:
        if media_type_of(request.headers.get("content-type")) != UPDATE_TYPE:
            found = media_type_of(request.headers.get("content-type")) or "-"
            raise RequestError(
                "unsupported-media-type", 415, headers={"Accept-Patch": UPDATE_TYPE}, found=found, accepted=UPDATE_TYPE
            )
        check_charset(request.headers.get("content-type"), {"Accept-Patch": UPDATE_TYPE})
        body = await read_body(request, self._services.settings.max_body)
        try:
            sent = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RequestError("not-utf-8") from error
        sent = await run_in_threadpool(adapt, sent, graph or self._address(request), "Update")
        text = sent if graph == UNNAMED else await run_in_threadpool(_for_graph, sent, graph)
        return await self._make(request, graph, (Update(text),), author, sent)

    async def _change(
        self,
        request: Request,
        steps: tuple[Update | GraphWrite, ...],
        author: str,
        expected: tuple[tuple[str, str], ...],
        sent: str = "",
    ) -> tuple[Response, Outcome]:
        """Carry a change out and return how it is answered; ``sent`` is the update that it came as, if it is one."""
        dry_run = is_dry_run(request)
        reason = request.query_params.get("reason", "")
        timeout = read_timeout(request.query_params.get("timeout"))
        since = unmodified_revision(request, self._changes.store)
        change = Change(steps, author, reason, dry_run, revision=since, expected=expected, timeout=timeout)
        exchange_of(request.scope).form = request.method
        outcome = await self._changes.carry_out(change)
        hints = await self._changes.remark(sent, outcome) if sent else ()
        return self._changes.tell(request, outcome, dry_run, request.query_params.get("format"), hints=hints), outcome

    def _expected(self, request: Request, graph: str) -> tuple[tuple[str, str], ...]:
        """Return what ``If-Match`` and ``If-None-Match`` ask of the graph (RFC 9110, section 13.1)."""
        present, expected = self._tag(graph), []
        # What a change expects is the content, in whatever format and order it was read.
        names = {f'"{present}-{format.name}"' for format in (*GRAPHS, JSON_LD_EXPANDED)} if present else set()
        if "if-match" in request.headers:
            tags = _without_run(read_tags(request, "if-match"))
            # A weak tag never matches here.
            if not present or not (tags & {"*", *names}):
                raise PreconditionError(graph)
            expected.append((graph, "*" if "*" in tags else present))
        if "if-none-match" in request.headers:
            held = {tag.removeprefix("W/") for tag in _without_run(read_tags(request, "if-none-match"))}
            if held & names:
                raise PreconditionError(graph)
            expected.append((graph, "" if "*" in held else present))
        return tuple(expected)

    async def _bodies(self, request: Request, graph: str, action: str) -> tuple[GraphWrite, ...]:
        """Return the statements of a body, or of the parts of a form, as writes to a graph.

        Raises :class:`kgraph.errors.RequestError`: 413 for too long a body, 415 for a type that is no graph's.
        """
        content_type = request.headers.get("content-type")
        kind, base = media_type_of(content_type), graph or self._address(request)
        if kind == _MULTIPART:
            body = await read_body(request, self._services.settings.max_upload)
            return await run_in_threadpool(_parts, f"{content_type}", body, graph, action, base)
        chosen = _format_of(kind)
        _check_charset(chosen, content_type)
        body = await read_body(request, self._services.settings.max_upload)
        return (GraphWrite(graph, action, _decoded(body, chosen, content_type), chosen, base),)

    def _location(self, request: Request, graph: str) -> str:
        """Return the address of a graph: its own if it lies here and can be told in a head as it is."""
        address = self._address(request)
        if graph.startswith(address + "/") and graph.isascii():
            return graph
        return f"{address}?graph={quote(graph, safe='')}"


def _without_run(tags: Iterable[str]) -> frozenset[str]:
    """Return tags of graphs without the name of the process that wrote them."""
    return frozenset(_RUN.sub('"', tag) for tag in tags)


def _for_graph(text: str, graph: str) -> str:
    return for_graph(read_update_text(text), graph)


def _parts(content_type: str, body: bytes, graph: str, action: str, base: str) -> tuple[GraphWrite, ...]:
    """Return the files of a form (RFC 7578) as writes to one graph; together they are what it is to hold."""
    try:
        message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    except RecursionError as error:
        raise RequestError("body-unreadable", 400, fault="fault-deep") from error
    if any(isinstance(defect, CloseBoundaryNotFoundDefect) for defect in message.defects):
        raise RequestError("body-unreadable", 400, fault="fault-form-ends")
    writes: list[GraphWrite] = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            chosen = _format_of_part(part)
            named = str(part.get("content-type", ""))
            _check_charset(chosen, named)
            writes.append(
                GraphWrite(graph, action if not writes else "merge", _decoded(content, chosen, named), chosen, base)
            )
    if not writes:
        raise RequestError("body-unreadable", 400, fault="fault-form")
    return tuple(writes)


def _format_of_part(part: MIMEPart) -> Format:
    """Return the format of a file in a form, by the ending of its name if the client does not know its type."""
    kind, name = part.get_content_type(), part.get_filename() or ""
    if kind == _UNKNOWN or (name and "content-type" not in part):
        return by_suffix(name.rpartition(".")[2].lower(), GRAPHS) or _format_of(kind)
    return _format_of(kind)


def _check_charset(chosen: Format, content_type: str | None) -> None:
    """Refuse an encoding that a format does not come in; in RDF/XML it is read."""
    if chosen is not RDF_XML:
        check_charset(content_type, {"Accept-Post": _ACCEPTED})


def _decoded(body: bytes, chosen: Format, content_type: str | None) -> bytes:
    """Return a body in UTF-8, without a byte-order mark."""
    return to_utf8(body, charset_of(content_type)) if chosen is RDF_XML else body.removeprefix(_MARK)


def _format_of(kind: str) -> Format:
    found = next((f for f in GRAPHS if kind in f.media_types), None)
    if found is None:
        raise RequestError(
            "unsupported-media-type", 415, headers={"Accept-Post": _ACCEPTED}, found=kind or "-", accepted=_ACCEPTED
        )
    return found
