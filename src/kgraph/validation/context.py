"""The graph the checked files stand in: ontology and packaged data, one named graph for each file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

import pyoxigraph as ox

from kgraph.dataset import DataFile, iter_files
from kgraph.turtle import Term
from kgraph.validation.records import RDF_TYPE, Records
from kgraph.vocabulary import GRAPHS, PREFIXES

SUBCLASS_OF = f"<{PREFIXES['rdfs']}subClassOf>"
_APART = (GRAPHS + "shapes", GRAPHS + "alignments")
_TYPE = ox.NamedNode(PREFIXES["rdf"] + "type")
_NT = ox.RdfFormat.N_TRIPLES


def node(term: Term) -> ox.NamedNode:
    """Return an IRI in N-Triples syntax as the engine's term."""
    return ox.NamedNode(term[1:-1])


class Context:
    """The packaged graph without what the checked files replace, and then with the checked files.

    A packaged file is replaced by a checked file of the same path, or by one of the same name that
    describes a resource of it, or by one that describes most of its resources.
    """

    def __init__(self, home: Path, records: Records) -> None:
        """Load the packaged files of ``home`` and put the checked files in the place of theirs."""
        self.store = ox.Store()
        self.home = home
        self.replaced: set[Term] = set()
        self._files: dict[str, DataFile] = {}
        for file in iter_files(home):
            if file.graph not in _APART:
                self._load(file)
        for path, subjects in records.typed.items():
            for packaged in list(self._files.values()):
                if packaged.graph != GRAPHS + "ontology" and self._is_replaced(packaged, path, subjects):
                    self._remove(packaged)
        self.packaged_facts = self._facts_of(records.subjects)
        self.referrers = self._referrers(records)
        for path in records.documents:
            self.store.load("".join(records.lines(path)).encode(), format=_NT, to_graph=_graph_name(path))
        self.removed = {subject for subject in self.replaced if not self.describes(subject)}

    def _load(self, file: DataFile) -> None:
        name = _graph_name(file.path)
        try:
            self.store.load(path=str(file.path), format=ox.RdfFormat.TURTLE, to_graph=name)
        except (SyntaxError, OSError):
            lines = (f"{t.subject} {t.predicate} {t.object} .\n" for t in file.document.triples)
            self.store.load("".join(lines).encode(), format=_NT, to_graph=name, lenient=True)
        self._files[name.value] = file

    def _typed(self, file: DataFile) -> set[Term]:
        quads = self.store.quads_for_pattern(None, _TYPE, None, _graph_name(file.path))
        return {str(quad.subject) for quad in quads}

    def _is_replaced(self, packaged: DataFile, path: Path, subjects: set[Term]) -> bool:
        if packaged.path.resolve() == path.resolve():
            return True
        shared = subjects & (described := self._typed(packaged))
        return bool(shared) and (packaged.path.name == path.name or 2 * len(shared) > len(described))

    def _remove(self, packaged: DataFile) -> None:
        name = _graph_name(packaged.path)
        self.replaced |= self._typed(packaged)
        self.store.remove_graph(name)
        del self._files[name.value]

    def _facts_of(self, subjects: Iterable[Term]) -> list[str]:
        return [line for subject in subjects if subject.startswith("<") for line in self._lines(subject)]

    def _lines(self, subject: Term) -> Iterator[str]:
        for quad in self.store.quads_for_pattern(node(subject), None, None, None):
            yield f"{quad.subject} {quad.predicate} {quad.object} .\n"

    def _referrers(self, records: Records) -> set[Term]:
        changed = self.replaced | set(records.subjects)
        found: set[Term] = set()
        for term in self.replaced:
            quads = self.store.quads_for_pattern(None, None, node(term), None) if term.startswith("<") else ()
            found.update(str(quad.subject) for quad in quads)
        return found - changed

    def describes(self, term: Term) -> bool:
        """Tell whether anything is stated of a resource."""
        if not term.startswith("<"):
            return True
        return next(self.store.quads_for_pattern(node(term), None, None, None), None) is not None

    def types(self, term: Term) -> list[Term]:
        """Return the classes a resource is said to belong to."""
        if not term.startswith("<"):
            return []
        return [str(quad.object) for quad in self.store.quads_for_pattern(node(term), _TYPE, None, None)]

    def with_superclasses(self, classes: Iterable[Term]) -> set[Term]:
        """Return classes with all that lie above them in the ontology."""
        above: dict[Term, list[Term]] = defaultdict(list)
        for lower, upper in self._subclasses:
            above[lower].append(upper)
        reached: set[Term] = set()
        waiting = list(classes)
        while waiting:
            term = waiting.pop()
            if term not in reached:
                reached.add(term)
                waiting += above[term]
        return reached

    @cached_property
    def _subclasses(self) -> list[tuple[Term, Term]]:
        """Return the pairs of named class and named superclass of the ontology."""
        predicate = node(SUBCLASS_OF)
        pairs = ((str(q.subject), str(q.object)) for q in self.store.quads_for_pattern(None, predicate, None, None))
        return [(lower, upper) for lower, upper in pairs if lower.startswith("<") and upper.startswith("<")]

    @cached_property
    def declared(self) -> set[Term]:
        """Return every term the ontology declares."""
        ontology = [name for name, file in self._files.items() if file.graph == GRAPHS + "ontology"]
        found: set[Term] = set()
        for name in ontology:
            quads = self.store.quads_for_pattern(None, _TYPE, None, ox.NamedNode(name))
            found.update(str(quad.subject) for quad in quads if isinstance(quad.subject, ox.NamedNode))
        return found

    def data_graph(self, records: Records) -> tuple[str, set[Term]]:
        """Return what the shapes need, as N-Triples, and the resources they are to be checked on.

        The shapes look at a resource's own statements and at the classes of the values (a test holds
        them to that), so the neighbourhood is: the checked statements, what the packaged graph adds
        on the same resources, resources that refer to a replaced one, the classes of all values, and
        the subclass axioms on these classes.
        """
        lines = [line for path in records.triples for line in records.lines(path)]
        lines += self.packaged_facts
        lines += self._facts_of(self.referrers)
        values = {term for line in lines for term in _iri_values(line)}
        lines += [f"{value} {RDF_TYPE} {found} .\n" for value in values for found in self.types(value)]
        kinds = {value for line in lines if f" {RDF_TYPE} " in line for value in _iri_values(line)}
        classes = self.with_superclasses(kinds)
        lines += [f"{lower} {SUBCLASS_OF} {upper} .\n" for lower, upper in self._subclasses if lower in classes]
        return "".join(dict.fromkeys(lines)), set(records.subjects) | self.referrers

    def packaged_place(self, subject: Term, predicate: Term | None, value: Term | None) -> tuple[str, int | None]:
        """Return file (relative to the home) and line of a statement of the packaged graph."""
        quad = next(self.store.quads_for_pattern(node(subject), None, None, None), None)
        name = quad.graph_name.value if quad and isinstance(quad.graph_name, ox.NamedNode) else ""
        file = self._files.get(name)
        if file is None:
            return str(self.home), None
        line: int | None = None
        for triple in file.document.triples:
            if triple.subject == subject:
                line = line or triple.subject_line
                if triple.predicate == predicate and triple.object == value:
                    line = triple.line
        return _shown(file.path, self.home), line

    def select(self, query: str) -> Iterator[Mapping[str, Term]]:
        """Yield the rows of a SELECT query over the union of all graphs."""
        solutions = self.store.query(query, use_default_graph_as_union=True)
        if not isinstance(solutions, ox.QuerySolutions):
            raise TypeError("a check query is a SELECT query")
        names = [variable.value for variable in solutions.variables]
        for solution in solutions:
            yield {name: str(solution[name]) for name in names if solution[name] is not None}


def _graph_name(path: Path) -> ox.NamedNode:
    return ox.NamedNode(path.resolve().as_uri())


def _shown(path: Path, home: Path) -> str:
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def _iri_values(line: str) -> Iterator[Term]:
    value = line.rstrip(" .\n").split(" ", 2)[2]
    if value.startswith("<"):
        yield value
