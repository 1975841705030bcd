"""A query that calls another endpoint gives what an engine gives that makes the calls itself."""

from __future__ import annotations

import json

import httpx
import pytest
from closed_network import OTHERS, ClosedNetwork

PREFIXES = (
    "PREFIX : <http://e/> PREFIX ink: <https://w3id.org/inkludering/ont#> "
    "PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
    f"PREFIX there: <{OTHERS}/>\n"
)
SERVICE = f"SERVICE <{OTHERS}/data>"
QUERIES = [
    "SELECT ?s ?l ?n { ?s a ink:Person ; skos:prefLabel ?l . SERVICE_ { ?s :name ?n } }",
    "SELECT * { SERVICE_ { ?s :name ?n } ?s a ink:Person ; skos:prefLabel ?l }",
    "SELECT * { ?s a ink:Person . SERVICE_ { ?s :name ?n } . ?s skos:prefLabel ?l . }",
    "SELECT ?s { SERVICE_ { ?s :knows ?o } }",
    "SELECT (COUNT(*) AS ?n) { SERVICE_ { ?s :knows ?o . { ?x :born ?y } UNION { ?x :knows ?z } } }",
    "SELECT (COUNT(DISTINCT *) AS ?n) { SERVICE_ { ?s :knows ?o } }",
    "SELECT DISTINCT ?s { SERVICE_ { ?s :knows ?o } } ORDER BY DESC(?s) LIMIT 2",
    "SELECT ?s (COUNT(?o) AS ?n) { SERVICE_ { ?s :knows ?o } } GROUP BY ?s HAVING(COUNT(?o) > 1)",
    "SELECT * { SERVICE_ { ?s :knows ?o OPTIONAL { ?s :height ?h } } }",
    "SELECT * { SERVICE_ { ?s :knows ?o OPTIONAL { ?s :nothing ?n } } }",
    "SELECT * { SERVICE_ { ?s :nothing ?o } }",
    "SELECT * { ?s a ink:Person OPTIONAL { SERVICE_ { ?s :nothing ?o } } }",
    "SELECT * { SERVICE_ { :a :knows :b } }",
    "SELECT * { SERVICE_ { :a :knows :a } }",
    "SELECT * { SERVICE_ {} }",
    "SELECT * { SERVICE_ { ?s :knows [ :knows ?o ] } }",
    "SELECT ?n { SERVICE_ { ?s :name ?n FILTER(LANG(?n) = 'en') MINUS { ?s :nothing ?m } } }",
    "SELECT * { SERVICE_ { SELECT ?s (COUNT(?o) AS ?n) { ?s :knows ?o } GROUP BY ?s } }",
    "SELECT * { SERVICE_ { { SELECT * { ?s :knows ?o } VALUES ?v { 1 2 } } BIND(STR(?s) AS ?t) } }",
    "SELECT * { SERVICE_ { ?s ?p ?o FILTER(!ISBLANK(?s) && ISLITERAL(?o)) } }",
    "SELECT * { SERVICE_ { ?s :says|:states|:empty ?o } }",
    "SELECT ?c { SERVICE_ { :a :at ?b . ?b :city ?c } }",
    "SELECT * { ?s a ink:Person OPTIONAL { SERVICE_ { ?s :name ?n } FILTER(LANG(?n) = 'nb') } }",
    "SELECT * { { SERVICE_ { ?s :height ?h } } UNION { ?s a ink:Person } UNION { SERVICE_ { ?s :born ?b } } }",
    "SELECT * { SERVICE_ { ?s :knows ?o } MINUS { SERVICE_ { ?s :height ?h } } }",
    "SELECT * { ?s a ink:Person FILTER EXISTS { SERVICE_ { ?s :name ?n } } }",
    "SELECT * { ?s a ink:Person FILTER NOT EXISTS { SERVICE_ { ?s :name ?n } } }",
    "SELECT * { { SELECT ?s { SERVICE_ { ?s :knows ?o } } } ?s a ink:Person }",
    "SELECT * { SERVICE_ { ?s :knows ?o } SERVICE_ { ?o :knows ?p } BIND(STR(?p) AS ?t) VALUES ?s { :a :b } }",
    "SELECT ?a { SERVICE_ { ?a :knows ?b } SERVICE_ { ?a :knows ?b } }",
    f"SELECT * {{ SERVICE_ {{ ?s :knows ?o . {SERVICE} {{ ?o :height ?h }} }} }}",
    "SELECT * { SERVICE there:data { ?s :height ?h } }",
    "SELECT * { service silent there:data\n# SERVICE <http://x/> {\n{ ?s :name ?n FILTER(?n != 'SERVICE <x> { }') } }",
    'SELECT ?s { VALUES ?x { "SERVICE <http://x/> {" } SERVICE_ { ?s :height ?h } }',
    "ASK { SERVICE_ { :a :knows :b } }",
    "ASK { SERVICE_ { ?s :knows ?o } ?o a ink:Person }",
    "CONSTRUCT { ?s skos:altLabel ?n } { ?s a ink:Person . SERVICE_ { ?s :name ?n } }",
    "DESCRIBE ?s { SERVICE_ { ?s :name ?n } }",
]


