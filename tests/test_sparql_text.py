"""What the tokens of a query tell before an engine sees it."""

from __future__ import annotations

import pyoxigraph
import pytest

from kgraph.errors import QuerySyntaxError, RequestError
from kgraph.sparql.text import Limits, read_query_text
from kgraph.sparql.tokens import iter_tokens


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("SELECT * {}", "SELECT"),
        ("select * { ?s ?p '''it''s''' , \"\" , '' }", "SELECT"),
        ("# a comment with SERVICE\r\nBASE <http://e/> PREFIX : <x> ASK { :a :b 1.0 }", "ASK"),
        ('VERSION "1.2" CONSTRUCT WHERE { ?s ?p <<( ?a ?b ?c )>> }', "CONSTRUCT"),
        ("\ufeffDESCRIBE <http://e/>", "DESCRIBE"),
        ("\\u0053ELECT * {}", "SELECT"),
        ("ASK { FILTER (?a<?b && ?c>?d) }", "ASK"),
        ("SELECT (COUNT(*)as?c){?s?p?o}", "SELECT"),
        ('PREFIX e: <http://e/> ASK { e:it\\\'s e:a.b \'SERVICE\' , """a "quoted" LOAD""" }', "ASK"),
        ("ASK { ?SERVICE ?p ?o }", "ASK"),
        ("SELECT * {} # the end", "SELECT"),
    ],
)
def test_the_form_of_a_query_is_told(text: str, form: str) -> None:
    """Comments, strings, escapes and declarations do not hide the form."""
    assert read_query_text(text).form == form


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "query-empty", 1, 1),
        ("# nothing", "query-empty", 1, 1),
        ("SELCT * {}", "query-unexpected", 1, 1),
        ("SELECT * {\n  ?s e:p ?o }", "query-undeclared-prefix", 2, 6),
        ("SELECT * {\r\n  ?s e:p ?o }", "query-undeclared-prefix", 2, 6),
        ("SELECT * { ?s ?p 'abc }", "query-unclosed-string", 1, 18),
        ("SELECT * {{ ", "query-unclosed-bracket", 1, 11),
        ("SELECT * { ( }", "query-unexpected", 1, 14),
        ("SELECT * { } }", "query-unopened-bracket", 1, 14),
        ("SELECT * { § }", "query-unknown-character", 1, 12),
        ("SELECT * FROM <http://e/\\u0020> {}", "query-invalid", 1, 15),
        ("PREFIX : <\\uD800http://e/> ASK FROM NAMED :g {}", "query-invalid", 1, 43),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, code: str, line: int, column: int) -> None:
    """The place is the first character of the token that is wrong."""
    with pytest.raises(QuerySyntaxError) as caught:
        read_query_text(text)
    assert (caught.value.code, caught.value.line, caught.value.column) == (code, line, column)


def test_an_undeclared_prefix_is_named_with_its_declaration_or_a_near_one() -> None:
    """A prefix of kgraph's is declared in the advice; a misspelt one is put right."""
    with pytest.raises(QuerySyntaxError) as known:
        read_query_text("ASK { ?s ink:page ?o }")
    assert known.value.params["declaration"] == "PREFIX ink: <https://w3id.org/inkludering/ont#>"
    with pytest.raises(QuerySyntaxError) as misspelt:
        read_query_text("ASK { ?s skoss:prefLabel ?o }")
    assert misspelt.value.params["suggestion"] == "skos:"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { SERVICE <http://127.0.0.1/> {} }",
        "SELECT * { service silent ?where {} }",
        "SELECT * { { OPTIONAL { \\u0053ERVICE <http://e/> {} } } }",
        "SELECT * { SERV\\u0049CE <http://e/> {} }",
        "SELECT * { FILTER EXISTS { SERVICE#comment\n<http://e/> {} } }",
        "SELECT * { ?s ?p '\\'' . SERVICE <http://e/> {} }",
        "PREFIX e: <http://e/> SELECT * { e:a e:b\\' . SERVICE <http://e/> { ?s ?p '' } }",
        "SELECT * { ?s ?p '\\u0022' . SERVICE <http://e/> { ?s ?p '\\u0022' } }",
        'SELECT * { ?s ?p "\\u0022" . SERVICE <http://e/> { ?s ?p "\\u0022" } }',
        "SELECT * { FILTER(?a<?b)SERVICE#>)\n<http://e/>{} }",
        "CONSTRUCT { ?s ?p ?o } WHERE { { SELECT * { SERVICE <http://e/> { ?s ?p ?o } } } }",
    ],
)
def test_service_is_refused_however_it_is_spelt(text: str) -> None:
    """No other server is asked on behalf of a query."""
    with pytest.raises(RequestError) as caught:
        read_query_text(text)
    assert (caught.value.code, caught.value.status) == ("service-refused", 403)


