"""The canonical form: one text for one graph with its comments."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgraph.errors import FormatError
from kgraph.turtle import read_turtle, render_canonical
from kgraph.turtle.tokens import scan_turtle
from kgraph.vocabulary import PREFIXES

HEAD = "".join(
    f"@prefix {prefix}: <{PREFIXES[prefix]}> .\n" for prefix in ("ink", "skos", "finding", "line", "sh", "xsd", "inksh")
)


def formatted(text: str) -> str:
    """Bring a text to canonical form with kgraph's prefixes."""
    return render_canonical(read_turtle(text), PREFIXES)


def graph(text: str) -> set[pyoxigraph.Quad]:
    """Parse with pyoxigraph and name the blank nodes canonically."""
    dataset = pyoxigraph.Dataset(pyoxigraph.parse(text.encode(), format=pyoxigraph.RdfFormat.TURTLE))
    dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.RDFC_1_0)
    return set(dataset)


WRITTEN = (
    "# A file about findings.\n\n"
    "# Prefixes in use:\n"
    + HEAD
    + '''
# About the second one.
finding:b2 ink:hasEvidenceLine line:l2, line:l1 ; # both lines
    # said in three languages
    skos:prefLabel "name"@en , "namn"@nn, "navn"@nb ; a ink:Finding .

finding:a1 # the first
    a ink:Finding ;
    ink:note """two
lines"""@en ;
    ink:sampleSize "01"^^xsd:integer, 12 , 7.30, 1.0e3, true ;
    # nothing more
    . # end of a1
finding:b2 ink:page 10 , 9 .
inksh:FindingShape a sh:NodeShape ;
    sh:property [ sh:minCount 1 ; # at least one
        sh:path ink:hasEvidenceLine ] , [ sh:path skos:prefLabel ] ;
    sh:in ( "b" "a" # kept in order
        [] ) .
[] a ink:Finding .
# The end.
'''
)
CANONICAL = (
    "# A file about findings.\n\n"
    "# Prefixes in use:\n\n"
    f"@prefix finding: <{PREFIXES['finding']}> .\n"
    f"@prefix ink: <{PREFIXES['ink']}> .\n"
    f"@prefix inksh: <{PREFIXES['inksh']}> .\n"
    f"@prefix line: <{PREFIXES['line']}> .\n"
    f"@prefix sh: <{PREFIXES['sh']}> .\n"
    f"@prefix skos: <{PREFIXES['skos']}> .\n"
    f"@prefix xsd: <{PREFIXES['xsd']}> .\n"
    '''
# the first
finding:a1
    a ink:Finding ;
    ink:note """two
lines"""@en ;
    ink:sampleSize "01"^^xsd:integer ;
    ink:sampleSize 7.30 ;
    ink:sampleSize 12 ;
    ink:sampleSize 1.0e3 ;
    ink:sampleSize true ;
    # nothing more
    # end of a1
    .

# About the second one.
finding:b2
    a ink:Finding ;
    skos:prefLabel "namn"@nn ;
    skos:prefLabel "navn"@nb ;
    # said in three languages
    skos:prefLabel "name"@en ;
    ink:hasEvidenceLine line:l1 ; # both lines
    ink:hasEvidenceLine line:l2 ;
    ink:page 9 ;
    ink:page 10 ;
    .

inksh:FindingShape
    a sh:NodeShape ;
    sh:in (
        "b"
        "a" # kept in order
        []
    ) ;
    sh:property [
        sh:path ink:hasEvidenceLine ;
        sh:minCount 1 ; # at least one
    ] ;
    sh:property [
        sh:path skos:prefLabel ;
    ] ;
    .

[]
    a ink:Finding ;
    .

# The end.
'''
)


def test_a_record_is_laid_out_in_the_one_form() -> None:
    """Prefixes, subjects, predicates, objects and comments stand where the reference says."""
    assert formatted(WRITTEN) == CANONICAL
    assert formatted(CANONICAL) == CANONICAL


