"""Ontology and data together: consistent as they are, and not with a defect planted in the data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rdflib import Graph

from kgraph.reasoning import (
    ConsistencyResult,
    Statement,
    build_dl_view,
    check_consistency,
    check_statements,
    consistency,
    find_java,
)
from kgraph.vocabulary import PREFIXES

HEADER = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
needs_java = pytest.mark.skipif(find_java() is None, reason="the reasoner needs Java, which is not on this machine")

DEFECTS = {
    "a study that is its own report": "doc:ramboll-2009 a ink:Report , ink:Study .",
    "a measure with measures of its own": "measure:a ink:partOfProject measure:b . "
    "measure:b ink:partOfProject project:p .",
    "a measure in two kinds of role": "measure:a a ink:Measure ; ink:carriedOutIn municipality:1133-hjelmeland .",
    "a finding that is a goal": "finding:a a ink:Finding . project:p ink:hasGoal finding:a .",
    "a line for and against": "line:a ink:evidenceDirection direction:supports , direction:disputes .",
    "a line of two claims": "success:a a ink:SuccessFactor ; ink:hasEvidenceLine line:a . "
    "challenge:a a ink:Challenge ; ink:hasEvidenceLine line:a .",
    "a locator in a study": "loc:a ink:locatedIn study:a . study:a a ink:Study .",
    "two municipality numbers": 'municipality:a ink:municipalityNumber "1133" , "1134" .',
    "a county with a municipality number": 'county:a a ink:County ; ink:municipalityNumber "11" .',
    "places within each other": "county:a ink:directlyWithin municipality:a . "
    "municipality:a ink:directlyWithin county:a .",
    "a version that replaces itself": "municipality:a ink:directlyReplacedBy municipality:a .",
    "a document that cites itself": "doc:a ink:cites doc:a .",
    "two publication years": "doc:a ink:publicationYear 2009 , 2010 .",
    "a year that is text": 'doc:a ink:publicationYear "2009" .',
    "two first days": 'municipality:a ink:validFrom "2018-01-01"^^xsd:date , "2020-01-01"^^xsd:date .',
    "success factor and challenge at once": "success:a a ink:SuccessFactor , ink:Challenge .",
    "claims that contradict and corroborate": "finding:a ink:contradicts finding:b ; ink:corroborates finding:b .",
    "an effect in two directions": "finding:a ink:effectDirection effect:increase , effect:decrease .",
    "a factor that is a measure type": "factor:a a ink:Factor , ink:MeasureType .",
    "a person who is an organisation": "person:a a ink:Person , ink:Organisation .",
    "an observation in two tables": "obs:a a ink:Observation ; qb:dataSet table:a , table:b . "
    "table:a ink:multipleResponse true . table:b ink:multipleResponse false .",
    "an observation of a person": "obs:a a ink:Observation ; sdmx-dimension:refArea person:a . person:a a ink:Person .",
}

DEFECTS_AMONG_RECORDS = {
    "a line of two studies": "line:a ink:fromStudy study:a , study:b . study:a a ink:Study . study:b a ink:Study .",
    "two municipalities with one number and day": 'municipality:a a ink:Municipality ; ink:municipalityNumber "1133" ; '
    'ink:validFrom "1965-01-01"^^xsd:date . municipality:b a ink:Municipality ; ink:municipalityNumber "1133" ; '
    'ink:validFrom "1965-01-01"^^xsd:date .',
    "two reports with one number": 'doc:a a ink:Report ; ink:publisher org:a ; ink:series "S" ; ink:reportNumber "1" ; '
    'ink:publicationYear 2009 . doc:b a ink:Report ; ink:publisher org:a ; ink:series "S" ; ink:reportNumber "1" ; '
    "ink:publicationYear 2009 .",
}
"""Defects that show only when two names are known to mean two things."""


def triples(graph: Graph) -> Iterator[Statement]:
    """The triples of a graph as N-Triples terms."""
    for s, p, o in graph:
        yield s.n3(), p.n3(), o.n3()


def terms(turtle: str) -> Iterator[Statement]:
    """The triples of a Turtle text as N-Triples terms."""
    return triples(Graph().parse(data=HEADER + turtle, format="turtle"))


def planted(folder: Path, ontology: Path, turtle: str) -> Path:
    """A home with the real ontology and the data given."""
    data = folder / "data" / "ttl" / "report"
    data.mkdir(parents=True)
    (folder / "queries").mkdir()
    shutil.copytree(ontology, folder / "ontology", ignore=shutil.ignore_patterns("shapes", "examples"))
    (data / "planted.ttl").write_text(HEADER + turtle, encoding="utf-8")
    return folder


@needs_java
def test_the_real_ontology_and_data_are_consistent(home: Path) -> None:
    """Every class can have a member, all data can be true at once, and no two records share a key."""
    result = check_consistency(home)
    assert result.passed, result.detail
    assert result.detail.startswith("ontology and data: ")


@needs_java
def test_the_worked_examples_and_the_examples_of_the_terms_are_consistent(home: Path, tmp_path: Path) -> None:
    """What the ontology shows as right is right by its own axioms."""
    shown = Graph()
    for path in sorted((home / "ontology" / "modules").glob("*.ttl")):
        for example in Graph().parse(path).objects(None, shown.namespace_manager.expand_curie("skos:example")):
            shown.parse(data=HEADER + str(example), format="turtle")
    for path in sorted((home / "ontology" / "examples").glob("*.ttl")):
        shown.parse(path)
    result = check_consistency(planted(tmp_path, home / "ontology", shown.serialize(format="nt")))
    assert result.passed, result.detail


@needs_java
def test_each_planted_defect_is_found(home: Path) -> None:
    """Over twenty ways to go wrong in a record, each of which contradicts the ontology."""
    ontology = Graph()
    for path in (*sorted((home / "ontology" / "modules").glob("*.ttl")), home / "ontology" / "kgraph.ttl"):
        ontology.parse(path)
    axioms = list(triples(ontology))
    records = [[*axioms, *terms(text)] for text in DEFECTS.values()]
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(check_statements, records))
    missed = {name for name, result in zip(DEFECTS, results, strict=True) if result.consistent is not False}
    assert len(DEFECTS) > 20 and missed == set()
    assert all(result.checked and not result.passed for result in results)


@needs_java
@pytest.mark.parametrize("name", DEFECTS_AMONG_RECORDS)
def test_records_that_cannot_be_two_things_are_found(home: Path, tmp_path: Path, name: str) -> None:
    """Names in curated lists mean different things, and keys tell records apart."""
    result = check_consistency(planted(tmp_path, home / "ontology", DEFECTS_AMONG_RECORDS[name]))
    assert result.checked and result.consistent is False


@needs_java
def test_a_class_that_can_have_no_member_is_named(home: Path, tmp_path: Path) -> None:
    """An ontology may be consistent and still hold a class that nothing can belong to."""
    folder = planted(tmp_path, home / "ontology", "finding:a a ink:Finding .")
    extra = "ink:Oxymoron a owl:Class ; rdfs:subClassOf ink:Finding , ink:Goal ."
    (folder / "ontology" / "modules" / "extra.ttl").write_text(HEADER + extra, encoding="utf-8")
    result = check_consistency(folder)
    assert result.checked and result.consistent
    assert result.unsatisfiable == (PREFIXES["ink"] + "Oxymoron",)
    assert not result.passed


def test_without_java_nothing_is_said_to_have_passed(tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no Java is found, the result says that nothing was checked and how to change that."""
    monkeypatch.setattr(consistency, "find_java", lambda: None)
    result = check_consistency(tiny_home)
    assert result == ConsistencyResult(False, None, (), result.detail)
    assert not result.passed
    assert "not checked" in result.detail and "Java" in result.detail


