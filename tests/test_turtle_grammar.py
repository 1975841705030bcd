"""The Turtle reader against two other ones: what is sound means the same to all three."""

from __future__ import annotations

import pyoxigraph
import pytest
import rdflib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdflib.compare import to_isomorphic

from kgraph.turtle import WARNINGS, Document, literal_parts, literal_term, read_turtle

HEAD = """@prefix ex: <http://example.org/> .
@prefix : <http://example.org/d#> .
PREFIX a.b: <http://example.org/x/>
"""
SNIPPETS = (
    "ex:s a ex:C .",
    "ex:s ex:p ex:o , ex:o2 ; ex:q 1 ;; ; ex:r 2 ; .",
    "ex:s\nex:p\nex:o\n.",
    "ex:s ex:p\n[ ex:q 1 ] .",
    "ex:s ex:p ex:o.p .ex:t ex:p ex:o.<http://example.org/s> ex:p 1.",
    "ex:s ex:p 1.<http://example.org/t> ex:p 2.",
    "ex:s ex:p 1 , -5 , +7 , 1.0 , .5 , -.5 , 1e0 , 1.e3 , 1.5E-2 , .5e+1 , 007 , 7.30 .",
    "ex:s ex:p true , false .",
    "ex:s ex:p 'x' , \"x\" , '''x''' , \"\"\"x\"\"\" , '' , \"\" , '''''' , \"\"\"\"\"\" .",
    'ex:s ex:p """a "quoted" text""" , """two ""quotes""\nand lines""" .',
    "ex:s ex:p '''it's ''fine''\n''' .",
    r'ex:s ex:p "\t\b\n\r\f\"\'\\ \u00e6 \U0001F600" .',
    r"ex:s ex:p '\'' , '''\'''' .",
    'ex:s ex:p "x"@nn , "x"@nb-NO , "x" @en , "x"@zh-Hans-CN , "x"@x-kgraph .',
    'ex:s ex:p "x"^^ex:dt , "x" ^^ ex:dt , "x"^^<http://example.org/dt> .',
    'ex:s ex:p "01"^^<http://www.w3.org/2001/XMLSchema#integer> .',
    "<http://example.org/s> <http://example.org/p> <http://example.org/o> .",
    r"<http://example.org/\u00e6\U000000f8> ex:p <http://example.org/å> .",
    "<urn:isbn:123> ex:p <mailto:a@example.org> , <http://[2001:db8::1]:80/a?b=c&d#e> , <tag:x,2010:y> .",
    "ex: : : , ex: .",
    "ex:a.b ex:a-b ex:a_b , ex:1 , ex:a:b , ex::: , ex:a·b .",
    r"ex:a\/b ex:a\.b ex:\~a , ex:a\, , ex:%41 , ex:a%C3%A5b , ex:\-a\(b\) , ex:a\#b .",
    "a.b:c a.b:d a.b:e.f .",
    "ex:å ex:ÿ ex:日本 , ex:a‿b .",
    "_:a ex:p _:b . _:b ex:p _:a , _:1 , _:a.b , _:a-b .",
    "[] ex:p ex:o .",
    "[ ex:p ex:o ] .",
    "[ ex:p ex:o ; ] ex:q 1 ; .",
    "[ ex:p [ a ex:C ; ex:q [] , [] ] ] ex:r [ ] .",
    'ex:s ex:p () , ( ) , ( 1 ) , ( 1 2.5 "x"@nn ex:o _:b [] ( () ( 1 ) ) ) .',
    "( ex:a ex:b ) ex:p ( [ ex:p ( ex:c ) ] ) .",
    "() ex:p () .",
    "ex:s ex:p (\nex:a\nex:b ex:c\nex:d\n) .",
    "# only a comment",
    "",
    "ex:s # one\n# two\nex:p # three ; .\nex:o # four\n. # five",
    'ex:s ex:p "# no comment" , <http://example.org/#no> . # a comment',
    "@base <http://example.org/a/b?c#d> .\n<e> <#p> <> , <?q> , </r> , <../s> , <//h/t> , <./u/../v> , <#> .",
    "BASE <http://example.org/>\nbase <sub/>\n<x> ex:p <y> .",
    "@base <http://example.org/a/> .\n@prefix r: <rel#> .\nr:x r:p <z> .",
    "@prefix ex: <http://example.org/other/> .\nex:s ex:p ex:o .",
    "pReFiX q: <http://example.org/q/> q:s q:p q:o .",
    "prefix prefix: <http://example.org/q/>\nprefix:base prefix:a prefix:true .",
    "ex:s a a.b:a ; ex:a ex:true .",
    "\tex:s\r\n\tex:p\t'x'\r\n.\r\n",
    "ex:s ex:p'x','y'@nb,<http://example.org/z>;ex:q[ex:r(1 2)].",
    "ex:s ex:p 'x'.[]a ex:C.",
)


