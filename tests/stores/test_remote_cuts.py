"""An engine that misbehaves: each kind of cut, refusal and silence is an error, and none a short answer."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from waiting import wait_until

from kgraph.errors import QueryFailedError, QuerySyntaxError, QueryTimeoutError, StoreBusyError, StoreError
from kgraph.formats import CSV, JSON_RESULTS, N_TRIPLES, TSV, TURTLE, Format
from kgraph.settings import Settings
from kgraph.store.base import Query
from kgraph.store.remote import RemoteLimits, RemoteStore
from kgraph.store.remote.dialects import VIRTUOSO
from kgraph.vocabulary import GRAPHS

SELECT, ASK, CONSTRUCT = "SELECT ?s { ?s ?p ?o }", "ASK {}", "CONSTRUCT WHERE { ?s ?p ?o }"
ROW = '{"s":{"type":"uri","value":"http://e/s"}}'
TABLE = f'{{"head":{{"vars":["s"]}},"results":{{"bindings":[{ROW},{ROW}]}}}}'.encode()
TRIPLE = b"<http://e/s> <http://e/p> <http://e/o> .\n"
JSON_TYPE, NT_TYPE = JSON_RESULTS.media_type, N_TRIPLES.media_type

OWN = tuple(GRAPHS + name for name in ("authority", "inferred", "report", "shapes"))

Script = Callable[[socket.socket], None]
Serve = Callable[[Settings, Path], AbstractContextManager[str]]


class Engine:
    """A server on loopback that lists its graphs and answers each other request as it is told."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}/sparql"
        self.script: Script = lambda connection: None
        self.graphs: tuple[str, ...] = ("http://elsewhere.example/", *OWN)
        self.requests: list[tuple[str, dict[str, list[str]]]] = []
        self.sent = 0
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Stop listening."""
        self._ended.set()
        self._listening.close()

    @property
    def queries(self) -> list[str]:
        """The texts of the queries that came, without those for the list of graphs."""
        return [form["query"][0] for _, form in self.requests if "GROUP BY ?g" not in form["query"][0]]

    def flood(self, connection: socket.socket, part: bytes) -> None:
        """Send the same again and again as fast as it is taken."""
        while not self._ended.is_set():
            connection.sendall(part)
            self.sent += len(part)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while request := _read_request(connection):
                self.requests.append(request)
                if "GROUP BY ?g" in request[1]["query"][0]:
                    connection.sendall(whole(listing(self.graphs)))
                    continue
                self.script(connection)
                return


def _read_request(connection: socket.socket) -> tuple[str, dict[str, list[str]]] | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head.decode(), parse_qs(body.decode())


def whole(body: bytes, kind: str = JSON_TYPE, *extra: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Return a response with a length, the true one unless another is given."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*lines, *extra, "", ""]).encode() + body


def listing(graphs: tuple[str, ...]) -> bytes:
    """Return a table of graphs of three statements each."""
    rows = [{"g": {"type": "uri", "value": graph}, "n": {"type": "literal", "value": "3"}} for graph in graphs]
    return json.dumps({"head": {"vars": ["g", "n"]}, "results": {"bindings": rows}}).encode()


def chunked(*parts: bytes, kind: str = JSON_TYPE, ended: bool = True) -> bytes:
    """Return a response in chunks, with the last one or without."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + (b"0\r\n\r\n" if ended else b"")


def until_closed(body: bytes, kind: str = JSON_TYPE) -> bytes:
    """Return a response that ends with its connection."""
    return f"HTTP/1.0 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode() + body


