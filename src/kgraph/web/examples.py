"""The query library as examples that can be run as they stand."""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.query_library import LibraryQuery, QueryLibrary
from kgraph.report import wording
from kgraph.sparql.tokens import iter_tokens

_FOLDER = "examples"


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
