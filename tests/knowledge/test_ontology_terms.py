"""The ontology as a document: every term is named, explained and shown in use, and nothing is used undeclared."""

from __future__ import annotations

import re
from pathlib import Path

import pyoxigraph as ox
import pytest
from rdflib import OWL, RDF, RDFS, SKOS, BNode, Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, FOAF, GEO, ORG, PROV, QB, SDO, TIME, DefinedNamespace

from kgraph.dataset import load_text
from kgraph.reasoning import check_rl_profile
from kgraph.vocabulary import ONTOLOGY, PREFIXES, TERMS

LANGUAGES = {"nn", "nb", "en"}
KINDS = (OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty)
HEADER = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
KNOWN_ELSEWHERE: tuple[type[DefinedNamespace], ...] = (DCTERMS, FOAF, GEO, ORG, PROV, QB, SDO, SKOS, TIME)


def load(paths: list[Path]) -> Graph:
    """The triples of several Turtle files."""
    graph = Graph()
    for path in paths:
        graph.parse(path)
    return graph


def ours(turtle: str) -> set[URIRef]:
    """The terms of our own namespace that stand anywhere in a Turtle text."""
    nodes = (node for quad in ox.parse(turtle, format=ox.RdfFormat.TURTLE) for node in quad.triple)
    return {URIRef(node.value) for node in nodes if isinstance(node, ox.NamedNode) and node.value.startswith(TERMS)}


@pytest.fixture(scope="module")
def core(home: Path) -> Graph:
    """``kgraph.ttl`` and the modules."""
    return load([home / "ontology" / "kgraph.ttl", *sorted((home / "ontology" / "modules").glob("*.ttl"))])


@pytest.fixture(scope="module")
def terms(core: Graph) -> list[URIRef]:
    """The terms that the core declares, sorted."""
    return sorted({s for kind in KINDS for s in core.subjects(RDF.type, kind) if str(s).startswith(TERMS)})


def texts(core: Graph, term: URIRef, predicate: URIRef) -> dict[str, str]:
    """The texts of a term by language; fails if a language comes twice."""
    found = [o for o in core.objects(term, predicate) if isinstance(o, Literal)]
    assert len({o.language for o in found}) == len(found), f"{term} says {predicate} twice in one language"
    return {str(o.language): str(o) for o in found}


@pytest.mark.parametrize("predicate", [RDFS.label, SKOS.definition])
def test_every_term_is_named_and_explained_in_three_languages(
    core: Graph, terms: list[URIRef], predicate: URIRef
) -> None:
    """One label and one definition each in Nynorsk, Bokmål and English, without stray spaces."""
    assert len(terms) > 200
    for term in terms:
        found = texts(core, term, predicate)
        assert set(found) == LANGUAGES, term
        for text in found.values():
            assert text == " ".join(text.split()), term


def test_no_two_terms_of_a_kind_share_a_label(core: Graph, terms: list[URIRef]) -> None:
    """Two classes, or two properties, never look the same in a list."""
    seen: dict[tuple[bool, str, str], URIRef] = {}
    for term in terms:
        is_class = (term, RDF.type, OWL.Class) in core
        for language, label in texts(core, term, RDFS.label).items():
            other = seen.setdefault((is_class, language, label), term)
            assert other == term, f"{term} and {other} are both called {label}"


def test_definitions_end_in_a_stop_and_differ_between_the_norwegian_languages(core: Graph, terms: list[URIRef]) -> None:
    """A definition is a sentence; where Nynorsk and Bokmål agree to the letter, every word must be common to both."""
    same = set()
    for term in terms:
        found = texts(core, term, SKOS.definition)
        assert all(text.endswith(".") for text in found.values()), term
        if found["nn"] == found["nb"]:
            same.add(str(term).removeprefix(TERMS))
    assert len(same) < 15, sorted(same)


def test_every_term_has_an_example_that_uses_it(core: Graph, terms: list[URIRef]) -> None:
    """The example is Turtle with the project's prefixes, and the term stands in it."""
    for term in terms:
        examples = list(core.objects(term, SKOS.example))
        assert len(examples) == 1, term
        assert term in ours(HEADER + str(examples[0])), f"the example of {term} does not use it"


def test_every_term_says_which_ontology_it_belongs_to(core: Graph, terms: list[URIRef]) -> None:
    """``rdfs:isDefinedBy`` leads from each term to the ontology."""
    for term in terms:
        assert list(core.objects(term, RDFS.isDefinedBy)) == [URIRef(ONTOLOGY)], term


def test_names_follow_the_convention(core: Graph, terms: list[URIRef]) -> None:
    """Classes are written UpperCamel, properties lowerCamel, without Norwegian letters."""
    for term in terms:
        pattern = "[A-Z][A-Za-z]*" if (term, RDF.type, OWL.Class) in core else "[a-z][A-Za-z]*"
        assert re.fullmatch(pattern, str(term).removeprefix(TERMS)), term


