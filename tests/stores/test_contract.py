"""What every store promises, asked of each store with the same data."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyoxigraph as ox
import pytest

from kgraph.errors import QuerySyntaxError, QueryTimeoutError, StoreError
from kgraph.formats import CSV, GRAPHS, JSON_RESULTS, N_TRIPLES, RESULTS, TSV, TURTLE, XML_RESULTS, Format
from kgraph.store.base import Cancellation, Query, Row, Store, read_table
from kgraph.vocabulary import GRAPHS as GRAPH
from kgraph.vocabulary import TERMS

CASES = 122
"""The number of cases for each store."""

E = "http://example.org/"
XSD = "http://www.w3.org/2001/XMLSchema#"
PREFIXES = f"PREFIX e: <{E}> PREFIX xsd: <{XSD}> PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
PEOPLE = f"SELECT (COUNT(*) AS ?count) WHERE {{ ?person a <{TERMS}Person> }}"
ENDLESS = "SELECT (COUNT(*) AS ?count) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . FILTER (STR(?c) < STR(?i)) }"

Dataset = tuple[tuple[str, ...], tuple[str, ...]]

RDF_FORMATS = {
    "turtle": ox.RdfFormat.TURTLE,
    "n-triples": ox.RdfFormat.N_TRIPLES,
    "rdf-xml": ox.RdfFormat.RDF_XML,
    "json-ld": ox.RdfFormat.JSON_LD,
    "n-quads": ox.RdfFormat.N_QUADS,
    "trig": ox.RdfFormat.TRIG,
}


def ask(store: Store, text: str, dataset: Dataset | None = None, **substitutions: str) -> tuple[Row, ...]:
    """Return the rows of a SELECT."""
    query = Query(PREFIXES + text, dataset, substitutions)
    return read_table(store.query(query, JSON_RESULTS).read()).rows


def values(store: Store, text: str, dataset: Dataset | None = None, **substitutions: str) -> list[str | None]:
    """Return the values of the first variable of each row, ``None`` where it is unbound."""
    query = Query(PREFIXES + text, dataset, substitutions)
    table = read_table(store.query(query, JSON_RESULTS).read())
    return [row[table.variables[0]].value if table.variables[0] in row else None for row in table.rows]


def count(store: Store, text: str, dataset: Dataset | None = None) -> int:
    """Return the single number that a query answers."""
    return int(values(store, text, dataset)[0] or "")


# Forms and formats


@pytest.mark.parametrize("format", RESULTS, ids=lambda f: f.name)
@pytest.mark.parametrize("truth", [True, False])
def test_a_truth_value_has_every_format(store: Store, format: Format, truth: bool) -> None:
    """JSON and XML as the standard says; CSV and TSV, which it leaves open, hold the word alone."""
    answer = store.query(Query(PREFIXES + f"ASK {{ e:{'a' if truth else 'none'} e:next ?x }}"), format)
    body = answer.read()
    word = str(truth).lower().encode()
    assert answer.format is format
    if format is JSON_RESULTS:
        assert json.loads(body) == {"head": {}, "boolean": truth}
    elif format is XML_RESULTS:
        assert b"<boolean>" + word + b"</boolean>" in body
    else:
        assert body == word


@pytest.mark.parametrize("format", (JSON_RESULTS, XML_RESULTS), ids=lambda f: f.name)
def test_a_table_says_the_same_in_json_and_xml(store: Store, format: Format) -> None:
    """Each kind of term comes as it is, and what is unbound is left out."""
    text = "SELECT ?s ?o ?none { VALUES ?s { e:nn e:iri e:custom e:wide } ?s e:label|e:value|e:text ?o } ORDER BY ?s"
    kinds = {JSON_RESULTS: ox.QueryResultsFormat.JSON, XML_RESULTS: ox.QueryResultsFormat.XML}
    body = store.query(Query(PREFIXES + text), format).read()
    solutions = ox.parse_query_results(io.BytesIO(body), format=kinds[format])
    assert isinstance(solutions, ox.QuerySolutions)
    assert [variable.value for variable in solutions.variables] == ["s", "o", "none"]
    assert [[str(term) if term else None for term in row] for row in solutions] == [
        [f"<{E}custom>", f'"so"^^<{E}type>', None],
        [f"<{E}iri>", f"<{E}Ål/æ>", None],
        [f"<{E}nn>", '"éin"@nn', None],
        [f"<{E}wide>", '"Æ 漢 😀 e\u0301 <&>"', None],
    ]


def test_csv_is_as_the_standard_says(store: Store) -> None:
    """CRLF, raw values, RFC 4180 quotes; unbound is empty."""
    text = (
        "SELECT ?s ?o ?none { VALUES ?s { e:escapes e:nn e:integer e:true } ?s e:label|e:value|e:text ?o } ORDER BY ?s"
    )
    assert store.query(Query(PREFIXES + text), CSV).read().decode() == (
        f's,o,none\r\n{E}escapes,"tab\tline\nreturn\rquote""back\\slash",\r\n{E}integer,42,\r\n{E}nn,éin,\r\n{E}true,true,\r\n'
    )


def test_tsv_is_as_the_standard_says(store: Store) -> None:
    """LF, ? before names, and terms as in Turtle; unbound is empty."""
    text = (
        "SELECT ?s ?o ?none { VALUES ?s { e:escapes e:nn e:integer e:date } ?s e:label|e:value|e:text ?o } ORDER BY ?s"
    )
    assert store.query(Query(PREFIXES + text), TSV).read().decode() == (
        f'?s\t?o\t?none\n<{E}date>\t"2020-01-31"^^<{XSD}date>\t\n'
        f'<{E}escapes>\t"tab\\tline\\nreturn\\rquote\\"back\\\\slash"\t\n<{E}integer>\t42\t\n<{E}nn>\t"éin"@nn\t\n'
    )


@pytest.mark.parametrize("format", GRAPHS, ids=lambda f: f.name)
@pytest.mark.parametrize(
    "text",
    [
        "CONSTRUCT { ?s e:is ?o } { VALUES ?s { e:nn e:custom e:iri e:wide e:integer } ?s e:label|e:value|e:text ?o }",
        "DESCRIBE e:nn e:custom e:iri e:wide e:integer",
    ],
    ids=["construct", "describe"],
)
def test_a_graph_has_every_format(store: Store, format: Format, text: str) -> None:
    """The body is what its label says, and the same statements in each."""
    body = store.query(Query(PREFIXES + text), format).read()
    found = {str(quad.object) for quad in ox.parse(io.BytesIO(body), format=RDF_FORMATS[format.name])}
    assert found == {'"éin"@nn', f'"so"^^<{E}type>', f"<{E}Ål/æ>", '"Æ 漢 😀 e\u0301 <&>"', f'"42"^^<{XSD}integer>'}


def test_turtle_has_the_prefixes_it_uses_in_order(store: Store) -> None:
    """Of the dataset's prefixes those that occur."""
    described = store.query(Query("DESCRIBE <https://w3id.org/inkludering/id/goal/meet>"), TURTLE).read().decode()
    assert [line.split()[1] for line in described.splitlines() if line.startswith("@prefix")] == [
        "goal:", "ink:", "rdf:", "skos:",
    ]  # fmt: skip
    # Which of its statements comes first is the engine's choice.
    assert "goal:meet " in described
    assert "a ink:Goal" in described


