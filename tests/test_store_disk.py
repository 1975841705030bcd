"""The engine on disk: the same answers and revisions as in memory, whatever a crash left, and little in memory."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kgraph.errors import KgraphError, QueryFailedError, SettingError
from kgraph.formats import CSV, N_QUADS
from kgraph.settings import Settings
from kgraph.store.base import ASSERTED, INFERRED, Change, GraphWrite, Query, Update
from kgraph.store.directories import MARKER
from kgraph.store.held import Source
from kgraph.store.state import StateView
from kgraph.store.workers import WorkerLimits, can_isolate
from kgraph.store.writing import JournaledStore
from kgraph.vocabulary import GRAPHS
from kgraph.web.server import open_settings_store

ROOT = Path(__file__).resolve().parent.parent
EX = "https://example.org/"
INK = "https://w3id.org/inkludering/ont#"
XSD = "http://www.w3.org/2001/XMLSchema#"
CHANGES = (
    f'INSERT DATA {{ <{EX}a> a <{INK}Claim> ; <{EX}p> "7.30"^^<{XSD}decimal> . GRAPH <{EX}g> {{ [] <{EX}p> 1 }} }}',
    f"INSERT {{ GRAPH <{EX}h> {{ ?s <{EX}q> ?o }} }} WHERE {{ ?s <{EX}p> ?o }}",
    f"DELETE WHERE {{ <{EX}a> <{EX}p> ?o }} ; DROP GRAPH <{EX}g>",
    f"CREATE GRAPH <{EX}empty>",
    f"DELETE WHERE {{ GRAPH <{GRAPHS}report> {{ ?s <{INK}authorship> ?o }} }}",
)

pytestmark = pytest.mark.skipif(not can_isolate(), reason="this platform cannot put queries in processes of their own")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory."""
    return tmp_path / "state"


@pytest.fixture
def open_store(tiny_home: Path, state: Path) -> Iterator[Callable[..., JournaledStore]]:
    """Opens the state directory, by default on disk; what is open still is closed at the end."""
    opened: list[JournaledStore] = []

    def open_(on_disk: bool = True, home: Path = tiny_home, timeout: float = 10.0) -> JournaledStore:
        limits = WorkerLimits(places=1, timeout=timeout)
        opened.append(JournaledStore(Source(home, state, on_disk=on_disk), limits))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


def change(store: JournaledStore, text: str) -> None:
    """Carry an update out."""
    store.change(Change((Update(text),), "tests"))


def content(store: JournaledStore) -> tuple[object, ...]:
    """Return all that a store says of its data: revision, sizes, each graph as it was sent, and what is derived."""
    graphs = tuple(sorted(store.graphs().items()))
    names = ("", *(name for name, _ in graphs))
    lines = store.query(Query("", export=names), N_QUADS).read().splitlines()
    union = Query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", ((ASSERTED,), ()))
    shown = Query("SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g ORDER BY ?g")
    counts = tuple(store.query(query, CSV).read() for query in (union, shown))
    return store.revision.number, graphs, counts, sorted(line for line in lines if not line.startswith(b"_:"))


def directories(state: Path) -> set[str]:
    """Return the names of what the engine has in a state directory."""
    return {path.name for path in (state / "store").iterdir()}


def reseal(marker: Path, before: str, after: str) -> None:
    """Write a marker as kgraph would that tells something else."""
    line, _ = marker.read_text(encoding="utf-8").splitlines()
    assert before in line
    told = line.replace(before, after)
    marker.write_text(f"{told}\n{hashlib.sha256(told.encode()).hexdigest()}\n", encoding="utf-8")


def test_both_engines_give_the_same_revisions_and_answers(
    tiny_home: Path, tmp_path: Path, open_store: Callable[..., JournaledStore]
) -> None:
    """After each change, and what one engine has written the other one opens."""
    disk = open_store()
    with closing(JournaledStore(Source(tiny_home, tmp_path / "other"), WorkerLimits(places=2))) as memory:
        assert content(disk) == content(memory)
        assert disk.revision.digest == memory.revision.digest
        for text in CHANGES:
            change(disk, text)
            change(memory, text)
            assert content(disk) == content(memory)
        expected = content(memory)
    disk.close()
    assert content(open_store(on_disk=False)) == expected


