"""Rules compiled from axioms: what they add, what they must not add, and why."""

from __future__ import annotations

import owlrl
import pytest
import rdflib
from pyoxigraph import NamedNode, Quad, RdfFormat, Store, Triple

from kgraph.errors import NotInferredError, RuleError
from kgraph.inference import Inference, Step, compile_rules, explain, infer

PREFIXES = """
@prefix : <https://w3id.org/inkludering/ont#> .
@prefix id: <https://w3id.org/inkludering/id/x/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""

AXIOMS = {
    "subclass": ":Finding rdfs:subClassOf :Claim .",
    "subproperty": ":carriedOutIn rdfs:subPropertyOf :appliedIn . :directlyWithin rdfs:subPropertyOf :within .",
    "inverse": ":partOfProject owl:inverseOf :hasMeasure .",
    "symmetric": ":contradicts a owl:SymmetricProperty .",
    "transitive": ":within a owl:TransitiveProperty .",
    "chain": ":appliedIn owl:propertyChainAxiom ( :partOfProject :carriedOutIn ) , ( :appliedIn :within ) .",
    "inverse in a chain": ":hasEvidenceFor owl:propertyChainAxiom ( [ owl:inverseOf :concerns ] :basedOnStudy ) .",
    "domain": ":hasMeasureType rdfs:domain :Measure .",
    "range": ":partOfProject rdfs:range :Project . :year rdfs:range xsd:integer .",
    "class expression": """
        [ owl:intersectionOf ( :Claim
            [ a owl:Restriction ; owl:onProperty :hasLine ; owl:someValuesFrom
                [ a owl:Restriction ; owl:onProperty :direction ; owl:hasValue id:supports ] ]
            [ a owl:Restriction ; owl:onProperty :hasLine ; owl:someValuesFrom
                [ a owl:Restriction ; owl:onProperty :direction ; owl:hasValue id:disputes ] ] ) ]
          rdfs:subClassOf :ContestedClaim .""",
    "value on the right": """
        :Survey rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :hasDesign ; owl:hasValue id:survey ] .""",
    "filler on the right": """
        :Survey rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :sample ; owl:allValuesFrom :Sample ] .""",
}

DATA = """
id:m1 :partOfProject id:p1 ; :hasMeasureType id:buddy .
id:p1 :carriedOutIn id:verdal ; :year 2009 .
id:verdal :directlyWithin id:trondelag .
id:trondelag :directlyWithin id:norway .
id:c1 a :Finding ; :contradicts id:c2 ; :hasLine id:l1 , id:l2 ; :concerns id:m1 ; :basedOnStudy id:s1 .
id:c2 a :Finding ; :hasLine id:l1 .
id:l1 :direction id:supports .
id:l2 :direction id:disputes .
id:s2 a :Survey ; :sample id:n1 .
id:s1 :sample id:n2 .
"""

# What must follow from the data by the axiom alone or with the others, and what must not.
CONSEQUENCES = {
    "subclass": "id:c1 a :Claim .",
    "subproperty": "id:p1 :appliedIn id:verdal .",
    "inverse": "id:p1 :hasMeasure id:m1 .",
    "symmetric": "id:c2 :contradicts id:c1 .",
    "transitive": "id:verdal :within id:norway .",
    "chain": "id:m1 :appliedIn id:norway .",
    "inverse in a chain": "id:m1 :hasEvidenceFor id:s1 .",
    "domain": "id:m1 a :Measure .",
    "range": "id:p1 a :Project .",
    "class expression": "id:c1 a :ContestedClaim .",
    "value on the right": "id:s2 :hasDesign id:survey .",
    "filler on the right": "id:n1 a :Sample .",
}

FORBIDDEN = [
    "id:c2 a :ContestedClaim .",
    "id:norway :within id:verdal .",
    "id:verdal :appliedIn id:p1 .",
    "id:c2 a :Measure .",
    "id:c2 :basedOnStudy id:s1 .",
    "id:n2 a :Sample .",
]


def _store(turtle: str) -> Store:
    store = Store()
    store.load(input=(PREFIXES + turtle).encode(), format=RdfFormat.TURTLE)
    return store


def _triple(turtle: str) -> Triple:
    quad = next(iter(_store(turtle)))
    return Triple(quad.subject, quad.predicate, quad.object)


def _inference(without: str = "") -> tuple[Store, Inference]:
    axioms = _store("\n".join(text for name, text in AXIOMS.items() if name != without))
    data = _store(DATA)
    return data, infer(data, compile_rules(axioms))


@pytest.mark.parametrize("axiom", CONSEQUENCES)
def test_each_kind_of_axiom_gives_its_consequence(axiom: str) -> None:
    """What an axiom stands for is inferred, and without the axiom it is not."""
    expected = _triple(CONSEQUENCES[axiom])
    assert expected in _inference()[1].triples
    assert expected not in _inference(without=axiom)[1].triples


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_what_does_not_follow_is_not_inferred(statement: str) -> None:
    """Rules do not run backwards and a claim with supporting lines only is not contested."""
    assert _triple(statement) not in _inference()[1].triples


def test_nothing_asserted_is_inferred_again_and_nothing_twice() -> None:
    """The inferred triples are new, each once, and no literal becomes a subject."""
    data, inference = _inference()
    asserted = {Triple(q.subject, q.predicate, q.object) for q in data}
    assert len(set(inference.triples)) == len(inference.triples)
    assert not asserted & set(inference.triples)
    assert all(not str(triple.subject).startswith('"') for triple in inference.triples)


def test_owlrl_finds_every_inferred_triple_and_no_other_of_our_terms() -> None:
    """An independent OWL 2 RL engine agrees on every statement between the data's own resources."""
    graph = rdflib.Graph().parse(data=PREFIXES + "\n".join(AXIOMS.values()) + DATA, format="turtle")
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    base = "https://w3id.org/inkludering/"
    theirs = {
        (str(s), str(p), str(o))
        for s, p, o in graph
        if str(s).startswith(base + "id/")
        and (str(p).startswith(base) or (p == rdflib.RDF.type and str(o).startswith(base)))
        and isinstance(o, rdflib.URIRef)
    }
    data, inference = _inference()
    ours = {
        (q.subject.value, q.predicate.value, q.object.value)
        for q in [*data, *(Quad(t.subject, t.predicate, t.object) for t in inference.triples)]
        if isinstance(q.subject, NamedNode) and isinstance(q.object, NamedNode)
    }
    assert ours == theirs


