"""One adapter per SPARQL server: start it with a generated graph, measure its memory, stop it."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO
from urllib.parse import urlencode

from generate import Graph

import kgraph

RESULTS_JSON = "application/sparql-results+json"
TURTLE = "text/turtle"
LONGEST_START = 1800.0
"""Seconds a server may take to load a graph and give its first answer, if nothing else is said."""

_ADDRESS = re.compile(r"http://\S+:(\d+)\n")
_LONGEST_STOP = 60.0
_LONGEST_SETTLING = 120.0
_SETTLING_STEP = 0.2
_IDLE_SHARE = 0.15
_CHECK = (
    "SELECT ?page WHERE { <https://w3id.org/inkludering/id/locator/s0> <https://w3id.org/inkludering/ont#page> ?page }"
)


class ServerError(Exception):
    """A server did not start, did not load the graph or did not answer."""


@dataclass(frozen=True)
class Reply:
    """The body of an answer and its media type, without parameters."""

    body: bytes
    media_type: str


class Server(ABC):
    """A server that can be started with a graph and asked over HTTP on a loopback port.

    ``load_seconds`` is the time from the start of the process until the first right answer over the whole graph.
    """

    name = ""
    """The name in tables and on the command line."""

    most_triples = 10**9
    """The largest graph it is started with."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self.port = 0
        self.path = "/sparql"
        self.load_seconds = 0.0
        self.longest_start = LONGEST_START
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._connection: http.client.HTTPConnection | None = None

    @abstractmethod
    def missing(self) -> str | None:
        """Return why it cannot be started here, or ``None``."""

    @abstractmethod
    def version(self) -> str:
        """Return its name and version for the report."""

    @abstractmethod
    def _launch(self, graph: Graph, folder: Path) -> None:
        """Start the process and load the graph; ``folder`` is there for its files."""

    def target(self, query: str) -> str:
        """Return the path and query string of a request by GET that asks ``query``."""
        return f"{self.path}?{urlencode({'query': query, **self._parameters()})}"

    def start(self, graph: Graph, folder: Path) -> None:
        """Start it, load ``graph`` and wait for the first answer. Raises :class:`ServerError`."""
        folder.mkdir(parents=True, exist_ok=True)
        begun = time.perf_counter()
        try:
            self._launch(graph, folder)
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(f"{self.name}: {error!r}") from error
        self.wait_until(self._answers_all)
        self.load_seconds = time.perf_counter() - begun

    def ask(self, query: str, accept: str = RESULTS_JSON, timeout: float = 600.0) -> Reply:
        """Return the answer to a query, over a connection that is kept open.

        Raises :class:`ServerError` for any status but 200 and for an answer that takes longer than ``timeout``.
        """
        kept = self._connection
        try:
            try:
                status, reply = self._request(query, accept, timeout)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                if kept is None:
                    raise
                self._disconnect()
                status, reply = self._request(query, accept, timeout)
        except (OSError, http.client.HTTPException) as error:
            self._disconnect()
            raise ServerError(f"{self.name}: {error!r}") from error
        if status != 200:
            raise ServerError(f"{self.name}: {status} {reply.body[:300]!r}")
        return reply

    def memory(self) -> float:
        """Return the MiB that the process and those it started hold; shared pages are counted in shares (PSS)."""
        assert self._process is not None
        return sum(_proportional_kib(pid) for pid in process_tree(self._process.pid)) / 1024

    def settle(self) -> None:
        """Wait until it has done what clients that left had asked for: it would take from the next server."""
        assert self._process is not None
        deadline = time.monotonic() + _LONGEST_SETTLING
        before = self._processor_seconds()
        while time.monotonic() < deadline:
            time.sleep(_SETTLING_STEP)
            now = self._processor_seconds()
            # A process that has ended takes what it used with it: only where the same ones are there can it be told.
            is_same = now.keys() == before.keys()
            if is_same and sum(now.values()) - sum(before.values()) <= _IDLE_SHARE * _SETTLING_STEP:
                return
            before = now

    def stop(self) -> None:
        """End the process and wait for it."""
        self._disconnect()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_LONGEST_STOP)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _request(self, query: str, accept: str, timeout: float) -> tuple[int, Reply]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
            self._connection.connect()
        self._connection.sock.settimeout(timeout)
        self._connection.request("GET", self.target(query), headers={"Accept": accept})
        response = self._connection.getresponse()
        reply = Reply(response.read(), (response.getheader("Content-Type") or "").partition(";")[0].strip())
        if response.will_close:
            self._disconnect()
        return response.status, reply

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _processor_seconds(self) -> dict[int, float]:
        """Return what each process of the server has used so far."""
        assert self._process is not None
        ticks = os.sysconf("SC_CLK_TCK")
        return {pid: _processor_ticks(pid) / ticks for pid in process_tree(self._process.pid)}

    def _parameters(self) -> dict[str, str]:
        return {}

    def run(self, command: list[str], folder: Path, environment: Mapping[str, str] = os.environ) -> Path:
        """Start the process; what it prints goes into the file that is returned."""
        path = folder / f"{self.name}.log"
        self._log = path.open("wb")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
        )
        return path

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until ``ready``. Raises :class:`ServerError` if the process ends first or takes too long."""
        deadline = time.monotonic() + self.longest_start
        while not ready():
            if self._process is not None and self._process.poll() is not None:
                raise ServerError(f"{self.name} ended with {self._process.returncode}: {self._last_line()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} was not ready after {self.longest_start:.0f} s")
            time.sleep(0.02)

    def _last_line(self) -> str:
        """Return the last line that the process printed."""
        if self._log is None:
            return ""
        lines = Path(self._log.name).read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")

    def listens(self) -> bool:
        """Tell whether something listens on the port."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _answers_all(self) -> bool:
        try:
            return b'"page"' in self.ask(_CHECK).body.partition(b"bindings")[2]
        except ServerError:
            return False