def test_a_new_start_takes_what_is_there(state: Path, open_store: Callable[..., JournaledStore]) -> None:
    """The directory of the last revision is not made anew, and older ones and what was begun are gone."""
    store = open_store()
    change(store, CHANGES[0])
    change(store, CHANGES[1])
    expected = content(store)
    store.close()
    made = (state / "store" / "rev-3" / MARKER).stat()
    store = open_store()
    assert content(store) == expected
    assert (state / "store" / "rev-3" / MARKER).stat().st_ino == made.st_ino
    assert directories(state) == {"rev-3"}


def test_changes_that_the_directory_lacks_are_made_from_the_journal(
    state: Path, open_store: Callable[..., JournaledStore]
) -> None:
    """A directory that is some revisions behind catches up, with what follows and with literals as they were sent."""
    open_store().close()
    memory = open_store(on_disk=False)
    for text in CHANGES:
        change(memory, text)
    expected = content(memory)
    memory.close()
    assert directories(state) == {"rev-1"}
    store = open_store()
    assert content(store) == expected
    assert directories(state) == {f"rev-{len(CHANGES) + 1}"}


def test_what_a_crash_left_is_not_taken_for_a_revision(state: Path, open_store: Callable[..., JournaledStore]) -> None:
    """Directories that are half made, have no marker or are of a change that was never journaled do not count."""
    store = open_store()
    change(store, CHANGES[0])
    expected = content(store)
    store.close()
    folder = state / "store"
    for name in ("build-1", "draft-1", "ready-1", "rev-5"):
        shutil.copytree(folder / "rev-2", folder / name)
    (folder / "rev-5" / MARKER).unlink()
    ahead = folder / "rev-3"
    shutil.copytree(folder / "rev-2", ahead)
    reseal(ahead / MARKER, '"number": 2', '"number": 3')
    store = open_store()
    assert content(store) == expected
    assert directories(state) == {"rev-2"}


