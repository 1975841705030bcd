"""Each axiom of the ontology says something of its own: what it forbids is impossible with it and possible without it.

For every axiom there is a class described so that it can have no member if, and only if, the axiom holds. One run of
the reasoner names all such classes at once. To see what each axiom does by itself, the axioms are numbered, and for
each binary digit the reasoner runs once without those that have a 1 there and once without those that have a 0. In
every run exactly the axioms that are present may make their classes impossible: so each one is enough alone, and no
other one does its work.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import pytest
from rdflib import OWL, RDF, RDFS, XSD, BNode, Graph, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from kgraph.reasoning import Statement, check_statements, find_java

CASE = "urn:case:"
MARK = "urn:mark:"
THINGS = "urn:thing:"
PREFIXES = f"@prefix owl: <{OWL}> . @prefix rdfs: <{RDFS}> . @prefix xsd: <{XSD}> .\n"
Triple = tuple[Node, Node, Node]
Cases = tuple[list[Statement], dict[str, set[str]]]
AXIOMS = (RDFS.subClassOf, OWL.members, OWL.distinctMembers)
"""Properties whose subject may be an anonymous node that nothing leads to."""
needs_java = pytest.mark.skipif(find_java() is None, reason="the reasoner needs Java, which is not on this machine")


def some(prop: str, filler: str) -> str:
    """The things that have a value of ``prop`` in ``filler``."""
    return f"[ a owl:Restriction ; owl:onProperty {prop} ; owl:someValuesFrom {filler} ]"


def no(expression: str) -> str:
    """The things that are not in ``expression``."""
    return f"[ a owl:Class ; owl:complementOf {expression} ]"


def both(*expressions: str) -> str:
    """The things that are in all ``expressions``."""
    return f"[ a owl:Class ; owl:intersectionOf ( {' '.join(expressions)} ) ]"


def only(thing: str) -> str:
    """The class whose one member is ``thing``."""
    return f"[ a owl:Class ; owl:oneOf ( {thing} ) ]"


def value(prop: str, literal: str) -> str:
    """The things of which ``literal`` is a value of ``prop``."""
    return f"[ a owl:Restriction ; owl:onProperty {prop} ; owl:hasValue {literal} ]"


@dataclass
class Unit:
    """Axioms that stand or fall together, and the classes that they make impossible."""

    axioms: set[Triple] = field(default_factory=set)
    cases: list[str] = field(default_factory=list)


class Limits:
    """The units of an ontology, by a readable key."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.units: dict[str, Unit] = {}
        self.defined = {
            sup for sub, sup in graph.subject_objects(RDFS.subClassOf) if isinstance(sub, BNode)
        }  # classes for which something is enough
        self._things = 0
        for collect in (self._classes, self._disjoint, self._ends, self._characteristics, self._links):
            collect()

    def add(self, key: str, case: str, *axioms: Triple) -> None:
        """Count a case, and the axioms that make it impossible, to a unit."""
        unit = self.units.setdefault(key, Unit())
        unit.axioms.update(axioms)
        unit.cases.append(case)

    def thing(self) -> str:
        """A new individual."""
        self._things += 1
        return f"<{THINGS}{self._things}>"

    def mark(self) -> str:
        """A new class, of which nothing is said."""
        self._things += 1
        return f"<{MARK}{self._things}>"

    def members(self, head: Node | None) -> list[Node]:
        """The members of an RDF list."""
        return list(Collection(self.graph, head)) if head is not None else []

    def text(self, node: Node) -> str:
        """An expression of the ontology as Turtle."""
        if isinstance(node, URIRef):
            return node.n3()
        parts = dict(self.graph.predicate_objects(node))
        for name in ("unionOf", "intersectionOf"):
            if OWL[name] in parts:
                return f"[ a owl:Class ; owl:{name} ( {' '.join(map(self.text, self.members(parts[OWL[name]])))} ) ]"
        prop = parts[OWL.onProperty].n3()
        if OWL.hasValue in parts:
            return value(prop, parts[OWL.hasValue].n3())
        return some(prop, self.text(parts[OWL.someValuesFrom]))

    def _classes(self) -> None:
        for axiom in self.graph.triples((None, RDFS.subClassOf, None)):
            sub, _, sup = axiom
            if isinstance(sup, BNode):
                self._restriction(axiom)
            else:
                defined = sub if sub in self.defined else sup if isinstance(sub, BNode) else None
                key = f"what {defined} is" if defined is not None else f"{sub} is {sup}"
                self.add(key, both(self.text(sub), no(sup.n3())), axiom)
        for axiom in self.graph.triples((None, OWL.equivalentClass, None)):
            self.add(f"what {axiom[0]} is", both(axiom[0].n3(), no(self.text(axiom[2]))), axiom)

    def _restriction(self, axiom: Triple) -> None:
        sub, _, node = axiom
        parts = dict(self.graph.predicate_objects(node))
        key = f"{sub} {sorted(parts.items())}"
        if OWL.unionOf in parts:
            self.add(key, both(sub.n3(), no(self.text(node))), axiom)
            return
        prop, mark = parts[OWL.onProperty].n3(), self.mark()
        if OWL.allValuesFrom in parts:
            case = both(sub.n3(), some(prop, no(parts[OWL.allValuesFrom].n3())))
        elif OWL.maxCardinality in parts:
            case = both(sub.n3(), some(prop, mark), some(prop, no(mark)))
        else:
            assert str(parts[OWL.minCardinality]) == "1"
            case = both(sub.n3(), no(some(prop, "owl:Thing")))
        self.add(key, case, axiom)

    def _disjoint(self) -> None:
        for kind, predicate in ((OWL.AllDisjointClasses, OWL.members), (OWL.AllDifferent, OWL.distinctMembers)):
            for axiom in self.graph.subjects(RDF.type, kind):
                names = [node.n3() for node in self.members(self.graph.value(axiom, predicate))]
                if kind == OWL.AllDifferent:
                    names = [only(name) for name in names]
                for one, other in combinations(names, 2):
                    self.add(f"{kind} {names[:2]}", both(one, other), *self.graph.triples((axiom, None, None)))

    def _ends(self) -> None:
        graph = self.graph
        for prop, kind in ((p, k) for k in ("domain", "range") for p in set(graph.subjects(RDFS[k]))):
            symmetric = (prop, RDF.type, OWL.SymmetricProperty) in graph
            data = (prop, RDF.type, OWL.DatatypeProperty) in graph
            for axiom in graph.triples((prop, RDFS[kind], None)):
                if kind == "domain":
                    has = some(prop.n3(), "rdfs:Literal" if data else "owl:Thing")
                    case = both(has, no(self.text(axiom[2])))
                elif data:
                    case = value(prop.n3(), "1" if axiom[2] == XSD.boolean else "true")
                else:
                    case = some(prop.n3(), no(self.text(axiom[2])))
                self.add(f"{'ends' if symmetric else kind} of {prop}", case, axiom)

    def _characteristics(self) -> None:
        for prop, _, kind in self.graph.triples((None, RDF.type, None)):
            name = prop.n3()
            cases = {
                OWL.FunctionalProperty: lambda name=name, prop=prop: self._two_values(name, prop),
                OWL.InverseFunctionalProperty: lambda name=name: self._two_objects(f"[ owl:inverseOf {name} ]"),
                OWL.IrreflexiveProperty: lambda name=name: self._loop(name, self.thing()),
                OWL.AsymmetricProperty: lambda name=name: self._there_and_back(name, self.thing(), self.thing()),
                OWL.SymmetricProperty: lambda name=name: self._not_back(name, name, self.thing(), self.thing()),
                OWL.TransitiveProperty: lambda name=name: self._not_direct(name, [name, name], self.thing()),
            }
            if kind in cases:
                self.add(f"{kind} {prop}", cases[kind](), (prop, RDF.type, kind))

    def _two_values(self, name: str, prop: Node) -> str:
        if (prop, RDF.type, OWL.DatatypeProperty) not in self.graph:
            return self._two_objects(name)
        datatype = self.graph.value(prop, RDFS.range)
        pair = {XSD.boolean: ("true", "false"), XSD.integer: ("1", "2"), XSD.decimal: ("1.5", "2.5")}
        one, other = pair.get(datatype, ('"a"', '"b"'))
        return both(value(name, one), value(name, other))

    def _two_objects(self, name: str) -> str:
        mark = self.mark()
        return both(some(name, mark), some(name, no(mark)))

    @staticmethod
    def _loop(name: str, thing: str) -> str:
        return both(only(thing), some(name, only(thing)))

    @staticmethod
    def _there_and_back(name: str, one: str, other: str) -> str:
        return both(only(one), some(name, both(only(other), some(name, only(one)))))

    @staticmethod
    def _not_back(name: str, back: str, one: str, other: str) -> str:
        return both(only(one), some(name, both(only(other), no(some(back, only(one))))))

    @staticmethod
    def _not_direct(name: str, chain: list[str], end: str) -> str:
        way = only(end)
        for step in reversed(chain):
            way = some(step, way)
        return both(way, no(some(name, only(end))))

    def _links(self) -> None:
        for axiom in self.graph.triples((None, RDFS.subPropertyOf, None)):
            sub, sup, end = axiom[0].n3(), axiom[2].n3(), only(self.thing())
            self.add(f"{sub} is {sup}", both(some(sub, end), no(some(sup, end))), axiom)
        for axiom in self.graph.triples((None, OWL.inverseOf, None)):
            case = self._not_back(axiom[0].n3(), axiom[2].n3(), self.thing(), self.thing())
            self.add(f"inverse of {axiom[0]}", case, axiom)
        for axiom in self.graph.triples((None, OWL.propertyDisjointWith, None)):
            end = only(self.thing())
            self.add(f"{axiom[0]} or other", both(some(axiom[0].n3(), end), some(axiom[2].n3(), end)), axiom)
        for axiom in self.graph.triples((None, OWL.propertyChainAxiom, None)):
            chain = [step.n3() for step in self.members(axiom[2])]
            self.add(f"chain {axiom[0]} {chain}", self._not_direct(axiom[0].n3(), chain, self.thing()), axiom)


