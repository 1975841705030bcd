"""The engine in this process: pyoxigraph, holding the dataset in memory or on disk."""

from __future__ import annotations

import functools
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, ParamSpec, TypeVar

import pyoxigraph as ox

from kgraph.dataset import Dataset, Quad
from kgraph.errors import QueryFailedError, QuerySyntaxError
from kgraph.formats import N_QUADS, TRIG, Format
from kgraph.sparql.rewriting import name_columns, selects_all
from kgraph.store.answers import RDF_FORMATS, Results, render_results, write_results, write_triples
from kgraph.store.base import ALL, ASSERTED, INFERRED, OUTSIDE_DEFAULT, Answer, Deviation, Query, Revision
from kgraph.store.copies import Copies, may_name_graphs
from kgraph.store.digests import asserted_digest
from kgraph.store.functions import Functions, has_function, with_unknown_functions
from kgraph.store.literals import Originals, term_text
from kgraph.store.loading import load_files, load_graphs, unite
from kgraph.store.patch import Patch, n_quad
from kgraph.vocabulary import PREFIXES

UNNAMED = ""
"""How the unnamed graph, which writes without GRAPH go to, is named where graphs are named by their IRIs."""

_COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
_MERGED_KEPT = 4
_NOTHING = ox.Store()
_BAD_CALL = re.compile(r"The custom function <[^<>]*> requires .*")
_PLACE = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)
_NamedGraph = ox.NamedNode | ox.BlankNode
_Graph = _NamedGraph | ox.DefaultGraph
_P = ParamSpec("_P")
_T = TypeVar("_T")

DEVIATIONS = (
    Deviation(
        "canonical-literals",
        "Numbers, truth values and dates are kept by value: 007 comes back as 7, 7.30 as 7.3.",
        ("test_lexical_forms_are_kept",),
    ),
    Deviation(
        "derived-integers",
        "The types derived from xsd:integer come back as xsd:integer.",
        ("test_derived_datatypes_are_kept",),
    ),
    Deviation(
        "zero-length-paths",
        "A path of no step is not followed from a node that stands nowhere in the data.",
        ("test_paths_are_followed[zero-length]",),
    ),
)
"""What the engine does otherwise than stores promise."""

WITHOUT_DEADLINE = Deviation(
    "no-deadline",
    "Nothing stops a query in this process.",
    ("test_a_query_ends_at_its_deadline", "test_a_query_is_given_up_from_another_thread"),
)
"""What does not hold for the engine in this process."""


def _telling_faults(answer: Callable[_P, _T]) -> Callable[_P, _T]:
    """Have what the engine complains of be told as what it means."""

    @functools.wraps(answer)
    def tell(*args: _P.args, **named: _P.kwargs) -> _T:
        try:
            return answer(*args, **named)
        except SyntaxError as error:
            raise syntax_error(error) from error
        except (RuntimeError, ValueError, OSError) as error:
            raise failure(error) from error

    return tell


