"""The order of predicates and objects within a subject."""

from __future__ import annotations

from kgraph.turtle.literals import literal_parts
from kgraph.turtle.model import RDF, XSD, Term
from kgraph.vocabulary import PREFIXES

SortKey = tuple[object, ...]

_FIRST_PREDICATES = (
    f"<{RDF}type>",
    *(
        f"<{PREFIXES[prefix]}{local}>"
        for prefix, local in (
            ("skos", "prefLabel"),
            ("skos", "altLabel"),
            ("ink", "properName"),
            ("dct", "title"),
            ("rdfs", "label"),
            ("ink", "statement"),
            ("skos", "definition"),
            ("rdfs", "comment"),
            ("sh", "path"),
        )
    ),
)
_RANKS = {predicate: rank for rank, predicate in enumerate(_FIRST_PREDICATES)}
_LANGUAGES = {"nn": 0, "nb": 1, "en": 2}
_NUMBERS = {XSD + name for name in ("integer", "decimal", "nonNegativeInteger", "positiveInteger", "gYear")}


def predicate_key(predicate: Term, name: str) -> SortKey:
    """Return what sorts a predicate: the naming ones first, then by ``name``, the form that is written."""
    return (_RANKS.get(predicate, len(_RANKS)), name)


def object_key(term: Term) -> SortKey:
    """Return what sorts an object: nn, nb, en, other languages, numbers by size, then by term; an empty term last."""
    if not term:
        return (9,)
    if not term.startswith('"'):
        return (6, "", 0.0, term)
    lexical, language, datatype = literal_parts(term)
    if language:
        tag = language.lower()
        return (_LANGUAGES.get(tag, 3), tag, 0.0, term)
    if datatype in _NUMBERS:
        try:
            return (4, "", float(lexical), term)
        except ValueError:
            return (5, "", 0.0, term)
    return (5, "", 0.0, term)
