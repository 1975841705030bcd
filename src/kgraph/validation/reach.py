"""How far a rule looks: the chains of steps from a resource to every statement that can decide a remark on it.

A rule is a conjunction of patterns around ``?focus``. For each pattern there is a chain that begins at the focus and
ends with the pattern. Walked forwards, the chains gather all that the rule needs to be judged on a focus. Walked
backwards from a changed statement, they lead to every focus on which that statement can matter. Conditions on values
are left out, so that a chain never gathers too little.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Set
from functools import cache
from itertools import count
from typing import NamedTuple

from kgraph.validation.patterns import FOCUS, Edge, Item, NotDerivableError, Same, Values, read_patterns
from kgraph.vocabulary import PREFIXES

_SHARED = frozenset({PREFIXES["rdf"] + "type", PREFIXES["skos"] + "inScheme"})


class Step(NamedTuple):
    """One step of a chain.

    ``kind`` is ``out`` (subject to object), ``in`` (object to subject) or ``predicate`` (subject to the predicates of
    its statements). ``predicates`` are IRIs, ``None`` for any. A ``closure`` goes any number of times, none included.
    ``lone`` tells that it matters only whether there is such a statement, not which.
    """

    kind: str
    predicates: frozenset[str] | None
    closure: bool = False
    lone: bool = False


Chain = tuple[Step, ...]


class QueryReach(NamedTuple):
    """The chains of a check query, and what must be stated for it to find anything.

    ``needs`` holds one entry for each alternative: sets of predicates, of each of which one must occur.
    """

    chains: frozenset[Chain]
    needs: frozenset[frozenset[frozenset[str]]]

    def can_find(self, predicates: Set[str]) -> bool:
        """Tell whether the query can find anything where only these predicates occur."""
        return any(all(one_of & predicates for one_of in need) for need in self.needs)


@cache
def query_reach(text: str) -> QueryReach:
    """Return how far a check query looks.

    Raises what :func:`kgraph.validation.patterns.read_patterns` raises, and
    :class:`kgraph.validation.patterns.NotDerivableError` where a pattern has nothing to do with the focus.
    """
    alternatives, once = read_patterns(text)
    chains = frozenset(chain for items in alternatives for chain in _chains_of(items, once))
    return QueryReach(chains, frozenset(_needed(items) for items in alternatives))


def _needed(items: list[Item]) -> frozenset[frozenset[str]]:
    edges = (item for item in items if isinstance(item, Edge) and not item.group and not item.closure)
    return frozenset(edge.predicates for edge in edges if edge.predicates is not None)


def _holds(one: Edge | Values, other: Edge) -> bool:
    """Tell whether one item holds wherever another one matters: it stands in the same group or in one around that."""
    return one.group == other.group[: len(one.group)]


def _chains_of(items: list[Item], once: frozenset[str]) -> Iterator[Chain]:
    """Yield a chain for each pattern of a conjunction."""
    root: dict[str, str] = {}

    def one(name: str) -> str:
        while name in root:
            name = root[name]
        return name

    for item in items:
        if isinstance(item, Same) and one(item.one) != one(item.other):
            root[one(item.one)] = one(item.other)
    listed = [item._replace(variable=one(item.variable)) for item in items if isinstance(item, Values)]
    edges = []
    for item in items:
        if isinstance(item, Edge):
            by = one(item.by) if item.by else None
            known = next((each.iris for each in listed if each.variable == by and _holds(each, item)), None)
            edge = item._replace(subject=one(item.subject), object=one(item.object), by=by)
            edges.append(edge._replace(predicates=known, by=None) if known else edge)
    if all(edge.closure or edge.group for edge in edges):
        # A path of no steps leads from each resource of the graph to itself.
        raise NotDerivableError("nothing need be stated of the focus")
    met = Counter(name for edge in edges for name in (edge.subject, edge.object, edge.by) if name)
    alone = {name for name in once if met[name] == 1}
    for edge in edges:
        # Of a denied path it is not known which statements are on it, so not whether one is the first.
        lone_by = edge.predicates is not None or edge.by in alone
        yield _chain_to(edge, edges, one(FOCUS), lone_by and edge.object in alone, lone_by and edge.subject in alone)


def _chain_to(last: Edge, edges: list[Edge], focus: str, object_lone: bool, subject_lone: bool) -> Chain:
    """Return the cheapest chain from the focus to the end of an edge, over patterns that hold wherever it matters."""
    usable = [edge for edge in edges if edge is not last and _holds(edge, last)]
    waiting: list[tuple[int, int, str, Chain]] = [(0, 0, focus, ())]
    numbers, seen = count(1), set()
    best: list[tuple[int, Chain]] = []
    while waiting:
        cost, _, name, chain = heapq.heappop(waiting)
        if name in seen:
            continue
        seen.add(name)
        back = bool(chain) and chain[-1].kind == "out"
        for price, _, step in _steps(last, name, back):
            lone = object_lone if step.kind == "out" else subject_lone
            if step.kind != "predicate":
                price += 3 if step.kind == "in" and back else 0
                best.append((cost + price, (*chain, step._replace(lone=lone and not step.closure))))
        for edge in usable:
            for price, end, step in _steps(edge, name, back):
                heapq.heappush(waiting, (cost + price, next(numbers), end, (*chain, step)))
    if not best:
        raise NotDerivableError("a pattern is not connected with the focus")
    return min(best, key=lambda found: (found[0], len(found[1])))[1]


def _steps(edge: Edge, name: str, back: bool) -> Iterator[tuple[int, str, Step]]:
    """Yield the price, the end and the step of each way from a variable over a pattern.

    Going against a property costs more, and most where one comes ``back`` from a value that many may share.
    """
    dearer = 1 if edge.closure else 0
    if edge.subject == name:
        yield 1 + dearer, edge.object, Step("out", edge.predicates, edge.closure)
        if edge.by is not None:
            yield 1, edge.by, Step("predicate", None)
    if edge.object == name:
        price = 20 if edge.predicates is None else (60 if edge.predicates & _SHARED else 4)
        yield price + dearer + (30 if back else 0), edge.subject, Step("in", edge.predicates, edge.closure)