def sends(response: bytes) -> Script:
    """Return a script that sends a response and hangs up."""
    return lambda connection: connection.sendall(response)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine that can be told what to do."""
    running = Engine()
    yield running
    running.close()


@pytest.fixture
def store(engine: Engine) -> Iterator[RemoteStore]:
    """A store that asks it and has little patience."""
    opened = RemoteStore(engine.address, limits=RemoteLimits(connections=2, timeout=0.5, patience=0.5))
    yield opened
    opened.close()


CUTS = {
    "a length that is not reached": (SELECT, JSON_RESULTS, whole(TABLE, length=len(TABLE) + 1)),
    "chunks without the last": (SELECT, JSON_RESULTS, chunked(TABLE, ended=False)),
    "a table that is not closed": (SELECT, JSON_RESULTS, whole(TABLE[:-2])),
    "a table cut in a row": (SELECT, CSV, whole(TABLE[:-20])),
    "a table in chunks that is not closed": (SELECT, TSV, chunked(TABLE[:-1])),
    "a table until the connection closed": (SELECT, JSON_RESULTS, until_closed(TABLE[:-3])),
    "words after the rows": (SELECT, JSON_RESULTS, chunked(TABLE[:-3] + b"Error: time is up")),
    "words after the end": (SELECT, JSON_RESULTS, whole(TABLE + b'{"error":"time is up"}')),
    "a truth value that is not closed": (ASK, JSON_RESULTS, whole(b'{"head":{},"boolean":true')),
    "a truth value cut by the connection": (ASK, CSV, whole(b'{"head":{},"boolean":true}', length=40)),
    "a truth value in chunks without the last": (ASK, CSV, chunked(b'{"head":{},"boolean":true}', ended=False)),
    "no body": (SELECT, JSON_RESULTS, whole(b"")),
    "a statement cut within": (CONSTRUCT, TURTLE, whole(TRIPLE + TRIPLE[:-4], NT_TYPE)),
    "a graph cut between statements": (CONSTRUCT, TURTLE, whole(TRIPLE, NT_TYPE, length=2 * len(TRIPLE))),
    "a graph in chunks without the last": (CONSTRUCT, N_TRIPLES, chunked(TRIPLE, kind=NT_TYPE, ended=False)),
    "a graph that ends with its connection": (CONSTRUCT, N_TRIPLES, until_closed(TRIPLE, NT_TYPE)),
    "a part by its time": (SELECT, JSON_RESULTS, whole(TABLE, JSON_TYPE, "X-SQL-State: S1TAT")),
    "a part by another limit": (
        SELECT,
        JSON_RESULTS,
        whole(TABLE, JSON_TYPE, "X-SQL-State: 42000", "X-SQL-Message: no"),
    ),
    "a part by the number of rows": (SELECT, JSON_RESULTS, whole(TABLE, JSON_TYPE, "X-SPARQL-MaxRows: 2")),
    "a page in place of an answer": (SELECT, JSON_RESULTS, whole(b"<html>", "text/html")),
    "a table in place of a graph": (CONSTRUCT, TURTLE, whole(TABLE)),
    "nothing but an end": (SELECT, JSON_RESULTS, b""),
    "what is not HTTP": (SELECT, JSON_RESULTS, b"hello\r\n\r\n"),
}


@pytest.mark.parametrize(("text", "format", "response"), CUTS.values(), ids=[name.replace(" ", "-") for name in CUTS])
def test_a_cut_answer_is_an_error(
    engine: Engine, store: RemoteStore, text: str, format: Format, response: bytes
) -> None:
    """No answer is given, and the next query is answered."""
    engine.script = sends(response)
    with pytest.raises(StoreError):
        store.query(Query(text), format)
    engine.script = sends(whole(TABLE))
    assert store.query(Query(SELECT), CSV).read() == b"s\r\nhttp://e/s\r\nhttp://e/s\r\n"


@pytest.mark.parametrize("response", [whole(TABLE), chunked(TABLE[:9], TABLE[9:]), until_closed(TABLE)])
def test_a_whole_answer_is_none(engine: Engine, store: RemoteStore, response: bytes) -> None:
    """A table tells its own end, however it is sent."""
    engine.script = sends(response)
    assert store.query(Query(SELECT), CSV).read() == b"s\r\nhttp://e/s\r\nhttp://e/s\r\n"


def test_a_cut_in_the_middle_raises_while_reading(engine: Engine, store: RemoteStore) -> None:
    """What came before is given, and then the error, not the end."""
    rows = ",".join([ROW] * 20_000).encode()
    engine.script = sends(chunked(b'{"head":{"vars":["s"]},"results":{"bindings":[' + rows, ended=False))
    answer = store.query(Query(SELECT), JSON_RESULTS)
    assert answer.length is None
    chunks = iter(answer.chunks)
    assert next(chunks).startswith(b'{"head"')
    with pytest.raises(QueryFailedError, match="cut"):
        list(chunks)


def test_memory_is_bounded_while_nobody_reads(engine: Engine, store: RemoteStore) -> None:
    """The engine is held back as soon as a few chunks are ahead; giving up ends it."""

    def endless(connection: socket.socket) -> None:
        head = b"HTTP/1.0 200 OK\r\nContent-Type: application/sparql-results+json\r\n\r\n"
        connection.sendall(head + b'{"head":{"vars":["s"]},"results":{"bindings":[' + ROW.encode())
        engine.flood(connection, ("," + ROW).encode() * 100)

    engine.script = endless
    answer = store.query(Query(SELECT, timeout=0.5), JSON_RESULTS)
    assert next(iter(answer.chunks))
    before = -1
    while engine.sent != before:
        before = engine.sent
        time.sleep(0.2)
    assert engine.sent < 32_000_000
    answer.close()
    engine.script = sends(whole(b'{"head":{},"boolean":true}'))
    assert store.query(Query(ASK), CSV).read() == b"true"


def test_the_server_passes_a_cut_on(engine: Engine, serve: Serve, repository: Path) -> None:
    """Before the first chunk as a problem with its status, afterwards as a connection that breaks."""
    settings = Settings(remote_query_address=engine.address)
    with serve(settings, repository) as base, httpx.Client(base_url=base, timeout=60) as client:
        engine.script = sends(whole(TABLE[:-2]))
        answer = client.get("/sparql", params={"query": SELECT}, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (500, "query-failed")
        rows = ",".join([ROW] * 20_000).encode()
        engine.script = sends(chunked(b'{"head":{"vars":["s"]},"results":{"bindings":[' + rows, ended=False))
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/sparql", params={"query": SELECT})


def nested(levels: int, format: Format, text: str = "o") -> bytes:
    """Return an answer with one triple term of so many levels, and a text, with its escapes, in the innermost."""
    if format is N_TRIPLES:
        return f'<s:s> <p:p> {"<<( <s:s> <p:p> " * levels}"{text}"{" )>>" * levels} .\n'.encode()
    uri = '{"type":"uri","value":"p:p"}'
    opening = f'{{"type":"triple","value":{{"subject":{uri},"predicate":{uri},"object":'
    term = f'{opening * levels}{{"type":"literal","value":"{text}"}}{"}}" * levels}'
    return f'{{"head":{{"vars":["s"]}},"results":{{"bindings":[{{"s":{term}}}]}}}}'.encode()


BRACKETS = '}]{[(<<( \\\\\\" ' * 20


@pytest.mark.parametrize(("text", "carrier"), [(SELECT, JSON_RESULTS), (CONSTRUCT, N_TRIPLES)])
def test_terms_that_nest_too_deep_are_an_error_and_no_crash(
    engine: Engine, store: RemoteStore, text: str, carrier: Format
) -> None:
    """A reader that calls itself for each level would end the process; what is in a string is no level."""
    kind = carrier.media_type
    for levels in (200, 200_000):
        body = nested(levels, carrier)
        parts = [body[start : start + 1000] for start in range(0, len(body), 1000)]
        for response in (whole(body, kind), chunked(*parts, kind=kind)):
            engine.script = sends(response)
            with pytest.raises(QueryFailedError, match="nest too deep"):
                store.query(Query(text), carrier)
    body = nested(12, carrier, BRACKETS)
    for size in (1, 2, 3, len(body)):
        parts = [body[start : start + size] for start in range(0, len(body), size)]
        engine.script = sends(chunked(*parts, kind=kind))
        assert BRACKETS.encode() in store.query(Query(text), carrier).read()


def test_the_server_survives_an_answer_that_nests_too_deep(engine: Engine, serve: Serve, repository: Path) -> None:
    """The client gets a problem, and the next query an answer."""
    with serve(Settings(remote_query_address=engine.address), repository) as base:
        engine.script = sends(whole(nested(200_000, JSON_RESULTS)))
        answer = httpx.get(f"{base}/sparql", params={"query": SELECT}, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (500, "query-failed")
        engine.script = sends(whole(TABLE))
        assert httpx.get(f"{base}/sparql", params={"query": SELECT}, timeout=60).status_code == 200


REFUSALS = {
    "400 Bad Request": (QuerySyntaxError, b"error at 3:14: expected something"),
    "401 Unauthorized": (QueryFailedError, b""),
    "404 Not Found": (QueryFailedError, b"nothing here"),
    "408 Request Timeout": (QueryTimeoutError, b""),
    "429 Too Many Requests": (StoreBusyError, b""),
    "500 Internal Server Error": (QueryFailedError, b"broken"),
    "500 SPARQL Request Failed": (QueryTimeoutError, b"Virtuoso S1T00 Error SR171: Transaction timed out"),
    "503 Service Unavailable": (StoreBusyError, b""),
    "500 Given Up": (QueryTimeoutError, b"The SPARQL operation has been cancelled"),
    "504 Gateway Timeout": (QueryTimeoutError, b""),
}


@pytest.mark.parametrize(
    ("status", "expected"), REFUSALS.items(), ids=[status.replace(" ", "-") for status in REFUSALS]
)
def test_a_refusal_is_the_error_that_it_means(
    engine: Engine, store: RemoteStore, status: str, expected: tuple[type[Exception], bytes]
) -> None:
    """Each status has its meaning, and what the engine says is told."""
    kind, reason = expected
    engine.script = sends(whole(reason, "text/plain", status=status))
    with pytest.raises(kind) as caught:
        store.query(Query(SELECT), CSV)
    if isinstance(caught.value, QuerySyntaxError):
        assert (caught.value.line, caught.value.column) == (3, 14)


def test_no_redirect_is_followed(engine: Engine, store: RemoteStore) -> None:
    """What is asked, and the credentials, go to the one address only."""
    other = Engine()
    engine.script = sends(whole(b"", "text/plain", f"Location: {other.address}", status="307 Temporary Redirect"))
    with pytest.raises(QueryFailedError, match="does not follow"):
        store.query(Query(SELECT), CSV)
    assert other.requests == []
    other.close()


def test_no_proxy_is_taken_from_the_environment(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is reached directly, with the credentials that were given and no others."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    store = RemoteStore(engine.address, authorization="Bearer abc")
    store.close()
    assert "authorization: bearer abc" in engine.requests[0][0].lower()


@pytest.mark.parametrize("part", [b"", b" "], ids=["silence", "dribble"])
def test_an_engine_that_never_ends_is_cut(engine: Engine, store: RemoteStore, part: bytes) -> None:
    """Also one that sends a byte now and then."""
    ended = threading.Event()

    def dribble(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/sparql-results+json\r\n\r\n" if part else b"")
        with contextlib.suppress(OSError):
            while not ended.wait(0.05):
                connection.sendall(part)

    engine.script = dribble
    with pytest.raises(QueryTimeoutError) as caught:
        store.query(Query(SELECT), CSV)
    assert caught.value.seconds == 0.5
    ended.set()


def test_all_connections_may_be_in_use(engine: Engine, store: RemoteStore) -> None:
    """Then a query that waits too long is told so."""
    ended = threading.Event()
    engine.script = lambda connection: bool(ended.wait(5)) and None
    busy = [threading.Thread(target=_ignore, args=(store, Query(SELECT, timeout=0.5))) for _ in range(2)]
    limits = RemoteLimits(connections=1, timeout=3.0, patience=0.1)
    other = RemoteStore(engine.address, limits=limits)
    holder = threading.Thread(target=_ignore, args=(other, Query(SELECT)))
    for thread in (*busy, holder):
        thread.start()
    assert wait_until(lambda: len(engine.queries) == 3)
    with pytest.raises(StoreBusyError):
        other.query(Query(SELECT), CSV)
    ended.set()
    for thread in (*busy, holder):
        thread.join()
    other.close()


def _ignore(store: RemoteStore, query: Query) -> None:
    with contextlib.suppress(StoreError):
        store.query(query, CSV)


def test_a_kept_connection_that_was_closed_is_made_again(engine: Engine, store: RemoteStore) -> None:
    """The query is asked once more, on a fresh one; a fresh one that fails is an error."""
    hung_up: list[bool] = []

    def once(connection: socket.socket) -> None:
        if not hung_up:
            hung_up.append(True)
            return
        connection.sendall(whole(TABLE))

    engine.script = once
    assert store.query(Query(SELECT), CSV).read()
    assert len(engine.queries) == 2


def test_an_engine_that_is_not_there_is_named() -> None:
    """Opening says that it cannot be reached."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(QueryFailedError, match="cannot be reached"):
        RemoteStore(f"http://127.0.0.1:{port}/sparql")


