"""What the closed-world rules find in a small world, and in the packaged graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kgraph.query_library import load_query

Row = tuple[str | None, ...]
Ask = Callable[[str, Mapping[str, str], str], list[Row]]

RULES = {path.stem: load_query(path) for path in (Path(__file__).resolve().parents[2] / "queries/rules").glob("*.rq")}

CASES: list[tuple[str, dict[str, str], str, set[Row]]] = [
    (
        "weakly-supported-claim",
        {},
        "statement modality study page",
        {
            ("Flexibility helps.", "interpreted", "Dal's study", "30"),
            ("Agreeing takes time.", "interpreted", "Vik's study", "16"),
            ("Visits are paid.", "interpreted", "Vik's study", "13"),
        },
    ),
    ("orphan-gap", {}, "gap topic group page", {("clubs", "voluntary sector", "newcomers", "32")}),
    (
        "measure-type-without-outcome-evidence",
        {},
        "type concept",
        {
            ("cheapest homes", "mt:cheapest-homes"),
            ("new homes", "mt:new-homes"),
            ("job visits", "mt:job-visits"),
            ("tea evenings", "mt:tea-evenings"),
        },
    ),
    (
        "claim-on-ended-law",
        {"date": "2016-01-01"},
        "statement act ended page",
        {("Newcomers may take the course.", "Old act", "2015-12-31", "23")},
    ),
    (
        "measure-used-without-finding",
        {},
        "measure project page",
        {
            ("homes in Fjordby", "Fjordby project", "12"),
            ("huts in Fjordby", "Fjordby project", "12"),
            ("visits in Fjordby", "Fjordby project", "13"),
        },
    ),
]


@pytest.mark.parametrize(("name", "values", "columns", "expected"), CASES)
def test_a_rule_finds_what_was_reasoned(
    name: str, values: dict[str, str], columns: str, expected: set[Row], ask_small_world: Ask, ask_rdflib: Ask
) -> None:
    """A rule finds in the small world just what lacks there, each once, and so it does in another engine."""
    for ask in (ask_small_world, ask_rdflib):
        rows = ask(name, values, columns)
        assert set(rows) == expected
        assert len(rows) == len(expected)


def test_every_rule_is_asked_of_the_small_world() -> None:
    """No rule goes without expected rows."""
    assert {case[0] for case in CASES} == set(RULES)


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.parametrize("language", ["nn", "nb", "en"])
def test_a_rule_keeps_its_bounds(name: str, language: str, ask_real_graph: Ask) -> None:
    """A rule finds as much in the packaged graph as its header says, in any language."""
    rows = ask_real_graph(name, RULES[name].example_values() | {"language": language}, "")
    least, most = RULES[name].bounds
    assert least <= len(rows) <= (most or len(rows))
