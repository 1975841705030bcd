"""What the Turtle reader remarks on, and what it keeps, when a record is broken."""

from __future__ import annotations

import pytest

from kgraph.turtle import NESTING_LIMIT, REMARKS, WARNINGS, Document, is_placeholder, read_turtle

HEAD = """@prefix ink: <https://w3id.org/inkludering/ont#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix ex: <http://example.org/> .
"""
AFTER = """
ex:after
    a ink:Finding ;
    ink:note "sound"@en ;
    .
"""
# Each case: the text between HEAD and AFTER ("|" ends a line), and its remarks as code@line:column-line:column,
# lines counted from the first line of the case.
CASES = (
    ('ex:s skos:prefLabel "x"@nn', "missing-dot@1:27-1:27"),
    ('ex:s a ink:A ; skos:prefLabel "x"@nn ;', "missing-dot@1:38-1:39"),
    ('ex:s a ink:A ; skos:prefLabel "x"@nn ,', "missing-dot@1:38-1:39"),
    ("ex:s a ink:A ; skos:prefLabel", "missing-object@1:30-1:30"),
    ('ex:s|    a ink:A|    ink:p ex:o ;|    ink:q "x" .', "missing-semicolon@2:12-2:12"),
    ('ex:s|    a ink:A ;|    ink:p "x"|    ink:q "y" .', "missing-semicolon@3:14-3:14"),
    ('ex:s|    a ink:A ;|    ink:p "x" "y" ;|    ink:q "z" .', "unexpected-token@3:15-3:18"),
    ('ex:s|    a ink:A .|    ink:p "x" ;|    ink:q "z" .', "premature-dot@2:13-2:14"),
    ('ex:s|    a ink:A ;|    ink:p ;|    ink:q "z" .', "missing-object@3:10-3:10"),
    ('ex:s|    a ink:A ;|    ink:p|    ink:q "z" .', "missing-object@3:10-3:10"),
    ('ex:s|    a ink:A ;|    "tekst"@nb ;|    ink:q "z" .', "missing-predicate@3:5-3:12"),
    ('ex:s|    a ink:A ;|    ink:p "tekst ;|    ink:q "z" .', "unterminated-string@3:11-3:17"),
    ('ex:s|    a ink:A ;|    ink:p "tekst@nb ;|    ink:q "z" .', "unterminated-string@3:11-3:20"),
    ('ex:s|    a ink:A ;|    ink:p tekst" ;|    ink:q "z" .', "unterminated-string@3:16-3:17"),
    ('ex:s|    a ink:A ;|    ink:p "to|linjer"@nb ;|    ink:q "z" .', "unterminated-string@3:11-4:8"),
    ('ex:s|    a ink:A ;|    ink:p "abc , "def"@nb ;|    ink:q "z" .', "unterminated-string@3:22-3:26"),
    ('ex:s|    a ink:A ;|    ink:p "abc|    ink:q "z" .', "unterminated-string@3:11-3:15"),
    ('ex:s|    a ink:A ;|    ink:p "Det er bra.|    ink:q "z" .', "unterminated-string@3:11-3:23"),
    ('ex:s|    a ink:A ;|    ink:p Det er bra, sa han. Ja ;|    ink:q "z" .', "unexpected-token@3:11-3:14"),
    ('ex:s|    a ink:A ;|    ink:p Oslo|    ink:q "z" .', "unexpected-token@3:11-3:15"),
    ('ex:s|    a ink:A ;|    ink:p "Han sa "nei, takk" til det"@nb ;|    ink:q "z" .', "unescaped-quote@3:19-3:20"),
    ('ex:s|    a ink:A ;|    ink:p “Han sa”@nb ;|    ink:q "z" .', "curly-quote@3:11-3:19"),
    ('ex:s|    a ink:A ;|    ink:p """lang|tekst ;|    ink:q "z" .', "unterminated-string@3:11-4:6"),
    ('ex:s|    a ink:A ;|    ink:p "x"nb ;|    ink:q "z" .', "bad-language-tag@3:14-3:16"),
    ('ex:s|    a ink:A ;|    ink:p "x"@nb_NO ;|    ink:q "z" .', "bad-language-tag@3:14-3:20"),
    ('ex:s|    a ink:A ;|    ink:p "x"@ ;|    ink:q "z" .', "bad-language-tag@3:14-3:15"),
    ('ex:s|    a ink:A ;|    ink:p "x"@abcdefghijk ;|    ink:q "z" .', "bad-language-tag@3:14-3:26"),
    ('ex:s|    a ink:A ;|    ink:p "x"^^ ;|    ink:q "z" .', "bad-datatype@3:14-3:16"),
    ('ex:s|    a ink:A ;|    ink:p "2009"^xsd:gYear ;|    ink:q "z" .', "bad-datatype@3:17-3:27"),
    (
        'ex:s|    a ink:A ;|    ink:p "abc"^^xsd:integer ;|    ink:q "2009-13-40"^^xsd:date .',
        "ill-typed-literal@3:11-3:29 ill-typed-literal@4:11-4:33",
    ),
    ('ex:s|    a ink:A ;|    ink:p 12abc ;|    ink:q "z" .', "bad-number@3:11-3:16"),
    ('ex:s|    a ink:A ;|    ink:p 2009-01-01 ;|    ink:q "z" .', "bad-number@3:11-3:21"),
    ('ex:s|    a ink:A ;|    ink:p 7,3 ;|    ink:q "z" .', "decimal-comma@3:11-3:14"),
    ('ex:s|    a ink:A ;|    ink:p 50% ;|    ink:q "z" .', "bad-number@3:11-3:14"),
    ('ex:s|    a ink:A ;|    ink:p 1 000 ;|    ink:q "z" .', "bad-number@3:11-3:16"),
    ('ex:s|    a ink:A ;|    ink:p 1.2.3 ;|    ink:q "z" .', "bad-number@3:11-3:16"),
    ('ex:s|    a ink:A ;|    ink:p "C:\\dir" ;|    ink:q "z" .', "bad-escape@3:14-3:16"),
    ('ex:s|    a ink:A ;|    ink:p "\\uD800" ;|    ink:q "z" .', "bad-escape@3:12-3:18"),
    ('ex:s|    a ink:A ;|    ink:p <http://a b> ;|    ink:q "z" .', "bad-iri@3:11-3:23"),
    ('ex:s|    a ink:A ;|    ink:p <http://a|    ink:q "z" .', "unterminated-iri@3:11-3:20"),
    ('ex:s|    a ink:A ;|    ink:p <http://a\\q> ;|    ink:q "z" .', "bad-escape@3:20-3:22"),
    ('ex:s|    a ink:A ;|    ink:p <http://a/%zz> ;|    ink:q "z" .', "bad-iri@3:11-3:25"),
    ('ex:s|    a ink:A ;|    ink:p <rel> ;|    ink:q "z" .', "relative-iri@3:11-3:16"),
    ('ex:s|    a ink:A ;|    ink:p http://example.org/x ;|    ink:q "z" .', "bad-local-name@3:11-3:31"),
    ('ex:s|    a ink:A ;|    ink:p ex:a/b ;|    ink:q "z" .', "bad-local-name@3:11-3:17"),
    ('ex:s|    a ink:A ;|    inc:p ex:a ;|    inc:q "z" .', "undeclared-prefix@3:5-3:9"),
    ('ex:s|    a ink:A ;|    dct:p ex:a ;|    foo:q "z" .', "undeclared-prefix@3:5-3:9 undeclared-prefix@4:5-4:9"),
    ('"lit" ink:p ex:o .', "literal-subject@1:1-1:6"),
    ('"lit"@nb ink:p ex:o ; ink:q "x" .', "literal-subject@1:1-1:6"),
    ("12 ink:p ex:o .", "literal-subject@1:1-1:3"),
    ('ex:s "lit" ex:o ; ink:q "z" .', "missing-predicate@1:6-1:11"),
    ('ex:s _:b ex:o ; ink:q "z" .', "unexpected-token@1:6-1:9"),
    ('ex:s ; ink:q "z" .', "missing-predicate@1:5-1:5"),
    ("ex:s .", "missing-predicate@1:5-1:5"),
    ("ex:s ink:p ex:o ,, ex:o2 .", "missing-object@1:18-1:18"),
    ("ex:s ink:p , ex:o2 .", "missing-object@1:11-1:11"),
    ("ex:s ink:p ex:o ] .", "unexpected-token@1:17-1:18"),
    ('ex:s ink:p ex:o ) ; ink:q "z" .', "unexpected-token@1:17-1:18"),
    ('ex:s|    a ink:A ;|    ink:p [ ink:r "x" ;|    ink:q "z" .', "unclosed-bracket@3:11-3:12"),
    ('ex:s|    a ink:A ;|    ink:p [ ink:r "x" ;|    ink:q [ ink:z "y" ] .', "unclosed-bracket@3:11-3:12"),
    ('ex:s|    a ink:A ;|    ink:p [ ink:r "x" ] ] ;|    ink:q "z" .', "unexpected-token@3:25-3:26"),
    ('ex:s|    a ink:A ;|    ink:p ( ex:a ex:b ;|    ink:q "z" .', "unclosed-bracket@3:11-3:12"),
    ('ex:s|    a ink:A ;|    ink:p ( ex:a , ex:b , ex:c ) ;|    ink:q "z" .', "unexpected-token@3:18-3:19"),
    ('ex:s|    a ink:A ;|    ink:p ( ex:a ] ;|    ink:q "z" .', "unexpected-token@3:18-3:19"),
    ('ex:s|    a ink:A ;|    ink:p [ ink:r "x"', "unclosed-bracket@3:11-3:12"),
    ("ex:s|    a ink:A ;|    ink:p ( ex:a ex:b", "unclosed-bracket@3:11-3:12"),
    ('ex:s|    a ink:A ;|    ink:p [ ink:r "x" ink:z "y" ] ;|    ink:q "z" .', "missing-semicolon@3:22-3:22"),
    ('ex:s|    a ink:A ;|    ink:p [ ink:r ] ;|    ink:q "z" .', "missing-object@3:18-3:18"),
    ('ex:s|    a ink:A ;|    ink:p [ "x" ] ;|    ink:q "z" .', "missing-predicate@3:13-3:16"),
    ('ex:s|    a ink:A ;|    skosprefLabel "x" ;|    ink:q "z" .', "unexpected-token@3:5-3:18"),
    ('ex:s|    a ink:A ;|    ink:p True ;|    ink:q "z" .', "unexpected-token@3:11-3:15"),
    ('finding a ink:A ; ink:q "z" .', "unexpected-token@1:1-1:8"),
    ("hallo verden", "unexpected-token@1:1-1:6"),
    ('@prefix dct: <http://purl.org/dc/terms/>|ex:s dct:title "x" .', "missing-dot@1:41-1:41"),
    ('@prefix dct <http://purl.org/dc/terms/> .|ex:s dct:title "x" .', "bad-prefix@1:9-1:12"),
    ('@prefix dct: http://purl.org/dc/terms/ .|ex:s dct:title "x" .', "unexpected-token@1:14-1:39"),
    ('@prefix dct: <http://purl.org/dc terms/> .|ex:s dct:title "x" .', "bad-iri@1:14-1:41"),
    ('@prefix dct: .|ex:s dct:title "x" .', "unexpected-token@1:13-1:13"),
    ('@Prefix dct: <http://purl.org/dc/terms/> .|ex:s dct:title "x" .', "unknown-directive@1:1-1:8"),
    ('@prefixes dct: <http://purl.org/dc/terms/> .|ex:s dct:title "x" .', "unknown-directive@1:1-1:10"),
    ("@include <http://purl.org/dc/terms/> .|ex:s a ink:A .", "unknown-directive@1:1-1:9"),
    ('PREFIX dct: <http://purl.org/dc/terms/> .|ex:s dct:title "x" .', "unexpected-token@1:41-1:42"),
    ("@base <http://purl.org/dc/terms/>|<s> a ink:A .", "missing-dot@1:34-1:34"),
    (". ex:s a ink:A .", "unexpected-token@1:1-1:2"),
    ("ex:s a ink:A . .", "unexpected-token@1:16-1:17"),
    ("{ ex:s a ink:A . }", "unexpected-token@1:1-1:2"),
    ("ex:s ink:p {ex:o} .", "unexpected-token@1:12-1:13"),
    ("<< ex:a ex:b ex:c >> ink:p ex:o .", "unexpected-token@1:1-1:3"),
    ("ex:s => ex:o .", "unexpected-token@1:6-1:7"),
    ('ex:s ink:p ex:o ; ~ ink:q "z" .', "unexpected-token@1:19-1:20"),
    ("ex:s ink:p a .", "unexpected-token@1:12-1:13"),
    ("ex:s a ink:A ex:t a ink:B .", "missing-dot@1:13-1:13"),
    ("ex:s ex:p ex:o ex:t ex:p ex:o2 .", "missing-dot@1:15-1:15"),
    ("ex:s ink:p 'it's' .", "unterminated-string@1:17-1:18"),
    ('ex:s ink:p "x"^^"y" .', "bad-datatype@1:15-1:20"),
    ('ex:s ink:p "x"@nb^^xsd:string ; ink:q "z" .', "unexpected-token@1:18-1:20"),
    ('ex:s ink:p "x" a ink:A .', "missing-semicolon@1:15-1:15"),
    ('ex:s|    a ink:A ;|    ink:p "x" ; # note', "missing-dot@3:15-3:16"),
    ('ex:s|    a ink:A ;|    ink:p "a"@nn, "b@nb, "c"@en ;|    ink:q "z" .', "unterminated-string@3:28-3:32"),
    ('ex:s|    a ink:A ;|    ink:p "a"@nn , "b"@nb "c"@en ;|    ink:q "z" .', "unexpected-token@3:27-3:30"),
    ('ex:s|    a ink:A ;|    ink: p "x" ;|    ink:q "z" .', "unexpected-token@3:10-3:11"),
    ('ex:s|    a ink:A ;|    ink:p ex:b c ;|    ink:q "z" .', "unexpected-token@3:16-3:17"),
    ('ex:s|    a ink:A :|    ink:p ex:b ;|    ink:q "z" .', "unexpected-token@2:13-2:14"),
    ('ex:s|    a ink:A,|    ink:p ex:b ;|    ink:q "z" .', "missing-semicolon@2:12-2:13"),
    ('ex:s|    a ink:A ;|    ink:p "a","b", "c ;|    ink:q "z" .', "unterminated-string@3:20-3:22"),
    ('ex:s|    a ink:A ;|    ink:p true false ;|    ink:q "z" .', "unexpected-token@3:16-3:21"),
    ("ex:s|    a ink:A ;|    ink:p 1,50 ;|    ink:q 1 .", "decimal-comma@3:11-3:15"),
    ('ex:s|    a ink:A ;|    ink:p\xa0"x" ;|    ink:q "z" .', "invisible-character@3:10-3:11"),
    (
        'ex:s|    a ink:A ;|    ink:p ex:b ) ;|    ink:q [ ink:r 1 ) ;|    ink:q "z" .',
        "unexpected-token@3:16-3:17 unexpected-token@4:21-4:22",
    ),
    (
        'ex:s|    a ink:A ;|    ink:p "30. februar"@nb , "2010-02-30"^^xsd:date ;|    ink:q "z" .',
        "ill-typed-literal@3:30-3:52",
    ),
    (
        'ex:s|    a ink:A ;|    ink:p "-1"^^xsd:nonNegativeInteger , "yes"^^xsd:boolean , "7,3"^^xsd:decimal .',
        "ill-typed-literal@3:11-3:39 ill-typed-literal@3:42-3:60 ill-typed-literal@3:63-3:81",
    ),
    (
        'ex:s|    a ink:A|    skos:prefLabel "a ;|    skos:note 12x ;|    foo:bar <a b> .|ex:t|'
        "    ink:p [ ink:q 1 ;|    .|ex:u a ink:A|ex:v a ink:A .",
        "missing-semicolon@2:12-2:12 unterminated-string@3:20-3:22 bad-number@4:15-4:18 "
        "undeclared-prefix@5:5-5:9 bad-iri@5:13-5:18 unclosed-bracket@7:11-7:12 "
        "missing-dot@9:13-9:13",
    ),
)

