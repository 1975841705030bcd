"""What those who run the server need: a log, figures, limits on clients, and a stop that cuts nothing short."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import brotli
import httpx
import pytest
from waiting import wait_until

from kgraph.languages import text
from kgraph.store.workers import WorkerLimits, WorkerStore, can_isolate
from kgraph.web.problems import STATUSES

Serve = Callable[..., contextlib.AbstractContextManager[str]]

ASK = "ASK {}"
ROWS = "SELECT ?s { ?s ?p ?o } LIMIT 300"
SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
JSON = "application/sparql-results+json"

needs_isolation = pytest.mark.skipif(not can_isolate(), reason="this platform has no isolation")


def ask(address: str, query: str, **headers: str) -> httpx.Response:
    """Send a query by GET."""
    return httpx.get(address + "/sparql", params={"query": query}, headers=headers, timeout=30)


def open_connection(address: str) -> socket.socket:
    """Return a connection to a server."""
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the connection ends in whatever way."""
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            received += part
    return bytes(received)


@pytest.fixture(scope="module")
def plain(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server without settings of its own, and the file of its log."""
    path = tmp_path_factory.mktemp("plain") / "log"
    with serve(log_file=str(path)) as address:
        yield address, path


@pytest.fixture
def logged(plain: tuple[str, Path]) -> tuple[str, Callable[[int], list[dict[str, object]]]]:
    """A server, and a function that waits for so many lines of its log about a test's requests and returns them."""
    address, path = plain

    def read() -> list[dict[str, object]]:
        told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(True) if line.endswith("\n")]
        return [line for line in told if line["event"] == "request"]

    # The lines of the tests before are there when the one of this request is.
    mark = ask(address, ASK).headers["x-request-id"]
    assert wait_until(lambda: any(line["id"] == mark for line in read()))
    before = len(read())

    def lines(count: int) -> list[dict[str, object]]:
        assert wait_until(lambda: len(read()) - before >= count)
        return read()[before:]

    return address, lines


Logged = tuple[str, Callable[[int], list[dict[str, object]]]]


def test_each_request_is_a_line_of_the_log(logged: Logged) -> None:
    """With id, hash of the query, form, rows, duration and outcome, and without the query or a token."""
    address, lines = logged
    secret = {"Authorization": "Bearer verysecret"}
    answer = ask(address, f"{ROWS} # personal", Accept="text/csv", **secret)
    ask(address, "SELECT * { ?s ?p }")
    httpx.get(address + "/nothing")
    first, second, third = lines(3)
    assert first["id"] == answer.headers["x-request-id"]
    assert (first["method"], first["path"], first["status"], first["outcome"]) == ("GET", "/sparql", 200, "ok")
    assert (first["form"], first["rows"], first["bytes"], first["cache"]) == (
        "SELECT",
        300,
        int(answer.headers["content-length"]),
        False,
    )
    assert re.fullmatch("[0-9a-f]{16}", str(first["query"])) and first["revision"] == 1
    assert 0 < float(str(first["seconds"])) < 30
    assert (second["status"], second["outcome"]) == (400, "query-unexpected")
    assert (third["path"], third["status"], third["outcome"]) == ("/nothing", 404, "not-found")
    assert "personal" not in json.dumps([first, second, third])
    assert "verysecret" not in json.dumps([first, second, third])


