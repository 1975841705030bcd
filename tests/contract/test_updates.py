"""SPARQL Update over HTTP: who may, what is answered, and that nothing counts by halves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kgraph.access import Role, create_token
from kgraph.store.state import StateView

EX = "https://example.org/"
INK = "https://w3id.org/inkludering/ont#"
PREFIXES = f"PREFIX : <{EX}> PREFIX ink: <{INK}> "
UPDATE = {"Content-Type": "application/sparql-update"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def client(writable: tuple[str, Path]) -> Iterator[httpx.Client]:
    """A client with a curator's token, of a server whose unnamed graph is empty."""
    address, state = writable
    token = create_token(state, Role.CURATOR)[0]
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        assert send(client, f"CLEAR DEFAULT; DROP SILENT GRAPH <{EX}g>").status_code == 200
        yield client


def send(client: httpx.Client, text: str, **options: object) -> httpx.Response:
    """Send an update as the body of a POST."""
    headers = {**UPDATE, **options.pop("headers", {})}  # type: ignore[dict-item]
    return client.post("/sparql", content=PREFIXES + text, headers=headers, **options)  # type: ignore[arg-type]


def values(client: httpx.Client, pattern: str) -> list[str]:
    """Return the values of ?v, sorted."""
    answer = client.get("/sparql", params={"query": f"{PREFIXES} SELECT ?v {{ {pattern} }}", "format": "csv"})
    assert answer.status_code == 200
    return sorted(answer.text.split("\r\n")[1:-1])


def test_an_update_is_carried_out_and_told(client: httpx.Client) -> None:
    """The answer tells the revision and counts; the next query, on any connection, sees the change."""
    before = client.get("/sparql", params={"query": "ASK {}"}).headers["kgraph-revision"]
    answer = send(client, "INSERT DATA { :a :p 1, 2 }")
    told = answer.json()
    assert answer.status_code == 200
    assert (told["added"], told["removed"], told["dryRun"]) == (2, 0, False)
    assert answer.headers["kgraph-revision"] == told["revision"]["tag"] != before
    assert values(client, ":a :p ?v") == ["1", "2"]
    asked = httpx.get(f"{client.base_url}/sparql", params={"query": "ASK {}"})
    assert asked.headers["kgraph-revision"] == told["revision"]["tag"]
    assert asked.headers["last-modified"]


def test_a_form_may_hold_the_update(client: httpx.Client) -> None:
    """Percent-encoding is taken off once."""
    answer = client.post("/sparql", data={"update": f'{PREFIXES} INSERT DATA {{ :a :p "a%41+b" }}'})
    assert answer.status_code == 200
    assert values(client, ":a :p ?v") == ["a%41+b"]


def test_without_a_token_nothing_is_changed(client: httpx.Client) -> None:
    """No token and an unknown one are 401 with a challenge; a steward's is 403; the body is not read before."""
    cases = [({}, 401, "token-missing"), ({"Authorization": "Bearer nonsense"}, 401, "token-unknown")]
    cases.append(({"Authorization": "Basic Y3VyYXRvcjo="}, 401, "token-missing"))
    for headers, status, code in cases:
        for body in ("INSERT DATA { <a:a> <a:b> 1 }", "no update at all"):
            answer = httpx.post(f"{client.base_url}/sparql", content=body, headers={**UPDATE, **headers})
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert values(client, "?s ?p ?v FILTER(?s = <a:a>)") == []


def test_a_stewards_token_cannot_update(writable: tuple[str, Path]) -> None:
    """A steward submits records and changes nothing directly."""
    address, state = writable
    token = create_token(state, Role.STEWARD)[0]
    headers = {**UPDATE, "Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{address}/sparql", content="CLEAR DEFAULT", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "token-role")


def test_a_server_without_a_state_directory_is_read_only_and_says_so(server: str) -> None:
    """Whatever the token."""
    for method, path in (("POST", "/sparql"), ("PUT", f"/graphs?graph={EX}g"), ("DELETE", "/graphs?default")):
        headers = {**UPDATE, "Authorization": "Bearer x"}
        answer = httpx.request(method, server + path, content="CLEAR DEFAULT", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "read-only")


def test_a_dry_run_answers_with_patch_report_and_counts(client: httpx.Client) -> None:
    """Nothing is changed, and the revision stays."""
    before = client.get("/sparql", params={"query": "ASK {}"}).headers["kgraph-revision"]
    answer = send(client, "INSERT DATA { :a :p 01 }", params={"dry-run": "true"})
    told = answer.json()
    assert told["dryRun"] is True
    assert f'A <{EX}a> <{EX}p> "01"^^<http://www.w3.org/2001/XMLSchema#integer> .' in told["patch"].splitlines()
    assert told["report"]["counts"] == {"violation": 0, "warning": 0, "info": 0}
    assert answer.headers["kgraph-revision"] == before
    assert values(client, ":a :p ?v") == []
    bad = send(client, "INSERT DATA { GRAPH :g { :f a ink:Finding } }", params={"dry-run": "true"})
    assert bad.status_code == 200
    assert bad.json()["report"]["counts"]["violation"] > 0
    assert send(client, "CLEAR DEFAULT", params={"dry-run": "perhaps"}).status_code == 400


