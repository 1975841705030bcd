"""A function that nobody knows is an error where it is called (SPARQL 1.1 Query, section 17.6); the answer says so."""

from __future__ import annotations

import re

import pytest
from conformance.asking import EX, JSON, N_TRIPLES, TSV, UPDATE, Server

XSD = "http://www.w3.org/2001/XMLSchema#"
PREFIXES = f"PREFIX : <{EX}> PREFIX xsd: <{XSD}> PREFIX fn: <http://www.w3.org/2005/xpath-functions#>\n"
DATA = ":a :v 1 . :b :v 2 . :c :v 3 ."

ROWS = {
    "filter": ("SELECT ?v { ?s :v ?v FILTER(:f(?v)) }", []),
    "filter without brackets": ("SELECT ?v { ?s :v ?v FILTER :f(?v) }", []),
    "negated": ("SELECT ?v { ?s :v ?v FILTER(!:f(?v)) }", []),
    "of a constant": ("SELECT ?v { ?s :v ?v FILTER(:f(1)) }", []),
    "without arguments": ("SELECT ?v { ?s :v ?v FILTER(:f()) }", []),
    "compared with itself": ("SELECT ?v { ?s :v ?v FILTER(:f(?v) = :f(?v)) }", []),
    "or true": ("SELECT ?v { ?s :v ?v FILTER(:f(?v) || ?v = 2) }", ["2"]),
    "or constantly true": ("SELECT ?v { ?s :v ?v FILTER(true || :f(?v)) } ORDER BY ?v", ["1", "2", "3"]),
    "and false, negated": ("SELECT ?v { ?s :v ?v FILTER(!(:f(?v) && ?v = 2)) } ORDER BY ?v", ["1", "3"]),
    "in": ("SELECT ?v { ?s :v ?v FILTER(?v IN (:f(?v), 2)) }", ["2"]),
    "bind": ("SELECT ?y { ?s :v 1 BIND(:f(1) AS ?y) }", [""]),
    "bound": ("SELECT ?v { ?s :v ?v BIND(:f(?v) AS ?y) FILTER(!BOUND(?y) && ?v = 3) }", ["3"]),
    "coalesce": ("SELECT (COALESCE(:f(?v), ?v + 1) AS ?y) { :a :v ?v }", ["2"]),
    "if": ("SELECT (IF(:f(?v), 1, 2) AS ?y) { :a :v ?v }", [""]),
    "if that is never asked": ("SELECT (IF(true, 1, :f(?v)) AS ?y) { :a :v ?v }", ["1"]),
    "of another": ("SELECT (COALESCE(:f(:g(?v)), 7) AS ?y) { :a :v ?v }", ["7"]),
    "of an aggregate": ("SELECT (:f(SUM(?v)) AS ?y) { ?s :v ?v }", [""]),
    "in an aggregate": ("SELECT (SUM(:f(?v)) AS ?y) { ?s :v ?v }", [""]),
    "coalesced in an aggregate": ("SELECT (SUM(COALESCE(:f(?v), ?v)) AS ?y) { ?s :v ?v }", ["6"]),
    "having": ("SELECT (COUNT(*) AS ?n) { ?s :v ?v } GROUP BY ?s HAVING(:f(COUNT(*)))", []),
    "having without brackets": ("SELECT (COUNT(*) AS ?n) { ?s :v ?v } GROUP BY ?s HAVING :f(1)", []),
    "group by": ("SELECT (COUNT(*) AS ?n) { ?s :v ?v } GROUP BY :f(?v)", ["3"]),
    "order by": ("SELECT ?v { ?s :v ?v } ORDER BY :f(?v) DESC(?v)", ["3", "2", "1"]),
    "order by in brackets": ("SELECT ?v { ?s :v ?v } ORDER BY DESC(:f(?v)) ?v", ["1", "2", "3"]),
    "exists": ("SELECT ?v { ?s :v ?v FILTER EXISTS { ?s :v ?w FILTER(:f(?w)) } }", []),
    "not exists": ("SELECT ?v { ?s :v ?v FILTER NOT EXISTS { ?s :v ?w FILTER(:f(?w)) } } ORDER BY ?v", ["1", "2", "3"]),
    "optional": ("SELECT ?w { :a :v ?v OPTIONAL { ?s :v ?w FILTER(:f(?w)) } }", [""]),
    "minus": ("SELECT ?v { ?s :v ?v MINUS { ?s :v ?v FILTER(:f(?v)) } } ORDER BY ?v", ["1", "2", "3"]),
    "union": ("SELECT ?v { { :a :v ?v } UNION { ?s :v ?v FILTER(:f(?v)) } }", ["1"]),
    "subquery": ("SELECT ?v ?y { { SELECT ?v (:f(?v) AS ?y) { :a :v ?v } } }", ["1\t"]),
    "subquery that gives nothing": ("SELECT ?v { { SELECT ?v { ?s :v ?v FILTER(:f(?v)) } LIMIT 0 } }", []),
    "graph": ("SELECT ?g { GRAPH ?g { ?s :v ?v FILTER(:f(?v)) } }", []),
    "all columns": ("SELECT * { :a :v ?v BIND(:f(?v) AS ?a) }", ["1\t"]),
}
"""Queries of a function ``:f`` that is none, with their rows in TSV."""

