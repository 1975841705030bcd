"""The W3C's own tests of SPARQL and of the formats of RDF over HTTP, from a folder that holds their files.

``KGRAPH_W3C_TESTS`` names the folder; CONTRIBUTING.md tells where the files can be had.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest
from conformance import test_graph_store, test_protocol
from conformance.asking import QUERY, UPDATE, Server
from conformance.w3c import (
    MEDIA_TYPES,
    Files,
    W3cTest,
    address_of,
    canonical,
    dataset_of,
    expected_answer,
    read_answer,
    read_graph,
    read_tests,
)
from conformance.w3c_deviations import DEVIATIONS, SERVICE

_FOLDER = os.environ.get("KGRAPH_W3C_TESTS", "")
ROOT = Path(_FOLDER).resolve()
TESTS = read_tests(ROOT) if _FOLDER else []
_FROM = re.compile(r"\bFROM\s+(NAMED\s+)?<([^<>]*)>", re.IGNORECASE)
_LABEL = re.compile("_:[A-Za-z0-9]+")
DRY_RUN = {"dry-run": "true"}
ACCEPT = "application/problem+json, application/sparql-results+json, text/turtle"
_PUBLISHED = {
    "QueryEvaluationTest": 497,
    "CSVResultFormatTest": 3,
    "UpdateEvaluationTest": 93,
    "PositiveSyntaxTest": 149,
    "NegativeSyntaxTest": 50,
    "PositiveSyntaxTest11": 63,
    "NegativeSyntaxTest11": 43,
    "PositiveUpdateSyntaxTest11": 42,
    "NegativeUpdateSyntaxTest11": 13,
    "ProtocolTest": 34,
    "ServiceDescriptionTest": 3,
}
"""How many tests of each kind SPARQL 1.0 and 1.1 were published with; later editions of the suite add to them.

66 of the tests of queries ask for an entailment regime; the endpoint has none under those names.
"""

pytestmark = pytest.mark.skipif(not _FOLDER, reason="KGRAPH_W3C_TESTS names no folder with the tests of the W3C")


class Filled:
    """A server that is given the data of each test, and keeps them where the next test has the same."""

    def __init__(self, server: Server) -> None:
        """Give data to ``server``."""
        self.server = server
        self._held: Files | None = None

    def fill(self, files: Files) -> None:
        """Make the server hold these files and nothing else."""
        if files == self._held:
            return
        self.forget()
        assert self.server.update("DROP ALL").status_code == 200
        for path in files.default:
            self._send({"default": ""}, path, f"@base <{address_of(ROOT, path)}> .\n")
        for name, path in files.named:
            self._send({"graph": name}, path, f"@base <{address_of(ROOT, path)}> .\n")
        self._held = files

    def forget(self) -> None:
        """Take it that the server holds something else."""
        self._held = None

    def _send(self, params: dict[str, str], path: Path, head: str) -> None:
        text = path.read_bytes()
        body = head.encode() + text if path.suffix == ".ttl" else text
        headers = {"Content-Type": MEDIA_TYPES[path.suffix]}
        answer = self.server.send("POST", "/graphs", params=params, headers=headers, body=body, auth=True)
        assert answer.is_success, answer.text


@pytest.fixture(scope="module")
def filled(separate: Server) -> Filled:
    """The server with a default graph of its own."""
    return Filled(separate)


def check_query(filled: Filled, test: W3cTest) -> None:
    """The answer is the one that the test names; in the format of its file, if that is one of results."""
    text, files = _query_and_data(test)
    filled.fill(files)
    assert test.result is not None
    wanted = expected_answer(ROOT, test.result)
    suffix = test.result.suffix if wanted.triples is None and test.result.suffix in (".srx", ".srj", ".tsv") else ""
    suffix = suffix or (".srj" if wanted.triples is None else ".nt")
    answer = filled.server.post(text, QUERY, MEDIA_TYPES[suffix])
    if SERVICE.search(text):
        assert answer.status_code == 403
        return
    assert answer.status_code == 200, answer.text
    found = read_answer(answer.content, suffix)
    if test.is_lax:
        assert len(found.rows or ()) <= len(wanted.rows or ())
    assert found.comparable(wanted.is_ordered, test.is_lax) == wanted.comparable(wanted.is_ordered, test.is_lax)


def _query_and_data(test: W3cTest) -> tuple[str, Files]:
    """Return a query whose relative IRIs are those of its file, and its data: those that it names if none are given."""
    assert test.text is not None
    text = test.text.read_bytes().decode()
    files = test.before
    if not files.default and not files.named:
        named = {name for _, name in _FROM.findall(text)}
        paths = [(address_of(ROOT, test.text.parent / name), test.text.parent / name) for name in sorted(named)]
        files = Files(named=tuple((name, path) for name, path in paths if path.is_file()))
    return f"BASE <{address_of(ROOT, test.text)}> {text}", files


def check_csv(filled: Filled, test: W3cTest) -> None:
    """The answer in CSV has the lines of the test's file; their order is free."""
    text, files = _query_and_data(test)
    filled.fill(files)
    assert test.result is not None
    answer = filled.server.post(text, QUERY, "text/csv")
    assert answer.status_code == 200
    texts = (answer.text, test.result.read_text(encoding="utf-8"))
    found, wanted = (_LABEL.sub("_:", text).splitlines() for text in texts)
    assert (found[0], sorted(found[1:])) == (wanted[0], sorted(wanted[1:]))


