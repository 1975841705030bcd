"""A change of the data as a patch: quads that go and quads that come, written as an RDF Patch.

The format is that of `RDF Patch <https://afs.github.io/rdf-patch/>`_: header rows ``H``, then ``D`` and ``A`` rows
with the terms in N-Quads syntax, between ``TX`` and ``TC``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kgraph.dataset import Quad

_TERM = re.compile(r'<<\(|\)>>|<[^>]*>|_:[^\s]+|"(?:[^"\\]|\\.)*"(?:@[A-Za-z0-9-]+|\^\^<[^>]*>)?')
_PLAIN = re.compile(
    r'(?P<s><[^<>]*>|_:[^\s"]+) (?P<p><[^<>]*>) '
    r'(?P<o><[^<>]*>|_:[^\s"]+|"[^"\\]*+(?:\\.[^"\\]*+)*+"(?:@[A-Za-z0-9-]+|\^\^<[^<>]*>)?)'
    r'(?: (?P<g><[^<>]*>|_:[^\s"]+))? \.'
)
"""A quad without triple terms, which is nearly every one: read in one step, since a journal may hold millions."""

_HEADER = re.compile(r'H (?P<name>[\w-]+) "(?P<value>(?:[^"\\]|\\.)*)" \.')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
_UNESCAPED = {escape: character for character, escape in _ESCAPES.items()}


@dataclass(frozen=True)
class Patch:
    """What a change removes from the dataset and what it adds.

    The terms of the quads are in N-Quads syntax with their lexical forms as they were sent; ``graph`` is the IRI of
    a named graph, or empty for the unnamed graph. No quad is in both, none twice in one.
    """

    removed: tuple[Quad, ...] = ()
    added: tuple[Quad, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return bool(self.removed or self.added)

    @property
    def graphs(self) -> frozenset[str]:
        """The graphs that change, the unnamed one as an empty string."""
        return frozenset(quad.graph for quad in (*self.removed, *self.added))

    def in_order(self) -> Patch:
        """Return the patch with its quads in the order of their terms, which no engine or platform changes."""
        return Patch(tuple(sorted(self.removed)), tuple(sorted(self.added)))

    def inverted(self) -> Patch:
        """Return the patch that takes this one back."""
        return Patch(self.added, self.removed)


def n_quad(quad: Quad) -> str:
    """Return a quad as a line of N-Quads."""
    subject, predicate, object_, graph = quad
    if not graph:
        return f"{subject} {predicate} {object_} .\n"
    return f"{subject} {predicate} {object_} {graph if graph.startswith('_:') else f'<{graph}>'} .\n"


def render_rows(patch: Patch) -> str:
    """Write the rows of a patch, those that remove before those that add."""
    return "".join([*(f"D {n_quad(quad)}" for quad in patch.removed), *(f"A {n_quad(quad)}" for quad in patch.added)])


def render_patch(patch: Patch, header: Mapping[str, str]) -> str:
    """Write a patch as an RDF Patch with the rows of ``header`` before it."""
    rows = [f'H {name} "{_escape(value)}" .\n' for name, value in header.items()]
    return "".join([*rows, "TX .\n", render_rows(patch), "TC .\n"])


def read_patch(text: str) -> tuple[dict[str, str], Patch]:
    """Read header and patch of what :func:`render_patch` wrote.

    Raises ``ValueError`` naming the first line that is no row of a patch.
    """
    header: dict[str, str] = {}
    removed: list[Quad] = []
    added: list[Quad] = []
    for number, line in enumerate(text.split("\n"), start=1):
        sign = line[:2]
        if sign in ("A ", "D "):
            quad = read_quad(line[2:])
        elif line in ("", "TX .", "TC ."):
            continue
        elif found := _HEADER.fullmatch(line):
            header[found["name"]] = re.sub(r"\\.", lambda match: _UNESCAPED[match.group()], found["value"])
            continue
        else:
            quad = None
        if quad is None:
            raise ValueError(f"line {number} is no row of a patch: {line[:80]}")
        (added if sign == "A " else removed).append(quad)
    return header, Patch(tuple(removed), tuple(added))


def read_quad(row: str) -> Quad | None:
    """Read a line of N-Quads as this package writes it, without its line end; ``None`` if it is none."""
    if plain := _PLAIN.fullmatch(row):
        subject, predicate, object_, graph = plain.groups("")
        return Quad(subject, predicate, object_, _graph_name(graph))
    terms = list(_read_terms(row.removesuffix(" .")))
    if not row.endswith(" .") or not 3 <= len(terms) <= 4:
        return None
    return Quad(terms[0], terms[1], terms[2], _graph_name(terms[3]) if len(terms) == 4 else "")


def _graph_name(term: str) -> str:
    return term[1:-1] if term.startswith("<") else term


def _read_terms(text: str) -> Iterator[str]:
    """Yield the terms of a row; a triple term is one term, white space between its parts kept as one space."""
    depth = 0
    parts: list[str] = []
    for match in _TERM.finditer(text):
        parts.append(match.group())
        depth += {"<<(": 1, ")>>": -1}.get(match.group(), 0)
        if depth == 0:
            yield " ".join(parts)
            parts = []


def _escape(value: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in value)