MEANT = {
    "FILTER(xsd:int(?v) = 1)": ("xsd:int", "xsd:integer"),
    "FILTER(xsd:interger(?v) = 1)": ("xsd:interger", "xsd:integer"),
    "FILTER(xsd:datetime(?v) > NOW())": ("xsd:datetime", "xsd:dateTime"),
    "FILTER(xsd:dec(?v) = 1)": ("xsd:dec", "xsd:decimal"),
    "FILTER(:integer(?v) = 1)": (":integer", f"<{XSD}integer>"),
    f"FILTER(<{XSD}int>(?v) = 1)": (f"<{XSD}int>", f"<{XSD}integer>"),
    "BIND(fn:concat('a', ?v) AS ?y)": ("fn:concat", "CONCAT"),
    "BIND(fn:string-length(?v) AS ?y)": ("fn:string-length", "STRLEN"),
    "BIND(fn:substrng(?v, 1) AS ?y)": ("fn:substrng", "SUBSTR"),
    "FILTER(:quite-another(?v))": (":quite-another", ""),
}
"""Calls, with the name that is none as it is written, and what was probably meant."""

KNOWN = [
    "FILTER(xsd:integer(?v) = 1)",
    "FILTER(xsd:gYear('2020') = xsd:gYear('2020'))",
    "OPTIONAL { ?s :v (1 2) . :w :x ( :y (1) ) } OPTIONAL { ?s :v|:w (3) } VALUES (?a) { (:x) }",
    "FILTER(?v IN (1) || 'x:f(' != ':f(') # :f(?v)",
]
"""What calls no function that is not known."""


@pytest.fixture
def server(empty: Server) -> Server:
    """A server with three statements."""
    assert empty.update(f"{PREFIXES} INSERT DATA {{ {DATA} }}").status_code == 200
    return empty


