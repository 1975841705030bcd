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