# Where the fault itself swallows what follows in its statement, the triple cannot be kept.
SWALLOWED = (
    'ex:s|    a ink:A ;|    ink:p [ ink:r "x" ;|    ink:q "z" .',
    'finding a ink:A ; ink:q "z" .',
)


def remarks(document: Document) -> str:
    """Write the remarks of a document as the table above does."""
    return " ".join(
        f"{found.code.removeprefix('turtle-')}@{found.line - 4}:{found.column}-{found.end_line - 4}:{found.end_column}"
        for found in document.problems
    )


def read_case(case: str) -> Document:
    """Read a case between sound text."""
    return read_turtle(HEAD + case.replace("|", "\n") + AFTER)


@pytest.mark.parametrize(("case", "expected"), CASES)
def test_one_fault_is_one_remark_where_it_stands(case: str, expected: str) -> None:
    """A broken text gets exactly the expected remarks, with their ranges, and no other."""
    assert remarks(read_case(case)) == expected


@pytest.mark.parametrize("case", [case for case, _ in CASES])
def test_what_follows_a_fault_is_read(case: str) -> None:
    """The statement after a broken one is whole, and so are the sound triples within the broken one."""
    triples = read_case(case).triples
    assert [triple.object for triple in triples if triple.subject == "<http://example.org/after>"] == [
        "<https://w3id.org/inkludering/ont#Finding>",
        '"sound"@en',
    ]
    kept = sum(triple.object == '"z"' for triple in triples)
    assert kept == (0 if case in SWALLOWED else case.count('"z"'))


