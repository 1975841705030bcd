"""``kgraph journal`` and ``kgraph export``: what a state directory keeps."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.options import CommandError, ExitCode, HomeOption, StateOption, folders_of, state_of

if TYPE_CHECKING:
    from kgraph.store.dumps import Dump
    from kgraph.store.journal import Entry
    from kgraph.store.repair import Examination

app = typer.Typer(help="Verify, list, show and repair the journal of changes.", no_args_is_help=True)

_DATE = "%Y-%m-%d %H:%M"


@app.command()
def check(state: StateOption = None, home: HomeOption = None) -> None:
    """Verify every byte of base, journal and snapshots, and name what is damaged."""
    folder = state_of(home, state)
    base, found = _examine(folder)
    typer.echo(f"{base.path}: whole, {base.quads} statements, written by kgraph {base.package}")
    for message in found.damage:
        typer.echo(message)
    if found.torn:
        typer.echo(f"{found.torn} bytes at the end are of a change that was broken off; the next start cuts them off")
    typer.echo(f"sound up to revision {found.last.tag}")
    raise typer.Exit(ExitCode.VIOLATIONS if found.damage else ExitCode.DONE)


@app.command("list")
def list_entries(state: StateOption = None, home: HomeOption = None) -> None:
    """List the changes: number, date, statements removed and added, author and reason."""
    folder = state_of(home, state)
    base = _base(folder)
    first = f"the dataset of kgraph {base.package}, {base.quads} statements"
    typer.echo(f"{base.revision.number:>6}  {base.revision.date:{_DATE}}  {first}")
    for entry in _entries(folder, base):
        typer.echo(_line(entry))


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="N", help="Number of the revision.", show_default=False)],
    state: StateOption = None,
    home: HomeOption = None,
) -> None:
    """Print the change that made a revision, as an RDF Patch."""
    folder = state_of(home, state)
    base = _base(folder)
    for entry in _entries(folder, base):
        if entry.revision.number == number:
            typer.echo(entry.body.decode(), nl=False)
            return
    raise CommandError(
        f"no change made revision {number}; kgraph journal list shows those that there are, and revision "
        f"{base.revision.number} is printed by kgraph export --revision {base.revision.number}"
    )


@app.command()
def repair(
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    state: StateOption = None,
    home: HomeOption = None,
) -> None:
    """Set what is damaged aside into files of its own, so that the server can start from what is sound."""
    from kgraph.store.repair import set_aside

    folder = state_of(home, state)
    _, found = _examine(folder)
    if not found.damage:
        typer.echo("Nothing is damaged.")
        return
    typer.echo("\n".join(_losses(found)))
    if not yes and not typer.confirm("Set this aside?"):
        raise CommandError("nothing was changed")
    for path in set_aside(found):
        typer.echo(f"set aside: {path}")
    typer.echo(f"The next start gives revision {found.last.tag}.")


def export(
    graph: Annotated[
        str | None, typer.Option(help="Only this graph: an IRI or a prefixed name.", show_default=False)
    ] = None,
    format_: Annotated[
        str,
        typer.Option("--format", "-f", help="n-quads, trig, json-ld; of one graph also turtle, n-triples, rdf-xml."),
    ] = "n-quads",
    revision: Annotated[int | None, typer.Option(help="State as of this revision.", show_default=False)] = None,
    state: StateOption = None,
    home: HomeOption = None,
) -> None:
    """Print the whole dataset or one graph, last or earlier, with numbers and dates as they were written.

    Without a state directory it is the dataset of the files. What is inferred is not printed.
    """
    from kgraph.formats import GRAPHS, by_name
    from kgraph.query_library import expand_iri
    from kgraph.store.exporting import kept_lines, packaged_lines, write_export
    from kgraph.store.state import StateView

    wanted = {"nquads": "n-quads", "ntriples": "n-triples", "jsonld": "json-ld", "rdfxml": "rdf-xml"}
    chosen = by_name(wanted.get(format_, format_), GRAPHS)
    if chosen is None:
        raise CommandError(f"no format {format_}; choose {', '.join(item.name for item in GRAPHS)}")
    folders = folders_of(home, state)
    if folders.state is None and revision not in (None, 1):
        raise CommandError("only a state directory keeps earlier revisions: --state DIR or KGRAPH_STATE")
    lines = packaged_lines(folders.home) if folders.state is None else kept_lines(StateView(folders.state), revision)
    write_export(lines, chosen, sys.stdout.buffer, expand_iri(graph, "--graph") if graph else graph)


def _base(folder: Path) -> Dump:
    from kgraph.store.state import load_base

    return load_base(folder)


def _examine(folder: Path) -> tuple[Dump, Examination]:
    from kgraph.store.repair import examine

    base = _base(folder)
    return base, examine(folder, base.revision)


def _entries(folder: Path, base: Dump) -> Iterator[Entry]:
    from kgraph.store.journal import JournalReader
    from kgraph.store.state import JOURNAL

    return iter(JournalReader(folder / JOURNAL, base.revision))


def _line(entry: Entry) -> str:
    removed, added = entry.removed.count(b"\n"), entry.added.count(b"\n")
    # What others wrote is not to move the cursor or to colour the terminal.
    written = "".join(character if character.isprintable() else " " for character in entry.reason)
    reason = f": {' '.join(written.split())}" if entry.reason else ""
    date = f"{entry.revision.date:{_DATE}}"
    return f"{entry.revision.number:>6}  {date}  {f'-{removed}':>7} {f'+{added}':>7}  {entry.author}{reason}"


def _losses(found: Examination) -> Iterator[str]:
    """Yield what is wrong and what setting it aside would take from the data."""
    yield from found.damage
    if found.tail:
        first = found.last.number + 1
        yield f"{found.tail} bytes at the end of the journal would no longer count, from revision {first} on."
        if found.beyond:
            yield "Of these changes behind the damage, what was said can still be read in the file that is set aside:"
            yield from map(_line, found.beyond)
    yield f"Revision {found.last.tag} would be the last. Restoring a backup, if there is one, loses less."
