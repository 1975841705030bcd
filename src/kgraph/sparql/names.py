"""The names of kgraph's own that a query or an update uses, where they stand, and what a mistaken one is nearest to."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kgraph.sparql.diagnosis import settle_tokens
from kgraph.sparql.prologue import Prologue
from kgraph.sparql.tokens import iter_tokens
from kgraph.vocabulary import BASE, PREFIXES

_OURS = BASE.removeprefix("https:").rstrip("/")
_SCHEMES = ("https:" + _OURS, "http:" + _OURS)
_LIKENESS = 0.7
_LIKENESS_ELSEWHERE = 0.85
_JOINTS = re.compile(r"[-_ ]")
_QUICK = re.compile(
    r"(?:PREFIX\s+([\w.-]*:)\s*<([^<>\s]*)>)|<([^<>\s]*)>|(?<![\w.-])([\w.-]*+:)([^\s<>\"'{}()\[\];,|^/*+?!=&#@~$]*)",
    re.IGNORECASE,
)
_UNFIT = re.compile(r"[\x00-\x20<>\"{}|^`\\]")
_DECLARED_BASE = re.compile(r"\bBASE\s*<", re.IGNORECASE)


@dataclass(frozen=True)
class Name:
    """A name of kgraph's own in a text: its IRI, how and where it is written first (line and column from 1).

    ``line`` and ``column`` are 0 for a name that does not stand in the text (a parameter of the request).
    """

    iri: str
    written: str
    line: int = 0
    column: int = 0


def read_names(text: str, start: str = "Query") -> tuple[Name, ...]:
    """Return the names of kgraph's own that a text uses, each once; ``start`` is ``Query`` or ``Update``.

    Namespaces alone (``ink:``) are none. The text is one that was read before, its escapes decoded. Raises
    :class:`kgraph.errors.QuerySyntaxError` for one that cannot be read.
    """
    tokens = settle_tokens(text, list(iter_tokens(text)), start)
    prologue = Prologue()
    found: dict[str, Name] = {}
    position = 0
    while (position := prologue.declare(tokens, position)) < len(tokens):
        token = tokens[position]
        if token.kind in ("iri", "name"):
            iri = prologue.iri(token)
            if is_own(iri):
                found.setdefault(iri, Name(iri, token.text, token.line, token.column))
        position += 1
    return tuple(found.values())


def read_quickly(text: str) -> list[str] | None:
    """Return the IRIs of all names of kgraph's own in a text and perhaps more; ``None`` if its tokens must be read.

    What stands in comments and strings is taken along. This costs microseconds, :func:`read_names` far more.
    """
    if _OURS not in text:
        return []
    if "\\" in text or ("base" in text.lower() and _DECLARED_BASE.search(text)):
        return None
    prefixes: dict[str, str] = {}
    found: list[str] = []
    for prefix, namespace, iri, before, local in _QUICK.findall(text):
        if prefix:
            prefixes[prefix] = namespace
            continue
        if before in prefixes:
            iri = prefixes[before] + local.rstrip(".")
        elif "-" in before or "." in before:
            # Perhaps an operator or the end of a statement before a name.
            return None
        if iri and _OURS in iri and is_own(iri):
            found.append(iri)
    return found


def is_own(iri: str) -> bool:
    """Tell whether an IRI is meant to be one of kgraph's, be it with ``http`` for ``https``, and is well-formed."""
    return iri.startswith(_SCHEMES) and not iri.endswith(("/", "#")) and not _UNFIT.search(iri)


def nearest(iri: str, known: Iterable[str]) -> str:
    """Return the known IRI that was probably meant, empty if none is much like it.

    Capitals and joints (``has_evidence-line``) count little. One in the same namespace comes first, then one
    whose last part is nearly the same.
    """
    namespace, local = split_iri(iri)
    words: dict[str, list[str]] = {}
    for candidate in known:
        if candidate != iri:
            words.setdefault(_plain(split_iri(candidate)[1]), []).append(candidate)
    word = _plain(local)
    for likeness, elsewhere in ((_LIKENESS, False), (_LIKENESS_ELSEWHERE, True)):
        within = {
            each: here
            for each, candidates in words.items()
            if (here := [c for c in candidates if elsewhere or split_iri(c)[0] == namespace])
        }
        matches = difflib.get_close_matches(word, list(within), n=1, cutoff=likeness)
        if matches:
            return max(within[matches[0]], key=lambda c: difflib.SequenceMatcher(None, iri, c).ratio())
    return ""


def write_like(iri: str, name: Name) -> str:
    """Return an IRI as a text would that writes ``name`` as it does: with its prefix, else with ours, else whole.

    No IRI stays none.
    """
    namespace, local = split_iri(iri)
    if not iri or name.written == name.iri:
        return iri
    if name.written.startswith("<"):
        return f"<{iri}>"
    if namespace == split_iri(name.iri)[0]:
        return name.written.partition(":")[0] + ":" + local
    prefix = next((prefix for prefix, ours in PREFIXES.items() if ours == namespace), "")
    return f"{prefix}:{local}" if prefix else f"<{iri}>"


def replace_name(text: str, name: Name, written: str) -> str:
    """Return a text in which all that is written as ``name`` is written otherwise."""
    for token in reversed(list(iter_tokens(text))):
        if token.kind in ("iri", "name") and token.text == name.written:
            text = text[: token.offset] + written + text[token.offset + len(token.text) :]
    return text


def split_iri(iri: str) -> tuple[str, str]:
    """Return the namespace of an IRI, up to its last ``#`` or ``/``, and the rest."""
    end = max(iri.rfind("#"), iri.rfind("/")) + 1
    return iri[:end], iri[end:]


def _plain(local: str) -> str:
    return _JOINTS.sub("", local).casefold()
