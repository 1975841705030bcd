"""The part of the ontology and the data that a description logic reasoner can read.

OWL 2 DL wants every property declared as one of three kinds, and literals of the datatypes of its own map
(OWL 2 Structural Specification, sections 4 and 5.8). The data hold more than that: texts for people, dates,
terms of vocabularies that were never meant for logic. The view leaves those out and says how many.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kgraph.turtle import Term
from kgraph.turtle.literals import is_well_typed, literal_parts
from kgraph.vocabulary import PREFIXES, TERMS

Statement = tuple[Term, Term, Term]
"""Subject, predicate and object in N-Triples syntax."""

_OWL, _RDF, _RDFS, _XSD = (PREFIXES[prefix] for prefix in ("owl", "rdf", "rdfs", "xsd"))
TYPE = f"<{_RDF}type>"
_FIRST, _REST, _NIL = f"<{_RDF}first>", f"<{_RDF}rest>", f"<{_RDF}nil>"
HAS_KEY = f"<{_OWL}hasKey>"
_SUBCLASS = f"<{_RDFS}subClassOf>"
_KINDS = {
    f"<{_OWL}{name}>": name
    for name in ("Class", "ObjectProperty", "DatatypeProperty", "AnnotationProperty", "Ontology")
}
_STRUCTURE = {f"<{_RDFS}{name}>" for name in ("subClassOf", "subPropertyOf", "domain", "range")} | {_FIRST, _REST}
_OWL_ANNOTATIONS = {
    f"<{_OWL}{name}>" for name in ("versionInfo", "versionIRI", "priorVersion", "deprecated", "imports")
}
_DATATYPE_NAMES = """
anyURI base64Binary boolean byte dateTime dateTimeStamp decimal double float hexBinary int integer language
long Name NCName negativeInteger NMTOKEN nonNegativeInteger nonPositiveInteger normalizedString
positiveInteger short string token unsignedByte unsignedInt unsignedLong unsignedShort
"""
_DATATYPES = frozenset(_XSD + name for name in _DATATYPE_NAMES.split())
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class DlView:
    """Statements that a description logic reasoner can read.

    ``statements`` are without repetition, in the order in which they were given; ``left_out`` counts the
    others by the reason: ``annotation``, ``undeclared``, ``literal``, ``datatype``.
    """

    statements: tuple[Statement, ...]
    left_out: Mapping[str, int]

    def to_ntriples(self) -> str:
        """Return the statements as N-Triples."""
        return "".join(f"{s} {p} {o} .\n" for s, p, o in self.statements)

    def without_keys(self) -> DlView:
        """Return the view without ``owl:hasKey`` axioms and the lists that they hold."""
        heads = {o for _, p, o in self.statements if p == HAS_KEY}
        nodes = {node for head in heads for node in _list_nodes(self.statements, head)}
        kept = tuple(s for s in self.statements if s[1] != HAS_KEY and s[0] not in nodes)
        return DlView(kept, self.left_out)


@dataclass
class _Declarations:
    """Which kind each term was declared as."""

    kinds: dict[str, set[Term]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, statements: Iterable[Statement]) -> _Declarations:
        found = cls()
        for subject, predicate, value in statements:
            if predicate == TYPE and value in _KINDS:
                found.kinds[_KINDS[value]].add(subject)
        return found


def _list_nodes(statements: Iterable[Statement], head: Term) -> Iterator[Term]:
    rests = {s: o for s, p, o in statements if p == _REST}
    while head in rests:
        yield head
        head = rests[head]


def list_members(statements: Iterable[Statement], head: Term) -> list[Term]:
    """Return the members of the RDF list that begins at ``head``."""
    known = list(statements)
    firsts = {s: o for s, p, o in known if p == _FIRST}
    return [firsts[node] for node in _list_nodes(known, head) if node in firsts]


def _sort_out(statement: Statement, declared: _Declarations) -> tuple[Statement | None, str]:
    """Return the statement as the reasoner may see it, or None and the reason why it may not."""
    subject, predicate, value = statement
    kinds = declared.kinds
    if subject in kinds["Ontology"] or predicate in kinds["AnnotationProperty"] or predicate in _OWL_ANNOTATIONS:
        return None, "annotation"
    if predicate == TYPE:
        known = value in kinds["Class"] or value.startswith((f"<{_OWL}", f"<{_RDFS}", "_:"))
        return (statement, "") if known else (None, "undeclared")
    if predicate in _STRUCTURE or predicate.startswith(f"<{_OWL}"):
        return statement, ""
    if predicate.startswith((f"<{_RDFS}", f"<{_RDF}")):
        return None, "annotation"
    if predicate in kinds["ObjectProperty"]:
        return (None, "literal") if value.startswith('"') else (statement, "")
    if predicate in kinds["DatatypeProperty"]:
        literal = _readable_literal(value)
        return ((subject, predicate, literal), "") if literal else (None, "datatype")
    return None, "undeclared"


def _readable_literal(value: Term) -> Term | None:
    """Return a literal of OWL's datatype map; a date becomes the dateTime at which it begins."""
    if not value.startswith('"'):
        return None
    lexical, language, datatype = literal_parts(value)
    if datatype == _XSD + "date" and _DATE.fullmatch(lexical) and is_well_typed(lexical, datatype):
        return f'"{lexical}T00:00:00Z"^^<{_XSD}dateTime>'
    if language or datatype is None:
        return value
    return value if datatype in _DATATYPES and is_well_typed(lexical, datatype) else None


