"""Why a query was refused, told with its line and a caret."""

from __future__ import annotations

from kgraph.errors import QuerySyntaxError, RequestError
from kgraph.languages import has_text
from kgraph.languages import text as wording


def render_complaint(error: RequestError, query: str, language: str, name: str = "query") -> str:
    """Return what is wrong with a query; for a fault of grammar ``name:line:column:`` and the line with a caret.

    The wording is the catalogue's for the error's code; without one it is the code and what the engine said.
    """
    message = _message(error, language)
    if not isinstance(error, QuerySyntaxError):
        return message
    lines = query.splitlines() or [""]
    line = lines[error.line - 1] if error.line <= len(lines) else ""
    # Tabs before the fault stay tabs, so that the caret stands below it however wide they are.
    margin = "".join(
        "\t" if character == "\t" else " " for character in line[: error.column - 1].ljust(error.column - 1)
    )
    caret = "^" * max(1, min(error.length, len(line) - error.column + 1))
    return f"{name}:{error.line}:{error.column}: {message}\n  {line}\n  {margin}{caret}"


def _message(error: RequestError, language: str) -> str:
    key = f"problem.{error.code}"
    if "fault" in error.params:
        return wording(f"{error.params['fault']}.message", language, **error.params)
    if not has_text(f"{key}.detail"):
        return ": ".join([error.code, *(str(value) for value in error.params.values())])
    parts = [wording(f"{key}.detail", language, **error.params)]
    if has_text(f"{key}.hint"):
        parts.append(wording(f"{key}.hint", language, **error.params))
    return " ".join(parts)
