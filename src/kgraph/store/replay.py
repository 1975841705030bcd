"""A kept state brought into an engine: a dump, and the changes since."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import pyoxigraph as ox

from kgraph.store.dumps import Dump, empty_graph_line
from kgraph.store.journal import Entry
from kgraph.store.literals import Originals

_BATCH = 4 << 20


def replay(engine: ox.Store, dump: Dump, entries: Iterable[Entry]) -> Originals:
    """Fill an empty engine with a dump and the changes after it; return the literals it holds in another form.

    Labels of blank nodes are kept. Changes that only add are loaded together, some megabytes at a time.
    """
    originals = Originals()
    engine.bulk_extend(ox.parse(path=str(dump.path), format=ox.RdfFormat.N_QUADS))
    originals.add_lines(dump.iter_lines())
    for name in dump.iter_empty_graphs():
        engine.add_graph(ox.NamedNode(name))
    waiting: list[bytes] = []
    size = 0
    for entry in entries:
        removed, added = entry.removed, entry.added
        if removed or entry.dropped or size > _BATCH:
            _add(engine, waiting)
            size = 0
        for quad in _parse(removed):
            engine.remove(quad)
        originals.remove_lines(removed.splitlines(keepends=True))
        originals.add_lines(added.splitlines(keepends=True))
        waiting.append(added)
        size += len(added)
        for name in entry.created:
            engine.add_graph(ox.NamedNode(name))
        for name in entry.dropped:
            engine.remove_graph(ox.NamedNode(name))
    _add(engine, waiting)
    return originals


def iter_original_lines(engine: ox.Store, originals: Originals) -> Iterator[bytes]:
    """Yield the statements of an engine as lines of N-Quads, in no order, with literals as they were sent.

    Graphs without a statement come first, as :func:`kgraph.store.dumps.empty_graph_line` writes them.
    """
    for graph in engine.named_graphs():
        if isinstance(graph, ox.NamedNode) and next(engine.quads_for_pattern(None, None, None, graph), None) is None:
            yield empty_graph_line(graph.value)
    content = io.BytesIO()
    engine.dump(content, format=ox.RdfFormat.N_QUADS)
    content.seek(0)
    yield from originals.restore_lines(content)


def _add(engine: ox.Store, waiting: list[bytes]) -> None:
    engine.extend(_parse(b"".join(waiting)))
    waiting.clear()


def _parse(lines: bytes) -> Iterator[ox.Quad]:
    return iter(ox.parse(lines, format=ox.RdfFormat.N_QUADS)) if lines else iter(())
