"""What is wrong with a text or a body is told where it is, in the reader's language."""

from __future__ import annotations

import re

import pytest
from conformance.asking import EX, JSON, PROBLEM, QUERY, TURTLE, UPDATE, Server

from kgraph.languages import catalogue, text

PREFIXES = f"PREFIX : <{EX}> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>\n"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DESCRIBED = f'<rdf:RDF xmlns:rdf="{RDF}" xmlns:e="{EX}">\n<rdf:Description'
HEAD = f"@prefix : <{EX}> .\n"
UPDATES = ("INSERT", "DELETE", "CLEAR")

TEXTS = {
    "SELECT ?x { BIND(1 AS ?x) BIND(2 AS ?x) }": ("fault-variable-taken", 37, "?x"),
    "SELECT (?a AS ?b) { ?s :p ?b }": ("fault-variable-taken", 15, "?b"),
    "SELECT ?a { ?s :p ?a } GROUP BY ?s": ("fault-not-grouped", 0, ""),
    "SELECT (SUM(?a) AS ?s) (?b + 1 AS ?z) { ?a ?b ?c }": ("fault-not-grouped", 0, ""),
    "SELECT * { ?s :p ?a } GROUP BY ?s": ("fault-star-grouped", 0, ""),
    "SELECT * { _:a :p ?x OPTIONAL { _:a :q ?y } }": ("fault-shared-label", 33, "_:a"),
    "SELECT ?x { VALUES (?x ?y) { (1 'a'@nn) (1) } }": ("fault-values", 41, ""),
    "SELECT ?x { VALUES (?x ?y) { (1 'a'^^xsd:string 2) } }": ("fault-values", 30, ""),
    "SELECT * { VALUES (?x ?x) { (1 2) } }": ("fault-selected-twice", 20, ""),
    "SELECT ?x ?x { ?x ?p ?o }": ("fault-selected-twice", 0, ""),
    "SELECT (xsd:integer(1, 2) AS ?x) {}": ("fault-arguments", 9, "<http://www.w3.org/2001/XMLSchema#integer>"),
    "SELECT (IF(BOUND(?a), STR(1)) AS ?x) {}": ("fault-arguments", 9, "IF"),
    "SELECT (strlen() AS ?x) {}": ("fault-arguments", 9, "STRLEN"),
    "SELECT (REPLACE('a', 'b') AS ?x) {}": ("fault-arguments", 9, "REPLACE"),
    "SELECT (AVG(*) AS ?x) {}": ("fault-star", 9, "AVG"),
    "SELECT * { <http://a/%zz> ?p ?o }": ("fault-iri", 12, "<http://a/%zz>"),
    r"SELECT * { ?s ?p '\\\q' }": ("fault-escape", 18, r"'\\\q'"),
    "SELECT * FROM :g FROM <none> {} OFFSET 1 OFFSET 2": ("fault-unknown", 0, ""),
    "INSERT { :s :p 1 } WHERE { BIND(1 AS ?x) BIND(2 AS ?x) }": ("fault-variable-taken", 52, "?x"),
    "INSERT { :s :p ?x } WHERE { BIND(xsd:integer() AS ?x) }": (
        "fault-arguments",
        34,
        "<http://www.w3.org/2001/XMLSchema#integer>",
    ),
    "DELETE { :s :p ?x } WHERE { BIND(STRLANG('a') AS ?x) }": ("fault-arguments", 34, "STRLANG"),
}
"""Texts that fit the grammar and are refused: the fault, the column on the second line (0 if near), what is told."""

