"""What a query probably meant that names what is not there, calls what nobody knows, or asks for what only follows.

A text's names are looked up once a revision and remembered, by point look-ups that cost the same however large the
graph is; what a mistaken name is nearest to is looked for only then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from kgraph.errors import KgraphError
from kgraph.formats import (
    CSV,
    JSON_LD,
    JSON_LD_EXPANDED,
    JSON_RESULTS,
    N_QUADS,
    N_TRIPLES,
    RDF_XML,
    TRIG,
    TSV,
    TURTLE,
    XML_RESULTS,
    Format,
)
from kgraph.languages import text as wording
from kgraph.sparql.functions import may_call, read_functions, suggest_function
from kgraph.sparql.names import Name, is_own, nearest, read_names, read_quickly, split_iri, write_like
from kgraph.store.base import ALL, ASSERTED, INFERRED, AtRevision, Query, Row, Store, read_table
from kgraph.vocabulary import BASE, CONCEPTS, GRAPHS, RESOURCES, SHAPES, TERMS

UNKNOWN = "unknown-term"
UNKNOWN_FUNCTION = "unknown-function"
NEEDS_INFERENCE = "needs-inference"
PASSED_OVER = "service-passed-over"

_ALWAYS_THERE = frozenset({ASSERTED, INFERRED, ALL})
_TIMEOUT = 1.0
_REMEMBERED = 10_000
_MOST = 100
_MOST_HINTS = 10
_MOST_OF_KIND = 1000
_SHORT = 2048
_WAYS = {
    "declared": ("?iri ?p ?o", "GRAPH ?g { ?iri ?p ?o }"),
    "stated": ("?s ?iri ?o", "?s a ?iri"),
    "inferred": (f"GRAPH <{INFERRED}> {{ ?s ?iri ?o }}", f"GRAPH <{INFERRED}> {{ ?s a ?iri }}"),
    "used": ("?s ?p ?iri", "GRAPH ?g { ?s ?p ?iri }", "GRAPH ?iri { ?s ?p ?o }"),
}
_TERM_GRAPHS = (GRAPHS + "ontology", GRAPHS + "vocabulary", GRAPHS + "shapes")
_AGGREGATE = re.compile(r"\b(?:COUNT|SUM|MIN|MAX|AVG|SAMPLE|GROUP_CONCAT)\s*\(", re.IGNORECASE)
_NOTHING_COUNTED = re.compile(rb"(?<![\w.])0(?![\w.])|\[\s*\{\s*\}\s*\]|<result>\s*</result>|<result/>|\A[^\n]*\n\s*\Z")
_NO_STATEMENT = re.compile(rb"(?:\s|@?prefix[^\n]*\n)*", re.IGNORECASE)
_NOTHING: Mapping[Format, re.Pattern[bytes]] = {
    JSON_RESULTS: re.compile(rb'.*(?:"bindings":\s*\[\s*\]|"boolean":\s*false).*', re.DOTALL),
    XML_RESULTS: re.compile(rb".*(?:<results\s*/>|<results>\s*</results>|<boolean>false<).*", re.DOTALL),
    CSV: re.compile(rb"(?!true)[^\n]*\n?"),
    TSV: re.compile(rb"(?!true)[^\n]*\n?"),
    TURTLE: _NO_STATEMENT,
    TRIG: _NO_STATEMENT,
    N_TRIPLES: _NO_STATEMENT,
    N_QUADS: _NO_STATEMENT,
    RDF_XML: re.compile(rb"(?:<\?xml[^>]*>)?\s*<rdf:RDF[^>]*(?:/>|>\s*</rdf:RDF>)\s*"),
    JSON_LD: re.compile(rb"\s*(?:\[\s*\]|\{\s*\})\s*"),
    JSON_LD_EXPANDED: re.compile(rb"\s*(?:\[\s*\]|\{\s*\})\s*"),
}


@dataclass(frozen=True)
class Hint:
    """What is to be said of one name of a text.

    ``code`` is :data:`UNKNOWN` for a name that stands nowhere in the dataset, :data:`UNKNOWN_FUNCTION` for one that is
    called and no function, :data:`NEEDS_INFERENCE` for one that only what follows has anything of, :data:`PASSED_OVER`
    for another endpoint that gave no answer to a SERVICE SILENT.
    ``suggestion`` is what was probably meant, written as the text would write it, empty if nothing is much like it;
    ``cause`` the code of what was passed over.
    """

    code: str
    name: Name
    suggestion: str = ""
    cause: str = ""

    def message(self, language: str) -> str:
        """Return the hint as sentences."""
        told = wording(f"hint.{self.code}", language, term=self.name.written, graph=ALL)
        if self.suggestion:
            told += " " + wording("suggestion.message", language, suggestion=self.suggestion)
        return told


@dataclass(frozen=True)
class _Standing:
    """Where a name stands: ``is_declared`` as a subject, ``is_there`` at all; whether it is stated of, or follows."""

    is_declared: bool
    is_there: bool
    is_stated: bool
    is_inferred: bool


@dataclass
class _Memory:
    """What was found out about names at one revision; ``plain`` texts have none that is to be remarked on."""

    standings: dict[str, _Standing] = field(default_factory=dict)
    plain: set[str] = field(default_factory=set)
    suggestions: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    terms: tuple[str, ...] | None = None


class Hints:
    """Looks names up in one store."""

    def __init__(self, store: Store) -> None:
        """Nothing is looked up yet."""
        self._store = store
        self._memories: AtRevision[_Memory] = AtRevision()

    def may_have(self, text: str, is_empty: bool) -> bool:
        """Tell, at once and without asking the store, whether :meth:`find` might find anything about a query.

        Unless ``is_empty``, a query's skeleton (:func:`kgraph.sparql.plain.skeleton_of`) serves as well as its text. Of
        functions :meth:`may_have_functions` tells.
        """
        memory = self._memory
        if not is_empty and text in memory.plain:
            return False
        iris = read_quickly(text)
        if iris is None:
            return True
        standings = memory.standings
        for iri in iris:
            if iri in _ALWAYS_THERE or (not is_empty and iri.startswith(RESOURCES)):
                continue
            known = standings.get(iri)
            if known is None or not known.is_there or (is_empty and _only_follows(known)):
                return True
        if not is_empty:
            if len(memory.plain) >= _MOST_OF_KIND:
                memory.plain.clear()
            memory.plain.add(text)
        return False

    def may_have_functions(self, text: str) -> bool:
        """Tell, at once, whether a text might call a function that nobody knows; no plain query does."""
        return may_call(text)

    def find(
        self, text: str, dataset: tuple[tuple[str, ...], tuple[str, ...]] | None, *, is_empty: bool, thorough: bool
    ) -> tuple[Hint, ...]:
        """Return what is to be said of a query's names, in their order, those of functions first.

        Of other names nothing is said if the store does not tell in time.

        ``dataset`` holds the graphs that it is asked of, from its text or its request. Single resources are looked up
        if ``thorough`` is true or the answer is empty; that something only follows is said of empty answers from the
        default graph alone.
        """
        functions = self._on_functions(text)
        try:
            names = _others(read_names(text), functions)
            written = {name.iri for name in names}
            graphs = () if dataset is None else dict.fromkeys((*dataset[0], *dataset[1]))
            names += [Name(graph, graph) for graph in graphs if is_own(graph) and graph not in written]
            wanted = [name for name in names if thorough or is_empty or not name.iri.startswith(RESOURCES)][:_MOST]
            standings = self._look_up([name.iri for name in wanted if name.iri not in _ALWAYS_THERE])
            on_names = self._hints(wanted, standings, is_empty and dataset is None)
            return (*functions, *islice(on_names, _MOST_HINTS - len(functions)))
        except KgraphError:
            # The answer counts, and must not be lost for want of a remark on it.
            return functions

    def find_in_update(self, text: str, added: Iterable[tuple[str, ...]]) -> tuple[Hint, ...]:
        """Return the functions that an update called and nobody knows, the terms and concepts that it wrote and nothing
        declares; ``added`` has what it added.
        """
        functions = self._on_functions(text, "Update")
        rows = list(added)
        used = {value for row in rows for value in row[1:3]}
        declared = {row[0] for row in rows}
        try:
            names = [
                name
                for name in _others(read_names(text, "Update"), functions)
                if name.iri.startswith((TERMS, SHAPES, CONCEPTS)) and f"<{name.iri}>" in used - declared
            ][:_MOST]
            standings = self._look_up([name.iri for name in names])
            unknown = [name for name in names if not standings[name.iri].is_declared]
            on_names = (Hint(UNKNOWN, name, write_like(self._suggest(name.iri), name)) for name in unknown)
            return (*functions, *islice(on_names, _MOST_HINTS - len(functions)))
        except KgraphError:
            return functions

    def term_like(self, word: str) -> str:
        """Return the term of ours, written with its prefix, that a word without one probably means; else nothing."""
        try:
            terms = self._terms()
        except KgraphError:
            return ""
        found = TERMS + word if TERMS + word in terms else nearest(TERMS + word, terms)
        return write_like(found, Name(TERMS, "ink:"))

    def _on_functions(self, text: str, start: str = "Query") -> tuple[Hint, ...]:
        is_known = self._store.has_function
        unknown = (name for name in read_functions(text, start) if not is_known(name.iri))
        return tuple(
            Hint(UNKNOWN_FUNCTION, name, suggest_function(name, is_known)) for name in islice(unknown, _MOST_HINTS)
        )

    @property
    def _memory(self) -> _Memory:
        return self._memories.get(_Memory, self._store.revision)

    def _hints(self, names: Iterable[Name], standings: Mapping[str, _Standing], with_inference: bool) -> Iterator[Hint]:
        for name in names:
            standing = standings.get(name.iri)
            if standing is None:
                continue
            if not standing.is_there:
                yield Hint(UNKNOWN, name, write_like(self._suggest(name.iri), name))
            elif with_inference and _only_follows(standing):
                yield Hint(NEEDS_INFERENCE, name)

    def _look_up(self, iris: list[str]) -> Mapping[str, _Standing]:
        # Other threads may empty what is remembered at any time.
        remembered = self._memory.standings
        known = {iri: standing for iri in iris if (standing := remembered.get(iri)) is not None}
        missing = [iri for iri in iris if iri not in known]
        if missing:
            found: dict[str, set[str]] = {iri: set() for iri in missing}
            for row in self._select(_question(missing)):
                found.setdefault(row["iri"].value, set()).add(row["how"].value)
            new = {
                iri: _Standing("declared" in ways, bool(ways), "stated" in ways, "inferred" in ways)
                for iri, ways in found.items()
            }
            if len(remembered) > _REMEMBERED:
                remembered.clear()
            remembered |= new
            known |= new
        return known

    def _suggest(self, iri: str) -> str:
        """Return the IRI that was probably meant, empty if there is none or if it cannot be found in time."""
        remembered = self._memory.suggestions
        suggestion = remembered.get(iri)
        if suggestion is None:
            try:
                suggestion = nearest(iri, self._candidates(iri))
            except KgraphError:
                return ""
            if len(remembered) > _REMEMBERED:
                remembered.clear()
            remembered[iri] = suggestion
        return suggestion

    def _candidates(self, iri: str) -> Iterable[str]:
        if iri.startswith(GRAPHS):
            return (*self._store.graphs(), *_ALWAYS_THERE)
        if iri.startswith(RESOURCES):
            return self._of_kind(split_iri(iri)[0])
        return self._terms()

    def _of_kind(self, kind: str) -> tuple[str, ...]:
        """Return the resources whose addresses begin alike, none where they are too many to be mistaken by name."""
        kinds = self._memory.kinds
        if kind not in kinds:
            same_kind = f'?iri a ?class FILTER(STRSTARTS(STR(?iri), "{kind}"))'
            query = f"SELECT DISTINCT ?iri WHERE {{ {same_kind} }} LIMIT {_MOST_OF_KIND + 1}"
            found = tuple(row["iri"].value for row in self._select(query))
            if len(kinds) > _MOST:
                kinds.clear()
            kinds[kind] = found if len(found) <= _MOST_OF_KIND else ()
        return kinds.get(kind, ())

    def _terms(self) -> tuple[str, ...]:
        memory = self._memory
        if memory.terms is None:
            graphs = " UNION ".join(f"{{ GRAPH <{graph}> {{ ?iri a ?class }} }}" for graph in _TERM_GRAPHS)
            ours = f'FILTER(STRSTARTS(STR(?iri), "{BASE}"))'
            rows = self._select(f"SELECT DISTINCT ?iri WHERE {{ {graphs} {ours} }}")
            memory.terms = tuple(sorted(row["iri"].value for row in rows))
        return memory.terms

    def _select(self, text: str) -> tuple[Row, ...]:
        return read_table(self._store.query(Query(text, timeout=_TIMEOUT), JSON_RESULTS).read()).rows


def says_nothing(text: str, body: bytes, format: Format) -> bool:
    """Tell whether an answer to a query has no row, no statement, false, or a count of 0."""
    if len(body) > _SHORT:
        return False
    if format in _NOTHING and _NOTHING[format].fullmatch(body):
        return True
    return is_aggregate(text) and _NOTHING_COUNTED.search(body) is not None


def is_aggregate(text: str) -> bool:
    """Tell whether a query counts, adds up or the like."""
    return "(" in text and _AGGREGATE.search(text) is not None


def _others(names: Iterable[Name], functions: Iterable[Hint]) -> list[Name]:
    """Return the names of which nothing is said yet."""
    told = {hint.name.iri for hint in functions}
    return [name for name in names if name.iri not in told]


def _only_follows(standing: _Standing) -> bool:
    return standing.is_inferred and not standing.is_stated


def _question(iris: Iterable[str]) -> str:
    """Return a query that has a row for each way in which a name stands in the dataset."""
    values = f"VALUES ?iri {{ {' '.join(f'<{iri}>' for iri in iris)} }}"
    parts = (
        f'{{ {values} FILTER EXISTS {{ {pattern} }} BIND("{way}" AS ?how) }}'
        for way, patterns in _WAYS.items()
        for pattern in patterns
    )
    return f"SELECT ?iri ?how WHERE {{ {' UNION '.join(parts)} }}"