def check_update(filled: Filled, test: W3cTest) -> None:
    """After the update the store holds what the test says."""
    assert test.text is not None
    filled.fill(test.before)
    filled.forget()
    text = test.text.read_bytes().decode()
    answer = filled.server.update(f"BASE <{address_of(ROOT, test.text)}> {text}")
    assert answer.status_code == 200, answer.text
    body = filled.server.send("GET", "/graphs", headers={"Accept": "application/n-quads"}).text
    assert canonical(ox.parse(body, format=ox.RdfFormat.N_QUADS)) == dataset_of(ROOT, test.after)


def check_good_query(filled: Filled, test: W3cTest) -> None:
    """What is a query is answered, unless it would have the server ask another one."""
    assert test.text is not None
    text = test.text.read_bytes()
    answer = filled.server.post(text, QUERY)
    refused = bool(SERVICE.search(text.decode()))
    assert answer.status_code == (403 if refused else 200), answer.text


def check_good_update(filled: Filled, test: W3cTest) -> None:
    """What is an update is tried and refused for nothing but what it would do."""
    assert test.text is not None
    text = test.text.read_bytes()
    answer = filled.server.post(text, UPDATE, ACCEPT, params=DRY_RUN, auth=True)
    if answer.status_code != 200:
        code = answer.json()["code"]
        assert code in ("graph-absent", "graph-exists", "load-refused", "service-refused"), answer.text


def check_bad_query(filled: Filled, test: W3cTest) -> None:
    """What is no query is refused with the place; some texts that are called queries are updates."""
    assert test.text is not None
    if test.text.suffix == ".ru":
        check_bad_update(filled, test)
        return
    _is_refused(filled.server.post(test.text.read_bytes(), QUERY, ACCEPT))


def check_bad_update(filled: Filled, test: W3cTest) -> None:
    """What is no update is refused with the place."""
    assert test.text is not None
    _is_refused(filled.server.post(test.text.read_bytes(), UPDATE, ACCEPT, params=DRY_RUN, auth=True))


def _is_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 400, answer.text
    assert answer.json()["line"] >= 1 and answer.json()["column"] >= 1


def put_graph(filled: Filled, test: W3cTest) -> tuple[str, httpx.Response]:
    """Send the file of a test as the graph whose name is the file's address."""
    assert test.text is not None
    filled.forget()
    name = test.base + test.text.name
    return name, filled.server.put(name, test.text.read_bytes(), MEDIA_TYPES[test.text.suffix])  # type: ignore[arg-type]


