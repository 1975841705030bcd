"""Reading ``@prefix``, ``@base``, ``PREFIX`` and ``BASE`` (Turtle 1.1, section 2.4)."""

from __future__ import annotations

import difflib

from kgraph.turtle.model import Directive
from kgraph.turtle.recovery import NAMES, Cursor, shown
from kgraph.turtle.terms import TermReader

_KEYWORDS = ("@prefix", "@base")


class DirectiveReader:
    """Reads directives at a cursor and declares what they say."""

    def __init__(self, cursor: Cursor, terms: TermReader) -> None:
        """Read at ``cursor``; declare in ``terms``."""
        self.cursor = cursor
        self.terms = terms

    def is_next(self) -> bool:
        """Tell whether the next token opens a directive, a known one or not."""
        token = self.cursor.token
        if token.kind in ("lang", "badlang"):
            return True
        return token.kind == "word" and token.text.upper() in ("PREFIX", "BASE")

    def read(self) -> Directive | None:
        """Read one directive with its dot; None if it declares nothing."""
        cursor = self.cursor
        keyword = cursor.advance()
        cursor.margin = cursor.scan.lines.position(keyword.start)[1]
        meant = self._meant(keyword.text)
        if keyword.text.startswith("@") and keyword.text not in _KEYWORDS:
            cursor.fault("turtle-unknown-directive", keyword.start, keyword.end, found=keyword.text, suggestion=meant)
            cursor.muted = True
        directive = self._declaration(meant.lower().endswith("prefix"), keyword.start) if meant else None
        if directive is None:
            self._skip_line()
        else:
            self._dot(keyword.text.startswith("@"))
            directive.end = cursor.last_end
        return directive

    def _meant(self, keyword: str) -> str:
        if not keyword.startswith("@"):
            return keyword
        return next(iter(difflib.get_close_matches(keyword.lower(), _KEYWORDS, n=1)), "")

    def _declaration(self, with_prefix: bool, start: int) -> Directive | None:
        prefix = self._prefix() if with_prefix else None
        if with_prefix and prefix is None:
            return None
        token = self.cursor.token
        iri = None
        if token.kind in ("iri", "badiri", "openiri"):
            iri = self.terms.iri()
        else:
            self._expected("<IRI>")
        if iri is None:
            self._lose(prefix)
            return None if token.kind not in ("iri", "badiri") else Directive(prefix, "", start, token.end)
        if prefix is None:
            self.terms.base = iri
        else:
            self.terms.declare(prefix, iri)
        return Directive(prefix, iri, start, token.end)

    def _lose(self, prefix: str | None) -> None:
        # The namespace is unknown, but the steward did declare the prefix: one fault, not one at each use.
        if prefix is not None and prefix not in self.terms.prefixes:
            self.terms.lost_prefixes.add(prefix)

    def _expected(self, expected: str) -> None:
        cursor = self.cursor
        if cursor.is_first_on_line(cursor.index) or cursor.token.text == ".":
            cursor.fault(
                "turtle-unexpected-token",
                cursor.last_end,
                cursor.last_end,
                found=shown(cursor.token),
                expected=expected,
            )
        else:
            cursor.unexpected(expected)

    def _prefix(self) -> str | None:
        cursor = self.cursor
        token = cursor.token
        if token.kind == "pname" and token.text.endswith(":") and token.text.count(":") == 1:
            cursor.advance()
            return token.text[:-1]
        if token.kind in ("word", "pname") and cursor.peek(1).kind in NAMES:
            cursor.fault("turtle-bad-prefix", token.start, token.end, found=token.text)
            cursor.advance()
            return token.text.partition(":")[0]
        self._expected("prefix:")
        return None

    def _dot(self, wanted: bool) -> None:
        cursor = self.cursor
        if cursor.token.text == ".":
            if not wanted:
                cursor.unexpected("")
            cursor.advance()
        elif wanted and not cursor.muted:
            if cursor.is_first_on_line(cursor.index) or cursor.token.kind == "end":
                cursor.missing("turtle-missing-dot", expected=".")
            else:
                cursor.unexpected(".")
                self._skip_line()
        elif cursor.muted:
            self._skip_line()

    def _skip_line(self) -> None:
        """Leave out the rest of the line, or all up to a dot, but believe a prefix that stands there with its IRI."""
        cursor = self.cursor
        while cursor.token.kind != "end" and not cursor.is_first_on_line(cursor.index):
            token = cursor.advance()
            if token.text == ".":
                return
            if token.kind == "pname" and token.text.endswith(":") and cursor.token.kind == "iri":
                iri = self.terms.iri()
                if iri is not None:
                    self.terms.declare(token.text[:-1], iri)
