"""What is remarked on an answer that may not be what was meant: in its head for programs, above it for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from kgraph.errors import KgraphError
from kgraph.languages import text
from kgraph.resources.hints import NEEDS_INFERENCE, Hint, is_aggregate, says_nothing
from kgraph.sparql.names import replace_name
from kgraph.sparql.rewriting import add_dataset
from kgraph.store.base import ALL, read_table
from kgraph.web.problems import PROBLEM_BASE
from kgraph.web.questions import Question
from kgraph.web.services import Services

HEADER = "Kgraph-Notice"

_MOST = 3
_LONGEST = 120
_PATIENCE = 2.0
_LARGE = 4 * 1024 * 1024
_SAFE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


@dataclass(frozen=True)
class Notice:
    """A remark as a page shows it: its sentences, its place in the query, and a query that mends it if there is one."""

    code: str
    message: str
    line: int = 0
    column: int = 0
    mended: str = ""


def render_header(hints: Sequence[Hint]) -> str:
    """Return the first hints as a structured field, a list of tokens with parameters (RFC 9651)."""
    return ", ".join(_member(hint) for hint in hints[:_MOST])


def render_links(hints: Sequence[Hint]) -> str:
    """Return links to what the codes of hints mean (RFC 8288)."""
    codes = dict.fromkeys(hint.code for hint in hints)
    return ", ".join(f'<{PROBLEM_BASE}{code}>; rel="help"' for code in codes)


def add_to_head(headers: list[tuple[bytes, bytes]], hints: Sequence[Hint]) -> None:
    """Put hints into the head of an answer."""
    if hints:
        headers.append((HEADER.lower().encode(), render_header(hints).encode("ascii")))
        headers.append((b"link", render_links(hints).encode("ascii")))


def describe_hints(hints: Sequence[Hint], language: str) -> list[dict[str, object]]:
    """Return hints as JSON objects; members that say nothing are left out."""
    described: list[dict[str, object]] = []
    for hint in hints:
        name = hint.name
        members = {"code": hint.code, "term": name.written, "iri": name.iri, "line": name.line, "column": name.column}
        members |= {"suggestion": hint.suggestion, "message": hint.message(language)}
        described.append({key: value for key, value in members.items() if value})
    return described


def remark(services: Services, question: Question, body: bytes | None, query: str, language: str) -> tuple[Notice, ...]:
    """Return what a page remarks on an answer; ``body`` is ``None`` for one too large to be shown.

    A query of the default graph that is answered with nothing is asked once more with what follows from the ontology.
    """
    asked, own_text = question.query, question.own_text
    is_empty = body is not None and says_nothing(own_text, body, question.format)
    found = services.hints.find(own_text, asked.dataset, is_empty=is_empty, thorough=True)
    hints = (*question.remarks, *found)
    notices = [Notice(hint.code, hint.message(language), hint.name.line, hint.name.column) for hint in hints]
    mended = _mend(query, hints)
    if mended:
        last = max(place for place, hint in enumerate(hints) if hint.suggestion)
        notices[last] = replace(notices[last], mended=mended)
    if is_empty and asked.dataset is None:
        with_inferred = _ask_with_inferred(services, question)
        if with_inferred is not None:
            count = _rows(question, with_inferred)
            key = "notice-more" if count else "notice-more-true"
            message = text("web." + key, language, count=count)
            notices.append(Notice(NEEDS_INFERENCE, message, mended=add_dataset(query, ALL)))
    return tuple(notices)


def _ask_with_inferred(services: Services, question: Question) -> bytes | None:
    """Return what a query is answered with what follows, ``None`` if that is nothing, too much or too late."""
    query = replace(question.query, dataset=((ALL,), ()), timeout=_PATIENCE)
    body = bytearray()
    try:
        with services.ask(replace(question, query=query)) as answer:
            for chunk in answer.chunks:
                body += chunk
                if len(body) > _LARGE:
                    return None
    except KgraphError:
        return None
    return None if says_nothing(query.text, bytes(body), question.format) else bytes(body)


def _rows(question: Question, body: bytes) -> int:
    """Return the number of rows where that says something, else 0."""
    if question.text.form != "SELECT" or is_aggregate(question.query.text):
        return 0
    return len(read_table(body).rows)


def _mend(query: str, hints: Sequence[Hint]) -> str:
    """Return a query with all that was probably meant in place of what was written, empty if that is nothing."""
    mended = query
    for hint in hints:
        if hint.suggestion:
            mended = replace_name(mended, hint.name, hint.suggestion)
    return mended if mended != query else ""


def _member(hint: Hint) -> str:
    parameters = {"term": _string(hint.name.written)}
    if hint.name.line:
        parameters |= {"line": str(hint.name.line), "column": str(hint.name.column)}
    if hint.suggestion:
        parameters["suggestion"] = _string(hint.suggestion)
    if hint.code == NEEDS_INFERENCE:
        parameters["from"] = _string(ALL)
    if hint.cause:
        parameters["cause"] = hint.cause
    return hint.code + "".join(f"; {name}={value}" for name, value in parameters.items())


def _string(written: str) -> str:
    """Return a name as a string of structured fields, which is ASCII; other characters as in a URI."""
    shown = quote(written, safe=_SAFE + "%")[:_LONGEST]
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
