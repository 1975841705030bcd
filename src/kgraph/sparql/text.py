"""What must be known of a query's text before an engine sees it: form, dataset, size, nesting, refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgraph.errors import QuerySyntaxError, RequestError
from kgraph.sparql.diagnosis import near, settle_tokens
from kgraph.sparql.federation import ServiceCall, read_calls
from kgraph.sparql.prologue import Prologue
from kgraph.sparql.tokens import Token, decode_escapes, iter_tokens
from kgraph.turtle.iris import is_well_formed

QUERY_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
UPDATE_FORMS = ("INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH")

_OPENING = {"{": "}", "(": ")", "[": "]", "{|": "|}", "<<": ">>", "<<(": ")>>"}
_BRANCHING = {"||", "&&"}
_BRANCHING_WORDS = ("UNION", "OPTIONAL", "MINUS", "LATERAL", "FILTER", "SELECT", "AS")
_CHAINING = {"+", "-", "*", "/"}
_VOLATILE = ("NOW", "RAND", "UUID", "STRUUID", "BNODE")
CHOOSING = ("LIMIT", "OFFSET", "SAMPLE", "GROUP_CONCAT", "REDUCED")
"""Words by which an engine may take some of the rows in place of others, or them in any order."""


@dataclass(frozen=True)
class Limits:
    """How long, how deep and how branched a text may be before it is refused unread.

    ``endpoints`` are the addresses that SERVICE may call, and one query may make so many ``calls``; without any,
    SERVICE is refused, as it always is in updates.
    """

    length: int = 1_000_000
    nesting: int = 200
    branches: int = 1000
    endpoints: frozenset[str] = frozenset()
    calls: int = 5


@dataclass(frozen=True)
class QueryText:
    """A query's text and what its tokens tell.

    ``form`` is one of :data:`QUERY_FORMS`; ``is_volatile`` tells that the answer may differ from one time to
    the next on the same data (NOW, RAND, UUID, SERVICE …), and ``has_choice`` that several answers are right, of which
    the engine chooses by the order in which it holds the data (:data:`CHOOSING`). ``default_graphs`` and
    ``named_graphs`` are the IRIs of FROM and FROM NAMED; both are ``None`` if the text has no dataset clause. ``calls``
    are those of other endpoints; while there are any, the text is not for an engine. ``skeleton`` is that of a plain
    text (:func:`kgraph.sparql.plain.skeleton_of`), empty for another.
    """

    text: str
    form: str
    default_graphs: tuple[str, ...] | None = None
    named_graphs: tuple[str, ...] | None = None
    is_volatile: bool = False
    has_choice: bool = False
    calls: tuple[ServiceCall, ...] = ()
    skeleton: str = ""

    @property
    def is_graph(self) -> bool:
        """Whether the answer is a graph (CONSTRUCT, DESCRIBE) and not a table or a truth value."""
        return self.form in ("CONSTRUCT", "DESCRIBE")


def read_query_text(text: str, limits: Limits | None = None) -> QueryText:
    """Read a query's text as far as its tokens tell.

    A byte-order mark at the start is dropped, and escapes outside of strings are decoded. Raises
    :class:`kgraph.errors.QuerySyntaxError` for a text that cannot be a query, and
    :class:`kgraph.errors.RequestError` for one that is too long, too deep, an update, or that calls another server
    (SERVICE) which it may not call.
    """
    limits = limits or Limits()
    text = decode_text(text, limits)
    tokens = list(iter_tokens(text))
    prologue = Prologue()
    start = prologue.declare(tokens)
    form = _read_form(tokens[start:], text)
    tokens = settle_tokens(text, tokens, "Query")
    if limits.endpoints and _find_service(tokens):
        # A bracket that is never closed says more than the token that does not fit because of it.
        _check_size(tokens, limits)
        tokens = settle_tokens(text, tokens, "Query", always=True)
        _check_size(tokens, limits)
    else:
        check_tokens(tokens, limits)
    prologue.check_names(tokens[start:])
    default, named = _read_dataset(tokens[start:], prologue)
    calls = read_calls(text, tokens, start, prologue, limits.endpoints, limits.calls) if limits.endpoints else ()
    is_volatile = bool(calls) or any(token.is_word(*_VOLATILE) for token in tokens)
    has_choice = any(token.is_word(*CHOOSING) for token in tokens)
    return QueryText(text, form, default, named, is_volatile, has_choice, calls)


def decode_text(text: str, limits: Limits) -> str:
    """Return a text without byte-order mark and with its escapes decoded (:func:`kgraph.sparql.tokens.decode_escapes`).

    Raises :class:`kgraph.errors.RequestError` if it is too long.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > limits.length:
        raise RequestError("query-too-long", 413, limit=limits.length)
    return decode_escapes(text)


