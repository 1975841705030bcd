"""A server with the tiny world for the tests of this folder."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from kgraph.settings import Settings
from kgraph.store.base import Store


def _web_server() -> ModuleType:
    path = Path(__file__).resolve().parent.parent / "web_server.py"
    spec = importlib.util.spec_from_file_location("web_server", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


web_server = _web_server()


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the ontology and the tiny world."""
    return web_server.make_tiny_home(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def serve(tiny_home: Path) -> Callable[..., contextlib.AbstractContextManager[str]]:
    """Serve the tiny world with settings of a test's own; the log goes nowhere unless a file is named."""

    def served(store: Store | None = None, **settings: object) -> contextlib.AbstractContextManager[str]:
        chosen = Settings(**{"log_file": os.devnull, **settings})  # type: ignore[arg-type]
        return web_server.serving(chosen, tiny_home, store)  # type: ignore[no-any-return]

    return served


@pytest.fixture(scope="session")
def server(tiny_home: Path) -> Iterator[str]:
    """The address of a server with the tiny world, whose queries may take a second."""
    with web_server.serving(Settings(query_timeout=1.0), tiny_home) as address:
        yield address


@pytest.fixture(scope="session")
def packaged_server(home: Path) -> Iterator[str]:
    """The address of a server with the data of the repository."""
    with web_server.serving(Settings(), home) as address:
        yield address


@pytest.fixture(scope="session")
def writable(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a server with the tiny world that keeps changes, and its state directory."""
    state = tmp_path_factory.mktemp("state")
    with web_server.serving(Settings(state=str(state)), tiny_home) as address:
        yield address, state
