"""Which variables a group of patterns binds: those in scope at its end (SPARQL 1.1 Query, section 18.2.1)."""

from __future__ import annotations

from collections.abc import Sequence

from kgraph.sparql.tokens import Token

_CLOSING = {"{": "}", "(": ")"}


def visible_variables(tokens: Sequence[Token], opening: int, end: int | None = None) -> tuple[str, ...]:
    """Return the names of the variables in scope at the end of the group whose brace is at ``opening``, as they occur.

    With ``end``, the place where one of the group's patterns begins, they are those in scope there. The tokens must fit
    the grammar. Variables that stand only in a filter, in MINUS, in the place of an address, or within a subquery that
    does not project them are not in scope.
    """
    found: dict[str, None] = {}
    _take_patterns(tokens, opening, matching_bracket(tokens, opening) + 1 if end is None else end, found)
    return tuple(found)


def matching_bracket(tokens: Sequence[Token], opening: int) -> int:
    """Return the index of the bracket, round or curly, that closes the one at ``opening``."""
    sign = tokens[opening].text
    depth = 0
    for position in range(opening, len(tokens)):
        token = tokens[position]
        if token.kind == "sign":
            depth += (token.text == sign) - (token.text == _CLOSING[sign])
            if depth == 0:
                return position
    raise ValueError("the bracket is never closed")


def _take_patterns(tokens: Sequence[Token], position: int, end: int, found: dict[str, None]) -> None:
    """Take in the variables that the patterns between two places bind."""
    while position < end:
        token = tokens[position]
        if token.is_word("MINUS", "FILTER"):
            position = matching_bracket(tokens, next_opening(tokens, position))
        elif token.is_word("BIND"):
            position = matching_bracket(tokens, position + 1)
            found[tokens[position - 1].text[1:]] = None
        elif token.is_word("SERVICE"):
            # A variable in the place of the address is bound elsewhere or not at all.
            position = next_opening(tokens, position) - 1
        elif token.is_word("SELECT"):
            # A subquery is all that its group has.
            close = matching_bracket(tokens, position - 1)
            _take_subquery(tokens, position + 1, close, found)
            position = close
        elif token.kind == "variable":
            found[token.text[1:]] = None
        position += 1


def _take_subquery(tokens: Sequence[Token], position: int, close: int, found: dict[str, None]) -> None:
    """Take in the variables of a subquery that begins before ``position`` and ends at ``close``."""
    if tokens[position].is_word("DISTINCT", "REDUCED"):
        position += 1
    if tokens[position].text == "*":
        opening = next_opening(tokens, position)
        end = matching_bracket(tokens, opening) + 1
        _take_patterns(tokens, opening, end, found)
        _take_patterns(tokens, _trailing_values(tokens, end, close), close, found)
        return
    while tokens[position].text != "{" and not tokens[position].is_word("WHERE"):
        if tokens[position].text == "(":
            position = matching_bracket(tokens, position)
            found[tokens[position - 1].text[1:]] = None
        else:
            found[tokens[position].text[1:]] = None
        position += 1


def _trailing_values(tokens: Sequence[Token], position: int, close: int) -> int:
    """Return where the VALUES after the modifiers of a subquery begins, ``close`` if it has none."""
    while position < close and not tokens[position].is_word("VALUES"):
        if tokens[position].kind == "sign" and tokens[position].text in _CLOSING:
            position = matching_bracket(tokens, position)
        position += 1
    return position


def next_opening(tokens: Sequence[Token], position: int) -> int:
    """Return the index of the next bracket, round or curly, that opens at ``position`` or later."""
    while tokens[position].kind != "sign" or tokens[position].text not in _CLOSING:
        position += 1
    return position
