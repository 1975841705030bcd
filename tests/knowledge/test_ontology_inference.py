"""What follows from the ontology on small data, and what must not, by an outside engine and by our own rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import owlrl
import pytest
from pyoxigraph import RdfFormat, Store
from rdflib import RDF, Graph, URIRef

from kgraph.inference import compile_rules, infer
from kgraph.vocabulary import PREFIXES, RESOURCES, TERMS

ROOT = Path(__file__).resolve().parents[2] / "ontology"
WORLD = Path(__file__).resolve().parents[1] / "worlds" / "gold"
CORE = (ROOT / "kgraph.ttl", *sorted((ROOT / "modules").glob("*.ttl")))
HEADER = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
GOLD = (WORLD / "data.ttl").read_text(encoding="utf-8")
FOLLOWS = (WORLD / "follows.ttl").read_text(encoding="utf-8")
DOES_NOT_FOLLOW = (WORLD / "does-not-follow.ttl").read_text(encoding="utf-8")


def outside_engine() -> Graph:
    """The closure by owlrl, which follows the W3C's rule set."""
    graph = Graph().parse(data=HEADER + GOLD, format="turtle")
    for path in CORE:
        graph.parse(path)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    return graph


def own_rules() -> Graph:
    """The closure by the rules compiled from the ontology."""
    axioms, data = Store(), Store()
    for path in CORE:
        axioms.load(input=path.read_bytes(), format=RdfFormat.TURTLE)
    data.load(input=(HEADER + GOLD).encode(), format=RdfFormat.TURTLE)
    inferred = infer(data, compile_rules(axioms)).triples
    graph = Graph().parse(data=HEADER + GOLD, format="turtle")
    graph.parse(data="".join(f"{t} .\n" for t in inferred), format="nt")
    return graph


ENGINES: dict[str, Callable[[], Graph]] = {"owlrl": outside_engine, "own rules": own_rules}


@cache
def closure(engine: str) -> Graph:
    """The closure of the gold data by one of the engines."""
    return ENGINES[engine]()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_should_follow_is_inferred(engine: str) -> None:
    """Places, groups, goals, claims and studies: every expected statement is there."""
    expected = set(Graph().parse(data=HEADER + FOLLOWS, format="turtle"))
    assert len(expected) > 60
    assert expected - set(closure(engine)) == set()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_should_not_follow_is_not_inferred(engine: str) -> None:
    """Nothing runs backwards, leaks to a neighbour or is decided by silence."""
    forbidden = set(Graph().parse(data=HEADER + DOES_NOT_FOLLOW, format="turtle"))
    assert forbidden & set(closure(engine)) == set()


def test_the_two_engines_agree_on_every_resource() -> None:
    """On the things of the gold data, both infer the same statements with our terms."""

    def about_resources(graph: Graph) -> set[tuple[str, str, str]]:
        return {
            (str(s), str(p), str(o))
            for s, p, o in graph
            if str(s).startswith(RESOURCES)
            and (str(p).startswith(TERMS) or (p == RDF.type and str(o).startswith(TERMS)))
            and isinstance(o, URIRef)
        }

    assert about_resources(closure("owlrl")) == about_resources(closure("own rules"))
