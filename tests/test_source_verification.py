"""Locators against a text: in place, found again in another extraction, or not found; and their passages."""

from __future__ import annotations

import hashlib
import random
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from kgraph.dataset import load_dataset
from kgraph.errors import LayoutError, PassageError, SourceTextError, UnknownClassError
from kgraph.report import Severity
from kgraph.source.layout import Layout, Numbered, load_layout
from kgraph.source.locators import anchor_passage
from kgraph.source.normalisation import normalise
from kgraph.source.passages import GAP, iter_claim_passages
from kgraph.source.records import LENGTH, identifiers_in_use, locator_record, new_identifier, template
from kgraph.source.stated import Statements
from kgraph.source.verification import Extraction, Outcome, load_extraction, read_extraction, verify_locators
from kgraph.turtle import read_turtle
from kgraph.vocabulary import PREFIXES

# Two pages; on the first, the right column was extracted before the left one.
EXTRACTION = """\
og derfor vart brua bygd av stein som
kom med båt frå øya utanfor. Ho stod
ferdig hausten 1911.
1 Bruer
Den fyrste brua over elva var av tre.
Ho rotna på tjue år, sa bygdefol-
ket til ingeniøren, som skreiv det ned

2 Ferjer
Ferja gjekk to gonger for dagen om sommaren.
Ferja gjekk ein gong for dagen om vinteren. •
"""
LAYOUT = """\
document = "https://w3id.org/inkludering/id/document/bruer-2020"
sha256 = "{sha256}"
normalisation = "ink-text-1"
lines = 11
blocks = [[1, 4, 7, "text"], [1, 1, 3, "text"], [2, 9, 11, "text"]]
sections = [[4, "1", "Bruer"], [9, "", "Ferjer"]]
numbered = [["footnote", 2, 1, 3]]
"""
CLAIM = """
finding:abc a ink:Finding ; skos:prefLabel "trebrua rotna"@nn , "trebroen råtnet"@nb , "the wooden bridge rotted"@en ;
    ink:statement "Trebrua heldt berre i tjue år."@nn ; ink:hasEvidenceLine line:abc .
line:abc a ink:EvidenceLine ; ink:hasLocator {locator} .
doc:bruer-2020 a ink:Document ; ink:textDigest "sha256:{sha256}" .
"""
PASSAGE = "6: Ho rotna på tjue år … skreiv det ned || 1: og derfor vart brua bygd av stein"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The layout of the small text."""
    path = tmp_path / "layout.toml"
    path.write_text(LAYOUT.format(sha256=hashlib.sha256(EXTRACTION.encode()).hexdigest()), encoding="utf-8")
    return load_layout(path)


@pytest.fixture
def extraction(layout: Layout) -> Extraction:
    """The pinned extraction of the small text."""
    return read_extraction(EXTRACTION.encode(), layout)


@pytest.fixture
def record(layout: Layout) -> str:
    """A claim with a locator of two spans, over two columns."""
    return make_record(layout, PASSAGE)


def make_record(layout: Layout, passage: str) -> str:
    """Return a claim and its document with a new locator for a passage, as Turtle."""
    made = locator_record(normalise(EXTRACTION), layout, passage, ())
    locator = next(line for line in made.splitlines() if line.startswith("loc:"))
    claim = CLAIM.format(locator=locator, sha256=layout.sha256)
    head = "".join(f"@prefix {prefix}: <{PREFIXES[prefix]}> .\n" for prefix in ("finding", "line", "skos"))
    return head + made + claim


def statements_of(folder: Path, turtle: str) -> Statements:
    """Return the statements of a home that holds one file."""
    for name in ("ontology", "queries", "data/ttl/report"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "data/ttl/report/bruer.ttl").write_text(turtle, encoding="utf-8")
    return Statements(load_dataset(folder))


def codes(statements: Statements, extraction: Extraction) -> dict[str, Severity]:
    """Return the codes of the remarks on the locators, with their severities."""
    return {item.code: item.severity for item in verify_locators(statements, extraction).report}


def test_a_new_locator_is_in_place(tmp_path: Path, record: str, extraction: Extraction) -> None:
    """What ``kgraph new locator`` writes is sound Turtle and passes the check without a remark."""
    assert read_turtle(record).problems == []
    result = verify_locators(statements_of(tmp_path, record), extraction)
    assert list(result.report) == []
    assert result.counts() == {Outcome.IN_PLACE: 1, Outcome.RE_ANCHORED: 0, Outcome.NOT_FOUND: 0}


def test_reading_order_is_that_of_the_columns(layout: Layout) -> None:
    """A passage over two columns has one page, the section it begins in, and a divided word made whole."""
    text = normalise(EXTRACTION)
    anchor = anchor_passage(text, layout, PASSAGE)
    assert (anchor.pages, anchor.section, len(anchor.spans)) == ((1,), "1", 2)
    assert "bygdefolket" in text.text[anchor.spans[0].start : anchor.spans[0].end]
    assert anchor_passage(text, layout, "10: Ferja gjekk to gonger").section == "Ferjer"


def test_a_passage_names_the_figures_tables_and_footnotes_it_touches(layout: Layout) -> None:
    """The numbers of all that holds one of the passage's lines are stated, and none where there is none."""
    text = normalise(EXTRACTION)
    numbered = replace(layout, numbered=(*layout.numbered, Numbered("figure", "4", 3, 6)))
    assert anchor_passage(text, numbered, PASSAGE).numbers == {("footnote", "2"), ("figure", "4")}
    assert anchor_passage(text, numbered, "10: Ferja gjekk to gonger").numbers == frozenset()
    record = locator_record(text, numbered, PASSAGE, ())
    assert 'ink:figure "4" ;' in record and "ink:footnote 2 ;" in record


