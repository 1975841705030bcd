"""What the templates and the data of an update may touch, read from their tokens (SPARQL 1.1 Query, rule QuadPattern).

What is not read with certainty becomes a wider pattern, never a narrower one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kgraph.sparql.prologue import Prologue
from kgraph.sparql.scope import matching_bracket
from kgraph.sparql.tokens import Token
from kgraph.turtle.literals import BadEscapeError, literal_term, unescape
from kgraph.vocabulary import PREFIXES

_RDF_TYPE = f"<{PREFIXES['rdf']}type>"
_XSD = PREFIXES["xsd"]
_OPENING = {"{", "[", "(", "{|", "<<", "<<("}
_CLOSING = {"}", "]", ")", "|}", ">>", ")>>"}
_WIDE = {"(", "<<", "<<(", "{|", "~"}


@dataclass(frozen=True)
class QuadPattern:
    """Quads that an operation may add or remove; ``None`` stands for any term or graph.

    Terms are in N-Triples syntax and are to be compared as terms, not as text. ``graph`` is an IRI without brackets,
    ``""`` the unnamed graph.
    """

    subject: str | None
    predicate: str | None
    object: str | None
    graph: str | None


class TemplateReader:
    """Reads what stands between the braces of a template or of data."""

    def __init__(self, prologue: Prologue) -> None:
        """Take the declarations that hold for the operation."""
        self._prologue = prologue

    def patterns(self, tokens: Sequence[Token], graph: str | None) -> Iterator[QuadPattern]:
        """Yield what the quads may be; those that stand in no GRAPH belong to ``graph``."""
        statement: list[Token] = []
        depth = position = 0
        while position < len(tokens):
            token = tokens[position]
            if token.is_word("GRAPH"):
                yield from self._statement(statement, graph)
                statement = []
                end = matching_bracket(tokens, position + 2)
                yield from self.patterns(tokens[position + 3 : end], self._graph(tokens[position + 1]))
                position = end
            elif depth == 0 and _is_sign(token, "."):
                yield from self._statement(statement, graph)
                statement = []
            else:
                depth += _turn(token)
                statement.append(token)
            position += 1
        yield from self._statement(statement, graph)

    def literals(self, tokens: Sequence[Token]) -> Iterator[str]:
        """Yield the literals that the engine may write in another form, as they are written, in N-Triples syntax.

        Those are the literals with a datatype, numbers and truth values among them, and those whose language tag
        has capital letters.
        """
        for position, token in enumerate(tokens):
            following = tokens[position + 1 : position + 3]
            if token.kind == "number":
                before = tokens[position - 1] if position else token
                sign = before.text if before.kind == "sign" and before.text in "+-" else ""
                yield literal_term(sign + token.text, datatype=_XSD + _kind_of_number(token.text))
            elif token.is_word("TRUE", "FALSE"):
                yield literal_term(token.text.lower(), datatype=_XSD + "boolean")
            elif token.kind == "string" and following:
                yield from self._changeable(token, following)

    def _changeable(self, token: Token, following: Sequence[Token]) -> Iterator[str]:
        lexical = _lexical(token)
        if lexical is None:
            return
        tag = following[0].text[1:]
        if following[0].kind == "language" and tag != tag.lower():
            yield literal_term(lexical, language=tag)
        elif following[0].text == "^^" and len(following) == 2:
            datatype = self._prologue.iri(following[1])
            if datatype != _XSD + "string":
                yield literal_term(lexical, datatype=datatype)

    def _statement(self, tokens: Sequence[Token], graph: str | None) -> Iterator[QuadPattern]:
        if not tokens:
            return
        depth = deepest = 0
        for token in tokens:
            depth += _turn(token)
            deepest = max(deepest, depth)
        if deepest > 1 or any(_is_sign(token, *_WIDE) for token in tokens):
            yield QuadPattern(None, None, None, graph)
        elif _is_sign(tokens[0], "["):
            end = next(number for number, token in enumerate(tokens) if _is_sign(token, "]"))
            yield from self._properties(None, tokens[1:end], graph)
            yield from self._properties(None, tokens[end + 1 :], graph)
        else:
            yield from self._properties(self._term(tokens[:1]), tokens[1:], graph)

    def _properties(self, subject: str | None, tokens: Sequence[Token], graph: str | None) -> Iterator[QuadPattern]:
        for part in _split(tokens, ";"):
            if not part:
                continue
            predicate = _RDF_TYPE if part[0].is_word("A") else self._term(part[:1])
            for written in _split(part[1:], ","):
                yield QuadPattern(subject, predicate, self._term(written), graph)
                if written and _is_sign(written[0], "["):
                    yield from self._properties(None, written[1:-1], graph)

    def _term(self, tokens: Sequence[Token]) -> str | None:
        """Return the term that tokens stand for, ``None`` for any that the engine might keep in another form."""
        if not tokens:
            return None
        token = tokens[0]
        if len(tokens) == 1 and token.kind in ("iri", "name"):
            iri = self._prologue.certain_iri(token)
            return None if iri is None else f"<{iri}>"
        if token.kind != "string":
            return None
        lexical = _lexical(token)
        language = tokens[1].text[1:] if len(tokens) == 2 and tokens[1].kind == "language" else None
        if lexical is None or (len(tokens) > 1 and (language is None or language != language.lower())):
            return None
        return literal_term(lexical, language=language)

    def _graph(self, token: Token) -> str | None:
        return self._prologue.certain_iri(token) if token.kind in ("iri", "name") else None


def _split(tokens: Sequence[Token], sign: str) -> Iterator[Sequence[Token]]:
    """Yield what stands between signs that are in no brackets."""
    start = depth = 0
    for position, token in enumerate(tokens):
        depth += _turn(token)
        if depth == 0 and _is_sign(token, sign):
            yield tokens[start:position]
            start = position + 1
    yield tokens[start:]


def _turn(token: Token) -> int:
    return _is_sign(token, *_OPENING) - _is_sign(token, *_CLOSING)


def _is_sign(token: Token, *signs: str) -> bool:
    return token.kind == "sign" and token.text in signs


def _lexical(token: Token) -> str | None:
    """Return the lexical form of a string token, ``None`` if it holds a wrong escape."""
    width = 3 if len(token.text) >= 6 and token.text[:3] in ("'''", '"""') else 1
    try:
        return unescape(token.text[width:-width])
    except BadEscapeError:
        return None


def _kind_of_number(written: str) -> str:
    if "e" in written.lower():
        return "double"
    return "decimal" if "." in written else "integer"
