"""A text that the standard allows and the engine does not read, made one that it reads.

SPARQL reads keywords in any case of letters, ``TRUE`` among them; allows a negated property set without properties,
``!()``; and resolves relative IRIs against the address that a request was sent to where the text has no BASE (SPARQL
1.1 Query, sections 4.1.1 and 19.8; RFC 3986, section 5.1.3).
"""

from __future__ import annotations

import re

from kgraph.errors import QuerySyntaxError
from kgraph.sparql.diagnosis import settle_tokens
from kgraph.sparql.tokens import Token, decode_escapes, iter_tokens
from kgraph.turtle.iris import is_absolute, resolve_iri
from kgraph.turtle.literals import BadEscapeError, unescape

_NO_PROPERTY = re.compile(r"!\s*\(\s*\)")
_RELATIVE = re.compile(r"<(?![A-Za-z][A-Za-z0-9+.\-]*:)[^<>\"{}|^`\x00-\x20]*>")
_TRUTH = re.compile(r"\b(?!true\b|false\b)(?:[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])\b")
_ANY_PROPERTY = "(!a|a)"


def needs_adapting(text: str) -> bool:
    """Tell whether :func:`adapt` might change a text."""
    if _RELATIVE.search(text) or ("!" in text and _NO_PROPERTY.search(text)):
        return True
    lowered = text.lower()
    return ("true" in lowered or "false" in lowered) and _TRUTH.search(text) is not None


def adapt(text: str, base: str, start: str = "Query") -> str:
    """Return a query, or with ``start="Update"`` an update, that the engine reads as the standard says.

    ``base`` is the address against which relative IRIs are resolved. A text that needs none of it, or that breaks the
    grammar, is returned as it is.
    """
    if not needs_adapting(text):
        return text
    decoded = decode_escapes(text.removeprefix("\ufeff"))
    try:
        tokens = settle_tokens(decoded, list(iter_tokens(decoded)), start, always=True)
    except QuerySyntaxError:
        return text
    parts: list[str] = []
    end = 0
    for first, last, written in _replacements(tokens, base):
        parts += [decoded[end : first.offset], written]
        end = last.offset + len(last.text)
    return "".join([*parts, decoded[end:]]) if parts else text


def _replacements(tokens: list[Token], base: str) -> list[tuple[Token, Token, str]]:
    """Return what stands from a first to a last token and what is to stand there."""
    found: list[tuple[Token, Token, str]] = []
    is_declared = False
    for position, token in enumerate(tokens):
        if token.kind == "iri" and not is_declared:
            reference = _reference(token)
            if reference is not None:
                found.append((token, token, f"<{resolve_iri(base, reference)}>"))
            is_declared = position > 0 and tokens[position - 1].is_word("BASE")
        elif token.is_word("TRUE", "FALSE"):
            found.append((token, token, token.text.lower()))
        elif [other.text for other in tokens[position : position + 3]] == ["!", "(", ")"]:
            found.append((token, tokens[position + 2], _ANY_PROPERTY))
    return found


def _reference(token: Token) -> str | None:
    """Return the relative reference that a token is, ``None`` if it is an IRI or no reference at all."""
    try:
        written = unescape(token.text[1:-1], only_numeric=True)
    except BadEscapeError:
        return None
    return None if is_absolute(written) else written
