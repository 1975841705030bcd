"""A dataset written out as a file: as of any revision, with literals as they were sent."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import IO, cast

import pyoxigraph as ox

from kgraph.dataset import load_dataset
from kgraph.errors import StateError
from kgraph.formats import JSON_LD, N_QUADS, TRIG, Format
from kgraph.store.answers import write_triples
from kgraph.store.blank_nodes import stable_lines
from kgraph.store.replay import iter_original_lines
from kgraph.store.state import StateView, iter_file_quads

DATASET_FORMATS = frozenset({N_QUADS, TRIG, JSON_LD})
"""The formats that hold several graphs."""


def kept_lines(view: StateView, revision: int | None = None) -> list[bytes]:
    """Return what a state directory holds, last or at a revision, as sorted lines of N-Quads.

    Graphs without a statement leave no trace.

    Raises what :meth:`kgraph.store.state.StateView.load` raises.
    """
    engine = ox.Store()
    originals = view.load(engine, revision)
    return sorted(line for line in iter_original_lines(engine, originals) if not line.startswith(b"#"))


def packaged_lines(home: Path) -> list[bytes]:
    """Return what the files of a home state, as sorted lines of N-Quads.

    Raises :class:`kgraph.errors.DatasetError` if they cannot be read.
    """
    return stable_lines(iter_file_quads(load_dataset(home)))


def write_export(lines: Iterable[bytes], format: Format, output: IO[bytes], graph: str | None = None) -> None:
    """Write statements into a binary file object: the whole dataset, or one graph by its IRI (empty: the unnamed one).

    Raises :class:`kgraph.errors.StateError` if there is no such graph or the format holds no more than one.
    """
    if graph is None and format not in DATASET_FORMATS:
        raise StateError(f"{format.name} holds one graph: name it, or choose n-quads, trig or json-ld")
    if graph is None and format is N_QUADS:
        output.writelines(lines)
        return
    content = io.BytesIO(b"".join(lines))
    quads: Iterable[ox.Quad] = ox.parse(content, format=ox.RdfFormat.N_QUADS)
    if graph is None:
        write_triples(cast(Iterable[ox.Triple], quads), format, output)
        return
    name = ox.NamedNode(graph) if graph else ox.DefaultGraph()
    chosen = [quad for quad in quads if quad.graph_name == name]
    if not chosen:
        raise StateError(f"there is no graph {graph or 'without a name'}")
    if format in DATASET_FORMATS:
        write_triples(cast(Iterable[ox.Triple], chosen), format, output)
    else:
        write_triples((quad.triple for quad in chosen), format, output)
