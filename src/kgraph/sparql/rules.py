"""The rules of SPARQL beyond its grammar: which of them a text breaks that fits the grammar and is refused.

The engine tells them in English or not at all, and seldom where. So each rule is looked for in the tokens; what is
found nowhere is told by the kind of the engine's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from kgraph.sparql.tokens import Token

_ARGUMENTS = {
    (0, 0): "NOW RAND UUID STRUUID",
    (0, 1): "BNODE",
    (1, 1): """STR LANG LANGDIR DATATYPE BOUND IRI URI ABS CEIL FLOOR ROUND STRLEN UCASE LCASE ENCODE_FOR_URI YEAR MONTH
        DAY HOURS MINUTES SECONDS TIMEZONE TZ MD5 SHA1 SHA256 SHA384 SHA512 ISIRI ISURI ISBLANK ISLITERAL ISNUMERIC
        HASLANG HASLANGDIR ISTRIPLE SUBJECT PREDICATE OBJECT""",
    (2, 2): "LANGMATCHES CONTAINS STRSTARTS STRENDS STRBEFORE STRAFTER STRLANG STRDT SAMETERM",
    (2, 3): "SUBSTR REGEX",
    (3, 3): "IF STRLANGDIR TRIPLE",
    (3, 4): "REPLACE",
}
_ARITY = {name: bounds for bounds, names in _ARGUMENTS.items() for name in names.split()}
_AGGREGATES = ("SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT")
_ESCAPE = re.compile(r"\\(?![tbnrf\\\"'])")
_SENTENCE = re.compile("[a-z]{2,} [a-z]{2,}")
_OPENING, _CLOSING = "({[", ")}]"
_FUNCTION = re.compile("function <([^<>]*)> requires")
_BY_WORDS = {
    "SELECT overrides": "fault-variable-taken",
    "Duplicated variable": "fault-selected-twice",
    "variable that is unbound": "fault-not-grouped",
    "not authorized with GROUP BY": "fault-star-grouped",
    "IRI parsing failed": "fault-iri",
}


class Breach(NamedTuple):
    """A rule that is broken: its name in the catalogue, the token where, and what the wording tells."""

    fault: str
    token: Token | None
    found: str = ""


def find_breach(tokens: Sequence[Token], words: str) -> Breach | None:
    """Return the rule that a refused text breaks, ``None`` if it is none of those that are known.

    ``words`` are the engine's. A rule whose place is not known has no token.
    """
    found = next(_in_tokens(tokens), None)
    if found is not None:
        return found
    function = _FUNCTION.search(words)
    if function:
        return Breach("fault-arguments", _call_of(tokens, function[1]), f"<{function[1]}>")
    told = next((fault for part, fault in _BY_WORDS.items() if part in words), "")
    if told == "fault-variable-taken":
        token = _named_again(tokens)
        return Breach(told, token, token.text) if token else None
    if told or _SENTENCE.search(words):
        return Breach(told, None) if told else None
    # The engine has no words for this one, and a variable may stand before where it is not in scope.
    binds = (place for place, token in enumerate(tokens) if token.is_word("BIND"))
    return next((breach for place in binds for breach in _bound_before(tokens, place)), None)


def _in_tokens(tokens: Sequence[Token]) -> Iterator[Breach]:
    for position, (token, following) in enumerate(pairwise(tokens)):
        name = token.text.upper()
        if token.kind == "string" and _ESCAPE.search(token.text.replace("\\\\", "")):
            yield Breach("fault-escape", token, token.text)
        if token.kind == "word" and following.text == "(":
            if name in _ARITY and not _fits(_ARITY[name], _count(tokens, position + 1)):
                yield Breach("fault-arguments", token, name)
            if name in _AGGREGATES and [part.text for part in tokens[position + 2 : position + 3]] == ["*"]:
                yield Breach("fault-star", token, name)
        if token.is_word("VALUES") and following.text == "(":
            yield from _uneven(tokens, position + 1)
    yield from _shared_labels(tokens)


def _fits(bounds: tuple[int, int], count: int) -> bool:
    return bounds[0] <= count <= bounds[1]


def _end(tokens: Sequence[Token], opening: int) -> int:
    """Return the index of the bracket that closes the one at ``opening``."""
    depth = 0
    for position in range(opening, len(tokens)):
        if tokens[position].kind == "sign":
            depth += (tokens[position].text in _OPENING) - (tokens[position].text in _CLOSING)
        if depth == 0:
            return position
    return len(tokens)


def _count(tokens: Sequence[Token], opening: int) -> int:
    """Return how many arguments stand between a bracket and its end."""
    position, end, commas = opening + 1, _end(tokens, opening), 0
    if position >= end:
        return 0
    while position < end:
        commas += tokens[position].text == ","
        position = _end(tokens, position) + 1 if tokens[position].text in _OPENING else position + 1
    return commas + 1


def _bound_before(tokens: Sequence[Token], position: int) -> Iterator[Breach]:
    """Yield the variable of a BIND that its group holds already (SPARQL 1.1 Query, section 18.2.1)."""
    end = _end(tokens, position + 1)
    if end >= len(tokens):
        return
    variable, depth, start = tokens[end - 1], 0, position - 1
    while start >= 0 and depth >= 0:
        sign = tokens[start].text if tokens[start].kind == "sign" else ""
        depth += (sign == "}") - (sign == "{")
        start -= 1
    if variable.text[1:] in {token.text[1:] for token in tokens[start + 2 : position] if token.kind == "variable"}:
        yield Breach("fault-variable-taken", variable, variable.text)


def _uneven(tokens: Sequence[Token], opening: int) -> Iterator[Breach]:
    """Yield the first row of VALUES that has another number of values than there are variables."""
    width = _end(tokens, opening) - opening - 1
    names = [token.text[1:] for token in tokens[opening + 1 : opening + 1 + width]]
    if len(set(names)) < len(names):
        yield Breach("fault-selected-twice", tokens[opening + 1], tokens[opening + 1].text)
    position = _end(tokens, opening) + 2
    while position < len(tokens) and tokens[position].text == "(":
        end = _end(tokens, position)
        row = [token for token in tokens[position + 1 : end] if token.kind != "language" and token.text != "^^"]
        typed = sum(token.text == "^^" for token in tokens[position + 1 : end])
        if len(row) - typed != width:
            yield Breach("fault-values", tokens[position])
            return
        position = end + 1


def _shared_labels(tokens: Sequence[Token]) -> Iterator[Breach]:
    """Yield the label of a blank node that stands in two groups (SPARQL 1.1 Query, section 5.1.1)."""
    homes: dict[str, int] = {}
    groups, number = [0], 0
    for token in tokens:
        if token.text in ("{", "}"):
            number += 1
            groups = [*groups, number] if token.text == "{" else groups[:-1] or [0]
        elif token.kind == "blank" and homes.setdefault(token.text, groups[-1]) != groups[-1]:
            yield Breach("fault-shared-label", token, token.text)


def _named_again(tokens: Sequence[Token]) -> Token | None:
    """Return the first variable after AS that stands elsewhere too."""
    names = [token.text[1:] for token in tokens if token.kind == "variable"]
    named = (after for token, after in pairwise(tokens) if token.is_word("AS") and after.kind == "variable")
    return next((token for token in named if names.count(token.text[1:]) > 1), None)


def _call_of(tokens: Sequence[Token], iri: str) -> Token | None:
    """Return the call of a function. Names are not resolved: the first that ends like its IRI is close enough."""
    for token, following in pairwise(tokens):
        is_name = token.kind == "name" and iri.endswith(token.text.partition(":")[2])
        if following.text == "(" and (is_name or (token.kind == "iri" and token.text[1:-1] == iri)):
            return token
    return None
