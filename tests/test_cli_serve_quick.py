"""``kgraph serve`` after a kill: it begins with the files that are kept beside the journal, and trusts none blindly."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from urllib.parse import quote

import pytest
from homes import make_tiny_home

from kgraph.store.workers import can_isolate

EX = "https://example.org/"
ALL = "https://w3id.org/inkludering/graph/all"
TOKEN = "t" * 43
KEPT = "the files for the next start are those of revision"
IN_MEMORY = "the graph is in memory"
PATIENCE = 120.0

pytestmark = pytest.mark.skipif(not can_isolate(), reason="this platform cannot put queries in processes of their own")


class Server:
    """A running ``kgraph serve``: its address and the lines it has printed."""

    def __init__(self, home: Path, state: Path, *options: str, **variables: str) -> None:
        """Start it and wait for its address."""
        command = [sys.executable, "-m", "kgraph", "serve", "--home", str(home), "--state", str(state), "--port", "0"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("KGRAPH_")}
        environment = {**clean, "KGRAPH_TOKEN": TOKEN, "KGRAPH_QUICK_START": "1", **variables}
        self.process = subprocess.Popen(
            [*command, *options], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.lines: list[str] = []
        self._coming: Queue[str] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        self.address = re.findall(r"http://\S+", self.wait_for("kgraph answers on"))[0]

    def wait_for(self, text: str) -> str:
        """Return the first line with a text in it, printed already or to come."""
        for line in self.lines:
            if text in line:
                return line
        until = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._coming.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                raise AssertionError(f"no line with {text!r} in {self.lines}") from None
            self.lines.append(line)
            if text in line:
                return line

    def ask(self, query: str) -> tuple[str, object]:
        """Return the revision and the rows that a query gets."""
        with urllib.request.urlopen(f"{self.address}/sparql?query={quote(query)}", timeout=60) as answer:
            content = json.loads(answer.read())
            rows = content["boolean"] if "boolean" in content else content["results"]["bindings"]
            return answer.headers["Kgraph-Revision"], rows

    def content(self) -> tuple[str, object]:
        """Return the revision and every statement, those that follow among them."""
        return self.ask(
            f"SELECT ?s ?p ?o FROM <{ALL}> {{ ?s ?p ?o FILTER(!isBlank(?s) && !isBlank(?o)) }} ORDER BY ?s ?p ?o"
        )

    def change(self, update: str) -> None:
        """Carry an update out."""
        headers = {"Content-Type": "application/sparql-update", "Authorization": f"Bearer {TOKEN}"}
        request = urllib.request.Request(f"{self.address}/sparql", update.encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()

    def kill(self) -> None:
        """End it as a failure of the power would, with the processes that it started."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as printed:
            for line in printed:
                self._coming.put(line.rstrip("\n"))


Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the tiny world, in whose ontology each One is a Thing."""
    home = make_tiny_home(tmp_path_factory.mktemp("home") / "tiny")
    declare(home, "One", "Thing")
    return home


def declare(home: Path, narrower: str, wider: str) -> None:
    """Make one class a subclass of another in the ontology of a home."""
    with (home / "ontology" / "kgraph.ttl").open("a", encoding="utf-8") as file:
        file.write(f"<{EX}{narrower}> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <{EX}{wider}> .\n")


@pytest.fixture
def serve(home: Path, tmp_path: Path) -> Iterator[Serve]:
    """Start ``kgraph serve`` on one state directory; what still runs is ended."""
    begun: list[Server] = []

    def start(another: Path | None = None, **variables: str) -> Server:
        begun.append(Server(another or home, tmp_path / "state", **variables))
        return begun[-1]

    yield start
    for server in begun:
        server.kill()


def insert(number: int) -> str:
    """Return an update from which something follows."""
    decimal = "http://www.w3.org/2001/XMLSchema#decimal"
    return f'INSERT DATA {{ <{EX}c{number}> a <{EX}One> ; <{EX}p> "{number}.50"^^<{decimal}> }}'


def test_a_start_after_a_kill_gives_the_same_answers_from_disk_and_then_from_memory(serve: Serve) -> None:
    """Changes since the files were kept are there, changes while the graph is loaded are, and those after that."""
    server = serve()
    server.wait_for(KEPT)
    for number in range(5):
        server.change(insert(number))
    expected = server.content()
    server.kill()
    server = serve()
    assert server.content() == expected
    server.change(insert(5))
    server.change(f"DELETE WHERE {{ <{EX}c0> ?p ?o }}")
    changed = server.content()
    assert changed[0] != expected[0]
    server.wait_for(IN_MEMORY)
    assert server.content() == changed
    server.change(insert(6))
    expected = server.content()
    server.kill()
    assert not [line for line in server.lines if "is not used" in line]
    assert serve(KGRAPH_QUICK_START="0").content() == expected


def test_files_follow_after_many_changes(serve: Serve) -> None:
    """A server that runs for long brings them up to date, so the next start has few changes to make."""
    server = serve()
    server.wait_for(f"{KEPT} 1")
    for number in range(200):
        server.change(insert(number))
    server.wait_for(f"{KEPT} 201")
    expected = server.content()
    server.kill()
    server = serve()
    assert server.content() == expected
    assert not [line for line in server.lines if "follows" in line]


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_table(store: Path) -> None:
    """Change the largest of the engine's files."""
    flip(max(store.glob("rev-*/*.sst"), key=lambda path: path.stat().st_size))


def damage_marker(store: Path) -> None:
    """Change what the directory says of itself."""
    flip(next(store.glob("rev-*/kgraph.json")))


def exchange(store: Path) -> None:
    """Put the files under the name of a later revision."""
    found = next(store.glob("rev-*"))
    found.rename(store / "rev-2")


@pytest.mark.parametrize("spoil", [damage_table, damage_marker, exchange])
def test_files_that_are_not_as_they_were_written_are_told_of_and_not_used(
    serve: Serve, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """Everything is derived anew, the answers are right, and new files are kept."""
    server = serve()
    server.wait_for(KEPT)
    server.change(insert(1))
    expected = server.content()
    server.kill()
    spoil(tmp_path / "state" / "store")
    server = serve()
    assert server.content() == expected
    assert [line for line in server.lines if "is not used" in line]
    assert [line for line in server.lines if "worked out anew" in line]
    server.wait_for(f"{KEPT} 2")


def test_files_of_another_ontology_are_not_used(serve: Serve, home: Path, tmp_path: Path) -> None:
    """What follows is what the ontology says that the server was started with."""
    server = serve()
    server.wait_for(KEPT)
    server.change(f"INSERT DATA {{ <{EX}a> a <{EX}New> }}")
    follows = f"ASK FROM <{ALL}> {{ <{EX}a> a <{EX}Newer> }}"
    assert server.ask(follows)[1] is False
    server.kill()
    newer = tmp_path / "newer"
    shutil.copytree(home, newer)
    declare(newer, "New", "Newer")
    server = serve(newer)
    assert server.ask(follows)[1] is True
    assert [line for line in server.lines if "another ontology" in line]
