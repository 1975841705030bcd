"""How far the shapes look, as chains of steps from a resource (see :mod:`kgraph.validation.reach`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pyoxigraph as ox

from kgraph.errors import ShapeError
from kgraph.turtle import Term
from kgraph.validation.reach import Chain, Step
from kgraph.validation.rules import SH, ShapeRule
from kgraph.vocabulary import PREFIXES

_RDF = PREFIXES["rdf"]
_TYPE = Step("out", frozenset({_RDF + "type"}))
_SUBCLASSES = Step("out", frozenset({PREFIXES["rdfs"] + "subClassOf"}), closure=True)
_OF_A_CLASS = (_TYPE, _SUBCLASSES)
_TEXT = """\
path minCount maxCount datatype nodeKind in hasValue pattern flags minInclusive maxInclusive minExclusive
maxExclusive minLength maxLength languageIn uniqueLang qualifiedMinCount qualifiedMaxCount ignoredProperties
deactivated severity message name description order group defaultValue targetClass targetSubjectsOf targetObjectsOf
"""
_OF_THE_VALUE_ALONE = frozenset(_TEXT.split())
_PAIRS = ("lessThan", "lessThanOrEquals", "equals", "disjoint")
_NESTED = ("property", "node", "not", "qualifiedValueShape")
_LISTS = ("or", "and", "xone")

Facts = Mapping[Term, list[tuple[Term, Term]]]


def shape_chains(rules: Iterable[ShapeRule]) -> frozenset[Chain]:
    """Return the chains of all shapes together.

    Raises :class:`kgraph.errors.ShapeError` for a shape whose reach cannot be told: a constraint in SPARQL, a target
    of another kind than classes, subjects and objects, or a nested shape that stands elsewhere.
    """
    chains: set[Chain] = set()
    for rule in rules:
        facts: dict[Term, list[tuple[Term, Term]]] = {}
        for triple in ox.parse(rule.statements, format=ox.RdfFormat.N_TRIPLES):
            facts.setdefault(str(triple.subject), []).append((str(triple.predicate), str(triple.object)))
        try:
            chains.update(_targets(facts[rule.iri]))
            chains.update(_shape(rule.iri, (), facts))
        except (KeyError, ValueError) as error:
            raise ShapeError(f"{rule.source}: {rule.iri} cannot be checked at a change: {error}") from error
    return _merged(frozenset(whole for chain in chains for whole in _beginnings(chain)))


def _beginnings(chain: Chain) -> Iterator[Chain]:
    return (chain[:length] for length in range(1, len(chain) + 1))


def _merged(chains: Iterable[Chain]) -> frozenset[Chain]:
    """Return one chain for all that differ in the predicate of their first step alone; it leads no less far."""
    together: dict[Chain, frozenset[str] | None] = {}
    for first, *rest in chains:
        named = first.predicates is not None and not first.closure
        key = (first._replace(predicates=None) if named else first, *rest)
        together[key] = (together.get(key) or frozenset()) | first.predicates if named and first.predicates else None
    return frozenset(
        (first if predicates is None else first._replace(predicates=predicates), *rest)
        for (first, *rest), predicates in together.items()
    )


def _local(predicate: Term) -> str | None:
    name = predicate[1:-1]
    return name.removeprefix(SH) if name.startswith(SH) else None


def _targets(facts: list[tuple[Term, Term]]) -> Iterator[Chain]:
    for predicate, value in facts:
        match _local(predicate):
            case "targetClass":
                yield _OF_A_CLASS
            case "targetSubjectsOf":
                yield (Step("out", frozenset({value[1:-1]})),)
            case "targetObjectsOf":
                yield (Step("in", frozenset({value[1:-1]})),)


def _shape(node: Term, before: Chain, facts: Facts) -> Iterator[Chain]:
    """Yield the chains of a shape whose focus nodes are reached by ``before``."""
    paths = [value for predicate, value in facts[node] if _local(predicate) == "path"]
    ends = [(*before, *steps) for path in paths for steps in _path(path, facts)] or [before]
    yield from ends if paths else ()
    for predicate, value in facts[node]:
        name = _local(predicate)
        for end in ends:
            yield from _constraint(name, value, before, end, facts)


def _constraint(name: str | None, value: Term, before: Chain, end: Chain, facts: Facts) -> Iterator[Chain]:
    if name is None or name in _OF_THE_VALUE_ALONE:
        return
    if name == "class":
        yield (*end, *_OF_A_CLASS)
    elif name in _PAIRS:
        yield (*before, Step("out", frozenset({value[1:-1]})))
    elif name == "closed":
        yield (*end, Step("out", None))
    elif name in _NESTED:
        yield from _shape(value, end, facts)
    elif name in _LISTS:
        for member in _members(value, facts):
            yield from _shape(member, end, facts)
    else:
        raise ValueError(f"sh:{name}")


def _members(node: Term, facts: Facts) -> Iterator[Term]:
    while node != f"<{_RDF}nil>":
        found = dict(facts[node])
        yield found[f"<{_RDF}first>"]
        node = found[f"<{_RDF}rest>"]


def _path(node: Term, facts: Facts) -> list[Chain]:
    """Return the chains of a path; several for one with alternatives."""
    if node.startswith("<"):
        return [(Step("out", frozenset({node[1:-1]})),)]
    (predicate, value), *more = facts[node]
    match _local(predicate):
        case "inversePath" if value.startswith("<"):
            return [(Step("in", frozenset({value[1:-1]})),)]
        case "alternativePath":
            return [chain for member in _members(value, facts) for chain in _path(member, facts)]
        case "zeroOrMorePath" | "oneOrMorePath" | "zeroOrOnePath" if value.startswith("<"):
            return [(Step("out", frozenset({value[1:-1]}), closure=True),)]
    if not more:
        raise ValueError(f"the path {predicate}")
    chains: list[Chain] = [()]
    for member in _members(node, facts):
        chains = [(*chain, *steps) for chain in chains for steps in _path(member, facts)]
    return chains
