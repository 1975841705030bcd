"""Resources as data, and what the routes of machines have in common."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from kgraph.errors import RequestError
from kgraph.formats import GRAPHS, HTML, Format, by_suffix, in_profile, negotiate
from kgraph.resources import graph_of, iri_of
from kgraph.store.base import Query
from kgraph.web.heads import CACHE_CONTROL
from kgraph.web.http import is_fresh, run_in_threadpool
from kgraph.web.questions import choose_format
from kgraph.web.services import Services


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
        path, suffix = self._wanted(request)
        query = self._query(path)
        if query is None or not await self._exists(path):
            raise RequestError("not-found", 404, path=request.url.path)
        accept = request.headers.get("accept")
        named = request.query_params.get("format")
        chosen = in_profile(suffix, accept) if suffix else choose_format(named, accept, GRAPHS)
        tag = self._services.tag("data", path, chosen.name)
        if is_fresh(request, tag):
            return static_answer(request, b"", chosen, tag)
        answer = await run_in_threadpool(self._services.store.query, query, chosen)
        return static_answer(request, await run_in_threadpool(answer.read), chosen, tag)

    def _wanted(self, request: Request) -> tuple[str, Format | None]:
        """Return the path of the resource, and the format that its ending names."""
        path = str(request.path_params["path"])
        stem, _, suffix = path.rpartition(".")
        named = by_suffix(suffix, GRAPHS) if stem else None
        return (stem, named) if named else (path, None)

    def _query(self, path: str) -> Query | None:
        graph = graph_of(path)
        if graph is not None:
            return Query("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", ((graph,), ()))
        iri = iri_of(path)
        # The path was checked to hold no character that could end the IRI.
        return Query(f"DESCRIBE <{iri}>") if iri else None

    async def _exists(self, path: str) -> bool:
        graph = graph_of(path)
        if graph is not None:
            return graph in self._services.store.graphs()
        iri = iri_of(path)
        return iri is not None and await run_in_threadpool(self._services.resources.exists, iri)


def base_address(request: Request, public_address: str) -> str:
    """Return the address of this server as clients know it, without a slash at its end."""
    return (public_address or str(request.base_url)).rstrip("/")


def endpoint_address(request: Request, public_address: str) -> str:
    """Return the address of the endpoint as clients know it."""
    return base_address(request, public_address) + "/sparql"


def check_address(request: Request, limit: int) -> None:
    """Refuse an address that is too long. Raises :class:`kgraph.errors.RequestError` (414)."""
    if len(request.scope["query_string"]) + len(request.scope.get("raw_path", b"")) > limit:
        raise RequestError("address-too-long", 414, limit=limit)


def static_answer(request: Request, body: bytes, chosen: Format, tag: str) -> Response:
    """Return a body that is whole already, or 304 to a client that holds it; ``tag`` may be empty."""
    headers = {"Vary": "Accept", "Cache-Control": CACHE_CONTROL if tag else "no-store"} | ({"ETag": tag} if tag else {})
    if is_fresh(request, tag):
        return Response(status_code=304, headers=headers)
    response = Response(b"" if request.method == "HEAD" else body, headers=headers)
    response.headers["Content-Type"] = chosen.content_type
    response.headers["Content-Length"] = str(len(body))
    return response


def _listing(offered: tuple[Format, ...]) -> str:
    return ", ".join(candidate.media_type for candidate in offered)
