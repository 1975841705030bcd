"""Every error as one kind of answer: a problem document (RFC 9457), or plain text for clients that want that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from kgraph.errors import (
    AnswerTooLargeError,
    AnswerUnfitError,
    ChangeMemoryError,
    ChangeRefusedError,
    ChangeTimeoutError,
    DiskFullError,
    JournalError,
    KgraphError,
    PreconditionError,
    QueryFailedError,
    QueryMemoryError,
    QuerySyntaxError,
    QueryTimeoutError,
    RequestError,
    StoreBusyError,
)
from kgraph.formats import PLAIN, PROBLEM, negotiate
from kgraph.languages import catalogue, has_text, text
from kgraph.report import Severity
from kgraph.vocabulary import BASE

PROBLEM_BASE = BASE + "problem/"
_RETRY_AFTER = "2"

STATUSES: Mapping[str, int] = {
    "query-empty": 400,
    "query-unexpected": 400,
    "query-ends-early": 400,
    "query-unclosed-string": 400,
    "query-unknown-character": 400,
    "query-unclosed-bracket": 400,
    "query-unopened-bracket": 400,
    "query-undeclared-prefix": 400,
    "query-invalid": 400,
    "query-too-long": 413,
    "query-too-deep": 400,
    "query-too-branched": 400,
    "service-refused": 403,
    "service-variable": 403,
    "service-not-listed": 403,
    "service-private": 403,
    "service-too-many": 400,
    "service-unreachable": 502,
    "service-timeout": 504,
    "service-failed": 502,
    "service-unreadable": 502,
    "service-blank-node": 502,
    "service-too-large": 503,
    "service-too-many-rows": 503,
    "update-as-query": 400,
    "query-as-update": 400,
    "load-refused": 403,
    "update-variable": 400,
    "update-blank-node": 400,
    "update-shared-blank-node": 400,
    "using-conflict": 400,
    "update-by-get": 405,
    "read-only": 403,
    "token-missing": 401,
    "token-unknown": 401,
    "token-role": 403,
    "change-refused": 422,
    "precondition-failed": 412,
    "graph-missing": 400,
    "graph-twice": 400,
    "graph-not-found": 404,
    "graph-derived": 403,
    "graph-blank": 400,
    "graph-exists": 409,
    "graph-absent": 409,
    "patch-other-graph": 400,
    "body-unreadable": 400,
    "partial-put": 400,
    "unsupported-content-coding": 415,
    "change-timeout": 503,
    "change-memory": 503,
    "disk-full": 507,
    "journal-damaged": 503,
    "query-and-update": 400,
    "repeated-parameter": 400,
    "bad-parameter": 400,
    "misplaced-parameter": 400,
    "too-many-parameters": 400,
    "missing-query": 400,
    "method-not-allowed": 405,
    "unsupported-media-type": 415,
    "unsupported-charset": 415,
    "bad-request": 400,
    "http-version": 400,
    "unsupported-transfer-coding": 400,
    "not-utf-8": 400,
    "bad-timeout": 400,
    "not-acceptable": 406,
    "not-found": 404,
    "body-too-large": 413,
    "statement-too-long": 413,
    "address-too-long": 414,
    "head-too-large": 431,
    "request-timeout": 408,
    "wrong-host": 421,
    "rate-limited": 429,
    "too-many-of-client": 429,
    "too-many-connections": 503,
    "query-timeout": 503,
    "query-memory": 503,
    "answer-too-large": 503,
    "busy": 503,
    "not-ready": 503,
    "stopping": 503,
    "query-failed": 500,
    "internal": 500,
    "unknown-term": 200,
    "unknown-function": 200,
    "needs-inference": 200,
    "service-passed-over": 200,
}
"""The status of each code, in the order in which the documentation lists them; 200 is that of mere remarks."""


@dataclass(frozen=True)
class Problem:
    """An error told to a client: a stable code, a status, a title and a detail in its language.

    ``line`` and ``column`` (from 1) and ``length`` say where a text is wrong; ``expected`` what could have
    stood there; ``hint`` how to mend it. ``language`` is that of the texts.
    """

    code: str
    status: int
    title: str
    detail: str
    hint: str = ""
    line: int | None = None
    column: int | None = None
    length: int | None = None
    expected: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"

    def document(self, instance: str) -> dict[str, object]:
        """Return the members of the problem document; those that say nothing are left out."""
        members: dict[str, object] = {
            "type": PROBLEM_BASE + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
            "line": self.line,
            "column": self.column,
            "length": self.length,
            "expected": list(self.expected),
            "instance": instance,
        }
        return {name: value for name, value in members.items() if value not in (None, "", [])}

    def plain(self) -> str:
        """Return the problem as lines of text."""
        lines = [self.title, self.detail, self.hint]
        if self.line and self.column:
            lines.insert(1, text("web.error-place", self.language, line=self.line, column=self.column))
        if self.expected:
            lines.append(text("web.error-expected", self.language) + ": " + ", ".join(self.expected))
        return "\n".join(line for line in [*lines, PROBLEM_BASE + self.code] if line) + "\n"


def problem_of(error: KgraphError, language: str) -> Problem:
    """Turn an exception of kgraph's into a problem in a language."""
    if isinstance(error, RequestError):
        return _request_problem(error, language)
    if isinstance(error, QueryTimeoutError):
        return _problem("query-timeout", 503, language, {"seconds": f"{error.seconds:g}"})
    if isinstance(error, StoreBusyError):
        return _problem("busy", 503, language, {}, headers={"Retry-After": _RETRY_AFTER})
    if isinstance(error, ChangeTimeoutError):
        return _problem("change-timeout", 503, language, {"seconds": f"{error.seconds:g}"})
    if isinstance(error, ChangeMemoryError):
        return _problem("change-memory", 503, language, {"limit": error.mebibytes})
    if isinstance(error, ChangeRefusedError):
        count = error.report.counts()[Severity.VIOLATION]
        return _problem("change-refused", 422, language, {"count": count})
    if isinstance(error, PreconditionError):
        return _problem("precondition-failed", 412, language, {})
    if isinstance(error, DiskFullError):
        return _problem("disk-full", 507, language, {})
    if isinstance(error, JournalError):
        return _problem("journal-damaged", 503, language, {})
    if isinstance(error, QueryMemoryError):
        return _problem("query-memory", 503, language, {"limit": error.mebibytes})
    if isinstance(error, AnswerTooLargeError):
        return _problem("answer-too-large", 503, language, {"limit": error.limit})
    if isinstance(error, AnswerUnfitError):
        return _problem("not-acceptable", 406, language, {"offered": error.offered}, headers={"Vary": "Accept"})
    if isinstance(error, QueryFailedError):
        return _problem("query-failed", 500, language, {"reason": str(error)})
    return _problem("internal", 500, language, {})


