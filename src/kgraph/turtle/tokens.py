"""Cutting Turtle text into tokens, sound or not (Turtle 1.1, section 6.5)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

_BASE = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_CHARS = _BASE + "_0-9\\-\u00b7\u0300-\u036f\u203f-\u2040"
_PREFIX = f"(?:[{_BASE}](?:[{_CHARS}.]*[{_CHARS}])?)"
_PLX = r"%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?#@%]"
_LOCAL = f"(?:(?:[{_BASE}_:0-9]|{_PLX})(?:(?:[{_CHARS}.:]|{_PLX})*(?:[{_CHARS}:]|{_PLX}))?)"
_SLIP = r"[^\s;,\[\]()\"<>]*[^\s;,\[\]()\"<>.]"

# Sound rules come before the ones for what goes wrong; "(?>" keeps a name from being cut to a shorter sound one.
_GRAMMAR = (
    ("pname", rf"(?>{_PREFIX}?:{_LOCAL}?)(?![/\\%!$&*=?~|^`@])"),
    ("badname", rf"{_PREFIX}?:{_SLIP}"),
    ("punct", r"[;,\[\]()]|\.(?![0-9])"),
    ("string", r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""|"(?!"")[^"\\\n\r]*(?:\\[^\n\r][^"\\\n\r]*)*"|""(?!")'),
    ("single", r"'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''|'(?!'')[^'\\\n\r]*(?:\\[^\n\r][^'\\\n\r]*)*'|''(?!')"),
    ("iri", r"<[^\x00-\x20<>\"{}|^`]*>"),
    ("lang", r"@[A-Za-z]+(?:-[A-Za-z0-9]+)*+(?![\w\-])"),
    ("comment", r"\#[^\n\r]*"),
    ("word", f"[{_BASE}_](?!:)(?:[{_CHARS}.]*[{_CHARS}])?"),
    (
        "number",
        r"(?>[+\-]?(?:[0-9]+\.[0-9]*[eE][+\-]?[0-9]+|\.?[0-9]+[eE][+\-]?[0-9]+|[0-9]*\.[0-9]+|[0-9]+))"
        r"(?![\w%:]|[+\-][0-9]|\.[0-9])",
    ),
    ("badnumber", r"[+\-]?\.?[0-9](?:[\w%:+\-]|\.(?=\w))*"),
    ("blank", f"_:[{_BASE}_0-9](?:[{_CHARS}.]*[{_CHARS}])?"),
    ("carets", r"\^\^"),
    ("badlang", r"@[\w\-]*"),
    ("quoted", r"<<|>>"),
    ("badiri", r"<(?:[^<>\n\r \t]|[ \t]++(?![\"<'\s]))*>"),
    ("openiri", r"<[^\s<>\"]*"),
    ("open", r"\"\"\"|'''|\"|'"),
    (
        "curly",
        '[\u201c\u201d\u201e\u00ab\u2018\u201a](?:[^\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019"\n\r]'
        r"|(?<=\w)\u2019(?=\w))*[\u201d\u201c\u00bb\u2019\"]?",
    ),
    ("invisible", "[\u00a0\u00ad\u2000-\u200b\u200e\u200f\u202f\u2060\ufeff]+"),
    ("end", r"\Z"),
    ("other", r"."),
)
_TOKEN = r"[ \t\r\n]*+(?:" + "|".join(f"(?P<{kind}>{rule})" for kind, rule in _GRAMMAR) + ")"
_LINE_END = re.compile(r"\r\n|\n|\r")
_PERCENT = "%[0-9A-Fa-f]{2}"
_LOCAL_NAME = f"(?:(?:[{_BASE}_:0-9]|{_PERCENT})(?:(?:[{_CHARS}.:]|{_PERCENT})*(?:[{_CHARS}:]|{_PERCENT}))?)?"
# What stands at the end of a line whose string lost its closing quote is most likely punctuation.
_SWALLOWED = re.compile(r"[ \t]*(?:(?:[\])][ \t]*)*(?:[;,]|(?<=[ \t\])])\.))[ \t]*(?:#[^\n\r]*)?$")
_FOLLOWS = r"(?=[ \t]*(?:@[A-Za-z\-]+|\^\^\S+)?[ \t]*[;,.\])])"
_TWO_LINES = {quote: re.compile(rf"{quote}[^{quote}]*{quote}{_FOLLOWS}") for quote in "\"'"}
_STATEMENT_LINE = rf"(?:\r\n|\n|\r)(?=@prefix |@base |<[^\s>]+>|{_PREFIX}?:{_LOCAL}[ \t]*[\r\n])"
_PAIR_LINE = rf"(?:\r\n|\n|\r)(?=[ \t]+{_PREFIX}?:{_LOCAL}[ \t]+(?:[\"'<\[(0-9]|{_PREFIX}?:{_LOCAL}))"
_LINES_IN_A_STRING = 8


class Token(NamedTuple):
    """A piece of the text and the rule it follows."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, from its ``#`` to the end of its line."""

    text: str
    start: int
    end: int


