"""What every store promises, asked of the engine in this process and of the one in processes of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgraph.dataset import load_dataset
from kgraph.errors import (
    AnswerTooLargeError,
    DatasetError,
    QueryFailedError,
    QueryMemoryError,
    QuerySyntaxError,
    QueryTimeoutError,
    StoreBusyError,
    StoreError,
)
from kgraph.formats import CSV, GRAPHS, JSON_RESULTS, N_TRIPLES, TSV, TURTLE, XML_RESULTS
from kgraph.store.answers import render_graph
from kgraph.store.base import WITHOUT_REVISION, AtRevision, Cancellation, Query, Revision, Store, select
from kgraph.store.embedded import open_store
from kgraph.store.workers import WorkerLimits, WorkerStore, can_isolate
from kgraph.vocabulary import GRAPHS as GRAPH
from kgraph.vocabulary import TERMS

PEOPLE = f"SELECT (COUNT(*) AS ?count) WHERE {{ ?person a <{TERMS}Person> }}"
ENDLESS = "SELECT (COUNT(*) AS ?count) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o }"
TITLE = "SELECT ?s ?title ?none { ?s <http://purl.org/dc/terms/title> ?title FILTER (CONTAINS(?title, 'tude')) }"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The tiny world with the repository's ontology."""
    folder = tmp_path_factory.mktemp("world")
    for name in ("ontology", "queries"):
        shutil.copytree(repository / name, folder / name)
    shutil.copytree(repository / "tests" / "worlds" / "tiny" / "data", folder / "data")
    return folder


@pytest.fixture(scope="module", params=["embedded", "workers"])
def store(request: pytest.FixtureRequest, world: Path) -> Iterator[Store]:
    """Each kind of store with the tiny world."""
    if request.param == "workers" and not can_isolate():
        pytest.skip("this platform cannot put queries in processes of their own")
    opened: Store = (
        WorkerStore(world, WorkerLimits(timeout=1.0)) if request.param == "workers" else open_store(load_dataset(world))
    )
    yield opened
    opened.close()


def count(store: Store, text: str, dataset: tuple[tuple[str, ...], tuple[str, ...]] | None = None) -> int:
    """Return the single number that a query answers."""
    return int(
        json.loads(store.query(Query(text, dataset), JSON_RESULTS).read())["results"]["bindings"][0]["count"]["value"]
    )


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ((GRAPH + "report",), 2),
        ((GRAPH + "authority",), 1),
        ((GRAPH + "report", GRAPH + "authority"), 2),
        ((GRAPH + "asserted",), 2),
        ((GRAPH + "all",), 2),
        ((GRAPH + "inferred",), 0),
        (("http://nope.example/g",), 0),
        ((), 0),
    ],
)
def test_from_names_the_graphs_a_query_is_about(store: Store, default: tuple[str, ...], expected: int) -> None:
    """A statement that stands in two graphs counts once in their union; an unknown graph is empty."""
    assert count(store, PEOPLE, (default, ())) == expected


def test_the_default_graph_is_the_union_without_shapes(store: Store) -> None:
    """Data, vocabularies and ontology are in it, each statement once; shapes and alignments are not."""
    assert count(store, PEOPLE) == 2
    assert count(store, f"SELECT (COUNT(*) AS ?count) {{ <{TERMS}Person> a ?class }}") == 1
    assert count(store, "SELECT (COUNT(*) AS ?count) { ?s a <http://www.w3.org/ns/shacl#NodeShape> }") == 0


def test_named_graphs_are_those_asked_for(store: Store) -> None:
    """Without a dataset GRAPH sees every named graph; with one it sees the named ones only."""
    text = f"SELECT (COUNT(DISTINCT ?g) AS ?count) {{ GRAPH ?g {{ ?person a <{TERMS}Person> }} }}"
    assert count(store, text) == 2
    assert count(store, text, ((), (GRAPH + "authority",))) == 1
    assert count(store, text, ((GRAPH + "report",), ())) == 0


