"""What HTTP says of requests that clients seldom send, and of what they may conclude from the status alone."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from web_server import serving

from kgraph.access import Role, create_token
from kgraph.settings import Settings

EX = "https://example.org/"
BAD = "<https://example.org/f> a <https://w3id.org/inkludering/ont#Finding> ."
PROBLEM = "application/problem+json"
GRAPH = {"graph": f"{EX}exact"}
TURTLE = {"Content-Type": "text/turtle"}
UPDATE = {"Content-Type": "application/sparql-update"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DIRECT = {"Content-Type": "application/sparql-query"}


@pytest.fixture
def client(writable: tuple[str, Path]) -> Iterator[httpx.Client]:
    """A client with a curator's token, of a server without the example's graph."""
    address, state = writable
    token = create_token(state, Role.CURATOR)[0]
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        client.delete("/graphs", params=GRAPH)
        yield client


@pytest.mark.parametrize("accept", [PROBLEM, "text/turtle", "image/png"])
@pytest.mark.parametrize(
    ("query", "status"),
    [("SELECT * {", 400), ("SELECT (1 AS ?x) (2 AS ?x) {}", 400), ("ASK { SERVICE <a:b> {} }", 403), ("ASK {}", 406)],
)
def test_what_is_wrong_with_a_query_goes_before_its_formats(server: str, accept: str, query: str, status: int) -> None:
    """A client that takes no format of ours is told the fault; 406 is for queries that have none."""
    requests: list[tuple[str, dict[str, object]]] = [
        ("GET", {"params": {"query": query}}),
        ("GET", {"params": {"query": query, "format": "png"}}),
        ("HEAD", {"params": {"query": query}}),
        ("POST", {"content": query, "headers": DIRECT}),
        ("QUERY", {"content": query, "headers": DIRECT}),
    ]
    for method, options in requests:
        headers = {"Accept": accept, **options.pop("headers", {})}  # type: ignore[dict-item]
        answer = httpx.request(method, f"{server}/sparql", headers=headers, **options)  # type: ignore[arg-type]
        assert answer.status_code == status
        if accept == PROBLEM:
            assert answer.headers["content-type"] == PROBLEM
            assert method == "HEAD" or answer.json()["status"] == status


@pytest.mark.parametrize("path", ["/data/id/no/such", "/data/graph/none", "/id/no/such", f"/graphs?graph={EX}none"])
def test_what_is_not_there_is_404_in_whatever_format(server: str, path: str) -> None:
    """Also for clients that would take no format of it."""
    answer = httpx.get(server + path, headers={"Accept": PROBLEM})
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


@pytest.mark.parametrize(
    ("query", "status"), [("SELECT * {", 400), ("SELECT (1 AS ?x) (2 AS ?x) {}", 400), ("ASK {}", 304)]
)
def test_any_tag_fits_only_what_has_an_answer(server: str, query: str, status: int) -> None:
    """``If-None-Match: *`` asks whether there is anything at all; to a broken query there is not."""
    answer = httpx.get(f"{server}/sparql", params={"query": query}, headers={"If-None-Match": "*"})
    assert answer.status_code == status


def test_a_condition_may_stand_in_several_lines(client: httpx.Client) -> None:
    """As any list may."""
    address, params = f"{client.base_url}/sparql", {"query": "ASK {}"}
    tag = httpx.get(address, params=params).headers["etag"]
    lines = [("If-None-Match", '"x"'), ("If-None-Match", tag)]
    assert httpx.get(address, params=params, headers=lines).status_code == 304
    client.put("/graphs", params=GRAPH, content="<a> <p> 1 .", headers=TURTLE)
    tag = client.get("/graphs", params=GRAPH).headers["etag"]
    lines = [("If-Match", '"x"'), ("If-Match", tag), *TURTLE.items()]
    assert client.put("/graphs", params=GRAPH, content="<a> <p> 2 .", headers=lines).status_code == 200


def test_a_method_that_only_reads_never_updates(client: httpx.Client) -> None:
    """QUERY is safe: whoever repeats it changes nothing."""
    text = f"CREATE GRAPH <{EX}exact>"
    answer = client.request("QUERY", "/sparql", content=f"update={quote(text)}", headers=FORM)
    assert (answer.status_code, answer.json()["code"]) == (405, "update-by-get")
    assert "QUERY" in answer.json()["detail"] and "POST" in answer.headers["allow"]
    answer = client.request("QUERY", "/sparql", params={"update": text}, content="ASK {}", headers=DIRECT)
    assert (answer.status_code, answer.json()["code"]) == (405, "update-by-get")
    answer = client.request("QUERY", "/sparql", content=text, headers=UPDATE)
    assert (answer.status_code, "sparql-update" in answer.json()["hint"]) == (415, False)
    assert client.get("/graphs", params=GRAPH).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/sparql", DIRECT),
        ("QUERY", "/sparql", DIRECT),
        ("POST", "/sparql", FORM),
        ("POST", "/sparql", UPDATE),
        ("PUT", "/graphs?default", TURTLE),
        ("PATCH", "/graphs?default", UPDATE),
    ],
)
def test_a_compressed_body_is_415_with_what_is_read(
    client: httpx.Client, method: str, path: str, kind: dict[str, str]
) -> None:
    """Wherever a body is read."""
    headers = {**kind, "Content-Encoding": "gzip"}
    answer = client.request(method, path, content=gzip.compress(b"ASK {}"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-content-coding")
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [("1.1", 0, 400), ("1.1", 2, 400), ("1.0", 2, 400), ("1.1", 1, 200), ("1.0", 0, 200)],
)
def test_a_request_names_one_host(server: str, version: str, hosts: int, status: int) -> None:
    """RFC 9112, section 3.2; before HTTP/1.1 it need not."""
    address = urlsplit(server)
    head = f"GET /sparql?query=ASK%7B%7D HTTP/{version}\r\n" + "Host: example.org\r\n" * hosts
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode())
        assert connection.makefile("rb").readline().split()[1] == str(status).encode()


@pytest.mark.parametrize("path", ["/", "/query", "/data/ont", "/ont", "/.well-known/void", "/catalogue", "/healthz"])
def test_other_sites_may_ask_for_what_is_only_read(server: str, path: str) -> None:
    """The preflight tells the methods, and that conditions may be sent."""
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"}
    answer = httpx.options(server + path, headers={"Origin": "https://example.com", **asked})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert "If-None-Match" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == "*"
    refused = httpx.post(server + path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("coding", ["br", "identity"])
def test_head_tells_no_other_length_than_get_has(packaged_server: str, coding: str) -> None:
    """Of an answer that is sent as it is made, none."""
    headers = {"Accept-Encoding": coding}
    got = httpx.get(f"{packaged_server}/graphs", headers=headers, timeout=60)
    head = httpx.head(f"{packaged_server}/graphs", headers=headers)
    assert "content-length" not in got.headers and "content-length" not in head.headers
    for name in ("etag", "content-type", "content-encoding", "vary"):
        assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize(("method", "path"), [("PUT", f"/graphs?graph={EX}exact"), ("POST", "/graphs")])
@pytest.mark.parametrize(("body", "conforms"), [("<a> <p> 1 .", True), (BAD, False)])
def test_a_dry_run_is_not_taken_for_the_change(
    client: httpx.Client, method: str, path: str, body: str, conforms: bool
) -> None:
    """Nothing was created, so it is never 201, and has no address; whether the change would count is told by a word."""
    answer = client.request(method, path, params={**_query(path), "dry-run": "true"}, content=body, headers=TURTLE)
    told = answer.json()
    assert (answer.status_code, "location" in answer.headers) == (200, False)
    assert (told["dryRun"], told["conforms"], told["added"]) == (True, conforms, 1)
    assert bool(told["report"]["counts"]["violation"]) is not conforms
    assert told["patch"].count("\nA ") == 1
    assert client.get("/graphs", params=GRAPH).status_code == 404
    without = client.request(
        method,
        path,
        params={**_query(path), "dry-run": "true"},
        content=body,
        headers={**TURTLE, "Accept": "image/png"},
    )
    assert (without.status_code, "rdf-patch" in without.text) == (406, True)


def test_a_dry_run_of_an_update_tells_whether_it_would_count(client: httpx.Client) -> None:
    """In the same words as one of a graph."""
    for body, conforms in (("<a:a> <a:p> 1", True), (BAD.removesuffix("."), False)):
        text = f"INSERT DATA {{ GRAPH <{EX}exact> {{ {body} }} }}"
        answer = client.post("/sparql", params={"dry-run": "true"}, content=text, headers=UPDATE)
        assert (answer.status_code, answer.json()["conforms"]) == (200, conforms)
        headers = {**UPDATE, "Accept": "image/png"}
        assert client.post("/sparql", params={"dry-run": "true"}, content=text, headers=headers).status_code == 406
    assert client.get("/graphs", params=GRAPH).status_code == 404


@pytest.mark.parametrize("name", ["dry-run", "timeout", "reason"])
def test_a_parameter_of_a_change_stands_once(client: httpx.Client, name: str) -> None:
    """Which of two counts would be a guess, and with dry-run a dear one."""
    values = {"dry-run": ["true", "false"], "timeout": ["1", "2"], "reason": ["a", "b"]}[name]
    answer = client.put("/graphs", params={**GRAPH, name: values}, content="<a> <p> 1 .", headers=TURTLE)
    assert (answer.status_code, answer.json()["code"]) == (400, "repeated-parameter")
    assert client.get("/graphs", params=GRAPH).status_code == 404


def test_a_mark_of_utf_8_before_a_body_is_passed_over(client: httpx.Client) -> None:
    """Some editors write it."""
    body = "\ufeff<a> <p> 1 .".encode()
    assert client.put("/graphs", params=GRAPH, content=body, headers=TURTLE).status_code == 201
    files = {"file": ("a.ttl", body, "text/turtle")}
    assert client.post("/graphs", params=GRAPH, files=files).status_code == 200


def test_the_whole_of_the_data_may_be_dropped(home: Path, tmp_path: Path) -> None:
    """Within the time that an update has: its check is not of each statement against all others."""
    with serving(Settings(state=str(tmp_path / "state"), log_file=os.devnull), home) as address:
        headers = {**UPDATE, "Authorization": f"Bearer {create_token(tmp_path / 'state', Role.CURATOR)[0]}"}
        params = {"dry-run": "true"}
        answer = httpx.post(f"{address}/sparql", params=params, content="DROP ALL", headers=headers, timeout=120)
        told = answer.json()
        assert (answer.status_code, told["conforms"], told["added"]) == (200, True, 0)
        assert told["removed"] > 40_000


def _query(path: str) -> dict[str, str]:
    return GRAPH if "?" in path else {}


def test_json_ld_of_statements_about_statements_is_not_to_be_had(client: httpx.Client) -> None:
    """It is 406 with the formats that have a place for them, in whatever way it is asked for."""
    about = f"<{EX}s> <{EX}p> <<( <{EX}a> <{EX}b> 1 )>> ."
    assert client.put("/graphs", params=GRAPH, content=about, headers=TURTLE).is_success
    query = f"CONSTRUCT {{ ?s ?p ?o }} {{ GRAPH <{GRAPH['graph']}> {{ ?s ?p ?o }} }}"
    expanded = 'application/ld+json;profile="http://www.w3.org/ns/json-ld#expanded"'
    for accept in ("application/ld+json", expanded):
        for path, params in (("/graphs", GRAPH), ("/sparql", {"query": query})):
            answer = client.get(path, params=params, headers={"Accept": f"{accept}, {PROBLEM};q=0.1"})
            assert answer.status_code == 406
            assert answer.json()["type"].endswith("/problem/not-acceptable")
            assert "text/turtle" in answer.json()["detail"]
            assert "ld+json" not in answer.json()["detail"]
            answer = client.get(path, params=params, headers={"Accept": f"{accept}, text/turtle;q=0.5"})
            assert answer.status_code == 406
            answer = client.get(path, params=params, headers={"Accept": "text/turtle"})
            assert f"<<( <{EX}a> <{EX}b> 1 )>>" in answer.text


@pytest.mark.parametrize("accept", [PROBLEM, "text/plain", "text/html"])
def test_head_of_a_code_has_the_headers_of_get(server: str, accept: str) -> None:
    """The length too."""
    headers = {"Accept": accept, "Accept-Encoding": "identity"}
    answers = [httpx.request(method, f"{server}/problem/busy", headers=headers) for method in ("GET", "HEAD")]
    lengths = {answer.headers["content-length"] for answer in answers}
    assert lengths == {str(len(answers[0].content))}


def test_a_change_may_be_of_what_has_not_changed_since(client: httpx.Client) -> None:
    """The date is that of Last-Modified; no date is no condition, and a tag says more (RFC 9110, section 13.1.4)."""
    client.put("/graphs", params=GRAPH, content="<a> <p> 1 .", headers=TURTLE)
    last = client.get("/graphs", params=GRAPH).headers["last-modified"]
    before = "Sun, 01 Nov 2020 00:00:00 GMT"
    dry = {**GRAPH, "dry-run": "true"}
    for since, status in ((last, 200), (before, 412), ("yesterday", 200), ("", 200)):
        condition = {"If-Unmodified-Since": since}
        put = client.put("/graphs", params=dry, content="<a> <p> 2 .", headers=TURTLE | condition)
        patch = client.patch("/graphs", params=dry, content="INSERT DATA { <a> <p> 3 }", headers=UPDATE | condition)
        post = client.post("/sparql", params={"dry-run": "true"}, content="CLEAR DEFAULT", headers=UPDATE | condition)
        assert {put.status_code, patch.status_code, post.status_code} == {status}
    both = {"If-Unmodified-Since": before, "If-Match": "*"}
    assert client.put("/graphs", params=dry, content="<a> <p> 2 .", headers=TURTLE | both).status_code == 200
    gone = client.delete("/graphs", params=GRAPH, headers={"If-Unmodified-Since": before})
    assert (gone.status_code, client.get("/graphs", params=GRAPH).status_code) == (412, 200)


def test_what_a_body_may_be_is_told(server: str) -> None:
    """By OPTIONS, and where another one is refused, to other sites too (RFC 10008, section 3)."""
    answers = [
        httpx.options(f"{server}/sparql"),
        httpx.post(f"{server}/sparql", content="ASK {}"),
        httpx.request("QUERY", f"{server}/sparql", content="ASK {}", headers={"Content-Type": "text/plain"}),
    ]
    for answer in answers:
        of_query = set(answer.headers["accept-query"].split(", "))
        assert of_query == {DIRECT["Content-Type"], FORM["Content-Type"]}
        assert set(answer.headers["accept-post"].split(", ")) == of_query | {UPDATE["Content-Type"]}
        assert {"Accept-Query", "Accept-Post"} <= set(answer.headers["access-control-expose-headers"].split(", "))


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", None),
        ("gzip, identity;q=0", "gzip"),
        ("br;q=0.5, *;q=0", "br"),
        ("gzip, identity;q=0.1, *;q=0", None),
        ("*;q=0", None),
        ("deflate, identity;q=0", None),
    ],
)
def test_a_short_answer_is_compressed_only_if_it_has_to_be(server: str, accepted: str, coding: str | None) -> None:
    """For clients that refuse it otherwise (RFC 9110, section 12.5.3), on whatever way it comes."""
    with httpx.Client(base_url=server, headers={"Accept-Encoding": accepted}) as client:
        for number in range(12):
            answer = client.get("/sparql", params={"query": f"ASK {{ VALUES ?x {{ {number % 6} }} }}"})
            assert (answer.headers.get("content-encoding"), answer.json()["boolean"]) == (coding, True)
        assert client.get("/healthz").headers.get("content-encoding") == coding
