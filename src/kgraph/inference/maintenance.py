"""What follows from the data, kept true while the data change.

Statements that come are followed through the rules they meet (semi-naive evaluation: each new statement stands in
the place of each premise it fits). Where statements go, all that rests on them goes too, and what still follows from
the rest is then derived again (delete and rederive). Changes that no rule speaks of cost a look-up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from pyoxigraph import Literal, NamedNode, Quad, QueryTriples, Store, Triple, Variable

from kgraph.inference.closure import close
from kgraph.inference.materialisation import rule_query
from kgraph.inference.rules import Pattern, Rule

MOST_FOLLOWED = 2000
"""Statements that are followed one by one; for more the closure is computed anew, which is then faster."""


class Maintenance:
    """The rules, by the predicates they speak of."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        """Take compiled rules."""
        self._rules = rules
        self._queries = {rule: rule_query(rule) for rule in rules}
        self._whole = {rule: _body_query(rule) for rule in rules}
        self._premises: dict[NamedNode, list[tuple[Rule, Pattern]]] = defaultdict(list)
        self._conclusions: dict[NamedNode, list[Rule]] = defaultdict(list)
        for rule in rules:
            self._conclusions[rule.conclusion.predicate].append(rule)
            for premise in rule.premises:
                self._premises[premise.predicate].append((rule, premise))

    def derive(
        self, engine: Store, asserted: NamedNode, inferred: NamedNode, removed: Iterable[Quad], added: Iterable[Quad]
    ) -> tuple[list[Triple], list[Triple]]:
        """Bring the graph ``inferred`` up to date with ``asserted``, which changed already.

        ``removed`` and ``added`` are what ``asserted`` lost and won. Returns the triples that the graph ``inferred``
        lost and won. Raises :class:`kgraph.errors.RuleError` if the closure does not end.
        """
        graphs = _Graphs(engine, asserted, inferred)
        new = [quad.triple for quad in added if self._meets_premise(quad)]
        gone = [quad for quad in removed if self._meets_premise(quad) or self._is_concluded(quad)]
        if len(new) + len(gone) > MOST_FOLLOWED:
            return self._recompute(graphs)
        known = [quad.triple for quad in added if graphs.infers(quad.triple)]
        graphs.drop(known)
        lost, rederived = self._unfollow(graphs, gone)
        if lost is None:
            return self._recompute(graphs, known)
        won = self._follow(graphs, [*rederived, *new])
        return _net([*known, *lost], [*rederived, *won])

    def _meets_premise(self, quad: Quad) -> bool:
        found = self._premises.get(quad.predicate, ())
        return any(_bindings(premise, quad.triple) is not None for _, premise in found)

    def _is_concluded(self, quad: Quad) -> bool:
        found = self._conclusions.get(quad.predicate, ())
        return any(_bindings(rule.conclusion, quad.triple) is not None for rule in found)

    def _follow(self, graphs: _Graphs, new: list[Triple]) -> list[Triple]:
        """Add what follows from new statements, and return it."""
        won: list[Triple] = []
        while new:
            new = list(
                dict.fromkeys(found for triple in new for found in self._conclude(graphs, triple, self._queries))
            )
            graphs.infer(new)
            won += new
        return won

    def _unfollow(self, graphs: _Graphs, gone: list[Quad]) -> tuple[list[Triple] | None, list[Triple]]:
        """Take away what rests on statements that are gone, and give back what follows from the rest at once.

        Returns what was taken away, ``None`` if it is too much to be followed, and what was given back.
        """
        if not gone:
            return [], []
        graphs.engine.extend(gone)
        lost: dict[Triple, None] = {}
        pending = [quad.triple for quad in gone]
        while pending and len(lost) <= MOST_FOLLOWED:
            found = (triple for one in pending for triple in self._conclude(graphs, one, self._whole))
            pending = list(dict.fromkeys(triple for triple in found if triple not in lost and graphs.infers(triple)))
            lost.update(dict.fromkeys(pending))
        for quad in gone:
            graphs.engine.remove(quad)
        if pending:
            return None, []
        graphs.drop(lost)
        candidates = dict.fromkeys([*lost, *(quad.triple for quad in gone)])
        rederived = [triple for triple in candidates if self._follows(graphs, triple)]
        graphs.infer(rederived)
        return list(lost), rederived

    def _conclude(self, graphs: _Graphs, triple: Triple, queries: dict[Rule, str]) -> Iterator[Triple]:
        """Yield what each rule concludes from a statement and those that stand."""
        for rule, premise in self._premises.get(triple.predicate, ()):
            bindings = _bindings(premise, triple)
            if bindings is not None:
                found = graphs.ask(queries[rule], bindings)
                assert isinstance(found, QueryTriples)
                yield from found

    def _follows(self, graphs: _Graphs, triple: Triple) -> bool:
        """Tell whether a statement that is not asserted follows from those that stand, by one rule."""
        if graphs.asserts(triple):
            return False
        for rule in self._conclusions.get(triple.predicate, ()):
            bindings = _bindings(rule.conclusion, triple)
            if bindings is not None:
                found = graphs.ask(self._whole[rule], bindings)
                assert isinstance(found, QueryTriples)
                if next(found, None) is not None:
                    return True
        return False

    def _recompute(self, graphs: _Graphs, dropped: Iterable[Triple] = ()) -> tuple[list[Triple], list[Triple]]:
        graphs.infer(dropped)
        anew = _Graphs(graphs.engine, graphs.asserted, NamedNode(f"{graphs.inferred.value}-anew"))
        close(graphs.engine, self._rules, graphs.asserted, anew.inferred)
        lost, won = graphs.infers_beyond(anew), anew.infers_beyond(graphs)
        graphs.engine.remove_graph(anew.inferred)
        graphs.drop(lost)
        graphs.infer(won)
        return lost, won


class _Graphs:
    """The asserted and the inferred graph of an engine."""

    def __init__(self, engine: Store, asserted: NamedNode, inferred: NamedNode) -> None:
        self.engine = engine
        self.asserted = asserted
        self.inferred = inferred

    def asserts(self, triple: Triple) -> bool:
        return _quad(triple, self.asserted) in self.engine

    def infers(self, triple: Triple) -> bool:
        return _quad(triple, self.inferred) in self.engine

    def infer(self, triples: Iterable[Triple]) -> None:
        self.engine.extend(_quad(triple, self.inferred) for triple in triples)

    def drop(self, triples: Iterable[Triple]) -> None:
        for triple in triples:
            self.engine.remove(_quad(triple, self.inferred))

    def infers_beyond(self, other: _Graphs) -> list[Triple]:
        """Return the inferred triples that other graphs do not have among theirs."""
        found = self.engine.query(
            f"CONSTRUCT {{ ?s ?p ?o }} {{ ?s ?p ?o FILTER NOT EXISTS {{ GRAPH {other.inferred} {{ ?s ?p ?o }} }} }}",
            default_graph=[self.inferred],
            named_graphs=[other.inferred],
        )
        assert isinstance(found, QueryTriples)
        return list(found)

    def ask(self, query: str, bindings: dict[Variable, object]) -> object:
        return self.engine.query(
            query,
            default_graph=[self.asserted, self.inferred],
            named_graphs=[],
            substitutions=bindings,  # type: ignore[arg-type]
        )


def _body_query(rule: Rule) -> str:
    """Return the query that gives all that a rule concludes, also what stands already."""
    conclusion = rule.conclusion.sparql()
    where = " ".join(premise.sparql() for premise in rule.premises)
    literal = f" FILTER(!isLiteral(?{rule.conclusion.subject}))" if isinstance(rule.conclusion.subject, str) else ""
    return f"CONSTRUCT {{ {conclusion} }} WHERE {{ {where}{literal} }}"


def _net(lost: Iterable[Triple], won: Iterable[Triple]) -> tuple[list[Triple], list[Triple]]:
    """Return what is lost and what is won without what is both."""
    before, after = dict.fromkeys(lost), dict.fromkeys(won)
    return [triple for triple in before if triple not in after], [triple for triple in after if triple not in before]


def _bindings(pattern: Pattern, triple: Triple) -> dict[Variable, object] | None:
    """Return what a triple binds a pattern's variables to, ``None`` if it does not fit."""
    bindings: dict[Variable, object] = {}
    for place, term in zip(pattern.places(), (triple.subject, triple.predicate, triple.object), strict=True):
        if isinstance(place, NamedNode | Literal):
            if place != term:
                return None
        elif bindings.setdefault(Variable(place), term) != term:
            return None
    return bindings


def _quad(triple: Triple, graph: NamedNode) -> Quad:
    return Quad(triple.subject, triple.predicate, triple.object, graph)
