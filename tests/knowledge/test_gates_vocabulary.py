"""Our schemes against SKOS-AP-NO-Begrep and the integrity conditions of SKOS (G12), and their mappings (G14)."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rdflib import DCTERMS, RDF, SKOS, Graph, Literal, URIRef
from rdflib.term import Node

from kgraph.vocabulary import CONCEPTS

LABELS = (SKOS.prefLabel, SKOS.altLabel, SKOS.hiddenLabel)
STRENGTH = {"related": 0, "broad": 1, "narrow": 1, "close": 2, "exact": 3}
MATCHES = {SKOS[f"{kind}Match"]: kind for kind in STRENGTH}


@pytest.fixture(scope="module")
def vocabulary(home: Path) -> Graph:
    """The schemes and their concepts."""
    graph = Graph()
    for path in sorted((home / "data/ttl/vocabulary").glob("*.ttl")):
        graph.parse(path)
    return graph


@pytest.fixture(scope="module")
def concepts(vocabulary: Graph) -> list[URIRef]:
    """The concepts, sorted."""
    found = sorted(URIRef(str(s)) for s in set(vocabulary.subjects(RDF.type, SKOS.Concept)))
    assert len(found) > 300
    return found


@pytest.fixture(scope="module")
def links(home: Path) -> Graph:
    """What the data say of other data sets."""
    graph = Graph()
    for path in sorted((home / "data/ttl/links").glob("*.ttl")):
        graph.parse(path)
    return graph


def texts(graph: Graph, subject: Node, predicate: URIRef) -> list[Literal]:
    """The texts that a resource has with a property."""
    return [text for text in graph.objects(subject, predicate) if isinstance(text, Literal)]


@pytest.mark.parametrize("predicate", [SKOS.prefLabel, SKOS.definition])
def test_a_concept_is_named_and_defined_in_both_norwegian_languages(
    vocabulary: Graph, concepts: list[URIRef], predicate: URIRef
) -> None:
    """The profile asks for one term in each and for a definition; ours are in English too."""
    lacking = [
        c for c in concepts if sorted(str(t.language) for t in texts(vocabulary, c, predicate)) != ["en", "nb", "nn"]
    ]
    assert lacking == []


def test_a_concept_has_one_identifier_which_ends_its_address(vocabulary: Graph, concepts: list[URIRef]) -> None:
    """The profile asks for one identifier; ours is the last part of the concept's address."""
    wrong = [
        c for c in concepts if [str(t) for t in vocabulary.objects(c, DCTERMS.identifier)] != [c.rpartition("/")[2]]
    ]
    assert wrong == []


def test_a_scheme_is_titled_described_and_identified(vocabulary: Graph) -> None:
    """Each scheme has title and description in three languages and an identifier, and its concepts lie below it."""
    schemes = set(vocabulary.subjects(RDF.type, SKOS.ConceptScheme))
    assert len(schemes) > 15
    for scheme in schemes:
        for predicate in (DCTERMS.title, DCTERMS.description, SKOS.prefLabel):
            assert sorted(str(t.language) for t in texts(vocabulary, scheme, predicate)) == ["en", "nb", "nn"], scheme
        assert [str(t) for t in vocabulary.objects(scheme, DCTERMS.identifier)] == [str(scheme).removeprefix(CONCEPTS)]
    for concept, scheme in vocabulary.subject_objects(SKOS.inScheme):
        assert scheme in schemes and str(concept).startswith(f"{scheme}/"), concept


def test_labels_of_a_concept_are_disjoint(vocabulary: Graph, concepts: list[URIRef]) -> None:
    """No text is a concept's preferred and alternative label at once (S13), nor preferred twice in a language (S14)."""
    for concept in concepts:
        found = [text for predicate in LABELS for text in texts(vocabulary, concept, predicate)]
        assert len(found) == len(set(found)), concept


def test_a_scheme_is_not_a_concept(vocabulary: Graph, concepts: list[URIRef]) -> None:
    """Concepts, schemes and collections are different things (S9, S37)."""
    others = {*vocabulary.subjects(RDF.type, SKOS.ConceptScheme), *vocabulary.subjects(RDF.type, SKOS.Collection)}
    assert others.isdisjoint(concepts)


