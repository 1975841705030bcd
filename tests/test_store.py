"""Stores with the engine on this machine, beside what every store promises: files, deadlines, limits and kills."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from waiting import slow_answer, slow_query

from kgraph.dataset import load_dataset
from kgraph.errors import (
    AnswerTooLargeError,
    DatasetError,
    QueryFailedError,
    QueryMemoryError,
    QueryTimeoutError,
    StoreBusyError,
    StoreError,
)
from kgraph.formats import CSV, JSON_RESULTS, TURTLE
from kgraph.store.answers import render_graph
from kgraph.store.base import ALL, WITHOUT_REVISION, AtRevision, Cancellation, Query, Revision
from kgraph.store.embedded import open_store
from kgraph.store.workers import WorkerLimits, WorkerStore, can_isolate
from kgraph.vocabulary import GRAPHS, TERMS

XSD = "http://www.w3.org/2001/XMLSchema#"
PEOPLE = f"SELECT (COUNT(*) AS ?count) WHERE {{ ?person a <{TERMS}Person> }}"
ENDLESS = "SELECT (COUNT(*) AS ?count) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o }"


def test_the_revision_is_that_of_the_statements(tiny_home: Path, tmp_path: Path) -> None:
    """The order and layout of the files do not change it, a statement does."""
    digest = open_store(load_dataset(tiny_home)).revision.digest
    copy = tmp_path / "copy"
    shutil.copytree(tiny_home, copy)
    moved = copy / "data" / "ttl" / "report" / "again.ttl"
    moved.rename(moved.with_name("zz.ttl"))
    assert open_store(load_dataset(copy)).revision.digest == digest
    extra = "<http://e/a> <http://e/b> <http://e/c> .\n"
    moved.write_text(extra, encoding="utf-8")
    assert open_store(load_dataset(copy)).revision.digest != digest


@pytest.mark.parametrize(
    "query",
    [
        Query("SELECT ?y { BIND(COALESCE(<urn:f>(<urn:g>(1)), 5) AS ?y) }"),
        Query("SELECT * { BIND(COALESCE(<urn:f>(<urn:g>(1)), 5) AS ?y) }"),
        Query("SELECT ?y { GRAPH ?g { ?p a ?c BIND(COALESCE(<urn:f>(?c), 5) AS ?y) } } LIMIT 1"),
        Query("SELECT ?y { ?p a ?c BIND(COALESCE(<urn:f>(?c), 5) AS ?y) } LIMIT 1", ((ALL,), ())),
        Query("SELECT ?y { ?p a ?c BIND(COALESCE(<urn:f>(?c), 5) AS ?y) } LIMIT 1", ((GRAPHS + "report", ALL), ())),
        Query("SELECT ?y { FILTER(COALESCE(<urn:f>(?y), true)) }", substitutions={"y": '"5"'}),
    ],
    ids=["named columns", "all columns", "named graphs", "with what follows", "united graphs", "substitutions"],
)
@pytest.mark.parametrize("is_isolated", [False, True], ids=["in process", "in processes"])
def test_a_function_that_nobody_knows_is_an_error_where_it_is_called(
    tiny_home: Path, query: Query, is_isolated: bool
) -> None:
    """Whatever graphs the query is about, and however many ask."""
    if is_isolated and not can_isolate():
        pytest.skip("this platform has no isolation")
    store = WorkerStore(tiny_home) if is_isolated else open_store(load_dataset(tiny_home))
    with contextlib.closing(store), ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda _: store.query(query, CSV).read().splitlines()[1:], range(16))
        assert list(answers) == [[b"5"]] * 16
        assert [store.has_function(iri) for iri in (XSD + "integer", XSD + "int", "urn:f", "urn:f>()||<urn:g")] == [
            True,
            *[False] * 3,
        ]


def test_a_broken_file_is_named_with_its_line(tiny_home: Path, tmp_path: Path) -> None:
    """A dataset that cannot be read says where."""
    copy = tmp_path / "copy"
    shutil.copytree(tiny_home, copy)
    (copy / "data" / "ttl" / "report" / "broken.ttl").write_text("<a:a> <a:b>\n c .\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"broken\.ttl:2"):
        open_store(load_dataset(copy))
    if can_isolate():
        with pytest.raises(DatasetError, match=r"broken\.ttl:2"):
            WorkerStore(copy)


def test_a_graph_is_written_from_n_triples() -> None:
    """Descriptions made by kgraph itself come in every format too."""
    assert b"skos:Concept" in render_graph("<a:a> <a:b> <http://www.w3.org/2004/02/skos/core#Concept> .", TURTLE)


needs_isolation = pytest.mark.skipif(not can_isolate(), reason="this platform has no isolation")


@pytest.fixture
def workers(tiny_home: Path) -> Iterator[WorkerStore]:
    """Two places whose queries may take half a second."""
    store = WorkerStore(tiny_home, WorkerLimits(places=2, slow_places=2, timeout=0.5))
    yield store
    store.close()


@needs_isolation
def test_a_query_is_stopped_at_its_deadline(workers: WorkerStore) -> None:
    """It ends with an error that says how long it may take, and the place is good again."""
    with pytest.raises(QueryTimeoutError) as caught:
        workers.query(Query(ENDLESS), CSV)
    assert caught.value.seconds == 0.5
    assert workers.query(Query("ASK {}"), CSV).read() == b"true"


@needs_isolation
def test_a_query_that_kills_its_process_harms_nobody(workers: WorkerStore) -> None:
    """Nesting that overflows the parser's stack ends one process, which is replaced."""
    for _ in range(4):
        with pytest.raises(QueryFailedError):
            workers.query(Query("ASK { FILTER(" + "(" * 50_000 + "1" + ")" * 50_000 + ") }"), CSV)
    assert workers.query(Query("ASK {}"), CSV).read() == b"true"


