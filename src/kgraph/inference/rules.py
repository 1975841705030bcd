"""Rules read off the axioms of an ontology: the generative part of OWL 2 RL that kgraph's ontology uses.

A rule has premises and one conclusion, all triple patterns. The kinds, named after the tables of the
OWL 2 RL profile (section 4.3): ``scm``-style inheritance by ``cax-sco`` and ``prp-spo1``, chains by
``prp-spo2``, ``prp-inv``, ``prp-symp``, ``prp-trp``, ``prp-dom``, ``prp-rng``, and class expressions on
the left of a subclass axiom (``cls-int1``, ``cls-svf1``, ``cls-hv2``) or a
restriction on its right (``cls-hv1``, ``cls-avf``).
Axioms that only forbid (disjointness, functionality, keys) yield no rule: those are the DL check's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store, Triple

from kgraph.errors import RuleError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"

TYPE = NamedNode(RDF + "type")
Node = NamedNode | BlankNode
Term = NamedNode | BlankNode | Literal | Triple
Variable = str
"""A variable of a rule, without question mark."""


@dataclass(frozen=True)
class Pattern:
    """A triple pattern: each place is a named node, a literal, or a variable's name."""

    subject: NamedNode | Variable
    predicate: NamedNode
    object: NamedNode | Literal | Variable

    def sparql(self) -> str:
        """Return the pattern in SPARQL."""
        return " ".join(f"?{part}" if isinstance(part, str) else str(part) for part in self.places()) + " ."

    def places(self) -> tuple[NamedNode | Variable, NamedNode, NamedNode | Literal | Variable]:
        """Return subject, predicate and object."""
        return self.subject, self.predicate, self.object


@dataclass(frozen=True)
class Rule:
    """A rule of inference.

    ``name`` is stable for the same axiom (``prp-spo2/basedOnStudy/hasEvidenceLine.fromStudy``), ``kind`` is the
    OWL 2 RL rule, ``about`` the IRI whose axiom it was compiled from.
    """

    name: str
    kind: str
    about: str
    premises: tuple[Pattern, ...]
    conclusion: Pattern


class _Axioms:
    """Read access to the triples of an ontology."""

    def __init__(self, quads: Iterable[Quad]) -> None:
        self._store = Store()
        self._store.extend(Quad(q.subject, q.predicate, q.object) for q in quads)

    def objects(self, subject: Node, predicate: str) -> list[Term]:
        found = self._store.quads_for_pattern(subject, NamedNode(predicate), None)
        return sorted((quad.object for quad in found), key=str)

    def pairs(self, predicate: str) -> list[tuple[Node, Term]]:
        found = self._store.quads_for_pattern(None, NamedNode(predicate), None)
        pairs = [(q.subject, q.object) for q in found if isinstance(q.subject, NamedNode | BlankNode)]
        return sorted(pairs, key=str)

    def instances(self, class_iri: str) -> list[NamedNode]:
        found = self._store.quads_for_pattern(None, TYPE, NamedNode(class_iri))
        return sorted((quad.subject for quad in found if isinstance(quad.subject, NamedNode)), key=str)

    def members(self, head: Term) -> list[Term]:
        """Return the members of an RDF list."""
        items: list[Term] = []
        while isinstance(head, NamedNode | BlankNode) and head != NamedNode(RDF + "nil"):
            first, rest = self.objects(head, RDF + "first"), self.objects(head, RDF + "rest")
            if len(first) != 1 or len(rest) != 1:
                raise RuleError(f"{head} is not a well-formed list")
            items.append(first[0])
            head = rest[0]
        return items


def _local(iri: str) -> str:
    return re.split(r"[#/]", iri)[-1]


def _step(axioms: _Axioms, element: Node, start: str, end: str) -> Pattern:
    """Return the pattern of one property of a chain, an inverse one turned round."""
    if isinstance(element, NamedNode):
        return Pattern(start, element, end)
    inverse = axioms.objects(element, OWL + "inverseOf")
    if len(inverse) != 1 or not isinstance(inverse[0], NamedNode):
        raise RuleError("a chain may hold properties and their inverses only")
    return Pattern(end, inverse[0], start)


