"""Fixtures that the whole suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from homes import make_tiny_home

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def home() -> Path:
    """The home that the repository itself is: the real ontology, data and queries."""
    return ROOT


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the ontology and the tiny world; nobody may change it."""
    return make_tiny_home(tmp_path_factory.mktemp("world") / "tiny")


@pytest.fixture(scope="session")
def source_text_path() -> Path:
    """The extracted text of the source report, which is not part of the repository.

    The environment variable KGRAPH_SOURCE_TEXT names it; without it, a folder beside the repository is tried.
    """
    named = os.environ.get("KGRAPH_SOURCE_TEXT")
    path = Path(named) if named else ROOT.parent / "shared" / "source" / "report.txt"
    if not path.is_file():
        pytest.skip("the source's text is not on this machine; KGRAPH_SOURCE_TEXT may name it")
    return path
