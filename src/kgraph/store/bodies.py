"""The statements of a body that is sent as a graph, and what is wrong with one that holds none.

The engine's parsers read; where one gives up, its words are English and say little of the place. So what is wrong is
told by our own reader of Turtle where it finds the same, and else by the kind of the fault, with the engine's words as
a quotation.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from xml.parsers import expat

import pyoxigraph as ox

from kgraph.errors import RequestError
from kgraph.formats import JSON_LD, N_TRIPLES, RDF_XML, TURTLE
from kgraph.store.answers import RDF_FORMATS
from kgraph.store.base import GraphWrite
from kgraph.store.entities import check_entities
from kgraph.turtle import WARNINGS, read_turtle
from kgraph.turtle.iris import is_well_formed

_READ_AGAIN = 1 << 20
_NOT_OURS = re.compile(rb"<<|\{\||~")
_PLACE = re.compile(r"^Parser error (?:at|between) .*?: (?=\S)")
_QUOTED = re.compile(r"'([^']+)'|`([^`]+)`|^(.+) is not a valid rdf:(?:ID|nodeID)")


def read_statements(write: GraphWrite) -> Iterator[ox.Quad]:
    """Yield the statements of a body.

    Raises :class:`kgraph.errors.RequestError` (400) that names the fault, and its place where that is known.
    """
    if write.format is RDF_XML:
        check_entities(write.body)
    try:
        for quad in ox.parse(
            io.BytesIO(write.body),
            format=RDF_FORMATS[write.format],
            base_iri=write.base or None,
            without_named_graphs=True,
            rename_blank_nodes=True,
        ):
            _check_names(write.body, quad)
            yield quad
    except SyntaxError as error:
        raise _complaint(write, _PLACE.sub("", str(error.msg)), error.lineno or 0, error.offset or 0) from error
    except (ValueError, OSError) as error:
        raise _complaint(write, str(error), 0, 0) from error


def unreadable(fault: str, line: int, column: int, **params: str) -> RequestError:
    """Return the error of a body, whose wording is that of ``fault`` in the catalogue; without a place if that is 0."""
    error = RequestError("body-unreadable", 400, fault=fault)
    error.params.update(params)
    if line:
        error.params.update(line=line, column=column)
    return error


def _check_names(body: bytes, quad: ox.Quad) -> None:
    """Refuse an IRI with characters that none may have: prefixed names may hold more than IRIs (RFC 3987)."""
    for term in (quad.subject, quad.predicate, quad.object):
        if isinstance(term, ox.NamedNode) and not term.value.isascii() and not is_well_formed(term.value):
            line, column = _place_of(body, re.split("[/#:]", term.value)[-1])
            raise unreadable("fault-iri", line, column, found=term.value)


def _complaint(write: GraphWrite, words: str, line: int, column: int) -> RequestError:
    if "UTF-8" in words:
        return unreadable("fault-encoding", line, column)
    if write.format in (TURTLE, N_TRIPLES):
        return _of_turtle(write, words, line, column)
    if write.format is JSON_LD:
        fault = "fault-json" if line else "fault-json-ld"
        if "LoadDocumentCallback" in words:
            fault, words = "fault-remote-context", "http"
            line, column = _place_of(write.body, "@context")
        return unreadable(fault, line, column, words=words)
    if write.format is RDF_XML:
        return _of_xml(write.body, words)
    return unreadable("fault-body", line, column, words=words)


def _of_turtle(write: GraphWrite, words: str, line: int, column: int) -> RequestError:
    """Return what our reader says first of a text, if it is not too long for it and in the language that it reads."""
    if len(write.body) <= _READ_AGAIN and not _NOT_OURS.search(write.body):
        found = read_turtle(write.body.decode("utf-8", "replace"), write.base or None).problems
        first = next((problem for problem in found if problem.code not in WARNINGS), None)
        # What the engine reads otherwise is not what it complains of.
        if first is not None and first.line <= max(line, 1):
            fault = first.code if first.params.get("found", "?") else "fault-ends"
            return unreadable(fault, first.line, first.column, **first.params)
    return unreadable("fault-body", line, column, words=words)


def _of_xml(body: bytes, words: str) -> RequestError:
    parser = expat.ParserCreate()
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        return unreadable("fault-xml", error.lineno, error.offset + 1, words=words)
    quoted = _QUOTED.search(words)
    line, column = _place_of(body, next(filter(None, quoted.groups()))) if quoted else (0, 0)
    return unreadable("fault-rdf-xml", line, column, words=words)


def _place_of(body: bytes, found: str) -> tuple[int, int]:
    """Return line and column, in characters, of the first place where a text stands, or zeros."""
    before, sought, _ = body.decode("utf-8", "replace").partition(found)
    return (before.count("\n") + 1, len(before) - before.rfind("\n")) if found and sought else (0, 0)
