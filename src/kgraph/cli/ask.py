"""``kgraph query`` and ``kgraph info``: asking the graph."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import kgraph
from kgraph.cli.complaints import render_complaint
from kgraph.cli.options import CommandError, HomeOption, Language, LanguageOption, home_of
from kgraph.cli.tables import render_table, shorten
from kgraph.errors import RequestError

if TYPE_CHECKING:
    from kgraph.query_library import LibraryQuery
    from kgraph.store.base import Store

TABLE = "table"
_TABLE_WIDTH = 100
_STDIN = "-"
_OVERVIEW = "resources-by-class"


def query(
    what: Annotated[str | None, typer.Argument(metavar="[NAME|FILE|-]", show_default=False)] = None,
    text: Annotated[str | None, typer.Option("--text", "-t", help="The query itself.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="Value of a parameter.")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", "-f", help="table, json, xml, csv, tsv; turtle, n-triples, json-ld, …")
    ] = None,
    language: LanguageOption = Language.NN,
    home: HomeOption = None,
) -> None:
    """Ask the graph: a query of the library by NAME, a FILE, standard input (-) or --text.

    With nothing to ask, lists the library.
    """
    from kgraph.query_library import load_library

    folder = home_of(home)
    if what is None and text is None:
        library = load_library(folder / "queries")
        width = max(map(len, library), default=0)
        typer.echo("\n".join(f"{name.ljust(width)}  {library[name].titles[language]}" for name in library))
        return
    asked = _read_query(what, text, folder)
    values = _values(parameter or [])
    if "language" in {item.name for item in asked.parameters}:
        values.setdefault("language", language)
    try:
        answered, remarks = _answer(folder, asked, values, format_ or asked.defaults.get("format"), language)
    except RequestError as error:
        raise CommandError(render_complaint(error, asked.text, language, asked.name)) from error
    typer.echo(answered, nl=False)
    for remark in remarks:
        typer.echo(f"{asked.name}:{remark}", err=True)


def info(home: HomeOption = None) -> None:
    """Tell versions, the folder of knowledge, and how much each graph and class holds."""
    from kgraph.query_library import load_library
    from kgraph.store.base import select

    folder = home_of(home)
    store = _open(folder)
    rows = [
        ("kgraph", kgraph.__version__),
        ("home", str(folder)),
        ("revision", store.revision.tag if store.revision else ""),
    ]
    rows.append(("licence", "software MIT; ontology, data and queries CC BY 4.0"))
    typer.echo("\n".join(f"{name.ljust(8)}  {value}" for name, value in rows))
    typer.echo("\nstatements by graph")
    for graph, count in sorted(store.graphs().items()):
        typer.echo(f"{count:>8}  {shorten(graph)}")
    typer.echo("\nresources by class")
    for row in select(store, load_library(folder / "queries")[_OVERVIEW].text):
        typer.echo(f"{row['resources'].value:>8}  {shorten(row['class'].value)}")


def _open(folder: Path) -> Store:
    from kgraph.dataset import load_dataset
    from kgraph.store.embedded import open_store

    return open_store(load_dataset(folder))


def _read_query(what: str | None, text: str | None, folder: Path) -> LibraryQuery:
    """Return the query that was asked for; one without a header is a query with no parameters."""
    from kgraph.dataset import load_text
    from kgraph.query_library import LibraryQuery, load_library, read_query

    if what is not None and text is not None:
        raise CommandError("give either a name or file, or --text, not both")
    if text is None and what is not None and what != _STDIN:
        path = Path(what)
        if not path.is_file():
            library = load_library(folder / "queries")
            if what not in library:
                raise CommandError(f'"{what}" is neither a file nor a query of the library; kgraph query lists them')
            return library[what]
        text = load_text(path)
        if text.startswith("#+"):
            return read_query(text, path)
    return LibraryQuery("query", Path(what or _STDIN), {}, {}, sys.stdin.read() if text is None else text)


def _values(assignments: list[str]) -> dict[str, str]:
    """Return the parameters' values from their NAME=VALUE form."""
    values: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise CommandError(f'"{assignment}" is not NAME=VALUE')
        values[name] = value
    return values


def _answer(
    folder: Path, asked: LibraryQuery, values: Mapping[str, str], format_name: str | None, language: str
) -> tuple[str, list[str]]:
    """Return the answer as it is printed, and remarks on names in the query that may not be what was meant."""
    from kgraph.formats import GRAPHS, JSON_RESULTS, RESULTS, by_name
    from kgraph.resources.hints import Hints, says_nothing
    from kgraph.sparql.text import read_query_text
    from kgraph.store.base import Query

    terms = asked.bind(values)
    text = read_query_text(asked.text)
    offered = GRAPHS if text.is_graph else RESULTS
    as_table = not text.is_graph and format_name in (None, TABLE)
    chosen = JSON_RESULTS if as_table else by_name(format_name or offered[0].name, offered)
    if chosen is None:
        names = ", ".join([*([] if text.is_graph else [TABLE]), *(item.name for item in offered)])
        raise CommandError(f"{text.form} cannot be answered as {format_name}; choose {names}")
    named = text.default_graphs is not None or text.named_graphs is not None
    dataset = (text.default_graphs or (), text.named_graphs or ()) if named else None
    store = _open(folder)
    body = store.query(Query(text.text, dataset, terms), chosen).read()
    is_empty = says_nothing(text.text, body, chosen)
    hints = Hints(store).find(text.text, dataset, is_empty=is_empty, thorough=True)
    remarks = [f"{hint.name.line}:{hint.name.column}: {hint.message(language)}" for hint in hints]
    return _render(body.decode(), as_table, terms), remarks


def _render(body: str, as_table: bool, hidden: Mapping[str, str]) -> str:
    if not as_table:
        return body if body.endswith("\n") else body + "\n"
    return render_table(json.loads(body), shutil.get_terminal_size((_TABLE_WIDTH, 24)).columns, hidden=hidden)
