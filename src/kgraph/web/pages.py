"""Pages for people, rendered on the server; they work without scripts."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import Response

from kgraph.errors import KgraphError, RequestError
from kgraph.formats import GRAPHS, JSON_RESULTS, RESULTS, TURTLE, Format
from kgraph.languages import LANGUAGES, text
from kgraph.resources import href_of, iri_of, shorten
from kgraph.sparql.protocol import QueryOperation
from kgraph.store.base import ALL, Answer, Term, read_table
from kgraph.vocabulary import TERMS
from kgraph.web.api import endpoint_address
from kgraph.web.cache import AnswerCache, Cached
from kgraph.web.examples import Example, examples_of
from kgraph.web.exchanges import exchange_of
from kgraph.web.federating import fill_watched
from kgraph.web.heads import CACHE_CONTROL
from kgraph.web.http import LANGUAGE_COOKIE, is_fresh, language_of, run_in_threadpool
from kgraph.web.notices import Notice, remark
from kgraph.web.problems import Problem, problem_of
from kgraph.web.questions import Question
from kgraph.web.services import Services

_LANGUAGE_NAMES = {"nn": "Nynorsk", "nb": "Bokmål", "en": "English"}
_SHARE = 8
"""The part of the memory for kept answers that kept pages may take beside it."""

_YEAR = 365 * 24 * 3600
_PAGE_BYTES = 16 * 1024 * 1024
_MAIN_CLASSES = tuple(
    TERMS + name
    for name in (
        "Finding",
        "SuccessFactor",
        "Challenge",
        "Study",
        "Document",
        "InclusionProject",
        "Measure",
        "MeasureType",
        "KnowledgeGap",
        "Observation",
        "Municipality",
        "Organisation",
    )
)


@dataclass(frozen=True)
class Cell:
    """One cell of an answer: its text, the page it leads to, its language and datatype as far as there are any."""

    text: str
    href: str = ""
    language: str = ""
    datatype: str = ""


@dataclass(frozen=True)
class Result:
    """An answer as a page shows it: a truth value, rows under variables, or a graph in Turtle.

    ``total`` counts all rows, of which ``rows`` may be the first; ``is_large`` tells that nothing is shown
    because the answer is too large for a page. ``notices`` are remarks on an answer that may not be what was meant.
    """

    seconds: str
    formats: tuple[Format, ...]
    boolean: bool | None = None
    variables: tuple[str, ...] = ()
    rows: tuple[tuple[Cell | None, ...], ...] = ()
    total: int = 0
    graph: str = ""
    is_large: bool = False
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Fault:
    """What is wrong with a query, and the line it is wrong in with a mark under the place."""

    problem: Problem
    line: str = ""
    mark: str = ""


class Pages:
    """Renders the pages of one server."""

    def __init__(self, services: Services) -> None:
        """Load the templates and the style sheet."""
        self._services = services
        self.style = (files("kgraph.web") / "templates" / "style.css").read_bytes()
        self.icon = (files("kgraph.web") / "templates" / "favicon.svg").read_bytes()
        self._style_version = hashlib.sha256(self.style).hexdigest()[:12]
        self._kept = AnswerCache(services.settings.cache_mib * 1024 * 1024 // _SHARE, 0, lambda: services.run)
        self._templates = Environment(
            loader=PackageLoader("kgraph.web"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(href_of=href_of, shorten=shorten)

    async def start(self, request: Request) -> Response:
        """The start page: what the graph holds, and questions to ask it."""
        language = self._language(request)
        tag = self._tag(request, language)
        known = self._known(request, language, tag)
        if known is not None:
            return known
        counts = await run_in_threadpool(self._services.resources.counts, language)
        main = {iri: place for place, iri in enumerate(_MAIN_CLASSES)}
        shown = sorted((count for count in counts if count.link.iri in main), key=lambda c: main[c.link.iri])
        content = {
            "counts": shown,
            "all_counts": counts,
            "examples": self._examples(language),
            "endpoint": endpoint_address(request, self._services.settings.public_address),
        }
        return self._render(request, "start.html", language, tag, content)

    async def resource(self, request: Request) -> Response:
        """The page about one resource."""
        language = self._language(request)
        path = str(request.path_params["path"])
        tag = self._tag(request, language)
        known = self._known(request, language, tag)
        if known is not None:
            return known
        iri = iri_of(path)
        resources = self._services.resources
        view = await run_in_threadpool(resources.view, iri, language) if iri else None
        view = view or resources.graph_view(path, language)
        if view is None:
            raise RequestError("not-found", 404, path=request.url.path)
        content = {
            "view": view,
            "data_formats": GRAPHS,
            "whole_list": request.query_params.get("list", ""),
            "page_rows": self._services.settings.page_rows,
        }
        return self._render(request, "resource.html", language, tag, content)

    async def query_page(self, request: Request, query: str) -> Response:
        """The page on which queries are written; with a query, also its answer or what is wrong with it."""
        language = self._language(request)
        result: Result | None = None
        fault: Fault | None = None
        status = 200
        if query.strip():
            try:
                result = await self._answer(request, query, language)
            except KgraphError as error:
                fault = _fault(problem_of(error, language), query)
                status = fault.problem.status
        examples = self._examples(language)
        content = {"query": query, "result": result, "fault": fault, "examples": examples, "whole_graph": ALL}
        headers = dict(fault.problem.headers) if fault else {}
        return self._render(request, "query.html", language, "", content, status, headers)

    async def form(self, request: Request) -> Response:
        """The query page at an address of its own."""
        return await self.query_page(request, request.query_params.get("query", ""))

    def problem(self, request: Request, problem: Problem, status: int = 0) -> Response:
        """An error as a page, with the status of the error unless another is given."""
        language = self._language(request)
        content = {"problem": problem}
        return self._render(
            request, "problem.html", language, "", content, status or problem.status, dict(problem.headers)
        )

    async def style_sheet(self, request: Request) -> Response:
        """The style sheet; its address changes with its content."""
        headers = {"Cache-Control": f"public, max-age={_YEAR}, immutable"}
        return Response(self.style, headers=headers, media_type="text/css")

    async def favicon(self, request: Request) -> Response:
        """The icon in the browser's tab."""
        headers = {"Cache-Control": "public, max-age=86400"}
        return Response(self.icon, headers=headers, media_type="image/svg+xml")

    async def _answer(self, request: Request, query: str, language: str) -> Result:
        began = time.monotonic()
        address = endpoint_address(request, self._services.settings.public_address)
        accept = f"{JSON_RESULTS.media_type}, {TURTLE.media_type}"
        question = await run_in_threadpool(self._services.read_question, QueryOperation(query), accept, address)
        if question.text.calls:
            exchange_of(request.scope).calls = len(question.text.calls)
            question = await fill_watched(self._services, question, request)
        return await run_in_threadpool(self._run, question, query, language, began)

    def _run(self, question: Question, query: str, language: str, began: float) -> Result:
        body = _read_at_most(self._services.ask(question), _PAGE_BYTES)
        result = self._read(question, body, f"{time.monotonic() - began:.2f}")
        return replace(result, notices=remark(self._services, question, body, query, language))

    def _read(self, question: Question, body: bytes | None, seconds: str) -> Result:
        if question.text.is_graph:
            shown = body.decode() if body is not None else ""
            return Result(seconds, GRAPHS, graph=shown, is_large=body is None)
        if body is None:
            return Result(seconds, RESULTS, is_large=True)
        if question.text.form == "ASK":
            return Result(seconds, RESULTS, boolean=b"true" in body)
        table = read_table(body)
        first = table.rows[: self._services.settings.result_rows]
        rows = tuple(tuple(_cell(row.get(name)) for name in table.variables) for row in first)
        return Result(seconds, RESULTS, variables=table.variables, rows=rows, total=len(table.rows))

    def _examples(self, language: str) -> tuple[Example, ...]:
        return examples_of(self._services.library, language)

    def _language(self, request: Request) -> str:
        return language_of(request, self._services.settings)

    def _tag(self, request: Request, language: str) -> str:
        return self._services.tag("page", str(request.url), language, self._style_version)

    def _known(self, request: Request, language: str, tag: str) -> Response | None:
        """Return the answer for who has the page of a tag already, or the page if it is kept here."""
        if is_fresh(request, tag):
            return Response(status_code=304, headers={"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": _VARY})
        revision = self._services.revision
        kept = self._kept.find((tag, str(request.url), language), revision) if revision is not None else None
        return self._respond(request, kept.body, language, tag) if kept is not None else None

    def _render(
        self,
        request: Request,
        template: str,
        language: str,
        tag: str,
        content: Mapping[str, object],
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        shared = {
            "language": language,
            "languages": _LANGUAGE_NAMES,
            "language_links": {other: _with_language(request, other) for other in LANGUAGES},
            "t": _wording(language),
            "revision": self._services.revision_name,
            "revision_date": self._services.revision_date,
            "settings": self._services.settings,
            "style": f"/assets/style.css?v={self._style_version}",
            "path": request.url.path,
        }
        revision = self._services.revision
        body = self._templates.get_template(template).render(**shared, **content).encode()
        if tag and revision is not None:
            # Under the tag from before the content was asked for: after a change since, nobody looks for it.
            self._kept.put((tag, str(request.url), language), Cached(revision, body, [], "", "", None))
        return self._respond(request, body, language, tag, status, headers)

    def _respond(
        self,
        request: Request,
        body: bytes,
        language: str,
        tag: str,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        response = Response(b"" if request.method == "HEAD" else body, status, headers, "text/html; charset=utf-8")
        response.headers.update(
            {"Vary": _VARY, "Content-Language": language, "Content-Length": str(len(body))}
            | ({"ETag": tag, "Cache-Control": CACHE_CONTROL} if tag else {"Cache-Control": "no-store"})
        )
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR, httponly=True, samesite="lax")
        return response


_VARY = "Accept, Accept-Language, Cookie"


def _wording(language: str) -> Callable[..., str]:
    def worded(key: str, **params: object) -> str:
        return text("web." + key, language, **params)

    return worded


def _with_language(request: Request, language: str) -> str:
    url = request.url.include_query_params(lang=language)
    return f"{url.path}?{url.query}"


def _read_at_most(answer: Answer, limit: int) -> bytes | None:
    """Return the whole answer, or ``None`` if it is longer than ``limit``."""
    body = bytearray()
    with answer:
        for chunk in answer.chunks:
            body += chunk
            if len(body) > limit:
                return None
    return bytes(body)


def _cell(term: Term | None) -> Cell | None:
    if term is None:
        return None
    if term.kind == "uri":
        return Cell(shorten(term.value), href_of(term.value))
    if term.kind == "bnode":
        return Cell("_:" + term.value)
    return Cell(term.value, "", term.language or "", shorten(term.datatype) if term.datatype else "")


def _fault(problem: Problem, query: str) -> Fault:
    """Return a problem with the line it is about and a mark under the place."""
    lines = query.splitlines()
    if problem.line is None or problem.column is None or not 1 <= problem.line <= len(lines):
        return Fault(problem)
    line = lines[problem.line - 1].expandtabs(1)
    return Fault(problem, line, " " * (problem.column - 1) + "^" * (problem.length or 1))
