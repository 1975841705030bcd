"""The files under check: their sound statements with places, and what their faults make unreliable."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kgraph.dataset import load_text
from kgraph.errors import DatasetError
from kgraph.languages import has_text, texts
from kgraph.report import Remark, Severity
from kgraph.turtle import (
    LOSSLESS,
    WARNINGS,
    Document,
    SyntaxRemark,
    Term,
    Triple,
    is_placeholder,
    literal_parts,
    read_turtle,
)
from kgraph.turtle.model import Atom
from kgraph.vocabulary import PREFIXES

RDF_TYPE = f"<{PREFIXES['rdf']}type>"


class Place(NamedTuple):
    """Where something stands: file as named by the caller, line and column (1-based)."""

    file: str
    line: int | None
    column: int | None


@dataclass
class Records:
    """The statements of the checked files.

    ``incomplete`` holds the subjects of which a fault of syntax may have swallowed statements;
    ``withheld`` the resource and property of statements left out because their value, or a name in
    them, is remarked on already.
    """

    documents: dict[Path, Document] = field(default_factory=dict)
    triples: dict[Path, list[Triple]] = field(default_factory=lambda: defaultdict(list))
    remarks: list[Remark] = field(default_factory=list)
    incomplete: set[Term] = field(default_factory=set)
    withheld: set[tuple[Term, Term]] = field(default_factory=set)
    subjects: dict[Term, Place] = field(default_factory=dict)
    values: dict[tuple[Term, Term], list[tuple[Term, Place]]] = field(default_factory=lambda: defaultdict(list))
    typed: dict[Path, set[Term]] = field(default_factory=dict)

    def lines(self, path: Path) -> list[str]:
        """Return the sound statements of one file as lines of N-Triples."""
        return [f"{triple.subject} {triple.predicate} {triple.object} .\n" for triple in self.triples.get(path, ())]

    def place_of_value(self, subject: Term, predicate: Term, value: Term) -> Place | None:
        """Return where a statement stands; a value an engine has normalised is found by what it means."""
        candidates = self.values.get((subject, predicate), [])
        for known, place in candidates:
            if known == value:
                return place
        return next((place for known, place in candidates if _same_value(known, value)), None)


def _same_value(first: Term, second: Term) -> bool:
    if not (first.startswith('"') and second.startswith('"')):
        return False
    one, other = literal_parts(first), literal_parts(second)
    if [(part or "").lower() for part in one[1:]] != [(part or "").lower() for part in other[1:]]:
        return False
    try:
        return one[0] == other[0] or float(one[0]) == float(other[0])
    except ValueError:
        return False


def load_records(paths: Iterable[Path]) -> Records:
    """Read the files under check; a file that cannot be read becomes a remark."""
    records = Records()
    for path in paths:
        try:
            text = load_text(path)
        except DatasetError as error:
            params = {"reason": str(error).removeprefix(f"{path}: ")}
            records.remarks.append(_catalogue_remark(Place(str(path), None, None), "file-unreadable", params))
            continue
        document = read_turtle(text)
        records.documents[path] = document
        _add_triples(records, path, document)
        _add_problems(records, path, document, text)
    return records


def _add_triples(records: Records, path: Path, document: Document) -> None:
    name = str(path)
    typed = records.typed.setdefault(path, set())
    for triple in document.triples:
        place = Place(name, triple.line, triple.column)
        records.subjects.setdefault(triple.subject, Place(name, triple.subject_line, 1))
        if _is_doubtful(triple, document):
            records.withheld.add((triple.subject, triple.predicate))
            continue
        records.triples[path].append(triple)
        records.values[triple.subject, triple.predicate].append((triple.object, place))
        if triple.predicate == RDF_TYPE:
            typed.add(triple.subject)


def _is_doubtful(triple: Triple, document: Document) -> bool:
    """Tell whether a statement has a name of an undeclared prefix or a value that is remarked on already."""
    if any(is_placeholder(term) for term in (triple.subject, triple.predicate, triple.object)):
        return True
    at = (triple.line, triple.column)
    return any(
        (problem.line, problem.column) <= at < (problem.end_line, problem.end_column)
        for problem in document.problems
        if problem.code in WARNINGS
    )


def _add_problems(records: Records, path: Path, document: Document, text: str) -> None:
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    spans: list[tuple[int, int, Term | None]] = []
    for statement in document.statements:
        first, last = bisect_right(starts, statement.start), bisect_right(starts, max(statement.start, statement.end))
        spans.append((first, last, statement.subject.term if isinstance(statement.subject, Atom) else None))
    for problem in document.problems:
        place = Place(str(path), problem.line, problem.column)
        records.remarks.append(_catalogue_remark(place, problem.code, problem.params))
        if problem.code not in LOSSLESS:
            records.incomplete.update(_touched(spans, problem))


def _touched(spans: list[tuple[int, int, Term | None]], problem: SyntaxRemark) -> set[Term]:
    inside = [subject for first, last, subject in spans if first <= problem.end_line and last >= problem.line]
    if not inside:
        before = [subject for first, _, subject in spans if first <= problem.line]
        inside = before[-1:]
    return {subject for subject in inside if subject is not None}


def _catalogue_remark(place: Place, code: str, params: Mapping[str, str]) -> Remark:
    cure = f"{code}.cure"
    for name in ("namespace", "expected"):
        if params.get(name) and has_text(f"{code}.cure-{name}"):
            cure = f"{code}.cure-{name}"
    messages, cures = texts(f"{code}.message", **params), texts(cure, **params)
    if params.get("suggestion"):
        cures = with_suggestion(cures, params["suggestion"])
    return Remark(*place, Severity.VIOLATION, code, messages, cures)


def with_suggestion(cures: Mapping[str, str], suggestion: str) -> dict[str, str]:
    """Put the question whether ``suggestion`` was meant before each cure."""
    asked = texts("suggestion.message", suggestion=suggestion)
    return {language: f"{asked[language]} {cure}" for language, cure in cures.items()}
