"""Cases 14 to 22: graphs, descriptions, pages, methods, and what caches need."""

from __future__ import annotations

import gzip
import json
import warnings

import brotli
import httpx
from conformance.asking import EX, JSON, N_TRIPLES, QUERY, TURTLE, Server
from conformance.cases import STUDIES, case
from conformance.cases_asking import LABELS, media_type
from rdflib import Graph, Namespace, URIRef
from rdflib.namespace import RDF, VOID

from kgraph.vocabulary import PREFIXES

SD = Namespace(PREFIXES["sd"])
SH = Namespace(PREFIXES["sh"])
CONSTRUCT = f"CONSTRUCT {{ ?s ?p ?o }} FROM <{STUDIES}> WHERE {{ ?s ?p ?o }}"
# A graph alone is N-Triples where it is N-Quads, and Turtle where it is TriG.
GRAPH_FORMATS = {
    TURTLE: "turtle",
    N_TRIPLES: "nt",
    "application/rdf+xml": "xml",
    "application/ld+json": "json-ld",
    "application/n-quads": "nt",
    "application/trig": "turtle",
}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
MANY = "SELECT * { ?s ?p ?o }"
ORIGIN = {"Origin": "https://example.com"}


def statements(text: str, parser: str) -> Graph:
    """Return a graph as another library reads it."""
    with warnings.catch_warnings():
        # The library's reader of JSON-LD warns of itself.
        warnings.simplefilter("ignore", DeprecationWarning)
        return Graph().parse(data=text, format=parser)


@case(14, "CONSTRUCT in each of six formats", "the statements; the label is the body's", "labels of graphs are wrong")
def _(server: Server) -> None:
    for kind, parser in GRAPH_FORMATS.items():
        answer = server.ask(CONSTRUCT, kind)
        assert (answer.status_code, media_type(answer)) == (200, kind)
        assert len(statements(answer.text, parser)) == 8, kind


@case(14, "CONSTRUCT, `*/*`", "Turtle with the prefixes of the dataset", "labels of graphs are wrong")
def _(server: Server) -> None:
    answer = server.ask("DESCRIBE <https://w3id.org/inkludering/id/goal/meet>", "*/*")
    assert answer.headers["content-type"] == "text/turtle; charset=utf-8"
    assert "goal:meet a ink:Goal" in answer.text


@case(14, "DESCRIBE of what leads to blank nodes", "they are described too", "descriptions stop at blank nodes")
def _(server: Server) -> None:
    graph = Graph().parse(data=server.ask(f"DESCRIBE <{EX}c>", N_TRIPLES).text, format="nt")
    assert {str(name).removeprefix(EX) for name in graph.predicates()} == {"note", "part", "inner", "deep"}


def described(server: Server, path: str = "/sparql") -> Graph:
    """Return a description as another library reads it."""
    answer = server.send("GET", path, headers={"Accept": TURTLE})
    assert (answer.status_code, media_type(answer)) == (200, TURTLE)
    return Graph().parse(data=answer.text, format="turtle")


@case(15, "`GET /sparql`, `text/turtle`", "endpoint, languages, formats, features", "no description of the service")
def _(server: Server) -> None:
    graph = described(server)
    service = graph.value(None, RDF.type, SD.Service)
    assert graph.value(service, SD.endpoint) == URIRef(server.address + "/sparql")
    assert {SD.SPARQL11Query, SD.SPARQL11Update} <= set(graph.objects(service, SD.supportedLanguage))
    assert SD.UnionDefaultGraph in graph.objects(service, SD.feature)
    assert len(list(graph.objects(service, SD.resultFormat))) == 10
    assert len(list(graph.objects(service, SD.inputFormat))) == 4


@case(
    15,
    "the graphs of the description",
    "each with the number that the endpoint counts",
    "no description of the service",
)
def _(server: Server) -> None:
    graph = described(server)
    dataset = graph.value(None, RDF.type, SD.Dataset)
    sizes = {
        str(graph.value(named, SD.name)): int(str(graph.value(graph.value(named, SD.graph), VOID.triples)))
        for named in graph.objects(dataset, SD.namedGraph)
    }
    assert sizes[STUDIES] == 8
    default = int(str(graph.value(graph.value(dataset, SD.defaultGraph), VOID.triples)))
    assert default == int(server.rows("SELECT (COUNT(*) AS ?c) { ?s ?p ?o }")[0]["c"]["value"])


