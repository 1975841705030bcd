"""What a page about a resource tells, put together by the queries in ``queries/pages``.

:meth:`Resources.view` gives a :class:`View`: frozen records with labels chosen for one language, in the order
in which they are shown. Templates get that and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from kgraph.languages import text
from kgraph.query_library import load_query
from kgraph.resources.addresses import graph_of, href_of, iri_of, path_of, shorten
from kgraph.resources.reading import TYPE, Reading
from kgraph.resources.records import ClassCount, Incoming, Link, MeasureRow, Text, View
from kgraph.store.base import AtRevision, Row, Store, select
from kgraph.vocabulary import GRAPHS, PREFIXES, TERMS

__all__ = [
    "ClassCount",
    "Incoming",
    "Link",
    "Resources",
    "Text",
    "View",
    "graph_of",
    "href_of",
    "iri_of",
    "path_of",
    "shorten",
]

_SKOS = PREFIXES["skos"]
_TITLE = PREFIXES["dct"] + "title"
_CLASS = PREFIXES["owl"] + "Class"
_TABLE = TERMS + "StatisticalTable"
_OF_TABLE = PREFIXES["qb"] + "dataSet"
_GENERAL_CLASSES = {_SKOS + "Concept", PREFIXES["qb"] + "Observation", PREFIXES["qb"] + "DataSet"}


class Resources:
    """The pages of one store, by the queries of one home."""

    def __init__(self, store: Store, home: Path) -> None:
        """Read the queries of ``home``; nothing is asked yet."""
        self._store = store
        self._terms_kept: AtRevision[Mapping[str, Mapping[str, tuple[str, str]]]] = AtRevision()
        self._order_kept: AtRevision[Mapping[str, float]] = AtRevision()
        folder = home / "queries" / "pages"
        self._queries = {path.stem: load_query(path).text for path in sorted(folder.glob("*.rq"))}

    def exists(self, iri: str) -> bool:
        """Tell whether the dataset speaks of a resource."""
        return bool(self._ask("exists", iri))

    def view(self, iri: str, language: str) -> View | None:
        """Return what is told about a resource, or ``None`` if the dataset does not speak of it."""
        stated = self._ask("properties", iri)
        incoming = self._ask("incoming", iri)
        if not stated and not incoming:
            return None
        chosen = Reading(language, self._terms)
        types = {row["value"].value for row in stated if row["property"].value == TYPE}
        passages = chosen.passages(self._ask("passages", iri))
        kinds = tuple(chosen.link(kind, ()) for kind in sorted(types, key=lambda k: (k in _GENERAL_CLASSES, k)))
        measures, projects = self._measures(chosen, iri, types)
        figures = chosen.figures(self._ask("figures", iri)) if _TABLE in types else ()
        return View(
            iri=iri,
            path=path_of(iri) or "",
            title=chosen.title(stated, iri, kinds),
            subtitle=chosen.text_of(stated, _TITLE),
            kinds=kinds,
            statement=chosen.text_of(stated, TERMS + "statement"),
            definition=chosen.text_of(stated, _SKOS + "definition"),
            properties=chosen.properties(stated, self._order),
            evidence=chosen.evidence(self._ask("evidence", iri), passages),
            passages=tuple(passages.get(iri, ())),
            authors=chosen.authors(self._ask("authors", iri)),
            claims=chosen.links(self._ask("claims", iri), "claim"),
            works=chosen.links(self._ask("works", iri), "document"),
            instances=chosen.links(self._ask("instances", iri), "resource") if _CLASS in types else (),
            shares=chosen.shares(self._ask("shares", iri)),
            figures=figures,
            measures=measures,
            projects=projects,
            incoming=chosen.incoming(row for row in incoming if not (figures and row["property"].value == _OF_TABLE)),
        )

    def graph_view(self, path: str, language: str) -> View | None:
        """Return what is told about the graph that a path stands for, or ``None`` if the store does not hold it."""
        graph = graph_of(path)
        if graph is None or graph not in self._store.graphs():
            return None
        told = Text(text("web.named-graph", language), language)
        return View(graph, path, Text(graph.removeprefix(GRAPHS)), definition=told)

    def counts(self, language: str) -> tuple[ClassCount, ...]:
        """Return each class of the ontology that has resources, with their number, the largest first."""
        chosen = Reading(language, self._terms)
        found = [
            ClassCount(
                chosen.link(row["class"].value, ()), chosen.definition(row["class"].value), int(row["count"].value)
            )
            for row in select(self._store, self._queries["counts"])
        ]
        return tuple(sorted(found, key=lambda item: (-item.count, item.link.label.text)))

    def label(self, iri: str, language: str) -> Text:
        """Return the name of a term of the ontology, else its short form."""
        return Reading(language, self._terms).link(iri, ()).label

    def _measures(self, chosen: Reading, iri: str, types: set[str]) -> tuple[tuple[MeasureRow, ...], tuple[Link, ...]]:
        if TERMS + "MeasureType" in types:
            rows = self._ask("measures-of-type", iri)
            return chosen.measures(rows, "project"), chosen.links(rows, "project", "projectLabel")
        if TERMS + "InclusionProject" in types:
            return chosen.measures(self._ask("measures-of-project", iri), "type"), ()
        return (), ()

    def _ask(self, name: str, iri: str) -> tuple[Row, ...]:
        return select(self._store, self._queries[name], this=f"<{iri}>")

    @property
    def _terms(self) -> Mapping[str, Mapping[str, tuple[str, str]]]:
        """Label and definition of each term of the ontology, by term and language."""
        return self._terms_kept.get(self._read_terms, self._store.revision)

    @property
    def _order(self) -> Mapping[str, float]:
        return self._order_kept.get(self._read_order, self._store.revision)

    def _read_terms(self) -> Mapping[str, Mapping[str, tuple[str, str]]]:
        terms: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
        for row in select(self._store, self._queries["terms"]):
            definition = row["definition"].value if "definition" in row else ""
            terms[row["term"].value][row["label"].language or ""] = (row["label"].value, definition)
        return terms

    def _read_order(self) -> Mapping[str, float]:
        rows = select(self._store, self._queries["order"])
        return {row["property"].value: float(row["order"].value) for row in rows if "property" in row}