def _ends(step: Step) -> list[Step]:
    return [step] if step.rule is None else [end for premise in step.premises for end in _ends(premise)]


def test_an_explanation_ends_in_asserted_triples_for_every_inferred_one() -> None:
    """Each inferred triple is traced by rules to triples that stand in the data."""
    data, inference = _inference()
    asserted = {Triple(q.subject, q.predicate, q.object) for q in data}
    for triple in inference.triples:
        step = explain(triple, data, inference)
        assert step.rule is not None
        assert {end.triple for end in _ends(step)} <= asserted
        assert set(step.asserted()) == {end.triple for end in _ends(step)}


def test_an_explanation_names_the_rule_and_its_premises() -> None:
    """The place a measure was applied in is explained by the chain over its project."""
    data, inference = _inference()
    step = explain(_triple("id:m1 :appliedIn id:verdal ."), data, inference)
    assert step.rule is not None
    assert step.rule.name == "prp-spo2/appliedIn/partOfProject.carriedOutIn"
    assert step.asserted() == (_triple("id:m1 :partOfProject id:p1 ."), _triple("id:p1 :carriedOutIn id:verdal ."))


def test_a_statement_that_does_not_hold_has_no_explanation() -> None:
    """Asking why something holds that does not is an error."""
    data, inference = _inference()
    with pytest.raises(NotInferredError, match="neither asserted nor inferred"):
        explain(_triple("id:norway :within id:verdal ."), data, inference)


@pytest.mark.parametrize(
    "axiom",
    [
        "[ a owl:Restriction ; owl:onProperty :hasLine ; owl:minCardinality 2 ] rdfs:subClassOf :Corroborated .",
        ":appliedIn owl:propertyChainAxiom ( :partOfProject [ :note 1 ] ) .",
    ],
)
def test_an_axiom_outside_the_profile_is_refused(axiom: str) -> None:
    """An axiom that cannot be a rule is an error, never silently left out."""
    with pytest.raises(RuleError):
        compile_rules(_store(axiom))
