"""The endpoint over HTTP, as an expert tries it in ten minutes."""

from __future__ import annotations

import csv
import http.client
import io
import json
import socket
import time
import urllib.parse
from collections.abc import Iterator

import httpx
import pytest

from kgraph.vocabulary import PREFIXES

ASK = "ASK {}"
ONE = "SELECT ?title WHERE { ?s <http://purl.org/dc/terms/title> ?title } ORDER BY ?title"
COUNT = "SELECT (COUNT(*) AS ?c) { ?s ?p ?o }"
DESCRIBE = "DESCRIBE <https://w3id.org/inkludering/id/goal/meet>"
ENDLESS = "SELECT (COUNT(*) AS ?count) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o }"
JSON = "application/sparql-results+json"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DIRECT = {"Content-Type": "application/sparql-query"}
PROBLEM = {"Accept": "application/problem+json, */*;q=0.5", "Accept-Language": "en"}


@pytest.fixture
def client(server: str) -> Iterator[httpx.Client]:
    """A client of the server, without an Accept header of its own."""
    with httpx.Client(base_url=server, timeout=30) as opened:
        del opened.headers["accept"]
        yield opened


def ask(client: httpx.Client, query: str, accept: str | None = None, **params: str) -> httpx.Response:
    """Send a query by GET."""
    return client.get("/sparql", params={"query": query, **params}, headers={"Accept": accept} if accept else {})


def test_get_without_accept_answers_json(client: httpx.Client) -> None:
    """The default of results is JSON, whose head names the variables."""
    answer = ask(client, ONE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    assert answer.json()["head"]["vars"] == ["title"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (DIRECT, ONE.encode()),
        ({"Content-Type": "application/sparql-query; charset=utf-8"}, ONE.encode()),
        (FORM, urllib.parse.urlencode({"query": ONE}).encode()),
    ],
)
def test_both_kinds_of_post_answer_as_get_does(client: httpx.Client, headers: dict[str, str], body: bytes) -> None:
    """The bytes are the same, however the query is sent."""
    answer = client.post("/sparql", content=body, headers=headers)
    assert answer.content == ask(client, ONE).content
    assert client.request("QUERY", "/sparql", content=ONE.encode(), headers=DIRECT).content == answer.content


def test_a_form_is_decoded_once(client: httpx.Client) -> None:
    """Percent signs and plus signs of the query come through."""
    body = urllib.parse.urlencode({"query": 'SELECT ("a%41b+c" AS ?x) ("ø" AS ?y) {}'})
    row = client.post("/sparql", content=body, headers=FORM).json()["results"]["bindings"][0]
    assert (row["x"]["value"], row["y"]["value"]) == ("a%41b+c", "ø")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
def test_an_unknown_type_of_body_is_415_with_what_would_do(client: httpx.Client, headers: dict[str, str]) -> None:
    """And the server lives on."""
    answer = client.post("/sparql", content=b"ASK {}", headers=headers)
    assert answer.status_code == 415
    assert "application/sparql-query" in answer.headers["accept-post"]
    assert ask(client, ASK).status_code == 200


@pytest.mark.parametrize(
    ("query", "code", "line", "columns"),
    [
        ("SELECT * WHERE { ?s ?p }", "query-unexpected", 1, (24, 24)),
        ("SELECT *\nWHERE { ?s e:p ?o }", "query-undeclared-prefix", 2, (12, 12)),
        ("SELECT * { ?s ?p ?o } LIMIT x", "query-unexpected", 1, (29, 29)),
        ("SELECT * { ?s ?p ?o FILTER(?x = ) }", "query-unexpected", 1, (33, 33)),
        ("SELECT ?x", "query-ends-early", 1, (10, 10)),
        ("SELCT * {}", "query-unexpected", 1, (1, 1)),
    ],
)
def test_a_syntax_error_is_400_with_line_and_column(
    client: httpx.Client, query: str, code: str, line: int, columns: tuple[int, int]
) -> None:
    """The place is exact, and the body is a problem document with a stable code."""
    answer = client.get("/sparql", params={"query": query}, headers=PROBLEM)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert problem["type"] == f"https://w3id.org/inkludering/problem/{code}"
    assert (problem["status"], problem["line"]) == (400, line)
    assert columns[0] <= problem["column"] <= columns[1]