# Datasets


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ((GRAPH + "report",), 2),
        ((GRAPH + "authority",), 1),
        ((GRAPH + "asserted",), 2),
        ((GRAPH + "all",), 2),
        ((GRAPH + "inferred",), 0),
        (("http://nope.example/g",), 0),
        ((GRAPH + "report", "http://nope.example/g"), 2),
        ((), 0),
    ],
)
def test_from_names_the_graphs_a_query_is_about(store: Store, default: tuple[str, ...], expected: int) -> None:
    """An unknown graph is empty, and so is a dataset without a default graph."""
    assert count(store, PEOPLE, (default, ())) == expected


def test_a_statement_in_two_graphs_counts_once_in_their_union(store: Store) -> None:
    """Default graphs are merged as sets."""
    assert count(store, PEOPLE, ((GRAPH + "report", GRAPH + "authority"), ())) == 2


def test_the_dataset_given_beside_the_text_wins(store: Store) -> None:
    """FROM in the text has no effect where the request names graphs."""
    text = f"SELECT (COUNT(*) AS ?count) FROM <{GRAPH}report> WHERE {{ ?person a <{TERMS}Person> }}"
    assert count(store, text, ((GRAPH + "authority",), ())) == 1
    assert count(store, text, ((GRAPH + "report",), ())) == 2