def check_tokens(tokens: list[Token], limits: Limits) -> None:
    """Refuse what no text may hold, query or update.

    Raises :class:`kgraph.errors.QuerySyntaxError` for brackets that do not match, and
    :class:`kgraph.errors.RequestError` for what would overflow the stack of the engine's parser, and for SERVICE.
    """
    _check_size(tokens, limits)
    if token := _find_service(tokens):
        raise RequestError("service-refused", 403, line=token.line, column=token.column)


def _find_service(tokens: Sequence[Token]) -> Token | None:
    return next((token for token in tokens if token.is_word("SERVICE")), None)


def _read_form(tokens: list[Token], text: str) -> str:
    """Return the form of a query from the tokens after its declarations; an update and anything else is refused."""
    if not tokens:
        raise QuerySyntaxError("query-empty", 1, 1, expected=QUERY_FORMS)
    token = tokens[0]
    if token.is_word(*UPDATE_FORMS):
        raise RequestError("update-as-query", 400, found=token.text.upper())
    if token.is_word("PREFIX", "BASE"):
        # A declaration that is not one; the grammar tells where.
        settle_tokens(text, tokens, "Query", always=True)
    if not token.is_word(*QUERY_FORMS):
        raise QuerySyntaxError(
            "query-unexpected",
            token.line,
            token.column,
            length=len(token.text),
            found=token.text,
            suggestion=near(token.text.upper(), (*QUERY_FORMS, "PREFIX", "BASE")),
            expected=(*QUERY_FORMS, "PREFIX", "BASE"),
        )
    return token.text.upper()


def _read_dataset(tokens: list[Token], prologue: Prologue) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Return the graphs of FROM and of FROM NAMED, or two ``None`` without a dataset clause."""
    default: list[str] = []
    named: list[str] = []
    found = False
    rest = iter(tokens)
    for token in rest:
        if not token.is_word("FROM"):
            continue
        found = True
        target = next(rest, None)
        into = default
        if target is not None and target.is_word("NAMED"):
            target, into = next(rest, None), named
        if target is not None and target.kind in ("iri", "name"):
            into.append(_graph_name(target, prologue))
    return (tuple(default), tuple(named)) if found else (None, None)


def _graph_name(token: Token, prologue: Prologue) -> str:
    name = prologue.iri(token)
    if not is_well_formed(name):
        raise QuerySyntaxError(
            "query-invalid",
            token.line,
            token.column,
            length=len(token.text),
            fault="fault-relative-graph",
            found=token.text,
        )
    return name


def _check_size(tokens: list[Token], limits: Limits) -> None:
    """Refuse what would overflow the stack of the engine's parser, and brackets that do not match.

    The engine keeps what is written in a row as a tree that is as deep as the row is long.
    """
    open_brackets: list[Token] = []
    chains = [0]
    branches = signs = 0
    for token in tokens:
        sign = token.text if token.kind == "sign" else ""
        if sign in _BRANCHING or token.is_word(*_BRANCHING_WORDS):
            branches += 1
        if sign in _CHAINING and open_brackets and open_brackets[-1].text == "(":
            chains[-1] += 1
        # A run of signs such as "!!!!" nests without brackets.
        signs = signs + 1 if sign and sign in "!+-^" else 0
        if max(len(open_brackets), signs) > limits.nesting:
            raise RequestError("query-too-deep", 400, limit=limits.nesting)
        if max(branches, chains[-1]) > limits.branches:
            raise RequestError("query-too-branched", 400, limit=limits.branches)
        if sign in _OPENING:
            open_brackets.append(token)
            chains.append(0)
        elif sign in _OPENING.values():
            _close(open_brackets, token)
            chains.pop()
    if open_brackets:
        opening = open_brackets[-1]
        raise QuerySyntaxError(
            "query-unclosed-bracket",
            opening.line,
            opening.column,
            found=opening.text,
            expected=(_OPENING[opening.text],),
        )


def _close(open_brackets: list[Token], token: Token) -> None:
    if not open_brackets:
        raise QuerySyntaxError("query-unopened-bracket", token.line, token.column, found=token.text)
    wanted = _OPENING[open_brackets[-1].text]
    if wanted != token.text:
        raise QuerySyntaxError(
            "query-unexpected", token.line, token.column, length=len(token.text), found=token.text, expected=(wanted,)
        )
    open_brackets.pop()
