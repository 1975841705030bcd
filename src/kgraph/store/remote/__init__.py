"""Another engine that speaks the SPARQL 1.1 Protocol, for a dataset that outgrew one machine.

The engine holds the data. What is asked of it is made plain first: the dataset goes beside the text, as lists of the
engine's own graphs, and values go into the text as terms. What it answers is read here and written anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import pyoxigraph as ox

from kgraph.errors import QueryFailedError, QuerySyntaxError, StoreError
from kgraph.formats import JSON_RESULTS, Format
from kgraph.sparql.rewriting import bind_values, drop_dataset
from kgraph.store.base import (
    ALL,
    ASSERTED,
    INFERRED,
    OUTSIDE_DEFAULT,
    Answer,
    Deviation,
    Query,
    Revision,
    read_table,
)
from kgraph.store.literals import term_text
from kgraph.store.remote.connections import Connections
from kgraph.store.remote.dialects import STANDARD, Dialect
from kgraph.store.remote.run import Run
from kgraph.vocabulary import GRAPHS

NO_GRAPH = GRAPHS + "none"
"""A graph that never is, for a dataset without default graphs or without named ones: left out, it would mean all."""

_LISTING = "SELECT ?g (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g"


@dataclass(frozen=True)
class RemoteLimits:
    """How much queries may take, in seconds, and how many connections there are.

    ``timeout`` is the longest the engine may take for an answer and ``stream_timeout`` the longest that fetching it
    may take; ``patience`` is how long a query waits for one of ``connections``; the list of graphs is asked for anew
    when it is older than ``graphs_age``, and may take ``listing_timeout``.
    """

    connections: int = 8
    patience: float = 5.0
    timeout: float = 10.0
    stream_timeout: float = 300.0
    graphs_age: float = 300.0
    listing_timeout: float = 120.0


class RemoteStore:
    """A dataset in another engine.

    Its named graphs are those of the engine under kgraph's own names; others in the engine are not part of it. The
    default graph is the graph ``asserted`` if the engine holds one, else the union of all asserted graphs.
    """

    def __init__(
        self,
        address: str,
        dialect: Dialect = STANDARD,
        limits: RemoteLimits | None = None,
        *,
        authorization: str = "",
        revision: tuple[int, str] | None = None,
    ) -> None:
        """Ask the engine at ``address`` for its graphs.

        ``authorization`` is the value of that header; ``revision``, a number and a digest, is the state that the data
        are known to be in. Without it the state is not known: no engine tells it. Raises
        :class:`kgraph.errors.StoreError` if the engine does not answer.
        """
        self._dialect = dialect
        self._limits = limits or RemoteLimits()
        self._connections = Connections(address, self._limits.connections, self._limits.patience, authorization)
        self._fetchers = ThreadPoolExecutor(self._limits.connections, thread_name_prefix="kgraph-remote")
        self._revision = Revision(*revision, datetime.now(UTC)) if revision is not None else None
        self._runs: set[Run] = set()
        self._closed = False
        self._listing = threading.Lock()
        self._graphs: dict[str, int] = {}
        self._listed = float("-inf")
        try:
            self._list_graphs()
        except (StoreError, QuerySyntaxError):
            self.close()
            raise

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """Where the engine does otherwise than stores promise."""
        return self._dialect.deviations

    @property
    def revision(self) -> Revision | None:
        """The state that the data were said to be in, ``None`` if nothing was said; its date is when this opened."""
        return self._revision

    def has_function(self, iri: str) -> bool:
        """Tell nothing: what functions another engine has is not known, and what it makes of others is its own."""
        return True

    def graphs(self) -> Mapping[str, int]:
        """Return the IRIs of the dataset's named graphs with their numbers of statements."""
        return {name: count for name, count in self._known_graphs().items() if name != ASSERTED}

    def query(self, query: Query, format: Format) -> Answer:
        """Answer a query; returns when the first chunk of the answer is there, or the whole."""
        dataset = self._dataset(query.dataset)
        terms = {name: _read_term(term) for name, term in query.substitutions.items()}
        text = bind_values(drop_dataset(query.text), terms)
        timeout = min(query.timeout or self._limits.timeout, self._limits.timeout)
        return self._run(query, text, dataset, format, timeout)

    def close(self) -> None:
        """Give up all queries and cut all connections."""
        self._closed = True
        for run in tuple(self._runs):
            run.close()
        self._fetchers.shutdown(wait=True)
        self._connections.close()

    def _run(
        self, query: Query, text: str, dataset: tuple[list[str], list[str]], format: Format, timeout: float
    ) -> Answer:
        if self._closed:
            raise QueryFailedError("the store is closed")
        run = Run(self._connections, self._dialect, timeout, self._limits.stream_timeout)
        if query.cancellation is not None:
            query.cancellation.on_cancel(run.close)
        self._runs.add(run)
        self._fetchers.submit(run.fetch, text, dataset, format).add_done_callback(lambda _: self._runs.discard(run))
        return run.start(format, self._revision)

    def _dataset(self, asked: tuple[tuple[str, ...], tuple[str, ...]] | None) -> tuple[list[str], list[str]]:
        """Return the default graphs and the named graphs to ask the engine for; none of them is empty."""
        known = self._known_graphs()
        named_graphs = [name for name in known if name != ASSERTED]
        if asked is None:
            asked = ((ASSERTED,), tuple(named_graphs))
        asserted = [ASSERTED] if ASSERTED in known else [n for n in named_graphs if n not in OUTSIDE_DEFAULT]
        default = _expand(asked[0], asserted)
        named = [name for name in _expand(asked[1], []) if name != ASSERTED]
        return (
            [name for name in default if name in known] or [NO_GRAPH],
            [name for name in named if name in known] or [NO_GRAPH],
        )

    def _known_graphs(self) -> dict[str, int]:
        """Return the graphs as they were listed last; an old list is good until a newer one is there."""
        is_old = time.monotonic() - self._listed > self._limits.graphs_age
        if is_old and self._listing.acquire(blocking=False):
            threading.Thread(target=self._renew_graphs, daemon=True).start()
        return self._graphs

    def _renew_graphs(self) -> None:
        try:
            self._list_graphs()
        except (StoreError, QuerySyntaxError):
            # The queries tell what is wrong with the engine; the next one asks for the list again.
            return
        finally:
            self._listing.release()

    def _list_graphs(self) -> None:
        answer = self._run(Query(_LISTING), _LISTING, ([], []), JSON_RESULTS, self._limits.listing_timeout)
        rows = read_table(answer.read()).rows
        graphs = {row["g"].value: int(row["n"].value) for row in rows if "g" in row}
        self._graphs = {name: graphs[name] for name in sorted(graphs) if name.startswith(GRAPHS)}
        self._listed = time.monotonic()


def _expand(names: Iterable[str], asserted: list[str]) -> list[str]:
    """Put the graphs they stand for in the place of ``graph/all`` and ``graph/asserted``; name each graph once."""
    stands_for = {ALL: [*asserted, INFERRED], ASSERTED: asserted}
    return list(dict.fromkeys(graph for name in names for graph in stands_for.get(name, [name])))


def _read_term(term: str) -> str:
    """Return a term in N-Triples syntax, read and written anew, so that nothing but one term goes into a text.

    Raises :class:`kgraph.errors.QueryFailedError` for what is no term, and for a blank node: another engine's blank
    nodes have no names.
    """
    try:
        quads: Iterable[ox.Quad] = ox.parse(f"<urn:s> <urn:p> {term} .", format=ox.RdfFormat.N_TRIPLES)
        (quad,) = quads
    except (SyntaxError, ValueError) as error:
        raise QueryFailedError(f"not one term: {term}") from error
    if isinstance(quad.object, ox.BlankNode):
        raise QueryFailedError("a blank node cannot be bound in another engine")
    return term_text(quad.object)