def test_the_default_graph_is_the_asserted_union(store: Store) -> None:
    """Data, vocabularies and ontology are in it, each statement once; shapes are not, nor what follows."""
    assert count(store, PEOPLE) == 2
    assert count(store, f"SELECT (COUNT(*) AS ?count) {{ <{TERMS}Person> a ?class }}") == 1
    assert count(store, "SELECT (COUNT(*) AS ?count) { ?s a <http://www.w3.org/ns/shacl#NodeShape> }") == 0


def test_named_graphs_are_those_asked_for(store: Store) -> None:
    """Without a dataset GRAPH sees every named graph; with one it sees the named ones only."""
    text = f"SELECT (COUNT(DISTINCT ?g) AS ?count) {{ GRAPH ?g {{ ?person a <{TERMS}Person> }} }}"
    assert count(store, text) == 2
    assert count(store, text, ((), (GRAPH + "authority",))) == 1
    assert count(store, text, ((GRAPH + "report",), ())) == 0
    assert (
        count(store, text, ((GRAPH + "report",), (GRAPH + "report", GRAPH + "authority", "http://nope.example/"))) == 2
    )


def test_the_graphs_are_listed_with_their_sizes(store: Store) -> None:
    """Each folder of the data is a graph; the union of them is none."""
    graphs = store.graphs()
    assert graphs[GRAPH + "authority"] == 2
    assert {GRAPH + name for name in ("report", "ontology", "vocabulary", "shapes", "terms")} <= set(graphs)
    assert all(name.startswith(GRAPH) and size > 0 for name, size in graphs.items())
    assert GRAPH + "asserted" not in graphs


# Terms


@pytest.mark.parametrize(
    ("name", "value", "datatype"),
    [
        ("integer", "42", XSD + "integer"),
        ("negative", "-7", XSD + "integer"),
        ("decimal", "3.25", XSD + "decimal"),
        ("true", "true", XSD + "boolean"),
        ("false", "false", XSD + "boolean"),
        ("date", "2020-01-31", XSD + "date"),
        ("dateTime", "2020-01-31T10:20:30Z", XSD + "dateTime"),
        ("gYear", "2001", XSD + "gYear"),
        ("string", "plain", None),
        ("anyURI", "http://example.org/a", XSD + "anyURI"),
        ("custom", "so", E + "type"),
        ("empty", "", None),
        ("long", "12345678901234567890123456789", XSD + "integer"),
    ],
    ids=lambda part: str(part).removeprefix(XSD).removeprefix(E),
)
def test_a_literal_comes_back_with_its_datatype(store: Store, name: str, value: str, datatype: str | None) -> None:
    """Value and datatype are those of the data."""
    (row,) = ask(store, f"SELECT ?o {{ e:{name} e:value ?o }}")
    assert (row["o"].kind, row["o"].value, row["o"].datatype) == ("literal", value, datatype)


def test_a_double_keeps_its_value(store: Store) -> None:
    """It may be written in another way."""
    (row,) = ask(store, "SELECT ?o { e:double e:value ?o }")
    assert (float(row["o"].value), row["o"].datatype) == (1.5, XSD + "double")


