"""What a Turtle document holds once it is read: triples, remarks, and statements with their comments.

Offsets count characters from the start of the text (after a byte order mark); lines and columns
count from 1, a tab being one column; the end of a range is the first column after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Term = str
"""An RDF term in N-Triples syntax: ``<iri>``, ``"lexical"@nn``, ``"1"^^<datatype>``, ``_:b0``.

The lexical form and the datatype are those written; ``xsd:string`` is left out, as in RDF 1.1.
"""

NESTING_LIMIT = 64
"""How many brackets may stand open at once, unless the caller of ``read_turtle`` says otherwise."""

UNDECLARED = "urn:kgraph:undeclared:"
"""What the placeholder IRIs of names with an undeclared prefix begin with."""

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XSD = "http://www.w3.org/2001/XMLSchema#"

REMARKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "turtle-bad-datatype": ("found",),
        "turtle-bad-escape": ("found",),
        "turtle-bad-iri": ("found", "character"),
        "turtle-bad-language-tag": ("found",),
        "turtle-bad-local-name": ("found", "suggestion"),
        "turtle-bad-number": ("found",),
        "turtle-bad-prefix": ("found",),
        "turtle-curly-quote": ("found",),
        "turtle-decimal-comma": ("found", "suggestion"),
        "turtle-ill-typed-literal": ("lexical", "datatype"),
        "turtle-invisible-character": ("character",),
        "turtle-literal-subject": ("found",),
        "turtle-missing-dot": ("found", "expected"),
        "turtle-missing-object": ("found",),
        "turtle-missing-predicate": ("found",),
        "turtle-missing-semicolon": ("found",),
        "turtle-nesting-too-deep": ("limit",),
        "turtle-premature-dot": ("found",),
        "turtle-relative-iri": ("found",),
        "turtle-unclosed-bracket": ("bracket", "found", "found_line"),
        "turtle-undeclared-prefix": ("prefix", "suggestion", "namespace"),
        "turtle-unescaped-quote": ("found",),
        "turtle-unexpected-token": ("found", "expected"),
        "turtle-unknown-directive": ("found", "suggestion"),
        "turtle-unterminated-iri": ("found",),
        "turtle-unterminated-string": ("found",),
    }
)
"""Every code a remark can have, with the names of its parameters (an empty value means: nothing to say)."""

WARNINGS = frozenset({"turtle-decimal-comma", "turtle-ill-typed-literal"})
"""The codes that remark on sound syntax: the triples are kept and the document can be formatted."""

LOSSLESS = WARNINGS | {"turtle-missing-dot", "turtle-missing-semicolon", "turtle-undeclared-prefix"}
"""The codes of faults after which every triple of the statement was read all the same."""


@dataclass(frozen=True, slots=True)
class Triple:
    """One triple and where it stands: line and column of the object's first token, line of the subject."""

    subject: Term
    predicate: Term
    object: Term
    line: int
    column: int
    subject_line: int


@dataclass(frozen=True, slots=True)
class SyntaxRemark:
    """One fault: its code (a key of ``REMARKS``), its range and what a message needs to tell about it."""

    code: str
    line: int
    column: int
    end_line: int
    end_column: int
    params: dict[str, str]


@dataclass(slots=True)
class Atom:
    """An IRI, a literal or a labelled blank node."""

    term: Term
    start: int
    end: int


@dataclass(slots=True)
class PropertyList:
    """``[ … ]``: ``tail`` holds the comments after its last entry; ``closed`` is false if the bracket is missing."""

    entries: list[Entry]
    start: int
    end: int
    closed: bool = True
    tail: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Collection:
    """``( … )``: as a property list, but its entries are items without a predicate."""

    entries: list[Entry]
    start: int
    end: int
    closed: bool = True
    tail: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Broken:
    """Stands where a term could not be read; no triple is made of it."""

    start: int
    end: int


Node = Atom | PropertyList | Collection | Broken


@dataclass(slots=True)
class Entry:
    """One line of the canonical form: a predicate and an object, or an item of a collection (no predicate)."""

    predicate: Term | None
    node: Node
    start: int
    end: int
    leading: list[str] = field(default_factory=list)
    trailing: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Statement:
    """A subject with its entries; ``leading`` comments stand before it, ``tail`` after its last entry."""

    subject: Node
    entries: list[Entry]
    start: int
    end: int
    leading: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Directive:
    """A declaration of a prefix, or of the base (then ``prefix`` is None)."""

    prefix: str | None
    iri: str
    start: int
    end: int
    leading: list[str] = field(default_factory=list)
    trailing: list[str] = field(default_factory=list)


@dataclass
class Document:
    """A Turtle document that was read.

    ``triples`` are the sound ones in the order written and ``problems`` the remarks in the order of
    their lines. ``header`` holds the comments that belong to the file (blocks of lines), ``footer``
    those after the last statement.
    """

    triples: list[Triple] = field(default_factory=list)
    problems: list[SyntaxRemark] = field(default_factory=list)
    prefixes: dict[str, str] = field(default_factory=dict)
    base: str | None = None
    statements: list[Statement] = field(default_factory=list)
    directives: list[Directive] = field(default_factory=list)
    header: list[list[str]] = field(default_factory=list)
    footer: list[str] = field(default_factory=list)


def is_placeholder(term: Term) -> bool:
    """Tell whether a term stands for a name whose prefix is not declared, so that checks can pass it by."""
    return term.startswith("<" + UNDECLARED)
