"""Changes of the data: what they do, who sees them when, and that what is acknowledged is kept."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from waiting import slow_answer, slow_query

from kgraph.errors import (
    ChangeTimeoutError,
    PreconditionError,
    QueryFailedError,
    QuerySyntaxError,
    RequestError,
    StoreBusyError,
)
from kgraph.formats import CSV, JSON_LD, RDF_XML, TURTLE, Format
from kgraph.store.base import ALL, ASSERTED, INFERRED, Change, GraphWrite, Outcome, Query, Update
from kgraph.store.held import Source
from kgraph.store.patch import render_rows
from kgraph.store.state import StateView
from kgraph.store.workers import WorkerLimits
from kgraph.store.writing import JournaledStore, WriteLimits
from kgraph.vocabulary import GRAPHS

REPORT = GRAPHS + "report"
EX = "https://example.org/"


@pytest.fixture(scope="module", params=[False, True], ids=["memory", "disk"])
def on_disk(request: pytest.FixtureRequest) -> bool:
    """Where the engine keeps the graph."""
    return bool(request.param)


@pytest.fixture(scope="module")
def shared(tiny_home: Path, on_disk: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JournaledStore]:
    """A store that tests of this module change one after the other."""
    store = JournaledStore(Source(tiny_home, tmp_path_factory.mktemp("state"), on_disk=on_disk))
    yield store
    store.close()


@pytest.fixture
def store(shared: JournaledStore) -> Iterator[JournaledStore]:
    """The shared store without what an earlier test left in graphs of the example and in the unnamed graph."""
    shared.change(Change((Update(f"CLEAR DEFAULT; DROP SILENT GRAPH <{EX}g>; DROP SILENT GRAPH <{EX}h>"),), "tests"))
    yield shared


def update(store: JournaledStore, text: str, **options: object) -> Outcome:
    """Carry an update out."""
    declared = f"PREFIX : <{EX}> PREFIX ink: <https://w3id.org/inkludering/ont#> {text}"
    return store.change(Change((Update(declared),), "tests", **options))  # type: ignore[arg-type]


def write(store: JournaledStore, graph: str, action: str, body: str = "", format: Format = TURTLE) -> Outcome:
    """Carry a write of the Graph Store Protocol out."""
    return store.change(Change((GraphWrite(graph, action, body.encode(), format, EX),), "tests"))


def rows(
    store: JournaledStore, pattern: str, dataset: tuple[tuple[str, ...], tuple[str, ...]] | None = None
) -> list[str]:
    """Return the values that ?v has where a pattern matches, sorted."""
    query = Query(f"PREFIX : <{EX}> PREFIX ink: <https://w3id.org/inkludering/ont#> SELECT ?v {{ {pattern} }}", dataset)
    return sorted(store.query(query, CSV).read().decode().split("\r\n")[1:-1])


def test_a_write_without_graph_is_seen_in_the_default_graph_and_in_no_named_one(store: JournaledStore) -> None:
    """It goes to the unnamed graph, which belongs to the union that queries see."""
    outcome = update(store, "INSERT DATA { :a :p 1, 2 }")
    assert outcome.revision == store.revision
    assert len(outcome.patch.added) == 2
    assert rows(store, ":a :p ?v") == ["1", "2"]
    assert rows(store, "GRAPH ?v { :a :p 1 }") == []


def test_a_named_graph_joins_the_union_and_leaves_it(store: JournaledStore) -> None:
    """What stands in two graphs stays in the union until it stands in none."""
    update(store, "INSERT DATA { :a :p 1 . GRAPH :g { :a :p 1 } GRAPH :h { :a :p 1 } }")
    assert rows(store, ":a :p ?v") == ["1"]
    assert rows(store, "GRAPH ?v { :a :p 1 }") == [f"{EX}g", f"{EX}h"]
    update(store, "DELETE DATA { GRAPH :g { :a :p 1 } }; CLEAR DEFAULT")
    assert rows(store, ":a :p ?v") == ["1"]
    update(store, "DROP GRAPH :h")
    assert rows(store, ":a :p ?v") == []


def test_where_matches_the_union_and_templates_write_to_the_unnamed_graph(store: JournaledStore) -> None:
    """DELETE without GRAPH takes nothing from a named graph; INSERT without GRAPH writes to none."""
    update(store, "INSERT DATA { GRAPH :g { :a :p 1 } }")
    outcome = update(store, "DELETE { ?s :p ?o } INSERT { ?s :q ?o } WHERE { ?s :p ?o FILTER(?s = :a) }")
    assert render_rows(outcome.patch) == f'A <{EX}a> <{EX}q> "1"^^<http://www.w3.org/2001/XMLSchema#integer> .\n'
    assert rows(store, "GRAPH :g { :a :p ?v }") == ["1"]


def test_with_names_the_graph_of_templates_and_where(store: JournaledStore) -> None:
    """WITH is the default graph of WHERE too, and the union stays hidden from GRAPH ?g."""
    update(store, "INSERT DATA { :a :p 1 . GRAPH :g { :a :p 2 } }")
    update(store, "WITH :g DELETE { ?s :p ?o } INSERT { ?s :r ?o } WHERE { ?s :p ?o }")
    assert rows(store, "GRAPH :g { :a :r ?v }") == ["2"]
    assert rows(store, ":a :p ?v") == ["1"]
    update(store, "WITH :h INSERT { :a :in ?g } WHERE { GRAPH ?g { :a ?any ?o } }")
    assert rows(store, ":a :in ?v") == [f"{EX}g"]


def test_later_operations_see_what_earlier_ones_did(store: JournaledStore) -> None:
    """Within one request, the union follows each operation."""
    update(store, "INSERT DATA { GRAPH :g { :a :p 1 } }; INSERT { :b :q ?o } WHERE { :a :p ?o }; DROP GRAPH :g")
    assert rows(store, ":b :q ?v") == ["1"]
    assert rows(store, ":a :p ?v") == []


def test_what_comes_and_goes_within_a_change_leaves_nothing_to_later_ones(store: JournaledStore) -> None:
    """A graph that is made and dropped by one change is gone from the union; one that is made with it stays there."""
    update(store, "INSERT DATA { GRAPH :g { :a :p 1 } }; DROP GRAPH :g")
    update(store, "INSERT { :b :q ?o } WHERE { :a :p ?o }")
    assert rows(store, ":b :q ?v") == []
    update(store, "INSERT DATA { GRAPH :g { :a :p 1 } GRAPH :h { :a :p 1 } }; DROP GRAPH :g")
    update(store, "INSERT { :b :q ?o } WHERE { :a :p ?o }")
    assert rows(store, ":b :q ?v") == ["1"]


def test_a_given_dataset_replaces_that_of_where(store: JournaledStore) -> None:
    """The protocol's using-graph-uri and using-named-graph-uri say where WHERE looks."""
    update(store, "INSERT DATA { :a :p 0 . GRAPH :g { :a :p 1 } GRAPH :h { :a :p 2 } }")
    text = f"PREFIX : <{EX}> INSERT {{ :found :default ?d ; :named ?n }} WHERE {{ :a :p ?d . GRAPH ?g {{ :a :p ?n }} }}"
    store.change(Change((Update(text, ((f"{EX}g",), (f"{EX}h",))),), "tests"))
    assert rows(store, ":found :default ?v") == ["1"]
    assert rows(store, ":found :named ?v") == ["2"]