def test_a_closed_store_answers_nothing(engine: Engine) -> None:
    """Closing ends what runs, and closing again does no harm."""
    store = RemoteStore(engine.address, limits=RemoteLimits(timeout=20.0))
    engine.script = lambda connection: bool(connection.recv(1)) and None
    running = threading.Thread(target=_ignore, args=(store, Query(SELECT)))
    running.start()
    assert wait_until(lambda: bool(engine.queries))
    store.close()
    running.join(60)
    assert not running.is_alive()
    with pytest.raises(QueryFailedError, match="closed"):
        store.query(Query(SELECT), CSV)
    store.close()


def test_what_is_sent_names_graphs_of_the_store_only(engine: Engine, store: RemoteStore) -> None:
    """Dataset clauses leave the text; an unknown graph is never named to the engine, which might fetch it."""
    engine.script = sends(whole(TABLE))
    text = f"SELECT ?s FROM <http://elsewhere.example/> FROM <{GRAPHS}report> {{ ?s ?p ?o }}"
    store.query(Query(text, (("http://elsewhere.example/", GRAPHS + "report"), ())), CSV).read()
    _, form = engine.requests[-1]
    assert form["default-graph-uri"] == [GRAPHS + "report"]
    assert form["named-graph-uri"] == [GRAPHS + "none"]
    assert "elsewhere" not in json.dumps(form)