def rows_of(text: str) -> tuple[list[str], list[str]]:
    """Return the variables and the rows of an answer, or its truth value, in an order of their own."""
    content = json.loads(text)
    if isinstance(content, list):
        return [], content
    if "boolean" in content:
        return [], [str(content["boolean"])]
    rows = [json.dumps(row, sort_keys=True) for row in content["results"]["bindings"]]
    return sorted(content["head"]["vars"]), sorted(rows)


@pytest.fixture(scope="session")
def local(inside: ClosedNetwork) -> str:
    """The statements of the default graph, in N-Triples."""
    answer = inside.ask("CONSTRUCT WHERE { ?s ?p ?o }", headers={"Accept": "application/n-triples"})
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("query", QUERIES)
def test_a_call_gives_what_the_engine_gives_that_calls_itself(inside: ClosedNetwork, local: str, query: str) -> None:
    """The same rows, each as often, with the same variables."""
    query = PREFIXES + query.replace("SERVICE_", SERVICE)
    answer = inside.ask(query, headers={"Accept": "application/sparql-results+json, application/n-triples;q=0.5"})
    assert answer.status_code == 200, answer.text
    text = answer.text
    if "n-triples" in answer.headers["content-type"]:
        text = json.dumps(sorted(line.removesuffix(" .") for line in text.splitlines()))
    wanted = inside.tell("ask-the-engine", query=query, local=local)
    assert rows_of(text) == rows_of(str(wanted))


def test_queries_of_the_table_have_answers(inside: ClosedNetwork, local: str) -> None:
    """Most of the comparisons are of something: few queries are about what is not there."""
    answers = [
        str(inside.tell("ask-the-engine", query=PREFIXES + q.replace("SERVICE_", SERVICE), local=local))
        for q in QUERIES
    ]
    assert sum(not rows_of(answer)[1] for answer in answers) <= 4


def test_a_function_within_a_call_is_the_other_endpoints(inside: ClosedNetwork) -> None:
    """It is sent as it stands, and nothing is remarked on it; one outside of calls that nobody knows is told."""
    query = f"SELECT ?s {{ {SERVICE} {{ ?s :name ?n FILTER(:there(?n) || true) }} FILTER(!BOUND(?o)) }}"
    inside.received()
    within = inside.ask(PREFIXES + query)
    assert within.status_code == 200 and within.json()["results"]["bindings"]
    assert "kgraph-notice" not in within.headers
    (sent,) = inside.received()
    assert ":there(?n)" in str(sent["query"])
    outside = inside.ask(PREFIXES + query.replace("!BOUND(?o)", ":there(?s)"))
    assert outside.json()["results"]["bindings"] == []
    column = query.index("!BOUND(?o)") + 1
    assert outside.headers["kgraph-notice"] == f'unknown-function; term=":there"; line=2; column={column}'