def test_all_operations_count_or_none(store: JournaledStore) -> None:
    """A fault in the last operation, of syntax or at run time, leaves nothing of the first."""
    before = store.revision
    for text, error in (
        ("INSERT DATA { :a :p 1 } ; INSERT DATA { :a :p }", QuerySyntaxError),
        ("INSERT DATA { :a :p 1 } ; CREATE GRAPH :g ; CREATE GRAPH :g", RequestError),
    ):
        with pytest.raises(error):
            update(store, text)
        assert store.revision == before
        assert rows(store, ":a :p ?v") == []


def test_derived_graphs_cannot_be_written(store: JournaledStore) -> None:
    """What follows from other graphs is told so, however the graph is named."""
    for graph in (ASSERTED, INFERRED, ALL):
        for text in (
            f"INSERT DATA {{ GRAPH <{graph}> {{ :a :p 1 }} }}",
            f"INSERT {{ GRAPH ?g {{ :a :p 1 }} }} WHERE {{ BIND(<{graph}> AS ?g) }}",
            f"ADD <{REPORT}> TO <{graph}>",
        ):
            with pytest.raises(RequestError) as caught:
                update(store, text)
            assert (caught.value.code, caught.value.status) == ("graph-derived", 403), text
        with pytest.raises(RequestError):
            write(store, graph, "replace", "<a> <b> <c> .")