def test_the_graphs_are_listed_with_their_sizes(store: Store) -> None:
    """Each folder of the data is a graph."""
    assert store.graphs()[GRAPH + "authority"] == 2
    assert {GRAPH + "report", GRAPH + "ontology", GRAPH + "vocabulary"} <= set(store.graphs())


def test_tables_are_written_as_the_standard_says(store: Store) -> None:
    """CSV has CRLF, raw values and RFC 4180 quotes; TSV has LF, ? before names, and terms; unbound is empty."""
    iri = "https://w3id.org/inkludering/id/document/berg-dal-2001"
    assert store.query(Query(TITLE), CSV).read().decode() == (f's,title,none\r\n{iri},"Étude, ""A""\nog meir",\r\n')
    assert store.query(Query(TITLE), TSV).read().decode() == (
        f'?s\t?title\t?none\n<{iri}>\t"Étude, \\"A\\"\\nog meir"@nn\t\n'
    )
    numbers = "SELECT ?a ?b { VALUES (?a ?b) { (120 '2020-01-01'^^<http://www.w3.org/2001/XMLSchema#date>) } }"
    assert store.query(Query(numbers), TSV).read() == (
        b'?a\t?b\n120\t"2020-01-01"^^<http://www.w3.org/2001/XMLSchema#date>\n'
    )


def test_a_truth_value_has_every_format(store: Store) -> None:
    """The specification leaves CSV and TSV open: they hold the word alone."""
    assert json.loads(store.query(Query("ASK {}"), JSON_RESULTS).read()) == {"head": {}, "boolean": True}
    assert b"<boolean>true</boolean>" in store.query(Query("ASK {}"), XML_RESULTS).read()
    assert store.query(Query("ASK {}"), CSV).read() == store.query(Query("ASK {}"), TSV).read() == b"true"


@pytest.mark.parametrize("format", GRAPHS, ids=lambda f: f.name)
def test_a_graph_has_every_format(store: Store, format: object) -> None:
    """Each format is what its label says: it opens as only that format does."""
    openings = {
        "turtle": b"@prefix",
        "trig": b"@prefix",
        "n-triples": b"<",
        "n-quads": b"<",
        "rdf-xml": b"<?xml",
        "json-ld": b"[{",
    }
    answer = store.query(Query("DESCRIBE <https://w3id.org/inkludering/id/goal/meet>"), format)  # type: ignore[arg-type]
    assert answer.read().startswith(openings[format.name])  # type: ignore[attr-defined]


def test_turtle_has_the_prefixes_it_uses_in_order(store: Store) -> None:
    """Two answers are the same bytes, and no prefix stands there in vain."""
    query = Query("DESCRIBE <https://w3id.org/inkludering/id/goal/meet>")
    first = store.query(query, TURTLE).read().decode()
    assert first == store.query(query, TURTLE).read().decode()
    prefixes = [line.split()[1] for line in first.splitlines() if line.startswith("@prefix")]
    assert prefixes == ["goal:", "ink:", "rdf:", "skos:"]
    assert "goal:meet a ink:Goal" in first


def test_describe_follows_blank_nodes(store: Store) -> None:
    """The description of a class holds its restrictions down to the last one (concise bounded description)."""
    restricted = select(
        store, "SELECT ?c { ?c <http://www.w3.org/2000/01/rdf-schema#subClassOf> ?b FILTER(ISBLANK(?b)) }"
    )
    if not restricted:
        pytest.skip("the ontology has no restriction now")
    described = store.query(Query(f"DESCRIBE <{restricted[0]['c'].value}>"), N_TRIPLES).read().decode()
    nodes = {word for line in described.splitlines() for word in line.split() if word.startswith("_:")}
    assert all(f"\n{node} " in "\n" + described for node in nodes)


def test_a_variable_is_bound_to_a_term(store: Store) -> None:
    """Substitutions are terms and never text."""
    rows = select(
        store, "SELECT ?s ?label { ?s <http://www.w3.org/2004/02/skos/core#prefLabel> ?label }", label='"B. Berg"'
    )
    assert [row["s"].value for row in rows] == ["https://w3id.org/inkludering/id/person/berg-b"]


