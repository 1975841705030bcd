"""What is remarked on answers that may not be what was meant, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import httpx
import pytest

from kgraph.access import Role, create_token
from kgraph.formats import GRAPHS, RESULTS
from kgraph.resources.hints import says_nothing
from kgraph.sparql.names import nearest, read_names, read_quickly

TERMS = "https://w3id.org/inkludering/ont#"
PREFIXES = (
    f"PREFIX ink: <{TERMS}>\n"
    "PREFIX mt: <https://w3id.org/inkludering/vocab/measure-type/>\n"
    "PREFIX goal: <https://w3id.org/inkludering/id/goal/>\n"
)
ALL = "https://w3id.org/inkludering/graph/all"
JSON = {"Accept": "application/sparql-results+json"}
BROWSER = {"Accept": "text/html", "Accept-Language": "en"}
UNKNOWN = [
    ("SELECT * { ?x ink:hasEvidenceLin ?y }", "ink:hasEvidenceLin", "ink:hasEvidenceLine"),
    ("SELECT * { ?x a ink:finding }", "ink:finding", "ink:Finding"),
    ("SELECT * { ?x ink:has_evidence_line ?y }", "ink:has_evidence_line", "ink:hasEvidenceLine"),
    ("SELECT * { ?x ink:hasMeasureType mt:te-evenings }", "mt:te-evenings", "mt:tea-evenings"),
    ("SELECT * { goal:met ?p ?o }", "goal:met", "goal:meet"),
    ("ASK { ?x a ink:Gaol }", "ink:Gaol", "ink:Goal"),
    ("CONSTRUCT { ?x ?p ?o } WHERE { ?x ?p ?o ; a ink:Gaol }", "ink:Gaol", "ink:Goal"),
    ("SELECT (COUNT(*) AS ?n) { ?x a ink:Gaol }", "ink:Gaol", "ink:Goal"),
    ("SELECT * { ?x a ink:Goal OPTIONAL { ?x ink:hasEvidenceLin ?y } }", "ink:hasEvidenceLin", "ink:hasEvidenceLine"),
    (f"SELECT * {{ ?x a <{TERMS}finding> }}", f"<{TERMS}finding>", f"<{TERMS}Finding>"),
    (
        "SELECT * { ?x a <http://w3id.org/inkludering/ont#Finding> }",
        "<http://w3id.org/inkludering/ont#Finding>",
        f"<{TERMS}Finding>",
    ),
    (
        "SELECT * FROM <https://w3id.org/inkludering/graph/reports> { ?s ?p ?o }",
        "<https://w3id.org/inkludering/graph/reports>",
        "<https://w3id.org/inkludering/graph/report>",
    ),
    (
        "SELECT * { GRAPH <https://w3id.org/inkludering/graph/vocabluary> { ?s ?p ?o } }",
        "<https://w3id.org/inkludering/graph/vocabluary>",
        "<https://w3id.org/inkludering/graph/vocabulary>",
    ),
    ("SELECT * { ?x ink:zzzqqqxxx ?y }", "ink:zzzqqqxxx", ""),
]
"""Queries with the name in them that is not known and the one that was meant."""

QUIET = [
    "SELECT * { ?x a ink:Goal }",
    "SELECT * { ?x a ink:Goal FILTER (false) }",
    "SELECT * { ?x a <http://example.org/Nothing> }",
    "SELECT * { ?s ?p ?o FILTER (STRSTARTS(STR(?p), STR(ink:))) } LIMIT 1",
    'SELECT * { ?x a ink:Goal FILTER (?x != "ink:finding") } # ink:finding',
    "DESCRIBE goal:meet",
    "SELECT * FROM <https://w3id.org/inkludering/graph/inferred> { ?s ?p ?o } LIMIT 1",
    "SELECT * FROM <http://example.org/none> { ?s ?p ?o }",
    f"SELECT * FROM <{ALL}> {{ ?x a ink:Claim }}",
]


@pytest.fixture
def client(server: str) -> Iterator[httpx.Client]:
    """A client of the server that is told in English."""
    with httpx.Client(base_url=server, timeout=30, headers={"Accept-Language": "en"}) as opened:
        yield opened


def ask(client: httpx.Client, query: str, accept: Mapping[str, str] = JSON, **params: str) -> httpx.Response:
    """Send a query, after the prefixes, by GET."""
    return client.get("/sparql", params={"query": PREFIXES + query, **params}, headers=dict(accept))


def notice(answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return the code and the parameters of the first notice in an answer's head."""
    code, _, rest = answer.headers.get("kgraph-notice", "").partition(";")
    return code, {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|\d+)', rest.split(", ")[0])}


