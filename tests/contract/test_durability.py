"""What is acknowledged is on disk, damage and full disks are told, and a new start has all that was there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from kgraph.access import Role, create_token
from kgraph.store.held import Source
from kgraph.store.journal import HEAD_SIZE, JournalReader
from kgraph.store.state import BASE, JOURNAL, LOCK, StateView
from kgraph.store.writing import JournaledStore
from kgraph.vocabulary import GRAPHS

EX = "https://example.org/"
UPDATE = {"Content-Type": "application/sparql-update"}
SERVE = [sys.executable, "-m", "kgraph", "serve", "--port", "0"]


@contextlib.contextmanager
def running(home: Path, state: Path, *before: str, **environment: str) -> Iterator[tuple[httpx.Client, int, Path]]:
    """Run ``kgraph serve``, by another command if one is given; give a curator's client, its number and its errors."""
    token = create_token(state, Role.CURATOR)[0]
    told = state.parent / f"{state.name}.err"
    variables = {**os.environ, "KGRAPH_LOG_FILE": str(state.parent / f"{state.name}.log"), **environment}
    with told.open("w", encoding="utf-8") as errors:
        command = [*before, *SERVE, "--home", str(home), "--state", str(state)]
        served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=variables)
    assert served.stdout is not None
    try:
        address = served.stdout.readline().rsplit(" ", 1)[-1].strip()
        assert address, told.read_text(encoding="utf-8")
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            yield client, served.pid, told
    finally:
        served.terminate()
        served.wait(timeout=30)
        served.stdout.close()


def send(client: httpx.Client, text: str, **options: object) -> httpx.Response:
    """Send an update."""
    return client.post("/sparql", content=f"PREFIX : <{EX}> {text}", headers=UPDATE, **options)  # type: ignore[arg-type]


def values(client: httpx.Client, subject: str = "a") -> list[str]:
    """Return the values that a resource of the example has, sorted."""
    query = f"SELECT ?v {{ <{EX}{subject}> ?p ?v }}"
    answer = client.get("/sparql", params={"query": query, "format": "csv"})
    assert answer.status_code == 200
    return sorted(answer.text.split("\r\n")[1:-1])


def kgraph(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "kgraph", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def flip(path: Path, offset: int) -> None:
    """Change one byte of a file."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


@pytest.fixture(scope="module")
def kept(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with three changes."""
    state = tmp_path_factory.mktemp("kept")
    with running(tiny_home, state) as (client, _, _):
        for number in range(3):
            assert send(client, f"INSERT DATA {{ :a :p {number} }}").status_code == 200
    return state


@pytest.fixture
def state(kept: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(kept, tmp_path / "state"))


@pytest.mark.parametrize("place", [0, HEAD_SIZE - 2, HEAD_SIZE + 40])
def test_a_flipped_byte_of_the_journal_stops_the_start_until_it_is_repaired(
    tiny_home: Path, state: Path, place: int
) -> None:
    """In a head's beginning or its check, or in a body: file, entry and byte are named, and what to do."""
    second = list(JournalReader(state / JOURNAL, StateView(state).base.revision))[1]
    flip(state / JOURNAL, second.offset + place)
    refused = kgraph("serve", "--port", "0", "--home", tiny_home, "--state", state)
    assert refused.returncode == 2
    assert f"{state / JOURNAL}: entry 3 at byte {second.offset}: " in refused.stderr
    assert "kgraph journal check" in refused.stderr and "kgraph journal repair" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert kgraph("journal", "check", "--state", state).returncode == 1
    assert kgraph("journal", "repair", "--yes", "--state", state).returncode == 0
    with running(tiny_home, state) as (client, _, _):
        assert values(client) == ["0"]
        assert send(client, "INSERT DATA { :a :p 5 }").json()["revision"]["number"] == 3
        assert values(client) == ["0", "5"]


def test_a_flipped_byte_of_the_base_stops_the_start(tiny_home: Path, state: Path) -> None:
    """The file is named, with what to do."""
    flip(state / BASE, 1000)
    refused = kgraph("serve", "--port", "0", "--home", tiny_home, "--state", state)
    assert refused.returncode == 2
    assert f"{state / BASE}: the file is damaged" in refused.stderr
    assert "backup" in refused.stderr


def test_what_a_start_passes_over_is_told_and_logged(tiny_home: Path, state: Path) -> None:
    """A change that was broken off at the end of the journal, and a snapshot that is damaged."""
    view, engine = StateView(state), ox.Store()
    snapshot = view.write_snapshot(engine, view.load(engine))
    flip(snapshot, 50)
    whole = (state / JOURNAL).read_bytes()
    (state / JOURNAL).write_bytes(whole + whole[:200])
    with running(tiny_home, state) as (client, _, told):
        printed = told.read_text(encoding="utf-8")
        assert f"{state / JOURNAL}: 200 bytes at the end are of a change that was broken off" in printed
        assert f"{snapshot}: the file is damaged" in printed
        assert values(client) == ["0", "1", "2"]
    log = (state.parent / f"{state.name}.log").read_text(encoding="utf-8").splitlines()
    notices = [line for line in map(json.loads, log) if line["event"] == "notice"]
    assert [line["level"] for line in notices] == ["warning", "warning"]
    assert sorted(line["message"] for line in notices) == sorted(printed.splitlines())
    assert (state / JOURNAL).read_bytes() == whole


def refuses_until(client: httpx.Client, make_room: Callable[[], None]) -> None:
    """Write with no room, read meanwhile, and write again when there is room."""
    big = "x" * 300_000
    before = client.get("/sparql", params={"query": "ASK {}"}).headers["kgraph-revision"]
    for _ in range(2):
        refused = send(client, f"INSERT DATA {{ :a :q '{big}' }}")
        assert (refused.status_code, refused.json()["code"]) == (507, "disk-full")
        assert values(client) == ["0", "1", "2"]
    assert client.get("/sparql", params={"query": "ASK {}"}).headers["kgraph-revision"] == before
    make_room()
    assert send(client, f"INSERT DATA {{ :a :q '{big}' }}").status_code == 200
    assert values(client) == ["0", "1", "2", big]


def test_a_file_that_may_not_grow_refuses_writes_while_reads_go_on(tiny_home: Path, state: Path) -> None:
    """A limit of the system stands for the full disk; nothing of the refused changes stays."""
    with running(tiny_home, state) as (client, pid, _):
        size = (state / JOURNAL).stat().st_size
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 100_000, hard))
        refuses_until(client, lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard)) and None)
    assert StateView(state).revision.number == 5