def build_dl_view(statements: Iterable[Statement]) -> DlView:
    """Return what a description logic reasoner can read of an ontology and data together.

    A property counts as the kind that some statement declares it to be; statements of undeclared
    properties or classes are left out. Dates are read as the instant at which they begin.
    """
    given = list(dict.fromkeys(statements))
    declared = _Declarations.of(given)
    kept: list[Statement] = []
    left_out: Counter[str] = Counter()
    for statement in given:
        readable, reason = _sort_out(statement, declared)
        if readable is None:
            left_out[reason] += 1
        else:
            kept.append(readable)
    return DlView(tuple(kept), dict(left_out))


def _subclasses(statements: Iterable[Statement], root: Term) -> set[Term]:
    children: dict[Term, set[Term]] = defaultdict(set)
    for subject, predicate, value in statements:
        if predicate == _SUBCLASS and subject.startswith("<"):
            children[value].add(subject)
    found, queue = {root}, [root]
    while queue:
        new = children[queue.pop()] - found
        found |= new
        queue += new
    return found


def different(members: Iterable[Term], label: str) -> list[Statement]:
    """Return ``owl:AllDifferent`` over ``members``; ``label`` keeps the anonymous nodes of several apart."""
    names = sorted(members)
    if len(names) < 2:
        return []
    axiom = f"_:d{label}"
    nodes = [f"{axiom}n{index}" for index in range(len(names))]
    cells = list(zip(nodes, names, [*nodes[1:], _NIL], strict=True))
    return [
        (axiom, TYPE, f"<{_OWL}AllDifferent>"),
        (axiom, f"<{_OWL}distinctMembers>", nodes[0]),
        *((node, _FIRST, name) for node, name, _ in cells),
        *((node, _REST, rest) for node, _, rest in cells),
    ]


def unique_names(statements: Iterable[Statement], roots: Iterable[str]) -> list[Statement]:
    """Return that the named members of each class below ``ink:<root>`` differ from each other.

    OWL lets two names mean one thing unless told otherwise; in curated lists they never do.
    """
    known = list(statements)
    members: dict[Term, set[Term]] = defaultdict(set)
    for subject, predicate, value in known:
        if predicate == TYPE and subject.startswith("<"):
            members[value].add(subject)
    added: list[Statement] = []
    for number, root in enumerate(roots):
        classes = _subclasses(known, f"<{TERMS}{root}>")
        added += different({m for c in classes for m in members[c]}, f"u{number}")
    return added


def key_slices(view: DlView) -> Iterator[tuple[Term, tuple[Statement, ...]]]:
    """Yield each class that has a key, with the statements on its members that bear on the key.

    The members are said to differ, so that two records with one key contradict each other.
    """
    subjects: dict[Term, list[Statement]] = defaultdict(list)
    for statement in view.statements:
        subjects[statement[0]].append(statement)
    for keyed, predicate, head in view.statements:
        if predicate != HAS_KEY:
            continue
        properties = set(list_members(view.statements, head))
        classes = _subclasses(view.statements, keyed)
        members = [s for s, p, o in view.statements if p == TYPE and o in classes]
        slice_ = [s for m in members for s in subjects[m] if s[1] in properties or (s[1] == TYPE and s[2] in classes)]
        complete = {m for m in members if properties <= {p for _, p, _ in subjects[m]}}
        yield keyed, tuple(dict.fromkeys([*slice_, *different(complete, "k")]))
