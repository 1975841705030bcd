"""SHACL engines behind one function: pySHACL, and the ``shacl`` package where it is installed.

Data and shapes cross as N-Triples text, never as another library's terms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pyshacl
import rdflib
from rdflib.namespace import SH

from kgraph.turtle import Term, literal_term


class Result(NamedTuple):
    """One validation result of SHACL: terms in N-Triples syntax, the component by its local name."""

    focus: Term
    path: Term | None
    value: Term | None
    shape: Term
    component: str


def _term(value: rdflib.term.Node | None) -> Term | None:
    if isinstance(value, rdflib.Literal):
        return literal_term(str(value), value.language, str(value.datatype) if value.datatype else None)
    if isinstance(value, rdflib.URIRef):
        return f"<{value}>"
    return None if value is None else f"_:{value}"


def run_pyshacl(data: str, shapes: str) -> list[Result]:
    """Validate N-Triples ``data`` against ``shapes`` with pySHACL."""
    data_graph = rdflib.Graph().parse(data=data, format="nt")
    shapes_graph = rdflib.Graph().parse(data=shapes, format="nt")
    _, report, _ = pyshacl.validate(data_graph, shacl_graph=shapes_graph, inference="none", advanced=False)
    results: list[Result] = []
    for result in report.subjects(rdflib.RDF.type, SH.ValidationResult):
        path = report.value(result, SH.resultPath)
        shape, component = report.value(result, SH.sourceShape), report.value(result, SH.sourceConstraintComponent)
        results.append(
            Result(
                _term(report.value(result, SH.focusNode)) or "",
                _term(path) if isinstance(path, rdflib.URIRef) else None,
                _term(report.value(result, SH.value)),
                _term(shape) or "",
                _component(str(component)),
            )
        )
    return results


def run_shacl(data: str, shapes: str) -> list[Result]:
    """Validate with the ``shacl`` package; raises ``ModuleNotFoundError`` if it is not installed."""
    import shacl

    report = shacl.Shapes.from_text(shapes, format="ntriples").validate_text(data, format="ntriples")
    return [
        Result(
            result.focus_node,
            result.path if result.path and re.fullmatch(r"<[^>]*>", result.path) else None,
            result.value,
            result.root_shape or result.source_shape or "",
            _component(result.component),
        )
        for result in report.results
    ]


def _component(name: str) -> str:
    return name.removeprefix(str(SH)).removesuffix("ConstraintComponent")


ENGINES: Mapping[str, Callable[[str, str], list[Result]]] = {"pyshacl": run_pyshacl, "shacl": run_shacl}
"""Engine by name; ``pyshacl`` is the one that is always installed."""