def test_a_java_that_does_not_start_is_no_answer(
    tiny_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken Java gives no verdict either."""
    monkeypatch.setattr(consistency, "find_java", lambda: str(tmp_path / "java"))
    result = check_consistency(tiny_home)
    assert not result.checked and not result.passed and "could not be started" in result.detail


@needs_java
def test_a_reasoner_that_takes_too_long_is_no_answer(tiny_home: Path) -> None:
    """Past its time the reasoner is stopped, and nothing is said to have passed."""
    result = check_consistency(tiny_home, timeout_seconds=0.01)
    assert not result.checked and "did not finish within 0.01 s" in result.detail


DECLARED = """
ink:A a owl:Class . ink:link a owl:ObjectProperty .
ink:value a owl:DatatypeProperty . ink:text a owl:AnnotationProperty .
"""


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ('doc:a ink:text "for people"@nn .', "annotation"),
        ('doc:a rdfs:label "for people"@nn .', "annotation"),
        ("doc:a ink:unheardOf doc:b .", "undeclared"),
        ("doc:a a ink:UnheardOf .", "undeclared"),
        ('doc:a ink:link "text" .', "literal"),
        ("doc:a ink:value doc:b .", "datatype"),
        ('doc:a ink:value "2010"^^xsd:gYear .', "datatype"),
        ('doc:a ink:value "ten"^^xsd:integer .', "datatype"),
        ('doc:a ink:value "2010-02-30"^^xsd:date .', "datatype"),
    ],
)
def test_what_a_reasoner_cannot_read_is_left_out_and_counted(statement: str, reason: str) -> None:
    """Texts, undeclared terms and values outside OWL's datatypes stay out of the view."""
    view = build_dl_view(terms(DECLARED + statement))
    assert dict(view.left_out) == {reason: 1}
    assert len(view.statements) == 4


def test_a_date_is_read_as_the_instant_at_which_it_begins() -> None:
    """OWL 2 has no dates, but it has instants, so that two first days still contradict each other."""
    view = build_dl_view(terms(DECLARED + 'doc:a ink:value "2018-01-01"^^xsd:date .'))
    assert '"2018-01-01T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime>' in view.to_ntriples()
    assert not view.left_out


def test_keys_can_be_held_out_of_a_view_with_their_lists() -> None:
    """Nothing of a key is left behind."""
    view = build_dl_view(terms(DECLARED + "ink:A owl:hasKey ( ink:value ink:link ) ."))
    assert "hasKey" in view.to_ntriples()
    bare = view.without_keys().to_ntriples()
    assert "hasKey" not in bare and "rdf-syntax-ns#first" not in bare