def test_the_ontology_says_who_made_it_and_how_it_may_be_used(core: Graph) -> None:
    """Title and description in three languages, licence, version, prefix and maker; nothing is imported."""
    node = URIRef(ONTOLOGY)
    for predicate in (DCTERMS.title, DCTERMS.description):
        assert set(texts(core, node, predicate)) == LANGUAGES
    version = str(core.value(node, OWL.versionInfo))
    assert core.value(node, OWL.versionIRI) == URIRef(f"{ONTOLOGY}/{version}")
    assert core.value(node, DCTERMS.license) == URIRef("https://creativecommons.org/licenses/by/4.0/")
    assert str(core.value(node, URIRef(PREFIXES["vann"] + "preferredNamespaceUri"))) == TERMS
    assert str(core.value(node, URIRef(PREFIXES["vann"] + "preferredNamespacePrefix"))) == "ink"
    assert core.value(node, DCTERMS.creator) is not None
    assert not list(core.triples((None, OWL.imports, None)))


@pytest.mark.parametrize("folder", ["ontology", "ontology/modules", "ontology/alignments", "ontology/examples"])
def test_no_file_of_the_ontology_uses_an_undeclared_term(home: Path, terms: list[URIRef], folder: str) -> None:
    """Each term of ours that stands in a file is declared by a module."""
    for path in sorted((home / folder).glob("*.ttl")):
        assert ours(load_text(path)) <= set(terms), path


def test_data_and_shapes_use_no_undeclared_term(home: Path, terms: list[URIRef]) -> None:
    """Nor is a term made up in the data or in a shape."""
    paths = [*(home / "data" / "ttl").rglob("*.ttl"), *(home / "ontology" / "shapes").glob("*.ttl")]
    for path in sorted(paths):
        assert ours(load_text(path)) - set(terms) - {URIRef(TERMS)} == set(), path


def test_the_core_keeps_to_owl_2_rl(core: Graph) -> None:
    """Rule engines and description logic reasoners read all of it."""
    assert check_rl_profile(core) == ()


def test_the_supplement_introduces_no_term(home: Path) -> None:
    """``dl.ttl`` only adds axioms: nothing is declared or named there."""
    supplement = load([home / "ontology" / "dl.ttl"])
    assert not [s for kind in KINDS for s in supplement.subjects(RDF.type, kind) if not isinstance(s, BNode)]
    assert not list(supplement.subject_objects(RDFS.label))


def test_alignments_never_leak_into_the_core(home: Path, core: Graph) -> None:
    """No axiom on our terms names an outside class or property, and outside terms are declared, no more."""
    logic = core + load([home / "ontology" / "dl.ttl"])
    about_terms = (RDFS.subClassOf, RDFS.subPropertyOf, RDFS.domain, RDFS.range, OWL.equivalentClass, OWL.inverseOf)
    for predicate in (*about_terms, OWL.equivalentProperty, OWL.sameAs, SKOS.closeMatch, SKOS.exactMatch):
        for subject, value in logic.subject_objects(predicate):
            assert isinstance(subject, BNode) or str(subject).startswith(TERMS), (subject, predicate, value)
            allowed = (TERMS, PREFIXES["xsd"])
            assert isinstance(value, BNode) or str(value).startswith(allowed), (subject, predicate, value)
    outside = {s for s in core.subjects() if isinstance(s, URIRef) and not str(s).startswith((TERMS, ONTOLOGY))}
    for term in outside:
        assert set(core.predicates(term)) == {RDF.type}, term


def test_alignments_start_from_our_terms_and_name_their_source(home: Path, terms: list[URIRef]) -> None:
    """Each file says which vocabulary it relates to, and speaks of our terms and coded values only."""
    paths = sorted((home / "ontology" / "alignments").glob("*.ttl"))
    assert len(paths) >= 12
    for path in paths:
        graph = load([path])
        headers = list(graph.subjects(RDF.type, OWL.Ontology))
        assert len(headers) == 1 and graph.value(headers[0], DCTERMS.source), path
        assert {str(o.language) for o in graph.objects(headers[0], DCTERMS.title)} == LANGUAGES
        for subject in set(graph.subjects()) - set(headers):
            assert subject in terms or str(subject).startswith(PREFIXES["direction"]), subject


def test_alignments_name_terms_that_exist(home: Path) -> None:
    """Where the vocabulary's list of terms is at hand, each outside term that is named stands in it."""
    checked = 0
    for path in sorted((home / "ontology" / "alignments").glob("*.ttl")):
        for term in set(load([path]).objects()):
            for namespace in KNOWN_ELSEWHERE:
                base = str(namespace._NS)
                if isinstance(term, URIRef) and str(term).startswith(base) and str(term) != base:
                    assert str(term).removeprefix(base) in namespace, f"{path.name}: {term}"
                    checked += 1
    assert checked > 50