FAULTS = [
    ("ink:tokenCount 13", "ink:tokenCount 14", "source-span-differs"),
    ("ink:start 140", "ink:start 143", "source-span-differs"),
    ("ink:end ", "ink:end 99", "source-span-out-of-range"),
    ('ink:spanDigest "sha256:', 'ink:spanDigest "sha256:0', "source-span-differs"),
    ("ink:page 1 ;", "ink:page 2 ;", "source-wrong-page"),
    ('ink:section "1"', 'ink:section "2"', "source-wrong-section"),
    ("ink:position 2", "ink:position 3", "source-span-positions"),
    ('"ink-text-1"', '"ink-text-0"', "source-other-normalisation"),
    ("ink:footnote 2 ;", "ink:footnote 3 ;", "source-wrong-number"),
    ("    ink:footnote 2 ;\n", "", "source-wrong-number"),
    ("ink:footnote 2 ;", 'ink:footnote 2 ;\n    ink:figure "1" ;', "source-wrong-number"),
    ("ink:page 1 ;", "", "source-locator-incomplete"),
    ("    ink:letterCount 56 ;\n", "", "source-span-incomplete"),
    ('ink:textDigest "sha256:', 'ink:textDigest "sha256:0', "source-text-digest"),
]


@pytest.mark.parametrize(
    ("stated", "instead", "code"), FAULTS, ids=[f"{code}-{i}" for i, (*_, code) in enumerate(FAULTS)]
)
def test_a_changed_locator_is_a_violation(
    tmp_path: Path, record: str, extraction: Extraction, stated: str, instead: str, code: str
) -> None:
    """Whatever part of a locator is changed, one violation names the locator, the claim, and the file and line."""
    assert stated in record
    statements = statements_of(tmp_path, record.replace(stated, instead, 1))
    report = verify_locators(statements, extraction).report
    assert {item.code: item.severity for item in report} == {code: Severity.VIOLATION}
    remark = next(iter(report))
    assert remark.file == "data/ttl/report/bruer.ttl" and remark.line
    assert set(remark.messages) == set(remark.cures) == {"nn", "nb", "en"}
    if code != "source-text-digest":
        assert "trebrua rotna" in remark.messages["nn"] and "/locator/" in remark.messages["en"]


