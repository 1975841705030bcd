"""The files of a dataset in the engine, with what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyoxigraph as ox

from kgraph.dataset import DataFile, Dataset
from kgraph.errors import DatasetError
from kgraph.inference import Inference, Rule, close, compile_rules, infer
from kgraph.store.base import ASSERTED, INFERRED, OUTSIDE_DEFAULT

_Graph = ox.NamedNode | ox.BlankNode | ox.DefaultGraph
_SMALL = 1 << 20


@dataclass(frozen=True)
class LoadedGraphs:
    """A dataset in the engine: its named graphs, their union and what the rules add to it.

    ``engine`` holds the named graphs, ``asserted`` and ``inferred`` among them; its default graph is empty.
    """

    engine: ox.Store
    rules: tuple[Rule, ...]

    @cached_property
    def asserted(self) -> tuple[ox.Quad, ...]:
        """The statements of the asserted graphs, held here when they are first asked for."""
        return tuple(quad for graph in _members(self.engine) for quad in _quads(self.engine, graph))

    @cached_property
    def inference(self) -> Inference:
        """What follows, round by round, worked out when it is first asked for."""
        return infer(self.asserted, self.rules)


def load_graphs(dataset: Dataset) -> LoadedGraphs:
    """Load each file of a dataset into its named graph, their union and what follows into graphs of their own.

    Raises :class:`kgraph.errors.DatasetError` naming the file and the line that cannot be read, and
    :class:`kgraph.errors.RuleError` for an ontology whose core has an axiom outside OWL 2 RL.
    """
    engine = load_files(dataset)
    rules = compile_core(dataset)
    unite(engine)
    materialise(engine, rules)
    return LoadedGraphs(engine, rules)


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


def unite(engine: ox.Store) -> None:
    """Make the graph ``asserted``: the union of the unnamed graph and the asserted named ones."""
    union = ox.NamedNode(ASSERTED)
    for graph in _members(engine):
        engine.bulk_extend(ox.Quad(q.subject, q.predicate, q.object, union) for q in _quads(engine, graph))


def materialise(engine: ox.Store, rules: tuple[Rule, ...]) -> None:
    """Add what follows from the graph ``asserted`` of an engine to its graph ``inferred``.

    Raises :class:`kgraph.errors.RuleError` if the rules do not come to an end.
    """
    close(engine, rules, ox.NamedNode(ASSERTED), ox.NamedNode(INFERRED))


def _members(engine: ox.Store) -> list[_Graph]:
    left_out = {*OUTSIDE_DEFAULT, ASSERTED}
    names = [graph for graph in engine.named_graphs() if graph.value not in left_out]
    return [ox.DefaultGraph(), *sorted(names, key=str)]


def _quads(engine: ox.Store, graph: _Graph) -> Iterator[ox.Quad]:
    return engine.quads_for_pattern(None, None, None, graph)


def _load(engine: ox.Store, file: DataFile) -> None:
    graph = ox.NamedNode(file.graph)
    try:
        # What is loaded in bulk never stands in memory as a whole, but costs more to begin.
        load = engine.load if file.path.stat().st_size < _SMALL else engine.bulk_load
        load(path=str(file.path), format=ox.RdfFormat.TURTLE, to_graph=graph)
    except SyntaxError as error:
        raise DatasetError(f"{file.path}:{error.lineno or 1}: {error.msg}") from error
    except OSError as error:
        raise DatasetError(f"{file.path}: {error}") from error
