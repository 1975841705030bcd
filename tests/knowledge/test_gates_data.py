"""The data as a whole: printed tables (009-011), the literature (017, 018), and where each record stands (G16)."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from kgraph.dataset import load_dataset
from kgraph.formats import JSON_RESULTS
from kgraph.store.base import Query, read_table
from kgraph.store.embedded import EmbeddedStore, open_store
from kgraph.vocabulary import PREFIXES

HEADER = "".join(f"PREFIX {prefix}: <{namespace}>\n" for prefix, namespace in PREFIXES.items())
SHARES = """
SELECT ?area ?whole ?work ?education ?erratum WHERE {
  VALUES ?table { table:after-introduction-programme-2007 }
  ?o qb:dataSet ?table ; sdmx-dimension:refArea ?area ; ink:share ?whole ;
    ink:outcomeDimension outcome:work-or-education .
  ?p qb:dataSet ?table ; sdmx-dimension:refArea ?area ; ink:outcomeDimension outcome:employment ; ink:share ?work .
  ?q qb:dataSet ?table ; sdmx-dimension:refArea ?area ; ink:outcomeDimension outcome:education ; ink:share ?education .
  OPTIONAL { ?erratum ink:erratumAbout ?o ; ink:erratumKind erratumkind:rounding }
}
"""
CLASSES = """
SELECT DISTINCT ?class ?lower ?upper WHERE {
  ?o qb:dataSet table:entitled-to-language-training-2010 ; ink:sizeClassDimension ?class .
  ?class ink:lowerBound ?lower . OPTIONAL { ?class ink:upperBound ?upper }
  FILTER(?class != sizeclass:all)
} ORDER BY ?lower
"""
ORPHANS = """
SELECT ?document WHERE {
  ?document a/rdfs:subClassOf* ink:Document .
  FILTER NOT EXISTS { ?anything ?refers ?document }
  FILTER NOT EXISTS { ?document ink:listedIn|ink:isPartOfDocument ?list }
}
"""
UNLISTED = """
SELECT DISTINCT ?document WHERE {
  ?citing ink:cites ?document .
  FILTER NOT EXISTS { ?document ink:listedIn ?citing }
  FILTER NOT EXISTS { ?document a ink:Website }
  FILTER NOT EXISTS { ?erratum ink:erratumAbout ?document }
}
"""
NOWHERE = """
SELECT ?resource ?class WHERE {
  GRAPH graph:report { ?resource a ?class }
  FILTER NOT EXISTS { ?resource ink:hasLocator|dct:source ?place }
  FILTER NOT EXISTS { ?resource ink:hasEvidenceLine/ink:hasLocator ?place }
  FILTER NOT EXISTS { ?table qb:structure/qb:component? ?resource . ?table ink:hasLocator ?place }
  FILTER(?class NOT IN (ink:EvidenceLocator, ink:TextSpan))
}
"""
INCOMPLETE = """
SELECT ?locator WHERE {
  ?locator a ink:EvidenceLocator .
  FILTER NOT EXISTS { ?locator ink:locatedIn/ink:textDigest ?digest ; ink:hasSpan/ink:spanDigest ?words }
}
"""
FOREIGN = """
SELECT ?s WHERE {
  GRAPH graph:report { ?s ?p ?o }
  FILTER(!STRSTARTS(STR(?s), STR(graph:)) && !STRSTARTS(STR(?s), "https://w3id.org/inkludering/id/"))
}
"""


@pytest.fixture(scope="module")
def store(home: Path) -> EmbeddedStore:
    """The repository's dataset in the engine."""
    return open_store(load_dataset(home))


def ask(store: EmbeddedStore, query: str) -> list[dict[str, str]]:
    """The rows of an answer, resources by the last part of their addresses."""
    rows = read_table(store.query(Query(HEADER + query, None, {}), JSON_RESULTS).read()).rows
    return [{name: term.value.rpartition("/")[2] for name, term in row.items() if term} for row in rows]