@pytest.mark.parametrize("case", [case for case, _ in CASES])
def test_remarks_carry_the_parameters_that_are_promised(case: str) -> None:
    """Every remark has a code of the list and just that code's parameters."""
    for problem in read_case(case).problems:
        assert set(problem.params) == set(REMARKS[problem.code])


def test_every_code_is_shown_by_a_case() -> None:
    """The table above has a case for each code; nesting has tests of its own."""
    shown = {"turtle-" + part.partition("@")[0] for _, expected in CASES for part in expected.split()}
    assert shown | {"turtle-nesting-too-deep"} == set(REMARKS)
    assert set(REMARKS) > WARNINGS


def test_lines_are_right_with_windows_line_ends_and_a_byte_order_mark() -> None:
    """CR LF ends one line, a byte order mark takes no column, and a tab takes one."""
    text = "\ufeff" + (HEAD + "ex:s\n\ta ink:A ;\n\tink:p 12x ;\n\t.\n").replace("\n", "\r\n")
    assert remarks(read_turtle(text)) == "bad-number@3:8-3:11"


def test_a_name_with_an_undeclared_prefix_gets_a_placeholder() -> None:
    """The triple is kept under an IRI that later checks can tell from a real one."""
    document = read_turtle(HEAD + "ex:s inc:p ex:o , inc:q .")
    assert [triple.object for triple in document.triples] == ["<http://example.org/o>", "<urn:kgraph:undeclared:inc:q>"]
    assert all(is_placeholder(triple.predicate) for triple in document.triples)
    assert not is_placeholder(document.triples[0].object)


