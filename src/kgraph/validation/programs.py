"""Rules about single statements: known names, lasting addresses, no blank nodes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from kgraph.turtle import Term, Triple
from kgraph.validation.faults import Fault, shown
from kgraph.validation.records import RDF_TYPE, Place, Records
from kgraph.validation.rules import Rule
from kgraph.vocabulary import BASE, CONCEPTS, PREFIXES, RESOURCES, TERMS

_OWN = ("<" + RESOURCES, "<" + CONCEPTS)
_SLUG = re.compile(r"<[^>]+/[a-z0-9]+(-+[a-z0-9]+)*>")
_OF_ONE_MACHINE = re.compile(
    r"<(file:|https?://(localhost|127\.|\[::1\]|([\w-]+\.)*example(\.(org|com|net))?[/:>]))", re.IGNORECASE
)
_SCHEME = re.compile(f"<{re.escape(CONCEPTS)}[a-z0-9]+(-[a-z0-9]+)*>")
_ALWAYS_KNOWN = (f"<{PREFIXES['rdf']}", f"<{PREFIXES['rdfs']}", f"<{PREFIXES['owl']}")


class StatementRules:
    """The program's rules, with what the ontology declares."""

    def __init__(self, rules: Iterable[Rule], declared: set[Term]) -> None:
        """Take the rules by their codes and the terms that may be used."""
        self.rules: Mapping[str, Rule] = {rule.code: rule for rule in rules}
        self.declared = declared
        self.misnamed: set[tuple[Term, Term]] = set()
        self.mistyped: set[Term] = set()

    def check(self, records: Records) -> Iterator[Fault]:
        """Yield the faults of every statement; ``misnamed`` and ``mistyped`` are filled on the way."""
        seen: set[Term] = set()
        stated = ((str(path), triple) for path, triples in records.triples.items() for triple in triples)
        for file, triple in stated:
            place = Place(file, triple.line, triple.column)
            if triple.subject not in seen:
                seen.add(triple.subject)
                yield from self._subject(triple, Place(file, triple.subject_line, 1))
            yield from self._predicate(triple, place)
            if triple.object.startswith("_:") and triple.object not in seen:
                seen.add(triple.object)
                yield self._fault("INK-030c", triple, triple.object, place)
            yield from self._object(triple, place)

    def _fault(
        self, code: str, triple: Triple, value: Term, place: Place, suggestion: str = "", **params: str
    ) -> Fault:
        return Fault(self.rules[code], triple.subject, None, value, place, False, params, suggestion)

    def _subject(self, triple: Triple, place: Place) -> Iterator[Fault]:
        subject = triple.subject
        if subject.startswith("_:"):
            yield self._fault("INK-030c", triple, subject, place)
        elif _OF_ONE_MACHINE.match(subject):
            yield self._fault("INK-030e", triple, subject, place)
        elif not subject.startswith(_OWN):
            yield self._fault("INK-030d", triple, subject, place, base=BASE)
        elif not (_SLUG.fullmatch(subject) or _SCHEME.fullmatch(subject)):
            yield self._fault("INK-030g", triple, subject, place)

    def _predicate(self, triple: Triple, place: Place) -> Iterator[Fault]:
        predicate = triple.predicate
        if predicate in self.declared or predicate.startswith(_ALWAYS_KNOWN):
            return
        near = self._nearest(predicate)
        if near:
            self.misnamed.add((triple.subject, near))
        code = "INK-030a" if predicate.startswith("<" + TERMS) else "INK-030f"
        yield self._fault(code, triple, predicate, place, shown(near) if near else "")

    def _object(self, triple: Triple, place: Place) -> Iterator[Fault]:
        value = triple.object
        if triple.predicate == RDF_TYPE and value.startswith("<") and value not in self.declared:
            self.mistyped.add(triple.subject)
            near = self._nearest(value)
            yield self._fault("INK-030b", triple, value, place, shown(near) if near else "")
        elif value.startswith("<") and _OF_ONE_MACHINE.match(value):
            yield self._fault("INK-030e", triple, value, place)

    def _nearest(self, term: Term) -> Term | None:
        """Return the declared name most like a term: of its own namespace first, then of any."""
        name = re.split(r"[#/]", term)[-1]
        by_name = {re.split(r"[#/]", known)[-1]: known for known in sorted(self.declared, reverse=True)}
        own = term[: -len(name)]
        same = {found: known for found, known in by_name.items() if known.startswith(own)}
        for names in (same, by_name):
            found = get_close_matches(name, names, n=1, cutoff=0.75)
            if found:
                return names[found[0]]
        return None