@pytest.mark.parametrize(("query", "written", "meant"), UNKNOWN)
def test_a_name_that_stands_nowhere_is_told_with_its_place(
    client: httpx.Client, query: str, written: str, meant: str
) -> None:
    """The head names it, line and column, and what was probably meant, and links to what that is about."""
    for _ in range(2):
        answer = ask(client, query, {"Accept": "application/sparql-results+json, text/turtle"})
        assert answer.status_code == 200
        code, told = notice(answer)
        place = {"line": "4", "column": str(query.index(written) + 1)}
        wanted = {"term": written, **place} | ({"suggestion": meant} if meant else {})
        assert (code, told) == ("unknown-term", wanted)
        assert '<https://w3id.org/inkludering/problem/unknown-term>; rel="help"' in answer.headers["link"]
        assert 'rel="describedby"' in answer.headers["link"]
    assert "Kgraph-Notice" in answer.headers["access-control-expose-headers"]
    assert client.get("/problem/unknown-term").status_code == 200


@pytest.mark.parametrize("query", QUIET)
def test_nothing_is_remarked_on_a_query_that_means_what_it_says(client: httpx.Client, query: str) -> None:
    """Names that are known, in strings, in comments, namespaces alone and names of others give no notice."""
    answer = ask(client, query, {"Accept": "application/sparql-results+json, text/turtle"})
    assert answer.status_code == 200
    assert "kgraph-notice" not in answer.headers


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { ?x a ink:Claim }",
        "ASK { ?x a ink:Claim }",
        "SELECT (COUNT(?x) AS ?n) { ?x a ink:Claim }",
        "SELECT * { ?x a ink:Finding ; ink:basedOnStudy ?study }",
        "CONSTRUCT { ?x ink:basedOnStudy ?y } WHERE { ?x ink:basedOnStudy ?y }",
    ],
)
def test_what_only_follows_is_told_where_nothing_is_answered(client: httpx.Client, query: str) -> None:
    """The head names the graph in which it can be asked; asked there, there is an answer and no notice."""
    answer = ask(client, query, {"Accept": "application/sparql-results+json, application/n-triples"})
    code, told = notice(answer)
    assert (code, told["from"]) == ("needs-inference", ALL)
    assert told["term"] in ("ink:Claim", "ink:basedOnStudy")
    accept = {"Accept": "application/sparql-results+json, application/n-triples"}
    inferred = ask(client, query, accept, **{"default-graph-uri": str(told["from"])})
    assert "kgraph-notice" not in inferred.headers
    assert inferred.content != answer.content


def test_a_graph_that_a_parameter_names_in_vain_is_told_without_a_place(client: httpx.Client) -> None:
    """The parameter stands in no line."""
    graph = "https://w3id.org/inkludering/graph/reports"
    code, told = notice(ask(client, "SELECT * { ?s ?p ?o }", JSON, **{"default-graph-uri": graph}))
    assert (code, told) == ("unknown-term", {"term": graph, "suggestion": graph[:-1]})


def test_the_page_offers_the_query_with_the_right_name(client: httpx.Client) -> None:
    """The note stands above the result, in the language of the page, and its link leads to an answer."""
    page = ask(client, "SELECT ?x { ?x a ink:gaol }", BROWSER).text
    assert "Line 4, column 18" in page and "Did you mean ink:Goal?" in page
    assert page.index('class="notice"') < page.index('class="result"')
    mended = client.get(mended_link(page), headers=BROWSER).text
    assert "goal:meet" in mended and 'class="notice"' not in mended
    both = ask(client, "SELECT ?x { ?x a ink:gaol . ?y a ink:gaol ; ink:hasEvidenceLin ?z }", BROWSER).text
    link = parse_qs(urlparse(mended_link(both)).query)["query"][0]
    assert link.endswith("SELECT ?x { ?x a ink:Goal . ?y a ink:Goal ; ink:hasEvidenceLine ?z }")
    assert "Meinte du ink:Goal?" in ask(client, "SELECT ?x { ?x a ink:gaol }", BROWSER, lang="nn").text
    client.cookies.clear()
    assert "Mente du ink:Goal?" in ask(client, "SELECT ?x { ?x a ink:gaol }", BROWSER, lang="nb").text