@pytest.mark.parametrize(
    ("accept", "query", "rows"),
    [
        (JSON, ROWS, 300),
        (JSON, "SELECT * { ?s <urn:nothing> ?o }", 0),
        (JSON, "SELECT ('}},{\"a\":{' AS ?x) {}", 1),
        (JSON, "SELECT * { VALUES (?x ?y) { ('},{' 1) ('}},{'@en '},{') (UNDEF '},{') } }", 3),
        (JSON, "VERSION '1.2' SELECT (<<( <a:s> <a:p> '},{' )>> AS ?t) ?n { VALUES ?n { 1 UNDEF 3 } }", 3),
        (JSON, f"SELECT ?s ('}},{{' AS ?text) {{ {ROWS.partition('{')[2]}", 300),
        ("application/sparql-results+xml", ROWS, 300),
        ("text/tab-separated-values", ROWS, 300),
        ("application/n-triples", "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o } LIMIT 70", 70),
        (JSON, ASK, None),
    ],
)
def test_rows_are_counted(logged: Logged, accept: str, query: str, rows: int | None) -> None:
    """In each format that shows them."""
    address, lines = logged
    assert ask(address, query, Accept=accept).status_code == 200
    assert lines(1)[0]["rows"] == rows


def test_a_request_keeps_its_id(plain: tuple[str, Path]) -> None:
    """One that is sound; any other is replaced."""
    address, _ = plain
    assert ask(address, ASK, **{"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    for odd in ('a"b', "a b", "x" * 200):
        assert ask(address, ASK, **{"X-Request-Id": odd}).headers["x-request-id"] != odd
    ids = [ask(address, ASK).headers["x-request-id"] for _ in range(4)]
    assert len(set(ids)) == 4


@pytest.mark.parametrize(("level", "expected"), [("info", 2), ("warning", 0)])
def test_the_log_may_be_text_and_less(serve: Serve, tmp_path: Path, level: str, expected: int) -> None:
    """By its settings."""
    path = tmp_path / "log"
    with serve(log_file=str(path), log_format="text", log_level=level) as address:
        ask(address, ASK)
        ask(address, "ASK {")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if " request " in line]
    assert len(lines) == expected
    assert all("status=" in line and "{" not in line for line in lines)


def test_no_address_makes_a_line_of_the_log_of_its_own(serve: Serve, tmp_path: Path) -> None:
    """What could be taken for another line, another value or a command to the terminal is quoted."""
    path = tmp_path / "log"
    with serve(log_file=str(path), log_format="text", trusted_proxies="127.0.0.1") as address:
        httpx.get(address + "/odd%0A2030-01-01T00:00:00+00:00%20info%20request%20status=200%1B%5B31m%C2%85")
        ask(address, ASK, **{"X-Forwarded-For": 'fe80::1%x" status=200'})
        ask(address, ASK, **{"X-Forwarded-For": "192.0.2.1"})
    text = path.read_text(encoding="utf-8")
    odd, zoned, named = [line for line in text.splitlines() if " request " in line]
    assert r'path="/odd\n2030-01-01T00:00:00+00:00 info request status=200\u001b[31m\u0085" status=404' in odd
    assert " client=127.0.0.1 " in zoned
    assert " client=192.0.2.1 " in named
    assert "\x1b" not in text


@needs_isolation
def test_the_figures_count_what_was_answered(serve: Serve) -> None:
    """By outcome, with durations, cache, places, revision and memory, as Prometheus reads them."""
    with serve() as address:
        ask(address, ASK)
        ask(address, ASK)
        ask(address, "SELECT ?x")
        answer = httpx.get(address + "/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        for line in (
            'kgraph_requests_total{outcome="ok",place="sparql",status="200"} 2.0',
            'kgraph_requests_total{outcome="query-ends-early",place="sparql",status="400"} 1.0',
            'kgraph_request_seconds_count{place="sparql"} 3.0',
            "kgraph_cache_hits_total 1.0",
            "kgraph_revision 1.0",
            "kgraph_places 4.0",
            "# TYPE kgraph_request_seconds histogram",
        ):
            assert line in answer.text


@needs_isolation
def test_ready_means_that_queries_are_answered(serve: Serve, tiny_home: Path, tmp_path: Path) -> None:
    """503 when they are not, while the process lives."""
    home = tmp_path / "home"
    shutil.copytree(tiny_home, home)
    store = WorkerStore(home, WorkerLimits(places=1))
    with serve(store) as address:
        assert httpx.get(address + "/healthz").text == "ok\n"
        assert httpx.get(address + "/readyz").text.startswith("ready, revision 1-")
        # The process with the data dies, and the files are no longer those that its revision is made of.
        (home / "data" / "ttl" / "report" / "more.ttl").write_text("<urn:s> <urn:p> 1 .\n", encoding="utf-8")
        os.kill(store.zygote_pid, signal.SIGKILL)
        refused = httpx.get(address + "/readyz", timeout=30)
        while refused.status_code == 200:
            refused = httpx.get(address + "/readyz", timeout=30)
        assert (refused.status_code, refused.json()["code"]) == (503, "not-ready")
        assert httpx.get(address + "/healthz").status_code == 200


def test_an_answer_is_given_again_and_asked_anew_on_request(logged: Logged) -> None:
    """The same bytes; no-cache goes to the engine, and what changes each time is never kept."""
    address, lines = logged
    with httpx.Client(base_url=address) as client:
        query = {"query": f"{ROWS} # given again"}
        answers = [client.get("/sparql", params=query) for _ in range(4)]
        assert len({answer.content for answer in answers}) == 1
        names = ("content-type", "etag", "vary", "kgraph-revision", "cache-control", "link")
        assert len({tuple(answer.headers[name] for name in names) for answer in answers}) == 1
        client.get("/sparql", params=query, headers={"Cache-Control": "no-cache"})
        times = {client.get("/sparql", params={"query": "SELECT (RAND() AS ?x) {}"}).content for _ in range(3)}
        assert len(times) == 3
    kept = [line["cache"] for line in lines(8)]
    # A process that the connection is lent to has answers of its own to keep.
    assert kept[:2] == [False, True]
    assert any(kept[2:4])
    assert kept[4:] == [False, False, False, False]


def test_a_cache_of_nothing_keeps_nothing(serve: Serve) -> None:
    """Answers are the same all the same."""
    with serve(cache_mib=0) as address:
        assert ask(address, ROWS).content == ask(address, ROWS).content
        if can_isolate():
            assert "kgraph_cache_hits_total 0.0" in httpx.get(address + "/metrics").text


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("br, gzip", "br"),
        ("gzip, br;q=0.5", "gzip"),
        ("gzip;q=0.2, identity", ""),
        ("*", "br"),
        ("br;q=0, *;q=0.1", "gzip"),
        ("deflate", ""),
        ("", ""),
    ],
)
def test_the_coding_is_negotiated(plain: tuple[str, Path], accepted: str, coding: str) -> None:
    """The first answer, one from the cache and one that is repeated have the same bytes, and HEAD the same headers."""
    address, query = plain[0], {"query": f"{ROWS} # for {accepted}"}
    with httpx.Client(base_url=address, headers={"Accept-Encoding": accepted}) as client:
        uncoded = ask(address, f"{ROWS} # other", **{"Accept-Encoding": "identity"}).content
        for _ in range(3):
            with client.stream("GET", "/sparql", params=query) as answer:
                body = b"".join(answer.iter_raw())
            assert answer.headers.get("content-encoding", "") == coding
            assert answer.headers["vary"] == "Accept, Accept-Encoding"
            assert int(answer.headers["content-length"]) == len(body)
            assert {"br": brotli.decompress, "gzip": gzip.decompress}.get(coding, bytes)(body) == uncoded
        head = client.head("/sparql", params=query)
        assert head.headers.get("content-encoding", "") == coding
        assert head.headers["etag"] == answer.headers["etag"]
        assert "content-encoding" not in client.get("/sparql", params={"query": ASK}).headers


