"""How far a rule looks: the chains of steps from a resource to every statement that can decide a remark on it.

A rule is a conjunction of patterns around ``?focus``. For each pattern there is a chain that begins at the focus and
ends with the pattern. Walked forwards, the chains gather all that the rule needs to be judged on a focus. Walked
backwards from a changed statement, they lead to every focus on which that statement can matter. Conditions on values
are left out, so that a chain never gathers too little.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from functools import cache
from itertools import count, product
from typing import NamedTuple

from rdflib import URIRef, Variable
from rdflib.paths import AlternativePath, InvPath, MulPath, NegatedPath, Path, SequencePath
from rdflib.plugins.sparql.algebra import translateQuery
from rdflib.plugins.sparql.parser import parseQuery
from rdflib.plugins.sparql.parserutils import CompValue

from kgraph.vocabulary import PREFIXES

FOCUS = "focus"
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
_Group = tuple[int, ...]


class _Edge(NamedTuple):
    """A pattern: its ends are names of variables, and so is ``by`` where the predicate is a variable."""

    subject: str
    predicates: frozenset[str] | None
    object: str
    closure: bool
    by: str | None
    group: _Group


class _Same(NamedTuple):
    one: str
    other: str


class _Values(NamedTuple):
    variable: str
    iris: frozenset[str]


_Item = _Edge | _Same | _Values


class NotDerivableError(ValueError):
    """A rule whose chains cannot be told from its text; it needs the whole graph."""


class _Reader:
    """Reads the algebra of a query into alternatives, each a conjunction of patterns in nested groups."""

    def __init__(self) -> None:
        self._numbers = count()

    def read(self, node: CompValue, group: _Group, names: dict[str, str] | None) -> list[list[_Item]]:
        """Return the alternatives of an operator; ``names`` holds the new names of a subquery's own variables."""
        match node.name:
            case "BGP":
                return [[item for triple in node.triples for item in self._pattern(triple, group, names)]]
            case "Join":
                return self._both(self.read(node.p1, group, names), self.read(node.p2, group, names))
            case "Union":
                return self.read(node.p1, group, names) + self.read(node.p2, group, names)
            case "LeftJoin":
                inner = (*group, next(self._numbers))
                optional = self._with_conditions(self.read(node.p2, inner, names), node.expr, inner, names)
                return self._both(self.read(node.p1, group, names), optional)
            case "Minus":
                inner = (*group, next(self._numbers))
                return self._both(self.read(node.p1, group, names), self.read(node.p2, inner, names))
            case "Filter":
                return self._with_conditions(self.read(node.p, group, names), node.expr, group, names)
            case "Extend":
                found = self._with_conditions(self.read(node.p, group, names), node.expr, group, names)
                if isinstance(node.expr, Variable) and not node.expr.startswith("__agg_"):
                    same = _Same(_name(node.var, names), _name(node.expr, names))
                    return [[*items, same] for items in found]
                return found
            case "Project" | "Distinct" | "OrderBy" | "AggregateJoin" | "Group" | "Reduced":
                return self.read(node.p, group, names)
            case "ToMultiSet":
                return self._nested(node, group, names)
            case "values":
                return [list(_values(node.res, names))]
        raise NotDerivableError(f"{node.name} in a check query")

    def _nested(self, node: CompValue, group: _Group, names: dict[str, str] | None) -> list[list[_Item]]:
        if node.p.name == "values":
            return self.read(node.p, group, names)
        number, projection = next(self._numbers), node.p
        while projection.name in ("Distinct", "Reduced", "OrderBy"):
            projection = projection.p
        shown = {str(variable): _name(variable, names) for variable in projection.PV or ()}
        renamed = {str(v): shown.get(str(v), f"{v}/{number}") for v in _variables(node.p)}
        return self.read(node.p, group, renamed)

    def _with_conditions(
        self, found: list[list[_Item]], expression: object, group: _Group, names: dict[str, str] | None
    ) -> list[list[_Item]]:
        for condition in _conditions(expression):
            found = self._both(found, self.read(condition, (*group, next(self._numbers)), names))
        return found

    def _pattern(
        self, triple: tuple[object, object, object], group: _Group, names: dict[str, str] | None
    ) -> Iterator[_Edge]:
        subject, predicate, value = triple
        yield from self._path(self._end(subject, names), predicate, self._end(value, names), group, names)

    def _end(self, term: object, names: dict[str, str] | None) -> str:
        return _name(term, names) if isinstance(term, Variable) else f"/{next(self._numbers)}"

    def _path(
        self, subject: str, path: object, value: str, group: _Group, names: dict[str, str] | None
    ) -> Iterator[_Edge]:
        if isinstance(path, Variable):
            yield _Edge(subject, None, value, False, _name(path, names), group)
        elif isinstance(path, InvPath):
            yield from self._path(value, path.arg, subject, group, names)
        elif isinstance(path, SequencePath):
            ends = [subject, *(f"/{next(self._numbers)}" for _ in path.args[1:]), value]
            for part, start, end in zip(path.args, ends, ends[1:], strict=False):
                yield from self._path(start, part, end, group, names)
        elif isinstance(path, AlternativePath) and not all(isinstance(part, URIRef) for part in path.args):
            for part in path.args:
                yield from self._path(subject, part, value, (*group, next(self._numbers)), names)
        elif isinstance(path, MulPath):
            yield _Edge(subject, _plain(path.path), value, True, None, group)
        else:
            yield _Edge(subject, _plain(path), value, False, None, group)

    @staticmethod
    def _both(ones: list[list[_Item]], others: list[list[_Item]]) -> list[list[_Item]]:
        return [[*one, *other] for one, other in product(ones, others)]


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
    """Return how far a check query looks; raises :class:`NotDerivableError` where its text does not tell it."""
    bare = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    mentions = re.findall(r"[?$](\w+)", bare)
    once = frozenset(name for name in mentions if mentions.count(name) == 1)
    algebra = translateQuery(parseQuery(text)).algebra
    _require_focus_in_groups(algebra)
    alternatives = _Reader().read(algebra.p, (), None)
    chains = frozenset(chain for items in alternatives for chain in _chains_of(items, once))
    return QueryReach(chains, frozenset(_needed(items) for items in alternatives))