def test_clear_and_drop_of_many_graphs_leave_what_is_derived_true(
    tiny_home: Path, on_disk: bool, tmp_path: Path
) -> None:
    """CLEAR NAMED keeps the unnamed graph; DROP ALL leaves nothing asserted, inferred or in the union."""
    store = JournaledStore(Source(tiny_home, tmp_path / "state", on_disk=on_disk))
    try:
        update(store, "INSERT DATA { :a :p 1 . GRAPH :g { :b :p 2 } }")
        update(store, "CLEAR NAMED")
        assert rows(store, "?s ?p ?v") == ["1"]
        assert store.graphs()[REPORT] == 0
        assert store.graphs()[INFERRED] == 0
        outcome = update(store, "DROP ALL")
        assert REPORT in outcome.dropped
        assert rows(store, "?s ?p ?v") == []
        assert set(store.graphs()) <= {INFERRED}
    finally:
        store.close()


def test_what_follows_is_there_with_the_change(store: JournaledStore) -> None:
    """The inferred graph is up to date when the change is acknowledged, and again when it is taken back."""
    inferred = ((INFERRED,), ())
    update(store, "INSERT DATA { GRAPH :g { :f a ink:Finding } }")
    assert "https://w3id.org/inkludering/ont#Claim" in rows(store, ":f a ?v", inferred)
    update(store, "DROP GRAPH :g")
    assert rows(store, ":f a ?v", inferred) == []


def test_graphs_are_replaced_merged_and_deleted(store: JournaledStore) -> None:
    """The writes of the Graph Store Protocol, with the graphs that come and go."""
    graph = f"{EX}g"
    assert write(store, graph, "replace", "<a> <p> 1, 2 .").created == {graph}
    assert write(store, graph, "merge", "<a> <p> 3 .").created == frozenset()
    assert rows(store, f"GRAPH <{graph}> {{ :a :p ?v }}") == ["1", "2", "3"]
    replaced = write(store, graph, "replace", "<a> <p> 3, 4 .").patch
    assert (len(replaced.removed), len(replaced.added)) == (2, 1)
    assert write(store, graph, "delete").dropped == {graph}
    assert graph not in store.graphs()
    xml = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    assert write(store, graph, "replace", xml, RDF_XML).created == {graph}
    assert store.graphs()[graph] == 0


def test_a_body_that_cannot_be_read_leaves_the_graph_as_it_was(store: JournaledStore) -> None:
    """The place of the fault is told; deep nesting and contexts from elsewhere are refused as bad bodies."""
    graph = f"{EX}g"
    write(store, graph, "replace", "<a> <p> 1 .")
    deep = '{"https://example.org/p":' * 100_000 + "1" + "}" * 100_000
    remote = '{"@context": "https://example.org/context.jsonld", "@id": "https://example.org/a", "b": 1}'
    for body, format in (("<a> <p> 1 .\n<a> <p> .", TURTLE), (deep, JSON_LD), (remote, JSON_LD)):
        with pytest.raises(RequestError) as caught:
            write(store, graph, "replace", body, format)
        assert (caught.value.code, caught.value.status) == ("body-unreadable", 400)
    with pytest.raises(RequestError) as caught:
        write(store, graph, "replace", "<a> <p> 1 .\n<a> <p> .")
    assert caught.value.params["line"] == 2
    assert rows(store, f"GRAPH <{graph}> {{ :a :p ?v }}") == ["1"]