def ends_of(store: WorkerStore, number: int) -> list[str]:
    """Ask an endless query so many times at once, and a small one beside them; return how the endless ones end."""
    ends: list[str] = []

    def ask() -> None:
        try:
            store.query(Query(ENDLESS), CSV)
        except StoreError as error:
            ends.append(type(error).__name__)

    threads = [threading.Thread(target=ask) for _ in range(number)]
    for thread in threads:
        thread.start()
    assert store.query(Query("ASK {}"), CSV).read() == b"true"
    for thread in threads:
        thread.join()
    return sorted(ends)


@needs_isolation
def test_slow_queries_leave_room_for_small_ones(workers: WorkerStore) -> None:
    """With more hostile queries than places a small one is answered, and each of the others has its time in turn."""
    assert ends_of(workers, 4) == [QueryTimeoutError.__name__] * 4


@needs_isolation
def test_slow_queries_are_limited(tiny_home: Path) -> None:
    """One for which no slow place becomes free while it waits is told that the server is busy."""
    store = WorkerStore(tiny_home, WorkerLimits(places=2, slow_places=1, timeout=4, patience=1))
    assert ends_of(store, 2) == [QueryTimeoutError.__name__, StoreBusyError.__name__]
    assert ends_of(store, 2) == [QueryTimeoutError.__name__, StoreBusyError.__name__]
    store.close()


@needs_isolation
def test_the_process_of_a_slow_query_is_kept_for_the_next(tiny_home: Path) -> None:
    """The one that took its place stays as well, so that after the first such query no more processes are made."""
    store = WorkerStore(tiny_home, WorkerLimits(places=1, slow_places=1, timeout=60))
    for number in range(5):
        assert store.query(Query(slow_query(number)), CSV).read() == slow_answer().encode()
        assert store.query(Query("ASK {}"), CSV).read() == b"true"
        assert store.slow.taken == 0
    assert store.forks == 2
    store.close()


@needs_isolation
def test_no_more_processes_are_kept_than_there_are_slow_places(tiny_home: Path) -> None:
    """Whatever comes at once, all are answered, and those that are kept beside the places are few."""
    store = WorkerStore(tiny_home, WorkerLimits(places=2, slow_places=1, timeout=60, patience=60))
    with ThreadPoolExecutor(6) as executor:
        answers = executor.map(lambda number: store.query(Query(slow_query(number)), CSV).read(), range(12))
        assert list(answers) == [slow_answer().encode()] * 12
    assert store.slow.taken == 0
    assert len(store.spares) == 1
    store.close()


@needs_isolation
def test_a_query_that_takes_very_long_steps_back(tiny_home: Path) -> None:
    """Also if its answer comes all the time and is read at once."""
    store = WorkerStore(tiny_home, WorkerLimits(places=1, slow_places=1, timeout=60))

    def priorities() -> set[int]:
        found = Path(f"/proc/{store.zygote_pid}/task/{store.zygote_pid}/children").read_text(encoding="ascii")
        return {os.getpriority(os.PRIO_PROCESS, int(number)) for number in found.split()}

    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert priorities() == {before}
    with store.query(Query("SELECT * { ?a ?b ?c . ?d ?e ?f }"), JSON_RESULTS) as answer:
        assert any(max(priorities()) > before for _ in answer.chunks)
    store.close()


@needs_isolation
def test_memory_is_limited(tiny_home: Path) -> None:
    """A query that wants more than it may have ends with an error of its own, whatever it does with the memory."""
    store = WorkerStore(tiny_home, WorkerLimits(places=1, memory=64, timeout=20))
    doubled = " ".join(f"BIND(CONCAT(?v{step}, ?v{step}) AS ?v{step + 1})" for step in range(26))
    with pytest.raises(QueryMemoryError) as caught:
        store.query(Query("SELECT (STRLEN(?v26) AS ?n) { BIND('0123456789' AS ?v0) " + doubled + " }"), CSV)
    assert caught.value.mebibytes == 64
    assert store.query(Query("ASK {}"), CSV).read() == b"true"
    store.close()