@case(15, "`GET /sparql` without `Accept`; `application/ld+json`", "Turtle; JSON-LD", "no description of the service")
def _(server: Server) -> None:
    assert media_type(server.send("GET")) == TURTLE
    assert server.send("GET", headers={"Accept": "application/ld+json"}).json()


@case(16, "`GET /sparql`, the `Accept` of a browser", "the page on which queries are written", "no page")
def _(server: Server) -> None:
    answer = server.send("GET", headers={"Accept": BROWSER})
    assert (answer.status_code, media_type(answer)) == (200, "text/html")
    assert "<textarea" in answer.text


@case(16, "`GET /sparql?query=…`, the `Accept` of a browser", "the page with query and answer", "no page")
def _(server: Server) -> None:
    answer = server.ask(LABELS, BROWSER)
    assert media_type(answer) == "text/html"
    assert "ORDER BY ?s</textarea>" in answer.text and "<table>" in answer.text and "Study A" in answer.text


@case(16, "the same from a program that also accepts pages, but less", "JSON", "everybody gets a page")
def _(server: Server) -> None:
    assert media_type(server.ask(LABELS, f"{JSON}, text/html;q=0.1")) == JSON


@case(17, "`/.well-known/void`", "sizes, parts by class and property", "nothing well known")
def _(server: Server) -> None:
    graph = described(server, "/.well-known/void")
    assert list(graph.objects(None, VOID.triples))
    assert list(graph.objects(None, VOID.classPartition)) and list(graph.objects(None, VOID.propertyPartition))


@case(17, "`/.well-known/sparql-examples`", "queries as `sh:SPARQLExecutable`", "nothing well known")
def _(server: Server) -> None:
    assert len(set(described(server, "/.well-known/sparql-examples").subjects(RDF.type, SH.SPARQLExecutable))) > 10


@case(17, "any query", "`Link` to the description of the dataset", "nothing well known")
def _(server: Server) -> None:
    assert server.ask("ASK {}").headers["link"] == '</.well-known/void>; rel="describedby"'


@case(17, "the service description", "prefixes as `sh:declare`", "no description of the service")
def _(server: Server) -> None:
    graph = described(server)
    declared = {str(graph.value(each, SH.prefix)) for each in graph.objects(None, SH.declare)}
    assert {"ink", "skos", "prov"} <= declared


TOLD = ("content-type", "content-length", "etag", "vary", "cache-control", "kgraph-revision")


@case(18, "`HEAD ?query=…`", "the headers of GET, no body", "no HEAD")
def _(server: Server) -> None:
    got, head = server.ask(LABELS), server.send("HEAD", params={"query": LABELS})
    assert (head.status_code, head.content) == (200, b"")
    assert [head.headers.get(name) for name in TOLD] == [got.headers.get(name) for name in TOLD]


@case(18, "`HEAD` of a query with a fault", "400, no body", "no HEAD")
def _(server: Server) -> None:
    head = server.send("HEAD", params={"query": "SELECT"})
    assert (head.status_code, head.content) == (400, b"")


@case(18, "`HEAD /sparql`", "the headers of the description", "no HEAD")
def _(server: Server) -> None:
    got, head = server.send("GET"), server.send("HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert [head.headers.get(name) for name in TOLD] == [got.headers.get(name) for name in TOLD]


@case(19, "`OPTIONS`, a preflight for POST with two headers", "204, what is allowed, for how long", "no CORS")
def _(server: Server) -> None:
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,authorization"}
    answer = server.send("OPTIONS", headers={**ORIGIN, **wanted})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN["Origin"])
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert "content-type" in allowed and "authorization" in allowed
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "access-control-allow-credentials" not in answer.headers


@case(19, "answers 200, 400, 406, 415, 401", "may be read by other sites, `ETag` and the like included", "no CORS")
def _(server: Server) -> None:
    answers = [
        server.ask(LABELS, Origin="https://example.com"),
        server.ask("SELECT", Origin="https://example.com"),
        server.ask(LABELS, "application/pdf", Origin="https://example.com"),
        server.post("ASK {}", "text/plain", headers=ORIGIN),
        server.post("CLEAR DEFAULT", "application/sparql-update", headers=ORIGIN),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 406, 415, 401]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN["Origin"])
        exposed = answer.headers["access-control-expose-headers"]
        assert all(name in exposed for name in ("ETag", "Link", "Retry-After"))


