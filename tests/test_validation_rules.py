"""Every rule: its passing and failing example, its wording, and its page in the reference."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pyoxigraph as ox
import pytest
from homes import make_home

from kgraph.dataset import load_text
from kgraph.errors import QueryFileError, ShapeError
from kgraph.languages import LANGUAGES
from kgraph.report import Report
from kgraph.turtle import read_turtle
from kgraph.validation import RuleBook, check_files, load_rules
from kgraph.validation.engines import run_pyshacl, run_shacl
from kgraph.validation.reference import render_checks

FIXTURES = Path(__file__).parent / "fixtures"
CODES = sorted(folder.name for folder in (FIXTURES / "shapes").iterdir())
MUTATED = ("INK-001a", "INK-002d", "INK-005c", "INK-008a", "INK-013d", "INK-022b", "INK-030h", "INK-031b", "INK-120")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the real ontology and rules, and one sound record of each kind as its data."""
    return make_home(tmp_path_factory.mktemp("world") / "home", FIXTURES / "world/world.ttl")


@pytest.fixture(scope="module")
def rules(world: Path) -> RuleBook:
    """The rules of the repository."""
    return load_rules(world)


@pytest.fixture(scope="module")
def failing_report(world: Path, rules: RuleBook) -> Callable[[str], Report]:
    """Checks the failing example of a rule, each once."""
    return cache(lambda code: check_files([FIXTURES / "shapes" / code / "fail.ttl"], world, rules=rules))


def expected(path: Path) -> list[tuple[int, str]]:
    """Return the lines that a fixture marks with codes in a closing comment."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(load_text(path).splitlines(), start=1):
        mark = re.search(r"# ((?:INK|turtle)-[\w -]+)$", line)
        found.extend((number, code) for code in (mark[1].split() if mark else ()))
    return sorted(found)


_passed: set[str] = set()


@pytest.mark.parametrize("code", CODES)
def test_a_rule_remarks_on_its_failing_example_alone_and_in_the_right_line(
    code: str, world: Path, rules: RuleBook, failing_report: Callable[[str], Report]
) -> None:
    """The failing example gives exactly the code at the marked line; the passing one gives nothing."""
    failing, passing = FIXTURES / "shapes" / code / "fail.ttl", FIXTURES / "shapes" / code / "pass.ttl"
    report = failing_report(code)
    assert [(remark.line, remark.code) for remark in report] == expected(failing) != []
    assert {remark.code for remark in report} == {code}
    if (text := load_text(passing)) not in _passed:
        assert check_files([passing], world, rules=rules).remarks == ()
        _passed.add(text)


def test_every_rule_has_its_examples(rules: RuleBook) -> None:
    """No rule is without an example, and no example without a rule."""
    assert sorted(rule.code for rule in rules) == CODES


def test_the_world_of_the_examples_is_sound(world: Path, rules: RuleBook) -> None:
    """The records that the examples refer to have no fault of their own."""
    assert check_files([world / "data/ttl/report/world.ttl"], world, rules=rules).remarks == ()


@pytest.mark.parametrize("code", MUTATED)
def test_without_its_rule_a_failing_example_passes(code: str, world: Path, rules: RuleBook) -> None:
    """It is the rule, and nothing else, that finds the fault."""
    fewer = replace(
        rules,
        shapes=tuple(rule for rule in rules.shapes if rule.code != code),
        queries=tuple(rule for rule in rules.queries if rule.code != code),
    )
    assert check_files([FIXTURES / "shapes" / code / "fail.ttl"], world, rules=fewer).remarks == ()


def names(text: str) -> set[str]:
    """Return the placeholders of a message."""
    return {name.lstrip("$?") for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_rule_is_worded_in_three_languages_with_the_same_facts(rules: RuleBook) -> None:
    """Messages and cures exist in nn, nb and en, and fill in the same placeholders."""
    for rule in rules:
        for wording in (rule.messages, rule.cures):
            assert set(wording) == set(LANGUAGES), rule.code
            assert all(wording.values()), rule.code
            assert len({frozenset(names(text)) for text in wording.values()}) == 1, rule.code


def test_codes_are_unique(rules: RuleBook) -> None:
    """A code names one rule."""
    codes = [rule.code for rule in rules]
    assert len(codes) == len(set(codes))


def test_no_remark_leaves_a_placeholder_unfilled(failing_report: Callable[[str], Report]) -> None:
    """What a rule's message speaks of is filled in when the rule finds a fault."""
    for code in CODES:
        if code[-1] not in "ahjo":
            continue
        report = failing_report(code)
        for language in LANGUAGES:
            assert not re.search(r"\{[$?\w]+\}", report.render_text(language)), code


def nested(document_paths: Iterator[Path]) -> Iterator[str]:
    """Yield the paths that shapes look along."""
    for path in document_paths:
        for triple in read_turtle(load_text(path)).triples:
            if triple.predicate == "<http://www.w3.org/ns/shacl#path>":
                yield triple.object