BODIES = [
    (TURTLE, HEAD + ":a :b", 2, "fault-ends"),
    (TURTLE, HEAD + ':a :b "x', 2, "turtle-unterminated-string"),
    (TURTLE, HEAD + ":a :b <x y> .", 2, "turtle-bad-iri"),
    (TURTLE, HEAD + ":a x:b :c .", 2, "turtle-undeclared-prefix"),
    (TURTLE, HEAD + '"a" :b :c .', 2, "turtle-literal-subject"),
    (TURTLE, HEAD + ":a :b 1.2.3 .", 2, "turtle-bad-number"),
    (TURTLE, HEAD + ":a :b (1 2 .", 2, "turtle-unclosed-bracket"),
    (TURTLE, HEAD + ":a :b «x» .", 2, "turtle-curly-quote"),
    (TURTLE, HEAD + ":a :b :\U000e01ef .", 2, "fault-iri"),
    (TURTLE, HEAD + "<<:a :b :c>> .\n:a", 3, "fault-body"),
    (TURTLE, b'<http://a> <http://b> "\xff" .', 1, "fault-encoding"),
    (TURTLE, HEAD + ":a :b " + "(" * 20000, 2, "turtle-nesting-too-deep"),
    ("application/n-triples", '<http://a> <http://b> "x"', 1, "fault-ends"),
    ("application/n-triples", "<http://a> <http://b> 1 .", 1, "fault-body"),
    ("application/rdf+xml", f"{DESCRIBED}></x></rdf:RDF>", 2, "fault-xml"),
    ("application/rdf+xml", f'{DESCRIBED} rdf:about="a b"/></rdf:RDF>', 2, "fault-rdf-xml"),
    ("application/rdf+xml", '<!DOCTYPE r [<!ENTITY a SYSTEM "x">]><r/>', 1, "fault-entity"),
    ("application/ld+json", '{"a":\n"b",}', 2, "fault-json"),
    ("application/ld+json", '{"@id": 1}', None, "fault-json-ld"),
    ("application/ld+json", '{"@context": "http://127.0.0.1:9/x"}', 1, "fault-remote-context"),
]
"""Bodies that are no graph: type, body, the line that is told, the fault."""


def wording(fault: str, language: str) -> re.Pattern[str]:
    """Return a pattern of what a fault is told with in a language, whatever it tells of."""
    parts = re.split(r"\{\w+\}", catalogue(language)[f"{fault}.message"])
    return re.compile(".*".join(map(re.escape, parts)), re.DOTALL)


@pytest.mark.parametrize("language", ["nn", "nb", "en"])
@pytest.mark.parametrize("query", TEXTS)
def test_a_broken_rule_is_told_in_the_language_of_the_reader(separate: Server, query: str, language: str) -> None:
    """400 with the place; nothing of the engine's words is left."""
    fault, column, found = TEXTS[query]
    headers = {"Accept-Language": language}
    kind = UPDATE if query.startswith(UPDATES) else QUERY
    answer = separate.post(PREFIXES + query, kind, f"{PROBLEM}, {JSON}", headers=headers, auth=kind == UPDATE)
    told = answer.json()
    assert (answer.status_code, told["code"], told["line"]) == (400, "query-invalid", 2)
    if column:
        assert told["column"] == column
    assert told["detail"] == text(f"{fault}.message", language, found=found)


@pytest.mark.parametrize("language", ["nn", "nb"])
@pytest.mark.parametrize(("kind", "body", "line", "fault"), BODIES)
def test_a_broken_body_is_told_in_the_language_of_the_reader(
    separate: Server, kind: str, body: str | bytes, line: int | None, fault: str, language: str
) -> None:
    """400 with the line where it is known; the engine's words stand only within quotation marks."""
    headers = {"Accept-Language": language, "Accept": PROBLEM}
    answer = separate.put(f"{EX}broken", body, kind, **headers)  # type: ignore[arg-type]
    told = answer.json()
    assert (answer.status_code, told["code"], told.get("line")) == (400, "body-unreadable", line)
    assert wording(fault, language).fullmatch(told["detail"])


def test_a_declaration_that_is_none_is_told_where_it_breaks(separate: Server) -> None:
    """The IRI is at fault, and not the word before it."""
    told = separate.ask("PREFIX x: <a b> SELECT * { x:a ?p ?o }", f"{PROBLEM}, {JSON}").json()
    assert (told["code"], told["line"], told["column"]) == ("query-unexpected", 1, 11)
