"""The rules records are checked by: shapes, check queries and rules carried out by the program.

A rule has a stable code, a severity, and a message and a cure in each language. In ``ontology/shapes``
one rule is one SHACL shape with an IRI; in ``queries/checks`` one rule is one query with a header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyoxigraph as ox
import yaml

from kgraph.dataset import load_text
from kgraph.errors import QueryFileError, ShapeError
from kgraph.languages import LANGUAGES, texts
from kgraph.query_library import HEADER_LOADER
from kgraph.report import Severity
from kgraph.turtle import Term
from kgraph.vocabulary import PREFIXES, SHAPES

SH = PREFIXES["sh"]
_TARGETS = (f"<{SH}targetClass>", f"<{SH}targetSubjectsOf>")
_IDENTIFIER = f"<{PREFIXES['dct']}identifier>"
_REQUIRES = f"<{PREFIXES['dct']}requires>"
_COMMENT = f"<{PREFIXES['rdfs']}comment>"
_FOR_PEOPLE = (f"<{SH}message>", _COMMENT, f"<{PREFIXES['rdfs']}seeAlso>")
_SEVERITIES = {
    f"<{SH}Violation>": Severity.VIOLATION,
    f"<{SH}Warning>": Severity.WARNING,
    f"<{SH}Info>": Severity.INFO,
}

PROGRAM_RULES: Mapping[str, Severity] = {
    "INK-030a": Severity.VIOLATION,
    "INK-030b": Severity.VIOLATION,
    "INK-030c": Severity.VIOLATION,
    "INK-030d": Severity.VIOLATION,
    "INK-030e": Severity.VIOLATION,
    "INK-030f": Severity.WARNING,
    "INK-030g": Severity.VIOLATION,
}
"""The codes of the rules about single statements that the program carries out, with their severities."""


@dataclass(frozen=True)
class Rule:
    """A rule: its code, severity, wording by language and the file it is written in.

    ``requires`` holds the codes of rules that must be met before this one is worth a remark;
    ``absence`` marks a rule that concludes from what is not stated; a rule that ``yields`` is silent
    where another one has a remark on the same property of the same resource.
    """

    code: str
    severity: Severity
    messages: Mapping[str, str] = field(hash=False)
    cures: Mapping[str, str] = field(hash=False)
    source: str = ""
    requires: tuple[str, ...] = ()
    absence: bool = False
    yields: bool = False


@dataclass(frozen=True)
class ShapeRule(Rule):
    """A rule that is a SHACL shape.

    ``targets`` are pairs of target kind (local name in SHACL) and term; ``statements`` are the
    shape's N-Triples, without what is written for people.
    """

    iri: Term = ""
    path: Term | None = None
    targets: tuple[tuple[str, Term], ...] = ()
    statements: str = ""


@dataclass(frozen=True)
class QueryRule(Rule):
    """A rule that is a SPARQL query over the whole graph; each row of its answer is a fault.

    ``suggest`` asks for the nearest known name to the row's value.
    """

    text: str = ""
    suggest: bool = False


@dataclass(frozen=True)
class RuleBook:
    """All rules of a home, in the order of their codes."""

    shapes: tuple[ShapeRule, ...]
    queries: tuple[QueryRule, ...]
    programs: tuple[Rule, ...]

    def __iter__(self) -> Iterator[Rule]:
        """Iterate over all rules by code."""
        return iter(sorted((*self.shapes, *self.queries, *self.programs), key=lambda rule: code_key(rule.code)))


def code_key(code: str) -> tuple[int, str]:
    """Return the key that orders codes: number first, letter next."""
    found = re.search(r"(\d+)([a-z]*)$", code)
    return (int(found[1]), found[2]) if found else (0, code)


def load_rules(home: Path) -> RuleBook:
    """Load the rules of a home.

    Raises :class:`kgraph.errors.ShapeError` or :class:`kgraph.errors.QueryFileError` for a rule
    without code, severity or wording in each language.
    """
    shapes = [rule for path in sorted((home / "ontology/shapes").glob("*.ttl")) for rule in load_shapes(path, home)]
    codes = {rule.iri: rule.code for rule in shapes}
    shapes = [replace(rule, requires=tuple(codes[iri] for iri in rule.requires if iri in codes)) for rule in shapes]
    queries = [load_query(path, home) for path in sorted((home / "queries/checks").glob("*.rq"))]
    programs = [
        Rule(code, severity, texts_unfilled(f"{code}.message"), texts_unfilled(f"{code}.cure"), "kgraph.validation")
        for code, severity in PROGRAM_RULES.items()
    ]
    return RuleBook(tuple(shapes), tuple(queries), tuple(programs))


def texts_unfilled(key: str) -> dict[str, str]:
    """Return the catalogue's texts of ``key`` with their placeholders as they are."""
    return texts(key, **{name: "{" + name + "}" for name in ("value", "base", "found", "suggestion")})


