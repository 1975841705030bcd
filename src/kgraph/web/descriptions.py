"""What the server tells of itself in RDF: what the dataset holds, its place in a catalogue, and examples."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from kgraph.catalogue import Catalogue, Publication
from kgraph.formats import ONE_GRAPH
from kgraph.store.answers import render_graph
from kgraph.web.api import base_address, static_answer
from kgraph.web.examples import describe_examples
from kgraph.web.http import run_in_threadpool
from kgraph.web.questions import choose_format
from kgraph.web.services import Services


class Descriptions:
    """The addresses that describe the server and its data."""

    def __init__(self, services: Services, catalogue: Catalogue) -> None:
        """Answer from ``services`` and ``catalogue``."""
        self._services = services
        self._catalogue = catalogue

    async def void(self, request: Request) -> Response:
        """What the dataset holds (VoID)."""
        return await self._answer(request, self._catalogue.describe_void)

    async def catalogue(self, request: Request) -> Response:
        """The dataset and the endpoint for catalogues (DCAT)."""
        return await self._answer(request, self._catalogue.describe_catalogue)

    async def examples(self, request: Request) -> Response:
        """The queries of the library (SHACL executables)."""

        def describe(publication: Publication) -> str:
            return describe_examples(self._services.library, publication.address + "/sparql")

        return await self._answer(request, describe)

    async def _answer(self, request: Request, describe: Callable[[Publication], str]) -> Response:
        chosen = choose_format(request.query_params.get("format"), request.headers.get("accept"), ONE_GRAPH)
        settings = self._services.settings
        address = base_address(request, settings.public_address)
        publication = Publication(address, settings.publisher, settings.contact, settings.licence)
        body = render_graph(await run_in_threadpool(describe, publication), chosen)
        return static_answer(request, body, chosen, self._services.tag(request.url.path, publication, chosen.name))
