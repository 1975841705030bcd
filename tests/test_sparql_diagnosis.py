"""Where a query or an update breaks the grammar, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgraph.errors import QuerySyntaxError
from kgraph.sparql.diagnosis import refine

FROM_ENGINE = QuerySyntaxError("query-invalid", 1, 30, reason="expected one of the engine says so, [_]")
SOUND = """PREFIX e: <http://e/>
SELECT DISTINCT ?s (COUNT(DISTINCT *) AS ?n) FROM <http://g> FROM NAMED e:g WHERE {
  ?s e:a|^e:b/(e:c)*|!(e:a|^a) ?o , -2 ; a [ e:p 'x'@nn , "y"^^e:t , true , 1.5e3 ] ; .
  FILTER (?x IN (1, 2) && !(?y NOT IN ()) || NOT EXISTS { ?s ?p ?o })
  OPTIONAL { ?s e:p? () } MINUS { (1 ?x) ?p <<( ?a ?b ?c )>> }
  { SELECT ?z { } GROUP BY (1+1 AS ?x) STR(?y) ?z HAVING (SUM(?c) > -1) LIMIT 1 } UNION { GRAPH ?g { } }
  BIND (IF(?a, -1, +2) * 3 / 4 - e:f(?x, GROUP_CONCAT(?q; SEPARATOR=", ")) AS ?b)
  VALUES (?a ?b) { (1 UNDEF) (e:a <http://b>) }
}
GROUP BY ?s ORDER BY DESC(?s) ASC(STR(?n)) ?n LIMIT 10 OFFSET 5 VALUES ?s { e:a }"""


@pytest.mark.parametrize(
    ("text", "place", "found", "expected"),
    [
        ("SELECT * WHERE { ?s ?p }", (1, 24), "}", "?variable"),
        ("SELECT *\nWHERE {\n  ?s ?p ?o\n  ?a ?b ?c }", (4, 3), "?a", "."),
        ("SELECT * { ?s ?p ?o } LIMIT x", (1, 29), "x", "number"),
        ("SELECT * { FILTER (?x = ) }", (1, 25), ")", "?variable"),
        ("SELECT ?a, ?b { ?a ?b ?c }", (1, 10), ",", "WHERE"),
        ("SELECT * { ?s ?p ?o } GROUP ?s", (1, 29), "?s", "BY"),
        ("SELECT * { BIND (1 ?x) }", (1, 20), "?x", "AS"),
        ("ASK { ?s ?p ?o } {", (1, 18), "{", "VALUES"),
        ("ASK WHERE", (1, 10), None, "{"),
        ("PREFIX e <http://e/> ASK {}", (1, 8), "e", "prefix:name"),
    ],
)
def test_the_first_token_that_does_not_fit_is_named(
    text: str, place: tuple[int, int], found: str | None, expected: str
) -> None:
    """With its place, and with what could have stood there."""
    error = refine(text, FROM_ENGINE)
    assert (error.line, error.column) == place
    assert error.params.get("found") == found
    assert error.code == ("query-unexpected" if found else "query-ends-early")
    assert expected in error.expected


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("SELECT * { OPTINAL { ?s ?p ?o } }", "OPTIONAL"),
        ("SELECT * WHER { ?s ?p ?o }", "WHERE"),
        ("SELECT * { FILTER CONTAIN(?x, 'a') }", "CONTAINS"),
        ("SELECT * { ?s ?p ?o } ODER BY ?s", "ORDER"),
        ("SELECT * { ?s ?p ?o } XYZZY", ""),
    ],
)
def test_a_misspelt_word_is_put_right(text: str, suggestion: str) -> None:
    """Keywords and functions that are much like it are known."""
    assert refine(text, FROM_ENGINE).params["suggestion"] == suggestion


@pytest.mark.parametrize(
    "text",
    [
        SOUND,
        "CONSTRUCT WHERE { ?s ?p ?o . } LIMIT 1",
        "CONSTRUCT { ?s ?p [] } WHERE { ?s ?p ?o }",
        "DESCRIBE <http://a> ?x { ?x ?p ?o }",
        'VERSION "1.2" ASK { << ?a ?b ?c >> ?p ?o }',
        "ASK { " + "{ " * 2000 + "} " * 2000 + "}",
    ],
)
def test_a_fault_beyond_the_grammar_keeps_the_reason_of_the_engine(text: str) -> None:
    """The grammar finds nothing wrong with what fits it, however deep."""
    error = refine(text, FROM_ENGINE)
    assert (error.code, error.params["words"]) == ("query-invalid", "the engine says so")


def test_every_query_of_the_repository_fits_the_grammar(repository: Path) -> None:
    """What runs is never called wrong."""
    queries = sorted((repository / "queries").rglob("*.rq"))
    assert queries
    for path in queries:
        assert refine(path.read_text(encoding="utf-8"), FROM_ENGINE).code == "query-invalid", path


@pytest.mark.parametrize(
    ("text", "place", "found", "expected"),
    [
        ("CLEAR ALL ; DROP GRAPH DEFAULT", (1, 24), "DEFAULT", "<iri>"),
        ("INSERT DATA { <http://a> <http://b> }", (1, 37), "}", '"text"'),
        ("COPY DEFAULT <http://g>", (1, 14), "<http://g>", "TO"),
        ("DELETE { ?s ?p ?o }\nINSERT { ?s ?p ?o }", (2, 20), None, "WHERE"),
        ("DELETE { ?s ^<http://p> ?o } WHERE { }", (1, 13), "^", "a"),
    ],
)
def test_an_update_is_followed_along_its_own_grammar(
    text: str, place: tuple[int, int], found: str | None, expected: str
) -> None:
    """As exactly as a query."""
    error = refine(text, FROM_ENGINE, "Update")
    assert (error.line, error.column) == place
    assert error.params.get("found") == found
    assert expected in error.expected


def test_a_fault_of_an_update_beyond_the_grammar_keeps_the_reason_of_the_engine() -> None:
    """Every form of operation fits."""
    text = """PREFIX e: <http://e/> INSERT DATA { e:a a "x"@nn-NO , 'y'@en--ltr . GRAPH e:g { [] e:p (1 -2) } . } ;
    WITH e:g DELETE { ?s ?p ?o . } INSERT { GRAPH ?g { ?s ?p << e:a e:b 1 ~ e:c >> } } USING e:g USING NAMED e:h
    WHERE { ?s ^e:p+ ?o FILTER(?o<?p||?o>?s) } ; DELETE WHERE { GRAPH ?g { } } ; CLEAR SILENT NAMED ; DROP ALL ;
    BASE <http://b/> PREFIX f: <f#> CREATE SILENT GRAPH f:g ; MOVE DEFAULT TO GRAPH <x> ; ADD SILENT <x> TO f:g ;"""
    assert refine(text, FROM_ENGINE, "Update").code == "query-invalid"
