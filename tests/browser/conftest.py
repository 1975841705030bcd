"""A server with the tiny world for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from web_server import serving

from kgraph.settings import Settings


@pytest.fixture(scope="session")
def server(tiny_home: Path) -> Iterator[str]:
    """The address of a server with the tiny world, whose queries may take a second."""
    with serving(Settings(query_timeout=1.0), tiny_home) as address:
        yield address
