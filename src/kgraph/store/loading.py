"""The files of a dataset in the engine, with what follows from them."""

from __future__ import annotations

from dataclasses import dataclass

import pyoxigraph as ox

from kgraph.dataset import DataFile, Dataset
from kgraph.errors import DatasetError
from kgraph.inference import Inference, Rule, compile_rules, infer
from kgraph.store.base import INFERRED, OUTSIDE_DEFAULT


@dataclass(frozen=True)
class LoadedGraphs:
    """A dataset in the engine: its named graphs, the asserted statements and what the rules add to them.

    ``engine`` holds the named graphs, ``inferred`` among them; its default graph is empty.
    """

    engine: ox.Store
    asserted: tuple[ox.Quad, ...]
    inference: Inference


def load_graphs(dataset: Dataset) -> LoadedGraphs:
    """Load each file of a dataset into its named graph, and what follows into the graph ``inferred``.

    Raises :class:`kgraph.errors.DatasetError` naming the file and the line that cannot be read, and
    :class:`kgraph.errors.RuleError` for an ontology whose core has an axiom outside OWL 2 RL.
    """
    engine = load_files(dataset)
    return materialise(engine, compile_core(dataset))


def load_files(dataset: Dataset) -> ox.Store:
    """Load each file of a dataset into its named graph.

    Raises :class:`kgraph.errors.DatasetError` naming the file and the line that cannot be read.
    """
    engine = ox.Store()
    for file in dataset.files:
        _load(engine, file)
    return engine


def compile_core(dataset: Dataset) -> tuple[Rule, ...]:
    """Return the rules that the axioms of the ontology's core stand for.

    Raises what :func:`load_files` raises, and :class:`kgraph.errors.RuleError` for an axiom outside OWL 2 RL.
    """
    core = ox.Store()
    for file in dataset.files:
        if file.in_core:
            _load(core, file)
    return compile_rules(core)


def materialise(engine: ox.Store, rules: tuple[Rule, ...]) -> LoadedGraphs:
    """Add what follows from the asserted graphs of an engine to its graph ``inferred``.

    Raises :class:`kgraph.errors.RuleError` if the rules do not come to an end.
    """
    names = [graph for graph in engine.named_graphs() if graph.value not in OUTSIDE_DEFAULT]
    graphs = [ox.DefaultGraph(), *sorted(names, key=str)]
    asserted = tuple(quad for graph in graphs for quad in engine.quads_for_pattern(None, None, None, graph))
    inference = infer(asserted, rules)
    graph = ox.NamedNode(INFERRED)
    engine.extend(ox.Quad(triple.subject, triple.predicate, triple.object, graph) for triple in inference.triples)
    return LoadedGraphs(engine, asserted, inference)


def _load(engine: ox.Store, file: DataFile) -> None:
    try:
        engine.load(path=str(file.path), format=ox.RdfFormat.TURTLE, to_graph=ox.NamedNode(file.graph))
    except SyntaxError as error:
        raise DatasetError(f"{file.path}:{error.lineno or 1}: {error.msg}") from error
    except OSError as error:
        raise DatasetError(f"{file.path}: {error}") from error
