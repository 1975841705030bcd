"""The query library as examples that can be run as they stand."""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.query_library import LibraryQuery, QueryLibrary
from kgraph.report import wording
from kgraph.sparql.service_description import PREFIX_SET, describe_prefixes
from kgraph.sparql.statements import iri, literal, literals, statement, statements, term
from kgraph.sparql.text import read_query_text
from kgraph.sparql.tokens import iter_tokens
from kgraph.vocabulary import BASE

_FOLDER = "examples"
_EXAMPLES = BASE + "catalogue/examples#"
_LANGUAGE = "en"
_FORMS = {
    "SELECT": ("sh:SPARQLSelectExecutable", "sh:select"),
    "ASK": ("sh:SPARQLAskExecutable", "sh:ask"),
    "CONSTRUCT": ("sh:SPARQLConstructExecutable", "sh:construct"),
    "DESCRIBE": ("spex:SPARQLDescribeExecutable", "spex:describe"),
}


@dataclass(frozen=True)
class Example:
    """One example: its name, title and description in a language, and a text that can be run."""

    name: str
    title: str
    description: str
    text: str


def examples_of(library: QueryLibrary, language: str) -> tuple[Example, ...]:
    """Return the library's examples in a language, their parameters bound to default or example values."""
    return tuple(
        Example(
            query.name,
            wording(query.titles, language),
            wording(query.descriptions, language),
            example_text(query, language),
        )
        for query in library.values()
        if query.path.parent.name == _FOLDER
    )


def describe_examples(library: QueryLibrary, endpoint: str) -> str:
    """Return every query of the library in N-Triples, as executables that the endpoint at an address answers."""
    return describe_prefixes() + "".join(_describe(query, endpoint) for query in library.values())


def _describe(query: LibraryQuery, endpoint: str) -> str:
    text = example_text(query, _LANGUAGE)
    kind, form = _FORMS[read_query_text(text).form]
    subject = iri(_EXAMPLES + query.name)
    properties = [
        ("rdfs:label", literals(query.titles)),
        ("rdfs:comment", literals(query.descriptions)),
        ("schema:keywords", [literal(tag) for tag in query.tags]),
        ("schema:target", [iri(endpoint)]),
        ("sh:prefixes", [iri(PREFIX_SET)]),
        (form, [literal(text)]),
    ]
    return statements(subject, "sh:SPARQLExecutable", properties) + statement(subject, "rdf:type", term(kind))


def example_text(query: LibraryQuery, language: str) -> str:
    """Return a query without its header, each parameter that must be given bound by VALUES in the first group."""
    lines = [line for line in query.text.splitlines() if not line.startswith("#+")]
    text = "\n".join(lines).strip() + "\n"
    bindings = "".join(f"\n  VALUES ?{name} {{ {term} }}" for name, term in _bindings(query, language).items())
    if not bindings:
        return text
    opening = next(token.offset for token in iter_tokens(text) if token.kind == "sign" and token.text == "{")
    return text[: opening + 1] + bindings + text[opening + 1 :]


def _bindings(query: LibraryQuery, language: str) -> dict[str, str]:
    bindings: dict[str, str] = {}
    for parameter in query.parameters:
        if parameter.optional:
            continue
        value = parameter.default or parameter.example
        bindings[parameter.name] = parameter.term(language if parameter.name == "language" else value)
    return bindings