def test_shapes_look_at_a_resource_and_the_classes_of_its_values_only(home: Path) -> None:
    """The neighbourhood that a check hands to the engine holds all that the shapes need."""
    paths = list(nested(iter(sorted((home / "ontology/shapes").glob("*.ttl")))))
    assert len(paths) > 200
    assert all(path.startswith("<") for path in paths)


def test_two_engines_find_the_same_faults(rules: RuleBook, home: Path) -> None:
    """pySHACL and the shacl package agree on all failing examples at once."""
    pytest.importorskip("shacl", reason="the second SHACL engine is not installed")
    lines: set[str] = set()
    sources = [*(FIXTURES / "shapes").rglob("fail.ttl"), *(home / "ontology/modules").glob("*.ttl")]
    for path in sources:
        keep = "subClassOf>" if "ontology" in path.parts else ""
        triples = read_turtle(load_text(path)).triples
        lines |= {f"{t.subject} {t.predicate} {t.object} .\n" for t in triples if keep in t.predicate}
    data = "".join(sorted(line for line in lines if "_:" not in line))
    shapes = "".join(rule.statements for rule in rules.shapes)
    found = [{(r.focus, r.shape, r.component) for r in run(data, shapes)} for run in (run_pyshacl, run_shacl)]
    assert found[0] == found[1]
    assert len(found[0]) > 200


def test_a_shape_without_wording_is_refused(tmp_path: Path) -> None:
    """A rule that could not tell what is wrong never comes into use."""
    (tmp_path / "ontology/shapes").mkdir(parents=True)
    text = "<https://w3id.org/inkludering/shapes#X> a <http://www.w3.org/ns/shacl#PropertyShape> ."
    (tmp_path / "ontology/shapes/x.ttl").write_text(text)
    with pytest.raises(ShapeError, match=r"x\.ttl"):
        load_rules(tmp_path)


@pytest.mark.parametrize("header", ["#+ code: INK-1\n", "#+ [\n", "SELECT * {}\n"])
def test_a_check_query_without_a_whole_header_is_refused(header: str, tmp_path: Path) -> None:
    """The fault names the file."""
    (tmp_path / "queries/checks").mkdir(parents=True)
    (tmp_path / "queries/checks/x-violation.rq").write_text(header)
    with pytest.raises(QueryFileError, match=r"x-violation\.rq"):
        load_rules(tmp_path)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("SELECT ?focus WHERE {\n  ?focus a ?class\n", "10: "),
        ("ASK { ?s ?p ?o }", "1: "),
        ("SELECT ?s { ?s ?p ?o }", "1: "),
    ],
)
def test_a_check_query_that_gives_no_rows_of_a_focus_is_refused(query: str, place: str, tmp_path: Path) -> None:
    """The fault names the file and, where the text breaks the grammar, the line."""
    path = tmp_path / "queries/checks/x-violation.rq"
    path.parent.mkdir(parents=True)
    texts = "".join(f"#+ {name}: {{nn: a, nb: b, en: c}}\n" for name in ("title", "description", "messages", "cures"))
    path.write_text(f"#+ code: INK-1\n#+ severity: violation\n{texts}\n{query}")
    with pytest.raises(QueryFileError, match=rf"x-violation\.rq:{place}"):
        load_rules(tmp_path)


@pytest.mark.parametrize(
    ("positions", "told"),
    [
        (((1,), (2,), (3,)), []),
        (((1,), (2,), (2,)), [("c", 2)]),
        (((1,), (3,)), [("b", 3)]),
        (((2,), (3,)), [("a", 2)]),
        (((1,), (3,), ()), []),
        (((1, 2), (2,), (4,)), [("b", 2), ("c", 4)]),
        (((1,), ("'1'",), ("'x'",)), []),
        (((2.0,), (1,)), [("a", 2.0)]),
    ],
)
def test_spans_in_a_row(positions: tuple[tuple[object, ...], ...], told: list[object], rules: RuleBook) -> None:
    """A position that is taken or comes too early is told, but not while a span of the locator has none."""
    (text,) = (rule.text for rule in rules.queries if rule.code == "INK-033k")
    spans = {f"urn:{chr(ord('a') + number)}": values for number, values in enumerate(positions)}
    stated = [f"<urn:locator> ink:hasSpan <{span}> ." for span in spans]
    stated += [f"<{span}> ink:position {value} ." for span, values in spans.items() for value in values]
    store = ox.Store()
    store.update("PREFIX ink: <https://w3id.org/inkludering/ont#> INSERT DATA { " + " ".join(stated) + " }")
    rows = store.query(text)
    found = sorted((row["focus"].value.removeprefix("urn:"), float(row["value"].value)) for row in rows)
    assert found == [(span, float(value)) for span, value in told]


def test_a_check_query_says_its_severity_in_its_file_name(rules: RuleBook) -> None:
    """A reader of the folder sees which queries stop a release."""
    assert all(rule.source.endswith(f"-{rule.severity}.rq") for rule in rules.queries)


def test_the_reference_page_of_all_codes_is_up_to_date(rules: RuleBook, repository: Path) -> None:
    """docs/reference/checks.md is what render_checks makes."""
    assert load_text(repository / "docs/reference/checks.md") == render_checks(rules)
