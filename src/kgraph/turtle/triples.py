"""Making triples of statements (Turtle 1.1, section 7)."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.turtle.model import RDF, Atom, Broken, Collection, Entry, Node, PropertyList, Statement, Term, Triple
from kgraph.turtle.tokens import Lines

_FIRST = f"<{RDF}first>"
_REST = f"<{RDF}rest>"
_NIL = f"<{RDF}nil>"


def _labels(node: Node) -> Iterator[str]:
    if isinstance(node, Atom):
        if node.term.startswith("_:"):
            yield node.term
    elif isinstance(node, PropertyList | Collection):
        for entry in node.entries:
            yield from _labels(entry.node)


def _is_sound(node: Node) -> bool:
    if isinstance(node, Atom):
        return True
    if isinstance(node, Broken) or not node.closed:
        return False
    return isinstance(node, PropertyList) or all(_is_sound(entry.node) for entry in node.entries)


class _Emitter:
    def __init__(self, lines: Lines, labels: set[str]) -> None:
        self.lines = lines
        self.labels = labels
        self.triples: list[Triple] = []
        self.count = 0

    def _new_node(self) -> Term:
        while True:
            label = f"_:b{self.count}"
            self.count += 1
            if label not in self.labels:
                return label

    def add(self, subject: Term, predicate: Term, term: Term, start: int, subject_line: int) -> None:
        self.triples.append(Triple(subject, predicate, term, *self.lines.position(start), subject_line))

    def entries(self, subject: Term, entries: list[Entry], subject_line: int) -> None:
        for entry in entries:
            node = entry.node
            if entry.predicate is None or not _is_sound(node):
                continue
            term, inner = self._name(node)
            self.add(subject, entry.predicate, term, node.start, subject_line)
            if inner:
                self._inside(term, node)

    def _name(self, node: Node) -> tuple[Term, bool]:
        if isinstance(node, Atom):
            return node.term, False
        if isinstance(node, Collection) and not node.entries:
            return _NIL, False
        return self._new_node(), True

    def _inside(self, term: Term, node: Node) -> None:
        line = self.lines.line(node.start)
        if isinstance(node, PropertyList):
            self.entries(term, node.entries, line)
        elif isinstance(node, Collection):
            self._items(term, node.entries, line)

    def _items(self, term: Term, items: list[Entry], line: int) -> None:
        # A long list is a long chain: a loop, so that only nesting costs depth.
        for number, item in enumerate(items):
            value, inner = self._name(item.node)
            self.add(term, _FIRST, value, item.node.start, line)
            if inner:
                self._inside(value, item.node)
            rest = _NIL if number == len(items) - 1 else self._new_node()
            self.add(term, _REST, rest, item.node.start, line)
            term = rest

    def statement(self, statement: Statement) -> None:
        subject = statement.subject
        if not _is_sound(subject):
            return
        term, inner = self._name(subject)
        if inner:
            self._inside(term, subject)
        self.entries(term, statement.entries, self.lines.line(subject.start))


def emit_triples(statements: list[Statement], lines: Lines) -> list[Triple]:
    """Return the triples of all statements, leaving out what a fault touches.

    Nodes without a label get labels ``_:b0``, ``_:b1`` … that the document does not use itself.
    """
    labels = {
        label
        for statement in statements
        for node in (statement.subject, *(entry.node for entry in statement.entries))
        for label in _labels(node)
    }
    emitter = _Emitter(lines, labels)
    for statement in statements:
        emitter.statement(statement)
    return emitter.triples