def test_an_undeclared_prefix_comes_with_a_suggestion() -> None:
    """The nearest declared prefix, or the namespace of one that kgraph knows, is offered as a cure."""
    first, second = read_turtle(HEAD + "ex:s inc:p ex:o ; dct:title 1 .").problems
    assert (first.params["prefix"], first.params["suggestion"]) == ("inc", "ink")
    assert second.params["namespace"] == "http://purl.org/dc/terms/"


def test_a_prefix_is_remarked_on_once_in_each_statement() -> None:
    """Two statements with the same undeclared prefix get one remark each."""
    document = read_turtle(HEAD + "ex:s inc:p inc:o ; inc:q 1 .\nex:t inc:p 1 .\n")
    assert [problem.line for problem in document.problems] == [5, 6]


def test_a_damaged_prefix_line_does_not_make_its_prefix_undeclared() -> None:
    """The namespace that stands on the line is believed, so the fault is told once."""
    document = read_turtle("@prefx) loc: <http://example.org/> .\nloc:a loc:b loc:c .\n")
    assert [(problem.code, problem.line) for problem in document.problems] == [("turtle-unknown-directive", 1)]
    assert len(document.triples) == 1


@pytest.mark.parametrize("opening", ["[ ex:p ", "( "])
def test_nesting_within_the_limit_is_read(opening: str) -> None:
    """As many brackets as the limit allows are sound."""
    closing = "]" if opening.startswith("[") else ")"
    text = HEAD + "ex:s ex:p " + opening * NESTING_LIMIT + "1 " + closing * NESTING_LIMIT + " ."
    assert read_turtle(text).problems == []


