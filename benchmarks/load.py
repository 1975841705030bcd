"""Throughput: wrk asks a server one kind of query over a number of connections."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from generate import Graph
from servers import RESULTS_JSON, Server, ServerError

CONNECTIONS = (1, 8, 32)
QUERIES = Path(__file__).parent / "queries"
_FIRST_LIMIT = 1_000_000
_STRIDE = 4_000_000
_SHORTEST_SAMPLE = 3
_PATIENCE = 5


@dataclass(frozen=True)
class Answer:
    """A size of answer: its ``name``, its query file, and the marker in it that names the resource asked about."""

    name: str
    marker: str
    count: str

    def text(self, entity: int = 0, limit: int = _FIRST_LIMIT) -> str:
        """Return the query about one resource with a limit that cuts nothing off."""
        return self._template().replace("ENTITYMARK", str(entity)).replace("LIMITMARK", str(limit))

    def entities(self, graph: Graph) -> int:
        """Return how many resources of a graph have an answer of this size."""
        return max(1, int(getattr(graph, self.count)))

    def template_for(self, server: Server) -> str:
        """Return the path of a request with markers for resource and limit."""
        return server.target(self._template())

    def _template(self) -> str:
        text = (QUERIES / f"{self.name}.rq").read_text(encoding="utf-8")
        assert text.count(f"/{self.marker}0>") == 1 and text.count(f"LIMIT {_FIRST_LIMIT}") == 1
        marked = text.replace(f"/{self.marker}0>", f"/{self.marker}ENTITYMARK>")
        return marked.replace(f"LIMIT {_FIRST_LIMIT}", "LIMIT LIMITMARK")


ANSWERS = (Answer("tiny", "s", "claims"), Answer("middle", "s", "projects"), Answer("large", "r", "reports"))


@dataclass(frozen=True)
class Sample:
    """What one run of wrk saw: whole answers per second, and how many requests were refused or broke off.

    ``p99`` is the time in seconds within which 99 of 100 answers came.
    """

    rate: float
    failed: int
    p99: float = 0.0


def why_missing() -> str | None:
    """Return why throughput cannot be measured here, or ``None``."""
    return None if shutil.which("wrk") else "no command wrk (apt-get install wrk)"


def client_version() -> str:
    """Return name and version of the client."""
    return " ".join(
        subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout.split()[:2]
    )


def measure_load(
    server: Server, answer: Answer, graph: Graph, connections: int, seconds: int, *, run: int, cached: bool
) -> Sample:
    """Load ``server`` for ``seconds``; longer if hardly an answer came in that time.

    ``run`` numbers the sample: the texts of an uncached one occur in no other, and are the same for every server.
    Raises :class:`servers.ServerError` if wrk fails.
    """
    start = _FIRST_LIMIT + run * _STRIDE
    sample = _run_wrk(server, answer, graph, connections, seconds, start, cached=cached)
    if sample.rate * seconds < _SHORTEST_SAMPLE and not sample.failed:
        again = start + _STRIDE // 2
        sample = _run_wrk(server, answer, graph, connections, seconds * _PATIENCE, again, cached=cached)
    return sample


def _run_wrk(
    server: Server, answer: Answer, graph: Graph, connections: int, seconds: int, start: int, *, cached: bool
) -> Sample:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s"]
    command += ["-s", str(Path(__file__).with_name("load.lua")), f"http://127.0.0.1:{server.port}", "--"]
    command += [answer.template_for(server), str(answer.entities(graph)), str(start)]
    command += ["repeated" if cached else "uncached", RESULTS_JSON]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("wrk {")), None)
    if line is None:
        raise ServerError(f"wrk failed on {server.name}: {done.stdout[-500:]} {done.stderr[-500:]}")
    seen = json.loads(line[4:])
    return Sample(
        rate=(seen["requests"] - seen["refused"]) / (seen["microseconds"] / 1e6),
        failed=seen["refused"] + seen["broken"],
        p99=seen["p99"] / 1e6,
    )