class EmbeddedStore:
    """A dataset asked in this process: nothing stops a query that takes long.

    The engine's default graph is the unnamed graph. The default graph of queries is the union of the unnamed graph
    and the asserted named ones, each statement once; since the engine unites graphs without dropping what stands in
    more than one, the union is held as a graph of its own, named ``graph/asserted`` and shown by no ``GRAPH ?g``.
    With ``separate`` the default graph of queries is the unnamed graph alone.
    """

    deviations = (*DEVIATIONS, WITHOUT_DEADLINE)

    def __init__(
        self,
        engine: ox.Store,
        revision: Revision | datetime,
        *,
        separate: bool = False,
        originals: Originals | None = None,
        united: bool = False,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        """Take a store whose graphs are filled, in a state that is a revision, or revision 1 of that date.

        ``originals`` knows the literals that the engine holds in another form than they were sent in. With ``united``
        the engine holds the union already. ``sizes`` are the numbers of statements of the named graphs, if known.
        """
        self.engine = engine
        self.originals = originals or Originals()
        self.separate = separate
        if sizes is None:
            sizes = {name: self._size(name) for name in self._names() if name != ASSERTED}
        self._sizes = dict(sizes)
        if not separate and not united:
            unite(engine)
        if isinstance(revision, datetime):
            revision = Revision(1, asserted_digest(engine), revision)
        self._revision = revision
        self._merged: dict[tuple[tuple[str, ...], tuple[str, ...]], ox.Store] = {}
        self.copies: Copies | None = None

    @property
    def revision(self) -> Revision:
        """The state of the data."""
        return self._revision

    def graphs(self) -> Mapping[str, int]:
        """Return the IRIs of the named graphs with their numbers of statements."""
        return dict(self._sizes)

    def has_function(self, iri: str) -> bool:
        """Tell whether the engine has a function of this IRI."""
        return has_function(iri)

    def members(self) -> list[str]:
        """Return the graphs whose union is the default graph of queries, the unnamed one among them."""
        return [UNNAMED, *(name for name in self._sizes if name not in OUTSIDE_DEFAULT)]

    def quads(self, graph: str) -> Iterator[ox.Quad]:
        """Yield the quads of a graph."""
        return self.engine.quads_for_pattern(None, None, None, graph_node(graph))

    def query(self, query: Query, format: Format) -> Answer:
        """Answer a query; the whole answer is held in memory."""
        body = self.render_answer(query, format)
        return Answer(format, self._revision, iter((body,)), len(body))

    @_telling_faults
    def render_answer(self, query: Query, format: Format) -> bytes:
        """Return the whole answer to a query. Raises what :meth:`kgraph.store.base.Store.query` raises."""
        if query.export is None:
            return render_results(self._evaluate(query), format)
        output = io.BytesIO()
        self._export(query.export, format, output)
        return output.getvalue()

    @_telling_faults
    def write_answer(self, query: Query, format: Format, output: IO[bytes]) -> None:
        """Answer a query into a binary file object as the engine produces the answer.

        Raises what :meth:`kgraph.store.base.Store.query` raises; then what was written is not whole.
        """
        if query.export is not None:
            self._export(query.export, format, output)
        else:
            write_results(self._evaluate(query), format, output)

    def follow(self, removed: Collection[ox.Quad], added: Collection[ox.Quad]) -> tuple[list[ox.Quad], list[ox.Quad]]:
        """Bring the union up to date with statements that its members lost and won already.

        Returns what the union lost and won.
        """
        # A graph that came to be within a change is not among the counted ones yet, or no longer in the engine.
        names = {UNNAMED, *self._names(), *map(graph_of, removed), *map(graph_of, added)}
        members = names - OUTSIDE_DEFAULT - {ASSERTED}
        nodes = [graph_node(name) for name in members]
        lost = [
            united
            for quad, united in zip(removed, in_graph(removed, ASSERTED), strict=True)
            if graph_of(quad) in members
            and not any(ox.Quad(quad.subject, quad.predicate, quad.object, node) in self.engine for node in nodes)
        ]
        won = [
            united
            for quad, united in zip(added, in_graph(added, ASSERTED), strict=True)
            if graph_of(quad) in members and united not in self.engine
        ]
        lost, won = list(dict.fromkeys(lost)), list(dict.fromkeys(won))
        for quad in lost:
            self.engine.remove(quad)
        self.engine.extend(won)
        return lost, won

    def apply(
        self, revision: Revision, removed: Collection[Quad], added: Collection[Quad], dropped: Iterable[str] = ()
    ) -> tuple[list[ox.Quad], list[ox.Quad]]:
        """Make the state of the data another one, without a step that might fail half way.

        Returns what the union lost and won.
        """
        gone, come = list(read_quads(removed)), list(read_quads(added))
        for quad in gone:
            self.engine.remove(quad)
        self.engine.extend(come)
        for name in dropped:
            self.engine.remove_graph(ox.NamedNode(name))
        changed = ([], []) if self.separate else self.follow(gone, come)
        self.originals.apply(Patch(tuple(removed), tuple(added)))
        self.advance(revision, gone, come, dropped)
        return changed

    def _export(self, names: Iterable[str], format: Format, output: IO[bytes]) -> None:
        held = (quad for name in names for quad in self.quads(name))
        quads = map(self._restore, held) if self.originals else held
        if format in (N_QUADS, TRIG):
            ox.serialize(quads, output, format=RDF_FORMATS[format], prefixes=PREFIXES if format is TRIG else None)
        else:
            write_triples((quad.triple for quad in quads), format, output)

    def _restore(self, quad: ox.Quad) -> ox.Quad:
        """Return a statement with its literal as it was sent."""
        if isinstance(quad.object, ox.NamedNode | ox.BlankNode):
            return quad
        held = Quad(str(quad.subject), str(quad.predicate), term_text(quad.object), graph_of(quad))
        sent = self.originals.restore(held)
        return quad if sent is held else next(read_quads([sent]))

    def advance(
        self, revision: Revision, removed: Iterable[ox.Quad], added: Iterable[ox.Quad], dropped: Iterable[str]
    ) -> None:
        """Take note that the engine holds another state already."""
        self._revision = revision
        self._merged.clear()
        for quads, sign in ((removed, -1), (added, 1)):
            for name, count in Counter(map(graph_of, quads)).items():
                if name != UNNAMED:
                    self._sizes[name] = self._sizes.get(name, 0) + sign * count
        for name in dropped:
            self._sizes.pop(name, None)

    def recount(self, name: str, more: int) -> None:
        """Take note that a named graph has so many statements more."""
        self._sizes[name] = self._sizes.get(name, 0) + more

    def close(self) -> None:
        """Drop the graphs that were put together for single queries."""
        self._merged.clear()

    def _evaluate(self, query: Query) -> Results:
        try:
            return self._ask(query)
        except RuntimeError as error:
            return with_unknown_functions(error, lambda functions: self._ask(query, functions))

    def _ask(self, query: Query, functions: Functions | None = None) -> Results:
        terms = {ox.Variable(name): read_term(term) for name, term in query.substitutions.items()}
        text = query.text if terms else _with_columns(query.text, functions)
        copy = self.copies.find(query) if self.copies is not None else None
        if copy is not None:
            return copy.query(text, substitutions=terms, custom_functions=functions)
        engine, default, named = self._dataset(query)
        return engine.query(
            text, default_graph=default, named_graphs=named, substitutions=terms, custom_functions=functions
        )

    def _dataset(self, query: Query) -> tuple[ox.Store, list[_Graph], list[_NamedGraph] | None]:
        """Return the engine that holds the dataset of a query, with its default graphs and its named ones."""
        if query.dataset is None:
            default: list[_Graph] = [ox.DefaultGraph() if self.separate else ox.NamedNode(ASSERTED)]
            # Naming the graphs takes time in a dataset with many; where none is asked for, none need be named.
            return self.engine, default, self._shown_graphs() if may_name_graphs(query.text) else None
        default_names, named_names = _expand(query.dataset[0]), _expand(query.dataset[1])
        named: list[_NamedGraph] = [ox.NamedNode(name) for name in named_names if name != ASSERTED]
        if set(default_names) == {ASSERTED, INFERRED} and not self.separate:
            # Nothing that is inferred is asserted, so that uniting the two gives each statement once.
            return self.engine, [ox.NamedNode(name) for name in default_names], named
        if len(default_names) > 1 or (self.separate and ASSERTED in default_names):
            return self._merge(default_names, named_names), [ox.DefaultGraph()], named
        return self.engine, [graph_node(name) for name in default_names], named

    def _shown_graphs(self) -> list[_NamedGraph]:
        return [ox.NamedNode(name) for name in self._sizes]

    def _merge(self, default: tuple[str, ...], named: tuple[str, ...]) -> ox.Store:
        """Return a store whose default graph is the union of the given ones, each statement once."""
        key = (default, named)
        if key not in self._merged:
            merged = ox.Store()
            parts = [part for name in default for part in (self.members() if name == ASSERTED else (name,))]
            for name in parts:
                merged.extend(in_graph(self.quads(name), UNNAMED))
            for name in named:
                merged.extend(self.quads(name))
            if len(self._merged) >= _MERGED_KEPT:
                self._merged.clear()
            self._merged[key] = merged
        return self._merged[key]

    def _names(self) -> Iterator[str]:
        return (graph.value for graph in self.engine.named_graphs() if isinstance(graph, ox.NamedNode))

    def _size(self, name: str) -> int:
        counted = self.engine.query(_COUNT, default_graph=[graph_node(name)], named_graphs=[])
        assert isinstance(counted, ox.QuerySolutions)
        number = next(counted)["n"]
        assert isinstance(number, ox.Literal)
        return int(number.value)


def open_store(dataset: Dataset, *, separate: bool = False) -> EmbeddedStore:
    """Load the files of a dataset into a store, and, unless it is ``separate``, what follows from them.

    Raises what :func:`kgraph.store.loading.load_graphs` raises.
    """
    if separate:
        return EmbeddedStore(load_files(dataset), dataset.date, separate=True)
    return EmbeddedStore(load_graphs(dataset).engine, dataset.date, united=True)


def graph_node(name: str) -> ox.NamedNode | ox.DefaultGraph:
    """Return the engine's name of a graph."""
    return ox.NamedNode(name) if name else ox.DefaultGraph()


def in_graph(quads: Iterable[ox.Quad], graph: str) -> Iterator[ox.Quad]:
    """Yield the statements of quads as quads of another graph."""
    node = graph_node(graph)
    return (ox.Quad(quad.subject, quad.predicate, quad.object, node) for quad in quads)


def graph_of(quad: ox.Quad) -> str:
    """Return the IRI of a quad's graph, empty for the unnamed graph."""
    return UNNAMED if isinstance(quad.graph_name, ox.DefaultGraph) else quad.graph_name.value


def read_quads(quads: Iterable[Quad]) -> Iterator[ox.Quad]:
    """Yield quads as the engine's."""
    return ox.parse("".join(map(n_quad, quads)), format=ox.RdfFormat.N_QUADS)


def syntax_error(error: SyntaxError) -> QuerySyntaxError:
    """Turn the engine's complaint into ours; its place is only near the fault."""
    match = _PLACE.match(str(error.msg))
    if match is None:
        return QuerySyntaxError("query-invalid", 1, 1, reason=str(error.msg))
    return QuerySyntaxError("query-invalid", int(match[1]), int(match[2]), reason=match[3])


def _with_columns(text: str, functions: Functions | None) -> str:
    """Return a query whose columns come in the order of their variables in the text; the engine sorts them by name."""
    if not selects_all(text):
        return text
    # Asked of a store without data, a query costs no more than its reading.
    results = _NOTHING.query(text, custom_functions=functions)
    names = [variable.value for variable in results.variables] if isinstance(results, ox.QuerySolutions) else []
    return name_columns(text, names)


def failure(error: Exception) -> QuerySyntaxError | QueryFailedError:
    """Return what it means that the engine gave up: a fault of the text if that calls a function wrongly."""
    if _BAD_CALL.fullmatch(str(error)):
        return QuerySyntaxError("query-invalid", 1, 1, reason=str(error))
    return QueryFailedError(str(error))


def _expand(names: Iterable[str]) -> tuple[str, ...]:
    """Put the graphs it stands for in the place of ``graph/all``, and name each graph once."""
    expanded: dict[str, None] = {}
    for name in names:
        expanded.update(dict.fromkeys((ASSERTED, INFERRED) if name == ALL else (name,)))
    return tuple(expanded)


def read_term(term: str) -> ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple:
    """Return a term in N-Triples syntax as the engine's."""
    quads: Iterable[ox.Quad] = ox.parse(f"<urn:s> <urn:p> {term} .", format=ox.RdfFormat.N_TRIPLES)
    return next(iter(quads)).object
