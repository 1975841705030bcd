"""The locators that the dataset's files state, and the resources that lean on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from kgraph.dataset import Dataset, Place
from kgraph.turtle import Term
from kgraph.turtle.literals import literal_parts
from kgraph.vocabulary import PREFIXES, TERMS

TYPE = f"<{PREFIXES['rdf']}type>"
PREFERRED_LABEL = f"<{PREFIXES['skos']}prefLabel>"
TITLE = f"<{PREFIXES['dct']}title>"

# The properties by which a locator names a figure, a table or a footnote.
NUMBERS = ("figure", "tableNumber", "footnote")


def term(name: str) -> Term:
    """Return the IRI of a term of the ontology in N-Triples syntax."""
    return f"<{TERMS}{name}>"


@dataclass(frozen=True)
class StatedSpan:
    """A span as a file states it; a number that is missing is -1, a missing digest an empty string."""

    iri: Term
    place: Place
    position: int
    start: int
    end: int
    tokens: int
    letters: int
    digest: str
    first_digest: str
    last_digest: str

    @property
    def complete(self) -> bool:
        """Whether every number and digest is stated."""
        numbers = (self.position, self.start, self.end, self.tokens, self.letters)
        return min(numbers) >= 0 and all((self.digest, self.first_digest, self.last_digest))


@dataclass(frozen=True)
class StatedLocator:
    """A locator as a file states it, with its spans in the order of their positions.

    ``document`` is the IRI of the document in N-Triples syntax, or an empty string; ``numbers`` are the
    figures, tables and footnotes it names, each as the local name of the property and the number.
    """

    iri: Term
    place: Place
    document: Term
    normalisation: str
    pages: tuple[int, ...]
    section: str
    spans: tuple[StatedSpan, ...]
    numbers: frozenset[tuple[str, str]] = frozenset()


class Statements:
    """The statements of a dataset's files, found by subject or by object."""

    def __init__(self, dataset: Dataset) -> None:
        """Index every statement of the dataset's files; the files are read if they were not yet."""
        self.dataset = dataset
        self._by_subject: dict[Term, dict[Term, list[Term]]] = defaultdict(lambda: defaultdict(list))
        self._by_object: dict[tuple[Term, Term], list[Term]] = defaultdict(list)
        for subject, predicate, object_, _ in dataset.iter_quads():
            self._by_subject[subject][predicate].append(object_)
            self._by_object[predicate, object_].append(subject)

    def __contains__(self, subject: Term) -> bool:
        """Tell whether a resource is described, that is, stands as a subject."""
        return subject in self._by_subject

    def iter_subjects(self) -> Iterator[Term]:
        """Yield each resource that is described, in the order of the files."""
        yield from self._by_subject

    def objects(self, subject: Term, predicate: Term) -> list[Term]:
        """Return the objects of a subject's property, in the order in which they are written."""
        properties = self._by_subject.get(subject)
        return [] if properties is None else properties.get(predicate, [])

    def subjects(self, predicate: Term, object_: Term) -> list[Term]:
        """Return the subjects that have an object for a property, in the order in which they are written."""
        return self._by_object.get((predicate, object_), [])

    def text(self, subject: Term, predicate: Term) -> str:
        """Return the first literal value of a property, or an empty string."""
        return next((literal_parts(value)[0] for value in self.objects(subject, predicate) if value[0] == '"'), "")

    def text_in(self, subject: Term, predicate: Term, languages: Iterable[str]) -> str:
        """Return a property's text in the first of the languages that has one, else any, else an empty string."""
        literals = [literal_parts(value) for value in self.objects(subject, predicate) if value[0] == '"']
        by_language = {language or "": lexical for lexical, language, _ in reversed(literals)}
        found = next((by_language[language] for language in languages if language in by_language), None)
        return found if found is not None else next((lexical for lexical, _, _ in literals), "")

    def numbers(self, subject: Term, predicate: Term) -> list[int]:
        """Return a property's values that are written as whole numbers."""
        values = (literal_parts(value)[0] for value in self.objects(subject, predicate) if value[0] == '"')
        return [int(value) for value in values if value.isascii() and value.isdigit()]

    def number(self, subject: Term, predicate: Term) -> int:
        """Return the first whole number of a property, or -1."""
        return next(iter(self.numbers(subject, predicate)), -1)

    def place(self, subject: Term) -> Place:
        """Return where a resource is first described, or the home's first line if nowhere."""
        return self.dataset.line_of_subject(subject) or Place(self.dataset.home, 1)

    @cached_property
    def locators(self) -> tuple[StatedLocator, ...]:
        """The locators that are stated, in the order of their files."""
        return tuple(map(self._locator, self.subjects(TYPE, term("EvidenceLocator"))))

    def _span(self, iri: Term) -> StatedSpan:
        return StatedSpan(
            iri=iri,
            place=self.place(iri),
            position=self.number(iri, term("position")),
            start=self.number(iri, term("start")),
            end=self.number(iri, term("end")),
            tokens=self.number(iri, term("tokenCount")),
            letters=self.number(iri, term("letterCount")),
            digest=self.text(iri, term("spanDigest")),
            first_digest=self.text(iri, term("firstTokensDigest")),
            last_digest=self.text(iri, term("lastTokensDigest")),
        )

    def _locator(self, iri: Term) -> StatedLocator:
        spans = map(self._span, self.objects(iri, term("hasSpan")))
        return StatedLocator(
            iri=iri,
            place=self.place(iri),
            document=next(iter(self.objects(iri, term("locatedIn"))), ""),
            normalisation=self.text(iri, term("normalisation")),
            pages=tuple(self.numbers(iri, term("page"))),
            section=self.text(iri, term("section")),
            spans=tuple(sorted(spans, key=lambda span: span.position)),
            numbers=frozenset(
                (name, literal_parts(value)[0]) for name in NUMBERS for value in self.objects(iri, term(name))
            ),
        )

    def iter_leaning_on(self, locator: Term) -> Iterator[Term]:
        """Yield the resources whose facts a locator stands behind: those that have it, and the claims of its lines."""
        for holder in self.subjects(term("hasLocator"), locator):
            claims = self.subjects(term("hasEvidenceLine"), holder)
            yield from claims or [holder]
