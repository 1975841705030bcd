"""Cases 23 to 25: slow queries, writing, and what is dangerous or merely odd."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import time
from urllib.parse import urlencode

import httpx
from conformance.asking import EX, JSON, PROBLEM, QUERY, TURTLE, UPDATE, Server, listening_socket, was_called
from conformance.cases import case
from conformance.cases_asking import EITHER
from waiting import wait_until

SLOW = "SELECT (COUNT(*) AS ?c) { ?a ?b ?c1 . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o . ?q ?r ?t }"
LONG = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
G = f"{EX}graph-of-cases"
INK = "https://w3id.org/inkludering/ont#"


@case(
    23, "a sixfold cross product, `timeout=1`", "503, a code of its own, within seconds", "slow queries end as if whole"
)
def _(server: Server) -> None:
    started = time.monotonic()
    answer = server.ask(SLOW, EITHER, {"timeout": "1"})
    assert (answer.status_code, answer.json()["code"]) == (503, "query-timeout")
    # Generous, since the machine may be slow: a query that goes on to its end takes far longer.
    assert time.monotonic() - started < 15


@case(
    23, "an answer that cannot be completed after it has begun", "the connection breaks", "slow queries end as if whole"
)
def _(server: Server) -> None:
    url = f"{server.address}/sparql?{urlencode({'query': LONG, 'timeout': '2'})}"
    begun = False
    try:
        with httpx.stream("GET", url, headers={"Accept": JSON}, timeout=40) as answer:
            begun = answer.status_code == 200
            for _ in answer.iter_raw(1 << 20):
                pass
            assert answer.status_code == 503
    except httpx.RemoteProtocolError:
        assert begun
    except httpx.ReadTimeout as error:
        raise AssertionError("the answer neither goes on nor breaks off") from error


def begin(server: Server, seconds: float = 0.0) -> socket.socket:
    """Send a slow query, which may take so many seconds, and return the connection; whoever closes it leaves."""
    host, port = server.address.removeprefix("http://").split(":")
    target = "/sparql?" + urlencode({"query": SLOW, **({"timeout": seconds} if seconds else {})})
    connection = socket.create_connection((host, int(port)))
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return connection


@case(23, "`ASK {}` while slow queries run", "answered before they end", "one request at a time")
def _(server: Server) -> None:
    with begin(server, 2 * server.patience) as one, begin(server, 2 * server.patience) as other:
        try:
            answer = httpx.get(f"{server.address}/sparql", params={"query": "ASK {}"}, timeout=server.patience)
        except httpx.ReadTimeout as error:
            raise AssertionError("a small query waits for the slow ones") from error
        assert answer.json()["boolean"] is True
        assert select.select([one, other], [], [], 0)[0] == []


@case(
    23,
    "as many slow queries as one client may have, whose sockets are closed",
    "their places are free again",
    "clients that leave are not seen",
)
def _(server: Server) -> None:
    def status() -> int:
        return server.ask("ASK { BIND(1 AS ?left) }", Cache_Control="no-cache").status_code

    with contextlib.ExitStack() as stack:

        def is_refused() -> bool:
            stack.enter_context(begin(server))
            return status() == 429

        assert wait_until(is_refused, server.patience)
    assert wait_until(lambda: status() == 200, server.patience)


def fresh(server: Server) -> None:
    """Take the graph of these cases away."""
    server.send("DELETE", "/graphs", params={"graph": G}, auth=True)


def write(server: Server, method: str, body: str = "<a> <p> 1 .", kind: str = TURTLE, **headers: str) -> httpx.Response:
    """Send a write to the graph of these cases."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Content-Type": kind, **named}
    return server.send(method, "/graphs", params={"graph": G}, headers=sent, body=body, auth=True)


def read(server: Server, method: str = "GET", accept: str = TURTLE) -> httpx.Response:
    """Read the graph of these cases."""
    return server.send(method, "/graphs", params={"graph": G}, headers={"Accept": accept})


