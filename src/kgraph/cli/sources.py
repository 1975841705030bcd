"""``kgraph new`` and ``kgraph verify-source``: the start of a record, and the locators against their text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.files import ReportFormat
from kgraph.cli.options import CommandError, HomeOption, Language, LanguageOption, home_of
from kgraph.cli.tables import shorten
from kgraph.languages import text as wording

if TYPE_CHECKING:
    from kgraph.source.passages import ClaimPassage
    from kgraph.source.verification import VerificationReport

_LOCATOR = ("locator", "EvidenceLocator")


def new(
    class_name: Annotated[
        str,
        typer.Argument(metavar="CLASS", help="Class of the record, such as Finding or Measure.", show_default=False),
    ],
    passage: Annotated[
        str | None, typer.Option(help='With locator: the passage as "LINE: first words … last words".')
    ] = None,
    text: Annotated[Path | None, typer.Option("--text", help="The text that the passage stands in.")] = None,
    language: LanguageOption = Language.NN,
    home: HomeOption = None,
) -> None:
    """Print the start of a record, with an identifier nobody has and each property explained.

    With --passage and --text the record is a locator, complete with its offsets and digests.
    """
    from kgraph.dataset import load_dataset
    from kgraph.source.layout import load_layout
    from kgraph.source.records import identifiers_in_use, locator_record, template
    from kgraph.source.stated import Statements
    from kgraph.source.verification import load_extraction

    folder = home_of(home)
    statements = Statements(load_dataset(folder))
    if passage is None and text is None and class_name != _LOCATOR[0]:
        typer.echo(template(statements, class_name, language), nl=False)
        return
    if passage is None or text is None or class_name not in _LOCATOR:
        raise CommandError("a locator is made by: kgraph new locator --passage PASSAGE --text FILE")
    extraction = load_extraction(text, load_layout(_layout_path(folder)))
    if not extraction.pinned:
        raise CommandError(f"{text}: not the text that locators count in (another SHA-256)")
    record = locator_record(extraction.text, extraction.layout, passage, identifiers_in_use(statements))
    typer.echo(record, nl=False)


def verify_source(
    text: Annotated[Path, typer.Option("--text", help="The extracted text of the source document.")],
    claim: Annotated[str | None, typer.Option(help="Only show this claim or resource (IRI or prefixed name).")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print each claim with the passages it rests on.")] = False,
    language: LanguageOption = Language.NN,
    format_: Annotated[ReportFormat, typer.Option("--format", help="Form of the report.")] = ReportFormat.TEXT,
    home: HomeOption = None,
) -> None:
    """Check every locator against the text of the source document, which is not part of kgraph."""
    from kgraph.dataset import load_dataset
    from kgraph.source.layout import load_layout
    from kgraph.source.passages import iter_claim_passages
    from kgraph.source.stated import Statements
    from kgraph.source.verification import load_extraction, verify_locators

    folder = home_of(home)
    statements = Statements(load_dataset(folder))
    extraction = load_extraction(text, load_layout(_layout_path(folder)))
    result = verify_locators(statements, extraction)
    if show or claim is not None:
        resource = None if claim is None else _resource(claim)
        shown = list(iter_claim_passages(statements, extraction, resource, language))
        if not shown:
            raise CommandError(f"{claim}: nothing in the dataset with this name rests on a passage")
        typer.echo("\n".join(map(_render_passage, shown)))
    typer.echo(_render(result, format_, language), nl=False)
    raise typer.Exit(result.report.exit_code())


def _layout_path(folder: Path) -> Path:
    """Return the layout of the home's source document."""
    layouts = sorted((folder / "data" / "layout").glob("*.toml"))
    if not layouts:
        raise CommandError(f"{folder / 'data' / 'layout'} holds no layout of a source document")
    return layouts[0]


def _resource(name: str) -> str:
    from kgraph.query_library import expand_iri

    return f"<{expand_iri(name, '--claim')}>"


def _render_passage(passage: ClaimPassage) -> str:
    """Return where a resource stands, what it says and the words it rests on."""
    place = f"p. {', '.join(map(str, passage.pages))}" + (f" § {passage.section}" if passage.section else "")
    said = passage.statement or passage.label
    return f"{shorten(passage.resource[1:-1])}  {place}\n  {said}\n  «{passage.passage}»\n"


def _render(result: VerificationReport, format_: ReportFormat, language: str) -> str:
    if format_ is ReportFormat.JSON:
        return json.dumps(result.to_dict(language), ensure_ascii=False, indent=2) + "\n"
    if format_ is ReportFormat.SARIF:
        return result.report.to_sarif(language)
    counts = {str(outcome).replace("-", "_"): number for outcome, number in result.counts().items()}
    return result.report.render_text(language) + wording("cli.locators", language, **counts) + "\n"
