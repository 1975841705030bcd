"""The server before another engine: its pages and its endpoint answer from there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from kgraph.settings import Settings
from kgraph.vocabulary import TERMS

PEOPLE = f"SELECT (COUNT(*) AS ?count) WHERE {{ ?person a <{TERMS}Person> }}"

Serve = Callable[[Settings, Path], AbstractContextManager[str]]


@pytest.mark.parametrize("engine", ["oxigraph", "virtuoso"])
def test_endpoint_and_pages_answer_from_the_engine(
    request: pytest.FixtureRequest, serve: Serve, engine: str, tmp_path: Path, repository: Path
) -> None:
    """With a home that holds no data, so that all that is shown comes from the engine; no answer has an ETag."""
    address = request.getfixturevalue(engine)
    home = tmp_path / "home"
    home.mkdir()
    for name in ("ontology", "queries"):
        (home / name).symlink_to(repository / name)
    settings = Settings(remote_query_address=address, remote_engine=engine, query_timeout=20.0)
    with serve(settings, home) as base, httpx.Client(base_url=base, timeout=60) as client:
        answer = client.get("/sparql", params={"query": PEOPLE}, headers={"Accept": "text/csv"})
        assert (answer.status_code, answer.text) == (200, "count\r\n2\r\n")
        assert "etag" not in answer.headers and "kgraph-revision" not in answer.headers
        page = client.get("/page/id/goal/meet", headers={"Accept": "text/html"})
        assert page.status_code == 200 and "goal/meet" in page.text
        assert "etag" not in page.headers
        data = client.get("/data/id/goal/meet.ttl")
        assert data.status_code == 200 and "goal:meet " in data.text and "a ink:Goal" in data.text
        assert client.get("/page/id/goal/none").status_code == 404
        assert client.get("/", headers={"Accept": "text/html"}).status_code == 200
        broken = client.get("/sparql", params={"query": "SELECT * {\n ?s ?p }"}, headers={"Accept": "application/json"})
        assert (broken.status_code, broken.json()["line"], broken.json()["column"]) == (400, 2, 8)
        mistaken = client.get("/sparql", params={"query": PEOPLE.replace("Person", "person_")})
        assert 'suggestion="<https://w3id.org/inkludering/ont#Person>"' in mistaken.headers["kgraph-notice"]
        assert "kgraph-notice" not in answer.headers
        # What functions another engine has is not known here, and both refuse a text with one that they do not have.
        called = client.get("/sparql", params={"query": "SELECT (<urn:f>(1) AS ?x) {}"})
        assert (called.status_code, "kgraph-notice" in called.headers) == (500, False)
        assert client.post("/sparql", data={"update": "CLEAR ALL"}).status_code == 403


def test_a_revision_that_is_known_makes_tags(serve: Serve, oxigraph: str, repository: Path) -> None:
    """Whoever names the state of the engine's data gets the ETags of a server that holds the same data."""
    settings = Settings(remote_query_address=oxigraph, remote_revision="7-0123456789abcdef")
    with serve(settings, repository) as base, httpx.Client(base_url=base, timeout=60) as client:
        answer = client.get("/sparql", params={"query": PEOPLE})
        assert answer.headers["kgraph-revision"] == "7-0123456789abcdef"
        tag = answer.headers["etag"]
        again = client.get("/sparql", params={"query": PEOPLE}, headers={"If-None-Match": tag})
        assert again.status_code == 304
