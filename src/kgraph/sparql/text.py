"""What must be known of a query's text before an engine sees it: form, dataset, size, nesting, refusals."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urljoin

from kgraph.errors import QuerySyntaxError, RequestError
from kgraph.sparql.tokens import Token, iter_tokens
from kgraph.vocabulary import PREFIXES

QUERY_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
UPDATE_FORMS = ("INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH")

_OPENING = {"{": "}", "(": ")", "[": "]", "{|": "|}", "<<": ">>", "<<(": ")>>"}
_BRANCHING = {"||", "&&"}
_LIKENESS = 0.7
_VOLATILE = ("NOW", "RAND", "UUID", "STRUUID", "BNODE")


@dataclass(frozen=True)
class Limits:
    """How long, how deep and how branched a text may be before it is refused unread."""

    length: int = 1_000_000
    nesting: int = 200
    branches: int = 1000


@dataclass(frozen=True)
class QueryText:
    """A query's text and what its tokens tell.

    ``form`` is one of :data:`QUERY_FORMS`; ``is_volatile`` tells that the answer may differ from one time to
    the next on the same data (NOW, RAND, UUID …). ``default_graphs`` and ``named_graphs`` are the IRIs of FROM and
    FROM NAMED; both are ``None`` if the text has no dataset clause.
    """

    text: str
    form: str
    default_graphs: tuple[str, ...] | None = None
    named_graphs: tuple[str, ...] | None = None
    is_volatile: bool = False

    @property
    def is_graph(self) -> bool:
        """Whether the answer is a graph (CONSTRUCT, DESCRIBE) and not a table or a truth value."""
        return self.form in ("CONSTRUCT", "DESCRIBE")


def read_query_text(text: str, limits: Limits | None = None) -> QueryText:
    """Read a query's text as far as its tokens tell.

    A byte-order mark at the start is dropped. Raises :class:`kgraph.errors.QuerySyntaxError` for a text
    that cannot be a query, and :class:`kgraph.errors.RequestError` for one that is too long, too deep, an
    update, or that calls another server (SERVICE).
    """
    limits = limits or Limits()
    text = text.removeprefix("\ufeff")
    if len(text) > limits.length:
        raise RequestError("query-too-long", 413, limit=limits.length)
    tokens = list(iter_tokens(text))
    _check_size(tokens, limits)
    _check_service(tokens)
    prologue = _Prologue(tokens)
    form = prologue.form()
    prologue.check_names()
    default, named = prologue.dataset()
    is_volatile = any(token.is_word(*_VOLATILE) for token in tokens)
    return QueryText(text, form, default, named, is_volatile)


def near(written: str, known: Iterable[str], ending: str = "") -> str:
    """Return the known word that is most like a written one, with ``ending``; empty if none is much like it."""
    matches = difflib.get_close_matches(written, list(known), n=1, cutoff=_LIKENESS)
    return matches[0] + ending if matches else ""


def _check_size(tokens: list[Token], limits: Limits) -> None:
    """Refuse what would overflow the stack of the engine's parser, and brackets that do not match."""
    open_brackets: list[Token] = []
    branches = signs = 0
    for token in tokens:
        if token.is_word("UNION") or (token.kind == "sign" and token.text in _BRANCHING):
            branches += 1
        # A run of signs such as "!!!!" nests without brackets.
        signs = signs + 1 if token.kind == "sign" and token.text in "!+-^" else 0
        if max(len(open_brackets), signs) > limits.nesting:
            raise RequestError("query-too-deep", 400, limit=limits.nesting)
        if branches > limits.branches:
            raise RequestError("query-too-branched", 400, limit=limits.branches)
        if token.kind != "sign":
            continue
        if token.text in _OPENING:
            open_brackets.append(token)
        elif token.text in _OPENING.values():
            _close(open_brackets, token)
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


def _check_service(tokens: list[Token]) -> None:
    for token in tokens:
        if token.is_word("SERVICE"):
            raise RequestError("service-refused", 403, line=token.line, column=token.column)


class _Prologue:
    """The declarations at the head of a text, and what follows them."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._prefixes: dict[str, str] = {}
        self._base = ""
        self._start = 0
        self._read()

    def _read(self) -> None:
        position = 0
        while position < len(self._tokens):
            following = self._tokens[position + 1 : position + 3]
            token = self._tokens[position]
            if token.is_word("BASE") and [t.kind for t in following[:1]] == ["iri"]:
                self._base = urljoin(self._base, following[0].text[1:-1])
                position += 2
            elif token.is_word("PREFIX") and [t.kind for t in following] == ["name", "iri"]:
                self._prefixes[following[0].text.rstrip(":")] = self._resolve(following[1].text[1:-1])
                position += 3
            elif token.is_word("VERSION") and [t.kind for t in following[:1]] == ["string"]:
                position += 2
            else:
                break
        self._start = position

    def _resolve(self, iri: str) -> str:
        return urljoin(self._base, iri) if self._base else iri

    def form(self) -> str:
        """Return the form of the query; an update and anything else is refused with its place."""
        if self._start >= len(self._tokens):
            raise QuerySyntaxError("query-empty", 1, 1, expected=QUERY_FORMS)
        token = self._tokens[self._start]
        if token.is_word(*UPDATE_FORMS):
            raise RequestError("update-as-query", 400, found=token.text.upper())
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

    def check_names(self) -> None:
        """Name the first prefix that is used and not declared."""
        for token in self._tokens[self._start :]:
            if token.kind != "name":
                continue
            prefix = token.text.partition(":")[0]
            if prefix not in self._prefixes:
                declaration = f"PREFIX {prefix}: <{PREFIXES[prefix]}>" if prefix in PREFIXES else ""
                raise QuerySyntaxError(
                    "query-undeclared-prefix",
                    token.line,
                    token.column,
                    length=len(token.text),
                    prefix=prefix + ":",
                    declaration=declaration,
                    suggestion="" if declaration else near(prefix, (*self._prefixes, *PREFIXES), ":"),
                )

    def dataset(self) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
        """Return the graphs of FROM and of FROM NAMED, or two ``None`` without a dataset clause."""
        default: list[str] = []
        named: list[str] = []
        found = False
        rest = iter(self._tokens[self._start :])
        for token in rest:
            if not token.is_word("FROM"):
                continue
            found = True
            target = next(rest, None)
            into = default
            if target is not None and target.is_word("NAMED"):
                target, into = next(rest, None), named
            if target is not None and target.kind in ("iri", "name"):
                into.append(self._iri(target))
        return (tuple(default), tuple(named)) if found else (None, None)

    def _iri(self, token: Token) -> str:
        if token.kind == "iri":
            return self._resolve(token.text[1:-1])
        prefix, _, local = token.text.partition(":")
        return self._prefixes[prefix] + local.replace("\\", "")
