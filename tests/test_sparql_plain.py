"""Texts told to be plain without reading their tokens: none that a closer look would find otherwise."""

from __future__ import annotations

import contextlib
from itertools import product

import pytest

from kgraph.errors import QuerySyntaxError
from kgraph.sparql.plain import read_plain, skeleton_of
from kgraph.sparql.text import read_query_text

XSD = "http://www.w3.org/2001/XMLSchema#"
RESOURCE = "https://w3id.org/inkludering/id/"

PLAIN = [
    f"SELECT ?p ?o {{ <{RESOURCE}finding/7> ?p ?o }}",
    f"SELECT ?p ?o {{ <{RESOURCE}finding/7> ?p ?o }} LIMIT 10 OFFSET 20",
    f"# of one\nPREFIX id: <{RESOURCE}>\nASK {{ id:x ?p <{RESOURCE}service/from-rand> }}",
    f"DESCRIBE <{RESOURCE}project/hjelmeland>",
    f"SELECT ?x {{ ?x ?p '<{RESOURCE}finding/7>' FILTER(?x > 'a') }} limit 5",
    "SELECT (COUNT(?x) AS ?n) { ?x <http://e/p> ?y FILTER(?y > (1 + 2) && REGEX(STR(?x), 'a:b')) } ORDER BY (?n)",
    f"PREFIX xsd: <{XSD}> PREFIX e: <http://e/> SELECT ?x {{ ?x e:p ?y FILTER(xsd:integer (?y) > 1) }}",
    f"SELECT ?x {{ ?x ?p ?y FILTER(<{XSD}dateTime>(?y) < <{XSD}dateTime> # that\n('2020-01-01T00:00:00')) }}",
    "SELECT ?x{?x ?p ?o}LIMIT 5OFFSET 3",
    "SELECT (Sample(?x) AS ?y) { ?x ?p ?o }",
    "SELECT REDUCED ?x { ?x ?p ?o }",
    "PREFIX from_a: <urn:a:> SELECT ?from1 { ?from1 from_a:fromStudy ?afrom ; from_a:upFROM 'fromage' }",
    f"PREFIX a: <urn:a:> SELECT ?limit {{ ?limit a:offset <{RESOURCE}sample/limit>; <urn:sample-p> $reduced }}",
]

NOT_PLAIN = [
    f"SELECT ?x {{ BIND(CONCAT('<{RESOURCE}',STR(RAND()))>'a' AS ?x) }}",
    f'SELECT ?x {{ BIND(CONCAT("<{RESOURCE}",STR(RAND()))>"a" AS ?x) }}',
    f"SELECT ?x {{ ?x ?p <{RESOURCE}a> }} LIMIT 1#\n# rand()",
    f"SELECT ?x FROM <{RESOURCE}graph> {{ ?x ?p ?o }}",
    f"SELECT ?x {{ SERVICE <{RESOURCE}a> {{ ?x ?p ?o }} }}",
    f"SELECT ?x {{ ?x ?p <{RESOURCE}a> BIND(NOW() AS ?n) }}",
    f"SELECT ?x {{ ?x ?p <relative>, <{RESOURCE}a> }}",
    f"SELECT ?x {{ ?x ?p <{RESOURCE}a\\u0062> }}",
    f"INSERT DATA {{ <{RESOURCE}a> <{RESOURCE}b> 1 }}",
    "SELECT ?x { ?x ?p ?y FILTER(<http://e/f>(?y)) }",
    "SELECT ?x { ?x ?p ?y FILTER(<http://e/f> # integer\n (?y)) }",
    f"SELECT ?x {{ ?x ?p ?y FILTER(<{RESOURCE}f>(?y)) }}",
    f"PREFIX xsd: <{XSD}> SELECT ?x {{ ?x ?p ?y FILTER(xsd:int(?y) = xsd:integer(?y)) }}",
    f"PREFIX xsd: <http://e/> # PREFIX xsd: <{XSD}>\nSELECT ?x {{ ?x ?p ?y FILTER(xsd:integer(?y)) }}",
    f"# PREFIX : <{XSD}>\nPREFIX : <http://e/> SELECT ?x {{ ?x ?p ?y FILTER :integer(?y) }}",
    f"PREFIX xsd: <{XSD}> PREFIX a-xsd: <http://e/> SELECT ?x {{ ?x ?p ?y FILTER(a-xsd:integer(?y)) }}",
    f"PREFIX xsd: <{XSD}> SELECT ?x {{ ?x ?p ?y FILTER(xsd:integer\u00b7(?y)) }}",
    "PREFIX urn: <http://e/> SELECT ?x { ?x ?p ?y FILTER(?x<urn:f(?y)) }",
    "SELECT ?x { " + "{" * 150 + "?x ?p ?o" + "}" * 150 + " }",
]


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_told_of_a_plain_text_is_what_its_tokens_tell(text: str) -> None:
    """Form and dataset are the same, and the answer stays the same from one time to the next."""
    plain, read = read_plain(text), read_query_text(text)
    assert plain is not None
    assert (plain.text, plain.form, plain.default_graphs, plain.named_graphs) == (read.text, read.form, None, None)
    assert plain.has_choice == read.has_choice
    assert (read.is_volatile, read.default_graphs, read.named_graphs, read.calls) == (False, None, None, ())


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_what_must_be_looked_at_is_not_plain(text: str) -> None:
    """No text around a resource's address, or in a string that looks like one, hides it."""
    assert read_plain(text) is None


def test_no_dataset_is_passed_over() -> None:
    """However the word for it stands between its neighbours."""
    starts = ["SELECT *", "SELECT ?x", "SELECT (1 AS ?x)", "ASK", "DESCRIBE ?x", "DESCRIBE <urn:a>"]
    befores = ["", " ", "\n", "# from\n", "\t"]
    words = ["FROM", "from", "From", "FROM NAMED", "from#\nnamed"]
    afters = ["<urn:g>", " <urn:g>", "#\n<urn:g>", " ex:g", " :g", "_:g"]
    found = 0
    for parts in product(starts, befores, words, afters):
        text = f"PREFIX ex: <urn:> PREFIX : <urn:> {''.join(parts)} {{ ?x ?p ?o }}"
        with contextlib.suppress(QuerySyntaxError):
            if read_query_text(text).default_graphs is not None:
                found += 1
                assert read_plain(text) is None, text
    assert found > 500


def test_a_long_text_is_not_plain() -> None:
    """Also if what makes it long is left out of its skeleton."""
    assert read_plain(f"ASK {{ <{RESOURCE}{'x' * 3000}> ?p ?o }}") is None


def test_texts_about_one_resource_after_the_other_have_one_skeleton() -> None:
    """So have the pages of one answer; not so what else may change."""
    texts = [f"SELECT ?p {{ <{RESOURCE}finding/{n}> ?p ?o }} LIMIT {n} OFFSET {n * n}" for n in range(20)]
    assert len({skeleton_of(text) for text in texts}) == 1
    others = [
        f"SELECT ?p {{ <{RESOURCE}finding/7> ?p 1 }}",
        f"SELECT ?p {{ <{RESOURCE}finding/7> ?p 2 }}",
        f"SELECT ?p {{ <{RESOURCE}finding/7> <https://w3id.org/inkludering/ont#concerns> ?p }}",
        f"SELECT ?p {{ <{RESOURCE}finding/7> <https://w3id.org/inkludering/ont#concern> ?p }}",
    ]
    assert len({skeleton_of(text) for text in others}) == len(others)
