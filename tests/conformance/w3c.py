"""The W3C's manifests of tests, and results as they are compared.

A manifest names tests and the files that belong to them. A file's name is its address below :data:`BASE`, so that
relative IRIs in data, queries and results mean the same.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import pyoxigraph as ox

BASE = "https://w3c.example/tests/"
MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
QT = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
UT = "http://www.w3.org/2009/sparql/tests/test-update#"
DAWGT = "http://www.w3.org/2001/sw/DataAccess/tests/test-dawg#"
RDFT = "http://www.w3.org/ns/rdftest#"
RS = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
LABEL = ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#label")
REGIME = ox.NamedNode("http://www.w3.org/ns/sparql-service-description#entailmentRegime")
_TYPE, _FIRST, _REST = (ox.NamedNode(RDF + name) for name in ("type", "first", "rest"))
_NOT_IN_FORCE = {f"{DAWGT}{name}" for name in ("Withdrawn", "NotApproved", "Rejected", "Obsoleted")}
_ROWS = "https://w3c.example/rows#"
_TURTLE_TESTS = "http://www.w3.org/2013/TurtleTests/"
_FORMATS = {
    ".ttl": ox.RdfFormat.TURTLE,
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".rdf": ox.RdfFormat.RDF_XML,
    ".nq": ox.RdfFormat.N_QUADS,
    ".trig": ox.RdfFormat.TRIG,
}
_RESULTS = {".srx": ox.QueryResultsFormat.XML, ".srj": ox.QueryResultsFormat.JSON, ".tsv": ox.QueryResultsFormat.TSV}
MEDIA_TYPES = {
    ".ttl": "text/turtle",
    ".nt": "application/n-triples",
    ".rdf": "application/rdf+xml",
    ".srx": "application/sparql-results+xml",
    ".srj": "application/sparql-results+json",
    ".tsv": "text/tab-separated-values",
    ".csv": "text/csv",
}

Row = Mapping[str, object]


@dataclass(frozen=True)
class Files:
    """What a store holds: files of its default graph, and pairs of a graph's name and a file."""

    default: tuple[Path, ...] = ()
    named: tuple[tuple[str, Path], ...] = ()


@dataclass(frozen=True)
class W3cTest:
    """One entry of a manifest.

    ``text`` is the file of the query, update or graph; ``before`` what the store is to hold, ``after`` what it holds
    after an update; ``result`` the file of the answer. ``has_regime`` tells that an entailment regime is asked for.
    """

    name: str
    kind: str
    text: Path | None = None
    before: Files = Files()
    after: Files = Files()
    result: Path | None = None
    base: str = ""
    has_regime: bool = False
    is_lax: bool = False


def read_tests(root: Path) -> list[W3cTest]:
    """Return the tests that are in force of every ``manifest.ttl`` below a folder, each named by folder and entry."""
    return [test for path in sorted(root.rglob("manifest.ttl")) for test in _Manifest(root, path).tests()]


def address_of(root: Path, path: Path) -> str:
    """Return the address that a file stands for."""
    return BASE + quote(path.relative_to(root).as_posix())


