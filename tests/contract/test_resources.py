"""Resources at their addresses: pages for people and data for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import pyoxigraph as ox
import pytest

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CLAIM = "id/finding/tea-helps"
INK = "https://w3id.org/inkludering/ont#"


@pytest.fixture
def client(server: str) -> Iterator[httpx.Client]:
    """A client of the server, without an Accept header of its own, that follows nothing."""
    with httpx.Client(base_url=server, timeout=30) as opened:
        del opened.headers["accept"]
        yield opened


@pytest.mark.parametrize(
    ("path", "accept", "location"),
    [
        (CLAIM, BROWSER["Accept"], f"/page/{CLAIM}"),
        (CLAIM, "text/turtle", f"/data/{CLAIM}.ttl"),
        (CLAIM, "application/ld+json", f"/data/{CLAIM}.jsonld"),
        (CLAIM, None, f"/data/{CLAIM}.ttl"),
        ("vocab/measure-type/tea-evenings", "application/rdf+xml", "/data/vocab/measure-type/tea-evenings.rdf"),
        ("ont", "text/turtle", "/data/ont.ttl"),
        ("ont", BROWSER["Accept"], "/page/ont"),
        ("graph/report", "application/n-triples", "/data/graph/report.nt"),
    ],
)
def test_a_resource_sends_each_client_where_it_wants(
    client: httpx.Client, path: str, accept: str | None, location: str
) -> None:
    """303 to the page or to the data, since a thing is neither."""
    answer = client.get("/" + path, headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.headers["location"]) == (303, location)
    assert client.get(location).status_code == 200


@pytest.mark.parametrize("path", ["graph/report", "graph/inferred", "shapes"])
def test_a_graph_has_a_page_that_offers_its_data(client: httpx.Client, path: str) -> None:
    """Whoever follows a graph's address in a browser finds what it is, and where to fetch it."""
    page = client.get(f"/{path}", headers={**BROWSER, "Accept-Language": "en"}, follow_redirects=True)
    assert (page.status_code, page.url.path) == (200, f"/page/{path}")
    assert "A part of the dataset: a named graph." in page.text
    assert f'href="/data/{path}.ttl"' in page.text
    assert client.get(f"/data/{path}.ttl").status_code == 200


def test_what_has_no_name_is_called_by_its_class(client: httpx.Client) -> None:
    """An evidence line is known by its mark; a prefixed name would be no title for people."""
    rows = client.get("/sparql", params={"query": f"SELECT ?line {{ ?line a <{INK}EvidenceLine> }} LIMIT 1"}).json()
    iri = rows["results"]["bindings"][0]["line"]["value"]
    page = client.get(iri.replace("https://w3id.org/inkludering/", "/page/"), headers={"Accept-Language": "nb"})
    assert f"<h1>evidenslinje {iri.rpartition('/')[2]}</h1>" in page.text


