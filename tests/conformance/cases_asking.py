"""Cases 1 to 13: how a query is sent, what is refused, and the formats of results."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ElementTree
from urllib.parse import urlencode

from conformance.asking import EX, FORM, JSON, PROBLEM, QUERY, UPDATE, XML, Server
from conformance.cases import STUDIES, case

EITHER = f"{JSON}, {PROBLEM};q=0.9"
LABELS = f"SELECT ?s ?l FROM <{STUDIES}> {{ ?s <{EX}label> ?l }} ORDER BY ?s"
COUNT = "SELECT (COUNT(*) AS ?c) { ?s ?p ?o }"
ODD_FORM = 'SELECT ("a%41b+c" AS ?x) ("ø" AS ?y) {}'
NO_GRAPH = "http://nope.example/g"
SR = "{http://www.w3.org/2005/sparql-results#}"


def media_type(answer: object) -> str:
    """Return the media type of an answer without its parameters."""
    return str(answer.headers.get("content-type", "")).split(";")[0]  # type: ignore[attr-defined]


def count(server: Server, query: str = COUNT, **params: str) -> int:
    """Return the number that a query counts."""
    return int(server.rows(query, params)[0]["c"]["value"])


@case(1, "`GET ?query=SELECT …`, no `Accept`", "200, JSON, `head.vars` names the variables", "one type for everything")
def _(server: Server) -> None:
    answer = server.ask(LABELS)
    assert (answer.status_code, media_type(answer)) == (200, JSON)
    assert answer.json()["head"]["vars"] == ["s", "l"]


@case(1, "the same, `Accept` empty", "200, JSON", "one type for everything")
def _(server: Server) -> None:
    answer = server.ask(LABELS, accept=",")
    assert (answer.status_code, media_type(answer)) == (200, JSON)
    assert len(answer.json()["results"]["bindings"]) == 2


@case(2, "`POST`, `application/sparql-query`, the query as body", "the bytes of 1.1", "body of a POST not read")
def _(server: Server) -> None:
    answer = server.post(LABELS, QUERY)
    assert answer.status_code == 200
    assert answer.content == server.ask(LABELS).content


@case(2, "the same with `; charset=utf-8`", "the bytes of 1.1", "body of a POST not read")
def _(server: Server) -> None:
    answer = server.post(LABELS, f"{QUERY}; charset=utf-8")
    assert answer.status_code == 200
    assert answer.content == server.ask(LABELS).content


@case(2, "the same with `default-graph-uri` in the address", "the query of that dataset", "body of a POST not read")
def _(server: Server) -> None:
    answer = server.post(COUNT, QUERY, JSON, params={"default-graph-uri": STUDIES})
    assert answer.json()["results"]["bindings"][0]["c"]["value"] == "8"


@case(3, "`POST` of a form, `query=` with `%25`, `%2B`, `ø`", "`a%41b+c` and `ø`", "forms decoded twice")
def _(server: Server) -> None:
    answer = server.post(urlencode({"query": ODD_FORM}), FORM, JSON)
    row = answer.json()["results"]["bindings"][0]
    assert (row["x"]["value"], row["y"]["value"]) == ("a%41b+c", "ø")


@case(3, "the same by `GET`", "`a%41b+c` and `ø`", "forms decoded twice")
def _(server: Server) -> None:
    row = server.rows(ODD_FORM)[0]
    assert (row["x"]["value"], row["y"]["value"]) == ("a%41b+c", "ø")


@case(3, "an update as form", "the literal with its `%41` and `+`", "forms decoded twice")
def _(server: Server) -> None:
    text = f'INSERT DATA {{ GRAPH <{EX}form> {{ <{EX}a> <{EX}p> "a%41b+c" }} }}'
    assert server.post(urlencode({"update": text}), FORM, auth=True).status_code in (200, 204)
    assert [row["v"]["value"] for row in server.rows(f"SELECT ?v FROM <{EX}form> {{ ?s ?p ?v }}")] == ["a%41b+c"]


@case(4, "`POST`, `text/plain`", "415 with `Accept-Post`", "any body is welcome")
def _(server: Server) -> None:
    answer = server.post("ASK {}", "text/plain")
    assert answer.status_code == 415
    assert QUERY in answer.headers["accept-post"]


@case(4, "`POST` without a type", "415 with `Accept-Post`", "any body is welcome")
def _(server: Server) -> None:
    answer = server.post(b"ASK {}", None)
    assert answer.status_code == 415
    assert UPDATE in answer.headers["accept-post"]


@case(4, "`POST`, `charset=latin1`", "415; the next request is answered", "any body is welcome")
def _(server: Server) -> None:
    assert server.post("ASK {}", f"{QUERY}; charset=latin1").status_code == 415
    assert server.ask("ASK {}", JSON).json() == {"head": {}, "boolean": True}


@case(5, "`SELECT * WHERE { ?s ?p }`", "400, line 1, column 24, what was expected", "errors are 200")
def _(server: Server) -> None:
    answer = server.ask("SELECT * WHERE { ?s ?p }", EITHER)
    problem = answer.json()
    assert (answer.status_code, media_type(answer)) == (400, PROBLEM)
    assert (problem["line"], problem["column"], bool(problem["expected"])) == (1, 24, True)


@case(5, "the same, `Accept` of results alone", "400, text with the same place", "errors are 200")
def _(server: Server) -> None:
    answer = server.ask("SELECT * WHERE { ?s ?p }", JSON)
    assert (answer.status_code, media_type(answer)) == (400, "text/plain")
    assert "24" in answer.text


@case(5, "a prefix that is not declared", "400 that names it, with line and column", "errors are 200")
def _(server: Server) -> None:
    problem = server.ask("SELECT *\nWHERE { ?s e:p ?o }", EITHER).json()
    assert problem["code"] == "query-undeclared-prefix"
    assert (problem["line"], problem["column"]) == (2, 12)
    assert "e:" in problem["detail"]


@case(5, "a bracket never closed; a string never closed; a nest of 3,000 brackets", "400 each", "errors are 200")
def _(server: Server) -> None:
    for text in ("ASK {", 'ASK { ?s ?p "', "ASK { FILTER(" + "(" * 3000 + "1" + ")" * 3000 + ") }"):
        assert server.post(text, QUERY).status_code == 400


@case(6, "`query=` twice", "400", "the first of several parameters wins")
def _(server: Server) -> None:
    assert server.ask("ASK {}", params=[("query", "ASK {}")]).status_code == 400


@case(6, "`query=` and `update=` in one form", "400", "the first of several parameters wins")
def _(server: Server) -> None:
    body = urlencode({"query": "ASK {}", "update": "CLEAR DEFAULT"})
    assert server.post(body, FORM, auth=True).status_code == 400


@case(6, "`GET ?update=…`, with a token", "405; nothing was changed", "updates run by GET")
def _(server: Server) -> None:
    text = f"INSERT DATA {{ GRAPH <{EX}get> {{ <{EX}a> <{EX}p> 1 }} }}"
    answer = server.send("GET", params={"update": text}, auth=True)
    assert answer.status_code in (400, 405)
    assert not server.holds(f"GRAPH <{EX}get> {{ ?s ?p ?o }}")


@case(6, "`GET ?query=INSERT DATA …`, with a token", "400; nothing was changed", "updates run by GET")
def _(server: Server) -> None:
    text = f"INSERT DATA {{ GRAPH <{EX}get2> {{ <{EX}a> <{EX}p> 1 }} }}"
    assert server.send("GET", params={"query": text}, auth=True).status_code == 400
    assert not server.holds(f"GRAPH <{EX}get2> {{ ?s ?p ?o }}")


@case(7, f"`COUNT(*)`, `default-graph-uri={NO_GRAPH}`", "0", "the dataset of the request is not read")
def _(server: Server) -> None:
    assert count(server, **{"default-graph-uri": NO_GRAPH}) == 0


@case(7, "`named-graph-uri`, `GRAPH ?g`", "that graph and no other", "the dataset of the request is not read")
def _(server: Server) -> None:
    query = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"
    assert [row["g"]["value"] for row in server.rows(query, {"named-graph-uri": STUDIES})] == [STUDIES]
    assert count(server, **{"named-graph-uri": STUDIES}) == 0


@case(7, "`default-graph-uri` and `FROM` in the text", "the request's graph", "the dataset of the request is not read")
def _(server: Server) -> None:
    query = f"SELECT (COUNT(*) AS ?c) FROM <{NO_GRAPH}> {{ ?s ?p ?o }}"
    assert count(server, query, **{"default-graph-uri": STUDIES}) == 8


@case(7, "two `default-graph-uri` in a form", "their union", "the dataset of the request is not read")
def _(server: Server) -> None:
    pairs = [("query", COUNT), ("default-graph-uri", STUDIES), ("default-graph-uri", NO_GRAPH)]
    answer = server.post(urlencode(pairs), FORM, JSON)
    assert answer.json()["results"]["bindings"][0]["c"]["value"] == "8"


COPY = f"INSERT {{ GRAPH <{EX}copy> {{ ?s ?p ?o }} }} WHERE {{ ?s ?p ?o }}"
COPY_NAMED = f"INSERT {{ GRAPH <{EX}copy> {{ ?s ?p ?o }} }} WHERE {{ GRAPH ?g {{ ?s ?p ?o }} }}"


@case(8, "update, `using-graph-uri`", "WHERE sees that graph alone", "the dataset of the request is not read")
def _(server: Server) -> None:
    server.update(f"DROP SILENT GRAPH <{EX}copy>")
    assert server.update(COPY, {"using-graph-uri": STUDIES}).status_code in (200, 204)
    assert len(server.graph(f"{EX}copy")) == 8


@case(8, "update, `using-named-graph-uri`", "`GRAPH ?g` is that graph", "the dataset of the request is not read")
def _(server: Server) -> None:
    server.update(f"DROP SILENT GRAPH <{EX}copy>")
    assert server.update(COPY_NAMED, {"using-named-graph-uri": STUDIES}).status_code in (200, 204)
    assert len(server.graph(f"{EX}copy")) == 8


@case(8, "the same as form", "WHERE sees that graph alone", "the dataset of the request is not read")
def _(server: Server) -> None:
    server.update(f"DROP SILENT GRAPH <{EX}copy>")
    body = urlencode({"update": COPY, "using-graph-uri": STUDIES})
    assert server.post(body, FORM, auth=True).status_code in (200, 204)
    assert len(server.graph(f"{EX}copy")) == 8


@case(8, "`using-graph-uri` with USING or WITH in the text", "400", "the dataset of the request is not read")
def _(server: Server) -> None:
    for text in (COPY.replace("WHERE", f"USING <{STUDIES}> WHERE"), f"WITH <{EX}copy> {COPY}"):
        assert server.update(text, {"using-graph-uri": STUDIES}).status_code == 400


@case(9, "`text/csv;q=0.1, …+xml;q=0.9, …+json;q=0`", "XML", "one type for everything, JSON")
def _(server: Server) -> None:
    answer = server.ask(LABELS, f"text/csv;q=0.1, {XML};q=0.9, {JSON};q=0")
    assert media_type(answer) == XML
    assert ElementTree.fromstring(answer.text).tag == f"{SR}sparql"


@case(9, "`*/*`, `application/*`, `application/json`", "JSON, under its own name", "one type for everything")
def _(server: Server) -> None:
    for accept in ("*/*", "application/*", "application/json"):
        answer = server.ask(LABELS, accept)
        assert media_type(answer) == JSON
        assert answer.json()["head"]["vars"] == ["s", "l"]


@case(9, "`application/xml`, `text/xml`", "XML, under its own name", "one type for everything, JSON")
def _(server: Server) -> None:
    for accept in ("application/xml", "text/xml"):
        assert media_type(server.ask(LABELS, accept)) == XML


@case(9, "`…+json;charset=utf-8;x=1`", "JSON", "one type for everything")
def _(server: Server) -> None:
    assert media_type(server.ask(LABELS, f"{JSON};charset=utf-8;x=1")) == JSON


@case(10, "SELECT, `application/pdf`", "406 that lists the formats of results", "errors are 200")
def _(server: Server) -> None:
    answer = server.ask(LABELS, "application/pdf")
    assert answer.status_code == 406
    assert JSON in answer.text and XML in answer.text and "text/csv" in answer.text


@case(10, "CONSTRUCT, `application/sparql-results+json`", "406 that lists the formats of graphs", "errors are 200")
def _(server: Server) -> None:
    answer = server.ask("CONSTRUCT WHERE { ?s ?p ?o }", JSON)
    assert answer.status_code == 406
    assert "text/turtle" in answer.text


@case(10, "SELECT, formats of RDF first and of results last", "the format of results", "one type for everything, JSON")
def _(server: Server) -> None:
    answer = server.ask(LABELS, f"text/turtle, application/rdf+xml, {XML};q=0.2")
    assert (answer.status_code, media_type(answer)) == (200, XML)


@case(11, "labels with comma, quotes and line break, `text/csv`", "as written by RFC 4180", "carelessly written CSV")
def _(server: Server) -> None:
    answer = server.ask(LABELS, "text/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"s,l\r\n")
    assert '"Étude, ""A""\nog meir"\r\n' in answer.text
    assert list(csv.reader(io.StringIO(answer.text, newline="")))[1:] == [
        [f"{EX}a", "Study A"],
        [f"{EX}b", 'Étude, "A"\nog meir'],
    ]


@case(11, "a variable that is not bound, `text/csv`", "an empty field", "carelessly written CSV")
def _(server: Server) -> None:
    assert server.ask("SELECT ?x ?y { BIND(1 AS ?y) }", "text/csv").content == b"x,y\r\n,1\r\n"


TERMS = f"SELECT ?l ?n ?d FROM <{STUDIES}> {{ <{EX}a> <{EX}label> ?l ; <{EX}size> ?n ; <{EX}on> ?d }}"


@case(
    12, "a text with language, a number, a date", "terms in Turtle, LF, `?l\\t?n\\t?d` first", "one type for everything"
)
def _(server: Server) -> None:
    answer = server.ask(TERMS, "text/tab-separated-values")
    assert answer.headers["content-type"] == "text/tab-separated-values; charset=utf-8"
    date = '"2002-03-04"^^<http://www.w3.org/2001/XMLSchema#date>'
    assert answer.text == f'?l\t?n\t?d\n"Study A"@en\t120\t{date}\n'


@case(12, "a text with tab and line break", "`\\t` and `\\n` in one line", "one type for everything")
def _(server: Server) -> None:
    answer = server.ask(f"SELECT ?v FROM <{STUDIES}> {{ ?s <{EX}note> ?v }}", "text/tab-separated-values")
    assert answer.text == '?v\n"tab\\there\\nand more"\n'


@case(13, "ASK, JSON", '`{"head":{},"boolean":true}`', "ASK has no format")
def _(server: Server) -> None:
    assert server.ask("ASK {}", JSON).json() == {"head": {}, "boolean": True}


@case(13, "ASK, XML", "`<boolean>false</boolean>`", "ASK has no format")
def _(server: Server) -> None:
    document = ElementTree.fromstring(server.ask("ASK { <a:a> <a:a> <a:a> }", XML).text)
    assert [element.text for element in document.iter(f"{SR}boolean")] == ["false"]


@case(13, "ASK, CSV and TSV", "`true`", "ASK has no format")
def _(server: Server) -> None:
    for kind in ("text/csv", "text/tab-separated-values"):
        answer = server.ask("ASK {}", kind)
        assert (media_type(answer), answer.text) == (kind, "true")
