"""Fixtures: ways to ask the competency questions and the other queries, of a small world and of the packaged graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib
from rdflib.query import ResultRow
from rdflib.term import Identifier

from kgraph.dataset import load_dataset
from kgraph.formats import JSON_RESULTS
from kgraph.inference import compile_rules, infer
from kgraph.query_library import LibraryQuery, load_query
from kgraph.sparql.text import read_query_text
from kgraph.store.base import INFERRED, Query, Term, read_table
from kgraph.store.embedded import EmbeddedStore, open_store
from kgraph.vocabulary import GRAPHS, PREFIXES

ROOT = Path(__file__).resolve().parents[2]
WORLD = ROOT / "tests" / "worlds" / "competency"
QUERIES = {
    path.stem: load_query(path)
    for folder in ("competency", "examples", "rules")
    for path in sorted((ROOT / "queries" / folder).glob("*.rq"))
}
"""The competency questions, the examples and the rules, by name."""

NUMBERS = tuple(PREFIXES["xsd"] + name for name in ("integer", "decimal", "double"))

Row = tuple[str | None, ...]
Ask = Callable[[str, Mapping[str, str], str], list[Row]]
"""Asks a query by name, with the values of its parameters and the columns wanted, parted by spaces."""


def _load_world(files: Iterable[Path]) -> ox.Store:
    """Return the core ontology and files of data in named graphs, with what follows in ``graph/inferred``."""
    engine, core = ox.Store(), ox.Store()
    ontology = ox.NamedNode(GRAPHS + "ontology")
    for path in (ROOT / "ontology/kgraph.ttl", *sorted((ROOT / "ontology/modules").glob("*.ttl"))):
        engine.load(path=str(path), format=ox.RdfFormat.TURTLE, to_graph=ontology)
        core.load(path=str(path), format=ox.RdfFormat.TURTLE)
    for path in files:
        engine.load(path=str(path), format=ox.RdfFormat.TURTLE, to_graph=ox.NamedNode(GRAPHS + "report"))
    inferred = infer(engine, compile_rules(core)).triples
    engine.extend(ox.Quad(t.subject, t.predicate, t.object, ox.NamedNode(INFERRED)) for t in inferred)
    return engine


@pytest.fixture(scope="session")
def ask_small_world() -> Ask:
    """Asks the small world of ``tests/worlds/competency``."""
    store = EmbeddedStore(_load_world(sorted(WORLD.glob("*.ttl"))), datetime(2026, 1, 1, tzinfo=UTC))
    return lambda name, values, columns: _ask(store, QUERIES[name], values, columns.split())


@pytest.fixture(scope="session")
def ask_real_graph() -> Ask:
    """Asks the packaged graph as it is served."""
    store = open_store(load_dataset(ROOT))
    return lambda name, values, columns: _ask(store, QUERIES[name], values, columns.split())


@pytest.fixture(scope="session")
def ask_rdflib() -> Ask:
    """Asks the small world by rdflib."""
    return lambda name, values, columns: _ask_rdflib(QUERIES[name], values, columns.split())


def _ask(store: EmbeddedStore, query: LibraryQuery, values: Mapping[str, str], columns: list[str]) -> list[Row]:
    """Return the rows of an answer in order: the given columns, or all but the language and the parameters."""
    read = read_query_text(query.text)
    named = read.default_graphs is not None or read.named_graphs is not None
    dataset = (read.default_graphs or (), read.named_graphs or ()) if named else None
    given = {"language": "en"} if "language" in query.example_values() else {}
    table = read_table(store.query(Query(query.text, dataset, query.bind(given | dict(values))), JSON_RESULTS).read())
    hidden = set(query.example_values())
    chosen = columns or [name for name in table.variables if name not in hidden]
    return [tuple(_plain(row.get(name)) for name in chosen) for row in table.rows]


@cache
def _rdflib_graph(with_inferred: bool) -> rdflib.Graph:
    graph = rdflib.Graph()
    for quad in _load_world(sorted(WORLD.glob("*.ttl"))):
        if with_inferred or quad.graph_name != ox.NamedNode(INFERRED):
            graph.parse(data=f"{quad.subject} {quad.predicate} {quad.object} .", format="nt")
    return graph


def _ask_rdflib(query: LibraryQuery, values: Mapping[str, str], columns: list[str]) -> list[Row]:
    """Return what rdflib answers of the small world; FROM is carried out by the choice of graph."""
    text = re.sub(r"(?m)^FROM <.*\n", "", query.text)
    given = {"language": "en"} if "language" in query.example_values() else {}
    terms = {name: _rdflib_term(term) for name, term in query.bind(given | dict(values)).items()}
    hidden = set(query.example_values())
    result = _rdflib_graph(text != query.text).query(text, initBindings=terms)
    chosen = columns or [str(name) for name in result.vars or () if str(name) not in hidden]
    rows: list[Row] = []
    for row in result:
        assert isinstance(row, ResultRow)
        found = row.asdict()
        rows.append(tuple(_plain_rdflib(found.get(name)) for name in chosen))
    return rows


def _rdflib_term(term: str) -> Identifier:
    found = rdflib.util.from_n3(term)
    assert isinstance(found, Identifier)
    return found


def _short(iri: str) -> str:
    """Return an IRI with the longest of kgraph's prefixes that fits."""
    fitting = [(namespace, prefix) for prefix, namespace in PREFIXES.items() if iri.startswith(namespace)]
    return f"{max(fitting)[1]}:{iri[len(max(fitting)[0]) :]}" if fitting else iri


def _plain(term: Term | None) -> str | None:
    if term is None:
        return None
    if term.kind == "uri":
        return _short(term.value)
    return _number(term.value) if term.datatype in NUMBERS else term.value


def _plain_rdflib(term: object) -> str | None:
    if term is None:
        return None
    if isinstance(term, rdflib.URIRef):
        return _short(str(term))
    number = isinstance(term, rdflib.Literal) and str(term.datatype) in NUMBERS
    return _number(str(term)) if number else str(term)


def _number(lexical: str) -> str:
    return format(round(Decimal(lexical), 6).normalize(), "f")