def test_a_full_disk_refuses_writes_while_reads_go_on(tiny_home: Path, state: Path) -> None:
    """A file system of its own is filled by another file, and emptied again."""
    script = 'mount -t tmpfs -o size=8m none "$1" && cp -a "$2/." "$1" && shift 2 && exec "$@"'
    disk = state.parent / "disk"
    disk.mkdir()
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(disk)]
    if not shutil.which("unshare") or subprocess.run([*inside, str(state), "true"], check=False).returncode:
        pytest.skip("this system lets nobody mount a file system of their own")
    token = create_token(state, Role.CURATOR)[0]
    with running(tiny_home, disk, *inside, str(state)) as (client, pid, _):
        client.headers["Authorization"] = f"Bearer {token}"
        seen = Path(f"/proc/{pid}/root/{disk}")
        filler = seen / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        refuses_until(client, filler.unlink)
        assert StateView(seen).revision.number == 5


def test_an_answer_comes_after_the_sync(tiny_home: Path, tmp_path: Path, serve: Callable[..., object]) -> None:
    """While the journal waits for the disk, the client waits too and readers see the state before."""
    entered, leave = threading.Event(), threading.Event()

    def hold(step: str) -> None:
        if step == "before-sync":
            entered.set()
            assert leave.wait(60)

    state = tmp_path / "state"
    token = create_token(state, Role.CURATOR)[0]
    store = JournaledStore(Source(tiny_home, state), at=hold)
    answers: list[httpx.Response] = []
    with serve(store, state=str(state)) as address:  # type: ignore[attr-defined]
        client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        writer = threading.Thread(target=lambda: answers.append(send(client, "INSERT DATA { :a :p 1 }")))
        writer.start()
        assert entered.wait(60)
        reader = httpx.Client(base_url=address)
        assert (values(reader), answers) == ([], [])
        leave.set()
        writer.join()
        assert (values(reader), answers[0].status_code) == (["1"], 200)
        client.close()
        reader.close()


def test_the_system_is_asked_to_sync_before_each_acknowledgement(tiny_home: Path, state: Path) -> None:
    """As strace sees it: fdatasync has returned before the answer to a write is sent."""
    trace = state.parent / "trace"
    calls = "trace=fdatasync,write,writev,sendto,sendmsg"
    strace = ["strace", "-f", "-qq", "-s", "16", "-e", "signal=none", "-e", calls, "-o", str(trace)]
    if not shutil.which("strace") or subprocess.run([*strace, "true"], check=False).returncode:
        pytest.skip("strace is not there or may not trace")
    with running(tiny_home, state, *strace) as (client, _, _):
        for number in range(3):
            assert send(client, f"INSERT DATA {{ :a :q {number} }}").status_code == 200
        # The tracer does not pass the signal on.
        os.kill(int((state / LOCK).read_text(encoding="ascii")), signal.SIGTERM)
    pattern = re.compile(r'(fdatasync)(?:\(\d+\)| resumed>\)) += 0|(?:write|writev|sendto|sendmsg)\(.*"(HTTP/1\.1 200)')
    events = [found[1] or found[2] for found in pattern.finditer(trace.read_text(encoding="utf-8", errors="replace"))]
    assert events == ["fdatasync", "HTTP/1.1 200"] * 3


