"""The stores under contract: one entry each in ``ADAPTERS``, with the servers that some of them ask.

A store that deviates says so itself: a test that its ``deviations`` name must fail there, and nowhere else.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox
import pytest
from homes import make_tiny_home
from web_server import serving

from kgraph.dataset import load_dataset
from kgraph.errors import KgraphError
from kgraph.formats import N_TRIPLES
from kgraph.settings import Settings
from kgraph.store.base import ASSERTED, INFERRED, OUTSIDE_DEFAULT, Deviation, Query, Store
from kgraph.store.embedded import EmbeddedStore, open_store
from kgraph.store.held import Source
from kgraph.store.remote import RemoteLimits, RemoteStore
from kgraph.store.remote.dialects import OXIGRAPH, VIRTUOSO
from kgraph.store.workers import WorkerLimits, WorkerStore, can_isolate
from kgraph.store.writing import JournaledStore

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 20.0
ROW_LIMIT = 20_000

_WITHOUT_END = {"no-deadline"}

VIRTUOSO_SETTINGS = """
[Database]
DatabaseFile = kgraph.db
ErrorLogFile = kgraph.log
LockFile = kgraph.lck
TransactionFile = kgraph.trx
xa_persistent_file = kgraph.pxa
FileExtend = 200
[TempDatabase]
DatabaseFile = temp.db
TransactionFile = temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DisableUnixSocket = 1
CheckpointInterval = 0
CaseMode = 2
DirsAllowed = .
NumberOfBuffers = 4000
MaxDirtyBuffers = 3000
ThreadsPerQuery = 1
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = .
ServerThreads = 20
[SPARQL]
ResultSetMaxRows = {rows}
MaxQueryExecutionTime = 15
"""


@dataclass(frozen=True)
class World:
    """The data of the tests: a home, and each graph of it as N-Triples, the asserted union among them."""

    home: Path
    graphs: dict[str, Path]


@dataclass(frozen=True)
class Adapter:
    """A store under contract.

    ``serve`` starts what it asks and gives the address; ``open`` opens the store there; ``missing`` tells why it
    cannot be had on this machine, and is empty where it can.
    """

    name: str
    open: Callable[[World, str], Store]
    deviations: tuple[Deviation, ...]
    missing: Callable[[], str] = lambda: ""
    serve: Callable[[World, Path], AbstractContextManager[str]] = lambda world, folder: contextlib.nullcontext("")


@contextlib.contextmanager
def _serve_oxigraph(world: World, folder: Path, *options: str) -> Iterator[str]:
    (port,) = _free_ports(1)
    command = [_oxigraph(), "serve", "--location", str(folder / "data"), "--bind", f"127.0.0.1:{port}", *options]
    with _running(command, folder, f"http://127.0.0.1:{port}/query?query=ASK%7B%7D"):
        for graph, path in world.graphs.items():
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/store?graph={graph}",
                path.read_bytes(),
                {"Content-Type": "application/n-triples"},
                method="PUT",
            )
            with urllib.request.urlopen(request) as response:
                assert response.status in (200, 201, 204)
        yield f"http://127.0.0.1:{port}/query"


@contextlib.contextmanager
def _serve_virtuoso(world: World, folder: Path) -> Iterator[str]:
    sql, http = _free_ports(2)
    settings = VIRTUOSO_SETTINGS.format(sql=sql, http=http, rows=ROW_LIMIT)
    (folder / "virtuoso.ini").write_text(settings, encoding="utf-8")
    loads = []
    for number, (graph, path) in enumerate(world.graphs.items()):
        shutil.copy(path, folder / f"{number}.nt")
        loads.append(f"DB.DBA.TTLP_MT (file_to_string_output ('{number}.nt'), '', '{graph}', 0);")
    command = ["virtuoso-t", "+foreground", "+wait", "+configfile", "virtuoso.ini"]
    with _running(command, folder, f"http://127.0.0.1:{http}/sparql?query=ASK%7B%7D"):
        loaded = subprocess.run(
            ["isql-vt", f"127.0.0.1:{sql}", "dba", "dba"],
            input="\n".join(loads),
            capture_output=True,
            text=True,
            cwd=folder,
            check=True,
        )
        assert "Error" not in loaded.stdout + loaded.stderr, loaded.stdout + loaded.stderr
        yield f"http://127.0.0.1:{http}/sparql"


def _oxigraph() -> str:
    beside = Path(sys.executable).parent / "oxigraph"
    return str(beside) if beside.exists() else shutil.which("oxigraph") or ""


def _journaled(world: World, state: str, *, on_disk: bool) -> Store:
    source = Source(world.home, Path(state), on_disk=on_disk)
    return JournaledStore(source, WorkerLimits(timeout=TIMEOUT, patience=1.0))


ADAPTERS = (
    Adapter("embedded", lambda world, _: open_store(load_dataset(world.home)), EmbeddedStore.deviations),
    Adapter(
        "workers",
        lambda world, _: WorkerStore(world.home, WorkerLimits(timeout=TIMEOUT, patience=1.0)),
        WorkerStore.deviations,
        lambda: "" if can_isolate() else "this platform cannot put queries in processes of their own",
    ),
    Adapter(
        "journaled",
        lambda world, state: _journaled(world, state, on_disk=False),
        JournaledStore.deviations,
        lambda: "" if can_isolate() else "this platform cannot put queries in processes of their own",
        lambda world, folder: contextlib.nullcontext(str(folder)),
    ),
    Adapter(
        "disk",
        lambda world, state: _journaled(world, state, on_disk=True),
        JournaledStore.deviations,
        lambda: "" if can_isolate() else "this platform cannot put queries in processes of their own",
        lambda world, folder: contextlib.nullcontext(str(folder)),
    ),
    Adapter(
        "oxigraph",
        lambda _, address: RemoteStore(address, OXIGRAPH, RemoteLimits(timeout=TIMEOUT)),
        OXIGRAPH.deviations,
        lambda: "" if _oxigraph() else "the command oxigraph is not installed",
        _serve_oxigraph,
    ),
    Adapter(
        "virtuoso",
        lambda _, address: RemoteStore(address, VIRTUOSO, RemoteLimits(timeout=TIMEOUT)),
        VIRTUOSO.deviations,
        lambda: "" if shutil.which("virtuoso-t") and shutil.which("isql-vt") else "Virtuoso is not installed",
        _serve_virtuoso,
    ),
)


class Opened:
    """Starts what adapters ask when that is first needed, and keeps it until the end."""

    def __init__(self, world: World, folder: Path) -> None:
        """Nothing runs yet."""
        self._world = world
        self._folder = folder
        self._addresses: dict[str, str] = {}
        self._stores: dict[str, Store] = {}
        self._stack = ExitStack()

    def address(self, adapter: Adapter) -> str:
        """Return the address of an adapter's server, started if need be; skips where it is missing."""
        if reason := adapter.missing():
            pytest.skip(reason)
        if adapter.name not in self._addresses:
            folder = self._folder / adapter.name
            folder.mkdir()
            self._addresses[adapter.name] = self._stack.enter_context(adapter.serve(self._world, folder))
        return self._addresses[adapter.name]

    def open(self, adapter: Adapter) -> Store:
        """Return a store of its own for one test."""
        return adapter.open(self._world, self.address(adapter))

    def store(self, adapter: Adapter) -> Store:
        """Return the store that tests share."""
        if adapter.name not in self._stores:
            store = self.open(adapter)
            self._stack.callback(store.close)
            self._stores[adapter.name] = store
        return self._stores[adapter.name]

    def close(self) -> None:
        """End everything."""
        self._stack.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The tiny world with the repository's ontology, and a graph with every kind of term."""
    folder = tmp_path_factory.mktemp("contract")
    home = make_tiny_home(folder / "home")
    (home / "data" / "ttl" / "terms").mkdir()
    shutil.copy(ROOT / "tests" / "stores" / "terms.ttl", home / "data" / "ttl" / "terms" / "terms.ttl")
    return World(home, _write_graphs(home, folder))


