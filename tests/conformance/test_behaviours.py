"""The behaviours that somebody who knows SPARQL tries first: each case over HTTP, and each seen to fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import conformance.cases_answers
import conformance.cases_asking
import conformance.cases_safety  # noqa: F401
import pytest
import uvicorn
from conformance.asking import EX, Server, conforming
from conformance.broken import BrokenServer
from conformance.cases import BEHAVIOURS, STUDIES, STUDY_DATA, Case, numbered, render_page
from homes import make_tiny_home
from waiting import wait_until
from web_server import front_of, listening

from kgraph.access import Role, create_token
from kgraph.settings import Settings

LIMITS = {"query_timeout": 20.0, "client_queries": 4}
TABLE = numbered()
each_case = pytest.mark.parametrize("case", [case for _, case in TABLE], ids=[name for name, _ in TABLE])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes changes, with the graph that the cases ask about."""
    with conforming(tmp_path_factory.mktemp("conforming"), **LIMITS) as server:
        assert server.put(STUDIES, STUDY_DATA).status_code == 201
        yield server


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, BrokenServer]]:
    """The same behind an application that has whatever fault it is told to have."""
    folder = tmp_path_factory.mktemp("broken")
    # What a client left behind goes on until its time is up, and the next case waits for that.
    limits = {**LIMITS, "query_timeout": 5.0, "stream_timeout": 5.0}
    settings = Settings(state=str(folder / "state"), log_file="/dev/null", **limits)  # type: ignore[arg-type]
    with front_of(settings, make_tiny_home(folder / "tiny")) as front:
        token = create_token(folder / "state", Role.CURATOR)[0]
        application = BrokenServer(front, token)
        config = uvicorn.Config(application, log_level="critical", h11_max_incomplete_event_size=100_000)
        with listening(config) as address:
            server = Server(address, token, patience=1.0)
            assert server.put(STUDIES, STUDY_DATA).status_code == 201
            yield server, application


def test_the_table_is_whole() -> None:
    """25 behaviours, each with as many cases as are listed; a case that is lost is seen."""
    counts = [sum(case.behaviour == number for _, case in TABLE) for number in BEHAVIOURS]
    assert list(BEHAVIOURS) == list(range(1, 26))
    assert counts == [2, 3, 3, 3, 4, 4, 4, 4, 4, 3, 2, 2, 3, 3, 3, 3, 4, 3, 2, 2, 3, 5, 4, 12, 9]
    assert len(TABLE) == 94


@each_case
def test_the_server_behaves(server: Server, case: Case) -> None:
    """What is answered is what the table says."""
    case.check(server)


@each_case
def test_the_case_finds_its_fault(broken: tuple[Server, BrokenServer], case: Case) -> None:
    """Against a server with the fault that is named, the case fails."""
    server, application = broken
    application.fault = case.fault
    try:
        with pytest.raises(Exception) as found:
            case.check(server)
    finally:
        application.fault = ""
        # A refusal that an earlier case is the cause of is not the fault that the next one is to find.
        assert wait_until(lambda: server.ask("ASK {}", Cache_Control="no-cache").status_code == 200)
        server.send("DELETE", "/graphs", params={"graph": f"{EX}get"}, auth=True)
    assert isinstance(found.value, AssertionError | KeyError | ValueError | SyntaxError)


def test_the_page_lists_the_cases(repository: Path) -> None:
    """As write_page.py writes it."""
    page = repository / "docs" / "reference" / "conformance.md"
    assert page.read_text(encoding="utf-8") == render_page()
