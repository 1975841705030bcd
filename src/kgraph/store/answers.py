"""What the engine answers, written in a format: results by the engine itself, graphs with the dataset's prefixes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, cast

import pyoxigraph as ox

from kgraph.errors import AnswerUnfitError
from kgraph.formats import (
    CSV,
    JSON_LD,
    JSON_LD_EXPANDED,
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
from kgraph.store.json_ld import render_compact
from kgraph.vocabulary import PREFIXES

_RESULT_FORMATS = {
    JSON_RESULTS: ox.QueryResultsFormat.JSON,
    XML_RESULTS: ox.QueryResultsFormat.XML,
    CSV: ox.QueryResultsFormat.CSV,
    TSV: ox.QueryResultsFormat.TSV,
}
RDF_FORMATS = {
    TURTLE: ox.RdfFormat.TURTLE,
    N_TRIPLES: ox.RdfFormat.N_TRIPLES,
    RDF_XML: ox.RdfFormat.RDF_XML,
    JSON_LD: ox.RdfFormat.JSON_LD,
    JSON_LD_EXPANDED: ox.RdfFormat.JSON_LD,
    N_QUADS: ox.RdfFormat.N_QUADS,
    TRIG: ox.RdfFormat.TRIG,
}
"""The engine's names of the formats of graphs."""

_WITH_PREFIXES = {TURTLE, TRIG}
_PREFIX_SAMPLE = 20_000

Results = ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples


def write_results(results: Results, format: Format, output: IO[bytes]) -> None:
    """Write what a query gave into a binary file object, as the engine produces it."""
    if isinstance(results, ox.QueryTriples):
        write_triples(results, format, output)
    else:
        results.serialize(output, format=_RESULT_FORMATS[format])


def render_results(results: Results, format: Format) -> bytes:
    """Return what a query gave as it is written in a format."""
    if isinstance(results, ox.QueryTriples):
        output = io.BytesIO()
        write_triples(results, format, output)
        return output.getvalue()
    # Into memory of its own the engine writes faster than into a file object.
    body = results.serialize(format=_RESULT_FORMATS[format])
    assert body is not None
    return body


def write_triples(triples: Iterable[ox.Triple], format: Format, output: IO[bytes]) -> None:
    """Write triples into a binary file object, with the dataset's prefixes where the format has them.

    Raises :class:`kgraph.errors.AnswerUnfitError` for triple terms in JSON-LD.
    """
    if format in _WITH_PREFIXES:
        _write_with_prefixes(triples, format, output)
    elif format is JSON_LD:
        _write_compact(_without_terms(triples), output)
    elif format is JSON_LD_EXPANDED:
        ox.serialize(_without_terms(triples), output, format=RDF_FORMATS[format])
    else:
        ox.serialize(triples, output, format=RDF_FORMATS[format])


def render_graph(n_triples: str, format: Format) -> bytes:
    """Write a graph given in N-Triples in a format, with the dataset's prefixes where it has them."""
    output = io.BytesIO()
    triples = (quad.triple for quad in ox.parse(n_triples, format=ox.RdfFormat.N_TRIPLES))
    write_triples(triples, format, output)
    return output.getvalue()


def _write_compact(triples: Iterable[ox.Triple], output: IO[bytes]) -> None:
    """Write triples as compact JSON-LD, or expanded as they come if they are very many."""
    source = iter(triples)
    first = list(islice(source, _PREFIX_SAMPLE))
    if 0 < len(first) < _PREFIX_SAMPLE:
        output.write(render_compact(first, PREFIXES))
    else:
        ox.serialize(_chain(first, source), output, format=ox.RdfFormat.JSON_LD)


def _write_with_prefixes(triples: Iterable[ox.Triple], format: Format, output: IO[bytes]) -> None:
    """Write triples with those of the dataset's prefixes that they use, or with all if there are very many."""
    source = iter(triples)
    first = list(islice(source, _PREFIX_SAMPLE))
    prefixes = PREFIXES if len(first) == _PREFIX_SAMPLE else _used_prefixes(first)
    header = "".join(f"@prefix {prefix}: <{prefixes[prefix]}> .\n" for prefix in sorted(prefixes))
    body: IO[bytes] = cast(IO[bytes], _Body(header, output))
    ox.serialize(_chain(first, source), body, format=RDF_FORMATS[format], prefixes=prefixes)


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


def _without_terms(triples: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    for triple in triples:
        if isinstance(triple.object, ox.Triple):
            raise AnswerUnfitError("a statement is about a statement")
        yield triple


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