def test_a_problem_is_text_for_clients_that_accept_no_document(client: httpx.Client) -> None:
    """It says the same, prefix and place included, in the language of the client."""
    answer = client.get("/sparql", params={"query": "ASK { ?s ink:a ?o }"}, headers={"Accept": JSON})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "ink:" in answer.text
    assert "linje" not in answer.text.lower() or "1" in answer.text
    texts = {
        language: client.get(
            "/sparql", params={"query": "ASK {"}, headers={"Accept": "text/plain", "Accept-Language": language}
        ).text
        for language in ("nn", "nb", "en")
    }
    assert len(set(texts.values())) == 3


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/sparql?query=ASK{}&query=ASK{}", 400),
        ("/sparql?query=ASK{}&update=DROP+ALL", 405),
        ("/sparql?update=DROP+ALL", 405),
        ("/sparql?query=INSERT+DATA+{}", 400),
        ("/sparql?query=%FF", 400),
    ],
)
def test_a_request_that_breaks_a_rule_runs_nothing(client: httpx.Client, target: str, status: int) -> None:
    """Repeated and mixed parameters, and updates by GET, are refused."""
    assert client.get(target).status_code == status


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/sparql-update"}, "DROP ALL"),
        (FORM, "update=DROP+ALL"),
    ],
)
def test_an_update_is_refused_and_changes_nothing(client: httpx.Client, headers: dict[str, str], body: str) -> None:
    """The server is read-only and says so."""
    before = ask(client, COUNT).content
    answer = client.post("/sparql", content=body, headers={**headers, **PROBLEM})
    assert (answer.status_code, answer.json()["code"]) == (403, "read-only")
    assert ask(client, COUNT).content == before


@pytest.mark.parametrize(
    ("params", "people"),
    [
        ({}, "2"),
        ({"default-graph-uri": PREFIXES["graph"] + "authority"}, "1"),
        ({"default-graph-uri": "http://nope.example/g"}, "0"),
        ({"named-graph-uri": PREFIXES["graph"] + "authority"}, "0"),
    ],
)
def test_the_protocol_names_the_dataset_and_overrides_from(
    client: httpx.Client, params: dict[str, str], people: str
) -> None:
    """Graphs come from the store alone: an unknown one is empty."""
    pattern = f"{{ ?person a <{PREFIXES['ink']}Person> }}"
    answer = ask(client, f"SELECT (COUNT(*) AS ?c) {pattern}", "text/csv", **params)
    assert answer.text == f"c\r\n{people}\r\n"
    if params:
        overridden = ask(client, f"SELECT (COUNT(*) AS ?c) FROM <http://e/> {pattern}", "text/csv", **params)
        assert overridden.text == answer.text


def test_several_default_graphs_are_one_set(client: httpx.Client) -> None:
    """A statement that stands in two of them counts once."""
    graphs = [("default-graph-uri", PREFIXES["graph"] + name) for name in ("report", "authority")]
    query = f"SELECT (COUNT(*) AS ?c) {{ ?person a <{PREFIXES['ink']}Person> }}"
    answer = client.get("/sparql", params=[("query", query), *graphs], headers={"Accept": "text/csv"})
    assert answer.text == "c\r\n2\r\n"


