"""Nothing on this machine or in its private network is ever called, whatever name it has on the list."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from web_server import serving

from kgraph.settings import Settings

LOOPBACK = ["localhost", "LOCALHOST", "localhost.", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "0"]


@pytest.fixture(scope="module")
def listening() -> Iterator[socket.socket]:
    """A socket that listens on loopback and accepts nothing by itself."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.setblocking(False)
        yield opened


@pytest.fixture(scope="module")
def server(tiny_home: Path, listening: socket.socket) -> Iterator[str]:
    """A server whose list names the listening socket in every way that a name can."""
    settings = Settings(federation=",".join(addresses(listening)), isolation=False, log_file=os.devnull)
    with serving(settings, tiny_home) as address:
        yield address


def addresses(listening: socket.socket) -> list[str]:
    """Return the addresses of an endpoint at a socket."""
    return [f"http://{host}:{listening.getsockname()[1]}/sparql" for host in LOOPBACK]


@pytest.mark.parametrize("place", range(len(LOOPBACK)), ids=LOOPBACK)
def test_loopback_is_never_called(server: str, listening: socket.socket, place: int) -> None:
    """The name is looked up, and what it stands for is refused with a code of its own; nobody connects."""
    query = f"ASK {{ SERVICE <{addresses(listening)[place]}> {{ ?s ?p ?o }} }}"
    answer = httpx.post(server + "/sparql", data={"query": query}, headers={"Accept-Language": "en"})
    told = answer.json()
    # Some systems do not take numbers for addresses at all, and know no such name.
    assert (answer.status_code, told["code"]) == (403, "service-private") or told["code"] == "service-unreachable"
    with pytest.raises(BlockingIOError):
        listening.accept()
    if place == 0:
        assert told["code"] == "service-private" and "localhost" in told["detail"]


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (
            "http://127.0.0.1:3030/sparql",
            "KGRAPH_FEDERATION: http://127.0.0.1:3030/sparql is not in the public network",
        ),
        ("http://[::ffff:10.0.0.1]/", "KGRAPH_FEDERATION: http://[::ffff:10.0.0.1]/ is not in the public network"),
        ("https://user:secret@data.example.org/", "KGRAPH_FEDERATION: the value does not fit"),
    ],
)
def test_the_server_does_not_start_with_a_list_it_may_not_follow(listed: str, told: str, tmp_path: Path) -> None:
    """It says why before it reads the data, and repeats no password."""
    result = subprocess.run(
        [sys.executable, "-m", "kgraph", "serve", "--port", "0", "--home", str(tmp_path)],
        env={**os.environ, "KGRAPH_FEDERATION": listed},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode != 0
    assert told in result.stderr and "secret" not in result.stderr


def test_without_a_list_every_call_is_refused(tiny_home: Path) -> None:
    """The default: a code of its own, and the description promises nothing."""
    with serving(Settings(isolation=False, log_file=os.devnull), tiny_home) as address:
        answer = httpx.post(address + "/sparql", data={"query": "ASK { SERVICE SILENT <http://localhost/> {} }"})
        assert (answer.status_code, answer.json()["code"]) == (403, "service-refused")
        described = httpx.get(address + "/sparql", headers={"Accept": "application/n-triples"}).text
        assert "BasicFederatedQuery" not in described
        assert "kgraph_federation" not in httpx.get(address + "/metrics").text
