"""A server with the tiny world for the tests of this folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from web_server import serving

from kgraph.settings import Settings
from kgraph.store.base import Store


@pytest.fixture(scope="session")
def serve(tiny_home: Path) -> Callable[..., contextlib.AbstractContextManager[str]]:
    """Serve the tiny world with settings of a test's own; the log goes nowhere unless a file is named."""

    def served(store: Store | None = None, **settings: object) -> contextlib.AbstractContextManager[str]:
        chosen = Settings(**{"log_file": os.devnull, **settings})  # type: ignore[arg-type]
        return serving(chosen, tiny_home, store)

    return served


@pytest.fixture(scope="session")
def server(tiny_home: Path) -> Iterator[str]:
    """The address of a server with the tiny world, whose queries may take a second."""
    with serving(Settings(query_timeout=1.0), tiny_home) as address:
        yield address


@pytest.fixture(scope="session")
def packaged_server(home: Path) -> Iterator[str]:
    """The address of a server with the data of the repository."""
    with serving(Settings(), home) as address:
        yield address


@pytest.fixture(scope="module")
def writable(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a server with the tiny world that keeps changes, and its state directory."""
    state = tmp_path_factory.mktemp("state")
    with serving(Settings(state=str(state)), tiny_home) as address:
        yield address, state
