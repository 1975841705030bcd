"""SPARQL 1.1 Query over HTTP, and the formats in which its results are written."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ElementTree

import pytest
from conformance.asking import EX, JSON, TSV, XML, Server
from conformance.query_cases import (
    AGGREGATES,
    CASES,
    DATA,
    EXPRESSIONS,
    PATHS,
    PATTERNS,
    SEQUENCES,
    QueryCase,
)
from conformance.test_update import fill

SR = "{http://www.w3.org/2005/sparql-results#}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
XSD = "http://www.w3.org/2001/XMLSchema#"
PREFIXES = f"BASE <{EX}> PREFIX : <{EX}> PREFIX xsd: <{XSD}>\n"
_WHOLE_DECIMAL = re.compile(rf'"(-?[0-9]+)"\^\^<{XSD}decimal>')
TERMS = (
    "SELECT ?i ?l ?t ?n ?u ?x ?b ?d { "
    "VALUES (?i ?l ?t ?n ?u ?x) { (:a 'a'@nn \"x\\t\\\"y\\\\\\nz\\r\" 1.5 UNDEF '<&>' ) } "
    "BIND(BNODE() AS ?b) BIND(STRDT('z', :type) AS ?d) }"
)
VARIABLES = ["i", "l", "t", "n", "u", "x", "b", "d"]
TEXT = 'x\t"y\\\nz\r'


@pytest.fixture(scope="module")
def server(separate: Server) -> Server:
    """A server with the data that the queries ask about."""
    fill(separate, f"PREFIX xsd: <{XSD}>\n{DATA}")
    return separate


def test_the_suite_is_whole() -> None:
    """156 cases in five groups, each with a name of its own."""
    counts = [len(group) for group in (PATTERNS, PATHS, AGGREGATES, SEQUENCES, EXPRESSIONS)]
    assert counts == [31, 13, 19, 12, 81]
    assert len({case.name for case in CASES}) == sum(counts) == 156


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_query_is_answered_as_the_specification_says(server: Server, case: QueryCase) -> None:
    """The rows, with their order where the query gives one."""
    answer = server.ask(PREFIXES + case.query, TSV)
    assert answer.status_code == 200, answer.text
    _, *lines = answer.text.removesuffix("\n").split("\n")
    rows = [" ".join(_short(term) for term in line.split("\t")) for line in lines]
    assert (rows if case.is_ordered else sorted(rows)) == list(case.rows if case.is_ordered else sorted(case.rows))


def _short(term: str) -> str:
    """Return an IRI of the data without its namespace, a whole decimal as Turtle has it, a dash for what is unbound."""
    whole = _WHOLE_DECIMAL.fullmatch(term)
    if whole:
        return f"{whole[1]}.0"
    return (
        term.removeprefix(f"<{EX}").removesuffix(">") if term.startswith(f"<{EX}") and len(term) < 30 else term or "-"
    )


def test_results_in_json_hold_each_kind_of_term(server: Server) -> None:
    """SPARQL 1.1 Query Results JSON Format: the head in order, what is unbound left out, control characters escaped."""
    document = server.ask(PREFIXES + TERMS, JSON).json()
    (row,) = document["results"]["bindings"]
    assert document["head"]["vars"] == VARIABLES
    assert row["i"] == {"type": "uri", "value": f"{EX}a"}
    assert row["l"] == {"type": "literal", "value": "a", "xml:lang": "nn"}
    assert row["t"] == {"type": "literal", "value": TEXT}
    assert row["n"] == {"type": "literal", "value": "1.5", "datatype": f"{XSD}decimal"}
    assert row["x"]["value"] == "<&>"
    assert row["b"]["type"] == "bnode"
    assert row["d"] == {"type": "literal", "value": "z", "datatype": f"{EX}type"}
    assert "u" not in row


def test_results_in_xml_hold_each_kind_of_term(server: Server) -> None:
    """SPARQL Query Results XML Format: namespace, variables in order, text that comes through a reader of XML."""
    root = ElementTree.fromstring(server.ask(PREFIXES + TERMS, XML).content)
    assert root.tag == f"{SR}sparql"
    assert [variable.get("name") for variable in root.iter(f"{SR}variable")] == VARIABLES
    (result,) = root.iter(f"{SR}result")
    found = {binding.get("name"): binding[0] for binding in result}
    assert (found["i"].tag, found["i"].text) == (f"{SR}uri", f"{EX}a")
    assert (found["l"].text, found["l"].get(LANG)) == ("a", "nn")
    assert found["t"].text == TEXT
    assert (found["n"].text, found["n"].get("datatype")) == ("1.5", f"{XSD}decimal")
    assert found["x"].text == "<&>"
    assert found["b"].tag == f"{SR}bnode"
    assert found["d"].get("datatype") == f"{EX}type"
    assert "u" not in found


def test_results_in_csv_hold_values(server: Server) -> None:
    """SPARQL 1.1 Query Results CSV: no question marks, no marks of terms, an empty field for what is unbound."""
    answer = server.ask(PREFIXES + TERMS, "text/csv")
    head, row = csv.reader(io.StringIO(answer.text, newline=""))
    assert head == VARIABLES
    assert row[:6] == [f"{EX}a", "a", TEXT, "1.5", "", "<&>"]
    assert row[6].startswith("_:")
    assert row[7] == "z"


def test_results_in_tsv_hold_terms(server: Server) -> None:
    """SPARQL 1.1 Query Results TSV: question marks, terms as in Turtle, one line a row."""
    head, row, end = server.ask(PREFIXES + TERMS, TSV).text.split("\n")
    assert head.split("\t") == [f"?{name}" for name in VARIABLES]
    cells = row.split("\t")
    assert cells[:6] == [f"<{EX}a>", '"a"@nn', '"x\\t\\"y\\\\\\nz\\r"', "1.5", "", '"<&>"']
    assert cells[6].startswith("_:")
    assert cells[7] == f'"z"^^<{EX}type>'
    assert end == ""


@pytest.mark.parametrize("kind", [JSON, XML, "text/csv", TSV])
def test_results_without_rows_have_a_head(server: Server, kind: str) -> None:
    """The variables are told also when nothing is found."""
    body = server.ask(PREFIXES + "SELECT ?one ?two { ?one :none ?two }", kind).text
    assert "one" in body and "two" in body
    if kind == "text/csv":
        assert body == "one,two\r\n"
    if kind == TSV:
        assert body == "?one\t?two\n"


@pytest.mark.parametrize("kind", [JSON, XML, "text/csv", TSV])
def test_results_without_variables_have_rows(server: Server, kind: str) -> None:
    """One solution without variables is a row, and none is none."""
    one, none = (server.ask(PREFIXES + query, kind) for query in ("SELECT * {}", "SELECT * { FILTER(false) }"))
    assert (one.status_code, none.status_code) == (200, 200)
    assert one.content != none.content


@pytest.mark.parametrize("query", ["SELECT * { ?s :age ?o . ?b ?p ?s }", "SELECT DISTINCT*{ ?s :age ?o . ?b ?p ?s }"])
def test_all_variables_are_columns_in_the_order_of_the_text(server: Server, query: str) -> None:
    """Also where there is no row, and with the dataset in the request."""
    for params in ((), [("default-graph-uri", f"{EX}g1"), ("default-graph-uri", f"{EX}g2")]):
        answer = server.ask(PREFIXES + query, "text/csv", params)
        assert answer.text.startswith("s,o,b,p\r\n")


def test_blank_nodes_are_the_same_within_an_answer(server: Server) -> None:
    """A label stands for one node in all rows, and two nodes have two labels."""
    rows = server.rows(PREFIXES + "SELECT ?a ?b { VALUES ?n { 1 2 } BIND(BNODE() AS ?a) BIND(?a AS ?b) }")
    assert all(row["a"] == row["b"] for row in rows)
    assert rows[0]["a"] != rows[1]["a"]


CONSTRUCTS = [
    ("CONSTRUCT { ?s :is ?n } WHERE { ?s :name ?n ; :age 40 }", 1),
    ("CONSTRUCT WHERE { ?s :age ?a }", 2),
    ("CONSTRUCT { ?n :is ?s } WHERE { ?s :name ?n }", 0),
    ("CONSTRUCT { ?s :x ?none } WHERE { ?s :name ?n }", 0),
    ("CONSTRUCT { _:b :of ?s } WHERE { ?s :age ?a }", 2),
    ("CONSTRUCT { :one :p 1 } WHERE { ?s :name ?n }", 1),
    ("CONSTRUCT { ?s :in ?v } WHERE { GRAPH ?g { ?s :in ?v } }", 2),
    ("CONSTRUCT { ?s ?p ?o } FROM :g1 WHERE { ?s ?p ?o }", 2),
    ("DESCRIBE :al", 3),
    ("DESCRIBE ?s { ?s :age 30 }", 2),
    ("DESCRIBE :nobody", 0),
]


@pytest.mark.parametrize(("query", "size"), CONSTRUCTS)
def test_graphs_hold_what_the_template_makes(server: Server, query: str, size: int) -> None:
    """What is not a statement is left out, and a statement stands there once."""
    answer = server.ask(PREFIXES + query, "application/n-triples")
    assert answer.status_code == 200
    assert len(answer.text.splitlines()) == size


REFUSED = [
    "SELECT ?x { BIND(1 AS ?x) BIND(2 AS ?x) }",
    "SELECT ?a (1 AS ?a) { ?s :age ?a }",
    "SELECT ?a { ?s :age ?a } GROUP BY ?s",
    "SELECT * { ?s :age ?a } GROUP BY ?s",
    "CONSTRUCT WHERE { ?s :age ?a FILTER(?a > 1) }",
    "SELECT * { _:a :p ?x } { _:a :q ?y }",
    "SELECT ?x { VALUES (?x ?y) { (1) } }",
    "ASK { ?s ?p 'a\nb' }",
    "SELECT * FROM { }",
    "ASK { :s 'p' :o }",
    "SELECT * { ?s ?p ?o } LIMIT -1",
    "ASK { ?s ?p ?o FILTER(NOSUCHFUNCTION(?o)) }",
    "PREFIX x: ASK {}",
]


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_no_query_is_refused(server: Server, query: str) -> None:
    """Negative syntax: 400 with a place."""
    answer = server.ask(PREFIXES + query, f"application/problem+json, {JSON}, text/turtle")
    assert answer.status_code == 400
    assert answer.json()["line"] >= 1


LIMITS_OF_THE_ENGINE = {
    "agg-groupconcat: values that are no texts make the whole unbound": (
        "SELECT (GROUP_CONCAT(?v) AS ?c) { VALUES ?v { 1 2 } }",
        [""],
    ),
    "agg-groupconcat: texts in one language keep it": (
        "SELECT (GROUP_CONCAT(?v) AS ?c) { VALUES ?v { 'a'@en 'b'@en } }",
        ['"a b"@en'],
    ),
    "agg-err: an expression that is an error in a row makes the count unbound": (
        "SELECT (COUNT(1/?v) AS ?c) { VALUES ?v { 0 1 } }",
        [""],
    ),
    "pp28a: a path of no length does not begin at what the data do not hold": ("SELECT ?o { :nobody :knows* ?o }", []),
    "open-eq: truth values have no order": ("SELECT (true > false AS ?v) {}", [""]),
    "syn-bad-aggregates: an aggregate within an aggregate is not refused": (
        "SELECT (COUNT(COUNT(?a)) AS ?c) { ?s :none ?a }",
        ["0"],
    ),
}
"""What the engine does otherwise than the specification says, by the tests of the W3C that are about it."""


@pytest.mark.parametrize("reason", LIMITS_OF_THE_ENGINE)
def test_a_limit_of_the_engine_is_what_it_is_said_to_be(server: Server, reason: str) -> None:
    """docs/reference/endpoint.md tells of it; the day it is gone, this fails."""
    query, found = LIMITS_OF_THE_ENGINE[reason]
    assert server.ask(PREFIXES + query, TSV).text.split("\n")[1:-1] == found


def test_a_variable_that_is_selected_twice_is_refused(server: Server) -> None:
    """The specification allows it, and docs/reference/endpoint.md tells that the engine does not."""
    answer = server.ask(f"{PREFIXES} SELECT ?a ?a {{ ?s :age ?a }}", f"application/problem+json, {JSON}")
    assert (answer.status_code, answer.json()["code"]) == (400, "query-invalid")
