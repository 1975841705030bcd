"""Statements as compact JSON-LD 1.1: prefixed names and plain values, with a context in the document itself.

It is what the algorithm of the W3C makes of the same context, without a remote one. Statements about statements have no
place in JSON-LD.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

import pyoxigraph as ox

_RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_INTEGER = re.compile("0|-?[1-9][0-9]{0,14}")
_SCHEME = re.compile("([A-Za-z][A-Za-z0-9+.-]*):")

Value = str | int | bool | dict[str, str]
_Node = ox.NamedNode | ox.BlankNode


def render_compact(triples: Sequence[ox.Triple], prefixes: Mapping[str, str]) -> bytes:
    """Return a document with one object for each subject; no statement may be about a statement.

    One subject stands at the top, several stand in ``@graph``. The context has those of ``prefixes`` that are used.
    Integers up to 15 digits and truth values are those of JSON, where they are written as JSON writes them.
    """
    names = _Names(triples, prefixes)
    subjects: dict[str, dict[str, list[Value]]] = {}
    for triple in triples:
        assert not isinstance(triple.subject, ox.Triple)
        node = subjects.setdefault(names.of(triple.subject), {})
        is_kind = triple.predicate.value == _RDF_TYPE and not isinstance(triple.object, ox.Literal)
        key = "@type" if is_kind else names.of(triple.predicate)
        value = names.value(triple.object)
        node.setdefault(key, []).append(value["@id"] if is_kind and isinstance(value, dict) else value)
    objects = [
        {"@id": subject, **{key: values[0] if len(values) == 1 else values for key, values in node.items()}}
        for subject, node in subjects.items()
    ]
    document: dict[str, object] = {"@context": names.context}
    document |= objects[0] if len(objects) == 1 else {"@graph": objects}
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


class _Names:
    """IRIs as the context shortens them."""

    def __init__(self, triples: Iterable[ox.Triple], prefixes: Mapping[str, str]) -> None:
        iris = {iri for triple in triples for iri in _iris(triple)}
        schemes = {match[1] for match in map(_SCHEME.match, iris) if match}
        # An IRI whose scheme is a prefix would be read as a prefixed name, unless two slashes follow.
        usable = {name: base for name, base in prefixes.items() if name not in schemes and base[-1:] in "/#:?"}
        self._bases = sorted(((base, name) for name, base in usable.items()), key=lambda pair: -len(pair[0]))
        self._known: dict[str, str] = {}
        self._used: dict[str, str] = {}

    @property
    def context(self) -> dict[str, str]:
        """The prefixes of the names that were given so far."""
        return dict(sorted(self._used.items()))

    def _shorten(self, iri: str) -> str:
        for base, name in self._bases:
            rest = iri.removeprefix(base)
            if rest != iri and not rest.startswith("//"):
                self._used[name] = base
                return f"{name}:{rest}"
        return iri

    def of(self, node: _Node) -> str:
        """Return the name of a node."""
        if isinstance(node, ox.BlankNode):
            return str(node)
        if node.value not in self._known:
            self._known[node.value] = self._shorten(node.value)
        return self._known[node.value]

    def value(self, term: _Node | ox.Literal | ox.Triple) -> Value:
        """Return an object of a statement."""
        if isinstance(term, ox.Literal):
            return self._literal(term)
        assert not isinstance(term, ox.Triple)
        return {"@id": self.of(term)}

    def _literal(self, term: ox.Literal) -> Value:
        if term.language:
            direction = {"@direction": str(term.direction).rpartition(".")[2].lower()} if term.direction else {}
            return {"@value": term.value, "@language": term.language, **direction}
        kind = term.datatype.value.removeprefix(_XSD)
        if kind == "string":
            return term.value
        if kind == "integer" and _INTEGER.fullmatch(term.value):
            return int(term.value)
        if kind == "boolean" and term.value in ("true", "false"):
            return term.value == "true"
        return {"@value": term.value, "@type": self.of(term.datatype)}


def _iris(triple: ox.Triple) -> Iterable[str]:
    for term in (triple.subject, triple.predicate, triple.object):
        if isinstance(term, ox.Literal):
            yield term.datatype.value
        elif isinstance(term, ox.NamedNode):
            yield term.value
