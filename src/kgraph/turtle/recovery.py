"""Where the reader stands, what it has remarked, and how it finds the next sound place after a fault.

The guesses made here are only asked for where the text is certainly wrong, or look so far ahead that
it must be: no document that follows the grammar is ever touched by them.
"""

from __future__ import annotations

from kgraph.turtle.model import SyntaxRemark
from kgraph.turtle.tokens import Scan, Token

NAMES = frozenset({"pname", "iri", "badname", "badiri"})
LITERALS = frozenset({"string", "open", "curly", "number", "badnumber"})
TERMS = NAMES | LITERALS | {"blank"}
_TEARING = frozenset({"turtle-unexpected-token", "turtle-unclosed-bracket"})
_OPENERS = frozenset("[(")
_CLOSERS = {"]": "[", ")": "("}


class Cursor:
    """A place in the tokens of a text, and the remarks made so far."""

    def __init__(self, scan: Scan) -> None:
        """Stand at the first token."""
        self.scan = scan
        self.index = 0
        self.margin = 1
        """The column of the current statement's subject."""
        self.muted = False
        """True from a fault to the next sound place: what follows from a fault is no fault of its own."""
        self.brackets: list[str] = []
        """The brackets that are open."""
        self.problems: list[SyntaxRemark] = []
        self._fault_index = -1
        self._unexpected_line = 0

    @property
    def token(self) -> Token:
        """The token that is read next."""
        return self.scan.tokens[self.index]

    def peek(self, distance: int) -> Token:
        """Return the token ``distance`` places ahead, or the closing one."""
        return self.scan.tokens[min(self.index + distance, len(self.scan.tokens) - 1)]

    @property
    def last_end(self) -> int:
        """The offset at which the token read last ends."""
        return self.scan.tokens[self.index - 1].end if self.index else 0

    def advance(self) -> Token:
        """Read one token; the closing one is read again and again."""
        token = self.scan.tokens[self.index]
        if token.kind != "end":
            self.index += 1
        return token

    def line(self, index: int) -> int:
        """Return the line on which a token starts."""
        return self.scan.lines.line(self.scan.tokens[index].start)

    def is_first_on_line(self, index: int) -> bool:
        """Tell whether no other token stands before this one on its line."""
        token = self.scan.tokens[index]
        return index == 0 or self.scan.lines.line(self.scan.tokens[index - 1].end) < self.scan.lines.line(token.start)

    def remark(self, code: str, start: int, end: int, **params: str) -> None:
        """Remark on a term that is wrong in itself; reading goes on behind it."""
        line, column = self.scan.lines.position(start)
        end_line, end_column = self.scan.lines.position(end)
        self.problems.append(SyntaxRemark(code, line, column, end_line, end_column, params))

    def fault(self, code: str, start: int, end: int, **params: str) -> None:
        """Remark on a break in the structure, unless it follows from one that is remarked on already."""
        if self.muted or self._fault_index == self.index:
            return
        self._fault_index = self.index
        self.remark(code, start, end, **params)

    def unexpected(self, expected: str) -> None:
        """Remark on the next token, which nothing allows here; once on a line is enough."""
        token = self.token
        line = self.scan.lines.line(token.start)
        if line == self._unexpected_line or self.muted:
            return
        before = len(self.problems)
        self.fault("turtle-unexpected-token", token.start, token.end, found=shown(token), expected=expected)
        self._unexpected_line = line if len(self.problems) > before else self._unexpected_line

    def missing(self, code: str, **params: str) -> None:
        """Remark that something is missing right behind the token read last."""
        self.fault(code, self.last_end, self.last_end, found=shown(self.token), **params)

    def is_torn(self, token: Token) -> bool:
        """Tell whether a fault stands right before a token, which then is half of something."""
        if not self.problems:
            return False
        line, column = self.scan.lines.position(token.start)
        last = self.problems[-1]
        return last.end_line == line and 0 <= column - last.end_column <= 1 and last.code in _TEARING

    def is_term(self, index: int) -> bool:
        """Tell whether a token is, or opens, a term."""
        if index >= len(self.scan.tokens):
            return False
        token = self.scan.tokens[index]
        return token.kind in TERMS or token.text in _OPENERS or token.text in ("true", "false")

    def is_predicate(self, index: int) -> bool:
        """Tell whether a token can be a predicate."""
        token = self.scan.tokens[min(index, len(self.scan.tokens) - 1)]
        return token.kind in NAMES or token.text == "a"

    def is_directive(self, index: int) -> bool:
        """Tell whether a token opens a directive at the start of a line."""
        token = self.scan.tokens[index]
        if token.kind == "lang":
            return token.text in ("@prefix", "@base") and self.is_first_on_line(index)
        if token.kind != "word" or token.text.upper() not in ("PREFIX", "BASE"):
            return False
        return self.is_first_on_line(index) and self.scan.tokens[index + 1].kind in NAMES

    def starts_statement(self, index: int, anywhere: bool = False, among_items: bool = False) -> bool:
        """Tell whether a token must be the start of a new statement.

        Where only a term can stand, that is certain if the token is at the margin and three terms
        follow each other; with ``anywhere`` it is enough that they stand on one line. In a collection terms always
        follow each other, so with ``among_items`` only the keyword ``a`` tells.
        """
        tokens = self.scan.tokens
        token = tokens[index]
        if self.is_directive(index):
            return True
        if token.kind not in NAMES and token.kind != "blank":
            return token.text in _OPENERS and anywhere and self._at_margin(index)
        if tokens[index + 1].text == "a":
            return True
        # Three terms in a row are a subject, a predicate and an object; no shorter run is certain.
        if among_items or not self.is_predicate(index + 1) or not self.is_term(index + 2):
            return False
        return self._at_margin(index) or (anywhere and self.line(index) == self.line(index + 2))

    def starts_pair(self, index: int) -> bool:
        """Tell whether a name opens a line and has a term behind it there: a predicate, not an object."""
        if not self.is_predicate(index) or not self.is_first_on_line(index) or not self.is_term(index + 1):
            return False
        return self.line(index) == self.line(index + 1)

    def _at_margin(self, index: int) -> bool:
        column = self.scan.lines.position(self.scan.tokens[index].start)[1]
        return column <= self.margin and self.is_first_on_line(index)

    def continues_statement(self, index: int) -> bool:
        """Tell whether a token after a dot goes on with the statement that the dot ended."""
        tokens = self.scan.tokens
        column = self.scan.lines.position(tokens[index].start)[1]
        if column <= self.margin or not self.is_first_on_line(index) or not self.is_predicate(index):
            return False
        following = tokens[min(index + 1, len(tokens) - 1)]
        # Neither "a" nor a literal or bracket behind a name can stand at the start of a statement.
        if tokens[index].text == "a" or following.kind in LITERALS or following.text in _OPENERS:
            return True
        return following.kind in NAMES and tokens[min(index + 2, len(tokens) - 1)].text in (";", ".", ",")

    def _ends_here(self, text: str, stops: str) -> bool:
        if text in _CLOSERS:
            return _CLOSERS[text] in self.brackets
        if text == ".":
            after = self.index + 1
            # In text that lost its quotes a dot is a full stop; what ends a statement has a new one behind it.
            return self.scan.tokens[after].kind == "end" or self._at_margin(after) or self.starts_statement(after)
        return text != "" and text in stops

    def skip_to(self, stops: str) -> None:
        """Go on to one of the marks in ``stops``, a closing bracket or a dot, or to a new statement."""
        depth = 0
        while self.token.kind != "end":
            token = self.token
            if depth == 0 and (self._ends_here(token.text, stops) or self.starts_statement(self.index)):
                return
            if token.kind == "open":
                self._blame_quote(token)
            # What is inside brackets that open here is no place to stop at.
            depth += (token.text in _OPENERS) - (token.text in _CLOSERS and depth > 0)
            self.advance()

    def _blame_quote(self, token: Token) -> None:
        """Say that a quote is missing if that is why a token on the same line was unexpected."""
        last = self.problems[-1] if self.problems else None
        line = self.scan.lines.line(token.start)
        if last and last.line == line and last.code in ("turtle-unexpected-token", "turtle-unescaped-quote"):
            self.problems.pop()
            self.remark("turtle-unterminated-string", token.start, token.end, found=token.text)


def shown(token: Token) -> str:
    """Return how a message shows a token: its text, cut short, or nothing at the end of the text."""
    return token.text if len(token.text) <= 40 else token.text[:39] + "…"