class Lines:
    """Turns offsets in a text into lines and columns."""

    def __init__(self, text: str) -> None:
        """Find where the lines of ``text`` start (LF, CR LF or CR end a line)."""
        self._starts = [0, *(found.end() for found in _LINE_END.finditer(text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both counted from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, offset: int) -> int:
        """Return the line of an offset, counted from 1."""
        return bisect_right(self._starts, offset)


@dataclass(frozen=True)
class Scan:
    """The tokens of a text, closed by one of kind ``end``, and its comments."""

    text: str
    tokens: list[Token]
    comments: list[Comment]
    lines: Lines


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    # To compile the sets of letters takes a tenth of a second: only who reads Turtle waits for it.
    return re.compile(rule, re.DOTALL)


def is_local_name(text: str) -> bool:
    """Tell whether ``text`` can follow a prefix's colon without a backslash (PN_LOCAL; it may be empty)."""
    return _compiled(_LOCAL_NAME).fullmatch(text) is not None


def _end_of_open_string(text: str, start: int, quote: str) -> int:
    """Return where a string without its closing quote is taken to end."""
    if len(quote) == 3:
        ends = [
            found.start() for rule in (_STATEMENT_LINE, _PAIR_LINE) if (found := _compiled(rule).search(text, start))
        ]
        stop = min(ends, default=len(text))
        last_line = max(start + 3, text.rfind("\n", start, stop))
        swallowed = _SWALLOWED.search(text[last_line:stop])
        return last_line + swallowed.start() if swallowed else start + len(text[start:stop].rstrip())
    line_end = _LINE_END.search(text, start)
    stop = line_end.start() if line_end else len(text)
    swallowed = _SWALLOWED.search(text[start + 1 : stop])
    if swallowed:
        return start + 1 + swallowed.start()
    # A text broken over lines ends at a quote that punctuation follows; any other quote opens the next text.
    closed = _TWO_LINES[quote].match(text, start)
    if closed and len(_LINE_END.findall(closed.group())) < _LINES_IN_A_STRING:
        return closed.end()
    return start + len(text[start:stop].rstrip())


def _iter_matches(text: str) -> Iterator[tuple[str, int, int]]:
    position = 0
    while True:
        for found in _compiled(_TOKEN).finditer(text, position):
            kind = found.lastgroup or "other"
            start, end = found.span(kind)
            if kind == "open":
                position = _end_of_open_string(text, start, found.group(kind))
                yield kind, start, position
                break
            yield kind, start, end
            if kind == "end":
                return


def scan_turtle(text: str) -> Scan:
    """Cut a text into tokens; what follows no rule becomes a token too, so nothing is ever refused."""
    tokens: list[Token] = []
    comments: list[Comment] = []
    for kind, start, end in _iter_matches(text):
        # Comments are no part of the grammar, so they are kept apart and given to statements afterwards.
        if kind == "comment":
            comments.append(Comment(text[start:end].rstrip(" \t"), start, end))
        else:
            tokens.append(Token("string" if kind == "single" else kind, text[start:end], start, end))
    return Scan(text, tokens, comments, Lines(text))
