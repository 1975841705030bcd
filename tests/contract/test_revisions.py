"""The data change while the server runs: each answer tells the state it comes from, and nothing older is given."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from kgraph.store.base import Change, Update
from kgraph.store.held import Source
from kgraph.store.workers import WorkerStore, can_isolate
from kgraph.store.writing import JournaledStore

pytestmark = pytest.mark.skipif(not can_isolate(), reason="this platform has no isolation")

Serve = Callable[..., contextlib.AbstractContextManager[str]]

COUNT = "SELECT (COUNT(*) AS ?n) { ?s <urn:p> ?o }"


class World:
    """A server, and the store whose data it serves."""

    def __init__(self, store: JournaledStore, client: httpx.Client) -> None:
        """Change ``store`` and ask ``client``."""
        self._store = store
        self.client = client

    def add(self, number: int) -> str:
        """Add a statement; return the name of the revision that has it."""
        return self.change(f"INSERT DATA {{ <urn:s> <urn:p> {number} }}")

    def change(self, text: str) -> str:
        """Carry an update out; return the name of the revision that it makes."""
        return self._store.change(Change((Update(text),), "tests")).revision.tag

    def ask(self, **headers: str) -> httpx.Response:
        """Count the statements that were added."""
        return self.client.get("/sparql", params={"query": COUNT}, headers={"Accept": "text/csv", **headers})


@pytest.fixture
def world(serve: Serve, tiny_home: Path, tmp_path: Path) -> Iterator[World]:
    """A server whose data can be changed."""
    store = JournaledStore(Source(tiny_home, tmp_path / "state"))
    with serve(store) as address, httpx.Client(base_url=address) as client:
        yield World(store, client)


def test_an_answer_is_never_older_than_the_last_change(world: World) -> None:
    """Whether it was asked before or not, byte for byte or otherwise, compressed or not."""
    for number in range(5):
        revision = world.add(number)
        for headers in ({}, {}, {"X-Other": "1"}, {"Accept-Encoding": "br"}):
            answer = world.ask(**headers)
            assert answer.text == f"n\r\n{number + 1}\r\n"
            assert answer.headers["kgraph-revision"] == revision
            assert answer.headers["etag"].startswith(f'W/"{revision}-')


def test_a_tag_holds_until_the_data_change(world: World) -> None:
    """304 as long as they stay as they are; then another tag, and a later date."""
    world.add(1)
    first = world.ask()
    assert world.ask(**{"If-None-Match": first.headers["etag"]}).status_code == 304
    world.add(2)
    second = world.ask(**{"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert second.headers["etag"] != first.headers["etag"]
    assert second.headers["last-modified"].endswith("GMT")


def test_what_the_server_says_of_its_data_changes_with_them(world: World) -> None:
    """The description of the service counts anew, and so do the pages' tags."""
    page = world.client.get("/")
    described = world.client.get("/sparql", headers={"Accept": "application/n-triples"})
    world.add(1)
    assert world.client.get("/", headers={"If-None-Match": page.headers["etag"]}).status_code == 200
    again = world.client.get("/sparql", headers={"Accept": "application/n-triples"})
    assert again.headers["etag"] != described.headers["etag"]
    assert again.text != described.text


def test_a_page_that_is_asked_often_is_of_the_present_state(world: World) -> None:
    """In the language that is asked for, with the tag of that state."""
    html = {"Accept": "text/html"}
    address = "/page/ont/Person"
    pages = [world.client.get(address, headers={**html, "Accept-Language": "en"}) for _ in range(4)]
    assert len({page.text for page in pages}) == 1
    assert world.client.get(address, headers={**html, "Accept-Language": "nn"}).text != pages[0].text
    assert "Newcomer" not in pages[0].text
    person = "https://w3id.org/inkludering/ont#Person"
    label = "http://www.w3.org/2004/02/skos/core#prefLabel"
    world.change(f'INSERT DATA {{ <{person}> <{label}> "Newcomer"@en }}')
    later = [world.client.get(address, headers={**html, "Accept-Language": "en"}) for _ in range(3)]
    assert len({page.text for page in later}) == 1
    assert "Newcomer" in later[0].text
    assert later[0].headers["etag"] != pages[0].headers["etag"]


CHOOSING = [
    "SELECT * { ?s ?p ?o } LIMIT 5",
    "select * { ?s ?p ?o } offset 5",
    "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p ORDER BY ?n LIMIT 5",
    "SELECT * { { SELECT ?s { ?s ?p ?o } LIMIT 5 } ?s a ?c }",
    "SELECT (SAMPLE(?o) AS ?x) { ?s ?p ?o }",
    "SELECT (GROUP_CONCAT(STR(?o)) AS ?x) { ?s ?p ?o }",
    "SELECT REDUCED ?p { ?s ?p ?o }",
    "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 5",
    'SELECT * { ?s ?p ?o FILTER(?o != "\\n") } LIMIT 5',
]
SETTLED = ["SELECT * { ?s ?p ?o }", "ASK { ?s ?p 'limited' }", "SELECT (SUM(?o) AS ?limits) { ?s <urn:sample-p> ?o }"]


def tags_of(address: str, query: str) -> set[str]:
    """Return the tags of the answers to a query that is asked in every way, and again after each."""
    tags: set[str] = set()
    for _ in range(2):
        with httpx.Client(base_url=address, headers={"Accept": "*/*"}) as client:
            # On one connection, which is lent to another process after a few.
            answers = [client.get("/sparql", params={"query": query}) for _ in range(6)]
            answers.append(client.get("/sparql", params={"query": query}, headers={"Cache-Control": "no-cache"}))
            answers.append(client.head("/sparql", params={"query": query}))
            answers.append(client.post("/sparql", data={"query": query}))
        tags |= {answer.headers["etag"] for answer in answers}
        assert len({answer.content for answer in answers if answer.request.method != "HEAD"}) == 1
    return tags


def test_a_tag_that_leaves_a_choice_holds_as_long_as_the_process_with_the_data(serve: Serve, tiny_home: Path) -> None:
    """In the next one the engine holds the data in another order, and would choose other rows."""
    runs: list[dict[str, str]] = []
    for _ in range(2):
        store = WorkerStore(tiny_home)
        with serve(store) as address:
            for turn in range(2):
                held = {}
                for query in CHOOSING + SETTLED:
                    [held[query]] = tags_of(address, query)
                runs.append(held)
                for query, tag in runs[0].items():
                    fresh = httpx.get(f"{address}/sparql", params={"query": query}, headers={"If-None-Match": tag})
                    assert fresh.status_code == (304 if query in SETTLED or len(runs) == 1 else 200)
                if turn == 0:
                    before = store.zygote_pid
                    os.kill(before, signal.SIGKILL)
                    while store.zygote_pid == before:
                        httpx.get(
                            f"{address}/sparql", params={"query": "ASK {}"}, headers={"Cache-Control": "no-cache"}
                        )
    for query in CHOOSING:
        assert len({held[query] for held in runs}) == 4
    for query in SETTLED:
        assert len({held[query] for held in runs}) == 1
