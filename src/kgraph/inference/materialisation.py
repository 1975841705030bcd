"""What the rules add to the asserted data: the closure, computed by SPARQL updates inside the engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import DefaultGraph, NamedNode, Quad, QueryTriples, Store, Triple

from kgraph.errors import RuleError
from kgraph.inference.rules import Rule

MOST_ROUNDS = 50
"""Rounds after which an unfinished closure is an error: no sound rule set of this size needs as many."""


@dataclass(frozen=True)
class Inference:
    """The outcome of applying rules to data.

    ``rounds[i]`` holds the triples that round ``i + 1`` added; none of them is asserted and none stands twice.
    """

    rules: tuple[Rule, ...]
    rounds: tuple[tuple[Triple, ...], ...]

    @property
    def triples(self) -> tuple[Triple, ...]:
        """Every inferred triple, in the order of the rounds."""
        return tuple(triple for added in self.rounds for triple in added)


def rule_query(rule: Rule) -> str:
    """Return the CONSTRUCT query that gives what a rule adds to the default graph."""
    conclusion = rule.conclusion.sparql()
    literal = f" FILTER(!isLiteral(?{rule.conclusion.subject}))" if isinstance(rule.conclusion.subject, str) else ""
    where = " ".join(premise.sparql() for premise in rule.premises)
    return f"CONSTRUCT {{ {conclusion} }} WHERE {{ {where}{literal} FILTER NOT EXISTS {{ {conclusion} }} }}"


def infer(asserted: Iterable[Quad], rules: tuple[Rule, ...]) -> Inference:
    """Apply ``rules`` to the triples of ``asserted`` (its graphs merged) until nothing new follows.

    Raises :class:`kgraph.errors.RuleError` if the closure has not ended after ``MOST_ROUNDS`` rounds.
    """
    store = Store()
    store.extend(Quad(quad.subject, quad.predicate, quad.object) for quad in asserted)
    rounds: list[tuple[Triple, ...]] = []
    pending = rules
    while pending:
        if len(rounds) == MOST_ROUNDS:
            raise RuleError(f"the rules still add triples after {MOST_ROUNDS} rounds")
        added: dict[Triple, None] = {}
        for rule in pending:
            found = store.query(rule_query(rule))
            assert isinstance(found, QueryTriples)
            added.update(dict.fromkeys(found))
        store.extend(Quad(t.subject, t.predicate, t.object, DefaultGraph()) for t in added)
        if added:
            rounds.append(tuple(sorted(added, key=str)))
        pending = _affected(rules, added)
    return Inference(rules, tuple(rounds))


def _affected(rules: tuple[Rule, ...], added: Iterable[Triple]) -> tuple[Rule, ...]:
    """Return the rules one of whose premises a new triple may meet."""
    predicates: set[NamedNode] = {triple.predicate for triple in added}
    return tuple(rule for rule in rules if any(premise.predicate in predicates for premise in rule.premises))
