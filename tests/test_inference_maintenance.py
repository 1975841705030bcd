"""What follows stays true while the data change: kept step by step, it equals the closure computed anew."""

from __future__ import annotations

import random
from pathlib import Path

import pyoxigraph as ox
import pytest

from kgraph.dataset import load_dataset
from kgraph.inference import Maintenance, infer
from kgraph.store.base import ASSERTED, INFERRED
from kgraph.store.loading import load_graphs

ASSERTED_GRAPH, INFERRED_GRAPH = ox.NamedNode(ASSERTED), ox.NamedNode(INFERRED)
EXAMPLE = "https://example.org/"


class World:
    """A store with asserted and inferred statements, and the rules that lead from one to the other."""

    def __init__(self, home: Path) -> None:
        graphs = load_graphs(load_dataset(home))
        self.rules = graphs.rules
        self.maintenance = Maintenance(self.rules)
        self.engine = ox.Store()
        self.engine.extend(ox.Quad(q.subject, q.predicate, q.object, ASSERTED_GRAPH) for q in graphs.asserted)
        self.engine.extend(ox.Quad(t.subject, t.predicate, t.object, INFERRED_GRAPH) for t in graphs.inference.triples)

    def change(self, removed: list[ox.Quad], added: list[ox.Quad]) -> tuple[list[ox.Triple], list[ox.Triple]]:
        """Change what is asserted and let the inferred statements follow."""
        for quad in removed:
            self.engine.remove(quad)
        self.engine.extend(added)
        return self.maintenance.derive(self.engine, ASSERTED_GRAPH, INFERRED_GRAPH, removed, added)

    def asserted(self) -> list[ox.Quad]:
        """Return what is asserted, in a fixed order."""
        return sorted(self.engine.quads_for_pattern(None, None, None, ASSERTED_GRAPH), key=str)

    def assert_current(self) -> None:
        """See that what is inferred is just what follows."""
        kept = {quad.triple for quad in self.engine.quads_for_pattern(None, None, None, INFERRED_GRAPH)}
        assert kept == set(infer(self.asserted(), self.rules).triples)


@pytest.fixture(scope="module")
def world(home: Path) -> World:
    """The packaged graph."""
    return World(home)


def quad(subject: str, predicate: ox.NamedNode, value: ox.NamedNode | ox.Literal) -> ox.Quad:
    """Return an asserted statement about a resource of the example."""
    return ox.Quad(ox.NamedNode(EXAMPLE + subject), predicate, value, ASSERTED_GRAPH)


def test_statements_that_come_bring_what_follows_from_them(world: World) -> None:
    """Every rule's premises, made of new resources, give the rule's conclusion, as the whole closure does."""
    generator = random.Random(7)
    for rule in generator.sample(world.rules, 40):
        added = []
        for premise in rule.premises:
            subject, predicate, value = (
                ox.NamedNode(f"{EXAMPLE}{rule.name}/{place}") if isinstance(place, str) else place
                for place in premise.places()
            )
            assert isinstance(predicate, ox.NamedNode)
            added.append(ox.Quad(subject, predicate, value, ASSERTED_GRAPH))
        lost, won = world.change([], added)
        assert not lost
        assert won, rule.name
    world.assert_current()


def test_a_literal_where_a_rule_wants_a_resource_breaks_nothing(world: World) -> None:
    """A text as the value of a property that rules follow on to its own statements gives no conclusion about it."""
    predicates = sorted({premise.predicate for rule in world.rules for premise in rule.premises}, key=str)
    world.change([], [quad("text", predicate, ox.Literal("text")) for predicate in predicates])
    world.assert_current()


def test_what_is_asserted_is_no_longer_inferred_and_comes_back_when_it_goes(world: World) -> None:
    """A conclusion that is asserted leaves the inferred graph; when it is no longer asserted it is inferred again."""
    inferred = next(iter(world.engine.quads_for_pattern(None, None, None, INFERRED_GRAPH))).triple
    asserted = ox.Quad(inferred.subject, inferred.predicate, inferred.object, ASSERTED_GRAPH)
    assert world.change([], [asserted]) == ([inferred], [])
    world.assert_current()
    assert world.change([asserted], []) == ([], [inferred])
    world.assert_current()


def test_random_changes_keep_what_follows(world: World) -> None:
    """Removing and adding few or many statements at random leaves just the closure."""
    generator = random.Random(11)
    for size in (1, 3, 30, 3000):
        known = world.asserted()
        removed = generator.sample(known, size)
        mixed = [
            ox.Quad(one.subject, other.predicate, other.object, ASSERTED_GRAPH)
            for one, other in zip(generator.sample(known, size), generator.sample(known, size), strict=True)
        ]
        world.change(removed, [new for new in dict.fromkeys(mixed) if new not in world.engine])
        world.assert_current()


def test_foreign_statements_change_nothing(world: World) -> None:
    """Statements that no rule speaks of bring and take nothing."""
    foreign = quad("a", ox.NamedNode(EXAMPLE + "p"), ox.Literal("x"))
    assert world.change([], [foreign]) == ([], [])
    assert world.change([foreign], []) == ([], [])
