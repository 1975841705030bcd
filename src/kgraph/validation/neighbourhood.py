"""The statements around a change, as they were before and as they are after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import pyoxigraph as ox

from kgraph.dataset import Quad
from kgraph.store.base import ASSERTED, OUTSIDE_DEFAULT
from kgraph.store.patch import Patch, n_quad
from kgraph.validation.reach import Chain, Step

LEFT_OUT = frozenset(ox.NamedNode(name) for name in (*OUTSIDE_DEFAULT, ASSERTED))
"""The named graphs that the rules do not look at."""

_STRING = ox.NamedNode("http://www.w3.org/2001/XMLSchema#string")
WIDEST = 100_000
"""How many statements are looked at around a change before everything is checked instead."""

_WIDER_PER_CHANGE = 3
_FEW = 4

Node = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Found = dict[str, list[ox.Quad]]
Trie = Mapping[Step, "Trie"]


class TooWideError(Exception):
    """More statements would have to be looked at than the whole is worth; the whole graph is checked instead."""


class Neighbourhood:
    """The dataset after a change together with what the change removed; looked at where a chain leads.

    ``came`` and ``gone`` hold the quads that are only in the dataset after and only in the one before, as the engine
    holds them; ``sent_now`` and ``sent_before`` the objects of the added and the removed quads as they were sent. The
    number of statements looked at is limited; the limit grows with the change.
    """

    def __init__(self, after: ox.Store, patch: Patch, widest: int = WIDEST) -> None:
        """Read a patch and the store as it is after it; the store is only read."""
        self._after = after
        self.sent_now, self.sent_before = _read(patch.added), _read(patch.removed)
        added, removed = set(self.sent_now), set(self.sent_before)
        self.changed = added | removed
        self.came, self.gone = added - removed, removed - added
        self._left = widest + _WIDER_PER_CHANGE * len(self.changed)
        self._gone_of: dict[object, list[ox.Quad]] = defaultdict(list)
        self._gone_to: dict[object, list[ox.Quad]] = defaultdict(list)
        self._gone_with: dict[object, list[ox.Quad]] = defaultdict(list)
        for quad in self.gone:
            self._gone_of[quad.subject].append(quad)
            self._gone_to[quad.object].append(quad)
            self._gone_with[quad.predicate].append(quad)
        self._of: dict[Node, Found] = {}
        self._to: dict[tuple[Node, str | None], Found] = {}

    def quads(self) -> Iterator[ox.Quad]:
        """Yield every quad of the dataset, before or after."""
        for quad in self._after:
            if quad.graph_name not in LEFT_OUT:
                yield quad
        yield from self.gone

    def _take(self, quads: Iterable[ox.Quad], gone: Iterable[ox.Quad]) -> Found:
        found: Found = {}
        for quad in quads:
            self._left -= 1
            if self._left < 0:
                raise TooWideError
            if quad.graph_name not in LEFT_OUT:
                found.setdefault(quad.predicate.value, []).append(quad)
        for quad in gone:
            found.setdefault(quad.predicate.value, []).append(quad)
        return found

    def of(self, node: Node) -> Found:
        """Return the statements whose subject is a node, by predicate."""
        if node not in self._of:
            if isinstance(node, (ox.Literal, ox.Triple)):
                self._of[node] = {}
            else:
                quads = self._after.quads_for_pattern(node, None, None, None)
                self._of[node] = self._take(quads, self._gone_of.get(node, ()))
        return self._of[node]

    def to(self, node: Node, predicates: frozenset[str] | None = None) -> Iterator[ox.Quad]:
        """Yield the statements whose object is a node; where the predicates are few, only theirs are looked at."""
        if predicates is None or len(predicates) > _FEW:
            yield from _chosen(self._coming(node, None), predicates)
        else:
            for predicate in predicates:
                yield from self._coming(node, predicate).get(predicate, ())

    def _coming(self, node: Node, predicate: str | None) -> Found:
        key = (node, predicate)
        if key not in self._to:
            narrowed = None if predicate is None else ox.NamedNode(predicate)
            quads = self._after.quads_for_pattern(None, narrowed, node, None)
            self._to[key] = self._take(quads, self._gone_to.get(node, ()))
        return self._to[key]

    def _with(self, predicate: Node) -> list[ox.Quad]:
        if not isinstance(predicate, ox.NamedNode):
            return []
        quads = self._after.quads_for_pattern(None, predicate, None, None)
        return self._take(quads, self._gone_with.get(predicate, ())).get(predicate.value, [])

    def _flips(self, node: Node, step: Step) -> bool:
        """Tell whether the change makes the first or takes the last statement of a step from a node."""
        out = step.kind == "out"
        found = list(_chosen(self.of(node), step.predicates) if out else self.to(node, step.predicates))
        return all(quad in self.came for quad in found) or all(quad in self.gone for quad in found)

    def focuses(self, chain: Chain, changed: Iterable[ox.Quad]) -> set[Node]:
        """Return the resources from which a chain leads to one of the changed quads, which match its last step."""
        last = chain[-1]
        nodes: set[Node] = {quad.subject if last.kind == "out" else quad.object for quad in changed}
        if last.lone:
            nodes = {node for node in nodes if self._flips(node, last)}
        if last.closure:
            nodes = self._walk(last, nodes, backwards=True)[1]
        for step in reversed(chain[:-1]):
            nodes = self._walk(step, nodes, backwards=True)[1]
        return nodes

    def cover(self, trie: Trie, nodes: set[Node]) -> set[ox.Quad]:
        """Return the quads that the chains of a trie lead over from nodes."""
        covered: set[ox.Quad] = set()
        for step, rest in trie.items():
            quads, ends = self._walk(step, nodes)
            covered.update(quads)
            if rest and ends:
                covered |= self.cover(rest, ends)
        return covered

    def _walk(self, step: Step, nodes: set[Node], *, backwards: bool = False) -> tuple[list[ox.Quad], set[Node]]:
        quads: list[ox.Quad] = []
        reached: set[Node] = set()
        waiting, seen = list(nodes), set(nodes)
        while waiting:
            for quad, end in self._one(step, waiting.pop(), backwards):
                quads.append(quad)
                reached.add(end)
                if step.closure and end not in seen:
                    seen.add(end)
                    waiting.append(end)
        return quads, seen if step.closure else reached

    def _one(self, step: Step, node: Node, backwards: bool) -> Iterator[tuple[ox.Quad, Node]]:
        if step.kind == "predicate":
            if backwards:
                yield from ((quad, quad.subject) for quad in self._with(node))
            else:
                yield from ((quad, quad.predicate) for found in self.of(node).values() for quad in found)
        elif (step.kind == "out") != backwards:
            yield from ((quad, quad.object) for quad in _chosen(self.of(node), step.predicates))
        else:
            yield from ((quad, quad.subject) for quad in self.to(node, step.predicates))


def trie_of(chains: Iterable[Chain]) -> Trie:
    """Return chains with their common beginnings laid together."""
    trie: dict[Step, dict] = {}  # type: ignore[type-arg]
    for chain in chains:
        place = trie
        for step in chain:
            place = place.setdefault(step._replace(lone=False), {})
    return trie


def _chosen(found: Found, predicates: frozenset[str] | None) -> Iterator[ox.Quad]:
    if predicates is None or len(predicates) > len(found):
        for predicate, quads in found.items():
            if predicates is None or predicate in predicates:
                yield from quads
    else:
        for predicate in predicates:
            yield from found.get(predicate, ())


def _read(quads: Iterable[Quad]) -> dict[ox.Quad, str]:
    """Return the quads that the rules look at, as the engine holds them, with their objects as they were sent."""
    given = list(quads)
    read = ox.parse("".join(map(n_quad, given)), format=ox.RdfFormat.N_QUADS, lenient=True)
    kept = (pair for pair in zip(read, given, strict=True) if pair[0].graph_name not in LEFT_OUT)
    return {_as_held(quad): sent.object for quad, sent in kept}


def _as_held(quad: ox.Quad) -> ox.Quad:
    """Return a quad as the engine holds it, which changes the lexical form of some literals."""
    if not isinstance(quad.object, ox.Literal) or quad.object.datatype == _STRING:
        return quad
    store = ox.Store()
    store.add(quad)
    return next(store.quads_for_pattern(None, None, None, None))
