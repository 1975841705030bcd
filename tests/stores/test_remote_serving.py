"""The server before another engine: its pages and its endpoint answer from there."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kgraph.errors import QueryFailedError
from kgraph.formats import JSON_RESULTS, TURTLE
from kgraph.settings import Settings
from kgraph.store.base import Query
from kgraph.store.remote import RemoteLimits, RemoteStore
from kgraph.store.remote.dialects import VIRTUOSO
from kgraph.vocabulary import TERMS

PEOPLE = f"SELECT (COUNT(*) AS ?count) WHERE {{ ?person a <{TERMS}Person> }}"


@contextlib.contextmanager
def serving(settings: Settings, home: Path) -> Iterator[httpx.Client]:
    """Serve the home and give a client of the server."""
    path = Path(__file__).resolve().parent.parent / "web_server.py"
    spec = importlib.util.spec_from_file_location("web_server", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.serving(settings, home) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.mark.parametrize("engine", ["oxigraph", "virtuoso"])
def test_endpoint_and_pages_answer_from_the_engine(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path, repository: Path
) -> None:
    """With a home that holds no data, so that all that is shown comes from the engine; no answer has an ETag."""
    address = request.getfixturevalue(engine)
    home = tmp_path / "home"
    home.mkdir()
    for name in ("ontology", "queries"):
        (home / name).symlink_to(repository / name)
    settings = Settings(remote_query_address=address, remote_engine=engine, query_timeout=20.0)
    with serving(settings, home) as client:
        answer = client.get("/sparql", params={"query": PEOPLE}, headers={"Accept": "text/csv"})
        assert (answer.status_code, answer.text) == (200, "count\r\n2\r\n")
        assert "etag" not in answer.headers and "kgraph-revision" not in answer.headers
        page = client.get("/page/id/goal/meet", headers={"Accept": "text/html"})
        assert page.status_code == 200 and "goal/meet" in page.text
        assert "etag" not in page.headers
        data = client.get("/data/id/goal/meet.ttl")
        assert data.status_code == 200 and "goal:meet a ink:Goal" in data.text
        assert client.get("/page/id/goal/none").status_code == 404
        assert client.get("/", headers={"Accept": "text/html"}).status_code == 200
        broken = client.get("/sparql", params={"query": "SELECT * {\n ?s ?p }"}, headers={"Accept": "application/json"})
        assert (broken.status_code, broken.json()["line"], broken.json()["column"]) == (400, 2, 8)
        assert client.post("/sparql", data={"update": "CLEAR ALL"}).status_code == 403


def test_a_revision_that_is_known_makes_tags(oxigraph: str, repository: Path) -> None:
    """Whoever names the state of the engine's data gets the ETags of a server that holds the same data."""
    settings = Settings(remote_query_address=oxigraph, remote_revision="7-0123456789abcdef")
    with serving(settings, repository) as client:
        answer = client.get("/sparql", params={"query": PEOPLE})
        assert answer.headers["kgraph-revision"] == "7-0123456789abcdef"
        tag = answer.headers["etag"]
        again = client.get("/sparql", params={"query": PEOPLE}, headers={"If-None-Match": tag})
        assert again.status_code == 304


@pytest.mark.parametrize(
    "text",
    ["SELECT ?s ?t { ?s ?p ?o . ?t ?q ?r } LIMIT 25000", "CONSTRUCT { <a:a> <b:b> <c:c> } { ?s ?p ?o . ?t ?q ?r }"],
)
def test_virtuoso_cuts_no_answer_unseen(virtuoso: str, text: str) -> None:
    """More rows than the engine gives away are an error, of a table and behind a graph of one statement."""
    store = RemoteStore(virtuoso, VIRTUOSO, RemoteLimits(timeout=30.0))
    with pytest.raises(QueryFailedError, match="20000 rows"):
        store.query(
            Query(text + ("" if "LIMIT" in text else " LIMIT 25000")), TURTLE if "CONSTRUCT" in text else JSON_RESULTS
        )
    store.close()
