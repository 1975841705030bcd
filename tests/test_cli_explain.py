"""``kgraph explain`` on the real data, and the graph of inferred statements."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MEASURE = ("project:hjelmeland-inclusion", "ink:appliedIn", "county:11-rogaland")


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kgraph", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_inferred_statement_is_explained_down_to_the_lines_that_state_its_premises(home: Path) -> None:
    """The county a project was applied in follows from its municipality, and both premises are found in the files."""
    result = _run("explain", *MEASURE)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith(" ".join(MEASURE))
    assert "by prp-spo2/appliedIn/appliedIn.within" in lines[0]
    stated = [line.strip() for line in lines if "(stated in " in line]
    assert {line.split("  (")[0] for line in stated} == {
        "project:hjelmeland-inclusion ink:carriedOutIn municipality:1133-hjelmeland",
        "municipality:1133-hjelmeland ink:directlyWithin county:11-rogaland",
    }
    for line in stated:
        path, number = line.split("(stated in ")[1].rstrip(")").rsplit(":", 1)
        assert line.split()[2] in (home / path).read_text(encoding="utf-8").splitlines()[int(number) - 1]


def test_an_explanation_can_be_had_as_json() -> None:
    """The JSON form nests premises under the rule that uses them."""
    step = json.loads(_run("explain", *MEASURE, "--format", "json").stdout)
    assert step["kind"] == "prp-spo2"
    assert step["axiom"] == "https://w3id.org/inkludering/ont#appliedIn"
    assert [premise["statement"][1] for premise in step["premises"]] == [
        "<https://w3id.org/inkludering/ont#appliedIn>",
        "<https://w3id.org/inkludering/ont#within>",
    ]


def test_a_statement_that_does_not_hold_cannot_be_explained() -> None:
    """The exit code says that nothing was explained, and the message says why."""
    result = _run("explain", "county:11-rogaland", "ink:within", "municipality:1133-hjelmeland")
    assert result.returncode == 2
    assert "neither stated nor inferred" in result.stderr


def test_inferred_statements_are_asked_for_by_name_and_are_not_among_the_asserted(tiny_home: Path) -> None:
    """FROM graph/inferred gives what follows, graph/all gives both, and without FROM the data alone answer."""
    finding, claim = "https://w3id.org/inkludering/id/finding/tea-helps", "https://w3id.org/inkludering/ont#Claim"
    for clause, expected in (("", "false"), ("inferred", "true"), ("all", "true"), ("asserted", "false")):
        graph = f"FROM <https://w3id.org/inkludering/graph/{clause}>" if clause else ""
        text = f"ASK {graph} {{ <{finding}> a <{claim}> }}"
        assert _run("query", "--home", str(tiny_home), "--text", text).stdout.strip() == expected
