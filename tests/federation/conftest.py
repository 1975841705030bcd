"""The network of its own that the tests of this folder talk to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import closed_network
import pytest
from closed_network import ClosedNetwork


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory, tiny_home: Path) -> Iterator[ClosedNetwork]:
    """Servers and endpoints in a network of their own; skipped where none can be made."""
    folder = tmp_path_factory.mktemp("inside")
    command = [sys.executable, closed_network.__file__, str(folder), str(tiny_home)]
    errors = folder / "errors"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        said = process.stdout.readline().strip()
        if said != "ready":
            process.wait()
            if said.startswith("no namespaces"):
                pytest.skip(f"a network of its own cannot be made here: {said}")
            pytest.fail(errors.read_text())
        told = ClosedNetwork(process, folder)
        try:
            yield told
        finally:
            told.close()
            process.stdin.close()
            process.wait(timeout=60)
    assert errors.read_text() == ""