@pytest.mark.parametrize(("name", "value"), [("integer", "007"), ("decimal", "7.30"), ("boolean", "1")])
def test_lexical_forms_are_kept(store: Store, name: str, value: str) -> None:
    """A literal comes back as it was written."""
    assert values(store, f"SELECT ?o {{ e:lexical-{name} e:lexical ?o }}") == [value]


@pytest.mark.parametrize(("name", "datatype"), [("a", "nonNegativeInteger"), ("b", "long")])
def test_derived_datatypes_are_kept(store: Store, name: str, datatype: str) -> None:
    """A type derived from integer is not widened."""
    (row,) = ask(store, f"SELECT ?o {{ e:derived-{name} e:derived ?o }}")
    assert row["o"].datatype == XSD + datatype


@pytest.mark.parametrize(("name", "value", "tag"), [("nn", "éin", "nn"), ("nb", "en", "nb-no"), ("en", "one", "en-gb")])
def test_a_text_keeps_its_language(store: Store, name: str, value: str, tag: str) -> None:
    """Tags are compared without regard to the case of letters."""
    (row,) = ask(store, f"SELECT ?o {{ e:{name} e:label ?o }}")
    assert (row["o"].value, (row["o"].language or "").lower()) == (value, tag)


def test_languages_are_matched(store: Store) -> None:
    """LANG and LANGMATCHES see the tag, and a pattern with a tag finds the text."""
    assert values(store, "SELECT ?s { ?s e:label ?o FILTER (LANGMATCHES(LANG(?o), 'nb')) }") == [E + "nb"]
    assert values(store, "SELECT ?s { ?s e:label ?o FILTER (LANG(?o) = 'nn') }") == [E + "nn"]
    assert values(store, "SELECT ?s { ?s e:label 'éin'@nn }") == [E + "nn"]
    assert values(store, "SELECT ?s { ?s e:label 'éin' }") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("escapes", 'tab\tline\nreturn\rquote"back\\slash'),
        ("wide", "Æ 漢 😀 e\u0301 <&>"),
        ("control", "bell\u0007"),
        ("curly", 'nodeID://b1 "type": "bnode", ?x {FROM}'),
    ],
)
def test_every_character_comes_back(store: Store, name: str, value: str) -> None:
    """In results and in graphs, as data and as a term in the query."""
    assert values(store, f"SELECT ?o {{ e:{name} e:text ?o }}") == [value]
    body = store.query(Query(PREFIXES + f"CONSTRUCT WHERE {{ e:{name} e:text ?o }}"), N_TRIPLES).read()
    (quad,) = ox.parse(body, format=ox.RdfFormat.N_TRIPLES)
    assert isinstance(quad.object, ox.Literal) and quad.object.value == value
    assert values(store, f"SELECT ?s {{ ?s e:text {ox.Literal(value)} }}") == [E + name]


def test_letters_outside_ascii_stand_in_iris(store: Store) -> None:
    """As data and in the query."""
    assert values(store, "SELECT ?o { e:iri e:value ?o }") == [E + "Ål/æ"]
    assert values(store, f"SELECT ?s {{ ?s e:value <{E}Ål/æ> }}") == [E + "iri"]


def test_a_blank_node_is_the_same_within_an_answer(store: Store) -> None:
    """Two variables that hold one node show one label, and two nodes show two."""
    rows = ask(store, "SELECT ?n ?m ?k { ?n e:part ?m . ?m e:part ?k . ?x e:part ?k }")
    assert len(rows) == 1 and {rows[0]["m"].kind, rows[0]["k"].kind} == {"bnode"}
    assert rows[0]["m"].value != rows[0]["k"].value
    assert values(store, "SELECT (COUNT(DISTINCT ?m) AS ?n) { ?s e:part ?m FILTER (ISBLANK(?m)) }") == ["3"]


