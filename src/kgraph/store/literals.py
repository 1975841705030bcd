"""Literals as they were sent, beside those that the engine gives back.

The engine keeps values, not texts: ``"7.30"^^xsd:decimal`` comes back as ``7.3`` and ``"5"^^xsd:int`` as an
``xsd:integer``. The journal and exports keep what was sent. ``docs/reference/endpoint.md`` lists what changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import pyoxigraph as ox

from kgraph.dataset import Quad
from kgraph.store.patch import Patch, n_quad, read_quad
from kgraph.vocabulary import PREFIXES

_XSD = PREFIXES["xsd"]
_TYPED = f'"^^<{_XSD}'.encode()
_TRIPLE_TERM = "<<("
_CANONICAL = (
    r'"(?:(?:0|-?[1-9]\d{0,16})"\^\^<XSD(?:integer|decimal)>|-?(?:0|[1-9]\d{0,15})\.\d{0,15}[1-9]"\^\^<XSDdecimal>'
    r'|\d{4}-\d\d-\d\d"\^\^<XSDdate>|(?:true|false)"\^\^<XSDboolean>)'
).replace("XSD", re.escape(_XSD))
_CANONICAL_TERM = re.compile(_CANONICAL, re.ASCII)
_CANONICAL_BYTES = re.compile(_CANONICAL.encode())
"""Frequent literals that come back as they are, told without asking the engine."""


def stored_form(term: str) -> str:
    """Return what the engine gives back for a term in N-Triples syntax; only literals may differ.

    A triple term comes back in another form if a literal in it does.
    """
    if term.startswith(_TRIPLE_TERM):
        return _ask_engine(term)
    text, _, kind = term.rpartition('"')
    if kind.startswith("@"):
        return f'{text}"{kind.lower()}'
    if not kind.startswith(f"^^<{_XSD}") or _CANONICAL_TERM.fullmatch(term):
        return term
    return _ask_engine(term)


def term_text(term: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple) -> str:
    """Return a term of the engine in N-Triples syntax, triple terms with their brackets."""
    if isinstance(term, ox.Triple):
        return f"<<( {term.subject} {term.predicate} {term_text(term.object)} )>>"
    return str(term)


class Originals:
    """The statements whose object the engine gives back in another form, with the object as it was sent.

    Two forms of one value in the same place are one statement for the engine; the form that came first is kept.
    """

    def __init__(self) -> None:
        """Know of no statement yet."""
        self._objects: dict[bytes, Quad] = {}

    def __len__(self) -> int:
        """Return the number of statements with another form."""
        return len(self._objects)

    def __iter__(self) -> Iterator[Quad]:
        """Yield these statements as they were sent."""
        return iter(self._objects.values())

    def add_lines(self, lines: Iterable[bytes]) -> None:
        """Take note of statements that were added, as lines of N-Quads."""
        for line in lines:
            if _may_change(line) and (quad := read_quad(line.decode().rstrip("\n"))) is not None:
                self._add(quad)

    def remove_lines(self, lines: Iterable[bytes]) -> None:
        """Forget statements that were removed, as lines of N-Quads in either form."""
        for line in lines:
            if _is_typed(line) and (quad := read_quad(line.decode().rstrip("\n"))) is not None:
                self._objects.pop(_key(quad), None)

    def apply(self, patch: Patch) -> None:
        """Take note of what a change removed and added."""
        for quad in patch.removed:
            self._objects.pop(_key(quad), None)
        for quad in patch.added:
            self._add(quad)

    def restore(self, quad: Quad) -> Quad:
        """Return a statement of the engine with its object as it was sent."""
        return self._objects.get(n_quad(quad).encode(), quad)

    def restore_lines(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yield lines of N-Quads as the engine writes them, with their objects as they were sent."""
        objects = self._objects
        for line in lines:
            original = objects.get(line) if objects else None
            yield line if original is None else n_quad(original).encode()

    def _add(self, quad: Quad) -> None:
        if stored_form(quad.object) != quad.object:
            self._objects.setdefault(_key(quad), quad)


def _is_typed(line: bytes) -> bool:
    return _TYPED in line or b"<<(" in line


def _may_change(line: bytes) -> bool:
    """Tell of a line of N-Quads whether its object may come back in another form; most need no look at their terms."""
    if not _is_typed(line):
        return False
    # No IRI and no label holds a quotation mark after a space, so the first is where the literal begins.
    return not _CANONICAL_BYTES.match(line, line.find(b' "') + 1) or b"<<(" in line


def _key(quad: Quad) -> bytes:
    return n_quad(quad._replace(object=stored_form(quad.object))).encode()


@lru_cache(maxsize=65536)
def _ask_engine(term: str) -> str:
    store = ox.Store()
    store.extend(ox.parse(f"<urn:s> <urn:p> {term} .", format=ox.RdfFormat.N_TRIPLES))
    return term_text(next(iter(store)).object)
