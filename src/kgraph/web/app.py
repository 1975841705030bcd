"""The application: its routes, and errors as answers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kgraph.access import Tokens
from kgraph.catalogue import Catalogue
from kgraph.errors import KgraphError, RequestError, SettingError
from kgraph.formats import HTML, PLAIN, PROBLEM, negotiate
from kgraph.query_library import load_library
from kgraph.resources import Resources
from kgraph.settings import Settings
from kgraph.sparql.protocol import METHODS
from kgraph.store.base import Store
from kgraph.store.workers import WorkerStore
from kgraph.web.access_log import AccessLog
from kgraph.web.api import DataRoutes, check_address
from kgraph.web.cache import AnswerCache
from kgraph.web.changes import Changes
from kgraph.web.clients import Clients
from kgraph.web.descriptions import Descriptions
from kgraph.web.direct import DirectAnswers
from kgraph.web.endpoint import SparqlEndpoint
from kgraph.web.exchanges import exchange_of
from kgraph.web.front import Front
from kgraph.web.graph_store import PATH as GRAPH_STORE
from kgraph.web.graph_store import GraphStore
from kgraph.web.heads import split
from kgraph.web.http import language_of, preflight_headers, problem_response
from kgraph.web.lending import Lending
from kgraph.web.operations import Operations, ProblemPages
from kgraph.web.pages import Pages
from kgraph.web.problems import problem_of
from kgraph.web.request_heads import GRAPH_METHODS, READ_METHODS
from kgraph.web.services import Services

if TYPE_CHECKING:
    from kgraph.federation import Federation

_MIB = 1024 * 1024
_KEPT_AT_ONCE = 65_536
"""Bytes of the longest answer that is kept for others when it is given for the first time."""

_READ = ["GET", "HEAD"]
_PREFLIGHT = preflight_headers(READ_METHODS)
_HEAD_ROOM = 32768

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(settings: Settings, store: Store, home: Path) -> Front:
    """Return the application that serves ``store`` with the queries of ``home``. Closing the store is the caller's.

    Raises :class:`kgraph.errors.SettingError` for settings that do not fit together.
    """
    library, federation = load_library(home / "queries"), _open_federation(settings)
    services = Services(settings, store, Resources(store, home), library, federation)
    pages, data = Pages(services), DataRoutes(services)
    described = Descriptions(services, Catalogue(store, home))
    cache = AnswerCache(settings.cache_mib * _MIB, at_once=_KEPT_AT_ONCE, run=lambda: services.run)
    operations, problems = Operations(services, cache), ProblemPages(services, pages)
    log = _open_log(settings)
    lifespan = _lifespan(settings, log, services, lambda: front.stop())
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan)
    for path, endpoint in {
        "/": pages.start,
        "/query": pages.form,
        "/page/{path:path}": pages.resource,
        "/data/{path:path}": data.data,
        "/id/{path:path}": data.redirect,
        "/vocab/{path:path}": data.redirect,
        "/graph/{path:path}": data.redirect,
        "/ont": data.redirect,
        "/ont/{path:path}": data.redirect,
        "/shapes": data.redirect,
        "/shapes/{path:path}": data.redirect,
        "/assets/style.css": pages.style_sheet,
        "/favicon.svg": pages.favicon,
        "/favicon.ico": pages.favicon,
        "/.well-known/void": described.void,
        "/.well-known/sparql-examples": described.examples,
        "/catalogue": described.catalogue,
        "/problem/{code}": problems.describe,
        "/healthz": operations.healthy,
        "/readyz": operations.ready,
        "/metrics": operations.measured,
    }.items():
        app.router.routes.append(Route(path, _limited(endpoint, settings), methods=_READ))
    _add_error_handlers(app, settings, pages)
    clients = _clients(settings)
    changes = Changes(services, Tokens(Path(settings.state) if settings.state else None, os.environ))
    graphs = GraphStore(services, changes)
    for path in (GRAPH_STORE, GRAPH_STORE + "/{path:path}"):
        app.router.routes.append(Route(path, graphs))
    sparql = SparqlEndpoint(services, pages, cache, clients, changes)
    front = Front(app, sparql, settings, lambda: store.revision, cache, clients, operations.metrics, log)
    operations.unread = lambda: front.unread
    if isinstance(store, WorkerStore):
        front.direct = DirectAnswers(services, store, cache, clients, front)
        front.lending = operations.lending = Lending(store, settings, front.note_answered)
    return front


def _open_federation(settings: Settings) -> Federation | None:
    if not settings.federation:
        return None
    # Imported here: a server that calls nobody need not wait for the client's library.
    from kgraph.federation import Federation, FederationLimits

    limits = FederationLimits(
        connections=settings.federation_connections,
        patience=settings.queue_timeout,
        timeout=settings.federation_timeout,
        answer=settings.federation_answer,
        rows=settings.federation_rows,
    )
    return Federation(settings.federation, limits)


def _clients(settings: Settings) -> Clients:
    proxies = split(settings.trusted_proxies)
    try:
        return Clients(settings.rate_limit, settings.rate_burst, settings.client_queries, proxies)
    except ValueError as error:
        raise SettingError(f"KGRAPH_TRUSTED_PROXIES: {error}") from error


def _open_log(settings: Settings) -> AccessLog:
    try:
        return AccessLog(settings.log_format, settings.log_level, settings.log_file)
    except OSError as error:
        raise SettingError(f"KGRAPH_LOG_FILE: {error}") from error


def _lifespan(
    settings: Settings, log: AccessLog, services: Services, stop: Callable[[], None]
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # One thread for each query and each change that may run or wait, so that none takes another's.
        places = 2 * settings.query_workers + settings.queue_length + settings.update_queue
        anyio.to_thread.current_default_thread_limiter().total_tokens = places + 8
        log.event("info", "start", revision=services.revision_name)
        for notice in getattr(services.store, "notices", ()):
            log.event("warning", "notice", message=notice)
        yield
        stop()
        log.event("info", "stop")
        log.close()

    return lifespan


def _limited(endpoint: Endpoint, settings: Settings) -> Endpoint:
    async def limited(request: Request) -> Response:
        check_address(request, settings.max_url)
        return await endpoint(request)

    return limited


def _add_error_handlers(app: FastAPI, settings: Settings, pages: Pages) -> None:
    fixed = {route.path for route in app.router.routes if isinstance(route, Route)} | {"/sparql"}

    def respond(request: Request, error: KgraphError) -> Response:
        offered = (PROBLEM, PLAIN, HTML)
        if request.method in _READ and negotiate(request.headers.get("accept"), offered) is HTML:
            problem = problem_of(error, language_of(request, settings))
            exchange_of(request.scope).outcome = problem.code
            return pages.problem(request, problem)
        return problem_response(request, error, settings)

    async def told(request: Request, error: Exception) -> Response:
        if isinstance(error, ConnectionAbortedError):
            raise error
        return respond(request, error if isinstance(error, KgraphError) else KgraphError(str(error)))

    async def refused(request: Request, error: Exception) -> Response:
        if request.scope.get("raw_path") == b"*":
            # The connection lets OPTIONS alone ask of the server as a whole (RFC 9110, section 9.3.7).
            return Response(status_code=204, headers=preflight_headers(dict.fromkeys((*METHODS, *GRAPH_METHODS))))
        plain = request.url.path.rstrip("/")
        if plain != request.url.path and plain in fixed:
            # 308 keeps method and body. The address is relative, since a proxy may be known under another one.
            query = request.url.query
            return Response(status_code=308, headers={"Location": plain + (f"?{query}" if query else "")})
        if isinstance(error, HTTPException) and error.status_code == 405:
            if request.method == "OPTIONS":
                return Response(status_code=204, headers=_PREFLIGHT)
            headers = {"Allow": _PREFLIGHT["Allow"]}
            return respond(request, RequestError("method-not-allowed", 405, headers=headers, method=request.method))
        return respond(request, RequestError("not-found", 404, path=request.url.path))

    app.add_exception_handler(KgraphError, told)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, told)