@pytest.mark.parametrize("opening", ["[ ex:p ", "( "])
def test_nesting_beyond_the_limit_is_one_remark(opening: str) -> None:
    """The bracket that is one too many is remarked on, and reading goes on behind its closing bracket."""
    closing = "]" if opening.startswith("[") else ")"
    text = HEAD + "ex:s ex:p " + opening * 50_000 + "1 " + closing * 50_000 + ' ; ex:q "z" .\n'
    document = read_turtle(text)
    assert [problem.code for problem in document.problems] == ["turtle-nesting-too-deep"]
    assert document.problems[0].params == {"limit": str(NESTING_LIMIT)}
    assert '"z"' in [triple.object for triple in document.triples]


def test_nesting_limit_is_a_setting() -> None:
    """A caller may allow less."""
    text = HEAD + "ex:s ex:p ( ( 1 ) ) ."
    assert read_turtle(text, nesting_limit=2).problems == []
    assert [problem.code for problem in read_turtle(text, nesting_limit=1).problems] == ["turtle-nesting-too-deep"]


HOSTILE = (
    *(mark * 9_000 for mark in ("[", "(", "]", '"', "'", "<a ", "@", ";", "\\", " ", "1 ", '"a" ', "{", ".")),
    "ex:a ex:b 'x\n" * 2_000,
    "ex:a ex:b [ ex:c ex:d .\n" * 2_000,
    "\x00",
    "\ud800",
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:14]))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    """Whatever stands in a file, reading it ends in a document."""
    assert isinstance(read_turtle(HEAD + text), Document)


