"""The check of the OWL 2 RL profile: each construct outside it is named, and what belongs to it is let through."""

from __future__ import annotations

import pytest
from rdflib import Graph

from kgraph.reasoning import check_rl_profile

PREFIXES = """
@prefix : <urn:x:> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
SOME = "[ a owl:Restriction ; owl:onProperty :p ; owl:someValuesFrom :B ]"
ALL = "[ a owl:Restriction ; owl:onProperty :p ; owl:allValuesFrom :B ]"
UNION = "[ a owl:Class ; owl:unionOf ( :B :C ) ]"
NOT = "[ a owl:Class ; owl:complementOf :B ]"


def at_most(number: int) -> str:
    """The class of things with at most ``number`` values of ``:p``."""
    return f'[ a owl:Restriction ; owl:onProperty :p ; owl:maxCardinality "{number}"^^xsd:nonNegativeInteger ]'


ALLOWED = {
    "a union on the left": f"{UNION} rdfs:subClassOf :A .",
    "some value on the left": f"{SOME} rdfs:subClassOf :A .",
    "one of on the left": "[ a owl:Class ; owl:oneOf ( :a :b ) ] rdfs:subClassOf :A .",
    "all values on the right": f":A rdfs:subClassOf {ALL} .",
    "a complement on the right": f":A rdfs:subClassOf {NOT} .",
    "at most one on the right": f":A rdfs:subClassOf {at_most(1)} .",
    "a fixed value in an equivalence": ":A owl:equivalentClass [ owl:onProperty :p ; owl:hasValue :a ] .",
    "an intersection in an equivalence": ":A owl:equivalentClass [ owl:intersectionOf ( :B :C ) ] .",
    "disjoint unions": f":A owl:disjointWith {UNION} .",
    "a key": ":A owl:hasKey ( :p ) .",
    "a chain": ":p owl:propertyChainAxiom ( :q :r ) .",
    "a chain that begins with itself": ":p owl:propertyChainAxiom ( :p :r ) .",
    "a limit below a transitive property": (
        ":p a owl:AsymmetricProperty ; rdfs:subPropertyOf :q . :q a owl:TransitiveProperty ."
    ),
    "a datatype of the profile": ":p a owl:DatatypeProperty ; rdfs:range xsd:decimal .",
}

REFUSED = {
    "some value on the right": (f":A rdfs:subClassOf {SOME} .", "rl-right"),
    "a union on the right": (f":A rdfs:subClassOf {UNION} .", "rl-right"),
    "a union within an intersection on the right": (
        f":A rdfs:subClassOf [ owl:intersectionOf ( :B {UNION} ) ] .",
        "rl-right",
    ),
    "at most two": (f":A rdfs:subClassOf {at_most(2)} .", "rl-right"),
    "a range that is a union": (f":p a owl:ObjectProperty ; rdfs:range {UNION} .", "rl-right"),
    "all values on the left": (f"{ALL} rdfs:subClassOf :A .", "rl-left"),
    "a complement on the left": (f"{NOT} rdfs:subClassOf :A .", "rl-left"),
    "a complement within a filler": (
        f"[ owl:onProperty :p ; owl:someValuesFrom {NOT} ] rdfs:subClassOf :A .",
        "rl-left",
    ),
    "everything on the left": ("owl:Thing rdfs:subClassOf :A .", "rl-thing"),
    "a literal as a class": (':A rdfs:subClassOf "B" .', "rl-literal"),
    "some value in an equivalence": (f":A owl:equivalentClass {SOME} .", "rl-equivalence"),
    "a disjoint union": (":A owl:disjointUnionOf ( :B :C ) .", "rl-forbidden"),
    "a reflexive property": (":p a owl:ReflexiveProperty .", "rl-forbidden"),
    "an import": (":o owl:imports :elsewhere .", "rl-forbidden"),
    "a date": (":p a owl:DatatypeProperty ; rdfs:range xsd:date .", "rl-datatype"),
    "a functional transitive property": (":p a owl:TransitiveProperty , owl:FunctionalProperty .", "dl-simple"),
    "a limit above a chain": (
        ":q owl:propertyChainAxiom ( :r :s ) ; rdfs:subPropertyOf :p . :p a owl:IrreflexiveProperty .",
        "dl-simple",
    ),
    "a limit on the inverse of a chain": (
        ":q owl:propertyChainAxiom ( :r :s ) ; owl:inverseOf :p . :p a owl:AsymmetricProperty .",
        "dl-simple",
    ),
    "a counted transitive property": (f":A rdfs:subClassOf {at_most(1)} . :p a owl:TransitiveProperty .", "dl-simple"),
    "disjoint with a transitive property": (
        ":p a owl:TransitiveProperty . :q owl:propertyDisjointWith :p .",
        "dl-simple",
    ),
    "chains that go round": (
        ":p owl:propertyChainAxiom ( :q :r ) . :q owl:propertyChainAxiom ( :p :s ) .",
        "dl-regular",
    ),
    "two kinds of property at once": (":p a owl:ObjectProperty , owl:DatatypeProperty .", "dl-kinds"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_the_profile_allows_passes(name: str) -> None:
    """No remark on a construct that the profile allows where it stands."""
    assert check_rl_profile(Graph().parse(data=PREFIXES + ALLOWED[name], format="turtle")) == ()


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_profile_does_not_allow_is_named(name: str) -> None:
    """The one rule that is broken is named, with the term that breaks it."""
    text, rule = REFUSED[name]
    problems = check_rl_profile(Graph().parse(data=PREFIXES + text, format="turtle"))
    assert {problem.rule for problem in problems} == {rule}
    assert all(problem.term and problem.detail for problem in problems)
