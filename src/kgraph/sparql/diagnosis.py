"""Where exactly a query breaks the grammar, and what could have stood there.

The engine names a place near the fault. Here the tokens are followed along the grammar to the first one that
does not fit. A text that fits breaks a rule beyond the grammar (a variable bound twice, a projection that is
not grouped): then the engine's reason stands.
"""

from __future__ import annotations

import re

from kgraph.errors import QuerySyntaxError
from kgraph.sparql.grammar import AGGREGATES, FUNCTIONS, Node, query_grammar
from kgraph.sparql.text import near
from kgraph.sparql.tokens import Token, iter_tokens

_KINDS = {
    "iri": "IRI",
    "string": "STRING",
    "variable": "VARIABLE",
    "blank": "BLANK",
    "name": "NAME",
    "number": "NUMBER",
    "language": "LANGUAGE",
}
_SHOWN = {
    "IRI": "<iri>",
    "NAME": "prefix:name",
    "STRING": '"text"',
    "VARIABLE": "?variable",
    "BLANK": "_:blank",
    "NUMBER": "number",
    "LANGUAGE": "@language",
    "FUNCTION": "function(…)",
    "AGGREGATE": "COUNT(…)",
    "A": "a",
}
_NOT_OFFERED = {"SERVICE", "LATERAL"}
_NOT_ADVICE = re.compile(r"^expected (one of )?|\[[^\]]*\](,\s*)?|(,\s*)?\[_\]")


def refine(text: str, error: QuerySyntaxError) -> QuerySyntaxError:
    """Return a complaint with the exact place, the token that stands there and those that could stand there.

    ``error`` is the engine's; it is returned with a clearer reason if the text fits the grammar.
    """
    tokens = list(iter_tokens(text.removeprefix("\ufeff")))
    found = _follow(tokens)
    if found is None:
        return _beyond_grammar(tokens, error)
    position, expected = found[0], found[1] - _NOT_OFFERED
    shown = tuple(sorted((_SHOWN.get(name, name) for name in expected), key=_advice_order))
    if position == len(tokens):
        last = tokens[-1]
        return QuerySyntaxError("query-ends-early", last.line, last.column + len(last.text), expected=shown)
    token = tokens[position]
    words = [name for name in expected if name.isalpha() and name not in _SHOWN]
    if token.kind == "word" and {"FUNCTION"} & expected:
        words += [*FUNCTIONS, *AGGREGATES]
    return QuerySyntaxError(
        "query-unexpected",
        token.line,
        token.column,
        length=len(token.text.splitlines()[0]),
        found=token.text,
        suggestion=near(token.text.upper(), words) if token.kind == "word" else "",
        expected=shown,
    )


def _follow(tokens: list[Token]) -> tuple[int, set[str]] | None:
    """Follow tokens along the grammar; return the first misfit with what would fit, ``None`` if all fit.

    A stack of its own is used in place of recursion, since brackets may nest deeply.
    """
    grammar = query_grammar()
    stack: list[Node] = [grammar.rules["Query"]]
    expected: set[str] = set()
    position = 0
    while stack:
        node = stack.pop()
        ahead = _name(tokens[position]) if position < len(tokens) else ""
        if node.kind == "rule":
            stack.append(grammar.rules[node.name])
        elif node.kind == "sequence":
            stack.extend(reversed(node.parts))
        elif node.kind == "token":
            if ahead != node.name:
                return position, expected | {node.name}
            position, expected = position + 1, set()
        else:
            chosen = next((part for part in node.parts if ahead in grammar.first(part)), None)
            expected |= grammar.first(node) if chosen is None else set()
            if chosen is not None:
                stack += [node, chosen] if node.kind == "repeat" else [chosen]
            elif not grammar.can_be_empty(node):
                return position, expected
    return (position, expected) if position < len(tokens) else None


def _name(token: Token) -> str:
    """Return the name that the grammar has for a token."""
    if token.kind != "word":
        return _KINDS.get(token.kind, token.text)
    word = token.text.upper()
    return "FUNCTION" if word in FUNCTIONS else "AGGREGATE" if word in AGGREGATES else word


def _advice_order(shown: str) -> tuple[bool, str]:
    return shown.isupper(), shown


def _beyond_grammar(tokens: list[Token], error: QuerySyntaxError) -> QuerySyntaxError:
    reason = _NOT_ADVICE.sub("", str(error.params.get("reason", ""))).strip(" ,") or "?"
    before = [token for token in tokens if (token.line, token.column) < (error.line, error.column)]
    place = before[-1] if before else None
    line, column = (place.line, place.column) if place else (error.line, error.column)
    return QuerySyntaxError("query-invalid", line, column, reason=reason)