def test_a_description_follows_blank_nodes(store: Store) -> None:
    """Down to the last one, and not to what points at the node (concise bounded description)."""
    body = store.query(Query(PREFIXES + "DESCRIBE e:node"), N_TRIPLES).read()
    assert {str(quad.object) for quad in ox.parse(body, format=ox.RdfFormat.N_TRIPLES)} >= {'"deep"', '"middle"'}
    body = store.query(Query(PREFIXES + "DESCRIBE e:b"), N_TRIPLES).read()
    assert [str(quad.subject) for quad in ox.parse(body, format=ox.RdfFormat.N_TRIPLES)] == [f"<{E}b>"]


# What the language can say


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT ?x { e:a e:next+ ?x } ORDER BY ?x", [E + "a", E + "b", E + "c", E + "d"]),
        ("SELECT ?x { e:b e:next* ?x } ORDER BY ?x", [E + "a", E + "b", E + "c", E + "d"]),
        ("SELECT ?x { e:a e:next/e:next ?x }", [E + "c"]),
        ("SELECT ?x { e:d ^e:next ?x }", [E + "c"]),
        ("SELECT ?x { e:a (e:next|e:name) ?x } ORDER BY ?x", [E + "b", "A"]),
        ("SELECT ?x { e:d e:next? ?x }", [E + "d"]),
        ("SELECT ?x { e:a !e:next ?x }", ["A"]),
        ("SELECT ?x { e:none e:next* ?x }", [E + "none"]),
        ("SELECT DISTINCT ?x { e:a e:next*/e:next* ?x }", [E + "a", E + "b", E + "c", E + "d"]),
        ("SELECT DISTINCT ?x { ?x e:next* ?y . ?y e:name 'A' }", [E + "a", E + "b", E + "c"]),
    ],
    ids=[
        "plus",
        "star",
        "sequence",
        "inverse",
        "alternative",
        "optional",
        "negated",
        "zero-length",
        "two-stars",
        "free-ends",
    ],
)
def test_paths_are_followed(store: Store, text: str, expected: list[str]) -> None:
    """Property paths, also around a circle."""
    assert sorted(str(value) for value in values(store, text)) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT ?n { VALUES ?n { 10 9 2.5 -1 } } ORDER BY ?n", ["-1", "2.5", "9", "10"]),
        ("SELECT ?n { VALUES ?n { 'b' 'B' 'a' 'é' } } ORDER BY ?n", ["B", "a", "b", "é"]),
        ("SELECT ?n { VALUES ?n { 'z' e:a UNDEF } } ORDER BY ?n", [None, E + "a", "z"]),
        ("SELECT ?n { VALUES ?n { 1 2 3 } } ORDER BY DESC(?n) LIMIT 1 OFFSET 1", ["2"]),
    ],
    ids=["numbers", "texts", "kinds", "slice"],
)
def test_answers_are_ordered(store: Store, text: str, expected: list[str | None]) -> None:
    """Numbers by value, texts by code point, unbound before IRIs before literals."""
    assert values(store, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT (SUM(?v) AS ?n) { VALUES ?v { 1 2.5 } }", "3.5"),
        ("SELECT (COUNT(*) AS ?n) { e:none e:next ?x }", "0"),
        ("SELECT (GROUP_CONCAT(?v; SEPARATOR='|') AS ?n) { VALUES ?v { 'a' } }", "a"),
        ("SELECT (IF(BOUND(?x), 1, 2) AS ?n) { OPTIONAL { e:none e:next ?x } }", "2"),
        ("SELECT (COALESCE(?x, 'no') AS ?n) { OPTIONAL { e:none e:next ?x } }", "no"),
        ("SELECT (STRLANG('a', 'nn') AS ?n) {}", "a"),
        ("SELECT (REPLACE('abcb', 'b', 'x') AS ?n) {}", "axcx"),
        ("SELECT (STRLEN('æ漢') AS ?n) {}", "2"),
        ("SELECT (YEAR(?d) AS ?n) { e:dateTime e:value ?d }", "2020"),
        ("SELECT ?n { e:a e:next ?n MINUS { ?n e:next e:a } }", E + "b"),
        ("SELECT ?n { e:c e:next ?n FILTER NOT EXISTS { ?n e:next ?m } }", E + "d"),
        ("SELECT ?n { { SELECT ?n { VALUES ?n { 1 2 } } ORDER BY DESC(?n) LIMIT 1 } }", "2"),
        ("SELECT ?n { e:integer e:value ?v BIND (?v + 1 AS ?n) }", "43"),
        ("SELECT ?n { e:integer e:value ?v FILTER (?v = 42.0) BIND ('same' AS ?n) }", "same"),
        ("SELECT (7 / 2 AS ?n) {}", "3.5"),
        ("SELECT (AVG(?v) AS ?n) { VALUES ?v { 1 2 } }", "1.5"),
        ("SELECT ?n { e:integer e:value ?v BIND (?v > 1 AS ?n) }", "true"),
        ("SELECT ?n { BIND (EXISTS { e:a e:next e:b } AS ?n) }", "true"),
        ("SELECT (COALESCE(YEAR(?v), 'none') AS ?n) { e:string e:value ?v }", "none"),
    ],
    ids=[
        "sum",
        "count",
        "concat",
        "if",
        "coalesce",
        "strlang",
        "replace",
        "strlen",
        "year",
        "minus",
        "not-exists",
        "subquery",
        "bind",
        "equality",
        "division",
        "average",
        "comparison",
        "exists",
        "error",
    ],
)  # fmt: skip
def test_what_queries_lean_on_is_there(store: Store, text: str, expected: str) -> None:
    """Aggregates, functions, negation and subqueries."""
    assert values(store, text) == [expected]


