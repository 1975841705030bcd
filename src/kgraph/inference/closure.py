"""What follows from a graph, worked out inside the engine: nothing but new statements passes through this process."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain, islice

from pyoxigraph import Literal, NamedNode, Quad, QueryTriples, Store

from kgraph.errors import RuleError
from kgraph.inference.materialisation import MOST_ROUNDS, rule_query
from kgraph.inference.rules import Pattern, Rule

_FEW = 10_000
_Object = NamedNode | Literal | None


def close(engine: Store, rules: tuple[Rule, ...], asserted: NamedNode, inferred: NamedNode) -> None:
    """Add to the graph ``inferred`` all that follows from ``asserted`` and does not stand there.

    The graph comes to hold what :func:`kgraph.inference.infer` gives. A rule is applied again only where another one
    has added what one of its premises may meet. Raises :class:`kgraph.errors.RuleError` if that does not come to an
    end.
    """
    followers = _followers(rules)
    runs: Counter[str] = Counter()
    pending = dict.fromkeys(rules)
    while pending:
        rule = next(iter(pending))
        del pending[rule]
        runs[rule.name] += 1
        # Rules take turns, so none runs more often than there are rounds, and once more to see that it is done.
        if runs[rule.name] > MOST_ROUNDS + 1:
            raise RuleError(f"the rules still add triples after {MOST_ROUNDS} rounds")
        if _apply(engine, rule, asserted, inferred):
            pending.update(dict.fromkeys(followers[rule.name]))


def _apply(engine: Store, rule: Rule, asserted: NamedNode, inferred: NamedNode) -> bool:
    """Add what one rule gives now; tell whether that was anything."""
    found = engine.query(rule_query(rule), default_graph=[asserted, inferred], named_graphs=[])
    assert isinstance(found, QueryTriples)
    quads = (Quad(triple.subject, triple.predicate, triple.object, inferred) for triple in found)
    first = list(islice(quads, _FEW))
    engine.extend(first)
    if len(first) == _FEW:
        engine.bulk_extend(quads)
    return bool(first)


def _followers(rules: tuple[Rule, ...]) -> dict[str, list[Rule]]:
    """Return for each rule's name the rules one of whose premises its conclusion may meet."""
    # Most of the rules speak of classes: by predicate alone, nearly each would have to be compared with nearly each.
    premises: dict[NamedNode, dict[_Object, list[tuple[Pattern, Rule]]]] = defaultdict(lambda: defaultdict(list))
    for rule in rules:
        for premise in rule.premises:
            premises[premise.predicate][_fixed(premise)].append((premise, rule))
    followers: dict[str, list[Rule]] = {}
    for rule in rules:
        found, given = premises[rule.conclusion.predicate], _fixed(rule.conclusion)
        near = chain.from_iterable(found.values()) if given is None else (*found[given], *found[None])
        followers[rule.name] = [other for premise, other in near if _may_meet(rule.conclusion, premise)]
    return followers


def _fixed(pattern: Pattern) -> _Object:
    return None if isinstance(pattern.object, str) else pattern.object


def _may_meet(conclusion: Pattern, premise: Pattern) -> bool:
    pairs = zip(conclusion.places(), premise.places(), strict=True)
    return all(isinstance(one, str) or isinstance(other, str) or one == other for one, other in pairs)