class Kgraph(Server):
    """This package's own server, as ``kgraph serve`` starts it with its default settings."""

    name = "kgraph"

    def missing(self) -> str | None:
        """Return ``None``: it is always there."""
        return None

    def version(self) -> str:
        """Return the version of the package."""
        return f"kgraph {kgraph.__version__}"

    def _launch(self, graph: Graph, folder: Path) -> None:
        self.launch(graph, folder)

    def launch(self, graph: Graph, folder: Path, state: Path | None = None, **variables: str) -> None:
        """Start it, on a state directory if one is named, and wait for its address."""
        command = [sys.executable, "-m", "kgraph", "serve", "--home", str(graph.home.resolve()), "--port", "0"]
        command += ["--state", str(state.resolve())] if state is not None else []
        self.log = self.run(command, folder, {**os.environ, "PYTHONPATH": _with_own_package(), **variables})
        self.wait_until(lambda: _ADDRESS.search(self.printed()) is not None)
        found = _ADDRESS.search(self.printed())
        assert found is not None
        self.port = int(found[1])

    def printed(self) -> str:
        """Return what it has printed since it was started."""
        return self.log.read_text(encoding="utf-8")


class KgraphOnDisk(Kgraph):
    """``kgraph serve`` with its engine on disk, in a state directory of its own that is filled first."""

    name = "kgraph-disk"

    def _launch(self, graph: Graph, folder: Path) -> None:
        state = folder / f"{self.name}-state"
        shutil.rmtree(state, ignore_errors=True)
        self.launch(graph, folder, state, KGRAPH_ENGINE="disk")


class OxigraphServe(Server):
    """``oxigraph serve`` of the package ``oxigraph``, with its store in memory."""

    name = "oxigraph"

    def __init__(self) -> None:
        """Look for the command beside Python and on the path."""
        super().__init__()
        self.path = "/query"
        self._command = find_command("oxigraph")

    def missing(self) -> str | None:
        """Return why it cannot be started: the command is not there."""
        return None if self._command else "no command oxigraph (pip install oxigraph)"

    def version(self) -> str:
        """Return what the command says of its version."""
        return _version_line([self._command, "--version"])

    def _launch(self, graph: Graph, folder: Path) -> None:
        self.port = free_port()
        self.run([self._command, "serve", "--bind", f"127.0.0.1:{self.port}"], folder)
        self.wait_until(self.listens)
        for path in graph.files:
            _post(self.port, "/store?default", path, TURTLE, self.longest_start)


class RdflibEndpoint(Server):
    """``rdflib-endpoint serve`` of the package ``rdflib-endpoint``, with rdflib's own store in memory."""

    name = "rdflib-endpoint"
    most_triples = 300_000

    def __init__(self) -> None:
        """Look for the command beside Python and on the path."""
        super().__init__()
        self.path = "/"
        self._command = find_command("rdflib-endpoint")

    def missing(self) -> str | None:
        """Return why it cannot be started: the command is not there."""
        return None if self._command else "no command rdflib-endpoint (pip install rdflib-endpoint)"

    def version(self) -> str:
        """Return the versions of the package and of rdflib, as installed beside this Python."""
        return f"rdflib-endpoint {version('rdflib-endpoint')} with rdflib {version('rdflib')}"

    def _launch(self, graph: Graph, folder: Path) -> None:
        self.port = free_port()
        files = [str(path.resolve()) for path in graph.files]
        self.run([self._command, "serve", "--host", "127.0.0.1", "--port", str(self.port), *files], folder)


def find_command(command: str) -> str:
    """Return the path of a command beside this Python or on the path, or the empty string."""
    return shutil.which(command, path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))) or ""


def _with_own_package() -> str:
    """Return a search path on which the package that this process imported comes first, wherever a child starts."""
    own = Path(kgraph.__file__).resolve().parent.parent
    return os.pathsep.join((str(own), os.environ.get("PYTHONPATH", ""))).rstrip(os.pathsep)


def _version_line(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]


def free_port() -> int:
    """Return a loopback port that nothing listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _post(port: int, target: str, path: Path, media_type: str, timeout: float) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with path.open("rb") as body:
        headers = {"Content-Type": media_type, "Content-Length": str(path.stat().st_size)}
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        said = response.read()
    connection.close()
    if response.status >= 300:
        raise ServerError(f"{path.name}: {response.status} {said[:300]!r}")


def process_tree(root: int) -> set[int]:
    """Return a process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _proportional_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _processor_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
