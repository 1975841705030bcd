"""``kgraph explain``: why a statement holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgraph.cli.files import ReportFormat
from kgraph.cli.options import CommandError, HomeOption, home_of
from kgraph.cli.tables import shorten

if TYPE_CHECKING:
    from kgraph.inference import Step


def explain(
    subject: Annotated[str, typer.Argument(help="Subject: an IRI or a prefixed name.", show_default=False)],
    predicate: Annotated[str, typer.Argument(help="Predicate; a stands for rdf:type.", show_default=False)],
    object_: Annotated[str, typer.Argument(metavar="OBJECT", help="Object: a resource.", show_default=False)],
    format_: Annotated[ReportFormat, typer.Option("--format", help="Form of the answer.")] = ReportFormat.TEXT,
    home: HomeOption = None,
) -> None:
    """Tell why a statement holds: the rule and the premises behind it, down to the lines that state them."""
    from kgraph.dataset import load_dataset
    from kgraph.errors import NotInferredError
    from kgraph.inference import explain as explain_triple
    from kgraph.inference import statement
    from kgraph.query_library import expand_iri
    from kgraph.store.loading import load_graphs

    if format_ is ReportFormat.SARIF:
        raise CommandError("an explanation is text or json")
    dataset = load_dataset(home_of(home))
    names = [subject, "rdf:type" if predicate == "a" else predicate, object_]
    triple = statement(*(expand_iri(name, name) for name in names))
    graphs = load_graphs(dataset)
    try:
        step = explain_triple(triple, graphs.asserted, graphs.inference)
    except NotInferredError as error:
        raise CommandError(f"{' '.join(names)}: neither stated nor inferred") from error
    places = {premise: _place(dataset, premise) for premise in step.asserted()}
    if format_ is ReportFormat.JSON:
        typer.echo(json.dumps(_to_dict(step, places), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(_lines(step, places, 0)))


def _place(dataset: Any, triple: Any) -> str:
    """Return the file and line that state a triple, as ``path:line``."""
    found = dataset.line_of((str(triple.subject), str(triple.predicate), str(triple.object)))
    return "" if found is None else f"{found.path.relative_to(dataset.home)}:{found.line}"


def _statement(triple: Any) -> str:
    return " ".join(shorten(str(term)[1:-1]) if str(term)[0] == "<" else str(term) for term in _terms(triple))


def _terms(triple: Any) -> tuple[Any, Any, Any]:
    return triple.subject, triple.predicate, triple.object


def _lines(step: Step, places: dict[Any, str], depth: int) -> list[str]:
    reason = f"by {step.rule.name}" if step.rule else f"stated in {places[step.triple]}"
    lines = [f"{'  ' * depth}{_statement(step.triple)}  ({reason})"]
    return lines + [line for premise in step.premises for line in _lines(premise, places, depth + 1)]


def _to_dict(step: Step, places: dict[Any, str]) -> dict[str, Any]:
    content: dict[str, Any] = {"statement": [str(term) for term in _terms(step.triple)]}
    if step.rule is None:
        return content | {"stated": places[step.triple]}
    premises = [_to_dict(premise, places) for premise in step.premises]
    return content | {"rule": step.rule.name, "kind": step.rule.kind, "axiom": step.rule.about, "premises": premises}