@case(20, "`PATCH /sparql`, `DELETE`, `PUT`", "405 with all methods in `Allow`", "any other method is 404")
def _(server: Server) -> None:
    for method in ("PATCH", "DELETE", "PUT"):
        answer = server.send(method)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "QUERY", "OPTIONS"}


@case(20, "`QUERY` with the query as body", "the bytes of GET, the `ETag` of GET", "any other method is 404")
def _(server: Server) -> None:
    answer, got = server.send("QUERY", headers={"Content-Type": QUERY}, body=LABELS), server.ask(LABELS)
    assert (answer.status_code, answer.content) == (200, got.content)
    assert answer.headers["etag"] == got.headers["etag"]


@case(21, "`Accept-Encoding: br, gzip`", "Brotli, `Vary: Accept, Accept-Encoding`", "nothing is compressed")
def _(server: Server) -> None:
    with_coding = {"params": {"query": MANY}, "headers": {"Accept-Encoding": "br, gzip"}}
    packed = raw(server, with_coding)
    assert packed[1]["content-encoding"] == "br"
    assert {"Accept", "Accept-Encoding"} <= set(packed[1]["vary"].split(", "))
    assert brotli.decompress(packed[0]) == server.ask(MANY).content


@case(21, "`Accept-Encoding: gzip;q=1, br;q=0`", "gzip", "nothing is compressed")
def _(server: Server) -> None:
    body, headers = raw(server, {"params": {"query": MANY}, "headers": {"Accept-Encoding": "gzip;q=1, br;q=0"}})
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == server.ask(MANY).content


@case(21, "no `Accept-Encoding`", "as it is, with `Vary` all the same", "nothing is compressed")
def _(server: Server) -> None:
    answer = server.ask(MANY)
    assert "content-encoding" not in answer.headers
    assert "Accept-Encoding" in answer.headers["vary"]


def raw(server: Server, request: dict[str, dict[str, str]]) -> tuple[bytes, dict[str, str]]:
    """Return an answer's bytes as they came, and its headers."""
    with (
        httpx.Client(timeout=40) as client,
        client.stream(
            "GET", server.address + "/sparql", params=request["params"], headers=request["headers"]
        ) as answer,
    ):
        return b"".join(answer.iter_raw()), dict(answer.headers)


@case(22, "`If-None-Match` with the `ETag` of the answer", "304 without a body", "no ETag")
def _(server: Server) -> None:
    first = server.ask(LABELS)
    again = server.ask(LABELS, If_None_Match=f'"other", {first.headers["etag"]}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@case(22, "another format, another dataset, another query", "another `ETag`", "one ETag for all")
def _(server: Server) -> None:
    answers = [
        server.ask(LABELS),
        server.ask(LABELS, "text/csv"),
        server.ask(LABELS + " LIMIT 1"),
        server.ask(LABELS, None, {"default-graph-uri": EX}),
    ]
    assert len({answer.headers["etag"] for answer in answers}) == 4


@case(22, "the same query after an update", "another `ETag`; the old one is answered with 200", "one ETag for all")
def _(server: Server) -> None:
    first = server.ask(LABELS)
    server.update(f'INSERT DATA {{ GRAPH <{EX}tags> {{ <{EX}a> <{EX}p> "{first.headers["etag"][-9:-1]}" }} }}')
    again = server.ask(LABELS, If_None_Match=first.headers["etag"])
    assert again.status_code == 200
    assert again.headers["etag"] != first.headers["etag"]


@case(22, "any query", "`Cache-Control` that has caches ask again", "no ETag")
def _(server: Server) -> None:
    assert server.ask(LABELS).headers["cache-control"] == "public, max-age=0, must-revalidate"
    assert "no-store" in server.ask("SELECT (NOW() AS ?t) {}").headers["cache-control"]


@case(22, "`GET /sparql` twice", "the description has an `ETag` of its own", "no ETag")
def _(server: Server) -> None:
    tag = server.send("GET").headers["etag"]
    assert server.send("GET", headers={"If-None-Match": tag}).status_code == 304
    assert json.loads(server.send("GET", headers={"Accept": "application/ld+json"}).text)
