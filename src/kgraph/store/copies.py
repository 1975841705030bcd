"""The default graphs that most queries ask, each once more in an engine that holds nothing else.

An engine in memory finds the statements of a term in one chain, whatever graph they stand in, so a query of the union
passes over each statement twice: where it was stated and in the union. Alone in an engine the union answers in about
two thirds of the time. The copies cost their memory, so they are for graphs up to a size that is a setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pyoxigraph as ox

from kgraph.store.base import ALL, ASSERTED, INFERRED, Query

_GRAPH = re.compile(r"\bGRAPH\b", re.IGNORECASE)


def may_name_graphs(text: str) -> bool:
    """Tell whether a query may ask for named graphs: true for every one that does, and for some that do not."""
    return "graph" in text.lower() and _GRAPH.search(text) is not None


class Copies:
    """Copies of what is asserted, and of that with what follows from it."""

    def __init__(self, engine: ox.Store) -> None:
        """Copy the graphs ``asserted`` and ``inferred`` of an engine."""
        self._asserted = _copy(engine, ASSERTED)
        self._all = _copy(engine, ASSERTED, INFERRED)

    def find(self, query: Query) -> ox.Store | None:
        """Return the copy whose default graph is that of a query which asks for no named graph, if there is one."""
        if query.dataset is None or query.dataset == ((ASSERTED,), ()):
            copy = self._asserted
        elif query.dataset == ((ALL,), ()):
            copy = self._all
        else:
            return None
        return None if may_name_graphs(query.text) else copy

    def change(
        self,
        lost: Iterable[ox.Quad],
        won: Iterable[ox.Quad],
        unfollowed: Iterable[ox.Quad],
        followed: Iterable[ox.Quad],
    ) -> None:
        """Follow what the graph ``asserted`` lost and won, and what the graph ``inferred`` did."""
        losses, gains = [_unnamed(quad) for quad in lost], [_unnamed(quad) for quad in won]
        for quad in losses:
            self._asserted.remove(quad)
        self._asserted.extend(gains)
        for quad in (*losses, *map(_unnamed, unfollowed)):
            self._all.remove(quad)
        self._all.extend((*gains, *map(_unnamed, followed)))


def _copy(engine: ox.Store, *graphs: str) -> ox.Store:
    copy = ox.Store()
    for graph in graphs:
        content = engine.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=ox.NamedNode(graph))
        assert content is not None
        # The engine gives the newest first: turned round, the copy answers in the order of the original.
        lines = content.splitlines(keepends=True)[::-1]
        # Loading gives blank nodes new names, under which no change would find them again.
        named = [line for line in lines if b"_:" not in line]
        copy.load(b"".join(named), format=ox.RdfFormat.N_TRIPLES, lenient=True)
        copy.extend(ox.parse(b"".join(line for line in lines if b"_:" in line), format=ox.RdfFormat.N_TRIPLES))
    return copy


def _unnamed(quad: ox.Quad) -> ox.Quad:
    return ox.Quad(quad.subject, quad.predicate, quad.object)
