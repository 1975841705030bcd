"""What goes wrong with a call is an error with a code and a place, or is passed over if SILENT says so: never less."""

from __future__ import annotations

import httpx
import pytest
from closed_network import OTHERS, ClosedNetwork

BROKEN = {
    "html": ("service-failed", 502),
    "untyped": ("service-failed", 502),
    "status/404": ("service-failed", 502),
    "status/500": ("service-failed", 502),
    "status/204": ("service-failed", 502),
    "redirect": ("service-failed", 502),
    "partial": ("service-failed", 502),
    "gzip": ("service-failed", 502),
    "early": ("service-unreadable", 502),
    "cut": ("service-unreadable", 502),
    "cut-chunks": ("service-unreadable", 502),
    "no-json": ("service-unreadable", 502),
    "boolean": ("service-unreadable", 502),
    "other-variables": ("service-unreadable", 502),
    "undeclared": ("service-unreadable", 502),
    "deep": ("service-unreadable", 502),
    "bad-iri": ("service-unreadable", 502),
    "bad-language": ("service-unreadable", 502),
}
OF_OURS = {"blank": ("service-blank-node", 502)}
QUERY = "SELECT ?x {{\n {service} <{address}> {{ ?x <http://e/p> ?y }} }}"


def query_of(path: str, *, silent: bool = False) -> str:
    """Return a query that calls a path of the other endpoints."""
    return QUERY.format(service="SERVICE SILENT" if silent else "SERVICE", address=f"{OTHERS}/{path}")


def told(answer: httpx.Response) -> tuple[str, int]:
    """Return code and status of a problem."""
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return answer.json()["code"], answer.status_code


@pytest.mark.parametrize("path", BROKEN | OF_OURS)
def test_a_bad_answer_is_an_error_with_its_place(inside: ClosedNetwork, path: str) -> None:
    """None is taken for an answer, and the problem says where the call stands and which endpoint it is."""
    answer = inside.ask(query_of(path))
    assert told(answer) == (BROKEN | OF_OURS)[path]
    assert (answer.json()["line"], answer.json()["column"]) == (2, 2)
    assert f"{OTHERS}/{path}" in answer.json()["detail"]


def test_of_calls_that_ask_the_same_the_first_is_told(inside: ClosedNetwork) -> None:
    """They are made once, and a SILENT beside it changes nothing for the other."""
    calls = [f"SERVICE {silent} <{OTHERS}/html> {{ ?x ?y ?z }}" for silent in ("SILENT", "", "")]
    answer = inside.ask("SELECT ?x {\n" + "\n".join(calls) + " }")
    assert told(answer) == ("service-failed", 502)
    assert answer.json()["line"] == 3


@pytest.mark.parametrize("path", BROKEN)
def test_silent_passes_over_a_bad_answer_and_says_so(inside: ClosedNetwork, path: str) -> None:
    """One solution without bindings, and a notice with the cause."""
    answer = inside.ask(query_of(path, silent=True))
    assert answer.json()["results"]["bindings"] == [{}]
    assert answer.json()["head"]["vars"] == ["x"]
    notice = answer.headers["kgraph-notice"]
    assert notice.startswith(
        f'service-passed-over; term="<{OTHERS}/{path}>"; line=2; column=2; cause={BROKEN[path][0]}'
    )


@pytest.mark.parametrize("path", OF_OURS)
def test_silent_does_not_pass_over_what_only_we_cannot_use(inside: ClosedNetwork, path: str) -> None:
    """The other endpoint did nothing wrong, so to leave its answer out would falsify the result."""
    assert told(inside.ask(query_of(path, silent=True))) == OF_OURS[path]


@pytest.mark.parametrize("path", ["whole", "plain-json", "chunks"])
def test_a_sound_answer_is_taken_in_each_form_of_transfer(inside: ClosedNetwork, path: str) -> None:
    """With a length, under the alias of its type, and in chunks."""
    (row,) = inside.ask(query_of(path)).json()["results"]["bindings"]
    assert row["x"]["value"] == "http://e/a"


def test_an_empty_table_need_not_name_its_variables(inside: ClosedNetwork) -> None:
    """Nothing is lost that way; the variables are those of the pattern."""
    answer = inside.ask(f"SELECT * {{ SERVICE <{OTHERS}/none-at-all> {{ ?x ?y ?z }} }}").json()
    assert (set(answer["head"]["vars"]), answer["results"]["bindings"]) == ({"x", "y", "z"}, [])


def test_redirects_are_not_followed(inside: ClosedNetwork) -> None:
    """Not even to an address that is on the list."""
    inside.received()
    assert told(inside.ask(query_of("redirect"))) == ("service-failed", 502)
    assert [request["path"] for request in inside.received()] == ["/redirect"]


@pytest.mark.parametrize("name", ["home", "private", "mixed"])
@pytest.mark.parametrize("silent", ["", "SILENT"])
def test_a_name_of_a_private_address_is_never_called(inside: ClosedNetwork, name: str, silent: str) -> None:
    """Loopback, a private address, and one of several that is not public; SILENT does not hide it."""
    inside.received()
    query = f"ASK {{ SERVICE {silent} <http://{name}.example.org:8080/data> {{ ?s ?p ?o }} }}"
    assert told(inside.ask(query)) == ("service-private", 403)
    assert inside.received() == []


@pytest.mark.parametrize("address", ["http://nowhere.example.org:8080/data", "http://93.184.215.14:9/none"])
def test_an_endpoint_that_cannot_be_reached_is_told(inside: ClosedNetwork, address: str) -> None:
    """A name that nobody knows, and a port at which nobody listens."""
    query = QUERY.format(service="SERVICE", address=address)
    assert told(inside.ask(query)) == ("service-unreachable", 502)
    answer = inside.ask(query.replace("SERVICE", "SERVICE SILENT"))
    assert answer.json()["results"]["bindings"] == [{}]
    assert "cause=service-unreachable" in answer.headers["kgraph-notice"]


