"""What a query says stays the same when its text is made fit for another engine."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kgraph.sparql.rewriting import add_dataset, bind_values, count_rows, drop_dataset, name_columns
from kgraph.sparql.text import read_query_text

DATA = "".join(
    f"<http://e/s{n}> <http://e/p> {n} . <http://e/s{n}> <http://e/q> <http://e/s{n + 1}> .\n" for n in range(4)
)
TERM = "<http://e/s1>"


def answer(text: str, **terms: ox.NamedNode) -> list[list[str]]:
    """Return the rows of a SELECT on the data, in order."""
    store = ox.Store()
    store.load(DATA, format=ox.RdfFormat.TURTLE)
    bound = {ox.Variable(name): term for name, term in terms.items()}
    solutions = store.query(text, substitutions=bound)
    assert isinstance(solutions, ox.QuerySolutions)
    return sorted([str(value) for value in row] for row in solutions)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ?x ?o { ?x <http://e/p> ?o }",
        "SELECT ?x { }",
        "SELECT ?x ?s { ?s <http://e/p> ?o FILTER (?s = ?x) }",
        "SELECT ?x ?o { { ?s <http://e/p> ?o FILTER (?s = ?x) } UNION { ?x <http://e/q> ?o } }",
        "SELECT ?x ?o { OPTIONAL { { ?s <http://e/p> ?o FILTER (?s = ?x) } } }",
        "SELECT ?x ?s ?o { ?s <http://e/p> ?o MINUS { ?x <http://e/p> ?o } }",
        "SELECT ?x ?s { ?s <http://e/p> ?o FILTER NOT EXISTS { ?s <http://e/q> ?t FILTER (?t = ?x) } }",
        "SELECT ?x ?n { { SELECT ?x (COUNT(*) AS ?n) { ?s <http://e/p> ?o FILTER (?s != ?x) } GROUP BY ?x } }",
        "SELECT ?x ?n { { SELECT (COUNT(*) AS ?n) { ?x <http://e/p> ?o } } }",
        "SELECT ?x ?o { SELECT * { ?x <http://e/p> ?o } }",
        "SELECT ?x (COUNT(*) AS ?n) { ?x <http://e/p> ?o } GROUP BY ?x",
        "SELECT ?x ?o { VALUES (?o ?x) { (1 <http://e/s1>) (2 <http://e/s2>) } ?x <http://e/p> ?o } # { ?x",
        "SELECT ?x ?o { ?x <http://e/p> ?o } VALUES ?o { 1 2 }",
        "SELECT ?x ?l { ?x <http://e/p> ?o BIND ('{ ?x }' AS ?l) }",
        "PREFIX e: <http://e/> SELECT ?x ?z { GRAPH ?g { ?x e:p ?o } ?x e:q/e:p ?z }",
    ],
)
def test_a_bound_variable_is_what_the_engine_would_bind(text: str) -> None:
    """VALUES in the text and a substitution in the engine give the same rows."""
    bound = bind_values(text, {"x": TERM})
    assert bound.count("VALUES (?x)") >= 1
    assert answer(bound) == answer(text, x=ox.NamedNode("http://e/s1"))


def test_several_variables_stand_in_one_row() -> None:
    """Terms come in the order of the names, and a group gets those that it uses."""
    text = "SELECT ?a ?b { { ?a ?p ?o } }"
    bound = bind_values(text, {"b": '"}"', "a": "<a:a>"})
    assert bound == 'SELECT ?a ?b { VALUES (?a ?b) { (<a:a> "}") }  { VALUES (?a) { (<a:a>) }  ?a ?p ?o } }'
    assert bind_values(text, {}) == text


def test_the_dataset_leaves_white_space() -> None:
    """Every line and column stays; FROM in a string or a comment is no clause."""
    text = "PREFIX g: <http://g/>\nSELECT ('FROM <x:x>' AS ?a) # FROM <y:y>\nFROM NAMED g:a FROM\n<b:b> { ?s ?p ?o }"
    dropped = drop_dataset(text)
    assert dropped.splitlines()[:2] == text.splitlines()[:2]
    assert dropped.splitlines()[2].isspace()
    assert dropped.index("{ ?s") == text.index("{ ?s")
    assert drop_dataset("ASK { ?from ?p ?o }") == "ASK { ?from ?p ?o }"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("CONSTRUCT { ?s a <a:a> . <b:b> ?p '}' } WHERE { ?s <http://e/p> ?o }", 4),
        ("CONSTRUCT { ?s a <a:a> } { ?s ?p ?o } LIMIT 3", 3),
        ("CONSTRUCT WHERE { ?s <http://e/q> ?o }", 4),
        ("DESCRIBE ?s <a:a> WHERE { ?s <http://e/p> 1 }", 1),
        ("DESCRIBE * { ?s <http://e/p> ?o FILTER (?o > 1) }", 2),
        ("DESCRIBE <a:a>", None),
        ("DESCRIBE", None),
    ],
)
def test_the_rows_behind_a_graph_are_counted(text: str, rows: int | None) -> None:
    """A SELECT has a row for each solution that the graph is made of."""
    counting = count_rows(text)
    assert (counting if counting is None else len(answer(counting))) == rows


@pytest.mark.parametrize(
    "text",
    [
        "SELECT (EXISTS { ?a ?b ?c } AS ?z) WHERE { ?x a ?y }",
        "SELECT * { ?x a ?y } ORDER BY ?x LIMIT 1",
        "ASK { }",
        "CONSTRUCT { ?a ?b ?c } WHERE { ?a ?b ?c }",
        "CONSTRUCT WHERE { ?a ?b ?c }",
        "DESCRIBE <http://e/s1>",
        "DESCRIBE ?x WHERE { ?x a ?y } LIMIT 1",
        "DESCRIBE <http://e/s1> LIMIT 1",
        "SELECT * { ?x a ?y } # WHERE",
    ],
)
def test_a_graph_is_put_where_a_dataset_may_stand(text: str) -> None:
    """The engine reads what comes of it, and so do we."""
    made = add_dataset("PREFIX e: <http://e/> " + text, "http://e/g")
    assert read_query_text(made).default_graphs == ("http://e/g",)
    ox.Store().query(made)


@pytest.mark.parametrize(
    ("text", "names", "named"),
    [
        ("SELECT * { ?s ?p ?o }", ["o", "p", "s"], "SELECT ?s ?p ?o { ?s ?p ?o }"),
        ("select distinct*{?b a $a}", ["a", "b"], "select distinct?b ?a{?b a $a}"),
        ("# SELECT *\nSELECT REDUCED * { ?b ?a 1 }", ["a", "b"], "# SELECT *\nSELECT REDUCED ?b ?a { ?b ?a 1 }"),
        ("SELECT * { { SELECT * { ?b ?x ?a } } }", ["a", "b"], "SELECT ?b ?a { { SELECT * { ?b ?x ?a } } }"),
        ("SELECT * { }", [], "SELECT * { }"),
        ("SELECT ?b { { SELECT * { ?b ?a 1 } } }", ["b"], "SELECT ?b { { SELECT * { ?b ?a 1 } } }"),
        ("ASK { { SELECT * { ?b ?a 1 } } }", [], "ASK { { SELECT * { ?b ?a 1 } } }"),
    ],
)
def test_the_columns_of_all_variables_come_in_the_order_of_the_text(text: str, names: list[str], named: str) -> None:
    """The outermost SELECT alone is changed, and nothing else of the text."""
    assert name_columns(text, names) == named