def test_the_page_offers_the_query_with_the_right_function(client: httpx.Client) -> None:
    """The note tells what becomes of a call that is an error, and its link leads to an answer without a note."""
    query = "PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> SELECT ?x { ?x a ink:Goal FILTER(xsd:interger('1') = 1) }"
    page = ask(client, query, BROWSER).text
    assert (
        f"Line 4, column {query.index('xsd:interger') + 1}" in page and "There is no function xsd:interger here" in page
    )
    assert "Did you mean xsd:integer?" in page
    mended = client.get(mended_link(page), headers=BROWSER).text
    assert "goal:meet" in mended and 'class="notice"' not in mended
    for language, told in (("nn", "Her finst ingen funksjon xsd:interger"), ("nb", "Her finnes ingen funksjon")):
        assert told in ask(client, query, BROWSER, lang=language).text
    client.cookies.clear()


def test_an_answer_that_is_sent_before_it_is_whole_tells_of_functions(client: httpx.Client) -> None:
    """The head says it, before the engine has called the function for the last time."""
    many = " ".join(map(str, range(25)))
    rows = f"VALUES ?a {{ {many} }} VALUES ?b {{ {many} }} VALUES ?c {{ {many} }} BIND(<urn:f>(?a) AS ?d)"
    answer = ask(client, f"SELECT ?a ?b ?c ?d ?e {{ {rows} BIND('{'x' * 400}' AS ?e) }}", {"Accept": "text/csv"})
    assert "content-length" not in answer.headers
    assert notice(answer) == ("unknown-function", {"term": "<urn:f>", "line": "4", "column": str(answer_column(rows))})
    assert answer.text.count("\n") == 25**3 + 1


def answer_column(rows: str) -> int:
    """Return the column of a function in a query that begins with so many columns and then these rows."""
    return len("SELECT ?a ?b ?c ?d ?e { ") + rows.index("<urn:f>") + 1


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT ?x { ?x a ink:Claim }", "the answer has 1 rows"),
        ("ASK { ?x a ink:Claim }", "it follows from the ontology and the data"),
        ("SELECT ?x { ?x a ink:KnowledgeSynthesis, ink:Document }", "the answer has 1 rows"),
    ],
)
def test_the_page_offers_the_query_with_what_follows(client: httpx.Client, query: str, told: str) -> None:
    """The link has FROM in the query's text; it is offered only where it gives an answer."""
    page = ask(client, query, BROWSER).text
    assert told in page
    link = mended_link(page)
    assert f"FROM <{ALL}>" in parse_qs(urlparse(link).query)["query"][0]
    assert 'class="notice"' not in client.get(link, headers=BROWSER).text
    in_vain = ask(client, "SELECT ?x { ?x a ink:Goal FILTER (false) }", BROWSER).text
    assert 'class="notice"' not in in_vain


def mended_link(page: str) -> str:
    """Return where the last link of a page's note leads."""
    note = re.search(r'<div class="notice".*?</div>', page, re.DOTALL)
    assert note is not None
    return str(re.findall(r'href="([^"]+)"', note.group())[-1]).replace("&amp;", "&")


def test_a_term_without_its_prefix_is_suggested_where_the_grammar_breaks(client: httpx.Client) -> None:
    """The problem document names the term that was probably meant."""
    answer = ask(client, "SELECT * { ?x hasEvidenceLine ?y }", {"Accept": "application/problem+json, */*;q=0.1"})
    assert answer.status_code == 400
    assert "ink:hasEvidenceLine" in answer.json()["hint"]