def test_every_page_tells_state_and_day_of_the_data(client: httpx.Client) -> None:
    """So that a page that is printed or cited can be found again."""
    page = client.get("/", headers={"Accept-Language": "en"})
    assert f"Data revision {page.headers['kgraph-revision']}" in page.text
    day = parsedate_to_datetime(page.headers["last-modified"]).date().isoformat()
    assert f'<time datetime="{day}">{day}</time>' in page.text
    for address in ("/.well-known/void", "/catalogue", "/.well-known/sparql-examples", "/sparql?format=turtle"):
        assert f'href="{address}"' in page.text
        assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/id/finding/nope", "/page/id/finding/nope", "/data/id/finding/nope.ttl", "/graph/nope", "/nope", "/id/%3E%20x"],
)
def test_an_unknown_resource_is_404(client: httpx.Client, path: str) -> None:
    """A program gets a problem document, a person a page."""
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    page = client.get(path, headers={**BROWSER, "Accept-Language": "en"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("suffix", ["ttl", "nt", "rdf", "jsonld", "nq", "trig"])
def test_a_resource_is_data_in_every_format(client: httpx.Client, suffix: str) -> None:
    """The suffix decides; an answer that is held is not sent again."""
    answer = client.get(f"/data/{CLAIM}.{suffix}")
    assert answer.status_code == 200 and "hasEvidenceLine" in answer.text
    held = client.get(f"/data/{CLAIM}.{suffix}", headers={"If-None-Match": answer.headers["etag"]})
    assert held.status_code == 304


EXPANDED = 'application/ld+json;profile="http://www.w3.org/ns/json-ld#expanded"'


def test_json_ld_is_compact_and_expanded_for_those_who_ask(client: httpx.Client) -> None:
    """The context stands in the document and names nothing that is to be fetched; each form has a tag of its own."""
    compact = client.get(f"/data/{CLAIM}.jsonld")
    told = compact.json()
    assert compact.headers["content-type"] == "application/ld+json"
    assert {"@context", "@id", "@type", "ink:hasEvidenceLine"} <= told.keys()
    assert told["@context"]["ink"] == "https://w3id.org/inkludering/ont#"
    assert all(isinstance(base, str) for base in told["@context"].values())
    expanded = client.get(f"/data/{CLAIM}.jsonld", headers={"Accept": f"text/html;q=0.1, {EXPANDED}"})
    assert expanded.headers["content-type"] == EXPANDED
    assert expanded.headers["etag"] != compact.headers["etag"]
    assert "https://w3id.org/inkludering/ont#hasEvidenceLine" in expanded.json()[0]
    triples = {str(triple) for triple in ox.parse(compact.content, format=ox.RdfFormat.JSON_LD)}
    assert triples == {str(triple) for triple in ox.parse(expanded.content, format=ox.RdfFormat.JSON_LD)}
    query = {"query": "CONSTRUCT WHERE { ?s a ?c } LIMIT 3"}
    for params, accept, kind in (
        (query, "application/ld+json", dict),
        (query, EXPANDED, list),
        (query | {"format": "json-ld-expanded"}, "*/*", list),
        ({"query": "CONSTRUCT WHERE { ?s <a:none> ?c }"}, "application/ld+json", list),
    ):
        for _ in range(2):
            answer = client.get("/sparql", params=params, headers={"Accept": accept})
            assert answer.status_code == 200
            assert isinstance(answer.json(), kind), (params, accept)


def test_data_without_a_suffix_is_negotiated(client: httpx.Client) -> None:
    """Accept chooses, and what does not exist is 406."""
    assert client.get(f"/data/{CLAIM}", headers={"Accept": "application/n-triples"}).text.startswith("<")
    assert client.get(f"/data/{CLAIM}", headers={"Accept": "image/png"}).status_code == 406


def test_a_claim_leads_to_study_document_and_page(client: httpx.Client) -> None:
    """Statement, direction, study, its document, and page, section and offsets in the source stand there."""
    page = client.get(f"/page/{CLAIM}", params={"lang": "en"}).text
    for part in (
        "People on Småøya met more often",
        ">supports</span>",
        'href="/page/id/study/berg-2001"',
        'href="/page/id/document/berg-dal-2001"',
        'href="/page/id/document/overview-2002"',
        "page 7, section 2.1",
        "characters 100–150",
        "read in the synthesis only",
        f'href="/data/{CLAIM}.ttl"',
    ):
        assert part in page, part
    assert "Folk på" not in page


def test_a_document_tells_its_authors_in_order_and_its_claims(client: httpx.Client) -> None:
    """The order is that of the work, not of the file; the title is marked with its own language."""
    page = client.get("/page/id/document/berg-dal-2001", params={"lang": "en"}).text
    assert page.index("Berg, B.") < page.index("Dal, D.")
    assert "tea brings people together" in page
    assert '<span lang="nn">Étude, &#34;A&#34;' in page


def test_a_measure_type_tells_projects_and_share(client: httpx.Client) -> None:
    """The share is a number, with what was printed beside it."""
    page = client.get("/page/vocab/measure-type/tea-evenings", params={"lang": "nb"}).text
    for part in ("64.5 %", "64,5 prosent", "Småøya-prosjektet i bokmål", "tekvelder på Småøya"):
        assert part in page, part


def test_a_project_tells_goals_and_measures_with_types(client: httpx.Client) -> None:
    """Goals and measures are links."""
    page = client.get("/page/id/project/smaoya", params={"lang": "nn"}).text
    for part in ("at folk møtest", "tekveldar på Småøya", 'href="/page/vocab/measure-type/tea-evenings"'):
        assert part in page, part


def test_a_table_shows_its_figures_as_printed(packaged_server: str) -> None:
    """Each with its unit; one that was not printed is said to be so, and none is listed a second time."""
    address = packaged_server + "/page/id/statistical-table/"
    shares = httpx.get(address + "refugee-background-by-county-2009", headers={"Accept-Language": "en"}).text
    row = 'Østfold: share of the persons with a refugee background, 2009</a></td><td class="figure">7,3</td>'
    assert f"{row}<td>percent</td>" in shares
    assert shares.count("Østfold: share") == 1
    uses = httpx.get(address + "ramboll-2009-measure-use", headers={"Accept-Language": "en"}).text
    assert uses.count('<td class="figure">not printed</td>') == 13


def test_a_person_tells_works_and_a_class_its_resources(client: httpx.Client) -> None:
    """What refers to a resource is told, also over the n-ary authorship and over subclasses."""
    assert "Berg og Dal 2001" in client.get("/page/id/person/berg-b").text
    assert "Berg og Dal 2001" in client.get("/page/ont/Document").text


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "nn"),
        ({"Accept-Language": "nb-NO,nb;q=0.9,en;q=0.5"}, "nb"),
        ({"Accept-Language": "en-GB"}, "en"),
        ({"Accept-Language": "de"}, "nn"),
        ({"Accept-Language": "en", "Cookie": "kgraph-language=nb"}, "nb"),
        ({"Accept-Language": "en", "Cookie": "kgraph-language=xx"}, "en"),
    ],
)
def test_the_language_is_chosen(client: httpx.Client, headers: dict[str, str], language: str) -> None:
    """Cookie, then Accept-Language, then Nynorsk; the page says which."""
    answer = client.get("/", headers=headers)
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}">' in answer.text
    assert "Accept-Language" in answer.headers["vary"]


