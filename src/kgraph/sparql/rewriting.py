"""A query's text made to say the same to any engine: without its dataset or with one, with values, as a count of rows.

Each function changes tokens and never the inside of one, so a value cannot change what a query asks; what is taken
out leaves white space behind, so that an engine's complaint still names the right line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kgraph.sparql.tokens import Token, decode_escapes, iter_tokens

ROW = "kgraph_row"
"""The variable of the query that :func:`count_rows` makes."""

_AFTER_DATASET = ("WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES")
_ALL = re.compile(r"SELECT\s*(?:(?:DISTINCT|REDUCED)\s*)?\*", re.IGNORECASE)
_VARIABLE = re.compile(r"[?$](\w+)")
_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")


def drop_dataset(text: str) -> str:
    """Return a query without FROM and FROM NAMED, for an engine that is given the dataset beside the text."""
    decoded = decode_escapes(text)
    tokens = list(iter_tokens(text))
    cuts: list[tuple[int, int]] = []
    for position, token in enumerate(tokens):
        if token.is_word("FROM") and position + 1 < len(tokens):
            target = tokens[position + 1]
            if target.is_word("NAMED") and position + 2 < len(tokens):
                target = tokens[position + 2]
            if target.kind in ("iri", "name"):
                cuts.append((token.offset, _end(target)))
    for start, end in reversed(cuts):
        decoded = decoded[:start] + _blank(decoded[start:end]) + decoded[end:]
    return decoded if cuts else text


def add_dataset(text: str, graph: str) -> str:
    """Return a query that has no dataset of its own with FROM and the IRI of a graph, on a line of its own."""
    decoded = decode_escapes(text)
    tokens = list(iter_tokens(text))
    start = next(position for position, token in enumerate(tokens) if token.is_word(*_FORMS))
    depth = 0
    place = len(decoded)
    for token in tokens[_after_template(tokens, start) :]:
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
        if depth == 0 and (token.text == "{" or token.is_word(*_AFTER_DATASET)):
            place = token.offset
            break
    return f"{decoded[:place].rstrip()}\nFROM <{graph}>\n{decoded[place:]}"


def bind_values(text: str, terms: Mapping[str, str]) -> str:
    """Return a query whose variables are bound to terms, given in N-Triples syntax by the variables' names.

    A row of VALUES is put at the start of the outermost group and of each group within that uses one of the
    variables, so that filters of inner groups see it too; a subquery gets it if it projects the variable, and MINUS
    does not, since there it would change which rows go.
    """
    if not terms:
        return text
    decoded = decode_escapes(text)
    groups = _read_groups(list(iter_tokens(text)), frozenset(terms))
    for group in sorted(groups, key=lambda found: found.start, reverse=True):
        if group.used:
            decoded = decoded[: group.start] + _values(terms, group.used) + decoded[group.start :]
    return decoded


def count_rows(text: str) -> str | None:
    """Return a SELECT that has a row for each solution of a CONSTRUCT or DESCRIBE, ``None`` if it has no pattern."""
    decoded = decode_escapes(text)
    tokens = list(iter_tokens(text))
    start = next((position for position, token in enumerate(tokens) if token.is_word(*_FORMS)), None)
    if start is None:
        return None
    position = _after_template(tokens, start)
    if position == start + 1:
        while position < len(tokens) and not (
            tokens[position].is_word("WHERE", "FROM") or tokens[position].text == "{"
        ):
            position += 1
    if all(token.text != "{" for token in tokens[position:]):
        return None
    first, rest = tokens[start].offset, tokens[position].offset
    return f"{decoded[:first]}SELECT (1 AS ?{ROW}){_blank(decoded[first:rest])} {decoded[rest:]}"


def selects_all(text: str) -> bool:
    """Tell whether a query may be a SELECT of all variables."""
    return "*" in text and _ALL.search(text) is not None


def name_columns(text: str, names: Sequence[str]) -> str:
    """Return a SELECT of all variables, which are ``names``, that has them in the order in which they first occur.

    The specification gives ``SELECT *`` no order, and engines have one of their own. Any other query stays as it is.
    """
    decoded = decode_escapes(text)
    has_begun = False
    for token in iter_tokens(text):
        if has_begun and token.text == "*":
            places = {name: place for place, name in enumerate(dict.fromkeys(_VARIABLE.findall(decoded, token.offset)))}
            ordered = sorted(names, key=lambda name: places.get(name, len(places)))
            columns = " ".join("?" + name for name in ordered)
            return decoded[: token.offset] + columns + decoded[_end(token) :] if columns else text
        if has_begun and not token.is_word("DISTINCT", "REDUCED"):
            break
        has_begun = has_begun or token.is_word("SELECT")
    return text


@dataclass
class _Group:
    """A group of patterns: where its inside starts, the variables in reach, and those of them that it uses."""

    start: int
    reach: frozenset[str]
    used: set[str] = field(default_factory=set)
    is_data: bool = False


def _read_groups(tokens: list[Token], names: frozenset[str]) -> list[_Group]:
    """Return the groups that may be given values, with the variables they use."""
    start = next((place for place, token in enumerate(tokens) if token.is_word(*_FORMS)), len(tokens))
    position = _after_template(tokens, start)
    found: list[_Group] = []
    stack: list[_Group] = []
    values = opened = False
    projected: frozenset[str] | None = None
    while position < len(tokens):
        token = tokens[position]
        if token.text == "{" and token.kind == "sign":
            if opened:
                reach = _reach(stack, tokens[position - 1], projected)
                group = _Group(_end(token), reach, is_data=values)
            else:
                group, opened = _Group(_end(token), names, set(names)), True
            values, projected = False, None
            stack.append(group)
            if not group.is_data and not _is_subquery(tokens, position):
                found.append(group)
        elif token.text == "}" and token.kind == "sign" and stack:
            closed = stack.pop()
            if stack:
                stack[-1].used |= closed.used & stack[-1].reach
        elif token.is_word("VALUES"):
            values = True
        elif token.is_word("SELECT"):
            projected = _projection(tokens, position) & (stack[-1].reach if stack else names)
        elif token.kind == "variable" and stack:
            stack[-1].used |= {token.text[1:]} & stack[-1].reach
        position += 1
    return found


def _reach(stack: list[_Group], before: Token, projected: frozenset[str] | None) -> frozenset[str]:
    """Return the variables that a group which opens now may be given."""
    if before.is_word("MINUS") or not stack:
        return frozenset()
    return stack[-1].reach if projected is None else projected


def _projection(tokens: list[Token], position: int) -> frozenset[str]:
    """Return the variables between SELECT and the pattern; with ``*`` any will do."""
    names: set[str] = set()
    depth = 0
    for token in tokens[position + 1 :]:
        if token.text == "{" or token.is_word("WHERE"):
            break
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
        if depth == 0 and token.text == "*":
            return frozenset(other.text[1:] for other in tokens if other.kind == "variable")
        if depth == 0 and token.kind == "variable":
            names.add(token.text[1:])
    return frozenset(names)


def _is_subquery(tokens: list[Token], position: int) -> bool:
    return position + 1 < len(tokens) and tokens[position + 1].is_word("SELECT")


def _values(terms: Mapping[str, str], names: set[str]) -> str:
    chosen = sorted(names)
    variables = " ".join("?" + name for name in chosen)
    return f" VALUES ({variables}) {{ ({' '.join(terms[name] for name in chosen)}) }} "


def _after_template(tokens: list[Token], start: int) -> int:
    """Return the place after the query's form and, for CONSTRUCT, after its template."""
    depth = 0
    if start + 1 < len(tokens) and tokens[start].is_word("CONSTRUCT") and tokens[start + 1].text == "{":
        for place in range(start + 1, len(tokens)):
            depth += {"{": 1, "}": -1}.get(tokens[place].text, 0)
            if depth == 0:
                return place + 1
    return start + 1


def _end(token: Token) -> int:
    return token.offset + len(token.text)


def _blank(text: str) -> str:
    return "".join(character if character in "\r\n" else " " for character in text)
