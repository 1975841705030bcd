"""The ontology against two catalogues of faults: reports of ontology editors (G8) and common pitfalls (G9).

Each fault is a query that finds it and a statement that plants it, so that no check passes because it sees nothing.
"""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from pathlib import Path

import pytest
from pyoxigraph import QuerySolutions, RdfFormat, Store

from kgraph.vocabulary import ONTOLOGY, PREFIXES, TERMS

HEADER = "".join(f"PREFIX {prefix}: <{namespace}>\n" for prefix, namespace in PREFIXES.items())
OURS = f'FILTER(STRSTARTS(STR(?entity), "{TERMS}"))'
A_TERM = f"VALUES ?kind {{ owl:Class owl:ObjectProperty owl:DatatypeProperty }} ?entity a ?kind {OURS}"
A_TEXT = "VALUES ?property { rdfs:label skos:definition }"

REPORT = {
    "a label or definition with stray white space": (
        A_TEXT + r' ?entity ?property ?value FILTER(REGEX(?value, "^\\s|\\s$|\\s\\s"))',
        'ink:Claim rdfs:label "påstand "@nn .',
    ),
    "a label with marks of formatting": (
        r'?entity rdfs:label ?value FILTER(REGEX(?value, "[<>_*\\t\\n]|\\.$"))',
        'ink:Claim rdfs:label "en *påstand*"@nb .',
    ),
    "a label in upper case": (
        f"?entity rdfs:label ?value {OURS} FILTER(STRLEN(?value) > 5 && UCASE(STR(?value)) = STR(?value))",
        'ink:Claim rdfs:label "PÅSTAND"@nb .',
    ),
    "a definition that does not begin with a capital": (
        r'?entity skos:definition ?value FILTER(!REGEX(?value, "^[A-ZÆØÅÉ0-9«\"]"))',
        'ink:Claim skos:definition "noko"@nn .',
    ),
    "a missing label or definition": (
        A_TERM + ' . VALUES ?language { "nn" "nb" "en" } '
        "VALUES ?property { rdfs:label skos:definition } "
        "FILTER NOT EXISTS { ?entity ?property ?value FILTER(LANG(?value) = ?language) }",
        'ink:New a owl:Class ; rdfs:label "ny"@nn .',
    ),
    "two labels or definitions in one language": (
        A_TEXT + " ?entity ?property ?value , ?other FILTER(LANG(?value) = LANG(?other) && STR(?value) < STR(?other))",
        'ink:Claim rdfs:label "noko anna"@nn .',
    ),
    "one definition of two terms": (
        "?entity skos:definition ?value . ?other skos:definition ?value FILTER(?entity != ?other)",
        'ink:New skos:definition "Det same."@nn . ink:Newer skos:definition "Det same."@nn .',
    ),
    "a definition that only repeats the label": (
        "VALUES ?property { skos:definition } ?entity rdfs:label ?label ; ?property ?value "
        'FILTER(LANG(?label) = LANG(?value) && LCASE(REPLACE(STR(?value), "[.]$", "")) = LCASE(STR(?label)))',
        'ink:New rdfs:label "noko nytt"@nn ; skos:definition "Noko nytt."@nn .',
    ),
    "a deprecated term in use": (
        "?value owl:deprecated true . ?entity ?property ?value",
        "ink:Old owl:deprecated true . ink:Claim rdfs:subClassOf ink:Old .",
    ),
    "a deprecated term without a successor": (
        "?entity owl:deprecated true FILTER NOT EXISTS { ?entity dct:isReplacedBy ?value }",
        "ink:Old owl:deprecated true .",
    ),
    "a mark of deprecation that is not a truth value": (
        "?entity owl:deprecated ?value FILTER(DATATYPE(?value) != xsd:boolean)",
        'ink:Old owl:deprecated "yes" .',
    ),
    "a successor of a term that is not deprecated": (
        f"?entity dct:isReplacedBy ?value {OURS} FILTER NOT EXISTS {{ ?entity owl:deprecated true }}",
        "ink:Claim dct:isReplacedBy ink:Finding .",
    ),
    "two named classes said to be one": (
        "?entity owl:equivalentClass ?value FILTER(ISIRI(?entity) && ISIRI(?value))",
        "ink:Claim owl:equivalentClass ink:Goal .",
    ),
    "a class defined twice": (
        "?entity owl:equivalentClass ?value , ?other FILTER(?value != ?other)",
        "ink:New owl:equivalentClass [ a owl:Class ] , [ a owl:Class ] .",
    ),
    "a class outside the top kinds": (
        "VALUES ?property { rdfs:subClassOf } "
        f"?entity a owl:Class {OURS} FILTER NOT EXISTS {{ ?entity rdfs:subClassOf|owl:equivalentClass ?value }} "
        "FILTER NOT EXISTS { ?all a owl:AllDisjointClasses ; owl:members/rdf:rest*/rdf:first ?entity }",
        "ink:New a owl:Class .",
    ),
    "a term of OWL, RDF or RDFS in a place it is not made for": (
        f"?entity ?property ?value {OURS} "
        "FILTER(STRSTARTS(STR(?value), STR(owl:)) || STRSTARTS(STR(?value), STR(rdf:)))"
        " FILTER(?property != rdf:type && ?value NOT IN (owl:Thing, rdf:langString))",
        "ink:Claim rdfs:subClassOf owl:Class .",
    ),
    "an address with characters that cannot be in a name": (
        r'?entity ?property ?value FILTER(ISIRI(?entity) && REGEX(STR(?entity), "[^-A-Za-z0-9:/#._]"))',
        "<https://w3id.org/inkludering/ont#På-stand> a owl:Class .",
    ),
    "no title, description or licence of the ontology": (
        f"VALUES ?entity {{ <{ONTOLOGY}> }} "
        "VALUES ?property { dct:title dct:description dct:license owl:versionIRI } "
        "FILTER NOT EXISTS { ?entity ?property ?value }",
        "",
    ),
}

