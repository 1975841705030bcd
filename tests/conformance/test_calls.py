"""No request makes the server call another, in whatever way it is written: a socket of ours sees no connection."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from conformance.asking import EX, QUERY, UPDATE, Server, listening_socket, was_called
from waiting import wait_until

DISGUISES = {
    "plain": "ASK { SERVICE <$> { ?s ?p ?o } }",
    "silent": "ASK { SERVICE SILENT <$> { ?s ?p ?o } }",
    "small letters": "ASK { service <$> { ?s ?p ?o } }",
    "mixed letters": "ASK { SeRvIcE silent <$> { ?s ?p ?o } }",
    "escaped first letter": "ASK { \\u0053ERVICE <$> { ?s ?p ?o } }",
    "long escape": "ASK { S\\U00000045RVICE <$> { ?s ?p ?o } }",
    "escaped throughout": "ASK { \\u0053\\u0045\\u0052\\u0056\\u0049\\u0043\\u0045 <$> { ?s ?p ?o } }",
    "comment after the word": "ASK { SERVICE#<x>\n<$> { ?s ?p ?o } }",
    "comment before the word": "ASK { # SERVICE\rSERVICE <$> { ?s ?p ?o } }",
    "no spaces": "ASK{SERVICE<$>{?s?p?o}}",
    "glued to a number": "ASK { BIND(1 AS ?x)SERVICE<$>{ ?s ?p ?o } }",
    "glued to a truth value": "ASK { FILTER(true)SERVICE<$>{ ?s ?p ?o } ?a ?b trueSERVICE<$>{} }",
    "variable": "ASK { BIND(<$> AS ?where) SERVICE ?where { ?s ?p ?o } }",
    "values": "ASK { VALUES ?where { <$> } SERVICE ?where { ?s ?p ?o } }",
    "computed": "ASK { BIND(IRI(CONCAT('ht', 'tp', SUBSTR('$', 5))) AS ?w) SERVICE ?w { ?s ?p ?o } }",
    "prefixed name": "PREFIX s: <$/> ASK { SERVICE s:x { ?s ?p ?o } }",
    "relative IRI": "BASE <$/> ASK { SERVICE <x> { ?s ?p ?o } }",
    "in a subquery": "ASK { { SELECT * { SERVICE <$> { ?s ?p ?o } } } }",
    "in EXISTS": "ASK { FILTER EXISTS { SERVICE <$> { ?s ?p ?o } } }",
    "in OPTIONAL and UNION": "ASK { OPTIONAL { { } UNION { SERVICE <$> { ?s ?p ?o } } } }",
    "after a string that looks like its end": "ASK { ?s ?p '}}' . SERVICE <$> { ?s ?p ?o } }",
    "after a byte-order mark": "\ufeffASK { SERVICE <$> { ?s ?p ?o } }",
    "in CONSTRUCT": "CONSTRUCT { ?s ?p ?o } WHERE { SERVICE <$> { ?s ?p ?o } }",
    "in DESCRIBE": "DESCRIBE ?s WHERE { SERVICE <$> { ?s ?p ?o } }",
    "FROM": "SELECT * FROM <$/g.ttl> { ?s ?p ?o }",
    "FROM NAMED": "SELECT * FROM NAMED <$/g.ttl> { GRAPH ?g { ?s ?p ?o } }",
    "GRAPH": "SELECT * { GRAPH <$/g.ttl> { ?s ?p ?o } }",
    "function": "SELECT (<$/f>(1) AS ?x) {}",
}
"""Queries that name an address, with ``$`` for it."""

UPDATES = {
    "LOAD": "LOAD <$/g.ttl>",
    "LOAD SILENT": "LOAD SILENT <$/g.ttl> INTO GRAPH <$/g>",
    "LOAD in small letters": "load <$/g.ttl>",
    "LOAD escaped": "\\u004cOAD <$/g.ttl>",
    "LOAD after another": "CLEAR DEFAULT ; # x\nLOAD <$/g.ttl>",
    "LOAD of a relative IRI": "BASE <$/> LOAD <g.ttl>",
    "SERVICE in INSERT": "INSERT { ?s ?p ?o } WHERE { SERVICE <$> { ?s ?p ?o } }",
    "SERVICE in DELETE": "DELETE { ?s ?p ?o } WHERE { SERVICE SILENT <$> { ?s ?p ?o } }",
    "SERVICE in a second operation": "CLEAR DEFAULT ; INSERT { ?s ?p ?o } WHERE { \\u0053ERVICE <$> { ?s ?p ?o } }",
    "USING": "INSERT { ?s ?p ?o } USING <$/g.ttl> WHERE { ?s ?p ?o }",
    "WITH": "WITH <$/g> INSERT { ?s ?p ?o } WHERE { ?s ?p ?o }",
    "COPY": "COPY <$/g.ttl> TO DEFAULT",
    "ADD SILENT": "ADD SILENT <$/g.ttl> TO DEFAULT",
}

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BODIES = {
    "context": ("application/ld+json", json.dumps({"@context": "$/c.jsonld", "@id": f"{EX}a", "name": "x"})),
    "context in a list": ("application/ld+json", json.dumps({"@context": ["$/c.jsonld", {}], f"{EX}p": "x"})),
    "context within": ("application/ld+json", json.dumps({f"{EX}p": {"@context": "$/c.jsonld", "name": "x"}})),
    "context imported": ("application/ld+json", json.dumps({"@context": {"@version": 1.1, "@import": "$/c.jsonld"}})),
    "entity elsewhere": (
        "application/rdf+xml",
        f'<!DOCTYPE r [<!ENTITY x SYSTEM "$/x">]><rdf:RDF xmlns:rdf="{RDF}" xmlns:e="{EX}">'
        "<rdf:Description><e:p>&x;</e:p></rdf:Description></rdf:RDF>",
    ),
    "parameter entity": ("application/rdf+xml", f'<!DOCTYPE r [<!ENTITY % x SYSTEM "$/x"> %x;]><r xmlns="{RDF}"/>'),
    "entities of entities": (
        "application/rdf+xml",
        f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><rdf:RDF xmlns:rdf="{RDF}" xmlns:e="{EX}">'
        "<rdf:Description><e:p>&l9;</e:p></rdf:Description></rdf:RDF>",
    ),
}
"""Bodies that are to be refused, with ``$`` for the address."""

NAMESPACES = (
    f'<!DOCTYPE rdf:RDF [<!ENTITY e "{EX}"><!ENTITY amp2 "&#38;">]><rdf:RDF xmlns:rdf="{RDF}" xmlns:e="{EX}">'
    '<rdf:Description rdf:about="&e;a"><e:p rdf:resource="&e;b"/></rdf:Description></rdf:RDF>'
)
DTD = f'<!DOCTYPE r SYSTEM "$/r.dtd"><rdf:RDF xmlns:rdf="{RDF}"/>'
IMPORTS = f"@prefix owl: <http://www.w3.org/2002/07/owl#> . <{EX}o> a owl:Ontology ; owl:imports <$/o.ttl> ."


@pytest.fixture(scope="module")
def trap() -> Iterator[tuple[str, socket.socket]]:
    """An address that nobody is to call, and the socket that would see it."""
    with listening_socket() as found:
        yield found


def test_the_suite_is_whole() -> None:
    """24 spellings of SERVICE, 4 other addresses in queries, 13 in updates, 7 in bodies."""
    services = [name for name, text in DISGUISES.items() if not name.startswith(("FROM", "GRAPH", "function"))]
    assert (len(services), len(DISGUISES), len(UPDATES), len(BODIES)) == (24, 28, 13, 7)


@pytest.mark.parametrize("name", DISGUISES)
def test_a_query_calls_nobody(separate: Server, trap: tuple[str, socket.socket], name: str) -> None:
    """SERVICE is refused; other addresses are names of graphs and functions, and no more."""
    address, listening = trap
    text = DISGUISES[name].replace("$", address)
    answer = separate.post(text.encode(), QUERY)
    assert not was_called(listening)
    assert answer.status_code < 500
    if name == "function":
        assert answer.status_code == 200
        assert answer.headers["kgraph-notice"].startswith("unknown-function")
    elif "FROM" not in name and name != "GRAPH":
        assert answer.status_code in (400, 403), answer.text
        assert "service-refused" in answer.text or answer.status_code == 400


@pytest.mark.parametrize("name", UPDATES)
def test_an_update_calls_nobody(separate: Server, trap: tuple[str, socket.socket], name: str) -> None:
    """Not those with a token either."""
    address, listening = trap
    answer = separate.post(UPDATES[name].replace("$", address), UPDATE, auth=True)
    assert not was_called(listening)
    assert answer.status_code < 500
    if name.startswith(("LOAD", "SERVICE")):
        assert answer.status_code == 403


@pytest.mark.parametrize("name", BODIES)
def test_a_body_calls_nobody_and_is_refused(separate: Server, trap: tuple[str, socket.socket], name: str) -> None:
    """Contexts and DTDs are not fetched, and entities are not multiplied."""
    address, listening = trap
    kind, body = BODIES[name]
    # Entities that are multiplied would not come to an end while the client waits.
    answer = separate.put(f"{EX}body", body.replace("$", address), kind)
    assert not was_called(listening)
    assert answer.status_code == 400, answer.text
    assert len(answer.content) < 10_000


def test_an_import_is_a_statement_and_no_more(separate: Server, trap: tuple[str, socket.socket]) -> None:
    """Neither the store nor the checks follow ``owl:imports``."""
    address, listening = trap
    assert separate.put(f"{EX}imports", IMPORTS.replace("$", address)).is_success
    assert separate.holds(f"GRAPH <{EX}imports> {{ ?o ?p <{address}/o.ttl> }}")
    assert not was_called(listening)


def test_entities_for_namespaces_are_read(separate: Server) -> None:
    """As editors of ontologies write them."""
    assert separate.put(f"{EX}entities", NAMESPACES, "application/rdf+xml").is_success
    assert separate.graph(f"{EX}entities") == [f"<{EX}a> <{EX}p> <{EX}b> ."]


def test_a_dtd_elsewhere_is_not_read(separate: Server, trap: tuple[str, socket.socket]) -> None:
    """A document that names one is read without it."""
    address, listening = trap
    answer = separate.put(f"{EX}dtd", DTD.replace("$", address), "application/rdf+xml")
    assert answer.is_success
    assert not was_called(listening)


def test_the_trap_sees_a_call(trap: tuple[str, socket.socket]) -> None:
    """Somebody who connects is noticed, so that the tests above can fail."""
    address, listening = trap
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))):
        assert wait_until(lambda: was_called(listening))
