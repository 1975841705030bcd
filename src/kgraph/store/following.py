"""The changes of a journal made on a store that holds an earlier state, with what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyoxigraph as ox

from kgraph.inference import Maintenance
from kgraph.store.base import ASSERTED, INFERRED
from kgraph.store.embedded import EmbeddedStore
from kgraph.store.journal import Entry


def follow(store: EmbeddedStore, maintenance: Maintenance | None, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Bring a store from its own state to those that the entries make, one after the other, and yield each.

    Raises :class:`kgraph.errors.RuleError` if what follows does not come to an end.
    """
    inferred = ox.NamedNode(INFERRED)
    for entry in entries:
        for name in entry.created:
            store.engine.add_graph(ox.NamedNode(name))
            store.recount(name, 0)
        lost, won = store.apply(entry.revision, entry.patch.removed, entry.patch.added, entry.dropped)
        unfollowed: list[ox.Quad] = []
        followed: list[ox.Quad] = []
        if maintenance is not None:
            less, more = maintenance.derive(store.engine, ox.NamedNode(ASSERTED), inferred, lost, won)
            unfollowed, followed = (
                [ox.Quad(triple.subject, triple.predicate, triple.object, inferred) for triple in triples]
                for triples in (less, more)
            )
            if unfollowed or followed:
                store.recount(INFERRED, len(followed) - len(unfollowed))
        if store.copies is not None:
            store.copies.change(lost, won, unfollowed, followed)
        yield entry
