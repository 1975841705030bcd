"""Compact JSON-LD means what the statements say that it is made of, to two readers that have nothing in common."""

from __future__ import annotations

import io
import json

import pyoxigraph as ox
import pytest
from rdflib import Graph
from rdflib.compare import isomorphic

from kgraph.formats import JSON_LD, JSON_LD_EXPANDED, N_TRIPLES
from kgraph.store.answers import write_triples
from kgraph.vocabulary import PREFIXES

_DECLARED = {**PREFIXES, "e": "https://example.org/"}
_HEAD = "".join(f"@prefix {name}: <{base}> .\n" for name, base in _DECLARED.items())
SOUND = [
    "e:a a ink:Claim , e:B ; skos:prefLabel 'ein'@nn , 'en'@nb ; ink:year 1998 .",
    "e:a e:p e:b . e:b e:p _:x . _:x e:q 'z' . _:y e:q _:x .",
    "e:a e:n 7 , -7 , 0 , 7.30 , 1.0e3 , true , false ; e:d '2001-02-03'^^xsd:date .",
    "e:a e:n '007'^^xsd:integer , '-0'^^xsd:integer , 12345678901234567890 , '1'^^xsd:boolean , 'x'^^xsd:integer .",
    "e:a e:l (1 'two' e:three) ; e:empty () .",
    "e:a e:p <skos:broader> , <dct:x> , <urn:x:y> , <ink:> .",
    "e:a e:p <http://www.w3.org/2004/02/skos/core#//x> , <http://www.w3.org/2004/02/skos/core#> .",
    r"""e:a rdf:type 'no class' ; e:p '<&>\"\n\u2028' , '' .""",
    "e:a e:p '@id' , '_:b' ; e:json '{}'^^rdf:JSON .",
    "skos:prefLabel rdfs:subPropertyOf rdfs:label .",
]


def written(turtle: str) -> tuple[list[ox.Triple], bytes]:
    """Return statements, and what they are in JSON-LD."""
    triples = [quad.triple for quad in ox.parse(_HEAD + turtle, format=ox.RdfFormat.TURTLE)]
    output = io.BytesIO()
    write_triples(triples, JSON_LD, output)
    return triples, output.getvalue()


def canonical(quads: object) -> set[str]:
    """Return statements with blank nodes named alike in equal graphs."""
    dataset = ox.Dataset(quads)
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    return {str(quad) for quad in dataset}


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
@pytest.mark.parametrize("turtle", SOUND)
def test_what_is_read_back_is_what_was_written(turtle: str) -> None:
    """By the engine's reader, term by term, and by that of rdflib."""
    triples, document = written(turtle)
    assert isinstance(json.loads(document), dict)
    assert canonical(ox.parse(document, format=ox.RdfFormat.JSON_LD)) == canonical(ox.Quad(*each) for each in triples)
    plain = io.BytesIO()
    write_triples(triples, N_TRIPLES, plain)
    read = Graph().parse(data=document.decode(), format="json-ld")
    assert isomorphic(read, Graph().parse(data=plain.getvalue().decode(), format="nt"))


def test_the_context_has_the_prefixes_that_are_used_and_no_others() -> None:
    """One subject stands at the top, several in a graph; a value alone has no brackets."""
    one = json.loads(written("<a:a> a ink:Claim ; skos:prefLabel 'x' ; ink:year 1998 .")[1])
    assert one == {
        "@context": {"ink": PREFIXES["ink"], "skos": PREFIXES["skos"]},
        "@id": "a:a",
        "@type": "ink:Claim",
        "skos:prefLabel": "x",
        "ink:year": 1998,
    }
    two = json.loads(written("<a:a> skos:broader <a:b> , <a:c> . <a:b> skos:broader <a:c> .")[1])
    assert [node["@id"] for node in two["@graph"]] == ["a:a", "a:b"]
    assert two["@graph"][0]["skos:broader"] == [{"@id": "a:b"}, {"@id": "a:c"}]


def test_very_many_statements_are_expanded_as_they_come() -> None:
    """So that a large answer does not stand in memory as a whole."""
    subject, predicate = ox.NamedNode("a:s"), ox.NamedNode("a:p")
    output = io.BytesIO()
    write_triples((ox.Triple(subject, predicate, ox.Literal(n)) for n in range(20_000)), JSON_LD, output)
    assert isinstance(json.loads(output.getvalue()), list)
    output = io.BytesIO()
    write_triples([ox.Triple(subject, predicate, ox.Literal(1))], JSON_LD_EXPANDED, output)
    assert isinstance(json.loads(output.getvalue()), list)
