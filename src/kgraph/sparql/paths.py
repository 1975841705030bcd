"""Property paths, read from tokens that fit the grammar (SPARQL 1.1 Query, section 9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kgraph.sparql.tokens import Token
from kgraph.vocabulary import PREFIXES

_TYPE = PREFIXES["rdf"] + "type"


class Cursor:
    """A place among tokens that fit the grammar."""

    def __init__(self, tokens: Sequence[Token], position: int) -> None:
        """Stand at the token ``position``."""
        self.tokens = tokens
        self.position = position

    def at(self, *signs: str) -> bool:
        """Tell whether the next token is one of these signs."""
        return self.position < len(self.tokens) and self.tokens[self.position].text in signs

    def at_word(self, *words: str) -> bool:
        """Tell whether the next token is one of these keywords."""
        return self.position < len(self.tokens) and self.tokens[self.position].is_word(*words)

    def at_kind(self, *kinds: str) -> bool:
        """Tell whether the next token is of one of these kinds."""
        return self.position < len(self.tokens) and self.tokens[self.position].kind in kinds

    def take(self) -> Token:
        """Pass over the next token and return it."""
        self.position += 1
        return self.tokens[self.position - 1]

    def skip(self, *signs: str) -> bool:
        """Pass over one of these signs if it is next, and tell whether it was."""
        found = self.at(*signs)
        self.position += found
        return found


class Path(NamedTuple):
    """A property path.

    ``kind`` is ``iri``, or the sign that makes a path of its ``parts``: ``/`` and ``|`` of several, ``^`` of one, ``!``
    of those that it denies, and ``*`` of one that is gone any number of times. ``p+`` is read as ``p/p*``, and ``p?``
    as ``p*``, which is wider.
    """

    kind: str
    parts: tuple[Path, ...] = ()
    iri: str = ""


def read_path(cursor: Cursor, iri: Callable[[Token], str]) -> Path:
    """Read the path at a cursor; ``iri`` tells what a name or an IRI stands for."""
    parts = [_sequence(cursor, iri)]
    while cursor.skip("|"):
        parts.append(_sequence(cursor, iri))
    flat = (each for part in parts for each in (part.parts if part.kind == "|" else (part,)))
    return parts[0] if len(parts) == 1 else Path("|", tuple(flat))


def _sequence(cursor: Cursor, iri: Callable[[Token], str]) -> Path:
    parts = [_step(cursor, iri)]
    while cursor.skip("/"):
        parts.append(_step(cursor, iri))
    return parts[0] if len(parts) == 1 else Path("/", tuple(parts))


def _step(cursor: Cursor, iri: Callable[[Token], str]) -> Path:
    if cursor.skip("^"):
        return Path("^", (_step(cursor, iri),))
    is_denied = cursor.skip("!")
    found = _primary(cursor, iri)
    if is_denied:
        found = Path("!", found.parts if found.kind == "|" else (found,))
    if cursor.skip("+"):
        return Path("/", (found, Path("*", (found,))))
    return Path("*", (found,)) if cursor.skip("?", "*") else found


def _primary(cursor: Cursor, iri: Callable[[Token], str]) -> Path:
    if cursor.skip("^"):
        return Path("^", (_primary(cursor, iri),))
    if cursor.skip("("):
        # What is denied may be nothing at all.
        found = Path("|") if cursor.at(")") else read_path(cursor, iri)
        cursor.take()
        return found
    token = cursor.take()
    return Path("iri", iri=_TYPE if token.is_word("A") else iri(token))