def test_broader_concepts_form_no_circle_and_stay_in_the_scheme(vocabulary: Graph, concepts: list[URIRef]) -> None:
    """A concept is not broader than itself, and its broader concepts are concepts of the same scheme."""
    known = set(concepts)
    for concept in concepts:
        above = set(vocabulary.transitive_objects(concept, SKOS.broader)) - {concept}
        assert above <= known, concept
        assert all(concept not in set(vocabulary.transitive_objects(other, SKOS.broader)) for other in above), concept
        schemes = set(vocabulary.objects(concept, SKOS.inScheme))
        assert all(set(vocabulary.objects(other, SKOS.inScheme)) == schemes for other in above), concept


def test_related_concepts_are_not_broader_ones(vocabulary: Graph, concepts: list[URIRef]) -> None:
    """What is related is neither above nor below (S27)."""
    for concept in concepts:
        above = set(vocabulary.transitive_objects(concept, SKOS.broader))
        related = set(vocabulary.objects(concept, SKOS.related)) | set(vocabulary.subjects(SKOS.related, concept))
        assert above.isdisjoint(related), concept


def test_top_concepts_are_those_without_a_broader_one(vocabulary: Graph, concepts: list[URIRef]) -> None:
    """Both directions of the link to the scheme are stated, for exactly the concepts that have nothing above them."""
    down = {(concept, scheme) for scheme, concept in vocabulary.subject_objects(SKOS.hasTopConcept)}
    up = set(vocabulary.subject_objects(SKOS.topConceptOf))
    bare = {
        (c, scheme)
        for c in concepts
        if (c, SKOS.broader, None) not in vocabulary
        for scheme in vocabulary.objects(c, SKOS.inScheme)
    }
    assert sorted(down ^ up) == []
    assert sorted(up ^ bare) == []


def mappings(links: Graph) -> Iterator[tuple[str, str, str]]:
    """The matches of our concepts: concept, strength, concept elsewhere."""
    for subject, predicate, value in links:
        if str(subject).startswith(CONCEPTS):
            assert predicate in MATCHES, (subject, predicate)
            yield str(subject), MATCHES[URIRef(str(predicate))], str(value)


def test_mappings_start_from_our_concepts_and_lead_elsewhere(links: Graph, concepts: list[URIRef]) -> None:
    """A mapping is between a concept of ours that exists and one outside, stated once."""
    found = list(mappings(links))
    assert len(found) > 100
    assert {URIRef(subject) for subject, _, _ in found} <= set(concepts)
    assert not [value for _, _, value in found if str(value).startswith(CONCEPTS)]
    assert len({(subject, value) for subject, _, value in found}) == len(found)


def test_no_two_concepts_of_ours_are_exactly_one_elsewhere(links: Graph) -> None:
    """Exact matches carry over: two of ours with the same one would be one concept (S45)."""
    exact = [value for _, strength, value in mappings(links) if strength == "exact"]
    assert sorted(value for value in set(exact) if exact.count(value) > 1) == []


def authority(repository: Path, name: str) -> Path:
    """A file of verified identifiers; it is not part of the repository."""
    folder = Path(os.environ.get("KGRAPH_AUTHORITY", repository.parent / "shared" / "authority"))
    if not (folder / name).is_file():
        pytest.skip("the verified identifiers are not on this machine; KGRAPH_AUTHORITY may name their folder")
    return folder / name


def test_mappings_are_verified_and_no_stronger_than_the_evidence(links: Graph, repository: Path) -> None:
    """Each outside concept was seen in a public file, and a match of medium confidence is never exact."""
    bears: dict[str, int] = {}
    with authority(repository, "concepts.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            named = re.search(r"skos:(\w+)Match", row["suggested_predicate"])
            rank = STRENGTH[named[1]] if named else 0
            sure = rank if row["confidence"] == "high" else min(rank, STRENGTH["close"])
            bears[row["external_uri"]] = max(sure, bears.get(row["external_uri"], 0))
    for subject, strength, value in mappings(links):
        assert STRENGTH[strength] <= bears.get(str(value), -1), (subject, strength, value)


def test_links_of_places_and_bodies_are_verified(links: Graph, repository: Path) -> None:
    """What a place, country or body is said to be the same as stands in a table of verified identifiers."""
    names = ("municipalities.csv", "counties.csv", "countries.csv", "organisations.csv")
    tables = "\n".join(authority(repository, name).read_text(encoding="utf-8") for name in names)
    known = set(re.findall(r"[\w:/.#-]+", tables))
    for subject, predicate, value in links:
        if predicate in MATCHES and not str(subject).startswith(CONCEPTS):
            address = str(value).rstrip("/")
            assert {address, f"{address}/", address.rpartition("/")[2]} & known, (subject, value)