def test_a_wide_passage_is_a_warning(tmp_path: Path, layout: Layout) -> None:
    """A passage of more than 120 words is too wide to support one statement."""
    long = "Soga " + "tel tolv ord og eitt til for kvar gong ho blir fortald " * 11 + "slutt."
    other = Layout(layout.document, hashlib.sha256(long.encode()).hexdigest(), "ink-text-1", 1, layout.blocks, ())
    made = locator_record(normalise(long), other, "1: Soga … slutt.", ())
    assert codes(statements_of(tmp_path, made), read_extraction(long.encode(), other)) == {
        "source-passage-too-wide": Severity.WARNING
    }


def test_spans_out_of_order_or_overlapping_are_told(tmp_path: Path, layout: Layout, extraction: Extraction) -> None:
    """Spans that are not in reading order give a warning, spans that overlap a violation."""
    turned = make_record(layout, "1: og derfor || 6: Ho rotna")
    assert codes(statements_of(tmp_path, turned), extraction) == {"source-span-order": Severity.WARNING}
    doubled = make_record(layout, "6: Ho rotna på || 6: rotna på tjue")
    assert codes(statements_of(tmp_path, doubled), extraction) == {"source-spans-overlap": Severity.VIOLATION}


OTHER_EXTRACTIONS = {
    "without-line-ends": " ".join(EXTRACTION.replace("-\n", "").split()),
    "narrow-lines": "\n".join(textwrap.wrap(" ".join(EXTRACTION.replace("-\n", "").split()), 12)),
    "soft-hyphens": EXTRACTION.replace("tjue", "tju\u00ade").replace("-\n", "\u00ad\n").replace("•", "\u25cf"),
    "columns-in-order": "\n".join(EXTRACTION.splitlines()[3:8] + EXTRACTION.splitlines()[:3] + ["", "3"]),
    "glued-words": EXTRACTION.replace("brua bygd", "bruabygd").replace(". Ho", ".Ho").replace("år, sa", "år,sa"),
}


@pytest.mark.parametrize("name", OTHER_EXTRACTIONS)
def test_spans_are_found_again_in_another_extraction(tmp_path: Path, record: str, layout: Layout, name: str) -> None:
    """However another program broke lines and divided words, the spans are found, and said to be so."""
    other = read_extraction(OTHER_EXTRACTIONS[name].encode(), layout)
    result = verify_locators(statements_of(tmp_path, record), other)
    assert result.counts()[Outcome.NOT_FOUND] == 0
    assert {item.severity for item in result.report} == {Severity.INFO}
    for start, end in result.checked[0].ranges:
        assert other.text.text[start:end].replace(" ", "")[:5] in {"Horot", "ogder"}


def test_a_passage_that_another_extraction_lacks_is_a_violation(tmp_path: Path, record: str, layout: Layout) -> None:
    """Words that are not there are not found, however much else is."""
    changed = EXTRACTION.replace("tjue", "tretti")
    found = codes(statements_of(tmp_path, record), read_extraction(changed.encode(), layout))
    assert found["source-span-not-found"] is Severity.VIOLATION


def test_repeated_words_are_found_where_they_stood(tmp_path: Path, layout: Layout) -> None:
    """Where the same words stand twice, the place nearest to the stated offset is taken."""
    record = make_record(layout, "11: Ferja gjekk")
    other = read_extraction(EXTRACTION.replace("•", "").encode(), layout)
    (start, _), *_ = verify_locators(statements_of(tmp_path, record), other).checked[0].ranges
    assert other.text.line_of(start) == 11