def test_the_language_switch_is_remembered(client: httpx.Client) -> None:
    """?lang= wins over everything and sets the cookie."""
    answer = client.get("/", params={"lang": "en"}, headers={"Cookie": "kgraph-language=nb"})
    assert answer.headers["content-language"] == "en"
    assert "kgraph-language=en" in answer.headers["set-cookie"]


def test_the_start_page_counts_and_gives_examples(client: httpx.Client) -> None:
    """The numbers are those of the data; the examples are links that run."""
    page = client.get("/", params={"lang": "en"}).text
    assert re.search(r'href="/page/ont/Document"><span class="number">2</span>', page)
    examples = re.findall(r'href="(/query\?query=[^"]+)"', page)
    assert examples
    assert client.get(examples[0].replace("&amp;", "&")).status_code == 200


def test_every_example_runs_on_the_packaged_data(packaged_server: str) -> None:
    """No example that is shown gives an error or nothing: each gives rows, a graph, or yes or no."""
    with httpx.Client(base_url=packaged_server, timeout=30) as client:
        page = client.get("/query", params={"lang": "en"}).text
        examples = [link.replace("&amp;", "&") for link in re.findall(r'href="(/query\?query=[^"]+)"', page)]
        assert examples
        for example in examples:
            answer = client.get(example)
            assert answer.status_code == 200, example
            assert re.search(r'<tbody>|<pre tabindex|<p class="boolean">', answer.text), example


def test_the_query_page_tells_how_to_read_what_follows(client: httpx.Client) -> None:
    """A hint in each language shows the line that brings wider classes, places and groups into the answer."""
    line = "FROM &lt;https://w3id.org/inkludering/graph/all&gt;"
    for language, words in (("nn", "Utan FROM"), ("nb", "Uten FROM"), ("en", "Without FROM")):
        page = client.get("/query", params={"lang": language}).text
        assert words in page.split("<form")[1].split("</form>")[0]
        assert line in page.split("<form")[1].split("</form>")[0]


def test_a_faulty_query_is_shown_with_its_place(client: httpx.Client) -> None:
    """Line, column and a mark under the word; what was written stays in the field."""
    query = "SELECT * WHERE {\n  ?s inkk:page ?o\n}"
    answer = client.get("/query", params={"query": query, "lang": "en"})
    assert answer.status_code == 400
    assert "Line 2, column 6" in answer.text
    assert "  ?s inkk:page ?o\n     ^^^^^^^^^" in answer.text
    assert "Did you mean ink:?" in answer.text
    assert "?s inkk:page ?o\n}</textarea>" in answer.text


def test_what_users_write_is_escaped(client: httpx.Client) -> None:
    """Neither a query nor a value can put markup on a page."""
    page = client.get("/query", params={"query": 'SELECT ("<script>alert(1)</script>" AS ?x) {}'}).text
    assert "<script>" not in page
    broken = client.get("/query", params={"query": "</textarea><script>"}).text
    assert "<script>" not in broken


def test_more_rows_than_a_page_shows_are_told_and_offered(client: httpx.Client) -> None:
    """Nothing is cut in silence."""
    page = client.get("/query", params={"query": "SELECT * { ?s ?p ?o }", "lang": "en"}).text
    assert re.search(r"The first 200 of \d+ rows", page)
    assert "format=csv" in page


def test_a_graph_and_a_truth_value_are_shown(client: httpx.Client) -> None:
    """CONSTRUCT as Turtle, ASK as a word, nothing as no results."""
    assert (
        "goal:meet"
        in client.get("/query", params={"query": "DESCRIBE <https://w3id.org/inkludering/id/goal/meet>"}).text
    )
    assert ">Yes<" in client.get("/query", params={"query": "ASK {}", "lang": "en"}).text
    assert "No results" in client.get("/query", params={"query": "SELECT ?x { ?x ?x ?x }", "lang": "en"}).text


def test_pages_call_nobody_and_run_no_foreign_script(client: httpx.Client) -> None:
    """The content policy allows this server alone, and no address outside is loaded."""
    for path in ("/", "/query", f"/page/{CLAIM}"):
        answer = client.get(path)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert not re.search(r'(?:src|<link[^>]+href)="(?:https?:)?//', answer.text)
    assert client.get("/assets/style.css").headers["content-type"].startswith("text/css")
    assert client.get("/favicon.svg").headers["content-type"] == "image/svg+xml"


def test_health_and_readiness_are_told(client: httpx.Client) -> None:
    """One says that the process lives, the other that queries are answered."""
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").text.startswith("ready")


def test_other_methods_on_pages_are_405(client: httpx.Client) -> None:
    """Pages and data are read only."""
    answer = client.delete(f"/page/{CLAIM}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert client.head(f"/page/{CLAIM}").content == b""
