"""The engine in this process: pyoxigraph, holding the dataset in memory."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import IO, cast

import pyoxigraph as ox

from kgraph.dataset import Dataset
from kgraph.errors import QueryFailedError, QuerySyntaxError
from kgraph.formats import (
    CSV,
    JSON_LD,
    JSON_RESULTS,
    N_QUADS,
    N_TRIPLES,
    RDF_XML,
    TRIG,
    TSV,
    TURTLE,
    XML_RESULTS,
    Format,
)
from kgraph.store.base import ALL, ASSERTED, INFERRED, OUTSIDE_DEFAULT, Answer, Query, Revision
from kgraph.store.loading import load_graphs
from kgraph.vocabulary import PREFIXES

_RESULT_FORMATS = {
    JSON_RESULTS: ox.QueryResultsFormat.JSON,
    XML_RESULTS: ox.QueryResultsFormat.XML,
    CSV: ox.QueryResultsFormat.CSV,
    TSV: ox.QueryResultsFormat.TSV,
}
_GRAPH_FORMATS = {
    TURTLE: ox.RdfFormat.TURTLE,
    N_TRIPLES: ox.RdfFormat.N_TRIPLES,
    RDF_XML: ox.RdfFormat.RDF_XML,
    JSON_LD: ox.RdfFormat.JSON_LD,
    N_QUADS: ox.RdfFormat.N_QUADS,
    TRIG: ox.RdfFormat.TRIG,
}
_WITH_PREFIXES = {TURTLE, TRIG}
_PREFIX_SAMPLE = 20_000
_MERGED_KEPT = 4
_PLACE = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)


class EmbeddedStore:
    """A dataset in memory, asked in this process: nothing stops a query that takes long.

    The engine unites several default graphs without dropping statements that stand in more than one, so
    the default graph is held as a set of its own.
    """

    def __init__(self, engine: ox.Store, date: datetime) -> None:
        """Take a store whose named graphs are filled, in a state of ``date``; its default graph is filled here."""
        self._engine = engine
        self._graphs = {graph.value: 0 for graph in engine.named_graphs() if isinstance(graph, ox.NamedNode)}
        for name in self._graphs:
            self._graphs[name] = sum(1 for _ in self._quads(name))
        asserted = [name for name in self._graphs if name not in OUTSIDE_DEFAULT]
        engine.extend(quad for name in asserted for quad in _unnamed(self._quads(name)))
        digest = _digest(quad for name in sorted(asserted) for quad in self._quads(name))
        self._revision = Revision(1, digest, date)
        self._merged: dict[tuple[tuple[str, ...], tuple[str, ...]], ox.Store] = {}

    @property
    def revision(self) -> Revision:
        """The state of the data."""
        return self._revision

    def graphs(self) -> Mapping[str, int]:
        """Return the IRIs of the named graphs with their numbers of statements."""
        return dict(self._graphs)

    def query(self, query: Query, format: Format) -> Answer:
        """Answer a query; the whole answer is held in memory."""
        buffer = io.BytesIO()
        self.write_answer(query, format, buffer)
        return Answer(format, self._revision, iter((buffer.getvalue(),)), buffer.tell())

    def write_answer(self, query: Query, format: Format, output: IO[bytes]) -> None:
        """Answer a query into a binary file object as the engine produces the answer.

        Raises what :meth:`kgraph.store.base.Store.query` raises; then what was written is not whole.
        """
        try:
            results = self._evaluate(query)
            if isinstance(results, ox.QueryTriples):
                _write_graph(results, format, output)
            else:
                results.serialize(output, format=_RESULT_FORMATS[format])
        except SyntaxError as error:
            raise _syntax_error(error) from error
        except (RuntimeError, ValueError, OSError) as error:
            raise QueryFailedError(str(error)) from error

    def close(self) -> None:
        """Drop the graphs that were put together for single queries."""
        self._merged.clear()

    def _evaluate(self, query: Query) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
        terms = {ox.Variable(name): _read_term(term) for name, term in query.substitutions.items()}
        dataset = query.dataset
        if dataset is None:
            return self._engine.query(query.text, substitutions=terms)
        default = _expand(dataset[0])
        named = _expand(dataset[1])
        engine = self._engine
        graphs: list[ox.NamedNode | ox.BlankNode | ox.DefaultGraph] = [_graph_name(name) for name in default]
        if len(default) > 1:
            engine, graphs = self._merge(default, named), [ox.DefaultGraph()]
        return engine.query(
            query.text,
            default_graph=graphs,
            named_graphs=[ox.NamedNode(name) for name in named if name != ASSERTED],
            substitutions=terms,
        )

    def _merge(self, default: tuple[str, ...], named: tuple[str, ...]) -> ox.Store:
        """Return a store whose default graph is the union of the given ones, each statement once."""
        key = (default, named)
        if key not in self._merged:
            merged = ox.Store()
            for name in default:
                merged.extend(_unnamed(self._quads(name)))
            for name in named:
                merged.extend(self._quads(name))
            if len(self._merged) >= _MERGED_KEPT:
                self._merged.clear()
            self._merged[key] = merged
        return self._merged[key]

    def _quads(self, name: str) -> Iterator[ox.Quad]:
        return self._engine.quads_for_pattern(None, None, None, _graph_name(name))


def open_store(dataset: Dataset) -> EmbeddedStore:
    """Load the files of a dataset into a store, and what follows from them into its graph ``inferred``.

    Raises what :func:`kgraph.store.loading.load_graphs` raises.
    """
    return EmbeddedStore(load_graphs(dataset).engine, dataset.date)


def render_graph(n_triples: str, format: Format) -> bytes:
    """Write a graph given in N-Triples in a format, with the dataset's prefixes where it has them."""
    output = io.BytesIO()
    triples = (quad.triple for quad in ox.parse(n_triples, format=ox.RdfFormat.N_TRIPLES))
    if format in _WITH_PREFIXES:
        _write_triples(triples, format, output)
    else:
        ox.serialize(triples, output, format=_GRAPH_FORMATS[format])
    return output.getvalue()