def test_a_graph_must_be_as_expected(store: JournaledStore) -> None:
    """A tag that no longer names the graph's content stops the change; other graphs do not matter."""
    write(store, f"{EX}g", "replace", "<a> <p> 1 .")
    tag = store.graph_tag(f"{EX}g")
    write(store, f"{EX}h", "replace", "<a> <p> 1 .")
    assert store.graph_tag(f"{EX}g") == tag
    update(store, "INSERT DATA { GRAPH :g { :a :p 2 } }", expected=((f"{EX}g", tag),))
    with pytest.raises(PreconditionError):
        update(store, "INSERT DATA { GRAPH :g { :a :p 3 } }", expected=((f"{EX}g", tag),))
    with pytest.raises(PreconditionError):
        update(store, "INSERT DATA { GRAPH :g { :a :p 3 } }", expected=((f"{EX}g", ""),))


def test_a_dry_run_tells_all_and_changes_nothing(store: JournaledStore) -> None:
    """The patch is the one that the change would make."""
    before = store.revision
    outcome = update(store, "INSERT DATA { :a :p 1 }; DELETE DATA { :a :p 2 }", dry_run=True)
    assert len(outcome.patch.added) == 1
    assert store.revision == before
    assert rows(store, ":a :p ?v") == []


def test_a_change_of_nothing_makes_no_revision(store: JournaledStore) -> None:
    """Inserting what is there leaves the revision as it is."""
    before = update(store, "INSERT DATA { :a :p 1 }").revision
    assert update(store, "INSERT DATA { :a :p 1 }").revision == before


def test_the_journal_keeps_literals_as_they_were_sent(store: JournaledStore, shared: JournaledStore) -> None:
    """Lexical forms and derived datatypes are kept, of updates and of graphs."""
    xsd = "http://www.w3.org/2001/XMLSchema#"
    sent = ['"01"^^<{}integer>', '"7.30"^^<{}decimal>', '"5"^^<{}int>', '"x"@en']
    literals = {literal.format(xsd) for literal in sent}
    for outcome in (
        update(store, f"INSERT DATA {{ :a :p 01, 7.30, '5'^^<{xsd}int>, 'x'@en }}"),
        write(store, f"{EX}g", "replace", f"<a> <p> 01, 7.30, '5'^^<{xsd}int>, 'x'@en ."),
    ):
        assert {quad.object for quad in outcome.patch.added} == literals
    assert rows(store, ":a :p ?v") == sorted(["1", "7.3", "5", "x"])


def test_a_change_that_takes_too_long_is_stopped_and_the_next_one_goes_on(
    tiny_home: Path,
    on_disk: bool,
    tmp_path: Path,
) -> None:
    """Reads go on meanwhile."""
    store = JournaledStore(Source(tiny_home, tmp_path / "state", on_disk=on_disk), writing=WriteLimits(timeout=1.0))
    cross = " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(6))
    try:
        with pytest.raises(ChangeTimeoutError):
            update(store, f"INSERT {{ :n :is ?n }} WHERE {{ SELECT (COUNT(*) AS ?n) {{ {cross} }} }}")
        update(store, "INSERT DATA { :a :p 1 }")
        assert rows(store, ":a :p ?v") == ["1"]
    finally:
        store.close()


