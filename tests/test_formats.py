"""Media types, and the choice between them."""

from __future__ import annotations

import pytest

from kgraph.formats import GRAPHS, HTML, RESULTS, TURTLE, by_name, by_suffix, negotiate

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("text/*", "csv"),
        ("application/json", "json"),
        ("application/xml", "xml"),
        ("text/xml", "xml"),
        ("TEXT/CSV", "csv"),
        ("text/csv;header=present", "csv"),
        ("application/sparql-results+json;charset=utf-8;q=0.3, text/csv;q=0.4", "csv"),
        ("text/csv;q=0.1, application/sparql-results+xml;q=0.9, application/sparql-results+json;q=0", "xml"),
        ("application/sparql-results+json;q=0, */*", "xml"),
        ("application/json;q=0.2, application/sparql-results+json;q=0.9, text/csv;q=0.5", "json"),
        ("application/sparql-results+xml, application/sparql-results+json", "json"),
        ("text/tab-separated-values, */*", "tsv"),
        ("text/turtle, application/rdf+xml, application/sparql-results+xml;q=0.2", "xml"),
        ("nonsense, text/csv", "csv"),
        ("nonsense", "json"),
        ("text/csv;q=high", "csv"),
        ("text/csv; q=.2, application/sparql-results+xml;q=0.3", "xml"),
        ("text/csv;q=0., application/sparql-results+xml;q=.1", "xml"),
        ("application/pdf", None),
        ("text/turtle", None),
        ("*/*;q=0", None),
    ],
)
def test_the_results_format_a_client_likes_best_is_chosen(accept: str | None, name: str | None) -> None:
    """Weights, wildcards and aliases count; parameters and unreadable ranges do not."""
    chosen = negotiate(accept, RESULTS)
    assert (chosen.name if chosen else None) == name


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "turtle"),
        ("application/ld+json", "json-ld"),
        ("application/json", "json-ld"),
        ("text/plain", "n-triples"),
        ("application/n-quads", "n-quads"),
        ("application/trig, text/turtle;q=0.9", "trig"),
        ("application/xml", "rdf-xml"),
        ("application/sparql-results+json", None),
    ],
)
def test_the_graph_format_a_client_likes_best_is_chosen(accept: str | None, name: str | None) -> None:
    """Graphs have formats of their own."""
    chosen = negotiate(accept, GRAPHS)
    assert (chosen.name if chosen else None) == name


def test_a_browser_gets_a_page_and_a_program_does_not() -> None:
    """A page is chosen only where it is asked for by name."""
    offered = (*RESULTS, *GRAPHS, HTML)
    assert negotiate(BROWSER, offered) is HTML
    assert negotiate("*/*", offered) is not HTML
    assert negotiate("application/json", offered) is not HTML


def test_text_is_sent_with_its_encoding() -> None:
    """Types of text/* name UTF-8; the others have it by definition."""
    assert TURTLE.content_type == "text/turtle; charset=utf-8"
    assert RESULTS[0].content_type == "application/sparql-results+json"


def test_formats_are_found_by_suffix_and_by_name() -> None:
    """A link may name a format by suffix, short name or media type."""
    assert by_suffix("ttl", GRAPHS) is TURTLE
    assert by_suffix("pdf", GRAPHS) is None
    assert by_name("text/turtle", GRAPHS) is by_name("turtle", GRAPHS) is by_name("TTL", GRAPHS) is TURTLE
    assert by_name("n3", GRAPHS) is by_name("pdf,application/x-turtle", GRAPHS) is TURTLE
    assert by_name("pdf,", GRAPHS) is None