def test_a_violation_is_422_with_the_report_in_the_asked_format(client: httpx.Client) -> None:
    """The report names the shape, the resource and the cure, in the reader's language; nothing was changed."""
    text = "INSERT DATA { :other :p 1 . GRAPH :g { :f a ink:Finding } }"
    answer = send(client, text, headers={"Accept-Language": "nb"})
    document = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert document["code"] == "change-refused"
    assert document["type"].endswith("/problem/change-refused")
    remark = document["report"]["remarks"][0]
    assert remark["focus"] == f"<{EX}f>" and remark["cure"] and remark["code"].startswith("INK-")
    turtle = send(client, text, headers={"Accept": "text/turtle"})
    assert turtle.status_code == 422
    assert turtle.headers["content-type"].startswith("text/turtle")
    assert "sh:ValidationReport" in turtle.text and "sh:focusNode" in turtle.text
    plain = send(client, text, headers={"Accept": "text/plain", "Accept-Language": "en"})
    assert "violation INK-" in plain.text
    sarif = send(client, text, headers={"Accept": "application/sarif+json"})
    assert json.loads(sarif.text)["version"] == "2.1.0"
    assert values(client, ":other :p ?v") == []


def test_two_changes_that_are_valid_alone_but_not_together_do_not_both_pass(client: httpx.Client) -> None:
    """The second one is checked on top of the first."""
    graph = "https://w3id.org/inkludering/graph/report"
    line = "<https://w3id.org/inkludering/id/evidence-line/tinyline1>"
    study = values(client, f"{line} ink:fromStudy ?v")
    subject = line if study else values(client, "?v ink:fromStudy ?s")[0].join("<>")
    property_ = f"<{INK}fromStudy>"
    present = values(client, f"{subject} {property_} ?v")[0]
    removed = send(client, f"DELETE DATA {{ GRAPH <{graph}> {{ {subject} {property_} <{present}> }} }}")
    first = send(client, f"INSERT DATA {{ GRAPH <{graph}> {{ {subject} {property_} <{present}> }} }}")
    second = send(client, f"INSERT DATA {{ GRAPH <{graph}> {{ {subject} {property_} <{EX}other> }} }}")
    assert second.status_code == 422
    assert removed.status_code in (200, 422)
    assert first.status_code == 200


def test_a_faulty_update_is_told_with_its_place(client: httpx.Client) -> None:
    """Line, column and what was expected, and nothing of the operations before it counts."""
    text = "INSERT DATA { :a :p 1 };\nINSERT DATA { :a :p }"
    answer = client.post("/sparql", content=f"PREFIX : <{EX}>\n{text}", headers=UPDATE)
    document = answer.json()
    assert (answer.status_code, document["line"], document["column"]) == (400, 3, 21)
    assert values(client, ":a :p ?v") == []
    for text, status, code in (
        ("LOAD <http://127.0.0.1:1/x>", 403, "load-refused"),
        ("INSERT { :a :p ?o } WHERE { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", 403, "service-refused"),
        ("SELECT * { ?s ?p ?o }", 400, "query-as-update"),
        ("INSERT DATA { GRAPH <https://w3id.org/inkludering/graph/inferred> { :a :p 1 } }", 403, "graph-derived"),
    ):
        answer = send(client, text)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_protocols_dataset_parameters_hold_for_where(client: httpx.Client) -> None:
    """using-graph-uri replaces the dataset, and together with USING in the text it is refused."""
    send(client, "INSERT DATA { :a :p 1 . GRAPH :g { :a :p 2 } }")
    text = "INSERT { :found :is ?o } WHERE { :a :p ?o }"
    assert send(client, text, params={"using-graph-uri": f"{EX}g"}).status_code == 200
    assert values(client, ":found :is ?v") == ["2"]
    conflict = send(client, text.replace("WHERE", "USING :g WHERE"), params={"using-graph-uri": f"{EX}g"})
    assert (conflict.status_code, conflict.json()["code"]) == (400, "using-conflict")