def test_the_form_of_nothing_is_nothing() -> None:
    """An empty file, or one with only prefixes, becomes an empty file."""
    assert formatted("") == formatted(HEAD) == ""


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ('"a \\"b\\""', '"a \\"b\\""'),
        ("'''it's'''", '"it\'s"'),
        ('"\\t\\\\\\u00e6"', '"\\t\\\\æ"'),
        ('"a\\nb"', '"""a\nb"""'),
        ('"a\\r\\nb"', '"""a\\r\nb"""'),
        ('"""a\n"b\\""""', '"""a\n"b\\""""'),
        ('"a\\n\\"\\"\\"b"', '"""a\n\\"""b"""'),
        ('"\\u2028\\uFEFF"', '"\\u2028\\uFEFF"'),
        ('"7.30"^^xsd:decimal', "7.30"),
        ('"007"^^xsd:integer', '"007"^^xsd:integer'),
        ('".5"^^xsd:decimal', '".5"^^xsd:decimal'),
        ('"1"^^xsd:boolean', '"1"^^xsd:boolean'),
        ('"x"^^xsd:string', '"x"'),
        ('"abc"^^xsd:integer', '"abc"^^xsd:integer'),
        ("<http://www.w3.org/1999/02/22-rdf-syntax-ns#nil>", "()"),
        (f"<{PREFIXES['finding']}a1>", "finding:a1"),
        (f"<{PREFIXES['finding']}a/b>", f"<{PREFIXES['finding']}a/b>"),
        (f"<{PREFIXES['finding']}a.>", f"<{PREFIXES['finding']}a.>"),
        (f"<{PREFIXES['skos']}>", "skos:"),
        ("_:Label.1", "_:Label.1"),
    ],
)
def test_a_term_is_written_in_one_way(written: str, canonical: str) -> None:
    """The shortest form that keeps the lexical form is chosen, whatever form was written."""
    text = formatted(f"{HEAD}<http://example.org/s> <http://example.org/p> {written} .")
    assert f"    <http://example.org/p> {canonical} ;\n" in text
    assert graph(text) == graph(f"{HEAD}<http://example.org/s> <http://example.org/p> {written} .")


def test_prefixes_of_the_document_serve_where_kgraph_has_none() -> None:
    """A namespace kgraph does not know keeps the document's prefix; one it knows gets kgraph's."""
    text = (
        "@prefix e: <http://example.org/> . @prefix core: <http://www.w3.org/2004/02/skos/core#> .\ne:a core:note e:b ."
    )
    assert formatted(text) == (
        "@prefix e: <http://example.org/> .\n@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n\n"
        "e:a\n    skos:note e:b ;\n    .\n"
    )


def test_a_prefix_that_means_something_else_is_not_taken_over() -> None:
    """A document that uses kgraph's prefix for another namespace gets whole IRIs instead."""
    text = "@prefix ink: <http://example.org/> .\nink:a ink:b ink:c ."
    assert formatted(text) == ("<http://example.org/a>\n    <http://example.org/b> <http://example.org/c> ;\n    .\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [("finding:a ink:p 1 .", 1), (HEAD + "finding:a ink:page 12x .", 8), (HEAD + "\nfinding:a ink:page 1", 9)],
)
def test_a_faulty_document_is_refused_with_line_and_cure(text: str, line: int) -> None:
    """What could not be kept is not thrown away: the error names the line."""
    with pytest.raises(FormatError, match=f"Line {line}, .* Correct it") as raised:
        formatted(text)
    assert raised.value.line == line


def test_warnings_do_not_hinder_formatting() -> None:
    """An ill-typed literal is kept as it is."""
    assert '"2009-13-40"^^xsd:date' in formatted(HEAD + 'finding:a ink:validFrom "2009-13-40"^^xsd:date .')


def test_comments_of_prefixes_stay_with_them_or_go_to_the_top() -> None:
    """A comment behind a prefix stays there while the prefix is used, others join the header."""
    text = "# header\n@prefix ink: <https://w3id.org/inkludering/ont#> . # terms\n"
    text += "# more\n@prefix x: <http://x/> . # gone\n"
    assert formatted(text + "<http://s/> ink:p 1 .") == (
        "# header\n\n# more\n# gone\n\n@prefix ink: <https://w3id.org/inkludering/ont#> . # terms\n\n"
        "<http://s/>\n    ink:p 1 ;\n    .\n"
    )


def test_a_header_without_prefixes_needs_a_blank_line() -> None:
    """What stands right above the first subject is about the subject."""
    text = "# header\n\n# about b\n<http://b/> <http://p/> 1 .\n# about a\n<http://a/> <http://p/> 1 .\n"
    assert formatted(text) == (
        "# header\n\n# about a\n<http://a/>\n    <http://p/> 1 ;\n    .\n\n"
        "# about b\n<http://b/>\n    <http://p/> 1 ;\n    .\n"
    )


@dataclass(frozen=True)
class Line:
    """A predicate and object as a steward writes it, with a comment above and one behind."""

    text: str
    above: str
    behind: str