def test_a_notice_is_gone_when_the_name_has_come_to_be(writable: tuple[str, Path]) -> None:
    """What is remembered of names is of one revision; an update that writes a term nothing declares is told so."""
    address, state = writable
    token = create_token(state, Role.CURATOR)[0]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sparql-update"}
    with httpx.Client(base_url=address, timeout=60, headers={"Accept-Language": "en"}) as client:
        assert notice(ask(client, "SELECT * { ?x ink:documentdBy ?y }"))[0] == "unknown-term"
        update = PREFIXES + "INSERT DATA { <http://example.org/a> ink:documentdBy <http://example.org/b> }"
        told = client.post("/sparql", content=update, headers={**headers, "Accept": "application/json"})
        assert told.status_code == 200, told.text
        (found,) = told.json()["notices"]
        assert (found["code"], found["term"], found["line"]) == ("unknown-term", "ink:documentdBy", 4)
        assert found["suggestion"] == "ink:documentedBy" and "Did you mean" in found["message"]
        assert notice(told)[0] == "unknown-term"
        assert "kgraph-notice" not in ask(client, "SELECT * { ?x ink:documentdBy ?y }").headers
        undone = client.post("/sparql", content=update.replace("INSERT", "DELETE"), headers=headers)
        assert undone.json()["notices"] == []
        assert notice(ask(client, "SELECT * { ?x ink:documentdBy ?y }"))[0] == "unknown-term"


def test_a_query_of_very_many_unknown_names_is_answered(client: httpx.Client) -> None:
    """Notices are few and the head is short; no name can become part of a query of kgraph's own."""
    many = " ".join(f"ink:unknown{number}" for number in range(3000))
    answer = client.post("/sparql", data={"query": PREFIXES + f"SELECT * {{ VALUES ?c {{ {many} }} ?x a ?c }}"})
    assert answer.status_code == 200
    assert answer.headers["kgraph-notice"].count("unknown-term") == 3
    odd = r"SELECT * { ?x a <https://w3id.org/inkludering/ont#a\u003E\u0020b> }"
    assert "kgraph-notice" not in ask(client, odd).headers
    assert ask(client, "SELECT * { ?x a ink:Målx }").headers["kgraph-notice"].isascii()


@pytest.mark.parametrize("query", [query for query, *_ in UNKNOWN] + QUIET)
def test_names_read_quickly_are_never_fewer_than_those_read_well(query: str) -> None:
    """The short way relies on it."""
    quickly = read_quickly(PREFIXES + query)
    assert quickly is not None
    assert {name.iri for name in read_names(PREFIXES + query)} <= set(quickly)


def test_what_is_unclear_is_not_read_quickly() -> None:
    """A base, an escape, and a prefix that may be the end of something else."""
    for query in (
        "BASE <https://w3id.org/inkludering/> ASK { <x> a ?y }",
        r"ASK { ink:a\-b a ?y }",
        "ASK { ?x-ink:b }",
    ):
        assert read_quickly(PREFIXES + query) is None


def test_the_nearest_name_is_one_of_the_same_namespace_first() -> None:
    """Capitals and joints count little; in another namespace the name has to be nearly the same."""
    known = [TERMS + "Finding", TERMS + "hasPart", "https://w3id.org/inkludering/vocab/topic/has-part"]
    assert nearest(TERMS + "has-part", known) == TERMS + "hasPart"
    assert nearest("https://w3id.org/inkludering/vocab/topic/finding", known) == TERMS + "Finding"
    assert nearest(TERMS + "quite-different", known) == ""


def test_an_answer_with_nothing_in_it_is_known_in_every_format(
    serve: Callable[..., AbstractContextManager[str]],
) -> None:
    """Rows, truth values and graphs; answers with something in them are not taken for empty."""
    with serve() as address, httpx.Client(base_url=address) as client:
        for formats, empty, full in (
            (RESULTS, "SELECT ?x { ?x a <http://e/x> }", "SELECT ?x { ?x a ?y } LIMIT 1"),
            (RESULTS, "ASK { ?x a <http://e/x> }", "ASK {}"),
            (RESULTS, "SELECT (COUNT(*) AS ?n) { ?x a <http://e/x> }", "SELECT (COUNT(*) AS ?n) { ?x a ?y }"),
            (RESULTS, "SELECT (MAX(?x) AS ?n) { ?x a <http://e/x> }", "SELECT (COUNT(*) AS ?n) {}"),
            (GRAPHS, "DESCRIBE <http://e/x>", "CONSTRUCT { <http://e/x> a <http://e/y> } {}"),
        ):
            for format in formats:
                params = {"format": format.name}
                assert says_nothing(empty, client.get("/sparql", params={"query": empty, **params}).content, format)
                assert not says_nothing(full, client.get("/sparql", params={"query": full, **params}).content, format)
