"""The OWL 2 RL profile (OWL 2 Profiles, section 4), checked on an RDF graph.

The rules that add statements cover OWL 2 RL, so an axiom outside it would be read by some programs and
silently passed over by others. Beside the syntax of the profile, the global restrictions that OWL 2 DL
sets on properties (Structural Specification, section 11) are checked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rdflib import OWL, RDF, RDFS, XSD, BNode, Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

_DATATYPES = {
    *(XSD[name] for name in ("decimal", "integer", "nonNegativeInteger", "nonPositiveInteger", "positiveInteger")),
    *(XSD[name] for name in ("negativeInteger", "long", "int", "short", "byte", "unsignedLong", "unsignedInt")),
    *(XSD[name] for name in ("unsignedShort", "unsignedByte", "float", "double", "string", "normalizedString")),
    *(XSD[name] for name in ("token", "language", "Name", "NCName", "NMTOKEN", "boolean", "hexBinary")),
    *(XSD[name] for name in ("base64Binary", "anyURI", "dateTime", "dateTimeStamp")),
    RDF.PlainLiteral,
    RDF.XMLLiteral,
    RDFS.Literal,
}
_CARDINALITIES = {
    OWL.cardinality,
    OWL.minCardinality,
    OWL.maxCardinality,
    OWL.qualifiedCardinality,
    OWL.minQualifiedCardinality,
    OWL.maxQualifiedCardinality,
}
_SIMPLE_ONLY = (
    OWL.FunctionalProperty,
    OWL.InverseFunctionalProperty,
    OWL.IrreflexiveProperty,
    OWL.AsymmetricProperty,
)
_LEFT = "only names, unions, intersections, oneOf, someValuesFrom and hasValue"
_RIGHT = "only names, intersections, complements, allValuesFrom, hasValue and at most 0 or 1"
_FORBIDDEN_TYPES = (OWL.ReflexiveProperty, OWL.DataRange)
_FORBIDDEN_PREDICATES = (OWL.disjointUnionOf, OWL.onDatatype, OWL.datatypeComplementOf, OWL.hasSelf, OWL.imports)


@dataclass(frozen=True)
class ProfileProblem:
    """One construct that the profile does not allow.

    ``term`` is the term or axiom that holds it, ``rule`` a stable name of what is broken, ``detail`` says it
    in English.
    """

    term: str
    rule: str
    detail: str


@dataclass
class _Check:
    graph: Graph
    problems: list[ProfileProblem] = field(default_factory=list)

    def remark(self, term: Node, rule: str, detail: str) -> None:
        self.problems.append(ProfileProblem(str(term), rule, detail))

    def members(self, head: Node | None) -> list[Node]:
        return [] if head is None or head == RDF.nil else list(Collection(self.graph, head))


def _restriction_parts(check: _Check, node: Node) -> dict[Node, Node]:
    return dict(check.graph.predicate_objects(node))


def _sub_expression(check: _Check, node: Node, owner: Node) -> None:
    """Hold an expression to what may stand on the left of a subclass axiom (section 4.2.3)."""
    parts = _expression(check, node, owner, "left")
    for predicate in (OWL.intersectionOf, OWL.unionOf):
        for member in check.members(parts.get(predicate)):
            _sub_expression(check, member, owner)
    if OWL.oneOf in parts or OWL.hasValue in parts or not parts or _is_boolean(parts):
        return
    filler = parts.get(OWL.someValuesFrom)
    if filler is None:
        check.remark(owner, "rl-left", f"{_LEFT} may stand here")
    elif filler != OWL.Thing and filler not in _DATATYPES:
        _sub_expression(check, filler, owner)


def _super_expression(check: _Check, node: Node, owner: Node) -> None:
    """Hold an expression to what may stand on the right of a subclass axiom (section 4.2.3)."""
    parts = _expression(check, node, owner, "right")
    for member in check.members(parts.get(OWL.intersectionOf)):
        _super_expression(check, member, owner)
    if not parts or OWL.intersectionOf in parts or OWL.hasValue in parts:
        return
    if OWL.complementOf in parts:
        _sub_expression(check, parts[OWL.complementOf], owner)
    elif OWL.allValuesFrom in parts:
        if parts[OWL.allValuesFrom] not in _DATATYPES:
            _super_expression(check, parts[OWL.allValuesFrom], owner)
    elif not _is_small_maximum(check, parts, owner):
        check.remark(owner, "rl-right", f"{_RIGHT} may stand here")


def _equivalent_expression(check: _Check, node: Node, owner: Node) -> None:
    """Hold an expression to what may stand in an equivalence: names, intersections and hasValue."""
    parts = _expression(check, node, owner, "equivalence")
    for member in check.members(parts.get(OWL.intersectionOf)):
        _equivalent_expression(check, member, owner)
    if parts and OWL.intersectionOf not in parts and OWL.hasValue not in parts:
        check.remark(owner, "rl-equivalence", "only names, intersections and hasValue may stand in an equivalence")


def _expression(check: _Check, node: Node, owner: Node, side: str) -> dict[Node, Node]:
    if isinstance(node, URIRef):
        if node == OWL.Thing and side != "right":
            check.remark(owner, "rl-thing", "owl:Thing may not stand here")
        return {}
    if isinstance(node, Literal):
        check.remark(owner, "rl-literal", "a literal stands where a class belongs")
        return {}
    return _restriction_parts(check, node)


def _is_boolean(parts: dict[Node, Node]) -> bool:
    return OWL.intersectionOf in parts or OWL.unionOf in parts


def _is_small_maximum(check: _Check, parts: dict[Node, Node], owner: Node) -> bool:
    for predicate in (OWL.maxCardinality, OWL.maxQualifiedCardinality):
        if predicate in parts:
            on_class = parts.get(OWL.onClass)
            if on_class is not None and on_class != OWL.Thing:
                _sub_expression(check, on_class, owner)
            return str(parts[predicate]) in ("0", "1")
    return False


def _check_classes(check: _Check) -> None:
    graph = check.graph
    for sub, sup in graph.subject_objects(RDFS.subClassOf):
        owner = sub if isinstance(sub, URIRef) else sup
        _sub_expression(check, sub, owner)
        _super_expression(check, sup, owner)
    for one, other in graph.subject_objects(OWL.equivalentClass):
        for node in (one, other):
            _equivalent_expression(check, node, one)
    for one, other in graph.subject_objects(OWL.disjointWith):
        for node in (one, other):
            _sub_expression(check, node, one)
    for axiom in graph.subjects(RDF.type, OWL.AllDisjointClasses):
        for node in check.members(graph.value(axiom, OWL.members)):
            _sub_expression(check, node, node)
    for keyed in graph.subjects(OWL.hasKey):
        _sub_expression(check, keyed, keyed)


def _check_domains_and_ranges(check: _Check) -> None:
    graph = check.graph
    for prop, target in graph.subject_objects(RDFS.domain):
        _super_expression(check, target, prop)
    for prop, target in graph.subject_objects(RDFS.range):
        if (prop, RDF.type, OWL.DatatypeProperty) not in graph:
            _super_expression(check, target, prop)
        elif target not in _DATATYPES:
            check.remark(prop, "rl-datatype", f"{target} is not a datatype of the profile")


def _check_forbidden(check: _Check) -> None:
    for kind in _FORBIDDEN_TYPES:
        for term in check.graph.subjects(RDF.type, kind):
            check.remark(term, "rl-forbidden", f"{kind.fragment} is outside the profile")
    for predicate in _FORBIDDEN_PREDICATES:
        for term in check.graph.subjects(predicate):
            check.remark(term, "rl-forbidden", f"{predicate.fragment} is outside the profile")


def _inverse_of(check: _Check, prop: Node) -> set[Node]:
    graph = check.graph
    return set(graph.objects(prop, OWL.inverseOf)) | set(graph.subjects(OWL.inverseOf, prop))


def _non_simple(check: _Check) -> set[Node]:
    """Return the properties that are transitive or follow from a chain, with what lies above them (section 11.1)."""
    graph = check.graph
    found: set[Node] = set(graph.subjects(RDF.type, OWL.TransitiveProperty))
    found |= set(graph.subjects(OWL.propertyChainAxiom))
    queue = list(found)
    while queue:
        prop = queue.pop()
        above = set(graph.objects(prop, RDFS.subPropertyOf)) | set(graph.objects(prop, OWL.equivalentProperty))
        above |= set(graph.subjects(OWL.equivalentProperty, prop)) | _inverse_of(check, prop)
        queue += above - found
        found |= above
    return found


def _restricted_properties(check: _Check) -> Iterator[tuple[Node, str]]:
    graph = check.graph
    for kind in _SIMPLE_ONLY:
        for prop in graph.subjects(RDF.type, kind):
            yield prop, kind.fragment
    for one, other in graph.subject_objects(OWL.propertyDisjointWith):
        yield from ((one, "propertyDisjointWith"), (other, "propertyDisjointWith"))
    for axiom in graph.subjects(RDF.type, OWL.AllDisjointProperties):
        for prop in check.members(graph.value(axiom, OWL.members)):
            yield prop, "AllDisjointProperties"
    for predicate in _CARDINALITIES:
        for node in graph.subjects(predicate):
            for prop in graph.objects(node, OWL.onProperty):
                yield prop, "cardinality"


def _check_simplicity(check: _Check) -> None:
    complex_properties = _non_simple(check)
    for prop, use in _restricted_properties(check):
        if prop in complex_properties:
            check.remark(prop, "dl-simple", f"follows from a chain or transitivity, so it may not be in {use}")


def _order_from_chains(check: _Check) -> dict[Node, set[Node]]:
    """Return for each property those that must come before it for its chains to be regular (section 11.2)."""
    before: dict[Node, set[Node]] = defaultdict(set)
    for sub, sup in check.graph.subject_objects(RDFS.subPropertyOf):
        before[sup].add(sub)
    for prop, head in check.graph.subject_objects(OWL.propertyChainAxiom):
        chain = check.members(head)
        if len(chain) > 1 and chain[0] == prop:
            chain = chain[1:]
        elif len(chain) > 1 and chain[-1] == prop:
            chain = chain[:-1]
        for member in chain:
            named = _inverse_of(check, member) if isinstance(member, BNode) else {member}
            before[prop] |= named
    return before


def _check_regularity(check: _Check) -> None:
    before = _order_from_chains(check)
    for prop in list(before):
        seen: set[Node] = set()
        queue = list(before[prop])
        while queue:
            earlier = queue.pop()
            if earlier not in seen:
                seen.add(earlier)
                queue += before.get(earlier, ())
        if prop in seen:
            check.remark(prop, "dl-regular", "its chains and subproperties lead back to itself")


def _check_punning(check: _Check) -> None:
    kinds = (OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty)
    for prop in {term for kind in kinds for term in check.graph.subjects(RDF.type, kind)}:
        if sum((prop, RDF.type, kind) in check.graph for kind in kinds) > 1:
            check.remark(prop, "dl-kinds", "is declared as more than one kind of property")


_CHECKS: tuple[Callable[[_Check], None], ...] = (
    _check_classes,
    _check_domains_and_ranges,
    _check_forbidden,
    _check_simplicity,
    _check_regularity,
    _check_punning,
)


def check_rl_profile(graph: Graph) -> tuple[ProfileProblem, ...]:
    """Return what in an ontology lies outside OWL 2 RL, sorted; nothing if it keeps to the profile.

    ``graph`` holds the whole ontology and nothing imported.
    """
    check = _Check(graph)
    for examine in _CHECKS:
        examine(check)
    return tuple(sorted(set(check.problems), key=lambda p: (p.term, p.rule, p.detail)))
