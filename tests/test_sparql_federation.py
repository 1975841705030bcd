"""Calls of other endpoints, found in the text of a query and replaced in it."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kgraph.errors import QuerySyntaxError, RequestError
from kgraph.sparql.federation import FilledText, ServiceCall, inline_data, without_calls
from kgraph.sparql.text import Limits, read_query_text
from kgraph.sparql.update import read_update_text

E = "SERVICE <http://e/> "
LIMITS = Limits(endpoints=frozenset(("http://e/", "http://e/other")), calls=3)


def calls_of(text: str) -> tuple[ServiceCall, ...]:
    """Return the calls of a query."""
    return read_query_text(text, LIMITS).calls


@pytest.mark.parametrize(
    ("pattern", "variables"),
    [
        ("{}", ""),
        ("{ ?s ?p ?o }", "s p o"),
        ("{ $s ?p $s }", "s p"),
        ("{ ?s <p>/^<q> [ <r> ?o ], ( ?x _:b ) }", "s o x"),
        ("{ << ?a ?b ?c ~ ?r >> ?p <<( ?d <p> ?e )>> {| ?f ?g |} }", "a b c r p d e f g"),
        ("{ ?s ?p ?o FILTER(?x = ?y) FILTER NOT EXISTS { ?a ?b ?c } FILTER REGEX(?s, ?r) }", "s p o"),
        ("{ ?s ?p ?o FILTER <http://www.w3.org/2001/XMLSchema#boolean>(?z) }", "s p o"),
        ("{ ?s ?p ?o FILTER(?s IN (?x, (?y + 1))) ?s ?q ?r }", "s p o q r"),
        ("{ ?s ?p ?o MINUS { ?x ?y ?z } OPTIONAL { ?o ?q ?r } }", "s p o q r"),
        ("{ BIND(CONCAT(STR(?x), (?y)) AS ?z) VALUES ?v { 1 } VALUES (?a ?b) { (UNDEF 1) } }", "z v a b"),
        ("{ BIND(EXISTS { ?a ?b ?c } AS ?z) }", "z"),
        ("{ GRAPH ?g { ?s <p> 1 } { <s> ?u 1 } UNION { SERVICE ?w { <s> <p> ?x } } }", "g s u x"),
        ("{ SELECT ?s (COUNT(?o) AS ?n) { ?s ?p ?o } GROUP BY ?s HAVING(COUNT(?o) > 1) }", "s n"),
        ("{ ?a <p> 1 { SELECT DISTINCT (STR(?s) AS ?t) WHERE { ?s ?p ?o } ORDER BY ?q } ?b <p> 1 }", "a t b"),
        ("{ { SELECT * { ?s <p> 1 MINUS { ?x ?y ?z } { SELECT ?i { ?i ?j ?k } } } } }", "s i"),
        ("{ SELECT REDUCED * { ?s <p> 1 } ORDER BY (EXISTS { VALUES ?x { 1 } }) ?y VALUES ?v { 1 } }", "s v"),
        ("{ SELECT ?s { ?s ?p ?o } VALUES ?v { 1 } }", "s"),
    ],
)
def test_the_variables_in_scope_are_those_of_the_specification(pattern: str, variables: str) -> None:
    """SPARQL 1.1 Query, section 18.2.1, for each kind of pattern; the engine's ``SELECT *`` has the same."""
    text = f"BASE <http://b/> SELECT * {{ {E}{pattern} }}"
    (call,) = calls_of(text)
    assert " ".join(call.variables) == variables
    columns = " ".join("?" + name for name in call.variables) or "(1 AS ?kgraph_row)"
    assert call.query == f"BASE <http://b/> SELECT {columns} WHERE {pattern}"
    assert text[call.start : call.end] == f"{E}{pattern}"
    by_engine = ox.Store().query(f"BASE <http://b/> SELECT * {pattern}")
    assert isinstance(by_engine, ox.QuerySolutions)
    assert {variable.value for variable in by_engine.variables} == set(call.variables)


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        (f"SELECT ?s {{ {E}{{ ?s ?p ?o }} }}", ["s"]),
        (f"SELECT * {{ {E}{{ ?s ?p ?o }} }}", ["s p o"]),
        (f"SELECT DISTINCT * {{ {E}{{ ?s ?p ?o }} }}", ["s p o"]),
        (f"DESCRIBE * {{ {E}{{ ?s ?p ?o }} }}", ["s p o"]),
        (f"SELECT (COUNT(*) AS ?n) {{ {E}{{ ?s ?p ?o }} }}", [""]),
        (f"SELECT (COUNT(DISTINCT *) AS ?n) {{ {E}{{ ?s ?p ?o }} }}", ["s p o"]),
        (f"SELECT ?s {{ ?s <http://x/p>* ?t FILTER(?t * 2 = 4) {E}{{ ?s ?p ?o }} }}", ["s"]),
        (f"SELECT ?s {{ {{ SELECT * {{ {E}{{ ?s ?p ?o }} }} }} }}", ["s p o"]),
        (f"SELECT ?s {{ {E}{{ SELECT * {{ ?s ?p ?o }} }} }}", ["s"]),
        (f"SELECT ?s {{ {E}{{ ?s ?p ?o }} {E}{{ ?o ?q ?r }} }}", ["s o", "o"]),
        (f"ASK {{ {E}{{ ?s ?p ?o }} FILTER(?p = ?x) }}", ["p"]),
        (f"CONSTRUCT {{ ?s ?s ?s }} {{ {E}{{ ?s ?p ?o }} }} ORDER BY $o", ["s o"]),
    ],
)
def test_solutions_are_asked_for_what_the_rest_of_the_query_names(text: str, variables: list[str]) -> None:
    """What nobody looks at need not be sent; ``*`` looks at everything."""
    assert [" ".join(call.variables) for call in calls_of(text)] == variables


