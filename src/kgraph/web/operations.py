"""What those who run the server ask: whether it lives, whether it answers, and what it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from kgraph.errors import RequestError, StoreError
from kgraph.formats import HTML, PLAIN, PROBLEM, negotiate
from kgraph.languages import has_text
from kgraph.store.base import select
from kgraph.store.workers import WorkerStore
from kgraph.web.cache import AnswerCache
from kgraph.web.http import language_of, run_in_threadpool
from kgraph.web.lending import Lending
from kgraph.web.metrics import CONTENT_TYPE, Metrics
from kgraph.web.pages import Pages
from kgraph.web.problems import describe_code, render_problem
from kgraph.web.services import Services

_UNCACHED = {"Cache-Control": "no-store"}


class Operations:
    """The addresses that machines of the operator ask."""

    def __init__(self, services: Services, cache: AnswerCache) -> None:
        """Answer from ``services``, and measure ``cache`` too."""
        self._services = services
        self._cache = cache
        self.metrics = Metrics(self._measure)
        self.unread: Callable[[], int] = lambda: 0
        self.lending: Lending | None = None

    async def healthy(self, request: Request) -> Response:
        """Tell that the process lives."""
        return PlainTextResponse("ok\n", headers=_UNCACHED)

    async def ready(self, request: Request) -> Response:
        """Tell that queries are answered, by having one answered.

        Raises :class:`kgraph.errors.RequestError` (503) if it is not.
        """
        try:
            await run_in_threadpool(select, self._services.store, "SELECT (1 AS ?one) WHERE {}")
        except StoreError as error:
            raise RequestError("not-ready", 503, reason=str(error)) from error
        return PlainTextResponse(f"ready, revision {self._services.revision_name}\n", headers=_UNCACHED)

    async def measured(self, request: Request) -> Response:
        """What the server counts, for Prometheus."""
        if self.lending is not None:
            self.lending.hear()
        return Response(self.metrics.render(), headers={**_UNCACHED, "Content-Type": CONTENT_TYPE})

    def _measure(self) -> Iterator[tuple[str, str, float]]:
        yield "kgraph_unread_bytes", "bytes of answers that clients have not read yet", self.unread()
        cache, store = self._cache, self._services.store
        yield "kgraph_cache_hits_total", "answers from the cache", cache.hits
        yield "kgraph_cache_misses_total", "answers looked for in the cache in vain", cache.misses
        yield "kgraph_cache_bytes", "bytes in the cache", cache.size
        yield "kgraph_cache_answers", "answers in the cache", len(cache)
        revision = self._services.revision
        if revision is not None:
            yield "kgraph_revision", "number of the state of the data", revision.number
            yield "kgraph_revision_time_seconds", "when the state of the data came to be", revision.date.timestamp()
        federation = self._services.federation
        if federation is not None:
            yield "kgraph_federation_calls_total", "calls of other endpoints", federation.calls
            yield (
                "kgraph_federation_failures_total",
                "such calls without a usable answer",
                federation.failures,
            )
            yield "kgraph_federation_calls_open", "such calls under way", federation.open
        if isinstance(store, WorkerStore):
            yield "kgraph_places", "places for queries that have just begun", store.limits.places
            yield "kgraph_places_idle", "such places that are free", store.places.idle
            yield "kgraph_queries_waiting", "queries that wait for a place", store.places.waiting
            yield "kgraph_slow_places", "places for slow queries", store.limits.slow_places
            yield "kgraph_slow_queries", "slow queries that run", store.slow.taken
            yield "kgraph_slow_queries_waiting", "slow queries that wait", store.slow.waiting
            yield "kgraph_forks_total", "processes started for queries", store.forks
        if self.lending is not None:
            yield "kgraph_borrowers", "processes that connections are lent to", self.lending.borrowers
            yield "kgraph_connections_lent", "connections that are lent", self.lending.loans
            yield "kgraph_borrowers_stuck_total", "such processes ended since a request kept them", self.lending.stuck


class ProblemPages:
    """Where the identifiers of problems lead."""

    def __init__(self, services: Services, pages: Pages) -> None:
        """Render with ``pages``."""
        self._services = services
        self._pages = pages

    async def describe(self, request: Request) -> Response:
        """What one code means and how to mend what it tells of."""
        code = str(request.path_params["code"])
        if not has_text(f"problem.{code}.title"):
            raise RequestError("not-found", 404, path=request.url.path)
        described = describe_code(code, language_of(request, self._services.settings))
        accept = request.headers.get("accept")
        if negotiate(accept, (PROBLEM, PLAIN, HTML)) is HTML:
            return self._pages.problem(request, described, 200)
        body, content_type = render_problem(described, accept, "")
        headers = {"Content-Type": content_type, "Content-Length": str(len(body)), "Vary": "Accept, Accept-Language"}
        return Response(b"" if request.method == "HEAD" else body, headers=headers)