@case(24, "GET of a graph that is not there", "404", "errors are 200")
def _(server: Server) -> None:
    fresh(server)
    assert read(server).status_code == 404


@case(24, "PUT of a new graph, PUT again", "201, then 200 or 204", "every write is 200")
def _(server: Server) -> None:
    fresh(server)
    assert write(server, "PUT").status_code == 201
    assert write(server, "PUT", "<a> <p> 2 .").status_code in (200, 204)
    assert len(server.graph(G)) == 1


@case(24, "POST to `/graphs`", "201 with a `Location` that answers to GET and DELETE", "every write is 200")
def _(server: Server) -> None:
    answer = server.send("POST", "/graphs", headers={"Content-Type": TURTLE}, body="<a> <p> 1 .", auth=True)
    assert answer.status_code == 201
    path = answer.headers["location"].removeprefix(server.address)
    assert server.send("GET", path).status_code == 200
    assert server.send("DELETE", path, auth=True).status_code in (200, 204)


@case(24, "DELETE, DELETE again", "200 or 204, then 404", "errors are 200")
def _(server: Server) -> None:
    write(server, "PUT")
    assert write(server, "DELETE", "").status_code in (200, 204)
    assert write(server, "DELETE", "").status_code == 404


@case(24, "HEAD of a graph", "the headers of GET, no body", "no HEAD")
def _(server: Server) -> None:
    write(server, "PUT")
    got, head = read(server), read(server, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "etag", "content-length"):
        assert head.headers.get(name) == got.headers.get(name)


@case(24, "PUT of broken Turtle", "400 with the place; the graph is as it was", "a broken body empties the graph")
def _(server: Server) -> None:
    write(server, "PUT")
    broken = write(server, "PUT", "<a> <p> 1 .\n<a> <p> oops .")
    assert (broken.status_code, broken.json()["line"]) == (400, 2)
    assert len(server.graph(G)) == 1


@case(24, "`If-Match` with a tag that no longer holds", "412; the graph is as it was", "If-Match is not read")
def _(server: Server) -> None:
    write(server, "PUT")
    tag = read(server).headers["etag"]
    write(server, "PUT", "<a> <p> 2 .")
    before = server.graph(G)
    assert write(server, "PUT", "<a> <p> 3 .", If_Match=tag).status_code == 412
    assert server.graph(G) == before


@case(24, "PATCH with an update", "200 or 204; done to this graph", "no PATCH")
def _(server: Server) -> None:
    write(server, "PUT")
    answer = write(server, "PATCH", f"INSERT DATA {{ <{EX}b> <{EX}p> 3 }}", UPDATE)
    assert answer.status_code in (200, 204)
    assert len(server.graph(G)) == 2


@case(24, "the whole dataset as Turtle", "406, since Turtle has no graphs", "errors are 200")
def _(server: Server) -> None:
    assert server.send("GET", "/graphs", headers={"Accept": TURTLE}).status_code in (400, 406)


@case(
    24,
    "two operations, the second with a fault or refused",
    "nothing of the first is kept",
    "operations count one by one",
)
def _(server: Server) -> None:
    write(server, "PUT")
    first = f"INSERT DATA {{ GRAPH <{G}> {{ <{EX}half> <{EX}p> 1 }} }}"
    for second in ("INSERT DATA { <a:a> <a:b> }", f"CREATE GRAPH <{G}>"):
        assert server.update(f"{first} ; {second}").status_code in (400, 409)
        assert len(server.graph(G)) == 1


@case(24, "writes without a token", "401 with `WWW-Authenticate`", "anybody may write")
def _(server: Server) -> None:
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        answer = server.send(method, "/graphs", params={"graph": G}, headers={"Content-Type": TURTLE}, body="")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert server.post("CLEAR DEFAULT", UPDATE).status_code == 401


