"""Clients that others make ask the endpoint over real HTTP: SPARQLWrapper and the stores of RDFLib."""

from __future__ import annotations

import csv
import io
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import SPARQLWrapper as wrapper
from rdflib import Graph, Literal, URIRef
from rdflib.plugins.stores.sparqlstore import SPARQLStore, SPARQLUpdateStore

from kgraph.access import Role, create_token

INK = "https://w3id.org/inkludering/ont#"
FINDINGS = f"SELECT ?finding {{ ?finding a <{INK}Finding> }} ORDER BY ?finding LIMIT 1"
BUILD = f"CONSTRUCT WHERE {{ ?finding a <{INK}Finding> }}"
EX = "https://example.org/clients/"


def asked(server: str, query: str, form: str, method: str = wrapper.GET, sent: str = wrapper.URLENCODED) -> Any:
    """Return what SPARQLWrapper makes of an answer in one of its formats."""
    client = wrapper.SPARQLWrapper(server + "/sparql")
    client.setQuery(query)
    client.setReturnFormat(form)
    client.setMethod(method)
    client.setRequestMethod(sent)
    return client.query().convert()


@pytest.mark.parametrize(
    ("method", "sent"),
    [(wrapper.GET, wrapper.URLENCODED), (wrapper.POST, wrapper.URLENCODED), (wrapper.POST, wrapper.POSTDIRECTLY)],
)
def test_sparqlwrapper_reads_rows_in_each_format(server: str, method: str, sent: str) -> None:
    """It sends the format's name once for each name it knows, in three parameters besides Accept."""
    rows = asked(server, FINDINGS, wrapper.JSON, method, sent)["results"]["bindings"]
    iri = rows[0]["finding"]["value"]
    assert iri.startswith("https://w3id.org/inkludering/id/finding/")
    assert iri in asked(server, FINDINGS, wrapper.XML, method, sent).toxml()
    assert asked(server, FINDINGS, wrapper.CSV, method, sent).decode().split() == ["finding", iri]
    assert asked(server, FINDINGS, wrapper.TSV, method, sent).decode().split() == ["?finding", f"<{iri}>"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("form", [wrapper.TURTLE, wrapper.N3, wrapper.RDFXML, wrapper.JSONLD, wrapper.XML])
def test_sparqlwrapper_reads_graphs_in_each_format(server: str, form: str) -> None:
    """Also by the names that are not kgraph's: n3, xml and rdf+xml."""
    found = asked(server, BUILD, form)
    if isinstance(found, bytes):
        found = Graph().parse(found, format="json-ld" if form == wrapper.JSONLD else "turtle")
    (first,) = asked(server, FINDINGS, wrapper.JSON)["results"]["bindings"]
    assert (URIRef(first["finding"]["value"]), None, URIRef(INK + "Finding")) in found


def test_sparqlwrapper_tells_a_faulty_query_apart(server: str) -> None:
    """Its own exception for 400, with the problem document in it."""
    with pytest.raises(wrapper.SPARQLExceptions.QueryBadFormed, match="query-unclosed-bracket"):
        asked(server, "SELECT * {", wrapper.JSON)


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
@pytest.mark.parametrize("form", ["json", "xml", "csv", "tsv"])
def test_rdflib_reads_the_endpoint_as_a_graph(server: str, method: str, form: str) -> None:
    """Queries and patterns, in each way it can ask and each format it can read."""
    graph = Graph(SPARQLStore(server + "/sparql", method=method, returnFormat=form))
    ((finding,),) = graph.query(FINDINGS)
    assert (finding, None, URIRef(INK + "Finding")) in graph
    assert len(list(graph.objects(finding, URIRef(INK + "statement")))) == 3


def test_rdflib_reads_a_resource_from_its_address(server: str) -> None:
    """A redirect, negotiated, and the graph behind it."""
    (row,) = asked(server, FINDINGS, wrapper.JSON)["results"]["bindings"]
    iri = row["finding"]["value"]
    graph = Graph().parse(iri.replace("https://w3id.org/inkludering", server))
    assert (URIRef(iri), None, URIRef(INK + "Finding")) in graph


@pytest.fixture
def store(writable: tuple[str, Path]) -> Iterator[SPARQLUpdateStore]:
    """A store of RDFLib that changes a server's data with a curator's token."""
    address, state = writable
    headers = {"Authorization": f"Bearer {create_token(state, Role.CURATOR)[0]}"}
    found = SPARQLUpdateStore(address + "/sparql", address + "/sparql", headers=headers, context_aware=True)
    yield found
    found.update(f"DROP SILENT GRAPH <{EX}g>")


def test_rdflib_changes_the_graph(store: SPARQLUpdateStore) -> None:
    """What it adds is there for the next to read, and what it removes is gone."""
    graph = Graph(store, identifier=URIRef(EX + "g"))
    statement = (URIRef(EX + "a"), URIRef(EX + "p"), Literal("blåbær", lang="nn"))
    graph.add(statement)
    assert list(graph) == [statement]
    graph.remove((None, None, None))
    assert list(graph) == []


def test_a_table_is_read_from_an_address(server: str) -> None:
    """As spreadsheets and data frames do it: a link with the format in it, no headers of one's own."""
    query = f"SELECT ?finding ?statement {{ ?finding <{INK}statement> ?statement FILTER(LANG(?statement) = 'nn') }}"
    with urllib.request.urlopen(f"{server}/sparql?{urlencode({'query': query, 'format': 'csv'})}") as answer:
        rows = list(csv.DictReader(io.TextIOWrapper(answer, encoding="utf-8", newline="")))
    assert rows and set(rows[0]) == {"finding", "statement"}
    assert all(row["statement"].strip() for row in rows)
