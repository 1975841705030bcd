"""Errors as problems: every code has its wording, its status and its row in the documentation."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import kgraph
from kgraph.errors import (
    AnswerTooLargeError,
    KgraphError,
    QueryFailedError,
    QueryMemoryError,
    QuerySyntaxError,
    QueryTimeoutError,
    RequestError,
    StoreBusyError,
)
from kgraph.languages import LANGUAGES, catalogue
from kgraph.resources.hints import NEEDS_INFERENCE, PASSED_OVER, UNKNOWN, UNKNOWN_FUNCTION
from kgraph.web.problems import STATUSES, problem_of, render_problem, render_reference

RAISING = ("RequestError", "ServiceCallError", "QuerySyntaxError", "_problem")
REMARKED = {UNKNOWN, UNKNOWN_FUNCTION, NEEDS_INFERENCE, PASSED_OVER}
CHOSEN_BY_CHARACTER = {"query-unclosed-string", "query-unknown-character"}


def raised_codes() -> set[str]:
    """Return the codes that the package's sources give to RequestError, QuerySyntaxError and problems."""
    codes: set[str] = set()
    for path in Path(kgraph.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISING and node.args:
                read = {
                    id(part)
                    for found in ast.walk(node.args[0])
                    if isinstance(found, ast.Subscript)
                    for part in ast.walk(found)
                }
                codes |= {
                    part.value
                    for part in ast.walk(node.args[0])
                    if isinstance(part, ast.Constant) and id(part) not in read
                }
    return {str(code) for code in codes}


def worded_codes() -> set[str]:
    """Return the codes that the catalogue has titles for."""
    return {key.split(".")[1] for key in catalogue("nn") if re.fullmatch(r"problem\.[^.]+\.title", key)}


def test_every_code_has_its_wording_and_every_wording_its_code() -> None:
    """Sources, catalogue and the table of statuses name the same codes."""
    assert raised_codes() | CHOSEN_BY_CHARACTER | REMARKED == worded_codes() == set(STATUSES)


def test_every_code_is_documented(repository: Path) -> None:
    """The page has one row for each, with status, meaning and cure as the catalogue words them."""
    page = (repository / "docs" / "reference" / "problems.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == render_reference().splitlines(), "the rows are what kgraph.web.problems.render_reference gives"


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (RequestError("not-found", 404, path="/x"), "not-found", 404),
        (QuerySyntaxError("query-empty", 1, 1), "query-empty", 400),
        (QueryTimeoutError(10), "query-timeout", 503),
        (QueryMemoryError(64), "query-memory", 503),
        (AnswerTooLargeError(1000), "answer-too-large", 503),
        (StoreBusyError("x"), "busy", 503),
        (QueryFailedError("x"), "query-failed", 500),
        (KgraphError("x"), "internal", 500),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_is_a_problem(error: KgraphError, code: str, status: int, language: str) -> None:
    """In every language; only a full queue says when to come back."""
    problem = problem_of(error, language)
    assert (problem.code, problem.status) == (code, status)
    assert problem.title and problem.detail
    assert ("Retry-After" in problem.headers) == (code == "busy")


def test_what_went_wrong_inside_is_not_told() -> None:
    """An error of the server says nothing of its inside."""
    assert "secret" not in problem_of(KgraphError("secret"), "en").plain()


def test_a_problem_is_a_document_or_text() -> None:
    """Where neither is accepted, text is sent."""
    problem = problem_of(QuerySyntaxError("query-unexpected", 2, 3, expected=("WHERE",), found="x"), "en")
    assert render_problem(problem, "application/json", "/sparql")[1] == "application/problem+json"
    assert render_problem(problem, None, "/sparql")[1] == "application/problem+json"
    body, content_type = render_problem(problem, "text/csv", "/sparql")
    assert content_type == "text/plain; charset=utf-8"
    assert b"Line 2, column 3" in body and b"WHERE" in body


@pytest.mark.parametrize(
    ("language", "line"), [("nn", "Linje 3, kolonne 7"), ("nb", "Linje 3, kolonne 7"), ("en", "Line 3, column 7")]
)
def test_plain_text_tells_the_place_in_the_readers_language(language: str, line: str) -> None:
    """On a line of its own."""
    plain = problem_of(QuerySyntaxError("query-invalid", 3, 7, reason="x"), language).plain()
    assert line in plain.splitlines()
