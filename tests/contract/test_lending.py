"""Connections are lent to the processes that have the data; who asks sees nothing of it but the speed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from waiting import slow_answer, slow_query

from kgraph.access import Role, create_token
from kgraph.store.workers import can_isolate

pytestmark = pytest.mark.skipif(not can_isolate(), reason="this platform has no isolation")

Serve = Callable[..., contextlib.AbstractContextManager[str]]

QUICK = "ASK { <urn:a%d> ?b ?c }"
PATIENCE = 30.0


class Line:
    """A connection, asked by hand so that every byte of it is seen."""

    def __init__(self, address: str, source: str = "127.0.0.1") -> None:
        """Connect to a server, as the client at an address of this machine."""
        self.address = address
        host, port = address.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), PATIENCE, (source, 0))
        self._rest = b""
        self._number = 0

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def receive(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, fields and body of the next answer."""
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        while len(self._rest) < int(fields["content-length"]):
            self._more()
        size = int(fields["content-length"])
        body, self._rest = self._rest[:size], self._rest[size:]
        return int(first.split()[1]), fields, body

    def ask(self, query: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Ask a query by GET."""
        self.send(request(query, **headers))
        return self.receive()

    def be_lent(self) -> None:
        """Ask until the connection is lent, which depends on how quick the machine is just now."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for _ in range(20):
                self._number += 1
                assert self.ask(QUICK % self._number)[0] == 200
            if measured(self.address, "kgraph_connections_lent") >= 1:
                return
        pytest.fail("no connection was lent")

    def _more(self) -> None:
        data = self.socket.recv(65536)
        assert data, "the server closed the connection"
        self._rest += data


def request(query: str, **headers: str) -> bytes:
    """Return a plain request by GET."""
    fields = {"Host": "127.0.0.1", "Accept": "text/csv", **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"GET /sparql?query={quote(query, safe='')} HTTP/1.1\r\n{lines}\r\n".encode()


def busy(kind: int) -> str:
    """Return a query that goes on for ever; those of different kinds differ in more than a resource or a page."""
    return "SELECT (COUNT(*) AS ?n) { " + " . ".join(f"?a{n} ?b{n} ?c{n}" for n in range(6 + kind)) + " }"


def measured(address: str, name: str) -> float:
    """Return a figure of the server's."""
    lines = httpx.get(address + "/metrics").text.splitlines()
    return float(next((line.split()[1] for line in lines if line.split()[0] == name), 0))


def borrowers() -> list[int]:
    """Return the processes that connections of servers in this process are lent to.

    They are the ones below us that hold a pipe, for their lines of the log.
    """
    found = []
    for process in _below(os.getpid()):
        with contextlib.suppress(OSError):
            held = [os.readlink(link) for link in Path(f"/proc/{process}/fd").iterdir()]
            if any(name.startswith("anon_inode:[eventpoll]") for name in held) and len(held) > 1:
                command = Path(f"/proc/{process}/cmdline").read_bytes()
                found += [process] if b"kgraph.store.zygote" in command else []
    return found


def _below(process: int) -> Iterator[int]:
    for task in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in map(int, (task / "children").read_text(encoding="ascii").split()):
                yield child
                yield from _below(child)


@pytest.fixture
def line(serve: Serve) -> Iterator[Line]:
    """A connection that is lent, to a server of its own."""
    with serve() as address:
        line = Line(address)
        line.be_lent()
        yield line
        line.socket.close()


def test_answers_are_the_same_byte_for_byte(serve: Serve) -> None:
    """All but the date and the id of the request is as it is where nothing is lent."""
    queries = [
        "SELECT * { ?s ?p ?o FILTER (!ISBLANK(?s) && !ISBLANK(?o)) } ORDER BY ?s ?p ?o",
        "SELECT ?s { ?s a <urn:nothing> }",
        "ASK { ?s ?p ?o }",
        "PREFIX ink: <https://w3id.org/inkludering/ont#> SELECT (COUNT(*) AS ?n) { ?s ink:noSuchTerm ?o }",
        "SELECT * { broken",
        "SELECT (CONCAT('å', ?x) AS ?y) { VALUES ?x { 'a+b' 'c%20d' } }",
        "SELECT (<urn:f>(?x) AS ?y) { VALUES ?x { 1 } }",
        "PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> SELECT (xsd:string(?x) AS ?y) { VALUES ?x { 1 } }",
    ]
    heads = [
        {"Accept": accept, "Accept_Encoding": coding}
        for accept in ("text/csv", "application/sparql-results+json", "application/sparql-results+xml")
        for coding in ("identity", "br", "gzip")
    ]
    told = {}
    for number in (0, 2):
        with serve(borrowers=number) as address:
            line = Line(address)
            if number:
                line.be_lent()
            answers = told[number] = []
            for head in heads:
                for query in [*queries, *queries]:
                    status, fields, body = line.ask(query, **head)
                    kept = {name: value for name, value in fields.items() if name not in ("date", "x-request-id")}
                    answers.append((status, kept, body))
            line.socket.close()
    assert len(told[2]) == len(heads) * 2 * len(queries)
    for lent, own in zip(told[2], told[0], strict=True):
        assert lent == own


def test_whatever_is_not_plain_is_answered_on_the_same_connection(line: Line) -> None:
    """Requests of other kinds, in pieces, or several at once: each gets its answer, in order."""
    form = b"query=ASK%20%7B%7D"
    post = b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    plain = request("ASK { ?a ?b ?c }")
    for sent, statuses in (
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", [200]),
        (post + b"Content-Length: %d\r\n\r\n" % len(form) + form, [200]),
        (plain + plain + plain, [200, 200, 200]),
        (b"GET /nothing-here HTTP/1.1\r\nHost: x\r\n\r\n" + plain, [404, 200]),
        (request("SELECT * { ?s ?p"), [400]),
        (request("ASK { ?a ?b ?c }", Accept="text/nothing"), [406]),
    ):
        line.be_lent()
        line.send(sent)
        assert [line.receive()[0] for _ in statuses] == statuses
    line.be_lent()
    for piece in (plain[:10], plain[10:40], plain[40:]):
        line.send(piece)
        time.sleep(0.05)  # so that they come as pieces
    assert line.receive()[0] == 200


def test_a_client_is_told_what_has_not_changed(line: Line) -> None:
    """An ETag that a borrower gave holds at the server too."""
    query = "SELECT ?s { ?s ?p ?o } LIMIT 3"
    tag = line.ask(query)[1]["etag"]
    line.be_lent()
    with httpx.Client() as client:
        headers = {"If-None-Match": tag, "Accept": "text/csv"}
        again = client.get(line.address + "/sparql", params={"query": query}, headers=headers)
    assert (again.status_code, again.headers["etag"]) == (304, tag)


def test_remarks_come_on_lent_connections_too(line: Line) -> None:
    """A name that is not there is told, be the connection lent or not."""
    query = "PREFIX ink: <https://w3id.org/inkludering/ont#> SELECT * { ?s ink:hasEvidenceLin ?o }"
    assert "hasEvidenceLine" in line.ask(query)[1]["kgraph-notice"]
    row = line.ask("PREFIX ink: <https://w3id.org/inkludering/ont#> SELECT ?f { ?f a ink:Finding } LIMIT 1")[2]
    finding = row.split()[1].decode()
    about = "SELECT ?p {{ <{}> ?p ?o }}"
    assert "kgraph-notice" not in line.ask(about.format(finding))[1]
    assert "unknown-term" in line.ask(about.format(finding + "-of-another-name"))[1]["kgraph-notice"]
    assert "kgraph-notice" not in line.ask(about.format(finding))[1]


def test_a_change_is_seen_at_once(serve: Serve, tmp_path: Path) -> None:
    """Whoever asks after a change is acknowledged is answered from the data that have it."""
    token = create_token(tmp_path, Role.CURATOR)[0]
    with serve(state=str(tmp_path)) as address, httpx.Client(base_url=address) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        lines = [Line(address) for _ in range(3)]
        count = "SELECT (COUNT(*) AS ?n) { ?s <urn:p> ?o }"
        for number in range(1, 9):
            lines[number % 3].be_lent()
            for line in lines:
                assert line.ask(count)[2] == b"n\r\n%d\r\n" % (number - 1)
            done = client.post(
                "/sparql", data={"update": f"INSERT DATA {{ <urn:s> <urn:p> {number} }}"}, timeout=PATIENCE
            )
            assert done.status_code == 200
            for line in lines:
                _, fields, body = line.ask(count)
                assert body == b"n\r\n%d\r\n" % number
                assert fields["kgraph-revision"] == done.headers["kgraph-revision"]
        for line in lines:
            line.socket.close()


def test_a_borrower_that_is_killed_takes_no_request_with_it(serve: Serve) -> None:
    """Requests that have come and those that come later are answered by others."""
    with serve() as address:
        lines = [Line(address) for _ in range(4)]
        for line in lines:
            line.be_lent()
        assert borrowers()
        for number, line in enumerate(lines):
            line.send(request(QUICK % (100 + number)))
        for process in borrowers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for line in lines:
            assert line.receive()[0] == 200
        for line in lines:
            assert line.ask(QUICK % 200)[0] == 200
        for line in lines:
            line.socket.close()


def test_a_borrower_that_is_killed_while_it_answers_leaves_no_answer_that_is_not_whole(serve: Serve) -> None:
    """Who asks gets the answer to what was asked, or sees the connection end."""
    padding = " ".join(f'"{number:04d}{"x" * 60}"' for number in range(9))
    values = f"VALUES ?a {{ {padding} }} VALUES ?b {{ {padding} }}"

    def ask_on(line: Line, end: threading.Event) -> int:
        """Ask until the end, or until the connection is closed; return how many answers came."""
        asked = 0
        while not end.is_set():
            mark = f"m{asked}"
            try:
                body = line.ask(f'SELECT ?m ?a ?b {{ VALUES ?m {{ "{mark}" }} {values} }}')[2]
            except (AssertionError, OSError):
                break
            rows = body.split(b"\r\n")
            assert len(rows) == 83
            assert all(row.startswith(mark.encode() + b",") for row in rows[1:-1])
            asked += 1
        line.socket.close()
        return asked

    with serve() as address, ThreadPoolExecutor(4) as pool:
        for number in range(8):
            # Others than before: nothing is lent to a client whose borrower has just died.
            lines = [Line(address, f"127.0.1.{number}") for _ in range(4)]
            for line in lines:
                line.be_lent()
            end = threading.Event()
            running = [pool.submit(ask_on, line, end) for line in lines]
            time.sleep(0.05 + number / 100)  # at some moment of what they do
            found = borrowers()
            for process in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.2)  # so that they go on after it
            end.set()
            assert found
            assert all(each.result(timeout=PATIENCE) for each in running)


def test_requests_that_take_long_keep_no_other_waiting(serve: Serve) -> None:
    """The connections beside them come back, and if it is another kind each time, their clients are lent nothing."""
    with serve(query_timeout=1.0) as address:
        strike, until = 0, time.monotonic() + 3 * PATIENCE
        while strike < 3 and time.monotonic() < until:
            lines = [Line(address) for _ in range(4)]
            # The slow one last: a connection comes back when nobody has used it for a moment, which may be over before
            # the query is sent; then its borrower is not stuck, and it is tried again.
            for line in reversed(lines):
                line.be_lent()
            slow = lines[0]
            slow.send(request(busy(strike)))
            for number, line in enumerate(lines[1:] * 3):
                began = time.perf_counter()
                assert line.ask(QUICK % number)[0] == 200
                assert time.perf_counter() - began < 1.0
            status, _, body = slow.receive()
            assert (status, b"problem/query-timeout" in body) == (503, True)
            strike = int(measured(address, "kgraph_borrowers_stuck_total"))
            for line in lines:
                line.socket.close()
        assert strike == 3
        line = Line(address)
        for number in range(50):
            assert line.ask(QUICK % number)[0] == 200
        assert measured(address, "kgraph_connections_lent") == 0
        line.socket.close()


def test_a_kind_of_query_that_took_long_is_left_to_the_server(serve: Serve) -> None:
    """Whoever asks such queries between quick ones has connections lent for these."""
    with serve(query_timeout=60.0) as address:
        line = Line(address)
        for number in range(5):
            line.be_lent()
            assert line.ask(slow_query(number))[2] == slow_answer().encode()
        line.be_lent()
        assert measured(address, "kgraph_borrowers_stuck_total") <= 1
        line.socket.close()


def test_every_answer_is_logged_and_counted_once(serve: Serve, tmp_path: Path) -> None:
    """With the client, the time, the rows and an id that no other has."""
    path = tmp_path / "log"
    with serve(log_file=str(path)) as address:
        line = Line(address)
        line.be_lent()
        ids = [line.ask(f"SELECT ?x {{ VALUES ?x {{ 1 2 {number} }} }}")[1]["x-request-id"] for number in range(50)]
        # Kept when it came a second time, so at hand when it comes the third time.
        ids += [line.ask("SELECT ?x { VALUES ?x { 1 2 7 } }")[1]["x-request-id"] for _ in range(2)]
        text = httpx.get(address + "/metrics").text
        counted = re.search(r'kgraph_requests_total\{outcome="ok",place="sparql",status="200"\} ([0-9.]+)', text)
        line.socket.close()
    entries = [json.loads(entry) for entry in path.read_text(encoding="utf-8").splitlines()]
    answered = [entry for entry in entries if entry.get("path") == "/sparql"]
    assert counted is not None
    assert float(counted[1]) == len(answered)
    assert len({entry["id"] for entry in answered}) == len(answered)
    by_id = {entry["id"]: entry for entry in answered}
    for identity in ids:
        entry = by_id[identity]
        assert (entry["rows"], entry["status"], entry["client"], entry["form"]) == (3, 200, "127.0.0.1", "SELECT")
    assert by_id[ids[-1]]["cache"] is True
    assert by_id[ids[-1]]["query"] == by_id[ids[7]]["query"]


def test_answers_that_are_not_read_come_whole_and_in_order(line: Line) -> None:
    """What the connection does not take goes back to the server with it, and is sent when the client reads."""
    names = " ".join(f'"{number:02d}"' for number in range(30))
    padding = "x" * 150
    values = f"VALUES ?a {{ {names} }} VALUES ?b {{ {names} }} BIND ('{padding}' AS ?c)"
    rows = [f"{a:02d},{b:02d},{padding}" for a in range(30) for b in range(30)]
    for number in range(40):
        line.send(request(f'SELECT ?a ?b ?c ?m {{ {values} VALUES ?m {{ "m{number}" }} }}'))
        time.sleep(0.02)  # so that each comes alone
    for number in range(40):
        status, _, body = line.receive()
        assert status == 200
        assert sorted(body.decode().split("\r\n")[1:-1]) == [f"{row},m{number}" for row in rows]


def test_idle_connections_come_back(line: Line) -> None:
    """The server looks after connections that nobody uses."""
    until = time.monotonic() + PATIENCE
    while measured(line.address, "kgraph_connections_lent"):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert line.ask("ASK {}")[0] == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"borrowers": 0},
        {"rate_limit": 100_000.0, "rate_burst": 1000},
        {"trusted_proxies": "127.0.0.1"},
        {"cors_origins": "https://a.example"},
        {"hosts": "127.0.0.1"},
    ],
)
def test_nothing_is_lent_where_requests_must_be_looked_at(serve: Serve, settings: dict[str, object]) -> None:
    """Without borrowers, with a rate for each client, behind proxies, or for certain origins."""
    with serve(**settings) as address:
        line = Line(address)
        for number in range(100):
            assert line.ask(QUICK % number)[0] == 200
        assert measured(address, "kgraph_borrowers") == 0
        line.socket.close()


def test_a_server_that_stops_answers_what_has_come(tiny_home: Path) -> None:
    """Connections that are lent end with an answer or between two, never within one."""
    command = [sys.executable, "-m", "kgraph", "serve", "--home", str(tiny_home), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        lines = [Line(address) for _ in range(4)]
        for line in lines:
            line.be_lent()

        def ask_on(line: Line) -> int:
            for number in range(1_000_000):
                try:
                    line.send(request(QUICK % number))
                    line.receive()
                except (AssertionError, OSError):
                    # Nothing of an answer may have come.
                    assert line._rest == b""
                    return number
            return -1

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(ask_on, line) for line in lines]
            time.sleep(0.3)  # so that all are at it
            process.send_signal(signal.SIGTERM)
            answered = [each.result(timeout=PATIENCE) for each in running]
        assert process.wait(PATIENCE) == 0
        assert min(answered) > 0
        for line in lines:
            line.socket.close()
