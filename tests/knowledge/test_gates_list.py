"""The page on gates is true: each gate and constraint is guarded by what exists, or waived for a reason that holds."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from kgraph.dataset import load_dataset, load_text
from kgraph.formats import JSON_RESULTS
from kgraph.store.base import Query
from kgraph.store.embedded import open_store
from kgraph.validation import load_rules
from kgraph.vocabulary import PREFIXES

GATES = {f"G{number}" for number in range(1, 19)}
CONSTRAINTS = {f"{number:03}" for number in range(1, 31)}
ROW = re.compile(r"^\| (G\d+|\d{3}) \| (.+?) \| (.+) \|$", re.MULTILINE)
NOT_APPLIED = "not applied"


@pytest.fixture(scope="module")
def rows(repository: Path) -> dict[str, str]:
    """What guards each gate and constraint, as the page says."""
    found = ROW.findall(load_text(repository / "docs/reference/gates.md"))
    assert len({name for name, _, _ in found}) == len(found)
    return {name: guards for name, _, guards in found}


@pytest.fixture(scope="module")
def waivers(repository: Path) -> list[dict[str, Any]]:
    """The waivers."""
    found: list[dict[str, Any]] = tomllib.loads(load_text(repository / "tests/knowledge/gate-waivers.toml"))["waiver"]
    return found


def test_every_gate_and_constraint_stands_on_the_page(rows: dict[str, str]) -> None:
    """Eighteen gates and thirty constraints, each once, and each guarded or not applied."""
    assert rows.keys() == GATES | CONSTRAINTS
    assert all(guards == NOT_APPLIED or re.fullmatch(r"(`[^`]+` ?)+", guards) for guards in rows.values())


def test_what_guards_a_gate_exists(rows: dict[str, str], home: Path, repository: Path) -> None:
    """A test that is named is defined in its file, and a code belongs to a rule."""
    codes = {rule.code for rule in load_rules(home)}
    for name, guards in rows.items():
        for guard in re.findall(r"`([^`]+)`", guards):
            file, _, function = guard.partition("::")
            if not function:
                assert guard in codes, f"{name}: {guard}"
                continue
            tree = ast.parse(load_text(repository / file))
            assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (
                f"{name}: {guard}"
            )


def test_what_is_not_applied_is_waived_and_nothing_else_is_wholly(
    rows: dict[str, str], waivers: list[dict[str, Any]]
) -> None:
    """A waiver without a part is for a gate that nothing guards; one with a part, for a gate that is guarded."""
    whole = {entry.get("gate", entry.get("constraint")) for entry in waivers if "part" not in entry}
    partly = {entry.get("gate", entry.get("constraint")) for entry in waivers if "part" in entry}
    assert whole == {name for name, guards in rows.items() if guards == NOT_APPLIED}
    assert partly <= rows.keys() - whole


def test_a_waiver_has_a_reason_and_known_fields(waivers: list[dict[str, Any]]) -> None:
    """Each names one gate or constraint, gives a sentence for a reason, and stands once."""
    fields = {"gate", "constraint", "part", "terms", "reason", "holds_while", "absent"}
    for entry in waivers:
        assert entry.keys() <= fields and ("gate" in entry) != ("constraint" in entry), entry
        assert entry["reason"].endswith("."), entry
        assert entry.get("terms", ["one"]), entry
    names = [(entry.get("gate", entry.get("constraint")), entry.get("part")) for entry in waivers]
    assert len(names) == len(set(names))


def test_the_reason_of_a_waiver_still_holds(waivers: list[dict[str, Any]], home: Path, repository: Path) -> None:
    """What a waiver says of ontology and data is so, and what it says is not there is not."""
    store = open_store(load_dataset(home))
    header = "".join(f"PREFIX {prefix}: <{namespace}>\n" for prefix, namespace in PREFIXES.items())
    for entry in waivers:
        if "holds_while" in entry:
            answer = store.query(Query(header + entry["holds_while"]), JSON_RESULTS).read()
            assert b'"boolean":true' in answer, entry
        if "absent" in entry:
            assert not (repository / entry["absent"]).exists(), entry