def statements(graph: Graph) -> dict[Triple, Statement]:
    """The triples of a graph, each with its N-Triples terms."""
    return {(s, p, o): (s.n3(), p.n3(), o.n3()) for s, p, o in graph}


def without(triples: Iterable[Triple], axioms: set[Triple]) -> set[Triple]:
    """The triples without ``axioms``, and without anonymous nodes that nothing leads to any more."""
    kept = set(triples) - axioms
    while True:
        reached = {o for _, _, o in kept} | {s for s, p, _ in kept if p in AXIOMS}
        loose = {s for s, _, _ in kept if isinstance(s, BNode)} - reached
        if not loose:
            return kept
        kept = {triple for triple in kept if triple[0] not in loose}


def described(units: dict[str, Unit], most: int | None = None) -> Cases:
    """The classes of all units, at most ``most`` of each unit, and the names of each unit's classes."""
    names: dict[str, set[str]] = {}
    turtle = [PREFIXES]
    count = 0
    for key, unit in units.items():
        for case in unit.cases[:most]:
            name = f"{CASE}{count}"
            count += 1
            names.setdefault(key, set()).add(name)
            turtle.append(f"<{name}> a owl:Class ; rdfs:subClassOf {case} .\n")
    text = "".join(turtle)
    graph = Graph().parse(data=text, format="turtle")
    for node in set(graph.objects()):
        if str(node).startswith(MARK):
            graph.add((node, RDF.type, OWL.Class))
    return list(statements(graph).values()), names


