"""From rows of an answer to records, with texts chosen for one language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from kgraph.languages import LANGUAGES, has_text, text
from kgraph.resources.addresses import href_of, shorten
from kgraph.resources.records import (
    Author,
    Evidence,
    Figure,
    Incoming,
    Link,
    MeasureRow,
    Passage,
    Property,
    Share,
    Text,
    Value,
)
from kgraph.store.base import Row, Term
from kgraph.vocabulary import PREFIXES, RESOURCES

_INK, _SKOS = PREFIXES["ink"], PREFIXES["skos"]
TYPE = PREFIXES["rdf"] + "type"
LABELS = (_SKOS + "prefLabel", PREFIXES["rdfs"] + "label")
"""The properties that name a resource."""

_TOLD_ELSEWHERE = {
    TYPE,
    *LABELS,
    _INK + "statement",
    _SKOS + "definition",
    _INK + "hasEvidenceLine",
    _INK + "hasLocator",
    _INK + "hasSpan",
    _INK + "authorship",
    PREFIXES["dct"] + "identifier",
    PREFIXES["dct"] + "title",
}
_BOOLEAN = PREFIXES["xsd"] + "boolean"
_LAST = 1_000_000
_MANY = 8


class Reading:
    """Turns rows into records, with texts chosen for one language."""

    def __init__(self, language: str, terms: Mapping[str, Mapping[str, tuple[str, str]]]) -> None:
        """Choose texts for ``language``; ``terms`` holds label and definition by term and language."""
        self._language = language
        self._languages = (language, "", *(other for other in LANGUAGES if other != language))
        self._terms = terms

    def pick(self, candidates: Iterable[Term]) -> Text | None:
        """Return the text in the chosen language, else one without language, else any other."""
        ranked = sorted(candidates, key=lambda term: (self._rank(term.language), term.value))
        return Text(ranked[0].value, ranked[0].language) if ranked else None

    def _rank(self, language: str | None) -> int:
        tag = language or ""
        return self._languages.index(tag) if tag in self._languages else len(self._languages)

    def link(self, iri: str, labels: Iterable[Term]) -> Link:
        """Return a link to a resource with the best of its labels, the ontology's, or its short form."""
        label = self.pick(labels)
        if label is None and iri in self._terms:
            label = self.pick(Term("literal", name, tag or None) for tag, (name, _) in self._terms[iri].items())
        return Link(iri, href_of(iri), label or self._outside(iri))

    def _outside(self, iri: str) -> Text:
        """Return our name for a term of an outside vocabulary, else its short form."""
        short = shorten(iri)
        key = "terms." + short.replace(":", "-")
        return Text(text(key, self._language), self._language) if has_text(key) else Text(short)

    def definition(self, iri: str) -> str:
        """Return what the ontology says a term means."""
        texts = [Term("literal", meaning, tag or None) for tag, (_, meaning) in self._terms.get(iri, {}).items()]
        best = self.pick(term for term in texts if term.value)
        return best.text if best else ""

    def links(self, rows: Iterable[Row], name: str, label: str = "label") -> tuple[Link, ...]:
        """Return the resources of a column, each once, sorted by name."""
        labels: dict[str, list[Term]] = defaultdict(list)
        for row in rows:
            if name in row and row[name].kind == "uri":
                labels[row[name].value] += [row[label]] if label in row else []
        found = [self.link(iri, texts) for iri, texts in labels.items()]
        return tuple(sorted(found, key=lambda link: (link.label.text.casefold(), link.iri)))

    def title(self, rows: Iterable[Row], iri: str, kinds: Sequence[Link]) -> Text:
        """Return the name of the resource that the rows are about; without one, its first kind and its own mark."""
        label = self.link(iri, [row["value"] for row in rows if row["property"].value in LABELS]).label
        if label.text != shorten(iri) or not iri.startswith(RESOURCES) or not kinds:
            return label
        return Text(f"{kinds[0].label.text} {iri.rpartition('/')[2]}", kinds[0].label.language)

    def text_of(self, rows: Iterable[Row], wanted: str) -> Text | None:
        """Return the best text of one property."""
        return self.pick(row["value"] for row in rows if row["property"].value == wanted)

    def properties(self, rows: Iterable[Row], order: Mapping[str, float]) -> tuple[Property, ...]:
        """Return the properties in the order of the shapes, then of their labels."""
        by_property: dict[str, dict[Term, list[Term]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            if row["property"].value not in _TOLD_ELSEWHERE:
                labels = by_property[row["property"].value][row["value"]]
                labels += [row["label"]] if "label" in row else []
        found = [
            Property(self.link(iri, ()), self.definition(iri), self._values(values))
            for iri, values in by_property.items()
        ]

        def place(shown: Property) -> tuple[float, bool, str]:
            label = shown.link.label.text.casefold()
            return order.get(shown.link.iri, _LAST), len(shown.values) > _MANY, label

        return tuple(sorted(found, key=place))

    def _values(self, values: Mapping[Term, list[Term]]) -> tuple[Value, ...]:
        tags = {term.language for term in values if term.language}
        wanted = next((tag for tag in self._languages if tag in tags), None)
        shown: list[Value] = []
        for term, labels in values.items():
            if term.language and tags >= set(LANGUAGES) and term.language != wanted:
                continue
            if term.kind == "uri":
                link = self.link(term.value, labels)
                shown.append(Value(link.label, link))
            else:
                shown.append(Value(self._written(term), None, term.datatype))
        return tuple(sorted(shown, key=_value_key))

    def _written(self, term: Term) -> Text:
        if term.datatype == _BOOLEAN and term.value in ("true", "false"):
            return Text(text(f"web.value-{term.value}", self._language), self._language)
        return Text(term.value, term.language)

    def passages(self, rows: Iterable[Row]) -> dict[str, list[Passage]]:
        """Return the passages by the resource or evidence line whose they are, in the order of the source."""
        grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in rows:
            grouped[row["owner"].value, row["locator"].value].append(row)
        found: dict[str, list[Passage]] = defaultdict(list)
        for (owner, locator), group in grouped.items():
            found[owner].append(self._passage(locator, group))
        for passages in found.values():
            passages.sort(key=lambda p: (p.document.iri, _number(p.page.split(",")[0]), p.spans))
        return found

    def _passage(self, locator: str, rows: list[Row]) -> Passage:
        def joined(name: str) -> str:
            return ", ".join(sorted({row[name].value for row in rows if name in row}, key=_number))

        return Passage(
            locator=Link(locator, href_of(locator), Text(shorten(locator))),
            document=self.links(rows, "document", "documentLabel")[0],
            page=joined("page"),
            section=joined("section"),
            figure=joined("figure"),
            table=joined("table"),
            footnote=joined("footnote"),
            spans=tuple(sorted({(int(r["start"].value), int(r["end"].value)) for r in rows if "start" in r})),
        )

    def evidence(self, rows: Iterable[Row], passages: Mapping[str, list[Passage]]) -> tuple[Evidence, ...]:
        """Return the evidence lines sorted by their studies."""
        grouped: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            grouped[row["line"].value].append(row)
        lines = [
            Evidence(
                line=Link(line, href_of(line), Text(shorten(line))),
                direction=self._one(group, "direction"),
                verification=self._one(group, "verification"),
                study=self._one(group, "study"),
                documents=self.links(group, "document", "documentLabel"),
                passages=tuple(passages.get(line, ())),
            )
            for line, group in grouped.items()
        ]
        return tuple(sorted(lines, key=lambda e: (e.study.label.text.casefold() if e.study else "", e.line.iri)))

    def _one(self, rows: Iterable[Row], name: str) -> Link | None:
        return next(iter(self.links(rows, name, name + "Label")), None)

    def authors(self, rows: Iterable[Row]) -> tuple[Author, ...]:
        """Return the authors in the order of the work."""
        grouped: dict[tuple[int, str], list[Row]] = defaultdict(list)
        for row in rows:
            grouped[int(row["position"].value), row["agent"].value].append(row)
        authors: list[Author] = []
        for (position, _), group in sorted(grouped.items()):
            agent = self.links(group, "agent", "agentLabel")[0]
            name = group[0]["name"].value if "name" in group[0] else agent.label.text
            authors.append(Author(position, name, agent))
        return tuple(authors)

    def shares(self, rows: Iterable[Row]) -> tuple[Share, ...]:
        """Return the shares of those who use a measure, by observation."""
        grouped: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            grouped[row["observation"].value].append(row)
        found: list[Share] = []
        for iri, group in sorted(grouped.items()):
            share, printed, status = group[0].get("share"), group[0].get("printed"), self._one(group, "status")
            found.append(
                Share(
                    observation=Link(iri, href_of(iri), Text(shorten(iri))),
                    table=self._one(group, "table"),
                    percent=share.value if share else "",
                    printed=printed.value if printed else "",
                    status=status.label.text if status else "",
                )
            )
        return tuple(found)

    def figures(self, rows: Iterable[Row]) -> tuple[Figure, ...]:
        """Return the figures of a table, sorted by name."""
        grouped: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            grouped[row["observation"].value].append(row)
        found: list[Figure] = []
        for group in grouped.values():
            printed, status = group[0].get("printed"), self._one(group, "status")
            observation = self.links(group, "observation", "observationLabel")[0]
            told = "" if printed or not status else status.label.text
            found.append(Figure(observation, printed.value if printed else "", self._one(group, "unit"), told))
        return tuple(sorted(found, key=lambda figure: figure.observation.label.text.casefold()))

    def measures(self, rows: Iterable[Row], other: str) -> tuple[MeasureRow, ...]:
        """Return measures with the types or projects they have."""
        grouped: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            grouped[row["measure"].value].append(row)
        found = [
            MeasureRow(self.links(group, "measure", "measureLabel")[0], self.links(group, other, other + "Label"))
            for group in grouped.values()
        ]
        return tuple(sorted(found, key=lambda row: row.measure.label.text.casefold()))

    def incoming(self, rows: Iterable[Row]) -> tuple[Incoming, ...]:
        """Return what refers to the resource, by property."""
        grouped: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if row["property"].value != TYPE:
                grouped[row["property"].value].append(row)
        found = [Incoming(self.link(iri, ()), self.links(group, "source")) for iri, group in grouped.items()]
        return tuple(sorted(found, key=lambda item: item.property.label.text.casefold()))


def _number(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text


def _value_key(value: Value) -> tuple[bool, tuple[float, str], str]:
    return value.link is None, _number(value.text.text), value.text.text.casefold()
