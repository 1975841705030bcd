"""The example queries tell the truth of the packaged graph, and run as they stand with their values written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kgraph.dataset import load_dataset
from kgraph.formats import JSON_RESULTS
from kgraph.query_library import load_library
from kgraph.sparql.text import read_query_text
from kgraph.store.base import Query, read_table
from kgraph.store.embedded import EmbeddedStore, open_store
from kgraph.web.examples import example_text

Row = tuple[str | None, ...]
Ask = Callable[[str, Mapping[str, str], str], list[Row]]

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = load_library(ROOT / "queries")
WITH_DEFAULTS = [
    name
    for name, query in LIBRARY.items()
    if query.parameters and all(parameter.default == parameter.example for parameter in query.parameters)
]


@pytest.fixture(scope="module")
def store() -> EmbeddedStore:
    """The packaged graph."""
    return open_store(load_dataset(ROOT))


@pytest.mark.parametrize("name", WITH_DEFAULTS)
def test_values_in_the_text_answer_like_bound_ones(name: str, store: EmbeddedStore) -> None:
    """A query with its values written in by VALUES, as the page for queries shows it, has the same answer."""
    query = LIBRARY[name]

    def answer(text: str, terms: Mapping[str, str]) -> list[str]:
        read = read_query_text(text)
        named = read.default_graphs is not None or read.named_graphs is not None
        dataset = (read.default_graphs or (), read.named_graphs or ()) if named else None
        rows = read_table(store.query(Query(text, dataset, terms), JSON_RESULTS).read()).rows
        return sorted(repr(sorted((variable, term.value) for variable, term in row.items())) for row in rows)

    bound = answer(query.text, query.bind(query.example_values()))
    assert bound == answer(example_text(query, query.example_values().get("language", "nn")), {})


def test_every_share_of_table_2_is_rounded_rightly(ask_real_graph: Ask) -> None:
    """All nineteen percentages follow from the counts; in fourteen the printed parts miss the total by one."""
    rows = ask_real_graph("shares-recomputed-from-counts", {}, "printed difference sumOfParts")
    assert {row[1] for row in rows} == {"0"}
    gaps = [abs(int(str(parts)) - int(str(printed))) for printed, _, parts in rows]
    assert sorted(gaps) == [0] * 5 + [1] * 14


def test_the_mean_of_each_size_class_lies_within_it(ask_real_graph: Ask) -> None:
    """Persons divided by municipalities fall between the bounds of each class of table 3."""
    rows = ask_real_graph("persons-per-municipality-by-size", {}, "lower mean upper")
    assert len(rows) == 7
    for lower, mean, upper in rows:
        assert float(str(lower)) <= float(str(mean)) <= float(upper or "inf")


def test_wikidata_items_lead_to_county_numbers(ask_real_graph: Ask) -> None:
    """Five items of Wikidata are the five northernmost counties of 2009."""
    rows = ask_real_graph("find-by-wikidata-item", {}, "number name")
    assert [row[0] for row in rows] == ["16", "17", "18", "19", "20"]


def test_verdal_had_another_number_in_2009(ask_real_graph: Ask) -> None:
    """A municipality is found under the number of the date, with the one that came after."""
    columns = "number municipality county successorNumber"
    before = ask_real_graph("municipalities-on-a-date", {"date": "2009-01-01"}, columns)
    after = ask_real_graph("municipalities-on-a-date", {"date": "2021-01-01"}, columns)
    assert ("1721", "Verdal", "Nord-Trøndelag", "5038") in before
    assert ("5038", "Verdal", "Trøndelag", None) in after
    assert "1721" not in {row[0] for row in after}


def test_claims_are_found_by_a_word_in_any_case(ask_real_graph: Ask) -> None:
    """Upper and lower case find the same claims, and each holds the word."""
    upper = ask_real_graph("claims-with-a-word", {"word": "VERDAL"}, "claim statement")
    assert upper == ask_real_graph("claims-with-a-word", {"word": "verdal"}, "claim statement")
    assert upper
    assert all("verdal" in str(statement).lower() for _, statement in upper)


def test_a_printed_misprint_is_told_with_its_figure(ask_real_graph: Ask) -> None:
    """Figures under doubt come with the kind of fault; the fourteen roundings concern three cells each."""
    rows = ask_real_graph("figures-with-doubts", {}, "observation kind")
    assert len({row[0] for row in rows if row[1] == "rounding"}) == 42


def test_all_claims_are_found_in_the_whole_graph_only(ask_real_graph: Ask, store: EmbeddedStore) -> None:
    """The example lists every claim; its text without FROM finds none, since none is stated to be just a claim."""
    stated = ask_real_graph("asserted-inferred-or-both", {}, "kind stated inferred both")
    assert all(int(str(row[1])) + int(str(row[2])) == int(str(row[3])) for row in stated)
    counts = {row[0]: row[1:] for row in stated}
    kinds = ("Finding", "Explanation", "SuccessFactor", "Challenge", "StatisticalStatement")
    total = sum(int(str(counts["ink:" + kind][0])) for kind in kinds)
    assert counts["ink:Claim"] == ("0", str(total), str(total))
    assert len(ask_real_graph("all-claims", {}, "claim")) == total
    query = LIBRARY["all-claims"]
    text = "\n".join(line for line in query.text.splitlines() if not line.startswith("FROM "))
    assert read_table(store.query(Query(text, None, query.bind({"language": "en"})), JSON_RESULTS).read()).rows == ()


def test_page_13_has_the_measures_of_figure_2(ask_real_graph: Ask) -> None:
    """The eleven measures of Hjelmeland stand on page 13, beside what Klepp and Møreforsking found."""
    rows = ask_real_graph("what-stands-on-a-page", {"page": "13"}, "kind thing")
    assert sum(kind == "measure" for kind, _ in rows) == 11
    assert {("study", "study:klepp-2003"), ("country", "country:so")} <= set(rows)


def test_table_1_adds_up_to_a_hundred(ask_real_graph: Ask) -> None:
    """Nineteen counties and a total are read slot by slot; the counties make 100 per cent."""
    values = {"table": "table:refugee-background-by-county-2009"}
    rows = ask_real_graph("figures-slot-by-slot", values, "place unit value page")
    counties = [row for row in rows if row[0] not in ("Noreg", "Norge", "Norway")]
    assert len(counties) == 19
    assert round(sum(float(str(row[2])) for row in counties), 1) == 100
    assert {row[3] for row in rows} == {"10"}


def test_links_lead_to_registers_of_places_law_and_words(ask_real_graph: Ask) -> None:
    """Wikidata, GeoNames, the cadastre of borders, Lovdata and EuroVoc are among the hosts; no host is our own."""
    hosts = {str(row[0]) for row in ask_real_graph("links-to-registers", {}, "host")}
    assert {"www.wikidata.org", "sws.geonames.org", "data.geonorge.no", "lovdata.no", "eurovoc.europa.eu"} <= hosts
    assert "w3id.org" not in hosts


def test_values_to_carry_name_the_counties_once_each(ask_real_graph: Ask) -> None:
    """The line for the nineteen counties has nineteen items and is whole SPARQL."""
    rows = ask_real_graph("values-for-another-endpoint", {}, "kind items values")
    line = {row[0]: str(row[2]) for row in rows}["ink:County"]
    items = line.removeprefix("VALUES ?item { ").removesuffix(" }").split(" ")
    assert len(items) == len(set(items)) == 19
    assert all(item.startswith("wd:Q") and item[4:].isdigit() for item in items)


def test_groups_two_steps_down_are_found(ask_real_graph: Ask) -> None:
    """Unaccompanied minors of 15 to 18 are unaccompanied minors, and so refugees."""
    groups = {row[0] for row in ask_real_graph("groups-within-a-group", {"wider": "group:refugees"}, "group")}
    assert {"group:unaccompanied-minors", "group:unaccompanied-minors-15-18"} <= groups
