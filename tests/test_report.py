"""Reports: order, wording, counts and the forms for machines."""

from __future__ import annotations

import json

import pyoxigraph as ox
import pytest

from kgraph.report import Remark, Report, Severity

MESSAGES = {"nn": "gale", "nb": "galt", "en": "wrong"}
CURES = {"nn": "rett det", "nb": "rett det opp", "en": "mend it"}


def remark(line: int | None = 3, severity: Severity = Severity.VIOLATION, file: str = "a.ttl") -> Remark:
    """Return a remark for the tests to vary."""
    return Remark(file, line, 1, severity, "INK-001a", MESSAGES, CURES)


def test_a_remark_is_one_line_with_its_cure_indented_below() -> None:
    """The text form begins file:line: severity code: message."""
    assert Report([remark()]).render_text("nb") == "a.ttl:3: violation INK-001a: galt\n    rett det opp\n"


def test_a_remark_without_a_line_names_the_file_alone() -> None:
    """No line number is made up."""
    assert Report([remark(line=None)]).render_text("en").startswith("a.ttl: violation INK-001a: wrong")


def test_an_unknown_language_falls_back_to_nynorsk() -> None:
    """A message is never empty because a language is missing."""
    assert "gale" in Report([remark()]).render_text("se")


def test_remarks_stand_in_order_of_file_and_line_and_duplicates_are_dropped() -> None:
    """The order is that of the files, whatever order the remarks came in."""
    report = Report([remark(9), remark(2), remark(5, file="0.ttl"), remark(2)])
    assert [(r.file, r.line) for r in report] == [("0.ttl", 5), ("a.ttl", 2), ("a.ttl", 9)]


@pytest.mark.parametrize(("severity", "code"), [(Severity.VIOLATION, 1), (Severity.WARNING, 0), (Severity.INFO, 0)])
def test_only_a_violation_gives_exit_code_1(severity: Severity, code: int) -> None:
    """Warnings and infos never stop a release."""
    assert Report([remark(severity=severity)]).exit_code() == code


def test_counts_name_every_severity() -> None:
    """A severity without remarks counts zero."""
    report = Report([remark(1), remark(2), remark(3, Severity.INFO)])
    assert report.counts() == {Severity.VIOLATION: 2, Severity.WARNING: 0, Severity.INFO: 1}


def test_json_holds_counts_and_remarks_in_the_language_asked_for() -> None:
    """The JSON form carries the same facts as the text form."""
    body = json.loads(Report([remark()]).to_json("en"))
    assert body["counts"] == {"violation": 1, "warning": 0, "info": 0}
    assert body["remarks"][0]["message"] == "wrong"
    assert body["remarks"][0]["line"] == 3


def test_sarif_names_tool_rule_level_and_place() -> None:
    """The SARIF log can be shown by code review tools."""
    log = json.loads(Report([remark(), remark(4, Severity.INFO)]).to_sarif("en"))
    results = log["runs"][0]["results"]
    assert log["version"] == "2.1.0"
    assert [result["level"] for result in results] == ["error", "note"]
    assert results[0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 1}


def test_two_reports_add_up_to_one() -> None:
    """Reports of several steps become one report."""
    assert len(Report([remark(1)]) + Report([remark(2)])) == 2


SH = "http://www.w3.org/ns/shacl#"


def read_rdf(report: Report) -> list[tuple[str, str]]:
    """Return property and value of each statement of a report in RDF."""
    triples = ox.parse(report.to_n_triples(), format=ox.RdfFormat.N_TRIPLES)
    return [(triple.predicate.value, str(triple.object)) for triple in triples]


def test_rdf_is_a_validation_report_with_its_messages_in_every_language() -> None:
    """What a SHACL processor would tell stands there, quotes and line ends included."""
    found = Remark(
        "a.ttl",
        None,
        None,
        Severity.VIOLATION,
        "INK-001a",
        MESSAGES | {"nb": 'gale "linjer"\n\\ her'},
        focus="<urn:x>",
        path="<urn:p>",
        value='"01"^^<urn:t>',
        shape="<urn:shape>",
        component="MinCount",
    )
    rows = read_rdf(Report([found]))
    for name, value in {
        "focusNode": "<urn:x>",
        "resultPath": "<urn:p>",
        "value": '"01"^^<urn:t>',
        "sourceShape": "<urn:shape>",
        "sourceConstraintComponent": f"<{SH}MinCountConstraintComponent>",
        "resultSeverity": f"<{SH}Violation>",
        "conforms": '"false"^^<http://www.w3.org/2001/XMLSchema#boolean>',
    }.items():
        assert (SH + name, value) in rows
    assert {value for name, value in rows if name == SH + "resultMessage"} == {
        '"gale"@nn',
        '"gale \\"linjer\\"\\n\\\\ her"@nb',
        '"wrong"@en',
    }


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.INFO])
def test_a_report_in_rdf_conforms_if_it_has_no_violation(severity: Severity) -> None:
    """What passes conforms; a remark without a shape has the page of its rule instead."""
    rows = read_rdf(Report([remark(severity=severity)]))
    assert (SH + "conforms", '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>') in rows
    assert (SH + "sourceShape", "<https://w3id.org/inkludering/docs/reference/checks#ink-001a>") in rows
    assert read_rdf(Report())[-1] == (SH + "conformanceDisallows", f"<{SH}Violation>")