def notices(head: str) -> list[tuple[str, dict[str, str]]]:
    """Return the codes and the parameters of a header."""
    found = []
    for member in head.split(", "):
        code, _, rest = member.partition(";")
        found.append((code, {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|\d+)', rest)}))
    return found


@pytest.mark.parametrize("name", ROWS)
def test_a_call_of_an_unknown_function_is_an_error_of_its_expression(server: Server, name: str) -> None:
    """Wherever it stands; the answer says so, at the first time and when it is kept."""
    query, rows = ROWS[name]
    for _ in range(2):
        answer = server.ask(PREFIXES + query, TSV)
        assert answer.status_code == 200, answer.text
        assert answer.text.split("\n")[1:-1] == rows
        told = dict((found["term"], found) for code, found in notices(answer.headers["kgraph-notice"]))
        assert told[":f"] == {"term": ":f", "line": "2", "column": str(query.index(":f(") + 1)}
        assert 'problem/unknown-function>; rel="help"' in answer.headers["link"]


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("CONSTRUCT { ?s :y ?y } { ?s :v ?v BIND(:f(?v) AS ?y) }", 0),
        ("CONSTRUCT { ?s :v ?v } { ?s :v ?v } ORDER BY :f(?v)", 3),
        ("DESCRIBE ?s { ?s :v ?v FILTER(:f(?v) || ?v = 1) }", 1),
    ],
)
def test_graphs_are_made_of_what_is_left(server: Server, query: str, lines: int) -> None:
    """A statement with an unbound part is none."""
    answer = server.ask(PREFIXES + query, N_TRIPLES)
    assert (answer.status_code, len(answer.text.splitlines())) == (200, lines)
    assert answer.headers["kgraph-notice"].startswith('unknown-function; term=":f"; line=2; column=')


@pytest.mark.parametrize("call", MEANT)
def test_what_was_probably_meant_is_told(server: Server, call: str) -> None:
    """A function of SPARQL of that name, or the datatype that is nearest."""
    written, meant = MEANT[call]
    query = f"SELECT ?v {{ ?s :v ?v {call} }}"
    ((code, told),) = notices(server.ask(PREFIXES + query, JSON).headers["kgraph-notice"])
    place = {"line": "2", "column": str(query.index(written) + 1)}
    assert (code, told) == ("unknown-function", {"term": written, **place} | ({"suggestion": meant} if meant else {}))


@pytest.mark.parametrize("pattern", KNOWN)
def test_nothing_is_remarked_where_no_function_is_unknown(server: Server, pattern: str) -> None:
    """Casts, lists and strings."""
    answer = server.ask(PREFIXES + f"SELECT ?v {{ ?s :v ?v {pattern}\n}}", JSON)
    assert answer.status_code == 200
    assert "kgraph-notice" not in answer.headers


def test_a_call_is_found_however_it_is_written(server: Server) -> None:
    """With comments and escapes, by its IRI, against a base, after an operator without a space."""
    for call, written in (
        (":f # not this one:\n (?v)", ":f"),
        (f"<{EX}f>\n(?v)", f"<{EX}f>"),
        (r"<\u0068ttps://example.org/f>(?v)", "<https://example.org/f>"),
        (r":f\-g(?v)", r":f\-g"),
        (r"xsd:integer\-(?v)", r"xsd:integer\-"),
        ("<relative>(?v)", "relative"),
        ("?v<:f(?v)", ":f"),
        ("1-:f(?v)", ":f"),
    ):
        answer = server.ask(PREFIXES + f"ASK {{ ?s :v ?v FILTER({call}) }}", JSON)
        assert (answer.status_code, answer.json()["boolean"]) == (200, False), call
        ((code, told),) = notices(answer.headers["kgraph-notice"].replace("\\\\", "\\"))
        assert (code, written in told["term"]) == ("unknown-function", True), call


def test_functions_are_told_before_other_names(server: Server) -> None:
    """The head has room for three; what makes a row an error is not to be left out."""
    names = " ".join(f"ink:none{number}" for number in range(5))
    query = "PREFIX ink: <https://w3id.org/inkludering/ont#>\n"
    query += f"SELECT * {{ VALUES ?c {{ {names} }} ?x a ?c FILTER(ink:f(?c)) }}"
    told = notices(server.ask(query, JSON).headers["kgraph-notice"])
    assert [code for code, _ in told] == ["unknown-function", "unknown-term", "unknown-term"]
    assert told[0][1]["term"] == "ink:f"