def test_calls_stand_in_graphs_of_ours(inside: ClosedNetwork) -> None:
    """GRAPH is about our data, SERVICE about theirs."""
    query = f"SELECT ?g ?n {{ GRAPH ?g {{ ?s a ink:Person . {SERVICE} {{ ?s :name ?n }} }} }}"
    rows = inside.ask(PREFIXES + query).json()["results"]["bindings"]
    graphs = [row["g"]["value"].rpartition("/")[2] for row in rows]
    assert sorted(graphs) == ["authority", "authority", "report", "report"]


def test_a_second_kgraph_is_another_endpoint(inside: ClosedNetwork) -> None:
    """Its answer is joined with ours."""
    there = f"<{OTHERS.replace('8080', '8081')}/sparql>"
    query = f"SELECT ?s ?t {{ ?s a ink:Person . SERVICE {there} {{ ?s skos:prefLabel ?t }} }}"
    rows = inside.ask(PREFIXES + query).json()["results"]["bindings"]
    assert sorted(row["t"]["value"] for row in rows) == ["B. Berg", "D. Dal"]


def test_what_is_sent_is_the_pattern_and_no_more(inside: ClosedNetwork) -> None:
    """The prologue, the variables that the rest names, and the pattern; no graph, comment or term of ours."""
    inside.received()
    query = f"""# private
BASE <http://base.example/> PREFIX : <http://e/> PREFIX e: <x/>
SELECT ?s {{ ?s a <secret> . {SERVICE} {{ ?s :knows ?o ; e:y <z> }} }}"""
    assert inside.ask(query, **{"default-graph-uri": "http://e/graph"}).status_code == 200
    (sent,) = inside.received()
    prologue = "BASE <http://base.example/> PREFIX : <http://e/> PREFIX e: <x/>"
    assert sent["query"] == f"{prologue} SELECT ?s WHERE {{ ?s :knows ?o ; e:y <z> }}"
    headers = {str(name).lower() for name in sent["headers"]}  # type: ignore[attr-defined]
    assert not headers & {"authorization", "cookie", "referer", "x-forwarded-for", "x-request-id"}


def test_the_name_of_an_endpoint_is_told_to_the_machine_behind_it(inside: ClosedNetwork) -> None:
    """The connection goes to the address that was looked at, and the head says which name was meant."""
    inside.received()
    answer = inside.ask("ASK { SERVICE <http://data.example.org:8080/data> { ?s ?p ?o } }")
    assert answer.json()["boolean"] is True
    (sent,) = inside.received()
    assert sent["headers"]["Host"] == "data.example.org:8080"  # type: ignore[index]


@pytest.mark.parametrize("name", ["two", "six"])
def test_every_address_of_a_name_is_tried(inside: ClosedNetwork, name: str) -> None:
    """Nobody listens at the first of two; and a name may have an address of IPv6."""
    if name == "six" and not inside.tell("features")["ipv6"]:  # type: ignore[index]
        pytest.skip("this system has no IPv6")
    answer = inside.ask(f"ASK {{ SERVICE <http://{name}.example.org:8080/data> {{ ?s ?p ?o }} }}")
    assert answer.json()["boolean"] is True


def test_the_certificate_must_be_that_of_the_name(inside: ClosedNetwork) -> None:
    """The name is told in the handshake, and another name of the same address does not do."""
    if not inside.tell("features")["tls"]:  # type: ignore[index]
        pytest.skip("no certificate can be made here: there is no openssl")
    inside.received()
    inside.tell("names")
    query = "ASK {{ SERVICE <https://{}.example.org:8443/data> {{ ?s ?p ?o }} }}"
    assert inside.ask(query.format("data")).json()["boolean"] is True
    answer = inside.ask(query.format("alias"))
    assert (answer.status_code, answer.json()["code"]) == (502, "service-unreachable")
    assert "certificate" in answer.json()["detail"].lower()
    assert inside.tell("names") == ["data.example.org", "alias.example.org"]
    assert [request["headers"]["Host"] for request in inside.received()] == ["data.example.org:8443"]  # type: ignore[index]


