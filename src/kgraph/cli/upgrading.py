"""``kgraph upgrade``: the dataset of a newer package in a state that has changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.options import CommandError, ExitCode, HomeOption, StateOption, folders_of, state_of
from kgraph.cli.tables import shorten

if TYPE_CHECKING:
    from kgraph.store.upgrading import Conflict, Upgrade


class Keep(StrEnum):
    """Whose values stay where package and state changed the same property."""

    HERE = "here"
    PACKAGE = "package"


def upgrade(
    patch: Annotated[bool, typer.Option("--patch", help="Print the change as an RDF Patch.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Make the change, as one revision.")] = False,
    keep: Annotated[
        Keep | None, typer.Option(help="Where both changed the same property, whose value stays.", show_default=False)
    ] = None,
    author: Annotated[str, typer.Option(help="Who makes the change, as the journal will say.")] = "kgraph upgrade",
    state: StateOption = None,
    home: HomeOption = None,
) -> None:
    """Show what the packaged dataset would change in a state directory; with --apply, change it.

    Ends with 1 if package and state changed the same property differently and --keep does not decide it.
    """
    from kgraph.store.patch import render_patch
    from kgraph.store.state import StateView, open_state
    from kgraph.store.upgrading import apply_upgrade, plan_upgrade

    folder, dataset = state_of(home, state), folders_of(home, state).home
    view = StateView(folder)
    plan = plan_upgrade(view, dataset)
    if not plan.is_newer:
        typer.echo("The state began from this dataset; there is nothing to upgrade.")
        return
    change = plan.resolved(keep_here=keep is not Keep.PACKAGE)
    typer.echo(render_patch(change, {}) if patch else "\n".join(_summary(plan)), nl=not patch)
    undecided = bool(plan.conflicts) and keep is None
    if apply and undecided:
        raise CommandError("decide the conflicts first: --keep here or --keep package; nothing was changed")
    if apply:
        with open_state(folder, dataset) as opened:
            if opened.revision != view.revision:
                raise CommandError("the state has changed meanwhile; nothing was changed")
            made = apply_upgrade(opened, plan, change, author)
        typer.echo(f"made revision {made.tag}", err=True)
    raise typer.Exit(ExitCode.VIOLATIONS if undecided else ExitCode.DONE)


def _summary(plan: Upgrade) -> Iterator[str]:
    yield f"from the dataset of kgraph {plan.before}: -{len(plan.patch.removed)} +{len(plan.patch.added)} statements"
    for graph in sorted(plan.patch.graphs):
        removed = sum(quad.graph == graph for quad in plan.patch.removed)
        added = sum(quad.graph == graph for quad in plan.patch.added)
        yield f"{f'-{removed}':>8} {f'+{added}':>8}  {shorten(graph)}"
    yield f"{len(plan.conflicts)} conflicts"
    for conflict in plan.conflicts:
        yield from _conflict(conflict)


def _conflict(conflict: Conflict) -> Iterator[str]:
    subject, predicate, graph = conflict.slot
    yield f"{_term(subject)} {_term(predicate)}  ({shorten(graph)})"
    for title, values in (("before", conflict.before), ("here", conflict.here), ("package", conflict.package)):
        yield f"  {title:<8} {', '.join(map(_term, values)) or 'nothing'}"


def _term(term: str) -> str:
    return shorten(term[1:-1]) if term.startswith("<") and not term.startswith("<<") else term
