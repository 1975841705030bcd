"""Statements written in N-Triples, for the descriptions that kgraph gives of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kgraph.vocabulary import PREFIXES

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


def statement(subject: str, predicate: str, *values: str) -> str:
    """Return a statement for each value; ``predicate`` is a prefixed name, the others are terms in N-Triples."""
    return "".join(f"{subject} {term(predicate)} {value} .\n" for value in values)


def statements(subject: str, kind: str, properties: Iterable[tuple[str, Iterable[str]]]) -> str:
    """Return what is stated of a subject: its class, a prefixed name, and values by property."""
    lines = [statement(subject, predicate, *values) for predicate, values in properties]
    return statement(subject, "rdf:type", term(kind)) + "".join(lines)


def term(name: str) -> str:
    """Return the IRI that a prefixed name of kgraph's stands for, as a term."""
    prefix, _, local = name.partition(":")
    return f"<{PREFIXES[prefix]}{local}>"


def iri(address: str) -> str:
    """Return an IRI as a term."""
    return f"<{address}>"


def literal(text: str, language: str = "") -> str:
    """Return a text as a term, in a language if one is given."""
    return f'"{text.translate(_ESCAPES)}"' + (f"@{language}" if language else "")


def literals(texts: Mapping[str, str]) -> list[str]:
    """Return texts by language as terms."""
    return [literal(text, language) for language, text in texts.items()]


def integer(number: int) -> str:
    """Return a number as a term."""
    return f'"{number}"^^{term("xsd:integer")}'