def n_triples(document: Document) -> str:
    """Write the triples of a document as N-Triples."""
    return "".join(f"{triple.subject} {triple.predicate} {triple.object} .\n" for triple in document.triples)


def canonical(text: str, form: pyoxigraph.RdfFormat) -> set[pyoxigraph.Quad]:
    """Parse with pyoxigraph and name the blank nodes canonically."""
    dataset = pyoxigraph.Dataset(pyoxigraph.parse(text.encode(), format=form))
    dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.RDFC_1_0)
    return set(dataset)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_sound_text_gives_the_graph_that_pyoxigraph_reads(snippet: str) -> None:
    """No remark is made, and the graphs are isomorphic."""
    document = read_turtle(HEAD + snippet)
    assert document.problems == []
    expected = canonical(HEAD + snippet, pyoxigraph.RdfFormat.TURTLE)
    assert canonical(n_triples(document), pyoxigraph.RdfFormat.N_TRIPLES) == expected


# rdflib reads these otherwise than the specification says (IRI resolution, names, numbers, labels).
RDFLIB_DIFFERS = ("@base", "BASE", "a‿b", "ex:1", "_:a.b", "pReFiX", "a\\/b", "a.b:", "ex: :", "-.5", " @en", " ^^ ")


@pytest.mark.parametrize("snippet", [text for text in SNIPPETS if not any(odd in text for odd in RDFLIB_DIFFERS)])
def test_sound_text_gives_the_graph_that_rdflib_reads(snippet: str) -> None:
    """The graphs are isomorphic when both are read by rdflib."""
    document = read_turtle(HEAD + snippet)
    ours = rdflib.Graph().parse(data=n_triples(document), format="nt")
    theirs = rdflib.Graph().parse(data=(HEAD + snippet).replace("a.b", "ab"), format="turtle")
    assert to_isomorphic(ours) == to_isomorphic(theirs)


NAMES = st.sampled_from(["ex:a", ":b", "ex:c.d", "<http://example.org/y>", "<rel>", "_:x", "a.b:e%20", r"ex:f\/g"])
PREDICATES = st.sampled_from(["a", "ex:p", ":q", "<http://example.org/r>"])
LITERALS = st.one_of(
    st.sampled_from(["1", "-1.50", ".5", "1e3", "true", '"x"@nn', "'y'@en-GB", '"1"^^ex:dt', "'''l\n'm'''"]),
    st.text(st.characters(codec="utf-8", exclude_characters='"\\\r\n'), max_size=8).map(lambda text: f'"{text}"'),
)
OBJECTS = st.recursive(
    NAMES | LITERALS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"( {' '.join(items)} )"),
        st.lists(st.tuples(PREDICATES, inner), max_size=3).map(
            lambda pairs: "[ " + " ;\n ".join(f"{predicate} {term}" for predicate, term in pairs) + " ]"
        ),
    ),
    max_leaves=6,
)
GAPS = st.sampled_from([" ", "\n", "\t", " # c\n", "\r\n  "])


@st.composite
def token_lists(draw: st.DrawFn) -> list[str]:
    """Draw the tokens of a few statements."""
    tokens: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        tokens.append(draw(NAMES | st.sampled_from(["[]", "( 1 )", "[ ex:p :b ]"])))
        for _ in range(draw(st.integers(1, 3))):
            tokens += [draw(PREDICATES), draw(OBJECTS)]
            for _ in range(draw(st.integers(0, 2))):
                tokens += [",", draw(OBJECTS)]
            tokens.append(draw(st.sampled_from([";", ";;"])))
        tokens.append(".")
    return tokens


def joined(tokens: list[str], gap: str) -> str:
    """Put tokens behind declarations, with the same gap between them all."""
    return f"{HEAD}@base <http://example.org/base/> .\n{gap.join(tokens)}"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(token_lists(), GAPS)