def test_a_syntax_error_has_a_place(store: Store) -> None:
    """The engine's complaint comes as ours."""
    with pytest.raises(QuerySyntaxError) as caught:
        store.query(Query("SELECT * {\n ?s ?p }"), JSON_RESULTS)
    assert caught.value.line == 2


def test_the_revision_is_that_of_the_statements(world: Path, store: Store, tmp_path: Path) -> None:
    """The order and layout of the files do not change it, a statement does."""
    copy = tmp_path / "copy"
    shutil.copytree(world, copy)
    moved = copy / "data" / "ttl" / "report" / "again.ttl"
    moved.rename(moved.with_name("zz.ttl"))
    assert open_store(load_dataset(copy)).revision.digest == store.revision.digest
    extra = "<http://e/a> <http://e/b> <http://e/c> .\n"
    moved.write_text(extra, encoding="utf-8")
    assert open_store(load_dataset(copy)).revision.digest != store.revision.digest


def test_a_broken_file_is_named_with_its_line(world: Path, tmp_path: Path) -> None:
    """A dataset that cannot be read says where."""
    copy = tmp_path / "copy"
    shutil.copytree(world, copy)
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
def workers(world: Path) -> Iterator[WorkerStore]:
    """Two places whose queries may take half a second."""
    store = WorkerStore(world, WorkerLimits(places=2, slow_places=2, timeout=0.5))
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
def test_slow_queries_are_limited(world: Path) -> None:
    """One for which no slow place becomes free while it waits is told that the server is busy."""
    store = WorkerStore(world, WorkerLimits(places=2, slow_places=1, timeout=4, patience=1))
    assert ends_of(store, 2) == [QueryTimeoutError.__name__, StoreBusyError.__name__]
    assert ends_of(store, 2) == [QueryTimeoutError.__name__, StoreBusyError.__name__]
    store.close()


@needs_isolation
def test_memory_is_limited(world: Path) -> None:
    """A query that wants more than it may have ends with an error of its own, whatever it does with the memory."""
    store = WorkerStore(world, WorkerLimits(places=1, memory=64, timeout=20))
    doubled = " ".join(f"BIND(CONCAT(?v{step}, ?v{step}) AS ?v{step + 1})" for step in range(26))
    with pytest.raises(QueryMemoryError) as caught:
        store.query(Query("SELECT (STRLEN(?v26) AS ?n) { BIND('0123456789' AS ?v0) " + doubled + " }"), CSV)
    assert caught.value.mebibytes == 64
    assert store.query(Query("ASK {}"), CSV).read() == b"true"
    store.close()


@needs_isolation
def test_the_length_of_answers_may_be_limited(world: Path) -> None:
    """A longer answer ends with an error of its own."""
    store = WorkerStore(world, WorkerLimits(places=1, answer=1000))
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
def test_changed_files_are_not_served_under_the_old_revision(world: Path, tmp_path: Path) -> None:
    """When the dataset has to be loaded again and is another one, queries fail rather than answer from it."""
    home = tmp_path / "home"
    shutil.copytree(world, home)
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
def test_a_query_is_given_up_from_another_thread(world: Path) -> None:
    """Cancelling ends the process at once, long before the deadline."""
    store = WorkerStore(world, WorkerLimits(places=1, timeout=60))
    cancellation = Cancellation()
    timer = threading.Timer(0.2, cancellation.cancel)
    timer.start()
    with pytest.raises(QueryFailedError):
        store.query(Query(ENDLESS, cancellation=cancellation), CSV)
    assert store.query(Query("ASK {}"), CSV).read() == b"true"
    store.close()


@needs_isolation
def test_a_process_is_replaced_after_some_queries(world: Path) -> None:
    """Memory that queries leave behind does not pile up."""
    store = WorkerStore(world, WorkerLimits(places=1, queries=3))
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
