"""What a check query looks for, read from its tokens: alternatives, each a conjunction of patterns in nested groups.

Conditions on values are left out. What is not read with certainty is refused, or counts as having to do with nothing
else: then its query is refused if that matters (:mod:`kgraph.validation.reach`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import count, pairwise, product
from typing import NamedTuple

from kgraph.errors import QuerySyntaxError
from kgraph.sparql.diagnosis import settle_tokens
from kgraph.sparql.grammar import AGGREGATES
from kgraph.sparql.paths import Cursor, Path, read_path
from kgraph.sparql.prologue import Prologue
from kgraph.sparql.scope import matching_bracket, next_opening, visible_variables
from kgraph.sparql.tokens import Token, decode_escapes, iter_tokens

FOCUS = "focus"
"""The variable of the resource that a row of a check query is about."""

_COUNTING = ("COUNT", "SUM", "AVG", "GROUP_CONCAT")

Group = tuple[int, ...]
"""A group of patterns that may have no solution where the query has one; it begins with the groups around it."""


class Edge(NamedTuple):
    """A pattern: its ends are names of variables, and so is ``by`` where the predicate is a variable.

    ``predicates`` are IRIs, ``None`` for any. A ``closure`` goes any number of times, none included.
    """

    subject: str
    predicates: frozenset[str] | None
    object: str
    closure: bool
    by: str | None
    group: Group


class Same(NamedTuple):
    """Two variables that have one value in every solution."""

    one: str
    other: str


class Values(NamedTuple):
    """A variable whose value is one of these IRIs."""

    variable: str
    iris: frozenset[str]
    group: Group


Item = Edge | Same | Values
Alternatives = list[list[Item]]


class Patterns(NamedTuple):
    """The alternatives of a check query.

    ``once`` names the variables of which nothing matters but that they have a value.
    """

    alternatives: Alternatives
    once: frozenset[str]


class NotDerivableError(ValueError):
    """A rule whose chains cannot be told from its text; it needs the whole graph."""


def read_patterns(text: str) -> Patterns:
    """Read the text of a check query that the engine understands.

    Raises :class:`NotDerivableError` for one that is more than patterns around a focus.
    """
    text = decode_escapes(text)
    prologue = Prologue()
    try:
        tokens = settle_tokens(text, list(iter_tokens(text)), "Query", always=True)
        start = prologue.declare(tokens)
        prologue.check_names(tokens[start:])
    except QuerySyntaxError as error:
        raise NotDerivableError(f"line {error.line}, column {error.column} is not understood") from error
    if not tokens[start].is_word("SELECT"):
        raise NotDerivableError("a check query is a SELECT query")
    once = _mentioned_once(tokens)
    return Patterns(_Reader(Cursor(tokens, start), prologue, once).query(), once)


def _mentioned_once(tokens: Sequence[Token]) -> frozenset[str]:
    """Return the variables that are mentioned once; none if the query shows or counts what is not mentioned."""
    for token, following, third in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.is_word("SELECT") and "*" in (following.text, third.text):
            return frozenset()
        if token.is_word(*_COUNTING) and not third.is_word("DISTINCT"):
            return frozenset()
    mentions = Counter(_variables(tokens))
    return frozenset(name for name, times in mentions.items() if times == 1)


_Names = Callable[[str], str]
"""Gives the variables of a part of the query their names: two have the same name if they are the same variable."""


class _Reader:
    """Reads a query at a cursor."""

    def __init__(self, cursor: Cursor, prologue: Prologue, once: frozenset[str]) -> None:
        self._cursor = cursor
        self._prologue = prologue
        self._once = once
        self._numbers = count()

    def query(self) -> Alternatives:
        """Read the whole query from its SELECT on."""
        keys, found = self._select((), str)
        if keys is not None and FOCUS not in keys:
            raise NotDerivableError("the groups are not of one focus each")
        return found

    def _select(self, group: Group, names: _Names) -> tuple[Set[str] | None, Alternatives]:
        """Read a SELECT and all that belongs to it; return the variables by which it groups, if it does, as well."""
        cursor = self._cursor
        start = cursor.position
        while not cursor.at("{"):
            self._refuse("FROM", "EXISTS")
            cursor.take()
        head = cursor.tokens[start : cursor.position]
        shown = _projection(head) or visible_variables(cursor.tokens, cursor.position)
        names = self._narrowed(names, shown)
        found = self._group(group, names)
        keys = self._modifiers()
        if keys is None and any(token.is_word(*AGGREGATES) for token in head):
            keys = frozenset()
        if cursor.at_word("VALUES"):
            found = _both(found, [list(self._values(group, names))])
        return keys, found

    def _modifiers(self) -> Set[str] | None:
        """Pass over what follows the group of a SELECT, up to its values; return the variables by which it groups."""
        cursor = self._cursor
        keys: set[str] | None = None
        depth, is_key = 0, False
        while cursor.position < len(cursor.tokens) and not cursor.at("}") and not cursor.at_word("VALUES"):
            self._refuse("EXISTS", "LIMIT", "OFFSET")
            token = cursor.take()
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if token.is_word("GROUP", "HAVING"):
                keys = keys or set()
            if token.is_word("GROUP", "HAVING", "ORDER"):
                is_key = token.is_word("GROUP")
            elif is_key and keys is not None and depth == 0 and token.kind == "variable":
                keys.add(token.text[1:])
        return keys

    def _group(self, group: Group, names: _Names, outer: frozenset[str] = frozenset()) -> Alternatives:
        """Read a group of patterns; ``outer`` are the variables that have a value before, as it is with EXISTS."""
        cursor = self._cursor
        opening = cursor.position
        end = matching_bracket(cursor.tokens, opening)
        cursor.take()
        found: Alternatives = [[]]
        stated: set[str] = set()
        while cursor.position < end:
            if cursor.at_word("SELECT"):
                found = self._select(group, names)[1]
            elif cursor.at_word("OPTIONAL", "MINUS"):
                before = visible_variables(cursor.tokens, opening, cursor.position)
                cursor.take()
                found = _both(found, self._group(self._inner(group), self._narrowed(names, before)))
            elif cursor.at_word("FILTER"):
                close = matching_bracket(cursor.tokens, next_opening(cursor.tokens, cursor.position))
                seen = outer.union(visible_variables(cursor.tokens, opening))
                found = _both(found, self._conditions(close, group, names, seen))
            elif cursor.at_word("BIND"):
                same = self._same(group, names, stated)
                seen = outer.union(visible_variables(cursor.tokens, opening, cursor.position))
                close = matching_bracket(cursor.tokens, cursor.position + 1)
                found = _both(found, self._conditions(close, group, names, seen), [same])
            elif cursor.at_word("VALUES"):
                found = _both(found, [list(self._values(group, names))])
            elif cursor.at("{"):
                found = _both(found, self._union(group, names))
            elif not cursor.skip("."):
                self._refuse("GRAPH", "SERVICE", "LATERAL")
                start = cursor.position
                found = _both(found, self._statements(group, names))
                stated.update(_variables(cursor.tokens[start : cursor.position]))
        cursor.position = end + 1
        return found

    def _union(self, group: Group, names: _Names) -> Alternatives:
        found = self._group(group, names)
        while self._cursor.at_word("UNION"):
            self._cursor.take()
            found = found + self._group(group, names)
        return found

    def _conditions(self, end: int, group: Group, names: _Names, seen: frozenset[str]) -> Alternatives:
        """Read the groups of EXISTS and NOT EXISTS up to a place; ``seen`` are the variables that they share."""
        cursor = self._cursor
        found: Alternatives = [[]]
        while cursor.position <= end:
            if cursor.take().is_word("EXISTS"):
                found = _both(found, self._group(self._inner(group), self._narrowed(names, seen), seen))
        return found

    def _same(self, group: Group, names: _Names, stated: Set[str]) -> list[Item]:
        """Return what a BIND tells of two variables, where the first has a value in every solution."""
        place = self._cursor.position
        value, word, variable = self._cursor.tokens[place + 2 : place + 5]
        if group or value.kind != "variable" or value.text[1:] not in stated or not word.is_word("AS"):
            return []
        return [Same(names(variable.text[1:]), names(value.text[1:]))]

    def _values(self, group: Group, names: _Names) -> Iterator[Values]:
        """Read VALUES; yield the variables whose values are all IRIs."""
        cursor = self._cursor
        cursor.take()
        variables = [cursor.take().text[1:]]
        if not variables[0]:
            variables = []
            while not cursor.skip(")"):
                variables.append(cursor.take().text[1:])
        cursor.take()
        columns: list[list[str | None]] = [[] for _ in variables]
        while not cursor.skip("}"):
            bracketed = cursor.skip("(")
            for column in columns:
                column.append(self._constant())
            if bracketed and not cursor.skip(")"):
                raise NotDerivableError("a row of VALUES that is too long")
        for variable, column in zip(variables, columns, strict=True):
            iris = frozenset(iri for iri in column if iri is not None)
            if None not in column:
                yield Values(names(variable), iris, group)

    def _constant(self) -> str | None:
        """Pass over an IRI or a literal; return the IRI."""
        cursor = self._cursor
        token = cursor.take()
        if token.kind in ("iri", "name"):
            return self._iri(token)
        if token.kind == "sign" and token.text not in ("+", "-"):
            raise NotDerivableError(f"{token.text} in a check query")
        if token.kind == "sign" or cursor.skip("^^") or cursor.at_kind("language"):
            cursor.take()
        return None

    def _statements(self, group: Group, names: _Names) -> Alternatives:
        """Read what is stated of a subject."""
        found: list[Alternatives] = []
        self._properties(self._node(found, group, names), found, group, names)
        return _both(*found)

    def _properties(self, subject: str, found: list[Alternatives], group: Group, names: _Names) -> None:
        cursor = self._cursor
        while cursor.at_kind("variable", "iri", "name") or cursor.at_word("A") or cursor.at("^", "!", "("):
            by = names(cursor.take().text[1:]) if cursor.at_kind("variable") else None
            path = Path("!") if by is not None else read_path(cursor, self._iri)
            while True:
                value = self._node(found, group, names)
                found.append(self._edges(subject, path, value, by, group))
                if not cursor.skip(","):
                    break
            if not cursor.skip(";"):
                break
            while cursor.skip(";"):
                pass

    def _node(self, found: list[Alternatives], group: Group, names: _Names) -> str:
        """Read a subject or an object, with what is stated of it in brackets; return its name."""
        cursor = self._cursor
        if cursor.at_kind("variable"):
            return names(cursor.take().text[1:])
        if cursor.at_kind("blank"):
            return cursor.take().text
        name = f"/{next(self._numbers)}"
        if cursor.skip("["):
            self._properties(name, found, group, names)
            cursor.take()
        else:
            self._constant()
        return name

    def _edges(self, subject: str, path: Path, value: str, by: str | None, group: Group) -> Alternatives:
        """Return the ways over a path."""
        match path.kind:
            case "^":
                return self._edges(value, path.parts[0], subject, by, group)
            case "/":
                ends = [subject, *(f"/{next(self._numbers)}" for _ in path.parts[1:]), value]
                steps = zip(ends, path.parts, ends[1:], strict=False)
                return _both(*(self._edges(start, part, end, by, group) for start, part, end in steps))
            case "|" if any(part.kind != "iri" for part in path.parts):
                return [way for part in path.parts for way in self._edges(subject, part, value, by, group)]
            case "*":
                return [[Edge(subject, _predicates(path.parts[0]), value, True, by, group)]]
        return [[Edge(subject, _predicates(path), value, False, by, group)]]

    def _iri(self, token: Token) -> str:
        iri = self._prologue.certain_iri(token)
        if iri is None:
            raise NotDerivableError(f"the address {token.text}")
        return iri

    def _refuse(self, *words: str) -> None:
        if self._cursor.at_word(*words):
            raise NotDerivableError(f"{self._cursor.take().text} in a check query")

    def _inner(self, group: Group) -> Group:
        return (*group, next(self._numbers))

    def _narrowed(self, names: _Names, shown: Iterable[str]) -> _Names:
        """Return the names within a part of the query that shares only the variables ``shown`` with what is around it.

        What is mentioned once is shared with nothing, and keeps its name.
        """
        number = next(self._numbers)
        kept = self._once.union(shown)
        return lambda name: names(name) if name in kept else f"{name}/{number}"


def _predicates(path: Path) -> frozenset[str] | None:
    """Return the predicates of a path of one step forwards, ``None`` for any."""
    parts = (path,) if path.kind == "iri" else path.parts
    if path.kind not in ("iri", "|", "!") or any(part.kind != "iri" for part in parts):
        raise NotDerivableError("a path of several steps, gone any number of times or denied")
    return None if path.kind == "!" else frozenset(part.iri for part in parts)


def _projection(head: Sequence[Token]) -> Set[str]:
    """Return the variables that a SELECT shows, none if it shows all."""
    found: set[str] = set()
    depth = 0
    for before, token in pairwise(head):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.kind == "variable" and (depth == 0 or (depth == 1 and before.is_word("AS"))):
            found.add(token.text[1:])
    return found


def _variables(tokens: Sequence[Token]) -> Iterator[str]:
    return (token.text[1:] for token in tokens if token.kind == "variable")


def _both(*parts: Alternatives) -> Alternatives:
    return [[item for items in each for item in items] for each in product(*parts)]
