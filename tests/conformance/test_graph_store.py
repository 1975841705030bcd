"""The SPARQL 1.1 Graph Store HTTP Protocol: cases of our own for what the W3C's suite tests, named as that is.

Graphs are named by their own addresses (direct identification) and by ``?graph=`` (indirect identification).
"""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from conformance.asking import EX, N_TRIPLES, TURTLE, Server

Check = Callable[[Server], None]
CHECKS: dict[str, Check] = {}

PERSON = "/graphs/person/1.ttl"
JANE = '@prefix : <https://example.org/> . <1> a :Person ; :card [ a :Card ; :name "Jane" ] .'
ALICE = '@prefix : <https://example.org/> . [] a :Person ; :card [ a :Card ; :name "Alice" ] .'
MORE = '@prefix : <https://example.org/> . <1> :givenName "Jane" .'
FAMILY = '@prefix : <https://example.org/> . <1> :familyName "Doe" .'


def check(name: str) -> Callable[[Check], Check]:
    """Put a check into the suite under the name of the test that it corresponds to."""

    def keep(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return keep


def write(server: Server, method: str, path: str, body: str = "", kind: str = TURTLE) -> httpx.Response:
    """Send a graph to an address."""
    headers = {"Content-Type": f"{kind}; charset=utf-8"}
    return server.send(method, path, headers=headers, body=body.encode(), auth=True)


def size(server: Server, path: str) -> int:
    """Return the number of statements at an address."""
    answer = server.send("GET", path, headers={"Accept": N_TRIPLES})
    assert (answer.status_code, answer.headers["content-type"]) == (200, N_TRIPLES)
    return len(answer.text.splitlines())


@check("put__initial_state")
def _(server: Server) -> None:
    answer = write(server, "PUT", PERSON, JANE)
    assert answer.status_code == 201
    assert server.send("GET", answer.headers["location"].removeprefix(server.address)).status_code == 200


@check("get_of_put__initial_state")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    assert size(server, PERSON) == size(server, f"/graphs?graph={server.address}{PERSON}") == 4
    named = f"GRAPH <{server.address}{PERSON}> {{ <{server.address}/graphs/person/1> a <{EX}Person> }}"
    assert server.holds(named)


@check("put__graph_already_in_store")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    assert write(server, "PUT", PERSON, MORE).status_code in (200, 204)


@check("get_of_put__graph_already_in_store")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    write(server, "PUT", f"/graphs?graph={server.address}{PERSON}", MORE)
    assert size(server, PERSON) == 1


@check("put__default_graph")
def _(server: Server) -> None:
    assert write(server, "PUT", "/graphs?default", ALICE).status_code in (200, 201, 204)


@check("get_of_put__default_graph")
def _(server: Server) -> None:
    write(server, "PUT", "/graphs?default", ALICE)
    assert size(server, "/graphs?default") == 4
    assert server.holds(f'?person <{EX}card>/<{EX}name> "Alice"')
    assert not server.holds("GRAPH ?g { ?s ?p ?o }")


@check("put__mismatched_payload")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    assert write(server, "PUT", PERSON, ALICE, "application/rdf+xml").status_code == 400
    assert size(server, PERSON) == 4


@check("delete__existing_graph")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    assert write(server, "DELETE", PERSON).status_code in (200, 202, 204)


@check("get_of_delete__existing_graph")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    write(server, "DELETE", f"/graphs?graph={server.address}{PERSON}")
    assert server.send("GET", PERSON).status_code == 404


@check("delete__nonexistent_graph")
def _(server: Server) -> None:
    assert write(server, "DELETE", PERSON).status_code == 404
    assert write(server, "DELETE", f"/graphs?graph={EX}none").status_code == 404


@check("post__existing_graph")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    assert write(server, "POST", PERSON, MORE).status_code in (200, 204)


@check("get_of_post__existing_graph")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    write(server, "POST", PERSON, MORE)
    assert size(server, PERSON) == 5


def multipart(server: Server) -> httpx.Response:
    """Send two files to a graph in one form."""
    files = {"one": ("one.ttl", MORE, TURTLE), "two": ("two.ttl", FAMILY, TURTLE)}
    return server.send("POST", PERSON, files=files, auth=True)


@check("post__multipart_formdata")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    assert multipart(server).status_code in (200, 204)


@check("get_of_post__multipart_formdata")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    multipart(server)
    assert size(server, PERSON) == 6


@check("post__create__new_graph")
def _(server: Server) -> None:
    answer = write(server, "POST", "/graphs", ALICE)
    assert answer.status_code == 201
    assert answer.headers["location"].startswith(server.address + "/graphs/")


@check("get_of_post__create__new_graph")
def _(server: Server) -> None:
    location = write(server, "POST", "/graphs", ALICE).headers["location"]
    assert size(server, location.removeprefix(server.address)) == 4
    assert server.holds(f'GRAPH <{location}> {{ ?card <{EX}name> "Alice" }}')


@check("get_of_post__after_noop")
def _(server: Server) -> None:
    path = write(server, "POST", "/graphs", ALICE).headers["location"].removeprefix(server.address)
    assert write(server, "POST", path, "").status_code in (200, 204)
    assert size(server, path) == 4


@check("head_on_an_existing_graph")
def _(server: Server) -> None:
    write(server, "PUT", PERSON, JANE)
    answer = server.send("HEAD", PERSON, headers={"Accept": TURTLE})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/turtle; charset=utf-8"
    assert int(answer.headers["content-length"]) > 0


@check("head_on_a_nonexisting_graph")
def _(server: Server) -> None:
    answer = server.send("HEAD", PERSON)
    assert (answer.status_code, answer.content) == (404, b"")


def test_the_suite_is_whole() -> None:
    """19 tests: 10 of writing, the reading after it, and HEAD."""
    assert len(CHECKS) == 19


@pytest.mark.parametrize("name", CHECKS)
def test_the_graph_store_protocol_is_followed(empty: Server, name: str) -> None:
    """As the test of that name asks."""
    CHECKS[name](empty)