def test_any_sound_document_means_what_pyoxigraph_says(tokens: list[str], gap: str) -> None:
    """Documents made by the grammar are read without a remark and to the same graph."""
    text = joined(tokens, gap)
    document = read_turtle(text)
    assert [problem for problem in document.problems if problem.code not in WARNINGS] == []
    assert canonical(n_triples(document), pyoxigraph.RdfFormat.N_TRIPLES) == canonical(
        text, pyoxigraph.RdfFormat.TURTLE
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(token_lists(), GAPS, st.data())
def test_a_damaged_document_is_refused_where_pyoxigraph_refuses_it(
    tokens: list[str], gap: str, data: st.DataObject
) -> None:
    """With a token lost or put in, both readers find a fault, or both read the same graph."""
    place = data.draw(st.integers(0, len(tokens) - 1))
    extra = data.draw(st.sampled_from(["", ".", ";", ",", "[", "]", "(", ")", '"', "<", "@", "word", "ex:z", '"s"']))
    damaged = [*tokens[:place], *([extra] if extra else []), *tokens[place + (not extra) :]]
    text = joined(damaged, gap)
    document = read_turtle(text)
    faults = [problem for problem in document.problems if problem.code not in WARNINGS]
    try:
        expected = canonical(text, pyoxigraph.RdfFormat.TURTLE)
    except SyntaxError:
        assert faults
    else:
        assert faults == []
        assert canonical(n_triples(document), pyoxigraph.RdfFormat.N_TRIPLES) == expected


def test_relative_references_follow_the_examples_of_rfc_3986() -> None:
    """The table of section 5.4 of RFC 3986, normal and abnormal examples."""
    table = {
        "g:h": "g:h", "g": "http://a/b/c/g", "./g": "http://a/b/c/g", "g/": "http://a/b/c/g/", "/g": "http://a/g",
        "//g": "http://g", "?y": "http://a/b/c/d;p?y", "g?y": "http://a/b/c/g?y", "#s": "http://a/b/c/d;p?q#s",
        ";x": "http://a/b/c/;x", "": "http://a/b/c/d;p?q", ".": "http://a/b/c/", "..": "http://a/b/",
        "../g": "http://a/b/g", "../..": "http://a/", "../../../g": "http://a/g", "/./g": "http://a/g",
        "g.": "http://a/b/c/g.", "..g": "http://a/b/c/..g", "./g/.": "http://a/b/c/g/", "g/../h": "http://a/b/c/h",
        "g?y/../x": "http://a/b/c/g?y/../x", "#": "http://a/b/c/d;p?q#",
    }  # fmt: skip
    for reference, expected in table.items():
        document = read_turtle(f"<{reference}> <http://p/> 1 .", base="http://a/b/c/d;p?q")
        assert document.triples[0].subject == f"<{expected}>"


def test_a_triple_knows_where_its_object_and_its_subject_stand() -> None:
    """Line and column are those of the object's first token, also within lists and nested nodes."""
    text = HEAD + "ex:s\n    ex:p 1 ,\n        ex:o ;\n    ex:q [ ex:r\n      ( 'å' ) ] ."
    found = [(triple.object, triple.line, triple.column, triple.subject_line) for triple in read_turtle(text).triples]
    integer, nil = ("http://www.w3.org/2001/XMLSchema#integer", "http://www.w3.org/1999/02/22-rdf-syntax-ns#nil")
    assert found == [
        (f'"1"^^<{integer}>', 5, 10, 4),
        ("<http://example.org/o>", 6, 9, 4),
        ("_:b0", 7, 10, 4),
        ("_:b1", 8, 7, 7),
        ('"å"', 8, 9, 8),
        (f"<{nil}>", 8, 9, 8),
    ]


def test_lexical_forms_and_datatypes_stay_as_written() -> None:
    """Numbers are not normalised, and xsd:string is not told apart from a plain string."""
    xsd = "http://www.w3.org/2001/XMLSchema#"
    text = f'{HEAD}ex:s ex:p 7.30 , "01"^^<{xsd}integer> , "x"^^<{xsd}string> , "x"@nb-NO .'
    assert [triple.object for triple in read_turtle(text).triples] == [
        f'"7.30"^^<{xsd}decimal>',
        f'"01"^^<{xsd}integer>',
        '"x"',
        '"x"@nb-NO',
    ]


def test_labels_of_nodes_do_not_meet_labels_of_the_document() -> None:
    """A node without a label never gets one that the document uses."""
    document = read_turtle(HEAD + "_:b0 ex:p [] , _:b1 .")
    subjects = {triple.object for triple in document.triples}
    assert subjects == {"_:b2", "_:b1"}


def test_prefixes_and_base_are_those_at_the_end() -> None:
    """The document tells which prefixes and which base it declares."""
    document = read_turtle(HEAD + "@base <http://example.org/b> .")
    assert document.prefixes == {
        "ex": "http://example.org/",
        "": "http://example.org/d#",
        "a.b": "http://example.org/x/",
    }
    assert document.base == "http://example.org/b"


@given(st.text(st.characters(codec="utf-8")), st.sampled_from([None, "nn", "en-GB"]))
def test_a_literal_term_can_be_taken_apart(lexical: str, language: str | None) -> None:
    """Writing a literal as a term and taking it apart gives the same parts, as pyoxigraph writes it."""
    term = literal_term(lexical, language)
    assert literal_parts(term) == (lexical, language, None)
    assert str(pyoxigraph.Literal(lexical, language=language)).lower() == term.lower()


def test_an_iri_has_no_literal_parts() -> None:
    """Asking for the parts of something else is an error."""
    with pytest.raises(ValueError, match="not a literal"):
        literal_parts("<http://example.org/>")