@case(24, "a change that breaks a rule of the shapes", "422 with the report; nothing was changed", "errors are 200")
def _(server: Server) -> None:
    write(server, "PUT")
    before = server.graph(G)
    answer = write(server, "PUT", f"<f> a <{INK}Finding> .", Accept=PROBLEM)
    assert answer.status_code == 422
    assert answer.json()["report"]["counts"]["violation"] > 0
    assert server.graph(G) == before


@case(25, "`SERVICE <http://127.0.0.1:…>`", "403 with the place; nothing is called", "calls every address it is given")
def _(server: Server) -> None:
    with listening_socket() as (address, listening):
        answer = server.ask(f"ASK {{ SERVICE <{address}/> {{ ?s ?p ?o }} }}", EITHER)
        assert not was_called(listening)
        assert (answer.status_code, answer.json()["code"]) == (403, "service-refused")


@case(25, "`SERVICE <http://169.254.169.254/…>`, written `\\u0053ERVICE`", "403", "errors are 200")
def _(server: Server) -> None:
    text = "ASK { \\u0053ERVICE SILENT <http://169.254.169.254/latest> {} }"
    assert server.ask(text, EITHER).status_code == 403


@case(
    25,
    "`FROM <http://…>` and `default-graph-uri`",
    "an empty graph; nothing is called",
    "calls every address it is given",
)
def _(server: Server) -> None:
    with listening_socket() as (address, listening):
        for params in ({}, {"default-graph-uri": f"{address}/d.ttl"}):
            rows = server.rows(f"SELECT (COUNT(*) AS ?c) FROM <{address}/d.ttl> {{ ?s ?p ?o }}", params)
            assert rows[0]["c"]["value"] == "0"
        assert not was_called(listening)


@case(
    25,
    "`LOAD <file:///…>` and `LOAD <http://…>`, with a token",
    "403; nothing is read or called",
    "calls every address it is given",
)
def _(server: Server) -> None:
    with listening_socket() as (address, listening):
        for target in ("file:///etc/passwd", f"{address}/d.ttl"):
            assert server.update(f"LOAD SILENT <{target}>").status_code == 403
        assert not was_called(listening)


@case(25, "JSON-LD with a context that lies elsewhere", "400; nothing is called", "calls every address it is given")
def _(server: Server) -> None:
    with listening_socket() as (address, listening):
        body = json.dumps({"@context": f"{address}/c.jsonld", "@id": f"{EX}a", "name": "x"})
        assert write(server, "PUT", body, "application/ld+json").status_code == 400
        assert not was_called(listening)


@case(25, "a body of 11 MB", "413", "errors are 200")
def _(server: Server) -> None:
    assert server.post(b"ASK {} #" + b"x" * 11_000_000, QUERY).status_code == 413


@case(25, "an address of 20 kB; of 70 kB", "answered; 414 that tells to POST", "long addresses are 400")
def _(server: Server) -> None:
    assert server.ask("ASK {} #" + "x" * 20_000).status_code == 200
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"))
    connection.request("GET", "/sparql?query=ASK%7B%7D%23" + "x" * 70_000)
    longer = connection.getresponse()
    assert longer.status == 414
    assert b"POST" in longer.read()


@case(25, "a byte-order mark, CRLF, a comment at the end", "answered", "texts must be neat")
def _(server: Server) -> None:
    for text in ("\ufeffASK {}", "ASK\r\n{}\r\n", "ASK {} # the end"):
        assert server.post(text.encode(), QUERY, JSON).json()["boolean"] is True


@case(25, '`VERSION "1.2"` and a triple term', "the term in JSON", "texts must be neat")
def _(server: Server) -> None:
    text = 'VERSION "1.2" SELECT (TRIPLE(<http://s>, <http://p>, 1) AS ?t) {}'
    row = server.post(text, QUERY, JSON).json()["results"]["bindings"][0]
    assert row["t"]["type"] == "triple"
    assert row["t"]["value"]["predicate"] == {"type": "uri", "value": "http://p"}
