"""Calls of other endpoints in a query, found in its text and replaced by inline data (SPARQL 1.1 Federated Query).

A SERVICE is evaluated by itself, to a multiset of solutions that is joined with the rest of its group (section 4 of
that specification). So a query asks the same if VALUES with those solutions, each as often as it occurs, stands in its
place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kgraph.errors import QuerySyntaxError, RequestError
from kgraph.sparql.prologue import Prologue
from kgraph.sparql.rewriting import ROW
from kgraph.sparql.scope import matching_bracket, visible_variables
from kgraph.sparql.tokens import Token

_BREAK = re.compile(r"\r\n|\n|\r")
_NOT_BREAK = re.compile(r"[^\r\n]")
_UNDEF = "UNDEF"

Solution = tuple[str | None, ...]
"""A term for each variable of a call, in N-Triples syntax or as the engine writes it; ``None`` where it is unbound."""


@dataclass(frozen=True)
class ServiceCall:
    """An outermost SERVICE of a query.

    ``address`` is that of the endpoint and ``query`` what it is asked; solutions are wanted for ``variables``.
    ``line`` and ``column`` say where SERVICE stands, ``start`` and ``end`` from where to where in the text it goes.
    """

    address: str
    query: str
    variables: tuple[str, ...]
    is_silent: bool
    line: int
    column: int
    start: int
    end: int


def read_calls(
    text: str, tokens: Sequence[Token], start: int, prologue: Prologue, endpoints: frozenset[str], most: int
) -> tuple[ServiceCall, ...]:
    """Return the calls of a query, whose form is the token at ``start``; a SERVICE within another belongs to that.

    The tokens must fit the grammar. An endpoint is asked for the variables that are in scope at the end of its pattern
    and that the query names elsewhere, or for all of them where ``*`` stands for them: solutions without the others are
    just as many. Raises :class:`kgraph.errors.RequestError` for a variable in the place of an address, for an address
    that is not one of ``endpoints``, and for more than ``most`` calls; and :class:`kgraph.errors.QuerySyntaxError` for
    a blank node that stands in a call and elsewhere (SPARQL 1.1 Query, section 5.1.1).
    """
    spans = list(_iter_spans(tokens, start))
    if len(spans) > most:
        token = tokens[spans[most][0]]
        raise RequestError("service-too-many", 400, line=token.line, column=token.column, limit=most)
    _check_labels(tokens, spans)
    declarations = _declarations(tokens[:start])
    wants_all = bool(spans) and _wants_all(tokens, spans)
    return tuple(
        _read_call(text, tokens, span, prologue, endpoints, declarations, None if wants_all else _named(tokens, span))
        for span in spans
    )


def without_calls(text: str, calls: Sequence[ServiceCall]) -> str:
    """Return a query with an empty group for each call: what it asks of our own data, with every token in place."""
    for call in reversed(calls):
        blank = _NOT_BREAK.sub(" ", text[call.start + 2 : call.end])
        text = f"{text[: call.start]}{{}}{blank}{text[call.end :]}"
    return text


def inline_data(variables: Sequence[str], solutions: Sequence[Solution]) -> str:
    """Return a VALUES of solutions, on one line."""
    rows = " ".join("(" + " ".join(term or _UNDEF for term in solution) + ")" for solution in solutions)
    return f" VALUES ({' '.join('?' + name for name in variables)}) {{ {rows} }} "


@dataclass(frozen=True)
class FilledText:
    """A query whose calls are replaced by ``blocks`` of inline data, one for each."""

    original: str
    calls: tuple[ServiceCall, ...]
    blocks: tuple[str, ...]

    @property
    def text(self) -> str:
        """The query without calls."""
        parts: list[str] = []
        end = 0
        for call, block in zip(self.calls, self.blocks, strict=True):
            parts += [self.original[end : call.start], block]
            end = call.end
        return "".join([*parts, self.original[end:]])

    def place_of(self, line: int, column: int) -> tuple[int, int]:
        """Return where in the original a place of :attr:`text` is; within inline data, it is that of the call."""
        offset = _offset(self.text, line, column)
        grown = 0
        for call, block in zip(self.calls, self.blocks, strict=True):
            if offset <= call.start + grown:
                break
            if offset < call.start + grown + len(block):
                # Just after the beginning, so that SERVICE itself is what stands before the place.
                return call.line, call.column + 1
            grown += len(block) - (call.end - call.start)
        return _place(self.original, offset - grown)


def _iter_spans(tokens: Sequence[Token], start: int) -> Iterator[tuple[int, int]]:
    """Yield the indexes of the first and the last token of each outermost SERVICE."""
    position = start
    while position < len(tokens):
        if tokens[position].is_word("SERVICE"):
            opening = position
            while tokens[opening].text != "{":
                opening += 1
            close = matching_bracket(tokens, opening)
            yield position, close
            position = close
        position += 1


def _wants_all(tokens: Sequence[Token], spans: Sequence[tuple[int, int]]) -> bool:
    """Tell whether ``*`` stands for variables anywhere outside of the calls."""
    inside = {position for first, last in spans for position in range(first, last + 1)}
    return any(
        token.text == "*" and position not in inside and tokens[position - 1].is_word(*_BEFORE_ALL)
        for position, token in enumerate(tokens)
    )


_BEFORE_ALL = ("SELECT", "DISTINCT", "REDUCED", "DESCRIBE")


def _named(tokens: Sequence[Token], span: tuple[int, int]) -> frozenset[str]:
    """Return the variables that are named outside of a call, other calls included."""
    outside = (*tokens[: span[0]], *tokens[span[1] + 1 :])
    return frozenset(token.text[1:] for token in outside if token.kind == "variable")


def _check_labels(tokens: Sequence[Token], spans: Sequence[tuple[int, int]]) -> None:
    """Refuse a label of a blank node that stands in two parts of a query, which no engine sees once they are parted."""
    parts: dict[str, int] = {}
    calls = [(first, last, number) for number, (first, last) in enumerate(spans, 1)]
    for position, token in enumerate(tokens):
        if token.kind == "blank":
            part = next((number for first, last, number in calls if first <= position <= last), 0)
            if parts.setdefault(token.text, part) != part:
                reason = f"{token.text} stands both within and outside of SERVICE"
                raise QuerySyntaxError("query-invalid", token.line, token.column, length=len(token.text), reason=reason)


def _declarations(tokens: Sequence[Token]) -> str:
    """Return BASE and PREFIX as they stand; ``VERSION`` is a matter between the client and us."""
    return "".join(f"{token.text} " for token in tokens if token.kind != "string" and not token.is_word("VERSION"))


def _read_call(
    text: str,
    tokens: Sequence[Token],
    span: tuple[int, int],
    prologue: Prologue,
    endpoints: frozenset[str],
    declarations: str,
    named: frozenset[str] | None,
) -> ServiceCall:
    first, last = span
    service = tokens[first]
    is_silent = tokens[first + 1].is_word("SILENT")
    target = tokens[first + 2 if is_silent else first + 1]
    if target.kind == "variable":
        raise RequestError("service-variable", 403, line=target.line, column=target.column, found=target.text)
    address = prologue.iri(target)
    if address not in endpoints:
        raise RequestError("service-not-listed", 403, line=target.line, column=target.column, address=address)
    opening = first + (3 if is_silent else 2)
    visible = visible_variables(tokens, opening)
    variables = tuple(name for name in visible if named is None or name in named)
    pattern = text[tokens[opening].offset : tokens[last].offset + 1]
    columns = " ".join("?" + name for name in variables) or f"(1 AS ?{_unused(visible)})"
    return ServiceCall(
        address,
        f"{declarations}SELECT {columns} WHERE {pattern}",
        variables,
        is_silent,
        service.line,
        service.column,
        service.offset,
        tokens[last].offset + 1,
    )


def _unused(names: Sequence[str]) -> str:
    """Return a variable that is none of those given."""
    name = ROW
    while name in names:
        name += "_"
    return name


def _offset(text: str, line: int, column: int) -> int:
    starts = [0, *(match.end() for match in _BREAK.finditer(text))]
    return min(starts[min(line, len(starts)) - 1] + column - 1, len(text))


def _place(text: str, offset: int) -> tuple[int, int]:
    starts = [0, *(match.end() for match in _BREAK.finditer(text, 0, offset))]
    return len(starts), offset - starts[-1] + 1