@pytest.mark.parametrize(
    ("call", "code", "place"),
    [
        (f"SERVICE <{OTHERS}/other> {{ ?s ?p ?o }}", "service-not-listed", (1, 15)),
        (f"SERVICE <{OTHERS}/data#> {{ ?s ?p ?o }}", "service-not-listed", (1, 15)),
        ("SERVICE SILENT <http://127.0.0.1:8080/data> { ?s ?p ?o }", "service-not-listed", (1, 22)),
        ("SERVICE <data> { ?s ?p ?o }", "service-not-listed", (1, 15)),
        ("SERVICE ?where { ?s ?p ?o }", "service-variable", (1, 15)),
    ],
)
def test_only_listed_addresses_are_called(inside: ClosedNetwork, call: str, code: str, place: tuple[int, int]) -> None:
    """The refusal has the place of the address, and nothing is called, not even the calls beside it."""
    inside.received()
    answer = inside.ask(f"ASK {{ {call} SERVICE <{OTHERS}/data> {{ ?s ?p ?o }} }}", headers={"Accept-Language": "en"})
    assert told(answer) == (code, 403)
    assert (answer.json()["line"], answer.json()["column"]) == place
    assert ("KGRAPH_FEDERATION" in answer.json()["hint"]) == (code == "service-not-listed")
    assert inside.received() == []


@pytest.mark.parametrize(
    ("paths", "code", "status"),
    [
        (["large"], "service-too-large", 503),
        (["four-rows"], "service-too-many-rows", 503),
        (["slow"], "service-timeout", 504),
        (["data", "data", "data"], "service-too-many", 400),
    ],
)
def test_what_passes_a_limit_is_an_error(inside: ClosedNetwork, paths: list[str], code: str, status: int) -> None:
    """Each limit is a setting with a code of its own."""
    calls = " ".join(f"SERVICE <{OTHERS}/{path}> {{ ?x ?y ?z }}" for path in paths)
    assert told(inside.ask(f"SELECT ?x {{ {calls} }}", "tight")) == (code, status)


@pytest.mark.parametrize(("path", "hidden"), [("slow", True), ("large", False), ("four-rows", False)])
def test_silent_does_not_pass_over_limits_of_ours(inside: ClosedNetwork, path: str, hidden: bool) -> None:
    """A cut of ours would make the answer short without a word."""
    answer = inside.ask(query_of(path, silent=True), "tight")
    assert (answer.status_code == 200) == hidden
    assert ("kgraph-notice" in answer.headers) == hidden


def test_a_call_that_waits_too_long_for_a_connection_may_come_again(inside: ClosedNetwork) -> None:
    """So many calls are under way at once; the status says that another time there will be room."""
    query = f"SELECT ?x {{ SERVICE <{OTHERS}/slow> {{ ?x ?y ?z }} SERVICE <{OTHERS}/whole> {{ ?x ?y ?z }} }}"
    answer = inside.ask(query, "tight")
    assert told(answer) == ("busy", 503)
    assert "retry-after" in answer.headers


def test_the_time_of_calls_is_the_querys_own(inside: ClosedNetwork) -> None:
    """A query with less time than a call may take ends when its own is up, SILENT or not."""
    for silent in (False, True):
        assert told(inside.ask(query_of("slow", silent=silent), timeout="0.3")) == ("query-timeout", 503)


@pytest.mark.parametrize("accept", ["application/sparql-results+json", "text/html"])
def test_a_client_that_leaves_ends_its_calls(inside: ClosedNetwork, accept: str) -> None:
    """The other endpoint sees the connection close, long before the time for an answer is up; on the page as well."""
    name = "for_" + accept.rpartition("/")[2].partition("-")[0]
    query = f"SELECT ?{name} {{ SERVICE <{OTHERS}/slow> {{ ?{name} ?y ?z }} }}"
    with pytest.raises(httpx.ReadTimeout):
        inside.client().get(
            "/sparql", params={"query": query}, headers={"Accept": accept}, timeout=httpx.Timeout(5, read=0.5)
        )
    # The query would have its ten seconds.
    sent = f"SELECT ?{name} WHERE {{ ?{name} ?y ?z }}"
    assert inside.tell("wait-for-leaving", query=sent, seconds=7) is True


def test_a_fault_after_a_call_has_its_place_in_the_clients_text(inside: ClosedNetwork) -> None:
    """The engine reads another text, and its complaint is about the one that was sent."""
    call = f"SERVICE <{OTHERS}/data> {{ ?s <http://e/name>\n ?o }}"
    for query in (
        f"SELECT * {{ {call}\n BIND(1 AS ?s) }}",
        f"SELECT ?s {{ ?a ?b ?c {call} }} GROUP BY ?c",
        f"SELECT * {{ {call} FILTER(<http://www.w3.org/2001/XMLSchema#integer>(?o, ?o)) }}",
    ):
        found = inside.ask(query).json()
        without = inside.ask(query.replace(f"SERVICE <{OTHERS}/data>", f"GRAPH    <{OTHERS}/data>")).json()
        assert (found["code"], found["line"], found["column"]) == (without["code"], without["line"], without["column"])


def test_a_fault_of_the_grammar_is_found_before_anything_is_called(inside: ClosedNetwork) -> None:
    """Within the pattern and after it."""
    inside.received()
    for query in (f"ASK {{ SERVICE <{OTHERS}/data> {{ ?s ?p }} }}", f"ASK {{ SERVICE <{OTHERS}/data> {{}} FILTER }}"):
        assert told(inside.ask(query))[1] == 400
    assert inside.received() == []