class _Manifest:
    def __init__(self, root: Path, path: Path) -> None:
        self._root, self._path = root, path
        self._store = ox.Store()
        self._store.load(path=str(path), format=ox.RdfFormat.TURTLE, base_iri=address_of(root, path))

    def tests(self) -> Iterator[W3cTest]:
        for entries in self._store.quads_for_pattern(None, ox.NamedNode(MF + "entries"), None):
            for entry in self._items(entries.object):
                approvals = {node.value for node in self._all(entry, DAWGT + "approval", RDFT + "approval")}
                if not approvals & _NOT_IN_FORCE and not any(name.endswith("Rejected") for name in approvals):
                    yield self._test(entry)

    def _test(self, entry: ox.NamedNode) -> W3cTest:
        kinds = [kind.value for kind in self._all(entry, _TYPE.value) if kind.value.startswith((MF, RDFT))]
        name = f"{self._path.parent.name}/{re.split('[#/]', entry.value)[-1]}"
        action, result = (self._one(entry, MF + part) for part in ("action", "result"))
        kind = re.split("[#/]", kinds[0])[-1] if kinds else ""
        base = next((node.value for node in self._all(entry, MF + "assumedTestBase")), _TURTLE_TESTS)
        is_lax = any(node.value.endswith("LaxCardinality") for node in self._all(entry, MF + "resultCardinality"))
        if action is None:
            return W3cTest(name, kind)
        if isinstance(action, ox.NamedNode):
            return W3cTest(name, kind, self._file(action), result=self._file(result), base=base)
        text = self._one(action, QT + "query") or self._one(action, UT + "request")
        has_regime = bool(self._all(action, REGIME.value))
        after = self._files(result) if result is not None and not isinstance(result, ox.NamedNode) else Files()
        return W3cTest(
            name, kind, self._file(text), self._files(action), after, self._file(result), base, has_regime, is_lax
        )

    def _files(self, node: ox.NamedNode | ox.BlankNode) -> Files:
        default = tuple(self._file(file) for file in self._all(node, QT + "data", UT + "data"))
        named: list[tuple[str, Path]] = []
        for graph in self._all(node, QT + "graphData", UT + "graphData"):
            file = self._one(graph, UT + "graph") or self._one(graph, QT + "graph") or graph
            label = next((o.value for o in self._all(graph, LABEL.value)), file.value)
            named.append((label, self._file(file)))
        return Files(tuple(filter(None, default)), tuple(named))

    def _file(self, node: object) -> Path | None:
        if not isinstance(node, ox.NamedNode) or not node.value.startswith(BASE):
            return None
        return self._root / unquote(node.value.removeprefix(BASE))

    def _all(self, node: object, *properties: str) -> list:
        if not isinstance(node, ox.NamedNode | ox.BlankNode):
            return []
        found = [self._store.quads_for_pattern(node, ox.NamedNode(name), None) for name in properties]
        return [quad.object for quads in found for quad in quads]

    def _one(self, node: object, name: str) -> object:
        return next(iter(self._all(node, name)), None)

    def _items(self, node: object) -> Iterator[ox.NamedNode]:
        while items := self._all(node, _FIRST.value):
            yield items[0]
            node = self._one(node, _REST.value)


def read_graph(root: Path, path: Path, base: str = "") -> list[ox.Triple]:
    """Return the statements of a file."""
    found = ox.parse(path=str(path), format=_FORMATS[path.suffix], base_iri=base or address_of(root, path))
    return [quad.triple for quad in found]


def canonical(quads: Iterable[ox.Quad]) -> set[str]:
    """Return statements as the engine keeps them (values, not how they were written), with blank nodes named alike."""
    store = ox.Store()
    store.extend(quads)
    dataset = ox.Dataset(store)
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    return {str(quad) for quad in dataset}


def dataset_of(root: Path, files: Files) -> set[str]:
    """Return the dataset that files are. Blank nodes of two files are never one."""
    quads: list[ox.Quad] = []
    graphs = [(ox.DefaultGraph(), path) for path in files.default]
    graphs += [(ox.NamedNode(name), path) for name, path in files.named]
    for number, (graph, path) in enumerate(graphs):
        for triple in read_graph(root, path):
            ends = (_apart(triple.subject, number), triple.predicate, _apart(triple.object, number))
            quads.append(ox.Quad(*ends, graph))
    return canonical(quads)


def _apart(term: object, number: int) -> object:
    return ox.BlankNode(f"f{number}{term.value}") if isinstance(term, ox.BlankNode) else term


def _kept(term: object) -> object:
    """Return a term as the engine keeps it."""
    store = ox.Store()
    store.add(ox.Quad(ox.BlankNode(), _TYPE, term))
    return next(iter(store)).object


