"""Where exactly a query or an update breaks the grammar, and what could have stood there.

The engine names a place near the fault. Here the tokens are followed along the grammar to the first one that
does not fit. A text that fits breaks a rule beyond the grammar (a variable bound twice, a projection that is
not grouped): then the engine's reason stands.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from kgraph.errors import QuerySyntaxError
from kgraph.sparql.grammar import AGGREGATES, FUNCTIONS, Misfit, follow_tokens
from kgraph.sparql.rules import find_breach
from kgraph.sparql.tokens import Token, decode_escapes, iter_tokens

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
_OPERANDS = {"variable", "name", "iri", "number", "string", "language"}
_OPERAND_ENDS = {")", "}", ")>>", ">>"}
_LIKENESS = 0.7
_WITH_AUTHORITY = re.compile("<[A-Za-z][A-Za-z0-9+.-]*://")
_SENTENCE = re.compile("[a-z]{2,} [a-z]{2,}")
_NOT_ADVICE = re.compile(r"^expected (one of )?|\[[^\]]*\](,\s*)?|(,\s*)?\[_\]")


def settle_tokens(text: str, tokens: list[Token], start: str, always: bool = False) -> list[Token]:
    """Return the tokens of a text as the engine will read them, given those that are the longest at each place.

    The engine looks for what its grammar allows at a place, so it reads ``?a<?b#>`` in an expression as an operator
    and a comment, where the longest token is an IRI, and keywords that run into their neighbours
    (``trueSERVICE<…>``). What could be read in both ways is followed along the grammar, from the rule ``start``:
    ``<`` is an operator where only that fits, and any other misfit is refused. With ``always`` every text is followed.
    Raises :class:`kgraph.errors.QuerySyntaxError` at the misfit.
    """
    if not always and not _is_ambiguous(tokens):
        return tokens
    followed = follow_tokens(text, start)
    if followed.misfit:
        raise _complaint(followed.tokens, followed.misfit)
    return followed.tokens


def refine(text: str, error: QuerySyntaxError, start: str = "Query") -> QuerySyntaxError:
    """Return a complaint with the exact place, the token that stands there and those that could stand there.

    ``error`` is the engine's; it is returned with a clearer reason if the text fits the grammar from the rule
    ``start``, which is ``Query`` or ``Update``.
    """
    text = decode_escapes(text.removeprefix("\ufeff"))
    try:
        tokens = settle_tokens(text, list(iter_tokens(text)), start, always=True)
    except QuerySyntaxError as found:
        return found
    return _beyond_grammar(tokens, error)


def near(written: str, known: Iterable[str], ending: str = "") -> str:
    """Return the known word that is most like a written one, with ``ending``; empty if none is much like it."""
    matches = difflib.get_close_matches(written, list(known), n=1, cutoff=_LIKENESS)
    return matches[0] + ending if matches else ""


def _is_ambiguous(tokens: Sequence[Token]) -> bool:
    """Tell whether the engine might read a token otherwise: an IRI after an operand, a keyword with neighbours.

    An IRI with ``://`` is none of them, since no expression can hold two slashes.
    """
    can_follow = False
    for token in tokens:
        if token.kind == "iri" and can_follow and not _WITH_AUTHORITY.match(token.text):
            return True
        if token.kind in ("word", "name"):
            keyword = token.text.partition(":")[0].upper()
            if "SERVICE" in keyword and not token.is_word("SERVICE"):
                return True
        can_follow = token.kind in _OPERANDS or token.text in _OPERAND_ENDS or token.is_word("TRUE", "FALSE")
    return False


def _complaint(tokens: Sequence[Token], misfit: Misfit) -> QuerySyntaxError:
    """Return the complaint about a misfit, the last of the tokens or missing after them."""
    token, expected = misfit.token, misfit.expected - _NOT_OFFERED
    shown = tuple(sorted((_SHOWN.get(name, name) for name in expected), key=_advice_order))
    if token is None:
        line, column = (tokens[-1].line, tokens[-1].column + len(tokens[-1].text)) if tokens else (1, 1)
        return QuerySyntaxError("query-ends-early", line, column, expected=shown)
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


def _advice_order(shown: str) -> tuple[bool, str]:
    return shown.isupper(), shown


def _beyond_grammar(tokens: list[Token], error: QuerySyntaxError) -> QuerySyntaxError:
    """Return the complaint about a rule beyond the grammar; what the engine says of others is quoted if it is words."""
    said = str(error.params.get("reason", ""))
    before = [token for token in tokens if (token.line, token.column) < (error.line, error.column)]
    at = before[-1] if before else None
    breach = find_breach(tokens, said)
    if breach is not None:
        length = len(breach.token.text.splitlines()[0]) if breach.token else 1
        at = breach.token or at
        return _at(at, error, breach.fault, length, found=breach.found or (at.text if at else ""))
    words = _NOT_ADVICE.sub("", said).strip(" ,")
    if _SENTENCE.search(words):
        return _at(at, error, "fault-engine", words=words)
    return _at(at, error, "fault-unknown")


def _at(at: Token | None, error: QuerySyntaxError, fault: str, length: int = 1, **params: str) -> QuerySyntaxError:
    line, column = (at.line, at.column) if at else (error.line, error.column)
    found = QuerySyntaxError("query-invalid", line, column, length=length, fault=fault)
    found.params.update(params)
    return found