def test_random_spans_survive_a_new_wrapping(tmp_path: Path, layout: Layout) -> None:
    """Any run of words that holds a letter is found again after the text is wrapped anew."""
    text = normalise(EXTRACTION)
    words = text.text.split()
    chooser = random.Random(7)
    for _ in range(20):
        first = chooser.randrange(len(words) - 1)
        last = chooser.randrange(first + 1, len(words) + 1)
        record = make_record(layout, "1: " + " ".join(words[first:last]))
        other = read_extraction(OTHER_EXTRACTIONS["narrow-lines"].encode(), layout)
        assert verify_locators(statements_of(tmp_path, record), other).counts()[Outcome.NOT_FOUND] == 0


def test_locators_of_other_documents_are_left_alone(tmp_path: Path, record: str, extraction: Extraction) -> None:
    """A locator in another document is counted, not checked against this text."""
    statements = statements_of(tmp_path, record.replace("ink:locatedIn doc:bruer-2020", "ink:locatedIn doc:anna"))
    result = verify_locators(statements, extraction)
    assert (result.elsewhere, result.checked) == (1, ())


def test_a_claim_is_shown_with_its_passage(tmp_path: Path, record: str, extraction: Extraction) -> None:
    """A claim comes with label, statement, page, section and the words it rests on, spans joined by a gap."""
    statements = statements_of(tmp_path, record)
    claim = f"<{PREFIXES['finding']}abc>"
    (shown,) = iter_claim_passages(statements, extraction, claim, "nb")
    assert (shown.label, shown.statement) == ("trebroen råtnet", "Trebrua heldt berre i tjue år.")
    assert (shown.pages, shown.section) == ((1,), "1")
    assert shown.passage.startswith("Ho rotna på tjue år, sa bygdefolket") and GAP in shown.passage
    assert shown.to_dict()["resource"] == claim[1:-1]
    (of_line,) = iter_claim_passages(statements, extraction, f"<{PREFIXES['line']}abc>")
    assert of_line.passage == shown.passage
    assert list(iter_claim_passages(statements, extraction, "<urn:x>")) == []


def test_the_report_tells_new_offsets_in_json(tmp_path: Path, record: str, layout: Layout) -> None:
    """The JSON form counts outcomes and gives the new offsets of what was found again."""
    other = read_extraction(OTHER_EXTRACTIONS["without-line-ends"].encode(), layout)
    answer = verify_locators(statements_of(tmp_path, record), other).to_dict("en")
    assert answer["locators"] == {"in-place": 0, "re-anchored": 1, "not-found": 0}
    assert len(next(iter(answer["reAnchored"].values()))) == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("passage", ["nothing", "x: brua", "99: brua", "1: Brua som ikkje er", "1: og derfor … aldri"])
def test_a_passage_that_is_not_there_is_refused(layout: Layout, passage: str) -> None:
    """A passage without line, or with words that do not follow it, is an error that says what was looked for."""
    with pytest.raises(PassageError, match=passage[:3]):
        anchor_passage(normalise(EXTRACTION), layout, passage)


def test_a_text_that_cannot_be_read_is_refused(tmp_path: Path, layout: Layout) -> None:
    """A file that is missing or no UTF-8 text, and a layout that is none, are errors that name the file."""
    (tmp_path / "latin.txt").write_bytes("brua på øya".encode("latin-1"))
    for name in ("missing.txt", "latin.txt"):
        with pytest.raises(SourceTextError, match=name):
            load_extraction(tmp_path / name, layout)
    with pytest.raises(LayoutError, match=r"latin\.toml"):
        (tmp_path / "latin.toml").write_text("document = 1\n", encoding="utf-8")
        load_layout(tmp_path / "latin.toml")


def test_new_identifiers_are_unused(tmp_path: Path, record: str) -> None:
    """An identifier is seven characters without vowels, and none that a record has."""
    used = identifiers_in_use(statements_of(tmp_path, record))
    assert "abc" in used
    found = {new_identifier(used) for _ in range(100)}
    assert len(found) > 90 and not found & used
    assert all(len(identifier) == LENGTH and not set(identifier) & set("aeiouy") for identifier in found)