SAME_ENDS = "?entity rdfs:domain ?value ; rdfs:range ?other FILTER(?value != ?other)"
PITFALLS = {
    "P02 synonyms as classes": (
        "?entity a owl:Class ; owl:equivalentClass ?value . ?value a owl:Class FILTER(ISIRI(?entity) && ISIRI(?value))",
        "ink:New a owl:Class ; owl:equivalentClass ink:Claim .",
    ),
    "P03 a property 'is' instead of a subclass": (
        '?entity a owl:ObjectProperty FILTER(REGEX(STR(?entity), "#is(A|a)?$"))',
        "ink:isA a owl:ObjectProperty .",
    ),
    "P04 an unconnected term": (
        A_TERM + " FILTER NOT EXISTS { ?entity rdfs:subClassOf|rdfs:subPropertyOf|rdfs:domain|rdfs:range|owl:inverseOf|"
        "owl:equivalentClass|owl:propertyChainAxiom ?a } FILTER NOT EXISTS { ?b rdfs:subClassOf|rdfs:subPropertyOf|"
        "rdfs:domain|rdfs:range|owl:onProperty|owl:someValuesFrom|rdf:first|owl:inverseOf ?entity }",
        "ink:New a owl:Class .",
    ),
    "P05 a wrong inverse": (
        "?entity owl:inverseOf ?value { ?entity rdfs:domain ?a . ?value rdfs:range ?b } UNION "
        "{ ?entity rdfs:range ?a . ?value rdfs:domain ?b } FILTER(?a != ?b)",
        "ink:p owl:inverseOf ink:q ; rdfs:domain ink:Claim . ink:q rdfs:range ink:Goal .",
    ),
    "P06 a circle of classes or properties": (
        "?entity rdfs:subClassOf+|rdfs:subPropertyOf+ ?entity",
        "ink:A rdfs:subClassOf ink:B . ink:B rdfs:subClassOf ink:A .",
    ),
    "P07 two things in one class": (
        f'?entity a owl:Class {OURS} FILTER(REGEX(STRAFTER(STR(?entity), "#"), "[a-z](And|Or)[A-Z]"))',
        "ink:MeasureOrGoal a owl:Class .",
    ),
    "P10 a class that nothing is told apart from": (
        f"?entity a owl:Class ; rdfs:subClassOf* ?top {OURS} FILTER NOT EXISTS {{ ?entity owl:equivalentClass ?d }} "
        "FILTER NOT EXISTS { ?top rdfs:subClassOf ?above FILTER(ISIRI(?above)) } "
        "FILTER NOT EXISTS { ?all a owl:AllDisjointClasses ; "
        "owl:members/rdf:rest*/rdf:first/^rdfs:subClassOf* ?entity }",
        "ink:New a owl:Class .",
    ),
    "P11 a property without a domain": (
        f"VALUES ?kind {{ owl:ObjectProperty owl:DatatypeProperty }} ?entity a ?kind {OURS} "
        "FILTER NOT EXISTS { ?entity rdfs:subPropertyOf*/"
        "(rdfs:domain|owl:inverseOf/rdfs:range|^owl:inverseOf/rdfs:range) ?d }",
        "ink:new a owl:ObjectProperty .",
    ),
    "P11 a property without a range": (
        f"VALUES ?kind {{ owl:ObjectProperty owl:DatatypeProperty }} ?entity a ?kind {OURS} "
        "FILTER NOT EXISTS { ?entity rdfs:subPropertyOf*/"
        "(rdfs:range|owl:inverseOf/rdfs:domain|^owl:inverseOf/rdfs:domain) ?d }",
        "ink:new a owl:ObjectProperty .",
    ),
    "P12 two properties said to be one": (
        "?entity owl:equivalentProperty ?value",
        "ink:p owl:equivalentProperty ink:q .",
    ),
    "P14 only-restrictions without a some": (
        "?entity rdfs:subClassOf ?value . ?value owl:allValuesFrom owl:Nothing",
        "ink:New rdfs:subClassOf [ owl:allValuesFrom owl:Nothing ] .",
    ),
    "P19 several domains or ranges": (
        "VALUES ?property { rdfs:domain rdfs:range } ?entity ?property ?value , ?other "
        "FILTER(ISIRI(?value) && ISIRI(?other) && ?value != ?other)",
        "ink:new rdfs:range ink:Claim , ink:Goal .",
    ),
    "P20 label and definition changed about": (
        "?entity rdfs:label ?label ; skos:definition ?value "
        "FILTER(LANG(?label) = LANG(?value) && STRLEN(?label) >= STRLEN(?value))",
        'ink:New rdfs:label "Noko som er langt."@nn ; skos:definition "kort"@nn .',
    ),
    "P21 a class for the rest": (
        f'?entity a owl:Class {OURS} FILTER(REGEX(STRAFTER(STR(?entity), "#"), "Misc|Other|Various|Unknown"))',
        "ink:OtherMeasure a owl:Class .",
    ),
    "P24 a class or property defined by itself": (
        "?entity (owl:equivalentClass|owl:intersectionOf|owl:unionOf|rdf:rest|rdf:first|owl:someValuesFrom)+ ?entity "
        "FILTER(ISIRI(?entity))",
        "ink:New owl:equivalentClass [ owl:someValuesFrom ink:New ] .",
    ),
    "P25 a property that is its own inverse": (
        "?entity owl:inverseOf ?entity",
        "ink:p owl:inverseOf ink:p .",
    ),
    "P26 an inverse of a symmetric property": (
        "?entity owl:inverseOf|^owl:inverseOf ?value ; a owl:SymmetricProperty",
        "ink:p a owl:SymmetricProperty ; owl:inverseOf ink:q .",
    ),
    "P28 a symmetric property between two kinds": (
        "?entity a owl:SymmetricProperty . " + SAME_ENDS,
        "ink:p a owl:SymmetricProperty ; rdfs:domain ink:Claim ; rdfs:range ink:Goal .",
    ),
    "P29 a transitive property between two kinds": (
        "?entity a owl:TransitiveProperty . " + SAME_ENDS,
        "ink:p a owl:TransitiveProperty ; rdfs:domain ink:Claim ; rdfs:range ink:Goal .",
    ),
    "P33 a chain of one property": (
        "?entity owl:propertyChainAxiom/rdf:rest rdf:nil",
        "ink:p owl:propertyChainAxiom ( ink:q ) .",
    ),
    "P34 a class that is not declared": (
        "{ ?entity ^rdfs:subClassOf|^rdfs:range|^rdfs:domain|^owl:someValuesFrom|rdfs:subClassOf ?x } "
        f"{OURS} FILTER NOT EXISTS {{ ?entity a owl:Class }}",
        "ink:Claim rdfs:subClassOf ink:New .",
    ),
    "P35 a property that is not declared": (
        "{ ?entity ^owl:onProperty|^rdfs:subPropertyOf|^owl:inverseOf|rdfs:domain|rdfs:range ?x } "
        f"{OURS} FILTER NOT EXISTS {{ ?entity a ?kind "
        "VALUES ?kind { owl:ObjectProperty owl:DatatypeProperty owl:AnnotationProperty } }",
        "ink:new rdfs:domain ink:Claim .",
    ),
    "P36 a file's ending in the ontology's address": (
        r'?entity a owl:Ontology FILTER(REGEX(STR(?entity), "\\.(ttl|owl|rdf|n3)$"))',
        "<https://w3id.org/inkludering/ont.ttl> a owl:Ontology .",
    ),
    "P38 no declaration of the ontology": (
        f"VALUES ?entity {{ <{ONTOLOGY}> }} FILTER NOT EXISTS {{ ?entity a owl:Ontology }}",
        "",
    ),
    "P39 two ontologies in one": (
        "?entity a owl:Ontology . ?other a owl:Ontology FILTER(?entity != ?other)",
        "<https://w3id.org/inkludering/another> a owl:Ontology .",
    ),
    "P40 another vocabulary's term redefined": (
        f'?entity ?property ?value FILTER(ISIRI(?entity) && !STRSTARTS(STR(?entity), "{ONTOLOGY}")) '
        "FILTER(?property IN "
        "(rdfs:subClassOf, rdfs:subPropertyOf, rdfs:domain, rdfs:range, rdfs:label, skos:definition))",
        "foaf:page rdfs:domain ink:Claim .",
    ),
    "P41 no licence": (
        "?entity a owl:Ontology FILTER NOT EXISTS { ?entity dct:license ?value FILTER(ISIRI(?value)) }",
        "<https://w3id.org/inkludering/another> a owl:Ontology .",
    ),
}
FAULTS = {**REPORT, **PITFALLS}
ABSENCES = [name for name, (_, planted) in FAULTS.items() if not planted]


