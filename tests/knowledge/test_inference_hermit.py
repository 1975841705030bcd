"""The rules against a description-logic reasoner: what HermiT entails on the gold data, and nothing it does not."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, Store
from rdflib import OWL, RDF, BNode, Graph, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from kgraph.inference import compile_rules, infer
from kgraph.reasoning import check_statements, find_java
from kgraph.vocabulary import PREFIXES, RESOURCES, TERMS

ROOT = Path(__file__).resolve().parents[2]
CORE = (ROOT / "ontology/kgraph.ttl", *sorted((ROOT / "ontology/modules").glob("*.ttl")))
WORLD = ROOT / "tests" / "worlds" / "gold"
HEADER = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
PROBES = "https://w3id.org/inkludering/probe/"

needs_java = pytest.mark.skipif(find_java() is None, reason="HermiT needs Java, and none is found")


def _probe(graph: Graph, name: URIRef, statement: tuple[Node, Node, Node]) -> None:
    """Add a class of the things that are the subject without the statement: empty exactly if it is entailed."""
    subject, predicate, value = statement
    one, without, denied, members = BNode(), BNode(), BNode(), BNode()
    graph.add((one, RDF.type, OWL.Class))
    Collection(graph, nominal := BNode(), [subject])
    graph.add((one, OWL.oneOf, nominal))
    if predicate == RDF.type:
        held: Node = value
    else:
        held = denied
        graph.add((denied, RDF.type, OWL.Restriction))
        graph.add((denied, OWL.onProperty, predicate))
        graph.add((denied, OWL.hasValue, value))
    graph.add((without, RDF.type, OWL.Class))
    graph.add((without, OWL.complementOf, held))
    Collection(graph, members, [one, without])
    graph.add((name, RDF.type, OWL.Class))
    graph.add((name, OWL.equivalentClass, both := BNode()))
    graph.add((both, RDF.type, OWL.Class))
    graph.add((both, OWL.intersectionOf, members))


def _entailed(statements: set[tuple[Node, Node, Node]]) -> set[tuple[Node, Node, Node]]:
    """Return those of ``statements`` that HermiT entails from the core of the ontology and the gold data."""
    graph = _load("data")
    for path in CORE:
        graph.parse(path)
    numbers = count()
    probes = {URIRef(f"{PROBES}P{next(numbers)}"): statement for statement in sorted(statements)}
    for name, statement in probes.items():
        _probe(graph, name, statement)
    result = check_statements(((s.n3(), p.n3(), o.n3()) for s, p, o in graph), find_unsatisfiable=True)
    assert result.checked, result.detail
    assert result.consistent
    empty = {URIRef(name.strip("<>")) for name in result.unsatisfiable}
    assert empty <= probes.keys()
    return {probes[name] for name in empty}


def _load(name: str) -> Graph:
    return Graph().parse(data=HEADER + (WORLD / f"{name}.ttl").read_text(encoding="utf-8"), format="turtle")


def _inferred() -> set[tuple[Node, Node, Node]]:
    """Return what the rules add about the resources of the gold data in the ontology's terms."""
    axioms, data = Store(), Store()
    for path in CORE:
        axioms.load(input=path.read_bytes(), format=RdfFormat.TURTLE)
    data.load(input=_load("data").serialize(format="nt").encode(), format=RdfFormat.N_TRIPLES)
    triples = infer(data, compile_rules(axioms)).triples
    graph = Graph().parse(data="".join(f"{triple} .\n" for triple in triples), format="nt")
    return {
        (s, p, o)
        for s, p, o in graph
        if str(s).startswith(RESOURCES) and (str(p).startswith(TERMS) or str(o).startswith(TERMS))
    }


@needs_java
def test_hermit_entails_what_the_rules_infer_and_not_what_they_must_not() -> None:
    """Each statement the rules add to the gold data is entailed, and no forbidden one is."""
    ours, expected, forbidden = _inferred(), set(_load("follows")), set(_load("does-not-follow"))
    assert len(ours) > 100
    assert _entailed(ours | expected | forbidden) == ours | expected
