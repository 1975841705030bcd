"""Checking files: faults of all kinds together, files that stand in for packaged ones, several files at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from homes import make_home

from kgraph.dataset import load_text
from kgraph.validation import check_files

FIXTURES = Path(__file__).parent / "fixtures"
BROKEN = sorted((FIXTURES / "broken").glob("*.ttl"))
PERSON = """\
@prefix ink: <https://w3id.org/inkludering/ont#> .
@prefix person: <https://w3id.org/inkludering/id/person/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .

person:new
    a ink:Person ;
    skos:prefLabel "N. Ny" ;
    ink:familyName "Ny" ;
.
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A home with the real ontology and rules, and one sound record of each kind as its data."""
    return make_home(tmp_path / "home", FIXTURES / "world/world.ttl")


def found(path: Path, world: Path, *others: Path) -> list[tuple[int | None, str]]:
    """Return lines and codes of the remarks on one file, checked with others."""
    report = check_files([path, *others], world)
    return [(remark.line, remark.code) for remark in report if remark.file == str(path)]


def expected(path: Path) -> list[tuple[int, str]]:
    """Return the lines that a fixture marks with codes in a closing comment."""
    marks = [
        (n, re.search(r"# ((?:INK|turtle)-[\w -]+)$", line)) for n, line in enumerate(load_text(path).split("\n"), 1)
    ]
    return sorted((number, code) for number, mark in marks if mark for code in mark[1].split())


def test_each_fault_of_several_broken_files_gives_one_remark_in_its_line(world: Path) -> None:
    """Faults of syntax and content are told together, and nothing is told that merely follows from them."""
    report = check_files(BROKEN, world)
    for path in BROKEN:
        assert sorted((r.line or 0, r.code) for r in report if r.file == str(path)) == expected(path)
    assert report.exit_code() == 1


def test_references_resolve_across_the_files_checked_together(world: Path) -> None:
    """A reference into another checked file dangles only if that file is left out."""
    measure, project = FIXTURES / "broken/measure.ttl", FIXTURES / "broken/project.ttl"
    assert (30, "INK-030h") not in found(project, world, measure)
    assert (30, "INK-030h") in found(project, world)


def test_a_sound_new_record_gives_no_remark(world: Path, tmp_path: Path) -> None:
    """Nothing is said of a record that is as it should be."""
    path = tmp_path / "person.ttl"
    path.write_text(PERSON)
    assert check_files([path], world).remarks == ()


def test_a_packaged_file_under_check_replaces_itself(world: Path) -> None:
    """Checking a packaged file does not find every record described twice."""
    assert check_files([world / "data/ttl/report/world.ttl"], world).remarks == ()


def test_a_copy_of_a_packaged_file_replaces_the_original(world: Path, tmp_path: Path) -> None:
    """A steward may check an edited copy before it goes into place."""
    path = tmp_path / "draft.ttl"
    path.write_text(load_text(world / "data/ttl/report/world.ttl").replace("ink:familyName", "ink:familyNam"))
    assert {code for _, code in found(path, world)} == {"INK-030a"}


def test_what_a_removed_record_leaves_dangling_is_told_in_the_file_that_refers_to_it(
    world: Path, tmp_path: Path
) -> None:
    """A fault in a packaged file is reported if the checked file causes it."""
    folder = world / "data/ttl/report"
    stays = PERSON.replace("person:new", "person:stays")
    (folder / "people.ttl").write_text(stays + PERSON.partition("\n\n")[2])
    friend = PERSON.replace("person:new", "person:friend")
    (folder / "friends.ttl").write_text(friend.replace("ink:family", "skos:related person:new ;\n    ink:family"))
    draft = tmp_path / "people.ttl"
    draft.write_text(stays)
    report = check_files([draft], world)
    assert [(r.file, r.line, r.code) for r in report] == [("data/ttl/report/friends.ttl", 8, "INK-030h")]


def test_a_packaged_fault_that_the_checked_file_has_no_part_in_is_not_told(world: Path, tmp_path: Path) -> None:
    """A steward is not troubled with the faults of others."""
    (world / "data/ttl/report/other.ttl").write_text(PERSON.replace("ink:familyName", "ink:familyNam"))
    path = tmp_path / "person.ttl"
    path.write_text(PERSON.replace("person:new", "person:another"))
    assert check_files([path], world).remarks == ()


def test_a_file_that_cannot_be_read_is_a_remark(world: Path, tmp_path: Path) -> None:
    """A missing file and one in another encoding are told like any other fault."""
    latin = tmp_path / "latin.ttl"
    latin.write_bytes("# ø".encode("latin-1"))
    report = check_files([tmp_path / "none.ttl", latin], world)
    assert [remark.code for remark in report] == ["file-unreadable", "file-unreadable"]
    assert "UTF-8" in report.render_text("en")


def test_a_file_of_the_ontology_is_checked_for_its_syntax_alone(world: Path) -> None:
    """The rules about records do not apply to axioms and shapes."""
    path = world / "ontology/modules/claims.ttl"
    assert check_files([path], world).remarks == ()
    path.write_text(load_text(path) + "\nink:Broken a owl:Class")
    assert [code for _, code in found(path, world)] == ["turtle-missing-dot"]


def test_a_broken_packaged_file_does_not_stop_the_check_of_another(world: Path, tmp_path: Path) -> None:
    """Its sound statements still count."""
    (world / "data/ttl/report/half.ttl").write_text(PERSON + '\nperson:half a ink:Person ; ;; skos:prefLabel "x')
    path = tmp_path / "person.ttl"
    path.write_text(PERSON.replace("person:new", "person:third"))
    assert check_files([path], world).remarks == ()


def test_a_misspelt_reference_is_answered_with_the_nearest_name(world: Path) -> None:
    """The cure asks whether the nearest known name was meant."""
    text = check_files([FIXTURES / "shapes/INK-030h/fail.ttl"], world).render_text("nn")
    assert "Meinte du project:world?" in text


@pytest.mark.parametrize(
    ("record", "old", "new", "code"),
    [
        ("INK-016o", "ink:authorship authorship:case-1", "ink:authorshp authorship:case-1", "INK-030a"),
        ("INK-016o", "ink:authorship authorship:case-1", "ink:authorship authorship:case-3", "INK-030h"),
        ("INK-016o", "ink:authorship authorship:case-1", "ink:authorship auth:case-1", "turtle-undeclared-prefix"),
        ("INK-016o", "    ink:position 1 ;\n", "", "INK-016e"),
        ("INK-005n", '"kommuner"@nb', "“kommuner”@nb", "turtle-curly-quote"),
        ("INK-005n", "a ink:Study", "a ink:Study , ink:Goal", "INK-031d"),
        ("INK-005n", "    a ink:Study ;\n", "", "INK-030i"),
        ("INK-013d", 'ink:printedAs "50,0" ;', 'ink:printedAs "50,0"', "turtle-missing-semicolon"),
    ],
)
def test_one_fault_gives_one_remark(record: str, old: str, new: str, code: str, world: Path, tmp_path: Path) -> None:
    """What merely follows from a fault is not told beside it."""
    text = load_text(FIXTURES / "shapes" / record / "pass.ttl")
    assert old in text
    path = tmp_path / "record.ttl"
    path.write_text(text.replace(old, new, 1))
    assert [found_code for _, found_code in found(path, world)] == [code]


def test_what_is_missing_is_told_beside_a_fault_of_syntax_that_lost_nothing(world: Path, tmp_path: Path) -> None:
    """After a missing semicolon, or a name with an undeclared prefix, the record is known whole: its gaps are told."""
    path = tmp_path / "person.ttl"
    path.write_text(PERSON.replace('"N. Ny" ;', '"N. Ny"').replace("ink:familyName", "inkk:nickname"), encoding="utf-8")
    assert found(path, world) == [
        (5, "INK-016l"),
        (7, "turtle-missing-semicolon"),
        (8, "turtle-undeclared-prefix"),
    ]


def test_a_property_with_an_undeclared_prefix_is_not_missing_as_well(world: Path, tmp_path: Path) -> None:
    """The name behind the unknown prefix tells which property was meant."""
    path = tmp_path / "person.ttl"
    path.write_text(PERSON.replace("ink:familyName", "inkk:familyName"), encoding="utf-8")
    assert found(path, world) == [(8, "turtle-undeclared-prefix")]


def test_a_blank_node_gets_one_remark_where_it_stands(world: Path, tmp_path: Path) -> None:
    """No shape speaks of a node that has no name."""
    path = tmp_path / "person.ttl"
    path.write_text(
        PERSON.replace('familyName "Ny" ;', 'familyName "Ny" ;\n    ink:hasLocator [ ] ;'), encoding="utf-8"
    )
    assert found(path, world) == [(9, "INK-030c")]