@pytest.mark.parametrize("text", ["INSERT DATA {}", "PREFIX e: <http://e/> LOAD <file:///etc/passwd>", "drop all"])
def test_an_update_is_not_a_query(text: str) -> None:
    """An update sent as a query is told to be one."""
    with pytest.raises(RequestError) as caught:
        read_query_text(text)
    assert caught.value.code == "update-as-query"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ASK { FILTER(" + "(" * 300 + "1" + ")" * 300 + ") }", "query-too-deep"),
        ("ASK " + "{" * 300 + "}" * 300, "query-too-deep"),
        ("ASK { FILTER(" + "!" * 300 + "?x) }", "query-too-deep"),
        ("ASK { FILTER(" + "1||" * 1100 + "1) }", "query-too-branched"),
        ("ASK { {} " + "UNION {} " * 1100 + "}", "query-too-branched"),
        ("ASK { " + "MINUS {} " * 1100 + "}", "query-too-branched"),
        ("ASK { " + "".join(f"BIND(1 AS ?x{number}) " for number in range(1100)) + "}", "query-too-branched"),
        ("ASK { " + "FILTER(?x) " * 1100 + "}", "query-too-branched"),
        ("ASK { FILTER(" + "1-" * 1100 + "1) }", "query-too-branched"),
        ("ASK {} #" + "x" * 2000, "query-too-long"),
    ],
)
def test_a_text_too_deep_too_branched_or_too_long_is_refused(text: str, code: str) -> None:
    """What would overflow the engine's parser never reaches it."""
    with pytest.raises(RequestError) as caught:
        read_query_text(text, Limits(length=2000) if code == "query-too-long" else None)
    assert caught.value.code == code


def test_long_lists_are_not_taken_for_depth() -> None:
    """Negative numbers and paths in great numbers are no trouble for the engine."""
    rows = "VALUES (?x ?y) { " + "(-1 +1) " * 5000 + "} VALUES ?z { " + "-1 " * 5000 + "}"
    assert read_query_text(f"ASK {{ {rows} ?s <http://e/a>+ ?o {'. ?s <http://e/a>/<http://e/b> ?o' * 1100} }}").form


def test_the_dataset_clause_is_read_with_prefixes_and_base() -> None:
    """FROM and FROM NAMED give IRIs however they are written."""
    text = "BASE <http://e/> PREFIX g: <http://g/> SELECT * FROM <a> FROM g:b FROM NAMED <http://n/> { }"
    read = read_query_text(text)
    assert read.default_graphs == ("http://e/a", "http://g/b")
    assert read.named_graphs == ("http://n/",)
    assert read_query_text("SELECT * {}").default_graphs is None


def test_a_query_whose_answer_changes_by_itself_is_known() -> None:
    """NOW, RAND and their like make an answer that must not be kept."""
    assert read_query_text("SELECT (NOW() AS ?t) {}").is_volatile
    assert not read_query_text("SELECT ?now {}").is_volatile


def test_tokens_know_their_places() -> None:
    """Line and column count from 1, whatever ends the lines."""
    places = [(token.text, token.line, token.column) for token in iter_tokens("ASK\r\n{\n  ?s\r?p }")]
    assert places == [("ASK", 1, 1), ("{", 2, 1), ("?s", 3, 3), ("?p", 4, 1), ("}", 4, 4)]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s ?p trueSERVICE<http://e/> {} }",
        "SELECT * { SERVICESILENT<http://e/> {} }",
        "PREFIX e: <http://e/> PREFIX SERVICEe: <http://e/> SELECT * { SERVICEe:a {} }",
    ],
)
def test_a_keyword_that_runs_into_its_neighbours_is_refused(text: str) -> None:
    """The engine would take it for SERVICE."""
    with pytest.raises(QuerySyntaxError) as caught:
        read_query_text(text)
    assert caught.value.code == "query-unexpected"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s ?p ?o FILTER(?s<?p&&?o>1) }",
        "SELECT * { ?s ?p ?o FILTER(?o<=1&&?o>=0) FILTER((?o<(2))&&(?o>1)) }",
        "BASE <http://e/> SELECT * { ?s<#p>?o . ?o <urn:x:y> ?s }",
        "PREFIX service: <http://e/> SELECT ?service { ?service service:service ?o }",
    ],
)
def test_what_could_be_read_in_two_ways_is_read_as_the_engine_reads_it(text: str) -> None:
    """Less-than signs without spaces, IRIs without, and names that look like keywords."""
    pyoxigraph.Store().query(read_query_text(text).text)


def test_escapes_are_decoded_where_the_engine_does_not_decode_them() -> None:
    """In names and keywords; within strings and IRIs those that could end them are left to the engine."""
    text = "PREFIX e: <http://e/\\u00E5> SEL\\u0045CT ('\\u0027\\\\u0041' AS ?\\u0078) { VALUES ?y { e\\u003Aa } }"
    solutions = pyoxigraph.Store().query(read_query_text(text).text)
    assert isinstance(solutions, pyoxigraph.QuerySolutions)
    (solution,) = solutions
    assert str(solution["x"]) == '"\'\\\\u0041"'


def test_a_text_of_many_signs_and_words_is_read_to_its_end() -> None:
    """No token is looked for far ahead again and again; with a search of that kind this would take hours."""
    assert sum(1 for _ in iter_tokens("a." * 200_000)) == 400_000
    glued = "ASK { FILTER(" + "+".join(["(?a<?b&&?c>1)"] * 900) + ") }"
    assert read_query_text(glued).form == "ASK"


def test_comments_before_a_query_hide_nothing() -> None:
    """A comment at the head of a text leaves it as it is; what only looks like one does not."""
    for text in ("# SERVICE\nSELECT * { ?s ?p ?o }", "#a\r\n# b\nPREFIX : <urn:x:>\nASK { :a ?p ?o }"):
        assert read_query_text(text).form in ("SELECT", "ASK")
    with pytest.raises(RequestError, match="service-refused"):
        read_query_text("# a\rSELECT * { SERVICE <urn:x:> { ?s ?p ?o } }")