def _needed(items: list[_Item]) -> frozenset[frozenset[str]]:
    edges = (item for item in items if isinstance(item, _Edge) and not item.group and not item.closure)
    return frozenset(edge.predicates for edge in edges if edge.predicates is not None)


def _require_focus_in_groups(algebra: CompValue) -> None:
    """Refuse a query whose groups, in the end, are not of one focus each."""
    node = algebra.p
    while isinstance(node, CompValue) and node.name in ("Project", "Distinct", "OrderBy", "Filter", "Extend"):
        node = node.p
    if node.name == "AggregateJoin" and Variable(FOCUS) not in (node.p.expr or ()):
        raise NotDerivableError("the groups are not of one focus each")


def _plain(path: object) -> frozenset[str] | None:
    if isinstance(path, URIRef):
        return frozenset({str(path)})
    if isinstance(path, AlternativePath) and all(isinstance(arg, URIRef) for arg in path.args):
        return frozenset(str(arg) for arg in path.args)
    if isinstance(path, NegatedPath):
        return None
    raise NotDerivableError(f"the path {path.n3() if isinstance(path, Path) else path}")


def _name(term: object, names: dict[str, str] | None) -> str:
    return str(term) if names is None else names.get(str(term), str(term))


def _values(rows: Iterable[dict[object, object]], names: dict[str, str] | None) -> Iterator[_Values]:
    table = list(rows)
    for variable in {variable for row in table for variable in row}:
        found = [row.get(variable) for row in table]
        if all(isinstance(term, URIRef) for term in found):
            yield _Values(_name(variable, names), frozenset(str(term) for term in found))


def _parts(node: object) -> Iterator[object]:
    if isinstance(node, CompValue):
        yield from node.values()
    elif isinstance(node, (list, tuple, set, frozenset)):
        yield from node
    elif isinstance(node, dict):
        yield from node.keys()


def _conditions(node: object) -> Iterator[CompValue]:
    """Yield the groups of EXISTS and NOT EXISTS in an expression."""
    if isinstance(node, CompValue) and node.name in ("Builtin_EXISTS", "Builtin_NOTEXISTS"):
        yield node.graph
        return
    for part in _parts(node):
        yield from _conditions(part)


def _variables(node: object) -> Iterator[Variable]:
    if isinstance(node, Variable):
        yield node
    for part in _parts(node):
        yield from _variables(part)


def _chains_of(items: list[_Item], once: frozenset[str]) -> Iterator[Chain]:
    """Yield a chain for each pattern of a conjunction."""
    root: dict[str, str] = {}

    def one(name: str) -> str:
        while name in root:
            name = root[name]
        return name

    for item in items:
        if isinstance(item, _Same) and one(item.one) != one(item.other):
            root[one(item.one)] = one(item.other)
    listed = {one(item.variable): item.iris for item in items if isinstance(item, _Values)}
    edges = []
    for item in items:
        if isinstance(item, _Edge):
            by = one(item.by) if item.by else None
            known = listed.get(by) if by else None
            edge = item._replace(subject=one(item.subject), object=one(item.object), by=by)
            edges.append(edge._replace(predicates=known, by=None) if known else edge)
    met = Counter(name for edge in edges for name in (edge.subject, edge.object, edge.by) if name)
    alone = {name for name in once if met[name] == 1}
    for edge in edges:
        lone_by = edge.by is None or edge.by in alone
        yield _chain_to(edge, edges, one(FOCUS), lone_by and edge.object in alone, lone_by and edge.subject in alone)


def _chain_to(last: _Edge, edges: list[_Edge], focus: str, object_lone: bool, subject_lone: bool) -> Chain:
    """Return the cheapest chain from the focus over patterns that hold wherever ``last`` does."""
    usable = [edge for edge in edges if edge is not last and edge.group == last.group[: len(edge.group)]]
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


def _steps(edge: _Edge, name: str, back: bool) -> Iterator[tuple[int, str, Step]]:
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
