"""Short queries in which nothing needs a closer look before the engine sees them: told without reading their tokens.

A text is plain if no tokens that it could be split into make it a call of another server, a query of a dataset of its
own, one whose answer differs from one time to the next, or one that nests or branches far. What a plain text breaks of
the grammar the engine finds, and then its tokens are read for the place.
"""

from __future__ import annotations

import re

from kgraph.sparql.adapting import needs_adapting
from kgraph.sparql.text import QueryText

_LONGEST = 2000
_MANY = 100

_IRI = r"<[^<>\"{}|^`\\\x00-\x20]*>"
_OPENING = re.compile(
    rf"(?:\s|#[^\r\n]*[\r\n])*(?:(?:PREFIX\s+[A-Za-z][\w-]*:|PREFIX\s+:|BASE)\s*{_IRI}\s*)*(SELECT|ASK|CONSTRUCT|DESCRIBE)\b",
    re.ASCII | re.IGNORECASE,
)
_SUSPECT = ("service", "from", "rand", "uuid", "bnode")
_NOW = re.compile(r"now\b", re.IGNORECASE)
_NESTING = "({[!-+^<"


def read_plain(text: str) -> QueryText | None:
    """Return what there is to know of a plain query, or ``None`` for a text whose tokens have to be read."""
    # Most queries come by here, and words are found faster one by one than by one expression.
    if len(text) > _LONGEST or "\\" in text:
        return None
    lowered = text.lower()
    for word in _SUSPECT:
        if word in lowered:
            return None
    for sign in _NESTING:
        if text.count(sign) > _MANY:
            return None
    if ("now" in lowered and _NOW.search(text)) or needs_adapting(text):
        return None
    opening = _OPENING.match(text)
    return None if opening is None else QueryText(text, opening[1].upper())
