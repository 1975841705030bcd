"""Short queries in which nothing needs a closer look before the engine sees them: told without reading their tokens.

A text is plain if no tokens that it could be split into make it a call of another server, a query of a dataset of its
own, one whose answer differs from one time to the next, one that nests or branches far, or one that calls a function by
an IRI, save those that cast to a datatype. What a plain text breaks of
the grammar the engine finds, and then its tokens are read for the place.

Programs ask the same again and again of one resource after the other, page after page. So a text is read by its
*skeleton*, which leaves out what changes from one to the next, and what was found of a skeleton is remembered.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kgraph.sparql.adapting import needs_adapting
from kgraph.sparql.functions import calls_only_casts
from kgraph.sparql.text import CHOOSING, QueryText
from kgraph.vocabulary import RESOURCES

_LONGEST = 2000
_MANY = 100

_IRI = r"<[^<>\"{}|^`\\\x00-\x20]*>"
_OPENING = re.compile(
    rf"(?:\s|#[^\r\n]*[\r\n])*((?:(?:PREFIX\s+[A-Za-z][\w-]*:|PREFIX\s+:|BASE)\s*{_IRI}\s*)*)(SELECT|ASK|CONSTRUCT|DESCRIBE)\b",
    re.ASCII | re.IGNORECASE,
)
_SUSPECT = ("service", "rand", "uuid", "bnode")
_NOW = re.compile(r"now\b", re.IGNORECASE)
# Before the word for a dataset there can be no letter or digit that does not make it another one.
_FROM = re.compile(r"\bfrom\b", re.IGNORECASE)
_CHOOSING = re.compile(rf"(?<![A-Za-z_?$:/#-])(?:{'|'.join(CHOOSING)})(?![A-Za-z_-])", re.IGNORECASE)
_NESTING = "({[!-+^<"
_REMEMBERED = 1024

# A sign of comparison is not followed by two slashes, and no mark of quotation is passed over: what begins like the
# address of a resource is one, or stands as a whole in a string or a comment.
_RESOURCE = re.compile(rf"<{re.escape(RESOURCES)}[^<>\"'{{}}|^`\\\x00-\x20]+>")
_ANY_RESOURCE = f"<{RESOURCES}>"
_PAGING = ("LIMIT ", "OFFSET ")
_DIGITS = "0123456789"


def skeleton_of(text: str) -> str:
    """Return a text without what names a resource in its addresses and without the numbers of LIMIT and OFFSET.

    Two texts with the same skeleton have the same tokens but for these.
    """
    skeleton = _RESOURCE.sub(_ANY_RESOURCE, text)
    for word in _PAGING:
        before, found, after = skeleton.rpartition(word)
        if found:
            skeleton = before + found + after.lstrip(_DIGITS)
    return skeleton


def read_plain(text: str) -> QueryText | None:
    """Return what there is to know of a plain query, or ``None`` for a text whose tokens have to be read."""
    if len(text) > _LONGEST or "\\" in text:
        return None
    skeleton = skeleton_of(text)
    form = _form_of(skeleton)
    return QueryText(text, form, has_choice=_has_choice(skeleton), skeleton=skeleton) if form else None


@lru_cache(maxsize=_REMEMBERED)
def _form_of(skeleton: str) -> str:
    """Return the form of the queries with a skeleton, empty if they are not plain."""
    # Words are found faster one by one than by one expression.
    lowered = skeleton.lower()
    for word in _SUSPECT:
        if word in lowered:
            return ""
    for sign in _NESTING:
        if skeleton.count(sign) > _MANY:
            return ""
    if ("now" in lowered and _NOW.search(skeleton)) or ("from" in lowered and _FROM.search(skeleton)):
        return ""
    if needs_adapting(skeleton):
        return ""
    opening = _OPENING.match(skeleton)
    return opening[2].upper() if opening and calls_only_casts(skeleton, opening[1]) else ""


@lru_cache(maxsize=_REMEMBERED)
def _has_choice(skeleton: str) -> bool:
    """Tell whether one of the words is there that leave the engine a choice, if only in a string or a comment."""
    return _CHOOSING.search(skeleton) is not None
