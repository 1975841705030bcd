"""The benchmarks run: graphs of a wanted size, answers compared before anything is timed, and a report."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pyoxigraph as ox
import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
SERVERS = "kgraph,oxigraph" if shutil.which("oxigraph", path=PATH) else "kgraph"


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    """The benchmarks' modules, which import each other as scripts do: from their own folder."""
    names = ("generate", "servers", "answers", "load", "mix", "throughput", "reporting", "bounds", "compare")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(BENCHMARKS))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the comparison as its users do."""
    command = [sys.executable, str(BENCHMARKS / "compare.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": PATH})


def test_a_graph_has_the_wanted_size_and_the_same_bytes_again(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    """Counting the triples of the generated files gives what was asked for; the seed settles every byte."""
    graph = modules["generate"].generate(tmp_path / "one", 30_000)
    again = modules["generate"].generate(tmp_path / "two", 30_000)
    other = modules["generate"].generate(tmp_path / "three", 30_000, seed=1)
    store = ox.Store()
    for path in graph.files:
        store.load(path=str(path), format=ox.RdfFormat.TURTLE)
    assert len(store) == graph.triples
    assert abs(graph.triples - 30_000) < 20

    def written(made: object) -> bytes:
        return b"".join(path.read_bytes() for path in made.files if "report" in path.parts)  # type: ignore[attr-defined]

    assert written(graph) == written(again) != written(other)


def test_a_graph_uses_only_terms_and_concepts_that_there_are(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    """Each class, property and concept of the synthetic data is one that the ontology or a concept scheme describes."""
    graph = modules["generate"].generate(tmp_path / "home", 20_000)
    known, used = set(), set()
    for path in graph.files:
        for quad in ox.parse(path=str(path), format=ox.RdfFormat.TURTLE):
            if "report" in path.parts:
                used.update(term.value for term in (quad.predicate, quad.object) if isinstance(term, ox.NamedNode))
            else:
                known.add(quad.subject.value)
    ours = {iri for iri in used if "/ont#" in iri or "/vocab/" in iri}
    assert len(ours) > 100
    assert ours - known == set()


def test_the_comparison_asks_every_question_and_reports(tmp_path: Path) -> None:
    """Each of the twenty questions has rows, is compared, and stands in the report with the machine and versions."""
    report = tmp_path / "report.md"
    done = run("--triples", "20000", "--servers", SERVERS, "--rounds", "0", "--report", str(report))
    assert done.returncode == 0, done.stderr
    compared = [line for line in done.stderr.splitlines() if line.startswith("compared ")]
    assert len(compared) == 20
    assert not [line for line in compared if line.endswith((": 0 rows", ": no rows"))]
    text = report.read_text(encoding="utf-8")
    assert f"20 questions were compared row for row over {SERVERS.replace(',', ', ')}" in text
    assert "cores" in text and "kgraph 0." in text


def test_a_run_says_how_long_it_may_take_and_a_server_that_takes_longer_is_told(tmp_path: Path) -> None:
    """A server whose time is used up is asked nothing more, one that does not start is left out; no folder is named."""
    report = tmp_path / "report.md"
    bounds = ("--longest-questions", "0", "--folder", str(tmp_path / "graphs"))
    done = run("--triples", "12000", "--servers", "kgraph", "--rounds", "0", "--report", str(report), *bounds)
    assert done.returncode == 0, done.stderr
    assert "the whole run at most 30 min" in done.stderr.splitlines()[0]
    text = report.read_text(encoding="utf-8")
    assert text.count("its 0 s for questions are used up") == 20
    assert str(tmp_path) not in text
    done = run("--triples", "12000", "--servers", "kgraph", "--rounds", "0", "--longest-load", "0.01", *bounds)
    assert "kgraph is left out: kgraph was not ready after 0 s" in done.stdout


def test_a_large_graph_is_loaded_once_and_measured_in_fewer_rounds(modules: dict[str, ModuleType]) -> None:
    """Ten million triples take long to load, so the length that is told is that of one loading for each server."""
    bounds = modules["bounds"].Bounds(load=600, questions=60, whole=36_000)
    assert (bounds.rounds(10_000_000, 5), bounds.starts(10_000_000, 5)) == (2, 1)
    assert (bounds.rounds(1_000_000, 5), bounds.starts(1_000_000, 5)) == (5, 2)
    told = bounds.describe([1_000_000, 10_000_000], servers=2, cells=3, rounds=5, seconds=5)
    assert told == "samples of throughput take about 10 min, the whole run at most 82 min"


def test_a_run_ends_when_its_time_is_up() -> None:
    """Sizes that were not begun by then are told in the report."""
    done = run("--triples", "12000,13000", "--servers", "kgraph", "--rounds", "0", "--minutes", "0")
    assert done.returncode == 0, done.stderr
    assert "12,000 triples were not begun" in done.stdout
    assert "13,000 triples were not begun" in done.stdout


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_the_load_is_measured_in_all_phases(tmp_path: Path) -> None:
    """Under load each phase has whole answers of kgraph and none failed at one connection."""
    report = tmp_path / "report.md"
    done = run(
        *("--triples", "12000", "--servers", "kgraph", "--rounds", "1", "--seconds", "1", "--answers", "tiny"),
        *("--connections", "1", "--report", str(report)),
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in report.read_text(encoding="utf-8").splitlines() if line.startswith("| tiny | 1 |")]
    assert len(rows) == 4
    assert not [row for row in rows if "failed" in row or " 0.00" in row]


def test_rows_count_by_what_they_mean(modules: dict[str, ModuleType]) -> None:
    """Forms of the same number are alike and order does not matter; another language tag or one row more is not."""
    read, reply = modules["answers"].read_rows, modules["servers"].Reply

    def rows(*bindings: str) -> object:
        body = '{"head": {"vars": ["x"]}, "results": {"bindings": [' + ",".join(bindings) + "]}}"
        return read(reply(body.encode(), "application/sparql-results+json"))

    integer = '{"x": {"type": "literal", "value": "2", "datatype": "http://www.w3.org/2001/XMLSchema#integer"}}'
    decimal = '{"x": {"type": "typed-literal", "value": "2.0", "datatype": "http://www.w3.org/2001/XMLSchema#decimal"}}'
    text = '{"x": {"type": "literal", "value": "2"}}'
    tagged = '{"x": {"type": "literal", "value": "2", "xml:lang": "nn"}}'
    assert rows(integer, text) == rows(text, decimal)
    assert rows(text) != rows(tagged)
    assert rows(text) != rows(text, text)
    assert rows(text) != rows(integer)


def test_a_difference_stops_the_run_unless_it_is_declared(
    modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server with another answer is an error that shows the rows; with a declared reason it is not timed."""
    answers, reply = modules["answers"], modules["servers"].Reply

    class Canned:
        def __init__(self, name: str, answer: bytes) -> None:
            self.name, self.answer = name, answer

        def ask(self, query: str, accept: str, timeout: float) -> object:
            return reply(b'{"head": {}, "boolean": %s}' % self.answer, accept)

    servers = [Canned("one", b"true"), Canned("two", b"false")]
    question = answers.Question("ask", "a question", "ASK {}")
    with pytest.raises(answers.AnswersDifferError, match="only one: True"):
        answers.compare_answers(servers, [question], print)
    monkeypatch.setattr(answers, "DEVIATIONS", {("two", "ask"): "known"})
    comparison = answers.compare_answers(servers, [question], print)
    assert comparison.left_out == {("two", "ask"): "known"}


def test_a_server_that_does_not_start_is_left_out_with_the_reason(
    modules: dict[str, ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A process that ends before it answers is no server of the run, and the report names it."""

    class Broken(modules["servers"].Kgraph):  # type: ignore[misc,name-defined]
        name = "broken"

        def _launch(self, graph: object, folder: Path) -> None:
            self.run([sys.executable, "-c", "raise SystemExit(3)"], folder)

    graph = modules["generate"].generate(tmp_path / "home", 8000)
    result, servers = modules["reporting"].Result(graph, []), [Broken()]
    bounds = modules["bounds"].Bounds(load=60, questions=60, whole=60).begin()
    with ExitStack() as stack:
        modules["compare"].start_all(servers, result, tmp_path / "run", stack, bounds)
    assert servers == []
    assert "broken ended with 3" in result.skipped["broken"]
    report = modules["reporting"].render_report([result], [], "command", "conditions")
    assert "- broken is left out: broken ended with 3" in report