def test_other_hosts_are_refused_if_the_hosts_are_known(serve: Serve) -> None:
    """421, save for probes."""
    with serve(hosts="kgraph.example, *.example.org") as address:
        for host, status in (
            ("kgraph.example", 200),
            ("KGRAPH.example:8000", 200),
            ("a.example.org", 200),
            ("example.com", 421),
            ("kgraph.example.evil.com", 421),
        ):
            assert ask(address, ASK, Host=host).status_code == status
        assert httpx.get(address + "/healthz").status_code == 200


def test_only_known_origins_may_read_if_they_are_named(serve: Serve) -> None:
    """The answer names the origin that asked, if it is one of them."""
    with serve(cors_origins="https://a.example https://b.example") as address:
        for _ in range(2):
            answer = ask(address, ASK, Origin="https://b.example")
            assert answer.headers["access-control-allow-origin"] == "https://b.example"
            assert "Origin" in answer.headers["vary"]
            assert "access-control-allow-origin" not in ask(address, ASK, Origin="https://c.example").headers
            assert "access-control-allow-origin" not in ask(address, ASK).headers


def test_a_client_may_ask_only_so_often(serve: Serve) -> None:
    """429 with the time to wait, also for what is in the cache; another client is not held back."""
    with serve(rate_limit=0.2, rate_burst=3, trusted_proxies="127.0.0.0/8") as address:
        statuses = [ask(address, ASK).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        refused = ask(address, ASK, Accept="application/problem+json")
        assert refused.json()["code"] == "rate-limited"
        assert 1 <= int(refused.headers["retry-after"]) <= 6
        assert ask(address, ASK, **{"X-Forwarded-For": "192.0.2.1"}).status_code == 200
        assert ask(address, ASK, **{"X-Forwarded-For": "192.0.2.1, 127.0.0.9"}).status_code == 200
        assert httpx.get(address + "/healthz").status_code == 200
    with serve(rate_limit=0.2, rate_burst=1) as address:
        assert ask(address, ASK, **{"X-Forwarded-For": "192.0.2.1"}).status_code == 200
        assert ask(address, ASK, **{"X-Forwarded-For": "192.0.2.2"}).status_code == 429


@needs_isolation
@pytest.mark.parametrize("query", [SLOW, "SELECT ?a ?d { ?a ?b ?c . ?d ?e ?f }", "SELECT ?a { ?a ?b }"])
def test_a_query_that_does_not_end_at_once_is_one_request(serve: Serve, query: str) -> None:
    """Slow, long or faulty: it is not counted again when it turns out so."""
    with serve(rate_limit=0.001, rate_burst=3, query_timeout=1.0) as address:
        assert ask(address, ASK).status_code == 200
        with httpx.stream("GET", address + "/sparql", params={"query": query}, timeout=30) as answer:
            assert answer.status_code != 429
        assert ask(address, ASK).status_code == 200
        assert ask(address, ASK).status_code == 429


@needs_isolation
def test_one_client_may_have_only_so_many_queries_at_once(serve: Serve) -> None:
    """The next gets 429; another client is answered."""
    with serve(client_queries=1, query_timeout=60.0, trusted_proxies="127.0.0.1") as address:
        with open_connection(address) as slow:
            target = "/sparql?" + urllib.parse.urlencode({"query": SLOW})
            slow.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert wait_until(lambda: ask(address, ASK).status_code == 429)
            refused = ask(address, ASK)
            assert (refused.status_code, refused.json()["code"]) == (429, "too-many-of-client")
            assert "retry-after" in refused.headers
            assert ask(address, ASK, **{"X-Forwarded-For": "192.0.2.1"}).status_code == 200
        assert wait_until(lambda: ask(address, ASK).status_code == 200)


def test_a_head_or_body_that_dribbles_is_given_up(serve: Serve) -> None:
    """So is a connection on which nothing is said; a sound one is served meanwhile."""
    with serve(head_timeout=0.5, body_timeout=0.7) as address:
        silent, head, body = (open_connection(address) for _ in range(3))
        head.sendall(b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: a\r\n")
        body.sendall(b"POST /sparql HTTP/1.1\r\nHost: a\r\nContent-Type: application/sparql-query\r\n")
        body.sendall(b"Content-Length: 6\r\n\r\nASK")
        assert ask(address, ASK).status_code == 200
        # A line now and then, each well within the time that the whole head has.
        while not select.select([head], [], [], 0.2)[0]:
            head.sendall(b"X: y\r\n")
        assert read_all(head).startswith(b"HTTP/1.1 408 ")
        assert read_all(silent) == b""
        assert read_all(body).startswith(b"HTTP/1.1 408 ")
        for connection in (silent, head, body):
            connection.close()


def test_a_body_has_a_time_of_its_own(serve: Serve) -> None:
    """A head that came at once leaves the body all its seconds, on a new connection too."""
    with serve(head_timeout=0.3, body_timeout=20.0) as address:
        body = open_connection(address)
        body.sendall(b"POST /sparql HTTP/1.1\r\nHost: a\r\nConnection: close\r\n")
        body.sendall(b"Content-Type: application/sparql-query\r\nContent-Length: 6\r\n\r\nASK")
        # Longer than a head may take: that is what is promised.
        time.sleep(0.8)
        body.sendall(b" {}")
        assert read_all(body).startswith(b"HTTP/1.1 200 ")
        body.close()


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "bad-request"),
        (b"GET /" + b"x" * 80_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "address-too-long"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n", 431, "head-too-large"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_code(
    plain: tuple[str, Path], sent: bytes, status: int, code: str
) -> None:
    """And the connection ends; the answer has an id as every other."""
    address, _ = plain
    connection = open_connection(address)
    with contextlib.suppress(OSError):
        connection.sendall(sent)
    received = read_all(connection)
    connection.close()
    if received:
        assert received.startswith(f"HTTP/1.1 {status} ".encode())
        assert re.search(rb"(?i)\r\nX-Request-Id: [0-9a-f]+-[0-9a-f]+\r\n", received)
        assert b"\r\naccess-control-allow-origin: *\r\n" in received
        assert json.loads(received.partition(b"\r\n\r\n")[2])["code"] == code
    else:
        assert status == 431
    assert ask(address, ASK).status_code == 200


def test_what_is_refused_early_is_told_in_the_language_of_the_reader(serve: Serve) -> None:
    """As far as the head had come: its language, the form that is accepted, the origin that may read it."""
    head = b"POST /sparql HTTP/1.1\r\nHost: a\r\nAccept-Language: en\r\nOrigin: https://a.example\r\n"
    head += b"Accept: text/plain\r\nContent-Type: application/sparql-query\r\nContent-Length: 6\r\n\r\nASK"
    with serve(body_timeout=0.2, cors_origins="https://a.example") as address:
        connection = open_connection(address)
        connection.sendall(head)
        answer, _, body = read_all(connection).partition(b"\r\n\r\n")
        connection.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"\r\naccess-control-allow-origin: https://a.example\r\n" in answer
    assert b"\r\ncontent-type: text/plain; charset=utf-8\r\n" in answer
    assert body.decode().splitlines()[0] == text("problem.request-timeout.title", "en")


@pytest.mark.parametrize("path", ["/sparql", "/graphs", "/query", "/catalogue", "/.well-known/void", "/healthz"])
def test_a_slash_too_much_leads_to_the_address_without_it(plain: tuple[str, Path], path: str) -> None:
    """308 keeps method, body and parameters."""
    address, _ = plain
    sent = {"query": "ASK { ?s ?p 'a&b' }"}
    answer = httpx.get(f"{address}{path}/", params=sent)
    if path == "/graphs":
        assert answer.status_code == 200
        return
    assert answer.status_code == 308
    assert answer.headers["location"] == f"{path}?{httpx.QueryParams(sent)}"
    if path == "/sparql":
        posted = httpx.post(f"{address}/sparql/", data=sent, follow_redirects=True)
        assert (posted.status_code, posted.json()["boolean"]) == (200, False)
    assert httpx.get(f"{address}/nothing/").status_code == 404


def test_no_answer_offers_ranges(plain: tuple[str, Path]) -> None:
    """A request for a part is answered with the whole, and every answer says so."""
    address, _ = plain
    for path in ("/", "/sparql?query=ASK{}", "/graphs", "/healthz", "/nothing"):
        answer = httpx.get(f"{address}{path}", headers={"Range": "bytes=0-1"})
        assert answer.status_code != 206
        assert answer.headers["accept-ranges"] == "none"


def test_connections_are_limited(serve: Serve) -> None:
    """The one too many is told so, with the time to wait."""
    with serve(max_connections=3) as address:
        held = [open_connection(address) for _ in range(3)]
        refused = open_connection(address)
        received = read_all(refused)
        assert received.startswith(b"HTTP/1.1 503 ")
        assert b"too-many-connections" in received and b"Retry-After" in received
        for connection in (*held, refused):
            connection.close()

        def is_answered() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return ask(address, ASK).status_code == 200
            return False

        assert wait_until(is_answered)


def test_the_address_of_each_code_leads_to_its_meaning(plain: tuple[str, Path]) -> None:
    """As a document, as text, as a page in the reader's language."""
    with httpx.Client(base_url=plain[0]) as client:
        for code, status in STATUSES.items():
            document = client.get(f"/problem/{code}", headers={"Accept": "application/problem+json"})
            assert (document.status_code, document.json()["code"], document.json()["status"]) == (200, code, status)
        page = client.get("/problem/busy", headers={"Accept": "text/html", "Accept-Language": "nb"})
        assert page.headers["content-type"].startswith("text/html") and "Tjeneren har for mye" in page.text
        assert "Too many queries" in client.get("/problem/busy?lang=en", headers={"Accept": "text/plain"}).text
        assert client.get("/problem/no-such-code").status_code == 404


@needs_isolation
def test_a_stop_lets_running_answers_end(tiny_home: Path) -> None:
    """No further connection is taken, and the answer that was under way is whole."""
    with process(tiny_home, KGRAPH_QUERY_TIMEOUT="20") as (served, address):
        long = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f FILTER(STR(?a) < STR(?d)) }"
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(ask(address, long)))
        asking.start()
        figure = "\nkgraph_slow_queries 1.0\n"
        assert wait_until(lambda: figure in httpx.get(address + "/metrics").text)
        served.send_signal(signal.SIGTERM)
        asking.join()
        assert answers[0].status_code in (200, 503)
        assert answers[0].json()
        assert served.wait(timeout=20) == 0
        with pytest.raises(httpx.ConnectError):
            ask(address, ASK)