def test_large_answers_are_put_in_whole(inside: ClosedNetwork) -> None:
    """Ten thousand rows, which make a query longer than a client may send."""
    query = f"SELECT (COUNT(?x) AS ?n) (SUM(STRLEN(?x)) AS ?length) {{ SERVICE <{OTHERS}/many> {{ ?x ?y ?z }} }}"
    (row,) = inside.ask(query).json()["results"]["bindings"]
    assert int(row["n"]["value"]) == 9999
    assert int(row["length"]["value"]) == sum(len(f"{n} ") + 40 for n in range(9999))


def test_an_answer_with_calls_is_never_kept(inside: ClosedNetwork) -> None:
    """It has no ETag, must not be stored, and the endpoint is asked again each time, but once for the same."""
    inside.received()
    query = f"SELECT * {{ {{ {SERVICE} {{ ?s :height ?h }} }} UNION {{ {SERVICE} {{ ?s :height ?h }} }} }}"
    for _ in range(2):
        answer = inside.ask(PREFIXES + query, headers={"If-None-Match": "*"})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert "etag" not in answer.headers
        assert len(answer.json()["results"]["bindings"]) == 2
    assert len(inside.received()) == 2


def test_calls_are_counted(inside: ClosedNetwork) -> None:
    """In the log of requests and in the metrics."""

    def measured(name: str) -> float:
        lines = inside.client().get("/metrics").text.splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(name + " ")))

    calls, failures = measured("kgraph_federation_calls_total"), measured("kgraph_federation_failures_total")
    query = f"ASK {{ {SERVICE} {{ ?s ?p ?o }} SERVICE SILENT <{OTHERS}/html> {{ ?a ?b ?c }} }}"
    identifier = "the-request-that-is-counted"
    assert inside.ask(query, headers={"X-Request-Id": identifier}).status_code == 200
    assert measured("kgraph_federation_calls_total") == calls + 2
    assert measured("kgraph_federation_failures_total") == failures + 1
    assert measured("kgraph_federation_calls_open") == 0
    lines: list[dict[str, object]] = []
    while not lines:
        # Lines are written a moment after the answer.
        lines = [line for line in inside.log() if line.get("id") == identifier]
    assert lines[0]["calls"] == 2


def test_the_description_tells_of_federation(inside: ClosedNetwork) -> None:
    """``sd:BasicFederatedQuery`` is a feature."""
    described = inside.client().get("/sparql", headers={"Accept": "application/n-triples"}).text
    assert "sparql-service-description#BasicFederatedQuery>" in described


def page(inside: ClosedNetwork, query: str) -> httpx.Response:
    """Return the page with a query's answer."""
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    return inside.client().get("/sparql", params={"query": query}, headers=headers)


def test_the_query_page_makes_calls_too(inside: ClosedNetwork) -> None:
    """It shows the rows, what was passed over, and where a call failed."""
    shown = page(inside, PREFIXES + f"SELECT ?c {{ {SERVICE} {{ :a :at ?b . ?b :city ?c }} }}")
    assert shown.status_code == 200 and "Bø" in shown.text
    passed_over = page(inside, f"SELECT * {{ SERVICE SILENT <{OTHERS}/html> {{ ?x ?y ?z }} }}")
    assert passed_over.status_code == 200 and "SERVICE SILENT passes over that" in passed_over.text
    failed = page(inside, f"SELECT * {{ SERVICE <{OTHERS}/html> {{ ?x ?y ?z }} }}")
    assert failed.status_code == 502 and "The other endpoint gave no answer" in failed.text


def test_names_within_a_call_are_no_names_of_ours(inside: ClosedNetwork) -> None:
    """A term that we do not have is remarked on outside of SERVICE alone, at its place."""
    query = f"{PREFIXES}SELECT ?s {{\n {SERVICE} {{ ?s ink:nameThere\n ?o }} OPTIONAL {{ ?s ink:nameHere ?x }} }}"
    notice = inside.ask(query).headers["kgraph-notice"]
    assert notice == 'unknown-term; term="ink:nameHere"; line=4; column=21'