@needs_isolation
def test_the_length_of_answers_may_be_limited(tiny_home: Path) -> None:
    """A longer answer ends with an error of its own."""
    store = WorkerStore(tiny_home, WorkerLimits(places=1, answer=1000))
    with pytest.raises(AnswerTooLargeError):
        store.query(Query("SELECT * { ?s ?p ?o }"), CSV)
    assert store.query(Query("ASK {}"), CSV).read() == b"true"
    store.close()


@needs_isolation
def test_the_process_that_holds_the_dataset_is_started_again(workers: WorkerStore) -> None:
    """When it is killed all others die with it, and the next queries are answered all the same."""
    before = workers.query(Query(PEOPLE), CSV).read()
    for _ in range(2):
        pid = workers.zygote_pid
        os.kill(pid, signal.SIGKILL)
        # Until the killed process is quite gone its forks may still answer.
        while workers.zygote_pid == pid:
            assert workers.query(Query(PEOPLE), CSV).read() == before
        assert [workers.query(Query(PEOPLE), CSV).read() for _ in range(6)] == [before] * 6


@needs_isolation
def test_changed_files_are_not_served_under_the_old_revision(tiny_home: Path, tmp_path: Path) -> None:
    """When the dataset has to be loaded again and is another one, queries fail rather than answer from it."""
    home = tmp_path / "home"
    shutil.copytree(tiny_home, home)
    store = WorkerStore(home, WorkerLimits(places=1, slow_places=1))
    try:
        revision, pid = store.revision, store.zygote_pid
        folder = next(path for path in sorted((home / "data" / "ttl").iterdir()) if path.is_dir())
        (folder / "more.ttl").write_text("<http://example.org/s> <http://example.org/p> 1 .\n", encoding="utf-8")
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(QueryFailedError, match="changed"):
            while store.zygote_pid == pid:
                store.query(Query("ASK {}"), CSV).read()
            store.query(Query("ASK {}"), CSV)
        assert store.revision == revision
    finally:
        store.close()


@needs_isolation
def test_a_worker_has_no_network(workers: WorkerStore) -> None:
    """A call that got past the tokenizer would still reach nobody."""
    with pytest.raises(QueryFailedError):
        workers.query(Query("SELECT * { SERVICE <http://127.0.0.1:8080/> { ?s ?p ?o } }"), CSV)


@needs_isolation
def test_a_long_answer_comes_in_chunks_and_may_be_given_up(workers: WorkerStore) -> None:
    """What is not read is not produced, and the place is free again."""
    everything = Query("SELECT * { ?s ?p ?o }")
    answer = workers.query(Query("SELECT * { ?s ?p ?o . ?a ?b ?c }"), JSON_RESULTS)
    assert answer.length is None
    assert next(iter(answer.chunks))
    answer.close()
    assert len(json.loads(workers.query(everything, JSON_RESULTS).read())["results"]["bindings"]) > 1000


@needs_isolation
def test_a_query_is_given_up_from_another_thread(tiny_home: Path) -> None:
    """Cancelling ends the process at once, long before the deadline."""
    store = WorkerStore(tiny_home, WorkerLimits(places=1, timeout=60))
    cancellation = Cancellation()
    timer = threading.Timer(0.2, cancellation.cancel)
    timer.start()
    with pytest.raises(QueryFailedError):
        store.query(Query(ENDLESS, cancellation=cancellation), CSV)
    assert store.query(Query("ASK {}"), CSV).read() == b"true"
    store.close()


@needs_isolation
def test_a_process_is_replaced_after_some_queries(tiny_home: Path) -> None:
    """Memory that queries leave behind does not pile up."""
    store = WorkerStore(tiny_home, WorkerLimits(places=1, queries=3))
    assert [store.query(Query("ASK {}"), CSV).read() for _ in range(10)] == [b"true"] * 10
    store.close()


def test_what_is_worked_out_is_kept_for_a_while_where_no_revision_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a revision for as long as that stands; without one for a minute."""
    now = [0.0]
    monkeypatch.setattr("kgraph.store.base.time.monotonic", lambda: now[0])
    numbers = iter(range(10))
    kept: AtRevision[int] = AtRevision()
    revision = Revision(1, "a", datetime.now(UTC))

    def get(at: Revision | None, later: float = 0) -> int:
        now[0] += later
        return kept.get(lambda: next(numbers), at)

    assert (get(None), get(None), get(None, WITHOUT_REVISION - 1), get(None, 2)) == (0, 0, 0, 1)
    assert (get(revision), get(revision, 10 * WITHOUT_REVISION), get(None)) == (2, 2, 3)