@pytest.fixture(scope="module")
def opened(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The stores and servers that the tests of a file share: an engine may go on with a query long after its test."""
    running = Opened(world, tmp_path_factory.mktemp("servers"))
    yield running
    running.close()


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Each kind of store."""
    kind: Adapter = request.param
    return kind


@pytest.fixture
def store(opened: Opened, adapter: Adapter) -> Store:
    """A store of each kind with the same data."""
    return opened.store(adapter)


@pytest.fixture
def virtuoso(opened: Opened) -> str:
    """The address of a Virtuoso with the data."""
    return opened.address(next(kind for kind in ADAPTERS if kind.name == "virtuoso"))


@pytest.fixture
def oxigraph(opened: Opened) -> str:
    """The address of an ``oxigraph serve`` with the data."""
    return opened.address(next(kind for kind in ADAPTERS if kind.name == "oxigraph"))


@pytest.fixture(scope="module")
def impatient_oxigraph(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an ``oxigraph serve`` that gives queries up after a second."""
    if not _oxigraph():
        pytest.skip("the command oxigraph is not installed")
    with _serve_oxigraph(world, tmp_path_factory.mktemp("impatient"), "--timeout-s", "1") as address:
        yield address


@pytest.fixture(scope="session")
def serve() -> Callable[[Settings, Path], AbstractContextManager[str]]:
    """What serves a home with settings and gives the address."""
    return serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect each test to fail that a store's deviations name; one that does not end is not begun."""
    for item in items:
        kind = getattr(item, "callspec", None) and item.callspec.params.get("adapter")  # type: ignore[attr-defined]
        if not isinstance(kind, Adapter):
            continue
        name = item.originalname  # type: ignore[attr-defined]
        variant = item.name.replace(f"[{kind.name}-", "[").replace(f"-{kind.name}]", "]")
        for deviation in kind.deviations:
            if {name, variant} & set(deviation.tests):
                item.add_marker(
                    pytest.mark.xfail(
                        reason=f"{deviation.name}: {deviation.reason}",
                        strict=True,
                        raises=(AssertionError, KgraphError),
                        run=deviation.name not in _WITHOUT_END,
                    )
                )


def _write_graphs(home: Path, folder: Path) -> dict[str, Path]:
    """Write each graph as N-Triples, as its files state it, with the union of the asserted ones and what follows."""
    texts: dict[str, list[bytes]] = {}
    for file in load_dataset(home).files:
        triples = [
            quad.triple for quad in ox.parse(path=file.path, format=ox.RdfFormat.TURTLE, rename_blank_nodes=True)
        ]
        texts.setdefault(file.graph, []).append(ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES) or b"")
    store = open_store(load_dataset(home))
    inferred = Query("CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }", ((INFERRED,), ()))
    texts[INFERRED] = [store.query(inferred, N_TRIPLES).read()]
    union = [text for graph, parts in texts.items() if graph not in OUTSIDE_DEFAULT for text in parts]
    texts[ASSERTED] = [b"".join(sorted({line for text in union for line in text.splitlines(keepends=True)}))]
    paths = {}
    for number, (graph, parts) in enumerate(sorted(texts.items())):
        paths[graph] = folder / f"{number}.nt"
        paths[graph].write_bytes(b"".join(parts))
    return paths


@contextlib.contextmanager
def _running(command: list[str], folder: Path, probe: str) -> Iterator[None]:
    """Run a server until the end of the block, once it answers at ``probe``."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        try:
            for _ in range(600):
                assert process.poll() is None, (folder / "output").read_text(encoding="utf-8", errors="replace")
                with contextlib.suppress(OSError), urllib.request.urlopen(probe, timeout=5):
                    break
                time.sleep(0.1)
            else:
                raise AssertionError(f"{command[0]} does not answer")
            yield
        finally:
            process.kill()
            process.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]
