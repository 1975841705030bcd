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
    for key in (f"{error.code}.message", f"{error.code}.detail", f"{error.code}.title", error.code):
        if has_text(key):
            return wording(key, language, **error.params)
    reason = error.params.get("reason", "")
    expected = ", ".join(error.expected) if isinstance(error, QuerySyntaxError) else ""
    details = [str(reason), f"expected {expected}" if expected else ""]
    return ": ".join([error.code, *filter(None, details)])