def waived(repository: Path, constraint: str) -> set[str]:
    """The records that a waiver excepts from a constraint."""
    waivers = tomllib.loads((repository / "tests/knowledge/gate-waivers.toml").read_text(encoding="utf-8"))["waiver"]
    return {term for entry in waivers if entry.get("constraint") == constraint for term in entry.get("terms", ())}


def test_parts_add_up_to_the_printed_whole_or_an_erratum_says_so(store: EmbeddedStore) -> None:
    """In table 2 the shares in work and in education differ from their sum by one at most, always with an erratum."""
    rows = ask(store, SHARES)
    assert len(rows) >= 19
    for row in rows:
        off = abs(Decimal(row["whole"]) - Decimal(row["work"]) - Decimal(row["education"]))
        assert off <= 1, row
        assert ("erratum" in row) == (off == 1), row


def test_the_shares_of_the_counties_add_up_to_a_hundred(store: EmbeddedStore) -> None:
    """Table 1 has all 19 counties, and their shares are the whole country's."""
    rows = ask(
        store,
        "SELECT ?area ?share WHERE { ?o qb:dataSet table:refugee-background-by-county-2009 ; "
        "sdmx-dimension:refArea ?area ; ink:share ?share . ?area a ink:County }",
    )
    assert len({row["area"] for row in rows}) == len(rows) == 19
    assert sum(Decimal(row["share"]) for row in rows) == 100


@pytest.mark.parametrize("unit", ["municipalities", "persons"])
def test_the_classes_add_up_to_the_printed_total(store: EmbeddedStore, unit: str) -> None:
    """The counts of table 3 sum to the total in its last row."""
    rows = ask(
        store,
        "SELECT ?o ?class ?count WHERE { ?o qb:dataSet table:entitled-to-language-training-2010 ; "
        "ink:sizeClassDimension ?class ; ink:count ?count }",
    )
    counts = {row["class"]: int(row["count"]) for row in rows if row["o"].endswith(unit)}
    total = counts.pop("all")
    assert len(counts) == 7 and sum(counts.values()) == total


def test_each_gap_and_overlap_of_classes_has_an_erratum(store: EmbeddedStore) -> None:
    """Two classes of table 3 that leave a number out, or share one, stand in an erratum that says which."""
    rows = ask(store, CLASSES)
    seen = set()
    for one, other in pairwise(rows):
        step = int(other["lower"]) - int(one["upper"])
        if step != 1:
            seen.add(("class-gap" if step > 1 else "class-overlap", one["class"], other["class"]))
    told = ask(
        store,
        "SELECT ?kind ?one ?other WHERE { VALUES ?kind { erratumkind:class-gap erratumkind:class-overlap } "
        "?e ink:erratumKind ?kind ; ink:erratumAbout ?one , ?other . ?one ink:lowerBound ?a . ?other ink:lowerBound ?b "
        "FILTER(?a < ?b) }",
    )
    assert {(row["kind"], row["one"], row["other"]) for row in told} == seen != set()


def test_no_document_stands_alone(store: EmbeddedStore, repository: Path) -> None:
    """Each document is cited, listed, part of another, or what something rests on."""
    assert {row["document"] for row in ask(store, ORPHANS)} == waived(repository, "017")


def test_what_is_cited_is_listed_or_has_an_erratum(store: EmbeddedStore, repository: Path) -> None:
    """A work that the text names stands in its list of literature, or an erratum tells that it does not."""
    assert {row["document"] for row in ask(store, UNLISTED)} == waived(repository, "018")


def test_every_record_of_the_report_says_where_it_stands(store: EmbeddedStore) -> None:
    """A record has a locator, a source, or evidence with a locator; a part of a table has that of the table."""
    assert ask(store, NOWHERE) == []


def test_every_locator_leads_to_words_of_a_pinned_text(store: EmbeddedStore) -> None:
    """A locator is in a document whose text has a digest, and has spans with digests."""
    assert ask(store, INCOMPLETE) == []


def test_the_graph_of_the_report_describes_records_only(store: EmbeddedStore) -> None:
    """No concept, term or outside resource is described among the records."""
    assert ask(store, FOREIGN) == []
