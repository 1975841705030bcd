"""The declarations of a SPARQL text, and the names and IRIs that are read with them (SPARQL 1.1 Query, section 4.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kgraph.errors import QuerySyntaxError
from kgraph.sparql.diagnosis import near
from kgraph.sparql.tokens import Token
from kgraph.turtle.iris import is_absolute, resolve_iri
from kgraph.turtle.literals import BadEscapeError, unescape
from kgraph.vocabulary import PREFIXES

_DOTS = re.compile(r"(?:^|/)\.\.?(?:$|[/?#])")


class Prologue:
    """The base and the prefixes that are declared so far."""

    def __init__(self) -> None:
        self._base = ""
        self._prefixes: dict[str, str] = {}
        self._uncertain: set[str] = set()

    def declare(self, tokens: Sequence[Token], position: int = 0) -> int:
        """Take in the declarations that begin at a position; return the position after them."""
        while position < len(tokens):
            following = tokens[position + 1 : position + 3]
            token = tokens[position]
            if token.is_word("BASE") and [t.kind for t in following[:1]] == ["iri"]:
                self._base = self.iri(following[0])
                position += 2
            elif token.is_word("PREFIX") and [t.kind for t in following] == ["name", "iri"]:
                self._add(following[0].text.rstrip(":"), following[1])
                position += 3
            elif token.is_word("VERSION") and [t.kind for t in following[:1]] == ["string"]:
                position += 2
            else:
                break
        return position

    def iri(self, token: Token) -> str:
        """Return the IRI that a token stands for, relative if there is no base; its prefix must be declared."""
        if token.kind == "iri":
            written = _decoded(token.text[1:-1])
            return resolve_iri(self._base, written) if is_absolute(self._base) else written
        prefix, _, local = token.text.partition(":")
        return self._prefixes[prefix] + local.replace("\\", "")

    def certain_iri(self, token: Token) -> str | None:
        """Return the IRI that a token stands for, or ``None`` if the engine might resolve it in another way.

        That is so for references with segments of dots (``../x``), or against a base that has such or no authority.
        """
        known = self._is_certain(token) if token.kind == "iri" else token.text.partition(":")[0] not in self._uncertain
        return self.iri(token) if known else None

    def _add(self, prefix: str, token: Token) -> None:
        self._prefixes[prefix] = self.iri(token)
        self._uncertain -= {prefix}
        if not self._is_certain(token):
            self._uncertain.add(prefix)

    def _is_certain(self, token: Token) -> bool:
        written = _decoded(token.text[1:-1])
        plain = "://" in self._base and not _DOTS.search(self._base) and not _DOTS.search(written)
        return is_absolute(written) or plain

    def check_names(self, tokens: Sequence[Token]) -> None:
        """Name the first prefix that is used and not declared.

        Raises :class:`kgraph.errors.QuerySyntaxError` with the declaration that is missing, or with a prefix that
        is much like it.
        """
        for token in tokens:
            if token.kind != "name":
                continue
            prefix = token.text.partition(":")[0]
            if prefix not in self._prefixes:
                declaration = f"PREFIX {prefix}: <{PREFIXES[prefix]}>" if prefix in PREFIXES else ""
                raise QuerySyntaxError(
                    "query-undeclared-prefix",
                    token.line,
                    token.column,
                    length=len(token.text),
                    prefix=prefix + ":",
                    declaration=declaration,
                    suggestion="" if declaration else near(prefix, (*self._prefixes, *PREFIXES), ":"),
                )


def _decoded(written: str) -> str:
    try:
        return unescape(written, only_numeric=True)
    except BadEscapeError:
        return written
