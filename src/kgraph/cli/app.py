"""The command line: its commands, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import kgraph
from kgraph.cli import ask, files, keeping, reasons, serving, sources, tokens, upgrading
from kgraph.cli.options import ExitCode
from kgraph.errors import JournalError, KgraphError

_DAMAGED = (
    "kgraph journal check names all that is damaged. Restore it from a backup, or let kgraph journal repair set a "
    "damaged part of the journal aside."
)

app = typer.Typer(
    name="kgraph",
    help="An evidence synthesis on settlement and inclusion as a knowledge graph: serve it, ask it, check its files.",
    epilog="Exit codes: 0 done, 1 violations found, 2 the command could not do its work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(short_help="Serve the graph: SPARQL endpoint, pages and data.")(serving.serve)
app.command()(files.check)
app.command("format", short_help="Lay out Turtle files in canonical form.")(files.format_files)
app.command(short_help="Print the start of a record, each property explained.")(sources.new)
app.command(short_help="Ask the graph; with nothing after it, list the library.")(ask.query)
app.command(short_help="Tell versions, and how much each graph and class holds.")(ask.info)
app.command(short_help="Tell why a statement holds, down to file and line.")(reasons.explain)
app.command("verify-source", short_help="Check every locator against the text of the source.")(sources.verify_source)
app.command(short_help="Print the dataset or one graph, as of any revision.")(keeping.export)
app.command(short_help="Bring the dataset of a newer package into a state.")(upgrading.upgrade)
app.add_typer(keeping.app, name="journal")
app.add_typer(tokens.app, name="token", short_help="Make, list and revoke the tokens of those who may write.")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kgraph {kgraph.__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An evidence synthesis on settlement and inclusion as a knowledge graph."""


def run() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app()
    except KgraphError as error:
        typer.echo(f"kgraph: {error}", err=True)
        if isinstance(error, JournalError):
            typer.echo(_DAMAGED, err=True)
        sys.exit(ExitCode.UNUSABLE)
    except BrokenPipeError:
        # The reader of a pipe (head, a pager) may leave early; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.DONE)
