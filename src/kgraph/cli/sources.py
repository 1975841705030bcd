"""``kgraph verify-source``: the locators against the text they point into."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgraph.cli.files import ReportFormat
from kgraph.cli.options import HomeOption, Language, LanguageOption, home_of


def verify_source(
    text: Annotated[Path, typer.Option("--text", help="The extracted text of the source document.")],
    language: LanguageOption = Language.NN,
    format_: Annotated[ReportFormat, typer.Option("--format", help="Form of the report.")] = ReportFormat.TEXT,
    home: HomeOption = None,
) -> None:
    """Check every locator against the text of the source document, which is not part of kgraph."""
    from kgraph.dataset import load_dataset
    from kgraph.languages import text as wording
    from kgraph.source.layout import load_layout
    from kgraph.source.verification import load_extraction, verify_dataset

    folder = home_of(home)
    dataset = load_dataset(folder)
    for layout in sorted((folder / "data" / "layout").glob("*.toml")):
        result = verify_dataset(dataset, load_extraction(text, load_layout(layout)))
