"""What kgraph promises of itself, measured alone: two hundred clients at once, and starts after a kill."""

from __future__ import annotations

import argparse
import http.client
import os
import secrets
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from generate import Graph, generate
from load import ANSWERS, measure_load, why_missing
from measuring import describe_machine
from reporting import tell
from servers import Kgraph, ServerError, process_tree

KEPT = "the files for the next start are those of revision"
CLIENTS = 200
LEAST_RATE = 500.0
LONGEST_P99 = 1.0
LONGEST_START = {"memory": 5.0, "disk": 2.0}
"""Seconds from the start of the process, after a kill, to the answer of a real query over a million triples."""

COUNT = (
    "PREFIX ink: <https://w3id.org/inkludering/ont#> "
    "SELECT ?report (COUNT(?claim) AS ?claims) { ?claim ink:reportedIn ?report } GROUP BY ?report ORDER BY ?report"
)

Row = tuple[str, str, str, str]


class Kept(Kgraph):
    """``kgraph serve`` on a state directory, with an engine in memory or on disk."""

    def __init__(self, state: Path, engine: str) -> None:
        """Keep the state in ``state``; nothing runs yet."""
        super().__init__()
        self._state = state
        self._token = secrets.token_urlsafe(32)
        self._engine = engine

    def _launch(self, graph: Graph, folder: Path) -> None:
        # Smaller graphs than those that files are kept for by default begin alike, if they are asked to.
        variables = {"KGRAPH_TOKEN": self._token, "KGRAPH_ENGINE": self._engine, "KGRAPH_QUICK_START": "1"}
        self.launch(graph, folder, self._state, **variables)

    def change(self, number: int) -> None:
        """Add a statement. Raises :class:`servers.ServerError` unless that is acknowledged."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/sparql-update", "Authorization": f"Bearer {self._token}"}
        connection.request("POST", "/sparql", f"INSERT DATA {{ <urn:a> <urn:b> {number} }}", headers)
        response = connection.getresponse()
        said = response.read()
        connection.close()
        if response.status >= 300:
            raise ServerError(f"a change: {response.status} {said[:200]!r}")

    def kill(self) -> None:
        """End all of its processes at once, as a failure of the power does."""
        assert self._process is not None
        for process in process_tree(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.stop()


@contextmanager
def running(server: Kept, graph: Graph, folder: Path) -> Iterator[float]:
    """Start a server, yield the seconds until it answered ``ASK {}`` and a real query, and kill it."""
    begun = time.perf_counter()
    try:
        server.start(graph, folder)
        server.ask("ASK {}")
        server.ask(COUNT)
        yield time.perf_counter() - begun
    finally:
        server.kill()


def starts_after_a_kill(graph: Graph, folder: Path, engine: str, changes: int, rounds: int) -> Row:
    """Fill a state directory, change it, kill the server and measure starts."""
    server = Kept(folder / f"state-{engine}", engine)
    with running(server, graph, folder) as first:
        tell(f"{engine}: first start {first:.1f} s")
        if engine == "memory":
            server.wait_until(lambda: KEPT in server.printed())
        for number in range(changes):
            server.change(number)
        expected = server.ask(COUNT).body
    taken = []
    for _ in range(rounds):
        with running(server, graph, folder) as seconds:
            taken.append(seconds)
            tell(f"{engine}: start after a kill {seconds:.1f} s")
            if server.ask(COUNT).body != expected:
                raise ServerError("the answer after the start is another one")
    most = LONGEST_START[engine]
    about = f"start after a kill, {graph.triples:,} triples and {changes} changes since, engine in {engine}"
    shown = f"{statistics.median(taken):.1f} s ({min(taken):.1f} – {max(taken):.1f})"
    return about, f"≤ {most:g} s", shown, "met" if statistics.median(taken) <= most else "missed"


def many_clients(graph: Graph, folder: Path, seconds: int) -> Row:
    """Ask one small query over two hundred connections, each time in another text."""
    variables = {"KGRAPH_CLIENT_QUERIES": "0", "KGRAPH_QUEUE_LENGTH": str(CLIENTS)}
    settings = ", ".join(f"{name}={value}" for name, value in variables.items())
    about = f"{CLIENTS} clients, point query, {graph.triples:,} triples ({settings})"
    wanted = f"≥ {LEAST_RATE:.0f}/s, p99 ≤ {LONGEST_P99:g} s, 0 errors"
    if reason := why_missing():
        return about, wanted, reason, "not measured"
    server = Kgraph()
    try:
        server.launch(graph, folder, **variables)
        sample = measure_load(server, ANSWERS[0], graph, CLIENTS, seconds, run=0, cached=False)
    finally:
        server.stop()
    is_met = sample.rate >= LEAST_RATE and sample.p99 <= LONGEST_P99 and not sample.failed
    shown = f"{sample.rate:.0f}/s, p99 {sample.p99:.2f} s, {sample.failed} errors"
    return about, wanted, shown, "met" if is_met else "missed"


def main() -> int:
    """Measure, print the table, and return 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triples", type=int, default=1_000_000, help="size of the graph (default 1,000,000)")
    parser.add_argument("--changes", type=int, default=300, help="changes before the kill (default 300)")
    parser.add_argument("--rounds", type=int, default=3, help="starts after the kill (default 3)")
    parser.add_argument("--seconds", type=int, default=20, help="length of the load (default 20)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="kgraph-promises-", dir=Path.cwd()) as name:
        folder = Path(name)
        graph = generate(folder / "graph", options.triples)
        rows = [many_clients(graph, folder, options.seconds)]
        rows += [
            starts_after_a_kill(graph, folder, engine, options.changes, options.rounds) for engine in LONGEST_START
        ]
    print(f"{describe_machine(('kgraph', 'pyoxigraph'))}\n")
    print("| what | promised | measured | |\n|---|---|---|---|")
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return 0 if all(row[-1] == "met" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
