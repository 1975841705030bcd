"""Labels of blank nodes that follow from what is said of them, so that the same files give the same labels."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator

import pyoxigraph as ox

_Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
_LABEL_DIGITS = 24
_CANONICAL_PREFIX = "c14n"


def stable_lines(quads: Iterable[ox.Quad]) -> list[bytes]:
    """Return statements as sorted lines of N-Quads, each once, with literals as they are given.

    Blank nodes that are connected with each other are named by the SHA-256 of what is said of them in canonical form
    (RDFC-1.0), and a number. A change elsewhere in the dataset leaves these labels as they are.
    """
    lines: set[bytes] = set()
    linked: list[ox.Quad] = []
    for quad in quads:
        if any(True for _ in _nodes(quad)):
            linked.append(quad)
        else:
            lines.add(f"{quad} .\n".encode())
    lines.update(f"{quad} .\n".encode() for group in _groups(linked) for quad in _named(group))
    return sorted(lines)


def _groups(quads: list[ox.Quad]) -> Iterable[list[ox.Quad]]:
    """Return the statements in groups that share no blank node."""
    parents: dict[str, str] = {}

    def root(label: str) -> str:
        while parents.setdefault(label, label) != label:
            parents[label] = label = parents[parents[label]]
        return label

    for quad in quads:
        first, *others = _nodes(quad)
        for other in others:
            parents[root(other)] = root(first)
    groups: dict[str, list[ox.Quad]] = {}
    for quad in quads:
        groups.setdefault(root(next(_nodes(quad))), []).append(quad)
    return groups.values()


def _named(group: list[ox.Quad]) -> Iterator[ox.Quad]:
    dataset = ox.Dataset(group)
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    content = io.BytesIO()
    ox.serialize(dataset, content, format=ox.RdfFormat.N_QUADS)
    lines = sorted(content.getvalue().splitlines(keepends=True))
    label = f"b{hashlib.sha256(b''.join(lines)).hexdigest()[:_LABEL_DIGITS]}n"
    for quad in dataset:
        subject, object_ = _renamed(quad.subject, label), _renamed(quad.object, label)
        yield ox.Quad(subject, quad.predicate, object_, quad.graph_name)  # type: ignore[arg-type]


def _renamed(term: _Term, label: str) -> _Term:
    if isinstance(term, ox.BlankNode):
        return ox.BlankNode(label + term.value.removeprefix(_CANONICAL_PREFIX))
    if isinstance(term, ox.Triple):
        subject, object_ = _renamed(term.subject, label), _renamed(term.object, label)
        return ox.Triple(subject, term.predicate, object_)  # type: ignore[arg-type]
    return term


def _nodes(statement: ox.Quad | ox.Triple) -> Iterator[str]:
    """Yield the labels of the blank nodes of a statement, those within triple terms among them."""
    for term in (statement.subject, statement.object):
        if isinstance(term, ox.BlankNode):
            yield term.value
        elif isinstance(term, ox.Triple):
            yield from _nodes(term)
