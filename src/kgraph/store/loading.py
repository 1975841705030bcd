"""The files of a dataset in the engine, with what follows from them."""

from __future__ import annotations

from dataclasses import dataclass

import pyoxigraph as ox

from kgraph.dataset import DataFile, Dataset
from kgraph.errors import DatasetError
from kgraph.inference import Inference, compile_rules, infer
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
    engine, core = ox.Store(), ox.Store()
    for file in dataset.files:
        _load(engine, file)
        if file.in_core:
            _load(core, file)
    graphs = [ox.NamedNode(name) for name in dataset.graphs if name not in OUTSIDE_DEFAULT]
    asserted = tuple(quad for graph in graphs for quad in engine.quads_for_pattern(None, None, None, graph))
    inference = infer(asserted, compile_rules(core))
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