def load_shapes(path: Path, home: Path) -> list[ShapeRule]:
    """Load the shapes of a file of ``ontology/shapes``; ``requires`` holds IRIs, since they may be of other files.

    Raises :class:`kgraph.errors.ShapeError`.
    """
    described: dict[Term, list[tuple[Term, Term]]] = {}
    for triple in ox.parse(load_text(path), format=ox.RdfFormat.TURTLE):
        described.setdefault(str(triple.subject), []).append((str(triple.predicate), str(triple.object)))
    source = path.relative_to(home).as_posix()
    return [_shape(subject, described, source) for subject in described if subject.startswith("<" + SHAPES)]


def _one(facts: list[tuple[Term, Term]], predicate: Term) -> str | None:
    return next((value.strip('"') for found, value in facts if found == predicate), None)


def _texts(facts: list[tuple[Term, Term]], predicate: Term) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in facts:
        if name == predicate:
            quoted, _, language = value.rpartition("@")
            found[language] = quoted[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return found


def _shape(subject: Term, described: Mapping[Term, list[tuple[Term, Term]]], source: str) -> ShapeRule:
    facts = described[subject]
    code, severity = _one(facts, _IDENTIFIER), _SEVERITIES.get(_one(facts, f"<{SH}severity>") or "")
    messages, cures = _texts(facts, f"<{SH}message>"), _texts(facts, _COMMENT)
    if code is None or severity is None or set(messages) != set(LANGUAGES) or set(cures) != set(LANGUAGES):
        raise ShapeError(f"{source}: {subject} lacks dct:identifier, sh:severity, sh:message or rdfs:comment")
    path = _one(facts, f"<{SH}path>")
    return ShapeRule(
        code,
        severity,
        messages,
        cures,
        source,
        requires=tuple(value for predicate, value in facts if predicate == _REQUIRES),
        iri=subject,
        path=path if path and path.startswith("<") else None,
        targets=tuple((name[len(SH) + 1 : -1], value) for name, value in facts if name in _TARGETS),
        statements="".join(_statements(subject, described)),
    )


def _statements(subject: Term, described: Mapping[Term, list[tuple[Term, Term]]]) -> Iterator[str]:
    for predicate, value in described[subject]:
        if predicate in _FOR_PEOPLE or predicate in (_IDENTIFIER, _REQUIRES):
            continue
        yield f"{subject} {predicate} {value} .\n"
        if value.startswith("_:") and value in described:
            yield from _statements(value, described)


def load_query(path: Path, home: Path) -> QueryRule:
    """Load a check query.

    Raises :class:`kgraph.errors.QueryFileError` if its header is not whole or it is no SELECT query of ``?focus``.
    """
    text = load_text(path)
    source = path.relative_to(home).as_posix()
    try:
        header = yaml.load("".join(re.findall(r"^#\+ ?(.*\n)", text, re.MULTILINE)), HEADER_LOADER)
        rule = QueryRule(
            header["code"],
            Severity(header["severity"]),
            header["messages"],
            header["cures"],
            source,
            absence=header.get("absence", False),
            yields=header.get("yields", False),
            text=text,
            suggest=header.get("suggest", False),
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise QueryFileError(f"{path}:1: {error}") from error
    for wording in (header.get("title"), header.get("description"), rule.messages, rule.cures):
        if not isinstance(wording, dict) or set(wording) != set(LANGUAGES):
            raise QueryFileError(f"{path}:1: title, description, messages and cures are given in nn, nb and en")
    try:
        solutions = ox.Store().query(text)
    except SyntaxError as error:
        place = re.match(r"error at (\d+):", str(error))
        raise QueryFileError(f"{path}:{place[1] if place else 1}: {error}") from error
    if not isinstance(solutions, ox.QuerySolutions) or ox.Variable("focus") not in solutions.variables:
        raise QueryFileError(f"{path}:1: a check query is a SELECT query whose rows have a ?focus")
    return rule
