"""No text here repeats eight words of the source in a row, but for what a reviewed list allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgraph.report import Report, Severity
from kgraph.source.copying import EXEMPTIONS, Text, check_copying, iter_texts, read_exemptions

SOURCE = """\
Den gamle brua1 ved fossen vart rive i 1950 av folk frå bygda,
fordi tømmeret var rote og rekk-
verket hang laust. Ho heitte Storebrua over Fossen i Øvre og Nedre Dal.
"""
SEVEN = "gamle brua ved fossen vart rive i"
EIGHT = SEVEN + " 1950"


def check(*texts: str, exemptions: str = "") -> Report:
    """Return the report on texts, each in a file of its own, with the entries of an exemption file."""
    entries, faults = read_exemptions(exemptions)
    assert list(faults) == []
    return check_copying([Text(f"{n}.ttl", text) for n, text in enumerate(texts, 1)], SOURCE, entries)


def test_seven_words_are_free_and_eight_are_not() -> None:
    """A run of seven words is left alone; a run of eight is a violation that counts them and shows the first."""
    assert list(check(SEVEN)) == []
    (remark,) = check(f'ink:x ink:statement\n  "Om {EIGHT} skriv dei."@nn .')
    assert (remark.code, remark.severity, remark.line) == ("source-copied", Severity.VIOLATION, 2)
    assert "8 words" in remark.messages["en"] and "gamle brua ved fossen vart”" in remark.messages["en"]


@pytest.mark.parametrize(
    "text",
    [
        "FORDI TØMMERET VAR ROTE OG REKKVERKET HANG LAUST",
        "fordi, tømmeret (var) rote\nog – rekk\u00adverket «hang» laust!",
        "fordi tømmeret var rote og rekkverket2 hang laust",
        '"fordi tømmeret var rote\\nog rekkverket hang laust"',
    ],
)
def test_marks_case_and_lines_do_not_hide_a_copy(text: str) -> None:
    """Case, punctuation, line ends, divided words and marks of footnotes make no difference."""
    assert [remark.code for remark in check(text)] == ["source-copied"]


def test_a_long_copy_is_one_remark() -> None:
    """A run is told once, at its full length, and runs in other files are told singly."""
    report = check(SOURCE.replace("rekk-\n", "rekk"), "Ny tekst. " + EIGHT)
    assert [(remark.file, remark.line) for remark in report] == [("1.ttl", 1), ("2.ttl", 1)]
    assert "31 words" in next(iter(report)).messages["en"]


def test_an_exempted_wording_may_stand() -> None:
    """A title of the list may stand as printed, but not with what follows it in the source."""
    exemptions = "# reviewed\n\nname | Storebrua over Fossen i Øvre og Nedre Dal\n"
    assert list(check("Storebrua over Fossen i Øvre og Nedre Dal", exemptions=exemptions)) == []
    report = check("heitte Storebrua over Fossen i Øvre og Nedre Dal", exemptions=exemptions)
    assert [remark.code for remark in report] == ["source-copied"]


def test_an_exemption_that_nothing_needs_is_a_warning() -> None:
    """An entry that no text leans on is told with its line, so that the list stays short."""
    report = check("Eigne ord.", exemptions="\nname | Storebrua over Fossen i Øvre og Nedre Dal\n")
    assert [(r.code, r.file, r.line, r.severity) for r in report] == [
        ("source-exemption-unused", EXEMPTIONS, 2, Severity.WARNING)
    ]


@pytest.mark.parametrize("line", ["Storebrua over Fossen", "because | Storebrua over Fossen", "name |"])
def test_an_exemption_needs_a_reason(line: str) -> None:
    """An entry without a reason of the known ones, or without a wording, is a violation."""
    entries, report = read_exemptions(line)
    assert entries == ()
    assert [remark.code for remark in report] == ["source-exemption-malformed"]


def test_texts_are_those_of_data_ontology_queries_and_docs(tmp_path: Path) -> None:
    """Every text file of the home's folders is looked at, and pictures and the exemption list are not."""
    for name in (
        "data/ttl/a.ttl",
        "docs/b.md",
        "queries/c.rq",
        "ontology/d.ttl",
        EXEMPTIONS,
        "docs/e.png",
        "README.md",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    found = {text.file for text in iter_texts(tmp_path)}
    assert found == {"data/ttl/a.ttl", "docs/b.md", "queries/c.rq", "ontology/d.ttl", "README.md"}


def test_nothing_here_is_copied_from_the_report(source_text_path: Path, home: Path) -> None:
    """No text of the repository shares eight words in a row with the report, but for the reviewed list."""
    entries, faults = read_exemptions((home / EXEMPTIONS).read_text(encoding="utf-8"))
    report = check_copying(iter_texts(home), source_text_path.read_text(encoding="utf-8"), entries)
    assert (faults + report).render_text("en") == ""


def test_the_reviewed_list_is_well_formed(home: Path) -> None:
    """Every line of the exemption file has a reason and a wording, and no wording stands twice."""
    entries, faults = read_exemptions((home / EXEMPTIONS).read_text(encoding="utf-8"))
    assert list(faults) == []
    assert len({entry.wording for entry in entries}) == len(entries) > 0
