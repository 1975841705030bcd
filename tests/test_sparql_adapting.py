"""Texts that the standard allows and the engine does not read."""

from __future__ import annotations

import pytest

from kgraph.sparql.adapting import adapt

HERE = "http://127.0.0.1:8000"
ADDRESS = HERE + "/sparql"


@pytest.mark.parametrize(
    ("text", "adapted"),
    [
        ("ASK { FILTER(TRUE && False) }", "ASK { FILTER(true && false) }"),
        ("SELECT * { ?s !() ?o ; ^! ( )* ?p }", "SELECT * { ?s (!a|a) ?o ; ^(!a|a)* ?p }"),
        ("ASK { <a> ?p <> }", "ASK { <http://127.0.0.1:8000/a> ?p <http://127.0.0.1:8000/sparql> }"),
        ("PREFIX : <ns#> ASK { :a ?p <\\u0062> }", f"PREFIX : <{HERE}/ns#> ASK {{ :a ?p <{HERE}/b> }}"),
        ("ASK FROM <g> { }", f"ASK FROM <{HERE}/g> {{ }}"),
        ("BASE <x/> ASK { <a> ?p 1 }", "BASE <http://127.0.0.1:8000/x/> ASK { <a> ?p 1 }"),
    ],
)
def test_what_the_engine_does_not_read_is_written_as_it_does(text: str, adapted: str) -> None:
    """Truth values in small letters, any property as an alternative, whole IRIs; to adapt twice changes nothing."""
    assert adapt(text, ADDRESS) == adapted
    assert adapt(adapted, ADDRESS) == adapted


@pytest.mark.parametrize(
    "text",
    [
        'ASK { ?s ?p "TRUE", "!()", "<a>" } # TRUE <a>',
        "BASE <http://e/> ASK { <a> ?true ?TRUE }",
        "ASK { ?a ?p ?c FILTER(?a<?b&&?c>?d) }",
        "PREFIX TRUE: <http://e/> ASK { TRUE:TRUE ?p true }",
    ],
)
def test_what_only_looks_so_stays_as_it_is(text: str) -> None:
    """In strings, comments, names, variables and comparisons, and after BASE."""
    assert adapt(text, ADDRESS) == text


@pytest.mark.parametrize("text", ["ASK { <a> ?p TRUE } }", "ASK { <a> ?p 'TRUE }", "LOAD <a>"])
def test_a_text_with_a_fault_stays_as_it_is(text: str) -> None:
    """So that its place is told as it was sent."""
    assert adapt(text, ADDRESS) == adapt(text, ADDRESS, "Update") == text


def test_updates_are_adapted_too() -> None:
    """Each operation, with the base that is declared so far."""
    text = "INSERT DATA { <a> <p> TRUE } ; BASE <http://e/> INSERT DATA { <a> <p> 1 }"
    first = "INSERT DATA { <http://127.0.0.1:8000/a> <http://127.0.0.1:8000/p> true }"
    assert adapt(text, ADDRESS, "Update") == f"{first} ; BASE <http://e/> INSERT DATA {{ <a> <p> 1 }}"