@pytest.fixture(scope="module")
def axioms(home: Path) -> str:
    """The core of the ontology and its supplement as Turtle."""
    folder = home / "ontology"
    paths = [folder / "kgraph.ttl", folder / "dl.ttl", *sorted((folder / "modules").glob("*.ttl"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


@lru_cache(maxsize=1)
def loaded(turtle: str) -> Store:
    """A store with what a text says, kept for the next query, which is mostly of the same text."""
    store = Store()
    store.load(turtle.encode(), format=RdfFormat.TURTLE)
    return store


@cache
def found(turtle: str, query: str) -> frozenset[str]:
    """The entities that a query for a fault finds, by their names."""
    rows = loaded(turtle).query(f"{HEADER}SELECT DISTINCT ?entity WHERE {{ {query} }}")
    assert isinstance(rows, QuerySolutions)
    return frozenset(str(row["entity"]).strip("<>").removeprefix(TERMS) for row in rows)


@pytest.fixture(scope="module")
def exceptions(repository: Path) -> dict[str, set[str]]:
    """The terms that are meant to be as a check would not have them, by the check's name."""
    waivers = tomllib.loads((repository / "tests/knowledge/gate-waivers.toml").read_text(encoding="utf-8"))
    return {
        entry["part"]: set(entry["terms"])
        for entry in waivers["waiver"]
        if entry.get("gate") in ("G8", "G9") and "terms" in entry
    }


@pytest.mark.parametrize("name", FAULTS)
def test_the_ontology_is_free_of(name: str, axioms: str, exceptions: dict[str, set[str]]) -> None:
    """No term has the fault, save those that the waivers name with a reason; none of these is named in vain."""
    assert found(axioms, FAULTS[name][0]) == exceptions.get(name, set())


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ABSENCES])
def test_a_planted_fault_is_found(name: str, axioms: str) -> None:
    """With the fault planted, the query finds more than before."""
    query, planted = FAULTS[name]
    assert found(f"{axioms}\n{HEADER}{planted}", query) - found(axioms, query)


@pytest.mark.parametrize("name", ABSENCES)
def test_what_is_missing_from_an_empty_ontology_is_found(name: str) -> None:
    """Where the fault is that something lacks, an ontology without statements has it."""
    assert found("", FAULTS[name][0])


def test_exceptions_belong_to_checks(exceptions: dict[str, set[str]]) -> None:
    """No waiver names a check that does not exist."""
    assert exceptions.keys() <= FAULTS.keys()
