"""What the engine answers, written in a format: results by the engine itself, graphs with the dataset's prefixes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, cast

import pyoxigraph as ox

from kgraph.errors import AnswerUnfitError
from kgraph.formats import (
    CSV,
    GRAPHS,
    JSON_LD,
    JSON_LD_EXPANDED,
    JSON_RESULTS,
    N_QUADS,
    N_TRIPLES,
    RDF_XML,
    RESULTS,
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

_CONTROLS = bytes({*range(0x20)} - {*b"\t\n\r"})
_NOT_IN_XML = ("\ufffe".encode(), "\uffff".encode(), b"<oxprefix: ", b"<xmlns:")
"""With the control characters what the engine writes and XML cannot hold (XML 1.0, section 2.2; Namespaces in XML): the
elements are those of predicates that end with no name, or stand in a namespace that XML keeps for itself."""

_LONGEST_FOUND = 10
_RESERVED = "RDF/XML reserved syntax term"

Results = ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples


def write_results(results: Results, format: Format, output: IO[bytes]) -> None:
    """Write what a query gave into a binary file object, as the engine produces it.

    Raises :class:`kgraph.errors.AnswerUnfitError` for characters that XML has no place for, and what
    :func:`write_triples` raises.
    """
    if isinstance(results, ox.QueryTriples):
        write_triples(results, format, output)
    elif format is XML_RESULTS:
        body = _Xml(output, format)
        with body.watching():
            results.serialize(cast(IO[bytes], body), format=_RESULT_FORMATS[format])
    else:
        results.serialize(output, format=_RESULT_FORMATS[format])


def render_results(results: Results, format: Format) -> bytes:
    """Return what a query gave as it is written in a format. Raises what :func:`write_results` raises."""
    if isinstance(results, ox.QueryTriples) or format is XML_RESULTS:
        output = io.BytesIO()
        write_results(results, format, output)
        return output.getvalue()
    # Into memory of its own the engine writes faster than into a file object.
    body = results.serialize(format=_RESULT_FORMATS[format])
    assert body is not None
    return body


def write_triples(triples: Iterable[ox.Triple], format: Format, output: IO[bytes]) -> None:
    """Write triples into a binary file object, with the dataset's prefixes where the format has them.

    Raises :class:`kgraph.errors.AnswerUnfitError` for triple terms in JSON-LD, and in RDF/XML for characters that XML
    has no place for and for predicates that cannot be the names of elements.
    """
    if format in _WITH_PREFIXES:
        _write_with_prefixes(triples, format, output)
    elif format is JSON_LD:
        _write_compact(_without_terms(triples), output)
    elif format is JSON_LD_EXPANDED:
        ox.serialize(_without_terms(triples), output, format=RDF_FORMATS[format])
    elif format is RDF_XML:
        body = _Xml(output, format)
        with body.watching():
            ox.serialize(triples, cast(IO[bytes], body), format=RDF_FORMATS[format])
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


class _Xml(io.RawIOBase):
    """A file for XML of the engine's, which writes some things that XML has no place for, or reads otherwise."""

    def __init__(self, output: IO[bytes], format: Format) -> None:
        self._output = output
        self._format = format
        self._before = b""
        self._is_unfit = False

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Let through what is XML, with each CR as a reference, since a parser takes a bare one for LF (XML, 2.11)."""
        data = bytes(data)
        seen = self._before + data
        if len(data.translate(None, _CONTROLS)) < len(data) or any(found in seen for found in _NOT_IN_XML):
            self._is_unfit = True
            raise ValueError
        self._before = seen[-_LONGEST_FOUND:]
        self._output.write(data.replace(b"\r", b"&#13;"))
        return len(data)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Have what was refused told as such, in whatever way the engine passes it on."""
        try:
            yield
        except (ValueError, OSError) as error:
            if self._is_unfit or _RESERVED in str(error):
                raise unfit(self._format) from error
            raise


def unfit(format: Format) -> AnswerUnfitError:
    """Return the error of an answer that a format has no place for, which names the formats that have."""
    offered = next(formats for formats in (RESULTS, GRAPHS) if format in formats)
    return AnswerUnfitError(", ".join(other.media_type for other in offered if other is not format))


def _without_terms(triples: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    for triple in triples:
        if isinstance(triple.object, ox.Triple):
            raise unfit(JSON_LD)
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
