"""The command line as people use it: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from homes import make_home

import kgraph
from kgraph.cli import run


class Ended(NamedTuple):
    """How a command ended: its exit code, what it printed, and what it complained of."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]
FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``kgraph`` with arguments, and standard input if it is given."""

    def call(*arguments: str | Path, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["kgraph", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            run()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, *capsys.readouterr())

    monkeypatch.setenv("COLUMNS", "100")
    return call


RECORD = """@prefix ex: <https://example.org/> .
# a reason
ex:b ex:p "1.50"^^<http://www.w3.org/2001/XMLSchema#decimal> .
ex:a ex:p ex:b .
"""


def test_the_version_is_told(command: Command) -> None:
    """--version prints the name and the version."""
    assert command("--version") == (0, f"kgraph {kgraph.__version__}\n", "")


def test_help_names_each_command_in_one_whole_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a narrow terminal no summary is cut off."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    listed = command("--help").out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(listed) >= 12
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


@pytest.mark.parametrize("arguments", [["fly"], ["verify-source"], ["query", "--language", "sv"], ["format"]])
def test_a_wrong_call_ends_with_2(command: Command, arguments: list[str]) -> None:
    """An unknown command, a missing option, an unknown language or a missing file is a usage error."""
    ended = command(*arguments)
    assert ended.code == 2
    assert "Error" in ended.err


def test_query_alone_lists_the_library(command: Command) -> None:
    """Without a query, the names and titles of the library are listed in the chosen language."""
    ended = command("query", "--language", "en")
    assert ended.code == 0
    assert ["documents-by-year", "Works of the bibliography by year"] in [
        re.split(r"\s{2,}", line) for line in ended.out.splitlines()
    ]


def test_a_library_query_answers_with_a_table(command: Command) -> None:
    """A named query prints a table without the columns of its bound parameters."""
    ended = command("query", "survey-shares", "--language", "en")
    assert ended.code == 0
    assert ended.out.splitlines()[0].split() == ["measure", "share"]
    assert ended.out.endswith("(5 rows)\n")


def test_a_parameter_changes_the_answer(command: Command) -> None:
    """A value given with -p takes the place of the default."""
    ended = command("query", "reports-by-publisher", "-p", "year=2006", "--format", "json")
    rows = json.loads(ended.out)["results"]["bindings"]
    assert {row["year"]["value"] for row in rows} == {"2006"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-query"], "neither a file nor a query of the library"),
        (["survey-shares", "--text", "ASK {}"], "not both"),
        (["survey-shares", "-p", "year"], '"year" is not NAME=VALUE'),
        (["survey-shares", "-p", "year=1"], "no parameter year"),
        (["where-a-claim-stands"], "needs claim"),
        (["reports-by-publisher", "-p", "year=soon"], '"soon" is not a xsd:integer'),
        (["survey-shares", "--format", "turtle"], "choose table, json, xml, csv, tsv"),
        (["--text", "CONSTRUCT WHERE { ?s ?p ?o }", "--format", "csv"], "choose turtle"),
        (["--text", "INSERT DATA { <a:a> <a:b> <a:c> }"], "kgraph: "),
        (["--text", "SELECT * { SERVICE <http://example.org/> { ?s ?p ?o } }"], "kgraph: "),
    ],
)
def test_a_question_that_cannot_be_asked_says_why(command: Command, arguments: list[str], message: str) -> None:
    """Each way of asking wrongly has a message of one line and exit code 2."""
    ended = command("query", *arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert message in ended.err


def test_a_syntax_error_is_shown_with_a_caret(command: Command) -> None:
    """A query that breaks the grammar is shown with its line and a caret below the place."""
    ended = command("query", "--text", "SELECT ?s\nWHERE { ?s a )")
    assert ended.code == 2
    assert "query:2:" in ended.err
    assert "  WHERE { ?s a )\n" in ended.err
    assert ended.err.splitlines()[-1].strip("^~ ") == ""


def test_a_query_comes_from_a_file_or_standard_input(command: Command, tiny_home: Path, tmp_path: Path) -> None:
    """A file, - and --text are three ways to the same answer."""
    text = "PREFIX ink: <https://w3id.org/inkludering/ont#> ASK { ?goal a ink:Goal }"
    path = tmp_path / "ask.rq"
    path.write_text(text, encoding="utf-8")
    query = ("query", "--home", tiny_home)
    assert command(*query, path) == command(*query, "-", stdin=text) == command(*query, "--text", text)
    assert command(*query, path).out == "true\n"


def test_a_name_that_is_not_there_is_told_beside_the_answer(command: Command, tiny_home: Path) -> None:
    """On standard error, with the place and what was probably meant; the answer and the exit code stay as they are."""
    text = "PREFIX ink: <https://w3id.org/inkludering/ont#>\nASK { ?gap a ink:knowledge_gap }"
    query = ("query", "--home", tiny_home, "--language", "en", "--text")
    ended = command(*query, text)
    assert (ended.code, ended.out) == (0, "false\n")
    assert "2:14: ink:knowledge_gap" in ended.err and "Did you mean ink:KnowledgeGap?" in ended.err
    assert "FROM" in command(*query, text.replace("knowledge_gap", "Claim")).err
    called = command(
        *query, "PREFIX fn: <http://www.w3.org/2005/xpath-functions#>\nASK { FILTER(!fn:contains('a', 'b')) }"
    )
    assert (called.code, called.out) == (0, "false\n")
    assert "2:15: There is no function fn:contains here" in called.err and "Did you mean CONTAINS?" in called.err


def test_a_file_with_a_header_has_parameters(command: Command, tmp_path: Path) -> None:
    """A file of one's own may have the library's header."""
    path = tmp_path / "mine.rq"
    path.write_text("#+ title: {nn: A, nb: A, en: A}\nSELECT ?a {}", encoding="utf-8")
    assert "mine.rq:1: the field" in command("query", path).err


def test_a_graph_is_answered_in_turtle(command: Command, tiny_home: Path) -> None:
    """CONSTRUCT answers in Turtle with kgraph's prefixes unless another format is asked for."""
    text = "PREFIX ink: <https://w3id.org/inkludering/ont#> CONSTRUCT WHERE { ?s a ink:Goal }"
    query = ("query", "--home", tiny_home, "--text", text)
    assert "@prefix goal:" in command(*query).out
    assert "@prefix" not in command(*query, "--format", "n-triples").out


