"""SHACL engines behind one function: pySHACL, and the ``shacl`` package where it is installed.

Data and shapes cross as N-Triples text, never as another library's terms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pyshacl
import rdflib
from rdflib.namespace import SH

from kgraph.turtle import Term, literal_term

_BLANK = "urn:kgraph:blank:"
_NO_WORDS = rdflib.Literal("-")


class Result(NamedTuple):
    """One validation result of SHACL: terms in N-Triples syntax, the component by its local name."""

    focus: Term
    path: Term | None
    value: Term | None
    shape: Term
    component: str


def _term(value: rdflib.term.Node | None, labels: Mapping[rdflib.BNode, str]) -> Term | None:
    if isinstance(value, rdflib.Literal):
        return literal_term(str(value), value.language, str(value.datatype) if value.datatype else None)
    if isinstance(value, rdflib.URIRef):
        return f"<{value}>"
    return labels.get(value, f"_:{value}") if isinstance(value, rdflib.BNode) else None


def run_pyshacl(data: str, shapes: str) -> list[Result]:
    """Validate N-Triples ``data`` against ``shapes`` with pySHACL; blank nodes keep their labels."""
    nodes: dict[str, rdflib.BNode] = {}
    data_graph = rdflib.Graph().parse(data=data, format="nt", bnode_context=nodes)
    labels = {node: f"_:{label}" for label, node in nodes.items()}
    shapes_graph = rdflib.Graph().parse(data=shapes, format="nt")
    # Where a shape has no words for people, pySHACL describes shape and value in each result, which takes long.
    for shape in set(shapes_graph.subjects()):
        shapes_graph.add((shape, SH.message, _NO_WORDS))
    _, report, _ = pyshacl.validate(data_graph, shacl_graph=shapes_graph, inference="none", advanced=False)
    results: list[Result] = []
    for result in report.subjects(rdflib.RDF.type, SH.ValidationResult):
        path = report.value(result, SH.resultPath)
        shape, component = report.value(result, SH.sourceShape), report.value(result, SH.sourceConstraintComponent)
        results.append(
            Result(
                _term(report.value(result, SH.focusNode), labels) or "",
                _term(path, labels) if isinstance(path, rdflib.URIRef) else None,
                _term(report.value(result, SH.value), labels),
                _term(shape, labels) or "",
                _component(str(component)),
            )
        )
    return results


def run_shacl(data: str, shapes: str) -> list[Result]:
    """Validate with the ``shacl`` package; raises ``ModuleNotFoundError`` if it is not installed."""
    import shacl

    return _results(shacl.Shapes.from_text(shapes, format="ntriples").validate_text(data, format="ntriples"))


def compile_shacl(shapes: str) -> Callable[[str], list[Result]] | None:
    """Return what validates data with the ``shacl`` package, shapes read once; ``None`` if it is not installed.

    The package gives blank nodes other labels, so they are handed over as IRIs (:func:`named_blank`).
    """
    try:
        import shacl
    except ModuleNotFoundError:
        return None
    compiled = shacl.Shapes.from_text(shapes, format="ntriples")

    def run(data: str) -> list[Result]:
        results = _results(compiled.validate_text(data, format="ntriples"))
        return [result._replace(focus=_label(result.focus) or "", value=_label(result.value)) for result in results]

    return run


def named_blank(term: Term) -> Term:
    """Return an IRI that stands for a blank node, and any other term as it is."""
    return f"<{_BLANK}{term[2:]}>" if term.startswith("_:") else term


def _label(term: Term | None) -> Term | None:
    return f"_:{term[len(_BLANK) + 1 : -1]}" if term and term.startswith("<" + _BLANK) else term


def _results(report: Any) -> list[Result]:
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