class _Conditions:
    """The patterns that say that a variable belongs to a class expression."""

    def __init__(self, axioms: _Axioms) -> None:
        self._axioms = axioms
        self._count = 0

    def of(self, expression: Term, variable: str) -> list[Pattern]:
        if isinstance(expression, NamedNode):
            return [] if expression.value == OWL + "Thing" else [Pattern(variable, TYPE, expression)]
        if not isinstance(expression, BlankNode):
            raise RuleError(f"{expression} is not a class expression")
        for operands in self._axioms.objects(expression, OWL + "intersectionOf"):
            return [p for member in self._axioms.members(operands) for p in self.of(member, variable)]
        return self._restriction(expression, variable)

    def _restriction(self, expression: BlankNode, variable: str) -> list[Pattern]:
        properties = self._axioms.objects(expression, OWL + "onProperty")
        if len(properties) != 1 or not isinstance(properties[0], NamedNode):
            raise RuleError("a restriction needs one named property")
        for value in self._axioms.objects(expression, OWL + "hasValue"):
            if isinstance(value, NamedNode | Literal):
                return [Pattern(variable, properties[0], value)]
        for filler in self._axioms.objects(expression, OWL + "someValuesFrom"):
            self._count += 1
            other = f"v{self._count}"
            return [Pattern(variable, properties[0], other), *self.of(filler, other)]
        raise RuleError("only intersections, hasValue and someValuesFrom may stand on the left of a subclass axiom")


def _property_rules(axioms: _Axioms) -> Iterator[Rule]:
    for sub, sup in axioms.pairs(RDFS + "subPropertyOf"):
        if isinstance(sub, NamedNode) and isinstance(sup, NamedNode) and sub != sup:
            name = f"prp-spo1/{_local(sub.value)}/{_local(sup.value)}"
            yield Rule(name, "prp-spo1", sub.value, (Pattern("x", sub, "y"),), Pattern("x", sup, "y"))
    for one, other in axioms.pairs(OWL + "inverseOf"):
        if isinstance(one, NamedNode) and isinstance(other, NamedNode):
            for a, b in ((one, other), (other, one)):
                name = f"prp-inv/{_local(a.value)}/{_local(b.value)}"
                yield Rule(name, "prp-inv", a.value, (Pattern("x", a, "y"),), Pattern("y", b, "x"))
    for prop in axioms.instances(OWL + "SymmetricProperty"):
        name = f"prp-symp/{_local(prop.value)}"
        yield Rule(name, "prp-symp", prop.value, (Pattern("x", prop, "y"),), Pattern("y", prop, "x"))
    for prop in axioms.instances(OWL + "TransitiveProperty"):
        premises = (Pattern("x", prop, "y"), Pattern("y", prop, "z"))
        yield Rule(f"prp-trp/{_local(prop.value)}", "prp-trp", prop.value, premises, Pattern("x", prop, "z"))
    yield from _chain_rules(axioms)


def _chain_rules(axioms: _Axioms) -> Iterator[Rule]:
    for prop, head in axioms.pairs(OWL + "propertyChainAxiom"):
        if not isinstance(prop, NamedNode):
            continue
        members = axioms.members(head)
        premises: list[Pattern] = []
        names: list[str] = []
        for index, member in enumerate(members):
            if not isinstance(member, NamedNode | BlankNode):
                raise RuleError(f"the chain of {prop} holds {member}")
            pattern = _step(axioms, member, f"x{index}", f"x{index + 1}")
            premises.append(pattern)
            inverted = "^" if isinstance(member, BlankNode) else ""
            names.append(inverted + _local(pattern.predicate.value))
        name = f"prp-spo2/{_local(prop.value)}/{'.'.join(names)}"
        yield Rule(name, "prp-spo2", prop.value, tuple(premises), Pattern("x0", prop, f"x{len(members)}"))