def test_an_empty_table_keeps_its_variables(store: Store) -> None:
    """Nothing found is a whole answer."""
    query = Query(PREFIXES + "SELECT ?a ?b { e:none ?a ?b }")
    assert store.query(query, TSV).read() == b"?a\t?b\n"
    assert read_table(store.query(query, JSON_RESULTS).read()).variables == ("a", "b")
    assert store.query(Query(PREFIXES + "CONSTRUCT WHERE { e:none ?a ?b }"), N_TRIPLES).read() == b""


# Substitutions


@pytest.mark.parametrize(
    ("text", "terms", "expected"),
    [
        ("SELECT ?x ?o { ?x e:next ?o }", {"x": f"<{E}a>"}, [E + "a"]),
        ("SELECT ?s ?x { ?s e:label ?x }", {"x": '"éin"@nn'}, [E + "nn"]),
        ("SELECT ?s ?x { ?s e:value ?x }", {"x": f'"2020-01-31"^^<{XSD}date>'}, [E + "date"]),
        ("SELECT ?s ?x { ?s e:text ?x }", {"x": '"nodeID://b1 \\"type\\": \\"bnode\\", ?x {FROM}"'}, [E + "curly"]),
        ("SELECT ?s ?x { ?s e:next ?o FILTER (?o = ?x) }", {"x": f"<{E}d>"}, [E + "c"]),
        ("SELECT ?s ?x { { ?s e:name ?x } UNION { ?s e:next ?o FILTER (?o = ?x) } }", {"x": f"<{E}b>"}, [E + "a"]),
        ("SELECT ?s ?x ?y { ?s e:next ?x , ?y }", {"x": f"<{E}a>", "y": f"<{E}d>"}, [E + "c"]),
        ("SELECT ?x { }", {"x": '"} UNION { ?s ?p ?o"'}, ["} UNION { ?s ?p ?o"]),
        ("SELECT ?s ?x { ?s e:name ?x }", {"x": '"nobody"'}, []),
    ],
    ids=["iri", "language", "datatype", "quotes", "filter", "union", "two", "like-syntax", "none"],
)
def test_a_variable_is_bound_to_a_term(store: Store, text: str, terms: dict[str, str], expected: list[str]) -> None:
    """Substitutions are terms and never text."""
    assert values(store, text, None, **terms) == expected


# Long answers, errors, and what happens beside them


LONG = "SELECT ?s ?p ?o ?q { ?s ?p ?o . VALUES ?q { 1 2 3 4 } } LIMIT 15000"