def check_good_graph(filled: Filled, test: W3cTest) -> None:
    """What is a graph is taken, and read back as what it says."""
    name, answer = put_graph(filled, test)
    assert answer.status_code in (200, 201), answer.text
    if test.result is not None:
        read = ox.parse("\n".join(filled.server.graph(name)), format=ox.RdfFormat.N_TRIPLES)
        wanted = [ox.Quad(*triple) for triple in read_graph(ROOT, test.result)]
        assert canonical(read) == canonical(wanted)


def check_bad_graph(filled: Filled, test: W3cTest) -> None:
    """What is no graph is refused with the place."""
    _is_refused(put_graph(filled, test)[1])


def check_description(filled: Filled, test: W3cTest) -> None:
    """The service describes itself in RDF, with its own address, by the schema of service descriptions."""
    answer = filled.server.send("GET", headers={"Accept": "text/turtle"})
    assert answer.status_code == 200
    store = ox.Store()
    store.load(answer.content, format=ox.RdfFormat.TURTLE)
    sd = "PREFIX sd: <http://www.w3.org/ns/sparql-service-description#> "
    assert store.query(f"{sd} ASK {{ ?s a sd:Service ; sd:endpoint <{filled.server.address}/sparql> }}")
    assert not store.query(f"{sd} ASK {{ ?s sd:defaultDataset ?d FILTER(isLiteral(?d)) }}")


def check_protocol(filled: Filled, test: W3cTest) -> None:
    """The suite of our own has a case of that name."""
    assert test.name.partition("/")[2] in {**test_protocol.CHECKS, **test_graph_store.CHECKS}


CHECKS: dict[str, Callable[[Filled, W3cTest], None]] = {
    "QueryEvaluationTest": check_query,
    "CSVResultFormatTest": check_csv,
    "UpdateEvaluationTest": check_update,
    "PositiveSyntaxTest": check_good_query,
    "PositiveSyntaxTest11": check_good_query,
    "NegativeSyntaxTest": check_bad_query,
    "NegativeSyntaxTest11": check_bad_query,
    "PositiveUpdateSyntaxTest11": check_good_update,
    "NegativeUpdateSyntaxTest11": check_bad_update,
    "ProtocolTest": check_protocol,
    "GraphStoreProtocolTest": check_protocol,
    "ServiceDescriptionTest": check_description,
    "TestTurtleEval": check_good_graph,
    "TestTurtlePositiveSyntax": check_good_graph,
    "TestTurtleNegativeSyntax": check_bad_graph,
    "TestTurtleNegativeEval": check_bad_graph,
    "TestNTriplesPositiveSyntax": check_good_graph,
    "TestNTriplesNegativeSyntax": check_bad_graph,
    "TestXMLEval": check_good_graph,
    "TestXMLNegativeSyntax": check_bad_graph,
}
"""What each kind of test asks for."""

NOT_TAKEN = ("TestNQuads", "TestTrig")
"""Kinds of tests of formats that no address of the server takes."""


def test_the_suite_is_whole() -> None:
    """As many tests as were published, and none of a kind that is not known."""
    counts = Counter(test.kind for test in TESTS)
    assert {kind: number for kind, number in _PUBLISHED.items() if counts[kind] < number} == {}
    assert [kind for kind in counts if kind not in CHECKS and not kind.startswith(NOT_TAKEN)] == []
    assert sum(test.has_regime for test in TESTS) >= 66


def test_each_deviation_is_of_a_test() -> None:
    """No deviation is left when its test is gone."""
    folders = {test.name.partition("/")[0] for test in TESTS}
    deviating = {name for name in DEVIATIONS if name.partition("/")[0] in folders}
    assert deviating <= {test.name for test in TESTS}


def _cases() -> list[object]:
    chosen = [test for test in TESTS if test.kind in CHECKS and not test.has_regime]
    return [pytest.param(test, id=test.name, marks=_marks(test)) for test in chosen]


def _marks(test: W3cTest) -> list[pytest.MarkDecorator]:
    reason = DEVIATIONS.get(test.name)
    return [pytest.mark.xfail(reason=reason, strict=True)] if reason else []


@pytest.mark.parametrize("test", _cases())
def test_the_w3c_test_is_passed(filled: Filled, test: W3cTest) -> None:
    """As its manifest says."""
    CHECKS[test.kind](filled, test)