def test_concurrent_writers_lose_no_update(store: JournaledStore) -> None:
    """A counter that four threads raise ends where it must, and two values that belong together always agree."""
    update(store, "INSERT DATA { :one :is 0 . :two :is 0 }")
    raise_both = "DELETE { ?s :is ?n } INSERT { ?s :is ?m } WHERE { ?s :is ?n BIND(?n + 1 AS ?m) }"
    torn: list[list[str]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen = rows(store, "?s :is ?v")
            if len(seen) != 2 or seen[0] != seen[1]:
                torn.append(seen)

    watcher = threading.Thread(target=watch)
    writers = [threading.Thread(target=lambda: [update(store, raise_both) for _ in range(25)]) for _ in range(4)]
    watcher.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    watcher.join()
    assert rows(store, ":one :is ?v") == ["100"]
    assert torn == []


def test_changes_beyond_the_queue_are_told_to_come_again(tiny_home: Path, on_disk: bool, tmp_path: Path) -> None:
    """With no room to wait, a change beside another one is refused at once."""
    entered, leave = threading.Event(), threading.Event()

    def hold(step: str) -> None:
        if step == "checked":
            entered.set()
            leave.wait(60)

    store = JournaledStore(
        Source(tiny_home, tmp_path / "state", on_disk=on_disk), writing=WriteLimits(waiting=0), at=hold
    )
    first = threading.Thread(target=lambda: update(store, "INSERT DATA { :a :p 1 }"))
    try:
        first.start()
        assert entered.wait(60)
        with pytest.raises(StoreBusyError):
            update(store, "INSERT DATA { :a :p 2 }")
        assert rows(store, ":a :p ?v") == []
    finally:
        leave.set()
        first.join()
        store.close()


def test_what_was_acknowledged_is_there_after_a_new_start(tiny_home: Path, on_disk: bool, tmp_path: Path) -> None:
    """Data, union, inferred statements, empty graphs and the revision are those of before."""

    def ask(one: JournaledStore) -> list[str]:
        return rows(one, "?s ?p ?v", ((ALL,), ()))

    source = Source(tiny_home, tmp_path / "state", on_disk=on_disk)
    store = JournaledStore(source)
    try:
        update(store, "INSERT DATA { :a :p 01 . GRAPH :g { :f a ink:Finding } }; CREATE GRAPH :empty")
        update(store, "DELETE WHERE { :a :p ?o }; INSERT DATA { :b :p _:x }")
        revision, graphs, everything = store.revision, store.graphs(), ask(store)
    finally:
        store.close()
    again = JournaledStore(source)
    try:
        assert again.revision == revision
        assert again.graphs() == graphs
        assert ask(again) == everything
    finally:
        again.close()
    authors = [entry.author for entry in StateView(tmp_path / "state").entries()]
    assert authors == ["tests", "tests"]


def test_a_graph_that_a_variable_names_is_told_as_created(store: JournaledStore) -> None:
    """Also if a later operation takes its statements away again; one that is dropped again leaves no trace."""
    outcome = update(store, "INSERT DATA { :a :in :g }; INSERT { GRAPH ?g { :a :p 1 } } WHERE { :a :in ?g }")
    assert outcome.created == {f"{EX}g"}
    emptied = "INSERT { GRAPH ?h { :a :p 1 } } WHERE { BIND(:h AS ?h) }; DELETE DATA { GRAPH :h { :a :p 1 } }"
    assert update(store, f"{emptied}; DROP GRAPH :h").created == set()
    outcome = update(store, emptied)
    assert (set(outcome.created), len(outcome.patch.added)) == ({f"{EX}h"}, 0)
    assert f"{EX}h" in store.graphs()


def test_the_process_that_holds_the_data_may_die(tiny_home: Path, on_disk: bool, tmp_path: Path) -> None:
    """It is started again from the state directory, with every acknowledged change."""
    store = JournaledStore(Source(tiny_home, tmp_path / "state", on_disk=on_disk))
    try:
        update(store, "INSERT DATA { :a :p 1 }")
        before = store.zygote_pid
        os.kill(before, signal.SIGKILL)
        update(store, "INSERT DATA { :a :p 2 }")
        assert rows(store, ":a :p ?v") == ["1", "2"]
        assert store.zygote_pid != before
    finally:
        store.close()


def test_the_copies_of_the_default_graphs_follow_each_change(tiny_home: Path, tmp_path: Path) -> None:
    """With and without copies, and with the union asked for in each way, the same statements answer."""
    texts = (
        "INSERT DATA { :a :p 1 . GRAPH :g { :a :p 1 . :f a ink:Finding } }",
        "DELETE DATA { :a :p 1 }",
        "INSERT DATA { GRAPH :h { :f a ink:Claim } }",
        "DROP GRAPH :g",
        "DROP GRAPH :h",
    )
    datasets: tuple[tuple[tuple[str, ...], tuple[str, ...]] | None, ...] = (
        None,
        ((ASSERTED,), ()),
        ((ALL,), ()),
        ((INFERRED, ASSERTED), ()),
    )
    seen = []
    for copies in (0, 1_000_000):
        store = JournaledStore(Source(tiny_home, tmp_path / str(copies), copies=copies))
        try:
            answers = []
            for text in texts:
                update(store, text)
                answers += [rows(store, pattern, one) for one in datasets for pattern in (":f a ?v", ":a :p ?v")]
                answers.append(rows(store, ":f a ?v . FILTER NOT EXISTS { GRAPH :none { :f a ?v } }"))
            seen.append(answers)
        finally:
            store.close()
    assert seen[0] == seen[1]
    assert any(seen[0])


def test_a_change_that_is_on_disk_is_acknowledged_and_no_reader_is_left_behind(
    tiny_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process with the data dies and cannot be started: readers get the new state or an error."""
    monkeypatch.setattr("kgraph.store.workers._FAILURE_KEPT", 0.0)
    home = Path(shutil.copytree(tiny_home, tmp_path / "home"))
    broken = home / "ontology" / "broken.ttl"

    def spoil(step: str) -> None:
        if step == "journaled" and not broken.exists():
            broken.write_text("this is no Turtle", encoding="utf-8")
            os.kill(kept.zygote_pid, signal.SIGKILL)

    kept = JournaledStore(Source(home, tmp_path / "state"), at=spoil)
    try:
        outcome = update(kept, "INSERT DATA { :a :p 1 . GRAPH :g { :a :p 1 } }")
        assert kept.revision == outcome.revision
        assert outcome.revision.number == 2
        with pytest.raises(QueryFailedError):
            rows(kept, ":a :p ?v")
        with pytest.raises(QueryFailedError):
            update(kept, "INSERT DATA { :a :p 2 }")
        spoilt = broken.read_text(encoding="utf-8")
        broken.write_text("", encoding="utf-8")
        assert (spoilt != "", rows(kept, ":a :p ?v"), f"{EX}g" in kept.graphs()) == (True, ["1"], True)
        assert update(kept, "INSERT DATA { :a :p 2 }").revision.number == 3
    finally:
        kept.close()


def test_a_start_while_a_change_is_written_waits_for_it(tiny_home: Path, tmp_path: Path) -> None:
    """A reader that finds the process with the data dead gets the state before or after, and no complaint."""
    answers: list[list[str]] = []

    def ask() -> None:
        answers.append(rows(store, ":a :p ?v"))

    def kill(step: str) -> None:
        if step == "journaled":
            os.kill(store.zygote_pid, signal.SIGKILL)
            readers.extend(threading.Thread(target=ask) for _ in range(3))
            for reader in readers:
                reader.start()

    readers: list[threading.Thread] = []
    store = JournaledStore(Source(tiny_home, tmp_path / "state"), at=kill)
    try:
        assert update(store, "INSERT DATA { :a :p 1 }").revision.number == 2
        for reader in readers:
            reader.join(30)
        assert len(answers) == 3 and all(answer in ([], ["1"]) for answer in answers)
        assert rows(store, ":a :p ?v") == ["1"]
    finally:
        store.close()


def test_a_process_kept_after_a_slow_query_is_not_asked_after_a_change(tiny_home: Path, tmp_path: Path) -> None:
    """It knows the data as they were; who asks after the change sees it, in whatever process."""
    reading = WorkerLimits(places=1, slow_places=2, timeout=60, patience=60)
    store = JournaledStore(Source(tiny_home, tmp_path / "state"), reading)

    def ask(number: int) -> bytes:
        text = slow_query(number).replace("{", "{ OPTIONAL { <urn:x> <urn:p> ?value } ", 1)
        return store.query(Query(text.replace("(COUNT", "(SAMPLE(?value) AS ?v) (COUNT")), CSV).read()

    count = slow_answer().removeprefix("n\r\n")
    try:
        with ThreadPoolExecutor(3) as executor:
            assert set(executor.map(ask, range(3))) == {f"v,n\r\n,{count}".encode()}
            assert len(store.spares) >= 1
            update(store, "INSERT DATA { <urn:x> <urn:p> 1 }")
            assert set(executor.map(ask, range(3, 6))) == {f"v,n\r\n1,{count}".encode()}
    finally:
        store.close()