OBJECTS = st.sampled_from(
    ["1", "7.30", "-2", "true", '"x"@nn', '"x"@nb', '"x"@en', '"x"@se', '"a\\nb"', '"01"^^xsd:integer', "finding:a",
     "line:b", "<http://example.org/>", "_:n", "()", "[]", '( 2 1 "z" )', "( [ ink:note 1 ] ( ) )",
     "[ ink:note 2 , 1 ; a ink:Finding ]", "[ ink:note [ ink:note ( 1 ) ] ]",
     "[ # in a node\n ink:note 2 # in it\n ]", "( # in a list\n 1 # in it\n # below\n )"]
)  # fmt: skip
COMMENTS = st.one_of(st.just(""), st.text(st.sampled_from('abc;."[#<å '), max_size=5).map(lambda text: "#" + text))
LINES = st.builds(
    Line,
    st.builds(
        lambda predicate, term: f"{predicate} {term}",
        st.sampled_from(["a", "skos:prefLabel", "ink:note", "ink:page", "sh:path", "<http://example.org/p>"]),
        OBJECTS,
    ),
    COMMENTS,
    COMMENTS,
)
SUBJECTS = st.sampled_from(["finding:a", "finding:b", "line:a", "<http://example.org/s>", "_:n", "[]", "( 1 )"])
STATEMENTS = st.lists(st.tuples(SUBJECTS, COMMENTS, st.lists(LINES, min_size=1, max_size=4)), min_size=1, max_size=5)
Statements = list[tuple[str, str, list[Line]]]


def written(statements: Statements) -> str:
    """Write statements as a steward does, each line with its comments."""
    parts = []
    for subject, comment, lines in statements:
        parts += [comment, subject] if comment else [subject]
        for line in lines:
            parts += ["  " + line.above] if line.above else []
            parts.append(f"  {line.text} ; {line.behind}")
        parts.append(".")
    return "# header\n" + HEAD + "\n".join(parts) + "\n"


def comments_written(statements: Statements) -> Counter[str]:
    """Count the comments that ``written`` writes."""
    found = ["# header"]
    for _, comment, lines in statements:
        found.append(comment)
        for line in lines:
            found += [line.above, line.behind, *re.findall("# .*", line.text)]
    return Counter(comment.rstrip() for comment in found if comment)


def comments_kept(text: str) -> Counter[str]:
    """Count the comments of a text as a tokenizer sees them."""
    return Counter(comment.text for comment in scan_turtle(text).comments)


SLOW = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(STATEMENTS)
def test_formatting_changes_neither_graph_nor_comments(statements: Statements) -> None:
    """The canonical form has the same triples and every comment as often as before."""
    text = written(statements)
    canonical = formatted(text)
    assert graph(canonical) == graph(text)
    assert comments_kept(canonical) == comments_written(statements)


@SLOW
@given(STATEMENTS)
def test_formatting_twice_is_formatting_once(statements: Statements) -> None:
    """The canonical form is its own canonical form."""
    canonical = formatted(written(statements))
    assert formatted(canonical) == canonical


@SLOW
@given(STATEMENTS, st.integers(0, 2**32))
def test_the_order_written_does_not_matter(statements: Statements, seed: int) -> None:
    """Statements and the lines within them may be shuffled, with their comments: the form is the same."""
    chance = random.Random(seed)
    shuffled = [(subject, comment, chance.sample(lines, len(lines))) for subject, comment, lines in statements]
    chance.shuffle(shuffled)
    assert formatted(written(shuffled)) == formatted(written(statements))


@SLOW
@given(STATEMENTS, st.integers(0, 1000))
def test_one_more_triple_is_one_more_line(statements: Statements, page: int) -> None:
    """Adding a triple to a subject adds one line and touches no other."""
    subject = statements[0][0]
    if subject.startswith(("[", "(")):
        subject = "finding:a"
    base: Statements = [*statements, (subject, "", [Line("ink:startYear 5000", "", "")])]
    more: Statements = [*base, (subject, "", [Line(f"ink:startYear {page}", "", "")])]
    before, after = (formatted(written(text)).splitlines() for text in (base, more))
    added = after.index(f"    ink:startYear {page} ;")
    assert [*after[:added], *after[added + 1 :]] == before


def test_the_examples_of_the_reference_are_canonical(repository: Path) -> None:
    """What docs/reference/turtle-layout.md shows is what is written."""
    page = (repository / "docs" / "reference" / "turtle-layout.md").read_text(encoding="utf-8")
    whole, shape = re.findall(r"```turtle\n(.*?)```", page, re.DOTALL)
    assert formatted(whole) == whole
    assert formatted(HEAD + shape).endswith("\n\n" + shape)