@pytest.mark.parametrize(
    ("dataset", "default", "named"),
    [
        (None, ("authority", "report"), ("authority", "inferred", "report", "shapes")),
        (((GRAPHS + "asserted",), ()), ("authority", "report"), ("none",)),
        (((GRAPHS + "all",), (GRAPHS + "shapes",)), ("authority", "report", "inferred"), ("shapes",)),
        (((GRAPHS + "shapes", GRAPHS + "shapes"), ()), ("shapes",), ("none",)),
        (((), (GRAPHS + "asserted",)), ("none",), ("none",)),
    ],
)
def test_the_dataset_is_made_of_the_graphs_that_the_engine_holds(
    engine: Engine,
    store: RemoteStore,
    dataset: tuple[tuple[str, ...], tuple[str, ...]] | None,
    default: tuple[str, ...],
    named: tuple[str, ...],
) -> None:
    """The default graph is the union of the asserted ones; others of the engine's graphs are not part of it."""
    engine.script = sends(whole(TABLE))
    store.query(Query(SELECT, dataset), CSV).read()
    _, form = engine.requests[-1]
    assert form["default-graph-uri"] == [GRAPHS + name for name in default]
    assert form["named-graph-uri"] == [GRAPHS + name for name in named]


def test_a_union_that_the_engine_keeps_is_the_default_graph(engine: Engine) -> None:
    """It is named in place of its parts, and is none of the dataset's named graphs."""
    engine.graphs = (*OWN, GRAPHS + "asserted")
    engine.script = sends(whole(TABLE))
    with closing(RemoteStore(engine.address)) as store:
        assert set(store.graphs()) == set(OWN)
        store.query(Query(SELECT, ((GRAPHS + "all",), ())), CSV).read()
    assert engine.requests[-1][1]["default-graph-uri"] == [GRAPHS + "asserted", GRAPHS + "inferred"]