SHAPES = """
ink:Finding rdfs:subClassOf ink:Claim ; skos:definition "Ein påstand om kva nokon fann."@nn .
ink:hasTopic rdfs:range ink:Topic ; rdfs:label "tema"@nn , "topic"@en .
ink:Claim rdfs:subClassOf ink:InformationEntity . ink:figure rdfs:domain ink:InformationEntity .
ink:reportedIn rdfs:domain ink:Claim ; owl:propertyChainAxiom ( ink:x ink:y ) .
skos:prefLabel skos:definition "I alle språk."@nn .
ink:evidenceLineFor rdfs:domain ink:Claim . ink:hasEvidenceLine owl:inverseOf ink:evidenceLineFor .
ink:sampleSize rdfs:domain ink:Claim ; rdfs:range xsd:integer ; rdfs:label "utval"@nn .
ink:fromStudy rdfs:range ink:Study .
inksh:topic a sh:PropertyShape ; sh:targetClass ink:Claim ; sh:path ink:hasTopic ; sh:order 2 ;
    sh:minCount 1 ; sh:severity sh:Warning .
inksh:label a sh:PropertyShape ; sh:targetClass ink:Claim ; sh:path skos:prefLabel ; sh:order 1 ; sh:minCount 1 .
inksh:line a sh:PropertyShape ; sh:targetClass ink:Claim ; sh:path ink:hasEvidenceLine ; sh:order 3 ; sh:minCount 1 .
inksh:Line a sh:NodeShape ; sh:targetClass ink:EvidenceLine ; sh:property inksh:study .
inksh:study sh:path ink:fromStudy ; sh:minCount 1 .
"""


def test_a_template_asks_for_what_the_shapes_ask_for(tmp_path: Path) -> None:
    """A claim's template is sound Turtle with its line, explains each property, and comments out what is optional."""
    head = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
    made = template(statements_of(tmp_path, head + SHAPES), "Finding", "nn")
    assert read_turtle(made).problems == []
    assert '    # kort namn (påkravd). I alle språk.\n    skos:prefLabel ""@nn ;\n    skos:prefLabel ""@nb ;' in made
    assert "    # tema (valfri).\n    # ink:hasTopic topic:NAME ;" in made
    assert made.index("# kort namn") < made.index("# tema") < made.index("ink:hasEvidenceLine line:")
    assert made.count("\n    ink:hasEvidenceLine") == 1 and "\n    ink:fromStudy study:NAME ;" in made
    assert "    # utval (valfri).\n    # ink:sampleSize 0 ;" in made
    assert not any(name in made for name in ("evidenceLineFor", "reportedIn", "ink:figure"))
    assert "# Ein påstand om kva nokon fann." in made


def test_a_template_of_an_unknown_class_is_refused(tmp_path: Path) -> None:
    """A class that no record is of is an error that lists those that are."""
    with pytest.raises(UnknownClassError, match="Finding"):
        template(statements_of(tmp_path, ""), "Bridge", "nn")


def test_every_locator_of_the_report_is_in_place(source_text_path: Path, home: Path) -> None:
    """Each published locator stands where it says in the report's text, with the right page and section."""
    layout = load_layout(home / "data" / "layout" / "imdi-distriktssenteret-2010.toml")
    result = verify_locators(Statements(load_dataset(home)), load_extraction(source_text_path, layout))
    assert result.report.render_text("en") == ""
    assert result.counts()[Outcome.IN_PLACE] == len(result.checked) > 300


def test_locators_of_the_report_are_found_again_in_another_extraction(source_text_path: Path, home: Path) -> None:
    """The published locators survive an extraction without blank lines, trailing spaces and bullets."""
    layout = load_layout(home / "data" / "layout" / "imdi-distriktssenteret-2010.toml")
    lines = source_text_path.read_text(encoding="utf-8").replace("•", "").splitlines()
    other = "\n".join(line.strip() for line in lines if line.strip())
    result = verify_locators(Statements(load_dataset(home)), read_extraction(other.encode(), layout))
    assert result.counts()[Outcome.NOT_FOUND] == 0