def test_a_client_that_leaves_does_not_stop_its_change(
    tiny_home: Path, tmp_path: Path, serve: Callable[..., object]
) -> None:
    """The change goes on and counts whole, and the next one is carried out."""
    entered, leave = threading.Event(), threading.Event()

    def hold(step: str) -> None:
        if step == "checked" and not entered.is_set():
            entered.set()
            assert leave.wait(60)

    state = tmp_path / "state"
    token = create_token(state, Role.CURATOR)[0]
    store = JournaledStore(Source(tiny_home, state), at=hold)
    with serve(store, state=str(state)) as address:  # type: ignore[attr-defined]
        client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        with pytest.raises(httpx.ReadTimeout):
            send(client, "INSERT DATA { :a :p 1 . GRAPH :g { :a :p 2 } }", timeout=0.5)
        assert entered.wait(60)
        leave.set()
        assert send(client, "INSERT DATA { :a :p 3 }").status_code == 200
        assert values(client) == ["1", "2", "3"]
        client.close()


@pytest.mark.parametrize(("method", "path"), [("POST", "/sparql"), ("PATCH", f"/graphs?graph={GRAPHS}report")])
def test_a_stop_breaks_the_connection_of_a_change_that_is_under_way(
    tiny_home: Path, state: Path, method: str, path: str
) -> None:
    """Nothing is said that could be false; the change is given up, and the server ends without waiting for it."""
    cross = " . ".join(f"?a{n} ?b{n} ?c{n}" for n in range(6))
    text = f"INSERT {{ <a:a> <a:b> ?n }} WHERE {{ SELECT (COUNT(*) AS ?n) {{ {cross} }} }}"
    with running(tiny_home, state, KGRAPH_SHUTDOWN_TIMEOUT="1") as (client, pid, told):
        stop = threading.Timer(1.0, os.kill, (pid, signal.SIGTERM))
        stop.start()
        with pytest.raises(httpx.TransportError) as broken:
            client.request(method, path, content=text, headers=UPDATE)
        assert not isinstance(broken.value, httpx.TimeoutException)
        stop.join()
    assert "Traceback" not in told.read_text(encoding="utf-8")
    assert StateView(state).revision.number == 4
    with running(tiny_home, state) as (client, _, _):
        assert send(client, "INSERT DATA { :a :p 4 }").status_code == 200


def test_empty_graphs_and_the_revision_outlive_starts_and_snapshots(tiny_home: Path, state: Path) -> None:
    """Made by CREATE and by an empty PUT; an export leaves them out."""
    headers = {"Content-Type": "text/turtle"}
    with running(tiny_home, state) as (client, _, _):
        assert send(client, "CREATE GRAPH :one ; CREATE GRAPH :gone").status_code == 200
        assert client.put("/graphs", params={"graph": f"{EX}two"}, content="", headers=headers).status_code == 201
        assert send(client, "DROP GRAPH :gone").status_code == 200
        before = client.get("/sparql", params={"query": "ASK {}"}).headers
    view, engine = StateView(state), ox.Store()
    for snapshot in (False, True):
        if snapshot:
            view.write_snapshot(engine, view.load(engine))
        with running(tiny_home, state) as (client, _, _):
            found = [client.get("/graphs", params={"graph": EX + name}) for name in ("one", "two", "gone")]
            assert [answer.status_code for answer in found] == [200, 200, 404]
            after = client.get("/sparql", params={"query": "ASK {}"}).headers
            assert after["kgraph-revision"] == before["kgraph-revision"]
            assert after["last-modified"] == before["last-modified"]
    assert f"{EX}one" not in kgraph("export", "--state", state).stdout


def test_a_server_starts_from_an_upgraded_state(tiny_home: Path, state: Path, tmp_path: Path) -> None:
    """It has what the package changed and what was changed here, and takes changes."""
    home = Path(shutil.copytree(tiny_home, tmp_path / "newer"))
    record = home / "data" / "ttl" / "report" / "claims.ttl"
    record.write_text(
        record.read_text(encoding="utf-8").replace('"te samlar folk"', '"te samlar alle"'), encoding="utf-8"
    )
    assert kgraph("upgrade", "--apply", "--home", home, "--state", state).returncode == 0
    with running(home, state) as (client, _, _):
        query = (
            "SELECT ?v { <https://w3id.org/inkludering/id/finding/tea-helps> ?p ?v FILTER(STRSTARTS(?v, 'te saml')) }"
        )
        names = client.get("/sparql", params={"query": query, "format": "csv"}).text.split("\r\n")
        assert sorted(names) == ["", "te samlar alle", "te samler folk", "v"]
        assert values(client) == ["0", "1", "2"]
        assert send(client, "INSERT DATA { :a :p 3 }").json()["revision"]["number"] == 6