LEXICAL_FORMS = (
    ("integer", "12 -007 +5 " + "9" * 5000, "1.0 1e2 ni -"),
    ("unsignedByte", "255 0", "256 -1"),
    ("nonNegativeInteger", "-0 1", "-1"),
    ("positiveInteger", "1", "0"),
    ("decimal", "7.30 7. .5", "7,3 . 1e5 INF"),
    ("double", "1e5 -INF NaN 7", "nan inf 1e"),
    ("boolean", "true false 1 0", "ja TRUE 2"),
    ("date", "2008-02-29 2009-04-30Z 2000-02-29", "2009-02-29 2009-13-40 29.04.2009 2009-04-31 1900-02-29 09-01-01"),
    ("dateTime", "2009-04-30T24:00:00 2009-04-30T12:00:00.5+02:00", "2009-04-30T25:00:00 2009-04-30"),
    ("dateTimeStamp", "2009-04-30T12:00:00Z", "2009-04-30T12:00:00"),
    ("time", "12:30:00", "12:60:00 12:30"),
    ("gYear", "2009 -0044", "09 20099x"),
    ("gYearMonth", "2009-12", "2009-13"),
    ("gMonthDay", "--02-29", "--02-30"),
    ("duration", "P1Y2M -PT5M P1DT2H", "P P1DT 1Y"),
    ("hexBinary", "0fF0", "0 xy"),
    ("anyURI", "hva%som-helst", ""),
)


@pytest.mark.parametrize(("datatype", "sound", "ill"), LEXICAL_FORMS, ids=lambda value: value[:20])
def test_ill_typed_literals_are_told_and_kept(datatype: str, sound: str, ill: str) -> None:
    """A lexical form outside its datatype gets a warning; the triple is there all the same."""
    for lexical in [*sound.split(), *ill.split()]:
        document = read_turtle(f'{HEAD}ex:s ex:p "{lexical}"^^xsd:{datatype} .')
        codes = [problem.code for problem in document.problems]
        assert codes == (["turtle-ill-typed-literal"] if lexical in ill.split() else []), lexical
        assert document.triples[0].object.startswith(f'"{lexical}"^^<')
