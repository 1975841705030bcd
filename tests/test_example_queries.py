"""The library's queries answer on the real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgraph.dataset import load_dataset
from kgraph.formats import JSON_RESULTS
from kgraph.languages import LANGUAGES
from kgraph.query_library import load_library
from kgraph.store.base import Query, read_table
from kgraph.store.embedded import EmbeddedStore, open_store

HOME = Path(__file__).resolve().parent.parent
LIBRARY = load_library(HOME / "queries")


@pytest.fixture(scope="module")
def store() -> EmbeddedStore:
    """The repository's dataset in the engine."""
    return open_store(load_dataset(HOME))


@pytest.mark.parametrize("name", LIBRARY)
def test_a_query_keeps_its_bounds(name: str, store: EmbeddedStore) -> None:
    """With its example values, a query answers at least and at most as many rows as its header says."""
    query = LIBRARY[name]
    answer = store.query(Query(query.text, None, query.bind(query.example_values())), JSON_RESULTS)
    rows = len(read_table(answer.read()).rows)
    least, most = query.bounds
    assert least <= rows
    assert most is None or rows <= most


@pytest.mark.parametrize("name", [name for name in LIBRARY if "language" in LIBRARY[name].example_values()])
def test_a_query_answers_alike_in_each_language(name: str, store: EmbeddedStore) -> None:
    """A query with a language parameter answers as many rows in each language."""
    query = LIBRARY[name]
    terms = [query.bind(query.example_values() | {"language": language}) for language in LANGUAGES]
    answers = [store.query(Query(query.text, None, bound), JSON_RESULTS).read() for bound in terms]
    assert len({len(read_table(answer).rows) for answer in answers}) == 1
