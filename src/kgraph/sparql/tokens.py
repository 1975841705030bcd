"""The tokens of a SPARQL text, with their places (SPARQL 1.1 Query, section 19.8; SPARQL 1.2 triple terms).

The engine shows no syntax tree and its parser dies on deep nesting, so what has to be known before it
sees a text is read from the tokens alone.

SPARQL 1.1 decodes ``\\uXXXX`` before it looks for tokens, the engine only inside strings and IRIs (as SPARQL 1.2
does). The two agree on a text in which :func:`decode_escapes` has decoded all that cannot end or begin a token.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass

from kgraph.errors import QuerySyntaxError

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|.)", re.DOTALL)
_KEPT = frozenset("\\\"'<>#")
_NAME_START = r"A-Za-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C\u200D\u2070-\u218F"
_NAME_START += r"\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\U00010000-\U000EFFFF"
_NAME = _NAME_START + r"_0-9\u00B7\u0300-\u036F\u203F\u2040"
_LOCAL = rf"(?:[{_NAME_START}_0-9:]|%[0-9A-Fa-f]{{2}}|\\[_~.\-!$&'()*+,;=/?#@%])"
_LOCAL_MORE = rf"(?:[{_NAME}\-.:]|%[0-9A-Fa-f]{{2}}|\\[_~.\-!$&'()*+,;=/?#@%])"
# Without a bound, a text such as "a.a.a.a" would be searched to its end for a colon from each letter.
_PREFIX = rf"(?:[{_NAME_START}][{_NAME}\-.]{{0,250}}+(?<!\.))"
_PATTERN = re.compile(
    rf"""
    (?P<space>[ \t\r\n]+|\#[^\r\n]*)
  | (?P<iri><(?:[^<>"{{}}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{{4}}|\\U[0-9A-Fa-f]{{8}})*>)
  | (?P<string>'''(?:'{{0,2}}(?:[^'\\]|\\.))*'''|\"\"\"(?:"{{0,2}}(?:[^"\\]|\\.))*\"\"\"
       |'(?!'')(?:[^'\\\r\n]|\\.)*'|"(?!"")(?:[^"\\\r\n]|\\.)*")
  | (?P<variable>[?$][{_NAME_START}_0-9][{_NAME}]*)
  | (?P<blank>_:[{_NAME_START}_0-9](?:[{_NAME}\-.]*[{_NAME}\-])?)
  | (?P<name>{_PREFIX}?:(?:{_LOCAL}(?:{_LOCAL_MORE}*(?:(?<!\.)|(?<=\\\.)))?)?)
  | (?P<number>(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)[eE][+-]?[0-9]+|[0-9]*\.[0-9]+|[0-9]+)
  | (?P<language>@[A-Za-z]+(?:-[A-Za-z0-9]+)*(?:--[A-Za-z]+)?)
  | (?P<word>[A-Za-z][A-Za-z0-9_]*)
  | (?P<sign><<\(|\)>>|<<|>>|\{{\||\|\}}|\^\^|\|\||&&|!=|<=|>=|[{{}}()\[\].,;=<>!|/^*+?~\-&$@])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind, its text as :func:`decode_escapes` leaves it, and where it stands (line and column from 1).

    ``offset`` counts characters of the decoded text. The kinds are
    ``iri string variable blank name number language word sign``.
    """

    kind: str
    text: str
    offset: int
    line: int
    column: int

    def is_word(self, *words: str) -> bool:
        """Tell whether the token is one of these keywords, in any case of letters."""
        return self.kind == "word" and self.text.upper() in words


def decode_escapes(text: str) -> str:
    r"""Return the text with ``\uXXXX`` and ``\UXXXXXXXX`` replaced by the characters they stand for.

    Those for quotes, backslashes, ``<``, ``>``, ``#``, white space and control characters stay: they are allowed
    within strings and IRIs alone, where the engine decodes them. To decode twice changes nothing.
    """
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_character, text)


def iter_tokens(text: str) -> Generator[Token, bool | None, None]:
    """Yield the tokens of a text, comments and white space left out.

    The longest token wins, as the standard asks: ``?a<?b&&?c>?d`` holds an IRI. A reader who cannot use an IRI sends
    ``True`` and is given the operator with which it begins.

    Places are those of the text after escapes are decoded, which is the text given unless escapes occur.
    Raises :class:`kgraph.errors.QuerySyntaxError` where no token can begin, for example at a string that is
    never closed.
    """
    text = decode_escapes(text)
    offset, line, line_start = 0, 1, 0
    while offset < len(text):
        match = _PATTERN.match(text, offset)
        column = offset - line_start + 1
        if match is None:
            code = "query-unclosed-string" if text[offset] in "'\"" else "query-unknown-character"
            raise QuerySyntaxError(code, line, column, found=text[offset])
        kind, value = str(match.lastgroup), match.group()
        if kind != "space" and (yield Token(kind, value, offset, line, column)):
            value = "<=" if value.startswith("<=") else "<"
            yield Token("sign", value, offset, line, column)
        breaks = _line_breaks(value)
        if breaks:
            line += len(breaks)
            line_start = offset + breaks[-1]
        offset += len(value)


def _line_breaks(value: str) -> list[int]:
    r"""Return the offsets just after each line break; ``\r\n`` is one."""
    if "\n" not in value and "\r" not in value:
        return []
    return [match.end() for match in re.finditer(r"\r\n|\n|\r", value)]


def _character(match: re.Match[str]) -> str:
    # The other character after a backslash is taken along, so that "\\\\u0041" stays a backslash and five characters.
    number = int(match[1] or match[2] or "0", 16)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        return match.group()
    character = chr(number)
    return match.group() if character <= " " or character == "\x7f" or character in _KEPT else character
