"""The SPARQL 1.1 Protocol: a case of our own for each of the 34 tests of the W3C's suite, named as that is.

Form and status are those that the protocol asks for (sections 2.1 and 2.2).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from conformance.asking import EX, FORM, JSON, QUERY, UPDATE, XML, Server

Check = Callable[[Server], None]
CHECKS: dict[str, Check] = {}

DATA = [f"{EX}data{number}" for number in range(4)]
BOTH = f"ASK {{ <{DATA[1]}> a ?type . <{DATA[2]}> a ?type }}"
BOTH_NAMED = f"ASK {{ GRAPH ?g1 {{ <{DATA[1]}> a ?type }} GRAPH ?g2 {{ <{DATA[2]}> a ?type }} }}"
FULL = f"ASK {{ <{DATA[3]}> a ?type {BOTH_NAMED.removeprefix('ASK {')}"
DEFAULTS = [("default-graph-uri", DATA[1]), ("default-graph-uri", DATA[2])]
NAMED = [("named-graph-uri", DATA[1]), ("named-graph-uri", DATA[2])]
INSERT = f"INSERT DATA {{ GRAPH <{EX}out> {{ <{EX}s> <{EX}p> <{EX}o> }} }}"
COPY = f"INSERT {{ GRAPH <{EX}out> {{ ?s a ?type }} }} WHERE {{ ?s a ?type }}"
COPY_NAMED = f"INSERT {{ GRAPH <{EX}out> {{ ?s a ?type }} }} WHERE {{ GRAPH ?g {{ ?s a ?type }} }}"
COPY_BOTH = f"INSERT {{ GRAPH <{EX}out> {{ ?s a ?in }} }} WHERE {{ ?s a ?type GRAPH ?g {{ ?t a ?in }} }}"


def check(name: str) -> Callable[[Check], Check]:
    """Put a check into the suite under the name of the test that it corresponds to."""

    def keep(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return keep


def boolean(answer: object) -> bool:
    """Return the truth value that an answer in JSON holds."""
    assert answer.status_code == 200, answer.text  # type: ignore[attr-defined]
    return bool(answer.json()["boolean"])  # type: ignore[attr-defined]


def out(server: Server) -> set[str]:
    """Return the subjects in the graph that updates write to."""
    return {row["s"]["value"] for row in server.rows(f"SELECT ?s FROM <{EX}out> {{ ?s ?p ?o }}")}


def nothing_written(server: Server, *answers: object) -> None:
    """Check that all was refused as the client's fault, and that nothing was written."""
    assert all(400 <= answer.status_code < 500 for answer in answers)  # type: ignore[attr-defined]
    assert not server.holds("GRAPH ?g { ?s ?p <http://example.org/none> }")
    assert out(server) == set()


@check("query_post_form")
def _(server: Server) -> None:
    assert boolean(server.post("query=ASK%20%7B%7D", FORM, params={"default-graph-uri": DATA[0]}))


@check("query_dataset_default_graphs_get")
def _(server: Server) -> None:
    assert boolean(server.ask(BOTH, params=DEFAULTS))
    assert not boolean(server.ask(BOTH, params=DEFAULTS[:1]))


@check("query_dataset_default_graphs_post")
def _(server: Server) -> None:
    assert boolean(server.post(BOTH, QUERY, params=DEFAULTS))
    assert boolean(server.post(urlencode([("query", BOTH), *DEFAULTS]), FORM))


@check("query_dataset_named_graphs_post")
def _(server: Server) -> None:
    assert boolean(server.post(BOTH_NAMED, QUERY, params=NAMED))
    assert not boolean(server.post(BOTH_NAMED, QUERY, params=NAMED[1:]))


@check("query_dataset_named_graphs_get")
def _(server: Server) -> None:
    assert boolean(server.ask(BOTH_NAMED, params=NAMED))
    assert not boolean(server.ask(BOTH, params=NAMED))


@check("query_dataset_full")
def _(server: Server) -> None:
    assert boolean(server.post(FULL, QUERY, params=[("default-graph-uri", DATA[3]), *NAMED]))
    assert not boolean(server.post(FULL, QUERY, params=NAMED))


@check("query_multiple_dataset")
def _(server: Server) -> None:
    text = f"ASK FROM <{DATA[3]}> {{ GRAPH ?g1 {{ <{DATA[1]}> a ?type }} }}"
    assert boolean(server.post(text, QUERY, params=NAMED))
    assert boolean(server.post(f"ASK FROM <{DATA[3]}> {{ <{DATA[1]}> a ?type }}", QUERY, params=DEFAULTS))
    assert not boolean(server.post(f"ASK FROM <{DATA[3]}> {{ <{DATA[3]}> a ?type }}", QUERY, params=DEFAULTS))


@check("query_get")
def _(server: Server) -> None:
    assert boolean(server.ask("ASK {}"))


@check("query_content_type_select")
def _(server: Server) -> None:
    for accept in (JSON, XML, "text/csv", "text/tab-separated-values"):
        answer = server.ask("SELECT (1 AS ?value) {}", accept)
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == accept


@check("query_content_type_ask")
def _(server: Server) -> None:
    for accept in (JSON, XML):
        assert server.ask("ASK {}", accept).headers["content-type"] == accept


@check("query_content_type_describe")
def _(server: Server) -> None:
    for accept in ("text/turtle", "application/rdf+xml", "application/ld+json", "application/n-triples"):
        answer = server.ask(f"DESCRIBE <{EX}>", accept)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, accept)


