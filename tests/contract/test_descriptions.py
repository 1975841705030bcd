"""What the server tells of itself and its data, over HTTP and read by another library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from rdflib import DCAT, DCTERMS, FOAF, RDF, RDFS, SH, VOID, Graph, Literal, Namespace, URIRef
from web_server import serving

from kgraph.settings import Settings
from kgraph.vocabulary import PREFIXES

BASE = "https://w3id.org/inkludering/"
DATASET = URIRef(BASE + "catalogue#dataset")
VCARD = Namespace(PREFIXES["vcard"])
SD = Namespace(PREFIXES["sd"])
SCHEMA = Namespace(PREFIXES["schema"])
SPEX = Namespace(PREFIXES["spex"])
DIRECT = {"Content-Type": "application/sparql-query"}


def described(server: str, path: str, accept: str = "*/*") -> Graph:
    """Return a description read as Turtle."""
    answer = httpx.get(server + path, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/turtle; charset=utf-8")
    return Graph().parse(data=answer.text, format="turtle")


def count(server: str, pattern: str, what: str = "*") -> int:
    """Return how many solutions the endpoint itself counts."""
    query = f"SELECT (COUNT({what}) AS ?c) {{ {pattern} }}"
    return int(httpx.get(server + "/sparql", params={"query": query, "format": "csv"}).text.split()[1])


@pytest.fixture(scope="module")
def void(packaged_server: str) -> Graph:
    """The description of the repository's data."""
    return described(packaged_server, "/.well-known/void")


def test_void_counts_what_the_endpoint_counts(packaged_server: str, void: Graph) -> None:
    """Statements, entities, and each part by class and property."""
    assert void.value(DATASET, VOID.triples) == Literal(count(packaged_server, "?s ?p ?o"))
    assert int(void.value(DATASET, VOID.entities)) > 1000
    classes = {
        str(void.value(part, VOID["class"])): int(void.value(part, VOID.entities))
        for part in void.objects(DATASET, VOID.classPartition)
    }
    finding = PREFIXES["ink"] + "Finding"
    assert classes[finding] == count(packaged_server, f"?s a <{finding}>", "DISTINCT ?s")
    assert len(classes) == int(void.value(DATASET, VOID.classes))
    parts = list(void.objects(DATASET, VOID.propertyPartition))
    assert sum(int(void.value(part, VOID.triples)) for part in parts) == int(void.value(DATASET, VOID.triples))


def test_void_tells_vocabularies_formats_and_where_to_ask(packaged_server: str, void: Graph) -> None:
    """With the addresses of this server and the space of the identifiers."""
    assert void.value(DATASET, VOID.sparqlEndpoint) == URIRef(packaged_server + "/sparql")
    assert void.value(DATASET, VOID.uriSpace) == Literal(BASE)
    assert URIRef(PREFIXES["ink"]) in void.objects(DATASET, VOID.vocabulary)
    assert URIRef("http://www.w3.org/ns/formats/Turtle") in void.objects(DATASET, VOID.feature)


def test_void_lists_links_to_other_datasets(packaged_server: str, void: Graph) -> None:
    """Each set of links names its property and its target, and counts the statements."""
    sets = {
        (
            str(void.value(void.value(links, VOID.objectsTarget), VOID.uriSpace)),
            void.value(links, VOID.linkPredicate),
        ): int(void.value(links, VOID.triples))
        for links in void.subjects(RDF.type, VOID.Linkset)
    }
    exact = PREFIXES["skos"] + "exactMatch"
    for target in ("http://www.wikidata.org/", "https://sws.geonames.org/"):
        pattern = f'?s <{exact}> ?o FILTER(STRSTARTS(STR(?o), "{target}"))'
        assert sets[target, URIRef(exact)] == count(packaged_server, pattern) > 0


def test_every_graph_has_a_licence_and_dumps_that_are_there(packaged_server: str, void: Graph) -> None:
    """So have the example resources a description."""
    graphs = [graph for graph in void.subjects(VOID.dataDump) if str(graph).startswith(PREFIXES["graph"])]
    assert URIRef(PREFIXES["graph"] + "report") in graphs
    for graph in set(graphs):
        assert list(void.objects(graph, DCTERMS.license)) == [URIRef("https://creativecommons.org/licenses/by/4.0/")]
        for dump in void.objects(graph, VOID.dataDump):
            assert httpx.head(str(dump)).status_code == 200
    examples = list(void.objects(DATASET, VOID.exampleResource))
    assert examples
    for example in examples:
        address = str(example).replace(BASE, packaged_server + "/")
        assert httpx.get(address, headers={"Accept": "text/turtle"}, follow_redirects=True).status_code == 200


@pytest.mark.parametrize("path", ["/.well-known/void", "/catalogue"])
def test_descriptions_are_negotiated_and_may_be_held(server: str, path: str) -> None:
    """Other formats, 406 for those there are not, and 304 to those who hold the answer."""
    assert httpx.get(server + path, headers={"Accept": "application/ld+json"}).json()
    assert httpx.get(server + path, headers={"Accept": "application/pdf"}).status_code == 406
    tag = httpx.get(server + path).headers["etag"]
    assert httpx.get(server + path, headers={"If-None-Match": tag}).status_code == 304


def test_the_endpoint_leads_to_the_description(server: str) -> None:
    """By a link in the header of each answer, and in the service description."""
    for params in ({}, {"query": "ASK {}"}):
        answer = httpx.get(server + "/sparql", params=params)
        assert answer.headers["link"] == '</.well-known/void>; rel="describedby"'
    assert f"<{server}/.well-known/void>" in httpx.get(server + "/sparql").text