@pytest.mark.parametrize(
    "text",
    [
        "# SERVICE <http://e/> {\nSELECT * { ?s ?p ?o }",
        'SELECT * { ?s ?p \'SERVICE <http://e/> {\' , """SERVICE <x> { " """ }',
        "PREFIX service: <http://e/> SELECT ?service { ?service service:service ?o }",
        "SELECT * { ?s <SERVICE> ?o }",
    ],
)
def test_what_only_looks_like_a_call_is_none(text: str) -> None:
    """Comments, strings, names and variables."""
    read = read_query_text(text, LIMITS)
    assert (read.calls, read.is_volatile) == ((), False)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { SERV\\u0049CE <http://e/> { ?s ?p '}' } }",
        "SELECT * { service#{\n<http://e/>{ ?s ?p '''SERVICE <x> {''' # }\n} }",
        'PREFIX e: <http://e/> SELECT * { Service e: { ?s ?p "\\"}" } }',
        "BASE <http://e/a> SELECT * { SERVICE <.> { ?s ?p 1 } }",
        "PREFIX e: <http://e/> SELECT * { { SERVICE <http://e/> { ?s e:a.b 1 . SERVICE ?x { ?s e:p\\- 1 } } } }",
        "SELECT * { FILTER(?a<?b) SERVICE <http://e/> { ?s ?p ?o FILTER(?s<?o&&?o>1) } }",
    ],
)
def test_a_call_is_found_however_it_is_written(text: str) -> None:
    """Escapes, comments, prefixes, relative addresses, strings with brackets, operators that look like IRIs."""
    read = read_query_text(text, LIMITS)
    (call,) = read.calls
    assert call.address == "http://e/"
    assert read.text[call.start :][:7].upper() == "SERVICE"
    assert read.text[call.end - 1] == "}"
    assert read.text[call.end :].strip(" }") == ""
    assert read.is_volatile


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ASK { SERVICE <http://e> {} }", "service-not-listed"),
        ("ASK { SERVICE <HTTP://e/> {} }", "service-not-listed"),
        ("ASK { SERVICE <http://e/?> {} }", "service-not-listed"),
        ("ASK { SERVICE SILENT <http://127.0.0.1/> {} }", "service-not-listed"),
        ("BASE <http://x/> ASK { SERVICE <> {} }", "service-not-listed"),
        ("ASK { SERVICE ?s {} }", "service-variable"),
        (f"ASK {{ {E * 1}{{}} {E}{{}} {E}{{}} {E}{{}} }}", "service-too-many"),
    ],
)
def test_a_call_that_may_not_be_made_is_refused(text: str, code: str) -> None:
    """The address is compared letter by letter, and SILENT changes nothing."""
    with pytest.raises(RequestError) as caught:
        read_query_text(text, LIMITS)
    assert caught.value.code == code
    assert caught.value.params["line"] == 1


