"""One answer to one question (G18): the same bytes each time, whichever store was filled, in whichever order."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from kgraph.dataset import Dataset, load_dataset
from kgraph.formats import JSON_RESULTS
from kgraph.query_library import load_library
from kgraph.sparql.text import read_query_text
from kgraph.store.base import Query
from kgraph.store.embedded import EmbeddedStore, open_store

HOME = Path(__file__).resolve().parents[2]
LIBRARY = load_library(HOME / "queries")
TABLES = [
    name
    for name, query in LIBRARY.items()
    if query.path.parent.name == "examples"
    and (read := read_query_text(query.text)).form == "SELECT"
    and read.default_graphs is None
    and read.named_graphs is None
]
"""The examples that answer with a table from the default graph."""


@pytest.fixture(scope="module")
def store() -> EmbeddedStore:
    """The repository's dataset in the engine."""
    return open_store(load_dataset(HOME))


@pytest.fixture(scope="module")
def turned() -> EmbeddedStore:
    """The same files, read in the opposite order."""
    dataset = load_dataset(HOME)
    return open_store(Dataset(dataset.home, dataset.files[::-1]))


def answer(store: EmbeddedStore, name: str) -> bytes:
    """The answer to a question with its example values."""
    query = LIBRARY[name]
    return store.query(Query(query.text, None, query.bind(query.example_values())), JSON_RESULTS).read()


@pytest.mark.parametrize("name", TABLES)
def test_an_answer_is_the_same_to_the_byte(name: str, store: EmbeddedStore) -> None:
    """Asked twice, a question has one answer."""
    assert answer(store, name) == answer(store, name)


def test_an_answer_does_not_depend_on_the_order_of_files(store: EmbeddedStore, turned: EmbeddedStore) -> None:
    """A store filled in another order answers with the same bytes, save where a waiver says that it does not."""
    waivers = tomllib.loads((HOME / "tests/knowledge/gate-waivers.toml").read_text(encoding="utf-8"))["waiver"]
    excepted = {term for entry in waivers if entry.get("gate") == "G18" for term in entry.get("terms", ())}
    assert {name for name in TABLES if answer(store, name) != answer(turned, name)} == excepted


def test_the_order_of_files_does_not_change_the_revision(store: EmbeddedStore, turned: EmbeddedStore) -> None:
    """Two servers with the same data tell the same revision."""
    assert store.revision == turned.revision
