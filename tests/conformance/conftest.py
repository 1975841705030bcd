"""A server whose default graph is a graph of its own, as the suites of the W3C expect it, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conformance.asking import Server, conforming


@pytest.fixture(scope="session")
def separate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with next to no data and ``KGRAPH_DEFAULT_GRAPH=separate``."""
    with conforming(tmp_path_factory.mktemp("separate"), empty=True, default_graph="separate") as server:
        yield server


@pytest.fixture
def empty(separate: Server) -> Server:
    """The same, without any graph."""
    assert separate.update("DROP ALL").status_code == 200
    return separate
