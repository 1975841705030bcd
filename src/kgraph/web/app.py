"""The application: routes, errors, and a server that answers until it is stopped."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio.to_thread
import uvicorn
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kgraph.catalogue import Catalogue
from kgraph.dataset import load_dataset
from kgraph.errors import KgraphError, RequestError
from kgraph.formats import HTML, PLAIN, PROBLEM, negotiate
from kgraph.query_library import load_library
from kgraph.resources import Resources
from kgraph.settings import Settings
from kgraph.store.base import Store, select
from kgraph.store.embedded import open_store
from kgraph.store.workers import WorkerLimits, WorkerStore, can_isolate
from kgraph.web.api import DataRoutes, SparqlEndpoint, check_address
from kgraph.web.descriptions import Descriptions
from kgraph.web.http import CommonHeaders, language_of, problem_response, run_in_threadpool
from kgraph.web.pages import Pages
from kgraph.web.problems import problem_of
from kgraph.web.services import Services

_READ = ["GET", "HEAD"]
_HEAD_ROOM = 32768
_MIN_COMPRESSED = 1024

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(settings: Settings, store: Store, home: Path) -> FastAPI:
    """Return the application that serves ``store`` with the queries of ``home``. Closing the store is the caller's."""
    services = Services(settings, store, Resources(store, home), load_library(home / "queries"))
    pages, data = Pages(services), DataRoutes(services)
    described = Descriptions(services, Catalogue(store, home))
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan(settings))
    app.add_middleware(GZipMiddleware, minimum_size=_MIN_COMPRESSED)
    app.add_middleware(CommonHeaders, revision=services.revision)
    app.router.routes.append(Route("/sparql", SparqlEndpoint(services, pages)))
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
        "/healthz": _healthy,
        "/readyz": _readiness(services),
    }.items():
        app.router.routes.append(Route(path, _limited(endpoint, settings), methods=_READ))
    _add_error_handlers(app, settings, pages)
    return app


def open_settings_store(settings: Settings, home: Path) -> Store:
    """Open the store that the settings ask for: with processes of its own where the platform has them.

    Raises :class:`kgraph.errors.DatasetError` if the dataset cannot be read.
    """
    if settings.isolation and can_isolate():
        limits = WorkerLimits(
            places=settings.query_workers,
            slow_places=settings.query_workers,
            waiting=settings.queue_length,
            patience=settings.queue_timeout,
            timeout=settings.query_timeout,
            memory=settings.worker_memory_mib,
            queries=settings.worker_queries,
        )
        return WorkerStore(home, limits)
    return open_store(load_dataset(home))


def serve(settings: Settings, home: Path) -> None:
    """Serve ``home`` until interrupted; the address is printed when the server answers.

    Raises :class:`kgraph.errors.DatasetError` if the dataset cannot be read.
    """
    if not can_isolate() or not settings.isolation:
        print("Queries run without isolation: nothing stops one that takes long.", file=sys.stderr)
    store = open_settings_store(settings, home)
    try:
        _Server(server_config(create_app(settings, store, home), settings)).run()
    finally:
        store.close()


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return how the server listens, and how much of a request it takes before it is read."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        server_header=False,
        h11_max_incomplete_event_size=settings.max_url + _HEAD_ROOM,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=settings.idle_timeout,
        http="h11",
        ws="none",
    )


class _Server(uvicorn.Server):
    """Says where it answers once it does."""

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup()
        for server in self.servers:
            for listening in server.sockets:
                host, port = listening.getsockname()[:2]
                print(f"kgraph answers on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)


def _lifespan(settings: Settings) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # One thread for each query that may run or wait, so that none takes another's.
        places = 2 * settings.query_workers + settings.queue_length
        anyio.to_thread.current_default_thread_limiter().total_tokens = places + 8
        yield

    return lifespan


def _limited(endpoint: Endpoint, settings: Settings) -> Endpoint:
    async def limited(request: Request) -> Response:
        check_address(request, settings.max_url)
        return await endpoint(request)

    return limited


def _add_error_handlers(app: FastAPI, settings: Settings, pages: Pages) -> None:
    def respond(request: Request, error: KgraphError) -> Response:
        offered = (PROBLEM, PLAIN, HTML)
        if request.method in _READ and negotiate(request.headers.get("accept"), offered) is HTML:
            return pages.problem(request, problem_of(error, language_of(request, settings)))
        return problem_response(request, error, settings)

    async def told(request: Request, error: Exception) -> Response:
        return respond(request, error if isinstance(error, KgraphError) else KgraphError(str(error)))

    async def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:
            headers = {"Allow": ", ".join(_READ)}
            return respond(request, RequestError("method-not-allowed", 405, headers=headers, method=request.method))
        return respond(request, RequestError("not-found", 404, path=request.url.path))

    app.add_exception_handler(KgraphError, told)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, told)


async def _healthy(request: Request) -> Response:
    return PlainTextResponse("ok\n")


def _readiness(services: Services) -> Endpoint:
    async def ready(request: Request) -> Response:
        await run_in_threadpool(select, services.store, "SELECT (1 AS ?one) WHERE {}")
        return PlainTextResponse(f"ready, revision {services.revision}\n")

    return ready
