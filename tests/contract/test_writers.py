"""Many who write at once, and changes that go wrong: no update is lost, and the server lives on."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import httpx
import pytest
from waiting import wait_until

from kgraph.access import Role, create_token
from kgraph.store.held import Source
from kgraph.store.state import StateView
from kgraph.store.writing import JournaledStore, WriteLimits

EX = "https://example.org/"
INK = "https://w3id.org/inkludering/ont#"
REPORT = "https://w3id.org/inkludering/graph/report"
UPDATE = {"Content-Type": "application/sparql-update"}
TURTLE = {"Content-Type": "text/turtle"}
RAISE = "DELETE { ?s :is ?n } INSERT { ?s :is ?m } WHERE { VALUES ?s { :one :two } ?s :is ?n BIND(?n + 1 AS ?m) }"
CROSS = "{ " + " . ".join(f"?a{n} ?b{n} ?c{n}" for n in range(6)) + " }"


class Writable:
    """A server whose processes the tests know; ``state`` is its state directory, ``store`` its store."""

    def __init__(self, address: str, state: Path, store: JournaledStore) -> None:
        self.address = address
        self.state = state
        self.store = store
        self.token = create_token(state, Role.CURATOR)[0]

    def client(self) -> httpx.Client:
        """Return a curator's client of its own."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60)

    def processes(self) -> list[int]:
        """Return the numbers of the processes that are forks of the one that holds the data."""
        pid = self.store.zygote_pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


@pytest.fixture(scope="module")
def server(
    tiny_home: Path, tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., object]
) -> Iterator[Writable]:
    """A server whose changes may add 128 MiB of memory."""
    state = tmp_path_factory.mktemp("state")
    source = Source(tiny_home, state, checker="kgraph.validation.changes:ChangeChecker", draft_memory=128)
    store = JournaledStore(source, writing=WriteLimits(timeout=30.0))
    with serve(store, state=str(state)) as address:  # type: ignore[attr-defined]
        yield Writable(address, state, store)


@pytest.fixture
def client(server: Writable) -> Iterator[httpx.Client]:
    """A curator's client of the server, whose unnamed graph is empty."""
    with server.client() as client:
        assert send(client, f"CLEAR DEFAULT ; DROP SILENT GRAPH <{EX}g>").status_code == 200
        yield client


def send(client: httpx.Client, text: str, **options: object) -> httpx.Response:
    """Send an update."""
    return client.post("/sparql", content=f"PREFIX : <{EX}> {text}", headers=UPDATE, **options)  # type: ignore[arg-type]


def values(client: httpx.Client, pattern: str) -> list[str]:
    """Return the values of ?v, sorted."""
    query = f"PREFIX : <{EX}> SELECT ?v {{ {pattern} }}"
    answer = client.get("/sparql", params={"query": query, "format": "csv"}, headers={"Cache-Control": "no-cache"})
    assert answer.status_code == 200, answer.text
    return sorted(answer.text.split("\r\n")[1:-1])


def wait_for_answer(client: httpx.Client) -> None:
    """Wait until a query is answered; a process that was killed while it was starting costs some seconds."""
    query, anew = {"query": "ASK {}"}, {"Cache-Control": "no-cache"}
    assert wait_until(lambda: client.get("/sparql", params=query, headers=anew).status_code == 200)


def at_once(server: Writable, count: int, ask: Callable[[httpx.Client, int], httpx.Response]) -> Counter[int]:
    """Have so many clients ask at the same moment; return how often each status was answered."""
    gate = threading.Barrier(count)

    def one(number: int) -> int:
        with server.client() as client:
            gate.wait(60)
            return ask(client, number).status_code

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(one, range(count)))


def test_eight_writers_lose_no_update_and_readers_see_no_mixture(server: Writable, client: httpx.Client) -> None:
    """Two counters that each update raises together are equal in every answer, and end at the number of updates."""
    assert send(client, "INSERT DATA { :one :is 0 . :two :is 0 }").status_code == 200
    done, mixed = threading.Event(), []

    def watch() -> None:
        with server.client() as reader:
            while not done.is_set():
                seen = values(reader, "?s :is ?v")
                if len(seen) != 2 or seen[0] != seen[1]:
                    mixed.append(seen)

    def write(number: int) -> list[int]:
        with server.client() as writer:
            return [send(writer, RAISE).status_code for _ in range(15)]

    with ThreadPoolExecutor(10) as pool:
        watchers = [pool.submit(watch) for _ in range(2)]
        statuses = [status for found in pool.map(write, range(8)) for status in found]
        done.set()
        for watcher in watchers:
            watcher.result()
    assert statuses == [200] * 120
    assert values(client, "?s :is ?v") == ["120", "120"]
    assert mixed == []


