"""Writing Turtle in its one canonical form (``docs/reference/turtle-layout.md``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kgraph.errors import FormatError
from kgraph.turtle.model import (
    RDF,
    WARNINGS,
    Atom,
    Broken,
    Collection,
    Document,
    Entry,
    Node,
    PropertyList,
    Statement,
    Term,
)
from kgraph.turtle.names import Abbreviator
from kgraph.turtle.ordering import SortKey, object_key, predicate_key

INDENT = "    "
_NIL = f"<{RDF}nil>"


@dataclass
class _Block:
    """What is written about one subject: its lines without comments sort it among its like."""

    subject: Node
    leading: list[list[str]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    tail: list[list[str]] = field(default_factory=list)


@dataclass
class _Line:
    """One rendered entry: ``text`` without its comments, which are kept beside it."""

    key: tuple[SortKey, SortKey]
    text: str
    lines: list[str]
    comments: list[str]
    may_repeat: bool


def _flat(groups: Iterable[list[str]]) -> list[str]:
    """Join groups of comments in an order that does not depend on where they stood."""
    return [comment for group in sorted(groups) for comment in group]


class _Writer:
    def __init__(self, names: Abbreviator) -> None:
        self.names = names

    def statements(self, statements: list[Statement]) -> list[str]:
        """Return the blocks of all subjects, in order, each as text without a line feed at its end."""
        merged: dict[Term, _Block] = {}
        anonymous: list[_Block] = []
        for statement in statements:
            subject = statement.subject
            if isinstance(subject, Collection) and not subject.entries:
                subject = Atom(_NIL, subject.start, subject.end)
            if isinstance(subject, Atom):
                block = merged.setdefault(subject.term, _Block(subject))
            else:
                block = _Block(subject)
                anonymous.append(block)
            block.leading.append(statement.leading)
            block.entries += statement.entries
            block.tail.append(statement.tail)
        named = [merged[term] for term in sorted(merged, key=lambda term: (term.startswith("_:"), term))]
        written = [self._block(block) for block in named]
        return [text for _, text in written] + [text for _, text in sorted(map(self._block, anonymous))]

    def _block(self, block: _Block) -> tuple[str, str]:
        subject, entries, tail = block.subject, block.entries, block.tail
        comments = _flat(block.leading)
        # "[ a b ] c d ." and "[] a b ; c d ." say the same, so the second is always chosen.
        if isinstance(subject, PropertyList):
            entries, tail = [*subject.entries, *entries], [*tail, subject.tail]
            opening, plain = ["[]"], "[]"
        else:
            plain, opening = self._node(subject, "")
        lines = self._entries(entries, INDENT)
        written = [*comments, *opening]
        for line in lines:
            written += line.lines
        written += [INDENT + comment for comment in _flat(tail)]
        written.append(INDENT + ".")
        return "\n".join([plain, *(line.text for line in lines)]), "\n".join(written)

    def _entries(self, entries: list[Entry], indent: str, ordered: bool = True) -> list[_Line]:
        lines = [self._entry(entry, indent) for entry in entries]
        if not ordered:
            return [self._with_comments(line, [line], indent) for line in lines]
        groups: dict[tuple[str, int], list[_Line]] = defaultdict(list)
        # Two nodes without a label are two nodes even if the same is said of both.
        for number, line in enumerate(lines):
            groups[(line.text, 0 if line.may_repeat else number + 1)].append(line)
        merged = [self._with_comments(group[0], group, indent) for group in groups.values()]
        return sorted(merged, key=lambda line: (line.key, line.text, line.lines))

    def _entry(self, entry: Entry, indent: str) -> _Line:
        """Render an entry; its comments of one line follow its text, all others stand before it."""
        plain, lines = self._node(entry.node, indent)
        single = isinstance(entry.node, Atom)
        key: tuple[SortKey, SortKey] = ((), object_key(entry.node.term if isinstance(entry.node, Atom) else ""))
        end = ""
        if entry.predicate is not None:
            name = "a" if entry.predicate == f"<{RDF}type>" else self.names.iri(entry.predicate)
            lines[0], plain, end = f"{name} {lines[0]}", f"{name} {plain}", " ;"
            key = (predicate_key(entry.predicate, name), key[1])
        lines[0] = indent + lines[0]
        lines[-1] += end
        return _Line(key, plain, lines, [*entry.leading, "\n", *entry.trailing], single)

    def _with_comments(self, line: _Line, same: list[_Line], indent: str) -> _Line:
        """Merge entries that say the same; the last trailing comment stays on the line."""
        leading: list[list[str]] = []
        trailing: list[str] = []
        for other in same:
            cut = other.comments.index("\n")
            leading.append(other.comments[:cut])
            trailing += other.comments[cut + 1 :]
        before = _flat(leading) + trailing[:-1] if len(same) == 1 else _flat(leading) + sorted(trailing)[:-1]
        last = trailing[-1:] if len(same) == 1 else sorted(trailing)[-1:]
        lines = [*(indent + comment for comment in before), *line.lines]
        lines[-1] += "".join(f" {comment}" for comment in last)
        return _Line(line.key, line.text, lines, [], line.may_repeat)

    def _node(self, node: Node, indent: str) -> tuple[str, list[str]]:
        """Return a node's text for sorting, and its lines: the first without indentation."""
        if isinstance(node, Atom):
            text = self.names.term(node.term)
            return text, [text]
        if isinstance(node, Broken):
            raise FormatError("A term that could not be read cannot be written.", 0)
        opening, closing = ("[", "]") if isinstance(node, PropertyList) else ("(", ")")
        if not node.entries and not node.tail:
            return opening + closing, [opening + closing]
        inner = self._entries(node.entries, indent + INDENT, ordered=isinstance(node, PropertyList))
        lines = [opening]
        for line in inner:
            lines += line.lines
        lines += [indent + INDENT + comment for comment in node.tail]
        lines.append(indent + closing)
        return "\n".join([opening, *(line.text for line in inner), closing]), lines