@pytest.mark.parametrize("damage", ["table", "byte", "marker", "size", "other-history", "originals"])
def test_a_damaged_directory_is_made_anew(state: Path, open_store: Callable[..., JournaledStore], damage: str) -> None:
    """Base and journal are the truth: nothing is answered from files that are not as they were left."""
    store = open_store()
    change(store, CHANGES[0])
    expected = content(store)
    store.close()
    folder = state / "store" / "rev-2"
    marker = folder / MARKER
    if damage == "table":
        max(folder.glob("*.sst"), key=lambda path: path.stat().st_size).unlink()
    elif damage == "byte":
        table = max(folder.glob("*.sst"), key=lambda path: path.stat().st_size)
        content_of = bytearray(table.read_bytes())
        content_of[len(content_of) // 3] ^= 1
        table.write_bytes(content_of)
    elif damage == "size":
        text = marker.read_text(encoding="utf-8")
        marker.write_text(re.sub(r'inferred": \d', 'inferred": 9', text), encoding="utf-8")
    elif damage == "marker":
        marker.write_text("{", encoding="utf-8")
    elif damage == "other-history":
        reseal(marker, StateView(state).revision.digest, "0" * 64)
    else:
        (folder / "originals.nq").unlink()
    store = open_store()
    assert content(store) == expected


def test_other_rules_make_the_directory_anew(
    tiny_home: Path, tmp_path: Path, open_store: Callable[..., JournaledStore]
) -> None:
    """What is inferred follows the ontology of the package that is started."""
    store = open_store()
    change(store, f"INSERT DATA {{ <{EX}a> a <{EX}New> }}")
    store.close()
    home = tmp_path / "newer"
    shutil.copytree(tiny_home, home)
    axiom = f"<{EX}New> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <{EX}Newer> .\n"
    with (home / "ontology" / "kgraph.ttl").open("a", encoding="utf-8") as file:
        file.write(axiom)
    query = Query(f"ASK {{ <{EX}a> a <{EX}Newer> }}", ((INFERRED,), ()))
    assert b"false" in open_store_and_ask(open_store, None, query)
    assert b"true" in open_store_and_ask(open_store, home, query)


def open_store_and_ask(open_store: Callable[..., JournaledStore], home: Path | None, query: Query) -> bytes:
    """Open the state directory with a home, ask it and close it."""
    with closing(open_store() if home is None else open_store(home=home)) as store:
        return store.query(query, CSV).read()


@pytest.mark.parametrize("step", ["drafted", "checked", "journaled", "applied"])
def test_a_server_that_is_killed_leaves_a_good_state(tiny_home: Path, state: Path, step: str) -> None:
    """At each step of a change, the next start holds just what the journal says."""
    child = os.fork()
    if child == 0:
        store = JournaledStore(
            Source(tiny_home, state, on_disk=True),
            WorkerLimits(places=1),
            at=lambda reached: os.kill(os.getpid(), signal.SIGKILL) if reached == step else None,
        )
        change(store, CHANGES[0])
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    expected = 2 if step in ("journaled", "applied") else 1
    for on_disk in (True, False):
        with closing(JournaledStore(Source(tiny_home, state, on_disk=on_disk), WorkerLimits(places=1))) as store:
            assert store.revision.number == expected
            asked = store.query(Query(f"ASK {{ <{EX}a> a <{INK}Claim> }}"), CSV).read()
            assert (b"true" in asked) == (expected == 2)


def test_a_reader_keeps_the_revision_that_it_was_asked_in(
    state: Path, open_store: Callable[..., JournaledStore]
) -> None:
    """An answer that is fetched slowly is of one state, and that state's files go when it is done."""
    store = open_store(timeout=120.0)
    answer = store.query(Query("SELECT * { ?s ?p ?o . ?a ?b ?c } LIMIT 200000"), CSV)
    chunks = iter(answer.chunks)
    next(chunks)
    for text in CHANGES:
        change(store, text)
    assert "rev-1" in directories(state)
    rows = sum(chunk.count(b"\r\n") for chunk in chunks)
    answer.close()
    assert rows > 100_000
    store.query(Query("ASK {}"), CSV).read()
    change(store, f"INSERT DATA {{ <{EX}a> <{EX}n> 1 }}")
    assert "rev-1" not in directories(state)


def test_a_graph_larger_than_what_a_process_may_take_is_asked_and_changed(
    tiny_home: Path, tmp_path: Path, state: Path
) -> None:
    """Neither the process that forks nor the queries hold the graph."""
    home = tmp_path / "large"
    shutil.copytree(tiny_home, home)
    with (home / "data" / "ttl" / "report" / "large.ttl").open("w", encoding="utf-8") as file:
        file.writelines(f'<{EX}{number}> <{EX}text> "{number:0>1000}" .\n' for number in range(60_000))
    limits = WorkerLimits(places=1, memory=64, timeout=60)
    source = Source(home, state, on_disk=True, draft_memory=512)
    with closing(JournaledStore(source, limits)) as store:
        status = Path(f"/proc/{store.zygote.pid}/status").read_text(encoding="ascii")
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        assert resident < 80 * 1024
        long = Query(f"SELECT (COUNT(*) AS ?n) (SUM(STRLEN(?t)) AS ?l) {{ ?s <{EX}text> ?t }}")
        assert store.query(long, CSV).read().split() == [b"n,l", b"60000,60000000"]
        change(store, f"DELETE WHERE {{ GRAPH <{GRAPHS}report> {{ <{EX}77> ?p ?o }} }}")
        assert store.query(long, CSV).read().split() == [b"n,l", b"59999,59999000"]


def test_a_refused_or_dry_change_leaves_no_trace(state: Path, open_store: Callable[..., JournaledStore]) -> None:
    """The copy that it was worked out on goes with the process."""
    store = open_store()
    before = content(store)
    store.change(Change((Update(CHANGES[0]),), "tests", dry_run=True))
    with pytest.raises(KgraphError):
        store.change(Change((GraphWrite(EX, "merge", b"<a> <b>"),), "tests"))
    assert content(store) == before
    change(store, CHANGES[0])
    assert store.revision.number == 2
    store.close()
    assert content(open_store())[0] == 2


def test_a_setting_keeps_the_graph_on_disk(tiny_home: Path, state: Path) -> None:
    """``KGRAPH_ENGINE=disk`` is all that is asked for beside the state directory."""
    with closing(open_settings_store(Settings(engine="disk", state=str(state), query_workers=1), tiny_home)) as store:
        assert directories(state) == {"rev-1"}
        assert b"true" in store.query(Query("ASK { ?s ?p ?o }"), CSV).read()


def test_a_graph_on_disk_needs_a_state_directory() -> None:
    """Without one there is no place for it."""
    with pytest.raises(SettingError, match="KGRAPH_ENGINE"):
        open_settings_store(Settings(engine="disk"), ROOT)


def test_a_query_finds_no_network(open_store: Callable[..., JournaledStore]) -> None:
    """Files may be opened, sockets lead nowhere."""
    store = open_store()
    with pytest.raises(QueryFailedError):
        store.query(Query("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"), CSV).read()