@pytest.fixture(scope="module", params=["", "post@example.org", "https://example.org/contact"])
def publication(request: pytest.FixtureRequest, tiny_home: Path) -> Iterator[tuple[str, Graph]]:
    """A contact, and the catalogue of a server that names it."""
    settings = Settings(publisher="Øyane kommune", contact=request.param)
    with serving(settings, tiny_home) as address:
        yield request.param, described(address, "/catalogue")


MANDATORY = {
    DCAT.Catalog: (DCTERMS.title, DCTERMS.description, DCTERMS.publisher, DCTERMS.identifier),
    DCAT.Dataset: (DCTERMS.title, DCTERMS.description, DCTERMS.publisher, DCTERMS.identifier, DCAT.theme),
    DCAT.DataService: (DCAT.endpointURL, DCTERMS.title, DCTERMS.publisher, DCTERMS.identifier),
    DCAT.Distribution: (DCAT.accessURL,),
    FOAF.Agent: (FOAF.name,),
}


@pytest.mark.parametrize("kind", MANDATORY)
def test_the_catalogue_has_what_dcat_ap_no_makes_mandatory(publication: tuple[str, Graph], kind: URIRef) -> None:
    """In each class, texts once a language; the publisher is that of the settings."""
    graph = publication[1]
    resources = list(graph.subjects(RDF.type, kind))
    assert resources
    for resource in resources:
        for name in MANDATORY[kind]:
            assert (resource, name, None) in graph, f"{resource} has no {name}"
        languages = [title.language for title in graph.objects(resource, DCTERMS.title)]
        assert len(languages) == len(set(languages))
    assert {str(name) for name in graph.objects(None, FOAF.name)} == {"Øyane kommune"}


def test_a_contact_point_is_named_only_if_there_is_one(publication: tuple[str, Graph]) -> None:
    """Nothing is invented; an address of mail and one of a page are told apart."""
    contact, graph = publication
    points = set(graph.objects(None, DCAT.contactPoint))
    assert len(points) == (1 if contact else 0)
    mails, pages = list(graph.objects(None, VCARD.hasEmail)), list(graph.objects(None, VCARD.hasURL))
    assert mails == ([URIRef("mailto:" + contact)] if "@" in contact else [])
    assert pages == ([URIRef(contact)] if "://" in contact else [])


@pytest.fixture(scope="module")
def examples(packaged_server: str) -> Graph:
    """The queries of the library as the server tells them."""
    return described(packaged_server, "/.well-known/sparql-examples")


def test_every_query_of_the_library_is_an_example(home: Path, examples: Graph) -> None:
    """With title and description in three languages, and with the endpoint it is for."""
    files = {path.stem for folder in ("examples", "competency") for path in (home / "queries" / folder).glob("*.rq")}
    found = {str(query).rpartition("#")[2] for query in examples.subjects(RDF.type, SH.SPARQLExecutable)}
    assert found == files
    for query in examples.subjects(RDF.type, SH.SPARQLExecutable):
        for name in (RDFS.label, RDFS.comment):
            assert {text.language for text in examples.objects(query, name)} == {"nn", "nb", "en"}
        assert examples.value(query, SCHEMA.target)


def test_an_example_runs_as_it_is_given(packaged_server: str, examples: Graph) -> None:
    """Each text is a whole query of the form it is told to be, and the endpoint answers it."""
    forms = {SH.select: "SELECT", SH.ask: "ASK", SH.construct: "CONSTRUCT", SPEX.describe: "DESCRIBE"}
    with httpx.Client(base_url=packaged_server, timeout=30) as client:
        for query in examples.subjects(RDF.type, SH.SPARQLExecutable):
            ((name, text),) = [(name, examples.value(query, name)) for name in forms if (query, name, None) in examples]
            assert forms[name] in text.upper()
            assert client.post("/sparql", content=str(text), headers=DIRECT).status_code == 200, query


@pytest.mark.parametrize("path", ["/.well-known/sparql-examples", "/sparql"])
def test_prefixes_are_declared(packaged_server: str, path: str) -> None:
    """Clients may fill in the prefixes that are ours."""
    graph = described(packaged_server, path, "text/turtle")
    declared = {
        str(graph.value(each, SH.prefix)): str(graph.value(each, SH.namespace))
        for each in graph.objects(None, SH.declare)
    }
    assert declared == PREFIXES


def test_the_languages_announced_are_those_understood(packaged_server: str) -> None:
    """SPARQL 1.1, and of 1.2 what the engine has: a version, triple terms, reifiers, directions of text."""
    graph = described(packaged_server, "/sparql", "text/turtle")
    assert SD.SPARQL11Query in graph.objects(None, SD.supportedLanguage)
    assert SD.SPARQL12Query in graph.objects(None, SD.supportedLanguage)
    for query in (
        'VERSION "1.2" SELECT (TRIPLE(<http://s>, <http://p>, 1) AS ?t) {}',
        "SELECT * { ?s ?p ?o ~ ?r {| <http://p> ?v |} }",
        "ASK { BIND(<<( <http://s> <http://p> 1 )>> AS ?t) FILTER(isTRIPLE(?t) && OBJECT(?t) = 1) }",
        'ASK { BIND(STRLANGDIR("a", "ar", "rtl") AS ?t) FILTER(hasLANGDIR(?t) && LANGDIR(?t) = "rtl") }',
    ):
        answer = httpx.post(packaged_server + "/sparql", content=query, headers=DIRECT)
        assert answer.status_code == 200, query
        assert answer.json().get("boolean", True), query