@needs_isolation
def test_a_stop_does_not_wait_for_ever(tiny_home: Path) -> None:
    """What has not ended in time is cut, so that no client can take it for whole."""
    with process(tiny_home, KGRAPH_SHUTDOWN_TIMEOUT="1", KGRAPH_QUERY_TIMEOUT="60") as (served, address):
        connection = open_connection(address)
        target = "/sparql?" + urllib.parse.urlencode({"query": "SELECT * { ?a ?b ?c . ?d ?e ?f }"})
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        received = connection.recv(1000)
        served.send_signal(signal.SIGTERM)
        received += read_all(connection)
        connection.close()
        assert received.startswith(b"HTTP/1.1 200 OK") and not received.endswith(b"0\r\n\r\n")
        assert served.wait(timeout=20) == 0


@contextlib.contextmanager
def process(home: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``kgraph serve`` and give the process and its address."""
    command = [sys.executable, "-m", "kgraph", "serve", "--port", "0", "--home", str(home)]
    variables = {**os.environ, "KGRAPH_LOG_LEVEL": "error", **environment}
    served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables)
    try:
        assert served.stdout is not None
        yield served, served.stdout.readline().rsplit(" ", 1)[1].strip()
    finally:
        served.kill()
        served.wait()
        assert served.stdout is not None
        served.stdout.close()