def test_very_many_unknown_functions_are_answered(server: Server) -> None:
    """The engine names one at a time."""
    calls = " || ".join(f":f{number}(?v)" for number in range(100))
    answer = server.ask(PREFIXES + f"ASK {{ ?s :v ?v FILTER({calls} || ?v = 2) }}", JSON)
    assert answer.json()["boolean"] is True
    assert answer.headers["kgraph-notice"].count("unknown-function") == 3


@pytest.mark.parametrize(
    "query",
    [
        "SELECT (xsd:integer(?v, 1) AS ?y) { ?s :v ?v FILTER(:f(?v)) }",
        "SELECT (:f(DISTINCT ?v) AS ?y) { ?s :v ?v }",
        "SELECT (STRLEN(:f(?v), 1) AS ?y) { ?s :v ?v }",
        "SELECT (NOSUCHFUNCTION(?v) AS ?y) { ?s :v ?v }",
    ],
    ids=["arguments of a cast", "aggregate", "arguments of a function", "word"],
)
def test_what_else_is_wrong_with_a_call_is_still_refused(server: Server, query: str) -> None:
    """The wrong number of arguments of a known function, an aggregate that is none, a word that is no function."""
    answer = server.ask(PREFIXES + query, f"application/problem+json, {JSON}")
    assert (answer.status_code, answer.json()["line"]) == (400, 2)


UPDATES = {
    "INSERT { ?s :y ?y } WHERE { ?s :v ?v BIND(COALESCE(:f(?v), ?v * 10) AS ?y) }": ["10", "20", "30"],
    "INSERT { ?s :y ?y } WHERE { ?s :v ?v BIND(:f(?v) AS ?y) }": [],
    "DELETE { ?s :v ?v } WHERE { ?s :v ?v FILTER(:f(?v)) } ; INSERT { :d :y ?v } WHERE { ?s :v ?v }": ["1", "2", "3"],
    "DELETE { ?s :v ?v } INSERT { ?s :y ?v } WHERE { ?s :v ?v FILTER(:f(:g(?v)) || ?v = 2) }": ["2"],
}
"""Updates, with the values of ``:y`` after them."""


@pytest.mark.parametrize("update", UPDATES)
def test_a_call_in_an_update_is_an_error_of_its_expression(server: Server, update: str) -> None:
    """The change counts, and its answer says so in its head and in its body."""
    answer = server.update(PREFIXES + update, Accept="application/json", Accept_Language="en")
    assert answer.status_code == 200, answer.text
    values = server.ask(PREFIXES + "SELECT ?y { ?s :y ?y } ORDER BY ?y", TSV).text.split("\n")[1:-1]
    assert values == UPDATES[update]
    told = answer.json()["notices"][0]
    place = (2, update.index(":f(") + 1)
    assert (told["code"], told["term"], told["iri"]) == ("unknown-function", ":f", f"{EX}f")
    assert (told["line"], told["column"]) == place
    assert told["message"].startswith("There is no function :f here")
    assert answer.headers["kgraph-notice"].startswith('unknown-function; term=":f"')
    assert server.update(PREFIXES + update, {"dry-run": "true"}).headers["kgraph-notice"]


@pytest.mark.parametrize("target", [{"default": ""}, {"graph": f"{EX}g"}])
def test_a_call_in_the_patch_of_a_graph_is_told(server: Server, target: dict[str, str]) -> None:
    """A byte-order mark before the text does no harm."""
    text = "\ufeff" + PREFIXES + "INSERT { :z :y ?y } WHERE { BIND(COALESCE(xsd:int('7'), 8) AS ?y) }"
    headers = {"Content-Type": UPDATE}
    answer = server.send("PATCH", "/graphs", params=target, headers=headers, body=text.encode(), auth=True)
    assert answer.is_success
    told = 'unknown-function; term="xsd:int"; line=2; column=43; suggestion="xsd:integer"'
    assert answer.headers["kgraph-notice"] == told
    pattern = f"<{EX}z> <{EX}y> 8"
    assert server.holds(pattern if "default" in target else f"GRAPH <{EX}g> {{ {pattern} }}")
