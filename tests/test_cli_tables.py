"""Answers as tables for a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from kgraph.cli.tables import render_table, shorten
from kgraph.vocabulary import PREFIXES

XSD = PREFIXES["xsd"]


def answer(names: list[str], *rows: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return an answer in the JSON results format."""
    return {"head": {"vars": names}, "results": {"bindings": list(rows)}}


def literal(value: str, datatype: str = "") -> dict[str, str]:
    """Return a literal as the JSON results format writes it."""
    return {"type": "literal", "value": value} | ({"datatype": XSD + datatype} if datatype else {})


def test_numbers_stand_to_the_right() -> None:
    """A column of numbers is aligned to the right, text to the left, and an unbound cell is empty."""
    table = render_table(
        answer(["name", "n"], {"name": literal("a"), "n": literal("10", "integer")}, {"name": literal("bcd")}), 80
    )
    assert table == "name   n\n────  ──\na     10\nbcd\n(2 rows)\n"


def test_a_hidden_variable_has_no_column() -> None:
    """Variables that hold one value throughout are left out on request."""
    row = {"a": literal("x"), "b": literal("y")}
    assert render_table(answer(["a", "b"], row), 80, hidden=["b"]) == "a\n─\nx\n(1 row)\n"


def test_wide_cells_run_over_several_lines() -> None:
    """No line is wider than asked; words are whole where they can be."""
    row = {"a": literal("one two three four five"), "b": literal("an-unbroken-word")}
    table = render_table(answer(["a", "b"], row), 28)
    assert max(map(len, table.splitlines())) <= 28
    assert "an-unbroken-word" in table
    narrow = render_table(answer(["a", "b"], row), 18)
    assert max(map(len, narrow.splitlines())) <= 18


def test_an_empty_answer_shows_its_columns() -> None:
    """No row gives the names of the columns and a count of zero."""
    assert render_table(answer(["a"]), 80) == "a\n─\n(0 rows)\n"


@pytest.mark.parametrize("value", [True, False])
def test_a_truth_value_is_one_word(value: bool) -> None:
    """The answer of ASK is true or false."""
    assert render_table({"head": {}, "boolean": value}, 80) == f"{str(value).lower()}\n"


@pytest.mark.parametrize(
    ("iri", "short"),
    [
        (PREFIXES["ink"] + "Claim", "ink:Claim"),
        (PREFIXES["mt"] + "buddy-scheme", "mt:buddy-scheme"),
        (PREFIXES["mt"] + "a/b", f"<{PREFIXES['mt']}a/b>"),
        ("https://example.org/a", "<https://example.org/a>"),
    ],
)
def test_iris_are_shortened_by_the_longest_prefix(iri: str, short: str) -> None:
    """An IRI is a prefixed name where the local name is simple, else it stands in angle brackets."""
    assert shorten(iri) == short
    row = {"a": {"type": "uri", "value": iri}, "b": {"type": "bnode", "value": "b0"}}
    assert short in render_table(answer(["a", "b"], row), 200)
