"""Answers in XML: what a parser reads is what the data say, and what XML has no place for is not written."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

import httpx
import pytest

SPARQL = "{http://www.w3.org/2005/sparql-results#}"
RESULTS = "application/sparql-results+xml"
RDF_XML = "application/rdf+xml"
PROBLEM = "application/problem+json"


def ask(server: str, query: str, accept: str) -> httpx.Response:
    """Ask for one format, with problems as documents."""
    return httpx.get(f"{server}/sparql", params={"query": query}, headers={"Accept": f"{accept}, {PROBLEM};q=0.1"})


def test_white_space_is_read_as_it_is_in_the_data(server: str) -> None:
    """A parser takes a bare carriage return for a line feed (XML 1.0, section 2.11)."""
    value, written = "a\r\nb\rc\td\n", r"a\r\nb\rc\td\n"
    answer = ask(server, f'SELECT ("{written}" AS ?v) {{}}', RESULTS)
    literal = next(Xml.fromstring(answer.content).iter(f"{SPARQL}literal"))
    assert literal.text == value
    answer = ask(server, f'CONSTRUCT {{ <a:s> <https://example.org/p> "{written}" }} {{}}', RDF_XML)
    assert next(Xml.fromstring(answer.content).iter("{https://example.org/}p")).text == value


@pytest.mark.parametrize("character", [r"\u0000", r"\u0001", r"\u000B", r"\u001F", r"\uFFFE", r"\uFFFF"])
@pytest.mark.parametrize("length", [0, 100_000])
def test_a_character_that_xml_cannot_hold_is_406(server: str, character: str, length: int) -> None:
    """The other formats have a place for it, and are named."""
    text = f'"{"x" * length}{character}"'
    for query, accept, other in (
        (f"SELECT ({text} AS ?v) {{}}", RESULTS, "application/sparql-results+json"),
        (f"CONSTRUCT {{ <a:s> <https://example.org/p> {text} }} {{}}", RDF_XML, "text/turtle"),
    ):
        kind = {"Content-Type": "application/sparql-query"}
        answer = httpx.post(f"{server}/sparql", content=query, headers={**kind, "Accept": accept})
        assert answer.status_code == 406
        assert other in answer.text and accept not in answer.text
        assert httpx.post(f"{server}/sparql", content=query, headers=kind).is_success


@pytest.mark.parametrize(
    "predicate",
    [
        "https://example.org/1",
        "https://example.org/",
        "https://example.org/p#",
        "https://example.org/a(b)",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#li",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#Description",
        "http://www.w3.org/2000/xmlns/y",
    ],
)
def test_a_predicate_that_is_no_name_of_an_element_is_406(server: str, predicate: str) -> None:
    """RDF/XML cannot write it (RDF 1.1 XML Syntax, sections 5.1 and 7.2.14)."""
    query = f"CONSTRUCT {{ <a:s> <{predicate}> 1 }} {{}}"
    answer = ask(server, query, RDF_XML)
    assert (answer.status_code, answer.headers["content-type"]) == (406, PROBLEM)
    assert "text/turtle" in answer.json()["detail"] and RDF_XML not in answer.json()["detail"]
    assert f"<{predicate}>" in ask(server, query, "application/n-triples").text


@pytest.mark.parametrize("name", ["p", "p1", "1a", "é", "x.y", "x:y", "a%20b", "p?q=1&x", "_p"])
def test_a_predicate_that_ends_with_a_name_is_written(server: str, name: str) -> None:
    """Whatever stands before that."""
    answer = ask(server, f"CONSTRUCT {{ <a:s> <https://example.org/{name}> 1 }} {{}}", RDF_XML)
    description = Xml.fromstring(answer.content)[0]
    assert description[0].tag.replace("{", "").replace("}", "") == f"https://example.org/{name}"


def test_markup_in_a_text_is_a_text(server: str) -> None:
    """What looks like an element without a name does not, once it is written as XML."""
    text = "<oxprefix: <xmlns:"
    answer = ask(server, f'CONSTRUCT {{ <a:s> <https://example.org/p> "{text}" }} {{}}', RDF_XML)
    assert next(Xml.fromstring(answer.content).iter("{https://example.org/}p")).text == text
