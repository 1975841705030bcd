"""The coverage files: each line once, each record in the graph, and the reference page made from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgraph.dataset import load_dataset
from kgraph.report import Severity
from kgraph.source.coverage import (
    FOLDER,
    OpenLines,
    check_coverage,
    iter_open,
    lines_with_text,
    load_coverage,
    read_coverage,
    render_coverage,
)
from kgraph.source.layout import Block, Layout, load_layout
from kgraph.source.stated import Statements

LAYOUT = Layout("urn:doc", "", "ink-text-1", 6, (Block(1, 4, 6, "text"), Block(1, 1, 3, "text")), ())
HEADER = "first_line,last_line,kind,what,records\n"
RECORD = "@prefix finding: <https://w3id.org/inkludering/id/finding/> .\nfinding:abc a finding:x .\n"


@pytest.fixture
def statements(tmp_path: Path) -> Statements:
    """The statements of a home that describes one finding."""
    for name in ("ontology", "queries", "data/ttl/report"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data/ttl/report/a.ttl").write_text(RECORD, encoding="utf-8")
    return Statements(load_dataset(tmp_path))


def test_a_row_names_records_or_a_reason() -> None:
    """Prefixed names of the last column are records; what has another prefix, or is an address, is a reason."""
    rows, report = read_coverage(
        HEADER + '1,2,text,"a claim, twice",finding:abc line:def\n3,3,folio,page,"none: see http://a.no/b:c"\n', "a.csv"
    )
    assert list(report) == []
    assert [len(row.records) for row in rows] == [2, 0]
    assert rows[0].records[0] == "<https://w3id.org/inkludering/id/finding/abc>"
    assert (rows[0].what, rows[0].line) == ("a claim, twice", 2)


@pytest.mark.parametrize("row", ["a,2,text,x,y", "3,2,text,x,y", "0,2,text,x,y", "1,2"])
def test_a_row_without_lines_is_a_violation(row: str) -> None:
    """A row whose lines are no numbers in order, or that lacks columns, is told with its place."""
    rows, report = read_coverage(f"{HEADER}{row}\n", "a.csv")
    assert rows == ()
    assert [(r.code, r.file, r.line) for r in report] == [("source-coverage-malformed", "a.csv", 2)]


def test_a_line_stands_once(statements: Statements) -> None:
    """Two rows with the same line are a violation, unless the line is blank."""
    rows, _ = read_coverage(HEADER + "1,2,text,x,finding:abc\n2,4,text,y,\n", "a.csv")
    (remark,) = check_coverage(rows, LAYOUT, statements)
    assert (remark.code, remark.line) == ("source-coverage-twice", 3)
    assert "Lines 2–2" in remark.messages["en"] and "a.csv:2" in remark.messages["en"]
    assert list(check_coverage(rows, LAYOUT, statements, frozenset({1, 3, 4}))) == []


def test_a_record_is_in_the_graph(statements: Statements) -> None:
    """A record that no file describes is a violation that names it."""
    rows, _ = read_coverage(HEADER + "1,1,text,x,finding:abc finding:nope\n", "a.csv")
    (remark,) = check_coverage(rows, LAYOUT, statements)
    assert remark.code == "source-coverage-unknown-record" and "finding/nope" in remark.messages["nn"]


def test_lines_left_out_are_told_by_page(statements: Statements) -> None:
    """Lines with text that no row has are warnings, in reading order; blank lines do not part them."""
    rows, _ = read_coverage(HEADER + "1,1,text,x,\n5,5,text,y,\n", "a.csv")
    written = lines_with_text("a\n\nb\nc\nd\ne\n")
    assert list(iter_open(rows, LAYOUT, written)) == [OpenLines(1, 4, 4), OpenLines(1, 6, 6), OpenLines(1, 3, 3)]
    report = check_coverage(rows, LAYOUT, statements, written)
    assert {(remark.code, remark.severity) for remark in report} == {("source-coverage-missing", Severity.WARNING)}
    assert len(report) == 3


def test_the_page_counts_passages_and_records() -> None:
    """The reference page tells passages, records and passages without one, by page and by kind."""
    rows, _ = read_coverage(HEADER + "1,2,text,x,finding:abc\n3,3,text,y,finding:abc\n4,4,folio,z,\n", "a.csv")
    page = render_coverage(rows, LAYOUT)
    assert "| 1 | 3 | 1 | 1 |" in page
    assert "| folio | 1 | 1 |" in page and "| text | 2 | 0 |" in page


def layout_of(home: Path) -> Layout:
    """Return the layout of the report."""
    return load_layout(home / "data" / "layout" / "imdi-distriktssenteret-2010.toml")


def test_the_coverage_files_agree_with_the_graph(home: Path) -> None:
    """Every record that the coverage files name is in the graph."""
    rows, faults = load_coverage(home)
    report = check_coverage(rows, layout_of(home), Statements(load_dataset(home)))
    unknown = [remark.render_text("en") for remark in report if remark.code == "source-coverage-unknown-record"]
    assert (list(faults), unknown) == ([], [])


def test_every_line_of_the_report_is_covered_once(source_text_path: Path, home: Path) -> None:
    """No line of the report with text is left out of the coverage files, and none stands in them twice."""
    rows, _ = load_coverage(home)
    written = lines_with_text(source_text_path.read_text(encoding="utf-8"))
    assert check_coverage(rows, layout_of(home), Statements(load_dataset(home)), written).render_text("en") == ""


def test_the_reference_page_is_current(home: Path) -> None:
    """docs/reference/coverage.md is what the coverage files make it."""
    rows, _ = load_coverage(home)
    page = home / "docs" / "reference" / "coverage.md"
    made = render_coverage(rows, layout_of(home))
    assert page.read_text(encoding="utf-8") == made, f"write render_coverage of {FOLDER} to {page.name}"