def describe_code(code: str, language: str) -> Problem:
    """Return what a code means, without the particulars of one case.

    Raises ``KeyError`` for a code that there is not.
    """
    named = catalogue(language)
    key = f"problem.{code}."
    title, detail, hint = (named.get(key + part, "").format_map(_Anything()) for part in ("title", "detail", "hint"))
    return Problem(code, STATUSES[code], title, detail, hint, language=language)


def render_reference() -> str:
    """Return the rows of the page that documents every code: code, status, meaning and cure, in English."""
    problems = (describe_code(code, "en") for code in STATUSES)
    rows = (f"| `{p.code}` | {p.status} | {p.title}. {p.detail} | {p.hint} |" for p in problems)
    return "\n".join(row.replace(" || ", " \\|\\| ") for row in rows) + "\n"


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


def render_problem(problem: Problem, accept: str | None, instance: str) -> tuple[bytes, str]:
    """Return body and content type of a problem in the form a client accepts, plain text if it accepts neither."""
    if negotiate(accept, (PROBLEM, PLAIN)) is PROBLEM:
        body = json.dumps(problem.document(instance), ensure_ascii=False, indent=2) + "\n"
        return body.encode(), PROBLEM.content_type
    return problem.plain().encode(), PLAIN.content_type


def _request_problem(error: RequestError, language: str) -> Problem:
    place: dict[str, int] = {}
    expected: tuple[str, ...] = ()
    if isinstance(error, QuerySyntaxError):
        place = {"line": error.line, "column": error.column, "length": error.length}
        expected = error.expected
    elif "line" in error.params:
        place = {name: int(error.params[name]) for name in ("line", "column")}
    return _problem(error.code, error.status, language, error.params, headers=error.headers, expected=expected, **place)


def _problem(
    code: str,
    status: int,
    language: str,
    params: Mapping[str, str | int],
    *,
    headers: Mapping[str, str] | None = None,
    expected: tuple[str, ...] = (),
    line: int | None = None,
    column: int | None = None,
    length: int | None = None,
) -> Problem:
    return Problem(
        code=code,
        status=status,
        title=text(_key(code, "title", params), language),
        detail=_detail(code, language, params),
        hint=_hint(code, language, params),
        line=line,
        column=column,
        length=length,
        expected=expected,
        language=language,
        headers=headers or {},
    )


def _detail(code: str, language: str, params: Mapping[str, str | int]) -> str:
    """Return what is wrong: the wording of the fault that a text or a body has, else that of the code."""
    if "fault" in params:
        return text(f"{params['fault']}.message", language, **params)
    return text(_key(code, "detail", params), language, **params)


def _hint(code: str, language: str, params: Mapping[str, str | int]) -> str:
    """Return how to mend the fault: what was probably meant, else what the catalogue advises."""
    if params.get("suggestion"):
        return text("suggestion.message", language, suggestion=params["suggestion"])
    cure = f"{params.get('fault')}.cure"
    key = cure if has_text(cure) else _key(code, "hint", params)
    if not has_text(key) or params.get("declaration") == "":
        return ""
    return text(key, language, **params)


def _key(code: str, part: str, params: Mapping[str, str | int]) -> str:
    """Return the key of a part of the wording; some codes have one of its own for updates."""
    key = f"problem.{code}.{part}"
    of_update = f"{key}-update"
    return of_update if params.get("of") == "update" and has_text(of_update) else key
