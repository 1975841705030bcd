"""Remarks on locators, copying and coverage, worded from the catalogue."""

from __future__ import annotations

from pathlib import Path

from kgraph.languages import texts
from kgraph.report import Remark, Severity
from kgraph.turtle import Term


def shown_path(path: Path, home: Path) -> str:
    """Return a path as people write it: relative to ``home`` where it is inside, with forward slashes."""
    return (path.relative_to(home) if path.is_relative_to(home) else path).as_posix()


def remark(
    code: str,
    file: str,
    line: int | None = None,
    severity: Severity = Severity.VIOLATION,
    focus: Term | None = None,
    **params: str | int,
) -> Remark:
    """Return a remark whose message and cure are the catalogue's entries for its code, filled with ``params``."""
    messages, cures = texts(f"{code}.message", **params), texts(f"{code}.cure", **params)
    return Remark(file, line, None, severity, code, messages, cures, focus)