def test_of_changes_that_are_valid_alone_but_not_together_one_counts(server: Writable, client: httpx.Client) -> None:
    """A resource may have one statement in each language; six clients add one in the same language at once."""
    added = "INSERT DATA {{ GRAPH :g {{ :thing <{}statement> 'said {}'@nn }} }}"
    found = at_once(server, 6, lambda one, number: send(one, added.format(INK, number)))
    assert found == {200: 1, 422: 5}
    assert len(values(client, f":thing <{INK}statement> ?v")) == 1


def test_of_writes_that_expect_the_same_state_one_counts(server: Writable, client: httpx.Client) -> None:
    """PUT with one tag, PUT of a graph that must not be there, and updates of one revision; the rest are 412."""
    graph = {"graph": f"{EX}g"}

    def put(one: httpx.Client, number: int, **conditions: str) -> httpx.Response:
        return one.put("/graphs", params=graph, content=f"<a:a> <a:b> {number} .", headers={**TURTLE, **conditions})

    new = {"If-None-Match": "*"}
    assert at_once(server, 8, lambda one, number: put(one, number, **new)) == {201: 1, 412: 7}
    tag = client.get("/graphs", params=graph).headers["etag"]
    assert at_once(server, 8, lambda one, number: put(one, number + 10, **{"If-Match": tag})) == {200: 1, 412: 7}
    assert len(values(client, "<a:a> <a:b> ?v")) == 1
    assert at_once(server, 8, lambda one, number: put(one, number + 20, **{"If-Match": "*"})) == {200: 8}
    revision = client.get("/sparql", params={"query": "ASK {}"}).headers["kgraph-revision"]
    held = {**UPDATE, "If-Match": f'"{revision}"'}

    def update(one: httpx.Client, number: int) -> httpx.Response:
        return one.post("/sparql", content=f"INSERT DATA {{ <a:c> <a:d> {number} }}", headers=held)

    assert at_once(server, 8, update) == {200: 1, 412: 7}
    assert len(values(client, "<a:c> <a:d> ?v")) == 1


def test_processes_that_are_killed_cost_no_acknowledged_write_and_no_wrong_answer(
    server: Writable, client: httpx.Client
) -> None:
    """The one that holds the data and its forks, one after the other, while four clients write and two read."""
    assert send(client, "INSERT DATA { :one :is 0 . :two :is 0 }").status_code == 200
    first = StateView(server.state).revision.number
    done, mixed, failed = threading.Event(), [], []

    def read() -> None:
        with server.client() as reader:
            query = {"query": f"PREFIX : <{EX}> SELECT ?v {{ ?s :is ?v }}", "format": "csv"}
            while not done.is_set():
                answer = reader.get("/sparql", params=query, headers={"Cache-Control": "no-cache"})
                seen = answer.text.split("\r\n")[1:-1]
                if answer.status_code != 200:
                    failed.append(answer.text)
                elif len(seen) != 2 or seen[0] != seen[1]:
                    mixed.append(seen)

    def write(number: int) -> int:
        acknowledged = 0
        with server.client() as writer:
            while not done.is_set():
                answer = send(writer, RAISE)
                acknowledged += answer.status_code == 200
                if answer.status_code not in (200, 500):
                    failed.append(answer.text)
        return acknowledged

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        writers = [pool.submit(write, number) for number in range(4)]
        try:
            for turn in range(12):
                time.sleep(0.2)
                wait_for_answer(client)
                victims = [server.store.zygote_pid] if turn % 4 == 3 else server.processes()
                for pid in victims:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            wait_for_answer(client)
        finally:
            done.set()
        acknowledged = sum(writer.result() for writer in writers)
        for reader in readers:
            reader.result()
    assert mixed == []
    assert [text for text in failed if "query-failed" not in text] == []
    assert acknowledged > 0
    assert send(client, RAISE).status_code == 200
    assert values(client, "?s :is ?v") == [str(acknowledged + 1)] * 2
    assert StateView(server.state).revision.number == first + acknowledged + 1