def test_a_long_answer_is_whole(store: Store) -> None:
    """More than one chunk, and no row is missing."""
    answer = store.query(Query(LONG), JSON_RESULTS)
    body = answer.read()
    assert len(body) > 1_000_000
    total = count(store, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    assert len(read_table(body).rows) == min(4 * total, 15000)


def test_a_long_answer_may_be_given_up(store: Store) -> None:
    """What is not read does no harm to what is asked next."""
    for _ in range(3):
        answer = store.query(Query(LONG), JSON_RESULTS)
        assert next(iter(answer.chunks))
        answer.close()
    assert store.query(Query("ASK {}"), CSV).read() == b"true"


def test_a_short_answer_has_a_length(store: Store) -> None:
    """It is known before it is read, and true."""
    answer = store.query(Query("ASK {}"), XML_RESULTS)
    assert answer.length == len(answer.read())


@pytest.mark.parametrize(
    "text",
    ["SELECT * {\n ?s ?p }", "SELECT *\n{ ?s ?p ?o }}", "ASK {\nFILTER (1 = ) }"],
    ids=["triple", "bracket", "filter"],
)
def test_a_syntax_error_has_a_place(store: Store, text: str) -> None:
    """The line is that of the fault; the engine's complaint comes as ours."""
    with pytest.raises(QuerySyntaxError) as caught:
        store.query(Query(text), JSON_RESULTS)
    assert caught.value.line == 2
    assert caught.value.params["reason"]


def test_a_query_ends_at_its_deadline(store: Store) -> None:
    """With an error that says how long it might take, and the store is good for others."""
    with pytest.raises(QueryTimeoutError) as caught:
        store.query(Query(ENDLESS, timeout=1.0), CSV)
    assert caught.value.seconds == 1.0
    assert store.query(Query("ASK {}"), CSV).read() == b"true"


def test_a_query_is_given_up_from_another_thread(store: Store) -> None:
    """By its canceller and not by its deadline."""
    cancellation = Cancellation()
    timer = threading.Timer(0.3, cancellation.cancel)
    timer.start()
    with pytest.raises(StoreError) as caught:
        store.query(Query(ENDLESS, timeout=15.0, cancellation=cancellation), CSV)
    assert not isinstance(caught.value, QueryTimeoutError)
    assert store.query(Query("ASK {}"), CSV).read() == b"true"


def test_many_ask_at_once(store: Store) -> None:
    """Each gets its own answer."""

    def double(number: int) -> Any:
        return values(store, f"SELECT ({number} * 2 AS ?n) {{}}")

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(double, range(40))) == [[str(2 * number)] for number in range(40)]


def test_an_answer_names_the_revision_of_the_store(store: Store) -> None:
    """Whether it is known or not."""
    assert store.query(Query("ASK {}"), CSV).revision == store.revision


def test_a_deviation_has_a_reason_and_tests(store: Store) -> None:
    """Nothing is declared that is not shown."""
    for deviation in store.deviations:
        assert deviation.name and deviation.reason.endswith(".") and deviation.tests
        assert all(test.partition("[")[0] in globals() for test in deviation.tests)


def test_each_store_is_asked_the_same(request: pytest.FixtureRequest) -> None:
    """The suite has the number of cases it should have, for each store."""
    arguments = request.config.invocation_params.args
    if any("::" in str(argument) or str(argument) in ("-k", "-m", "--lf", "--ff") for argument in arguments):
        pytest.skip("a part of the suite was asked for")
    names: dict[str, int] = {}
    for item in request.session.items:
        kind = getattr(item, "callspec", None) and item.callspec.params.get("adapter")  # type: ignore[attr-defined]
        if kind is not None and item.path.name == "test_contract.py":
            names[kind.name] = names.get(kind.name, 0) + 1
    assert {"embedded", "workers", "journaled", "disk", "oxigraph", "virtuoso"} <= set(names)
    assert set(names.values()) == {CASES}
