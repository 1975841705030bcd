"""Shapes and data against each other (G7): sound shapes, changed data that is noticed, and a budget of warnings."""

from __future__ import annotations

import random
import re
import tomllib
from pathlib import Path

import pyshacl
import pytest
from homes import make_home
from pyshacl.errors import ReportableRuntimeError
from rdflib import Graph

from kgraph.report import Report, Severity
from kgraph.validation import RuleBook, check_dataset, check_files, load_rules
from kgraph.vocabulary import PREFIXES

TESTS = Path(__file__).resolve().parents[1]
WORLD = TESTS / "fixtures/world/world.ttl"
SHAPES = sorted(path.name for path in (TESTS.parent / "ontology/shapes").glob("*.ttl"))
BAD_SHAPE = """
@prefix sh: <http://www.w3.org/ns/shacl#> .
<urn:bad> a sh:NodeShape ; sh:property [ sh:path <urn:p> ; sh:minCount "one" ] .
"""
MUTATIONS = {
    "a property misspelt": (r"^(    ink:\w+)( .* ;)$", r"\1x\2"),
    "a property of another vocabulary": (r"^    ink:\w+( .* ;)$", r"    ink:likes\1"),
    "a reference that leads nowhere": (r"^(    ink:\w+ \w+:[\w-]+)( ;)$", r"\1-gone\2"),
    "a whole number as text": (r"^(    ink:\w+) (\d+)( ;)$", r'\1 "\2"\3'),
    "text as a whole number": (r'^(    ink:\w+) "[^"]*"( ;)$', r"\1 7\2"),
    "a text without its language": (r'^(    (?:skos|ink):\w+ "[^"]*")@\w+( ;)$', r"\1\2"),
    "a text in a language that is not in use": (r'^(    (?:skos|ink):\w+ "[^"]*")@\w+( ;)$', r"\1@sv\2"),
    "a class that does not exist": (r"^(    a ink:\w+)( ;)$", r"\1x\2"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_keep_to_the_shapes_for_shapes(home: Path, name: str) -> None:
    """pySHACL validates each file of shapes against SHACL-SHACL before it uses it."""
    shapes = Graph().parse(home / "ontology/shapes" / name)
    conforms, _, _ = pyshacl.validate(Graph(), shacl_graph=shapes, meta_shacl=True)
    assert conforms


def test_a_shape_that_breaks_the_shapes_for_shapes_is_refused() -> None:
    """A count that is no number does not pass."""
    with pytest.raises(ReportableRuntimeError, match="MetaSHACL"):
        pyshacl.validate(Graph(), shacl_graph=Graph().parse(data=BAD_SHAPE, format="turtle"), meta_shacl=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the real ontology and rules, and one sound record of each kind as its data."""
    return make_home(tmp_path_factory.mktemp("world") / "home", WORLD)


@pytest.fixture(scope="module")
def rules(world: Path) -> RuleBook:
    """The rules of the repository."""
    return load_rules(world)


@pytest.fixture(scope="module")
def unguarded(repository: Path) -> set[str]:
    """The classes whose names no rule on languages reaches, from the waivers."""
    waivers = tomllib.loads((repository / "tests/knowledge/gate-waivers.toml").read_text(encoding="utf-8"))["waiver"]
    return {term for entry in waivers if entry.get("constraint") == "005" for term in entry["terms"]}


def mutated(pattern: str, replacement: str, seed: int) -> tuple[str, dict[int, str]]:
    """Change one line of each record that has a line of the kind; return the text, and class by changed line."""
    chance = random.Random(seed)
    changed = WORLD.read_text(encoding="utf-8").split("\n")
    kinds: dict[int, str] = {}
    kind, fitting = "", list[int]()
    for at, line in enumerate([*changed]):
        if found := re.match(r"    a ([\w-]+:\w+)", line):
            kind = found[1]
        if re.search(pattern, line):
            fitting.append(at)
        if line == "." and fitting:
            chosen = chance.choice(fitting)
            changed[chosen] = re.sub(pattern, replacement, changed[chosen])
            kinds[chosen + 1] = kind
        fitting = [] if line == "." else fitting
    return "\n".join(changed), kinds


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_change_for_the_worse_is_remarked_in_its_line(
    name: str, seed: int, world: Path, rules: RuleBook, tmp_path: Path, unguarded: set[str]
) -> None:
    """One statement of each record is spoilt at random; each of them has a remark at its line."""
    pattern, replacement = MUTATIONS[name]
    text, kinds = mutated(pattern, replacement, seed)
    assert kinds
    path = tmp_path / "world.ttl"
    path.write_text(text, encoding="utf-8")
    told = {remark.line for remark in check_files([path], world, rules=rules)}
    assert {line: kind for line, kind in kinds.items() if line not in told and kind not in unguarded} == {}


def test_names_said_to_be_unguarded_are(world: Path, rules: RuleBook, tmp_path: Path, unguarded: set[str]) -> None:
    """A name without its language goes unremarked in exactly the classes that the waivers tell of."""
    text, kinds = mutated(r'^(    skos:prefLabel "[^"]*")@\w+( ;)$', r"\1\2", 1)
    path = tmp_path / "world.ttl"
    path.write_text(text, encoding="utf-8")
    told = {remark.line for remark in check_files([path], world, rules=rules)}
    assert {kind for line, kind in kinds.items() if line not in told} == unguarded


@pytest.fixture(scope="module")
def remarks(home: Path) -> Report:
    """What ``kgraph check`` says of the packaged data."""
    return check_dataset(home)


def abbreviated(focus: str | None) -> str:
    """A resource as a prefixed name."""
    for prefix, namespace in PREFIXES.items():
        if focus and focus.startswith(f"<{namespace}") and prefix != "scheme":
            return f"{prefix}:{focus[len(namespace) + 1 : -1]}"
    return focus or ""


@pytest.fixture(scope="module")
def accepted(repository: Path) -> set[tuple[str, str]]:
    """The warnings that were read over and stay, as code and resource."""
    entries = tomllib.loads((repository / "tests/knowledge/warnings.toml").read_text(encoding="utf-8"))["accepted"]
    assert all(entry["reason"].endswith(".") for entry in entries)
    pairs = [(entry["code"], focus) for entry in entries for focus in entry["focus"]]
    assert len(pairs) == len(set(pairs))
    return set(pairs)


def test_the_packaged_data_break_no_rule(remarks: Report) -> None:
    """The budget of violations is none."""
    assert [(r.code, r.file, r.line) for r in remarks if r.severity is Severity.VIOLATION] == []


def test_no_warning_is_new(remarks: Report, accepted: set[tuple[str, str]]) -> None:
    """Each warning on the packaged data is one of those that were read over, with a reason."""
    found = {(r.code, abbreviated(r.focus)) for r in remarks if r.severity is Severity.WARNING}
    assert sorted(found - accepted) == []


def test_no_accepted_warning_is_gone(remarks: Report, accepted: set[tuple[str, str]]) -> None:
    """A warning that was mended leaves the list, so that it cannot come back unseen."""
    found = {(r.code, abbreviated(r.focus)) for r in remarks if r.severity is Severity.WARNING}
    assert sorted(accepted - found) == []