def test_a_change_that_wants_too_much_memory_is_told_so(client: httpx.Client) -> None:
    """Nothing of it counts, and the next one is carried out."""
    doubled = " ".join(f"BIND(CONCAT(?v{n}, ?v{n}) AS ?v{n + 1})" for n in range(40))
    text = f"INSERT DATA {{ :a :p 1 }} ; INSERT {{ :a :p ?v40 }} WHERE {{ BIND('0123456789' AS ?v0) {doubled} }}"
    answer = send(client, text)
    assert (answer.status_code, answer.json()["code"]) == (503, "change-memory")
    assert "128 MiB" in answer.json()["detail"]
    assert values(client, ":a :p ?v") == []
    assert send(client, "INSERT DATA { :a :p 2 }").status_code == 200
    assert values(client, ":a :p ?v") == ["2"]


def test_a_body_that_no_reader_survives_is_refused(client: httpx.Client) -> None:
    """One that nests so deeply that the engine crashes is the client's fault; the next one is carried out."""
    deep = "<<( <a:a> <a:b> " * 20_000 + "1" + " )>>" * 20_000
    answer = client.put("/graphs", params={"graph": f"{EX}g"}, content=f"<a:a> <a:b> {deep} .", headers=TURTLE)
    assert (answer.status_code, answer.json()["code"]) == (400, "body-unreadable")
    assert send(client, "INSERT DATA { :a :p 2 }").status_code == 200


def test_a_change_past_its_deadline_changes_nothing(client: httpx.Client) -> None:
    """The client names the deadline; reads and the next change go on."""
    text = f"INSERT DATA {{ :a :p 1 }} ; INSERT {{ :a :p ?n }} WHERE {{ SELECT (COUNT(*) AS ?n) {CROSS} }}"
    answer = send(client, text, params={"timeout": "0.5"})
    assert (answer.status_code, answer.json()["code"]) == (503, "change-timeout")
    assert values(client, ":a :p ?v") == []
    assert send(client, "INSERT DATA { :a :p 2 }").status_code == 200


def test_waiting_writers_leave_readers_their_threads(
    tiny_home: Path, tmp_path: Path, serve: Callable[..., object]
) -> None:
    """While one change takes its time and as many wait as may, graphs and pages are answered; further ones are 503."""
    leave = threading.Event()
    source, limits = Source(tiny_home, tmp_path / "state"), WriteLimits(waiting=30, patience=60.0)
    token = create_token(tmp_path / "state", Role.CURATOR)[0]

    def hold(step: str) -> None:
        if step == "drafted":
            leave.wait(60)

    store = JournaledStore(source, writing=limits, at=hold)

    def write(number: int) -> int:
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=120) as one:
            return send(one, f"INSERT DATA {{ :w :n {number} }}").status_code

    settings = {"state": str(tmp_path / "state"), "update_queue": 30, "query_workers": 1, "queue_length": 1}
    with serve(store, **settings) as address, ThreadPoolExecutor(36) as pool:  # type: ignore[attr-defined]
        try:
            writes = [pool.submit(write, number) for number in range(36)]
            first = as_completed(writes, timeout=60)
            assert [next(first).result() for _ in range(5)] == [503] * 5
            with httpx.Client(base_url=address, timeout=30) as reader:
                assert reader.get("/graphs", params={"graph": REPORT}).status_code == 200
                assert reader.get("/.well-known/void").status_code == 200
                assert values(reader, ":w :n ?v") == []
        finally:
            leave.set()
        assert Counter(future.result() for future in writes) == {503: 5, 200: 31}


def test_a_store_that_is_closed_gives_running_changes_up_and_takes_no_more(tiny_home: Path, tmp_path: Path) -> None:
    """A change that is not in the journal yet is stopped, those that wait are refused, and the folder is free."""
    from kgraph.errors import QueryFailedError, StoreError
    from kgraph.store.base import Change, Update

    store = JournaledStore(Source(tiny_home, tmp_path / "state"))
    errors: list[StoreError] = []

    def change(text: str) -> None:
        try:
            store.change(Change((Update(text),), "tests"))
        except StoreError as error:
            errors.append(error)

    texts = [
        f"INSERT {{ <a:a> <a:b> ?n }} WHERE {{ SELECT (COUNT(*) AS ?n) {CROSS} }}",
        "INSERT DATA { <a:a> <a:b> 1 }",
    ]
    threads = [threading.Thread(target=change, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
        # The first has the turn long before; nothing tells that from outside.
        time.sleep(0.5)
    store.close()
    for thread in threads:
        thread.join(60)
    assert [type(error) for error in errors] == [QueryFailedError] * 2
    assert StateView(tmp_path / "state").revision.number == 1
    JournaledStore(Source(tiny_home, tmp_path / "state")).close()
