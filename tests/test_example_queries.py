"""The library's queries answer on the real data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kgraph.dataset import load_dataset
from kgraph.formats import JSON_RESULTS, N_TRIPLES
from kgraph.languages import LANGUAGES
from kgraph.query_library import load_library
from kgraph.sparql.text import read_query_text
from kgraph.store.base import Query, read_table
from kgraph.store.embedded import EmbeddedStore, open_store

HOME = Path(__file__).resolve().parent.parent
LIBRARY = load_library(HOME / "queries")


@pytest.fixture(scope="module")
def store() -> EmbeddedStore:
    """The repository's dataset in the engine."""
    return open_store(load_dataset(HOME))


def count(store: EmbeddedStore, name: str, **values: str) -> int:
    """Return how many rows a query of the library answers; statements of a graph; 1 or 0 for yes or no."""
    query = LIBRARY[name]
    read = read_query_text(query.text)
    named = read.default_graphs is not None or read.named_graphs is not None
    dataset = (read.default_graphs or (), read.named_graphs or ()) if named else None
    asked = Query(query.text, dataset, query.bind(query.example_values() | values))
    if read.is_graph:
        return len(store.query(asked, N_TRIPLES).read().splitlines())
    answer = store.query(asked, JSON_RESULTS).read()
    return int(json.loads(answer)["boolean"]) if read.form == "ASK" else len(read_table(answer).rows)


@pytest.mark.parametrize("name", LIBRARY)
def test_a_query_keeps_its_bounds(name: str, store: EmbeddedStore) -> None:
    """With its example values, a query answers at least and at most as many rows as its header says."""
    rows = count(store, name)
    least, most = LIBRARY[name].bounds
    assert least <= rows
    assert most is None or rows <= most


@pytest.mark.parametrize("name", [name for name in LIBRARY if "language" in LIBRARY[name].example_values()])
def test_a_query_answers_alike_in_each_language(name: str, store: EmbeddedStore) -> None:
    """A query with a language parameter answers as many rows in each language."""
    assert len({count(store, name, language=language) for language in LANGUAGES}) == 1