@check("query_content_type_construct")
def _(server: Server) -> None:
    for accept in ("text/turtle", "application/rdf+xml", "application/ld+json", "application/n-triples"):
        answer = server.ask("CONSTRUCT { <a:s> <a:p> 1 } WHERE {}", accept)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, accept)


@check("update_dataset_default_graph")
def _(server: Server) -> None:
    assert server.update(COPY, {"using-graph-uri": DATA[1]}).is_success
    assert out(server) == {DATA[1]}


@check("update_dataset_default_graphs")
def _(server: Server) -> None:
    assert server.update(COPY, [("using-graph-uri", DATA[1]), ("using-graph-uri", DATA[2])]).is_success
    assert out(server) == {DATA[1], DATA[2]}


@check("update_dataset_named_graphs")
def _(server: Server) -> None:
    both = [("using-named-graph-uri", DATA[1]), ("using-named-graph-uri", DATA[2])]
    assert server.update(COPY_NAMED, both).is_success
    assert out(server) == {DATA[1], DATA[2]}


@check("update_dataset_full")
def _(server: Server) -> None:
    dataset = [("using-graph-uri", DATA[1]), ("using-named-graph-uri", DATA[2])]
    assert server.update(COPY_BOTH, dataset).is_success
    assert out(server) == {DATA[1]}


@check("update_post_form")
def _(server: Server) -> None:
    assert server.post(urlencode({"update": INSERT}), FORM, auth=True).is_success
    assert out(server) == {f"{EX}s"}


@check("update_post_direct")
def _(server: Server) -> None:
    assert server.post(INSERT, UPDATE, auth=True).is_success
    assert out(server) == {f"{EX}s"}


@check("update_base_uri")
def _(server: Server) -> None:
    text = f"CLEAR SILENT GRAPH <{EX}out> ; INSERT DATA {{ GRAPH <{EX}out> {{ <{EX}s> <{EX}p> <test> }} }}"
    assert server.update(text).is_success
    (row,) = server.rows(f"SELECT ?o FROM <{EX}out> {{ ?s ?p ?o }}")
    assert row["o"] == {"type": "uri", "value": f"{server.address}/test"}


@check("query_post_direct")
def _(server: Server) -> None:
    assert boolean(server.post("ASK {}", QUERY))


@check("bad_query_method")
def _(server: Server) -> None:
    answer = server.send("PUT", params={"query": "ASK {}"})
    assert answer.status_code == 405
    nothing_written(server, answer)


@check("bad_multiple_queries")
def _(server: Server) -> None:
    pairs = [("query", "ASK {}"), ("query", "SELECT * {}")]
    nothing_written(server, server.send("GET", params=pairs), server.post(urlencode(pairs), FORM))


@check("bad_query_wrong_media_type")
def _(server: Server) -> None:
    nothing_written(server, server.post("ASK {}", "text/plain"))


@check("bad_query_missing_form_type")
def _(server: Server) -> None:
    nothing_written(server, server.post(b"query=ASK%20%7B%7D", None))


@check("bad_query_missing_direct_type")
def _(server: Server) -> None:
    nothing_written(server, server.post(b"ASK {}", None))


@check("bad_query_non_utf8")
def _(server: Server) -> None:
    nothing_written(server, server.post("ASK {}".encode("utf-16"), f"{QUERY}; charset=UTF-16"))
    nothing_written(server, server.post("ASK { ?s ?p 'é' }".encode("latin-1"), QUERY))


@check("bad_query_syntax")
def _(server: Server) -> None:
    answer = server.ask("ASK { ?s ?p ")
    assert answer.status_code == 400
    nothing_written(server, answer)


@check("bad_update_get")
def _(server: Server) -> None:
    nothing_written(server, server.send("GET", params={"update": INSERT}, auth=True))


@check("bad_multiple_updates")
def _(server: Server) -> None:
    nothing_written(server, server.post(urlencode([("update", INSERT), ("update", INSERT)]), FORM, auth=True))


@check("bad_update_wrong_media_type")
def _(server: Server) -> None:
    nothing_written(server, server.post(INSERT, "text/plain", auth=True))


@check("bad_update_missing_form_type")
def _(server: Server) -> None:
    nothing_written(server, server.post(urlencode({"update": INSERT}).encode(), None, auth=True))


@check("bad_update_non_utf8")
def _(server: Server) -> None:
    nothing_written(server, server.post(INSERT.encode("utf-16"), f"{UPDATE}; charset=UTF-16", auth=True))


@check("bad_update_syntax")
def _(server: Server) -> None:
    answer = server.update(f"{INSERT} ; INSERT DATA {{ <a:s> <a:p> }}")
    assert answer.status_code == 400
    nothing_written(server, answer)


@check("bad_update_dataset_conflict")
def _(server: Server) -> None:
    for text in (COPY.replace("WHERE", f"USING <{DATA[1]}> WHERE"), f"WITH <{DATA[1]}> {COPY}"):
        nothing_written(server, server.update(text, {"using-named-graph-uri": DATA[2]}))


def test_the_suite_is_whole() -> None:
    """34 tests, as the suite of the W3C has."""
    assert len(CHECKS) == 34
    assert sum(name.startswith("bad_") for name in CHECKS) == 14


@pytest.fixture
def server(empty: Server) -> Server:
    """A server with three graphs, each with one statement about itself."""
    graphs = "".join(f"GRAPH <{name}> {{ <{name}> a <{EX}Document> }} " for name in DATA[1:])
    assert empty.update(f"INSERT DATA {{ {graphs} }}").is_success
    return empty


@pytest.mark.parametrize("name", CHECKS)
def test_the_protocol_is_followed(server: Server, name: str) -> None:
    """As the test of that name asks."""
    CHECKS[name](server)
