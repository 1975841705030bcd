"""The query library: headers are strict, faults have a line, and values are bound as terms."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgraph.errors import BindingError, QueryFileError
from kgraph.query_library import LibraryQuery, load_library, read_query

HEADER = """#+ title: {nn: Ein, nb: En, en: One}
#+ description: {nn: Eitt svar, nb: Ett svar, en: One answer}
#+ tags: [tests]
#+ parameters:
#+   - name: thing
#+     kind: iri
#+     class: ink:Claim
#+     example: finding:abc
#+     label: {nn: ting, nb: ting, en: thing}
#+   - name: year
#+     kind: literal
#+     datatype: xsd:integer
#+     example: "2009"
#+     default: "2010"
#+     label: {nn: år, nb: år, en: year}
#+   - name: word
#+     kind: literal
#+     language: nn
#+     example: heim
#+     optional: true
#+     label: {nn: ord, nb: ord, en: word}
#+ defaults: {format: csv}
#+ bounds: {min: 2, max: 5}
#+ chart: {kind: bar, x: year, y: n}
"""
BODY = "SELECT ?thing ?year ?word ?n WHERE { ?thing ?p ?year, ?word, ?n }\n"
TITLE_AND_DESCRIPTION = "".join(HEADER.splitlines(keepends=True)[:2])


def read(text: str, name: str = "a-query.rq") -> LibraryQuery:
    """Read a query of that file name."""
    return read_query(text, Path(name))


def test_a_header_is_read_whole() -> None:
    """Every field of the header reaches the query."""
    query = read(HEADER + BODY)
    assert query.name == "a-query"
    assert query.titles == {"nn": "Ein", "nb": "En", "en": "One"}
    assert query.descriptions["en"] == "One answer"
    assert query.tags == ("tests",)
    assert [parameter.name for parameter in query.parameters] == ["thing", "year", "word"]
    assert query.parameters[0].value_class == "https://w3id.org/inkludering/ont#Claim"
    assert query.defaults == {"format": "csv"}
    assert query.bounds == (2, 5)
    assert query.chart is not None
    assert (query.chart.kind, query.chart.x, query.chart.y) == ("bar", "year", "n")


def test_values_become_terms() -> None:
    """A prefixed name, a default and a text with quotes become terms; an optional one may stay free."""
    query = read(HEADER + BODY)
    year = '"2010"^^<http://www.w3.org/2001/XMLSchema#integer>'
    thing = "<https://w3id.org/inkludering/id/finding/abc>"
    assert query.bind({"thing": "finding:abc"}) == {"thing": thing, "year": year}
    assert query.bind({"thing": thing})["thing"] == thing
    assert query.bind({"thing": thing, "word": 'a "b"\\\n}'})["word"] == '"a \\"b\\"\\\\\\n}"@nn'


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "a-query needs thing, for example finding:abc"),
        ({"thing": "finding:a b"}, "neither an IRI nor a prefixed name"),
        ({"thing": "http://example.org/> ?p ?o . #"}, "neither an IRI nor a prefixed name"),
        ({"thing": "finding:a", "year": "soon"}, '"soon" is not a xsd:integer'),
        ({"thing": "finding:a", "colour": "red"}, "no parameter colour; it has thing, word, year"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(values: dict[str, str], message: str) -> None:
    """A missing value, an unknown name, and a value of another kind each have a message of their own."""
    with pytest.raises(BindingError, match=message):
        read(HEADER + BODY).bind(values)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (BODY, 1, "a header"),
        ("#+\n" + BODY, 1, "the header is empty"),
        ("#+ title: [\n" + BODY, 1, "not YAML"),
        ("#+ - a\n" + BODY, 1, "expected fields"),
        (TITLE_AND_DESCRIPTION.replace("nb: En,", "") + BODY, 1, '"nb" is missing'),
        (TITLE_AND_DESCRIPTION.replace("title", "titel") + BODY, 1, 'unknown field "titel"'),
        (TITLE_AND_DESCRIPTION + "#+ tags: [a]\n#+ tags: [b]\n" + BODY, 4, "given twice"),
        (TITLE_AND_DESCRIPTION + "#+ tags: [Åpen]\n" + BODY, 3, "cannot be a tag"),
        (TITLE_AND_DESCRIPTION + "#+ tags: a\n" + BODY, 3, "expected a list"),
        (TITLE_AND_DESCRIPTION + "#+ bounds: {min: 3, max: 1}\n" + BODY, 3, "max is less than min"),
        (TITLE_AND_DESCRIPTION + "#+ bounds: {min: few}\n" + BODY, 3, "cannot be a number of rows"),
        (TITLE_AND_DESCRIPTION + "#+ chart: {kind: pie, x: n, y: n}\n" + BODY, 3, "not one of bar"),
        (TITLE_AND_DESCRIPTION + "#+ chart: {kind: bar, x: n, y: m}\n" + BODY, 3, "no variable [?]m"),
        (TITLE_AND_DESCRIPTION + BODY + "#+ tags: []\n", 4, "after the header's end"),
        (HEADER.replace("name: thing", "name: other") + BODY, 5, "no variable [?]other"),
        (HEADER.replace("#+     class: ink:Claim\n", "") + BODY, 5, "an iri has a class"),
        (HEADER.replace("xsd:integer", "xsd:gYear") + BODY, 12, "the datatype is one of"),
        (HEADER.replace('"2010"', "never") + BODY, 14, '"never" is not a xsd:integer'),
        (HEADER.replace("optional: true", "optional: true\n#+     default: x") + BODY, 21, "has no default"),
        (HEADER.replace("ink:Claim", "a claim") + BODY, 7, "neither an IRI nor a prefixed name"),
    ],
)
def test_a_fault_in_a_header_has_a_line(text: str, line: int, message: str) -> None:
    """Each way of breaking the grammar is refused with the file, the line and what is wrong."""
    with pytest.raises(QueryFileError, match=rf"^a-query\.rq:{line}: .*{message}"):
        read(text)


def test_a_name_is_lowercase_words() -> None:
    """A file's name is the query's name, so it is kept simple."""
    with pytest.raises(QueryFileError, match="lowercase words"):
        read(TITLE_AND_DESCRIPTION + BODY, "A Query.rq")


def test_two_queries_of_one_name_are_refused(tmp_path: Path) -> None:
    """A name leads to one query, whichever folder it stands in."""
    for folder in ("examples", "competency"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.rq").write_text(TITLE_AND_DESCRIPTION + BODY, encoding="utf-8")
    with pytest.raises(QueryFileError, match="the name is taken by"):
        load_library(tmp_path)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A file that is not UTF-8 is an error that names it."""
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "bad.rq").write_bytes(b"#+ title: \xff")
    with pytest.raises(QueryFileError, match=r"bad\.rq:1: cannot be read"):
        load_library(tmp_path)


def test_the_library_is_a_mapping_in_order(home: Path) -> None:
    """The packaged library has at least ten queries, in the order of their names, each under its own name."""
    library = load_library(home / "queries")
    assert len(library) >= 10
    assert list(library) == sorted(library)
    assert all(library[name].name == name for name in library)
