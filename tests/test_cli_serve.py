"""``kgraph serve`` as a process: what it says when it starts, and how it ends when it cannot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGTERM

import pytest

Serve = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start ``kgraph serve`` with options and variables; what still runs is stopped at the end."""
    begun: list[subprocess.Popen[str]] = []

    def start(*options: str | Path, **variables: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "kgraph", "serve", *map(str, options)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KGRAPH_")}
        begun.append(
            subprocess.Popen(
                command,
                env={**environment, **variables},
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def test_a_taken_port_is_told_before_the_data_are_read(serve: Serve) -> None:
    """The line names the address and the way out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = serve("--port", str(port))
        out, complaint = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert complaint.startswith(f"kgraph: cannot listen on 127.0.0.1:{port}: ")
    assert "--port names another" in complaint


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--port", "99999"), "port: 99999 is more than 65535"),
        (("--host", "192.0.2.1", "--port", "0"), "cannot listen on 192.0.2.1:0: "),
    ],
)
def test_an_address_that_cannot_be_is_refused(serve: Serve, options: tuple[str, ...], complaint: str) -> None:
    """Another port than the one asked for would not be found."""
    process = serve(*options)
    assert f"kgraph: {complaint}" in process.communicate(timeout=60)[1]
    assert process.returncode == 2


def test_the_start_tells_address_state_and_mistyped_settings(serve: Serve, tiny_home: Path, tmp_path: Path) -> None:
    """Where it answers, whether it keeps changes, and which variable has no meaning."""
    options = ("--port", "0", "--home", tiny_home, "--state", tmp_path / "state")
    process = serve(*options, KGRAPH_QUERY_TIMEOT="3")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("kgraph answers on http://127.0.0.1:")
    assert process.stdout.readline() == f"Changes are kept in {tmp_path / 'state'}\n"
    process.send_signal(SIGTERM)
    complaint = process.communicate(timeout=60)[1]
    assert complaint.startswith("kgraph: KGRAPH_QUERY_TIMEOT is no setting; is KGRAPH_QUERY_TIMEOUT meant?\n")
    assert process.returncode == 0