SHARED = f"ASK {{ _:a ?p ?o . {E}{{ _:a ?q ?r }} }}"
SHARED_BY_CALLS = f"ASK {{ {E}{{ _:a ?p ?o }} {E}{{ _:a ?q ?r }} }}"


@pytest.mark.parametrize(
    "text", [f"ASK {{ {E}{{ ?s ?p }} }}", f"ASK {{ {E} ?s }}", f"ASK {{ {E}{{ ", f"{E}{{}}", SHARED, SHARED_BY_CALLS]
)
def test_a_call_that_breaks_the_grammar_is_a_fault_of_the_text(text: str) -> None:
    """It is never cut out of a text that is not understood."""
    with pytest.raises(QuerySyntaxError):
        read_query_text(text, LIMITS)


def test_updates_call_nobody() -> None:
    """With a list of endpoints too."""
    with pytest.raises(RequestError, match="service-refused"):
        read_update_text(f"INSERT {{ ?s ?p ?o }} WHERE {{ {E}{{ ?s ?p ?o }} }}", LIMITS)


TEXT = f"SELECT ?s {{\n ?a ?b ?c . {E}{{\n ?s ?p\r\n ?o }} . ?s ?q ?z\n OPTIONAL {{ {E}{{ ?s ?x ?o }} }} ?last ?u 1 }}"


def filled() -> FilledText:
    """Return a query with two calls, each filled with rows that are longer and shorter than it."""
    calls = calls_of(TEXT)
    long, short = [("<http://x/" + "x" * 200 + ">", None)] * 2, [("1", "2")]
    return FilledText(
        TEXT, calls, tuple(inline_data(c.variables, d) for c, d in zip(calls, (long, short), strict=True))
    )


def test_calls_are_replaced_by_their_solutions() -> None:
    """Each solution as often as it came, what is unbound as UNDEF, on one line, and the rest of the text as it was."""
    term = "<http://x/" + "x" * 200 + ">"
    first = f"VALUES (?s ?o) {{ ({term} UNDEF) ({term} UNDEF) }}"
    second = "VALUES (?s ?o) { (1 2) }"
    wanted = f"SELECT ?s {{\n ?a ?b ?c .  {first}  . ?s ?q ?z\n OPTIONAL {{  {second}  }} ?last ?u 1 }}"
    assert filled().text == wanted
    assert read_query_text(wanted).calls == ()


@pytest.mark.parametrize("word", ["SELECT", "?a", "?q", "OPTIONAL", "?last", "?u"])
def test_places_lead_back_to_the_original(word: str) -> None:
    """A word outside of the calls has its place in the text that was sent."""

    def place(text: str) -> tuple[int, int]:
        before = text[: text.index(word)].replace("\r\n", "\n")
        return before.count("\n") + 1, len(before) - before.rfind("\n")

    text = filled()
    assert text.place_of(*place(text.text)) == place(TEXT)


def test_places_within_solutions_lead_to_their_call() -> None:
    """Just after its beginning, so that SERVICE is the last token before the place."""
    text = filled()
    assert text.place_of(2, 100) == (2, 14)
    line = text.text.splitlines()[2]
    assert text.place_of(3, line.index("(1 2)") + 1) == (5, 14)


def test_a_text_without_its_calls_keeps_every_place() -> None:
    """What is left fits the grammar and stands where it stood."""
    calls = calls_of(TEXT)
    left = without_calls(TEXT, calls)
    assert len(left) == len(TEXT) and left.count("\n") == TEXT.count("\n")
    assert "SERVICE" not in left and left.index("?last") == TEXT.index("?last")
    assert read_query_text(left, LIMITS).calls == ()
