"""``kgraph check`` and ``kgraph format``: what stewards do with their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kgraph.cli.options import CommandError, ExitCode, HomeOption, Language, LanguageOption, home_of
from kgraph.durability import replace_file
from kgraph.languages import text
from kgraph.report import Report, Severity
from kgraph.vocabulary import PREFIXES

FilesArgument = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE...]", help="Turtle files, or folders of them.", show_default=False)
]


class ReportFormat(StrEnum):
    """The forms in which a report is printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def check(
    files: FilesArgument = None,
    language: LanguageOption = Language.NN,
    format_: Annotated[ReportFormat, typer.Option("--format", help="Form of the report.")] = ReportFormat.TEXT,
    home: HomeOption = None,
) -> None:
    """Check Turtle files: syntax, shapes and check queries. With no file, the whole dataset.

    Each remark is one line, FILE:LINE: SEVERITY CODE: MESSAGE, with its cure below.
    """
    from kgraph.dataset import iter_files
    from kgraph.validation import check_files

    folder = home_of(home)
    paths = expand_files(files) if files else [_near(file.path) for file in iter_files(folder)]
    report, count = check_files(paths, folder), len(paths)
    match format_:
        case ReportFormat.JSON:
            typer.echo(report.to_json(language), nl=False)
        case ReportFormat.SARIF:
            typer.echo(report.to_sarif(language), nl=False)
        case _:
            typer.echo(report.render_text(language) + _summary(report, count, language), nl=False)
    raise typer.Exit(report.exit_code())


def format_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Turtle files, or folders of them.")],
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file would change.")] = False,
    language: LanguageOption = Language.NN,
) -> None:
    """Lay out Turtle files in canonical form, keeping every statement, comment and lexical form.

    A file with a syntax error, or one whose comments cannot be kept, is left as it is.
    """
    from kgraph.errors import FormatError

    refused, changed = False, False
    for path in expand_files(files):
        try:
            before, after = _canonical(path, language)
        except FormatError as error:
            typer.echo(f"{path}: {error}", err=True)
            refused = True
            continue
        if after is None:
            refused = True
        elif after != before:
            changed = True
            typer.echo(str(path))
            if not check_only:
                write_atomically(path, after)
    if refused or (check_only and changed):
        raise typer.Exit(ExitCode.VIOLATIONS)


def expand_files(files: Sequence[Path]) -> list[Path]:
    """Return the files that were named, a folder standing for the Turtle files below it, each once.

    Raises :class:`kgraph.cli.options.CommandError` for a name that is neither, and for a folder with none.
    """
    return list(dict.fromkeys(path for name in files for path in _expand(name)))


def write_atomically(path: Path, content: str) -> None:
    """Replace a file's content in one step, keeping its permissions; a reader sees the old or the new.

    Raises :class:`kgraph.cli.options.CommandError` if the file cannot be written.
    """
    target = path.resolve()
    try:
        replace_file(target, content, target.stat().st_mode & 0o7777)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from error


def _expand(name: Path) -> Iterator[Path]:
    if name.is_dir():
        found = sorted(name.rglob("*.ttl"))
        if not found:
            raise CommandError(f"{name}: no Turtle file (*.ttl) in this folder")
        yield from found
    elif name.exists():
        yield name
    else:
        raise CommandError(f"{name}: no such file")


def _near(path: Path) -> Path:
    """Return a path as seen from the working folder if it is below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _canonical(path: Path, language: str) -> tuple[str, str | None]:
    """Return a file's text and its canonical form, or ``None`` after printing what is wrong with it."""
    from kgraph.dataset import load_text
    from kgraph.turtle import read_turtle, render_canonical

    before = load_text(path)
    document = read_turtle(before)
    if document.problems:
        from kgraph.validation.records import load_records

        typer.echo(Report(load_records([path]).remarks).render_text(language), nl=False, err=True)
        return before, None
    return before, render_canonical(document, PREFIXES)


def _summary(report: Report, files: int, language: str) -> str:
    counts = {str(severity): number for severity, number in report.counts().items()}
    clean = not counts[Severity.VIOLATION]
    return text("cli.clean" if clean else "cli.summary", language, files=files, **counts) + "\n"