def _refuse_faulty(document: Document) -> None:
    for problem in document.problems:
        if problem.code not in WARNINGS:
            raise FormatError(
                f"Line {problem.line}, column {problem.column} cannot be kept as it is ({problem.code}"
                f"{': ' + problem.params['found'] if problem.params.get('found') else ''}). "
                "Correct it and format the file again.",
                problem.line,
            )


def _prefix_lines(document: Document, used: Mapping[str, str], header: list[list[str]]) -> list[str]:
    """Return the prefix declarations; comments of those that fall away are added to ``header``."""
    behind: dict[str, list[str]] = defaultdict(list)
    homeless: list[str] = []
    for directive in document.directives:
        homeless += directive.leading
        if directive.prefix is not None and used.get(directive.prefix) == directive.iri:
            behind[directive.prefix] += directive.trailing
        else:
            homeless += directive.trailing
    lines = []
    for prefix in sorted(used):
        # A line has room for one comment; a prefix declared twice may bring more.
        homeless += behind[prefix][:-1]
        comment = "".join(f" {text}" for text in behind[prefix][-1:])
        lines.append(f"@prefix {prefix}: <{used[prefix]}> .{comment}")
    if homeless:
        header.append(homeless)
    return lines


def render_canonical(document: Document, prefixes: Mapping[str, str]) -> str:
    """Write a document in canonical form: same triples, same comments, one order and one layout.

    ``prefixes`` (prefix to namespace) are preferred; prefixes the document declares for other
    namespaces are kept if they are used. Raises :class:`kgraph.errors.FormatError`, naming line and
    cure, if the document has faults, since what stands there could not be kept.
    """
    _refuse_faulty(document)
    names = Abbreviator(prefixes, document.prefixes)
    subjects = _Writer(names).statements(document.statements)
    header = [list(block) for block in document.header]
    prefix_lines = _prefix_lines(document, names.used, header)
    parts = ["\n".join(block) for block in header]
    if prefix_lines:
        parts.append("\n".join(prefix_lines))
    parts += subjects
    if document.footer:
        parts.append("\n".join(document.footer))
    return "\n\n".join(parts) + "\n" if parts else ""