def _domain_and_range_rules(axioms: _Axioms) -> Iterator[Rule]:
    for kind, predicate, subject in (("prp-dom", "domain", True), ("prp-rng", "range", False)):
        for prop, target in axioms.pairs(RDFS + predicate):
            literal_range = isinstance(target, NamedNode) and not subject and _is_datatype(axioms, target)
            if isinstance(prop, NamedNode) and isinstance(target, NamedNode) and not literal_range:
                name = f"{kind}/{_local(prop.value)}/{_local(target.value)}"
                conclusion = Pattern("x" if subject else "y", TYPE, target)
                yield Rule(name, kind, prop.value, (Pattern("x", prop, "y"),), conclusion)


def _is_datatype(axioms: _Axioms, node: NamedNode) -> bool:
    known = ("http://www.w3.org/2001/XMLSchema#", RDFS + "Literal", RDF + "langString", RDF + "PlainLiteral")
    return node.value.startswith(known) or bool(
        [o for o in axioms.objects(node, RDF + "type") if o == NamedNode(RDFS + "Datatype")]
    )


def _class_rules(axioms: _Axioms) -> Iterator[Rule]:
    pairs: list[tuple[Term, Term]] = list(axioms.pairs(RDFS + "subClassOf"))
    for one, other in axioms.pairs(OWL + "equivalentClass"):
        pairs += [(one, other), (other, one)]
    for sub, sup in pairs:
        if isinstance(sup, BlankNode):
            yield from _value_rules(axioms, sub, sup)
        elif isinstance(sup, NamedNode) and isinstance(sub, NamedNode | BlankNode) and sub != sup:
            premises = tuple(_Conditions(axioms).of(sub, "x"))
            kind = "cax-sco" if isinstance(sub, NamedNode) else "cls-int1"
            origin = _local(sub.value) if isinstance(sub, NamedNode) else _signature(premises)
            yield Rule(f"{kind}/{_local(sup.value)}/{origin}", kind, sup.value, premises, Pattern("x", TYPE, sup))


def _value_rules(axioms: _Axioms, sub: Term, sup: BlankNode) -> Iterator[Rule]:
    """Yield ``cls-hv1`` and ``cls-avf`` for a restriction on the right of a named class."""
    for prop in axioms.objects(sup, OWL + "onProperty"):
        if not isinstance(prop, NamedNode) or not isinstance(sub, NamedNode):
            continue
        member = Pattern("x", TYPE, sub)
        for value in axioms.objects(sup, OWL + "hasValue"):
            if isinstance(value, NamedNode | Literal):
                name = f"cls-hv1/{_local(sub.value)}/{_local(prop.value)}"
                yield Rule(name, "cls-hv1", sub.value, (member,), Pattern("x", prop, value))
        for filler in axioms.objects(sup, OWL + "allValuesFrom"):
            if isinstance(filler, NamedNode) and not _is_datatype(axioms, filler):
                name = f"cls-avf/{_local(sub.value)}/{_local(prop.value)}"
                yield Rule(name, "cls-avf", sub.value, (member, Pattern("x", prop, "y")), Pattern("y", TYPE, filler))


def _signature(premises: tuple[Pattern, ...]) -> str:
    return "+".join(
        _local(p.predicate.value) + ("=" + _local(p.object.value) if isinstance(p.object, NamedNode | Literal) else "")
        for p in premises
    )


def compile_rules(ontology: Iterable[Quad]) -> tuple[Rule, ...]:
    """Return the rules that the axioms of ``ontology`` stand for, sorted by name.

    ``ontology`` holds the quads of the ontology's graph. Raises :class:`kgraph.errors.RuleError` for a class
    expression or chain outside what OWL 2 RL allows there.
    """
    axioms = _Axioms(ontology)
    groups = (_property_rules, _domain_and_range_rules, _class_rules)
    rules = {rule.name: rule for group in groups for rule in group(axioms)}
    return tuple(rules[name] for name in sorted(rules))