@dataclass(frozen=True)
class Answer:
    """The answer to a query: a truth value, rows (in order if ``is_ordered``), or statements."""

    boolean: bool | None = None
    rows: Sequence[Row] | None = None
    triples: Sequence[ox.Triple] | None = None
    is_ordered: bool = False

    def comparable(self, ordered: bool, distinct: bool = False) -> object:
        """Return what two equal answers have in common: equal terms by value, blank nodes by what they stand for."""
        if self.rows is None:
            return self.boolean if self.triples is None else canonical(ox.Quad(*triple) for triple in self.triples)
        return canonical(_row_statements(self.rows, ordered, distinct))


def _row_statements(rows: Sequence[Row], ordered: bool, distinct: bool) -> Iterator[ox.Quad]:
    """Give each row a node of its own, equal ones one node that tells their number, so that graphs can be compared."""
    numbers: dict[tuple[tuple[str, str], ...], list[int]] = {}
    rows = [{name: _kept(term) for name, term in row.items()} for row in rows]
    for number, row in enumerate(rows):
        numbers.setdefault(tuple(sorted((name, str(term)) for name, term in row.items())), []).append(number)
    for places in numbers.values():
        node = ox.BlankNode()
        told = [len(places)] if not ordered else places
        for number in told if not distinct else [1]:
            yield ox.Quad(node, ox.NamedNode(_ROWS + "-number"), ox.Literal(str(number)))
        for name, term in rows[places[0]].items():
            yield ox.Quad(node, ox.NamedNode(_ROWS + name), term)


def read_answer(content: bytes, suffix: str) -> Answer:
    """Return an answer in one of the formats of results, or of graphs."""
    if suffix in _FORMATS:
        return Answer(triples=[quad.triple for quad in ox.parse(content, format=_FORMATS[suffix])])
    found = ox.parse_query_results(io.BytesIO(content), format=_RESULTS[suffix])
    if isinstance(found, ox.QueryBoolean):
        return Answer(bool(found))
    names = [variable.value for variable in found.variables]
    return Answer(rows=[{name: row[name] for name in names if row[name] is not None} for row in found])


def expected_answer(root: Path, path: Path) -> Answer:
    """Return the answer that a file holds: in a format of results, as a result set in RDF, or a graph."""
    if path.suffix in _RESULTS:
        return read_answer(_plain_xml(path), path.suffix)
    triples = read_graph(root, path)
    return _result_set(triples) or Answer(triples=triples)


def _plain_xml(path: Path) -> bytes:
    """Return results without the processing instructions and the white space that some files have."""
    if path.suffix != ".srx":
        return path.read_bytes()
    tree = ElementTree.fromstring(path.read_bytes())
    for element in tree.iter():
        is_value = element.tag.rpartition("}")[2] in ("uri", "literal", "bnode")
        element.text = element.text if is_value else (element.text or "").strip()
    return ElementTree.tostring(tree)


def _result_set(triples: Sequence[ox.Triple]) -> Answer | None:
    """Return the answer that statements of the vocabulary of result sets describe, ``None`` if they do not."""
    by_subject: dict[object, dict[str, list]] = {}
    for triple in triples:
        values = by_subject.setdefault(triple.subject, {})
        values.setdefault(triple.predicate.value.removeprefix(RS), []).append(triple.object)
    sets = [node for node in by_subject.values() if any(o.value == RS + "ResultSet" for o in node.get(_TYPE.value, ()))]
    if not sets:
        return None
    told = sets[0]
    if "boolean" in told:
        return Answer(told["boolean"][0].value == "true")
    solutions = [by_subject[node] for node in told.get("solution", ())]
    is_ordered = bool(solutions) and all("index" in solution for solution in solutions)
    if is_ordered:
        solutions.sort(key=lambda solution: int(solution["index"][0].value))
    rows = []
    for solution in solutions:
        bindings = [by_subject[node] for node in solution.get("binding", ())]
        rows.append({binding["variable"][0].value: binding["value"][0] for binding in bindings})
    return Answer(rows=rows, is_ordered=is_ordered)