def test_info_counts_graphs_and_classes(command: Command) -> None:
    """Info tells the version, the revision, and the size of each graph and class."""
    ended = command("info")
    assert ended.code == 0
    for word in (kgraph.__version__, "revision", "CC BY 4.0", "graph:report", "ink:Observation"):
        assert word in ended.out


def test_a_home_without_data_is_refused(command: Command, tmp_path: Path) -> None:
    """--home must name a folder with ontology, data and queries."""
    ended = command("info", "--home", tmp_path)
    assert ended.code == 2
    assert "is not a home of kgraph: it has no ontology/, data/, queries/" in ended.err


def test_format_writes_the_canonical_form_once(command: Command, tmp_path: Path) -> None:
    """Formatting keeps comments and lexical forms, and a second time changes nothing."""
    path = tmp_path / "record.ttl"
    path.write_text(RECORD, encoding="utf-8")
    path.chmod(0o640)
    assert command("format", "--check", path) == (1, f"{path}\n", "")
    assert path.read_text(encoding="utf-8") == RECORD
    assert command("format", path) == (0, f"{path}\n", "")
    after = path.read_text(encoding="utf-8")
    assert "# a reason" in after and "1.50" in after and after.index("ex:a\n") < after.index("ex:b\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert command("format", tmp_path) == (0, "", "")
    assert [item.name for item in tmp_path.iterdir()] == ["record.ttl"]


def test_a_broken_file_is_not_formatted(command: Command, tmp_path: Path) -> None:
    """A file with a fault is left as it is, and each fault is told with its line."""
    path = tmp_path / "broken.ttl"
    path.write_text("ex:a ex:b ex:c .\n", encoding="utf-8")
    ended = command("format", path)
    assert ended.code == 1
    assert "broken.ttl:1: violation turtle-undeclared-prefix" in ended.err
    assert path.read_text(encoding="utf-8") == "ex:a ex:b ex:c .\n"


@pytest.mark.parametrize("name", ["check", "format"])
def test_a_missing_file_is_named(command: Command, name: str, tmp_path: Path) -> None:
    """A file that is not there, and a folder without Turtle files, end the command with 2."""
    assert command(name, tmp_path / "none.ttl") == (2, "", f"kgraph: {tmp_path / 'none.ttl'}: no such file\n")
    assert "no Turtle file" in command(name, tmp_path).err


def test_check_tells_each_fault_with_its_line(command: Command, tiny_home: Path, tmp_path: Path) -> None:
    """A remark is one line with file, line, severity and code, in the chosen language; a summary closes."""
    path = tmp_path / "broken.ttl"
    path.write_text("ex:a ex:b ex:c .\n", encoding="utf-8")
    check = ("check", "--home", tiny_home, path)
    ended = command(*check, "--language", "en")
    assert ended.code == 1
    assert "broken.ttl:1: violation turtle-undeclared-prefix: " in ended.out
    assert ended.out.splitlines()[-1].startswith("1 file(s) checked: ")
    remarks = json.loads(command(*check, "--format", "json").out)["remarks"]
    assert remarks[0]["line"] == 1
    assert json.loads(command(*check, "--format", "sarif").out)["version"] == "2.1.0"


def test_check_without_a_file_goes_over_the_whole_dataset(command: Command, tmp_path: Path) -> None:
    """Ontology and data; a fault anywhere ends it with 1."""
    home = make_home(tmp_path / "home", FIXTURES / "world" / "world.ttl")
    ended = command("check", "--language", "en", "--home", home)
    assert ended.code == 0, ended.out
    (home / "data" / "ttl" / "report" / "broken.ttl").write_text("ex:a ex:b ex:c .\n", encoding="utf-8")
    ended = command("check", "--language", "en", "--home", home)
    assert (ended.code, "broken.ttl:1: violation turtle-undeclared-prefix: " in ended.out) == (1, True)


def test_every_locator_is_in_place(command: Command, source_text_path: Path) -> None:
    """All locators of the dataset stand where they say in the pinned text."""
    ended = command("verify-source", "--text", source_text_path, "--language", "en")
    assert ended.code == 0, ended.out
    assert ended.out.endswith(" locators in place, 0 found elsewhere, 0 not found.\n")


def test_a_claim_is_shown_with_its_passage(command: Command, source_text_path: Path) -> None:
    """--claim prints the claim and its passages; an unknown one is an error."""
    ended = command("verify-source", "--text", source_text_path, "--claim", "success:bnnh6m3")
    assert ended.out.startswith("success:bnnh6m3  p. 30 § 8\n")
    assert command("verify-source", "--text", source_text_path, "--claim", "success:none").code == 2


def test_a_new_record_has_an_identifier_of_its_own(command: Command, tiny_home: Path) -> None:
    """Two templates of a claim have two identifiers and an evidence line each; an unknown class is named."""
    new = ("new", "--home", tiny_home)
    first, second = command(*new, "Finding"), command(*new, "Finding")
    assert first.code == 0
    assert "a ink:Finding ;" in first.out and "a ink:EvidenceLine ;" in first.out
    assert first.out != second.out
    assert command(*new, "Unicorn").code == 2
    assert "a locator is made by" in command(*new, "Finding", "--passage", "1: a").err


def test_a_new_locator_has_its_offsets(command: Command, source_text_path: Path, tmp_path: Path) -> None:
    """A passage in the pinned text becomes a locator; a passage elsewhere and another text are refused."""
    locator = ("new", "locator", "--text", source_text_path, "--passage")
    made = command(*locator, "1: IMDi")
    assert made.code == 0
    assert "ink:spanDigest" in made.out
    assert command(*locator, "1: unicorn").code == 2
    other = tmp_path / "other.txt"
    other.write_text("IMDi", encoding="utf-8")
    assert "another SHA-256" in command(*locator[:3], other, "--passage", "1: IMDi").err


def test_the_module_is_the_command(command: Command) -> None:
    """The help names every command of the reference."""
    out = command("--help").out
    assert all(name in out for name in ("serve", "check", "format", "new", "query", "info", "verify-source"))