def test_if_match_names_the_revision_that_may_be_changed(client: httpx.Client) -> None:
    """A stale one is 412 and changes nothing."""
    tag = send(client, "INSERT DATA { :a :p 1 }").headers["kgraph-revision"]
    assert send(client, "INSERT DATA { :a :p 2 }", headers={"If-Match": f'"{tag}"'}).status_code == 200
    assert send(client, "INSERT DATA { :a :p 3 }", headers={"If-Match": '""'}).status_code == 412
    assert send(client, "INSERT DATA { :a :p 3 }", headers={"If-Match": ""}).status_code == 412
    stale = send(client, "INSERT DATA { :a :p 3 }", headers={"If-Match": f'"{tag}"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition-failed")
    assert values(client, ":a :p ?v") == ["1", "2"]
    now = stale.headers["kgraph-revision"]
    for match, status in ((f'"{tag}", "x,y"', 412), (f'W/"{now}"', 412), (f'"{tag}","x,y" , "{now}"', 200), ("*", 200)):
        assert send(client, "INSERT DATA { :a :p 4 }", headers={"If-Match": match}).status_code == status, match


def test_etags_change_with_the_data(client: httpx.Client) -> None:
    """A cached answer holds until the next change and no longer."""
    params = {"query": f"SELECT ?o {{ <{EX}a> ?p ?o }}"}
    first = client.get("/sparql", params=params)
    held = {"If-None-Match": first.headers["etag"]}
    assert client.get("/sparql", params=params, headers=held).status_code == 304
    send(client, "INSERT DATA { :a :p 1 }")
    again = client.get("/sparql", params=params, headers=held)
    assert again.status_code == 200
    assert again.headers["etag"] != first.headers["etag"]
    assert len(again.json()["results"]["bindings"]) == 1


def test_the_journal_knows_who_and_why(client: httpx.Client, writable: tuple[str, Path]) -> None:
    """Author and reason are those of the request."""
    send(client, "INSERT DATA { :a :p 1 }", params={"reason": "a test of reasons"})
    *_, last = StateView(writable[1]).entries()
    assert last.reason == "a test of reasons"
    assert last.author.startswith("curator-")


def test_an_update_never_runs_by_get(client: httpx.Client) -> None:
    """Nor as a query."""
    text = f"INSERT DATA {{ <{EX}a> <{EX}p> 1 }}"
    assert client.get("/sparql", params={"update": text}).status_code in (400, 405)
    assert client.get("/sparql", params={"query": text}).status_code == 400
    assert values(client, ":a :p ?v") == []


def test_a_client_that_accepts_none_of_our_forms_is_told_by_the_status_alone(client: httpx.Client) -> None:
    """Clients of queries send Accept headers that no update can meet; the update counts all the same."""
    answer = send(client, "INSERT DATA { :a :p 1 }", headers={"Accept": "application/sparql-results+xml"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert values(client, ":a :p ?v") == ["1"]


@pytest.mark.parametrize("text", ["skos:prefLabel", "ink:statement"])
def test_a_change_is_told_the_same_of_a_resource_without_class_as_a_file(
    client: httpx.Client, tmp_path: Path, text: str
) -> None:
    """Two texts in one language are the fault of the resource, whatever it is."""
    iris = {"skos": "http://www.w3.org/2004/02/skos/core#", "ink": "https://w3id.org/inkludering/ont#"}
    prefix, _, name = text.partition(":")
    record = f'<https://w3id.org/inkludering/id/finding/no-class> <{iris[prefix]}{name}> "a"@nn , "b"@nn .\n'
    file = tmp_path / "record.ttl"
    file.write_text(record, encoding="utf-8")
    command = [sys.executable, "-m", "kgraph", "check", "--format", "json", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    of_file = {remark["code"] for remark in json.loads(checked.stdout)["remarks"]}
    headers = {"Content-Type": "text/turtle", "Accept": "application/json"}
    sent = client.put("/graphs", params={"graph": f"{EX}no-class"}, content=record, headers=headers)
    assert sent.status_code == 422
    of_change = {remark["code"] for remark in sent.json()["report"]["remarks"]}
    expected = {"skos:prefLabel": "INK-005e", "ink:statement": "INK-005m"}[text]
    assert expected in of_change
    assert of_change <= of_file


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_a_graph_that_a_blank_node_would_name_is_refused(client: httpx.Client, dry_run: str) -> None:
    """Nobody could ask for it; and what else the update would write is not written."""
    text = "INSERT { :a :p 1 . GRAPH ?g { :a :p 2 } } WHERE { BIND(BNODE() AS ?g) }"
    answer = send(client, text, params={"dry-run": dry_run})
    assert (answer.status_code, answer.json()["code"]) == (400, "graph-blank")
    assert values(client, ":a :p ?v") == []
    assert send(client, text.replace("BNODE()", f"<{EX}g>")).status_code == 200
