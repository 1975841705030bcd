"""What follows from the data, kept true while the data change.

Statements that come are followed through the rules they meet (semi-naive evaluation: each new statement stands in
the place of each premise it fits). Where statements go that some rule uses or gives, the closure is computed anew.
Changes that no rule speaks of cost a look-up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from pyoxigraph import Literal, NamedNode, Quad, QueryTriples, Store, Triple, Variable

from kgraph.inference.materialisation import infer, rule_query
from kgraph.inference.rules import Pattern, Rule

MOST_FOLLOWED = 2000
"""Statements that are followed one by one; of more than these the closure is computed anew, which is then faster."""


class Maintenance:
    """The rules, by the predicates they speak of."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        """Take compiled rules."""
        self._rules = rules
        self._queries = {rule: rule_query(rule) for rule in rules}
        self._premises: dict[NamedNode, list[tuple[Rule, Pattern]]] = defaultdict(list)
        self._conclusions: dict[NamedNode, list[Pattern]] = defaultdict(list)
        for rule in rules:
            self._conclusions[rule.conclusion.predicate].append(rule.conclusion)
            for premise in rule.premises:
                self._premises[premise.predicate].append((rule, premise))

    def derive(
        self, engine: Store, asserted: NamedNode, inferred: NamedNode, removed: Iterable[Quad], added: Iterable[Quad]
    ) -> tuple[list[Triple], list[Triple]]:
        """Bring the graph ``inferred`` up to date with ``asserted``, which changed already.

        ``removed`` and ``added`` are what ``asserted`` lost and won. Returns the triples that the graph ``inferred``
        lost and won. Raises :class:`kgraph.errors.RuleError` if the closure does not end.
        """
        new = [quad for quad in added if self._meets_premise(quad)]
        if any(self._meets_premise(quad) or self._is_concluded(quad) for quad in removed) or len(new) > MOST_FOLLOWED:
            return self._recompute(engine, asserted, inferred)
        known = [quad for quad in _in_graph(added, inferred) if quad in engine]
        for quad in known:
            engine.remove(quad)
        won = self._follow(engine, asserted, inferred, [quad.triple for quad in new])
        return [quad.triple for quad in known], won

    def _meets_premise(self, quad: Quad) -> bool:
        found = self._premises.get(quad.predicate, ())
        return any(_bindings(premise, quad.triple) is not None for _, premise in found)

    def _is_concluded(self, quad: Quad) -> bool:
        found = self._conclusions.get(quad.predicate, ())
        return any(_bindings(conclusion, quad.triple) is not None for conclusion in found)

    def _follow(self, engine: Store, asserted: NamedNode, inferred: NamedNode, new: list[Triple]) -> list[Triple]:
        won: list[Triple] = []
        while new:
            found: dict[Triple, None] = {}
            for triple in new:
                for rule, premise in self._premises.get(triple.predicate, ()):
                    bindings = _bindings(premise, triple)
                    if bindings is not None:
                        given = engine.query(
                            self._queries[rule],
                            default_graph=[asserted, inferred],
                            named_graphs=[],
                            substitutions=bindings,  # type: ignore[arg-type]
                        )
                        assert isinstance(given, QueryTriples)
                        found.update(dict.fromkeys(given))
            new = list(found)
            engine.extend(Quad(t.subject, t.predicate, t.object, inferred) for t in new)
            won += new
        return won

    def _recompute(self, engine: Store, asserted: NamedNode, inferred: NamedNode) -> tuple[list[Triple], list[Triple]]:
        before = {quad.triple for quad in engine.quads_for_pattern(None, None, None, inferred)}
        after = set(infer(engine.quads_for_pattern(None, None, None, asserted), self._rules).triples)
        lost, won = list(before - after), list(after - before)
        for triple in lost:
            engine.remove(Quad(triple.subject, triple.predicate, triple.object, inferred))
        engine.extend(Quad(t.subject, t.predicate, t.object, inferred) for t in won)
        return lost, won


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


def _in_graph(quads: Iterable[Quad], graph: NamedNode) -> Iterator[Quad]:
    return (Quad(quad.subject, quad.predicate, quad.object, graph) for quad in quads)