NO_SURPRISE: dict[str, set[str]] = {"impossible without their axiom": set(), "possible in spite of their axiom": set()}


def surprises(axioms: dict[Triple, Statement], limits: Limits, removed: set[str], cases: Cases) -> dict[str, set[str]]:
    """The units whose classes the reasoner judges otherwise than expected when ``removed`` are taken away."""
    classes, names = cases
    gone = {axiom for key in removed for axiom in limits.units[key].axioms}
    left = [axioms[triple] for triple in without(axioms, gone)]
    run = check_statements([*left, *classes], find_unsatisfiable=True)
    assert run.checked and run.consistent, run.detail
    expected = {name for key in names if key not in removed for name in names[key]}
    found = set(run.unsatisfiable)
    readable = {name: key for key in names for name in names[key]}
    return {
        "impossible without their axiom": {readable.get(name, name) for name in found - expected},
        "possible in spite of their axiom": {readable[name] for name in expected - found},
    }


@pytest.fixture(scope="module")
def axioms(home: Path) -> Graph:
    """The core and ``dl.ttl`` without keys, which are tested record against record."""
    graph = Graph()
    folder = home / "ontology"
    for path in (folder / "kgraph.ttl", folder / "dl.ttl", *sorted((folder / "modules").glob("*.ttl"))):
        graph.parse(path)
    bare = Graph()
    for triple in without(graph, set(graph.triples((None, OWL.hasKey, None)))):
        bare.add(triple)
    return bare


@needs_java
def test_each_axiom_forbids_what_no_other_axiom_forbids(axioms: Graph) -> None:
    """In each run exactly the classes of the axioms that are present can have no member."""
    limits = Limits(axioms)
    keys = sorted(limits.units)
    assert len(keys) > 300
    said = statements(axioms)
    assert surprises(said, limits, set(), described(limits.units)) == NO_SURPRISE
    cases = described(limits.units, most=2)
    digits = range((len(keys) - 1).bit_length())
    removals = [{k for i, k in enumerate(keys) if i >> digit & 1 == bit} for digit in digits for bit in (0, 1)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for surprise in pool.map(lambda removed: surprises(said, limits, removed, cases), removals):
            assert surprise == NO_SURPRISE


def test_no_kind_of_axiom_escapes_the_test(axioms: Graph) -> None:
    """Every axiom of the ontology belongs to a unit, so that a new kind of axiom asks for a new kind of case."""
    covered = {axiom for unit in Limits(axioms).units.values() for axiom in unit.axioms}
    declarations = {OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty, OWL.Ontology}
    predicates = {RDFS.subClassOf, RDFS.subPropertyOf, RDFS.domain, RDFS.range, RDF.type} | {
        p for p in axioms.predicates() if str(p).startswith(str(OWL))
    }
    parts = {OWL.onProperty, OWL.someValuesFrom, OWL.allValuesFrom, OWL.hasValue, OWL.unionOf}
    parts |= {OWL.intersectionOf, OWL.maxCardinality, OWL.minCardinality, OWL.versionIRI, OWL.versionInfo}
    left = {
        triple
        for triple in axioms
        if triple[1] in predicates - parts
        and triple[2] not in declarations | {OWL.Restriction}
        and triple not in covered
    }
    assert left == set()