def _write_graph(results: ox.QueryTriples, format: Format, output: IO[bytes]) -> None:
    if format in _WITH_PREFIXES:
        _write_triples(results, format, output)
    else:
        results.serialize(output, format=_GRAPH_FORMATS[format])


def _write_triples(triples: Iterable[ox.Triple], format: Format, output: IO[bytes]) -> None:
    """Write triples with those of the dataset's prefixes that they use, or with all if there are very many."""
    source = iter(triples)
    first = list(islice(source, _PREFIX_SAMPLE))
    prefixes = PREFIXES if len(first) == _PREFIX_SAMPLE else _used_prefixes(first)
    header = "".join(f"@prefix {prefix}: <{prefixes[prefix]}> .\n" for prefix in sorted(prefixes))
    body: IO[bytes] = cast(IO[bytes], _Body(header, output))
    ox.serialize(_chain(first, source), body, format=_GRAPH_FORMATS[format], prefixes=prefixes)


class _Body(io.RawIOBase):
    """A file that puts its own header in place of the prefixes the engine writes, whose order is random."""

    def __init__(self, header: str, output: IO[bytes]) -> None:
        self._header: bytes | None = header.encode()
        self._seen = b""
        self._output = output

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Hold back as many bytes as the header has, then write the header and let the rest through."""
        if self._header is None:
            self._output.write(data)
            return len(data)
        self._seen += data
        if len(self._seen) >= len(self._header):
            self._output.write(self._header + self._seen[len(self._header) :])
            self._header = None
        return len(data)


def _chain(first: Iterable[ox.Triple], rest: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    yield from first
    yield from rest


def _used_prefixes(triples: Iterable[ox.Triple]) -> dict[str, str]:
    namespaces: set[str] = set()
    for triple in triples:
        for term in (triple.subject, triple.predicate, triple.object):
            if isinstance(term, ox.Literal):
                term = term.datatype
            if isinstance(term, ox.NamedNode):
                namespaces.add(term.value[: max(term.value.rfind("#"), term.value.rfind("/")) + 1])
    return {prefix: namespace for prefix, namespace in PREFIXES.items() if namespace in namespaces}


def _expand(names: Iterable[str]) -> tuple[str, ...]:
    """Put the graphs it stands for in the place of ``graph/all``, and name each graph once."""
    expanded: dict[str, None] = {}
    for name in names:
        expanded.update(dict.fromkeys((ASSERTED, INFERRED) if name == ALL else (name,)))
    return tuple(expanded)


def _graph_name(name: str) -> ox.NamedNode | ox.DefaultGraph:
    return ox.DefaultGraph() if name == ASSERTED else ox.NamedNode(name)


def _unnamed(quads: Iterable[ox.Quad]) -> Iterator[ox.Quad]:
    return (ox.Quad(quad.subject, quad.predicate, quad.object) for quad in quads)


def _digest(quads: Iterable[ox.Quad]) -> str:
    dataset = ox.Dataset(quads)
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    output = io.BytesIO()
    ox.serialize(dataset, output, format=ox.RdfFormat.N_QUADS)
    return hashlib.sha256(b"".join(sorted(output.getvalue().splitlines(keepends=True)))).hexdigest()


def _read_term(term: str) -> ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple:
    quads: Iterable[ox.Quad] = ox.parse(f"<urn:s> <urn:p> {term} .", format=ox.RdfFormat.N_TRIPLES)
    return next(iter(quads)).object


def _syntax_error(error: SyntaxError) -> QuerySyntaxError:
    """Turn the engine's complaint into ours; its place is only near the fault."""
    match = _PLACE.match(str(error.msg))
    if match is None:
        return QuerySyntaxError("query-invalid", 1, 1, reason=str(error.msg))
    return QuerySyntaxError("query-invalid", int(match[1]), int(match[2]), reason=match[3])