def test_a_graph_that_comes_later_is_seen(engine: Engine) -> None:
    """The list is asked for anew when it is old, while queries go on with the one there is."""
    with closing(RemoteStore(engine.address, limits=RemoteLimits(graphs_age=0.0))) as store:
        assert GRAPHS + "links" not in store.graphs()
        engine.graphs = (*OWN, GRAPHS + "links")
        assert wait_until(lambda: GRAPHS + "links" in store.graphs())


@pytest.mark.parametrize("term", ["_:b", "<a:a> . <b:b>", '"x" } #', "?y", ""])
def test_what_is_no_term_is_not_sent(engine: Engine, store: RemoteStore, term: str) -> None:
    """A value is one RDF term or it is refused; blank nodes have no names elsewhere."""
    with pytest.raises(QueryFailedError):
        store.query(Query("SELECT ?x {}", substitutions={"x": term}), CSV)
    assert engine.queries == []


def test_a_graph_that_is_cut_without_a_word_is_noticed(engine: Engine) -> None:
    """Where an engine cuts graphs silently the rows behind the graph are asked for first."""
    store = RemoteStore(engine.address, VIRTUOSO, RemoteLimits(timeout=2.0))
    engine.script = sends(whole(TABLE, JSON_TYPE, "X-SPARQL-MaxRows: 2"))
    with pytest.raises(QueryFailedError, match="2 rows"):
        store.query(Query(CONSTRUCT), TURTLE)
    assert "SELECT (1 AS ?kgraph_row)" in engine.queries[-1]
    store.close()


def test_a_repair_holds_across_the_parts_of_an_answer(engine: Engine) -> None:
    """Wherever the network cuts Virtuoso's JSON, and not in a text that looks the same."""
    body = (
        b'{ "head": { "vars": ["s", "o"] }, "results": { "bindings": [ '
        b'{ "s": { "type": "bnode", "value": "nodeID://b1" }, '
        b'"o": { "type": "typed-literal", "datatype": "http://www.w3.org/2001/XMLSchema#boolean", "value": "0" } }, '
        b'{ "o": { "type": "literal", "value": "\\"type\\": \\"bnode\\", \\"value\\": \\"nodeID://b1" } } ] } }'
    )
    engine.script = sends(chunked(*(body[start : start + 7] for start in range(0, len(body), 7))))
    store = RemoteStore(engine.address, VIRTUOSO, RemoteLimits(timeout=5.0))
    expected = '?s\t?o\n_:b1\tfalse\n\t"\\"type\\": \\"bnode\\", \\"value\\": \\"nodeID://b1"\n'
    assert store.query(Query("SELECT ?s ?o { ?s ?p ?o }"), TSV).read().decode() == expected
    store.close()