@pytest.mark.parametrize(
    ("query", "accept", "content_type"),
    [
        (ONE, f"text/csv;q=0.1, application/sparql-results+xml;q=0.9, {JSON};q=0", "application/sparql-results+xml"),
        (ONE, "*/*", JSON),
        (ONE, "application/*", JSON),
        (ONE, "application/json", JSON),
        (ONE, "application/xml", "application/sparql-results+xml"),
        (ONE, f"{JSON};charset=utf-8;x=1", JSON),
        (
            ONE,
            "text/turtle, application/rdf+xml, application/sparql-results+xml;q=0.1",
            "application/sparql-results+xml",
        ),
        (ONE, "text/csv", "text/csv; charset=utf-8"),
        (ONE, "text/tab-separated-values", "text/tab-separated-values; charset=utf-8"),
        (ASK, "text/csv", "text/csv; charset=utf-8"),
        (DESCRIBE, "*/*", "text/turtle; charset=utf-8"),
        (DESCRIBE, "application/n-triples", "application/n-triples"),
        (DESCRIBE, "application/n-quads", "application/n-quads"),
        (DESCRIBE, "application/trig", "application/trig"),
        (DESCRIBE, "application/rdf+xml", "application/rdf+xml"),
        (DESCRIBE, "application/ld+json", "application/ld+json"),
    ],
)
def test_the_format_is_negotiated(client: httpx.Client, query: str, accept: str, content_type: str) -> None:
    """Weights, wildcards and aliases are understood, and the label is the body's."""
    answer = ask(client, query, accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    assert "Accept" in answer.headers["vary"]


@pytest.mark.parametrize(("query", "accept"), [(ONE, "application/pdf"), (DESCRIBE, JSON), (ONE, "text/turtle")])
def test_a_format_that_does_not_exist_is_406_with_those_that_do(client: httpx.Client, query: str, accept: str) -> None:
    """The list is of formats for this form of query."""
    answer = ask(client, query, accept)
    assert answer.status_code == 406
    assert ("text/turtle" if query == DESCRIBE else JSON) in answer.text


def test_csv_is_read_back_whole(client: httpx.Client) -> None:
    """Quotes, commas, line breaks and letters beyond ASCII survive."""
    rows = list(csv.reader(io.StringIO(ask(client, ONE, "text/csv").text, newline="")))
    assert ['Étude, "A"\nog meir'] in rows


def test_describe_is_turtle_with_the_prefixes_of_the_dataset(client: httpx.Client) -> None:
    """What is written is short."""
    assert "goal:meet a ink:Goal" in ask(client, DESCRIBE).text


def test_the_service_describes_itself(client: httpx.Client) -> None:
    """GET without a query gives endpoint, formats, features and graphs with their sizes."""
    answer = client.get("/sparql", headers={"Accept": "text/turtle"})
    assert answer.headers["content-type"] == "text/turtle; charset=utf-8"
    for part in ("sd:endpoint", "sd:UnionDefaultGraph", "SPARQL_Results_CSV", "graph:authority", "void:triples"):
        assert part in answer.text
    assert client.get("/sparql").headers["content-type"].startswith("text/turtle")
    assert client.get("/sparql", headers={"Accept": "application/ld+json"}).json()


def test_a_browser_gets_the_page_and_with_a_query_its_answer(client: httpx.Client) -> None:
    """Programs at the same address are unaffected."""
    page = client.get("/sparql", headers=BROWSER)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<textarea" in page.text
    run = client.get("/sparql", params={"query": ONE}, headers=BROWSER)
    assert "<table>" in run.text and "Oversyn over øyane" in run.text and "ORDER BY ?title</textarea>" in run.text


def test_head_is_get_without_a_body(client: httpx.Client) -> None:
    """All headers that tell of the answer are the same."""
    got, head = ask(client, ONE), client.head("/sparql", params={"query": ONE})
    assert head.content == b""
    for name in ("content-type", "content-length", "etag", "vary", "cache-control"):
        assert head.headers[name] == got.headers[name]


def test_a_preflight_is_answered(client: httpx.Client) -> None:
    """Pages of other sites may ask, with the headers they need."""
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    answer = client.options("/sparql", headers={**asked, "Access-Control-Request-Headers": "content-type"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "Content-Type" in answer.headers["access-control-allow-headers"]
    assert int(answer.headers["access-control-max-age"]) > 0


@pytest.mark.parametrize("query", [ONE, "SELECT", ENDLESS])
def test_other_sites_may_read_answers_and_errors(client: httpx.Client, query: str) -> None:
    """The header stands on 200, 400 and 503 alike."""
    answer = ask(client, query)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "ETag" in answer.headers["access-control-expose-headers"]


def test_an_unknown_method_is_405_with_those_that_are_known(client: httpx.Client) -> None:
    """Allow is complete."""
    answer = client.patch("/sparql")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST, QUERY, OPTIONS"


def test_an_answer_that_is_held_is_not_sent_again(client: httpx.Client) -> None:
    """The ETag depends on revision, query, dataset and format."""
    answer = ask(client, ONE)
    tag = answer.headers["etag"]
    assert tag.startswith('W/"') and answer.headers["kgraph-revision"] in tag
    again = client.get("/sparql", params={"query": ONE}, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    others = [
        ask(client, ONE, "text/csv"),
        ask(client, ONE + " LIMIT 1"),
        ask(client, ONE, **{"default-graph-uri": "http://e/"}),
    ]
    assert len({tag, *(other.headers["etag"] for other in others)}) == 4
    assert "etag" not in ask(client, "SELECT (NOW() AS ?t) {}").headers


def test_a_query_out_of_time_is_503_and_others_are_answered(client: httpx.Client) -> None:
    """The problem has a code of its own and no Retry-After, since trying again would not help."""
    answer = client.get("/sparql", params={"query": ENDLESS, "timeout": "0.3"}, headers=PROBLEM)
    assert (answer.status_code, answer.json()["code"]) == (503, "query-timeout")
    assert "retry-after" not in answer.headers
    assert ask(client, ASK).json()["boolean"] is True


def test_a_client_that_leaves_gives_its_place_back(client: httpx.Client, server: str) -> None:
    """More abandoned queries than there are places do not keep others waiting."""
    host, port = server.removeprefix("http://").split(":")
    target = "/sparql?" + urllib.parse.urlencode({"query": ENDLESS})
    for _ in range(12):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            # Some leave when their query has begun, others before it is read.
            time.sleep(0.02)
    assert ask(client, ASK).status_code == 200


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT * { SERVICE <http://127.0.0.1/> {} }", "service-refused"),
        ("SELECT * { \\u0053ERVICE SILENT <http://169.254.169.254/> {} }", "service-refused"),
        ("LOAD <file:///etc/passwd>", "update-as-query"),
        ("ASK { FILTER(" + "(" * 3000 + "1" + ")" * 3000 + ") }", "query-too-deep"),
    ],
)
def test_what_is_dangerous_is_refused_with_a_clear_message(client: httpx.Client, query: str, code: str) -> None:
    """Nothing is called, nothing dies."""
    answer = client.post("/sparql", content=query, headers={**DIRECT, **PROBLEM})
    assert answer.json()["code"] == code
    assert 400 <= answer.status_code < 500


def test_from_fetches_nothing(client: httpx.Client) -> None:
    """A graph that is not in the store is empty, whatever its address answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/data.ttl"
        assert ask(client, f"SELECT (COUNT(*) AS ?c) FROM <{address}> {{ ?s ?p ?o }}", "text/csv").text == "c\r\n0\r\n"
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_sizes_are_limited(client: httpx.Client, server: str) -> None:
    """20 kB in an address is fine, far more is 414 with advice, and a huge body is 413."""
    assert ask(client, ASK + " #" + "x" * 20_000).status_code == 200
    connection = http.client.HTTPConnection(server.removeprefix("http://"))
    connection.request("GET", "/sparql?query=ASK%7B%7D%23" + "x" * 70_000)
    longer = connection.getresponse()
    assert longer.status == 414 and b"POST" in longer.read()
    connection.close()
    assert client.post("/sparql", content=b"ASK {} #" + b"x" * 11_000_000, headers=DIRECT).status_code == 413


@pytest.mark.parametrize("query", ["\ufeffASK {}", "ASK\r\n{}\r\n", "ASK {} # the end", 'VERSION "1.2" ASK {}'])
def test_harmless_oddities_are_accepted(client: httpx.Client, query: str) -> None:
    """Byte-order marks, line ends of Windows and comments at the end are no reason to refuse."""
    assert ask(client, query).json()["boolean"] is True


def test_triple_terms_are_in_json_results(client: httpx.Client) -> None:
    """SPARQL 1.2's triple terms come as the draft of the JSON format has them."""
    row = ask(client, "SELECT (TRIPLE(<http://s>, <http://p>, 1) AS ?t) {}").json()["results"]["bindings"][0]
    assert row["t"]["type"] == "triple"
    assert row["t"]["value"]["predicate"]["value"] == "http://p"


def test_a_long_answer_is_whole(client: httpx.Client) -> None:
    """All rows come, in chunks, and end as JSON must."""
    count = int(ask(client, COUNT, "text/csv").text.split()[1])
    assert len(json.loads(ask(client, "SELECT * { ?s ?p ?o }").content)["results"]["bindings"]) == count


def test_answers_are_compressed_for_those_who_ask(client: httpx.Client) -> None:
    """And caches are told that the encoding varies."""
    answer = client.get("/sparql", params={"query": "SELECT * { ?s ?p ?o }"}, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["vary"]


def test_the_packaged_dataset_answers(packaged_server: str) -> None:
    """Every class that the start page counts is there, and so is the way from a claim to its page."""
    query = (
        f"SELECT (COUNT(DISTINCT ?claim) AS ?c) {{ ?claim <{PREFIXES['ink']}hasEvidenceLine>/"
        f"<{PREFIXES['ink']}hasLocator>/<{PREFIXES['ink']}page> ?page }}"
    )
    answer = httpx.get(packaged_server + "/sparql", params={"query": query}, headers={"Accept": "text/csv"})
    assert int(answer.text.split()[1]) > 0


def test_requests_one_after_the_other_on_a_connection_are_answered_in_order(server: str) -> None:
    """Whether they come together, in pieces, or while an answer is under way; faults among them as well."""
    host, port = server.removeprefix("http://").split(":")
    head = f"Host: {host}\r\nAccept: text/csv\r\n\r\n"
    queries = [f"SELECT ({number} AS ?n) {{}}" for number in range(12)]
    queries[4] = "SELECT"
    queries[7] = ENDLESS
    targets = ["/sparql?" + urllib.parse.urlencode({"query": query}) for query in queries]
    sent = "".join(f"GET {target} HTTP/1.1\r\n{head}" for target in targets).encode()
    # The first alone, two at once, the rest in pieces that end anywhere.
    first, second = sent.index(b"GET", 1), sent.index(b"GET", sent.index(b"GET", 1) + 200)
    pieces = [sent[:first], sent[first:second]]
    pieces += [sent[start : start + 333] for start in range(second, len(sent), 333)]
    received = b""
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
            # So that pieces do not come as one.
            time.sleep(0.01)
        while received.count(b"HTTP/1.1 ") < len(queries) or not received.endswith(b"n\r\n11\r\n"):
            part = connection.recv(65536)
            assert part, received
            received += part
    answers = received.split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200"] * 4 + [b"400"] + [b"200"] * 2 + [b"503"] + [b"200"] * 4
    for number, answer in enumerate(answers):
        if number not in (4, 7):
            assert answer.endswith(f"\r\n\r\nn\r\n{number}\r\n".encode())


def test_the_short_way_and_the_long_way_give_the_same(client: httpx.Client) -> None:
    """A request with an unusual field of the head is read otherwise; its answer has the same headers and body."""
    for number, accept in enumerate(("text/csv", JSON, "*/*")):
        for coding in ("identity", "gzip", "br"):
            query = f"SELECT * {{ ?s ?p ?o }} LIMIT {300 + number}"
            headers = {"Accept": accept, "Accept-Encoding": coding}
            ask(client, ASK)
            short = client.get("/sparql", params={"query": query}, headers=headers)
            unusual = {**headers, "X-Other": "1", "Cache-Control": "no-cache"}
            long = client.get("/sparql", params={"query": query}, headers=unusual)
            assert short.content == long.content
            ours = {name: value for name, value in short.headers.items() if name not in ("date", "x-request-id")}
            theirs = {name: value for name, value in long.headers.items() if name not in ("date", "x-request-id")}
            assert ours == theirs
